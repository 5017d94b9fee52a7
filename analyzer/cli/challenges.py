"""``sip-analyzer challenges``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "challenges",
    "RAND, AUTN and AUTS are sent in clear; ik, ck and responses are never shown.",
    example="sip-analyzer challenges trace.pcap --where \"outcome = 'sync_failure'\"",
)
