"""Alice and Bob talk for ten seconds: RTP both ways with loss that is planned, a digit, and what RTCP says of it."""

from __future__ import annotations

import struct

from lab import Capture
from scapy.layers.inet import UDP
from scapy.packet import Raw
from sip_messages import ALICE, BOB, Node, sdp

RTP_PORT = 40000
ANSWER_MS = 3_000
PACKET_MS = 20
PACKETS = 500
#: Bob's numbers wrap round on the way.
FIRST = 65_300
#: Numbers of packets of Bob that never come: three alone, and a burst.
LOST = {40, 120, 121, 122, 123, 300, 410}
#: One that comes behind the next two, and one that comes twice.
LATE, TWICE = 200, 250
#: Alice presses 7 from this packet on: RFC 4733 §2.5.1, four packets and the last three times.
DIGIT, PRESSED = 7, 350
SOURCES = {"alice": 0x0A11CE, "bob": 0x000B0B}


def rtp(node: Node, number: int, timestamp: int, payload: bytes, kind: int = 8, *, marker: bool = False) -> bytes:
    head = struct.pack(">BBHII", 0x80, kind | marker << 7, number, timestamp, SOURCES[node.name])
    return head + payload


def build() -> list[Capture]:
    lab = Capture(
        "media", "Alice calls Bob; RTP of both, 7 of 500 packets of Bob lost, one late, one doubled, a digit."
    )
    call = lab.session("call", ALICE, BOB)
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite)
    ringing = lab.send(180, BOB, ALICE, invite.reply(180))
    answer = lab.send(ANSWER_MS, BOB, ALICE, invite.reply(200, body=sdp(BOB)))
    lab.send(ANSWER_MS + 15, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))
    talk(lab)
    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(ANSWER_MS + 10_500, ALICE, BOB, bye)
    lab.send(ANSWER_MS + 10_512, BOB, ALICE, bye.reply(200))

    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answer, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com", callee="bob@example.com", outcome="answered", status=200, call_ids=[call.call_id],
        invite=invited, ringing=ringing, answered=answer, ended=hangup, released_by="caller",
    )  # fmt: skip
    truth(lab)
    return [lab]


def truth(lab: Capture) -> None:
    lab.row(
        "streams", sent_by="caller", joined_by="receiver", media="audio", codec="PCMA/8000", packets=PACKETS,
        expected=PACKETS, lost=0, doubled=0, reordered=0, longest_loss=0, packet_s=0.02, rtcp_loss=None,
    )  # fmt: skip
    lab.row(
        "streams", sent_by="callee", joined_by="receiver", media="audio", codec="PCMA/8000",
        packets=PACKETS - len(LOST) + 1, expected=PACKETS, lost=len(LOST), doubled=1, reordered=1, longest_loss=4,
        packet_s=0.02, rtcp_loss=4 / 256,
    )  # fmt: skip
    lab.row("dtmf", sent_by="caller", event="digit", duration_s=0.08, volume_dbm0=-10, ended=True, packets=6)
    lab.row(
        "call_media", media="both_ways", silent_side=None, caller_packets=PACKETS, callee_packets=PACKETS - len(LOST),
        loss=len(LOST) / PACKETS,
    )  # fmt: skip
    lab.row("rtcp_reports", reports=1, loss=4 / 256, lost=5, jitter_s=0.002, round_trip_s=0.05)


def talk(lab: Capture) -> None:
    for number in range(PACKETS):
        at = ANSWER_MS + 20 + number * PACKET_MS
        put(lab, at, ALICE, BOB, of_alice(number))
        if number not in LOST:
            late = 50 if number == LATE else 0
            put(lab, at + 7 + late, BOB, ALICE, of_bob(number))
        if number == TWICE:
            put(lab, at + 8, BOB, ALICE, of_bob(number))
    # Bob sends a report, and Alice says what she lost since her last one, and that it was a quarter of a second ago.
    reports(lab, ANSWER_MS + 6_000)


def of_bob(number: int) -> bytes:
    return rtp(BOB, (FIRST + number) % 65_536, number * 160, bytes(160))


def of_alice(number: int) -> bytes:
    step = number - PRESSED
    if not 0 <= step < 6:
        return rtp(ALICE, number, number * 160, bytes(160), marker=number == 0)
    duration = 160 * min(step + 1, 4)
    payload = struct.pack(">BBH", DIGIT, 10 | (0x80 if step >= 3 else 0), duration)
    return rtp(ALICE, number, PRESSED * 160, payload, 101, marker=step == 0)


def reports(lab: Capture, at: float) -> None:
    """RFC 3550 §6.4: the sender report of Bob, and 300 ms later what Alice received."""
    middle = 0x4321_8765
    sender = struct.pack(
        ">BBHIIIIII", 0x80, 200, 6, SOURCES["bob"], middle >> 16, middle << 16 & 0xFFFF_FFFF, 0, 300, 48_000
    )
    put(lab, at, BOB, ALICE, sender, port=RTP_PORT + 1)
    block = struct.pack(">IIIIII", SOURCES["bob"], 4 << 24 | 5, 60_299, 16, middle, 1 << 14)
    put(lab, at + 300, ALICE, BOB, struct.pack(">BBHI", 0x81, 201, 7, SOURCES["alice"]) + block, port=RTP_PORT + 1)


def put(lab: Capture, at: float, source: Node, target: Node, payload: bytes, port: int = RTP_PORT) -> None:
    lab.put(at, source, target, UDP(sport=port, dport=port) / Raw(payload))
