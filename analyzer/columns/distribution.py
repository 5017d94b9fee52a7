"""How values are distributed. Percentiles are nearest rank: each is a value that was measured, never one in between."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import seconds

#: With fewer values, the 99th percentile is the maximum by another name.
LEAST_FOR_P99 = 100


def nearest_rank(values: pl.Expr, percent: int) -> pl.Expr:
    """The value at place ⌈p·n/100⌉ of the n sorted values that are there; null where there is none.

    >>> pl.select(nearest_rank(pl.lit(pl.Series([3.0, 1.0, None, 2.0])), 50)).item()
    2.0
    """
    # The place is worked out in integers: 0.07 * 100 is 7.000000000000001, and its ceiling 8.
    place = (values.count().cast(pl.Int64) * percent + 99) // 100
    return values.drop_nulls().sort().get(place - 1, null_on_oob=True)


def figures(ns: pl.Expr) -> list[pl.Expr]:
    """``min_s mean_s median_s p90_s p95_s p99_s max_s`` of durations in ns: in seconds, null where there is none.

    The mean is rounded down to the nanosecond; there is no p99 of fewer than :data:`LEAST_FOR_P99` values.
    """
    n = ns.count()
    mean = pl.when(n > 0).then(ns.cast(pl.Int128).sum() // n).cast(pl.Int64)
    percentiles = {"median_s": 50, "p90_s": 90, "p95_s": 95}
    return [
        seconds(ns.min()).alias("min_s"),
        seconds(mean).alias("mean_s"),
        *(seconds(nearest_rank(ns, percent)).alias(name) for name, percent in percentiles.items()),
        pl.when(n >= LEAST_FOR_P99).then(seconds(nearest_rank(ns, 99))).alias("p99_s"),
        seconds(ns.max()).alias("max_s"),
    ]
