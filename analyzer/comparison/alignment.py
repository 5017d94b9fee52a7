"""Which node, transaction and message of one call is which of the other.

The ways of the INVITE are walked side by side, beginning at the caller: what a node passed the INVITE on to in one call
is what its like passed it on to in the other, the same address first, then the same role. A node that a call passes
twice, once for each party, has a like for each leg. Between two nodes of a leg, transactions are aligned as a sequence
of methods and directions, and within a transaction its responses as a sequence of statuses. So two calls whose hops
interleave in another order are still alike.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

from analyzer.comparison.sides import Node, Sent, Side

Item = TypeVar("Item")

TRYING = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A message of either call, or the same message of both."""

    a: Sent | None
    b: Sent | None

    @property
    def either(self) -> Sent:
        one = self.a or self.b
        assert one is not None
        return one


Hop = tuple[str, str, str]
"""A leg, and client and server in it."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which hop of call A a hop of call B is like, by the direction of its INVITE; and which leg and node."""

    hops: Mapping[Hop, Hop]
    legs: Mapping[str, str]
    nodes: Mapping[tuple[str, str], str]

    def hop(self, one: Sent) -> Hop:
        """The leg, the client and the server of a message of B, as A knows them.

        What is like nothing of A has a name that A has not.
        """
        client, server = one.ends
        if (one.leg, client, server) in self.hops:
            return self.hops[one.leg, client, server]
        if (one.leg, server, client) in self.hops:
            leg, server, client = self.hops[one.leg, server, client]
            return leg, client, server
        client, server = (self.nodes.get((one.leg, node), f"b {node}") for node in (client, server))
        return self.legs.get(one.leg, f"b {one.leg}"), client, server

    def anywhere(self, node: str) -> str | None:
        """The node of A that this node is like in the first leg in which it has one."""
        return next((like for (_, other), like in self.nodes.items() if other == node), None)


def likeness(a: Side, b: Side) -> Likeness:
    """The ways of the INVITE through both calls, side by side."""
    hops: dict[Hop, Hop] = {}
    legs: dict[str, str] = {}
    nodes: dict[tuple[str, str], str] = {}
    children_a, children_b = _children(a), _children(b)
    pairs = _alike(children_a.pop(None, []), children_b.pop(None, []), a, b, _BY_PLACE)
    while pairs:
        one, other = pairs.pop(0)
        hops.setdefault((other.leg, *other.ends), (one.leg, *one.ends))
        legs.setdefault(other.leg, one.leg)
        for node, like in zip(other.ends, one.ends, strict=True):
            nodes.setdefault((other.leg, node), like)
        pairs += _alike(children_a.pop(one.message, []), children_b.pop(other.message, []), a, b, _BY_NODE)
        if not pairs:
            # One call took a way round that the other did not; behind it they may be alike again.
            rest_a, rest_b = ([one for rest in rests.values() for one in rest] for rests in (children_a, children_b))
            pairs = _alike(rest_a, rest_b, a, b, _BY_ROLES)[:1]
            _without(children_a, [one for one, _ in pairs])
            _without(children_b, [other for _, other in pairs])
    _others(a, b, legs, nodes)
    return Likeness(hops, legs, nodes)


def _children(side: Side) -> dict[int | None, list[Sent]]:
    """The initial INVITEs that each was passed on as, in order of time; those of nobody are under None."""
    invites = {one.message: one for one in side.sent if one.begins}
    children: dict[int | None, list[Sent]] = {}
    for one in invites.values():
        children.setdefault(one.previous if one.previous in invites else None, []).append(one)
    return children


def _without(children: dict[int | None, list[Sent]], taken: list[Sent]) -> None:
    for rest in children.values():
        rest[:] = [one for one in rest if one not in taken]


Fits = Callable[[Node, Node, Node, Node], bool]
_SAME_NODE: Fits = lambda _, to_a, __, to_b: to_a.node == to_b.node  # noqa: E731
_SAME_ROLE: Fits = lambda _, to_a, __, to_b: to_a.role == to_b.role  # noqa: E731
_EITHER_UNKNOWN: Fits = lambda _, to_a, __, to_b: "unknown" in (to_a.role, to_b.role)  # noqa: E731
_SAME_ROLES: Fits = lambda from_a, to_a, from_b, to_b: (from_a.role, to_a.role) == (from_b.role, to_b.role)  # noqa: E731
_ANY: Fits = lambda *_: True  # noqa: E731
# What a node passed an INVITE on to, what a call began with, what is left over.
_BY_NODE = (_SAME_NODE, _SAME_ROLE, _EITHER_UNKNOWN)
_BY_PLACE = (_SAME_NODE, _SAME_ROLE, _ANY)
_BY_ROLES = (_SAME_ROLES,)


def _alike(
    these: Sequence[Sent], those: Sequence[Sent], a: Side, b: Side, tests: Sequence[Fits]
) -> list[tuple[Sent, Sent]]:
    """Pairs of INVITEs whose nodes fit, by the first test first."""
    free_a, free_b = list(these), list(those)
    pairs = []
    for fits in tests:
        for one in list(free_a):
            ends = (a.nodes[one.sender], a.nodes[one.receiver])
            found = next((y for y in free_b if fits(*ends, b.nodes[y.sender], b.nodes[y.receiver])), None)
            if found is not None:
                free_a.remove(one)
                free_b.remove(found)
                pairs.append((one, found))
    return pairs


def _others(a: Side, b: Side, legs: dict[str, str], nodes: dict[tuple[str, str], str]) -> None:
    """Adds nodes that no INVITE was seen at, and legs without any: by address, then by role."""
    there: dict[str, list[str]] = {}
    for one in a.sent:
        there.setdefault(one.leg, []).extend((one.sender, one.receiver))
    free_a = [leg for leg in there if leg not in legs.values()]
    free_b = [leg for leg in dict.fromkeys(one.leg for one in b.sent) if leg not in legs]
    legs.update(zip(free_b, free_a, strict=False))
    for leg, node in dict.fromkeys((one.leg, end) for one in b.sent for end in (one.sender, one.receiver)):
        if (leg, node) in nodes or leg not in legs:
            continue
        taken = {like for (other, _), like in nodes.items() if other == leg}
        free = [one for one in dict.fromkeys(there[legs[leg]]) if one not in taken]
        role = b.nodes[node].role
        same = [one for one in free if one == node] + [one for one in free if a.nodes[one].role == role]
        if same:
            nodes[leg, node] = same[0]


def aligned(a: Side, b: Side, like: Likeness) -> list[Row]:
    """The messages of both calls in rows, in the order of call A; what only B has stands where B has it."""
    hops_a, hops_b = _transactions(a, lambda one: (one.leg, *one.ends)), _transactions(b, like.hop)
    rows: list[Row] = []
    for hop in dict.fromkeys([*hops_a, *hops_b]):
        for one, other in _sequence(hops_a.get(hop, []), hops_b.get(hop, []), lambda one: one.token):
            rows += _messages(one.sent if one else [], other.sent if other else [])
    return _in_order(rows, a, b)


@dataclass(frozen=True, slots=True)
class _Transaction:
    token: Hashable
    sent: list[Sent]


def _transactions(side: Side, hop_of: Callable[[Sent], Hop]) -> dict[Hashable, list[_Transaction]]:
    """The transactions between each two nodes of a leg, in order of time, under the names that A has for them."""
    hops: dict[Hashable, list[_Transaction]] = {}
    known: dict[object, _Transaction] = {}
    for one in side.sent:
        leg, client, server = hop_of(one)
        hop = (leg, frozenset({client, server}))
        # The ACK of a 2xx is in no transaction (RFC 3261 §13.2.2.4).
        key = (hop, one.transaction if one.transaction is not None else ("alone", one.message))
        if key not in known:
            known[key] = _Transaction((client, one.method, one.in_dialog and one.status is None), [])
            hops.setdefault(hop, []).append(known[key])
        known[key].sent.append(one)
    return hops


def _messages(these: list[Sent], those: list[Sent]) -> list[Row]:
    """The messages of one transaction; what is left of its responses is paired final with final, 18x with 18x."""
    pairs = _sequence(these, those, lambda one: one.method if one.status is None else one.status)
    rows = [Row(one, other) for one, other in pairs if one and other]
    only_a = [one for one, other in pairs if one and not other]
    only_b = [other for one, other in pairs if other and not one]
    for one in only_a:
        found = next((other for other in only_b if _kind(other) == _kind(one) and one.status is not None), None)
        if found is not None:
            only_b.remove(found)
        rows.append(Row(one, found))
    return rows + [Row(None, other) for other in only_b]


def _kind(one: Sent) -> str:
    if one.status is None:
        return one.method
    return "final" if one.final else "trying" if one.status == TRYING else "provisional"


def _sequence(
    these: Sequence[Item], those: Sequence[Item], token: Callable[[Item], Hashable]
) -> list[tuple[Item | None, Item | None]]:
    """Both sequences aligned by their tokens; what is left over of one token is paired in whatever order it came."""
    matcher = SequenceMatcher(None, [token(one) for one in these], [token(one) for one in those], autojunk=False)
    both = [(at + n, bt + n) for at, bt, length in matcher.get_matching_blocks() for n in range(length)]
    rest_a, rest_b = dict(enumerate(these)), dict(enumerate(those))
    pairs: list[tuple[Item | None, Item | None]] = [(rest_a.pop(one), rest_b.pop(other)) for one, other in both]
    for one in rest_a.values():
        found = next((place for place, other in rest_b.items() if token(other) == token(one)), None)
        pairs.append((one, None if found is None else rest_b.pop(found)))
    return pairs + [(None, other) for other in rest_b.values()]


def _in_order(rows: list[Row], a: Side, b: Side) -> list[Row]:
    """The rows in the order of A; what only B has, and an earlier other answer, follows the one before it in B."""
    row_of_b = {row.b.message: row for row in rows if row.b is not None}
    of_a = {row.a.message: row for row in rows if row.a is not None}
    ordered = [of_a[one.message] for one in a.sent]
    before: Row | None = None
    for one in b.sent:
        row = row_of_b[one.message]
        place = 0 if before is None else _place(ordered, before) + 1
        if row.a is None:
            ordered.insert(place, row)
        elif row.a.status != one.status and (now := _place(ordered, row)) > place:
            ordered.insert(place, ordered.pop(now))
        before = row
    return ordered


def _place(rows: list[Row], wanted: Row) -> int:
    return next(place for place, row in enumerate(rows) if row is wanted)
