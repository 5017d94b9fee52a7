"""``sip-analyzer clocks``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "clocks",
    "Against the first capture point, from messages seen at both. --align-clocks takes it off all times.",
    example="sip-analyzer clocks access.pcap core.pcap --capture-point access='access*' --capture-point core='core*'",
)
