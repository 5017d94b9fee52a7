"""``sip-analyzer browse``, which is also what ``sip-analyzer CAPTURE`` does."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from analyzer import schema
from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND
from analyzer.graph.graph import headers_below
from analyzer.language import chosen as chosen_language


@command_line.command(
    "browse",
    help=f"{BY_HAND['browse']}\n\nA list of calls; Enter opens the ladder of a call, Enter on a message shows it beside"
    " what explains it; / filters, ? lists the keys. The captures are read once. Without a terminal, or on a dumb one,"
    " it prints the summary.",
    epilog="Example: sip-analyzer browse trace.pcap",
)
@options.captures
@options.filters("calls")
@options.tz_option
@options.language_option
def command(language: str | None, **values: Any) -> None:
    """Look around, or print the summary where nobody can."""
    if not can_browse():
        from analyzer.cli.summary import command as summary

        click.get_current_context().invoke(summary, language=language, **values)
        return
    chosen = options.make_filter("calls", values["tz"], values)
    # Header fields that any table rests on: what is looked at later is not to be read for once more.
    reading = options.read(values, headers=tuple(headers_below(schema.TABLES)))
    from analyzer.tui.app import Browser
    from analyzer.tui.views import Looked

    looked = Looked(
        reading.narrowed(chosen).shown,
        name=reading.name,
        tz=values["tz"],
        language=chosen_language(language),
        ascii_only=not terminal.draws_lines(sys.stdout.encoding),
    )
    terminal.runs_on()
    # The mouse stays with the terminal: so a Call-ID can be selected and copied.
    Browser(looked).run(mouse=False)
    reading.close()


def can_browse() -> bool:
    """There is someone to look, at a terminal that can move its cursor."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
