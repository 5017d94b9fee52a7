"""``sip-analyzer processing``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "processing",
    "From a message that came in to the one that was made of it, by one capture point's clock; slowest first. --by"
    " takes the columns of hops.",
    example="sip-analyzer processing trace.pcap --by node,method,status --every 1h",
)
