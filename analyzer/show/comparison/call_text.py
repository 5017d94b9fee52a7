"""Two calls side by side as text."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.comparison.calls import ComparedCalls, Difference
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import sentences
from analyzer.show.comparison.columns import lines
from analyzer.show.comparison.sentences import ends, field
from analyzer.show.text import clock, fit, safe, seconds, wrapped
from analyzer.show.text import width as columns_of

#: Alike rows around a difference that are shown with it.
AROUND = 2
#: Rows at both ends of many that only one call has.
AT_END = 3
ALIKE = "="
#: Columns of a message or note at most, where there is not room for all.
_MOST_SAID = 26
_ANY = 10_000
_COLUMNS = ("row", "A s", "B s", "from → to", "A", "B", " ")


def text(
    calls: ComparedCalls,
    *,
    width: int = 100,
    all_rows: bool = False,
    ascii_only: bool = False,
    language: str = "en",
) -> str:
    """The page: what to know first, the ladder, header fields, session descriptions, times.

    The ladder has the rows that differ and two around them; ``all_rows``: every one.
    """
    say = phrases(language)
    told = [line for one in sentences.sentences(calls, say, language) for line in _indented(one, width)]
    blocks = [
        f"A  {safe(calls.a.label)}\nB  {safe(calls.b.label)}\n",
        f"{say('first difference')}\n" + "".join(f"{line}\n" for line in told),
        f"{say('ladder')}\n{_ladder(calls, width, all_rows=all_rows, language=language)}",
    ]
    for kind, heading in (("header", say("header fields")), ("sdp", say("session descriptions"))):
        found = [one for one in calls.differences if one.kind == kind]
        if found:
            blocks.append(f"{heading}\n{''.join(_fields(calls, found, width, language))}")
    if calls.timings:
        blocks.append(f"{say('times')}\n{_times(calls, width)}")
    whole = "\n".join(blocks)
    return whole.replace("→", "->").replace("…", "...") if ascii_only else whole


def _indented(sentence: str, width: int) -> list[str]:
    lines = wrapped(sentence, width - 4)
    return [f"  {lines[0]}", *(f"    {line}" for line in lines[1:])]


def noted(calls: ComparedCalls, language: str) -> dict[int, str]:
    """What stands beside each row that differs."""
    say = phrases(language)
    words = {
        "status": say("other answer"),
        "missing": say("A only"),
        "additional": say("B only"),
        "retransmission": say("sent again"),
        "header": say("header"),
        "sdp": say("SDP"),
    }
    notes: dict[int, dict[str, None]] = {}
    for one in calls.differences:
        word = say("not captured") if one.row in calls.not_captured else words[one.kind]
        if one.field is not None:
            word = f"{word} {one.field.name}" if one.kind == "header" else word
        notes.setdefault(one.row, {})[word] = None
    return {row: ", ".join(found) for row, found in notes.items()}


def _ladder(calls: ComparedCalls, width: int, *, all_rows: bool, language: str) -> str:
    notes = noted(calls, language)
    shown = range(len(calls.rows)) if all_rows else _shown(calls, notes)
    hop = _COLUMNS.index("from → to")
    rows = _rows(calls, shown, notes, language, short=False)
    if max(map(columns_of, lines(rows, _ANY, gives=hop))) > width:
        # Where there is no room for roles and addresses, roles say more than the beginnings of both.
        rows = _rows(calls, shown, notes, language, short=True)
        rows = [[fit(cell, _MOST_SAID) if place > hop else cell for place, cell in enumerate(row)] for row in rows]
    return "".join(f"{one}\n" for one in lines(rows, width, gives=hop, right=(1, 2)))


def _rows(
    calls: ComparedCalls, shown: Sequence[int], notes: dict[int, str], language: str, *, short: bool
) -> list[list[str]]:
    say = phrases(language)
    rows: list[list[str]] = [[*_COLUMNS]]
    before = -1
    for number in [*shown, len(calls.rows)]:
        if number - before > 1:
            left_out = range(before + 1, number)
            alike = not any(row in notes for row in left_out)
            told = say("{n:,} messages alike") if alike else say("{n:,} in one call only")
            rows.append(["", "", "", "", f"({told.format(n=len(left_out))})", "", ""])
        before = number
        if number < len(calls.rows):
            rows.append(line(calls, number, notes.get(number, ""), short=short))
    return rows


def _shown(calls: ComparedCalls, notes: dict[int, str]) -> list[int]:
    """The rows that differ and :data:`AROUND` them; of many in a row that only one call has the first and the last."""
    near = [number for number in range(len(calls.rows)) if any(n in notes for n in _around(number, AROUND))]

    def alone(number: int) -> str:
        row = calls.rows[number] if 0 <= number < len(calls.rows) else None
        return "" if row is None or (row.a and row.b) else "a" if row.a else "b"

    def within(number: int) -> bool:
        return bool(alone(number)) and {alone(n) for n in _around(number, AT_END)} == {alone(number)}

    return [number for number in near if not within(number)]


def _around(number: int, reach: int) -> range:
    return range(number - reach, number + reach + 1)


def line(calls: ComparedCalls, number: int, note: str, *, short: bool = False) -> list[str]:
    """The cells of a row; ``short``: nodes are called by their role where it is known."""
    row = calls.rows[number]
    sides = []
    for one in (row.a, row.b):
        what = "-" if one is None else f"{one.what}{' (SDP)' if one.has_sdp else ''}"
        sides.append(what + (f" (x{one.copies})" if one is not None and one.copies > 1 else ""))
    times = ["" if one is None or one.at is None else clock(one.at) for one in (row.a, row.b)]
    first = calls.first is not None and calls.first.row == number
    hop = " → ".join(ends(calls, row, short=short))
    as_in_a = ALIKE if sides[0] == sides[1] else sides[1]
    return [f"{'>' if first else ''}{number + 1}", *times, hop, sides[0], as_in_a, note]


def grouped(found: list[Difference]) -> list[tuple[Difference, int]]:
    """The same difference on every hop once, with the number of messages that have it."""
    first: dict[object, Difference] = {}
    count: dict[object, int] = {}
    for one in found:
        assert one.field is not None
        same = (one.field.name, one.field.lacks, one.field.gains, one.field.a is None, one.field.b is None)
        first.setdefault(same, one)
        count[same] = count.get(same, 0) + 1
    return [(one, count[same]) for same, one in first.items()]


def _fields(calls: ComparedCalls, found: list[Difference], width: int, language: str) -> list[str]:
    say = phrases(language)
    lines = []
    for one, count in grouped(found):
        assert one.field is not None
        row = calls.rows[one.row]
        more = "" if count == 1 else say(", and {n:,} more").format(n=count - 1)
        minor = "" if one.matters else say(" (minor)")
        place = say("{what}, row {row}{more}").format(what=safe(row.either.what), row=one.row + 1, more=more)
        lines += [f"{line}\n" for line in _indented(f"{field(one.field, say)}{minor}; {place}", width)]
    return lines


def _times(calls: ComparedCalls, width: int) -> str:
    groups = {"call": "", "phase": "phase ", "part": ""}
    rows = [["", "A", "B", "B - A"]]
    for one in calls.timings:
        more = "-" if one.more_s is None else f"{'+' if one.more_s > 0 else ''}{seconds(one.more_s)}"
        values = ["-" if value is None else seconds(value) for value in (one.a_s, one.b_s)]
        rows.append([f"{groups[one.group]}{one.name}", *values, more])
    return "".join(f"{one}\n" for one in lines(rows, width, gives=0, right=(1, 2, 3)))
