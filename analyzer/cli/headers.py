"""``sip-analyzer headers``."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli import COMMANDS, _options, _output


@click.command(
    "headers",
    help=f"{COMMANDS['headers']}\n\nCompact and long forms are one name; values are whole, digest responses and keys"
    " hidden.",
    epilog="Example: sip-analyzer headers trace.pcap --name P-Charging-Vector --name Warning",
)
@_options.captures
@click.option(
    "--name", "names", multiple=True, required=True, metavar="NAME", help="Header, of any name. Several may be given."
)
@_options.filters("messages")
@_output.output
@_options.tz_option
def command(names: tuple[str, ...], **values: Any) -> None:
    """Read these header fields and print them."""
    form = _output.chosen_format(values["form"], values["output"])
    columns = _output.chosen_columns("headers", values["columns"])
    chosen = _options.make_filter("messages", values["tz"], values)
    reading = _options.read(values, tables=None if chosen else ("calls",), headers=names)
    capture = reading.shown(chosen)
    frame = capture.headers_of(*names)
    total = frame.height
    if values["limit"] is not None:
        frame = frame.head(values["limit"])
    _output.write(frame, "headers", form=form, output=values["output"], columns=columns, tz=values["tz"])
    if frame.height < total:
        _options.note(f"{frame.height} of {total} headers")
    elif not total:
        _options.note(f"no message{' that the filter picks' if chosen else ''} has {' or '.join(names)}")
    reading.close()
