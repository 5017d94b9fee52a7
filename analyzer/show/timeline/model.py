"""What a timeline is made of: events, phases, holds and marks, and the timeline with fewer of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from analyzer.show.text import duration

MOST_LANES = 40
"""Hosts with a lane of their own; a scan of a network has thousands."""
NO_ADDRESS = "?"
"""The lane of what was captured without its addresses: SCTP without IP, exported PDUs without such tags."""

Tone = Literal["request", "provisional", "success", "redirect", "failure", "companion"]
_OF_STATUS: tuple[Tone, ...] = ("provisional", "success", "redirect", "failure")


@dataclass(frozen=True, slots=True)
class Event:
    """One message on one hop.

    ``at`` is None without a time stamp; ``source`` and ``target`` are numbers of lanes; ``copies`` counts the message
    and its retransmissions, ``last_at`` is the time of the last of them; ``phase`` is the number of its phase.
    Beside SIP ``protocol`` is diameter or dns, ``message`` the key of the exchange, and ``detail`` has lines of text
    about it; what ``answer`` and ``refused`` say, ``status`` does not.
    """

    message: int
    at: int | None
    file: str
    frame: int | None
    source: int
    target: int
    call_id: str
    method: str
    status: int | None
    what: str
    sdp: bool
    info: str
    copies: int
    last_at: int | None
    phase: int | None = None
    protocol: str = ""
    answer: bool = False
    refused: bool = False
    detail: str = ""

    @property
    def failed(self) -> bool:
        """A final response that says no (RFC 3261 §21.4 to §21.6), or an answer beside SIP that does."""
        return self.refused or (self.status is not None and self.status >= 400)

    @property
    def dashed(self) -> bool:
        """It answers something."""
        return self.answer or self.status is not None

    @property
    def tone(self) -> Tone:
        """What kind of message it is, for its colour; ``companion`` is a message of Diameter or DNS."""
        if self.protocol:
            return "failure" if self.refused else "companion"
        if self.status is None:
            return "request"
        return _OF_STATUS[min(max(self.status // 100, 1), 4) - 1]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a call, as timed at its reference hop. None: it began before the capture, or goes on after it."""

    name: str
    started_at: int | None
    ended_at: int | None

    @property
    def lasted(self) -> str:
        """How long it was, in words; empty where the capture does not hold both ends."""
        if self.started_at is None or self.ended_at is None:
            return ""
        return duration(self.ended_at - self.started_at)


@dataclass(frozen=True, slots=True)
class Hold:
    """An interval in which one side held the media of the other (RFC 3264 §8.4)."""

    media: str
    held_by: str
    started_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A stream of media: who sends what, and how it came (a row of ``streams``)."""

    sent_by: str
    what: str
    came: str
    started_at: int
    ended_at: int

    @property
    def text(self) -> str:
        """Both in words."""
        return f"{self.what}: {self.came}"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that no single message says.

    ``kind``: silence, no_response, pending, transport_error, resent, hold, resume, media, stream, transfer, fork or
    folded; in a report also beside (asked beside SIP) and refused (the same, without success).
    ``text`` may hold text from the wire. ``at`` is None where it concerns messages without a time stamp; ``phase`` is
    as in an event.
    """

    kind: str
    at: int | None
    text: str
    phase: int | None = None

    @property
    def failed(self) -> bool:
        """It tells of a fault."""
        return self.kind in ("no_response", "transport_error", "refused")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A call's story.

    ``lanes`` stand from left to right as they come in, the client of a transaction before its server; ``captions`` say
    what is known of each, its role first, ``roles`` the role alone, or nothing. ``rows`` are events and marks in order
    of time: what a ladder draws line by line. ``retransmissions`` are folded into events, ``duplicates`` are not shown,
    ``hidden`` counts events left out by :func:`bounded`.
    """

    lanes: tuple[str, ...]
    rows: tuple[Event | Mark, ...]
    retransmissions: int
    duplicates: int
    phases: tuple[Phase, ...] = ()
    holds: tuple[Hold, ...] = ()
    streams: tuple[Heard, ...] = ()
    captions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    hidden: int = 0
    call_ids: tuple[str, ...] = field(default=())

    @property
    def events(self) -> tuple[Event, ...]:
        """The messages among the rows."""
        return tuple(row for row in self.rows if isinstance(row, Event))

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What else is among the rows."""
        return tuple(row for row in self.rows if isinstance(row, Mark))

    @property
    def started_at(self) -> int | None:
        """Time of the first event that has one."""
        return next((event.at for event in self.events if event.at is not None), None)

    @property
    def summary(self) -> str:
        """How many messages there are, and what is not drawn, in words."""
        counted = sum(event.copies for event in self.events if not event.protocol)
        counts = [f"{counted:,} message{'' if counted == 1 else 's'}"]
        for protocol, name in (("diameter", "Diameter"), ("dns", "DNS")):
            if beside := sum(event.protocol == protocol for event in self.events):
                counts.append(f"{beside:,} of {name} beside them (dotted)")
        if self.retransmissions:
            counts.append(f"{self.retransmissions:,} of them sent again, (xN): sent N times")
        if self.duplicates:
            counts.append(f"not drawn: {self.duplicates:,} seen twice by the capture")
        if self.hidden:
            counts.append(f"not drawn: {self.hidden:,} more in the middle")
        return "; ".join(counts)


def bounded(model: Timeline, most: int | None) -> Timeline:
    """The timeline with at most so many events and :data:`MOST_LANES` lanes; what is left out is said in its place.

    A call that runs wild shows how it began and how it ended: three quarters of the events kept are the first ones.
    """
    rows: list[Event | Mark] = list(model.rows)
    total = len(model.events)
    hidden = 0
    if most is not None and total > most:
        tail = most // 4
        hidden = total - most
        places = [place for place, row in enumerate(rows) if isinstance(row, Event)]
        cut, go_on = places[most - tail], places[total - tail] if tail else len(rows)
        left_out = rows[cut]
        rows[cut:go_on] = [Mark("folded", left_out.at, f"{hidden:,} messages are not shown here", left_out.phase)]
    return _few_lanes(replace(model, rows=tuple(rows), hidden=model.hidden + hidden))


def _few_lanes(model: Timeline) -> Timeline:
    """Only lanes that the rows need, and the last of too many for all the hosts that have none of their own."""
    used = sorted({lane for event in model.events for lane in (event.source, event.target)})
    if len(used) == len(model.lanes) <= MOST_LANES:
        return model
    own = used if len(used) <= MOST_LANES else used[: MOST_LANES - 1]
    place = {lane: number for number, lane in enumerate(own)}
    lanes = [model.lanes[lane] for lane in own]
    captions = [model.captions[lane] for lane in own] if model.captions else []
    roles = [model.roles[lane] for lane in own] if model.roles else []
    if len(own) < len(used):
        lanes.append(f"{len(used) - len(own):,} other hosts")
        for words in (captions, roles):
            words.append("") if words else None

    def moved(event: Event) -> Event:
        ends = (event.source, event.target)
        source, target = (place.get(lane, len(own)) for lane in ends)
        named = f"{model.lanes[event.source]} > {model.lanes[event.target]}"
        strange = any(lane not in place for lane in ends)
        info = ", ".join(part for part in (named if strange else "", event.info) if part)
        return replace(event, source=source, target=target, info=info)

    rows = tuple(moved(row) if isinstance(row, Event) else row for row in model.rows)
    return replace(model, lanes=tuple(lanes), captions=tuple(captions), roles=tuple(roles), rows=rows)
