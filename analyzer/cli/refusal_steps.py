"""``sip-analyzer refusal_steps``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "refusal_steps",
    "Step 1 is who said it first; changed where a node sent another status than it got.",
    example="sip-analyzer refusal_steps trace.pcap --where changed",
)
