"""``sip-analyzer serve``."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND, Failure
from analyzer.language import chosen as chosen_language


@command_line.command(
    "serve",
    help=f"{BY_HAND['serve']}\n\nThe look of the report over captures that are too large for one page: tables that are"
    " searched, filtered, sorted and paged, ladders and messages when they are asked for. It prints an address with a"
    " token: only who knows it, on this machine, can look. Ctrl-C ends it. Needs the extra sip-analyzer[serve].",
    epilog="Example: sip-analyzer serve trace.pcap",
)
@options.captures
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port; default: a free one.")
@options.filters("calls")
@options.tz_option
@options.language_option
def command(port: int, language: str | None, **values: Any) -> None:
    """Serve until Ctrl-C."""
    try:
        from analyzer.serve.app import Server
        from analyzer.serve.pages import Served
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio"):
            raise
        raise Failure("serve needs the extra: pip install 'sip-analyzer[serve]'") from error
    chosen = options.make_filter("calls", values["tz"], values)
    reading = options.read(values)
    looked_at = reading.narrowed(chosen)
    looked_at.capture.table("calls")  # it belongs to reading: the first page has it
    served = Served(looked_at.shown, reading.name, tz=values["tz"], language=chosen_language(language))
    try:
        server = Server(served, port)
    except OSError as error:
        raise Failure(f"port {port}: {error.strerror}") from error
    click.echo(server.address)
    terminal.note("open this address; Ctrl-C ends it")
    terminal.runs_on()
    server.run()
