"""``sip-analyzer diameter_transactions``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "diameter_transactions",
    "The result is Result-Code or Experimental-Result-Code, by name.",
    example="sip-analyzer diameter_transactions trace.pcap --where \"result <> 'SUCCESS'\"",
)
