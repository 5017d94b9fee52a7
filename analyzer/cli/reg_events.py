"""``sip-analyzer reg_events``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "reg_events",
    "What the registrar tells of its bindings (RFC 3680), each NOTIFY once over all its hops.",
    example="sip-analyzer reg_events trace.pcap --where \"event = 'deactivated'\"",
)
