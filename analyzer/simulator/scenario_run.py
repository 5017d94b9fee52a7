"""One script played once: the engine that gives each message its routing headers on every hop.

A script says who sends what to whom. Here that goes hop by hop: Via stack and Max-Forwards, 100s, ACKs to failures,
CANCELs. `ways.py` lays the legs, `headers.py` says what else a node writes, `hops.py` when it is sent, and sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.simulator import media
from analyzer.simulator.headers import IN_DIALOG, WORDS
from analyzer.simulator.hops import Hops
from analyzer.simulator.legs import Leg, Transaction, Visit, unstamped
from analyzer.simulator.network import IBCF, MS, UE
from analyzer.simulator.oddities import carriage, edited
from analyzer.simulator.participants import Participants
from analyzer.simulator.script import Scenario, Step

if TYPE_CHECKING:
    from analyzer.simulator.air import Air

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    380: "Alternative Service", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    407: "Proxy Authentication Required", 408: "Request Timeout", 415: "Unsupported Media Type", 420: "Bad Extension",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 428: "Use Identity Header",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    491: "Request Pending", 494: "Security Agreement Required", 500: "Server Internal Error",
    503: "Service Unavailable", 504: "Server Time-out", 580: "Precondition Failure", 603: "Decline",
}  # fmt: skip


#: Words of a request that its receiver leaves without an answer; all but the first is sent once.
UNANSWERED = frozenset(("silent", "refused", "once"))
#: How many copies of a request its receiver loses.
DROPPED = {"overrun": 5, "sluggish": 1}


class ScenarioRun(Hops):
    """A script being played."""

    def __init__(self, lab: Air, number: int, scenario: Scenario, at: int, cast: Participants) -> None:
        super().__init__(lab, number, scenario, at, cast)
        self.phases = {}
        self.attempts: list[dict[str, Any]] = []
        self.streams: list[dict[str, Any]] = []

    def run(self) -> None:
        for part, (route, script) in enumerate(self.scenario.parts):
            lines = self.lab.steps(script)
            if self.scenario.dialled:
                dialled = self.scenario.dialled[part % len(self.scenario.dialled)]
                caller = self.cast.subscriber("A")
                self.cast.dialled = dialled.format(home=caller.home, digits=caller.number[-4:])
            self._lay(route, lines, part)
            course: list[tuple[Step, int, int]] = []
            for step in lines:
                least, spread = step.wait
                self.now += least + int(self.rng.random() * spread)
                begin = self.now
                if step.status:
                    self._respond(step)
                else:
                    self._request(step)
                course.append((step, begin, self.now))
            self.streams += media.play(self, part, course)

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
        cseq = self._next_cseq(leg, method, downstream) - 2 * ("old-cseq" in step.words)
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
            payload = edited(text, step.words).encode() + body
            is_end = leg is chain[-1] and hop == last - 1
            if is_end and (way := carriage(step.words)):
                transaction.carriages[hop] = way
            if is_end and not UNANSWERED.isdisjoint(step.words):
                once = "silent" not in step.words
                arrival, previous = self._unanswered(leg, transaction, hop, arrival, payload, branch, previous, once)
                continue
            dropped = max((DROPPED.get(word, 0) for word in step.words), default=0) if is_end else 0
            arrival, previous = self._send_request(leg, transaction, hop, arrival, payload, branch, previous, dropped)
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
            text = edited(text, step.words)
            row, arrival = self._put(
                leg, at, sender, receiver, "CANCEL", 0, invite.cseq, branch, text.encode(), 0, previous, False
            )
            self._phase(leg, hop, visits, "CANCEL", 0, row, at)
            answer = self._ends(leg, "CANCEL", invite.cseq, True, self._hex(40))
            status = 481 if "other-branch" in step.words else 200
            text = f"SIP/2.0 {status} {PHRASES[status]}\r\n{top}{answer}Content-Length: 0\r\n\r\n"
            reply = edited(text, step.words).encode()
            self._put(leg, arrival + MS, receiver, sender, "CANCEL", status, invite.cseq, branch, reply, 0, None, False)
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
            payload, branch = edited(text, step.words).encode() + body, transaction.branch(hop)
            carried.append((hop, payload, branch, at - started_at))
            if method != "INVITE":
                unheard = "unheard" in step.words and hop == low
                at, row = self._answer_request(leg, transaction, hop, status, at, payload, branch, previous, unheard)
            elif status < 300:
                at, row = self._answer_invite(leg, transaction, carried, status, started_at, at, previous)
            else:
                at, row = self._refuse_invite(leg, transaction, hop, status, at, payload, branch, previous)
                if "again" not in step.words or leg is not chain[-1] or hop > low:
                    self._acknowledge(leg, transaction, hop, at, ends.replace(" INVITE\r\n", " ACK\r\n"), branch)
            self._phase(leg, hop, visits, method, status, row, at)
            previous = row
        if "again" in step.words and status < 300:
            self._repeat(leg, transaction, carried, status, started_at)
        elif "again" in step.words and leg is chain[-1]:  # an ACK to a failure belongs to its hop
            self._repeat(leg, transaction, carried[-1:], status, started_at)
        if method == "INVITE" and status >= 200 and low == 0:
            leg.status = status
        self.now = at
        return previous

    # -- truth --------------------------------------------------------------------------------------------------------

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
