"""Who stands on the way of a script: its legs, and what the messages of each have in common.

At a B2BUA a leg gets a new Call-ID, new tags, and as much of the evidence as this call keeps.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from analyzer.simulator.bodies import Media
from analyzer.simulator.headers import Headers
from analyzer.simulator.legs import Leg, Visit
from analyzer.simulator.network import AS, BGCF, I_CSCF, P_CSCF, S_CSCF, SMS_GATEWAY, UE, Node, Subscriber
from analyzer.simulator.participants import Participants
from analyzer.simulator.script import Scenario, Step

if TYPE_CHECKING:
    from analyzer.simulator.air import Air

SHARED_BY_FORKS = (
    "call_id", "from_tag", "tags", "cseq", "icid", "icid_at", "related", "session", "from_uri", "to_uri", "anchor",
    "history",
)  # fmt: skip


class Ways(Headers):
    """The legs of a script being played, and a clock that stands where the last message arrived."""

    def __init__(self, lab: Air, number: int, scenario: Scenario, at: int, cast: Participants) -> None:
        super().__init__(lab, number, scenario, cast)
        self.started_at = self.now = at
        self.legs: list[Leg] = []
        self.boxes: set[Node] = set()  # those on its routes, forks too

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
        # Another call of the same play is another session.
        leg.session = f"{int(self.session_a, 16) ^ part:032x}" if self.scenario.sound else self.session_a

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
        anchored = chance() < settings.sdp_anchored or (
            self.scenario.sound is not None and self.scenario.sound.anchored
        )
        if anchored:
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
            elif leg.visits[0].names[-1] == "MGCF":  # a call to the one who registered
                uri = caller.identity
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
