"""How far a change may lie from the one that was measured: 95 % intervals of a difference.

Of two values with intervals of their own, the interval of their difference by the method of variance estimates recovery
(Donner and Zou 2012, "Closed-form confidence intervals for functions of the normal mean and standard deviation"). With
the intervals of Wilson it is that of Newcombe for two shares (Newcombe 1998, "Interval estimation for the difference
between independent proportions", method 10); with order statistics it holds for percentiles. The cases of both captures
must be independent of each other. ``benchmarks/changes.py`` measures how often the truth lies inside.
"""

from __future__ import annotations

from statistics import NormalDist

import polars as pl

_Z = NormalDist().inv_cdf(0.975)


def of_values(a: str, b: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """The change from A to B and both ends of its interval: of columns ``{a}``, ``{a}_low``, ``{a}_high``, and of B.

    An end is null where an end that it rests on is.

    >>> rows = pl.DataFrame({"a": [0.5], "a_low": [0.4], "a_high": [0.6], "b": [0.9], "b_low": [0.8], "b_high": [0.95]})
    >>> change, low, high = of_values("a", "b")
    >>> rows.select(change.round(3), low.round(3), high.round(3)).row(0)
    (0.4, 0.259, 0.512)
    """

    def reach(one: pl.Expr, other: pl.Expr) -> pl.Expr:
        return (one**2 + other**2).sqrt()

    change = pl.col(b) - pl.col(a)
    down = reach(pl.col(b) - pl.col(f"{b}_low"), pl.col(f"{a}_high") - pl.col(a))
    up = reach(pl.col(f"{b}_high") - pl.col(b), pl.col(a) - pl.col(f"{a}_low"))
    return change.alias("change"), (change - down).alias("low"), (change + up).alias("high")


def of_means(n_a: pl.Expr, mean_a: pl.Expr, var_a: pl.Expr, n_b: pl.Expr, mean_b: pl.Expr, var_b: pl.Expr) -> pl.Expr:
    """How far the change of a mean may lie from the one measured, on either side (Welch 1947, for many cases)."""
    # What no case took in a capture did not vary there.
    error = var_a.fill_null(0) / n_a + var_b.fill_null(0) / n_b
    return _Z * error.sqrt()
