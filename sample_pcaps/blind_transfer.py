"""Alice talks to Bob; Bob sends her on to Carol with a REFER and hangs up; Alice calls Carol and they talk."""

from typing import Any

from lab import Capture
from sip_messages import ALICE, BOB, CAROL, sdp


def build() -> list[Capture]:
    lab = Capture(
        "blind_transfer",
        "Bob transfers Alice to Carol (REFER, NOTIFYs with sipfrag, BYE): two calls, the second with Referred-By; "
        "Carol hangs up in the end.",
    )
    first = lab.session("first", ALICE, BOB)
    invite = first.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    ringing = lab.send(120, BOB, ALICE, invite.reply(180))
    answered = lab.send(2120, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(2135, ALICE, BOB, first.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))

    refer = first.request(
        "REFER", BOB, ALICE, in_dialog=True, add=[("Refer-To", f"<{CAROL.uri}>"), ("Referred-By", f"<{BOB.uri}>")]
    )
    lab.send(20_000, BOB, ALICE, refer)
    lab.send(20_015, ALICE, BOB, refer.reply(202))

    def notify(at: int, state: str, line: bytes) -> None:
        request = first.request(
            "NOTIFY",
            ALICE,
            BOB,
            in_dialog=True,
            add=[("Event", "refer"), ("Subscription-State", state)],
            body=b"SIP/2.0 " + line + b"\r\n",
            body_type="message/sipfrag;version=2.0",
        )
        lab.send(at, ALICE, BOB, request)
        lab.send(at + 9, BOB, ALICE, request.reply(200))

    notify(20_025, "active;expires=60", b"100 Trying")

    second = lab.session("second", ALICE, CAROL)
    again = second.request("INVITE", ALICE, CAROL, add=[("Referred-By", f"<{BOB.uri}>")], body=sdp(ALICE))
    invited_again = lab.send(20_050, ALICE, CAROL, again)
    ringing_again = lab.send(20_200, CAROL, ALICE, again.reply(180))
    answered_again = lab.send(23_200, CAROL, ALICE, again.reply(200, body=sdp(CAROL)))
    lab.send(23_215, ALICE, CAROL, second.request("ACK", ALICE, CAROL, in_dialog=True, cseq=1))

    notify(23_230, "terminated;reason=noresource", b"200 OK")
    bye = first.request("BYE", BOB, ALICE, in_dialog=True)
    hangup = lab.send(23_260, BOB, ALICE, bye)
    lab.send(23_270, ALICE, BOB, bye.reply(200))

    bye = second.request("BYE", CAROL, ALICE, in_dialog=True)
    hangup_again = lab.send(60_000, CAROL, ALICE, bye)
    lab.send(60_011, ALICE, CAROL, bye.reply(200))

    over: dict[str, Any] = {"state": "terminated", "ended_by": "remote", "end_reason": "bye"}
    lab.dialog(first, early=ringing, confirmed=answered, ended=hangup, **over)
    lab.dialog(second, early=ringing_again, confirmed=answered_again, ended=hangup_again, **over)
    lab.note("The REFER is inside the first call's dialog: one row for the tag pair, usage invite.")
    common: dict[str, Any] = {
        "caller": "alice@example.com",
        "outcome": "answered",
        "status": 200,
        "released_by": "callee",
    }
    lab.call(
        **common,
        callee="bob@example.com",
        call_ids=[first.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
    )
    lab.call(
        **common,
        callee="carol@example.com",
        call_ids=[second.call_id],
        invite=invited_again,
        ringing=ringing_again,
        answered=answered_again,
        ended=hangup_again,
    )
    return [lab]
