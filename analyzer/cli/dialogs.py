"""``sip-analyzer dialogs``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "dialogs",
    "Dialogs of calls, subscriptions and referrals (RFC 3261 §12, RFC 6665, RFC 3515).",
    example="sip-analyzer dialogs trace.pcap --number +493012345678",
)
