"""Two calls side by side as one HTML page that needs no network."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.calls import ComparedCalls
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import sentences
from analyzer.show.comparison.call_text import ALIKE, grouped, line, noted
from analyzer.show.comparison.page import heading, listed, page, table
from analyzer.show.text import seconds


def call_page(calls: ComparedCalls, *, language: str = "en") -> str:
    """The page: what to know first, the ladders row by row, header fields, session descriptions, times."""
    say = phrases(language)
    below = [f"A: {calls.a.label}", f"B: {calls.b.label}"]
    return page(say("Two calls side by side"), below, _body(calls, language), language)


def _body(calls: ComparedCalls, language: str) -> Iterator[str]:
    say = phrases(language)
    yield heading(say("first difference"))
    yield listed(sentences.sentences(calls, say, language))
    yield heading(say("ladder"))
    notes = noted(calls, language)
    first = calls.first.row if calls.first is not None else -1
    rows = []
    for number in range(len(calls.rows)):
        kind = "first" if number == first else "" if number in notes else "alike"
        rows.append((kind, line(calls, number, notes.get(number, ""))))
    yield table(["", "A s", "B s", say("from → to"), "A", f"B ({ALIKE}: {say('as in A')})", ""], rows, right=(0, 1, 2))
    for which, name in (("header", say("header fields")), ("sdp", say("session descriptions"))):
        found = [one for one in calls.differences if one.kind == which]
        if not found:
            continue
        yield heading(name)
        lines = []
        for one, count in grouped(found):
            assert one.field is not None
            place = calls.rows[one.row].either.what
            cells = [one.field.name, one.field.a or "-", one.field.b or "-", ", ".join(one.field.lacks)]
            cells += [", ".join(one.field.gains), f"{place}, {one.row + 1}", str(count)]
            lines.append(("" if one.matters else "alike", cells))
        headings = ["", "A", "B", say("A only"), say("B only"), say("first in row"), say("messages")]
        yield table(headings, lines, right=(6,))
    if calls.timings:
        yield heading(say("times"))
        slowest = calls.slowest
        times = [
            (
                "first" if one is slowest else "",
                [one.name, *("-" if value is None else seconds(value) for value in (one.a_s, one.b_s, one.more_s))],
            )
            for one in calls.timings
        ]
        yield table(["", "A", "B", "B - A"], times, right=(1, 2, 3))
