"""Measured tables of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.source import Source


def measured(source: Source, name: str, **how: Any) -> pl.DataFrame:
    """The measured table of that name, as :meth:`Capture.measure <analyzer.Capture.measure>` gives it."""
    from analyzer.measure.measures import measure

    def table(name: str) -> pl.DataFrame:
        if name == "failing_nodes":
            return source.failing_nodes()
        # Nothing that is measured needs columns of messages that a lean reading leaves out.
        return source.lean_messages() if name == "messages" else source.table(name)

    return measure(name, table, **how)
