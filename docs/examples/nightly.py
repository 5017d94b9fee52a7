"""One directory of rotated captures: a report, and exit status 1 if more than a share of the calls failed, for cron.

python docs/examples/nightly.py captures/2026-01-31/ 0.05
"""

from __future__ import annotations

import sys
from pathlib import Path

import analyzer

directory, allowed = Path(sys.argv[1]), float(sys.argv[2])
capture = analyzer.read(directory)

# Calls that were already running, or had not ended when the capture did, say nothing about success.
ended = capture.calls[lambda calls: ~calls["outcome"].isin(["joined", "unfinished"])]
# The network's faults: a busy or absent callee, or a caller who hangs up, is none.
faults = ended[
    ended["outcome"].isin(["unreachable", "server_failure", "client_error", "timeout", "negotiation_failed"])
]
share = len(faults) / len(ended) if len(ended) else 0.0

report = capture.report(f"{directory.name}.html")
print(f"{len(faults)} of {len(ended)} calls failed ({share:.1%}): {report}")
for row in capture.failures(by=["status", "node"]).head(5).itertuples():
    print(f"  {row.requests:4} requests: {row.status} from {row.node} {row.reason_phrase}")
sys.exit(share > allowed)
