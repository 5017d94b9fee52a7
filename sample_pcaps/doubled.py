"""The same packets seen twice: by a mirror port that copies both directions, and on both sides of a NAT."""

from typing import Any

from lab import Capture
from scapy.layers.inet import UDP
from scapy.packet import Raw
from sip_messages import ALICE, BOB, Message, Millis, Node, sdp

PUBLIC = Node("nat", "203.0.113.9", port=61_000)


def see_translated(lab: Capture, at: Millis, source: Node, target: Node, message: Message, *, duplicate: bool) -> None:
    """`message` in a packet whose addresses are not those of its sender and receiver."""
    packet = lab.put(at, source, target, UDP(sport=source.port, dport=target.port) / Raw(message.encode()))
    ends: dict[str, Any] = {"source": source.hostport, "target": target.hostport}
    lab.see(message, packet, packet, "udp", **ends, duplicate=duplicate, retransmission=False)


def mirrored() -> Capture:
    lab = Capture(
        "doubled",
        "A mirror port shows every packet twice, 20 µs apart with the same IP id; the INVITE is also truly resent: "
        "half of the rows are duplicates, one is a retransmission.",
    )
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    lab.send(500, ALICE, BOB, invite)
    lab.send(510, BOB, ALICE, invite.reply(100))
    ringing = lab.send(700, BOB, ALICE, invite.reply(180))
    answered = lab.send(4700, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(4715, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))
    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(14_700, ALICE, BOB, bye)
    lab.send(14_710, BOB, ALICE, bye.reply(200))
    lab.mirror("0.02")

    lab.note("A duplicate of the retransmission is marked duplicate only.")
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
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
        retransmissions=1,
    )
    return lab


def translated() -> Capture:
    lab = Capture(
        "doubled_nat",
        "A capture on both sides of a NAT: each message is seen a second time 0.3 ms later with Alice's address "
        "translated and its Vias unchanged; the second observations are duplicates.",
    )
    inside = Node("alice", "10.1.1.10", "sip:alice@example.com", "Alice")
    session = lab.session("options", inside, BOB)

    options = session.request("OPTIONS", inside, BOB, rport=False)
    lab.send(0, inside, BOB, options)
    see_translated(lab, "0.3", PUBLIC, BOB, options, duplicate=True)
    answer = options.reply(200)  # it comes from outside: there it is seen first
    see_translated(lab, 20, BOB, PUBLIC, answer, duplicate=False)
    see_translated(lab, "20.3", BOB, inside, answer, duplicate=True)

    lab.note(
        "The transaction's client is Alice's inside address: the first observation of the request is the original."
    )
    return lab


def build() -> list[Capture]:
    return [mirrored(), translated()]
