"""Counting SIP messages in UDP payloads and TCP streams: the little that the counting rivals share."""

from __future__ import annotations

import re

_START = re.compile(rb"(?:SIP/2\.0 \d{3} |[A-Z]+ \S+ SIP/2\.0\r\n)")
_LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*(\d+)", re.IGNORECASE)


def is_sip(payload: bytes) -> bool:
    return _START.match(payload) is not None


class Streams:
    """TCP streams put together in capture order, without regard to loss or reordering."""

    def __init__(self) -> None:
        self._waiting: dict[object, bytes] = {}

    def count(self, direction: object, payload: bytes) -> int:
        """The number of messages that this segment completes (RFC 3261 §18.3)."""
        data = self._waiting.pop(direction, b"") + payload
        messages = 0
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(data) < whole:
                break
            messages += is_sip(data)
            data = data[whole:]
        if data:
            self._waiting[direction] = data
        return messages
