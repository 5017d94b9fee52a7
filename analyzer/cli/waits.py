"""``sip-analyzer waits``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "waits",
    "The time in which an exchange was open, as a part of the time to ring or to register.",
    example='sip-analyzer waits trace.pcap --where "share > 0.5"',
)
