"""Text for terminals: hostile text made harmless, and aligned tables.

Everything that a capture brings along may be written by an attacker, so nothing from the wire reaches a terminal as it
came:

- control characters (C0, DEL, C1; ECMA-48) would move the cursor, recolour or retitle the terminal: shown as ``\\x1b``;
- format characters (Unicode category Cf: bidi overrides of UAX #9, zero-width characters) would make text read
  differently from what it is: shown as ``\\u202e``;
- line and paragraph separators would break a row in two: shown as ``\\u2028``;
- Hangul fillers look like nothing at all: shown as ``\\u3164``.

Tables are laid out column by column in Polars; Python sees single cells only where they are not ASCII.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

MISSING = "-"
SHORT_TAG = 10
"""Columns of a From or To tag where it only has to be told from its neighbours."""

# One set in the two spellings; Python cannot name Unicode categories, Rust has no lone surrogates.
# Cf as of Unicode 15: https://www.unicode.org/Public/15.0.0/ucd/extracted/DerivedGeneralCategory.txt
_CF = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
)
_FILLERS = "\u115f\u1160\u3164\uffa0"
_NOT_C0 = f"\x7f-\x9f\u2028\u2029\ud800-\udfff{_CF}{_FILLERS}"
HOSTILE = rf"[\p{{Cc}}\p{{Cf}}\p{{Zl}}\p{{Zp}}{_FILLERS}]"
"""The set as a Polars (Rust) pattern."""


# To compile them takes 10 ms, and most commands show nothing but printable ASCII.
@lru_cache(1)
def _hostile() -> re.Pattern[str]:
    return re.compile(f"[\x00-\x1f{_NOT_C0}]")


@lru_cache(1)
def not_shown() -> re.Pattern[str]:
    """The set without C0 (which JSON escapes anyway)."""
    return re.compile(f"[{_NOT_C0}]")


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str) -> str:
    """The text with every character that could deceive a reader or command a terminal shown as its code.

    >>> safe("\\x1b[2J\\u202e moc")
    '\\\\x1b[2J\\\\u202e moc'
    """
    # Printable ASCII, as nearly all is, needs no search.
    return text if text.isascii() and text.isprintable() else _hostile().sub(_escape, text)


def markup(text: str) -> str:
    """:func:`safe` text for HTML and XML, between tags and in quoted attributes.

    Also U+FFFE and U+FFFF, which XML cannot hold (XML 1.0 §2.2), are shown as codes.

    >>> markup("<b title='x'>")
    '&lt;b title=&#x27;x&#x27;&gt;'
    """
    from html import escape  # with all of HTML's entities, which tables do without

    return escape(safe(text)).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def safe_lines(data: bytes) -> str:
    """Bytes from the wire as lines of safe text; bytes that are not UTF-8 are shown as ``\\xff``.

    Line ends of SIP (CRLF, and the bare LF it is forgiven for) stay line ends.
    """
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return "\n".join(safe(line.removesuffix("\r")) for line in lines)


def safe_column(column: pl.Series) -> pl.Series:
    """:func:`safe` for a column of text; a column without hostile text costs one scan."""
    hostile = column.filter(column.str.contains(HOSTILE)).unique()
    if hostile.is_empty():
        return column
    return column.replace(hostile, [safe(text) for text in hostile])


def safe_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """:func:`safe` for all columns of text; one look tells which of them have hostile text."""
    import polars as pl
    import polars.selectors as cs

    hostile = frame.select(cs.string().str.contains(HOSTILE).any()).to_dicts()
    names = [name for row in hostile for name, found in row.items() if found]
    return frame.with_columns(pl.col(name).map_batches(safe_column, return_dtype=pl.String) for name in names)


@lru_cache(65536)
def _wcswidth(text: str) -> int:
    from wcwidth import wcswidth

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


def width(text: str) -> int:
    """Columns that safe text takes on a terminal; CJK and emoji take two (UAX #11)."""
    return len(text) if text.isascii() else _wcswidth(text)


def fit(text: str, columns: int, ellipsis: str = "…") -> str:
    """The text cut to so many columns, with an ellipsis where something was left out."""
    if width(text) <= columns:
        return text
    room = columns - len(ellipsis)
    if room <= 0:
        return ellipsis[: max(columns, 0)]
    kept = text[:room]
    while width(kept) > room:
        kept = kept[:-1]
    return kept + ellipsis


def pad(text: str, columns: int) -> str:
    """The text with spaces behind it up to so many columns."""
    return text + " " * (columns - width(text))


# A line of Chinese may break before each character, but not before marks that end something (UAX #14: CL and EX).
# Nor after a mark that opens something, nor at a no-break space.
_OPEN = "\uff08\u300a\u300c\u300e\u3010"
_PIECES = re.compile(rf"[{_OPEN}]*(?:(?:[^\s\u2e80-\uffef]|\xa0)+|[\u2e80-\uffef])|[^\S\xa0]+")
_NOT_FIRST = frozenset(",.:;!?)]}%\u3001\u3002\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff1a\uff1b\uff1f")


def wrapped(text: str, columns: int) -> list[str]:
    """Safe text in lines of so many columns, broken at blanks, and between the characters of Chinese.

    >>> wrapped("one two three", 8), wrapped("被叫正在振铃。", 8)
    (['one two', 'three'], ['被叫正在', '振铃。'])
    """
    lines = [""]
    for piece in _PIECES.findall(text):
        blank = piece.isspace()
        if width(lines[-1]) + width(piece) <= columns or (piece in _NOT_FIRST and lines[-1]):
            lines[-1] += " " if blank else piece
        elif not blank:
            lines.append(piece)
    return [line.strip() for line in lines]


def seconds(value: float) -> str:
    """A duration with its unit; below a millisecond in the unit that still has digits.

    >>> seconds(2.5), seconds(0.0123), seconds(0.000385), seconds(0)
    ('2.500 s', '0.012 s', '385 us', '0.000 s')
    """
    nanoseconds = round(abs(value) * 1e9)
    sign = "-" if value < 0 else ""
    if nanoseconds == 0 or nanoseconds >= 1_000_000:
        return f"{sign}{nanoseconds / 1e9:.3f} s"
    return f"{sign}{(nanoseconds + 500) // 1000} us" if nanoseconds >= 1000 else f"{sign}{nanoseconds} ns"


def clock(nanoseconds: int) -> str:
    """A duration under a heading that says seconds; what is too short for them brings its own unit.

    >>> clock(2_500_000_000), clock(385_000)
    ('2.500', '385us')
    """
    return seconds(nanoseconds / 1e9).removesuffix(" s").replace(" ", "")


def duration(nanoseconds: int) -> str:
    """A duration as people say it: two units from a minute on.

    >>> duration(19_955_000_000), duration(723_400_000_000), duration(7_512_000_000_000)
    ('19.955 s', '12 min 3 s', '2 h 5 min')
    """
    if nanoseconds < 60_000_000_000:
        return seconds(nanoseconds / 1e9)
    minutes, rest = divmod((nanoseconds + 500_000_000) // 1_000_000_000, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def heading(column: str) -> str:
    """A column's name as a heading: ``started_at`` is *started*; ``setup_s`` keeps its unit."""
    return column.removesuffix("_at")


_GREEN, _RED, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
_GOOD = ("answered", "answered_elsewhere", "registered", "deregistered", "completed")
_BAD = (
    *("unreachable", "negotiation_failed", "auth_failed", "server_failure", "client_error", "timeout"),
    *("failed", "transport_error"),
)


@dataclass(frozen=True, slots=True)
class Room:
    """A width to fit a table into.

    ``columns`` of the terminal; ``first`` names columns of the table, the most important first: those that are not
    named come after them, in the order of the table.
    """

    columns: int
    first: tuple[str, ...] = ()


def table(
    frame: pl.DataFrame,
    *,
    tz: str = "UTC",
    digits: int = 3,
    cut: int | None = None,
    colour: bool = False,
    room: Room | None = None,
) -> str:
    """Any table as aligned lines, headings first.

    Times show the date only where the column spans several; durations have three decimals, or six or nine where the
    column holds one too short for three; missing cells are ``-``.
    Text longer than ``cut`` columns is cut. Sub-second digits of times: 3, 6 or 9. With ``room`` columns are left out,
    the least important first, and long texts cut, until a row fits a line (:func:`left_out` says which).
    """
    import polars as pl

    if room is not None:
        frame = frame.select(fitting(frame, room, tz=tz, digits=digits, cut=cut))
    headings, cells = _cells(frame, tz, digits, cut)
    if room is not None:
        cells = _narrowed(frame, headings, cells, room.columns)
    if not cells.columns:
        return "\n"
    measured = cells.select(
        *(pl.col(name).str.len_chars().max().fill_null(0).alias(f"widest {name}") for name in cells.columns),
        *((pl.col(name).str.len_bytes() != pl.col(name).str.len_chars()).any() for name in cells.columns),
    ).row(0, named=True)
    # What is not ASCII may take two columns for a character: such cells are measured and padded in Python.
    others = {name: cells.filter(_not_ascii(name))[name].unique().to_list() for name in cells.columns if measured[name]}
    tops, columns = [], []
    for name, (said, right) in zip(cells.columns, headings, strict=True):
        texts = others.get(name, [])
        wide = max(width(said), measured[f"widest {name}"], *map(width, texts))
        tops.append(said.rjust(wide) if right else pad(said, wide))
        text = pl.col(name).str
        padded = text.pad_start(wide) if right else text.pad_end(wide)
        if texts and not right:
            padded = padded.replace([text.ljust(wide) for text in texts], [pad(text, wide) for text in texts])
        columns.append(_coloured(frame[name], padded) if colour else padded)
    top = "  ".join(tops).rstrip()
    if colour:
        top = f"{_BOLD}{top}{_PLAIN}"
    if frame.height == 0:
        return top + "\n"
    rows = cells.select(pl.concat_str(columns, separator="  ").str.strip_chars_end(" ")).to_series()
    return "\n".join([top, *rows.to_list(), ""])


_GAP = 2  # columns between two cells
_LEAST = 14  # columns that a text is cut to before a column is left out
_LEAST_HEADING = 6
_LOOKED_AT = 2000  # rows that say which columns there is room for


def fitting(frame: pl.DataFrame, room: Room, *, tz: str = "UTC", digits: int = 3, cut: int | None = None) -> list[str]:
    """The columns of a table that there is room for, in its order: a column without any value is none of them."""
    shown = [name for name in frame.columns if frame[name].null_count() < frame.height or not frame.height]
    some = frame.head(_LOOKED_AT).select(shown)
    least = {name: low for name, (low, _) in _widths(some, *_cells(some, tz, digits, cut)).items()}
    rank = {name: number for number, name in enumerate(room.first)}
    kept: set[str] = set()
    left = room.columns + _GAP
    for name in sorted(shown, key=lambda name: (rank.get(name, len(rank)), shown.index(name))):
        if left >= least[name] + _GAP or not kept:
            kept.add(name)
            left -= least[name] + _GAP
    return [name for name in shown if name in kept]


def left_out(frame: pl.DataFrame, kept: list[str]) -> list[str]:
    """The columns with values that had no room."""
    return [name for name in frame.columns if name not in kept and frame[name].null_count() < frame.height]


def _widths(frame: pl.DataFrame, headings: list[tuple[str, bool]], cells: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """The least and the whole width of each column: texts and headings may be cut, times and numbers may not."""
    import polars as pl

    found = {}
    for name, (said, _) in zip(cells.columns, headings, strict=True):
        widest = max((width(text) for text in cells[name].unique().to_list()), default=0)
        whole = max(width(said), widest)
        text = frame[name].dtype in (pl.String, pl.List(pl.String))
        least = min(whole, _LEAST) if text else max(widest, min(width(said), _LEAST_HEADING))
        found[name] = (least, whole)
    return found


def _narrowed(frame: pl.DataFrame, headings: list[tuple[str, bool]], cells: pl.DataFrame, columns: int) -> pl.DataFrame:
    """The longest texts and headings cut until a row fits."""
    widths = _widths(frame, headings, cells)
    wide = {name: whole for name, (_, whole) in widths.items()}
    over = sum(wide.values()) + _GAP * (len(wide) - 1) - columns
    while over > 0:
        name = max(wide, key=lambda name: wide[name] - widths[name][0])
        if wide[name] <= widths[name][0]:
            break
        wide[name] -= 1
        over -= 1
    cut = {name: wide[name] for name, (_, whole) in widths.items() if wide[name] < whole}
    for number, (name, (said, right)) in enumerate(zip(cells.columns, list(headings), strict=True)):
        if name in cut:
            headings[number] = (fit(said, cut[name]), right)
    return cells.with_columns(_cut_column(cells[name], most) for name, most in cut.items())


def _cells(
    frame: pl.DataFrame, tz: str, digits: int, cut: int | None, *, dated: bool = False
) -> tuple[list[tuple[str, bool]], pl.DataFrame]:
    """Of each column the heading, and whether its cells stand on the right; and the cells, as safe text.

    Times have their date in the heading where it is one for all, unless ``dated``.
    """
    import polars as pl

    # What one look at all columns tells: the span of times, the shortest duration, whether text is hostile.
    looks, made, headings = [], [], []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if isinstance(kind, pl.Datetime):
            local = column if kind.time_zone == "UTC" and tz == "UTC" else column.dt.convert_time_zone(tz)
            looks.append(pl.concat_list(end.dt.to_string("%Y-%m-%d") for end in (local.min(), local.max())).alias(name))
        elif kind.is_float():
            looks.append(column.abs().filter(column != 0).min().alias(name))
        elif not (kind == pl.Boolean or kind.is_numeric()):
            text = column.list.join(" ") if isinstance(kind, pl.List) else column.cast(pl.String)
            looks.append(text.str.contains(HOSTILE).any().alias(name))
    seen = frame.select(looks).row(0, named=True) if looks else {}
    for name, kind in frame.schema.items():
        column, right, top = pl.col(name), False, heading(name)
        if isinstance(kind, pl.Datetime):
            day = None if dated or len(set(seen[name])) > 1 else seen[name][0]
            local = column if kind.time_zone == "UTC" and tz == "UTC" else column.dt.convert_time_zone(tz)
            form = f"%H:%M:%S%.{digits}f" + ("Z" if tz == "UTC" else "%:z")
            column = local.dt.to_string(form if day else f"%Y-%m-%d {form}")
            top += f" {day}" if day else ""
        elif kind == pl.Boolean:
            column = pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no"))
        elif kind.is_float():
            column, right = _decimals(column, seen[name]), True
        elif kind.is_numeric():
            column, right = column.cast(pl.String), True
        else:
            top = safe(top)
            column = column.list.join(" ") if isinstance(kind, pl.List) else column.cast(pl.String)
            if seen[name]:
                column = column.map_batches(safe_column, return_dtype=pl.String)
            if cut:
                column = column.map_batches(lambda cells: _cut_column(cells, cut), return_dtype=pl.String)
        headings.append((top, right))
        made.append(column.fill_null(MISSING).alias(name))
    return headings, frame.select(made)


def cells(frame: pl.DataFrame, tz: str = "UTC") -> tuple[list[tuple[str, bool]], pl.DataFrame]:
    """The cells of :func:`table` for those who lay them out themselves: of each column the heading, and whether its
    cells stand on the right; and the cells, as safe text."""
    return _cells(frame, tz, 3, None)


def _decimals(column: pl.Expr, least: float | None) -> pl.Expr:
    """Numbers with three decimals, or six or nine where ``least``, the smallest of them, is too short for three."""
    import polars as pl

    # Rounded by hand: Polars prints the shortest form of a float, and "1.5" does not line up with "1.234".
    decimals = next((d for d in (3, 6) if least is None or math.isnan(least) or least >= 10**-d), 9)
    one = 10**decimals
    n = (column * one).round().cast(pl.Int64, strict=False)
    sign = pl.when(n < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    text = pl.format("{}{}.{}", sign, n.abs() // one, (n.abs() % one).cast(pl.String).str.zfill(decimals))
    return pl.when(n.is_not_null()).then(text)


def _not_ascii(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).str.len_bytes() != pl.col(name).str.len_chars()


def _cut_column(cells: pl.Series, columns: int) -> pl.Series:
    long = cells.filter(cells.str.len_bytes() > columns).unique()
    return cells if long.is_empty() else cells.replace(long, [fit(text, columns) for text in long])


def _coloured(column: pl.Series, padded: pl.Expr) -> pl.Expr:
    import polars as pl

    if column.name == "outcome":
        good, bad = pl.lit(column).is_in(_GOOD), pl.lit(column).is_in(_BAD)
    elif column.name == "status":
        good, bad = pl.lit(value=False), pl.lit(column) >= 400
    else:
        return padded
    hue = pl.when(good).then(pl.lit(_GREEN)).when(bad).then(pl.lit(_RED))
    return pl.when(good | bad).then(pl.concat_str(hue, padded, pl.lit(_PLAIN))).otherwise(padded)


def record(frame: pl.DataFrame, *, tz: str = "UTC") -> str:
    """The first row of a table as one fact a line; what is missing is left out."""
    return facts(row_facts(frame, tz=tz).items())


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and texts, already safe, one a line."""
    listed = list(pairs)
    columns = max((len(name) for name, _ in listed), default=0)
    return "".join(f"{name:<{columns}}  {value}\n" for name, value in listed)


def row_facts(frame: pl.DataFrame, *, tz: str = "UTC") -> dict[str, str]:
    """The cells of the first row that are there, as safe text; durations with their unit."""
    columns = (column for column in frame.head(1).get_columns() if len(column) and column[0] is not None)
    return {column.name: _fact(column, tz) for column in columns}


def _fact(column: pl.Series, tz: str) -> str:
    if column.dtype.is_float() and column.name.endswith("_s"):
        return seconds(column[0])
    return str(_cells(column.to_frame(), tz, 9, None, dated=True)[1].item(0, 0))


def tree(value: object, *, indent: int = 0) -> str:
    """Nested mappings, sequences and values as indented lines of safe text; a tuple is a name and its value."""
    from collections.abc import Mapping, Sequence

    space = "  " * indent
    if isinstance(value, Mapping):
        return "".join(_branch(safe(str(name)), below, indent) for name, below in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if isinstance(value, tuple):
            return _branch(safe(value[0]), value[1], indent)
        return "".join(tree(item, indent=indent) for item in value)
    text = safe_lines(value) if isinstance(value, bytes) else safe(str(value))
    return "".join(f"{space}{line}\n" for line in text.split("\n"))


def _branch(name: str, below: object, indent: int) -> str:
    space = "  " * indent
    lines = tree(below, indent=indent + 1)
    leaf = below is None or isinstance(below, str | bytes | int | float)
    if leaf and lines.count("\n") <= 1:
        return f"{space}{name}: {lines.strip() if below is not None else MISSING}\n"
    return f"{space}{name}:\n{lines}"
