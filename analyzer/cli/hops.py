"""``sip-analyzer hops``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "hops",
    "previous is the message that this one was made from, linked_by how that is known; delay_s is what the node took.",
    example='sip-analyzer hops trace.pcapng --where "delay_s > 0.5" --columns time,method,status,node,delay_s',
)
