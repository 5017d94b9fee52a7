"""Who plays the names of a route: subscribers drawn by lot, and the nodes that serve them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.simulator.network import Node, Subscriber, packed
from analyzer.simulator.script import Scenario

if TYPE_CHECKING:
    from analyzer.simulator.air import Air


class Participants:
    """Who plays the names of a route in one play."""

    def __init__(self, lab: Air, scenario: Scenario) -> None:
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
            "S9": next((node for node in home.s_cscfs if node is not self.nodes.get("S2")), home.s_cscfs[0]),
            "AS1": a.server, "AS2": names.get("B", a).server, "SMS": home.sms, "BGCF": home.bgcf, "MGCF": home.mgcf,
            "X1": home.ibcf, "X2": away.ibcf, "I": rng.choice(target.i_cscfs), "I3": rng.choice(target.i_cscfs),
        }  # fmt: skip
        if scenario.behind_nat:
            ue = self.nodes[scenario.behind_nat]
            ip = f"203.0.113.{rng.randrange(1, 255)}"
            self.nodes[scenario.behind_nat] = replace(ue, ip=ip, address=packed(ip))
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
