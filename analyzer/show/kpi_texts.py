"""Values of KPIs, and what crosses a threshold, in words."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from analyzer.explain.entries import data
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


def left_out(why: str, language: str) -> str:
    """What did not count and why (``kpis.excluded_why``), in this language.

    >>> left_out("2 unfinished, 1 redirected", "zh")
    '未结束 2、被重定向 1'
    """
    if language == "en" or not why:
        return why
    known: dict[str, str] = data("help_zh")["kpi_reasons"]
    parts = (part.partition(" ") for part in why.split(", "))
    return "、".join(f"{known.get(reason, reason)} {number}" for number, _, reason in parts)


def noted(note: str, language: str) -> str:
    """The words of warning of a KPI (``kpis.note``), in this language.

    >>> noted("low_n packets_lost", "zh")
    '样本少、有丢包'
    """
    if language == "en" or not note:
        return note
    known: dict[str, str] = data("help_zh")["kpi_notes"]
    return "、".join(known.get(word, word) for word in note.split(" "))


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
