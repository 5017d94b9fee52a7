"""``sip-analyzer headers``."""

from __future__ import annotations

from typing import Any

import click

from analyzer import schema
from analyzer.cli import command as command_line
from analyzer.cli import options, output, terminal
from analyzer.cli.main import BY_HAND


@command_line.command(
    "headers",
    help=f"{BY_HAND['headers']}\n\n{schema.find('headers').note}",
    epilog="Example: sip-analyzer headers trace.pcap --name P-Charging-Vector --name Warning",
)
@options.captures
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    metavar="NAME",
    help="Name of a header field; can be given several times.",
)
@options.filters("messages")
@output.output
@options.tz_option
def command(names: tuple[str, ...], **values: Any) -> None:
    """Read these header fields and print them."""
    short = {"json_": values.pop("as_json"), "csv": values.pop("as_csv")}
    form = output.chosen_format(values["form"], values["output"], **short)
    order = output.chosen_order("headers", values["sort"])
    columns = output.chosen_columns("headers", values["columns"])
    chosen = options.make_filter("messages", values["tz"], values)
    reading = options.read(values, tables=None if chosen else ("calls",), headers=names)
    capture = reading.shown(chosen)
    frame = output.in_order(capture.headers_of(*names), order)
    output.write_limited(frame, "headers", columns, form, values)
    if frame.is_empty():
        terminal.note(f"no message{' that the filter picks' if chosen else ''} has {' or '.join(names)}")
    reading.close()
