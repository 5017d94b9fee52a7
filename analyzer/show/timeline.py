"""The story of one call: what every ladder draws, whatever it is drawn with.

::

    messages ----------------> events    one message on one hop; what its sender sent again is folded into it
    row of calls, dialogs ---> phases    setup, ringing, talk, release
    holds -------------------> holds     who held which media, from when to when
    transactions, offers, ---> marks     what no single message says: silence, no response, a broken transport,
    REFER, NOTIFY, Replaces              a hold, a change of the media, a transfer

A lane is a host; a host that talks to itself (several nodes on one machine) has a lane for each of its ports. A
duplicate of the capture is counted, never drawn. Times are nanoseconds since 1970. The same tables always give the
same timeline.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from analyzer.columns.address import socket
from analyzer.show.text import SHORT_TAG, duration, fit, safe

if TYPE_CHECKING:
    import polars as pl

SILENCE_NS = 10_000_000_000
"""Nothing on any hop for so long is told as silence: longer than the retransmissions of Timer A and E are apart until
their last steps (RFC 3261 §17.1.1.2, §17.1.2.2)."""
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
class Mark:
    """Something that no single message says.

    ``kind``: silence, no_response, pending, transport_error, resent, hold, resume, media, transfer, fork or folded; in
    a report also beside (asked beside SIP) and refused (the same, without success).
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


def timeline(
    messages: pl.DataFrame,
    *,
    reference: int | None = None,
    call: pl.DataFrame | None = None,
    transactions: pl.DataFrame | None = None,
    dialogs: pl.DataFrame | None = None,
    holds: pl.DataFrame | None = None,
    offers: pl.DataFrame | None = None,
    endpoints: pl.DataFrame | None = None,
    related_transactions: pl.DataFrame | None = None,
    fragments: Mapping[int, str] | None = None,
) -> Timeline:
    """The story these messages (rows of the table ``messages``, duplicates too) tell.

    With ``reference``, the key of a transaction, only what passed between the two hosts of that transaction. ``call``
    and the other frames are the call's rows of ``calls`` and those tables; each that is given tells more.
    ``endpoints`` may have rows of others; ``related_transactions`` are exchanges of Diameter and DNS, which get lanes
    of their own.
    ``fragments`` are the start lines in message/sipfrag bodies by the key of their NOTIFY (RFC 3515 §2.4.5).
    """
    import polars as pl

    ordered = messages.sort("time", nulls_last=True, maintain_order=True)
    rows = ordered.select(*_COLUMNS, at=pl.col("time").cast(pl.Int64)).to_dicts()
    if reference is not None:
        rows = _on_hop(rows, reference)
    observations = [row for row in rows if not row["duplicate"]]
    known = _known(endpoints)
    drawn = _drawn(observations, known)
    branches = _records(dialogs)
    phases = _phases(_records(call), branches, observations)
    held = holds_of(_records(holds))
    over_at = next((phase.started_at for phase in phases if phase.name == "release"), None)
    marks = [
        *_unanswered(observations, drawn, _records(transactions)),
        *transfers(observations, drawn.lane_of, fragments or {}),
        *tables_tell(branches, held, _records(offers), over_at),
        *_silences(drawn.events, observations),
    ]
    captions = _captions(observations, drawn.lanes, drawn.lane_of, known)
    roles = _of_lanes(observations, drawn.lanes, drawn.lane_of, known, "role")
    asked = _asked(_records(related_transactions), observations, drawn)
    return Timeline(
        lanes=tuple(drawn.lanes | asked.lanes),
        rows=_in_order([*drawn.events, *asked.events], marks, phases),
        retransmissions=sum(row["retransmission"] for row in observations),
        duplicates=len(rows) - len(observations),
        phases=phases,
        holds=held,
        captions=(*captions, *asked.peers),
        roles=(*roles, *asked.peers),
        call_ids=tuple(dict.fromkeys(event.call_id for event in drawn.events)),
    )


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


def _records(frame: pl.DataFrame | None) -> list[dict[str, Any]]:
    """The rows of a table, times as nanoseconds."""
    import polars as pl
    import polars.selectors as cs

    return [] if frame is None else frame.with_columns(cs.temporal().cast(pl.Int64)).to_dicts()


# ---- events ----------------------------------------------------------------------------------------------------------

# What a message and its retransmission share: the hop, and what tells messages of a dialog apart (RFC 3261 §17,
# RFC 3262).
_SAME_MESSAGE = (
    *("src_ip", "src_port", "dst_ip", "dst_port", "call_id", "from_tag", "to_tag"),
    *("method", "status", "cseq", "via_branch", "rseq", "rack"),
)
_COLUMNS = (
    *("message", "file", "frame", "transaction", "duplicate", "retransmission", "complete", "via_count", "user_agent"),
    *("reason_phrase", "has_sdp", "qos_pending", "refer_to", "replaces", "subscription_state", "reason_header"),
    *_SAME_MESSAGE,
)


#: The lane of a row of ``messages``, by ``src`` or ``dst``.
LaneOf = Callable[[dict[str, Any], str], str]


@dataclass(frozen=True, slots=True)
class _Drawn:
    lanes: dict[str, int]
    events: list[Event]
    #: The number of the event that a message was folded into, or is.
    event_of: dict[int, int]
    lane_of: LaneOf


#: Rows of ``endpoints`` by address and port.
_Known = Mapping[tuple[object, object], dict[str, Any]]


def _known(endpoints: pl.DataFrame | None) -> _Known:
    import polars as pl

    if endpoints is None:
        return {}
    told = endpoints.filter(
        (pl.col("role") != "unknown") | (pl.col("node") != pl.col("address")) | pl.col("name").is_not_null()
    )
    rows = told.select("ip", "port", "node", "role", "name").iter_rows(named=True)
    return {(row["ip"], row["port"]): row for row in rows}


def _drawn(observations: list[dict[str, Any]], known: _Known) -> _Drawn:
    by_port = {row["src_ip"] for row in observations if row["src_ip"] == row["dst_ip"]}
    forks = _forks(observations)
    lanes: dict[str, int] = {}
    events: list[Event] = []
    event_of: dict[int, int] = {}
    first_of: dict[tuple[object, ...], int] = {}

    def lane_of(row: dict[str, Any], side: str) -> str:
        return _lane(row, side, by_port, known)

    for row in observations:
        source, target = lane_of(row, "src"), lane_of(row, "dst")
        for lane in (source, target) if row["status"] is None else (target, source):
            lanes.setdefault(lane, len(lanes))
        same = tuple(row[name] for name in _SAME_MESSAGE)
        if row["retransmission"] and same in first_of:
            number = first_of[same]
            event = events[number]
            last = row["at"] if row["at"] is not None else event.last_at
            events[number] = replace(event, copies=event.copies + 1, last_at=last)
            event_of[row["message"]] = number
            continue
        first_of[same] = event_of[row["message"]] = len(events)
        events.append(
            Event(
                message=row["message"],
                at=row["at"],
                file=row["file"] or "",
                frame=row["frame"],
                source=lanes[source],
                target=lanes[target],
                call_id=row["call_id"] or "",
                method=row["method"] or "?",
                status=row["status"],
                what=_what(row),
                sdp=row["has_sdp"],
                info=_info(row, forked=_dialog(row) in forks),
                copies=1,
                last_at=row["at"],
            )
        )
    return _Drawn(lanes, events, event_of, lane_of)


def _on_hop(rows: list[dict[str, Any]], reference: int) -> list[dict[str, Any]]:
    first = next((row for row in rows if row["transaction"] == reference), None)
    if first is None:
        return rows
    ports = first["src_ip"] == first["dst_ip"]
    return [row for row in rows if _ends(row, ports=ports) == _ends(first, ports=ports)]


def _ends(row: dict[str, Any], *, ports: bool) -> frozenset[object]:
    if ports:
        return frozenset({(row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])})
    return frozenset({row["src_ip"], row["dst_ip"]})


def _lane(row: dict[str, Any], side: str, by_port: set[str | None], known: _Known) -> str:
    ip: str | None = row[f"{side}_ip"]
    if ip is None:
        return NO_ADDRESS
    if ip not in by_port:
        return ip
    if node := known.get((ip, row[f"{side}_port"])):
        return str(node["node"])
    return socket(ip, row[f"{side}_port"])


def _of_lanes(
    observations: list[dict[str, Any]], lanes: Iterable[str], lane_of: LaneOf, known: _Known, column: str
) -> tuple[str, ...]:
    """What ``endpoints`` say of each lane: of a host that is several nodes, what they say one after the other."""
    said: dict[str, dict[str, None]] = {}
    for row in observations if known else ():
        for side in ("src", "dst"):
            node = known.get((row[f"{side}_ip"], row[f"{side}_port"]))
            if node and node[column] and node[column] != "unknown":
                said.setdefault(lane_of(row, side), {})[str(node[column])] = None
    return tuple(", ".join(said.get(lane, {})) for lane in lanes)


def _captions(
    observations: list[dict[str, Any]], lanes: Iterable[str], lane_of: LaneOf, known: _Known
) -> tuple[str, ...]:
    """Role and host name of each lane; without a name the product: User-Agent of a request that has one Via, and so was
    made there (RFC 3261 §8.1.1.7)."""
    lanes = tuple(lanes)
    products: dict[str, str] = {}
    for row in observations:
        if row["status"] is None and row["via_count"] == 1 and row["user_agent"]:
            products.setdefault(lane_of(row, "src"), row["user_agent"])
    roles, names = (_of_lanes(observations, lanes, lane_of, known, column) for column in ("role", "name"))
    parts = ((role, name or products.get(lane, "")) for lane, role, name in zip(lanes, roles, names, strict=True))
    return tuple(" · ".join(part for part in pair if part) for pair in parts)


def _what(row: dict[str, Any]) -> str:
    method = row["method"] or "?"
    if row["status"] is None:
        # An INVITE with a To tag is one inside a dialog: re-INVITE (RFC 3261 §14).
        return "re-INVITE" if method == "INVITE" and row["to_tag"] else method
    response = f"{row['status']} {row['reason_phrase'] or ''}".rstrip()
    return response if method == "INVITE" else f"{response} ({method})"


def _dialog(row: dict[str, Any]) -> tuple[object, ...]:
    return row["call_id"], row["from_tag"], row["to_tag"]


def _forks(rows: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    """The dialogs, early ones too, of INVITEs that were answered with several To tags (RFC 3261 §12.1, §19.3)."""
    answers: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for row in rows:
        if row["method"] == "INVITE" and (row["status"] or 0) > 100 and row["to_tag"]:
            answers.setdefault((row["call_id"], row["from_tag"], row["cseq"]), set()).add(_dialog(row))
    return {dialog for dialogs in answers.values() if len(dialogs) > 1 for dialog in dialogs}


def _info(row: dict[str, Any], *, forked: bool) -> str:
    parts = []
    if forked and row["status"] is not None:
        parts.append(f"tag={fit(safe(row['to_tag']), SHORT_TAG)}")
    if row["qos_pending"]:
        parts.append("qos pending")
    if row["method"] == "REFER" and row["refer_to"]:
        parts.append(f"to {row['refer_to']}")
    if row["method"] == "NOTIFY" and row["status"] is None and row["subscription_state"]:
        parts.append(row["subscription_state"])
    if row["reason_header"]:
        parts.append(row["reason_header"])
    if not row["complete"]:
        parts.append("cut")
    return ", ".join(parts)


# ---- beside SIP ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    #: Lanes that no message of SIP has, and what stands there.
    lanes: dict[str, int]
    peers: list[str]
    events: list[Event]


def _asked(exchanges: list[dict[str, Any]], observations: list[dict[str, Any]], drawn: _Drawn) -> _Asked:
    """Two events for each exchange: what was asked, and the answer.

    A host that also speaks SIP has another lane for what it is beside SIP, so that an HSS on the machine of a CSCF is
    seen for one; who asks stands where the message came that it had in hand.
    """
    in_hand = {row["message"]: drawn.lane_of(row, "dst") for row in observations}
    ips = {row[f"{side}_ip"] for row in observations for side in ("src", "dst")}
    lanes: dict[str, int] = {}
    peers: list[str] = []

    def number(lane: str, peer: str = "") -> int:
        if lane in drawn.lanes:
            return drawn.lanes[lane]
        if lane not in lanes:
            lanes[lane] = len(drawn.lanes) + len(lanes)
            peers.append(peer)
        return lanes[lane]

    events = []
    for row in exchanges:
        is_client = row["peer_ip"] == row["client_ip"] and row["peer_ip"] != row["server_ip"]
        asker_ip = row["server_ip"] if is_client else row["client_ip"]
        asker = in_hand.get(row["message"], asker_ip) if asker_ip in ips else asker_ip
        here = number(asker or NO_ADDRESS)
        shared = row["peer_ip"] in ips
        there = number(
            f"{row['peer_ip']} {row['peer']}" if shared else row["peer_ip"] or NO_ADDRESS, "" if shared else row["peer"]
        )
        ends = (there, here) if is_client else (here, there)
        events += _of_exchange(row, ends)
    return _Asked(lanes, peers, events)


def _of_exchange(row: dict[str, Any], ends: tuple[int, int]) -> list[Event]:
    asked = " ".join(part for part in (row["what"], row["name"]) if part)
    stem = str(row["what"])
    # RFC 6733 §3.2: the names of a command differ in their last letter.
    answered = (
        f"{stem[:-1]}A {row['result'] or ''}".rstrip() if row["protocol"] == "diameter" else f"DNS {row['result']}"
    )
    detail = "\n".join(
        (
            f"{row['application']} {asked}: {row['result']}",
            *([str(row["detail"])] if row["detail"] else []),
            f"taken for one of this call by {row['evidence']}",
        )
    )
    told = row["detail"] or ""
    open_ = row["answered_at"] is None

    def event(
        at: int | None, frame: int | None, sides: tuple[int, int], what: str, info: str, *, answer: bool
    ) -> Event:
        return Event(
            message=row["exchange"],
            at=at,
            file=row["file"] or "",
            frame=frame,
            source=sides[0],
            target=sides[1],
            call_id="",
            method="",
            status=None,
            what=what,
            sdp=False,
            info=info,
            copies=1,
            last_at=at,
            protocol=row["protocol"],
            answer=answer,
            refused=row["failed"] and answer != open_,
            detail=detail,
        )

    found = []
    is_dns = row["protocol"] == "dns"
    if row["started_at"] is not None:
        info = f"({row['result']})" if open_ else "" if is_dns else told
        found.append(event(row["started_at"], row["frame"], ends, asked, info, answer=False))
    if not open_:
        back = (ends[1], ends[0])
        found.append(
            event(row["answered_at"], row["answer_frame"], back, answered, told if is_dns else "", answer=True)
        )
    return found


# ---- phases ----------------------------------------------------------------------------------------------------------

_JOINED = (("talk", None), ("release", "ended_at"))
_BEGUN = (("setup", "started_at"), ("ringing", "ringing_at"), ("talk", "answered_at"), ("release", "ended_at"))


def _phases(
    calls: list[dict[str, Any]], dialogs: list[dict[str, Any]], observations: list[dict[str, Any]]
) -> tuple[Phase, ...]:
    """From the times of the call; outside calls from those of the one dialog there is."""
    if not calls:
        if len(dialogs) != 1 or dialogs[0]["confirmed_at"] is None:
            return ()
        (one,) = dialogs
        return (Phase("dialog" if one["usage"] == "invite" else "subscription", one["confirmed_at"], one["ended_at"]),)
    call = calls[0]
    # A call that was running when the capture began talks from before it on.
    bounds = _JOINED if call["outcome"] == "joined" else _BEGUN
    begun = [(name, call[column] if column else None) for name, column in bounds]
    begun = [(name, at) for name, at in begun if at is not None or name == bounds[0][0]]
    if begun[0] == ("setup", None):
        return ()
    # Of two that begin at once the earlier one never was: answered without ringing.
    begun = [(name, at) for (name, at), (_, after) in pairwise([*begun, ("", None)]) if at is None or at != after]
    times = [row["at"] for row in observations if row["at"] is not None]
    end = max(times) if times and begun[-1][0] == "release" else None
    ends = [*(at for _, at in begun[1:]), end]
    return tuple(Phase(name, at, until) for (name, at), until in zip(begun, ends, strict=True))


# ---- marks -----------------------------------------------------------------------------------------------------------

_UNANSWERED = {
    "timeout": ("no_response", "no response seen"),
    "provisional_only": ("no_response", "no final response seen"),
    "pending": ("pending", "no response before the capture ended"),
    "transport_error": ("transport_error", "refused by the network or the host (ICMP, TCP reset or SCTP abort)"),
}
_BURST = 4  # copies: with T1 = 500 ms a request is sent a fourth time after 3.5 s (RFC 3261 §17.1.1.2)


def _unanswered(observations: list[dict[str, Any]], drawn: _Drawn, transactions: list[dict[str, Any]]) -> list[Mark]:
    """Requests without an answer, and what had to be sent again and again before one came."""
    lanes = list(drawn.lanes)
    outcomes = {row["transaction"]: row["outcome"] for row in transactions if row["outcome"] in _UNANSWERED}
    last = {row["transaction"]: row["at"] for row in observations}
    said: dict[int, tuple[int, str]] = {}
    for row in observations:
        key = row["transaction"]
        if key in outcomes and row["status"] is None and row["method"] != "ACK":
            said.setdefault(drawn.event_of[row["message"]], (key, outcomes.pop(key)))
    marks = []
    for number, event in enumerate(drawn.events):
        if number not in said and event.copies < _BURST:
            continue
        sent = ""
        if event.copies > 1:
            within = duration(event.last_at - event.at) if event.at is not None and event.last_at is not None else ""
            sent = f"sent {event.copies} times{f' in {within}' if within else ''}"
        key, outcome = said.get(number, (None, ""))
        kind, sentence = _UNANSWERED.get(outcome, ("resent", ""))
        at = event.last_at if key is None else last[key]
        told = ", ".join(part for part in (sentence, sent) if part)
        marks.append(Mark(kind, at, f"{event.what} to {lanes[event.target]}: {told}"))
    return marks


def tables_tell(
    dialogs: list[dict[str, Any]], holds: tuple[Hold, ...], offers: list[dict[str, Any]], over_at: int | None
) -> list[Mark]:
    """What the tables beside the messages tell of a call that was over at some time: forks, holds, media."""
    return [*_forks_over(dialogs), *_held(holds, over_at), *_media(offers, holds)]


def _forks_over(dialogs: list[dict[str, Any]]) -> list[Mark]:
    """How those branches ended that did not become the call."""
    invites = [row for row in dialogs if row["usage"] == "invite"]
    lost = [row for row in invites if row["end_reason"] in ("forked_away", "cancelled") and row["ended_at"] is not None]
    return [
        Mark("fork", row["ended_at"], f"branch tag={fit(safe(row['remote_tag'] or '?'), SHORT_TAG)} given up")
        for row in lost
        if len(invites) > 1
    ]


def transfers(observations: list[dict[str, Any]], lane_of: LaneOf, fragments: Mapping[int, str]) -> list[Mark]:
    """What REFER asks for (RFC 3515), what NOTIFY tells of it, and whose place an INVITE takes (RFC 3891)."""
    marks = []
    told = set()
    for row in observations:
        hop = (row["method"], row["call_id"], row["from_tag"], row["cseq"])
        if row["status"] is not None or hop in told:
            continue
        text = ""
        if row["method"] == "REFER" and row["refer_to"]:
            # Refer-To with a Replaces inside: the two calls exist already (RFC 5589 §7).
            kind = "attended transfer" if "replaces=" in unquote(row["refer_to"]).lower() else "transfer"
            target = row["refer_to"].partition("<")[2].partition(">")[0] or row["refer_to"]
            text = f"{kind} to {target.partition('?')[0]} asked for by {lane_of(row, 'src')}"
        elif row["method"] == "NOTIFY" and row["message"] in fragments:
            text = f"transfer: {fragments[row['message']].removeprefix('SIP/2.0 ')}"
        elif row["method"] == "INVITE" and row["replaces"]:
            text = f"takes the place of call {row['replaces'].partition(';')[0]}"
        if text:
            told.add(hop)
            marks.append(Mark("transfer", row["at"], text))
    return marks


def holds_of(rows: list[dict[str, Any]]) -> tuple[Hold, ...]:
    """Rows of ``holds``, times in nanoseconds, in order of time."""
    held = [
        Hold(row["media"] or "media", row["held_by"] or "", row["started_at"], row["ended_at"])
        for row in rows
        if row["started_at"] is not None
    ]
    return tuple(sorted(held, key=lambda hold: (hold.started_at, hold.media, hold.held_by)))


def _held(holds: tuple[Hold, ...], over_at: int | None) -> list[Mark]:
    """A hold that lasts until the call is over was never resumed."""
    marks = []
    for hold in holds:
        by = "" if hold.held_by == "unknown" else f" by {'both sides' if hold.held_by == 'both' else hold.held_by}"
        marks.append(Mark("hold", hold.started_at, f"{hold.media} on hold{by}"))
        if hold.ended_at is not None and (over_at is None or hold.ended_at < over_at):
            marks.append(
                Mark("resume", hold.ended_at, f"{hold.media} resumed after {duration(hold.ended_at - hold.started_at)}")
            )
    return marks


def _media(offers: list[dict[str, Any]], holds: tuple[Hold, ...]) -> list[Mark]:
    """What was agreed first, and what changed with each answer; a direction that a hold explains is not told again.

    An offer that a final response refused, or that went down with a call that failed, is told by that response.
    """
    turned = {(hold.media, at) for hold in holds for at in (hold.started_at, hold.ended_at)}
    agreed: dict[tuple[object, ...], tuple[str, str]] = {}
    marks = []
    for row in sorted(offers, key=lambda row: (row["answered_at"] or row["offered_at"] or 0, row["dialog"] or 0)):
        media, at, state = row["media"] or "media", row["answered_at"], row["state"]
        if state == "unanswered" and 200 <= (row["status"] or 0) < 300:
            marks.append(Mark("media", row["offered_at"], f"{media}: this offer has no answer"))
        if at is None or state not in ("agreed", "rejected", "removed"):
            continue
        line = (row["dialog"], row["index"])
        now = (row["codecs"] or "", row["direction"] or "") if state == "agreed" else ("", state)
        before = agreed.get(line)
        agreed[line] = now
        if now == before or (before is not None and now[0] == before[0] and (media, at) in turned):
            continue
        if state != "agreed":
            marks.append(Mark("media", at, f"{media} {state}"))
        elif before is None or not before[0]:
            marks.append(Mark("media", at, f"{media} agreed: {' '.join(now).strip()}"))
        else:
            pairs = zip(now, before, strict=True)
            changes = ", ".join(f"{new or 'none'} (was {old or 'none'})" for new, old in pairs if new != old)
            marks.append(Mark("media", at, f"{media} now {changes}"))
    return marks


def _silences(events: list[Event], observations: list[dict[str, Any]]) -> list[Mark]:
    """Between one event and all that was captured before it, also what is folded."""
    times = sorted(row["at"] for row in observations if row["at"] is not None)
    marks = []
    for event in events:
        before = bisect_left(times, event.at) - 1 if event.at is not None else -1
        if before >= 0 and event.at is not None and event.at - times[before] >= SILENCE_NS:
            marks.append(Mark("silence", times[before], f"{duration(event.at - times[before])} of silence"))
    return marks


def _in_order(events: list[Event], marks: list[Mark], phases: tuple[Phase, ...]) -> tuple[Event | Mark, ...]:
    """Events, and behind those of the same time the marks, silence last; what has no time comes at the end."""

    def place(row: Event | Mark) -> tuple[bool, int, int]:
        rank = 0 if isinstance(row, Event) else 2 if row.kind == "silence" else 1
        return (row.at is None, row.at or 0, rank)

    def phase(at: int | None) -> int | None:
        if at is None:
            return None
        begun = [number for number, one in enumerate(phases) if one.started_at is None or one.started_at <= at]
        return begun[-1] if begun else None

    rows: list[Event | Mark] = [*events, *marks]
    return tuple(replace(row, phase=phase(row.at)) for row in sorted(rows, key=place))
