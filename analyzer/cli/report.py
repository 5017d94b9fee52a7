"""``sip-analyzer report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from analyzer.cli import options
from analyzer.cli.main import BY_HAND
from analyzer.language import chosen as chosen_language


@click.command(
    "report",
    help=f"{BY_HAND['report']}\n\nVerdict, numbers and plots first, then tables that sort, search and filter; every"
    " number leads to its calls, every call to its ladder. The page loads nothing from the network. With a filter: of"
    " the calls it picks. Of a small capture it also holds the text of each message, digest responses and keys hidden.",
    epilog="Example: sip-analyzer report trace.pcap -o reports/trace.html --tz Europe/Berlin",
)
@options.captures
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write to FILE; its directory is created if necessary.",
)
@click.option("--title", default="", metavar="TEXT", help="Title of the report; default: the name of the file.")
@click.option("--texts/--no-texts", default=None, help="Include or omit the text of messages, whatever their number.")
@options.filters(None)
@options.tz_option
@options.language_option
def command(output: str, title: str, texts: bool | None, language: str | None, **values: Any) -> None:
    """Write the page."""
    chosen = options.make_filter("calls", values["tz"], values)
    if Path(output).suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"-o {output}: a report is a page, its name must end in .html.")
    reading = options.read(values)
    capture = reading.shown(chosen)
    capture.report(output, tz=values["tz"], title=title, texts=texts, language=chosen_language(language))
    reading.close()
