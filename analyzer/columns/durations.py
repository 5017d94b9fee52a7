"""Durations: integer nanoseconds until the end, then one division."""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND, ns


def seconds(ns: pl.Expr) -> pl.Expr:
    """Nanoseconds in seconds, each the float that is nearest to the true quotient.

    Polars divides a column by a scalar as a product with its reciprocal, which rounds twice, but not if the column has
    one row: 0.18 would be 0.18000000000000002 or not, with other calls in the table or not. A column is divided by a
    column row by row.
    """
    return ns / (ns * 0 + SECOND)


def delay(ns: pl.Expr) -> pl.Expr:
    """The same of a delay: null where the clock or the order of the packets would make it negative."""
    return pl.when(ns >= 0).then(seconds(ns))


def elapsed(since: str, until: str) -> pl.Expr:
    """The delay from one time to another."""
    return delay(ns(until) - ns(since))
