"""The same tables whatever the files, their order, the threads; and a capture seen twice changes no call."""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES, SHARED
from polars.testing import assert_frame_equal

import analyzer
from analyzer import schema

# Of the packets and files; everything else must not change.
WHERE = ["file", "frame", "answer_frame", "byte_offset"]
# Tables about files and packets.
ABOUT_CAPTURE = ("files", "problems", "account")
# What capture points have to do with each other.
ABOUT_POINTS = ("clocks", "losses")
TABLES = tuple(name for name in schema.TABLES if name not in ABOUT_CAPTURE)
# Tables without a row for every sighting.
FOUND = tuple(name for name in TABLES if name not in ("messages", "sdp", "diameter"))

# Samples of one call in many kinds of packets: what rests on its messages alone need not be asked of each.
CARRIAGES = ("tunnel_", "link_", "ipsec_", "hep_", "exported_pdu", "websocket_")
OF_PACKETS = ("messages", "sdp", "transactions", "dialogs", "calls", "registrations", "offers", "hops")

# Classic little-endian pcap files, which are taken apart by hand below.
PCAPS = [
    path
    for path in [*sorted(SAMPLES.glob("*.pcap")), *sorted((SHARED / "captures").glob("*.pcap"))]
    if path.read_bytes()[:4] == bytes.fromhex("d4c3b2a1") and path.stem != "format_cut"
]


def records(path: Path) -> tuple[bytes, list[bytes]]:
    """File header and records (header and data) of a little-endian pcap."""
    data = path.read_bytes()
    at, found = 24, []
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        found.append(data[at : at + 16 + length])
        at += 16 + length
    return data[:24], found


@cache
def read(path: Path) -> analyzer.Capture:
    """The capture as it is, which every test here holds another against."""
    return analyzer.read(path, threads=2)


def asked(path: Path, *, names: tuple[str, ...] = TABLES) -> list[str]:
    """Which of these tables are compared."""
    return [name for name in names if name in OF_PACKETS or not path.name.startswith(CARRIAGES)]


def tables(capture: analyzer.Capture, names: list[str]) -> dict[str, pl.DataFrame]:
    return {name: capture.table(name).drop(WHERE, strict=False) for name in names}


def assert_same(ours: dict[str, pl.DataFrame], others: dict[str, pl.DataFrame]) -> None:
    for name, frame in ours.items():
        assert_frame_equal(frame, others[name])


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_ten_files_in_any_order_are_one_capture(path: Path, tmp_path: Path) -> None:
    header, packets = records(path)
    size = -(-len(packets) // 10)
    parts = []
    for number in range(0, len(packets), size):
        part = tmp_path / f"part{number // size}.pcap"
        part.write_bytes(header + b"".join(packets[number : number + size]))
        parts.append(part)
    random.Random(7).shuffle(parts)
    whole = read(path)
    backwards = bool(whole.table("files")["backward_steps"].sum())
    names = [name for name in asked(path) if name not in ABOUT_POINTS or not backwards]
    one, ten = tables(whole, names), tables(analyzer.read(parts), names)
    if backwards:
        # Its time runs backwards, so that its parts overlap in time: files that do are several capture points.
        one, ten = ({name: frame.drop("point", strict=False) for name, frame in of.items()} for of in (one, ten))
    assert_same(one, ten)


@pytest.mark.parametrize("how", ["appended", "interleaved"])
@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_a_doubled_capture_has_the_same_calls(path: Path, how: str, tmp_path: Path) -> None:
    header, packets = records(path)
    twice = [*packets, *packets] if how == "appended" else [packet for packet in packets for _ in range(2)]
    doubled = tmp_path / "doubled.pcap"
    doubled.write_bytes(header + b"".join(twice))
    once, both = read(path), analyzer.read(doubled)
    names = asked(path, names=FOUND)
    assert_same(tables(once, names), tables(both, names))
    assert once.table("messages")["retransmission"].sum() == both.table("messages")["retransmission"].sum()


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_one_thread_or_two(path: Path) -> None:
    one, two = analyzer.read(path, threads=1), read(path)
    for name in (*ABOUT_CAPTURE, *asked(path)):
        assert_frame_equal(one.table(name), two.table(name))
