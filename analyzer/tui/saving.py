"""A call as a file: its ladder as a page, picture or text, or its packets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.api.call import Call
from analyzer.api.ladder import FORMATS
from analyzer.errors import AnalyzerError
from analyzer.explain.phrases import phrases

if TYPE_CHECKING:
    from analyzer.api.found import Found

_PACKETS = (".pcapng",)
ENDINGS = (*_PACKETS, ".html", ".svg", ".txt", ".mmd", ".puml")


def proposed(found: Found) -> str:
    """A name for the file of a call or of a Call-ID; nothing of the wire gets into it but letters and digits."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", found.asked)[:40].strip("-") or "ladder"
    return f"{'call' if found.row is not None else 'call-id'}-{name}.html"


def save(found: Found, name: str, language: str) -> str:
    """Writes it in the format of the name's ending; returns what was written, in words."""
    path, say = Path(name).expanduser(), phrases(language)
    suffix = path.suffix.lower()
    if suffix in _PACKETS:
        if found.row is None:
            told = say("{file}: packets are saved of calls; save the ladder as .html, .svg or .txt")
            raise AnalyzerError(told.format(file=name))
        packets = Call(found.source, found.row).export(str(path), media=True)
        return say("{n:,} packets written to {file}").format(n=packets, file=name)
    if suffix not in FORMATS:
        raise AnalyzerError(say("{file}: end the name in {endings}").format(file=name, endings=", ".join(ENDINGS)))
    found.ladder("all").save(path, language=language)
    return say("written to {file}").format(file=name)
