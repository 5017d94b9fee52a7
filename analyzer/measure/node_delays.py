"""What nodes take: how long messages were on their way through each."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.distribution import figures
from analyzer.columns.durations import nanoseconds
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By, measured


def node_delays(hops: pl.DataFrame, *, by: By = None, every: str | None = None, tz: str = "UTC") -> pl.DataFrame:
    """Minimum, mean, percentiles and maximum of ``hops.delay_s``, slowest first: the table ``node_delays``.

    By node and method, or as ``by`` says: it takes every column of ``hops``. ``every`` makes intervals by the time of
    the messages. Only messages whose delay is known are in it.
    """
    keys = grouping.columns(by, schema.HOPS.names) or ["node", "method"]
    rows = hops.filter(pl.col("delay_s").is_not_null())
    rows = grouping.with_interval(rows, pl.col("time"), every, tz)
    groups = [*keys, INTERVAL] if every else keys
    told = [pl.len().cast(pl.Int64).alias("messages"), *figures(nanoseconds("delay_s"))]
    table = measured(rows, groups, told).select(*groups, *schema.MEASURES["node_delays"].names)
    return table.sort(pl.col("p95_s"), *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
