"""When a subscriber was registered, from which contact, and every REGISTER that was not accepted.

python docs/examples/registered_when.py captures/ +15552000574
"""

from __future__ import annotations

import sys

import analyzer

*captures, number = sys.argv[1:]
subscriber = analyzer.read(captures).filter(analyzer.Filter(number=number))

for binding in subscriber.bindings.itertuples():
    until = binding.ended_at if binding.end_reason != "open" else "the capture ended"
    print(f"{binding.started_at} - {until}: {binding.contact}")

attempts = subscriber.registrations
for attempt in attempts[attempts["outcome"].isin(["failed", "pending"])].itertuples():
    print(f"{attempt.started_at}: {attempt.kind} {attempt.outcome}, status {attempt.status}")
