"""``sip-analyzer summary``."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli import COMMANDS, _call, _options


@click.command(
    "summary",
    help=f"{COMMANDS['summary']}\n\nMessages, calls by outcome, registrations, what failed most, problems, and where"
    " packets went. With a filter: of the calls it picks; packets are those of the whole capture.",
    epilog="Example: sip-analyzer summary captures/*.pcapng --ip 10.0.0.1",
)
@_options.captures
@_options.filters(None)
@_options.tz_option
@click.option("-w", "--width", type=click.IntRange(min=50), metavar="COLUMNS", help="Width; else the terminal's.")
def command(width: int | None, **values: Any) -> None:
    """Print the summary."""
    from analyzer.show.summary import TABLES, summary

    chosen = _options.make_filter("calls", values["tz"], values)
    reading = _options.read(values)
    capture = reading.capture.filter(chosen) if chosen else reading.capture
    tables = {name: capture.table(name) for name in TABLES}
    click.echo(summary(tables, tz=values["tz"], width=width or _call.terminal_width()), nl=False)
    reading.close()
