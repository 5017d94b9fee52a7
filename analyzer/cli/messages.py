"""``sip-analyzer messages``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "messages",
    "The same message on two hops is two rows; a packet that was captured twice is marked as duplicate. --status and"
    " --method pick rows here.",
    example="sip-analyzer messages trace.pcap --status 5xx --columns time,file,frame,status,reason_phrase,message",
)
