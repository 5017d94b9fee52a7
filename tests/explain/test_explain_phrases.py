"""Sentences of the program in Chinese: each that is looked up is there, each that is there is looked up."""

from __future__ import annotations

import ast
import re
import string

from places import ROOT

from analyzer.explain.entries import data
from analyzer.explain.phrases import phrases

#: What looks a sentence up, as it is called.
LOOKUPS = ("say", "self._say", "self.looked.say", "count", "numbers.count")
ROOMS = ("diagnose", "show", "cli", "serve", "api", "tui")
SOURCES = [path for room in ROOMS for path in (ROOT / "analyzer" / room).rglob("*.py")]
TEMPLATES = [path for room in ("show", "serve") for path in (ROOT / "analyzer" / room).rglob("*.j2")]
SCRIPT = ROOT / "analyzer" / "show" / "report" / "app.js"


def looked_up() -> set[str]:
    """Every text that stands in a call of ``say``, or of ``count`` that calls it, also as a part of a condition."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in LOOKUPS:
                found |= {text for argument in node.args for text in texts(argument)}
    page = "".join(path.read_text(encoding="utf-8") for path in (*TEMPLATES, SCRIPT))
    return found | {text.encode().decode("unicode_escape") if "\\" in text else text for text in in_page(page)}


def texts(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def in_page(page: str) -> list[str]:
    return re.findall(r'\bsay\("((?:[^"\\]|\\.)*)"', page)


def names(text: str) -> set[str | None]:
    """What is filled in, with its format."""
    return {field and f"{field}:{form}" for _, field, form, _ in string.Formatter().parse(text)} - {None}


def test_each_sentence_that_is_looked_up_has_its_twin() -> None:
    assert sorted(looked_up() - set(data("phrases_zh"))) == []


def test_each_twin_is_looked_up() -> None:
    """But those that are looked up by a name: headings and sentences of sections, ends of calls, words of tables."""
    from analyzer.show.report import numbers, room, sections

    named = {text for _, plan in sections._SHOWN for text in (plan.heading, plan.missing) if text}
    named |= {*numbers.ENDS, *room.FIRST.values(), *words_of_tables(), *words_of_figures()}
    assert named <= set(data("phrases_zh"))
    assert sorted(set(data("phrases_zh")) - looked_up() - named) == []


def words_of_tables() -> set[str]:
    """What the page of a call tells of ``call_failures.rule``, ``setups.stalled_detail``, ``phases.note`` and
    ``cdrs.charging_gap``."""
    from analyzer.diagnose.call_failures import _rules
    from analyzer.ims.phases import PHASES

    rules = {words for _, _, words in _rules()} | {"the role of the node is unknown"}
    stalled = {words for _, words in PHASES.values()} | {"ended by a timer", "nothing more was captured"}
    return rules | stalled | {"reliable, and no PRACK was seen", "2xx without term-ioi", "icid changes"}


def words_of_figures() -> set[str]:
    """Titles and names of what is drawn, and what is counted."""
    from analyzer.show import media_plots, plots, scales

    kinds = {name for layers in (plots._KINDS, plots._CLASSES, plots._ENDS) for _, name, *_ in layers}
    lines = {name for _, name, *_ in (*plots._PERCENTILES, plots._P99)} | {"in progress", "requests", "final responses"}
    counted = {f"{{n:,}} {what}{ending}" for what in scales.COUNTED for ending in ("", "s")}
    headings = {heading for heading, *_ in media_plots.FIGURES.values()}
    return {*plots._TITLES.values(), *headings, *kinds, *lines, *counted, *scales.UNITS.values()}


def test_a_twin_has_the_same_to_fill_in() -> None:
    odd = {english: told for english, told in data("phrases_zh").items() if names(told) != names(english)}
    assert odd == {}


def test_english_is_what_stands_in_the_source() -> None:
    assert phrases("en")("anything") == "anything"
    assert phrases("zh")("calls") == "呼叫"
