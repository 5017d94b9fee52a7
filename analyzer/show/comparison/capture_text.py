"""Two captures side by side as text."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.captures import ComparedCaptures
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import verdicts
from analyzer.show.comparison.capture_tables import Shown, tables
from analyzer.show.comparison.columns import lines
from analyzer.show.text import safe, width, wrapped


def text(captures: ComparedCaptures, *, columns: int = 100, ascii_only: bool = False, language: str = "en") -> str:
    """The page: the verdict, KPIs, failures, and the nodes and links that the set-up time comes from."""
    say = phrases(language)
    told = [f"A  {safe(captures.a.label)}", f"B  {safe(captures.b.label)}", "", say("verdict")]
    for sentence in verdicts.sentences(captures, say, language):
        first, *rest = wrapped(sentence, columns - 4)
        told += [f"  {first}", *(f"    {line}" for line in rest)]
    for shown in tables(captures, say, language, short=True):
        told += ["", shown.heading, *_lines(shown, columns)]
    whole = "\n".join(told) + "\n"
    return whole.replace("→", "->").replace("…", "to") if ascii_only else whole


def _lines(shown: Shown, columns: int) -> Iterator[str]:
    """The table; where it is too wide, without the intervals, on which the verdict beside them rests."""
    rows = [shown.columns, *(cells for _, cells in shown.rows)]
    drawn = list(lines(rows, columns, gives=0, right=shown.right))
    if max(map(width, drawn)) > columns:
        drawn = list(lines([[*row[:-2], row[-1]] for row in rows], columns, gives=0, right=shown.right))
    yield from drawn
    if shown.below:
        yield from wrapped(shown.below, columns)
