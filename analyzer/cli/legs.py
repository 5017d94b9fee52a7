"""``sip-analyzer legs``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "legs",
    "A leg is a Call-ID and a From tag. Strong links make legs one call; possible ones are shown and not acted on.",
    example="sip-analyzer legs trace.pcapng --where \"strength = 'possible'\"",
)
