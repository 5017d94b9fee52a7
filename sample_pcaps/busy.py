"""Alice calls Bob, who is on the phone: 486."""

from lab import Capture, Node, sdp


def build() -> list[Capture]:
    lab = Capture("busy", "Alice calls Bob, whose phone is busy and says 486 at once.")
    alice = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice")
    bob = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")
    call = lab.session("call", alice, bob)

    invite = call.request("INVITE", alice, bob, body=sdp(alice))
    invited = lab.send(0, alice, bob, invite)
    lab.send(8, bob, alice, invite.reply(100))
    busy = invite.reply(486)
    refused = lab.send(61, bob, alice, busy)
    lab.send(70, alice, bob, invite.ack(busy))

    lab.note("No dialog: no 101-199 with a To tag came and no 2xx (RFC 3261 §12.1).")
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="busy", status=486, call_ids=[call.call_id],
        invite=invited, ended=refused,
    )  # fmt: skip
    return [lab]
