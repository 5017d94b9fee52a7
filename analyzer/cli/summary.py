"""``sip-analyzer summary``."""

from __future__ import annotations

import os
from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND
from analyzer.language import chosen as chosen_language

_LARGE = 200_000_000  # bytes; so many hold more than 100,000 messages, or much that is none


@command_line.command(
    "summary",
    help=f"{BY_HAND['summary']}\n\nMessages, calls by outcome, registrations, what failed most, problems, and where"
    " packets went. With a filter: of the calls it picks; packets are those of the whole capture.",
    epilog="Example: sip-analyzer summary captures/*.pcapng --ip 10.0.0.1",
)
@options.captures
@options.filters(None)
@options.tz_option
@options.language_option
@options.width_option(50)
@click.option("--json", "as_json", is_flag=True, help="As data: the same as report --format json.")
@command_line.no_colour
def command(width: int | None, language: str | None, as_json: bool, **values: Any) -> None:
    """Print the summary."""
    from analyzer.show.summary import TABLES

    chosen = options.make_filter("calls", values["tz"], values)
    # Nodes need columns that nothing else does; of large captures they are not told.
    large = sum(os.path.getsize(path) for path in values["captures"] if os.path.isfile(path)) > _LARGE
    tables = tuple(name for name in TABLES if name != "nodes" or not large)
    # A filter looks at messages.
    reading = options.read(values, tables=None if chosen or as_json else tables)
    capture = reading.shown(chosen)
    if as_json:
        from analyzer.api.reports import text_of

        click.echo(text_of(capture.source, form="json", tz=values["tz"], language=chosen_language(language)), nl=False)
        reading.close()
        return
    click.echo(
        capture.summary(tz=values["tz"], width=width or terminal.width(), language=chosen_language(language)), nl=False
    )
    reading.close()
