"""``sip-analyzer offers``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "offers",
    "Read at the reference hop of the dialog; direction is what its local side, which created it, sees.",
    example="sip-analyzer offers trace.pcap --where \"state = 'rejected'\"",
)
