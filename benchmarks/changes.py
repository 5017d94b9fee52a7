#!/usr/bin/env python3
"""How often the 95 % interval of a change holds the truth: the table of docs/compare.md.

    python benchmarks/changes.py [--laboratories 1000] [--write]

In each laboratory two captures of so many calls are drawn, and their intervals and that of the change are calculated by
the functions that ``kpis`` and ``compare`` use. The truth is that of what was drawn from: shares that are set, delays
of a known distribution, and the calls of two simulated networks, one of them with a slow node, of which each laboratory
draws a hundred. Without a change, a verdict is wrong in one of twenty laboratories by design; that is counted, too.
``--write`` puts the table into docs/compare.md. The same seed gives the same table.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import analyzer
from analyzer.comparison import change
from analyzer.kpi.intervals import ranks, wilson
from analyzer.simulator import make

DOCS = Path(__file__).resolve().parents[1] / "docs" / "compare.md"
BEGIN, END = "<!-- intervals -->", "<!-- /intervals -->"
SEED = 6076

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One line of the table: shares of laboratories. ``verdicts``: those whose interval has no zero."""

    what: str
    calls: int
    truth: str
    holds_a: float
    holds_change: float
    unbounded: float
    verdicts: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--laboratories", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the table into docs/compare.md")
    options = parser.parse_args()
    table = "\n".join(lines(list(rows(options.laboratories)), options.laboratories))
    print(table)
    if options.write:
        text = DOCS.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        DOCS.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def rows(laboratories: int) -> Iterator[Row]:
    rng = np.random.default_rng(SEED)
    for n in (50, 200, 1000):
        for a, b in ((0.9, 0.9), (0.9, 0.8), (0.99, 0.99), (0.99, 0.95)):
            counts = [rng.binomial(n, p, laboratories) for p in (a, b)]
            yield of_shares("share", n, counts, (a, b))
    for n in (50, 200, 1000):
        for percent in (50, 95):
            for slower in (1.0, 1.2):
                # Delays of people and of networks are skewed: a lognormal with its 95th percentile at 2.6 medians.
                drawn = [rng.lognormal(0, 0.58, (laboratories, n)) * scale for scale in (1.0, slower)]
                truth = tuple(float(np.exp(0.58 * _QUANTILE[percent])) * scale for scale in (1.0, slower))
                yield of_percentiles(f"p{percent}, lognormal", n, percent, drawn, truth)
    for n in (50, 200, 1000):
        for slower in (0.0, 0.2):
            # A node that three of ten calls pass, which takes an exponential time.
            drawn = [
                (rng.random((laboratories, n)) < 0.3) * (rng.exponential(0.1, (laboratories, n)) + more)
                for more in (0.0, slower)
            ]
            yield of_means("mean of a node", n, drawn, (0.03, 0.3 * (0.1 + slower)))
    yield from of_networks(rng, laboratories)


# Standard normal quantiles.
_QUANTILE = {50: 0.0, 95: 1.6448536269514722}


def of_networks(rng: np.random.Generator, laboratories: int) -> Iterator[Row]:
    """Laboratories of a hundred calls each, drawn from those of a network and of the same with a slow node."""
    n = 100
    networks = []
    for slow in ("", "tas1=150"):
        with tempfile.TemporaryDirectory() as place:
            make(place, calls=1500, seed=SEED, slow=slow, keep_messages=False)
            networks.append(analyzer.read(f"{place}/all.pcap").table("calls"))
    answered = [(calls["outcome"] == "answered").to_numpy() for calls in networks]
    counts = [rng.choice(one, (laboratories, n)).sum(axis=1) for one in answered]
    yield of_shares("answered, networks", n, counts, tuple(float(one.mean()) for one in answered))
    delays = [np.sort(calls["pdd_s"].drop_nulls().to_numpy()) for calls in networks]
    for percent in (50, 95):
        drawn = [rng.choice(one, (laboratories, n)) for one in delays]
        truth = tuple(float(one[-(-len(one) * percent // 100) - 1]) for one in delays)
        yield of_percentiles(f"pdd p{percent}, networks", n, percent, drawn, truth)


def of_shares(what: str, n: int, counts: list[NDArray[np.int64]], truth: tuple[float, ...]) -> Row:
    frame = pl.DataFrame({"a_k": counts[0], "b_k": counts[1]})
    sides = []
    for side in "ab":
        low, high = wilson(pl.col(f"{side}_k"), pl.lit(n))
        sides += [(pl.col(f"{side}_k") / n).alias(side), low.alias(f"{side}_low"), high.alias(f"{side}_high")]
    shown = " to ".join(f"{one:.0%}" for one in truth)
    return _row(what, n, shown, frame.select(sides), truth)


def of_percentiles(what: str, n: int, percent: int, drawn: list[Values], truth: tuple[float, ...]) -> Row:
    low, high = ranks(n, percent)
    columns: dict[str, Values | None] = {}
    for side, values in zip("ab", drawn, strict=True):
        ordered = np.sort(values, axis=1)
        columns[side] = ordered[:, -(-n * percent // 100) - 1]
        columns[f"{side}_low"] = None if low is None else ordered[:, low - 1]
        columns[f"{side}_high"] = None if high is None else ordered[:, high - 1]
    frame = pl.DataFrame({name: values for name, values in columns.items() if values is not None})
    missing = [pl.lit(None, pl.Float64).alias(name) for name, values in columns.items() if values is None]
    return _row(what, n, " to ".join(f"{one:.2f} s" for one in truth), frame.with_columns(missing), truth)


def of_means(what: str, n: int, drawn: list[Values], truth: tuple[float, ...]) -> Row:
    frame = pl.DataFrame(
        {f"{side}{name}": value for side, x in zip("ab", drawn, strict=True) for name, value in _moments(x, n).items()}
    )
    reach = change.of_means(*(pl.col(f"{side}_{name}") for side in "ab" for name in ("n", "mean", "var")))
    ends = frame.select(change=pl.col("b_mean") - pl.col("a_mean"), reach=reach)
    found = ends.select("change", low=pl.col("change") - pl.col("reach"), high=pl.col("change") + pl.col("reach"))
    holds = _holds(found, "low", "high", truth[1] - truth[0])
    shown = " to ".join(f"{one:.3f} s" for one in truth)
    return Row(what, n, shown, float("nan"), holds, 0.0, _verdicts(found))


def _moments(x: Values, n: int) -> dict[str, Values]:
    return {"_n": np.full(len(x), float(n)), "_mean": x.mean(axis=1), "_var": x.var(axis=1, ddof=1)}


def _row(what: str, n: int, shown: str, frame: pl.DataFrame, truth: tuple[float, ...]) -> Row:
    found = frame.select(change.of_values("a", "b"))
    unbounded = found.select((pl.col("low").is_null() | pl.col("high").is_null()).mean()).item()
    holds = _holds(found, "low", "high", truth[1] - truth[0])
    return Row(what, n, shown, _holds(frame, "a_low", "a_high", truth[0]), holds, unbounded, _verdicts(found))


def _holds(frame: pl.DataFrame, low: str, high: str, truth: float) -> float:
    """The share of rows whose interval holds the truth; an end that is not there excludes nothing."""
    # As exact as shares of calls are; an end at 0 or 1 is exact.
    inside = (pl.col(low).fill_null(-np.inf) <= truth + 1e-12) & (pl.col(high).fill_null(np.inf) >= truth - 1e-12)
    return float(frame.select(inside.mean()).item())


def _verdicts(found: pl.DataFrame) -> float:
    apart = (pl.col("low") > 0).fill_null(value=False) | (pl.col("high") < 0).fill_null(value=False)
    return float(found.select(apart.mean()).item())


def lines(found: list[Row], laboratories: int) -> Iterator[str]:
    reach = 196 * float(np.sqrt(0.95 * 0.05 / laboratories))
    spread = f"{95 - reach:.1f} to {95 + reach:.1f} %"
    yield f"{laboratories:,} laboratories a line: by chance alone, 95 % are shown as {spread}."
    yield ""
    yield "| figure | calls | truth, A to B | held by the interval of A | by that of the change | unbounded | verdict |"
    yield "|---|---|---|---|---|---|---|"
    for row in found:
        single = "" if np.isnan(row.holds_a) else f"{row.holds_a:.1%}"
        open_ended = f"{row.unbounded:.0%}" if row.unbounded else ""
        yield (
            f"| {row.what} | {row.calls:,} | {row.truth} | {single} | {row.holds_change:.1%} | {open_ended} "
            f"| {row.verdicts:.1%} |"
        )


if __name__ == "__main__":
    main()
