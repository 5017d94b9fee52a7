"""``sip-analyzer subscriptions``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "subscriptions",
    "RFC 6665; a REFER makes one, too. None of them is a call.",
    example="sip-analyzer subscriptions trace.pcap --where \"end_reason = 'refused'\"",
)
