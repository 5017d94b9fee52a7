"""``sip-analyzer export``."""

from __future__ import annotations

import sys
from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND
from analyzer.errors import NotFound


@command_line.command(
    "export",
    help=f"{BY_HAND['export']}\n\nWritten are whole packets, with their own times: every fragment and TCP segment of"
    " these messages, SYN and FIN of their connections, and the transport errors that met them. Without a filter: of"
    " all SIP in the capture. With --mask the packets are made anew, with the masked messages and nothing else in them"
    " (docs/masking.md).",
    epilog="Example: sip-analyzer export trace.pcap --call-id 'a84b4c76e66710*' -o call.pcapng",
)
@options.captures
@options.filters(None)
@options.tz_option
@click.option("-o", "--output", metavar="FILE", help="Write to FILE (pcapng); - is standard output.")
@click.option("--media", is_flag=True, help="Include media: packets to and from the addresses in the SDP of a call.")
@click.option("--wireshark-filter", is_flag=True, help="Print the display filter for these calls.")
def command(output: str | None, media: bool, wireshark_filter: bool, **values: Any) -> None:
    """Write the packets of calls."""
    if output is None and not wireshark_filter:
        raise click.UsageError("Give an output file with -o FILE, or use --wireshark-filter.")
    if output == "-" and wireshark_filter:
        raise click.UsageError("Standard output takes the packets or the filter, not both.")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("-o - is not for a terminal: pipe it, as in ... -o - | wireshark -k -i -")
    chosen = options.make_filter("calls", values["tz"], values)
    reading = options.read(values)
    capture = reading.shown(chosen)
    if capture.table("messages").is_empty():
        raise NotFound("no SIP matches the filter" if chosen else f"no SIP in {' '.join(reading.sources[:3])}")
    if wireshark_filter:
        click.echo(capture.wireshark_filter())
    if output is not None:
        packets = capture.export(sys.stdout.buffer if output == "-" else output, media=media)
        terminal.note(f"{packets} packet{'s' if packets != 1 else ''} written to {output}")
    reading.close()
