"""`sdp` beside the media lines that tshark shows in 64 captures of other people."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import captures
import polars as pl
import pytest

import analyzer


def media_lines(path: Path) -> Counter[tuple[int, str]]:
    """What tshark shows of each ``m=`` line, as (frame, line)."""
    fields = ("frame.number", "frame.protocols", "sdp.media")
    heuristics = ["-o", "esp.enable_null_encryption_decode_heuristic:TRUE"]
    command = [
        "tshark",
        "-n",
        *heuristics,
        "-r",
        str(path),
        "-Y",
        "sip && sdp.media",
        "-T",
        "fields",
        "-E",
        "aggregator=|",
    ]
    shown = subprocess.run(
        [*command, *(word for name in fields for word in ("-e", name))], capture_output=True, text=True, timeout=120
    ).stdout
    found: Counter[tuple[int, str]] = Counter()
    for row in shown.splitlines():
        frame, protocols, lines = row.split("\t")
        if "icmp" not in protocols.split(":"):
            found.update((int(frame), " ".join(line.split())) for line in lines.split("|"))
    return found


@pytest.mark.tshark
@pytest.mark.shared
def test_media_lines_are_those_of_tshark(tmp_path: Path) -> None:
    """In one capture, for tshark takes long to start."""
    path = tmp_path / "merged.pcapng"
    subprocess.run(["mergecap", "-a", "-w", path, *captures.REAL_FILES], check=True)
    capture = analyzer.read(path)
    messages = capture.table("messages")
    first = pl.coalesce("original", "message")
    ours = messages.select("frame", message=first).join(capture.table("sdp"), on="message", maintain_order="left_right")
    port = pl.concat_str(pl.col("port"), pl.format("/{}", "port_count").fill_null(""))
    line = pl.concat_str("media", port, "proto", "formats", separator=" ")
    found, expected = Counter(ours.select("frame", line).rows()), media_lines(path)
    assert sum(expected.values()) > 1000
    assert found == expected
