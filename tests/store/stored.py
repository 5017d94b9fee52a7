"""Stores of captures that a test makes, held against the same captures read whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import merged
import polars as pl
from merged import Linked
from places import SAMPLES

import analyzer
from analyzer import Capture, schema
from analyzer.store import batch

#: Samples with calls over B2BUAs, transfers, forks, refusals, registrations, subscriptions, short messages, TCP, media.
SEVERAL = (
    *("services", "volte_failures", "ims_core", "outcomes", "blind_transfer", "hold_resume", "proxy_auth", "sms"),
    *("tcp_ugly", "websocket_call", "identity_reuse", "media"),
)  # fmt: skip


def several() -> list[Linked]:
    """Their packets, one sample after the other in time."""
    return merged.packets_of(path for name in SEVERAL if (path := SAMPLES / f"{name}.pcap").exists())


def rotated(folder: Path, packets: Sequence[Linked], count: int) -> list[Path]:
    """The packets in so many files, each of which goes on where the one before it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-len(packets) // count)
    parts = (packets[at : at + size] for at in range(0, len(packets), size))
    return [merged.write(folder / f"part{number:03}.pcapng", part) for number, part in enumerate(parts)]


def batched(origins: Iterable[Path], folder: Path, **options: Any) -> Capture:
    """A store of captures, opened."""
    batch.run([str(path) for path in origins], folder, batch.Options(**options))
    return analyzer.open_store(folder)


def different(whole: Capture, store: Capture) -> list[str]:
    """The tables that are not row for row the same."""
    return [name for name in schema.TABLES if not same(whole.table(name), store.table(name))]


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """The same rows in the same order; where a file lies does not count."""
    return one.drop("path", strict=False).equals(other.drop("path", strict=False))
