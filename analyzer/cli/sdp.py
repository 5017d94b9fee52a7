"""``sip-analyzer sdp``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "sdp",
    "Duplicates of the capture are left out, retransmissions are not. Keys of SRTP are never shown.",
    example="sip-analyzer sdp trace.pcap --call-id 'a84b4c76e66710*' --columns message,role,codecs,direction",
)
