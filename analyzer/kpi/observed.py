"""The time that captures cover, whole and in intervals: what a rate is divided by."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import seconds
from analyzer.columns.times import ns
from analyzer.errors import FilterError
from analyzer.measure.grouping import INTERVAL, length
from analyzer.timezones import zone

#: Intervals of a table: more are a slip of who asked.
MOST_INTERVALS = 1_000_000


def observation(files: pl.DataFrame) -> tuple[int | None, int | None]:
    """Begin and end of all captures in ns; None where no packet has a time."""
    found = files.select(begin=ns("first_at").min(), end=ns("last_at").max())
    return found["begin"].item(), found["end"].item()


def spans(files: pl.DataFrame) -> pl.DataFrame:
    """``begin end`` in ns of each stretch of time that some file covers, in order; files may overlap or leave gaps."""
    known = files.select(begin=ns("first_at"), end=ns("last_at")).drop_nulls().sort("begin")
    until = pl.col("end").cum_max().shift(1)
    return (
        known.with_columns(_span=(pl.col("begin") > until).fill_null(value=False).cum_sum())
        .group_by("_span", maintain_order=True)
        .agg(pl.col("begin").min(), pl.col("end").max())
        .drop("_span")
    )


def covered(files: pl.DataFrame, every: str | None, tz: str) -> pl.DataFrame:
    """``interval_at begin end seconds``: each interval, its ends in ns, and how much of it was captured; without
    ``every`` one row for all. Raises :class:`~analyzer.errors.FilterError` for more intervals than anybody wants."""
    found = spans(files)
    if every is None:
        begin, end = observation(files)
        whole = pl.DataFrame({"begin": [begin], "end": [end]}, schema={"begin": pl.Int64, "end": pl.Int64})
        total = seconds(pl.lit(found.select((pl.col("end") - pl.col("begin")).sum()).to_series()))
        return whole.select(pl.lit(None, pl.Datetime("ns", "UTC")).alias(INTERVAL), "begin", "end", seconds=total)
    step, local = length(every), zone(tz).key
    _check(found, step)
    ends = [
        pl.from_epoch(name, "ns").dt.replace_time_zone("UTC").dt.convert_time_zone(local) for name in ("begin", "end")
    ]
    starts = pl.datetime_ranges(ends[0].dt.truncate(step), ends[1], step, time_zone=local)
    rows = found.with_columns(at=starts).explode("at").drop_nulls("at")
    bounds = {
        INTERVAL: pl.col("at").dt.convert_time_zone("UTC"),
        "_from": pl.col("at").to_physical(),
        "_to": pl.col("at").dt.offset_by(step).to_physical(),
    }
    rows = rows.with_columns(**bounds)
    part = pl.min_horizontal("end", "_to") - pl.max_horizontal("begin", "_from")
    return (
        rows.with_columns(part=part.clip(lower_bound=0))
        .group_by(INTERVAL, maintain_order=True)
        .agg(begin=pl.col("_from").first(), end=pl.col("_to").first(), part=pl.col("part").sum())
        .select(INTERVAL, "begin", "end", seconds=seconds(pl.col("part")))
        .sort(INTERVAL)
    )


def _check(found: pl.DataFrame, every: str) -> None:
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[every[-1]]
    total = int(found.select((pl.col("end") - pl.col("begin")).sum()).item() or 0) // 10**9
    if total // (int(every[:-1]) * unit) > MOST_INTERVALS:
        raise FilterError(f"every {every!r}: more than {MOST_INTERVALS} intervals; a longer one is wanted")
