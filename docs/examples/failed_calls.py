"""Every call that failed, with the node that rejected it and why, as CSV for a ticket.

python docs/examples/failed_calls.py captures/ > failed.csv
"""

from __future__ import annotations

import sys

import analyzer

capture = analyzer.read(sys.argv[1:])
calls = capture.calls[["call", "no", "started_at", "caller", "callee", "outcome"]]
why = capture.call_failures[["call", "status", "reason_phrase", "address", "role", "on_behalf_of", "rule"]]

# `call` is the key that joins tables; people use `no`.
failed = calls.merge(why, on="call").drop(columns="call").sort_values("started_at")
failed.to_csv(sys.stdout, index=False)
