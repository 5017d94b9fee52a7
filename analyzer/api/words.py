"""The words of a search line: the filters of the commands, and text to look for.

::

    from=alice status=4xx          the filters by their names (``--from alice --status 4xx`` of a command)
    pdd_s>2                        a comparison with a column of the table
    callee:4930                    text in a column, in any case
    4930 "out of order"            any other word: text in one of the columns shown

All of them must hold.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.api.filters import CRITERIA, Filter
from analyzer.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

#: The filters by what they are called on the command line.
NAMES = {name.rstrip("_").replace("_", "-"): name for name in CRITERIA}

_WORD = re.compile(r"(?:--)?([A-Za-z][\w-]*)(>=|<=|!=|>|<|=|:)(.*)", re.DOTALL)
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Words:
    """What was asked: a filter, and texts that must stand in a row, each in one column or, None, in any."""

    chosen: Filter
    texts: tuple[tuple[str | None, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.chosen) or bool(self.texts)

    def with_texts(self, frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
        """The rows of a table in which each of the texts stands in its column, or in one of these."""
        import polars as pl

        shown = set(columns)
        for where, text in self.texts:
            names = [name for name in frame.columns if name == where or (where is None and name in shown)]
            cells = (_as_text(name, frame.schema[name]) for name in names)
            found = (cell.str.to_lowercase().str.contains(text.lower(), literal=True) for cell in cells)
            frame = frame.filter(pl.any_horizontal(pl.lit(value=False), *found).fill_null(value=False))
        return frame


def read(line: str, table: str = "calls", tz: str = "UTC") -> Words:
    """The words of a line about rows of ``table``, times in the zone ``tz``.

    Raises :class:`~analyzer.errors.FilterError` for what cannot be understood.

    >>> asked = read("from=alice pdd_s>2 callee:4930 berlin")
    >>> asked.chosen.from_, asked.chosen.where, asked.texts
    ('alice', '(pdd_s > 2)', (('callee', '4930'), (None, 'berlin')))
    """
    if len(line) > _LONGEST:
        raise FilterError(f"a search of {len(line):,} characters is too long; {_LONGEST:,} are read")
    try:
        words = shlex.split(line)
    except ValueError:
        raise FilterError(f"{line!r}: a quotation mark is not closed") from None
    given: dict[str, str] = {}
    conditions: list[str] = []
    texts: list[tuple[str | None, str]] = []
    columns = schema.TABLES[table].names
    for word in words:
        found = _WORD.fullmatch(word)
        # sip:alice@example.com and 2001:db8::1 are texts.
        if found is None or (found[2] == ":" and found[1] not in columns):
            texts.append((None, word))
            continue
        name, how, value = found.groups()
        if how == ":":
            texts.append((name, value))
            continue
        criterion = NAMES.get(name.lower().replace("_", "-"))
        # A table may have a column of that name; the filter of the commands is meant.
        if criterion == "where" and how == "=":
            conditions.append(value)
        elif criterion and how == "=":
            given[criterion] = value
        else:
            conditions.append(_compared(table, name, how, value))
    where = " and ".join(f"({condition})" for condition in conditions) or None
    return Words(Filter(**given, where=where, table=table, tz=tz), tuple(texts))


def _compared(table: str, name: str, how: str, value: str) -> str:
    """An SQL condition."""
    columns = {column.name: column for column in schema.TABLES[table].columns}
    if name not in columns:
        raise FilterError(
            f"{name}{how}{value}: {name} is neither a filter ({', '.join(NAMES)}) nor a column of {table}"
            f" ({', '.join(columns)})"
        )
    kind = columns[name].type
    if kind in ("time", "texts"):
        raise FilterError(f"{name}{how}{value}: {name} cannot be compared so; for times there are since= and until=")
    if kind == "bool":
        return f"{name} {how} {value}"
    if kind == "text":
        quoted = value.replace("'", "''")
        return f"{name} {how} '{quoted}'"
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value):
        raise FilterError(f"{name}{how}{value}: {name} is a number; {value!r} is none")
    return f"{name} {how} {value}"


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    return column.list.join(" ") if isinstance(kind, pl.List) else column.cast(pl.String)
