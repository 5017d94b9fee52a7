"""Tables as the schema describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Container

    from analyzer.schema import Table


def typed(frame: pl.DataFrame, table: Table, *, without: Container[str] = ()) -> pl.DataFrame:
    """The columns of ``table`` in its order and types, but those that are joined later; others of ``frame`` go."""
    return frame.select(pl.col(name).cast(kind) for name, kind in table.polars().items() if name not in without)
