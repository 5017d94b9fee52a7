"""The formats of tables: for people, or as CSV, JSON, JSON lines, Parquet.

What each format promises:

==========  ======================================================================================================
table       aligned text, everything from the wire made safe; a short choice of columns unless ``--columns`` says more
csv         all columns; times RFC 3339 with nine digits and Z; missing is empty; lists joined by a space; control and
            format characters shown as their codes (a row is a line); cells that a spreadsheet would run are disarmed
json        an array of objects, one a line; keys are strings (JavaScript loses digits past 2^53), times as in CSV,
            missing is null; text is whole, with control and format characters in JSON's own ``\\u`` notation
jsonl       the same, without the array
parquet     the types of ``schema``, text as it was; pandas reads integers as Int64, so that no key is rounded
==========  ======================================================================================================

Tables whose rows belong to calls begin with the number of the call, caller and callee (``show.views.numbered``), in
Parquet only if ``--columns`` names them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from analyzer import schema
from analyzer.cli import command, complete
from analyzer.cli.terminal import coloured, note, width
from analyzer.errors import alike
from analyzer.reading.written import replaced
from analyzer.show import views

if TYPE_CHECKING:
    import polars as pl

    from analyzer.show.text import Room

Function = TypeVar("Function", bound=Callable[..., Any])

FORMATS = ("table", "csv", "json", "jsonl", "parquet")
_SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "table",
}

# Rows written at a time: what is in memory as text stays small.
_ROWS = 50_000
# Longest cell of the default columns; columns that were asked for by name are shown whole, and what a table is about.
_CUT = 44
_WHOLE = frozenset({"headers"})


def output(function: Function) -> Function:
    """``--format -o --columns --sort --limit --wide``: the same for every table command."""
    for decorate in reversed(
        (
            click.option(
                "--format",
                "form",
                type=click.Choice(FORMATS),
                help="Output format; default: the suffix of -o FILE, otherwise table.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
            click.option("--csv", "as_csv", is_flag=True, help="Short for --format csv."),
            click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE."),
            click.option(
                "--columns",
                metavar="A,B,C",
                shell_complete=complete.columns,
                help="Columns to show, or all. Default: a selection in a table, all in other formats.",
            ),
            click.option(
                "--sort",
                metavar="[-]A,B",
                shell_complete=complete.columns,
                help="Sort by these columns, with - in front the largest first: -pdd_s.",
            ),
            click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Only the first N rows."),
            click.option(
                "--wide",
                is_flag=True,
                help="A table as wide as it is: else it fits the terminal.",
            ),
            click.option(
                "-w",
                "--width",
                type=click.IntRange(min=20),
                metavar="COLUMNS",
                help="Fit tables into so many columns; default: those of the terminal.",
            ),
            command.no_colour,
        )
    ):
        function = decorate(function)
    return function


def chosen_format(form: str | None, output: str | None, *, json_: bool = False, csv: bool = False) -> str:
    """The format asked for, else that of the file's suffix, else table."""
    asked = {form, "json" if json_ else None, "csv" if csv else None} - {None}
    if len(asked) > 1:
        raise click.UsageError(f"one format at a time: {' or '.join(sorted(map(str, asked)))}.")
    if asked:
        return str(asked.pop())
    if output is None:
        return "table"
    suffix = Path(output).suffix.lower()
    if suffix not in _SUFFIXES:
        raise click.UsageError(f"-o {output}: say --format, or end the name in {', '.join(_SUFFIXES)}.")
    return _SUFFIXES[suffix]


def chosen_columns(table: str, columns: str | None, *, also: Sequence[str] = ()) -> list[str] | None:
    """The columns asked for; None for the default of the format. ``also``: those the table has beside its own."""
    also = also or views.in_front(table)
    names = [*also, *(name for name in schema.find(table).names if name not in also)]
    if columns is None:
        return None
    if columns.strip() == "all":
        return names
    asked = [name.strip() for name in columns.split(",") if name.strip()]
    unknown = [name for name in asked if name not in names]
    if unknown or not asked:
        hint = "".join(alike(name, names) for name in unknown)
        raise click.UsageError(
            f"--columns: {table} has no {', '.join(unknown) or 'such column'}.{hint} It has {', '.join(names)}."
        )
    return list(dict.fromkeys(asked))


def chosen_order(table: str, asked: str | None, *, also: Sequence[str] = ()) -> list[tuple[str, bool]]:
    """The columns of ``--sort``, each with whether the largest comes first. ``also``: those beside the table's own."""
    names = list(dict.fromkeys([*also, *views.in_front(table), *schema.find(table).names]))
    parts = [part.strip() for part in (asked or "").split(",") if part.strip()]
    order = [(part.lstrip("-"), part.startswith("-")) for part in parts]
    unknown = [name for name, _ in order if name not in names]
    if unknown or (asked is not None and not order):
        hint = "".join(alike(name, names) for name in unknown)
        raise click.UsageError(
            f"--sort: {table} has no {', '.join(unknown) or 'such column'}.{hint} It has {', '.join(names)}."
        )
    return order


def in_order(frame: pl.DataFrame, order: list[tuple[str, bool]]) -> pl.DataFrame:
    """The rows in that order, equal ones as they were; what is missing comes last either way."""
    if not order:
        return frame
    by = [name for name, _ in order]
    return frame.sort(by, descending=[down for _, down in order], nulls_last=True, maintain_order=True)


def write_limited(
    frame: pl.DataFrame,
    table: str,
    columns: list[str] | None,
    form: str,
    values: Mapping[str, Any],
) -> None:
    """The table as the options in ``values`` say, and a note where ``--limit`` leaves rows out."""
    shown = frame if values["limit"] is None else frame.head(values["limit"])
    write(
        shown, table, form=form, output=values["output"], columns=columns, tz=values["tz"], room=room_of(table, values)
    )
    if shown.height < frame.height:
        note(f"{shown.height} of {frame.height} {'rows of ' if table in schema.MEASURES else ''}{table}")


def room_of(table: str, values: Mapping[str, Any]) -> Room | None:
    """What a table is to fit: the width asked for, else the terminal; nothing in a file, a pipe, or with ``--wide``."""
    from analyzer.show.text import Room

    if values["wide"] or (values["width"] is None and (values["output"] is not None or not sys.stdout.isatty())):
        return None
    return Room(values["width"] or width(), views.first(table))


def write_findings(frame: pl.DataFrame, *, whole: bool, values: Mapping[str, Any]) -> None:
    """The findings in words, as the options in ``values`` say."""
    from analyzer.explain.phrases import phrases
    from analyzer.language import SPOKEN
    from analyzer.show import findings

    say = phrases(SPOKEN.get())
    shown = frame if values["limit"] is None else frame.head(values["limit"])
    colour = values["output"] is None and coloured(sys.stdout)
    _write_text(
        findings.text(shown, columns=values["width"] or width(), say=say, whole=whole, colour=colour), values["output"]
    )
    if shown.height < frame.height:
        note(f"{shown.height} of {frame.height} findings")
    elif shown.height and not whole:
        note("the whole text of a finding: --rule RULE; the table: --wide")


def _write_text(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False, color=True)
    else:
        with replaced(output) as part:
            Path(part).write_text(text, encoding="utf-8")


def write(
    frame: pl.DataFrame,
    table: str,
    *,
    form: str,
    output: str | None,
    columns: list[str] | None,
    tz: str,
    room: Room | None = None,
) -> None:
    """The table in that format, to that file or standard output."""
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("parquet cannot be written to a terminal; give -o FILE.")
    if form == "table":
        colour = output is None and coloured(sys.stdout)
        text, missing = _text(frame, table, columns, tz, colour=colour, room=room)
        _write_text(text, output)
        if missing:
            more = "1 more column" if len(missing) == 1 else f"{len(missing)} more columns"
            note(f"{more} with --wide: {' '.join(missing)}")
        return
    chosen = frame.select(columns or frame.columns)
    pieces = _WRITERS[form](chosen, table)
    if output is None:
        _write_all(sys.stdout.buffer, pieces)
    else:
        with replaced(output) as part, Path(part).open("wb") as stream:
            _write_all(stream, pieces)


def _write_all(stream: IO[bytes], pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def _text(
    frame: pl.DataFrame, table: str, columns: list[str] | None, tz: str, *, colour: bool, room: Room | None
) -> tuple[str, list[str]]:
    """The table as text, and the columns that had no room."""
    from analyzer.show import text

    digits = 6 if table == "messages" else 3
    if columns is not None:
        return text.table(frame.select(columns), tz=tz, digits=digits, colour=colour), []
    shown = views.default(table, frame)
    cut = None if table in _WHOLE else _CUT
    kept = shown.columns if room is None else text.fitting(shown, room, tz=tz, digits=digits, cut=cut)
    drawn = text.table(shown, tz=tz, digits=digits, cut=cut, colour=colour, room=room)
    return drawn, text.left_out(shown, kept) if room is not None else []


# ---- CSV -------------------------------------------------------------------------------------------------------------

# A spreadsheet runs a cell that starts with one of these (OWASP "CSV Injection"; full-width forms in CJK locales).
# TAB and CR count too but never come here: they are already shown as codes.
_RUNS = "[=+@\\-＝＋－＠]"
# What may start so and still is data: a telephone number or a signed number has only digits and separators, and nothing
# that a spreadsheet could call. So +49 30 1234567 stays usable.
_NUMBER = r"^[+-]?[0-9(][0-9 .()\-/]*$"


def _csv(frame: pl.DataFrame, table: str) -> Iterator[bytes]:
    import polars as pl
    import polars.selectors as cs

    from analyzer.show.text import safe_columns

    first = True
    for rows in _slices(frame):
        plain = _plain(rows, table)
        lists = [name for name, kind in plain.schema.items() if isinstance(kind, pl.List)]
        texts = safe_columns(plain.with_columns(pl.col(lists).list.join(" ")))
        strings = (name for name, kind in texts.schema.items() if kind == pl.String)
        cells = texts.with_columns(cs.float().fill_nan(None), *(_disarmed(name) for name in strings))
        yield cells.write_csv(include_header=first).encode()
        first = False


def _disarmed(name: str) -> pl.Expr:
    import polars as pl

    cell = pl.col(name)
    runs = cell.str.contains(f"^{_RUNS}") & ~cell.str.contains(_NUMBER)
    return pl.when(runs).then(pl.format("'{}", cell)).otherwise(cell).alias(name)


# ---- JSON ------------------------------------------------------------------------------------------------------------


# C0 is escaped by any JSON writer; DEL, C1 and format characters are legal in JSON and would reach a terminal raw.
def _escaped(found: re.Match[str]) -> str:
    import json

    return json.dumps(found.group())[1:-1] if ord(found.group()) > 0x7F else "\\u007f"


def _jsonl(frame: pl.DataFrame, table: str) -> Iterator[bytes]:
    for rows in _slices(frame):
        if rows.height:
            yield _json_lines(_plain(rows, table))


def _json(frame: pl.DataFrame, table: str) -> Iterator[bytes]:
    yield b"["
    before = b"\n"
    for rows in _slices(frame):
        if rows.height:
            # A newline inside text is \\n in JSON, so every raw one ends a row.
            yield before + _json_lines(_plain(rows, table)).rstrip(b"\n").replace(b"\n", b",\n")
            before = b",\n"
    yield b"\n]\n"


def _json_lines(rows: pl.DataFrame) -> bytes:
    from analyzer.show.text import not_shown

    text = rows.write_ndjson()
    return (text if text.isascii() and "\x7f" not in text else not_shown().sub(_escaped, text)).encode()


def json_rows(frame: pl.DataFrame, table: str) -> str:
    """All rows of a table as one JSON array."""
    return b"".join(_json(frame, table)).decode().rstrip("\n")


# ---- shared ----------------------------------------------------------------------------------------------------------


def _slices(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """At least one, so that a table without rows still has its headings."""
    yield frame.slice(0, _ROWS)
    for start in range(_ROWS, frame.height, _ROWS):
        yield frame.slice(start, _ROWS)


def _plain(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Times and keys as text."""
    import polars as pl

    keys = schema.keys(table)
    return frame.with_columns(
        [pl.col(name).cast(pl.String) for name in frame.columns if name in keys]
        + [
            pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%S%.9fZ")
            for name, kind in frame.schema.items()
            if isinstance(kind, pl.Datetime)
        ]
    )


# Rows of a row group, as Polars and DuckDB have them: several can be read side by side.
_GROUP = 250_000


def _parquet(frame: pl.DataFrame, _table: str) -> Iterator[bytes]:
    import io

    import pyarrow.parquet as pq

    table = frame.to_arrow()
    # Without it pandas makes float64 of integers some of which are missing, and rounds keys to 53 bits. The text lists
    # what reads as which type (pandas, "Storing pandas DataFrame objects in Apache Parquet format").
    table = table.replace_schema_metadata({b"pandas": _for_pandas(frame).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=_GROUP)  # type: ignore[no-untyped-call]
    yield buffer.getvalue()


def _for_pandas(frame: pl.DataFrame) -> str:
    import json
    from importlib.metadata import version

    columns = []
    for name, kind in frame.schema.items():
        pandas_type, numpy_type = _pandas_types(kind)
        zone = {"timezone": "UTC"} if pandas_type == "datetimetz" else None
        columns.append(
            {
                "name": name,
                "field_name": name,
                "pandas_type": pandas_type,
                "numpy_type": numpy_type,
                "metadata": zone,
            }
        )
    creator = {"library": "sip-analyzer", "version": version("sip-analyzer")}
    return json.dumps(
        {"index_columns": [], "column_indexes": [], "columns": columns, "creator": creator, "pandas_version": "3.0.0"}
    )


def _pandas_types(kind: pl.DataType) -> tuple[str, str]:
    import polars as pl

    if kind.is_integer():
        return "int64", "Int64"
    if isinstance(kind, pl.Datetime):
        return "datetimetz", "datetime64[ns]"
    plain: dict[type[pl.DataType], tuple[str, str]] = {
        pl.Boolean: ("bool", "bool"),
        pl.Float64: ("float64", "float64"),
        pl.String: ("unicode", "object"),
    }
    return plain.get(type(kind), ("list[unicode]", "object"))


_WRITERS: dict[str, Callable[[pl.DataFrame, str], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
