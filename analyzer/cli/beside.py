"""``sip-analyzer beside``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "beside",
    "Score and evidence say why it is taken for one of that call: docs/diameter_and_dns.md.",
    example="sip-analyzer beside trace.pcap --call-id 'abc@10.0.0.1'",
)
