"""Values of KPIs, and what crosses a threshold, in words."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from analyzer.explain.phrases import Say
from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.record import Kpi
from analyzer.measure.grouping import INTERVAL
from analyzer.show.text import safe, seconds
from analyzer.timezones import zone


def told(kpi: Kpi, value: float | None) -> str:
    """The value with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if kpi.unit == "share":
        return f"{100 * value:.1f} %"
    return seconds(value) if kpi.unit == "s" else f"{value:,.4g} {kpi.unit}"


def sentences(crossings: pl.DataFrame, tz: str, say: Say = str) -> Iterator[tuple[str, str]]:
    """Tone (bad, warn) and sentence: one for each row of ``kpi.thresholds.crossings`` that crosses, and one for all
    that would cross a threshold if they rested on more."""
    for row in crossings.filter(state="crossed").iter_rows(named=True):
        at = row[INTERVAL]
        when = "" if at is None else f"{at.astimezone(zone(tz)):%Y-%m-%d %H:%M:%S}"
        place = ", ".join(part for part in (row["group"] or "", when) if part)
        yield (
            "bad",
            say("threshold {threshold} is crossed: {value}, n {n:,}{place}").format(
                threshold=row["threshold"],
                value=told(KPIS[row["kpi"]], row["value"]),
                n=row["n"],
                place=safe(f" ({place})") if place else "",
            ),
        )
    few = crossings.filter(state="low_n").group_by("threshold", maintain_order=True)
    for threshold, values, most in few.agg(pl.len(), pl.col("n").max().alias("most")).iter_rows():
        yield (
            "warn",
            say("low n: {threshold} would be crossed, values {values:,}, n {most:,} at most").format(
                threshold=threshold, values=values, most=most
            ),
        )
