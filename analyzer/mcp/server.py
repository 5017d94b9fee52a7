"""The server: its instructions, and the tools that it offers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from analyzer import __version__
from analyzer.errors import AnalyzerError
from analyzer.mcp import answers
from analyzer.mcp.folders import Folders
from analyzer.mcp.readings import Readings
from analyzer.mcp.tools import Tools
from analyzer.show.text import safe

_INSTRUCTIONS = (
    "Reads SIP out of packet captures (IMS, VoLTE, VoIP) and tells what happened and why. captures() names what can be"
    " read; summary() is where to begin, then findings(), calls() and call(). Answers are parts: next_offset leads to"
    f" the next one. {answers.NOTE}"
)


def server(named: Iterable[str], *, key: bytes | None, domains: bool = False) -> MCPServer[Any]:
    """The server for the captures below these folders; ``key`` masks them, None leaves them as they are.

    Raises :class:`~analyzer.errors.AnalyzerError` for a folder that is not there.
    """
    folders = Folders(named)
    readings = Readings(key, domains=domains)
    made: MCPServer[Any] = MCPServer(
        "sip-analyzer",
        title="SIP analyzer",
        instructions=_INSTRUCTIONS + (answers.MASKED if readings.masked else ""),
        version=__version__,
        log_level="WARNING",
    )
    hints = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    for tool in Tools(folders, readings).every():
        made.add_tool(_telling(tool, folders), annotations=hints, structured_output=True)
    return made


def _telling(tool: Callable[..., dict[str, Any]], folders: Folders) -> Callable[..., dict[str, Any]]:
    """The tool, with errors that a client can do something about as sentences."""

    @functools.wraps(tool)
    def told(**arguments: Any) -> dict[str, Any]:
        try:
            return tool(**arguments)
        except AnalyzerError as error:
            raise ToolError(safe(folders.hidden(str(error)))) from None
        except MemoryError:
            raise ToolError("there is too little memory for this; ask of a smaller capture") from None
        except OSError as error:
            raise ToolError(f"the capture cannot be read: {error.strerror}") from None

    return told
