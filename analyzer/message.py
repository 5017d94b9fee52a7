"""One message: its row, its bytes as captured, and its headers in order."""

from __future__ import annotations

from typing import Any

from analyzer.reading.native import core


def parse(text: bytes) -> dict[str, Any]:
    """One SIP message taken apart, every header in order; nothing is refused that can still be read."""
    return core().parse(text)
