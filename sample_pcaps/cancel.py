"""Alice calls Bob and gives up while his phone rings: CANCEL, 200 to the CANCEL, 487 to the INVITE."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp


def build() -> list[Capture]:
    lab = Capture("cancel", "Alice calls Bob and hangs up after 8 s of ringing: CANCEL, and the INVITE ends with 487.")
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(10, BOB, ALICE, invite.reply(100))
    ringing = lab.send(230, BOB, ALICE, invite.reply(180))
    cancel = invite.cancel()
    lab.send(8230, ALICE, BOB, cancel)
    lab.send(8241, BOB, ALICE, cancel.reply(200))
    gone = invite.reply(487)
    ended = lab.send(8243, BOB, ALICE, gone)
    lab.send(8250, ALICE, BOB, invite.ack(gone))
    invite.outcome = "cancelled"

    lab.dialog(call, state="terminated", early=ringing, ended=ended, ended_by="local", end_reason="cancelled")
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="cancelled", status=487, call_ids=[call.call_id],
        invite=invited, ringing=ringing, ended=ended, released_by="caller",
    )  # fmt: skip
    return [lab]
