"""How far the true value may lie from one that was measured in few cases: 95 % intervals.

Of a share the interval of Wilson, which stays within 0 and 1 and holds for few cases and for shares near the ends
(Brown, Cai, DasGupta 2001). Of a percentile the order statistics around it: whatever the distribution is, its
percentile lies between the two with that probability (David, Nagaraja: Order Statistics, §7.1). Where there are too few
values for a bound there is none.
"""

from __future__ import annotations

from functools import cache
from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

import polars as pl

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
_Z = NormalDist().inv_cdf(1 - _TAIL)


def wilson(part: pl.Expr, whole: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Both ends of the interval of ``part`` of ``whole``; null where there is nothing to be a part of.

    >>> low, high = wilson(pl.lit(pl.Series([9])), pl.lit(pl.Series([10])))
    >>> pl.select(low=low.round(4), high=high.round(4)).row(0)
    (0.5958, 0.9821)
    """
    n = pl.when(whole > 0).then(whole).cast(pl.Float64)
    p = part / n
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * (p * (1 - p) / n + _Z**2 / (4 * n**2)).sqrt()
    # Where all or none are a part of it, the end is exact; rounding must not put it outside.
    low = pl.when(part == 0).then(0.0 * n).otherwise((centre - reach).clip(0, 1))
    high = pl.when(part == whole).then(0.0 * n + 1.0).otherwise((centre + reach).clip(0, 1))
    return low, high


@cache
def ranks(n: int, percent: int) -> tuple[int | None, int | None]:
    """The ranks, from 1, of the values between which the percentile lies; None where ``n`` values have no such bound.

    >>> ranks(100, 50), ranks(20, 95), ranks(5, 50)
    ((40, 61), (17, None), (None, None))
    """
    low = _smallest(n, percent, _TAIL, at_least=False)
    high = _smallest(n, percent, 1 - _TAIL, at_least=True) + 1
    return (low if low >= 1 else None), (high if high <= n else None)


def _smallest(n: int, percent: int, level: float, *, at_least: bool) -> int:
    """The smallest k of a binomial distribution with P(X <= k) above ``level``, or ``at_least`` that."""
    p = percent / 100
    # Ten deviations below the mean there is nothing to add up.
    first = max(0, int(n * p - 10 * sqrt(n * p * (1 - p)) - 10))
    total = 0.0
    for k in range(first, n + 1):
        total += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p))
        if total > level or (at_least and total >= level):
            return k
    return n


def order_statistics(counts: pl.Series, percent: int) -> pl.DataFrame:
    """``n low high``: the ranks of :func:`ranks` of each distinct count."""
    distinct = sorted(set(counts.drop_nulls().to_list()))
    rows = [(n, *ranks(n, percent)) for n in distinct]
    return pl.DataFrame(rows, schema={"n": pl.Int64, "low": pl.Int64, "high": pl.Int64}, orient="row")
