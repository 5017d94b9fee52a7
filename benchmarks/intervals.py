"""How often the 95 % intervals of KPIs hold the truth: of shares (Wilson) and of percentiles (order statistics).

Each figure is over 1,000 seeded samples of calls whose answer ratio, or whose distribution of delays, is known. Delays
are log-normal, as set-up times are: their tail is where a symmetric interval would fail.

    python benchmarks/intervals.py
"""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import polars as pl

from analyzer.kpi.intervals import ranks, wilson

SAMPLES = 1000
SIZES = (30, 100, 1000)
SHARES = (0.5, 0.8, 0.95, 0.99)
PERCENTILES = (50, 95)
_MEDIAN_S, _SPREAD = 0.8, 0.7


def of_shares(n: int, p: float) -> float:
    """How often the interval of Wilson holds the share ``p``, of ``n`` calls each time."""
    draws = (random.Random(f"{seed} {n} {p}") for seed in range(SAMPLES))
    answered = [sum(draw.random() < p for _ in range(n)) for draw in draws]
    low, high = wilson(pl.col("part"), pl.lit(n))
    table = pl.DataFrame({"part": answered}).select(held=(low <= p) & (high >= p))
    return float(table["held"].sum()) / SAMPLES


def of_percentiles(n: int, percent: int) -> float | None:
    """How often two order statistics hold the percentile, of ``n`` delays each time; None where there is no bound."""
    low, high = ranks(n, percent)
    if low is None or high is None:
        return None
    truth = _MEDIAN_S * math.exp(_SPREAD * NormalDist().inv_cdf(percent / 100))
    held = 0
    for seed in range(SAMPLES):
        draw = random.Random(f"{seed} {n} {percent}")
        delays = sorted(_MEDIAN_S * math.exp(_SPREAD * draw.gauss()) for _ in range(n))
        held += delays[low - 1] <= truth <= delays[high - 1]
    return held / SAMPLES


def main() -> None:
    """Print the table of docs/kpis.md."""
    print(f"| n | {' | '.join(f'{p:g}' for p in SHARES)} | {' | '.join(f'p{p}' for p in PERCENTILES)} |")
    print("|---|" + "---|" * (len(SHARES) + len(PERCENTILES)))
    for n in SIZES:
        shares = [f"{100 * of_shares(n, p):.1f} %" for p in SHARES]
        found = [of_percentiles(n, percent) for percent in PERCENTILES]
        percentiles = ["none" if held is None else f"{100 * held:.1f} %" for held in found]
        print(f"| {n:,} | {' | '.join((*shares, *percentiles))} |")


if __name__ == "__main__":
    main()
