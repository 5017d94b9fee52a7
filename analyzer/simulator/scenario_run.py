"""One script played once: the engine that gives each message its routing headers on every hop.

A script says who sends what to whom. Here that goes hop by hop: Via stack and Max-Forwards, 100s, ACKs to failures,
CANCELs, resends over UDP; at a B2BUA a new Call-ID, new tags, and as much of the evidence as this call keeps. What else
a node writes says `headers.py`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from analyzer.simulator.bodies import Media
from analyzer.simulator.headers import IN_DIALOG, WORDS, Headers
from analyzer.simulator.legs import Leg, Transaction, Visit, reference_point, t1, timers, unstamped
from analyzer.simulator.network import AS, BGCF, I_CSCF, IBCF, MS, P_CSCF, S_CSCF, SMS_GATEWAY, UE, Node, Subscriber
from analyzer.simulator.participants import Participants
from analyzer.simulator.scenarios import SECOND, Scenario, Step

if TYPE_CHECKING:
    from analyzer.simulator.air import Air

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout",
    415: "Unsupported Media Type", 420: "Bad Extension", 423: "Interval Too Brief", 428: "Use Identity Header",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    491: "Request Pending", 494: "Security Agreement Required", 500: "Server Internal Error",
    503: "Service Unavailable", 504: "Server Time-out", 580: "Precondition Failure", 603: "Decline",
}  # fmt: skip
PHASES = {
    ("INVITE", 0): "invite", ("INVITE", 100): "trying", ("INVITE", 181): "forwarding", ("INVITE", 183): "progress",
    ("PRACK", 0): "prack", ("UPDATE", 0): "update", ("UPDATE", 200): "updated", ("INVITE", 180): "ringing",
    ("INVITE", 200): "answer", ("ACK", 0): "ack", ("CANCEL", 0): "cancel", ("BYE", 0): "bye", ("BYE", 200): "end",
}  # fmt: skip


SHARED_BY_FORKS = (
    "call_id", "from_tag", "tags", "cseq", "icid", "icid_at", "related", "session", "from_uri", "to_uri", "anchor",
    "history",
)  # fmt: skip


class ScenarioRun(Headers):
    """A script being played: legs, and a clock that stands where the last message arrived."""

    def __init__(self, lab: Air, number: int, scenario: Scenario, at: int, cast: Participants) -> None:
        super().__init__(lab, number, scenario, cast)
        self.started_at = self.now = at
        self.legs: list[Leg] = []
        self.phases: dict[str, dict[str, int]] = {}
        self.attempts: list[dict[str, Any]] = []
        self.boxes: set[Node] = set()  # those on its routes, forks too

    # -- the way of a script ------------------------------------------------------------------------------------------

    def run(self) -> None:
        for part, (route, script) in enumerate(self.scenario.parts):
            lines = self.lab.steps(script)
            self._lay(route, lines, part)
            for step in lines:
                least, spread = step.wait
                self.now += least + int(self.rng.random() * spread)
                if step.status:
                    self._respond(step)
                else:
                    self._request(step)

    def _lay(self, route: str, lines: list[Step], part: int) -> None:
        """Make the legs of a route."""
        self.legs = []
        speakers = {step.sender for step in lines}
        for name in ("AS1", "AS2"):
            if name not in speakers and self.rng.random() < self.lab.settings.proxying_as:
                route = route.replace(f"{name} |", name)
        for line in route.split("\n"):
            fork, parent, before = line.startswith("+"), None, ""
            for segment in line.lstrip("+").split("|"):
                names = [*([before] if before else []), *segment.split()]
                if fork:
                    base = next(leg for leg in reversed(self.legs) if leg.find(names[0]) is not None)
                    at = max(i for i, visit in enumerate(base.visits) if names[0] in visit.names)
                    leg = Leg(base.visits[:at] + self._visits(names), base.parent, base.number)
                    leg.base = base
                else:
                    if not before and self.scenario.kind == "call":
                        parent = next((leg for leg in self.legs if names[0] in leg.visits[-1].names), None)
                    leg = Leg(self._visits(names), parent, len(self.all_legs))
                self._open(leg, part)
                self.legs.append(leg)
                self.boxes.update(visit.node for visit in leg.visits)
                if not fork:
                    self.all_legs.append(leg)
                parent, before = leg, names[-1]

    def _visits(self, names: list[str]) -> list[Visit]:
        """Neighbours that are one node are one visit."""
        visits = []
        for node, group in itertools.groupby(names, self.cast.node):
            visits.append(Visit(tuple(group), node))
        return visits

    def _open(self, leg: Leg, part: int) -> None:
        """What a leg's messages have in common."""
        if leg.base:
            for name in SHARED_BY_FORKS:
                setattr(leg, name, getattr(leg.base, name))
        else:
            self._name(leg, part)
            if leg.parent:
                self._take_over(leg, leg.parent)
        for visit in leg.visits:
            name = visit.names[-1]
            if visit.kinds & {AS, SMS_GATEWAY} and name not in self.odi:
                dropped = self.rng.random() < self.lab.settings.odi_dropped
                self.odi[name] = "" if dropped else f"odi-{self._hex(48)}"
        leg.uris = self._targets(leg, self.cast.subscriber("A"))

    def _name(self, leg: Leg, part: int) -> None:
        """Call-ID, tag, CSeq, parties; the icid that the first node in the network makes."""
        first, rng = leg.visits[0], self.rng
        leg.call_id = f"{self._hex(96)}@{first.node.host.strip('[]')}"
        leg.from_tag = self._hex(40)
        leg.cseq = {True: rng.randrange(1, 9000), False: rng.randrange(1, 9000)}
        leg.from_uri, leg.to_uri = self._parties(leg, part)
        maker = leg.visits[1] if UE in first.kinds else first
        leg.icid_at = maker.node.ip
        leg.icid = "0" * 24 if rng.random() < self.lab.settings.icid_fixed else self._hex(96)
        leg.session = self.session_a

    def _take_over(self, leg: Leg, parent: Leg) -> None:
        """What a B2BUA keeps of the leg that it answers, and what it makes new."""
        settings, chance, cast = self.lab.settings, self.rng.random, self.cast
        first = leg.visits[0]
        if chance() < settings.icid_dropped:
            leg.icid, leg.icid_at = self._hex(96), first.node.ip
        elif chance() < settings.icid_related:
            leg.icid, leg.icid_at, leg.related = self._hex(96), first.node.ip, parent.icid
            leg.kept.append("related_icid")
        else:
            leg.icid, leg.icid_at = parent.icid, parent.icid_at
            leg.kept.append("icid")
        if chance() < settings.session_id_dropped:
            leg.session = self._hex(128)
        else:
            leg.session = parent.session
            leg.kept.append("session_id")
        if chance() < settings.sdp_anchored:
            leg.anchor = Media(first.node.ip, self.port + 4 * leg.number, self.rng.getrandbits(31))
        else:
            leg.kept.append("sdp")
        if self.odi.get(first.names[-1]):
            leg.kept.append("odi")
        if parent.to_uri == leg.to_uri:
            leg.kept.append("to")
        if "C" in leg.visits[-1].names and chance() >= settings.history_dropped:
            leg.kept.append("history_info")
            b, c = cast.subscriber("B").identity, cast.subscriber("C").identity
            busy = self.scenario.name == "forwarded_busy"
            cause, reason = (486, "user-busy") if busy else (408, "no-answer")  # RFC 4458 §2, RFC 5806 §6.1
            leg.history = (
                f"History-Info: <{b}?Reason=SIP%3Bcause%3D{cause}>;index=1, <{c};cause={cause}>;index=1.1;mp=1\r\n"
                f"Diversion: <{b}>;reason={reason};counter=1\r\n"
            )

    def _parties(self, leg: Leg, part: int) -> tuple[str, str]:
        """The URIs of From and To."""
        cast, caller = self.cast, self.cast.subscriber("A")
        first = leg.visits[0].names[0]
        if self.scenario.kind == "registration":
            if first == "A":
                return caller.identity, caller.identity
            return f"sip:{leg.visits[0].node.host_port}", caller.identity
        if self.scenario.kind == "message":
            gateway = f"sip:ipsmgw.{caller.home}"
            return (caller.identity, cast.dialled) if part == 0 else (gateway, caller.identity)
        calling = "sip:anonymous@anonymous.invalid" if cast.anonymous else caller.identity
        if leg.parent is None:
            return calling, cast.dialled
        if "C" in leg.visits[-1].names:
            return calling, cast.subscriber("C").identity
        rewritten = leg.parent.parent is None and self.rng.random() < self.lab.settings.called_rewritten
        return calling, f"tel:{cast.called_number}" if rewritten else leg.parent.to_uri

    def _targets(self, leg: Leg, caller: Subscriber) -> list[str]:
        """The Request-URI of a request that is routed, on each hop."""
        cast = self.cast
        uri = leg.parent.uris[-1] if leg.parent else cast.dialled
        if self.scenario.kind == "registration":
            uri = caller.identity if leg.visits[-1].names[-1] == "S1" else f"sip:{caller.home}"
            if "I" in {name for visit in leg.visits for name in visit.names}:
                uri = f"sip:{caller.home}"
            elif leg.visits[0].names[-1] == "S1":
                uri = f"sip:{leg.visits[-1].node.host_port}"
        elif self.scenario.kind == "message" and leg.visits[-1].names == ("A",):
            uri = caller.identity
        if "C" in leg.visits[-1].names:
            uri = cast.subscriber("C").identity
        uris = []
        for visit, after in itertools.pairwise(leg.visits):
            if "AS1" in visit.names and self.scenario.kind == "call":
                uri = f"tel:{cast.called_number}"
            elif (
                S_CSCF in visit.kinds
                and "B" in cast.people
                and uri.startswith("tel:+")
                and not after.kinds & {AS, BGCF}
            ):
                uri = f"sip:{cast.called_number}@{cast.subscriber('B').home};user=phone"
            if S_CSCF in visit.kinds and after.kinds & {P_CSCF, UE} and self.scenario.kind != "registration":
                uri = cast.subscriber(leg.visits[-1].names[-1]).contact_uri
            if self.scenario.kind == "registration" and I_CSCF in visit.kinds:
                uri = f"sip:{after.node.host_port}"
            uris.append(uri)
        return uris

    def _chain(self, sender: str, receiver: str) -> tuple[list[Leg], bool]:
        """The legs that a message crosses in the order of its way, and whether that is downstream."""
        for upper, lower, downstream in ((sender, receiver, True), (receiver, sender, False)):
            for leg in self.legs:
                at = leg.find(lower, 1)
                if at is None:
                    continue
                chain, limit = [leg], at
                while not any(upper in visit.names for visit in chain[0].visits[:limit]):
                    if chain[0].parent is None:
                        break
                    chain.insert(0, chain[0].parent)
                    limit = len(chain[0].visits)
                else:
                    return (chain, True) if downstream else (chain[::-1], False)
        raise ValueError(f"the route of {self.scenario.name} has no way from {sender} to {receiver}")

    # -- requests -----------------------------------------------------------------------------------------------------

    def _request(self, step: Step) -> None:
        chain, downstream = self._chain(step.sender, step.receiver)
        previous: int | None = None
        for leg in chain:
            if step.method == "CANCEL":
                previous = self._cancel(leg, step, previous)
            else:
                previous = self._request_leg(leg, step, chain, downstream, previous)
        if step.method == "REGISTER":
            self._attempt(step)

    def _request_leg(self, leg: Leg, step: Step, chain: list[Leg], downstream: bool, previous: int | None) -> int:
        method, rng = step.method, self.rng
        in_dialog = method in IN_DIALOG
        visits = leg.dialog if in_dialog else leg.visits
        if not downstream:
            visits = visits[::-1]
        first, last = self._span(visits, step, leg is chain[0], leg is chain[-1])
        cseq = self._next_cseq(leg, method, downstream)
        transaction = Transaction(method, cseq, visits, downstream)
        if first:  # a fork goes on from where it left
            begun = (leg.base or leg).transactions[method]
            transaction.vias, transaction.sent = begun.vias[:first], begun.sent[:first]
            transaction.arrived = begun.arrived[:first]
            previous = begun.arrived[first - 1]
        elif previous is None and leg.parent and method == "INVITE":  # a B2BUA that tries another callee
            previous = leg.parent.transactions[method].arrived[-1]
        leg.transactions[method] = transaction
        answerer = chain[-1].visits[-1].names[-1] if downstream else chain[0].visits[-1].names[-1]
        tag = self._tag(leg, answerer) if in_dialog else ""
        ends = self._ends(leg, method, cseq, downstream, tag)
        target = self._remote_target(visits[-1]) if in_dialog else ""
        body, body_type = self._body(leg, step.words, chain, downstream)
        own = self._own_request(leg, step, visits[0], downstream)
        tail = f"{body_type}Content-Length: {len(body)}\r\n\r\n"
        vias = transaction.vias[-1] if first else ""
        forwards = 70 if leg.parent is None or self.lab.settings.max_forwards_reset else 70 - self._depth(leg.parent)
        arrival = self.now
        for hop in range(first, last):
            sender, receiver = visits[hop], visits[hop + 1]
            if hop > first or leg is not chain[0]:
                arrival += self._work(sender)
            elif not step.wait[1]:  # an answer to what came last, say an ACK
                arrival += self._work(sender) // 4
            transport = self.lab.transport(sender.node, receiver.node)
            branch = f"z9hG4bK{rng.getrandbits(72):x}"
            via = f"Via: SIP/2.0/{transport} {sender.node.host_port}"
            from_ue = UE in sender.kinds
            if self.hides and IBCF in sender.kinds and receiver.node.network != sender.node.network:
                vias = self._tokenised(vias, sender.node)
            rport = ";rport" if from_ue else ""
            sent_vias = f"{via}{rport};branch={branch}\r\n{vias}"
            if from_ue:
                via += f";rport={sender.node.port}"
            if from_ue or self.lab.settings.host_names:
                via += f";received={sender.node.ip}"
            vias = f"{via};branch={branch}\r\n{vias}"
            transaction.vias.append(vias)
            if in_dialog:
                uri, routes = target, self._dialog_routes(visits, hop)
                records = ""
            else:
                uri, routes = leg.uris[hop], self._first_routes(leg, hop, method)
                records = (
                    self._records(visits[1 : hop + 1], sender, receiver) if method in ("INVITE", "SUBSCRIBE") else ""
                )
            extra = self._extra_request(leg, sender, receiver, step, in_dialog)
            text = (
                f"{method} {uri} SIP/2.0\r\n{sent_vias}{routes}{records}Max-Forwards: {forwards - hop}\r\n"
                f"{ends}{own}{extra}{tail}"
            )
            payload = text.encode() + body
            silent = "silent" in step.words and leg is chain[-1] and hop == last - 1
            if silent:
                arrival, previous = self._unanswered(leg, transaction, hop, arrival, payload, branch, previous)
                continue
            arrival, previous = self._send_request(leg, transaction, hop, arrival, payload, branch, previous)
            if method == "INVITE":
                self._trying(leg, transaction, hop, arrival, ends, branch)
        self.now = arrival
        return previous if previous is not None else 0

    def _depth(self, leg: Leg) -> int:
        """How far Max-Forwards has gone down where this leg ends."""
        own = len(leg.visits) - 1
        return own + (self._depth(leg.parent) if leg.parent else 0)

    def _span(self, visits: list[Visit], step: Step, is_first: bool, is_last: bool) -> tuple[int, int]:
        first, last = 0, len(visits) - 1
        if is_last:
            last = next((i for i, visit in enumerate(visits) if i and step.receiver in visit.names), last)
        if is_first:
            first = next((i for i in range(last - 1, -1, -1) if step.sender in visits[i].names), 0)
        return first, last

    def _next_cseq(self, leg: Leg, method: str, downstream: bool) -> int:
        if method == "ACK" or (leg.base and method == "INVITE"):
            return (leg.base or leg).invite_cseq
        leg.cseq[downstream] += 1
        if method == "INVITE":
            leg.invite_cseq = leg.cseq[downstream]
        return leg.cseq[downstream]

    def _send_request(
        self, leg: Leg, transaction: Transaction, hop: int, at: int, payload: bytes, branch: str, previous: int | None
    ) -> tuple[int, int]:
        """One hop, with copies where the first is lost (timers A and E, RFC 3261 §17.1)."""
        sender, receiver = transaction.visits[hop], transaction.visits[hop + 1]
        method, sent_at, copies = transaction.method, at, 0
        loss = self.lab.loss(sender.node, receiver.node) if method != "ACK" else 0.0
        for wait in timers(method, sender, receiver):
            lost = self.rng.random() < loss and copies < 5
            row, arrival = self._put(
                leg, at, sender, receiver, method, 0, transaction.cseq, branch, payload, copies, previous, lost
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
        self, leg: Leg, transaction: Transaction, hop: int, at: int, payload: bytes, branch: str, previous: int | None
    ) -> tuple[int, int]:
        """A request that nobody answers, up to timer B (64*T1)."""
        sender, receiver = transaction.visits[hop], transaction.visits[hop + 1]
        first, row = at, 0
        unit = t1(sender, receiver)
        for copy, wait in enumerate(timers(transaction.method, sender, receiver)):
            row, _ = self._put(
                leg,
                at,
                sender,
                receiver,
                transaction.method,
                0,
                transaction.cseq,
                branch,
                payload,
                copy,
                previous,
                False,
            )
            if self.lab.transport(sender.node, receiver.node) == "TCP" or at + wait >= first + 64 * unit:
                break
            at += wait
        transaction.sent.append((first, payload, 7))
        transaction.arrived.append(row)
        return first + 64 * unit, row

    def _trying(self, leg: Leg, transaction: Transaction, hop: int, at: int, ends: str, branch: str) -> None:
        text = f"SIP/2.0 100 Trying\r\n{transaction.vias[hop]}{ends}Content-Length: 0\r\n\r\n"
        sender, receiver = transaction.visits[hop + 1], transaction.visits[hop]
        at += 500_000 + int(self.rng.random() * MS)
        row, arrival = self._put(
            leg, at, sender, receiver, "INVITE", 100, transaction.cseq, branch, text.encode(), 0, None, False
        )
        self._phase(leg, hop, transaction.visits, "INVITE", 100, row, arrival)

    def _cancel(self, leg: Leg, step: Step, previous: int | None) -> int | None:
        """CANCEL goes hop by hop, each time answered by the next node (RFC 3261 §9)."""
        invite = leg.transactions["INVITE"]
        visits = invite.visits
        first = max((i for i, visit in enumerate(visits) if step.sender in visit.names), default=0)
        ends = self._ends(leg, "CANCEL", invite.cseq, True, "")
        reason = "".join(WORDS.get(word, "") for word in step.words)
        at = self.now
        last = next(
            (i for i, visit in enumerate(visits) if i > first and step.receiver in visit.names), len(visits) - 1
        )
        for hop in range(first, last):
            sender, receiver = visits[hop], visits[hop + 1]
            top = invite.vias[hop].split("\r\n", 1)[0] + "\r\n"
            branch = invite.branch(hop)
            routes = self._first_routes(leg, hop, "INVITE")
            text = (
                f"CANCEL {leg.uris[hop]} SIP/2.0\r\n{unstamped(top)}{routes}Max-Forwards: 70\r\n"
                f"{ends}{reason}Content-Length: 0\r\n\r\n"
            )
            row, arrival = self._put(
                leg, at, sender, receiver, "CANCEL", 0, invite.cseq, branch, text.encode(), 0, previous, False
            )
            self._phase(leg, hop, visits, "CANCEL", 0, row, at)
            answer = self._ends(leg, "CANCEL", invite.cseq, True, self._hex(40))
            text = f"SIP/2.0 200 OK\r\n{top}{answer}Content-Length: 0\r\n\r\n"
            self._put(
                leg, arrival + MS, receiver, sender, "CANCEL", 200, invite.cseq, branch, text.encode(), 0, None, False
            )
            at = arrival + self._work(receiver)
            previous = row
        self.now = at
        return previous

    # -- responses ----------------------------------------------------------------------------------------------------

    def _respond(self, step: Step) -> None:
        chain, downstream = self._chain(step.sender, step.receiver)
        previous: int | None = None
        answerer = step.sender
        for leg in chain:
            transaction = leg.transactions[step.method]
            visits = transaction.visits
            low, high = 0, len(visits) - 1
            if leg is chain[0]:
                high = next(i for i, visit in enumerate(visits) if i and step.sender in visit.names)
            if leg is chain[-1]:
                low = max((i for i in range(high) if step.receiver in visits[i].names), default=0)
            previous = self._respond_leg(leg, transaction, step, chain, downstream, answerer, low, high, previous)
        if step.method == "REGISTER":
            self._attempt(step)

    def _respond_leg(
        self,
        leg: Leg,
        transaction: Transaction,
        step: Step,
        chain: list[Leg],
        downstream: bool,
        answerer: str,
        low: int,
        high: int,
        previous: int | None,
    ) -> int | None:
        method, status, visits = step.method, step.status, transaction.visits
        dialog = method in IN_DIALOG
        peer = (chain[0] if not downstream else chain[-1]).visits[-1].names[-1]
        tag = self._tag(leg, peer if dialog else answerer)
        ends = self._ends(leg, method, transaction.cseq, transaction.downstream, tag)
        own = self._own_response(leg, step, visits[high], answerer)
        body, body_type = self._body(leg, step.words, chain, downstream)
        tail = f"{body_type}Content-Length: {len(body)}\r\n\r\n"
        phrase = PHRASES[status]
        records = method in ("INVITE", "SUBSCRIBE") and 100 < status < 300
        at = self.now
        if leg is not chain[0] or not step.wait[1]:
            at += self._work(visits[high])
        carried: list[
            tuple[int, bytes, str, int]
        ] = []  # each hop, what was sent on it, its branch, when after the start
        started_at, row = at, 0
        for hop in range(high - 1, low - 1, -1):
            sender, receiver = visits[hop + 1], visits[hop]
            if hop < high - 1:
                at += self._work(sender) // 2
            route = self._records(visits[1:-1], sender, receiver) if records else ""
            extra = self._extra_response(leg, sender, receiver, step, answerer)
            text = f"SIP/2.0 {status} {phrase}\r\n{transaction.vias[hop]}{route}{ends}{own}{extra}{tail}"
            payload, branch = text.encode() + body, transaction.branch(hop)
            carried.append((hop, payload, branch, at - started_at))
            if method != "INVITE":
                at, row = self._answer_request(leg, transaction, hop, status, at, payload, branch, previous)
            elif status < 300:
                at, row = self._answer_invite(leg, transaction, carried, status, started_at, at, previous)
            else:
                at, row = self._refuse_invite(leg, transaction, hop, status, at, payload, branch, previous)
                self._acknowledge(leg, transaction, hop, at, ends.replace(" INVITE\r\n", " ACK\r\n"), branch)
            self._phase(leg, hop, visits, method, status, row, at)
            previous = row
        if "again" in step.words:
            self._repeat(leg, transaction, carried, status, started_at)
        if method == "INVITE" and status >= 200 and low == 0:
            leg.status = status
        self.now = at
        return previous

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
    ) -> tuple[int, int]:
        """The final response on one hop of anything but INVITE. Until it is there, timer E sends the request again."""
        client, server = transaction.visits[hop], transaction.visits[hop + 1]
        method, cseq = transaction.method, transaction.cseq
        sent_at, request, copies = transaction.sent[hop]
        loss = self.lab.loss(client.node, server.node)
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
                _, asked_at = self._put(leg, due, client, server, method, 0, cseq, branch, request, copies, None, False)
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

    # -- the wire -----------------------------------------------------------------------------------------------------

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
    ) -> tuple[int, int]:
        """One message on one hop: its number and when it arrives (or would have)."""
        arrival = at + self.lab.flight(sender, receiver)
        point = reference_point(sender, receiver)
        number = self.lab.put(
            self.number, leg.call_id, at, None if lost else arrival, sender.node, receiver.node, point, method, status,
            cseq, branch, payload, copy, previous,
        )  # fmt: skip
        return number, arrival

    def _work(self, visit: Visit) -> int:
        delay = visit.work + int(self.rng.random() * visit.spread)
        if AS in visit.kinds and self.rng.random() < 0.03:  # service logic that waits for a data base
            delay += int(self.rng.random() * 800 * MS)
        return delay

    # -- truth --------------------------------------------------------------------------------------------------------

    def _phase(self, leg: Leg, hop: int, visits: list[Visit], method: str, status: int, row: int, at: int) -> None:
        """Remember when a phase was seen between the caller and its P-CSCF."""
        if leg.parent is not None or "A" not in (visits[hop].names[0], visits[hop + 1].names[0]):
            return
        name = PHASES.get((method, status)) or ("failure" if method == "INVITE" and status >= 300 else "")
        if name:
            self.phases.setdefault(name, {"message": row, "at": at})

    def _attempt(self, step: Step) -> None:
        """Keep the books of registrations: one attempt from its first REGISTER to its final response."""
        if not step.status:
            begins = {
                "initial": "initial",
                "refresh": "refresh",
                "deregister": "deregister",
                "third-party": "third_party",
            }
            kind = next((begins[word] for word in step.words if word in begins), None)
            if kind:
                person = self.cast.subscriber("A")
                (leg, *_), _ = self._chain(step.sender, step.receiver)
                self.attempts.append({
                    "play": self.number, "scenario": self.scenario.name, "kind": kind, "aor": person.identity,
                    "private_id": f"{person.imsi}@{person.home}" if kind != "third_party" else None,
                    "contact": person.contact_uri if kind != "third_party" else f"sip:{self.cast.node('S1').host_port}",
                    "call_id": leg.call_id, "registrar": self.cast.node(step.receiver).name,
                    "challenges": 0, "status": None, "outcome": "pending", "sync_failure": False,
                })  # fmt: skip
            elif "auts" in step.words:
                self.attempts[-1]["sync_failure"] = True
            return
        attempt = self.attempts[-1]
        attempt["status"] = step.status
        if step.status == 401:
            attempt["challenges"] += 1
            attempt["outcome"] = "challenged"
        elif step.status >= 300:
            attempt["outcome"] = "failed"
        else:
            attempt["outcome"] = "deregistered" if "unbound" in step.words else "registered"

    def truth(self) -> dict[str, Any]:
        """The row of a call or a short message."""
        scenario, cast = self.scenario, self.cast
        caller = cast.subscriber("A")
        return {
            "play": self.number, "scenario": scenario.name, "started_at": self.started_at, "caller": caller.number,
            "dialled": cast.dialled, "called_number": cast.called_number, "anonymous": cast.anonymous,
            "outcome": scenario.outcome, "status": scenario.status,
            "refused_by": self._node_name(scenario.refused_by), "cause": scenario.cause or None,
            "answered_by": self._node_name(scenario.answered_by), "released_by": scenario.released_by or None,
            "phases": dict(sorted(self.phases.items(), key=lambda item: item[1]["at"])),
            "legs": [
                {
                    "number": leg.number, "parent": leg.parent.number if leg.parent else None,
                    "call_id": leg.call_id, "from_tag": leg.from_tag, "to_tags": sorted(leg.tags.values()),
                    "status": leg.status, "icid": leg.icid, "kept": leg.kept,
                    "path": [visit.node.name for visit in leg.visits],
                    "parts": [list(visit.names) for visit in leg.visits],
                }
                for leg in self.all_legs if leg.transactions
            ],
        }  # fmt: skip

    def _node_name(self, name: str) -> str | None:
        return self.cast.node(name).name if name else None
