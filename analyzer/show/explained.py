"""What words mean (``analyzer.explain``), as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.explain.entries import Entry, data
from analyzer.show.text import wrapped


def kind_of(entry: Entry, language: str) -> str:
    """What kind of word it is: SIP status; column of calls, setups."""
    words = data("kinds")[entry.kind][language]
    named = str(words["kind"] if isinstance(words, dict) else words)
    return f"{named} {', '.join(entry.of)}" if entry.of else named


def heading(entry: Entry, language: str) -> str:
    """The word, what it is called, what kind of word it is, and its standard.

    >>> from analyzer.explain.lookup import find
    >>> heading(find("580")[0], "en")
    '580 Precondition Failure: SIP status (RFC 3312 §8)'
    """
    # The names of reference points and rules are ours; others stand in messages and standards.
    spoken = (language,) if entry.kind in ("reference_points", "rules") else ("en", language)
    names = dict.fromkeys(entry.names[known] for known in spoken if known in entry.names)
    named = " ".join([entry.word, *names])
    if entry.kind == "header_fields" and entry.also:
        named = f"{named} ({', '.join(entry.also)})"
    if language == "zh":
        return f"{named}\uff1a{kind_of(entry, language)}" + (f"\uff08{entry.standard}\uff09" if entry.standard else "")
    return f"{named}: {kind_of(entry, language)}" + (f" ({entry.standard})" if entry.standard else "")


def told(entries: Sequence[Entry], language: str, width: int) -> str:
    """The entries one below the other, as wide as the terminal."""
    parts = []
    for entry in entries:
        between = " " if language == "en" else ""
        text = f"{entry.text(language)}{between}{entry.more.get(language, '')}".rstrip()
        lines = [line for one in text.splitlines() for line in wrapped(one, width - 2)]
        parts.append("\n".join([*wrapped(heading(entry, language), width), *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts) + "\n"
