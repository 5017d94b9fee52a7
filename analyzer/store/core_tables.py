"""The tables of the core as a store has them: their columns, and those that it does not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.graph.node import CORE
from analyzer.reading import native

if TYPE_CHECKING:
    import polars as pl


def core_columns() -> dict[str, list[tuple[str, str]]]:
    return dict(native.core().tables())


def columns_of(table: str) -> dict[str, Any]:
    """The columns of a table of the core and their types; none of another table."""
    import polars as pl

    kinds = {"text": pl.String(), "int": pl.Int64(), "time": pl.Datetime("ns", "UTC"), "bool": pl.Boolean()}
    return {column: kinds[kind] for column, kind in core_columns().get(table, [])}


def none_of(name: str) -> pl.DataFrame:
    """A table of media as a part has it, without rows."""
    import polars as pl

    own = {"_unit": pl.Int64(), "_goes_on": pl.Boolean()}
    if name == "streams":
        return pl.DataFrame(
            schema={**schema.STREAMS.polars(), "_unit": pl.Int64(), "_at": pl.Int64(), "_order": pl.Int64()}
        )
    return pl.DataFrame(schema=columns_of(name) | own)


def no_media() -> dict[str, pl.DataFrame]:
    """Media as the core has them, without rows, by the names that nodes have for them."""
    import polars as pl

    from analyzer.store.layout import MEDIA

    return {name: pl.DataFrame(schema=columns_of(table)) for name, table in CORE.items() if table in MEDIA}
