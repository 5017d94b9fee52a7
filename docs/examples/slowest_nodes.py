"""Which nodes the set-up of calls waits for: what each adds to a call, median and maximum, slowest first.

python docs/examples/slowest_nodes.py access.pcap core.pcap
"""

from __future__ import annotations

import sys

import polars as pl

import analyzer

capture = analyzer.read(sys.argv[1:])
# A call passes a node several times (request, response, PRACK ...): first add up within the call.
of_calls = (
    capture.table("waterfall")
    .filter(pl.col("kind") == "node")
    .group_by("call", "address")
    .agg(pl.col("duration_s").sum())
)
nodes = (
    of_calls.group_by("address")
    .agg(calls=pl.len(), median_s=pl.col("duration_s").median(), max_s=pl.col("duration_s").max())
    .sort("median_s", "address", descending=[True, False])
)
for address, calls, median_s, max_s in nodes.iter_rows():
    print(f"{address:24} {calls:5} calls  median {median_s:.3f} s  at most {max_s:.3f} s")
