"""``sip-analyzer reference_points``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "reference_points",
    "Gm Mw ISC Mi Mj Mg Mx Ici ..., by the roles of the nodes, as sip-analyzer nodes estimates them.",
    example="sip-analyzer reference_points trace.pcap --where \"reference_point = 'ISC'\"",
)
