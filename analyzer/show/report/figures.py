"""The plots of a report: those of ``show/plots.py`` as inline SVG that takes its colours and fonts from the page.

Matplotlib writes ``style`` attributes and a ``style`` element, which the page's policy forbids: the former become the
attributes of the same name (SVG 2 §6.6), the latter goes. Ink, grid and paper become variables of the page's style
sheet, so that a dark page has them light.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from analyzer.columns.times import SECOND
from analyzer.kpi.kpis import LOW_N, kpis
from analyzer.kpi.observed import observation
from analyzer.measure.grouping import fitting
from analyzer.measure.measures import measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = re.compile(r' style="([^"]*)"')
_FONT = re.compile(r"font: (?:(bold) )?([\d.]+px) [^;]*;? ?")
_FAMILY = re.compile(r" font-family: [^;]*;?")
_NAMED = re.compile(r'(\bid="|href="#|url\(#)')
_COLOURS = {
    "#333333": "var(--ink)",
    "#000000": "var(--ink)",
    "#ffffff": "var(--card)",
    "#dddddd": "var(--edge)",
}
_COLOUR = re.compile("|".join(_COLOURS))


# Percentiles of intervals: of fewer calls there would be one interval.
_LEAST_OVER_TIME = 40
_INTERVALS = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure: what it shows, for those who cannot see it, and its SVG."""

    title: str
    svg: str


def drawn(tables: Mapping[str, pl.DataFrame], tz: str) -> list[Drawn]:
    """The figures; none where there are neither calls nor transactions."""
    return [draw(figure(), number) for number, figure in enumerate(_asked(tables, tz))]


def draw(figure: Figure, number: int) -> Drawn:
    """One figure as part of a page; ``number`` is its own there."""
    return Drawn(_told(figure), _inline(figure, number))


def _asked(tables: Mapping[str, pl.DataFrame], tz: str) -> Iterator[Callable[[], Figure]]:
    calls, transactions = tables["calls"], tables["transactions"]
    if transactions.is_empty():
        return
    from analyzer.show import plots

    if calls.height > 1:
        yield lambda: plots.call_volume(calls, tz=tz)
        yield lambda: plots.concurrency(calls, tz=tz)
    if calls["pdd_s"].count() > 1:
        yield lambda: plots.setup_latency(calls, delay="pdd")
    if calls["pdd_s"].count() >= _LEAST_OVER_TIME:
        yield lambda: plots.latency_over_time(calls, delay="pdd", tz=tz)
    if calls.height >= _LEAST_OVER_TIME:
        yield from _of_kpis(tables, tz)
    yield lambda: plots.responses(transactions, tz=tz)
    intervals = tables["stream_intervals"]
    if intervals.height > 1:
        for what in ("loss", "jitter", "mos"):
            yield lambda what=what: plots.media_over_time(intervals, figure=what, tz=tz)  # type: ignore[misc]
        if intervals["codec"].n_unique() > 1:
            yield lambda: plots.media_over_time(intervals, figure="mos", by="codec", tz=tz)
    links = measure("links", lambda name: tables[name])
    if links.filter(pl.col("resent_requests") + pl.col("resent_responses") > 0).height > 1:
        yield lambda: plots.retransmissions(links)


def _of_kpis(tables: Mapping[str, pl.DataFrame], tz: str) -> Iterator[Callable[[], Figure]]:
    """How the calls went over time, and through which nodes."""
    from analyzer.show import plots

    begin, end = observation(tables["files"])
    if begin is None or end is None:
        return
    every = fitting((end - begin) / SECOND, _INTERVALS)
    whole = kpis(tables.__getitem__, every=every, tz=tz, only="seer")
    yield lambda: plots.kpi_over_time(whole, kpi="seer", tz=tz)
    of_nodes = kpis(tables.__getitem__, by="node", every=every, tz=tz, only="seer")
    busy = of_nodes.filter(~pl.col("total")).group_by("node").agg(pl.col("n").sum()).filter(pl.col("n") >= LOW_N)
    if busy.height > 1:
        of_busy = of_nodes.filter(pl.col("total") | pl.col("node").is_in(busy["node"].implode()))
        yield lambda: plots.kpi_heat_map(of_busy, kpi="seer", tz=tz)


def _told(figure: Figure) -> str:
    axes = figure.axes[0]
    below = [text.get_text() for text in axes.texts[:1]]
    return ". ".join([axes.get_title(loc="left"), *below])


def _inline(figure: Figure, number: int) -> str:
    """The figure as an ``<svg>`` element whose names are its own on the page."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from analyzer.show.style import house_style

    stream = io.StringIO()
    with house_style(), rc_context({"svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
            stream, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = stream.getvalue()
    inside = text[text.index('<g id="figure_1">') : text.rindex("</svg>")]
    # Groups are named for editors; only what is referred to keeps its name.
    inside = re.sub(r'<g id="[^"]*"', "<g", inside)
    inside = _NAMED.sub(rf"\g<1>f{number}-", inside)
    inside = _STYLE.sub(_attributes, inside).replace("xlink:href", "href")
    inside = _COLOUR.sub(lambda found: _COLOURS[found.group()], inside)
    inside = re.sub(r"\s*\n\s*", " ", inside)
    # Hundredths of a point are finer than any printer.
    inside = re.sub(r"(\d\.\d\d)\d+", r"\1", inside)
    wide, high = (72 * inches for inches in figure.get_size_inches())
    return (
        f'<svg viewBox="0 0 {wide:g} {high:g}" aria-hidden="true" stroke-linejoin="round" stroke-linecap="butt">'
        f"{inside}</svg>"
    )


def _attributes(found: re.Match[str]) -> str:
    """A style attribute as the attributes of the same names; all in it is Matplotlib's own, nothing the wire's."""
    declared = _FONT.sub(
        lambda font: f"font-size: {font[2]}; " + (f"font-weight: {font[1]}; " if font[1] else ""), found[1]
    )
    # The fonts are the page's own.
    declared = _FAMILY.sub("", f" {declared}")
    pairs = (declaration.partition(":") for declaration in declared.split(";") if declaration.strip())
    return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs)
