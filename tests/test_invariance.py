"""The same tables whatever the files, their order, the threads; and a capture seen twice changes no call.

Over one capture of all samples, and some alone: of one call, of packets seen twice, and of time that runs backwards.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from pathlib import Path

import merged
import pcaps
import polars as pl
import pytest
from merged import Linked
from places import SAMPLES, SHARED
from polars.testing import assert_frame_equal

import analyzer
from analyzer import Capture, schema

pytestmark = pytest.mark.slow

# Of the packets and files; everything else must not change.
WHERE = ["file", "frame", "answer_frame", "byte_offset", "frames"]
# Tables about files and packets.
ABOUT_CAPTURE = ("files", "problems", "account")
# What capture points have to do with each other.
ABOUT_POINTS = ("clocks", "losses")
TABLES = tuple(name for name in schema.TABLES if name not in ABOUT_CAPTURE)
# How often a packet of media was captured, reports of RTCP among them.
OBSERVED = ["packets", "doubled", "sliced", "reports"]
OF_MEDIA = ("streams", "stream_intervals", "rtcp_reports")
# Tables without a row for every observation.
FOUND = tuple(name for name in TABLES if name not in ("messages", "sdp", "diameter"))

ALONE = [
    SAMPLES / "basic_call.pcap",
    SAMPLES / "doubled.pcap",
    SHARED / "captures" / "arkime__arkime__arkime_synthetic.pcap",
]


def packets(of: str | Path) -> list[Linked]:
    """Those of a capture in its order, which is not always that of their times, or of many captures merged."""
    if isinstance(of, str):
        return merged.packets(of)
    by_link = pcaps.packets(of)
    return [(link, packet) for link, found in by_link.items() for packet in found]


@dataclass(frozen=True)
class Whole:
    """A capture as it is, which every test here holds another reading against."""

    packets: list[Linked]
    capture: Capture


@pytest.fixture(scope="module", params=[*merged.ORIGINS, *ALONE], ids=lambda of: getattr(of, "stem", of))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    found = packets(request.param)
    if isinstance(request.param, str):
        return Whole(found, merged.capture(request.param))
    file = merged.write(tmp_path_factory.mktemp("whole") / "whole.pcapng", found)
    return Whole(found, analyzer.read(file, threads=2))


def tables(capture: Capture, names: tuple[str, ...]) -> dict[str, pl.DataFrame]:
    return {name: capture.table(name).drop(WHERE, strict=False) for name in names}


def assert_same(ours: dict[str, pl.DataFrame], others: dict[str, pl.DataFrame]) -> None:
    for name, frame in ours.items():
        assert_frame_equal(frame, others[name])


def test_ten_files_in_any_order_are_one_capture(whole: Whole, tmp_path: Path) -> None:
    found = whole.packets
    size = -(-len(found) // 10)
    parts = [merged.write(tmp_path / f"part{at}.pcapng", found[at : at + size]) for at in range(0, len(found), size)]
    random.Random(7).shuffle(parts)
    backwards = bool(whole.capture.table("files")["backward_steps"].sum())
    names = tuple(name for name in TABLES if name not in ABOUT_POINTS or not backwards)
    one, ten = tables(whole.capture, names), tables(analyzer.read(parts), names)
    if backwards:
        # Its time runs backwards, so that its parts overlap in time: files that do are several capture points.
        one, ten = ({name: frame.drop("point", strict=False) for name, frame in of.items()} for of in (one, ten))
    assert_same(one, ten)


@pytest.mark.parametrize("how", ["appended", "interleaved"])
def test_a_doubled_capture_has_the_same_calls(whole: Whole, how: str, tmp_path: Path) -> None:
    found = whole.packets
    twice = [*found, *found] if how == "appended" else [packet for packet in found for _ in range(2)]
    both = analyzer.read(merged.write(tmp_path / "doubled.pcapng", twice))
    ours, others = (tables(capture, FOUND) for capture in (whole.capture, both))
    for found_in in (ours, others):
        # That it is doubled is a finding of its own, and has a number.
        for name in ("findings", "finding_cases"):
            found_in[name] = found_in[name].filter(pl.col("code") != "capture_doubled").drop("finding")
        for name in OF_MEDIA:
            found_in[name] = found_in[name].drop(OBSERVED, strict=False)
    assert_same(ours, others)
    resent, resent_in_both = (capture.table("messages")["retransmission"].sum() for capture in (whole.capture, both))
    assert resent == resent_in_both


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_one_thread_or_two(origin: str) -> None:
    one = analyzer.read(io.BytesIO(pcaps.pcapng(merged.packets(origin))), threads=1)
    for table in schema.TABLES:
        assert_frame_equal(one.table(table), merged.capture(origin).table(table))
