"""Every capture at hand, damaged on its way: all tables and pages are still made, and every packet is accounted for.

Captures damaged in one manner are read together, as a directory of them would be: a run for each would take an hour.
Those of other people are among them where their folder is beside the project.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pcaps import Packet, packets, pcap
from places import SAMPLES, SHARED

import analyzer
from analyzer import schema

pytestmark = pytest.mark.slow

# Of one capture so many packets are taken: the longer ones are media.
MOST = 300

# Tables whose durations say how far apart two clocks are: they have a sign.
OF_CLOCKS = ("clocks", "losses")


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


def captures() -> list[Path]:
    files = [*SAMPLES.glob("*"), *SAMPLES.glob("kamailio/*"), *(SHARED / "captures").glob("*")]
    return sorted(file for file in files if file.is_file() and file.suffix not in (".md", ".tsv", ".py"))


@pytest.mark.parametrize("damage", [cut, dropped, shuffled, flipped, short, merged, timeless])
def test_damaged_captures_are_read_and_shown(
    damage: Callable[[int, list[Packet], random.Random], bytes], tmp_path: Path
) -> None:
    for path in captures():
        for link, found in packets(path, MOST).items():
            name = f"{path.name}.{link}.pcap"
            (tmp_path / name).write_bytes(damage(link, found, random.Random(name)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capture = analyzer.read(tmp_path)
        tables = {name: capture.table(name) for name in schema.TABLES}
        assert str(capture.summary(width=60))
        for no in tables["calls"]["no"].gather_every(max(1, tables["calls"].height // 16)):
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
