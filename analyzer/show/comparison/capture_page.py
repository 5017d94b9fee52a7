"""Two captures side by side as one HTML page that needs no network, with their distributions overlaid."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.captures import ComparedCaptures
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import verdicts
from analyzer.show.comparison.capture_tables import tables
from analyzer.show.comparison.page import heading, listed, page, table
from analyzer.show.comparison.plots import delays
from analyzer.show.report.figures import Drawn, draw
from analyzer.show.text import markup

_CLASSES = {"worse": "bad", "new": "bad", "more": "bad", "slower": "bad"}
_CLASSES |= {"better": "good", "gone": "good", "fewer": "good", "faster": "good"}
_CLASSES |= dict.fromkeys(("no_difference_shown", "low_n", "no_data", "not_comparable", "traffic"), "alike")


def capture_page(captures: ComparedCaptures, *, language: str = "en") -> str:
    """The page: the verdict, KPIs, plots, failures, nodes and links."""
    say = phrases(language)
    below = [f"A: {captures.a.label}", f"B: {captures.b.label}"]
    return page(say("Two captures side by side"), below, _body(captures, language), language)


def _body(captures: ComparedCaptures, language: str) -> Iterator[str]:
    say = phrases(language)
    yield heading(say("verdict"))
    yield listed(verdicts.sentences(captures, say, language))
    shown = list(tables(captures, say, language))
    for number, one in enumerate(shown):
        yield heading(one.heading)
        yield table(one.columns, [(_CLASSES.get(kind, ""), cells) for kind, cells in one.rows], one.right)
        if one.below:
            yield f'<p class="muted">{markup(one.below)}</p>'
        if number == 0:
            for drawn in _drawn(captures):
                yield f'<figure role="img" aria-label="{markup(drawn.title)}">{drawn.svg}</figure>'


def _drawn(captures: ComparedCaptures) -> list[Drawn]:
    return [draw(figure, number) for number, figure in enumerate(delays(captures))]
