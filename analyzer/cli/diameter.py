"""``sip-analyzer diameter``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "diameter",
    "Cx, Sh and Rx with their attributes, Rf, Ro and others by application, command and result; keys and"
    " authentication vectors are never shown.",
    example="sip-analyzer diameter trace.pcap --where \"application = 'Cx'\"",
)
