"""``sip-analyzer problems``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "problems",
    "What the capture lacks, and what in its messages breaks the rules; the code is stable.",
    example="sip-analyzer problems trace.pcap --where 'frame between 100 and 200'",
)
