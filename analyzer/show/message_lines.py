"""The lines of a message as captured, each with the word of ``explain`` that it begins with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from analyzer.explain.entries import Entry, of_kind
from analyzer.show.text import safe_lines

LONGEST = 20_000
"""Characters of a message that are shown."""

# A header's name is a token (RFC 3261 §25.1); a line that begins with a blank goes on with the header above (§7.3.1).
_HEADER = re.compile(r"([\w.!%*+`'~-]+)([ \t]*:)(.*)", re.ASCII)
_SDP_LINE = re.compile(r"([a-z]=)(.*)", re.ASCII)
_ATTRIBUTE = re.compile(r"(a=[\w-]+)(.*)", re.ASCII)


def entry_of(name: str) -> Entry:
    """What explains a name of :func:`lines_of`."""
    return sdp_lines().get(name) or of_kind("header_fields")[name]


def sdp_lines() -> Mapping[str, Entry]:
    """The entries of lines of SDP."""
    return of_kind("sdp_lines")


@cache
def _long_names() -> dict[str, str]:
    """Header fields by their names in lower case, compact forms too."""
    entries = of_kind("header_fields").values()
    return {name.lower(): entry.word for entry in entries for name in (entry.word, *entry.also)}


def lines_of(text: bytes) -> Iterator[tuple[str, str, str]]:
    """Each line, safe, as its name as sent, the word that explains it or nothing, and the rest."""
    whole = safe_lines(text).rstrip("\n")
    body = sdp = False
    for number, line in enumerate(whole[:LONGEST].split("\n")):
        if number and not line:
            body = True
        sdp = body and (sdp or line.startswith("v=0"))
        found = None
        if sdp:
            attribute = _ATTRIBUTE.match(line)
            found = attribute if attribute and attribute[1] in sdp_lines() else _SDP_LINE.match(line)
        elif number and not body:
            found = _HEADER.match(line)
        name = "" if found is None else found[1] if sdp else _long_names().get(found[1].lower(), "")
        if found is None or name not in (sdp_lines() if sdp else of_kind("header_fields")):
            yield line, "", ""
        else:
            yield found[1], name, line[len(found[1]) :]
    if len(whole) > LONGEST:
        yield f"... {len(whole) - LONGEST:,} more characters", "", ""
