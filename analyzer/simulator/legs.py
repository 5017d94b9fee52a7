"""What a play is made of: visits of nodes, legs with one Call-ID each, transactions, and the timers of RFC 3261."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from analyzer.simulator.bodies import Media
from analyzer.simulator.network import (
    AS,
    BGCF,
    I_CSCF,
    IBCF,
    MGCF,
    MS,
    P_CSCF,
    RECORD_ROUTING,
    REFERENCE_POINTS,
    S_CSCF,
    SMS_GATEWAY,
    UE,
    WORK,
    Node,
)
from analyzer.simulator.wire import Carriage

KINDS = {
    "A": UE, "B": UE, "C": UE, "P": P_CSCF, "S": S_CSCF, "I": I_CSCF, "AS": AS, "SMS": SMS_GATEWAY, "BGCF": BGCF,
    "MGCF": MGCF, "X": IBCF,
}  # fmt: skip


class Visit:
    """One stop of a route: a node, the names it has there (several where one node plays neighbouring parts)."""

    __slots__ = ("kinds", "names", "node", "spread", "work")

    def __init__(self, names: tuple[str, ...], node: Node) -> None:
        self.names, self.node = names, node
        kinds = [KINDS[name.rstrip("0123456789")] for name in names]
        self.kinds = frozenset(kinds)
        self.work, self.spread = WORK[kinds[0]][0] * MS + node.slower, WORK[kinds[0]][1] * MS


class Transaction:
    """A request on its way over one leg. `vias[i]`: the stack as the node at the end of hop i sees it."""

    __slots__ = ("arrived", "carriages", "cseq", "downstream", "method", "sent", "vias", "visits")

    def __init__(self, method: str, cseq: int, visits: list[Visit], downstream: bool) -> None:
        self.method, self.cseq, self.visits, self.downstream = method, cseq, visits, downstream
        self.vias: list[str] = []
        self.sent: list[tuple[int, bytes, int]] = []  # on each hop: when first, what, how often so far
        self.carriages: dict[int, Carriage] = {}  # of a hop on which the request travels otherwise than usual

        self.arrived: list[int] = []  # on each hop: the number of the copy that came through

    def branch(self, hop: int) -> str:
        return self.vias[hop].split("branch=", 1)[1].split("\r\n", 1)[0].split(";", 1)[0]


class Leg:
    """One Call-ID between two ends. A fork is a leg that shares Call-ID and From with its `base`."""

    def __init__(self, visits: list[Visit], parent: Leg | None, number: int) -> None:
        self.visits, self.parent, self.number = visits, parent, number
        ends = (0, len(visits) - 1)
        self.dialog = [visit for i, visit in enumerate(visits) if i in ends or visit.kinds & RECORD_ROUTING]
        self.base: Leg | None = None
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


def reference_point(sender: Visit, receiver: Visit) -> str:
    """The name of the interface between two nodes in the parts they play."""
    return _point_between(sender.kinds, receiver.kinds)


@lru_cache
def _point_between(ones: frozenset[str], others: frozenset[str]) -> str:
    pairs = (frozenset(pair) for pair in itertools.product(sorted(ones), sorted(others)))
    return next((REFERENCE_POINTS[pair] for pair in pairs if pair in REFERENCE_POINTS), "")


def t1(one: Visit, other: Visit) -> int:
    """T1: 2 s between UE and P-CSCF (TS 24.229 table 7.7.1), else 500 ms (RFC 3261)."""
    return 2000 * MS if UE in one.kinds or UE in other.kinds else 500 * MS


def timers(method: str, one: Visit, other: Visit) -> Iterator[int]:
    """The waits between copies: timer A doubles, E and G double up to T2 (RFC 3261 §17)."""
    wait = unit = t1(one, other)
    while True:
        yield wait
        wait = wait * 2 if method == "INVITE" else min(wait * 2, 8 * unit)


def unstamped(via: str) -> str:
    """A Via as its sender wrote it: without `received` and the value of `rport` (RFC 3581)."""
    head, _, branch = via.partition(";branch=")
    head, _, marks = head.partition(";")
    return f"{head}{';rport' if 'rport' in marks else ''};branch={branch}"
