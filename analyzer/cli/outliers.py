"""``sip-analyzer outliers``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "outliers",
    "Beyond the fence of a box plot: the upper quartile and 1.5 times the distance of the quartiles, in a group of ten"
    " or more. Worst first of each delay. --by and --every, as in latency, say whom a call is compared with.",
    example="sip-analyzer outliers trace.pcap --by peer --limit 20",
)
