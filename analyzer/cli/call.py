"""``sip-analyzer call``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.api.call import Call
from analyzer.api.call_file import form_of, save
from analyzer.api.registration import find as find_registration
from analyzer.cli import command as command_line
from analyzer.cli import lookup, options, output, terminal
from analyzer.cli.main import BY_HAND
from analyzer.errors import NotFound
from analyzer.explain.phrases import phrases
from analyzer.language import chosen as chosen_language
from analyzer.reading.written import replaced

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.found import Found
    from analyzer.explain.phrases import Say
    from analyzer.show.story import Story


@command_line.command(
    "call",
    help=f"{BY_HAND['call']}\n\nCALL is the number in front of it in sip-analyzer calls, or a Call-ID, also one of a"
    " registration or subscription. With -o FILE: verdict, way with roles, phases, bars, media, ladder and messages as"
    " one page (.html), paper (.pdf), picture (.png, .svg) or text (.md, .txt, .json).",
    epilog="Example: sip-analyzer call 3 trace.pcap -o call.html --mask",
)
@lookup.argument
@options.captures
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text, or json: the rows of the call in each table behind the text.",
)
@click.option("-o", "--output", "output_file", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
@options.tz_option
@options.language_option
@command_line.no_colour
def command(
    call: str,
    form: str,
    output_file: str | None,
    tz: str,
    language: str | None,
    width: int | None,
    ascii_only: bool,
    hop: str,
    leg: str | None,
    sip_only: bool,
    **values: Any,
) -> None:
    """Tell all about one call."""
    from analyzer.show import text, views
    from analyzer.timezones import zone

    zone(tz)
    spoken_in = chosen_language(language)
    if output_file is not None:
        form = form_of(output_file)
    reading = options.read(values, tables=("messages", *_TOLD))
    found = lookup.find(reading.capture, call)
    if output_file is not None and form != "json":
        ladder = found.ladder(hop, leg, sip_only=sip_only)
        story = _story(reading, found, spoken_in, tz)
        save(output_file, story, ladder, language=spoken_in)
        terminal.note(f"written to {output_file}{', masked' if reading.mask_key is not None else ''}")
        reading.close()
        return
    calls = found.table("calls")
    parts = {name: found.table(name) for name in ("transactions", "dialogs")}
    if form == "json":
        told = {name: found.table(name) for name in _TOLD} if found.row is not None else {}
        arrays = {"call": calls, **told, **parts}
        tables = {"call": "calls"}
        pieces = [f'"{name}": {output.json_rows(frame, tables.get(name, name))}' for name, frame in arrays.items()]
        whole = "{" + ",\n".join(pieces) + "}\n"
        if output_file is None:
            click.echo(whole, nl=False)
        else:
            with replaced(output_file) as part:
                Path(part).write_text(whole, encoding="utf-8")
        reading.close()
        return
    colour = terminal.coloured(sys.stdout)
    say = phrases(spoken_in)
    titles = {"transactions": say("transactions"), "dialogs": say("dialogs"), "registrations": say("registrations")}
    if found.row is not None:
        plain = ascii_only or not terminal.draws_lines(sys.stdout.encoding)
        how: dict[str, Any] = {"columns": width or terminal.width(), "ascii_only": plain}
        page = Call(reading.capture.source, found.row).story(**how, language=spoken_in, tz=tz)
        click.echo(f"{page}\n{say('figures')}\n{_facts(calls, found, tz, say)}", nl=False)
    else:
        click.echo(say("no call has this Call-ID; what else has it:"))
        parts = {"registrations": found.table("registrations"), **parts}
    for name, frame in parts.items():
        room = text.Room(width or terminal.width(), views.first(name))
        rows = views.default(name, frame)
        shown = text.table(rows, tz=tz, cut=32, colour=colour, room=room) if frame.height else f"{say('none')}\n"
        heading = titles.get(name, name)
        click.echo(f"\n{heading}{chr(10) if frame.height else say(': ')}{shown}", nl=False, color=True)
    drawn = lookup.draw(found.ladder(hop, leg, sip_only=sip_only), width=width, ascii_only=ascii_only)
    click.echo(f"\n{say('ladder')}\n{drawn}", nl=False, color=True)
    reading.close()


def _story(reading: options.Reading, found: Found, language: str, tz: str) -> Story:
    """That of the call; of what else has the Call-ID, that of the registration, or nothing but its title."""
    from analyzer.show.story import Story

    source = reading.capture.source
    if found.row is not None:
        return Call(source, found.row).story(language=language, tz=tz)
    try:
        return find_registration(source, found.asked).story(language=language, tz=tz)
    except NotFound:
        return Story(f"Call-ID {found.asked}", ())


# What the story of a call is told from.
_TOLD = (
    *(
        "findings",
        "call_failures",
        "failure_path",
        "setups",
        "phases",
        "waterfall",
        "legs",
        "hops",
        "cdrs",
        "services",
        "related_transactions",
        "holds",
        "streams",
        "call_media",
    ),
    "peer_delays",
)
# What a reader asks first; then what else there is; what only programs need comes last.
_FIRST = ("no", "caller", "callee")
_THEN = ("started_at", "ringing_at", "early_media_at", "answered_at", "ended_at")
_LAST = ("request_uri", "call_ids", "icid", "call", "reference")
_IN_OUTCOME = ("outcome", "outcome_detail", "status", "reason_phrase")


def _facts(calls: pl.DataFrame, found: Found, tz: str, say: Say) -> str:
    """The row of the call: who, how it ended, why, when, how long, and the keys."""
    from analyzer.diagnose.explanation import BROKE, explain
    from analyzer.show import text

    assert found.row is not None
    cells = text.row_facts(calls, tz=tz)
    detail = f", {cells['outcome_detail']}" if "outcome_detail" in cells else ""
    answer = " ".join(cells[name] for name in ("status", "reason_phrase") if name in cells)
    outcome = f"{cells.get('outcome', text.MISSING)}{detail}{f': {answer}' if answer else ''}"
    # Why a call failed or broke is told above.
    above = found.row["outcome_detail"] in BROKE or not found.table("call_failures").is_empty()
    told = [] if above else explain(found.row, found.messages, say=say)
    why = [text.safe(sentence) for sentence in told]
    named = (*_FIRST, *_THEN, *_LAST, *_IN_OUTCOME)
    return text.facts(
        [
            *((name, cells[name]) for name in _FIRST if name in cells),
            ("outcome", outcome),
            *(("why" if number == 0 else "", sentence) for number, sentence in enumerate(why)),
            *((name, cells[name]) for name in _THEN if name in cells),
            *((name, value) for name, value in cells.items() if name not in named),
            *((name, cells[name]) for name in _LAST if name in cells),
        ]
    )


for option in reversed(lookup.ladder_options):
    command = option(command)
