"""SIP in SigComp (RFC 3320, RFC 5049), as somebody sees it who stands between the two ends.

The messages are made by compressors of our own (sample_pcaps/sigcomp.py), which know what their receiver keeps; those
of the samples are held against tshark by sample_pcaps/check_with_tshark.py.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from pcaps import RAW_IP, packets, pcap, udp
from places import SAMPLES

import analyzer

sys.path.insert(0, str(SAMPLES))
import sigcomp

START = 1_740_988_800 * 10**9
A, B = "192.0.2.1", "192.0.2.2"
PORTS = (5060, 5060)


def sip(number: int, method: str = "MESSAGE") -> bytes:
    return (
        f"{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {A}:5060;branch=z9hG4bK{number};comp=sigcomp\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: {number}@a\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def read(path: Path, datagrams: Iterable[tuple[bytes, bytes] | bytes]) -> analyzer.Capture:
    """A capture of these packets, or of the payloads from A to B."""
    found = [packet if isinstance(packet, bytes) else udp(A, B, packet[1], PORTS) for packet in datagrams]
    path.write_bytes(pcap(RAW_IP, [(START + at * 10**9, packet) for at, packet in enumerate(found)]))
    return analyzer.read(path)


def there(payload: bytes, ports: tuple[int, int] = PORTS) -> bytes:
    return udp(A, B, payload, ports)


def back(payload: bytes, ports: tuple[int, int] = PORTS) -> bytes:
    return udp(B, A, payload, ports)


def numbers(capture: analyzer.Capture) -> list[int]:
    return [int(call_id.partition("@")[0]) for call_id in capture.table("messages")["call_id"]]


def problems(capture: analyzer.Capture) -> list[tuple[str, int]]:
    rows = capture.table("problems").select("code", "frame").rows()
    return [(code, frame) for code, frame in rows if code.startswith("sigcomp")]


END = ("END-MESSAGE", 0, 0, 0, 0, 0, 0, 0)


def stored(*before: sigcomp.Line, end: sigcomp.Line = END, behind: tuple[sigcomp.Line, ...] = ()) -> bytes:
    """Bytecode for messages that are not compressed (RFC 4896 §11), with something in front of it."""
    lines = [
        *before,
        "byte:", ("INPUT-BYTES", 1, 32, "end"), ("OUTPUT", 32, 1), ("JUMP", "byte"),
        "end:", end, *behind,
    ]  # fmt: skip
    return sigcomp.assemble(lines, 128)[0]


def test_the_null_bytecode_of_rfc_4896(tmp_path: Path) -> None:
    code = bytes.fromhex("f800a11c018609228601 16f923".replace(" ", ""))
    assert numbers(read(tmp_path / "a.pcap", [there(code + sip(1))])) == [1]


def test_each_message_goes_on_from_those_before(tmp_path: Path) -> None:
    """Both directions, on any port, each packet captured twice."""
    forth, home = sigcomp.Deflate(parameters=0x24), sigcomp.Deflate(dictionary=False, parameters=0x24)
    ports = (40_000, 40_002)
    sent = []
    for number in range(40):
        side, wrap = (forth, there) if number % 2 == 0 else (home, back)
        sent += [wrap(side.compress(sip(number)), ports)] * 2
    capture = read(tmp_path / "a.pcap", sent)
    assert numbers(capture) == [number for number in range(40) for _ in range(2)]
    assert problems(capture) == []
    assert set(capture.table("messages")["tunnel"]) == {"sigcomp"}


@pytest.mark.parametrize("size", [2_048, 16_384, 131_072])
def test_the_memory_of_the_receiver_is_found_by_what_it_keeps(tmp_path: Path, size: int) -> None:
    """The state of the first message is all memory behind address 64, however much that is; nobody says how much."""
    moved = stored()  # the second message runs it, at another address
    code = stored(
        ("LOAD", 34, "$0"),
        ("SUBTRACT", 34, 64),
        ("COPY", "again", len(moved), 1024),
        end=("END-MESSAGE", 0, 0, "$34", 64, 1024, 6, 0),
        behind=("again:", ("BYTES", *moved)),
    )
    first = sigcomp.uploaded(code, 128, sip(1))
    memory = bytearray(min(size - len(first), 65_536))
    memory[128 : 128 + len(code)] = code
    memory[1024 : 1024 + len(moved)] = moved
    identifier = sigcomp.state_identifier(bytes(memory[64:]), 64, 1024)
    second = sigcomp.from_state(identifier[:6], sip(2))
    capture = read(tmp_path / "a.pcap", [there(first), there(second)])
    assert (numbers(capture), problems(capture)) == ([1, 2], [])


def test_a_message_is_state_that_both_ends_share(tmp_path: Path) -> None:
    """RFC 3321 §5.2: A announces that it keeps its message whole, and B sends it back without the bytes."""
    text = sip(1)
    announcing = sigcomp.assemble([
        ("INPUT-BYTES", 2, 504, "fail"), ("INPUT-BYTES", "$504", 512, "fail"), ("OUTPUT", 512, "$504"),
        # Length, address, instruction, minimum_access_length, value (RFC 3320 §9.4.9).
        ("LOAD", 510, 6), ("LOAD", 34, "$504"), ("ADD", 34, 8), ("SHA-1", 504, "$34", 43),
        ("LOAD", 40, 0x2402), ("LOAD", 42, 0x0600), ("COPY", 400, 0, 400),
        ("SHA-1", 504, "$34", 43), ("LOAD", 49, 0),
        ("END-MESSAGE", 0, 40, 0, 0, 0, 0, 0),
        "fail:", ("DECOMPRESSION-FAILURE",),
    ], 128)[0]  # fmt: skip
    first = sigcomp.uploaded(announcing, 128, struct.pack("!H", len(text)) + text)
    identifier = sigcomp.state_identifier(text, 0, 0)
    using = stored(
        ("STATE-ACCESS", "id", 6, 0, 0, 1024, 0),
        ("OUTPUT", 1024, len(text)),
        behind=("id:", ("BYTES", *identifier[:6])),
    )
    capture = read(tmp_path / "a.pcap", [there(first), back(sigcomp.uploaded(using, 128, b""))])
    assert (numbers(capture), problems(capture)) == ([1, 1], [])


def test_words_of_presence_need_not_be_sent(tmp_path: Path) -> None:
    """RFC 5112 §4: "convention-center" is what its dictionary begins with."""
    text = sip(1).replace(b"bob@", b"convention-center@")
    before, behind = text.split(b"convention-center", 1)
    code = stored(
        ("INPUT-BYTES", len(before), 1024, "end"), ("OUTPUT", 1024, len(before)),
        ("STATE-ACCESS", "id", 6, 0, 17, 1024, 0), ("OUTPUT", 1024, 17),
        behind=("id:", ("BYTES", *bytes.fromhex("d942297d0bb3"))),
    )  # fmt: skip
    capture = read(tmp_path / "a.pcap", [there(sigcomp.uploaded(code, 128, before + behind))])
    assert capture.table("messages")["request_uri"].to_list() == ["sip:convention-center@example.com"]


def test_a_message_before_the_capture_is_missed(tmp_path: Path) -> None:
    side = sigcomp.Deflate(parameters=0x24)
    messages = [side.compress(sip(number)) for number in range(3)]
    capture = read(tmp_path / "a.pcap", [there(message) for message in messages[1:]])
    assert (numbers(capture), problems(capture)) == ([], [("sigcomp_state_missing", 1), ("sigcomp_state_missing", 2)])


def test_a_nack_names_the_packet_that_failed(tmp_path: Path) -> None:
    """RFC 4077: the receiver had lost its state; what it cannot read, the capture can."""
    side = sigcomp.Deflate(parameters=0x24)
    first, second = (side.compress(sip(number)) for number in range(2))
    nack = sigcomp.nack(second, 1, details=second[1:7])
    capture = read(tmp_path / "a.pcap", [there(first), there(second), back(nack)])
    assert (numbers(capture), problems(capture)) == ([0, 1], [("sigcomp_nack", 3)])
    assert (
        capture.table("problems")["detail"][-1]
        == f"STATE_NOT_FOUND (state {second[1:7].hex()}): the message in packet 2"
    )


HOSTILE: dict[str, tuple[sigcomp.Line, ...]] = {
    "CYCLES_EXHAUSTED": ("again:", ("JUMP", "again")),
    "SEGFAULT": (("LOAD", 65_000, 1), ("COPY", 0, 65_535, 1)),
    "INVALID_OPCODE": (("BYTES", 200),),
    "STACK_UNDERFLOW": (("LOAD", 70, 1024), ("RETURN",)),
    "DIV_BY_ZERO": (("DIVIDE", 64, 0),),
    "STATE_NOT_FOUND": (("STATE-ACCESS", 0, 6, 0, 0, 0, 0),),
    # Its own length brings the cycles that it takes.
    "OUTPUT_OVERFLOW": ("again:", ("OUTPUT", 0, 1_300), ("JUMP", "again"), ("BYTES", *bytes(420))),
    "TOO_MANY_STATE_REQUESTS": tuple(("STATE-CREATE", 1, 64, 0, 6, 0) for _ in range(5)),
    "USER_REQUESTED": (("DECOMPRESSION-FAILURE",),),
}


def test_hostile_bytecode_is_told_and_the_next_message_read(tmp_path: Path) -> None:
    """Each from another host, whose next message is as it should be."""
    sent = []
    for host, lines in enumerate(HOSTILE.values(), 1):
        payloads = (sigcomp.uploaded(stored(*lines), 128, b""), sigcomp.uploaded(stored(), 128, sip(host)))
        sent += [udp(f"192.0.2.{host}", "198.51.100.1", payload, PORTS) for payload in payloads]
    capture = read(tmp_path / "a.pcap", sent)
    assert numbers(capture) == list(range(1, len(HOSTILE) + 1))
    details = [detail.partition(",")[0].partition(" ")[0] for detail in capture.table("problems")["detail"]]
    assert details == list(HOSTILE)
    codes = ["sigcomp_state_missing" if reason == "STATE_NOT_FOUND" else "sigcomp_failed" for reason in HOSTILE]
    assert problems(capture) == [(code, 2 * at + 1) for at, code in enumerate(codes)]


def test_more_cycles_than_the_least_are_spent_on_those_who_are_known(tmp_path: Path) -> None:
    """128 cycles per bit may have been announced before the capture began (RFC 3320 §3.3.1)."""
    busy = stored(("MEMSET", 1024, 60_000, 0, 0), ("MEMSET", 1024, 60_000, 0, 0))
    costly = sigcomp.uploaded(busy, 128, sip(2))
    # 120,002 cycles and more: beyond 16 for each bit, within 128.
    bits = 8 * len(costly) + 1000
    assert 16 * bits < 120_000 < 128 * bits
    alone = read(tmp_path / "a.pcap", [there(costly)])
    assert (numbers(alone), problems(alone)) == ([], [("sigcomp_failed", 1)])
    known = read(tmp_path / "b.pcap", [there(sigcomp.uploaded(stored(), 128, sip(1))), there(costly)])
    assert (numbers(known), problems(known)) == ([1, 2], [])


def test_what_is_freed_may_be_named_by_a_copy(tmp_path: Path) -> None:
    side = sigcomp.Deflate(parameters=0x24)
    first, second = side.compress(sip(1)), side.compress(sip(2))
    partial = second[1:7]
    freeing = stored(("STATE-FREE", "id", 6), behind=("id:", ("BYTES", *partial)))
    capture = read(tmp_path / "a.pcap", [there(first), there(sigcomp.uploaded(freeing, 128, sip(3))), there(second)])
    assert sorted(numbers(capture)) == [1, 2, 3]


def test_bytes_that_only_begin_like_it_are_nobodys_fault(tmp_path: Path) -> None:
    """One random payload of 32 has the five bits (RFC 3320 §7)."""
    draw = random.Random(3320)
    payloads = [bytes([draw.randrange(0xF8, 0x100)]) + draw.randbytes(200) for _ in range(300)]
    capture = read(tmp_path / "a.pcap", [there(payload, (40_000, 50_000 + at)) for at, payload in enumerate(payloads)])
    assert (numbers(capture), problems(capture)) == ([], [])


def test_a_stream_is_taken_up_where_a_message_begins(tmp_path: Path) -> None:
    """sigcomp_tcp.pcap without its first six packets: the handshake, and the INVITE, which Alice's later messages need.

    Bob's side is whole but for its SYN.
    """
    (link, found), *_ = packets(SAMPLES / "sigcomp_tcp.pcap").items()
    (tmp_path / "a.pcap").write_bytes(pcap(link, found[6:]))
    capture = analyzer.read(tmp_path / "a.pcap")
    seen = capture.table("messages").select("method", "status").rows()
    assert seen == [("INVITE", 100), ("INVITE", 180), ("INVITE", 200), ("BYE", 200)]
    assert problems(capture) == [("sigcomp_state_missing", 4), ("sigcomp_state_missing", 5)]


def test_a_stream_that_only_begins_like_it_is_something_else(tmp_path: Path) -> None:
    """Telnet begins with 0xFF, too (RFC 854); SIP behind it is found all the same."""
    payloads = [b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x03", b"\xfa" + bytes(range(200)), sip(7)]
    found, seq = [], 1
    for at, payload in enumerate([b"", *payloads]):
        header = struct.pack("!HHIIBBHHH", 40_000, 23, seq - (not payload), 1, 0x50, 0x18 if payload else 2, 9, 0, 0)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), at + 1, 0, 64, 6, 0)
        ip += bytes((192, 0, 2, 1, 192, 0, 2, 2))
        found.append((START + at, ip + header + payload))
        seq += len(payload)
    (tmp_path / "a.pcap").write_bytes(pcap(RAW_IP, found))
    capture = analyzer.read(tmp_path / "a.pcap")
    assert (numbers(capture), problems(capture)) == ([7], [])


def test_each_part_of_a_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Damaged (nothing checks the bytes of this compressor), cut by the snap length, one without its state."""
    side = sigcomp.Deflate(parameters=0x24)
    messages = [side.compress(sip(number)) for number in range(4)]
    whole = [there(message) for message in messages]
    damaged = bytearray(whole[1])
    damaged[-3] ^= 0x10
    for found, left in (
        ([whole[0], bytes(damaged), *whole[2:]], {0, 1}),
        ([whole[0], whole[0][:60], *whole[1:]], {0, 1, 2, 3}),
        ([whole[1], *whole], {0, 1, 2, 3}),
    ):
        assert left >= set(numbers(read(tmp_path / "a.pcap", found))) >= {0}
