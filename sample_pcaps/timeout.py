"""Nobody is there: seven copies of an INVITE (Timers A and B), eleven of an OPTIONS (E and F), and life goes on."""

from lab import Capture
from sip_messages import ALICE, BOB, CAROL, Node, sdp

GHOST = Node("ghost", "192.0.2.99", "sip:ghost@example.com", "Ghost")


def build() -> list[Capture]:
    lab = Capture(
        "timeout",
        "An INVITE is sent seven times over 31.5 s and an OPTIONS eleven times, both unanswered while the capture goes "
        "on (timeout); a last INVITE comes with the capture's last packet (pending, unfinished).",
    )
    call = lab.session("invite", ALICE, GHOST)
    invite = call.request("INVITE", ALICE, GHOST, body=sdp(ALICE))
    invited, *_ = [lab.send(at, ALICE, GHOST, invite) for at in (0, 500, 1500, 3500, 7500, 15_500, 31_500)]
    invite.outcome = "timeout"

    probe = lab.session("options", ALICE, GHOST)
    options = probe.request("OPTIONS", ALICE, GHOST)
    for at in (0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500):
        lab.send(1000 + at, ALICE, GHOST, options)
    options.outcome = "timeout"

    alive = lab.session("alive", ALICE, BOB)
    answered = alive.request("OPTIONS", ALICE, BOB)
    lab.send(70_000, ALICE, BOB, answered)
    lab.send(70_009, BOB, ALICE, answered.reply(200))

    last = lab.session("last", ALICE, CAROL)
    pending = last.request("INVITE", ALICE, CAROL, body=sdp(ALICE))
    at_the_end = lab.send(75_000, ALICE, CAROL, pending)
    pending.outcome = "pending"

    lab.note("A timeout has no ended_at: no message says that it is over.")
    lab.call(
        caller="alice@example.com",
        callee="ghost@example.com",
        outcome="timeout",
        call_ids=[call.call_id],
        invite=invited,
        released_by="unknown",
        retransmissions=6,
    )
    lab.call(
        caller="alice@example.com",
        callee="carol@example.com",
        outcome="unfinished",
        call_ids=[last.call_id],
        invite=at_the_end,
    )
    return [lab]
