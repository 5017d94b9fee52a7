"""``sip-analyzer audio``."""

from __future__ import annotations

import sys
from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import lookup, options, terminal
from analyzer.cli.main import BY_HAND


@command_line.command(
    "audio",
    help=f"{BY_HAND['audio']}\n\nThe caller is on the left, the callee on the right; lost packets and pauses are"
    " silence. Other codecs are not decoded; SRTP is with --srtp-keys sdp.",
    epilog="Example: sip-analyzer audio 3 trace.pcap -o call.wav",
)
@lookup.argument
@options.captures
@click.option("-o", "--output", required=True, metavar="FILE", help="Write to FILE (wave); - is standard output.")
def command(call: str, output: str, **values: Any) -> None:
    """Write what was said."""
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("-o - is not for a terminal: pipe it, as in ... -o - | play -")
    reading = options.read(values)
    seconds = lookup.find(reading.capture, call).audio(sys.stdout.buffer if output == "-" else output)
    terminal.note(f"{seconds:.1f} s of audio written to {output}")
    reading.close()
