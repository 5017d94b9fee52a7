"""The figures: each function takes a table (pandas or Polars) and ``ax=``, and returns the Figure.

- Colours are safe for colour-blind eyes; what colour tells, hatching, markers or line styles tell too, so that a print
  in black and white says the same (``style.py``).
- Whatever is drawn was binned first: the cost of a figure does not grow with its table.
- A table without rows makes a figure that says what is missing.
- Text from the wire is hostile: control characters are shown as their codes, ``$...$`` is no formula, a character that
  no installed font has is shown as its code, and long labels are cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from matplotlib import ticker

from analyzer import schema
from analyzer.columns.distribution import nearest_rank
from analyzer.errors import AnalyzerError
from analyzer.language import SPOKEN
from analyzer.measure import grouping
from analyzer.measure.latency import latency
from analyzer.schema.values import DELAYS
from analyzer.show import scales
from analyzer.show.kpi_plots import kpi_heat_map as kpi_heat_map
from analyzer.show.kpi_plots import kpi_over_time as kpi_over_time
from analyzer.show.media_plots import media_over_time as media_over_time
from analyzer.show.phase_plots import setup_phases as setup_phases
from analyzer.show.style import (
    BLACK,
    BLUE,
    CUT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
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
from analyzer.show.taken import taken as _taken
from analyzer.show.text import seconds
from analyzer.show.tooltips import called
from analyzer.show.waterfall import lanes
from analyzer.timezones import zone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from analyzer.show.taken import Table

_GROUPS = 6  # curves in one figure, as many as can be told apart
_BARS = 12
_TITLE = 100  # columns of a title with names from the wire
_POINTS = 1000  # of a curve


_TITLES = {
    "pdd": "Post-dial delay: INVITE to the first of 180, early media, 200",
    "alert": "Alerting delay: INVITE to 180",
    "srd": "Session request delay: INVITE to the first 101-199 or 200",
    "setup": "Set-up delay: INVITE to 200",
    "ring": "Ringing: 180 to 200",
    "talk": "Conversation: 200 to BYE",
}
_PERCENTILES = ((50, "median", BLACK, "-", "o"), (90, "p90", BLUE, "-.", "^"), (95, "p95", VERMILLION, "--", "s"))
_P99 = (99, "p99", PURPLE, ":", "D")


def _delay(name: str) -> str:
    if name not in DELAYS:
        raise AnalyzerError(f"delay {name!r}: wanted is one of {', '.join(DELAYS)}")
    return f"{name}_s"


def setup_latency(calls: Table, *, delay: str = "setup", ax: Axes | None = None) -> Figure:
    """How many calls took how long: a histogram of ``delay`` (pdd alert srd setup ring talk), with its percentiles.

    Bins have a round width; where the longest is over ten times the median they grow along a logarithmic axis.
    """
    column = _delay(delay)
    values = _taken(calls, column)[column]
    with axes_of(ax) as axes:
        ordered = values.drop_nulls().sort().to_numpy()
        below = say("{n:,} of {whole:,} calls have it").format(n=len(ordered), whole=len(values))
        titles(axes, say(_TITLES[delay]), below)
        if not len(ordered):
            nothing(axes, say("no call has {column}").format(column=column))
            return figure_of(axes)
        one, unit = scales.unit(ordered[-1])
        skewed = scales.is_skewed(ordered)
        edges, per = _bins(ordered / one, skewed=skewed)
        counts, _ = np.histogram(ordered / one, edges)
        axes.stairs(counts, edges, fill=True, facecolor=SKY, edgecolor=INK, linewidth=0.4)
        known = [*_PERCENTILES[::2], *([_P99] if len(ordered) >= 100 else [])]
        for percent, name, colour, line, _marker in reversed(known):
            at = values.to_frame().select(nearest_rank(pl.col(column), percent)).item() / one
            axes.axvline(at, color=colour, linestyle=line, label=f"{say(name)} {scales.digits(at)} {unit}")
        scales.whole_numbers(axes.yaxis)
        per_bin = say("calls per bin") if skewed else say("calls per {width:,.4g} {unit}").format(width=per, unit=unit)
        axes.set_ylabel(per_bin)
        scales.delay_axis(axes, f"{column.removesuffix('_s')}, {unit}", skewed=skewed)
        legend(axes)
    return figure_of(axes)


def _bins(ordered: NDArray[np.float64], *, skewed: bool) -> tuple[NDArray[np.floating[Any]], float]:
    """The edges of the bins, by the rule of Rice (2 n^1/3), and how wide they are."""
    number = min(max(math.ceil(2 * len(ordered) ** (1 / 3)), 8), 80)
    low, high = float(ordered[0]), float(ordered[-1])
    if low == high:
        width = scales.round_width(max(high / 20, 1e-6))
        return np.array([low - width / 2, low + width / 2]), width
    edges: NDArray[np.floating[Any]]
    if skewed:
        width, edges = 0.0, np.geomspace(low, high, number + 1)
    else:
        width = scales.round_width(max((high - low) / number, high / 1000))
        edges = np.arange(math.floor(low / width), math.floor(high / width) + 2) * width
    # Rounding must not leave the shortest or the longest outside.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges, width


def latency_ecdf(calls: Table, *, delay: str = "setup", by: str | None = None, ax: Axes | None = None) -> Figure:
    """What share of the calls took at most how long, all together or a curve for each value of the column ``by``.

    The six most frequent values have a curve; the calls of all others share one.
    """
    column = _delay(delay)
    names = [column] if by is None else [column, by]
    table = _taken(calls, *names).drop_nulls(column)
    with axes_of(ax) as axes:
        count = say("{n:,} of {whole:,} calls have it").format(n=table.height, whole=len(calls))
        titles(axes, say(_TITLES[delay]), count)
        if table.is_empty():
            nothing(axes, say("no call has {column}").format(column=column))
            return figure_of(axes)
        ordered = table[column].sort().to_numpy()
        one, unit = scales.unit(ordered[-1])
        colours = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, GREY)
        lines = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
        for (name, values), colour, line in zip(_curves(table, column, by), colours, lines, strict=False):
            x = np.concatenate([values[:1], values]) / one
            y = np.concatenate([[0.0], np.arange(1, len(values) + 1) / len(values)])
            if len(x) > _POINTS:
                kept = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
                x, y = x[kept], y[kept]
            axes.plot(x, y, drawstyle="steps-post", color=colour, linestyle=line, label=f"{name} (n {len(values):,})")
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 0.95, 1])
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
        axes.set_ylabel(say("share of calls"))
        scales.delay_axis(axes, f"{column.removesuffix('_s')}, {unit}", skewed=scales.is_skewed(ordered))
        if by is not None:
            legend(axes)
            axes.get_legend().set_title(label(by))  # type: ignore[union-attr]
    return figure_of(axes)


def _curves(table: pl.DataFrame, column: str, by: str | None) -> list[tuple[str, NDArray[np.float64]]]:
    """Name and sorted values of each curve, the most frequent first."""
    if by is None:
        return [(say("all"), table[column].sort().to_numpy())]
    counts = table.group_by(by).len("n").sort(["n", by], descending=[True, False], nulls_last=True)
    largest = counts[by].head(_GROUPS)
    curves = [
        (say("none") if value is None else label(value), table.filter(pl.col(by).eq_missing(pl.lit(value))))
        for value in largest
    ]
    if counts.height > _GROUPS:
        others = table.join(largest.to_frame(), on=by, how="anti", nulls_equal=True)
        curves.append((say("{n:,} others").format(n=counts.height - _GROUPS), others))
    return [(name, rows[column].sort().to_numpy()) for name, rows in curves]


def latency_over_time(
    calls: Table, *, delay: str = "setup", every: str | None = None, tz: str = "UTC", ax: Axes | None = None
) -> Figure:
    """Median, p90, p95 and (of 100 calls and more) p99 of each interval, by the start of the calls.

    A line breaks where no call of an interval has the delay.
    """
    column = _delay(delay)
    table = _taken(calls, "started_at", column).drop_nulls("started_at")
    with axes_of(ax) as axes:
        timed = table.drop_nulls(column)
        count = say("{n:,} of {whole:,} calls have it").format(n=timed.height, whole=len(calls))
        if timed.is_empty():
            titles(axes, say(_TITLES[delay]), count)
            nothing(axes, say("no call has {column}").format(column=column))
            return figure_of(axes)
        # Percentiles of fewer than twenty are no percentiles: p95 would be the longest.
        length = scales.length(timed["started_at"], every, at_most=min(max(timed.height // 20, 1), 60))
        below = say("{count}; percentiles of each {interval}").format(count=count, interval=scales.told(length))
        titles(axes, say(_TITLES[delay]), below)
        full = timed.with_columns(pl.lit(None, pl.Float64).alias(f"{name}_s") for name in DELAYS if name != delay)
        figures = latency(full, pl.DataFrame(), every=length, tz=tz).filter(delay=delay)
        steps = scales.intervals(figures["interval_at"], length, tz)
        figures = steps[:-1].to_frame("interval_at").join(figures, on="interval_at", how="left", maintain_order="left")
        edges = scales.days(steps)
        middle = (edges[:-1] + edges[1:]) / 2
        one, unit = scales.unit(float(timed[column].max()))  # type: ignore[arg-type]
        for _percent, name, colour, line, marker in (*_PERCENTILES, _P99):
            values = figures[f"{name}_s"].fill_null(float("nan")).to_numpy() / one
            if not np.isnan(values).all():
                axes.plot(middle, values, color=colour, linestyle=line, marker=marker, label=say(name))
        scales.upwards(axes)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylabel(f"{delay}, {unit}")
        scales.time_axis(axes, (edges[0], edges[-1]), tz)
        legend(axes)
    return figure_of(axes)


_KINDS = (
    ("node", "a node", BLUE, ""),
    ("far_end", "who answered", GREEN, ".."),
    ("caller", "the caller", SKY, "--"),
    ("transit", "on the wire", GREY, ""),
    ("retransmission", "sent again", VERMILLION, "xx"),
    ("unseen", "nobody saw", ORANGE, "//"),
)


def waterfall(
    parts: Table, *, endpoints: Table | None = None, title: str | None = None, ax: Axes | None = None
) -> Figure:
    """Where the set-up time of one call went: a line for each node, link and end, and when the set-up waited on it.

    ``parts`` are its rows of ``waterfall``; with ``endpoints`` lines have roles. Ringing is told, not drawn.
    """
    table = _taken(parts, "part", "kind", "address", "peer", "duration_s")
    sure = () if endpoints is None or "confidence" not in endpoints.columns else ("confidence",)
    known = None if endpoints is None else _taken(endpoints, "address", "role", *sure)
    found = lanes(table, known)
    drawn, hidden = [lane for lane in found if lane.drawn], [lane for lane in found if not lane.drawn]
    with axes_of(ax) as axes:
        total = sum(lane.total for lane in found)
        said = say("INVITE to final response {time}").format(time=seconds(total / 1e9))
        if hidden:
            left_out = ", ".join(f"{lane.kind} {seconds(lane.total / 1e9)}" for lane in hidden)
            said += say("; not drawn: {kinds}").format(kinds=left_out)
        titles(axes, label(title or say("Set-up of one call"), _TITLE), said)
        if not drawn:
            nothing(axes, say("no final response"))
            return figure_of(axes)
        one, unit = scales.unit(max(end for lane in drawn for _, end in lane.times) / 1e9)
        for kind, name, colour, hatch in _KINDS:
            of_kind = [(line, lane) for line, lane in enumerate(drawn) if lane.kind == kind]
            for number, (line, lane) in enumerate(of_kind):
                axes.broken_barh(
                    [(begin / 1e9 / one, (end - begin) / 1e9 / one) for begin, end in lane.times],
                    (line - 0.4, 0.8),
                    facecolor=colour,
                    edgecolor=INK,
                    linewidth=0.4,
                    hatch=hatch,
                    label=None if number else say(name),
                )
        named = [f"{label(lane.name or lane.kind)}  {seconds(lane.total / 1e9)}" for lane in drawn]
        axes.set_yticks(range(len(drawn)), named)
        axes.set_ylim(len(drawn) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(say("since the INVITE, {unit}").format(unit=unit))
        legend(axes)
        if ax is None:
            figure_of(axes).set_size_inches(8.0, max(2.4, 0.9 + 0.28 * len(drawn)))
    return figure_of(axes)


_CLASSES = (
    ("2xx", "2xx success", GREEN, ""),
    ("3xx", "3xx redirection", SKY, ".."),
    ("4xx", "4xx client error", ORANGE, "//"),
    ("5xx", "5xx server error", VERMILLION, "xx"),
    ("6xx", "6xx global failure", PURPLE, "\\\\"),
    ("none", "no final response", GREY, "--"),
)


def responses(transactions: Table, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """Final responses by class over time: transactions on their hops, by when they began."""
    names = ("started_at", "first_provisional_at", "final_at", "status")
    table = _taken(transactions, *names).select(
        at=pl.coalesce(names[:3]),
        kind=pl.when(pl.col("status").is_null())
        .then(pl.lit("none"))
        .otherwise(pl.format("{}xx", pl.col("status") // 100)),
    )
    with axes_of(ax) as axes:
        _over_time(
            axes,
            table,
            say("Final responses by class"),
            "transaction",
            say(" on their hops"),
            _CLASSES,
            every,
            tz,
        )
    return figure_of(axes)


def _over_time(
    axes: Axes,
    table: pl.DataFrame,
    title: str,
    what: str,
    where: str,
    layers: Sequence[tuple[str, str, str, str]],
    every: str | None,
    tz: str,
) -> None:
    """Rows with ``at`` and ``kind``, counted and stacked; those without a time are told, not drawn."""
    timed = table.drop_nulls("at")
    left_out = table.height - timed.height
    untimed = say("; {n:,} without a time left out").format(n=left_out) if left_out else ""
    titles(axes, title, f"{scales.count(timed.height, what)}{where}{untimed}")
    if timed.is_empty():
        nothing(axes, say("no call with a time") if what == "call" else say("no transaction with a time"))
        return
    length = scales.length(timed["at"], every)
    counted = grouping.with_interval(timed, pl.col("at"), length, tz)
    counts = counted.group_by("interval_at", "kind").len("n")
    scales.stacked(axes, counts, length, tz, layers)
    per = say("calls per {interval}") if what == "call" else say("transactions per {interval}")
    axes.set_ylabel(per.format(interval=scales.told(length)))


# What an outcome means to who answers for the network: domain words, four of them.
_ENDS = (
    ("answered", "answered (2xx)", GREEN, ""),
    ("people", "ended by people", SKY, ".."),
    ("failed", "failed", VERMILLION, "xx"),
    ("unknown", "begin or end not seen", GREY, "--"),
)
_END_OF = {
    **dict.fromkeys(("answered", "answered_elsewhere"), "answered"),
    **dict.fromkeys(("busy", "no_answer", "cancelled", "rejected", "redirected"), "people"),
    **dict.fromkeys(("unfinished", "joined"), "unknown"),
}


def _end() -> pl.Expr:
    return pl.col("outcome").replace_strict(_END_OF, default="failed", return_dtype=pl.String).alias("kind")


def outcomes(calls: Table, *, ax: Axes | None = None) -> Figure:
    """How many calls ended how, most frequent first."""
    table = _taken(calls, "outcome")
    with axes_of(ax) as axes:
        titles(axes, say("Calls by outcome"), scales.count(table.height, "call"))
        if table.is_empty():
            nothing(axes, say("no calls"))
            return figure_of(axes)
        counts = table.group_by("outcome").len("n").sort(["n", "outcome"], descending=[True, False])
        counts = counts.with_columns(_end())
        names = [label(_outcome(name)) for name in counts["outcome"]]
        ends = dict.fromkeys(kind for kind, *_ in _ENDS if kind in counts["kind"])
        layers = [
            (name, colour, hatch, [n if of == kind else 0 for n, of in counts.select("n", "kind").iter_rows()])
            for kind, name, colour, hatch in _ENDS
            if kind in ends
        ]
        told = [f"{n:,}  ({100 * n / table.height:.1f} %)" for n in counts["n"]]
        _bars(axes, names, layers, told)
        axes.set_xlabel(say("calls"))
    return figure_of(axes)


def _outcome(name: str) -> str:
    plain = name.replace("_", " ")
    told = called(name, plain, SPOKEN.get())
    return told if drawable(told) else plain


def _bars(
    axes: Axes, names: Sequence[str], layers: Sequence[tuple[str, str, str, Sequence[int]]], told: Sequence[str]
) -> None:
    """Lying bars, the first on top, of layers (name, colour, hatch, lengths), with what is told at their ends."""
    places = range(len(names))
    left = np.zeros(len(names))
    for name, colour, hatch, lengths in layers:
        widths = np.asarray(lengths, dtype=float)
        axes.barh(
            places,
            widths,
            0.72,
            left=left,
            label=say(name),
            facecolor=colour,
            edgecolor=INK,
            linewidth=0.4,
            hatch=hatch,
        )
        left += widths
    for place, end, text in zip(places, left, told, strict=True):
        axes.annotate(text, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    # So far that what is told has its place (letters of 8 points are 4.6 wide, the axes some 380).
    rooms = (end / (1 - 4.6 * (len(text) + 2) / 380) for end, text in zip(left, told, strict=True))
    axes.set_xlim(0, max(1.0, *rooms))
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    scales.whole_numbers(axes.xaxis)
    legend(axes, below=True)


def call_volume(calls: Table, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """Call attempts over time, by when they began and how they ended."""
    table = _taken(calls, "started_at", "outcome").select(_end(), at="started_at")
    with axes_of(ax) as axes:
        _over_time(axes, table, say("Call attempts"), "call", "", _ENDS, every, tz)
    return figure_of(axes)


def concurrency(calls: Table, *, tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """Calls at the same time: from INVITE to end, and those of them that were answered from 200 to BYE.

    A call whose end was not seen lasts to the last event of any. Where there are more events than can be drawn, the
    line is the highest of each step.
    """
    table = _taken(calls, "started_at", "answered_at", "ended_at").drop_nulls("started_at")
    with axes_of(ax) as axes:
        if table.is_empty():
            titles(axes, say("Calls at the same time"), scales.count(0, "call"))
            nothing(axes, say("no call with a time"))
            return figure_of(axes)
        last = pl.max_horizontal(pl.all().max())
        table = table.with_columns(ended=pl.col("ended_at").is_not_null(), ended_at=pl.col("ended_at").fill_null(last))
        lines = []
        for name, begin, colour, style in (
            ("in progress", "started_at", BLUE, "-"),
            ("answered (2xx)", "answered_at", GREEN, "--"),
        ):
            spans = table.drop_nulls(begin).select("ended", begin=begin, end="ended_at")
            if spans.height:
                lines.append((name, _alive(spans), colour, style))
        most, at = (lines[0][1].sort("alive", "at", descending=[True, False])[0, name] for name in ("alive", "at"))
        when = f"{at.astimezone(zone(tz)):%Y-%m-%d %H:%M:%S}"
        peak = say("; at most {most:,} at once, at {when} ({zone})").format(most=most, when=when, zone=tz)
        titles(axes, say("Calls at the same time"), scales.count(table.height, "call") + peak)
        for name, steps, colour, style in lines:
            drawn = _thinned(steps)
            alive = drawn["alive"].to_numpy()
            axes.step(scales.days(drawn["at"]), alive, where="post", color=colour, linestyle=style, label=say(name))
        scales.upwards(axes)
        axes.set_ylabel(say("calls"))
        scales.whole_numbers(axes.yaxis)
        instants = scales.days(lines[0][1]["at"])
        scales.time_axis(axes, (instants[0], instants[-1]), tz)
        legend(axes)
    return figure_of(axes)


def _alive(spans: pl.DataFrame) -> pl.DataFrame:
    """How many spans are open from each instant on; one that ends where another begins is not open with it."""
    begun = spans.select(at="begin", change=pl.lit(1))
    over = spans.select(at="end", change=-pl.col("ended").cast(pl.Int32))
    events = pl.concat([begun, over])
    return events.group_by("at").agg(pl.col("change").sum()).sort("at").select("at", alive=pl.col("change").cum_sum())


def _thinned(steps: pl.DataFrame) -> pl.DataFrame:
    if steps.height <= _POINTS:
        return steps
    ns = pl.col("at").to_physical()
    width = ns.max() - ns.min()
    place = (ns - ns.min()) // (width // _POINTS + 1)
    return (
        steps.group_by(place.alias("_place")).agg(pl.col("at").min(), pl.col("alive").max()).sort("at").drop("_place")
    )


def failures(failures: Table, *, ax: Axes | None = None) -> Figure:
    """The failures that hurt most: the table ``failures``, by whatever it is grouped."""
    # What it is grouped by comes first.
    groups = failures.columns[: list(failures.columns).index("requests")]
    names = [*groups, *(name for name in ("reason_phrase", "node") if name not in groups)]
    table = _taken(failures, *names, "requests", "nodes")
    total = int(table["requests"].sum())
    with axes_of(ax) as axes:
        titles(axes, say("Failed requests"), scales.count(total, "request") + say(", each counted once over its hops"))
        most = table.sort("requests", *groups, descending=[True, *[False] * len(groups)]).head(_BARS)
        if most.is_empty():
            nothing(axes, say("no request failed"))
            return figure_of(axes)
        rows = most.to_dicts()
        told = []
        for row in rows:
            where = say(", from {node}").format(node=label(row["node"]))
            where = say(", from {n:,} nodes").format(n=row["nodes"]) if row["nodes"] != 1 else where
            told.append(f"{row['requests']:,}  ({100 * row['requests'] / total:.1f} %){where if row['nodes'] else ''}")
        shown = dict.fromkeys([*groups, *(["reason_phrase"] if "status" in groups else [])])
        named = [
            label(
                " ".join(
                    say("no response") if name == "status" and row[name] is None else str(row[name])
                    for name in shown
                    if row[name] is not None or name == "status"
                )
            )
            for row in rows
        ]
        _bars(axes, named, [("requests", VERMILLION, "", most["requests"].to_list())], told)
        axes.get_legend().remove()  # type: ignore[union-attr]
        left_out = say(" ({n:,} of {whole:,} rows)") if table.height > most.height else ""
        axes.set_xlabel(say("requests") + left_out.format(n=most.height, whole=table.height))
    return figure_of(axes)


def _path(nodes: Sequence[object]) -> str:
    """From one to the next; in lines where it is long, as with IPv6."""
    parts = ["?" if node is None else label(node, 40) for node in nodes]
    return (" > " if len(" > ".join(parts)) <= CUT else " >\n").join(parts)


def retransmissions(links: Table, *, ax: Axes | None = None) -> Figure:
    """What was sent again on each link, most first: the table ``links``, by whatever it is grouped."""
    figures = schema.MEASURES["links"].names
    groups = [name for name in links.columns if name not in figures]
    table = _taken(links, *groups, "requests", "resent_requests", "responses", "resent_responses")
    table = table.with_columns(
        again=pl.col("resent_requests") + pl.col("resent_responses"), sent=pl.col("requests") + pl.col("responses")
    )
    total, sent = table["again"].sum(), table["sent"].sum()
    with axes_of(ax) as axes:
        titles(
            axes,
            say("Retransmissions by link (client > server)"),
            say("{n:,} of {whole:,} requests and final responses were sent again").format(n=total, whole=sent),
        )
        most = table.filter(pl.col("again") > 0).sort("again", *groups, descending=[True, *[False] * len(groups)])
        most = most.head(_BARS)
        if most.is_empty():
            nothing(axes, say("nothing was sent again") if table.height else say("no links"))
            return figure_of(axes)
        names = [_path(row) for row in most.select(groups).rows()]
        layers = [
            ("requests", BLUE, "//", most["resent_requests"].to_list()),
            ("final responses", ORANGE, "..", most["resent_responses"].to_list()),
        ]
        share = say("{n:,}  ({percent:.1f} % of {whole:,})")
        told = [share.format(n=n, percent=100 * n / whole, whole=whole) for n, whole in most["again", "sent"].rows()]
        _bars(axes, names, layers, told)
        shown = say(" ({n:,} of {whole:,} links)") if table.height > most.height else ""
        axes.set_xlabel(say("copies sent again") + shown.format(n=most.height, whole=table.height))
    return figure_of(axes)
