"""``sip-analyzer phases``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "phases",
    "From one message of the set-up to the next, at the reference hop: up to the answer they add up to setup_s.",
    example="sip-analyzer phases trace.pcap --where \"phase = 'callee_bearer' and duration_s > 2\"",
)
