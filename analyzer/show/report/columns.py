"""Tables for the page: columns of JSON, packed, and their first rows as text for readers without JavaScript.

What a column looks like in JSON, by its type in ``schema``::

    time      {"s": [...], "n": [...]}     seconds since the row before (the first: since 1970), nanoseconds of these
    text      {"d": [...], "c": [...]}     each text once, and its place in each row (null: missing)
    texts     {"v": [[...], ...]}
    bool      {"v": [0, 1, ...]}
    others    {"v": [...]}

All text is safe (``show/text.py``): the page never has to know what may be shown.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

import polars as pl

from analyzer.columns.times import SECOND
from analyzer.show.text import MISSING, heading, safe, safe_column, safe_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.schema import Column


def packed(frame: pl.DataFrame, columns: Sequence[Column], meanings: Mapping[str, str]) -> str:
    """These columns of a table as JSON, compressed, in base64, with what each means by its name."""
    safe_frame = safe_columns(frame.select(column.name for column in columns))
    made = [
        {"name": column.name, "type": column.type, "meaning": meanings[column.name], **_column(safe_frame[column.name])}
        for column in columns
    ]
    return encoded(json.dumps({"rows": frame.height, "columns": made}, ensure_ascii=False, separators=(",", ":")))


def encoded(data: str | bytes) -> str:
    """Compressed (RFC 1950), in base64; bytes are compressed already."""
    whole = data if isinstance(data, bytes) else zlib.compress(data.encode(), 6)
    return base64.b64encode(whole).decode("ascii")


def _column(column: pl.Series) -> dict[str, Any]:
    """A column whose text is safe, but for lists."""
    if isinstance(column.dtype, pl.Datetime):
        times = column.cast(pl.Int64).to_frame("at")
        whole = pl.col("at") // SECOND
        # Missing ones do not break the chain.
        steps = whole - whole.forward_fill().shift().fill_null(0)
        both = times.select(s=steps, n=pl.col("at") % SECOND)
        return {"s": both["s"].to_list(), "n": both["n"].to_list()}
    if column.dtype == pl.Boolean:
        return {"v": column.cast(pl.UInt8).to_list()}
    if isinstance(column.dtype, pl.List):
        return {"v": [None if texts is None else [safe(text) for text in texts] for texts in column.to_list()]}
    if column.dtype != pl.String:
        return {"v": (column.fill_nan(None) if column.dtype.is_float() else column).to_list()}
    known = column.unique(maintain_order=True).drop_nulls()
    codes = column.replace_strict(known, range(known.len()), default=None, return_dtype=pl.UInt32)
    return {"d": known.to_list(), "c": codes.to_list()}


def first_rows(frame: pl.DataFrame, columns: Sequence[Column], tz: str, most: int) -> list[list[tuple[str, bool]]]:
    """The first rows as cells of safe text, each with whether it stands on the right."""
    rows = safe_columns(frame.select(column.name for column in columns).head(most))
    cells = []
    for column in columns:
        texts = _cells(rows[column.name], tz)
        right = column.type in ("int", "duration")
        cells.append([(MISSING if text is None else text, right) for text in texts])
    return [list(row) for row in zip(*cells, strict=True)]


def _cells(column: pl.Series, tz: str) -> list[str | None]:
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.convert_time_zone(tz).dt.to_string("%Y-%m-%d %H:%M:%S%.3f").to_list()
    if column.dtype == pl.Boolean:
        return ["yes" if value else "no" for value in column]
    if column.dtype.is_float():
        return [None if value is None else f"{value:.3f}" for value in column.fill_nan(None)]
    if isinstance(column.dtype, pl.List):
        return safe_column(column.list.join(" ")).to_list()
    return column.cast(pl.String).to_list()


def named(column: Column) -> str:
    """The heading of a column."""
    return heading(column.name).replace("_", " ")


def offsets(first: int | None, last: int | None, tz: str) -> list[tuple[int, int]]:
    """From which second (since 1970) on a zone is how many seconds before UTC, between two times in nanoseconds.

    >>> offsets(1_711_843_200_000_000_000, 1_711_929_600_000_000_000, "Europe/Berlin")
    [(1711843200, 3600), (1711846800, 7200)]
    """
    if first is None or last is None:
        return [(0, 0)]
    # Clocks are changed at whole quarters of an hour.
    quarter = 900
    begin, end = first // SECOND // quarter * quarter, last // SECOND
    seconds = pl.int_range(begin, end + 1, quarter, dtype=pl.Int64, eager=True)
    utc = (seconds * 1000).cast(pl.Datetime("ms", "UTC"))
    local = utc.dt.convert_time_zone(tz).dt.replace_time_zone(None).cast(pl.Int64) // 1000
    known = pl.DataFrame({"second": seconds, "offset": local - seconds})
    changes = known.filter((pl.col("offset") != pl.col("offset").shift()).fill_null(value=True))
    return changes.rows()
