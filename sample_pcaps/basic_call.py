"""Alice calls Bob directly: 100, 180, 200, ACK, and after a minute Alice hangs up."""

from lab import Capture, Node, sdp


def build() -> list[Capture]:
    lab = Capture("basic_call", "Alice calls Bob, Bob rings for 3.9 s, answers, and Alice hangs up after a minute.")
    alice = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice")
    bob = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")
    call = lab.session("call", alice, bob)

    invite = call.request("INVITE", alice, bob, body=sdp(alice))
    invited = lab.send(0, alice, bob, invite)
    lab.send(12, bob, alice, invite.reply(100))
    ringing = lab.send(180, bob, alice, invite.reply(180))
    answer = lab.send(4080, bob, alice, invite.reply(200, body=sdp(bob)))
    lab.send(4100, alice, bob, call.request("ACK", alice, bob, in_dialog=True, cseq=1))

    bye = call.request("BYE", alice, bob, in_dialog=True)
    hangup = lab.send(64_100, alice, bob, bye)
    lab.send(64_115, bob, alice, bye.reply(200))

    lab.dialog(call, state="terminated", early=ringing, confirmed=answer, ended=hangup, ended_by="local", end_reason="bye")
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answer, ended=hangup, released_by="caller",
    )  # fmt: skip
    return [lab]
