"""Measured tables of a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.source import Source
    from analyzer.kpi.thresholds import Group


def measured(source: Source, name: str, **how: Any) -> pl.DataFrame:
    """The measured table of that name, as :meth:`Capture.measure <analyzer.Capture.measure>` gives it."""
    from analyzer.measure.measures import measure

    return measure(name, _tables(source), **how)


def crossings(source: Source, groups: tuple[Group, ...], tz: str) -> pl.DataFrame:
    """What crosses these thresholds, as :meth:`Capture.crossings <analyzer.Capture.crossings>` gives it."""
    from analyzer.kpi import thresholds

    return thresholds.crossings(groups, _tables(source), tz)


def _tables(source: Source) -> Callable[[str], pl.DataFrame]:
    def table(name: str) -> pl.DataFrame:
        if name == "failing_nodes":
            return source.failing_nodes()
        # Nothing that is measured needs columns of messages that a lean reading leaves out.
        return source.lean_messages() if name == "messages" else source.table(name)

    return table
