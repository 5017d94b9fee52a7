"""``sip-analyzer mcp``."""

from __future__ import annotations

from typing import IO

import click

from analyzer.cli import command as command_line
from analyzer.cli import options, terminal
from analyzer.cli.main import BY_HAND, Failure


@command_line.command(
    "mcp",
    help=f"{BY_HAND['mcp']}\n\nThe assistant starts it and asks over standard input and output: it reads captures"
    " below FOLDER and nothing else, and writes nothing. Numbers, names, addresses and texts are pseudonyms unless you"
    " say --unmasked. Needs the extra sip-analyzer[mcp].",
    epilog="Example: sip-analyzer mcp captures/",
)
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(exists=True, file_okay=False))
@click.option("--unmasked", is_flag=True, help="Give the assistant the originals: numbers, names, addresses, texts.")
@click.option(
    "--mask-key",
    type=click.File("rb"),
    metavar="FILE",
    help=f"Mask with the key in FILE (or in {options.MASK_KEY}): the same pseudonyms each time. Keep it secret.",
)
@click.option("--mask-domains", is_flag=True, help="Mask the operator too: MNC and MCC in domains and cells.")
def command(folders: tuple[str, ...], unmasked: bool, mask_key: IO[bytes] | None, mask_domains: bool) -> None:
    """Answer until the assistant closes standard input."""
    if unmasked and (mask_key is not None or mask_domains):
        raise click.UsageError("--unmasked and a mask exclude each other.")
    try:
        from analyzer.mcp.server import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
            raise
        raise Failure("mcp needs the extra: pip install 'sip-analyzer[mcp]'") from error
    key = None if unmasked else options.mask_key(mask_key)
    terminal.runs_on()
    server(folders, key=key, domains=mask_domains).run("stdio")
