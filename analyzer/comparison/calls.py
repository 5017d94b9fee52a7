"""Two calls compared: their ladders in rows, what differs in each row, and the first difference that matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from analyzer.comparison import descriptions, header_fields
from analyzer.comparison.alignment import Row, aligned, likeness
from analyzer.comparison.comparability import ENDS
from analyzer.comparison.header_fields import FieldDifference, Neutral
from analyzer.comparison.sides import Sent, Side, short
from analyzer.reading.parsing import parse

Kind = Literal["status", "missing", "additional", "retransmission", "header", "sdp"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not the same in a row of the ladder.

    ``status``: another response; ``missing``: only A has the message; ``additional``: only B has it;
    ``retransmission``: sent another number of times; ``header`` and ``sdp``: ``field`` means something else.
    """

    kind: Kind
    row: int
    field: FieldDifference | None = None

    @property
    def matters(self) -> bool:
        return self.field is None or self.field.matters


@dataclass(frozen=True, slots=True)
class Timing:
    """A time of both calls in seconds: a delay of the call, a phase, or what a node or link took of the set-up."""

    group: Literal["call", "phase", "part"]
    name: str
    a_s: float | None
    b_s: float | None

    @property
    def more_s(self) -> float | None:
        """How much longer it is in B."""
        return None if self.a_s is None or self.b_s is None else self.b_s - self.a_s


# A challenge and the end of a cancelled INVITE (RFC 3261 §22, §9) say nothing of a node.
_FAILED, _NO_FAILURES = 400, (401, 407, 487)
_DELAYS = ("srd_s", "pdd_s", "alert_s", "setup_s", "ring_s", "talk_s")
# Parts of the waterfall that are people's, or another part's: no node is slow for them.
_NOT_OF_A_NODE = ("ringing", "serial fork")


class ComparedCalls:
    """Call A, as a rule the good one, and call B side by side."""

    def __init__(self, a: Side, b: Side) -> None:
        self.a = a
        self.b = b
        self.like = likeness(a, b)
        self.rows = aligned(a, b, self.like)

    # ---- differences -----------------------------------------------------------------------------------------------

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """All of them, in the order of the ladder; in a row those of the flow come first."""
        return tuple(difference for number, row in enumerate(self.rows) for difference in self._of_row(number, row))

    @cached_property
    def first(self) -> Difference | None:
        """The first difference that matters; None where there is none.

        A message that is missing because a node answered otherwise is not the first: the other answer is.
        """
        matter = [one for one in self.differences if one.matters and one.row not in self.not_captured]
        return self._answered_otherwise(matter[0]) if matter else None

    @cached_property
    def parting(self) -> Difference | None:
        """Where call B failed first, if it ended otherwise than A; else the first difference of the flow: another
        response, or a message that only one call has."""
        if (failed := self._failed_first()) is not None:
            return failed
        flow = ("status", "missing", "additional")
        apart = [one for one in self.differences if one.kind in flow and one.row not in self.not_captured]
        return self._answered_otherwise(apart[0]) if apart else None

    def _failed_first(self) -> Difference | None:
        """Where the final response of B that refuses the INVITE comes from, if A has none or another in its place."""
        if self.a.row["outcome"] == self.b.row["outcome"]:
            return None
        found = {
            one.b.message: number
            for number, one in enumerate(self.rows)
            if one.b is not None and one.b.method == "INVITE" and (one.b.status or 0) >= _FAILED
            if one.b.status not in _NO_FAILURES and (one.a is None or one.a.status != one.b.status)
        }
        messages = {one.message: one for one in self.b.sent if one.message in found}
        if not messages:
            return None
        # Back from the caller along the way of the response: clocks of several capture points need not agree.
        to_caller = [one for one in messages.values() if one.receiver == self.b.caller]
        origin = to_caller[-1] if to_caller else next(iter(messages.values()))
        while messages:
            messages.pop(origin.message, None)
            # Where it is not known what a response was made from, one that came to its sender.
            to_sender = (one for one in messages.values() if one.receiver == origin.sender)
            before = messages.get(origin.previous or 0) or next(to_sender, None)
            if before is None:
                break
            origin = before
        number = found[origin.message]
        return Difference("additional" if self.rows[number].a is None else "status", number)

    @cached_property
    def not_captured(self) -> frozenset[int]:
        """Rows of hops that one call shows and the other does not, for which that call need not be another.

        A node talks to itself where the other call has two nodes; or the capture did not see the receiver, while what
        came back from behind it is alike.
        """
        rows: set[int] = set()
        for missing in ("a", "b"):
            there = {self._hop(row) for row in self.rows if getattr(row, missing) is not None}
            blind: dict[object, list[int]] = {}
            for number, row in enumerate(self.rows):
                if getattr(row, missing) is None and self._hop(row) not in there:
                    blind.setdefault(self._hop(row), []).append(number)
            for numbers in blind.values():
                if self._is_one_node(self.rows[numbers[0]]) or self._is_unseen(numbers[0]):
                    rows.update(numbers)
        return frozenset(rows)

    def _is_one_node(self, row: Row) -> bool:
        """Whether client and server are like one and the same node of the other call."""
        own, other = (0, 1) if row.b is not None else (1, 0)
        ends = [
            (hops[own][place], hops[other][place])
            for hops in self.like.hops.items()
            if hops[own][0] == row.either.leg
            for place in (1, 2)
        ]
        client, server = ({like for node, like in ends if node == end} for end in row.either.ends)
        return bool(client & server)

    def _is_unseen(self, number: int) -> bool:
        """Whether the capture of the other call may not have seen the receiver of this message."""
        row = self.rows[number]
        one = row.either
        side, other = (self.a, self.b) if row.a is not None else (self.b, self.a)
        seen = one.receiver in other.captured and side.nodes[one.receiver].role not in (*ENDS, "unknown")
        return not seen and self._went_on_alike(number)

    def _known(self, row: Row) -> tuple[str, str, str]:
        """Leg, client and server of a row, as A knows them."""
        return (row.a.leg, *row.a.ends) if row.a is not None else self.like.hop(row.either)

    def _hop(self, row: Row) -> tuple[str, frozenset[str]]:
        leg, client, server = self._known(row)
        return leg, frozenset({client, server})

    def sender(self, row: Row) -> str:
        """The node that sent it, as A knows it."""
        _, client, server = self._known(row)
        return client if row.either.status is None else server

    def _went_on_alike(self, number: int) -> bool:
        """Whether the node that passed the message on in one call answered its own request alike in both."""
        row = self.rows[number]
        one = row.either
        answers = [
            later
            for later in self.rows[number:]
            if later.a and later.b and later.a.final and later.a.method == one.method
            if self.sender(later) == self.sender(row)
        ]
        return one.status is None and bool(answers) and all(_same_status(later) for later in answers)

    def other_way(self, one: Difference) -> Row | None:
        """Where a node passed an initial INVITE on that only one call has: the row in which it went in the other."""
        row = self.rows[one.row]
        if one.kind not in ("missing", "additional") or not row.either.begins:
            return None
        of_other = (other for other in self.rows if (other.a if row.a is None else other.b) is other.either)
        alone = (other for other in of_other if other.a is None or other.b is None)
        return next((o for o in alone if o.either.begins and self.sender(o) == self.sender(row)), None)

    def _answered_otherwise(self, first: Difference) -> Difference:
        """The status difference that explains why a message is missing, where there is one."""
        if first.kind not in ("missing", "additional") or self.other_way(first) is not None:
            return first
        row = self.rows[first.row]
        one = row.either
        for other in self.differences:
            if other.kind != "status":
                continue
            answer = self.rows[other.row]
            mine = answer.a if row.a is not None else answer.b
            assert mine is not None
            same_transaction = one.transaction is not None and one.transaction == mine.transaction
            # A request not passed on: its node answered the request instead.
            instead = one.status is None and self.sender(answer) == self.sender(row) and mine.method == one.method
            if (same_transaction and one.status is not None) or instead:
                return other
        return first

    def _of_row(self, number: int, row: Row) -> Iterator[Difference]:
        if row.a is None or row.b is None:
            yield Difference("missing" if row.b is None else "additional", number)
            return
        if row.a.status != row.b.status:
            yield Difference("status", number)
        if row.a.copies != row.b.copies:
            yield Difference("retransmission", number)
        if row.a.status == row.b.status:
            yield from (Difference("header", number, field) for field in self._fields(row.a, row.b))
            yield from (Difference("sdp", number, field) for field in self._descriptions(row.a, row.b))

    # ---- header fields and session descriptions ---------------------------------------------------------------------

    @cached_property
    def no_texts(self) -> str:
        """Why header fields are not compared; empty where they are."""
        return self.a.missing or self.b.missing

    def _fields(self, a: Sent, b: Sent) -> Iterator[FieldDifference]:
        text_a, text_b = self.a.texts.get(a.message), self.b.texts.get(b.message)
        if text_a is None or text_b is None or self.no_texts:
            return
        yield from header_fields.differences(parse(text_a), parse(text_b), *self._neutral)

    @cached_property
    def _neutral(self) -> tuple[Neutral, Neutral]:
        roles = {node: one.role for node, one in self.a.nodes.items()}
        likes = {node: self.like.anywhere(node) for node in self.b.nodes}
        for node, like in likes.items():
            if like is not None and roles[like] == "unknown":
                roles[like] = self.b.nodes[node].role
        numbers = {node: f"node {number}" for number, node in enumerate(self.a.nodes, 1)}
        parts_a = {node: numbers[node] if role == "unknown" else role for node, role in roles.items()}
        parts_b = {
            node: parts_a[like] if like is not None else "node of B" if one.role == "unknown" else one.role
            for (node, one), like in zip(self.b.nodes.items(), likes.values(), strict=True)
        }
        return _neutral_of(self.a, parts_a), _neutral_of(self.b, parts_b)

    def _descriptions(self, a: Sent, b: Sent) -> Iterator[FieldDifference]:
        lines = [self._lines[side].get(one.message, []) for side, one in ((0, a), (1, b))]
        if any(lines):
            yield from descriptions.differences(*lines)

    @cached_property
    def _lines(self) -> tuple[dict[int, list[dict[str, Any]]], ...]:
        both = []
        for side in (self.a, self.b):
            lines: dict[int, list[dict[str, Any]]] = {}
            for line in side.sdp.sort("index", maintain_order=True).to_dicts():
                lines.setdefault(line["message"], []).append(line)
            both.append(lines)
        return tuple(both)

    # ---- times -------------------------------------------------------------------------------------------------------

    @cached_property
    def timings(self) -> tuple[Timing, ...]:
        """The delays of both calls, the phases of their set-up, and what each node and link took of it."""
        delays = [Timing("call", name.removesuffix("_s"), self.a.row[name], self.b.row[name]) for name in _DELAYS]
        told = [one for one in delays if one.a_s is not None or one.b_s is not None]
        phases = _side_by_side("phase", *(_phases(side) for side in (self.a, self.b)))
        parts = _side_by_side("part", *(self._parts(side) for side in (self.a, self.b)))
        return (*told, *phases, *parts)

    @cached_property
    def slowest(self) -> Timing | None:
        """The node, link or end that took the most more of the set-up in B; None where none took more."""
        own = [one for one in self.timings if one.group == "part" and not one.name.startswith(_NOT_OF_A_NODE)]
        more = [one for one in own if (one.more_s or 0) > 0]
        return max(more, key=lambda one: one.more_s or 0, default=None)

    def _parts(self, side: Side) -> dict[str, float]:
        """Seconds of each part of the waterfall, each under the name of its node in A."""
        taken: dict[str, float] = {}
        for part in side.waterfall.to_dicts():
            if part["duration_s"] is None:
                continue
            names = [self._label(address, side) for address in (part["address"], part["peer"]) if address]
            name = " ".join((part["kind"].replace("_", " "), " - ".join(names))).strip()
            taken[name] = taken.get(name, 0.0) + part["duration_s"]
        return taken

    def _label(self, address: str, side: Side) -> str:
        node = address if address in side.nodes else side.hosts.get(address.rpartition(":")[0].strip("[]"), address)
        like = node if side is self.a else self.like.anywhere(node)
        if like is not None and like in self.a.nodes:
            other = self._likes.get(like, like)
            return f"{self.a.nodes[like].label}{'' if other == like else f' (B: {short(other)})'}"
        return side.nodes[node].label if node in side.nodes else address

    @cached_property
    def _likes(self) -> dict[str, str]:
        """The node of B that a node of A is like, in the first leg in which it has one."""
        likes: dict[str, str] = {}
        for (_, node), like in self.like.nodes.items():
            likes.setdefault(like, node)
        return likes


def _neutral_of(side: Side, parts: dict[str, str]) -> Neutral:
    words = {ip: f"<{parts[node]}>" for ip, node in side.hosts.items()}
    bracketed = {f"[{ip}]": part for ip, part in words.items() if ":" in ip}
    named = {one.name: f"<{parts[node]}>" for node, one in side.nodes.items() if one.name}
    return Neutral.of({**words, **bracketed, **named, **side.users})


def _same_status(row: Row) -> bool:
    return row.a is not None and row.b is not None and row.a.status == row.b.status


def _phases(side: Side) -> dict[str, float]:
    """Seconds of each phase; one that comes again is numbered."""
    taken: dict[str, float] = {}
    count: dict[str, int] = {}
    for phase in side.phases.to_dicts():
        name = phase["phase"]
        count[name] = count.get(name, 0) + 1
        if phase["duration_s"] is not None:
            taken[name if count[name] == 1 else f"{name} {count[name]}"] = phase["duration_s"]
    return taken


def _side_by_side(group: Literal["phase", "part"], a: dict[str, float], b: dict[str, float]) -> Iterator[Timing]:
    for name in dict.fromkeys([*a, *b]):
        yield Timing(group, name, a.get(name), b.get(name))
