"""``sip-analyzer sms``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "sms",
    "By the report of the relay layer, RP-ACK or RP-ERROR: a 202 says only that SIP carried it (TS 24.341).",
    example="sip-analyzer sms trace.pcap --where \"outcome <> 'delivered'\"",
)
