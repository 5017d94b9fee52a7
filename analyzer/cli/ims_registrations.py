"""``sip-analyzer ims_registrations``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "ims_registrations",
    "Authentication, security agreement, Path, Service-Route, identities, GRUUs, and what is likely "
    "behind a challenge that nobody answered. Keys and digest responses are never shown.",
    example="sip-analyzer ims_registrations trace.pcap --outcome challenged",
)
