"""Scales of figures: round numbers and units of delays, intervals of time, axes that show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from matplotlib import dates, ticker

from analyzer.errors import AnalyzerError
from analyzer.measure import grouping
from analyzer.show.style import INK, legend, say
from analyzer.timezones import zone

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_MOST_INTERVALS = 100_000

UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
"""Those of the lengths of intervals."""

COUNTED = ("call", "transaction", "request", "stream", *UNITS.values())
"""What figures count."""


# ---- numbers ---------------------------------------------------------------------------------------------------------


def unit(longest: float) -> tuple[float, str]:
    """In what a delay is told, in seconds, so that its numbers stay short."""
    return (1e-3, "ms") if longest < 1 else (1.0, "s") if longest < 600 else (60.0, "min")


def digits(value: float) -> str:
    """Three digits that count, and never an exponent for a delay."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def round_width(width: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def is_skewed(values: NDArray[np.float64]) -> bool:
    """Whether a linear axis would press most of it against its left end."""
    return bool(values[0] > 0 and values[-1] > 10 * values[len(values) // 2])


def delay_axis(axes: Axes, name: str, *, skewed: bool) -> None:
    if skewed:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel(name)


def count(number: int, what: str) -> str:
    """So many of ``what``: one of :data:`COUNTED`."""
    return say(f"{{n:,}} {what}{'' if number == 1 else 's'}").format(n=number)


def upwards(axes: Axes) -> None:
    """From zero, with some air above what is highest."""
    axes.set_ylim(0, max(axes.dataLim.y1, 1e-9) * 1.06)


def whole_numbers(axis: Any) -> None:
    axis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


# ---- time ------------------------------------------------------------------------------------------------------------


def length(times: pl.Series, every: str | None, *, at_most: int = 60) -> str:
    """``every``, or the shortest round length that makes so few intervals."""
    lasted = span(times)
    if every is None:
        return grouping.fitting(lasted, at_most)
    each = int(grouping.length(every)[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[every[-1]]
    if lasted > _MOST_INTERVALS * each:
        raise AnalyzerError(f"every {every}: the figure would have {lasted / each:,.0f} intervals; take longer ones")
    return every


def span(times: pl.Series) -> float:
    ends = times.to_physical()
    first, last = ends.min(), ends.max()
    return (last - first) / 1e9 if isinstance(first, int) and isinstance(last, int) else 0.0


def intervals(begins: pl.Series, every: str, tz: str) -> pl.Series:
    """The begin of every interval from the first to the last, those where nothing happened too, and of one more."""
    begin = pl.col("begin").dt.convert_time_zone(tz)
    known = begins.drop_nulls().alias("begin").to_frame()
    steps = known.select(pl.datetime_range(begin.min(), begin.max(), every)).to_series()
    # Where the clocks change, steps of equal length miss the begins of intervals that follow the clock.
    all_steps = pl.concat([steps, known.select(begin).to_series()]).unique().sort()
    return pl.concat([all_steps, all_steps.tail(1).dt.offset_by(every)]).dt.convert_time_zone("UTC")


def days(times: pl.Series) -> NDArray[np.float64]:
    """As matplotlib counts time: days since 1970."""
    return times.to_physical().to_numpy() / 86_400e9


def time_axis(axes: Axes, ends: tuple[float, float], tz: str) -> None:
    """Ticks as fine as the span needs, and the day, once, in the label."""
    where = zone(tz)
    lasted = ends[1] - ends[0]
    known = ((3 / 86400, "%H:%M:%S.%f"), (1 / 96, "%H:%M:%S"), (1.5, "%H:%M"), (10, "%m-%d %H:%M"))
    form = next((form for most, form in known if lasted <= most), "%Y-%m-%d")
    locator = dates.AutoDateLocator(tz=where, minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ticker.FuncFormatter(lambda day, _: _clock(day, where).strftime(form).removesuffix("000"))
    )
    # What ends at midnight ends on the day before.
    named = dict.fromkeys(f"{_clock(day, where):%Y-%m-%d}" for day in (ends[0], max(ends[0], ends[1] - 1e-9)))
    begin, *end = named
    when = say("{begin} to {end}").format(begin=begin, end=end[0]) if end else begin
    axes.set_xlabel(say("{when}, {zone}").format(when=when, zone=tz))


def _clock(day: float, where: ZoneInfo) -> datetime:
    found: datetime = dates.num2date(day, where)  # type: ignore[no-untyped-call]
    return found


def told(every: str) -> str:
    number, unit = int(every[:-1]), UNITS[every[-1]]
    return say(unit) if number == 1 else count(number, unit)


def stacked(axes: Axes, counts: pl.DataFrame, every: str, tz: str, layers: Sequence[tuple[str, str, str, str]]) -> None:
    """Counts per interval and ``kind``, one on another; ``layers``: kind, name, colour, hatch, the lowest first."""
    steps = intervals(counts["interval_at"], every, tz)
    edges = days(steps)
    lower = np.zeros(len(edges) - 1)
    for kind, name, colour, hatch in layers:
        of_kind = counts.filter(pl.col("kind") == kind)
        if of_kind.is_empty():
            continue
        each = steps[:-1].to_frame("interval_at").join(of_kind, on="interval_at", how="left", maintain_order="left")
        upper = lower + each["n"].fill_null(0).to_numpy()
        axes.stairs(
            upper,
            edges,
            baseline=lower,
            fill=True,
            label=f"{say(name)} ({of_kind['n'].sum():,})",
            facecolor=colour,
            edgecolor=INK,
            linewidth=0.4,
            hatch=hatch,
        )
        lower = upper
    upwards(axes)
    # One interval alone would look like a wall.
    air = (edges[-1] - edges[0]) if len(edges) < 4 else 0
    axes.set_xlim(edges[0] - air, edges[-1] + air)
    whole_numbers(axes.yaxis)
    time_axis(axes, (edges[0], edges[-1]), tz)
    legend(axes)
