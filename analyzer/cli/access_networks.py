"""``sip-analyzer access_networks``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "access_networks",
    "What P-Access-Network-Info and Cellular-Network-Info say: technology, network, area, cell, access point.",
    example='sip-analyzer access_networks trace.pcapng --where "roaming is not null"',
)
