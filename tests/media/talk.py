"""Captures of calls with media: a dialogue (``sip/wire.py``) and the RTP beside it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from pcaps import RAW_IP, pcap, udp

import analyzer
from tests.sip import wire

CALLER, CALLEE = ("10.0.0.1", 4000), ("10.0.0.2", 4000)

CALL = """
    UAC -> UAS  INVITE sdp=offer                    @0.000
    UAS -> UAC  200 INVITE to_tag=y sdp=answer      @1.000
    UAC -> UAS  ACK to_tag=y                        @1.010
    UAC -> UAS  BYE to_tag=y cseq=2                 @11.000
    UAS -> UAC  200 BYE to_tag=y cseq=2             @11.010
"""

Ended = tuple[str, int]


def ns(seconds: float) -> int:
    return wire.START + round(seconds * 1e9)


def packet(number: int, timestamp: int, payload: bytes, kind: int = 8, source: int = 7, marker: bool = False) -> bytes:
    """RFC 3550 §5.1."""
    head = struct.pack(">BBHII", 0x80, kind | marker << 7, number & 0xFFFF, timestamp & 0xFFFFFFFF, source)
    return head + payload


def rtp(
    numbers: Iterable[int],
    way: tuple[Ended, Ended] = (CALLER, CALLEE),
    *,
    since: float = 1.0,
    late: Sequence[float] = (),
    kind: int = 8,
    source: int = 7,
    units: int = 160,
    packet_s: float = 0.02,
    first: int = 0,
) -> list[tuple[int, bytes]]:
    """Packets of 20 ms with these numbers, in this order of arrival; the n-th is ``late[n]`` seconds late."""
    found = []
    for place, number in enumerate(numbers):
        at = since + (number - first) * packet_s + (late[place] if place < len(late) else 0)
        data = packet(number, number * units, bytes(160), kind, source)
        found.append((ns(at), udp(way[0][0], way[1][0], data, (way[0][1], way[1][1]))))
    return found


def delayed(line: str, seconds: float) -> str:
    """A line of a dialogue, so much later."""
    before, at, time = line.rpartition("@")
    return f"{before}{at}{float(time) + seconds:.3f}" if at else line


def heard(
    *media: list[tuple[int, bytes]], dialogue: str = CALL, in_order: bool = True, **options: Any
) -> analyzer.Capture:
    """The capture of a call and its media; ``bodies`` are those of the dialogue."""
    bodies = options.pop("bodies", None) or {"offer": wire.audio(1), "answer": wire.audio(2)}
    found = wire.packets(dialogue, **bodies) + [packet for part in media for packet in part]
    if in_order:
        found.sort(key=lambda packet: packet[0])
    return analyzer.read(io.BytesIO(pcap(RAW_IP, found)), **options)
