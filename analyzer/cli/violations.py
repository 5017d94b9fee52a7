"""``sip-analyzer violations``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "violations",
    "Looked for at the reference hop of each dialog.",
    example="sip-analyzer violations trace.pcap --where \"code = 'answer_missing'\"",
)
