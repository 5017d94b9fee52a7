"""Captures of a moment each, read one after the other: the calls that are told are those of the whole."""

from __future__ import annotations

import io
from pathlib import Path

import captures
import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer.live.following import Following
from analyzer.live.segments import Segments

#: Each has calls that come out in another way, or whose messages come in several packets.
FOLLOWED = ["outcomes.pcap", "tcp_ugly.pcap", "ipv6_fragments.pcap", "hep_v3.pcap"]


def exported(name: str) -> bytes:
    """A sample as pcapng, in order of time."""
    captures.read(SAMPLES / name).export(copy := io.BytesIO())
    return copy.getvalue()


def followed(data: bytes, step: int, folder: Path) -> dict[int, tuple[str, str | None]]:
    """The outcome that was told last of each call."""
    segments, following = Segments(), Following()
    told: dict[int, tuple[str, str | None]] = {}
    for number, start in enumerate(range(0, len(data), step)):
        segments.feed(data[start : start + step])
        path = folder / f"live-{number}.pcap"
        if segments.cut(path):
            for row in following.take(path, path.name).calls:
                told[row["call"]] = (row["outcome"], row["outcome_detail"])
    return told


@pytest.mark.parametrize("name", FOLLOWED)
def test_calls_are_told_as_the_whole_capture_tells_them(name: str, tmp_path: Path) -> None:
    data = exported(name)
    over = (pl.col("outcome") != "unfinished") & (pl.col("answered_at").is_null() | pl.col("ended_at").is_not_null())
    # Of the whole, for its end tells a timeout from what was not waited for.
    calls = analyzer.read(io.BytesIO(data)).table("calls").filter(over)
    expected = {row["call"]: (row["outcome"], row["outcome_detail"]) for row in calls.iter_rows(named=True)}
    assert followed(data, max(1, len(data) // 4), tmp_path) == expected != {}


def test_a_call_is_told_when_it_ends_and_once(tmp_path: Path) -> None:
    data = exported("basic_call.pcap")
    segments, following = Segments(), Following()
    told = []
    for number, byte in enumerate(range(0, len(data), 500)):
        segments.feed(data[byte : byte + 500])
        path = tmp_path / f"live-{number}.pcap"
        if segments.cut(path):
            told.append([row["outcome"] for row in following.take(path, path.name).calls])
    assert [moment for moment in told if moment] == [["answered"]]


def test_silence_ends_what_waits_for_an_answer(tmp_path: Path) -> None:
    segments, following = Segments(), Following()
    segments.feed((SAMPLES / "basic_call.pcap").read_bytes()[: 24 + 16 + 14 + 20 + 8 + 670])
    path = tmp_path / "live.pcap"
    assert segments.cut(path) == 1
    assert following.take(path, path.name).calls == []
    first = analyzer.read(path).table("messages")["time"].to_physical()[0]
    # Timer B is 32 s (RFC 3261 §17.1.1.2).
    assert following.passed(first + 10 * 10**9).calls == []
    assert [row["outcome"] for row in following.passed(first + 600 * 10**9).calls] == ["timeout"]


def test_of_signalling_alone_nothing_is_told_of_media(tmp_path: Path) -> None:
    (call,) = Following().take(SAMPLES / "basic_call.pcap", "a").calls
    assert (call["media"], call["loss"], call["mos"]) == (None, None, None)
