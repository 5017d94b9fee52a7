"""The words of a search line: the same in the terminal, on the local page and for assistants."""

from __future__ import annotations

import captures
import pytest
from places import SAMPLES

from analyzer.api import words
from analyzer.api.filters import CRITERIA, Filter
from analyzer.errors import FilterError


def test_every_filter_of_the_commands_is_a_word() -> None:
    assert set(words.NAMES.values()) == set(CRITERIA)


@pytest.mark.parametrize(
    ("line", "chosen", "texts"),
    [
        ("", Filter(), ()),
        ("status=4xx outcome=busy", Filter(status="4xx", outcome="busy"), ()),
        ("--call-id=a*", Filter(call_id="a*"), ()),
        ("call_id=a*", Filter(call_id="a*"), ()),
        ("pdd_s>=2.5 legs!=1", Filter(where="(pdd_s >= 2.5) and (legs != 1)"), ()),
        ("caller='o''brien'", Filter(where="(caller = 'obrien')"), ()),
        ('caller="it\'s"', Filter(where="(caller = 'it''s')"), ()),
        ("where='pdd_s is null' emergency=true", Filter(where="(pdd_s is null) and (emergency = true)"), ()),
        ("callee:4930 berlin", Filter(), (("callee", "4930"), (None, "berlin"))),
        ("sip:alice@example.com 2001:db8::1", Filter(), ((None, "sip:alice@example.com"), (None, "2001:db8::1"))),
        ('"two words"', Filter(), ((None, "two words"),)),
    ],
)
def test_a_line_is_read(line: str, chosen: Filter, texts: tuple[tuple[str | None, str], ...]) -> None:
    assert words.read(line) == words.Words(chosen, texts)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("shoe>3", "neither a filter"),
        ("pdd_s>fast", "is a number"),
        ("pdd_s>1;drop", "is a number"),
        ("started_at>now", "since="),
        ("status=teapot", "status"),
        ('"open', "not closed"),
        ("emergency=maybe", "where"),
        ("x" * 3000, "too long"),
    ],
)
def test_a_line_that_cannot_be_understood_is_told(line: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        words.read(line)


def test_a_text_is_literal_and_may_be_in_any_case() -> None:
    calls = captures.read(SAMPLES / "outcomes.pcap").table("calls")
    for line, rows in (("ALICE@", calls.height), ("a.ice", 0), ("callee:alice", 0), ("caller:alice", calls.height)):
        assert words.read(line).with_texts(calls, calls.columns).height == rows
