"""A window holds what is in it, however much was read before it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from pcaps import RAW_IP, pcap

from analyzer.reading.windows import Source, Windows
from tests.sip import wire

#: Some of each window wait for what may still come before them (``max_disorder_ns``, 15 s).
MESSAGES, WINDOW = 600, 30


def texts(messages: pl.DataFrame) -> int:
    """Bytes of text that these rows keep from being freed."""
    columns = messages.select(pl.col(pl.String)).rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    chunks = [chunk for column in columns.columns for chunk in column.chunks]
    return sum(buffer.size for chunk in chunks for buffer in chunk.buffers()[2:])


def test_a_window_does_not_keep_the_text_of_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    dialogue = [
        f"A -> B  OPTIONS call_id={'call' * 9}{number} branch=b{number} @{number}" for number in range(MESSAGES)
    ]
    path.write_bytes(pcap(RAW_IP, wire.packets("\n".join(dialogue))))
    windows = Windows([Source(path.name, str(path), None, path.stat().st_size)], WINDOW, threads=1)
    found = [
        (messages.height, texts(messages))
        for window in windows.through()
        if (messages := window.core["messages"]).height
    ]
    assert sum(height for height, _ in found) == MESSAGES
    # Each is as long as the others, but for its number.
    early, late = found[2], found[-3]
    assert early[0] == late[0] == WINDOW
    assert late[1] < 1.2 * early[1]
