"""Media of all captures: tshark counts the same packets, and where there are none nobody finds any."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import captures
import polars as pl
import pytest

#: One way, its source, and of tshark's row: packets, lost, maximum jitter (ms).
Row = tuple[str, int, str, int, int]

#: The clock is another: tshark takes the static 44100 of L16 for a payload type that the description maps to 8000.
OTHER_CLOCK = {"realjimmy__sample-captures__sip-rtp-l16.pcap"}
_LINE = re.compile(
    r"\s+[\d.]+\s+[\d.]+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s+0x([0-9A-F]+)\s+.*?\s+(\d+)\s+(-?\d+) \(-?[\d.]+%\)"
    r"(?:\s+[\d.]+){5}\s+([\d.]+)"
)


def of_tshark(path: Path) -> dict[Row, tuple[int, int, float]]:
    """What it takes for RTP by session descriptions and by its own marks."""
    command = ["tshark", "-n", "-r", str(path), "-q", "--enable-heuristic", "rtp_udp", "-z", "rtp,streams"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        if it := _LINE.match(line):
            key = (it[1], int(it[2]), it[3], int(it[4]), int(it[5], 16))
            found[key] = (int(it[6]), int(it[7]), float(it[8]))
    return found


@pytest.mark.tshark
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("path", captures.REAL_FILES, ids=captures.name_of)
def test_tshark_counts_the_same(path: Path) -> None:
    """tshark subtracts packets that came twice from the lost ones; jitter of doubled packets is its own affair, too."""
    streams = captures.read(path).table("streams")
    if streams.is_empty():
        pytest.skip("no streams")
    theirs = of_tshark(path)
    ends = ["src_ip", "src_port", "dst_ip", "dst_port", "ssrc"]
    counts = pl.col("packets", "expected", "doubled", "reordered").sum()
    for row in streams.group_by(ends).agg(counts, pl.col("jitter_max_s").max()).iter_rows():
        key, (packets, expected, doubled, reordered, jitter) = row[:5], row[5:]
        if key not in theirs:
            continue
        count, lost, jitter_ms = theirs[key]
        assert packets == count
        # It takes the first packet that comes for the first that was sent.
        assert reordered or expected - packets == lost
        if not doubled and path.name not in OTHER_CLOCK:
            assert jitter * 1000 == pytest.approx(jitter_ms, rel=0.01, abs=0.01)


@pytest.mark.parametrize("path", captures.FLOWS, ids=captures.name_of)
def test_there_is_no_stream_where_the_account_has_no_rtp(path: Path) -> None:
    capture = captures.read(path)
    if not capture.table("account")["reason"].str.contains("rtp").any():
        assert capture.table("streams").is_empty()
