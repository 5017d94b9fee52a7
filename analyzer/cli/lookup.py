"""How ``call`` and ``ladder`` find the call that is asked for, and draw its ladder."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from analyzer.api.call import Call
from analyzer.api.message import messages_of
from analyzer.cli import terminal
from analyzer.cli.main import Failure
from analyzer.errors import AmbiguousCall, NotFound

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.capture import Capture
    from analyzer.api.ladder import Ladder
    from analyzer.api.source import Source
    from analyzer.reading.native import Output


@dataclass(frozen=True)
class Found:
    """A call, or the messages of a Call-ID outside calls: a registration, a subscription, an OPTIONS."""

    source: Source
    asked: str
    row: dict[str, Any] | None
    messages: pl.DataFrame
    reference: int | None

    def audio(self, output: Output) -> float:
        """Writes what was said to a wave file; returns its length in seconds."""
        if self.row is None:
            raise NotFound(f"{self.asked} is no call, and has no audio")
        return Call(self.source, self.row).audio(output)

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of a table."""
        import polars as pl

        if self.row is not None:
            return Call(self.source, self.row).table(name)
        frame = self.source.table(name)
        if "registration" in frame.columns and "call_id" not in frame.columns:
            return frame.filter(pl.col("registration").is_in(self.table("registrations")["registration"].implode()))
        # ``calls`` has no Call-ID of its own: this one is in none of them.
        known = pl.col("call_id").is_in(self.messages["call_id"].unique().implode())
        return frame.filter(known) if "call_id" in frame.columns else frame.clear()

    def ladder(self, hop: str, leg: str | None = None, *, sip_only: bool = False) -> Ladder:
        """Its ladder, over all hops or the ``reference`` one, over all legs or one."""
        from analyzer.api.ladder import Ladder, of_leg, timeline_of

        number = int(leg) if leg and re.fullmatch(r"[0-9]{1,6}", leg) else leg
        if self.row is not None:
            return Call(self.source, self.row).ladder(hop=hop, leg=number, sip_only=sip_only)
        messages = self.messages
        if number is not None:
            messages = of_leg(messages, number if isinstance(number, int) else self.source.shown_call_id(number))
        reference = self.reference if hop == "reference" else None
        model = timeline_of(self.source, messages, self.table, reference=reference, sip_only=sip_only)
        return Ladder(model, title=f"Call-ID {self.asked}", messages_of=partial(messages_of, self.source))


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
        # A title names it as the tables show it: masked, where they are.
        asked = capture.source.shown_call_id(asked)
        messages = capture.table("messages").filter(pl.col("call_id") == asked)
        if messages.is_empty():
            raise
        first = messages["transaction"].drop_nulls()
        return Found(capture.source, asked, None, messages, first[0] if len(first) else None)
    return Found(capture.source, asked, row, Call(capture.source, row).observations(), row["reference"])


def _by_number(capture: Capture, asked: str) -> dict[str, Any] | None:
    """None where it is no number of a call; it may still be a Call-ID, which are often digits."""
    if not re.fullmatch(r"[0-9]{1,18}", asked):
        return None
    try:
        return capture.call(int(asked)).row
    except NotFound:
        return None


def _not_a_file(_context: click.Context, _argument: click.Parameter, asked: str) -> str:
    if os.path.isfile(asked):
        raise click.UsageError(f"{asked} is a file: the call comes first, then the captures.")
    return asked


argument = click.argument("call", callback=_not_a_file)

ladder_options = (
    click.option(
        "-w",
        "--width",
        type=click.IntRange(min=60),
        metavar="COLUMNS",
        help="Width in columns; default: that of the terminal.",
    ),
    click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only."),
    click.option(
        "--hop",
        type=click.Choice(["all", "reference"]),
        default="all",
        show_default=True,
        help="All hops, or only the reference hop.",
    ),
    click.option(
        "--leg",
        metavar="N|CALL-ID",
        help="Only one leg of a call split by B2BUAs: its number in the ladder, or its Call-ID.",
    ),
    click.option("--sip-only", is_flag=True, help="Omit the queries to HSS, PCRF and DNS."),
)


def draw(ladder: Ladder, *, width: int | None, ascii_only: bool, limit: int | None = None) -> str:
    """The ladder as text for this terminal."""
    stream = sys.stdout
    return ladder.text(
        width or terminal.width(),
        ascii_only=ascii_only or not terminal.draws_lines(stream.encoding),
        colour=terminal.coloured(stream),
        limit=limit,
    )
