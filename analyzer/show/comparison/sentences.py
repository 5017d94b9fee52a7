"""What differs between two calls, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.alignment import Row
from analyzer.comparison.calls import ComparedCalls, Difference
from analyzer.comparison.header_fields import REQUEST_URI, FieldDifference
from analyzer.comparison.sides import Node
from analyzer.explain.entries import of_kind
from analyzer.explain.phrases import Say
from analyzer.show.text import safe, seconds


def sentences(calls: ComparedCalls, say: Say, language: str = "en") -> tuple[str, ...]:
    """What to know first, safe text: the first difference that matters, where the calls part, where time went."""
    return tuple(_sentences(calls, say, language))


def _sentences(calls: ComparedCalls, say: Say, language: str) -> Iterator[str]:
    first, parting = calls.first, calls.parting
    if first is None:
        alike = sum(row.a is not None and row.b is not None for row in calls.rows)
        yield say("No difference that matters: {n:,} messages are alike.").format(n=alike)
    else:
        yield from _told(calls, first, say, language)
        if parting is not None and parting != first:
            yield say("The calls part in row {row:,}.").format(row=parting.row + 1)
            yield sentence(calls, parting, say)
    if (slowest := calls.slowest) is not None and slowest.more_s is not None:
        yield say("The most time was lost here: {name} took {b} in B and {a} in A.").format(
            name=safe(slowest.name), a=seconds(slowest.a_s or 0), b=seconds(slowest.b_s or 0)
        )
    if calls.not_captured:
        yield say("{n:,} messages were captured in one call only, and are not counted as differences.").format(
            n=len(calls.not_captured)
        )
    for name, side in (("A", calls.a), ("B", calls.b)):
        if side.left_out:
            yield say("The last {n:,} messages of {side} are not compared: the call is too long.").format(
                n=side.left_out, side=name
            )
    if calls.no_texts:
        yield say("Header fields are not compared: {why}.").format(why=safe(calls.no_texts))


def _told(calls: ComparedCalls, first: Difference, say: Say, language: str) -> Iterator[str]:
    before = sum(one.a is not None and one.b is not None for one in calls.rows[: first.row])
    yield sentence(calls, first, say)
    yield from _meaning(calls, first, language)
    if before:
        yield say("{n:,} messages before it are alike.").format(n=before)


def sentence(calls: ComparedCalls, one: Difference, say: Say) -> str:
    """One difference in a sentence."""
    row = calls.rows[one.row]
    sender, receiver = (safe(text) for text in ends(calls, row, of_b=True))
    either = row.either
    what = safe(either.what)
    if one.kind == "status" and row.a is not None and row.b is not None:
        return say("{sender} answers the {method} of {receiver} with {b} in B, with {a} in A.").format(
            sender=sender,
            receiver=receiver,
            method=safe(either.method),
            a=safe(_answer(row.a.status, row.a.reason_phrase)),
            b=safe(_answer(row.b.status, row.b.reason_phrase)),
        )
    if one.kind == "retransmission" and row.a is not None and row.b is not None:
        return say("{sender} sends {what} to {receiver} {b} times in B, {a} times in A.").format(
            sender=sender, receiver=receiver, what=what, a=row.a.copies, b=row.b.copies
        )
    if (other := calls.other_way(one)) is not None:
        way_a, way_b = (row, other) if row.a is not None else (other, row)
        return say("{sender} passes the {method} on to {b} in B, to {a} in A.").format(
            sender=sender, method=safe(either.method), a=safe(ends(calls, way_a)[1]), b=safe(ends(calls, way_b)[1])
        )
    if one.kind == "missing":
        return say("{sender} sends {what} to {receiver} in A, but not in B.").format(
            sender=sender, receiver=receiver, what=what
        )
    if one.kind == "additional":
        return say("{sender} sends {what} to {receiver} in B, but not in A.").format(
            sender=sender, receiver=receiver, what=what
        )
    assert one.field is not None
    kind = "SDP: " if one.kind == "sdp" else ""
    return say("{what} from {sender} to {receiver} differs: {difference}.").format(
        sender=sender, receiver=receiver, what=what, difference=f"{kind}{field(one.field, say)}"
    )


def field(one: FieldDifference, say: Say) -> str:
    """What differs in a header field or an m= line, in a clause."""
    name = safe(one.name)
    if one.a is None:
        return say("only B has {name} ({value})").format(name=name, value=safe(one.b or ""))
    if one.b is None:
        return say("B has no {name} ({value})").format(name=name, value=safe(one.a))
    if not one.lacks and not one.gains:
        return say("{name} is in another order: {b} in B, {a} in A").format(name=name, a=safe(one.a), b=safe(one.b))
    parts = []
    if one.lacks:
        parts.append(say("{items} in A only").format(items=safe(", ".join(one.lacks))))
    if one.gains:
        parts.append(say("{items} in B only").format(items=safe(", ".join(one.gains))))
    return f"{name}: {'; '.join(parts)}"


def _meaning(calls: ComparedCalls, one: Difference, language: str) -> Iterator[str]:
    """What the status or the header field is, in the words of ``explain``."""
    row = calls.rows[one.row]
    if one.kind == "status" and row.b is not None:
        entry = of_kind("statuses").get(str(row.b.status))
        word = str(row.b.status)
    elif one.kind == "header" and one.field is not None and one.field.name != REQUEST_URI:
        entry, word = of_kind("header_fields").get(one.field.name), one.field.name
    else:
        return
    if entry is not None:
        yield f"{word}: {entry.text(language)} ({entry.standard})"


def ends(calls: ComparedCalls, row: Row, *, of_b: bool = False, short: bool = False) -> tuple[str, str]:
    """Sender and receiver of a row, as the call that has it knows them; where both have it A, or B with ``of_b``.

    ``short``: only the role, where it is known.
    """
    one = row.b if row.a is None or (of_b and row.b is not None) else row.a
    assert one is not None
    nodes = (calls.b if one is row.b else calls.a).nodes

    def named(node: Node) -> str:
        return node.role if short and node.role != "unknown" else node.label

    return named(nodes[one.sender]), named(nodes[one.receiver])


def _answer(status: int | None, phrase: str) -> str:
    return f"{status} {phrase}".strip()
