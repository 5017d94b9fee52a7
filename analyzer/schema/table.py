"""What a table and a column are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

Type = Literal["key", "int", "time", "duration", "share", "bool", "text", "texts"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, meaning, and the standard the meaning rests on.

    ``private``, for texts: what kind of value it is for masking (``analyzer.masking``): ``open`` (words of ours or of a
    registry, shown as they are), ``address`` ``host`` ``uri`` ``user`` ``subscriber`` ``identifier`` ``phrase``
    ``words`` ``sentence`` ``cell`` ``file``, the name of the header field whose value it is, or ``named``: the column
    ``name`` holds that name.
    """

    name: str
    type: Type
    meaning: str
    standard: str = ""
    private: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, one sentence of what a row is, and its columns in order.

    ``made_by``: the function that makes it (``analyzer.ims.sms:sms``), whose parameters name what it rests on, where
    :mod:`analyzer.graph` has no node of the table's name; ``scope`` of that function: ``local`` or ``estimate``.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    made_by: str = ""
    scope: str = "local"

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [column.name for column in self.columns]

    def of_type(self, *types: Type) -> list[str]:
        """The names of the columns that have one of these types."""
        return [column.name for column in self.columns if column.type in types]

    def polars(self) -> dict[str, pl.DataType]:
        """The Polars schema, in order."""
        return {column.name: _polars_type(column.type) for column in self.columns}


def _polars_type(kind: Type) -> pl.DataType:
    import polars as pl

    kinds: dict[Type, pl.DataType] = {
        "key": pl.Int64(),
        "int": pl.Int64(),
        "time": pl.Datetime("ns", "UTC"),
        "duration": pl.Float64(),
        "share": pl.Float64(),
        "bool": pl.Boolean(),
        "text": pl.String(),
        "texts": pl.List(pl.String()),
    }
    return kinds[kind]
