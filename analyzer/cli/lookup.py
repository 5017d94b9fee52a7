"""How ``call`` and ``ladder`` find the call that is asked for, and draw its ladder."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from analyzer.api.found import Found, of_call, of_call_id
from analyzer.api.picking import numbered
from analyzer.cli import terminal
from analyzer.cli.main import Failure
from analyzer.errors import AmbiguousCall, NotFound

if TYPE_CHECKING:
    from analyzer.api.capture import Capture
    from analyzer.api.ladder import Ladder


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
        if found := of_call_id(capture.source, asked):
            return found
        if re.fullmatch(_SEVERAL, asked):
            part = "" if asked == "all" else f" --call {asked}"
            raise Failure(
                f"{asked}: one call at a time here. Several: sip-analyzer ladder {asked} CAPTURE, or"
                f" sip-analyzer report CAPTURE{part}"
            ) from None
        raise
    return of_call(capture.source, row)


# How several calls are asked for; a Call-ID may look so, too.
_SEVERAL = r"all|[0-9]+(?:[,-][0-9]+)+"


def find_several(capture: Capture, asked: str) -> list[Found]:
    """What :func:`find` finds, or the calls with several numbers (3,7-9), or ``all``."""
    if not re.fullmatch(_SEVERAL, asked):
        return [find(capture, asked)]
    calls = capture.table("calls")
    if calls["call_ids"].explode().eq(asked).any():
        return [find(capture, asked)]
    rows = calls if asked == "all" else numbered(calls, asked)
    if rows.is_empty():
        raise NotFound("there is no call here")
    return [of_call(capture.source, row) for row in rows.iter_rows(named=True)]


def _by_number(capture: Capture, asked: str) -> dict[str, Any] | None:
    """None where it is no number of a call; it may still be a Call-ID, which are often digits."""
    if not re.fullmatch(r"[0-9]{1,19}", asked) or int(asked) >= 1 << 63:
        return None
    try:
        return capture.call(int(asked)).row
    except NotFound:
        return None


def not_a_file(_context: click.Context, _argument: click.Parameter, asked: str) -> str:
    if os.path.isfile(asked):
        what = _argument.name
        raise click.UsageError(f"{asked} is a file: the {what} comes first, then the captures.")
    return asked


argument = click.argument("call", callback=not_a_file)

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
