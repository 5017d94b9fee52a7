"""What ``call`` and ``ladder`` share: which call, and how wide the terminal is."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli import Failure, _options
from analyzer.errors import AmbiguousCall, NotFound

if TYPE_CHECKING:
    import polars as pl

    from analyzer.capture import Capture


def find(capture: Capture, asked: str) -> dict[str, Any]:
    """The row of the call with that number or Call-ID; several matches are listed for the user to choose from."""
    import polars as pl

    from analyzer.show import text, views

    try:
        return _by_number(capture, asked) or capture.call(asked).row
    except AmbiguousCall as error:
        calls = capture.table("calls").filter(pl.col("no").is_in(error.calls))
        raise Failure(f"{error}\n{text.table(views.default('calls', calls), cut=32)}") from error


def _by_number(capture: Capture, asked: str) -> dict[str, Any] | None:
    """None where it is no number of a call; it may still be a Call-ID, which are often digits."""
    if not re.fullmatch(r"[0-9]{1,18}", asked):
        return None
    try:
        return capture.call(int(asked)).row
    except NotFound:
        return None


def messages_of(capture: Capture, row: dict[str, Any]) -> pl.DataFrame:
    """Its messages, duplicates of the capture included."""
    import polars as pl

    messages = capture.table("messages")
    of_call = messages.filter(pl.col("call") == row["call"])
    return messages.filter((pl.col("call") == row["call"]) | pl.col("original").is_in(of_call["message"].implode()))


ladder_options = (
    click.option("-w", "--width", type=click.IntRange(min=60), metavar="COLUMNS", help="Width; else the terminal's."),
    click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only."),
    click.option(
        "--hop",
        type=click.Choice(["all", "reference"]),
        default="all",
        show_default=True,
        help="All hops, or only the one where the figures of the call were taken.",
    ),
)


def draw(capture: Capture, row: dict[str, Any], *, width: int | None, ascii_only: bool, hop: str) -> str:
    """The ladder of a call, for this terminal."""
    from analyzer.show.ladder import ladder

    stream = sys.stdout
    return ladder(
        messages_of(capture, row),
        reference=row["reference"] if hop == "reference" else None,
        width=width or terminal_width(),
        ascii_only=ascii_only or not _draws_lines(stream.encoding),
        colour=_options.coloured(stream),
    )


def terminal_width() -> int:
    """Columns of the terminal; 100 where the output goes elsewhere."""
    return shutil.get_terminal_size((100, 50)).columns if sys.stdout.isatty() else 100


def _draws_lines(encoding: str | None) -> bool:
    try:
        "│─…".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
