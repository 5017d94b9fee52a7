"""Reassembly against the odds: what is missing, overlapping or cut ends in rows and reasons, never in silence."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

import analyzer

A, B = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))


def text(number: int, body: bytes = b"", status: str = "") -> bytes:
    line = f"SIP/2.0 {status}" if status else "MESSAGE sip:b@192.0.2.2 SIP/2.0"
    head = (
        f"{line}\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{number}\r\n"
        f"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: {number}\r\nCSeq: {number} MESSAGE\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ip(protocol: int, payload: bytes, *, source: bytes = A, target: bytes = B, ident: int = 0, place: int = 0) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, place, 64, protocol, 0)
    return header + source + target + payload


def fragment(datagram: bytes, begin: int, end: int, ident: int = 7) -> bytes:
    more = 0x2000 if end < len(datagram) else 0
    return ip(17, datagram[begin:end], ident=ident, place=more | begin // 8)


def tcp(seq: int, payload: bytes = b"", *, back: bool = False, ack: int = 0, flags: int = 0x10) -> bytes:
    ports = (5060, 40_000) if back else (40_000, 5060)
    segment = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65_535, 0, 0) + payload
    return ip(6, segment, source=B if back else A, target=A if back else B)


def capture(path: Path, packets: Sequence[bytes | tuple[bytes, int]]) -> analyzer.Capture:
    """Raw IP, a second apart; of a pair only the first bytes were kept."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
    for second, entry in enumerate(packets):
        packet, kept = entry if isinstance(entry, tuple) else (entry, len(entry))
        data += struct.pack("<IIII", 1_740_988_800 + second, 0, len(packet[:kept]), len(packet)) + packet[:kept]
    path.write_bytes(data)
    cap = analyzer.read(path)
    assert cap.table("account")["packets"].sum() == len(packets)
    return cap


def rows(cap: analyzer.Capture) -> list[tuple[str, bool]]:
    """(Call-ID, complete) of each message."""
    return sorted(cap.table("messages").select("call_id", "complete").rows())


def codes(cap: analyzer.Capture) -> list[str]:
    return sorted(cap.table("problems")["code"].unique())


def reasons(cap: analyzer.Capture) -> dict[str, int]:
    return dict(cap.table("account").select("reason", "packets").rows())


MESSAGE = text(1, b"x" * 900)
DATAGRAM = struct.pack("!HHHH", 5060, 5060, 8 + len(MESSAGE), 0) + MESSAGE
THIRDS = [(0, 400), (400, 800), (800, len(DATAGRAM))]
PIECES = [fragment(DATAGRAM, *third) for third in THIRDS]
OTHER = fragment(DATAGRAM[:400] + b"y" * 400 + DATAGRAM[800:], 400, 800)

FRAGMENTS = {
    "out of order": ([PIECES[2], PIECES[0], PIECES[1]], [("1", True)], [], {"message": 3}),
    "repeated": (
        [PIECES[0], PIECES[0], PIECES[1], PIECES[2]],
        [("1", True)],
        [],
        {"fragment_repeated": 1, "message": 3},
    ),
    "overlapping with other bytes": (
        [PIECES[0], PIECES[1], OTHER, PIECES[2]],
        [("1", True)],
        ["ip_fragment_overlap"],
        {"fragment_repeated": 1, "message": 3},
    ),
    "the middle missing": (
        [PIECES[0], PIECES[2]],
        [("1", False)],
        ["ip_fragment_incomplete", "sip_message_cut"],
        {"message": 2},
    ),
    "the last missing": (
        [PIECES[0], PIECES[1]],
        [("1", False)],
        ["ip_fragment_incomplete", "sip_message_cut"],
        {"message": 2},
    ),
    "the first missing": ([PIECES[1], PIECES[2]], [], ["ip_fragment_incomplete"], {"fragment_incomplete": 2}),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments(tmp_path: Path, name: str) -> None:
    packets, messages, problems, account = FRAGMENTS[name]
    cap = capture(tmp_path / "a.pcap", packets)
    assert (rows(cap), codes(cap), reasons(cap)) == (messages, problems, account)


ONE, TWO, THREE = (text(number, b"b" * 498 + b"\r\n") for number in (1, 2, 3))
STREAM = ONE + TWO + THREE
CUTS = [(begin, min(begin + 200, len(STREAM))) for begin in range(0, len(STREAM), 200)]
ANSWERS = [text(number, status="200 OK") for number in (1, 2, 3)]
SYN, SYN_ACK = tcp(999, flags=0x02), tcp(4999, back=True, flags=0x12, ack=1000)


def segments(lost: set[int]) -> list[bytes]:
    """The client's stream in segments of 200 bytes, without some."""
    return [tcp(1000 + begin, STREAM[begin:end]) for number, (begin, end) in enumerate(CUTS) if number not in lost]


def answers(lost: set[int]) -> list[bytes]:
    seq, packets = 5000, []
    for number, answer in enumerate(ANSWERS):
        if number not in lost:
            packets.append(tcp(seq, answer, back=True, ack=1000 + len(STREAM)))
        seq += len(answer)
    return packets


def test_a_hole_in_the_middle_cuts_one_message(tmp_path: Path) -> None:
    assert (len(ONE), len(CUTS)) == (len(TWO), 11)
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *segments({5})])
    assert rows(cap) == [("1", True), ("2", False), ("3", True)]
    assert codes(cap) == ["sip_message_cut", "sip_stream_resynchronised", "tcp_bytes_missing"]


def test_pieces_missing_on_both_sides(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *segments({5}), *answers({1})])
    messages = cap.table("messages").select("call_id", "status").rows()
    found = sorted((call_id, status or 0) for call_id, status in messages)
    assert found == [("1", 0), ("1", 200), ("2", 0), ("3", 0), ("3", 200)]
    assert cap.table("problems").filter(code="tcp_bytes_missing").height == 2


def test_the_first_bytes_of_a_connection_are_missing(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *segments({0})])
    assert rows(cap) == [("2", True), ("3", True)]
    assert "tcp_bytes_missing" in codes(cap)


def test_the_first_message_of_a_connection_is_missing(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, tcp(1000 + len(ONE), TWO), tcp(1000 + len(ONE + TWO), THREE)])
    assert (rows(cap), codes(cap)) == ([("2", True), ("3", True)], ["tcp_bytes_missing"])


def test_the_last_bytes_are_missing(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *segments({10}), tcp(1000 + len(STREAM), flags=0x11)])
    assert rows(cap) == [("1", True), ("2", True), ("3", False)]
    assert codes(cap) == ["sip_message_cut", "tcp_bytes_missing"]


def test_joined_in_the_middle(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", segments({0, 1, 2}))
    assert rows(cap) == [("2", True), ("3", True)]
    assert "sip_stream_resynchronised" in codes(cap)


def test_out_of_order_and_repeated_is_no_loss(tmp_path: Path) -> None:
    packets = segments(set())
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *packets[::-1][:-1], packets[0], packets[4]])
    assert rows(cap) == [("1", True), ("2", True), ("3", True)]
    assert (codes(cap), reasons(cap)["repeated"]) == ([], 1)


def test_segments_that_overlap_with_other_bytes(tmp_path: Path) -> None:
    packets = segments(set())
    other = tcp(1000 + 400, b"z" * 200)
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, packets[0], packets[2], other, packets[1], *packets[3:]])
    assert rows(cap) == [("1", True), ("2", True), ("3", True)]
    assert codes(cap) == ["tcp_overlap_conflict"]


@pytest.mark.parametrize("kept", [60, 300, 28 + len(MESSAGE) - 1])
def test_a_datagram_cut_by_the_snap_length(tmp_path: Path, kept: int) -> None:
    cap = capture(tmp_path / "a.pcap", [(ip(17, DATAGRAM), kept)])
    assert cap.table("messages")["complete"].to_list() == [False]
    assert "sip_message_cut" in codes(cap)
    assert cap.table("files")["sliced"].to_list() == [1]


def test_a_segment_cut_by_the_snap_length(tmp_path: Path) -> None:
    packets = [tcp(1000, ONE), (tcp(1000 + len(ONE), TWO), 300), tcp(1000 + 2 * len(ONE), THREE)]
    cap = capture(tmp_path / "a.pcap", [SYN, SYN_ACK, *packets])
    assert rows(cap) == [("1", True), ("2", False), ("3", True)]
    assert codes(cap) == ["sip_message_cut", "tcp_bytes_missing"]


def test_a_header_cut_by_the_snap_length_is_in_the_account(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [(ip(17, DATAGRAM), 26), (tcp(1, ONE), 30), (ip(17, DATAGRAM), 12)])
    assert sorted(cap.table("account").rows()) == [("ip", "cut", 1), ("tcp", "cut", 1), ("udp", "cut", 1)]
