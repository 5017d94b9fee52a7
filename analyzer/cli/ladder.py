"""``sip-analyzer ladder``."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli import COMMANDS, _call, _options


@click.command(
    "ladder",
    help=f"{COMMANDS['ladder']}\n\nCALL is the number in front of it in sip-analyzer calls, or a Call-ID, also one of a"
    " registration or subscription. (x3): sent"
    " three times. Duplicates of the capture are counted, not drawn.",
    epilog="Example: sip-analyzer ladder 3 trace.pcap --hop reference -w 120",
)
@click.argument("call")
@_options.captures
def command(call: str, width: int | None, ascii_only: bool, hop: str, **values: Any) -> None:
    """Draw one call."""
    reading = _options.read(values)
    found = _call.find(reading.capture, call)
    click.echo(_call.draw(found, width=width, ascii_only=ascii_only, hop=hop), nl=False, color=True)
    reading.close()


for option in reversed(_call.ladder_options):
    command = option(command)
