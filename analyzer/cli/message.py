"""``sip-analyzer message``."""

from __future__ import annotations

import sys
from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import options
from analyzer.cli.main import BY_HAND


@command_line.command(
    "message",
    help=f"{BY_HAND['message']}\n\nKEY is the column message of sip-analyzer messages. Control characters are shown as"
    " their codes, digest responses and keys are hidden; --raw writes the bytes as captured.",
    epilog="Example: sip-analyzer message 5812345678901234567 trace.pcap",
)
@click.argument("key", type=click.IntRange(min=0))
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


_FACTS = (
    *("message", "file", "frame", "time", "point", "src_ip", "src_port", "dst_ip", "dst_port", "transport"),
    *("length", "complete", "retransmission", "duplicate", "original", "transaction", "dialog", "call"),
)
