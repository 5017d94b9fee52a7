"""What was asked beside SIP as events: exchanges of Diameter and DNS, with lanes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analyzer.show.timeline.messages import Drawn
from analyzer.show.timeline.model import NO_ADDRESS, Event


@dataclass(frozen=True, slots=True)
class Asked:
    #: Lanes that no message of SIP has, and what stands there.
    lanes: dict[str, int]
    peers: list[str]
    events: list[Event]


def asked_beside(exchanges: list[dict[str, Any]], observations: list[dict[str, Any]], drawn: Drawn) -> Asked:
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
    return Asked(lanes, peers, events)


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
