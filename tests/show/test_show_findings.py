"""Findings as people read them: short, whole lines, and nothing from the wire that commands a terminal (ECMA-48)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer import schema
from analyzer.diagnose import rules
from analyzer.explain.phrases import phrases
from analyzer.language import LANGUAGES
from analyzer.show import findings
from analyzer.show.text import width

HOSTILE = "sip:\x1b[31mevil\u202e@example.com"


def row(number: int, language: str = "en", **values: Any) -> dict[str, Any]:
    rule = rules.ALL[number]
    text = rule.text(language)
    told = {
        "finding": number + 1,
        "rule": rule.id,
        "code": rule.code,
        "severity": rule.severity,
        "calls": 1200,
        "cases": 1200,
        "call_numbers": "1 2 3",
        "nodes": "[2001:db8::1]:5060 10.0.0.2:5060 10.0.0.3:5060 10.0.0.4:5060 +3",
        "title": text.title,
        "explanation": f"{HOSTILE} {text.explanation}",
        "causes": "; ".join(text.causes),
        "confirm": text.confirm,
        "remedy": text.remedy,
        "standard": rule.standard,
        "frames": ["trace.pcap:7"],
    }
    return told | values


def shown(*rows: dict[str, Any], columns: int = 100, language: str = "en", **how: bool) -> list[str]:
    frame = pl.DataFrame(list(rows), schema=schema.FINDINGS.polars())
    return findings.text(frame, columns=columns, say=phrases(language), **how).splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("columns", [40, 66, 100, 160])
def test_each_finding_takes_three_lines_of_the_width(columns: int, language: str) -> None:
    lines = shown(*(row(n, language) for n in range(len(rules.ALL))), columns=columns, language=language)
    assert len(lines) == 3 * len(rules.ALL)
    assert max(map(width, lines)) <= columns


def test_the_first_line_says_how_grave_how_many_what_and_where() -> None:
    (head, *_) = shown(row(0, severity="error", title="It broke", nodes="10.0.0.1:5060 10.0.0.2:5060 +3"))
    assert head == f"{rules.ALL[0].id} error, 1,200 calls: It broke at 10.0.0.1:5060 +4"
    (head, *_) = shown(row(0, severity="info", calls=0, cases=1, title="It broke", nodes=None))
    assert head == f"{rules.ALL[0].id} info, 1 case: It broke"


@pytest.mark.parametrize("whole", [False, True])
def test_hostile_names_are_shown_as_their_codes(whole: bool) -> None:
    text = "".join(shown(row(0), whole=whole))
    assert "\\x1b[31mevil\\u202e" in text
    assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_text_leaves_nothing_out(language: str) -> None:
    one = row(5, language)
    text = "".join("".join(shown(one, columns=66, language=language, whole=True)).split())
    for name in ("causes", "confirm", "remedy", "standard", "call_numbers", "nodes"):
        assert "".join(one[name].split()) in text, name
    assert "trace.pcap:7" in text


def test_colour_is_of_the_severity_alone() -> None:
    (head, *rest) = shown(row(0, severity="error"), colour=True)
    assert head.startswith("\x1b[31m")
    assert head.count("\x1b") == 2
    assert "\x1b" not in "".join(rest)
