"""Every fault that the simulator plays, once and again among each other, and the rule that it is about."""

from __future__ import annotations

import pytest

import analyzer
from analyzer.diagnose import rules
from analyzer.simulator import Truth, make
from analyzer.simulator.scenarios import SCENARIOS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

#: Those of media are in tests/simulator/test_simulated_media.py.
ABOUT = {
    scenario.name: scenario.rule
    for scenario in SCENARIOS.values()
    if scenario.rule and not scenario.pattern and scenario.sound is None
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, dict[str, set[int]]]:
    """The truth, and of each rule the plays in which it found something."""
    directory = tmp_path_factory.mktemp("faults")
    truth = make(directory, calls=220, seed=22, subscribers=5000, mix=dict.fromkeys(ABOUT, 1.0) | {"answered": 20.0})
    capture = analyzer.read(directory / "all.pcap")
    plays = {row.call_id: row.play for row in truth.messages}
    ids = capture.table("messages").select("message", "call_id")
    cases = capture.table("finding_cases").join(ids, on="message").select("code", "call_id").unique()
    of_rule: dict[str, set[int]] = {}
    for code, call_id in cases.rows():
        of_rule.setdefault(code, set()).add(plays[call_id])
    return truth, of_rule


def test_what_a_fault_is_about_is_a_rule() -> None:
    assert set(ABOUT.values()) <= {rule.code for rule in rules.ALL}


@pytest.mark.parametrize("name", ABOUT)
def test_a_fault_is_found_by_its_rule(found: tuple[Truth, dict[str, set[int]]], name: str) -> None:
    truth, of_rule = found
    rows = (*truth.calls, *truth.registrations, *truth.short_messages)
    played = {row["play"] for row in rows if row["scenario"] == name}
    assert played
    assert played & of_rule.get(ABOUT[name], set())
    # One source is one case, however often it comes; and another call of the same phone may refute that size matters.
    if ABOUT[name] not in ("scanner", "user_enumeration", "udp_request_too_big"):
        assert played - of_rule[ABOUT[name]] == set()
