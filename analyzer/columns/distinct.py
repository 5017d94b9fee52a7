"""Text that repeats: looked at once for each value that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl


def each_once(column: pl.Series, of: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What ``of`` makes of a column, value by value; where values repeat, it is given each of them once."""
    known = column.unique()
    if 2 * known.len() > column.len():
        return of(column).alias(column.name)
    made = known.to_frame("known").with_columns(of(known).alias("made"))
    rows = column.to_frame("known").join(made, on="known", how="left", nulls_equal=True, maintain_order="left")
    return rows["made"].alias(column.name)
