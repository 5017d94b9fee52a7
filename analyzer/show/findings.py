"""The findings as text for people: three lines each, or all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.show.text import fit, safe, width, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from analyzer.explain.phrases import Say

LEAST_WIDTH = 40
# A title that is cut further says nothing; then the node, which the explanation names as well, is left out.
_LEAST_TITLE = 30
_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m"}
_PLAIN = "\x1b[0m"


def text(found: pl.DataFrame, *, columns: int, say: Say, whole: bool = False, colour: bool = False) -> str:
    """The rows of ``findings``, the one that hurt most first.

    Three lines each: severity, calls hurt, title and node; the explanation; how to confirm it and what to do. Long
    lines are cut. ``whole``: everything in the row, in as many lines as it takes.

    Args:
        found: rows of ``findings``, in the language of their reading.
        columns: the width of a line, at least :data:`LEAST_WIDTH`.
        say: the lookup of the words around them.
    """
    columns = max(columns, LEAST_WIDTH)
    lines: list[str] = []
    for row in found.iter_rows(named=True):
        lines.append(_head(row, columns, say, colour=colour))
        if whole:
            lines += [*_whole(row, columns, say), ""]
            continue
        lines.append("  " + fit(safe(row["explanation"]), columns - 2))
        lines.append("  " + fit(safe(f"{row['confirm']} — {row['remedy']}"), columns - 2))
    return "".join(f"{line}\n" for line in lines)


def hurt(row: dict[str, Any], say: Say) -> str:
    """How many calls a finding hurt, or how many cases it has where it is about no calls.

    >>> hurt({"calls": 0, "cases": 1}, str)
    '1 case'
    """
    number = row["calls"] or row["cases"]
    one = number == 1
    of_calls = say("{n:,} call" if one else "{n:,} calls")
    return (of_calls if row["calls"] else say("{n:,} case" if one else "{n:,} cases")).format(n=number)


def _head(row: dict[str, Any], columns: int, say: Say, *, colour: bool) -> str:
    graveness = {"error": say("error"), "warning": say("warning"), "info": say("info")}[row["severity"]]
    before = f"{row['rule']} {graveness}{say(', ')}{hurt(row, say)}"
    first, *others = safe(row["nodes"] or "").split(" ")
    more = sum(int(node[1:]) if node.startswith("+") else 1 for node in others)
    at = say(" at {node}").format(node=f"{first} +{more}" if more else first)
    title = safe(row["title"])
    room = columns - width(before + say(": "))
    if not row["nodes"] or room - width(at) < min(_LEAST_TITLE, width(title)):
        title, at = fit(title, room), ""
    hue = _COLOURS.get(row["severity"], "") if colour else ""
    return f"{hue}{before}{_PLAIN if hue else ''}{say(': ')}{fit(title, room - width(at))}{at}"


def _whole(row: dict[str, Any], columns: int, say: Say) -> Iterator[str]:
    yield from _indented(row["explanation"], columns)
    parts = {
        say("causes"): row["causes"],
        say("confirm"): row["confirm"],
        say("to do"): row["remedy"],
        say("nodes"): row["nodes"],
        say("calls"): row["call_numbers"],
        say("frames"): " ".join(row["frames"] or []),
        say("standard"): row["standard"],
    }
    for name, value in parts.items():
        if value:
            yield from _indented(f"{name}{say(': ')}{value}", columns)


def _indented(words: str, columns: int) -> Iterator[str]:
    """In lines of so many columns; a word that is longer, a path say, is not cut."""
    for line in wrapped(safe(words), columns - 2):
        yield "  " + line
