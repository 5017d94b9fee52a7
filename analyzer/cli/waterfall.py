"""``sip-analyzer waterfall``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "waterfall",
    "From the INVITE to the final response, over all hops and legs; the parts add up. As a picture: call N, and plot"
    " waterfall.",
    example="sip-analyzer waterfall trace.pcap --where \"kind = 'node' and duration_s > 0.5\"",
)
