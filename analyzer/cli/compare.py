"""``sip-analyzer compare``."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

import click

from analyzer.api.call import Call
from analyzer.api.compare import FORMATS, CallComparison
from analyzer.cli import lookup, options, terminal
from analyzer.cli.main import BY_HAND, Failure
from analyzer.errors import NotFound
from analyzer.language import chosen as chosen_language
from analyzer.reading.written import replaced


@click.command(
    "compare",
    help=f"{BY_HAND['compare']}\n\nGive two calls as CAPTURE#CALL, where CALL is the number in front of it in"
    " sip-analyzer calls, or a Call-ID; first the good one, A, then the bad one, B. Both may be of one capture.",
    epilog="Example: sip-analyzer compare good.pcap#3 bad.pcap#7 -o compare.html",
)
@options.captures
@click.option(
    "--format",
    "form",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="Format; default: the suffix of -o FILE, otherwise text.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
@click.option("--all-rows", is_flag=True, help="Show all rows of the ladder, also those that are alike.")
@click.option(
    "-w",
    "--width",
    type=click.IntRange(min=60),
    metavar="COLUMNS",
    help="Width in columns; default: that of the terminal.",
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@options.language_option
def command(
    form: str | None,
    output: str | None,
    all_rows: bool,
    width: int | None,
    ascii_only: bool,
    language: str | None,
    **values: Any,
) -> None:
    """Compare two calls."""
    form = _chosen_format(form, output)
    words = values.pop("captures")
    if len(words) != 2:
        raise click.UsageError(f"compare takes two: {len(words)} given. Example: compare good.pcap#3 bad.pcap#7")
    asked = [_parted(word) for word in words]
    if any(call is None for _, call in asked):
        raise click.UsageError("say which call of each capture: compare good.pcap#3 bad.pcap#7")
    first = options.read({**values, "captures": (asked[0][0],)})
    readings = [first, first if asked[0][0] == asked[1][0] else _second(first, asked[1][0], values)]
    calls = [_call(reading, path, call or "") for reading, (path, call) in zip(readings, asked, strict=True)]
    labels = [f"{word}: {call.title}" for word, call in zip(words, calls, strict=True)]
    made = CallComparison(calls[0], calls[1], (labels[0], labels[1]))
    if form != "text":
        drawn = getattr(made, form)(language=chosen_language(language))
    else:
        plain = ascii_only or (output is None and not terminal.draws_lines(sys.stdout.encoding))
        room = width or (terminal.width() if output is None else 100)
        drawn = made.text(room, all_rows=all_rows, ascii_only=plain, language=chosen_language(language))
    if output is None:
        click.echo(drawn, nl=False, color=True)
    else:
        with replaced(output) as part, open(part, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(drawn)
    _close(readings)


def _chosen_format(form: str | None, output: str | None) -> str:
    """The format asked for, else that of the file's suffix, else text."""
    if form is not None or output is None:
        return form or "text"
    suffix = os.path.splitext(output)[1].lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"-o {output}: say --format, or end the name in {', '.join(FORMATS)}.")
    return FORMATS[suffix]


def _parted(word: str) -> tuple[str, str | None]:
    """The capture, and the call of it that stands behind ``#``; a file may have the sign in its name."""
    path, sign, call = word.rpartition("#")
    if not sign or os.path.exists(word):
        return word, None
    if not path or not call:
        raise click.UsageError(f"{word!r}: CAPTURE#CALL is wanted: good.pcap#3")
    return path, call


def _second(first: options.Reading, path: str, values: dict[str, Any]) -> options.Reading:
    """Another capture read as the first was, and masked with the same key."""
    plain = {**values, "captures": (path,), "mask": False, "mask_key": None, "mask_domains": False}
    return replace(options.read(plain), mask_key=first.mask_key, mask_domains=first.mask_domains)


def _call(reading: options.Reading, path: str, asked: str) -> Call:
    try:
        found = lookup.find(reading.capture, asked)
    except NotFound as error:
        raise Failure(f"{path}: {error}") from error
    if found.row is None:
        raise Failure(f"{path}: {asked} is the Call-ID of no call: compare takes calls")
    return Call(reading.capture.source, found.row)


def _close(readings: list[options.Reading]) -> None:
    """Says what was wrong with each capture, and leaves with the worst exit status."""
    left = None
    for reading in dict.fromkeys(map(id, readings)):
        try:
            next(one for one in readings if id(one) == reading).close()
        except click.exceptions.Exit as error:
            left = error
    if left is not None:
        raise left
