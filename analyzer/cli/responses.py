"""``sip-analyzer responses``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "responses",
    "By method and status without --by, which takes class, peer (with direction) and the columns of transactions."
    " share is of all transactions of that method (or peer, interval ...); without a status: no final response seen.",
    example="sip-analyzer responses trace.pcap --by peer,class --every 1h",
)
