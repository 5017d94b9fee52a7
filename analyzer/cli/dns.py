"""``sip-analyzer dns``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "dns",
    "NAPTR, SRV, A and AAAA over port 53; a number stands where the name is one of ENUM.",
    example="sip-analyzer dns trace.pcap --where \"type = 'SRV' and delay_s > 0.1\"",
)
