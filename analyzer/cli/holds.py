"""``sip-analyzer holds``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "holds",
    "Times are those of the answers, at the reference hop of the dialog.",
    example="sip-analyzer holds trace.pcap --where 'duration_s > 60' --format csv",
)
