"""``sip-analyzer ladder``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.api.ladder import FORMATS
from analyzer.cli import command as command_line
from analyzer.cli import lookup, options
from analyzer.cli.main import BY_HAND
from analyzer.language import chosen as chosen_language
from analyzer.reading.written import replaced
from analyzer.show.text import safe

if TYPE_CHECKING:
    from analyzer.api.found import Found
    from analyzer.api.ladder import Ladder


class _Limit(click.ParamType[int | None]):
    """A number of messages, or ``all``."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == "all":
            return None
        number = click.IntRange(min=1).convert(value, param, ctx)
        assert isinstance(number, int)
        return number


@command_line.command(
    "ladder",
    help=f"{BY_HAND['ladder']}\n\nCALL is the number in front of it in sip-analyzer calls (as text also several: 3,7-9,"
    " or all), or a Call-ID, also one of a registration or subscription. (x3): sent three times. Duplicates of the"
    " capture are counted, not drawn.",
    epilog="Example: sip-analyzer ladder 3 trace.pcap -o call.html",
)
@lookup.argument
@options.captures
@click.option(
    "--format",
    "form",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="Format of the ladder; default: the suffix of -o FILE, otherwise text.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
@click.option(
    "--limit",
    type=_Limit(),
    metavar="N|all",
    help="Maximum number of messages; of a longer call, the middle is omitted. Default: all in text, "
    "1000 in svg and html, 300 otherwise.",
)
@options.language_option
@command_line.no_colour
def command(
    call: str,
    form: str | None,
    output: str | None,
    width: int | None,
    ascii_only: bool,
    hop: str,
    leg: str | None,
    sip_only: bool,
    language: str | None,
    **values: Any,
) -> None:
    """Draw one call."""
    form = _chosen_format(form, output)
    limited = {"limit": values.pop("limit")} if _given("limit") else {}
    reading = options.read(values)
    found = lookup.find_several(reading.capture, call)
    if len(found) > 1 and form != "text":
        raise click.UsageError(f"{form}: one call a file. Several on one page: sip-analyzer report CAPTURE --call 1-3")

    def drawn(ladder: Ladder) -> str:
        if form == "html":
            return ladder.html(**limited, language=chosen_language(language))
        if form != "text":
            text: str = getattr(ladder, form)(**limited)
            return text
        if output is None:
            return lookup.draw(ladder, width=width, ascii_only=ascii_only, **limited)
        return ladder.text(width or 100, ascii_only=ascii_only, **limited)

    texts = _headed(found, (drawn(one.ladder(hop, leg, sip_only=sip_only)) for one in found))
    if output is None:
        for text in texts:
            click.echo(text, nl=False, color=True)
    else:
        with replaced(output) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(texts)
    reading.close()


def _headed(found: list[Found], ladders: Iterator[str]) -> Iterator[str]:
    """Of several calls, each ladder below what came of the call."""
    for number, (one, ladder) in enumerate(zip(found, ladders, strict=True)):
        heading = f"{chr(10) if number else ''}{safe(one.title)}{chr(10) * 2}" if len(found) > 1 else ""
        yield f"{heading}{ladder}"


def _given(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _chosen_format(form: str | None, output: str | None) -> str:
    """The format asked for, else that of the file's suffix, else text."""
    if form is not None or output is None:
        return form or "text"
    suffix = Path(output).suffix.lower()
    if suffix in (".png", ".pdf"):
        raise click.UsageError(f"-o {output}: for that there is sip-analyzer call CALL CAPTURE -o {output}")
    if suffix not in FORMATS:
        raise click.UsageError(f"-o {output}: say --format, or end the name in {', '.join(FORMATS)}.")
    return FORMATS[suffix]


for option in reversed(lookup.ladder_options):
    command = option(command)
