"""The rows of a table that an address asks for: searched, filtered, sorted, a page of them.

The query is that of the report (``#calls?outcome=busy&sort=-pdd_s``): columns with values, commas between; ``has``
columns that must not be empty; ``sort``; ``q`` words to search for (:mod:`analyzer.api.words`). Besides ``page`` and
``rows`` of a page, and ``columns=all``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import polars as pl

from analyzer import schema
from analyzer.api import words
from analyzer.errors import FilterError

SIZES = (50, 200, 1000)
_OWN = frozenset({"q", "sort", "has", "page", "rows", "columns"})
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks of a table."""

    text: str = ""
    sort: str = ""
    has: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    page: int = 1
    size: int = SIZES[0]
    all_columns: bool = False

    @property
    def column(self) -> str:
        """The column that sorts."""
        return self.sort.removeprefix("-")

    def __str__(self) -> str:
        """As an address has it, without what goes without saying."""
        parts = [("q", quote(self.text))] if self.text else []
        parts += [("sort", quote(self.sort))] if self.sort else []
        parts += [("has", ",".join(map(_quoted, self.has)))] if self.has else []
        parts += [(_quoted(name), ",".join(map(_quoted, wanted))) for name, wanted in self.values.items()]
        parts += [("rows", str(self.size))] if self.size != SIZES[0] else []
        parts += [("columns", "all")] if self.all_columns else []
        parts += [("page", str(self.page))] if self.page != 1 else []
        return "&".join(f"{name}={value}" for name, value in parts)


def _quoted(text: str) -> str:
    return quote(text, safe="")


def read(query: str) -> Query:
    """The query of an address.

    Raises :class:`~analyzer.errors.FilterError` for a number that is none.

    >>> read("outcome=busy,no_answer&sort=-pdd_s&page=2").values
    {'outcome': ('busy', 'no_answer')}
    """
    given: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.replace("+", "%20").partition("=")
        if name:
            given[unquote(name)] = value
    values = {
        name: tuple(map(unquote, value.split(",")[:_MOST_VALUES])) for name, value in given.items() if name not in _OWN
    }
    return Query(
        text=unquote(given.get("q", "")),
        sort=unquote(given.get("sort", "")),
        has=tuple(unquote(name) for name in given.get("has", "").split(",") if name),
        values=values,
        page=_number("page", given.get("page", "1"), 1, 100_000_000),
        size=_number("rows", given.get("rows", str(SIZES[0])), 1, SIZES[-1]),
        all_columns=given.get("columns") == "all",
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        raise FilterError(f"{name}={text[:40]}: a number from {least} to {most:,} is wanted")
    return int(text)


def chosen(
    query: Query, table: str, frame: pl.DataFrame, filtered: Callable[[words.Words], pl.DataFrame], tz: str
) -> pl.DataFrame:
    """The rows of ``frame`` that the query asks for, in its order; ``filtered`` gives the same table with what filters
    pick."""
    # A measured table is made of calls: filters speak of them.
    asked = words.read(query.text, table if table in schema.TABLES else "calls", tz)
    if asked.chosen:
        frame = filtered(asked)
    frame = asked.with_texts(frame, frame.columns)
    for name, wanted in query.values.items():
        _check(name, table, frame)
        frame = frame.filter(_as_text(frame, name).is_in(wanted))
    for name in query.has:
        _check(name, table, frame)
        frame = frame.filter(pl.col(name).is_not_null())
    if query.sort:
        _check(query.column, table, frame)
        down = query.sort.startswith("-")
        frame = frame.sort(query.column, descending=down, nulls_last=True, maintain_order=True)
    return frame


def page_of(frame: pl.DataFrame, query: Query) -> tuple[pl.DataFrame, int, int]:
    """The rows of the page, its number, and how many pages there are; a page behind the last is the last."""
    pages = max(-(-frame.height // query.size), 1)
    number = min(query.page, pages)
    return frame.slice((number - 1) * query.size, query.size), number, pages


def facet(frame: pl.DataFrame, columns: Sequence[str], most: int = 16) -> tuple[str, list[tuple[str, int]]]:
    """The first of these columns that tells rows apart, with its most frequent values and how many rows have each."""
    for name in columns:
        if name in frame.columns:
            counts = (
                frame.select(value=_as_text(frame, name))
                .group_by("value")
                .len()
                .sort(["len", "value"], descending=[True, False])
            )
            if counts.height > 1:
                return name, counts.head(most).rows()
    return "", []


def _as_text(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column as the page shows its values; empty where there is none."""
    column = pl.col(name)
    if frame.schema[name] == pl.Boolean:
        return pl.when(column).then(pl.lit("yes")).otherwise(pl.lit("no"))
    if isinstance(frame.schema[name], pl.List):
        column = column.list.join(" ")
    return column.cast(pl.String).fill_null("")


def _check(name: str, table: str, frame: pl.DataFrame) -> None:
    if name not in frame.columns:
        raise FilterError(f"{table} has no column {name[:60]!r}; it has {', '.join(frame.columns)}")
