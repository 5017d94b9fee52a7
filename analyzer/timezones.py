"""Time zones by their names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from analyzer.errors import FilterError


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name, or FilterError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FilterError(f"time zone {name!r}: an IANA name is wanted: Europe/Berlin, UTC") from None
