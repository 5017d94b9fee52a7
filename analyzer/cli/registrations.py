"""``sip-analyzer registrations``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "registrations",
    "An attempt goes from the first REGISTER of a binding over its challenges to the final response; --outcome and"
    " --status are its own.",
    example="sip-analyzer registrations trace.pcap --outcome failed --format csv -o failed.csv",
)
