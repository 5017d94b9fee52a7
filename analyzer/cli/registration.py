"""``sip-analyzer registration``."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from analyzer.api.call_file import form_of, save
from analyzer.cli import command as command_line
from analyzer.cli import lookup, options, terminal
from analyzer.cli.main import BY_HAND
from analyzer.explain.phrases import phrases
from analyzer.language import chosen as chosen_language


@command_line.command(
    "registration",
    help=f"{BY_HAND['registration']}\n\nREGISTRATION is the number in front of it in sip-analyzer registrations, an"
    " address of record or a Call-ID. With -o FILE as a page (.html), paper (.pdf), picture (.png, .svg) or text (.md,"
    " .txt).",
    epilog="Example: sip-analyzer registration 1 trace.pcap -o registration.html",
)
@click.argument("registration", callback=lookup.not_a_file)
@options.captures
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
@options.width_option(60)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--sip-only", is_flag=True, help="Omit the queries to HSS and DNS.")
@options.tz_option
@options.language_option
@command_line.no_colour
def command(
    registration: str,
    output: str | None,
    width: int | None,
    ascii_only: bool,
    sip_only: bool,
    tz: str,
    language: str | None,
    **values: Any,
) -> None:
    """Tell all about one registration."""
    from analyzer.timezones import zone

    zone(tz)
    if output is not None and form_of(output) == "json":
        raise click.UsageError(f"-o {output}: sip-analyzer registrations --format json gives the rows.")
    spoken_in = chosen_language(language)
    reading = options.read(values)
    asked = int(registration) if re.fullmatch(r"[0-9]{1,18}", registration) else registration
    found = reading.capture.registration(asked)
    ladder = found.ladder(sip_only=sip_only)
    if output is not None:
        save(output, found.story(language=spoken_in, tz=tz), ladder, language=spoken_in)
    else:
        plain = ascii_only or not terminal.draws_lines(sys.stdout.encoding)
        columns = width or terminal.width()
        click.echo(found.story(columns=columns, ascii_only=plain, language=spoken_in, tz=tz).text(), nl=False)
        drawn = lookup.draw(ladder, width=width, ascii_only=ascii_only)
        click.echo(f"\n{phrases(spoken_in)('ladder')}\n{drawn}", nl=False, color=True)
    reading.close()
