"""``sip-analyzer latency``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "latency",
    "pdd, alert, srd, setup, ring and talk as in calls, in seconds; n of the calls have that delay. Percentiles are"
    " nearest-rank, p99 from 100 calls on. --by takes peer (with direction), the addresses of the reference hop and the"
    " columns of calls.",
    example="sip-analyzer latency trace.pcap --by peer --every 1h",
)
