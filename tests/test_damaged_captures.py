"""Every capture at hand, damaged on its way: all tables and pages are still made, and every packet is accounted for.

Captures damaged in one manner are read together, as a directory of them would be: a run for each would take an hour.
"""

from __future__ import annotations

import gzip
import random
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer import schema

# A packet: time in ns, its bytes. Of one capture so many are taken: the longer ones are media.
Packet = tuple[int, bytes]
MOST = 300

# Tables whose durations say how far apart two clocks are: they have a sign.
OF_CLOCKS = ("clocks", "losses")


def classic(data: bytes) -> dict[int, list[Packet]]:
    order = "<" if data[0] in (0xD4, 0x4D) else ">"
    to_ns = 1 if 0x4D in (data[0], data[3]) else 1000
    (link,) = struct.unpack_from(f"{order}I", data, 20)
    found, at = [], 24
    while at + 16 <= len(data) and len(found) < MOST:
        second, fraction, length, _ = struct.unpack_from(f"{order}IIII", data, at)
        found.append((second * 10**9 + fraction * to_ns, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return {link & 0xFFFF: found}


def blocks(data: bytes) -> dict[int, list[Packet]]:
    """Enhanced packet blocks of pcapng by link type; their times as microseconds, whatever the resolution."""
    found: dict[int, list[Packet]] = {}
    links: list[int] = []
    order, at = "<", 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order, links = "<" if data[at + 8] == 0x4D else ">", []
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind == 1:
            links += struct.unpack_from(f"{order}H", data, at + 8)
        elif kind == 6:
            interface, high, low, size = struct.unpack_from(f"{order}IIII", data, at + 8)
            packets = found.setdefault(links[interface], [])
            if len(packets) < MOST:
                packets.append(((high << 32 | low) * 1000, data[at + 28 : at + 28 + size]))
        at += max(length, 12)
    return found


def packets(path: Path) -> dict[int, list[Packet]]:
    """Packets of a capture by link type."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return blocks(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else classic(data)


def pcap(link: int, found: list[Packet], snap: int = 65535) -> bytes:
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)]
    for time, data in found:
        kept = data[:snap]
        records.append(struct.pack("<IIII", time // 10**9 % 2**32, time % 10**9, len(kept), len(data)) + kept)
    return b"".join(records)


def cut(link: int, found: list[Packet], chance: random.Random) -> bytes:
    whole = pcap(link, found)
    return whole[: chance.randrange(24, len(whole))]


def dropped(link: int, found: list[Packet], chance: random.Random) -> bytes:
    return pcap(link, [packet for packet in found if chance.random() < 0.7])


def shuffled(link: int, found: list[Packet], chance: random.Random) -> bytes:
    """In an order of their own within windows of eight, with the times that they had."""
    order = sorted(range(len(found)), key=lambda place: (place // 8, chance.random()))
    return pcap(link, [found[place] for place in order])


def flipped(link: int, found: list[Packet], chance: random.Random) -> bytes:
    changed = []
    for time, data in found:
        bytes_of = bytearray(data)
        for _ in range(chance.choice((0, 1, 2, 5)) if data else 0):
            bytes_of[chance.randrange(len(data))] = chance.choice((chance.randrange(256), *b'\0\xff\r ;"<:9-'))
        changed.append((time, bytes(bytes_of)))
    return pcap(link, changed)


def short(link: int, found: list[Packet], chance: random.Random) -> bytes:
    return pcap(link, found, chance.choice((60, 96, 200, 400, 900)))


def merged(link: int, found: list[Packet], chance: random.Random) -> bytes:
    """With itself, some seconds later."""
    late = chance.randrange(1, 40) * 10**9
    return pcap(link, sorted([*found, *((time + late, data) for time, data in found)]))


def timeless(link: int, found: list[Packet], _: random.Random) -> bytes:
    return pcap(link, [(0, data) for _, data in found])


def captures(origin: str) -> list[Path]:
    folder = SAMPLES if origin == "samples" else shared("captures")
    files = [*folder.glob("*"), *folder.glob("kamailio/*")]
    return sorted(file for file in files if file.is_file() and file.suffix not in (".md", ".tsv", ".py"))


@pytest.mark.parametrize("damage", [cut, dropped, shuffled, flipped, short, merged, timeless])
@pytest.mark.parametrize("origin", ["samples", "captures"])
def test_damaged_captures_are_read_and_shown(
    origin: str, damage: Callable[[int, list[Packet], random.Random], bytes], tmp_path: Path
) -> None:
    for path in captures(origin):
        for link, found in packets(path).items():
            name = f"{path.name}.{link}.pcap"
            (tmp_path / name).write_bytes(damage(link, found, random.Random(name)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capture = analyzer.read(tmp_path)
        tables = {name: capture.table(name) for name in schema.TABLES}
        assert str(capture.summary(width=60))
        for no in tables["calls"]["no"].gather_every(max(1, tables["calls"].height // 8)):
            call = capture.call(no)
            assert all((str(call.story()), call.ladder().text(), call.ladder().svg()))
        capture.report(tmp_path / "report.html")
    # Where several clocks meet, what was not seen may be told as below 0: docs/phases.md.
    tables["waterfall"] = tables["waterfall"].filter(pl.col("kind") != "unseen")
    for name, frame in tables.items():
        assert dict(frame.schema) == schema.TABLES[name].polars()
        durations = () if name in OF_CLOCKS else schema.TABLES[name].of_type("duration")
        assert [column for column in durations if (frame[column] < 0).any()] == [], name
    assert tables["account"]["packets"].sum() == tables["files"]["packets"].sum()


def test_the_parts_of_a_set_up_whose_fragments_came_in_another_order_add_up(tmp_path: Path) -> None:
    """The INVITE is in three fragments, captured last to first: the one that completes it has the earliest stamp."""
    ((link, found),) = packets(SAMPLES / "ipv6_fragments.pcap").items()
    path = tmp_path / "disordered.pcap"
    path.write_bytes(pcap(link, [*found[2::-1], *found[3:]]))
    capture = analyzer.read(path)
    assert (capture.table("waterfall")["duration_s"].to_list(), capture.table("calls")["setup_s"].item()) == (
        [0.2096, 3.0],
        3.2096,
    )
