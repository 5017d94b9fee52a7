"""``sip-analyzer refusals``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "refusals",
    "Followed from the caller back to the node that the refusal came from first, over all hops and legs. said_by: user"
    " node network timer unknown.",
    example="sip-analyzer refusals trace.pcap --where \"said_by = 'node'\"",
)
