"""Alice calls Bob directly: 100, 180, 200, ACK, and after a minute Alice hangs up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lab import Capture
from sip_messages import ALICE, BOB, Message, Millis, Node, Sighting, sdp

Send: TypeAlias = Callable[[Millis, Node, Message], Sighting]


def build() -> list[Capture]:
    lab = Capture("basic_call", "Alice calls Bob, Bob rings for 3.9 s, answers, and Alice hangs up after a minute.")
    stage(lab)
    return [lab]


def stage(lab: Capture, alice: Node = ALICE, bob: Node = BOB, transport: str = "udp", send: Send | None = None) -> None:
    """The call, over whatever carries it. `send(at, source, message)` puts a message on a wire that is not UDP."""
    call = lab.session("call", alice, bob, transport=transport)

    def sent(at: Millis, source: Node, message: Message) -> Sighting:
        return send(at, source, message) if send else lab.send(at, source, bob if source is alice else alice, message)

    invite = call.request("INVITE", alice, bob, body=sdp(alice))
    invited = sent(0, alice, invite)
    sent(12, bob, invite.reply(100))
    ringing = sent(180, bob, invite.reply(180))
    answer = sent(4080, bob, invite.reply(200, body=sdp(bob)))
    sent(4100, alice, call.request("ACK", alice, bob, in_dialog=True, cseq=1))

    bye = call.request("BYE", alice, bob, in_dialog=True)
    hangup = sent(64_100, alice, bye)
    sent(64_115, bob, bye.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answer, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answer, ended=hangup, released_by="caller",
    )  # fmt: skip
