"""The KPIs of two captures side by side, each with its change, an interval and a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from analyzer.comparison import change
from analyzer.comparison.comparability import REFUSED, Doubt
from analyzer.kpi import catalogue
from analyzer.kpi.kpis import LOW_N
from analyzer.kpi.record import Kpi

#: Shares of which less is better; of all others more is.
LESS_IS_BETTER = frozenset(
    {"ira", "isa", "call_drop", "resent_share", "lossy_audio", "poor_audio", "bad_audio", "one_way_audio_share"}
    | {"short_calls"}
)
#: Delays that are people's: longer is neither better nor worse.
PEOPLES = frozenset({"sdt_s", "sdt_failed_s", "acd_s"})

#: A row per figure: the columns of ``kpis`` that the value and its interval are taken from, by the kind of KPI.
_FIGURES: dict[str, dict[str, tuple[str | None, str | None, str | None]]] = {
    "share": {"value": ("value", "low", "high")},
    "duration": {"p50": ("p50_s", "p50_low_s", "p50_high_s"), "p95": ("p95_s", "p95_low_s", "p95_high_s")},
}


def kpi_changes(a: pl.DataFrame, b: pl.DataFrame, doubts: Iterable[Doubt] = ()) -> pl.DataFrame:
    """``kpi figure unit a_n b_n a b change low high verdict why`` of two tables ``kpis``, as the catalogue has them.

    ``figure``: value, or p50 and p95 of a delay. ``verdict``: better, worse, changed (of what is neither),
    no_difference_shown, low_n, no_data, not_comparable (``why``: the doubt), traffic (a rate or a load, which has no
    interval, for calls do not come independently).
    """
    refused = {population: doubt.kind for doubt in reversed(list(doubts)) for population in REFUSED.get(doubt.kind, ())}
    rows: list[dict[str, Any]] = []
    totals = [{row["kpi"]: row for row in one.filter("total").to_dicts()} for one in (a, b)]
    for kpi in catalogue.KPIS.values():
        both = [total.get(kpi.name) for total in totals]
        for figure, columns in _FIGURES.get(kpi.kind, {"value": ("value", None, None)}).items():
            row: dict[str, Any] = {"kpi": kpi.name, "figure": figure, "unit": kpi.unit, "_kind": _kind(kpi)}
            row["why"] = refused.get(kpi.of)
            for side, total in zip("ab", both, strict=True):
                row[f"{side}_n"] = total["n"] if total else 0
                for end, column in zip(("", "_low", "_high"), columns, strict=True):
                    row[side + end] = total[column] if total and column else None
            rows.append(row)
    texts = dict.fromkeys(("kpi", "figure", "unit", "_kind", "why"), pl.String)
    numbers = {f"{side}{end}": pl.Float64 for side in "ab" for end in ("", "_low", "_high")}
    table = pl.DataFrame(rows, schema={**texts, "a_n": pl.Int64, "b_n": pl.Int64, **numbers})
    table = table.with_columns(change.of_values("a", "b")).with_columns(verdict=_verdict())
    names = ("kpi", "figure", "unit", "a_n", "b_n", "a", "b", "change", "low", "high", "verdict")
    return table.select(*names, why=pl.when(pl.col("verdict") == "not_comparable").then("why"))


def _kind(kpi: Kpi) -> str:
    """What a higher value is: better, worse, neither, or a matter of traffic."""
    if kpi.kind == "share":
        return "worse" if kpi.name in LESS_IS_BETTER else "better"
    if kpi.kind == "duration":
        return "neither" if kpi.name in PEOPLES else "worse"
    return "traffic"


def _verdict() -> pl.Expr:
    kind, up, down = pl.col("_kind"), pl.col("low") > 0, pl.col("high") < 0
    few = (pl.col("a_n") < LOW_N) | (pl.col("b_n") < LOW_N)
    cases = [
        (pl.col("a").is_null() | pl.col("b").is_null(), pl.lit("no_data")),
        (pl.col("why").is_not_null(), pl.lit("not_comparable")),
        (kind == "traffic", pl.lit("traffic")),
        (few, pl.lit("low_n")),
        ((up | down) & (kind == "neither"), pl.lit("changed")),
        (up, pl.when(kind == "better").then(pl.lit("better")).otherwise(pl.lit("worse"))),
        (down, pl.when(kind == "better").then(pl.lit("worse")).otherwise(pl.lit("better"))),
    ]
    told: pl.Expr = pl.lit("no_difference_shown")
    for holds, verdict in reversed(cases):
        told = pl.when(holds.fill_null(value=False)).then(verdict).otherwise(told)
    return told
