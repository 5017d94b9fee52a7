"""Percentiles: nearest rank, so that each is a value that was measured, never one in between."""

from __future__ import annotations

import polars as pl


def nearest_rank(values: pl.Expr, percent: int) -> pl.Expr:
    """The value at place ⌈p·n/100⌉ of the n sorted values that are there; null where there is none.

    >>> pl.select(nearest_rank(pl.lit(pl.Series([3.0, 1.0, None, 2.0])), 50)).item()
    2.0
    """
    # The place is worked out in integers: 0.07 * 100 is 7.000000000000001, and its ceiling 8.
    place = (values.count().cast(pl.Int64) * percent + 99) // 100
    return values.drop_nulls().sort().get(place - 1, null_on_oob=True)
