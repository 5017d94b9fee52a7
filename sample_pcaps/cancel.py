"""Alice calls Bob and gives up while his phone rings: CANCEL, 200 to the CANCEL, 487 to the INVITE."""

from lab import Capture, Node, sdp


def build() -> list[Capture]:
    lab = Capture("cancel", "Alice calls Bob and hangs up after 8 s of ringing: CANCEL, and the INVITE ends with 487.")
    alice = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice")
    bob = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")
    call = lab.session("call", alice, bob)

    invite = call.request("INVITE", alice, bob, body=sdp(alice))
    invited = lab.send(0, alice, bob, invite)
    lab.send(10, bob, alice, invite.reply(100))
    ringing = lab.send(230, bob, alice, invite.reply(180))
    cancel = invite.cancel()
    lab.send(8230, alice, bob, cancel)
    lab.send(8241, bob, alice, cancel.reply(200))
    gone = invite.reply(487)
    ended = lab.send(8243, bob, alice, gone)
    lab.send(8250, alice, bob, invite.ack(gone))
    invite.outcome = "cancelled"

    lab.dialog(call, state="terminated", early=ringing, ended=ended, ended_by="local", end_reason="cancelled")
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="cancelled", status=487, call_ids=[call.call_id],
        invite=invited, ringing=ringing, ended=ended,
    )  # fmt: skip
    return [lab]
