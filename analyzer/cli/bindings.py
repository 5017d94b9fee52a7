"""``sip-analyzer bindings``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "bindings",
    "From the 200 that began it to its end: by the UE, the network, its expiry, or open at the end of the capture.",
    example="sip-analyzer bindings trace.pcap --where 'refreshes > 3'",
)
