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

import re
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
_HOSTILE = re.compile(f"[\x00-\x1f{_NOT_C0}]")
NOT_SHOWN = re.compile(f"[{_NOT_C0}]")
"""The same characters without C0 (which JSON escapes anyway)."""
HOSTILE = rf"[\p{{Cc}}\p{{Cf}}\p{{Zl}}\p{{Zp}}{_FILLERS}]"
"""The same characters as a Polars (Rust) pattern."""

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
    return text if text.isascii() and text.isprintable() else _HOSTILE.sub(_escape, text)


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


def table(
    frame: pl.DataFrame, *, tz: str = "UTC", digits: int = 3, cut: int | None = None, colour: bool = False
) -> str:
    """Any table as aligned lines, headings first.

    Times show the date only where the column spans several; durations have three decimals, or six or nine where the
    column holds one too short for three; missing cells are ``-``.
    Text longer than ``cut`` columns is cut. Sub-second digits of times: 3, 6 or 9.
    """
    import polars as pl

    columns = []
    headings = []
    for column in frame.get_columns():
        name, cells, right = _cells(column, tz, digits, cut)
        columns_wide = max(width(name), _widest(cells))
        padded = cells.str.pad_start(columns_wide) if right else _pad_column(cells, columns_wide)
        headings.append(name.rjust(columns_wide) if right else pad(name, columns_wide))
        columns.append((_coloured(column, padded) if colour else padded).rename(column.name))
    top = "  ".join(headings).rstrip()
    if colour:
        top = f"{_BOLD}{top}{_PLAIN}"
    if frame.height == 0 or not columns:
        return top + "\n"
    rows = pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator="  ").str.strip_chars_end(" ")).to_series()
    return "\n".join([top, *rows.to_list(), ""])


def _cells(column: pl.Series, tz: str, digits: int, cut: int | None) -> tuple[str, pl.Series, bool]:
    """Heading, cells as safe text, and whether they stand on the right."""
    import polars as pl

    name = heading(column.name)
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        suffix, cells = _times(column, tz, digits)
        return f"{name}{suffix}", cells.fill_null(MISSING), False
    if kind == pl.Boolean:
        return (
            name,
            column.replace_strict([True, False], ["yes", "no"], return_dtype=pl.String).fill_null(MISSING),
            False,
        )
    if kind.is_float():
        # Rounded by hand: Polars prints the shortest form of a float, and "1.5" does not line up with "1.234".
        least = column.abs().to_frame().filter(pl.col(column.name) > 0).to_series().min()
        decimals = next((d for d in (3, 6) if not isinstance(least, float) or least >= 10**-d), 9)
        one = 10**decimals
        units = (column * one).round().cast(pl.Int64, strict=False).to_frame("n")
        n = pl.col("n")
        text = pl.format(
            "{}{}.{}",
            pl.when(n < 0).then(pl.lit("-")).otherwise(pl.lit("")),
            n.abs() // one,
            (n.abs() % one).cast(pl.String).str.zfill(decimals),
        )
        return name, units.select(pl.when(n.is_not_null()).then(text)).to_series().fill_null(MISSING), True
    if kind.is_numeric():
        return name, column.cast(pl.String).fill_null(MISSING), True
    text_column = column.list.join(" ") if isinstance(kind, pl.List) else column.cast(pl.String)
    cells = safe_column(text_column).fill_null(MISSING)
    return safe(name), _cut_column(cells, cut) if cut else cells, False


def _times(column: pl.Series, tz: str, digits: int, *, dated: bool = False) -> tuple[str, pl.Series]:
    """What to add to the heading (the date, where it is one for all), and the cells."""
    import polars as pl

    local = column if column.dtype.time_zone == "UTC" and tz == "UTC" else column.dt.convert_time_zone(tz)  # type: ignore[attr-defined]
    days = pl.Series([local.min(), local.max()], dtype=local.dtype).dt.to_string("%Y-%m-%d").unique()
    day = days[0] if len(days) == 1 and not dated else None
    zone = "Z" if tz == "UTC" else "%:z"
    cells = local.dt.to_string(("" if day else "%Y-%m-%d ") + f"%H:%M:%S%.{digits}f{zone}")
    return (f" {day}" if day else ""), cells


def _not_ascii(cells: pl.Series) -> pl.Series:
    return cells.filter(cells.str.len_bytes() != cells.str.len_chars()).unique()


def _widest(cells: pl.Series) -> int:
    widest = cells.str.len_chars().max()
    others = _not_ascii(cells)
    return max([int(widest) if isinstance(widest, int) else 0, *(width(text) for text in others)])


def _pad_column(cells: pl.Series, columns: int) -> pl.Series:
    padded = cells.str.pad_end(columns)
    others = _not_ascii(cells)
    if others.is_empty():
        return padded
    return padded.replace([text.ljust(columns) for text in others], [pad(text, columns) for text in others])


def _cut_column(cells: pl.Series, columns: int) -> pl.Series:
    long = cells.filter(cells.str.len_bytes() > columns).unique()
    return cells if long.is_empty() else cells.replace(long, [fit(text, columns) for text in long])


def _coloured(column: pl.Series, padded: pl.Series) -> pl.Series:
    import polars as pl

    if column.name == "outcome":
        good, bad = pl.col("value").is_in(_GOOD), pl.col("value").is_in(_BAD)
    elif column.name == "status":
        good, bad = pl.lit(value=False), pl.col("value") >= 400
    else:
        return padded
    shown = pl.col("shown")
    hue = pl.when(good).then(pl.lit(_GREEN)).when(bad).then(pl.lit(_RED))
    painted = pl.when(good | bad).then(pl.concat_str(hue, shown, pl.lit(_PLAIN))).otherwise(shown)
    return pl.DataFrame({"value": column, "shown": padded}).select(painted).to_series()


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
    import polars as pl

    if isinstance(column.dtype, pl.Datetime):
        return str(_times(column, tz, 9, dated=True)[1][0])
    if column.dtype.is_float() and column.name.endswith("_s"):
        return seconds(column[0])
    return str(_cells(column, tz, 9, None)[1][0])


def tree(value: object, *, indent: int = 0) -> str:
    """Nested mappings, sequences and values as indented lines of safe text."""
    from collections.abc import Mapping, Sequence

    space = "  " * indent
    if isinstance(value, Mapping):
        return "".join(_branch(safe(str(name)), below, indent) for name, below in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if len(value) == 2 and isinstance(value[0], str):
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
