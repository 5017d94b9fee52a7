"""One script played once: the engine that gives each message its routing headers on every hop.

A script says who sends what to whom. From that come here, hop by hop: the Via stack, Max-Forwards, Route and Record-Route,
what each kind of node adds and takes away (TS 24.229), 100s, ACKs to failures, resends over UDP, and at a B2BUA a new
Call-ID, tags, branch and as much of the evidence as this call keeps.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

from analyzer.synth import bodies
from analyzer.synth.bodies import Media
from analyzer.synth.network import (
    AS, BGCF, I_CSCF, IBCF, MGCF, MS, P_CSCF, RECORD_ROUTING, REFERENCE_POINTS, S_CSCF, SMS_GATEWAY, UE, WORK, Node, Operator,
    Subscriber, token,
)  # fmt: skip
from analyzer.synth.scripts import Scenario, Step, steps

if TYPE_CHECKING:
    from analyzer.synth.laboratory import Laboratory

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 480: "Temporarily Unavailable",
    486: "Busy Here", 487: "Request Terminated", 500: "Server Internal Error", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip
ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, MESSAGE, REFER, NOTIFY, OPTIONS, INFO, SUBSCRIBE\r\n"
MMTEL = "urn:urn-7:3gpp-service.ims.icsi.mmtel"
ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'
SECURITY = "ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans"
SERVER_SPI = "spi-c=48291734;spi-s=48291735;port-c=5063;port-s=5062"
SEC_AGREE = "Require: sec-agree\r\nProxy-Require: sec-agree\r\n"

# The headers that a word of a script stands for.
WORDS = {
    "reliable": "Require: 100rel\r\n",
    "early": "P-Early-Media: sendrecv\r\n",
    "clearing": 'Reason: Q.850;cause=16;text="Normal call clearing"\r\n',
    "elsewhere": 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n',
    "gone": 'Reason: SIP;cause=408;text="Request Timeout"\r\n',
    "hung-up": 'Reason: RELEASE_CAUSE;cause=1;text="User ends call"\r\n',
    "user-busy": 'Reason: Q.850;cause=17;text="User busy"\r\n',
    "declined": 'Reason: Q.850;cause=21;text="Call rejected"\r\n',
    "no-reply": 'Reason: Q.850;cause=19;text="No answer from user"\r\n',
    "barred": 'Warning: 399 network "Outgoing calls barred"\r\n',
    "broken": 'Warning: 399 network "Service logic failed"\r\n',
    "overload": "Retry-After: 5\r\n",
    "no-bearer": 'Reason: FAILURE_CAUSE;cause=3;text="Indication of failed resources allocation"\r\n',
    "unallocated": 'Reason: Q.850;cause=1;text="Unallocated (unassigned) number"\r\n',
    "not-here": 'Warning: 399 network "Roaming not allowed"\r\n',
    "reg": "Event: reg\r\nExpires: 600000\r\n",
    "reginfo": "Event: reg\r\nSubscription-State: active;expires=600000\r\n",
}
IN_DIALOG = frozenset(("PRACK", "UPDATE", "ACK", "BYE", "NOTIFY"))
WITH_CONTACT = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY"))
PHASES = {
    ("INVITE", 0): "invite", ("INVITE", 100): "trying", ("INVITE", 181): "forwarding", ("INVITE", 183): "progress",
    ("PRACK", 0): "prack", ("UPDATE", 0): "update", ("UPDATE", 200): "updated", ("INVITE", 180): "ringing",
    ("INVITE", 200): "answer", ("ACK", 0): "ack", ("CANCEL", 0): "cancel", ("BYE", 0): "bye", ("BYE", 200): "end",
}  # fmt: skip

KINDS = {
    "A": UE, "B": UE, "C": UE, "P": P_CSCF, "S": S_CSCF, "I": I_CSCF, "AS": AS, "SMS": SMS_GATEWAY, "BGCF": BGCF,
    "MGCF": MGCF, "X": IBCF,
}  # fmt: skip


class Visit:
    """One stop of a route: a box, the names it has there (several where one box plays neighbouring parts)."""

    __slots__ = ("kinds", "names", "node", "spread", "work")

    def __init__(self, names: tuple[str, ...], node: Node) -> None:
        self.names, self.node = names, node
        kinds = [KINDS[name.rstrip("0123456789")] for name in names]
        self.kinds = frozenset(kinds)
        self.work, self.spread = WORK[kinds[0]][0] * MS, WORK[kinds[0]][1] * MS


class Transaction:
    """A request on its way over one leg. `vias[i]`: the stack as the box at the end of hop i sees it."""

    __slots__ = ("cseq", "downstream", "method", "sent", "vias", "visits")

    def __init__(self, method: str, cseq: int, visits: list[Visit], downstream: bool) -> None:
        self.method, self.cseq, self.visits, self.downstream = method, cseq, visits, downstream
        self.vias: list[str] = []
        self.sent: list[tuple[int, bytes, int, int]] = []  # when first sent, what, its row, how often already

    def branch(self, hop: int) -> str:
        return self.vias[hop].split("branch=", 1)[1].split("\r\n", 1)[0].split(";", 1)[0]


class Leg:
    """One Call-ID between two ends. A fork is a leg that shares Call-ID and From with the one it left at `forked`."""

    def __init__(self, visits: list[Visit], parent: Leg | None, number: int) -> None:
        self.visits, self.parent, self.number = visits, parent, number
        ends = (0, len(visits) - 1)
        self.dialog = [visit for i, visit in enumerate(visits) if i in ends or visit.kinds & RECORD_ROUTING]
        self.base: Leg | None = None
        self.forked = 0
        self.call_id = self.from_tag = self.icid = self.icid_at = self.related = self.session = ""
        self.from_uri = self.to_uri = ""
        self.uris: list[str] = []
        self.tags: dict[str, str] = {}
        self.cseq = {True: 1, False: 1}
        self.rseq = 0
        self.invite_cseq = 0
        self.anchor: Media | None = None
        self.kept: list[str] = []
        self.history = ""
        self.transactions: dict[str, Transaction] = {}
        self.status: int | None = None  # of the final response to the INVITE that reached the leg's caller

    def find(self, name: str, start: int = 0) -> int | None:
        return next((i for i in range(start, len(self.visits)) if name in self.visits[i].names), None)


class Play:
    """A script being played: legs, and a clock that stands where the last message arrived."""

    def __init__(self, lab: Laboratory, number: int, scenario: Scenario, at: int, cast: Cast) -> None:
        self.lab, self.number, self.scenario, self.started_at, self.now = lab, number, scenario, at, at
        self.rng = lab.rng
        self.cast = cast
        self.legs: list[Leg] = []
        self.all_legs: list[Leg] = []
        self.odi: dict[str, str] = {}
        self.phases: dict[str, dict[str, Any]] = {}
        self.rows: list[int] = []
        self.nonce = ""
        self.attempts: list[dict[str, Any]] = []
        self.hides = lab.settings.topology_hiding and "X1" in scenario.parts[0][0]
        self.port = 10_000 + 2 * lab.rng.randrange(20_000)
        self.session_a, self.session_b = self._hex(128), self._hex(128)
        self.reference = number & 0xFF

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
                    leg.base, leg.forked = base, at
                else:
                    if not before and self.scenario.kind == "call":
                        parent = next((leg for leg in self.legs if names[0] in leg.visits[-1].names), None)
                    leg = Leg(self._visits(names), parent, len(self.all_legs))
                self._open(leg, part)
                self.legs.append(leg)
                if not fork:
                    self.all_legs.append(leg)
                parent, before = leg, names[-1]

    def _visits(self, names: list[str]) -> list[Visit]:
        """Neighbours that are one box are one visit."""
        visits = []
        for node, group in itertools.groupby(names, self.cast.node):
            visits.append(Visit(tuple(group), node))
        return visits

    def _open(self, leg: Leg, part: int) -> None:
        """What a leg's messages have in common."""
        base, parent, settings, chance = leg.base, leg.parent, self.lab.settings, self.rng.random
        first, last = leg.visits[0], leg.visits[-1]
        cast = self.cast
        caller = cast.subscriber("A")
        if base:
            for name in ("call_id", "from_tag", "icid", "icid_at", "related", "session", "from_uri", "to_uri", "anchor", "history"):
                setattr(leg, name, getattr(base, name))
            leg.tags, leg.cseq, leg.invite_cseq = base.tags, base.cseq, base.invite_cseq
        else:
            leg.call_id = f"{self._hex(96)}@{first.node.host.strip('[]')}"
            leg.from_tag = self._hex(40)
            leg.cseq = {True: self.rng.randrange(1, 9000), False: self.rng.randrange(1, 9000)}
            leg.icid = parent.icid if parent else self._hex(96)
            maker = leg.visits[1] if UE in first.kinds else first
            leg.icid_at = parent.icid_at if parent else maker.node.ip
            leg.session = parent.session if parent else self.session_a
            leg.from_uri, leg.to_uri = self._parties(leg, part)
        if parent and not base:
            if chance() < settings.icid_dropped:
                leg.icid, leg.icid_at = self._hex(96), first.node.ip
            elif chance() < settings.icid_related:
                leg.icid, leg.icid_at, leg.related = self._hex(96), first.node.ip, parent.icid
                leg.kept.append("related_icid")
            else:
                leg.kept.append("icid")
            if chance() < settings.session_id_dropped:
                leg.session = self._hex(128)
            else:
                leg.kept.append("session_id")
            if chance() < settings.sdp_anchored:
                leg.anchor = Media(first.node.ip, self.port + 4 * leg.number, self.rng.getrandbits(31))
            else:
                leg.kept.append("sdp")
            odi = self.odi.get(first.names[-1], "")
            if odi:
                leg.kept.append("odi")
            if parent.to_uri == leg.to_uri:
                leg.kept.append("to")
            if "C" in last.names and chance() >= settings.history_dropped:
                leg.kept.append("history_info")
                busy = "486" if self.scenario.name == "forwarded_busy" else "408"
                b, c = cast.subscriber("B"), cast.subscriber("C")
                reason = "user-busy" if busy == "486" else "no-answer"
                leg.history = (
                    f"History-Info: <{b.identity}?Reason=SIP%3Bcause%3D{busy}>;index=1, "
                    f"<{c.identity};cause={busy}>;index=1.1;mp=1\r\n"
                    f"Diversion: <{b.identity}>;reason={reason};counter=1\r\n"
                )
        for visit in leg.visits:
            name = visit.names[-1]
            if visit.kinds & {AS, SMS_GATEWAY} and name not in self.odi:
                self.odi[name] = "" if chance() < settings.odi_dropped else f"odi-{self._hex(48)}"
        leg.uris = self._targets(leg, caller)

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
            elif S_CSCF in visit.kinds and "B" in cast.people and uri.startswith("tel:+") and not after.kinds & {AS, BGCF}:
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
        leg.transactions[method] = transaction
        answerer = chain[-1].visits[-1].names[-1] if downstream else chain[0].visits[-1].names[-1]
        tag = self._tag(leg, answerer) if in_dialog else ""
        ends = self._ends(leg, method, cseq, downstream, tag)
        target = self._contact(leg, visits[-1], answerer) if in_dialog else ""
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
                records = self._records(visits[1 : hop + 1], sender, receiver) if method in ("INVITE", "SUBSCRIBE") else ""
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
            sent_at = arrival
            arrival, previous = self._send_request(leg, transaction, hop, arrival, payload, branch, previous)
            self._phase(leg, hop, visits, method, 0, previous, sent_at)
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
            return leg.invite_cseq or (leg.base or leg).invite_cseq
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
        first_row: int | None = None
        for wait in timers(method, sender, receiver):
            lost = self.rng.random() < loss and copies < 5
            row, arrival = self._put(leg, at, sender, receiver, method, 0, transaction.cseq, branch, payload, copies, previous, lost)
            first_row = row if first_row is None else first_row
            copies += 1
            if not lost:
                break
            at += wait
        assert first_row is not None
        transaction.sent.append((sent_at, payload, first_row, copies))
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
                leg, at, sender, receiver, transaction.method, 0, transaction.cseq, branch, payload, copy, previous, False
            )
            if self.lab.transport(sender.node, receiver.node) == "TCP" or at + wait >= first + 64 * unit:
                break
            at += wait
        transaction.sent.append((first, payload, row, 7))
        return first + 64 * unit, row

    def _trying(self, leg: Leg, transaction: Transaction, hop: int, at: int, ends: str, branch: str) -> None:
        text = f"SIP/2.0 100 Trying\r\n{transaction.vias[hop]}{ends}Content-Length: 0\r\n\r\n"
        sender, receiver = transaction.visits[hop + 1], transaction.visits[hop]
        at += 500_000 + int(self.rng.random() * MS)
        row, arrival = self._put(leg, at, sender, receiver, "INVITE", 100, transaction.cseq, branch, text.encode(), 0, None, False)
        self._phase(leg, hop, transaction.visits, "INVITE", 100, row, arrival)

    def _cancel(self, leg: Leg, step: Step, previous: int | None) -> int | None:
        """CANCEL goes hop by hop, each time answered by the next box (RFC 3261 §9)."""
        invite = leg.transactions["INVITE"]
        visits = invite.visits
        first = max((i for i, visit in enumerate(visits) if step.sender in visit.names), default=0)
        ends = self._ends(leg, "CANCEL", invite.cseq, True, "")
        reason = "".join(WORDS.get(word, "") for word in step.words)
        at = self.now
        last = next((i for i, visit in enumerate(visits) if i > first and step.receiver in visit.names), len(visits) - 1)
        for hop in range(first, last):
            sender, receiver = visits[hop], visits[hop + 1]
            top = invite.vias[hop].split("\r\n", 1)[0] + "\r\n"
            branch = invite.branch(hop)
            routes = self._first_routes(leg, hop, "INVITE")
            text = (
                f"CANCEL {leg.uris[hop]} SIP/2.0\r\n{_unstamped(top)}{routes}Max-Forwards: 70\r\n"
                f"{ends}{reason}Content-Length: 0\r\n\r\n"
            )
            row, arrival = self._put(
                leg, at, sender, receiver, "CANCEL", 0, invite.cseq, branch, text.encode(), 0, previous, False
            )
            self._phase(leg, hop, visits, "CANCEL", 0, row, at)
            answer = self._ends(leg, "CANCEL", invite.cseq, True, self._tag(leg, f"cancel {hop}"))
            text = f"SIP/2.0 200 OK\r\n{top}{answer}Content-Length: 0\r\n\r\n"
            self._put(leg, arrival + MS, receiver, sender, "CANCEL", 200, invite.cseq, branch, text.encode(), 0, None, False)
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
        method, status, visits, settings = step.method, step.status, transaction.visits, self.lab.settings
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
        carried: list[tuple[int, bytes, str, int]] = []  # each hop, what was sent on it, its branch, when after the start
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
        if method == "INVITE" and status >= 200 and low == 0:
            leg.status = status
        self.now = at
        return previous

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
                    leg, again_at + delay, *hop_ends, "INVITE", status, cseq, passed_branch, text, copies, previous, False
                )
            at = again_at + carried[-1][3]
        row, arrival = self._put(leg, at, sender, receiver, "INVITE", status, cseq, branch, payload, copies, previous, False)
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
        sent_at, request, first_row, copies = transaction.sent[hop]
        loss = self.lab.loss(client.node, server.node)
        reliable = self.lab.transport(client.node, server.node) == "TCP"
        waits = timers(method, client, server)
        due = sent_at + sum(itertools.islice(waits, copies))
        again, lost_at = 0, 0
        while True:
            lost = self.rng.random() < loss and again < 4
            row, arrival = self._put(leg, at, server, client, method, status, cseq, branch, payload, again, previous, lost)
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
        top = _unstamped(transaction.vias[hop].split("\r\n", 1)[0] + "\r\n")
        routes = self._first_routes(leg, hop, "INVITE")
        text = (
            f"ACK {leg.uris[hop]} SIP/2.0\r\n{top}{routes}Max-Forwards: 70\r\n"
            f"{ends}Content-Length: 0\r\n\r\n"
        )
        at += MS // 2
        row, _ = self._put(
            leg, at, sender, receiver, "ACK", 0, transaction.cseq, branch, text.encode(), 0, None, False
        )
        self._phase(leg, hop, transaction.visits, "ACK", 0, row, at)

    # -- headers ------------------------------------------------------------------------------------------------------

    def _ends(self, leg: Leg, method: str, cseq: int, downstream: bool, tag: str) -> str:
        """From, To, Call-ID and CSeq as the sender of the request writes them; `tag` is that of the callee."""
        calling, called = f"<{leg.from_uri}>;tag={leg.from_tag}", f"<{leg.to_uri}>{';tag=' + tag if tag else ''}"
        sender, receiver = (calling, called) if downstream else (called, calling)
        return f"From: {sender}\r\nTo: {receiver}\r\nCall-ID: {leg.call_id}\r\nCSeq: {cseq} {method}\r\n"

    def _tag(self, leg: Leg, answerer: str) -> str:
        if answerer not in leg.tags:
            leg.tags[answerer] = self._hex(40)
        return leg.tags[answerer]

    def _contact(self, leg: Leg, visit: Visit, answerer: str) -> str:
        """The remote target: the contact of one end of a leg."""
        if UE in visit.kinds:
            return self.cast.subscriber(visit.names[-1]).contact_uri
        return f"sip:{visit.node.host_port}"

    def _contact_header(self, visit: Visit) -> str:
        if UE in visit.kinds:
            person = self.cast.subscriber(visit.names[-1])
            return f'Contact: <{person.contact_uri}>;+sip.instance="{person.instance}";{ICSI};audio\r\n'
        return f"Contact: <sip:{visit.node.host_port}>\r\n"

    def _own_request(self, leg: Leg, step: Step, sender: Visit, downstream: bool) -> str:
        """What the sender of a request says, the same on all hops of a leg."""
        method, words = step.method, step.words
        lines = []
        if method in WITH_CONTACT:
            lines.append(self._contact_header(sender))
        if method == "INVITE":
            lines.append(f"{ALLOW}Supported: 100rel, precondition, timer, histinfo, replaces, 199\r\n")
            lines.append("P-Early-Media: supported\r\nSession-Expires: 1800;refresher=uac\r\n")
            lines.append(f'Accept-Contact: *;{ICSI}\r\nP-Asserted-Service: {MMTEL}\r\n' if leg.parent else f"Accept-Contact: *;{ICSI}\r\n")
            lines.append(f"Session-ID: {leg.session};remote={'0' * 32}\r\n{leg.history}")
            if self.cast.anonymous:
                lines.append("Privacy: id\r\n")
        elif method == "PRACK":
            lines.append(f"RAck: {leg.rseq} {leg.invite_cseq} INVITE\r\n")
        elif method == "UPDATE":
            lines.append("Require: precondition\r\n")
        elif method == "REGISTER":
            lines.append(self._register_headers(leg, words))
        elif method == "MESSAGE" and "rp-ack" in words:
            lines.append(f"In-Reply-To: {self.all_legs[0].call_id}\r\n")
        elif method == "SUBSCRIBE":
            lines.append("Accept: application/reginfo+xml\r\n")
        lines += [WORDS[word] for word in words if word in WORDS]
        if UE in sender.kinds:
            lines.append(f"User-Agent: {self.cast.subscriber(sender.names[-1]).agent}\r\n")
        return "".join(lines)

    def _register_headers(self, leg: Leg, words: tuple[str, ...]) -> str:
        if "third-party" in words:
            expires = 0 if "unbound" in words else 600_000
            return f"Contact: <sip:{leg.visits[0].node.host_port}>\r\nExpires: {expires}\r\n"
        expires = 0 if "deregister" in words else 600_000
        return (
            self._contact_header(leg.visits[0])
            + f"Expires: {expires}\r\nSupported: path, gruu, sec-agree\r\n{ALLOW}"
            + f"Security-Client: {SECURITY};spi-c=1{self.number:07d};spi-s=2{self.number:07d};port-c=6100;port-s=6101\r\n"
        )

    def _credentials(self, words: tuple[str, ...]) -> str:
        """The Authorization of a REGISTER without its end of line (RFC 3310)."""
        person = self.cast.subscriber("A")
        head = f'Authorization: Digest username="{person.imsi}@{person.home}",realm="{person.home}",uri="sip:{person.home}"'
        if "initial" in words:
            return head + ',nonce="",response=""'
        rng = random.Random(f"{self.nonce} {words}")  # the same on each hop
        count = "00000001" if "response" in words or "auts" in words else "00000002"
        tail = f',nonce="{self.nonce}",algorithm=AKAv1-MD5,qop=auth,nc={count},cnonce="{rng.getrandbits(48):012x}"'
        if "auts" in words:
            return f'{head}{tail},response="{rng.getrandbits(128):032x}",auts="{token(rng, 14)}"'
        return f'{head}{tail},response="{rng.getrandbits(128):032x}"'

    def _extra_request(self, leg: Leg, sender: Visit, receiver: Visit, step: Step, in_dialog: bool) -> str:
        """What belongs to one hop: what a UE tells its P-CSCF, and what only the trusted network may see (§4.4)."""
        method, cast = step.method, self.cast
        if method == "REGISTER":
            return self._extra_register(leg, sender, receiver, step.words)
        if UE in sender.kinds:
            person = cast.subscriber(sender.names[-1])
            if method == "ACK":
                return ""
            access = f"P-Access-Network-Info: {person.cell}\r\n"
            verify = f"{SEC_AGREE}Security-Verify: {SECURITY};{SERVER_SPI};q=0.1\r\n"
            if in_dialog:
                return access + verify
            preferred = f"P-Preferred-Identity: <{person.identity}>\r\n"
            service = f"P-Preferred-Service: {MMTEL}\r\n" if method == "INVITE" else ""
            return preferred + service + access + verify
        if UE in receiver.kinds:
            if in_dialog:
                return ""
            called = cast.subscriber(receiver.names[-1]).identity
            return f"{'' if cast.anonymous else self._asserted(leg, method)}P-Called-Party-ID: <{called}>\r\n"
        if method == "ACK":
            return ""
        charging = self._charging(leg, sender)
        if in_dialog:
            return charging
        lines = [charging, self._asserted(leg, method)]
        if leg.parent is None and sender.names[0] in ("P1", "S1") and self.scenario.parts[0][0].startswith("A"):
            lines.append(f"P-Access-Network-Info: {cast.subscriber('A').cell}\r\n")
        if S_CSCF in sender.kinds:
            if receiver.kinds & {AS, SMS_GATEWAY}:
                terminating = sender.names[-1] != "S1" and sender.names[0] != "S1"
                served = cast.subscriber("B" if terminating else "A").identity
                lines.append(f"P-Served-User: <{served}>;sescase={'term' if terminating else 'orig'};regstate=reg\r\n")
            elif P_CSCF in receiver.kinds:
                lines.append(f"P-Called-Party-ID: <{cast.subscriber(leg.visits[-1].names[-1]).identity}>\r\n")
        return "".join(lines)

    def _asserted(self, leg: Leg, method: str) -> str:
        if method == "SUBSCRIBE" or self.scenario.kind != "call":
            who = leg.from_uri
            return f"P-Asserted-Identity: <{who}>\r\n"
        caller = self.cast.subscriber("A")
        return f"P-Asserted-Identity: <{caller.identity}>, <tel:{caller.number}>\r\n"

    def _charging(self, leg: Leg, visit: Visit, term: str = "") -> str:
        home = self.lab.network.operators[self.cast.node("S1").network].domain
        related = f";related-icid={leg.related}" if leg.related else ""
        return (
            f"P-Charging-Vector: icid-value={leg.icid};icid-generated-at={leg.icid_at};orig-ioi={home}{term}{related}\r\n"
        )

    def _extra_register(self, leg: Leg, sender: Visit, receiver: Visit, words: tuple[str, ...]) -> str:
        if "third-party" in words:
            return self._charging(leg, sender)
        credentials = self._credentials(words)
        person = self.cast.subscriber("A")
        access = f"P-Access-Network-Info: {person.cell}\r\n"
        if UE in sender.kinds:
            verify = "" if "initial" in words else f"Security-Verify: {SECURITY};{SERVER_SPI};q=0.1\r\n"
            return f"{credentials}\r\n{access}{SEC_AGREE}{verify}"
        protected = "no" if "initial" in words else "yes"
        visited = self.lab.network.operators[leg.visits[1].node.network].domain
        return (
            f'{credentials},integrity-protected="{protected}"\r\n{access}Path: <sip:term@{leg.visits[1].node.host_port};lr>\r\n'
            f'Require: path\r\nP-Visited-Network-ID: "{visited}"\r\n{self._charging(leg, sender)}'
        )

    def _own_response(self, leg: Leg, step: Step, answering: Visit, answerer: str) -> str:
        method, status, words = step.method, step.status, step.words
        lines = []
        if method in WITH_CONTACT and 100 < status < 300 and method != "NOTIFY":
            lines.append(self._contact_header(answering))
        if method == "INVITE" and 100 < status < 300:
            lines.append(f"Session-ID: {self.session_b};remote={leg.session}\r\n{ALLOW}")
            if status == 200:
                lines.append("Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n")
        if "reliable" in words:
            leg.rseq += 1
            lines.append(f"RSeq: {leg.rseq}\r\n")
        lines += [WORDS[word] for word in words if word in WORDS]
        if "third-party" in words:
            expires = 0 if "unbound" in words else 600_000
            lines.append(f"Contact: <sip:{leg.visits[0].node.host_port}>;expires={expires}\r\n")
        elif "bound" in words or "unbound" in words:
            person = self.cast.subscriber("A")
            contact = self._contact_header(leg.visits[0]).rstrip()
            expires = 600_000 if "bound" in words else 0
            s_cscf = next(visit for visit in leg.visits if "S1" in visit.names).node
            lines.append(
                f"{contact};expires={expires}\r\nPath: <sip:term@{leg.visits[1].node.host_port};lr>\r\n"
                f"Service-Route: <sip:orig@{s_cscf.host_port};lr>\r\n"
                f"P-Associated-URI: <{person.identity}>, <tel:{person.number}>\r\n"
            )
        return "".join(lines)

    def _extra_response(self, leg: Leg, sender: Visit, receiver: Visit, step: Step, answerer: str) -> str:
        status, method = step.status, step.method
        if "challenge" in step.words:
            return self._challenge(receiver)
        if UE in sender.kinds:
            return f"P-Access-Network-Info: {self.cast.subscriber(sender.names[-1]).cell}\r\n"
        if UE in receiver.kinds and method == "INVITE" and 100 < status < 300:
            return self._answering(answerer)
        if UE in receiver.kinds or method not in ("INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE"):
            return ""
        home = self.lab.network.operators[self.cast.node(self._terminating()).network].domain
        charging = self._charging(leg, sender, f";term-ioi={home}")
        return charging + (self._answering(answerer) if method == "INVITE" and 100 < status < 300 else "")

    def _terminating(self) -> str:
        return "S2" if "B" in self.cast.people else "S1"

    def _answering(self, answerer: str) -> str:
        """Who answered, as the network asserts it (RFC 3325); a second device has the identity of the first."""
        if answerer == "MGCF":
            return f"P-Asserted-Identity: <tel:{self.cast.called_number}>\r\n"
        if answerer not in self.cast.people:
            return ""
        person = self.cast.subscriber("B" if answerer == "B2" else answerer)
        return f"P-Asserted-Identity: <{person.identity}>, <tel:{person.number}>\r\n"

    def _challenge(self, receiver: Visit) -> str:
        """401 with AKA: nonce = RAND and AUTN (RFC 3310 §3.2); the keys go no further than the P-CSCF (TS 33.203 §7)."""
        person = self.cast.subscriber("A")
        head = f'WWW-Authenticate: Digest realm="{person.home}",nonce="{self.nonce}",algorithm=AKAv1-MD5,qop="auth"'
        if UE in receiver.kinds:
            return f"{head}\r\nSecurity-Server: {SECURITY};{SERVER_SPI};q=0.1\r\n"
        rng = random.Random(self.nonce)
        return f'{head},ik="{rng.getrandbits(128):032x}",ck="{rng.getrandbits(128):032x}"\r\n'

    def _records(self, passed: list[Visit], sender: Visit, receiver: Visit) -> str:
        """Record-Route with the last box passed on top, as it may be seen between two boxes."""
        staying = [visit.node for visit in passed if visit.kinds & RECORD_ROUTING and visit.node is not None]
        return "".join(f"Record-Route: {uri}\r\n" for uri in self._shown(staying[::-1], sender, receiver))

    def _dialog_routes(self, visits: list[Visit], hop: int) -> str:
        coming = [visit.node for visit in visits[hop + 1 : -1]]
        return "".join(f"Route: {uri}\r\n" for uri in self._shown(coming, visits[hop], visits[hop + 1]))

    def _shown(self, nodes: list[Node], sender: Visit, receiver: Visit) -> list[str]:
        """Route entries; where topology is hidden, those inside the other network are one token of its IBCF."""
        if not self.hides:
            return [f"<sip:{node.host_port};lr>" for node in nodes]
        here = sender.node.network if sender.node.network == receiver.node.network else None
        shown = []
        for network, group in itertools.groupby(nodes, lambda node: node.network):
            members = list(group)
            if network == here:
                shown += [f"<sip:{node.host_port};lr>" for node in members]
                continue
            gate = next(node for node in members if IBCF in node.roles)
            inside = f"<sip:{self._token(network)}@{gate.host_port};tokenized-by={self._domain(network)};lr>"
            outside = f"<sip:{gate.host_port};lr>"
            hidden = [inside] if len(members) > 1 else []
            shown += [outside, *hidden] if members[0] is gate else [*hidden, outside]
        return shown

    def _token(self, network: int) -> str:
        return f"t{random.Random(f'{self.number} {network}').getrandbits(128):x}"

    def _domain(self, network: int) -> str:
        return self.lab.network.operators[network].domain

    def _tokenised(self, vias: str, gate: Node) -> str:
        """The Via stack of the boxes behind an IBCF as one entry (TS 24.229 §5.10.4)."""
        return f"Via: SIP/2.0/UDP {self._token(gate.network)}.{self._domain(gate.network)};tokenized-by={self._domain(gate.network)};branch=z9hG4bK{self._hex(72)}\r\n"

    def _first_routes(self, leg: Leg, hop: int, method: str) -> str:
        """Route of a request that makes a dialog or stands alone, on one hop of its way."""
        sender, receiver = leg.visits[hop], leg.visits[hop + 1]
        if UE in receiver.kinds or I_CSCF in receiver.kinds or method == "REGISTER":
            return ""
        there = receiver.node.host_port
        if receiver.kinds & {AS, SMS_GATEWAY}:
            return f"Route: <sip:{there};lr>\r\nRoute: <sip:{self._odi_uri(receiver)}{sender.node.host_port};lr>\r\n"
        if sender.kinds & {AS, SMS_GATEWAY}:
            return f"Route: <sip:{self._odi_uri(sender)}{there};lr>\r\n"
        if UE in sender.kinds:
            after = leg.visits[hop + 2] if hop + 2 < len(leg.visits) else None
            routes = f"Route: <sip:{there};lr>\r\n"
            if after is not None and "S1" in after.names:
                routes += f"Route: <sip:orig@{after.node.host_port};lr>\r\n"
            return routes
        if P_CSCF in sender.kinds and "S1" in receiver.names:
            return f"Route: <sip:orig@{there};lr>\r\n"
        if P_CSCF in receiver.kinds:
            return f"Route: <sip:term@{there};lr>\r\n"
        return f"Route: <sip:{there};lr>\r\n"

    def _odi_uri(self, server: Visit) -> str:
        odi = self.odi[server.names[-1]]
        return f"{odi}@" if odi else ""

    def _body(self, leg: Leg, words: tuple[str, ...], chain: list[Leg], downstream: bool) -> tuple[bytes, str]:
        """The body and its Content-Type line. An AS that anchors media puts its own address in it."""
        for word in words:
            if word.startswith(("offer", "answer")):
                return bodies.sdp(self._media(leg, chain, downstream), word), "Content-Type: application/sdp\r\n"
            if word == "reginfo":
                person = self.cast.subscriber("A")
                return bodies.reginfo(person.identity, person.contact_uri), "Content-Type: application/reginfo+xml\r\n"
            if word == "rp-data":
                body = bodies.rp_data(self.reference, self.cast.dialled.removeprefix("tel:"), self.cast.called_number)
                return body, "Content-Type: application/vnd.3gpp.sms\r\n"
            if word == "rp-ack":
                return bodies.rp_ack(self.reference), "Content-Type: application/vnd.3gpp.sms\r\n"
        return b"", ""

    def _media(self, leg: Leg, chain: list[Leg], downstream: bool) -> Media:
        """What an end offers or answers, unless a B2BUA that it passed before this leg anchors media."""
        maker = chain[0].visits[0 if downstream else -1]
        session = 3_000_000_000 + (self.number * 7 + (0 if downstream else 3)) % 1_000_000_000
        media = Media(maker.node.ip, self.port + (0 if downstream else 2), session)
        for crossed, following in itertools.pairwise(chain[: chain.index(leg) + 1]):
            anchor = (following if downstream else crossed).anchor
            if anchor:
                media = anchor if downstream else anchor._replace(port=anchor.port + 2, session=anchor.session + 1)
        return media

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
            self.number, leg.call_id, at, None if lost else arrival, sender.node, receiver.node, point, method, status, cseq,
            branch, payload, copy, previous,
        )  # fmt: skip
        return number, arrival

    def _work(self, visit: Visit) -> int:
        delay = visit.work + int(self.rng.random() * visit.spread)
        if AS in visit.kinds and self.rng.random() < 0.03:  # service logic that waits for a data base
            delay += int(self.rng.random() * 800 * MS)
        return delay

    def _hex(self, bits: int) -> str:
        return f"{self.rng.getrandbits(bits):0{bits // 4}x}"

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
            begins = {"initial": "initial", "refresh": "refresh", "deregister": "deregister", "third-party": "third_party"}
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
            "phases": self.phases,
            "legs": [
                {
                    "call_id": leg.call_id, "from_tag": leg.from_tag, "to_tags": sorted(leg.tags[name] for name in leg.tags if name[0] != "c"),
                    "parent": leg.parent.number if leg.parent else None, "status": leg.status, "icid": leg.icid, "kept": leg.kept,
                    "path": [visit.node.name for visit in leg.visits], "as": [list(visit.names) for visit in leg.visits],
                }
                for leg in self.all_legs if leg.transactions
            ],
        }  # fmt: skip

    def _node_name(self, name: str) -> str | None:
        return self.cast.node(name).name if name else None


class Cast:
    """Who plays the names of a route in one play."""

    def __init__(self, lab: Laboratory, scenario: Scenario) -> None:
        rng, network, settings = lab.rng, lab.network, lab.settings
        abroad = any("X1" in route for route, _ in scenario.parts)
        home, away = network.operators
        here, there = network.subscribers[0], network.subscribers[1 if abroad else 0]
        a = here[rng.randrange(len(here))]
        names = {"A": a}
        if scenario.kind == "call" and "MGCF" not in scenario.parts[0][0]:
            others = {"B", *(name for name in ("B2", "C") if name in scenario.parts[0][0].split())}
            while len(names) <= len(others):
                person = there[rng.randrange(len(there))]
                if person not in names.values():
                    names[sorted(others)[len(names) - 1]] = person
        self.people = names
        target = away if abroad else home
        self.nodes: dict[str, Node] = {name: person.ue for name, person in names.items()}
        for name, person in names.items():
            number = {"A": "1", "B": "2", "C": "3"}.get(name)
            if number:
                self.nodes["P" + number], self.nodes["S" + number] = person.p_cscf, person.s_cscf
        self.nodes |= {
            "AS1": home.tas, "AS2": target.tas, "SMS": home.sms, "BGCF": home.bgcf, "MGCF": home.mgcf, "X1": home.ibcf,
            "X2": away.ibcf, "I": rng.choice(target.i_cscfs), "I3": rng.choice(target.i_cscfs),
        }  # fmt: skip
        self.anonymous = scenario.kind == "call" and rng.random() < settings.anonymous
        called = names.get("B")
        self.called_number = called.number if called else f"+44207946{rng.randrange(10_000):04d}"
        self.dialled = self._dialled(rng, settings.translated, a, called)
        if scenario.kind == "message":
            self.dialled = "tel:+15559990000"  # the service centre

    def _dialled(self, rng: random.Random, translated: float, caller: Subscriber, called: Subscriber | None) -> str:
        """What the caller dialled: E.164, or a number that the AS of the caller translates."""
        number = self.called_number
        if rng.random() >= translated:
            return f"tel:{number}" if rng.random() < 0.5 else f"sip:{number}@{caller.home};user=phone"
        if called and rng.random() < 0.4:
            return f"tel:{called.short};phone-context={caller.home}"
        national = "0" + number[2:] if number.startswith("+1") else "00" + number[1:]
        return f"tel:{national};phone-context={caller.home}"

    def node(self, name: str) -> Node:
        return self.nodes[name]

    def subscriber(self, name: str) -> Subscriber:
        return self.people[name]


def reference_point(sender: Visit, receiver: Visit) -> str:
    """The name of the interface between two boxes in the parts they play."""
    for one in sorted(sender.kinds):
        for other in sorted(receiver.kinds):
            name = REFERENCE_POINTS.get(frozenset((one, other)))
            if name:
                return name
    return ""


def t1(one: Visit, other: Visit) -> int:
    """T1: 2 s between UE and P-CSCF (TS 24.229 table 7.7.1), else 500 ms (RFC 3261)."""
    return 2000 * MS if UE in one.kinds or UE in other.kinds else 500 * MS


def timers(method: str, one: Visit, other: Visit) -> Any:
    """The waits between copies: timer A doubles, E and G double up to T2 (RFC 3261 §17)."""
    wait = unit = t1(one, other)
    while True:
        yield wait
        wait = wait * 2 if method == "INVITE" else min(wait * 2, 8 * unit)


def _unstamped(via: str) -> str:
    """A Via as its sender wrote it: without `received` and the value of `rport` (RFC 3581)."""
    head, _, branch = via.partition(";branch=")
    head, _, marks = head.partition(";")
    return f"{head}{';rport' if 'rport' in marks else ''};branch={branch}"
