"""What the rules say of a dialogue in the notation of ``tests.sip.wire``."""

from __future__ import annotations

from typing import Any

from tests.sip import wire


def told(dialogue: str, **bodies: str) -> dict[str, dict[str, Any]]:
    """The findings by the names of their rules, those that are only worth knowing too."""
    rows = wire.read(dialogue, **bodies).table("findings").to_dicts()
    return {row["code"]: row for row in rows}


def named(dialogue: str, **bodies: str) -> list[str]:
    """The rules that found errors or warnings, the one that hurt most first."""
    return [code for code, row in told(dialogue, **bodies).items() if row["severity"] != "info"]
