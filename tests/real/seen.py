"""Captures of other people, read by hand: what must be seen in one, and how a table is compared with it.

Of each capture the packets were read one by one before the program was asked, with tshark's times and the standards
alone. `what` says what happens in it; the rows say it in the columns of the tables, and only of columns that a reader
can tell for sure. Times are seconds since 1970 as tshark prints them; durations are differences of these, worked by
hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import captures
import polars as pl
from places import shared

import analyzer

Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What must be seen in a capture: all rows of a table, and its transactions by outcome; None says nothing."""

    name: str
    what: str
    transactions: dict[str, int] | None = None
    dialogs: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    registrations: list[Row] | None = field(default_factory=list)


@cache
def read(name: str) -> analyzer.Capture:
    return captures.read(shared("captures", name))


def nanoseconds(text: str) -> int:
    return int(Decimal(text) * 1_000_000_000)


def compare(frame: pl.DataFrame, rows: list[Row]) -> None:
    """All rows in their order, in the columns that the rows name."""
    found = frame.to_dicts()
    assert len(found) == len(rows)
    for mine, true in zip(found, rows, strict=True):
        told = {name: nanoseconds(v) if name.endswith("_at") and v is not None else v for name, v in true.items()}
        assert {name: mine[name] for name in told} == told


def in_nanoseconds(capture: analyzer.Capture, table: str) -> pl.DataFrame:
    """A table with its times as integers: Python's datetime ends at microseconds."""
    return capture.table(table).with_columns(pl.selectors.datetime().dt.timestamp("ns"))
