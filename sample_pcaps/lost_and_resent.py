"""Everything is lost once behind the tap: the INVITE twice, the ACK, the BYE; UDP sends them again (RFC 3261 §17)."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp


def build() -> list[Capture]:
    lab = Capture(
        "lost_and_resent",
        "A tap beside Alice sees three copies of the INVITE (Timer A), a second 200 because the ACK was lost, the ACK "
        "again, and two copies of the BYE (Timer E): five retransmissions, no duplicate.",
    )
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(500, ALICE, BOB, invite)
    lab.send(1500, ALICE, BOB, invite)
    lab.send(1512, BOB, ALICE, invite.reply(100))
    ringing = lab.send(1700, BOB, ALICE, invite.reply(180))
    ok = invite.reply(200, body=sdp(BOB))
    answered = lab.send(5700, BOB, ALICE, ok)
    ack = call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1)
    lab.send(5720, ALICE, BOB, ack)
    lab.send(6200, BOB, ALICE, ok)
    lab.send(6220, ALICE, BOB, ack)

    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(25_700, ALICE, BOB, bye)
    lab.send(26_200, ALICE, BOB, bye)
    lab.send(26_212, BOB, ALICE, bye.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.note("All times are those of the first copy.")
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="caller",
        retransmissions=5,
    )
    return [lab]
