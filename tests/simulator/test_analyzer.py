"""What the analyzer makes of the laboratory's captures, beside what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.simulator import Truth, make

# What the module makes once, one worker makes.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("synth_analyzer")]

# Domain of `calls.outcome`, by the final response that ended the set-up of a leg.
OUTCOMES = {
    200: "answered", 403: "rejected", 404: "unreachable", 408: "server_failure", 480: "no_answer", 486: "busy",
    487: "cancelled", 500: "server_failure", 503: "server_failure", 603: "rejected",
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"calls": 150},
    "lossy": {"calls": 60, "loss": 0.05},
    "hidden": {"calls": 20, "topology_hiding": True, "mix": {"interconnect": 1, "breakout": 1}},
    "ipv6 in fragments": {"calls": 60, "ipv6": True, "mtu": 1500, "host_names": True, "format": "pcapng"},
    "tcp": {"calls": 60, "transport": "tcp", "combined": "P+S"},
    "mirrored": {"calls": 60, "mirrored": True, "combined": "I+S", "proxying_as": 0.5},
    "two points": {"calls": 60, "points": ("access", "core"), "skew_s": 0.0},
}


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda name: name.replace(" ", "_"))
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, analyzer.Capture]:
    directory: Path = tmp_path_factory.mktemp("lab")
    truth = make(directory, seed=11, **VARIANTS[request.param])
    return truth, analyzer.read([directory / point["file"] for point in truth.points])


def test_every_message_is_a_row_for_each_time_it_was_captured(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    messages = capture.table("messages")
    assert messages.height == len(truth.observations)
    assert messages["complete"].all()


def test_what_a_point_saw_twice_is_marked(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    if len(truth.points) == 1:
        assert capture.table("messages")["duplicate"].sum() == sum(
            observation.duplicate for observation in truth.observations
        )


def test_every_leg_is_in_a_call_of_its_own_people_with_the_outcome_that_its_caller_saw(
    seen: tuple[Truth, analyzer.Capture],
) -> None:
    """Each Call-ID with an INVITE is in one row, none beside a Call-ID of another call; how many are joined is measured
    in tests/ims."""
    truth, capture = seen
    legs = {leg["call_id"]: leg for call in truth.calls for leg in call["legs"]}
    call_of = {leg["call_id"]: number for number, call in enumerate(truth.calls) for leg in call["legs"]}
    rows = capture.table("calls").select("call_ids", "outcome").rows()
    assert sorted(one for ids, _ in rows for one in ids) == sorted(legs)
    for ids, outcome in rows:
        assert len({call_of[one] for one in ids}) == 1
        numbers = {legs[one]["number"] for one in ids}
        (first,) = (one for one in ids if legs[one]["parent"] not in numbers)
        assert outcome == OUTCOMES[legs[first]["status"]]


def test_registrations_are_told_apart(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    fields = ("call_id", "aor", "contact", "kind", "outcome", "status", "challenges")
    expected = sorted(tuple(map(str, (row[name] for name in fields))) for row in truth.registrations)
    rows = capture.table("registrations").select(fields).rows()
    assert sorted(tuple(map(str, row)) for row in rows) == expected


def test_copies_are_what_was_sent_again(seen: tuple[Truth, analyzer.Capture]) -> None:
    truth, capture = seen
    again = {row.number for row in truth.messages if row.copy}
    expected = sum(observation.number in again and not observation.duplicate for observation in truth.observations)
    messages = capture.table("messages")
    if len(truth.points) == 1:
        assert messages.filter(~messages["duplicate"])["retransmission"].sum() == expected
