"""What can go wrong for a user of the package. Oddities inside SIP are rows in ``problems``, never exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterable


class AnalyzerError(Exception):
    """Base of every error this package raises on purpose."""


class CaptureError(AnalyzerError):
    """A source that cannot be read at all: which one, at which byte, why, and what to do.

    Attributes: ``path`` (str), ``offset`` (int, byte position after decompression), ``reason`` (str).
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        reason = _in_words(reason)
        super().__init__(f"{path}: {reason} (at byte {offset})" if offset else f"{path}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


def _in_words(reason: str) -> str:
    """A reason of the system without its number, and what to do about a file that is not there."""
    words = re.sub(r" \(os error [0-9]+\)$", "", reason)
    return f"{words}; check the path" if words != reason and words.startswith("No such file") else words


class CaptureChanged(AnalyzerError):
    """A capture is needed a second time, and is no longer what was read: cut, replaced, shifted or gone.

    Attribute: ``path`` (str).
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has changed since it was read: read it again")
        self.path = path


class AmbiguousCall(AnalyzerError):
    """Several calls match; ``calls`` holds their numbers so that one can be chosen."""

    def __init__(self, asked: str, calls: list[int]) -> None:
        numbers = ", ".join(str(number) for number in calls[:20])
        super().__init__(f"{asked!r} matches {len(calls)} calls: {numbers}. Choose one by its number (calls.no).")
        self.calls = calls


class NotFound(AnalyzerError):
    """No call, message or table of that name or key in this capture."""


class FilterError(AnalyzerError):
    """A filter that cannot be understood: which one, and what it should look like."""


def alike(word: str, known: Iterable[str]) -> str:
    """What a misspelt word may have meant, as a sentence to go behind another; nothing where nothing is like it.

    >>> alike("bussy", ["busy", "answered"]), alike("xyz", ["busy"])
    (' Did you mean busy?', '')
    """
    from difflib import get_close_matches

    found = get_close_matches(word.lower(), list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(found)}?" if found else ""
