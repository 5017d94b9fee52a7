"""``sip-analyzer setups``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "setups",
    "At the reference hop of the call: INVITE, 100, 183, PRACK, UPDATE, preconditions met, 180, answer, ACK.",
    example="sip-analyzer setups trace.pcap --where \"stalled = 'caller_bearer'\"",
)
