"""``sip-analyzer files``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "files",
    "Which files were read, of which capture point, what time they span, and whether one was cut.",
    example="sip-analyzer files captures/ --columns file,first_at,last_at,cut",
)
