"""``sip-analyzer transactions``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "transactions",
    "A request and its responses on one hop (RFC 3261 §17). --status, --method and --outcome pick rows here.",
    example="sip-analyzer transactions trace.pcap --method REGISTER --where 'final_delay_s > 1'",
)
