"""``sip-analyzer account``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "account",
    "Every packet is in one row: what carried SIP, and for what reason the others did not.",
    example="sip-analyzer account trace.pcap",
)
