"""``sip-analyzer failures``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "failures",
    "A request counts once over all its hops. By method and status without --by, which takes class, node, outcome,"
    " reason_phrase, reason_header, transport and call_id. node: who sent it first, as far as the capture goes;"
    " no: a call to look at. Challenges that were taken up and cancelled INVITEs are no failures.",
    example="sip-analyzer failures trace.pcap --by status,node --limit 20",
)
