"""``sip-analyzer compare``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from analyzer.api.call import Call
from analyzer.api.compare import FORMATS, CallComparison, CaptureComparison
from analyzer.cli import command as command_line
from analyzer.cli import lookup, options, terminal
from analyzer.cli.main import BY_HAND, Failure
from analyzer.errors import NotFound
from analyzer.language import chosen as chosen_language
from analyzer.reading.written import replaced


@command_line.command(
    "compare",
    help=f"{BY_HAND['compare']}\n\nTwo captures: each KPI with its change, a 95 % interval and a verdict, failures"
    " that are new or gone, and the nodes and links that a change comes from. Two calls, as CAPTURE#CALL: the good one,"
    " A, then the bad one, B; CALL is the number in front of it in sip-analyzer calls, or a Call-ID.",
    epilog="Example: sip-analyzer compare before.pcap after.pcap; sip-analyzer compare good.pcap#3 bad.pcap#7",
)
@options.captures
@click.option(
    "--format",
    "form",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="Format; default: the suffix of -o FILE, otherwise text.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
@click.option("--all-rows", is_flag=True, help="Of calls: show also the rows of the ladder that are alike.")
@click.option(
    "-w",
    "--width",
    type=click.IntRange(min=60),
    metavar="COLUMNS",
    help="Width in columns; default: that of the terminal.",
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@options.filters(None)
@options.tz_option
@options.language_option
@command_line.no_colour
def command(
    form: str | None,
    output: str | None,
    all_rows: bool,
    width: int | None,
    ascii_only: bool,
    language: str | None,
    **values: Any,
) -> None:
    """Compare two calls or two captures."""
    form = _chosen_format(form, output)
    words = values.pop("captures")
    if len(words) != 2:
        raise click.UsageError(f"compare takes two: {len(words)} given. Example: compare good.pcap#3 bad.pcap#7")
    asked = [_parted(word) for word in words]
    of_calls = asked[0][1] is not None
    if of_calls != (asked[1][1] is not None):
        raise click.UsageError(
            "two calls or two captures: compare good.pcap#3 bad.pcap#7, or compare good.pcap bad.pcap"
        )
    chosen = options.make_filter("calls", values["tz"], values)
    if of_calls and chosen:
        raise click.UsageError("filters pick what is compared of two captures; two calls are picked by their numbers.")
    first = options.read({**values, "captures": (asked[0][0],)})
    readings = [first, first if asked[0][0] == asked[1][0] else options.read_beside(first, asked[1][0], values)]
    made: CallComparison | CaptureComparison
    how: dict[str, Any] = {"language": chosen_language(language)}
    if of_calls:
        pairs = zip(readings, asked, strict=True)
        calls = [_call(reading, path, call or "") for reading, (path, call) in pairs]
        labels = [f"{word}: {call.title}" for word, call in zip(words, calls, strict=True)]
        made = CallComparison(calls[0], calls[1], (labels[0], labels[1]))
    else:
        before, after = (reading.shown(chosen) for reading in readings)
        made = CaptureComparison(before, after, (words[0], words[1]))
    if form == "text":
        how["width"] = width or (terminal.width() if output is None else 100)
        how["ascii_only"] = ascii_only or (output is None and not terminal.draws_lines(sys.stdout.encoding))
        how |= {"all_rows": all_rows} if of_calls else {}
    drawn = getattr(made, form)(**how)
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
