"""What nodes ask beside SIP: the HSS (Cx), the PCRF (Rx) and DNS, while they have a message in hand.

========  ===================================================  =================================
who       with this in hand                                    asks
========  ===================================================  =================================
I-CSCF    a REGISTER that it sends on                          UAR (TS 29.228 §6.1.1)
I-CSCF    an initial INVITE that it sends on                   LIR (§6.1.4)
S-CSCF    a REGISTER that it answers                           MAR before a 401, SAR before a 200
P-CSCF    a response with SDP that it sends on                 AAR (TS 29.214 §4.4.1), some of them after that
P-CSCF    a REGISTER that it sends to the I-CSCF               SRV of the home network (RFC 3263 §4.2)
S-CSCF    an initial INVITE to a number that it sends to an    NAPTR of the number (RFC 6116)
          I-CSCF or BGCF
========  ===================================================  =================================

It all fits into the time that the node takes anyway, so that SIP stays as it is, to the byte. Some is asked for nobody:
locations of subscribers who are not called, names of other hosts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.simulator import beside_wire as wire
from analyzer.simulator.network import BGCF, I_CSCF, MS, P_CSCF, S_CSCF, UE, Node, packed
from analyzer.simulator.wire import Route, UdpRoute, connect

if TYPE_CHECKING:
    from analyzer.simulator.air import Air
    from analyzer.simulator.scenario_run import ScenarioRun

HSS, PCRF, DNS = "HSS", "PCRF", "DNS"
_PORTS = {HSS: 3868, PCRF: 3868, DNS: 53}
_LATER = 0.2  # of the AARs: the P-CSCF has sent the response on before
_FOR_NOBODY = 0.3  # as many as plays


class Passed(NamedTuple):
    """A message of SIP on one hop."""

    sent_at: int
    number: int
    received_at: int | None
    sender: Node
    receiver: Node
    payload: bytes


class _Sip:
    """What nodes look at in a message."""

    def __init__(self, passed: Passed) -> None:
        self.passed, self.text = passed, passed.payload.decode("latin-1")
        self.line = self.text.split("\r\n", 1)[0]
        self.request = not self.line.startswith("SIP/2.0")
        self.status = 0 if self.request else int(self.line.split()[1])
        self.call_id = self.find(r"\r\nCall-ID: ([^\r]*)")
        self.cseq, self.method = self.find(r"\r\nCSeq: (\d+)"), self.find(r"\r\nCSeq: \d+ (\w+)")
        self.uri = self.line.split()[1] if self.request else ""

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.text)
        return found.group(1) if found else ""

    @property
    def initial(self) -> bool:
        return self.request and self.method == "INVITE" and not self.find(r"\r\nTo: [^\r]*;tag=(\S)")


class Beside:
    """The servers of both operators, and what is asked of them."""

    def __init__(self, lab: Air) -> None:
        self.lab, self.rng = lab, random.Random(f"beside {lab.settings.seed}")
        self.servers = [
            {role: self._server(role, operator.number) for role in _PORTS} for operator in lab.network.operators
        ]
        self._exchanges = 0
        self._stand_ins = 0

    def _server(self, role: str, operator: int) -> Node:
        number = list(_PORTS).index(role) + 1
        ip = f"2001:db8:{operator + 1:x}:ff::{number}" if self.lab.network.ipv6 else f"10.{operator + 1}.9.{number}"
        name = f"{'b' if operator else ''}{role.lower()}1"
        mac = bytes((2, 9, 0, 0, operator, number))
        return Node(name, (role,), ip, operator, name, port=_PORTS[role], mac=mac, address=packed(ip))

    def route(self, sender: Node, receiver: Node) -> tuple[Route, Route] | None:
        """The way between a node and a server, and back; None between nodes that speak SIP."""
        if not {*sender.roles, *receiver.roles} & _PORTS.keys():
            return None
        client, server = (receiver, sender) if sender.roles[0] in _PORTS else (sender, receiver)
        self._stand_ins += 1
        here = replace(client, port=20_000 + self._stand_ins % 20_000)
        there: Route
        back: Route
        if DNS in server.roles:
            there, back = UdpRoute(here, server, 1500), UdpRoute(server, here, 1500)
        else:
            there, back = connect(here, server, 1500, here.port, self.rng.getrandbits(31))
        return (there, back) if client is sender else (back, there)

    # -- who asks -----------------------------------------------------------------------------------------------------

    def ask(self, play: ScenarioRun, passed: list[Passed]) -> None:
        """All that is asked for a play, which has put these messages on their way."""
        kind = play.scenario.kind
        if kind in ("call", "registration"):
            told = sorted((_Sip(one) for one in passed), key=lambda one: one.passed.sent_at)
            asked: set[tuple[Node, str, str, str, int]] = set()
            for sip in sorted(told, key=lambda one: one.passed.received_at or 0):
                key = (sip.passed.receiver, sip.call_id, sip.cseq, sip.method, sip.status)
                if sip.passed.received_at is not None and key not in asked:
                    asked.add(key)
                    self._with_in_hand(play, kind, sip, told)
        if self.rng.random() < _FOR_NOBODY and passed:
            self._for_nobody(min(one.sent_at for one in passed))

    def _with_in_hand(self, play: ScenarioRun, kind: str, sip: _Sip, told: list[_Sip]) -> None:
        node, roles = sip.passed.receiver, sip.passed.receiver.roles

        def onward(holds: Callable[[_Sip], bool]) -> _Sip | None:
            """What the node makes of it."""
            return next(
                (
                    one
                    for one in told
                    if one.passed.sender is node
                    and one.passed.sent_at >= (sip.passed.received_at or 0)
                    and (one.call_id, one.cseq, one.method) == (sip.call_id, sip.cseq, sip.method)
                    and holds(one)
                ),
                None,
            )

        def tell(what: str, after: _Sip | None, **said: str) -> None:
            if after is not None:
                self._exchange(what, node, kind, play, sip, after.passed.sent_at, said)

        if sip.method == "REGISTER" and sip.request:
            identity, private = sip.find(r"\r\nTo: [^<]*<([^>]*)>"), sip.find(r'username="([^"]*)"')
            subject = {"identity": identity, "private": private}
            if P_CSCF in roles:
                sent = onward(lambda one: one.request and I_CSCF in one.passed.receiver.roles)
                tell("SRV", sent, name=f"_sip._udp.{sip.uri.removeprefix('sip:')}")
            if I_CSCF in roles:
                tell("UAR", onward(lambda one: one.request), **subject)
            if S_CSCF in roles:
                tell("MAR", onward(lambda one: one.status == 401), **subject)
                tell("SAR", onward(lambda one: one.status == 200), **subject)
        elif sip.initial:
            if I_CSCF in roles:
                tell("LIR", onward(lambda one: one.request), identity=sip.uri.split(";", 1)[0])
            if S_CSCF in roles and (number := re.match(r"(?:tel:|sip:)(\+\d+)", sip.uri)):
                sent = onward(lambda one: one.request and bool({I_CSCF, BGCF} & set(one.passed.receiver.roles)))
                tell("NAPTR", sent, name=wire.enum_name(number.group(1)), number=number.group(1))
        elif sip.method == "INVITE" and sip.status in (183, 200) and "\r\nc=IN" in sip.text and P_CSCF in roles:
            sent = onward(lambda one: one.status == sip.status)
            ends = (sip.passed.sender, sent.passed.receiver) if sent else ()
            for user in (end for end in ends if UE in end.roles):
                tell("AAR", sent, framed=user.ip, icid=sip.find(r"icid-value=\"?([^\";\r]*)"))

    def _for_nobody(self, at: int) -> None:
        operator = self.lab.network.operators[0]
        at += self.rng.randrange(1_000) * MS
        if self.rng.random() < 0.5:
            person = self.rng.choice(self.lab.network.subscribers[0])
            self._put("LIR", operator.i_cscfs[0], None, at, at + 8 * MS, {"identity": f"tel:{person.number}"})
        else:
            name = f"host{self.rng.randrange(20)}.example.net"
            self._put("A", self.rng.choice(operator.p_cscfs), None, at, at + 8 * MS, {"name": name})

    # -- when, and the bytes ------------------------------------------------------------------------------------------

    def _exchange(
        self, what: str, node: Node, kind: str, play: ScenarioRun, sip: _Sip, until: int, said: dict[str, str]
    ) -> None:
        since = sip.passed.received_at or 0
        if what == "AAR" and self.rng.random() < _LATER:
            since, until = until, until + 60 * MS
        room = until - since
        begin = since + round(room * self.rng.uniform(0.1, 0.3))
        end = begin + round(room * self.rng.uniform(0.2, 0.5))
        told = {"play": play.number, "kind": kind, "call_id": sip.call_id, "message": sip.passed.number}
        self._put(what, node, told, begin, end, said)

    def _put(
        self, what: str, node: Node, told: dict[str, Any] | None, asked_at: int, answered_at: int, said: dict[str, str]
    ) -> None:
        """An exchange on the wire and in the truth; `told` says what it is asked for."""
        role = PCRF if what == "AAR" else HSS if what in wire.COMMANDS else DNS
        server = self.servers[node.network][role]
        number = self._exchanges
        self._exchanges += 1
        make = self._dns if role == DNS else self._diameter
        request, answer = make(what, node, server, number, said)
        # Only DNS goes over UDP.
        lost = role == DNS and self.rng.random() < self.lab.settings.loss
        flight = MS // 10
        self.lab.put_beside(asked_at, -2 * number - 2, asked_at + flight, node, server, request)
        if not lost:
            self.lab.put_beside(answered_at - flight, -2 * number - 3, answered_at, server, node, answer)
        self.lab.truth.exchanges.append(
            {
                "number": -2 * number - 2, "protocol": "dns" if role == DNS else "diameter", "what": what,
                "client": node.name, "server": server.name, "server_ip": server.ip, "asked_at": asked_at,
                "answered_at": None if lost else answered_at,
                **(told or {"play": None, "kind": None, "call_id": None, "message": None}),
            }
        )  # fmt: skip

    def _diameter(self, what: str, node: Node, server: Node, number: int, said: dict[str, str]) -> tuple[bytes, bytes]:
        realm = self.lab.network.operators[node.network].domain
        application, vendor = (wire.RX, "rx") if what == "AAR" else (wire.CX, "cx")
        session = wire.avp(263, f"{node.name}.{realm};{vendor};{number}")
        both = [session]
        if what != "AAR":
            both += [wire.avp(260, [wire.avp(266, wire.TGPP), wire.avp(258, application)]), wire.avp(277, 1)]
        else:
            both += [wire.avp(258, application)]
        ends = [wire.avp(264, f"{node.name}.{realm}"), wire.avp(296, realm), wire.avp(283, realm)]
        asked = {
            "UAR": [wire.tgpp(600, realm), wire.tgpp(623, 0)],
            "MAR": [wire.tgpp(612, [wire.tgpp(608, "Digest-AKAv1-MD5")]), wire.tgpp(607, 1)],
            "SAR": [wire.tgpp(602, f"sip:{node.host_port}"), wire.tgpp(614, 1), wire.tgpp(624, 0)],
        }.get(what, [])
        if said.get("private"):
            asked.append(wire.avp(1, said["private"]))
        if said.get("identity"):
            asked.append(wire.tgpp(601, said["identity"]))
        if "framed" in said:
            media = wire.tgpp(517, [wire.tgpp(518, 1), wire.tgpp(520, 0)])
            asked += [wire.framed_address(said["framed"]), media]
            # Not every P-CSCF tells it.
            if said["icid"] and self.rng.random() < 0.5:
                asked.append(wire.tgpp(505, said["icid"]))
        of_server = [wire.avp(264, f"{server.name}.{realm}"), wire.avp(296, realm), wire.avp(268, wire.SUCCESS)]
        return (
            wire.diameter(what, application, number + 1, [*both, *ends, *asked]),
            wire.diameter(what, application, number + 1, [*both, *of_server], answer=True),
        )

    def _dns(self, what: str, node: Node, server: Node, number: int, said: dict[str, str]) -> tuple[bytes, bytes]:
        domain = self.lab.network.operators[node.network].domain
        kind, data = {
            "SRV": lambda: (wire.SRV, wire.srv(f"icscf1.{domain}")),
            "NAPTR": lambda: (wire.NAPTR, wire.naptr(said["number"], domain)),
            "A": lambda: (wire.A, bytes((192, 0, 2, number % 250 + 1))),
        }[what]()
        key = number & 0xFFFF
        return wire.query(key, said["name"], kind), wire.response(key, said["name"], kind, data)
