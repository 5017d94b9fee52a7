"""What ``call`` and ``ladder`` share: which call, and how wide the terminal is."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli import Failure, _options
from analyzer.errors import AmbiguousCall, NotFound

if TYPE_CHECKING:
    import polars as pl

    from analyzer.capture import Capture


@dataclass(frozen=True)
class Found:
    """A call, or the messages of a Call-ID outside calls: a registration, a subscription, an OPTIONS."""

    capture: Capture
    row: dict[str, Any] | None
    messages: pl.DataFrame
    reference: int | None

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of ``transactions``, ``dialogs``, ``calls`` or ``registrations``."""
        import polars as pl

        frame = self.capture.table(name)
        if self.row is not None:
            return frame.filter(pl.col("call") == self.row["call"]) if "call" in frame.columns else frame.clear()
        # ``calls`` has no Call-ID of its own: this one is in none of them.
        known = pl.col("call_id").is_in(self.messages["call_id"].unique().implode())
        return frame.filter(known) if "call_id" in frame.columns else frame.clear()


def find(capture: Capture, asked: str) -> Found:
    """The call with that number or Call-ID, or what else has that Call-ID; of several calls the user is to choose."""
    import polars as pl

    from analyzer.show import text, views

    try:
        row = _by_number(capture, asked) or capture.call(asked).row
    except AmbiguousCall as error:
        calls = capture.table("calls").filter(pl.col("no").is_in(error.calls))
        raise Failure(f"{error}\n{text.table(views.default('calls', calls), cut=32)}") from error
    except NotFound:
        messages = capture.table("messages").filter(pl.col("call_id") == capture.shown_call_id(asked))
        if messages.is_empty():
            raise
        first = messages["transaction"].drop_nulls()
        return Found(capture, None, messages, first[0] if len(first) else None)
    return Found(capture, row, messages_of(capture, row), row["reference"])


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


def draw(found: Found, *, width: int | None, ascii_only: bool, hop: str) -> str:
    """The ladder, for this terminal."""
    from analyzer.show.ladder import ladder

    stream = sys.stdout
    return ladder(
        found.messages,
        reference=found.reference if hop == "reference" else None,
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
