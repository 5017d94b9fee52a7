"""A table of the catalogue: one entry from which command, help, filters, views, report and documentation follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from analyzer.schema.column import Column, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


class Scope(Enum):
    """How much of a capture decides about one row."""

    LOCAL = "local"
    """The messages of its call, registration or other unit: the same in a window or a part as in the whole."""
    ESTIMATE = "estimate"
    """The whole capture, such as roles of nodes: more packets may correct it. Never kept with local rows."""


LOCAL, ESTIMATE = Scope.LOCAL, Scope.ESTIMATE

KEYS = {
    "message": ("messages", "message"),
    "transaction": ("transactions", "transaction"),
    "dialog": ("dialogs", "dialog"),
    "call": ("calls", "call"),
    "registration": ("registrations", "registration"),
    "exchange": ("related_transactions", "exchange"),
    "node": ("endpoints", "node"),
    "endpoint": ("messages", "src_ip"),
    "finding": ("finding_cases", "finding"),
}
"""What a row can belong to, with the table and column that know it; an endpoint is an address and port of messages."""


@dataclass(frozen=True, slots=True)
class Section:
    """The section of a table in a report: its place on the page, its heading, and the sentence in place of rows.

    Without that sentence it is left out where there are no rows.
    """

    place: int
    heading: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    ``row``         one sentence: what a row is.
    ``columns``     in order.
    ``made_by``     ``module:function`` that makes it.
    ``scope``       ``LOCAL`` or ``ESTIMATE``.
    ``belongs_to``  what its rows belong to, of several any: a column that is named like one of ``KEYS``, or a pair of
                    column and key. Nothing: rows are about the capture, or are units of filters themselves.
    ``shown``       columns for people to see first; all without it. ``src`` is ``src_ip`` and ``src_port`` in one cell,
                    likewise other pairs; ``note`` in ``messages`` is a word on what is odd about one.
    ``note``        what a reader should know besides.
    ``example``     an SQL condition over the columns; of a measured table columns for ``--by``.
    ``section``     how it is shown in a report; without one it is not.
    ``spoken``      its texts are in the language of who reads them (``analyzer.language.SPOKEN``).
    ``asked``       it is made of names that the user gives, and not there without them.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    made_by: str = ""
    scope: Scope = LOCAL
    belongs_to: tuple[str | tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    note: str = ""
    example: str = ""
    section: Section | None = None
    asked: bool = False
    spoken: bool = False
    since: str = "0.1.0"

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [column.name for column in self.columns]

    @property
    def owners(self) -> list[tuple[str, str, str]]:
        """What rows belong to: own column, table and column in which it is looked up."""
        pairs = ((link, link) if isinstance(link, str) else link for link in self.belongs_to)
        return [(column, *KEYS[key]) for column, key in pairs]

    @property
    def maker(self) -> str:
        """The function that makes it, alone or with others."""
        return self.made_by.rpartition(":")[2]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def of_type(self, *types: Type) -> list[str]:
        """The names of the columns that have one of these types."""
        return [column.name for column in self.columns if column.type in types]

    def polars(self) -> dict[str, pl.DataType]:
        """The Polars schema, in order."""
        return {column.name: _polars_type(column.type) for column in self.columns}

    def pandas(self) -> dict[str, str]:
        """The types of its columns for ``dtype`` of ``pandas.read_csv`` and ``read_json``, which round integers of a
        column with missing values to 53 bits else, and take telephone numbers for integers. Without those of times."""
        return {column.name: _PANDAS[column.type] for column in self.columns if column.type in _PANDAS}


@dataclass(frozen=True, slots=True)
class Measure(Table):
    """A measured table: figures over other tables, in groups.

    ``of``        these tables, as ``made_by`` takes them.
    ``optional``  more of them, behind the others, that it can do without: they take long to make.
    ``asks``      ``made_by`` takes one function instead, which gives a table by its name: what it needs depends on
                  ``by``.
    ``looks_at``  of these tables the columns that it looks at, beside those of ``by``; all of others.
    """

    of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    asks: bool = False
    looks_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


#: A time has no such name: ``parse_dates`` reads it.
_PANDAS: dict[Type, str] = {
    "key": "Int64",
    "int": "Int64",
    "duration": "float64",
    "share": "float64",
    "number": "float64",
    "bool": "bool",
    "text": "str",
    "texts": "object",
}


def _polars_type(kind: Type) -> pl.DataType:
    return _polars_types()[kind]


@cache
def _polars_types() -> dict[Type, pl.DataType]:
    import polars as pl

    return {
        "key": pl.Int64(),
        "int": pl.Int64(),
        "time": pl.Datetime("ns", "UTC"),
        "duration": pl.Float64(),
        "share": pl.Float64(),
        "number": pl.Float64(),
        "bool": pl.Boolean(),
        "text": pl.String(),
        "texts": pl.List(pl.String()),
    }
