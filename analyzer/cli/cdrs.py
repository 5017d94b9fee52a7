"""``sip-analyzer cdrs``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "cdrs",
    "Names are those of TS 32.298; docs/charging.md says how each value is made. Roaming and gaps are hints, with their"
    " reason.",
    example='sip-analyzer cdrs trace.pcapng --where "charging_gap is not null"',
)
