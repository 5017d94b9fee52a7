"""The distributions of two captures overlaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from analyzer.comparison.captures import ComparedCaptures
from analyzer.show import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The delays that a page overlays: those that are the network's.
DELAYS = ("pdd", "alert", "setup")


def overlaid(captures: ComparedCaptures, *, delay: str = "pdd", ax: Axes | None = None) -> Figure:
    """What share of the calls of each capture took at most how long."""
    calls = pl.concat(
        side.tables("calls").with_columns(capture=pl.lit(name)) for name, side in (("A", captures.a), ("B", captures.b))
    )
    return plots.latency_ecdf(calls, delay=delay, by="capture", ax=ax)


def delays(captures: ComparedCaptures) -> Iterator[Figure]:
    """The figures of a page: of each delay that both captures have."""
    for delay in DELAYS:
        if all(side.tables("calls")[f"{delay}_s"].count() for side in (captures.a, captures.b)):
            yield overlaid(captures, delay=delay)
