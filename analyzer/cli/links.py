"""``sip-analyzer links``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "links",
    "A link is one way, from the address that sends requests to the one that answers; busiest first. --by takes peer"
    " (with direction) and the columns of transactions. timeout_share leaves out pending and orphans.",
    example="sip-analyzer links trace.pcap --by client_ip,server_ip,transport --limit 20",
)
