"""Where the time of set-ups goes over time: the phases of calls, one on another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from analyzer.measure import grouping
from analyzer.show import scales
from analyzer.show.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    axes_of,
    figure_of,
    legend,
    nothing,
    say,
    titles,
)
from analyzer.show.taken import taken
from analyzer.show.text import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analyzer.show.taken import Table

# In the order of a set-up (docs/phases.md), the lowest first; ringing and cancelling wait for people.
_PHASES = (
    ("retry", GREY, ""),
    ("trying", SKY, ".."),
    ("routing", BLUE, ""),
    ("prack", PURPLE, "//"),
    ("caller_bearer", ORANGE, "xx"),
    ("callee_bearer", VERMILLION, "\\\\"),
    ("alerting", GREEN, ""),
    ("ack", BLACK, ""),
)


def setup_phases(phases: Table, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
    """The mean time that each phase takes of a set-up, stacked, by when the calls began; without ringing.

    A phase that a call did not have takes no time of it, so that the heights add up to the mean of all.
    """
    rows = taken(phases, "call", "phase", "from_at", "duration_s").drop_nulls("from_at")
    began = rows.group_by("call").agg(at=pl.col("from_at").min())
    with axes_of(ax) as axes:
        below = say("mean over {calls}").format(calls=scales.count(began.height, "call"))
        titles(axes, say("Set-up by phase, without ringing"), below)
        if began.is_empty():
            nothing(axes, say("no set-up with phases"))
            return figure_of(axes)
        length = scales.length(began["at"], every)
        calls = grouping.with_interval(began, pl.col("at"), length, tz)
        taken_by = rows.join(calls, on="call").group_by("interval_at", "phase").agg(pl.col("duration_s").sum())
        means = taken_by.join(calls.group_by("interval_at").len("calls"), on="interval_at")
        means = means.with_columns(mean=pl.col("duration_s") / pl.col("calls"))
        steps = scales.intervals(calls["interval_at"], length, tz)
        edges = scales.days(steps)
        lower = np.zeros(len(edges) - 1)
        for phase, colour, hatch in _PHASES:
            of_phase = means.filter(pl.col("phase") == phase).select("interval_at", "mean", "duration_s")
            if of_phase.is_empty():
                continue
            each = (
                steps[:-1].to_frame("interval_at").join(of_phase, on="interval_at", how="left", maintain_order="left")
            )
            upper = lower + each["mean"].fill_null(0).to_numpy()
            axes.stairs(
                upper,
                edges,
                baseline=lower,
                fill=True,
                label=f"{phase} ({seconds(float(of_phase['duration_s'].sum()) / began.height)})",
                facecolor=colour,
                edgecolor=INK,
                linewidth=0.4,
                hatch=hatch,
            )
            lower = upper
        axes.set_ylim(0, max(float(lower.max()) * 1.15, 0.001))
        air = (edges[-1] - edges[0]) if len(edges) < 4 else 0
        axes.set_xlim(edges[0] - air, edges[-1] + air)
        axes.set_ylabel(say("s, mean of calls per {interval}").format(interval=scales.told(length)))
        scales.time_axis(axes, (edges[0], edges[-1]), tz)
        legend(axes)
    return figure_of(axes)
