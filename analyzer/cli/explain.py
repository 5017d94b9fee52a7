"""``sip-analyzer explain``."""

from __future__ import annotations

import click

from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND, Failure


@command_line.command(
    "explain",
    help=f"{BY_HAND['explain']}\n\nIt needs no capture. Statuses, methods, causes of Q.850, warning codes, header"
    " fields, lines of SDP, timers, reference points and terms of the IMS, the rules of diagnosis, and every table,"
    " column, outcome, service and code of this program, each with its standard. A word that is several things is"
    " told as each of them; put what it is before it to choose: status 380, warning 380, Q.850 16, calls.status.",
    epilog="Example: sip-analyzer explain 580",
)
@click.argument("words", nargs=-1, required=True, metavar="WORD")
@options.language_option
@click.option(
    "-w",
    "--width",
    type=click.IntRange(min=40),
    metavar="COLUMNS",
    help="Width in columns; default: that of the terminal.",
)
def command(words: tuple[str, ...], language: str | None, width: int | None) -> None:
    """Print what the word means."""
    from analyzer.explain.lookup import LONGEST, close, find
    from analyzer.explain.phrases import phrases
    from analyzer.language import chosen
    from analyzer.show.explained import told

    spoken = chosen(language)
    word = " ".join(words)
    found = find(word)
    if not found:
        say = phrases(spoken)
        near = close(word)
        hint = say(" Did you mean {}?").format(say(" or ").join(near)) if near else ""
        shown = word if len(word) <= LONGEST else f"{word[:LONGEST]}..."
        raise Failure(say("no explanation of {!r}.").format(shown) + hint)
    click.echo(told(found, spoken, min(width or terminal.width(), 100)), nl=False)
