"""All KPIs over whole columns: one row per KPI, group and interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Literal

import polars as pl

from analyzer import schema
from analyzer.columns.distribution import LEAST_FOR_P99
from analyzer.columns.durations import seconds
from analyzer.columns.typed import typed
from analyzer.errors import FilterError
from analyzer.kpi import catalogue
from analyzer.kpi.concurrency import loads
from analyzer.kpi.intervals import order_statistics, wilson
from analyzer.kpi.observed import covered
from analyzer.kpi.populations import COLUMNS, POPULATIONS, Piece, Population, Tables
from analyzer.kpi.record import Kpi
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By, measured, share

#: Of fewer units a value says little: it is marked, and crosses no threshold.
LOW_N = 30


def kpis(
    tables: Tables,
    *,
    by: By = None,
    every: str | None = None,
    tz: str = "UTC",
    only: By = None,
    pieces: Iterable[Piece] | None = None,
) -> pl.DataFrame:
    """The table ``kpis``, after the columns of ``by``: a row per KPI, group and interval, and one over all.

    ``tables`` gives a table by its name. ``by`` takes what ``populations.COLUMNS`` lists; a KPI whose population has no
    such column has no row. ``every`` makes intervals by the start of what is counted. ``only`` names the KPIs wanted.
    The row over all (``total``) is made of the rows themselves, never of those of the groups, so that a call which
    several groups have counts once. ``pieces`` are the same tables in pieces, measured one after another: what is
    counted and added up of each is little. Raises :class:`~analyzer.errors.FilterError`.
    """
    keys = grouping.columns(by, COLUMNS)
    groups = [*keys, INTERVAL] if every else keys
    wanted = chosen(only)
    intervals = covered(tables("files"), every, tz)
    whole = covered(tables("files"), None, tz)
    used = [POPULATIONS[name] for name in dict.fromkeys(kpi.of for kpi in wanted)]
    able = [population for population in used if set(keys) <= set(population.columns)]
    if not able:
        raise FilterError(
            f"by {', '.join(keys)}: no KPI can be grouped by all of these; docs/kpis.md lists what each can"
        )
    # Calls have their numbers in the whole.
    if pieces is None or "no" in keys:
        pieces = [lambda name: tables(name).lazy()]
    counted = {population.name: _Counted(population, wanted, keys, every, tz) for population in able}
    for piece in pieces:
        for one in counted.values():
            one.add(piece)
    parts = [row for one in counted.values() for row in one.told(whole, intervals)]
    table = pl.concat(parts, how="diagonal_relaxed")
    # A group without anything of the kind has no row; over all it is said that there is no data.
    table = table.filter(pl.col("total") | (pl.col("n") > 0) | (pl.col("excluded") > 0))
    table = _with_intervals(table)
    table = _with_doubts(table, tables("files"))
    order = {kpi.name: place for place, kpi in enumerate(wanted)}
    table = table.with_columns(_place=pl.col("kpi").replace_strict(order, return_dtype=pl.Int64))
    table = table.sort("_place", "total", *groups, descending=[False, True, *[False] * len(groups)], nulls_last=True)
    entry = schema.MEASURES["kpis"]
    return pl.concat([table.select(groups), typed(table, entry)], how="horizontal") if groups else typed(table, entry)


def chosen(only: By) -> list[Kpi]:
    """The KPIs of these names, in the order of the catalogue; all without any. Raises
    :class:`~analyzer.errors.FilterError` for another name."""
    try:
        asked = grouping.columns(only, catalogue.KPIS)
    except FilterError as error:
        raise FilterError(f"only{str(error).removeprefix('by')}") from error
    return [kpi for name, kpi in catalogue.KPIS.items() if name in asked or not asked]


# ---- one population --------------------------------------------------------------------------------------------------


class _Counted:
    """One population as it is counted, over all and in groups, piece by piece."""

    def __init__(
        self, population: Population, wanted: Sequence[Kpi], keys: list[str], every: str | None, tz: str
    ) -> None:
        self._population = population
        self._own = [kpi for kpi in wanted if kpi.of == population.name]
        self._keys, self._every, self._tz = keys, every, tz
        self._groups = [*keys, INTERVAL] if every else keys
        self._total: list[_Figures] = []
        self._in_groups: list[_Figures] = []

    def add(self, piece: Piece) -> None:
        """Takes in a piece; of its tables the columns that these KPIs look at are read."""
        population = self._population
        looked_at = {population.at, *self._keys, *(population.joined if self._keys else ())}
        looked_at.update(name for kpi in self._own for name in _columns(kpi))
        rows = population.rows(piece, looked_at)
        names = [name for name in rows.collect_schema().names() if name in looked_at]
        found = rows.select(names).collect(engine="in-memory")
        self._total.append(_Figures.of(found, [], population.at, self._own))
        if self._groups:
            found = population.grouped(found, self._keys, piece)
            at = pl.col(population.at).cast(pl.Datetime("ns", "UTC"))
            found = grouping.with_interval(found, at, self._every, self._tz)
            self._in_groups.append(_Figures.of(found, self._groups, population.at, self._own))

    def told(self, whole: pl.DataFrame, intervals: pl.DataFrame) -> list[pl.DataFrame]:
        """A frame per KPI, over all and in groups."""
        found = _told(_Part(self._population, _Figures.together(self._total, []), [], whole), self._own, total=True)
        if self._groups:
            figures = _Figures.together(self._in_groups, self._groups)
            found += _told(_Part(self._population, figures, self._groups, intervals), self._own, total=False)
        return found


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is kept of rows: ``sums`` per group; of peaks how many began in each second, of loads what lasts, by KPI."""

    sums: pl.DataFrame
    seconds: dict[str, pl.DataFrame]
    lasting: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, rows: pl.DataFrame, groups: Sequence[str], at: str, own: Sequence[Kpi]) -> _Figures:
        """The figures of rows."""
        seconds, lasting = {}, {}
        for kpi in own:
            if kpi.kind == "peak_rate":
                second = pl.col(at).dt.truncate("1s").alias("_second")
                begun = rows.filter(_counts(kpi), pl.col(at).is_not_null())
                seconds[kpi.name] = begun.group_by(*groups, second).agg(pl.len().cast(pl.Int64))
            elif kpi.kind in ("load", "peak_load"):
                keys = [name for name in groups if name != INTERVAL]
                lasting[kpi.name] = rows.filter(_counts(kpi)).select(*keys, "_since", "_until")
        figures = [figure for kpi in own for figure in _figures(kpi)]
        return cls(measured(rows, groups, figures), seconds, lasting)

    @classmethod
    def together(cls, pieces: Sequence[_Figures], groups: Sequence[str]) -> _Figures:
        """Those of all pieces, as of their rows at once."""
        sums = pl.concat([piece.sums for piece in pieces])
        figures = [_added(name, kind) for name, kind in sums.schema.items() if name not in groups]
        seconds = {
            name: pl.concat([piece.seconds[name] for piece in pieces])
            .group_by(*groups, "_second")
            .agg(pl.col("len").sum())
            for name in pieces[0].seconds
        }
        lasting = {name: pl.concat([piece.lasting[name] for piece in pieces]) for name in pieces[0].lasting}
        return cls(measured(sums, groups, figures), seconds, lasting)


def _added(name: str, kind: pl.DataType) -> pl.Expr:
    """A figure of several pieces: numbers are added up, values stand in order."""
    if not isinstance(kind, pl.List):
        return pl.col(name).sum()
    return pl.col(name).list.drop_nulls().explode().drop_nulls().sort().implode()


@dataclass(frozen=True, slots=True)
class _Part:
    """What was counted of a population, what it is grouped by, and the time that it is of (``observed.covered``)."""

    population: Population
    figures: _Figures
    groups: list[str]
    intervals: pl.DataFrame

    def of_time(self, found: pl.DataFrame) -> pl.DataFrame:
        """With the seconds captured as ``denominator``."""
        on = [INTERVAL] if INTERVAL in self.groups else []
        return _beside(found, self.intervals.select(INTERVAL, denominator="seconds"), on)


def _told(part: _Part, own: Sequence[Kpi], *, total: bool) -> list[pl.DataFrame]:
    """A frame per KPI: groups, ``kpi unit point total n numerator denominator value values excluded excluded_why``."""
    table = part.figures.sums
    told = []
    for kpi in own:
        names = {name: f"{kpi.name}.{name}" for name in ("n", "top", "bottom", "values")}
        reasons = [f"{kpi.name}.-{place}" for place, _ in enumerate(_reasons(kpi))]
        found = table.select(
            *part.groups,
            *(pl.col(column).alias(name) for name, column in names.items() if column in table.columns),
            excluded=pl.sum_horizontal(pl.lit(0, pl.Int64), *reasons),
            excluded_why=_why(kpi),
        )
        told.append(
            _valued(found, kpi, part).with_columns(
                kpi=pl.lit(kpi.name),
                unit=pl.lit(kpi.unit),
                point=pl.lit(kpi.point or part.population.point),
                total=pl.lit(total),
            )
        )
    return told


def _valued(found: pl.DataFrame, kpi: Kpi, part: _Part) -> pl.DataFrame:
    """With ``numerator``, ``denominator`` and ``value``; of a peak with the last alone."""
    if kpi.kind == "peak_rate":
        most = measured(
            part.figures.seconds[kpi.name], part.groups, [pl.col("len").max().cast(pl.Float64).alias("peak")]
        )
        found = _beside(found, most, part.groups)
        # Where nothing began, nothing is the most; what has no time began some time.
        return found.with_columns(value=pl.when(pl.col("n") == 0).then(0.0).otherwise("peak"))
    if kpi.kind in ("load", "peak_load"):
        found = _with_load(found, part.figures.lasting[kpi.name], part)
        if kpi.kind == "peak_load":
            return found.with_columns(value=pl.col("peak").cast(pl.Float64))
        found = part.of_time(found.with_columns(numerator=seconds(pl.col("busy"))))
    else:
        top = pl.col("n" if kpi.kind == "rate" else "top")
        numerator = seconds(top) if kpi.kind == "duration" else top.cast(pl.Float64)
        found = found.with_columns(numerator=numerator)
        if kpi.kind == "rate":
            found = part.of_time(found)
        else:
            bottom = pl.col("bottom" if kpi.kind == "share" else "n")
            found = found.with_columns(denominator=bottom.cast(pl.Float64))
    return found.with_columns(value=share(pl.col("numerator"), pl.col("denominator")))


def _with_load(found: pl.DataFrame, rows: pl.DataFrame, part: _Part) -> pl.DataFrame:
    """What goes on in an interval, wherever it began: ``busy peak n``; what is excluded stands where it began."""
    groups = part.groups
    cells = loads(rows, [name for name in groups if name != INTERVAL], part.intervals.drop_nulls(["begin", "end"]))
    if INTERVAL not in groups:
        cells = cells.drop(INTERVAL)
    if not groups and not cells.height:
        cells = cells.clear(1)
    found = _beside(found.drop("n"), cells, groups, how="full")
    return found.with_columns(pl.col("busy", "peak", "n", "excluded").fill_null(0))


# A row for each row: literals are one row, whatever they stand beside.
_EVERY = pl.int_range(pl.len()) >= 0


def _about(kpi: Kpi) -> pl.Expr:
    return _EVERY if kpi.about is None else kpi.about.fill_null(value=False)


def _columns(kpi: Kpi) -> set[str]:
    """The columns of its population that it looks at."""
    looked_at = [kpi.top, kpi.bottom, kpi.about, *(reason.rows for reason in kpi.excluded)]
    found = {name for expression in looked_at if expression is not None for name in expression.meta.root_names()}
    return found | ({"_since", "_until"} if kpi.kind in ("load", "peak_load") else set())


def _counts(kpi: Kpi) -> pl.Expr:
    """The rows that count."""
    out = [reason.rows.fill_null(value=False) for reason in kpi.excluded]
    if kpi.kind == "duration" and kpi.top is not None:
        out.append(kpi.top.is_null())
    return _about(kpi) & ~reduce(or_, out) if out else _about(kpi)


def _reasons(kpi: Kpi) -> list[tuple[str, pl.Expr]]:
    """Why rows that it is about do not count, each row under the first reason that holds."""
    left, found = _about(kpi), []
    for reason in kpi.excluded:
        holds = reason.rows.fill_null(value=False)
        found.append((reason.why, left & holds))
        left = left & ~holds
    if kpi.kind == "duration" and kpi.top is not None:
        found.append((kpi.missing, left & kpi.top.is_null()))
    return found


def _figures(kpi: Kpi) -> list[pl.Expr]:
    counts = _counts(kpi)
    figures = [counts.sum().cast(pl.Int64).alias(f"{kpi.name}.n")]
    if kpi.kind in ("share", "duration") and kpi.top is not None:
        figures.append(pl.when(counts).then(kpi.top).cast(pl.Int64).sum().alias(f"{kpi.name}.top"))
    if kpi.kind == "share":
        bottom = _EVERY if kpi.bottom is None else kpi.bottom
        figures.append(pl.when(counts).then(bottom).cast(pl.Int64).sum().alias(f"{kpi.name}.bottom"))
    if kpi.kind == "duration" and kpi.top is not None:
        figures.append(kpi.top.filter(counts).implode().alias(f"{kpi.name}.values"))
    reasons = enumerate(_reasons(kpi))
    return [*figures, *(rows.sum().cast(pl.Int64).alias(f"{kpi.name}.-{place}") for place, (_, rows) in reasons)]


def _why(kpi: Kpi) -> pl.Expr:
    """How many did not count, and why: ``3 unfinished, 1 began before the capture``; null where all did."""
    parts = [
        pl.when(pl.col(f"{kpi.name}.-{place}") > 0).then(pl.format(f"{{}} {why}", f"{kpi.name}.-{place}"))
        for place, (why, _) in enumerate(_reasons(kpi))
    ]
    told = pl.concat_str(parts, separator=", ", ignore_nulls=True) if parts else pl.lit(None, pl.String)
    return pl.when(told != "").then(told)


def _beside(
    table: pl.DataFrame, more: pl.DataFrame, on: Sequence[str], how: Literal["left", "full"] = "left"
) -> pl.DataFrame:
    """The columns of ``more`` beside those of the table: by ``on``, or those of its one row."""
    if on:
        return table.join(more, on=on, how=how, nulls_equal=True, coalesce=True, maintain_order="left")
    return table.join(more.drop(on_ for on_ in (INTERVAL,) if on_ in more.columns), how="cross")


# ---- all of them -----------------------------------------------------------------------------------------------------


def _with_intervals(table: pl.DataFrame) -> pl.DataFrame:
    """With percentiles, and how far the truth may lie from the value of a share, the median and the 95th percentile."""
    figures = {"values": pl.List(pl.Int64()), "numerator": pl.Float64(), "denominator": pl.Float64()}
    lacking = [pl.lit(None, kind).alias(name) for name, kind in figures.items() if name not in table.columns]
    table = table.with_columns(lacking).with_columns(_n=pl.col("values").list.len().cast(pl.Int64))
    for percent in (50, 95):
        ranks = order_statistics(table["_n"], percent).rename({"low": f"_low{percent}", "high": f"_high{percent}"})
        table = table.join(ranks, left_on="_n", right_on="n", how="left", maintain_order="left")

    def value(rank: pl.Expr) -> pl.Expr:
        return seconds(pl.col("values").list.get(rank - 1, null_on_oob=True))

    n = pl.col("_n")
    # Whole numbers, as in columns.distribution: the nearest rank.
    place = {percent: pl.when(n > 0).then((n * percent + 99) // 100) for percent in (50, 95, 99)}
    low, high = wilson(pl.col("numerator"), pl.col("denominator"))
    is_share = pl.col("unit") == "share"
    return table.with_columns(
        low=pl.when(is_share).then(low),
        high=pl.when(is_share).then(high),
        p50_s=value(place[50]),
        p95_s=value(place[95]),
        p99_s=pl.when(n >= LEAST_FOR_P99).then(value(place[99])),
        p50_low_s=value(pl.col("_low50")),
        p50_high_s=value(pl.col("_high50")),
        p95_low_s=value(pl.col("_low95")),
        p95_high_s=value(pl.col("_high95")),
    )


def _with_doubts(table: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """With ``note``: why a value says little, or is not there."""
    counted = pl.col("unit").is_in(["share", "s"])
    stepped, lost = bool((files["backward_steps"] > 0).any()), bool((files["dropped"] > 0).any())
    words = [
        pl.when(pl.col("value").is_null()).then(pl.lit("no_data")),
        pl.when(counted & pl.col("n").is_between(1, LOW_N - 1)).then(pl.lit("low_n")),
        pl.when((pl.col("unit") == "s") & pl.lit(stepped)).then(pl.lit("clock_stepped")),
        pl.when(pl.lit(lost)).then(pl.lit("packets_lost")),
    ]
    note = pl.concat_str(words, separator=" ", ignore_nulls=True)
    return table.with_columns(note=pl.when(note != "").then(note))
