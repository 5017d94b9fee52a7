"""Messages as events: who stands where, what is folded into what, and the words beside an arrow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from analyzer.columns.address import socket
from analyzer.show.doubt import with_doubt
from analyzer.show.text import SHORT_TAG, fit, safe
from analyzer.show.timeline.model import NO_ADDRESS, Event

if TYPE_CHECKING:
    import polars as pl

# What a message and its retransmission share: the hop, and what tells messages of a dialog apart (RFC 3261 §17,
# RFC 3262).
_SAME_MESSAGE = (
    *("src_ip", "src_port", "dst_ip", "dst_port", "call_id", "from_tag", "to_tag"),
    *("method", "status", "cseq", "via_branch", "rseq", "rack"),
)
_same_message = itemgetter(*_SAME_MESSAGE)
COLUMNS = (
    *("message", "file", "frame", "transaction", "duplicate", "retransmission", "complete", "via_count", "user_agent"),
    *("reason_phrase", "has_sdp", "qos_pending", "refer_to", "replaces", "subscription_state", "reason_header"),
    *_SAME_MESSAGE,
)


#: The lanes of hosts by address and port, in the order in which these come in.
Ends = dict[tuple[str | None, int | None], str]


@dataclass(frozen=True, slots=True)
class Drawn:
    lanes: dict[str, int]
    events: list[Event]
    #: The number of the event that a message was folded into, or is.
    event_of: dict[int, int]
    ends: Ends

    def lane_of(self, row: dict[str, Any], side: str) -> str:
        """The lane of a row of ``messages``, by ``src`` or ``dst``."""
        return self.ends[row[f"{side}_ip"], row[f"{side}_port"]]


#: Rows of ``endpoints`` by address and port.
Known = Mapping[tuple[object, object], dict[str, Any]]


def known_nodes(endpoints: pl.DataFrame | None) -> Known:
    import polars as pl

    if endpoints is None:
        return {}
    told = with_doubt(endpoints).filter(
        (pl.col("role") != "unknown") | (pl.col("node") != pl.col("address")) | pl.col("name").is_not_null()
    )
    rows = told.select("ip", "port", "node", "role", "name").iter_rows(named=True)
    return {(row["ip"], row["port"]): row for row in rows}


def draw(
    observations: list[dict[str, Any]], known: Known, phase_of: Callable[[int | None], int | None] = lambda _: None
) -> Drawn:
    """The events of these messages, each in the phase of its time."""
    by_port = {row["src_ip"] for row in observations if row["src_ip"] == row["dst_ip"]}
    forks = _forks(observations)
    lanes: dict[str, int] = {}
    ends: Ends = {}
    event_of: dict[int, int] = {}
    #: The first message of each event and its place, and how often and when last it was sent again.
    first: dict[tuple[object, ...], int] = {}
    begun: list[tuple[dict[str, Any], int, int]] = []
    again: dict[int, tuple[int, int | None]] = {}
    for row in observations:
        source, target = (row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])
        for end in (source, target):
            if end not in ends:
                ends[end] = _lane(*end, by_port, known)
        for end in (source, target) if row["status"] is None else (target, source):
            lanes.setdefault(ends[end], len(lanes))
        same = _same_message(row)
        if row["retransmission"] and same in first:
            number = first[same]
            copies, last = again.get(number, (1, begun[number][0]["at"]))
            again[number] = copies + 1, last if row["at"] is None else row["at"]
            event_of[row["message"]] = number
            continue
        first[same] = event_of[row["message"]] = len(begun)
        begun.append((row, lanes[ends[source]], lanes[ends[target]]))
    events = []
    for number, (row, at, to) in enumerate(begun):
        copies, last = again.get(number, (1, row["at"]))
        events.append(
            Event(
                message=row["message"],
                at=row["at"],
                file=row["file"] or "",
                frame=row["frame"],
                source=at,
                target=to,
                call_id=row["call_id"] or "",
                method=row["method"] or "?",
                status=row["status"],
                what=_what(row),
                sdp=row["has_sdp"],
                info=_info(row, forked=bool(forks) and _dialog(row) in forks),
                copies=copies,
                last_at=last,
                phase=phase_of(row["at"]),
            )
        )
    return Drawn(lanes, events, event_of, ends)


def on_hop(rows: list[dict[str, Any]], reference: int) -> list[dict[str, Any]]:
    first = next((row for row in rows if row["transaction"] == reference), None)
    if first is None:
        return rows
    ports = first["src_ip"] == first["dst_ip"]
    return [row for row in rows if _ends(row, ports=ports) == _ends(first, ports=ports)]


def _ends(row: dict[str, Any], *, ports: bool) -> frozenset[object]:
    if ports:
        return frozenset({(row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])})
    return frozenset({row["src_ip"], row["dst_ip"]})


def _lane(ip: str | None, port: int | None, by_port: set[str | None], known: Known) -> str:
    if ip is None:
        return NO_ADDRESS
    if ip not in by_port:
        return ip
    if node := known.get((ip, port)):
        return str(node["node"])
    return socket(ip, port)


def of_lanes(drawn: Drawn, known: Known, column: str) -> tuple[str, ...]:
    """What ``endpoints`` say of each lane: of a host that is several nodes, what they say one after the other."""
    said: dict[str, dict[str, None]] = {}
    for end, lane in drawn.ends.items():
        node = known.get(end)
        if node and node[column] and node[column] != "unknown":
            said.setdefault(lane, {})[str(node[column])] = None
    return tuple(", ".join(said.get(lane, {})) for lane in drawn.lanes)


def captions_of(observations: list[dict[str, Any]], drawn: Drawn, known: Known) -> tuple[str, ...]:
    """Role and host name of each lane; without a name the product: User-Agent of a request that has one Via, and so was
    made there (RFC 3261 §8.1.1.7)."""
    products: dict[str, str] = {}
    for row in observations:
        if row["via_count"] == 1 and row["status"] is None and row["user_agent"]:
            products.setdefault(drawn.lane_of(row, "src"), row["user_agent"])
    roles, names = (of_lanes(drawn, known, column) for column in ("role", "name"))
    parts = ((role, name or products.get(lane, "")) for lane, role, name in zip(drawn.lanes, roles, names, strict=True))
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
