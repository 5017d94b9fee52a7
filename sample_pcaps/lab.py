"""The laboratory in which the sample captures are staged: nodes talk SIP at planned times.

A script creates a `Capture`, some `Node`s and a `Session`, and lets the nodes send each other messages. Every time is
an integer number of nanoseconds, planned by the script; nothing is random and no clock is read, so a sample is the same
bytes each time it is made. The truth beside a sample comes from the plan alone (who sent what, when, in answer to
what); nothing is read back from the capture, and nothing of the analyzer is imported.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw
from sip_messages import (
    Captured,
    Message,
    Millis,
    Node,
    Request,
    Response,
    Session,
    Sighting,
    digest,
    nanoseconds,
    rfc3339,
    seconds_between,
)
from wire import Pcap, ethernet


@dataclass(eq=False)
class Asked:
    """A request beside SIP and its answer: what the tables `diameter_transactions` or `dns` have of it, and what it was
    asked for: `call`, `registration`, or null where nothing in the capture tells."""

    table: str
    request: Captured
    answer: Captured | None
    row: dict[str, Any]
    asked_for: str | None

    def truth(self) -> dict[str, Any]:
        began, ended = self.request, self.answer
        return {
            "frame": began.frame, "answer_frame": ended.frame if ended else None, "started_at": rfc3339(began.time),
            "answered_at": rfc3339(ended.time) if ended else None,
            "delay_s": seconds_between(began.time, ended.time if ended else None), **self.row,
        }  # fmt: skip


@dataclass
class Truth:
    dialogs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    registrations: list[dict[str, Any]] = field(default_factory=list)
    offers: list[dict[str, Any]] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # Rows of other tables, by its name.
    others: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Capture:
    """A sample capture in the making, and its truth."""

    def __init__(
        self,
        name: str,
        what: str,
        *,
        start: str = "2025-03-03T08:00:00Z",
        container: Any = None,
        link: Callable[[Node, Node, Packet], bytes] = ethernet,
        carried: Callable[[Sighting], dict[str, Any]] = lambda seen: {},
    ) -> None:
        self.name, self.what, self.link = name, what, link
        self.carried = carried  # what the truth says of the tunnels around a message
        self.container = container or Pcap()
        self.start = int(datetime.fromisoformat(start).timestamp()) * 1_000_000_000
        self.packets: list[Captured] = []
        self.observations: list[Sighting] = []
        self.truth = Truth()
        self.asked: list[Asked] = []
        self._branches = 0
        self._ip_ids: dict[str, int] = {}

    def branch(self, who: str) -> str:
        self._branches += 1
        return "z9hG4bK" + digest(self.name, who, self._branches)[:12]

    def session(self, label: str, caller: Node, callee: Node, **options: Any) -> Session:
        return Session(self, f"{digest('call', self.name, label)[:16]}@{caller.host}", caller, callee, **options)

    def note(self, text: str) -> None:
        """Say which reading of the definitions this truth took."""
        self.truth.notes.append(text)

    # -- packets ------------------------------------------------------------------------------------------------------

    def moment(self, at: Millis) -> int:
        return self.start + nanoseconds(at)

    def put(self, at: Millis, source: Node, target: Node, layers: Packet, *, hop_limit: int = 64) -> Captured:
        """One IP packet from `source` to `target`, with `layers` above IP."""
        if ":" in source.ip:
            header: Packet = IPv6(src=source.ip, dst=target.ip, hlim=hop_limit)
        else:
            header = IP(src=source.ip, dst=target.ip, ttl=hop_limit)
        captured = Captured(self.moment(at), header / layers, source, target)
        self.packets.append(captured)
        return captured

    def see(self, message: Message, first: Captured, last: Captured, transport: str, **marks: Any) -> Sighting:
        """Record that `message` was in the capture. Sent a second time by its sender, it is a retransmission."""
        marks.setdefault("retransmission", any(seen.message is message for seen in self.observations))
        sender, receiver = self.ends(message)
        source, target = (marks.pop(end, node.hostport) for end, node in (("source", sender), ("target", receiver)))
        observation = Sighting(message, first, last, source, target, transport, **marks)
        observation.order = len(self.observations)
        self.observations.append(observation)
        return observation

    @staticmethod
    def ends(message: Message) -> tuple[Node, Node]:
        """Sender and receiver of a message."""
        if isinstance(message, Response):
            return message.answers.server, message.answers.client
        assert isinstance(message, Request)
        return message.client, message.server

    def send(self, at: Millis, source: Node, target: Node, message: Message, **marks: Any) -> Sighting:
        """`source` sends `message` to `target` in one UDP datagram."""
        if (source, target) != self.ends(message):
            raise ValueError(f"{message.start_line} does not go from {source.name} to {target.name}")
        datagram = UDP(sport=source.port, dport=target.port) / Raw(message.encode())
        packet = self.put(at, source, target, datagram)
        return self.see(message, packet, packet, "udp", **marks)

    def pass_on(
        self, at: Millis, step: Millis, path: Sequence[Node], request: Request, **forwarding: Any
    ) -> list[Sighting]:
        """Send a request along `path`; each proxy forwards it `step` ms after it came. `forwarding`: as for `forward`.

        A `forwarding` of the form `edits={node: {...}}` holds for that proxy alone.
        """
        edits = forwarding.pop("edits", {})
        seen = [self.send(at, path[0], path[1], request)]
        for hop, (proxy, target) in enumerate(itertools.pairwise(path[1:]), 1):
            request = request.forward(target, **forwarding, **edits.get(proxy, {}))
            seen.append(self.send(Decimal(at) + hop * Decimal(step), proxy, target, request))
        return seen

    def pass_back(self, at: Millis, step: Millis, response: Response) -> list[Sighting]:
        """Send a response back through all proxies to the client; the last observation is the client's."""
        seen = [self.send(at, *self.ends(response), response)]
        while response.answers.upstream is not None:
            response = response.relay()
            seen.append(self.send(Decimal(at) + len(seen) * Decimal(step), *self.ends(response), response))
        return seen

    def mirror(self, delay: Millis, link: Callable[[Node, Node, Packet], bytes] | None = None) -> None:
        """The tap sees every packet so far once more, `delay` ms later: the same packet, the same IP id, on the same
        link unless another one is named."""
        copies = {}
        for packet in list(self.packets):
            copies[packet] = copied = copy.copy(packet)
            copied.time, copied.copy_of, copied.seen_on = packet.time + nanoseconds(delay), packet, link
            self.packets.append(copied)
        for seen in list(self.observations):
            marks: dict[str, Any] = {
                "first": copies[seen.first],
                "last": copies[seen.last],
                "order": len(self.observations),
            }
            self.observations.append(replace(seen, **marks, duplicate=True, retransmission=False))

    # -- truth --------------------------------------------------------------------------------------------------------

    def row(self, table: str, **values: Any) -> None:
        """A row of a table that has no function of its own here."""
        self.truth.others.setdefault(table, []).append(values)

    def dialog(
        self,
        session: Session,
        remote: Node | None = None,
        *,
        usage: str = "invite",
        state: str,
        early: Sighting | None = None,
        confirmed: Sighting | None = None,
        ended: Sighting | None = None,
        ended_by: str | None = None,
        end_reason: str,
        local: Node | None = None,
    ) -> None:
        """A dialog row, its times those of the messages named."""
        self.truth.dialogs.append({
            "usage": usage, "call_id": session.call_id, "local_tag": session.tag(local or session.caller),
            "remote_tag": session.tag(remote or session.callee), "state": state, "early_at": at(early),
            "confirmed_at": at(confirmed), "ended_at": at(ended), "ended_by": ended_by, "end_reason": end_reason,
        })  # fmt: skip

    def call(
        self,
        *,
        caller: str | None,
        callee: str | None,
        outcome: str,
        invite: Sighting | None,
        call_ids: list[str],
        status: int | None = None,
        provisional: Sighting | None = None,
        ringing: Sighting | None = None,
        early_media: Sighting | None = None,
        answered: Sighting | None = None,
        ended: Sighting | None = None,
        released_by: str | None = None,
        hops: int | None = 1,
        legs: int = 1,
        retransmissions: int = 0,
    ) -> None:
        """A call row by arithmetic on the messages named, which are those of the reference hop.

        `provisional` is the first 101-199 where that is not the 180; `ended` is the BYE of an answered call, else the
        final response. `released_by` must be given unless the call still lives.
        """
        lives = outcome == "unfinished" or (outcome in ("answered", "joined") and ended is None)
        if lives != (released_by is None):
            raise ValueError(f"the script must say who released the call to {callee}, and only of one that is over")
        start = invite.first_byte_at if invite else None
        rung, media, answer = (seen.time if seen else None for seen in (ringing, early_media, answered))
        audible = min((moment for moment in (rung, media, answer) if moment is not None), default=None)
        responded = next((seen.time for seen in (provisional, ringing, answered) if seen), None)
        over = ended.time if ended else None
        self.truth.calls.append({
            "caller": caller, "callee": callee, "outcome": outcome, "status": status,
            "started_at": rfc3339(start) if start is not None else None, "ringing_at": at(ringing),
            "early_media_at": at(early_media), "answered_at": at(answered), "ended_at": at(ended),
            "pdd_s": seconds_between(start, audible), "srd_s": seconds_between(start, responded),
            "alert_s": seconds_between(start, rung), "setup_s": seconds_between(start, answer),
            "ring_s": seconds_between(rung, answer), "talk_s": seconds_between(answer, over),
            "released_by": released_by, "legs": legs, "hops": hops, "call_ids": call_ids,
            "retransmissions": retransmissions,
        })  # fmt: skip

    def agreed(
        self,
        offered: Sighting,
        answered: Sighting,
        *,
        by: str = "local",
        pattern: int = 1,
        codecs: str = "PCMA/8000 PCMU/8000 telephone-event/8000",
        direction: str = "sendrecv",
        qos: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """An offer of the caller's (`local`) or the callee's side and its answer, one audio stream (RFC 3264).

        `pattern` is that of RFC 6337 Table 1; `direction` is the caller's, `qos` the current status at the caller's and
        the callee's side after the answer (RFC 3312 §5).
        """
        self.truth.offers.append({
            "media": "audio", "pattern": pattern, "offered_by": by, "offered_at": at(offered),
            "answered_at": at(answered), "state": "agreed", "codecs": codecs, "direction": direction,
            "qos_local": qos[0], "qos_remote": qos[1],
        })  # fmt: skip

    def hold(self, since: Sighting, until: Sighting, *, by: str) -> None:
        """A hold from the answer that began it to the answer that ended it."""
        self.truth.holds.append({
            "media": "audio", "held_by": by, "started_at": at(since), "ended_at": at(until),
            "duration_s": seconds_between(since.time, until.time),
        })  # fmt: skip

    def registration(
        self,
        *,
        aor: str,
        contact: str,
        outcome: str,
        kind: str,
        first: Sighting,
        final: Sighting | None,
        challenges: int,
        expires: int | None,
        status: int | None,
    ) -> None:
        """A registration attempt, from its first REGISTER to its final response.

        Only a successful one has a delay (RFC 6076 §4.1: other registrations are not to be counted in it).
        """
        succeeded = final is not None and status is not None and 200 <= status < 300
        self.truth.registrations.append({
            "aor": aor, "contact": contact, "outcome": outcome, "kind": kind, "challenges": challenges,
            "status": status, "expires_s": expires,
            "delay_s": seconds_between(first.first_byte_at, final.time if final and succeeded else None),
            "started_at": rfc3339(first.first_byte_at), "ended_at": at(final),
        })  # fmt: skip

    def message_rows(self) -> list[dict[str, Any]]:
        rows = []
        for seen in sorted(self.observations, key=lambda seen: (seen.time, seen.last.frame, seen.order)):
            message = seen.message
            rows.append({
                "frame": seen.last.frame, "time": rfc3339(seen.time), "first_byte_at": rfc3339(seen.first_byte_at),
                "src": seen.source, "dst": seen.target, "transport": seen.transport, "method": message.method,
                "status": message.status if isinstance(message, Response) else None,
                "call_id": message.session.call_id, "cseq": message.cseq, "via_branch": message.branch,
                "retransmission": seen.retransmission, "duplicate": seen.duplicate, "complete": seen.complete,
                **self.carried(seen),
            })  # fmt: skip
        return rows

    def transaction_rows(self) -> list[dict[str, Any]]:
        """One row per request and hop: the script knows which response answers which request."""
        groups: dict[int, tuple[Request, list[Sighting]]] = {}
        for seen in sorted(self.observations, key=lambda seen: (seen.time, seen.last.frame, seen.order)):
            message = seen.message
            request = message.answers if isinstance(message, Response) else message
            assert isinstance(request, Request)
            if request.transaction is not None and not seen.duplicate:
                groups.setdefault(id(request.transaction), (request.transaction, []))[1].append(seen)
        return [self._transaction(request, seen) for request, seen in groups.values()]

    @staticmethod
    def _transaction(request: Request, seen: list[Sighting]) -> dict[str, Any]:
        copies = [observation for observation in seen if observation.message is request]
        answers = [observation for observation in seen if isinstance(observation.message, Response)]
        statuses = {id(observation): observation.message.status for observation in answers}  # type: ignore[attr-defined]
        first_1xx = next((observation for observation in answers if statuses[id(observation)] < 200), None)
        final = next((observation for observation in answers if statuses[id(observation)] >= 200), None)
        outcome = request.outcome or ("orphan" if not copies else "completed" if final else None)
        if outcome is None:
            raise ValueError(f"the script must say how {request.start_line} came out")
        start = copies[0].first_byte_at if copies else None
        client, server = (copies[0].source, copies[0].target) if copies else (answers[0].target, answers[0].source)
        return {
            "method": request.method, "cseq": request.cseq, "branch": request.branch,
            "call_id": request.session.call_id, "client": client, "server": server,
            "started_at": rfc3339(start) if start is not None else None, "first_provisional_at": at(first_1xx),
            "final_at": at(final), "status": statuses[id(final)] if final else None, "outcome": outcome,
            "request_copies": len(copies),
            "response_copies": sum(observation.message is final.message for observation in answers) if final else 0,
            "provisional_delay_s": seconds_between(start, first_1xx.time if first_1xx else None),
            "final_delay_s": seconds_between(start, final.time if final else None),
        }  # fmt: skip

    # -- files --------------------------------------------------------------------------------------------------------

    @property
    def file_name(self) -> str:
        return self.name + self.container.suffix

    def settle(self) -> None:
        """Put the packets in the order of time, number the frames, give out the IP ids, build the bytes."""
        if any(packet.frame for packet in self.packets):
            return
        self.packets.sort(key=lambda packet: packet.time)
        for frame, captured in enumerate(self.packets, 1):
            captured.frame = frame
            if captured.copy_of is not None:
                captured.wire = captured.copy_of.wire
                if captured.seen_on is not None:
                    captured.wire = captured.seen_on(captured.source, captured.target, captured.packet)
                continue
            if captured.quotes is not None:
                captured.packet /= Raw(bytes(captured.quotes.packet)[:548])  # as much as RFC 1812 §4.3.2.3 allows
            if IP in captured.packet:
                captured.packet[IP].id = self._next_ip_id(captured.source.ip)
            captured.wire = (captured.link or self.link)(captured.source, captured.target, captured.packet)

    def _next_ip_id(self, ip: str) -> int:
        """Rises by one per packet of a host, from a start of its own: never 0, never twice the same."""
        ip_id = self._ip_ids.get(ip, int(digest("ip id", ip)[:3], 16)) + 1
        self._ip_ids[ip] = ip_id
        return ip_id

    def encode(self) -> bytes:
        self.settle()
        data: bytes = self.container.encode(self.packets)
        return data

    def truth_json(self) -> str:
        """The truth as JSON, one row a line."""
        self.settle()
        lines = [
            f'"what": {json.dumps(self.what, ensure_ascii=False)}',
            f'"packets": {len(self.packets) - self.container.cut_packets}',
        ]
        tables: dict[str, list[Any]] = {
            "messages": self.message_rows(), "transactions": self.transaction_rows(), "dialogs": self.truth.dialogs,
            "calls": self.truth.calls, "registrations": self.truth.registrations, "offers": self.truth.offers,
            "holds": self.truth.holds,
            **self.truth.others,
            **{
                table: [asked.truth() for asked in self.asked if asked.table == table]
                for table in ("diameter_transactions", "dns")
            },
            "asked_for": [{"frame": asked.request.frame, "asked_for": asked.asked_for} for asked in self.asked],
            "notes": self.truth.notes,
        }  # fmt: skip
        for name, rows in tables.items():
            if rows or name in ("messages", "calls"):
                text = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
                lines.append(f'"{name}": [\n  {text}\n ]' if rows else f'"{name}": []')
        return "{\n " + ",\n ".join(lines) + "\n}\n"


def at(seen: Sighting | None) -> str | None:
    """When a message was complete, for a column of the truth."""
    return rfc3339(seen.time) if seen else None
