"""``sip-analyzer capabilities``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "capabilities",
    "Methods, option tags, feature tags (RFC 3840), ICSI and IARI, feature capability indicators (RFC 6809).",
    example="sip-analyzer capabilities trace.pcap --where \"kind = 'icsi' or name = '+g.3gpp.smsip'\"",
)
