"""A timeline as a PlantUML sequence diagram (https://plantuml.com/sequence-diagram).

PlantUML can include files, read the environment and fetch pictures, all by text. So every line begins with a word of
our own, and of the wire's text whatever is not a letter, a digit or plain punctuation is written as ``<U+0021>``.
"""

from __future__ import annotations

import re

from analyzer.show.ladder.mermaid import label, lane_names
from analyzer.show.text import fit, safe
from analyzer.show.timeline import Event, Mark, Timeline, Tone

_LONGEST = 100
# Also what means something only when doubled (-- __ // ** "" ~~), which the second one does not do alone.
_SPECIAL = re.compile(r"[^\w .,:+\-/=_@()?…×→✕]|(?<=(.))[-_/.=](?<=\1\1)")
_COLOURS: dict[Tone, str] = {
    "request": "#0072B2",
    "provisional": "#6B7280",
    "success": "#00815E",
    "redirect": "#9B4F8C",
    "failure": "#C24E00",
    "companion": "#7A6A00",
}


def plantuml(model: Timeline, *, title: str = "") -> str:
    """The timeline as a PlantUML diagram; failures have a cross, arrows of responses are dashed as in UML, those of
    Diameter and DNS have a thin head."""
    lines = ["@startuml", "hide footbox"]
    if title:
        lines.append(f"title {escaped(title)}")
    lines += [f'participant "{escaped(name)}" as L{number}' for number, name in enumerate(lane_names(model), 1)]
    if not model.events:
        lines.append('participant "no messages" as L1')
    phase = None
    for row in model.rows:
        if row.phase is not None and row.phase != phase:
            phase = row.phase
            lines.append(f"== {escaped(f'{model.phases[phase].name} {model.phases[phase].lasted}'.rstrip())} ==")
        lines.append(_event(row, model.started_at) if isinstance(row, Event) else _mark(row, len(model.lanes)))
    return "\n".join([*lines, f"caption {escaped(model.summary)}", "@enduml", ""])


def _event(event: Event, start: int | None) -> str:
    line, head = "-" if event.dashed else "", ">>" if event.protocol else ">"
    ends = f"L{event.source + 1} -[{_COLOURS[event.tone]}]{line}{head} L{event.target + 1}"
    return f"{ends} : {escaped(label(event, start))}"


def _mark(mark: Mark, lanes: int) -> str:
    if mark.kind in ("silence", "folded"):
        return f"... {escaped(mark.text)} ..."
    across = "L1" if lanes == 1 else f"L1, L{lanes}"
    return f"note over {across} : {'✕ ' if mark.failed else ''}{escaped(mark.text)}"


def escaped(text: str) -> str:
    """Text that PlantUML shows as it is.

    >>> escaped("!include <b>")
    '<U+0021>include <U+003C>b<U+003E>'
    """
    return _SPECIAL.sub(lambda found: f"<U+{ord(found.group()):04X}>", fit(safe(text), _LONGEST))
