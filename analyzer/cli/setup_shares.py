"""``sip-analyzer setup_shares``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "setup_shares",
    "What waterfall tells of each call, over all. --by takes the columns of waterfall, of nodes (role node name half"
    " domain) and of calls (caller callee outcome status codecs emergency).",
    example="sip-analyzer setup_shares trace.pcap --by kind,role --outcome answered",
)
