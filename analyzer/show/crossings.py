"""What crosses a threshold, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.kpi.catalogue import KPIS

if TYPE_CHECKING:
    import polars as pl


def sentences(crossings: pl.DataFrame, tz: str) -> Iterator[str]:
    """One for each row of ``kpi.thresholds.crossings`` that crosses, one for all that would cross a threshold."""
    import polars as pl

    from analyzer.measure.grouping import INTERVAL

    for row in crossings.filter(pl.col("state") == "crossed").iter_rows(named=True):
        at = row[INTERVAL]
        where = [row["group"]] if row["group"] else []
        if at is not None:
            from analyzer.timezones import zone

            where.append(f"{at.astimezone(zone(tz)):%Y-%m-%d %H:%M:%S}")
        place = f" ({', '.join(where)})" if where else ""
        value = told(row["kpi"], row["value"])
        yield f"threshold {row['threshold']} is crossed: {value}, n {row['n']:,}{place}"
    few = crossings.filter(pl.col("state") == "low_n").group_by("threshold", maintain_order=True)
    for threshold, values, most in few.agg(pl.len(), pl.col("n").max().alias("most")).iter_rows():
        yield f"low n: {threshold} would be crossed by {values:,} value{'s'[: values > 1]}, n {most:,} at most"


def told(kpi: str, value: float | None) -> str:
    """The value with its unit; a dash where there is none."""
    if value is None:
        return "-"
    unit = KPIS[kpi].unit
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.3f} s" if unit == "s" else f"{value:.4g} {unit}"
