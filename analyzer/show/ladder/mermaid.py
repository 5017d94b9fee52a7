"""A timeline as a Mermaid ``sequenceDiagram`` (https://mermaid.js.org/syntax/sequenceDiagram.html).

Text from the wire stands only behind a colon or an ``as``, where nothing but the end of the line ends it; every
character that means something to Mermaid is written as its entity, ``#59;`` for a semicolon.
"""

from __future__ import annotations

import re

from analyzer.show.text import clock, fit, safe
from analyzer.show.timeline import Event, Timeline

_LONGEST = 100
# Letters, digits and what is plain punctuation here; not # ; " < > % { } [ ] \ | & ` ' nor arrows.
_SPECIAL = re.compile(r"[^\w .,:+\-/=_@()?!*…×→✕]")
# Words that Mermaid looks for in the whole text, whatever stands around them: `end` closes a block, `style` and
# `classDef` take the entities of their line apart, `wrap:` and `nowrap:` begin an option.
_WORDS = re.compile(r"\b(en)(d)\b|(styl)(e)|(classDe)(f)|(wrap)(:)", re.IGNORECASE)


def mermaid(model: Timeline, *, title: str = "") -> str:
    """The timeline as a Mermaid diagram; failures have a cross, arrows of responses are dashed as in UML, those of
    Diameter and DNS have an open head."""
    lines = ["sequenceDiagram"]
    if title:
        lines.append(f"    title {escaped(title)}")
    lines += [f"    participant L{number} as {escaped(name)}" for number, name in enumerate(lane_names(model), 1)]
    if not model.events:
        return "\n".join([*lines, "    participant L1 as no messages", ""])
    across = "L1" if len(model.lanes) == 1 else f"L1,L{len(model.lanes)}"
    phase = None
    for row in model.rows:
        if row.phase is not None and row.phase != phase:
            phase = row.phase
            one = model.phases[phase]
            lines.append(f"    Note over {across}: {escaped(f'{one.name} {one.lasted}'.rstrip())}")
        if isinstance(row, Event):
            arrow = f"{'--' if row.dashed else '-'}{')' if row.protocol else '>>'}"
            lines.append(f"    L{row.source + 1}{arrow}L{row.target + 1}: {escaped(label(row, model.started_at))}")
        else:
            cross = "✕ " if row.failed else ""
            lines.append(f"    Note over {across}: {cross}{escaped(row.text)}")
    return "\n".join([*lines, f"    %% {escaped(model.summary)}", ""])


def lane_names(model: Timeline) -> list[str]:
    """What stands over each lane of a diagram: host and role."""
    told = model.roles or ("",) * len(model.lanes)
    return [f"{name} {role}".rstrip() for name, role in zip(model.lanes, told, strict=True)]


def label(event: Event, start: int | None) -> str:
    """What stands at an arrow of a diagram: time, message, SDP, copies, what else is to be known."""
    at = f"{clock(event.at - start)} " if event.at is not None and start is not None else ""
    cross = "✕ " if event.failed else ""
    copies = f" ×{event.copies}" if event.copies > 1 else ""
    text = f"{at}{cross}{event.what}{' SDP' if event.sdp else ''}{copies}"
    return f"{text} {event.info}" if event.info else text


def escaped(text: str) -> str:
    """Text that Mermaid shows as it is.

    >>> escaped("end; <b>#1</b>")
    'en#100;#59; #60;b#62;#35;1#60;/b#62;'
    """
    shown = _SPECIAL.sub(lambda found: f"#{ord(found.group())};", fit(safe(text), _LONGEST))
    return _WORDS.sub(_broken, shown)


def _broken(word: re.Match[str]) -> str:
    start, last = (part for part in word.groups() if part is not None)
    return f"{start}#{ord(last)};"
