"""A phone and its proxy compress what they send each other (SigComp, RFC 5049): over UDP and over TCP."""

from __future__ import annotations

import wire
from basic_call import stage
from lab import Capture
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet, Raw
from sigcomp import Deflate, marked
from sip_messages import Message, Millis, Node, Sighting

ALICE = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice", contact_params=";expires=600")
BOB = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")

#: cycles_per_bit 16, decompression_memory_size and state_memory_size 16,384 (RFC 3320 §3.3.1).
PARAMETERS = 0b00_100_100
SIGCOMP = {"tunnel": "sigcomp"}


def compressors() -> dict[str, Deflate]:
    """One for each direction: Alice's starts with the dictionary, Bob's with nothing."""
    return {
        "alice": Deflate(parameters=PARAMETERS),
        "bob": Deflate(dictionary=False, parameters=PARAMETERS),
    }


def build() -> list[Capture]:
    return [over_udp(), over_tcp()]


def over_udp() -> Capture:
    sides = compressors()

    def link(source: Node, target: Node, packet: Packet) -> bytes:
        data = sides[source.name].compress(bytes(packet[UDP].payload))
        smaller = IP(src=source.ip, dst=target.ip, id=packet[IP].id) / UDP(sport=source.port, dport=target.port)
        return wire.ethernet(source, target, smaller / Raw(data))

    lab = Capture(
        "sigcomp_call", "The basic call compressed with SigComp: DEFLATE, each message with the state of those before.",
        link=link, carried=lambda seen: SIGCOMP,
    )  # fmt: skip
    stage(lab, ALICE, BOB)
    return lab


def over_tcp() -> Capture:
    sides = compressors()
    lab = Capture(
        "sigcomp_tcp", "The basic call compressed with SigComp over TCP: delimiters, a message in three segments.",
        carried=lambda seen: SIGCOMP,
    )  # fmt: skip
    tcp = wire.TcpConnection(lab, ALICE, BOB, port=52044, client_isn=0x1000, server_isn=0x2000)
    tcp.open(-30, -20, -10)

    def send(at: Millis, source: Node, message: Message) -> Sighting:
        start, end = tcp.write(source, marked(sides[source.name].compress(message.encode(), identifier=9)))
        if at != 0:
            packet = tcp.segment(at, source, start, end)
            return tcp.see(message, source, packet, packet)
        first = tcp.segment(at, source, start, start + 1)
        tcp.segment(1, source, start + 1, end - 1)
        return tcp.see(message, source, first, tcp.segment(2, source, end - 1, end))

    stage(lab, ALICE, BOB, transport="tcp", send=send)
    tcp.close(64_200, 64_210, 64_220)
    return lab
