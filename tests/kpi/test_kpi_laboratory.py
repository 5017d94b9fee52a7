"""KPIs of the laboratory's captures are those of what really happened, to the nanosecond."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import analyzer
from analyzer.simulator import Truth, make

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("synth_kpis")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, pl.DataFrame]:
    directory: Path = tmp_path_factory.mktemp("lab")
    truth = make(directory, seed=5, calls=60)
    capture = analyzer.read([directory / point["file"] for point in truth.points])
    return truth, capture.measure("kpis")


def row(lab: tuple[Truth, pl.DataFrame], kpi: str) -> dict[str, Any]:
    return lab[1].row(by_predicate=pl.col("kpi") == kpi, named=True)


def share(lab: tuple[Truth, pl.DataFrame], kpi: str) -> tuple[int, int]:
    found = row(lab, kpi)
    return round(found["numerator"]), round(found["denominator"])


def test_shares_of_calls(lab: tuple[Truth, pl.DataFrame]) -> None:
    """RFC 6076 §4.6 to §4.8 and E.425 over the statuses and outcomes that the callers saw."""
    calls = lab[0].calls
    statuses = [200 if call["outcome"] == "answered" else call["status"] for call in calls]
    outcomes = [call["outcome"] for call in calls]
    answered = statuses.count(200)
    rang_out = [call for call in calls if call["outcome"] == "cancelled" and "ringing" in call["phases"]]
    reached = answered + outcomes.count("busy") + outcomes.count("no_answer") + len(rang_out)
    assert share(lab, "ser") == share(lab, "asr") == share(lab, "scr") == (answered, len(calls))
    assert share(lab, "seer") == (sum(status in (200, 480, 486, 600, 603) for status in statuses), len(calls))
    assert share(lab, "isa") == (sum(status in (408, 500, 503, 504) for status in statuses), len(calls))
    assert share(lab, "ner") == (reached + outcomes.count("rejected"), len(calls))
    assert share(lab, "call_drop") == (0, answered)


def test_shares_of_registrations(lab: tuple[Truth, pl.DataFrame]) -> None:
    for kpi, kind in (
        ("reg_initial", "initial"),
        ("reg_refresh", "refresh"),
        ("reg_deregister", "deregister"),
        ("reg_third_party", "third_party"),
    ):
        own = [found for found in lab[0].registrations if found["kind"] == kind]
        assert share(lab, kpi) == (sum(found["status"] == 200 for found in own), len(own)), kpi


@pytest.mark.parametrize(
    ("kpi", "begin", "ends"),
    [
        ("srd_s", "invite", ("progress", "ringing", "forwarding", "answer")),
        ("setup_s", "invite", ("answer",)),
    ],
)
def test_delays(lab: tuple[Truth, pl.DataFrame], kpi: str, begin: str, ends: tuple[str, ...]) -> None:
    """Each phase is a message with a number; when it was captured is in the observations."""
    truth = lab[0]
    captured = {seen.number: seen.time for seen in reversed(truth.observations) if not seen.duplicate}
    delays = []
    for call in truth.calls:
        at = {name: captured[phase["message"]] for name, phase in call["phases"].items() if name in (begin, *ends)}
        if call["outcome"] == "answered":
            delays.append(min(at[end] for end in ends if end in at) - at[begin])
    assert_are(row(lab, kpi), delays)


def assert_are(found: dict[str, Any], delays: list[int]) -> None:
    """The number, sum and 95th percentile (nearest rank) are those of these delays in ns."""
    assert (found["n"], round(found["numerator"] * 1e9)) == (len(delays), sum(delays))
    assert round(found["p95_s"] * 1e9) == sorted(delays)[math.ceil(0.95 * len(delays)) - 1]


def test_the_disconnect_delay_is_that_of_the_user_who_hung_up(lab: tuple[Truth, pl.DataFrame]) -> None:
    """Of each call the BYE that was sent first, over all its legs, and its 200 on that hop."""
    truth = lab[0]
    captured = {seen.number: seen.time for seen in reversed(truth.observations) if not seen.duplicate}
    delays = []
    for call in truth.calls:
        legs = {leg["call_id"] for leg in call["legs"]}
        own = [message for message in truth.messages if message.method == "BYE" and message.call_id in legs]
        if own:
            bye = min(own, key=lambda message: message.sent_at)
            answers = [one for one in own if one.branch == bye.branch and one.sender == bye.receiver and one.status]
            delays.append(min(captured[one.number] for one in answers) - captured[bye.number])
    assert_are(row(lab, "sdd_s"), delays)


def test_load(lab: tuple[Truth, pl.DataFrame]) -> None:
    truth = lab[0]
    seen = [one for one in truth.observations if not one.duplicate]
    seconds = (max(one.time for one in seen) - min(one.time for one in seen)) / 1e9
    assert row(lab, "message_rate")["value"] == pytest.approx(len(seen) / seconds)
    assert row(lab, "caps")["value"] == pytest.approx(len(truth.calls) / seconds)
    starts = [one["phases"]["invite"]["message"] for one in truth.calls]
    captured = {one.number: one.time for one in reversed(truth.observations)}
    per_second = [captured[number] // 10**9 for number in starts]
    assert row(lab, "caps_peak")["value"] == max(per_second.count(second) for second in per_second)
