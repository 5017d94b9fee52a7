"""``sip-analyzer hops``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "hops",
    "previous is the message that this one was made from; delay_s is what the node took for it. A node is where it came in.",
    example='sip-analyzer hops trace.pcapng --where "delay_s > 0.5" --columns time,method,status,node,delay_s',
)
