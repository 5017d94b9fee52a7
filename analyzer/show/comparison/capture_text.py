"""Two captures side by side as text."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.captures import ComparedCaptures
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import verdicts
from analyzer.show.comparison.capture_tables import Shown, tables
from analyzer.show.text import fit, pad, safe, width, wrapped


def text(captures: ComparedCaptures, *, columns: int = 100, ascii_only: bool = False, language: str = "en") -> str:
    """The page: the verdict, KPIs, failures, and the nodes and links that the set-up time comes from."""
    say = phrases(language)
    lines = [f"A  {safe(captures.a.label)}", f"B  {safe(captures.b.label)}", "", say("verdict")]
    for sentence in verdicts.sentences(captures, say, language):
        first, *rest = wrapped(sentence, columns - 4)
        lines += [f"  {first}", *(f"    {line}" for line in rest)]
    for shown in tables(captures, say, language, short=True):
        lines += ["", shown.heading, *_lines(shown, columns)]
    whole = "\n".join(lines) + "\n"
    return whole.replace("→", "->").replace("…", "to") if ascii_only else whole


def _lines(shown: Shown, columns: int) -> Iterator[str]:
    rows = [list(shown.columns), *([safe(cell) for cell in cells] for _, cells in shown.rows)]
    widths = [max(width(row[place]) for row in rows) for place in range(len(shown.columns))]
    # The name gives way, never a number.
    widths[0] = max(16, min(widths[0], columns - sum(widths[1:]) - 2 * (len(widths) - 1)))
    for row in rows:
        cells = [
            " " * (widths[place] - width(cell)) + cell
            if place in shown.right
            else pad(fit(cell, widths[place]) if place == 0 else cell, widths[place])
            for place, cell in enumerate(row)
        ]
        yield "  ".join(cells).rstrip()
    if shown.below:
        yield from wrapped(shown.below, columns)
