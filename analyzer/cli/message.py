"""``sip-analyzer message``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import lookup, options, terminal
from analyzer.cli.main import BY_HAND
from analyzer.errors import NotFound

if TYPE_CHECKING:
    from analyzer.api.capture import Capture


def _number(context: click.Context, argument: click.Parameter, asked: str) -> int:
    return int(click.IntRange(min=0)(lookup.not_a_file(context, argument, asked), argument, context))


@command_line.command(
    "message",
    help=f"{BY_HAND['message']}\n\nKEY is the column message of sip-analyzer messages, or the number of a frame."
    " Control characters are shown as"
    " their codes, digest responses and keys are hidden; --raw writes the bytes as captured.",
    epilog="Example: sip-analyzer message 5812345678901234567 trace.pcap",
)
@click.argument("key", callback=_number)
@options.captures
@click.option("--raw", is_flag=True, help="Write only the original bytes; not to a terminal.")
@options.tz_option
def command(key: int, raw: bool, tz: str, **values: Any) -> None:
    """Show one message."""
    from analyzer.show import text
    from analyzer.timezones import zone

    zone(tz)
    if raw and sys.stdout.isatty():
        raise click.UsageError(
            "--raw cannot write to a terminal, which would execute control sequences in the message: pipe "
            "or redirect the output."
        )
    reading = options.read(values)
    key = _of_frame(reading.capture, key)
    message = reading.capture.message(key)
    if raw:
        sys.stdout.buffer.write(message.text)
    else:
        import polars as pl

        rows = reading.capture.table("messages").filter(pl.col("message") == key)
        click.echo(text.record(rows.select(_FACTS), tz=tz), nl=False)
        click.echo(f"\n{text.safe_lines(message.without_secrets).rstrip()}\n")
        click.echo(text.tree(message.tree), nl=False)
    reading.close()


def _of_frame(capture: Capture, asked: int) -> int:
    """The key of the first message of that frame, where the number is too short for a key; else the number."""
    import polars as pl

    if asked >= _LEAST_KEY:
        return asked
    found = capture.table("messages").filter(pl.col("frame") == asked)["message"]
    if len(found) > 1:
        terminal.note(f"{len(found)} messages are in frame {asked}: this is the first; the others by their keys")
    if found.is_empty() and capture.table("messages").filter(pl.col("message") == asked).is_empty():
        raise NotFound(f"no message has the key {asked}, and frame {asked} has none: sip-analyzer messages lists both")
    return int(found[0]) if len(found) else asked


#: No key of 63 bits is likely to be below it, and no capture has so many frames.
_LEAST_KEY = 10**11
_FACTS = (
    *("message", "file", "frame", "time", "point", "src_ip", "src_port", "dst_ip", "dst_port", "transport"),
    *("length", "complete", "retransmission", "duplicate", "original", "transaction", "dialog", "call"),
)
