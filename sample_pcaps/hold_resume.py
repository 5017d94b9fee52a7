"""Bob puts Alice on hold with a re-INVITE (sendonly, recvonly), takes her back (sendrecv), and hangs up."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp


def build() -> list[Capture]:
    lab = Capture(
        "hold_resume", "Bob answers, puts Alice on hold for 20 s by re-INVITE, resumes, and hangs up himself."
    )
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(10, BOB, ALICE, invite.reply(100))
    ringing = lab.send(150, BOB, ALICE, invite.reply(180))
    answer = lab.send(2150, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(2165, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))

    hold = call.request("INVITE", BOB, ALICE, in_dialog=True, body=sdp(BOB, 2, direction="sendonly"))
    asked = lab.send(10_000, BOB, ALICE, hold)
    held = lab.send(10_030, ALICE, BOB, hold.reply(200, body=sdp(ALICE, 2, direction="recvonly")))
    lab.send(10_045, BOB, ALICE, call.request("ACK", BOB, ALICE, in_dialog=True, cseq=1))

    resume = call.request("INVITE", BOB, ALICE, in_dialog=True, body=sdp(BOB, 3))
    asked_back = lab.send(30_000, BOB, ALICE, resume)
    lab.send(30_008, ALICE, BOB, resume.reply(100))
    resumed = lab.send(30_033, ALICE, BOB, resume.reply(200, body=sdp(ALICE, 3)))
    lab.send(30_048, BOB, ALICE, call.request("ACK", BOB, ALICE, in_dialog=True, cseq=2))

    bye = call.request("BYE", BOB, ALICE, in_dialog=True)
    hangup = lab.send(42_150, BOB, ALICE, bye)
    lab.send(42_162, ALICE, BOB, bye.reply(200))

    lab.agreed(invited, answer)
    # Bob only sends, so the caller only receives (RFC 3264 §6.1).
    lab.agreed(asked, held, by="remote", direction="recvonly")
    lab.agreed(asked_back, resumed, by="remote")
    lab.hold(held, resumed, by="callee")
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answer, ended=hangup, ended_by="remote", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answer,
        ended=hangup,
        released_by="callee",
    )
    return [lab]
