"""``sip-analyzer publications``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "publications",
    "RFC 3903: what was published is known by the entity-tag of the last 2xx.",
    example='sip-analyzer publications trace.pcap --where "status = 412"',
)
