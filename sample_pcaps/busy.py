"""Alice calls Bob, who is on the phone: 486."""

from lab import Capture
from sip_messages import ALICE, BOB, sdp


def build() -> list[Capture]:
    lab = Capture("busy", "Alice calls Bob, whose phone is busy and says 486 at once.")
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(8, BOB, ALICE, invite.reply(100))
    busy = invite.reply(486)
    refused = lab.send(61, BOB, ALICE, busy)
    lab.send(70, ALICE, BOB, invite.ack(busy))

    lab.note("No dialog: no 101-199 with a To tag came and no 2xx (RFC 3261 §12.1).")
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="busy", status=486, call_ids=[call.call_id],
        invite=invited, ended=refused, released_by="callee",
    )  # fmt: skip
    return [lab]
