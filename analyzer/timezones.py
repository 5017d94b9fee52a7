"""Time zones by their names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from analyzer.errors import FilterError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name, or FilterError."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FilterError(
            f"time zone {name!r}: an IANA name is wanted: Europe/Berlin, UTC; or local, that of this machine"
        ) from None


def of_environment(environment: Mapping[str, str] = os.environ) -> str | None:
    """The IANA name in the variable TZ (POSIX.1-2017 §8.3, with or without the colon); None for none, or another form.

    >>> of_environment({"TZ": ":Asia/Shanghai"}), of_environment({"TZ": "CST-8"}), of_environment({})
    ('Asia/Shanghai', None, None)
    """
    name = environment.get("TZ", "").removeprefix(":")
    if not name:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        return None


def local() -> str:
    """The IANA name of the zone of this machine: TZ, else /etc/localtime or /etc/timezone; UTC if none says it."""
    found = of_environment()
    if found is not None:
        return found
    _, mark, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    if not mark:
        try:
            with open("/etc/timezone", encoding="utf-8") as file:
                name = file.read().strip()
        except OSError:
            name = ""
    return of_environment({"TZ": name}) or "UTC"
