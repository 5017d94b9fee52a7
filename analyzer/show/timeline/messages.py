"""Messages as events: who stands where, what is folded into what, and the words beside an arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
COLUMNS = (
    *("message", "file", "frame", "transaction", "duplicate", "retransmission", "complete", "via_count", "user_agent"),
    *("reason_phrase", "has_sdp", "qos_pending", "refer_to", "replaces", "subscription_state", "reason_header"),
    *_SAME_MESSAGE,
)


#: The lane of a row of ``messages``, by ``src`` or ``dst``.
LaneOf = Callable[[dict[str, Any], str], str]


@dataclass(frozen=True, slots=True)
class Drawn:
    lanes: dict[str, int]
    events: list[Event]
    #: The number of the event that a message was folded into, or is.
    event_of: dict[int, int]
    lane_of: LaneOf


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


def draw(observations: list[dict[str, Any]], known: Known) -> Drawn:
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
    return Drawn(lanes, events, event_of, lane_of)


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


def _lane(row: dict[str, Any], side: str, by_port: set[str | None], known: Known) -> str:
    ip: str | None = row[f"{side}_ip"]
    if ip is None:
        return NO_ADDRESS
    if ip not in by_port:
        return ip
    if node := known.get((ip, row[f"{side}_port"])):
        return str(node["node"])
    return socket(ip, row[f"{side}_port"])


def of_lanes(
    observations: list[dict[str, Any]], lanes: Iterable[str], lane_of: LaneOf, known: Known, column: str
) -> tuple[str, ...]:
    """What ``endpoints`` say of each lane: of a host that is several nodes, what they say one after the other."""
    said: dict[str, dict[str, None]] = {}
    for row in observations if known else ():
        for side in ("src", "dst"):
            node = known.get((row[f"{side}_ip"], row[f"{side}_port"]))
            if node and node[column] and node[column] != "unknown":
                said.setdefault(lane_of(row, side), {})[str(node[column])] = None
    return tuple(", ".join(said.get(lane, {})) for lane in lanes)


def captions_of(
    observations: list[dict[str, Any]], lanes: Iterable[str], lane_of: LaneOf, known: Known
) -> tuple[str, ...]:
    """Role and host name of each lane; without a name the product: User-Agent of a request that has one Via, and so was
    made there (RFC 3261 §8.1.1.7)."""
    lanes = tuple(lanes)
    products: dict[str, str] = {}
    for row in observations:
        if row["status"] is None and row["via_count"] == 1 and row["user_agent"]:
            products.setdefault(lane_of(row, "src"), row["user_agent"])
    roles, names = (of_lanes(observations, lanes, lane_of, known, column) for column in ("role", "name"))
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
