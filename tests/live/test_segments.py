"""A stream of packets cut into captures: every packet once, whatever came when."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from places import SAMPLES

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.live.segments import Segments

STREAMS = ["basic_call.pcap", "format_big_endian_ns.pcap", "format_sections.pcapng", "volte_call.pcap"]


@pytest.mark.parametrize("name", STREAMS)
def test_every_packet_is_in_one_of_the_captures(name: str, tmp_path: Path) -> None:
    data, drawn = (SAMPLES / name).read_bytes(), random.Random(name)
    segments, at, counts = Segments(), 0, []
    while at < len(data):
        step = drawn.randint(1, 3000)
        segments.feed(data[at : at + step])
        at += step
        if drawn.random() < 0.5 and segments.cut(path := tmp_path / f"{len(counts)}.pcap"):
            counts.append(int(analyzer.read(path).table("files")["packets"].sum()))
    if segments.cut(path := tmp_path / "last.pcap"):
        counts.append(int(analyzer.read(path).table("files")["packets"].sum()))
    assert sum(counts) == analyzer.read(SAMPLES / name).table("files")["packets"].sum()


def test_what_is_no_stream_of_packets_is_told() -> None:
    with pytest.raises(AnalyzerError, match="no stream of pcap"):
        Segments().feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_packet_of_gigabytes_is_damage() -> None:
    data = bytearray((SAMPLES / "basic_call.pcap").read_bytes())
    struct.pack_into("<I", data, 24 + 8, 0xFFFF_FFFF)
    with pytest.raises(AnalyzerError, match="damaged: a packet of 4294967295 bytes"):
        Segments().feed(bytes(data))


@pytest.mark.parametrize(("kept", "said"), [(0, "nothing came"), (3, "of which 3 bytes"), (100, "of which 76 bytes")])
def test_a_stream_that_ends_within_a_packet_is_told(kept: int, said: str) -> None:
    """The header of a pcap has 24 bytes; the first record behind it is longer than 76."""
    segments = Segments()
    segments.feed((SAMPLES / "basic_call.pcap").read_bytes()[:kept])
    with pytest.raises(AnalyzerError, match=said):
        segments.end()


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_ends_behind_a_packet_is_whole(name: str) -> None:
    segments = Segments()
    segments.feed((SAMPLES / name).read_bytes())
    segments.end()


def test_half_a_packet_waits_for_its_rest(tmp_path: Path) -> None:
    data = (SAMPLES / "basic_call.pcap").read_bytes()
    segments = Segments()
    segments.feed(data[:100])
    assert segments.cut(tmp_path / "none.pcap") == 0
    segments.feed(data[100:])
    assert segments.cut(tmp_path / "all.pcap") == 7
