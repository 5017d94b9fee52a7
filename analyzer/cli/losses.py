"""``sip-analyzer losses``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "losses",
    "Left one node, never seen at the next: lost on the way, or not captured there.",
    example="sip-analyzer losses access.pcap core.pcap --where \"verdict = 'lost'\"",
)
