"""``sip-analyzer node_evidence``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "node_evidence",
    "docs/nodes.md has the rules. A role needs 60 points, and 20 more than any that excludes it.",
    example="sip-analyzer node_evidence trace.pcap --where \"node = '10.0.0.1:5060'\"",
)
