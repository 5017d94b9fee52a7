"""The figures of KPIs: over time with how far the truth may lie from the value, and which group has it when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import polars as pl
from matplotlib import ticker
from matplotlib.patches import Rectangle

from analyzer.errors import AnalyzerError
from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.kpis import LOW_N
from analyzer.language import SPOKEN
from analyzer.measure.grouping import INTERVAL
from analyzer.show import scales
from analyzer.show.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    VERMILLION,
    axes_of,
    drawable,
    figure_of,
    label,
    legend,
    nothing,
    say,
    titles,
)
from analyzer.show.taken import taken

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from analyzer.kpi.record import Kpi
    from analyzer.show.taken import Table

_CURVES = 6
_ROWS = 12  # of a heat map
_MOST_INTERVALS = 10_000
_CELLS = 18  # columns up to which each cell has its number
_FIGURES = ("value", "low", "high", "p50_s", "p50_low_s", "p50_high_s", "p95_s", "p95_low_s", "p95_high_s", "n")
_LOOKS = (
    (BLUE, "-", "o"),
    (VERMILLION, "--", "s"),
    (GREEN, "-.", "^"),
    (ORANGE, ":", "D"),
    (PURPLE, (0, (5, 1, 1, 1)), "v"),
    (BLACK, (0, (8, 2)), "P"),
)


def _kpi(name: str) -> Kpi:
    if name not in KPIS:
        raise AnalyzerError(f"kpi {name!r}: wanted is one of {', '.join(KPIS)}")
    return KPIS[name]


def _of_groups(kpis: Table, name: str) -> tuple[pl.DataFrame, int]:
    """The rows of one KPI in groups and intervals, with ``group``: what they are grouped by, in one text; and how many
    count over all."""
    columns = list(kpis.columns)
    groups = [column for column in columns[: columns.index("kpi")] if column != INTERVAL] if "kpi" in columns else []
    times = [INTERVAL] if INTERVAL in columns else []
    table = taken(kpis, *groups, *times, "kpi", *_FIGURES, "total")
    if not times:
        table = table.clear().with_columns(pl.lit(None, pl.Datetime("ns", "UTC")).alias(INTERVAL))
    texts = [pl.col(column).cast(pl.String).fill_null("none") for column in groups]
    named = pl.concat_str(texts, separator=" > ") if texts else pl.lit("all")
    rows = table.filter(pl.col("kpi") == name, ~pl.col("total"), pl.col(INTERVAL).is_not_null())
    total = table.filter(pl.col("kpi") == name, pl.col("total"))["n"].sum()
    return rows.with_columns(named.alias("group")), int(total)


def _largest(rows: pl.DataFrame, most: int) -> list[str]:
    """The groups with the most that counts."""
    counts = rows.group_by("group").agg(pl.col("n").sum()).sort(["n", "group"], descending=[True, False])
    return counts["group"].head(most).to_list()


def _began(found: Kpi, axes: Axes, rows: pl.DataFrame, n: int, shown: int, more: str) -> bool:
    """Titles; whether there is something to draw."""
    groups = rows["group"].n_unique()
    part = say("; {n} of {whole} groups").format(n=shown, whole=groups) if groups > shown else ""
    titles(axes, _title(found), f"n {n:,}{part}{more}")
    if rows["value"].count():
        return True
    nothing(axes, say("no {kpi} over time").format(kpi=found.name))
    return False


def _title(found: Kpi) -> str:
    """In the language that is spoken, where a font has it."""
    english = found.titles["en"]
    told = found.titles.get(SPOKEN.get(), english)
    told = told if drawable(told) else english
    return told[:1].upper() + told[1:]


def kpi_over_time(kpis: Table, *, kpi: str = "ser", tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """One KPI of each interval, with its 95 % interval as a band: the table ``kpis``, made with ``every``.

    A share has its value; a duration its median and, of all together, its 95th percentile. Each group has a curve, the
    six largest. A mark is hollow where fewer than 30 count; a line breaks where there is no data.
    """
    found = _kpi(kpi)
    rows, total = _of_groups(kpis, kpi)
    names = _largest(rows, _CURVES)
    with axes_of(ax) as axes:
        counted = found.kind in ("share", "duration")
        more = say("; bands: 95 % intervals; hollow: n < {low}").format(low=LOW_N) if counted else ""
        if not _began(found, axes, rows, total, len(names), more):
            return figure_of(axes)
        every = _length(rows[INTERVAL])
        steps = scales.intervals(rows[INTERVAL], every, tz) if every else rows[INTERVAL].unique().sort()
        begins = steps[:-1] if every else steps
        edges = scales.days(steps)
        middle = (edges[:-1] + edges[1:]) / 2 if every else edges
        one, unit = (1.0, found.unit) if found.kind != "duration" else scales.unit(float(rows["p95_s"].max() or 1))  # type: ignore[arg-type]
        lines = [("value", "low", "high", "")]
        if found.kind == "duration":
            lines = [("p50_s", "p50_low_s", "p50_high_s", say("median")), ("p95_s", "p95_low_s", "p95_high_s", "p95")]
            lines = lines if len(names) == 1 else lines[:1]
        drawn = [(name, line) for name in names for line in lines]
        for (name, (value, low, high, figure)), (colour, style, marker) in zip(drawn, _LOOKS, strict=False):
            own = begins.to_frame(INTERVAL).join(
                rows.filter(pl.col("group") == name), on=INTERVAL, how="left", maintain_order="left"
            )
            told = " ".join(part for part in ("" if name == "all" else label(name), figure) if part) or found.name
            y = _numbers(own, value, one)
            axes.fill_between(
                middle, _numbers(own, low, one), _numbers(own, high, one), color=colour, alpha=0.18, linewidth=0
            )
            axes.plot(middle, y, color=colour, linestyle=style, label=told)
            few = (own["n"] < LOW_N).fill_null(value=False).to_numpy() & counted
            for which, face in ((~few, colour), (few, "none")):
                axes.plot(
                    *(middle[which], y[which]), marker, color=colour, markerfacecolor=face, markersize=4, label="_"
                )
        _value_axis(axes, found, unit)
        air = (middle[1] - middle[0] if len(middle) > 1 else 1 / 1440) / 2
        axes.set_xlim(middle[0] - air, middle[-1] + air)
        scales.time_axis(axes, (middle[0] - air, middle[-1] + air), tz)
        legend(axes)
    return figure_of(axes)


def _length(begins: pl.Series) -> str | None:
    """The length of the intervals: the shortest distance of two begins; None where there is one begin alone, or where
    more intervals would lie between them than can be drawn."""
    apart: list[int] = begins.unique().sort().diff().drop_nulls().dt.total_seconds().to_list()
    return f"{min(apart)}s" if apart and sum(apart) <= _MOST_INTERVALS * min(apart) else None


def _numbers(rows: pl.DataFrame, column: str, one: float) -> NDArray[np.float64]:
    return rows[column].fill_null(float("nan")).to_numpy() / one


def _value_axis(axes: Axes, found: Kpi, unit: str) -> None:
    if found.kind == "share":
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
        axes.set_ylabel(_named(found, unit))
    else:
        scales.upwards(axes)
        axes.set_ylabel(_named(found, unit))


def _named(found: Kpi, unit: str) -> str:
    """The KPI with the unit of the axis."""
    return found.name if unit in (found.name, "share") else f"{found.name.removesuffix('_s')}, {unit}"


def kpi_heat_map(kpis: Table, *, kpi: str = "ser", tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """One KPI by group and interval, darker where it is less: the table ``kpis``, made with ``by`` and ``every``.

    Of a duration the median. The twelve largest groups have a row; hatched cells rest on fewer than 30, empty ones on
    nothing.
    """
    found = _kpi(kpi)
    rows, total = _of_groups(kpis, kpi)
    names = _largest(rows, _ROWS)
    column = "p50_s" if found.kind == "duration" else "value"
    with axes_of(ax) as axes:
        counted = found.kind in ("share", "duration")
        what = say("; medians") if found.kind == "duration" else ""
        if not _began(found, axes, rows, total, len(names), what + (f"; //: n < {LOW_N}" if counted else "")):
            return figure_of(axes)
        every = _length(rows[INTERVAL])
        if every is None and rows[INTERVAL].n_unique() > 1:
            raise AnalyzerError("the intervals lie too far apart to be drawn: choose longer ones")
        steps = scales.intervals(rows[INTERVAL], every or "1h", tz)
        edges = scales.days(steps)
        cells = pl.DataFrame({"group": names}).join(steps[:-1].to_frame(INTERVAL), how="cross")
        cells = cells.join(rows, on=["group", INTERVAL], how="left", maintain_order="left")
        shape = (len(names), len(steps) - 1)
        one, unit = (1.0, found.unit) if found.kind != "duration" else scales.unit(float(rows["p50_s"].max() or 1))  # type: ignore[arg-type]
        values = _numbers(cells, column, one).reshape(shape)
        rank = np.arange(len(names) + 1) - 0.5
        known = matplotlib.colormaps["cividis"]
        top = 1.0 if found.kind == "share" else None
        mesh = axes.pcolormesh(edges, rank, np.ma.masked_invalid(values), cmap=known, vmin=0, vmax=top)
        few = (cells["n"] < LOW_N).fill_null(value=False).to_numpy().reshape(shape) & ~np.isnan(values) & counted
        for row, place in np.argwhere(few):
            size = (edges[place + 1] - edges[place], 1)
            hatched = Rectangle((edges[place], row - 0.5), *size, fill=False, hatch="//", edgecolor=GREY, linewidth=0)
            axes.add_patch(hatched)
        if shape[1] <= _CELLS:
            _told_in_cells(axes, edges, values, mesh.norm, share=found.kind == "share")
        axes.set_yticks(range(len(names)), [label(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(visible=False)
        bar = figure_of(axes).colorbar(mesh, ax=axes, pad=0.02)
        bar.outline.set_visible(False)
        if found.kind == "share":
            bar.ax.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
        bar.set_label(_named(found, unit))
        scales.time_axis(axes, (edges[0], edges[-1]), tz)
        if ax is None:
            figure_of(axes).set_size_inches(8.0, max(2.6, 1.6 + 0.3 * len(names)))
    return figure_of(axes)


def _told_in_cells(
    axes: Axes, edges: NDArray[np.float64], values: NDArray[np.float64], norm: object, *, share: bool
) -> None:
    """The number of each cell, light on dark."""
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            axes.text(
                (edges[column] + edges[column + 1]) / 2,
                row,
                f"{100 * value:.0f}" if share else scales.digits(value),
                ha="center",
                va="center",
                fontsize=7,
                color="#ffffff" if norm(value) < 0.5 else INK,  # type: ignore[operator]
            )
