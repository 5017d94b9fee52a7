"""``sip-analyzer phase_times``."""

from __future__ import annotations

from analyzer.cli._measure import measure_command

command = measure_command(
    "phase_times",
    "At the reference hop of each call. --by takes the columns of phases, and of calls (caller callee outcome status"
    " codecs emergency).",
    example="sip-analyzer phase_times trace.pcap --outcome answered --every 1h",
)
