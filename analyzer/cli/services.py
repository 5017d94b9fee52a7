"""``sip-analyzer services``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "services",
    "Voice, SMS, presence, conference, supplementary services, emergency, RCS; docs/services.md.",
    example="sip-analyzer services trace.pcap --where \"service = 'call_forwarding'\"",
)
