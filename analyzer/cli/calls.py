"""``sip-analyzer calls``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "calls",
    "Times and status are those of its reference hop. The number in front is what call and ladder take.",
    example="sip-analyzer calls trace.pcap --outcome server_failure,timeout --since 2024-05-01T12:00:00Z",
)
