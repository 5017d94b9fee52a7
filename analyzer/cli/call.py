"""``sip-analyzer call``."""

from __future__ import annotations

import sys
from typing import Any

import click

from analyzer.cli import COMMANDS, _call, _options, _output


@click.command(
    "call",
    help=f"{COMMANDS['call']}\n\nCALL is the number in front of it in sip-analyzer calls, or a Call-ID.",
    epilog="Example: sip-analyzer call 3 trace.pcap",
)
@click.argument("call")
@_options.captures
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people; json: call, transactions, dialogs.",
)
@_options.tz_option
def command(call: str, form: str, tz: str, width: int | None, ascii_only: bool, hop: str, **values: Any) -> None:
    """Tell all about one call."""
    import polars as pl

    from analyzer.filters import zone
    from analyzer.show import text, views

    zone(tz)
    reading = _options.read(values)
    capture = reading.capture
    row = _call.find(capture, call)
    calls = capture.table("calls").filter(pl.col("call") == row["call"])
    parts = {name: capture.table(name).filter(pl.col("call") == row["call"]) for name in ("transactions", "dialogs")}
    if form == "json":
        arrays = {"call": calls, **parts}
        tables = {"call": "calls"}
        pieces = [f'"{name}": {_output.json_rows(frame, tables.get(name, name))}' for name, frame in arrays.items()]
        click.echo("{" + ",\n".join(pieces) + "}")
        reading.close()
        return
    colour = _options.coloured(sys.stdout)
    click.echo(text.record(calls, tz=tz), nl=False)
    for name, frame in parts.items():
        click.echo(
            f"\n{name}\n{text.table(views.default(name, frame), tz=tz, cut=32, colour=colour)}", nl=False, color=True
        )
    click.echo(
        f"\nladder\n{_call.draw(capture, row, width=width, ascii_only=ascii_only, hop=hop)}", nl=False, color=True
    )
    reading.close()


for option in reversed(_call.ladder_options):
    command = option(command)
