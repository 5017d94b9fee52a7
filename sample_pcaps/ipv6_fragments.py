"""A long INVITE over IPv6 in three fragments that come in the wrong order; the answers fit."""

from lab import Capture
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw
from sip_messages import Node, sdp
from wire import ipv6_fragments

ALICE = Node("alice", "2001:db8::10", "sip:alice@example.com", "Alice")
BOB = Node("bob", "2001:db8::20", "sip:bob@example.com", "Bob")
CANDIDATES = [f"a=candidate:{n} 1 UDP {2130706431 - n} 2001:db8::10 {40000 + n} typ host" for n in range(40)]


def build() -> list[Capture]:
    lab = Capture(
        "ipv6_fragments",
        "A call over IPv6 whose INVITE comes in three fragments, the last one first: it is complete with the third "
        "packet, and the delays run from the first.",
    )
    call = lab.session("call", ALICE, BOB)

    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE, extra=CANDIDATES))
    whole = IPv6(src=ALICE.ip, dst=BOB.ip) / UDP(sport=ALICE.port, dport=BOB.port) / Raw(invite.encode())
    datagram = bytes(whole)[40:]  # what scapy built has the checksum over all of it
    head, middle, tail = ipv6_fragments(datagram, 0x5EED0001, 1232, 2464)
    first = lab.put(0, ALICE, BOB, tail)
    lab.put("0.2", ALICE, BOB, head)
    last = lab.put("0.4", ALICE, BOB, middle)
    invited = lab.see(invite, first, last, "udp")
    lab.send(8, BOB, ALICE, invite.reply(100))
    ringing = lab.send(210, BOB, ALICE, invite.reply(180))
    answered = lab.send(3210, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(3225, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))

    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(13_210, ALICE, BOB, bye)
    lab.send(13_219, BOB, ALICE, bye.reply(200))

    lab.note("first_byte_at is the time of the earliest packet of the message, which here holds its last bytes.")
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
    )
    return [lab]
