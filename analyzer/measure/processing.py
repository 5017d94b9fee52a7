"""What nodes take: how long messages were on their way through each."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.distribution import nearest_rank
from analyzer.columns.durations import seconds
from analyzer.columns.times import SECOND
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By, measured

# With fewer, the 99th percentile is the maximum by another name.
_LEAST_FOR_P99 = 100


def processing(hops: pl.DataFrame, *, by: By = None, every: str | None = None, tz: str = "UTC") -> pl.DataFrame:
    """Minimum, mean, percentiles and maximum of ``hops.delay_s``, slowest first: the table ``processing``.

    By node and method, or as ``by`` says: it takes every column of ``hops``. ``every`` makes intervals by the time of
    the messages. Only messages whose delay is known are in it.
    """
    keys = grouping.columns(by, schema.HOPS.names) or ["node", "method"]
    rows = hops.filter(pl.col("delay_s").is_not_null())
    rows = grouping.with_interval(rows, pl.col("time"), every, tz)
    groups = [*keys, INTERVAL] if every else keys
    value, n = (pl.col("delay_s") * SECOND).round().cast(pl.Int64), pl.len().cast(pl.Int64)
    figures = [
        n.alias("messages"),
        seconds(value.min()).alias("min_s"),
        seconds((value.cast(pl.Int128).sum() // n).cast(pl.Int64)).alias("mean_s"),
        *(seconds(nearest_rank(value, percent)).alias(name) for percent, name in ((50, "median_s"), (90, "p90_s"))),
        seconds(nearest_rank(value, 95)).alias("p95_s"),
        pl.when(n >= _LEAST_FOR_P99).then(seconds(nearest_rank(value, 99))).alias("p99_s"),
        seconds(value.max()).alias("max_s"),
    ]
    table = measured(rows, groups, figures).select(*groups, *schema.MEASURES["processing"].names)
    return table.sort(pl.col("p95_s"), *groups, descending=[True, *[False] * len(groups)], nulls_last=True)
