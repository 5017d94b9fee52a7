"""The messages of one call as events between lanes: what a ladder draws, whatever it is drawn with.

A lane is a host; a host that talks to itself (several nodes on one machine) has a lane for each of its ports. A message
that its sender sent again is folded into the first one and counted there; a duplicate of the capture is only counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analyzer.show.text import SHORT_TAG, fit, safe

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Event:
    """One message on one hop. ``at``: nanoseconds since 1970 (None: no time stamp); ``source``, ``target``: lanes."""

    message: int
    at: int | None
    file: str
    frame: int | None
    source: int
    target: int
    call_id: str
    what: str
    sdp: bool
    info: str
    copies: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes from left to right as they come in, the client of a transaction before its server; events in order of time;
    how many messages are not shown.
    """

    lanes: tuple[str, ...]
    events: tuple[Event, ...]
    retransmissions: int
    duplicates: int

    @property
    def call_ids(self) -> tuple[str, ...]:
        """The Call-IDs, in order."""
        return tuple(dict.fromkeys(event.call_id for event in self.events))


def timeline(messages: pl.DataFrame, *, reference: int | None = None) -> Timeline:
    """The events of these messages (rows of the table ``messages``).

    With ``reference``, the key of a transaction, only what passed between the two hosts of that transaction.
    """
    import polars as pl

    ordered = messages.sort("time", nulls_last=True, maintain_order=True)
    rows = ordered.select(*_COLUMNS, at=pl.col("time").cast(pl.Int64)).to_dicts()
    if reference is not None:
        rows = _on_hop(rows, reference)
    sightings = [row for row in rows if not row["duplicate"]]
    by_port = {row["src_ip"] for row in sightings if row["src_ip"] == row["dst_ip"]}
    forks = _forks(sightings)
    lanes: dict[str, int] = {}
    events: list[Event] = []
    first_of: dict[tuple[object, ...], int] = {}
    retransmissions = 0
    for row in sightings:
        source, target = (_lane(row, side, by_port) for side in ("src", "dst"))
        for lane in (source, target) if row["status"] is None else (target, source):
            lanes.setdefault(lane, len(lanes))
        same = tuple(row[name] for name in _SAME_MESSAGE)
        if row["retransmission"]:
            retransmissions += 1
            if same in first_of:
                first = first_of[same]
                events[first] = replace(events[first], copies=events[first].copies + 1)
                continue
        first_of[same] = len(events)
        events.append(
            Event(
                message=row["message"],
                at=row["at"],
                file=row["file"] or "",
                frame=row["frame"],
                source=lanes[source],
                target=lanes[target],
                call_id=row["call_id"] or "",
                what=_what(row),
                sdp=row["has_sdp"],
                info=_info(row, forked=_dialog(row) in forks),
                copies=1,
                failed=row["status"] is not None and row["status"] >= 400,
            )
        )
    return Timeline(tuple(lanes), tuple(events), retransmissions, len(rows) - len(sightings))


# What a message and its retransmission share: the hop, and what tells messages of a dialog apart (RFC 3261 §17,
# RFC 3262).
_SAME_MESSAGE = (
    *("src_ip", "src_port", "dst_ip", "dst_port", "call_id", "from_tag", "to_tag"),
    *("method", "status", "cseq", "via_branch", "rseq", "rack"),
)
_COLUMNS = (
    *("message", "file", "frame", "transaction", "duplicate", "retransmission", "complete"),
    *("reason_phrase", "has_sdp", "qos_pending", "refer_to", "subscription_state", "reason_header"),
    *_SAME_MESSAGE,
)


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


def _lane(row: dict[str, Any], side: str, by_port: set[str | None]) -> str:
    ip: str | None = row[f"{side}_ip"]
    if ip is None:
        return "?"
    if ip not in by_port:
        return ip
    return f"[{ip}]:{row[f'{side}_port']}" if ":" in ip else f"{ip}:{row[f'{side}_port']}"


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
