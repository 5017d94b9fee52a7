"""One message on one hop: when it leaves and arrives, and its copies where it, or its answer, is lost."""

from __future__ import annotations

import itertools

from analyzer.simulator.legs import Leg, Transaction, Visit, reference_point, t1, timers, unstamped
from analyzer.simulator.network import AS, MS
from analyzer.simulator.script import SECOND
from analyzer.simulator.ways import Ways
from analyzer.simulator.wire import Carriage

PHASES = {
    ("INVITE", 0): "invite", ("INVITE", 100): "trying", ("INVITE", 181): "forwarding", ("INVITE", 183): "progress",
    ("PRACK", 0): "prack", ("UPDATE", 0): "update", ("UPDATE", 200): "updated", ("INVITE", 180): "ringing",
    ("INVITE", 200): "answer", ("ACK", 0): "ack", ("CANCEL", 0): "cancel", ("BYE", 0): "bye", ("BYE", 200): "end",
}  # fmt: skip


class Hops(Ways):
    """The wire under a script being played, and the phases that are seen on it."""

    phases: dict[str, dict[str, int]]

    def _put(
        self,
        leg: Leg,
        at: int,
        sender: Visit,
        receiver: Visit,
        method: str,
        status: int,
        cseq: int,
        branch: str,
        payload: bytes,
        copy: int,
        previous: int | None,
        lost: bool,
        carriage: Carriage | None = None,
    ) -> tuple[int, int]:
        """One message on one hop: its number and when it arrives (or would have)."""
        arrival = at + self.lab.flight(sender, receiver)
        point = reference_point(sender, receiver)
        number = self.lab.put(
            self.number, leg.call_id, at, None if lost else arrival, sender.node, receiver.node, point, method, status,
            cseq, branch, payload, copy, previous, carriage,
        )  # fmt: skip
        return number, arrival

    def _work(self, visit: Visit) -> int:
        delay = visit.work + int(self.rng.random() * visit.spread)
        if AS in visit.kinds and self.rng.random() < 0.03:  # service logic that waits for a data base
            delay += int(self.rng.random() * 800 * MS)
        return delay

    def _send_request(
        self, leg: Leg, transaction: Transaction, hop: int, at: int, payload: bytes, branch: str, previous: int | None,
        dropped: int,
    ) -> tuple[int, int]:  # fmt: skip
        """One hop, with copies where the first is lost (timers A and E, RFC 3261 §17.1).

        ``dropped``: so many the next node loses for sure.
        """
        sender, receiver = transaction.visits[hop], transaction.visits[hop + 1]
        method, sent_at, copies = transaction.method, at, 0
        loss = self.lab.loss(sender.node, receiver.node) if method != "ACK" else 0.0
        way = transaction.carriages.get(hop)
        for wait in timers(method, sender, receiver):
            lost = copies < dropped or (self.rng.random() < loss and copies < 5)
            row, arrival = self._put(
                leg, at, sender, receiver, method, 0, transaction.cseq, branch, payload, copies, previous, lost, way
            )
            if not copies:
                self._phase(leg, hop, transaction.visits, method, 0, row, at)
            copies += 1
            if not lost:
                break
            at += wait
        transaction.sent.append((sent_at, payload, copies))
        transaction.arrived.append(row)
        return arrival, row

    def _unanswered(
        self, leg: Leg, transaction: Transaction, hop: int, at: int, payload: bytes, branch: str, previous: int | None,
        once: bool,
    ) -> tuple[int, int]:  # fmt: skip
        """A request that nobody answers, up to timer B (64*T1); or that is sent ``once`` and no more."""
        sender, receiver = transaction.visits[hop], transaction.visits[hop + 1]
        first, row = at, 0
        unit = t1(sender, receiver)
        for copy, wait in enumerate(timers(transaction.method, sender, receiver)):
            row, arrival = self._put(
                leg, at, sender, receiver, transaction.method, 0, transaction.cseq, branch, payload, copy, previous,
                False, transaction.carriages.get(hop),
            )  # fmt: skip
            if once:
                break
            if self.lab.transport(sender.node, receiver.node) == "TCP" or at + wait >= first + 64 * unit:
                break
            at += wait
        transaction.sent.append((first, payload, 7))
        transaction.arrived.append(row)
        return arrival if once else first + 64 * unit, row

    def _repeat(
        self,
        leg: Leg,
        transaction: Transaction,
        carried: list[tuple[int, bytes, str, int]],
        status: int,
        started_at: int,
    ) -> None:
        """Copies of a 2xx or reliable 1xx that nobody acknowledges, up to 64*T1 (RFC 3261 §13.3.1.4, RFC 3262 §3)."""
        visits = transaction.visits
        unit = t1(visits[-2], visits[-1])
        after, wait, copy = unit, 2 * unit, 1
        while after < 64 * SECOND // 2:
            for hop, payload, branch, delay in carried:
                ends, at = (visits[hop + 1], visits[hop]), started_at + after + delay
                self._put(leg, at, *ends, "INVITE", status, transaction.cseq, branch, payload, copy, None, False)
            after, wait, copy = after + wait, min(2 * wait, 8 * unit), copy + 1

    def _answer_invite(
        self,
        leg: Leg,
        transaction: Transaction,
        carried: list[tuple[int, bytes, str, int]],
        status: int,
        started_at: int,
        at: int,
        previous: int | None,
    ) -> tuple[int, int]:
        """A 1xx or 2xx on the last hop of `carried`. A lost 2xx is sent again by the leg's UAS (RFC 3261 §13.3.1.4)."""
        hop, payload, branch, _ = carried[-1]
        visits, cseq, copies = transaction.visits, transaction.cseq, 0
        sender, receiver = visits[hop + 1], visits[hop]
        loss = self.lab.loss(sender.node, receiver.node) if status >= 200 else 0.0
        unit = t1(visits[-2], visits[-1])
        while self.rng.random() < loss and copies < 4:
            self._put(leg, at, sender, receiver, "INVITE", status, cseq, branch, payload, copies, previous, True)
            copies += 1
            again_at, previous = started_at + (unit << copies) - unit, None
            for passed, text, passed_branch, delay in carried[:-1]:
                hop_ends = visits[passed + 1], visits[passed]
                previous, _ = self._put(
                    leg,
                    again_at + delay,
                    *hop_ends,
                    "INVITE",
                    status,
                    cseq,
                    passed_branch,
                    text,
                    copies,
                    previous,
                    False,
                )
            at = again_at + carried[-1][3]
        row, arrival = self._put(
            leg, at, sender, receiver, "INVITE", status, cseq, branch, payload, copies, previous, False
        )
        return arrival, row

    def _refuse_invite(
        self,
        leg: Leg,
        transaction: Transaction,
        hop: int,
        status: int,
        at: int,
        payload: bytes,
        branch: str,
        previous: int | None,
    ) -> tuple[int, int]:
        """A failure on one hop; where it is lost, the server transaction sends it again (timer G, RFC 3261 §17.2.1)."""
        sender, receiver = transaction.visits[hop + 1], transaction.visits[hop]
        loss, copies = self.lab.loss(sender.node, receiver.node), 0
        for wait in timers("", sender, receiver):
            lost = self.rng.random() < loss and copies < 4
            row, arrival = self._put(
                leg, at, sender, receiver, "INVITE", status, transaction.cseq, branch, payload, copies, previous, lost
            )
            if not lost:
                break
            copies, at = copies + 1, at + wait
        return arrival, row

    def _answer_request(
        self,
        leg: Leg,
        transaction: Transaction,
        hop: int,
        status: int,
        at: int,
        payload: bytes,
        branch: str,
        previous: int | None,
        unheard: bool,
    ) -> tuple[int, int]:
        """The final response on one hop of anything but INVITE. Until it is there, timer E sends the request again.

        An answer that is ``unheard`` is lost, and so are the next.
        """
        client, server = transaction.visits[hop], transaction.visits[hop + 1]
        method, cseq = transaction.method, transaction.cseq
        sent_at, request, copies = transaction.sent[hop]
        loss = 1.0 if unheard else self.lab.loss(client.node, server.node)
        reliable = self.lab.transport(client.node, server.node) == "TCP"
        waits = timers(method, client, server)
        due = sent_at + sum(itertools.islice(waits, copies))
        again = 0
        while True:
            lost = self.rng.random() < loss and again < 4
            row, arrival = self._put(
                leg, at, server, client, method, status, cseq, branch, payload, again, previous, lost
            )
            while not reliable and (lost or due < arrival):
                _, asked_at = self._put(
                    leg, due, client, server, method, 0, cseq, branch, request, copies, None, False,
                    transaction.carriages.get(hop),
                )  # fmt: skip
                copies, due = copies + 1, due + next(waits)
                if lost and asked_at > at:
                    at = asked_at + MS // 2
                    break
            if not lost:
                return arrival, row
            again += 1

    def _acknowledge(self, leg: Leg, transaction: Transaction, hop: int, at: int, ends: str, branch: str) -> None:
        """The ACK to a failure belongs to the hop (RFC 3261 §17.1.1.3)."""
        sender, receiver = transaction.visits[hop], transaction.visits[hop + 1]
        top = unstamped(transaction.vias[hop].split("\r\n", 1)[0] + "\r\n")
        routes = self._first_routes(leg, hop, "INVITE")
        text = f"ACK {leg.uris[hop]} SIP/2.0\r\n{top}{routes}Max-Forwards: 70\r\n{ends}Content-Length: 0\r\n\r\n"
        at += MS // 2
        row, _ = self._put(leg, at, sender, receiver, "ACK", 0, transaction.cseq, branch, text.encode(), 0, None, False)
        self._phase(leg, hop, transaction.visits, "ACK", 0, row, at)

    def _trying(self, leg: Leg, transaction: Transaction, hop: int, at: int, ends: str, branch: str) -> None:
        text = f"SIP/2.0 100 Trying\r\n{transaction.vias[hop]}{ends}Content-Length: 0\r\n\r\n"
        sender, receiver = transaction.visits[hop + 1], transaction.visits[hop]
        at += 500_000 + int(self.rng.random() * MS)
        row, arrival = self._put(
            leg, at, sender, receiver, "INVITE", 100, transaction.cseq, branch, text.encode(), 0, None, False
        )
        self._phase(leg, hop, transaction.visits, "INVITE", 100, row, arrival)

    def _phase(self, leg: Leg, hop: int, visits: list[Visit], method: str, status: int, row: int, at: int) -> None:
        """Remember when a phase was seen between the caller and its P-CSCF."""
        if leg.parent is not None or "A" not in (visits[hop].names[0], visits[hop + 1].names[0]):
            return
        name = PHASES.get((method, status)) or ("failure" if method == "INVITE" and status >= 300 else "")
        if name:
            self.phases.setdefault(name, {"message": row, "at": at})
