"""Clocks of capture points and what is lost between them, by hand; the laboratory's clocks are in
test_against_laboratory.py."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from ims_wire import read

# The tap at P sees a request on its way to S 10 ms before the one at S, and a response 4 ms after it, each by a clock
# without fault. It also sees what P has to do with A, and S with B: so each knows on which side it is.
BOTH = """
A -> P   OPTIONS via=a on=p                            @0.000
P -> S   OPTIONS via=p,a on=p,s:0.010                  @0.001
S -> B   OPTIONS via=s,p,a on=s                        @0.020
B -> S   200 OPTIONS via=s,p,a to_tag=y on=s           @0.030
S -> P   200 OPTIONS via=p,a to_tag=y on=s,p:0.004     @0.031
P -> A   200 OPTIONS via=a to_tag=y on=p               @0.040
"""


def clock(dialogue: str, ahead: float) -> dict[str, Any]:
    """The clock of S, which is so far ahead, against that of P."""
    (row,) = read(dialogue, {"p": 0.0, "s": ahead}).table("clocks").to_dicts()
    if row["point"] == "p":  # S began first, by its clock
        row |= {
            "offset_s": -row["offset_s"],
            "offset_min_s": -row["offset_max_s"],
            "offset_max_s": -row["offset_min_s"],
        }
    return row


@pytest.mark.parametrize("ahead", [0.0, 1.5, -1.5])
def test_a_request_bounds_from_above_and_a_response_from_below(ahead: float) -> None:
    """The true offset, 10 ms more at most and 4 ms less at least."""
    row = clock(BOTH, ahead)
    assert (row["offset_min_s"], row["offset_max_s"]) == (
        pytest.approx(ahead - 0.004, abs=2e-5),
        pytest.approx(ahead + 0.010, abs=2e-5),
    )


def test_the_offset_told_is_within_its_interval() -> None:
    row = clock(BOTH, 0.7)
    assert row["offset_min_s"] <= row["offset_s"] <= row["offset_max_s"]


def test_points_without_a_packet_in_common_are_bound_by_what_nodes_forward() -> None:
    """P took 20 ms for the request and 15 ms for the response."""
    dialogue = """
    A -> P   OPTIONS via=a on=p                       @0.000
    P -> B   OPTIONS via=p,a on=s                     @0.020
    B -> P   200 OPTIONS via=p,a to_tag=y on=s        @0.030
    P -> A   200 OPTIONS via=a to_tag=y on=p          @0.045
    """
    row = clock(dialogue, 0.3)
    assert (row["offset_min_s"], row["offset_max_s"]) == (
        pytest.approx(0.285, abs=2e-5),
        pytest.approx(0.320, abs=2e-5),
    )


def test_one_direction_alone_tells_nothing() -> None:
    row = read("A -> P OPTIONS via=a on=p @0\nP -> B OPTIONS via=p,a on=s @0.02", {"p": 0.0, "s": 0.0})
    assert row.table("clocks").select("point", "offset_s", "bounds").rows() == [("s", None, 0)]


def test_one_capture_point_has_no_row() -> None:
    assert (
        read(BOTH.replace("on=p,s:0.010", "").replace("on=s,p:0.004", "").replace("on=p", "").replace("on=s", ""))
        .table("clocks")
        .is_empty()
    )


def test_times_are_set_right_on_request() -> None:
    """Offset between -4 and +10 ms of the truth, in its middle: every message of S is told 3 ms early."""
    plain = read(BOTH, {"p": 0.0, "s": 2.0})
    aligned = read(BOTH, {"p": 0.0, "s": 2.0}, align_clocks=True)
    times = aligned.table("messages").filter(~pl.col("duplicate"))["time"]
    spread = (times.max() - times.min()).total_seconds()  # type: ignore[union-attr, operator]
    assert spread == pytest.approx(0.040, abs=1e-3)
    assert plain.table("messages")["message"].sort().to_list() == aligned.table("messages")["message"].sort().to_list()
    assert aligned.table("clocks")["applied"].to_list() == [True]


def test_delays_of_nodes_that_no_point_saw_whole_are_known_with_clocks_set_right() -> None:
    """The sum of what P took for the request and for the response, 35 ms, does not depend on the offset."""
    dialogue = """
    A -> P   OPTIONS via=a on=p                       @0.000
    P -> B   OPTIONS via=p,a on=s                     @0.020
    B -> P   200 OPTIONS via=p,a to_tag=y on=s        @0.030
    P -> A   200 OPTIONS via=a to_tag=y on=p          @0.045
    """
    hops = read(dialogue, {"p": 0.0, "s": 0.3}, align_clocks=True).table("hops")
    assert hops["delay_s"].sum() == pytest.approx(0.035, abs=1e-5)


# -- losses ------------------------------------------------------------------------------------------------------------

# Four requests that both points saw, so that both watch the way from P to S; then one that S did not.
WATCHED = "".join(
    f"P -> S OPTIONS via=p{n} call={n} on=p,s:0.001 @{n}\nS -> P 200 OPTIONS via=p{n} call={n} on=s,p:0.001 @{n}.1\n"
    for n in range(1, 5)
)


def lost(more: str) -> list[tuple[str, str, bool, str]]:
    found = read(WATCHED + more, {"p": 0.0, "s": 0.0}).table("losses")
    return found.select("seen_at", "missed_at", "sent_again", "cause").rows()


def test_what_both_points_saw_is_not_lost() -> None:
    assert lost("") == []


def test_sent_again_and_then_answered_the_first_was_lost() -> None:
    more = """
    P -> S OPTIONS via=p9 call=9 on=p                        @9.0
    P -> S OPTIONS via=p9 call=9 on=p,s:0.001                @9.5
    S -> P 200 OPTIONS via=p9 call=9 on=s,p:0.001            @9.6
    """
    assert lost(more) == [("p", "s", True, "lost")]


def test_answered_at_once_it_was_not_captured() -> None:
    more = "P -> S OPTIONS via=p9 call=9 on=p @9.0\nS -> P 200 OPTIONS via=p9 call=9 on=s,p:0.001 @9.1\n"
    assert lost(more) == [("p", "s", False, "not_captured")]


def test_left_and_never_seen_again_nobody_can_tell() -> None:
    assert lost("P -> S OPTIONS via=p9 call=9 on=p @9.0\n") == [("p", "s", False, "unknown")]


def test_a_way_that_only_one_point_watches_loses_nothing() -> None:
    assert lost("A -> P OPTIONS via=a call=9 on=p @9.0\nP -> A 200 OPTIONS via=a call=9 on=p @9.1\n") == []
