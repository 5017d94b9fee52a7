"""How audio came over time: loss, jitter and MOS of streams, in intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from analyzer.columns.distribution import nearest_rank
from analyzer.errors import AnalyzerError
from analyzer.measure import grouping
from analyzer.show import scales
from analyzer.show.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILLION,
    axes_of,
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

    from analyzer.show.taken import Table

#: Of each figure its heading, the axis, a factor of its unit, and which percentile is bad.
FIGURES = {
    "loss": ("Loss of audio", "%", 100.0, 95),
    "jitter": ("Jitter of audio", "ms", 1000.0, 95),
    "mos": ("Quality of audio (MOS-CQE)", "MOS", 1.0, 5),
}
_COLUMN = {"loss": "loss", "jitter": "jitter_s", "mos": "mos"}
BY = ("codec", "src_ip", "sent_by")
_LOOKS = ((BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."), (ORANGE, ":"), (PURPLE, "-"), (BLACK, "--"))


def media_over_time(
    stream_intervals: Table,
    *,
    figure: str = "loss",
    by: str | None = None,
    every: str | None = None,
    tz: str = "UTC",
    ax: Axes | None = None,
) -> Figure:
    """``loss``, ``jitter`` or ``mos`` of the streams of audio that were heard in each interval: the mean over packets
    and the worst twentieth; with ``by`` (``codec``, ``src_ip`` ...) the mean of each, the six of most packets.

    Raises AnalyzerError for another figure, or another column.
    """
    if figure not in FIGURES:
        raise AnalyzerError(f"no figure of media is called {figure!r}; there are {', '.join(FIGURES)}")
    if by is not None and by not in BY:
        raise AnalyzerError(f"by {by}: streams are told apart by {', '.join(BY)}")
    heading, unit, factor, bad = FIGURES[figure]
    value = pl.col(_COLUMN[figure])
    rows = taken(stream_intervals, "stream", "started_at", "packets", "media", _COLUMN[figure], *([by] if by else []))
    of_audio = pl.col("media").fill_null("audio") == "audio"
    rows = rows.filter(of_audio, value.is_not_null(), pl.col("started_at").is_not_null())
    group = pl.col(by).fill_null("unknown").cast(pl.String) if by else pl.lit(say("mean"))
    rows = rows.with_columns(group=group)
    with axes_of(ax) as axes:
        streams = scales.count(rows["stream"].n_unique(), "stream")
        titles(axes, say(heading), say("{streams}, at the place of the capture").format(streams=streams))
        if rows.is_empty():
            nothing(axes, say("no audio with a MOS") if figure == "mos" else say("no audio with this figure"))
            return figure_of(axes)
        length = scales.length(rows["started_at"], every)
        rows = grouping.with_interval(rows, pl.col("started_at"), length, tz)
        steps = scales.intervals(rows["interval_at"], length, tz)
        edges = scales.days(steps)
        middle = (edges[:-1] + edges[1:]) / 2
        weighed = ((value * pl.col("packets")).sum() / pl.col("packets").sum()).alias("value")
        curves = [rows.group_by("group", "interval_at").agg(weighed, pl.col("packets").sum())]
        if by is None:
            worst = rows.group_by("interval_at").agg(nearest_rank(value, bad).alias("value"))
            curves.append(worst.select("interval_at", "value", group=pl.lit(say("worst twentieth"))))
        drawn = pl.concat(curves, how="diagonal")
        most = drawn.group_by("group").agg(pl.col("packets").sum()).sort("packets", "group", descending=[True, False])
        for name, (colour, style) in zip(most["group"].head(len(_LOOKS)), _LOOKS, strict=False):
            own = drawn.filter(pl.col("group") == name).select("interval_at", "value")
            each = steps[:-1].to_frame("interval_at").join(own, on="interval_at", how="left", maintain_order="left")
            y = each["value"].fill_null(float("nan")).to_numpy() * factor
            axes.plot(middle, y, color=colour, linestyle=style, marker="o", markersize=3, label=label(name))
        if figure == "mos":
            axes.set_ylim(1, 4.6)
        else:
            axes.set_ylim(bottom=0)
        axes.set_ylabel(unit)
        air = float(np.diff(edges).min()) / 2
        axes.set_xlim(middle[0] - air, middle[-1] + air)
        scales.time_axis(axes, (middle[0] - air, middle[-1] + air), tz)
        legend(axes)
    return figure_of(axes)
