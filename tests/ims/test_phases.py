"""The set-up in phases, worked by hand (TS 24.229 §5.1.3, RFC 3262, RFC 3312), and against the laboratory's truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import captures
import merged
import polars as pl
import pytest
from ims_wire import read
from places import shared

import analyzer
from analyzer.simulator import make

# One hop: UE and P-CSCF.
VOLTE = """
UE -> P   INVITE via=i sdp=1 qos=none,none                               @0.000
P -> UE   100 INVITE via=i                                               @0.010
P -> UE   183 INVITE via=i to_tag=y sdp=2 qos=none,none header=RSeq:1    @1.000
UE -> P   PRACK via=p cseq=2 to_tag=y "header=RAck:1 1 INVITE"           @1.100
P -> UE   200 PRACK via=p cseq=2 to_tag=y                                @1.150
UE -> P   UPDATE via=u cseq=3 to_tag=y sdp=1 qos=sendrecv,none           @1.600
P -> UE   200 UPDATE via=u cseq=3 to_tag=y sdp=2 qos=sendrecv,sendrecv   @1.700
P -> UE   180 INVITE via=i to_tag=y                                      @2.000
P -> UE   200 INVITE via=i to_tag=y                                      @5.000
UE -> P   ACK via=a to_tag=y                                             @5.020
"""
LINES = VOLTE.strip().splitlines(keepends=True)


def phases(dialogue: str) -> list[tuple[str, float | None]]:
    """Names and durations."""
    return read(dialogue).table("phases").select("phase", "duration_s").rows()


def setup(dialogue: str) -> dict[str, Any]:
    """The one row of ``setups``; times in seconds since the INVITE."""
    (row,) = read(dialogue).table("setups").with_columns(pl.col(pl.Datetime).to_physical()).to_dicts()
    began = row["started_at"]
    return {name: (at - began) / 1e9 if at and name.endswith("_at") else at for name, at in row.items()}


def without(*left_out: int) -> str:
    return "".join(line for number, line in enumerate(LINES) if number not in left_out)


# -- what phases there are ---------------------------------------------------------------------------------------------


def test_volte_call() -> None:
    assert phases(VOLTE) == [
        ("trying", 0.01),
        ("routing", 0.99),
        ("prack", 0.1),
        ("caller_bearer", 0.5),
        ("callee_bearer", 0.4),
        ("ringing", 3.0),
        ("ack", 0.02),
    ]


def test_each_begins_where_the_one_before_it_ends() -> None:
    rows = read(VOLTE).table("phases")
    assert rows["from_message"].to_list()[1:] == rows["to_message"].to_list()[:-1]
    assert rows["begins"].to_list() == ["INVITE", "100", "183", "PRACK", "UPDATE", "180", "200"]


def test_call_without_preconditions() -> None:
    dialogue = """
    A -> P   INVITE via=i              @0.0
    P -> A   100 INVITE via=i          @0.1
    P -> A   180 INVITE via=i to_tag=y @0.5
    P -> A   200 INVITE via=i to_tag=y @2.5
    A -> P   ACK via=a to_tag=y        @2.6
    """
    assert phases(dialogue) == [("trying", 0.1), ("routing", 0.4), ("ringing", 2.0), ("ack", 0.1)]


def test_without_a_100_the_way_to_the_callee_begins_with_the_invite() -> None:
    dialogue = """
    A -> P   INVITE via=i              @0.0
    P -> A   180 INVITE via=i to_tag=y @0.5
    P -> A   200 INVITE via=i to_tag=y @2.5
    """
    assert phases(dialogue) == [("routing", 0.5), ("ringing", 2.0), ("ack", None)]


def test_reliable_without_preconditions_the_callee_is_alerted() -> None:
    dialogue = """
    A -> P   INVITE via=i                                          @0.0
    P -> A   183 INVITE via=i to_tag=y header=RSeq:7               @0.5
    A -> P   PRACK via=p cseq=2 to_tag=y "header=RAck:7 1 INVITE"  @0.6
    P -> A   180 INVITE via=i to_tag=y                             @0.9
    P -> A   200 INVITE via=i to_tag=y                             @1.9
    """
    assert phases(dialogue)[:4] == [("routing", 0.5), ("prack", 0.1), ("alerting", 0.3), ("ringing", 1.0)]


def test_a_challenge_is_a_phase_of_its_own() -> None:
    dialogue = """
    A -> P   INVITE via=i                      @0.0
    P -> A   407 INVITE via=i to_tag=z         @0.2
    A -> P   ACK via=i to_tag=z                @0.3
    A -> P   INVITE via=j cseq=2               @0.4
    P -> A   100 INVITE via=j cseq=2           @0.5
    P -> A   200 INVITE via=j cseq=2 to_tag=y  @1.5
    """
    rows = read(dialogue).table("phases")
    assert rows.select("phase", "duration_s").rows()[:3] == [("retry", 0.4), ("trying", 0.1), ("routing", 1.0)]
    assert rows["note"][0] == "asked again after 407"


def test_further_183s_and_copies_change_nothing() -> None:
    more = """
    P -> UE   183 INVITE via=i to_tag=y sdp=2 qos=none,none header=RSeq:1    @1.050
    P -> UE   183 INVITE via=i to_tag=y header=RSeq:2                        @1.200
    UE -> P   PRACK via=q cseq=9 to_tag=y "header=RAck:2 1 INVITE"           @1.250
    """
    assert phases(VOLTE + more) == phases(VOLTE)


def test_the_first_branch_that_rings_rings() -> None:
    """Forked: two To tags."""
    dialogue = """
    A -> P   INVITE via=i              @0.0
    P -> A   180 INVITE via=i to_tag=y @0.5
    P -> A   180 INVITE via=i to_tag=z @0.7
    P -> A   200 INVITE via=i to_tag=z @2.0
    """
    assert phases(dialogue)[:2] == [("routing", 0.5), ("ringing", 1.5)]


def test_an_update_before_the_prack_ends_nothing() -> None:
    early = "UE -> P   UPDATE via=e cseq=7 to_tag=y sdp=1 qos=none,none  @1.050\n"
    assert phases(VOLTE + early) == phases(VOLTE)


def test_an_update_while_it_rings_ends_nothing() -> None:
    late = "UE -> P   UPDATE via=l cseq=7 to_tag=y sdp=1 qos=sendrecv,sendrecv  @3.0\n"
    assert phases(VOLTE + late) == phases(VOLTE)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((1,), ["routing", "prack", "caller_bearer", "callee_bearer", "ringing", "ack"]),
        ((2,), ["trying", "routing", "ringing", "ack"]),
        ((3, 4), ["trying", "routing", "caller_bearer", "callee_bearer", "ringing", "ack"]),
        ((5, 6), ["trying", "routing", "prack", "callee_bearer", "ringing", "ack"]),
        ((7,), ["trying", "routing", "prack", "caller_bearer", "callee_bearer", "ack"]),
        ((2, 3, 4, 5, 6, 7, 9), ["trying", "routing", "ack"]),
    ],
    ids=str,
)
def test_what_was_not_captured_leaves_phases_that_add_up(lost: tuple[int, ...], expected: list[str]) -> None:
    found = phases(without(*lost))
    assert [phase for phase, _ in found] == expected
    assert round(sum(lasted for phase, lasted in found if phase != "ack" and lasted), 9) == 5.0


# -- milestones --------------------------------------------------------------------------------------------------------


def test_each_side_is_ready_when_sdp_says_so() -> None:
    row = setup(VOLTE)
    assert (row["preconditions"], row["caller_ready_at"], row["callee_ready_at"]) == (True, 1.6, 1.7)


def test_answers_to_prack_and_update() -> None:
    row = setup(VOLTE)
    assert (row["prack_answered_at"], row["update_answered_at"]) == (1.15, 1.7)


def test_reliable_responses_are_matched_with_their_pracks() -> None:
    """RSeq 1 is acknowledged, 3 is not, and 2 was never sent."""
    row = setup(VOLTE + "P -> UE   183 INVITE via=i to_tag=y header=RSeq:3  @1.8\n")
    assert (row["reliable"], row["unacknowledged"], row["rseq_gaps"]) == (2, 1, 1)


def test_a_prack_for_another_invite_acknowledges_nothing() -> None:
    """RAck has the CSeq of the INVITE, too (RFC 3262 §7.2)."""
    assert setup(VOLTE.replace("RAck:1 1 INVITE", "RAck:1 4 INVITE"))["unacknowledged"] == 1


# -- where it stalled --------------------------------------------------------------------------------------------------

CANCELLED = """
UE -> P   CANCEL via=i                 @4.0
P -> UE   200 CANCEL via=i             @4.1
P -> UE   487 INVITE via=i to_tag=y    @4.2
"""


@pytest.mark.parametrize(
    ("kept", "stalled", "words"),
    [
        (1, "trying", "no response to the INVITE; ended by CANCEL"),
        (2, "routing", "no 18x arrived; ended by CANCEL"),
        (3, "prack", "no PRACK acknowledged the 18x; ended by CANCEL"),
        (5, "caller_bearer", "no UPDATE after the PRACK: waiting for the caller's resources; ended by CANCEL"),
        (7, "callee_bearer", "no 180 arrived: waiting for the callee's resources; ended by CANCEL"),
        (8, "ringing", "it rang; ended by CANCEL"),
    ],
)
def test_the_phase_in_which_a_call_ended(kept: int, stalled: str, words: str) -> None:
    row = setup("".join(LINES[:kept]) + CANCELLED)
    assert (row["stalled"], row["stalled_detail"]) == (stalled, words)


def test_the_way_of_the_cancel_is_a_phase() -> None:
    assert phases("".join(LINES[:8]) + CANCELLED)[-2:] == [("ringing", 2.0), ("cancelling", 0.2)]


def test_a_cancel_that_crossed_the_answer_ends_nothing() -> None:
    crossed = "UE -> P   CANCEL via=i   @4.999\n"
    assert [phase for phase, _ in phases(VOLTE + crossed)] == [phase for phase, _ in phases(VOLTE)]


def test_refused_on_the_way() -> None:
    row = setup("".join(LINES[:2]) + "P -> UE   503 INVITE via=i to_tag=y  @0.3\n")
    assert (row["stalled"], row["stalled_detail"]) == ("routing", "no 18x arrived; ended by 503")


def test_what_the_capture_does_not_hold_the_end_of() -> None:
    dialogue = "".join(LINES[:3])
    assert setup(dialogue)["stalled_detail"] == "no PRACK acknowledged the 18x; nothing more was captured"
    assert phases(dialogue)[-1] == ("prack", None)


def test_an_answered_call_stalled_nowhere() -> None:
    assert setup(VOLTE)["stalled"] is None


# -- everywhere --------------------------------------------------------------------------------------------------------


def add_up(capture: analyzer.Capture) -> None:
    """Phases are never shorter than nothing, one of each in a call, and together INVITE to the final response."""
    rows = capture.table("phases").with_columns(ns=(pl.col("to_at") - pl.col("from_at")).dt.total_nanoseconds())
    assert (rows["ns"].drop_nulls() >= 0).all()
    assert not rows.select("call", "phase").is_duplicated().any()
    together = rows.filter(pl.col("phase") != "ack").group_by("call").agg(pl.col("ns").sum())
    ended = capture.table("setups").filter(pl.col("final_at").is_not_null()).join(together, on="call", how="left")
    whole = ended.select((pl.col("final_at") - pl.col("started_at")).dt.total_nanoseconds()).to_series()
    assert ended["ns"].to_list() == whole.to_list()
    calls = capture.table("calls").filter(pl.col("started_at").is_not_null())
    same = calls.join(capture.table("setups"), on="call", suffix="_of_setup", maintain_order="left")
    assert same["status"].to_list() == same["status_of_setup"].to_list()
    answered = same.filter(pl.col("answered_at").is_not_null())
    assert answered["answered_at"].to_list() == answered["final_at"].to_list()


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_phases_add_up(origin: str) -> None:
    add_up(merged.capture(origin))


@pytest.mark.shared
def test_open5gs_call_by_hand() -> None:
    """183 with preconditions, PRACK and UPDATE between the UE and its P-CSCF; times as Wireshark shows them."""
    capture = captures.read(shared("captures") / "open5gs__open5gs__ipsec_to_ipsec_call.pcapng")
    rows = capture.table("phases").select("phase", "begins", pl.col("from_at").dt.to_string("%S%.6f"))
    assert rows.rows() == [
        ("trying", "INVITE", "36.489775"),
        ("routing", "100", "36.497384"),
        ("prack", "183", "36.730462"),
        ("caller_bearer", "PRACK", "36.773145"),
        ("callee_bearer", "UPDATE", "36.899024"),
        ("ringing", "180", "36.996296"),
        ("ack", "200", "40.822681"),
    ]


TIMES = {
    "invite": "started_at", "trying": "trying_at", "progress": "progress_at", "prack": "prack_at",
    "update": "update_at", "updated": "update_answered_at", "ringing": "ringing_at", "answer": "final_at",
    "failure": "final_at", "ack": "ack_at", "cancel": "cancelled_at",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"points": ("access", "core"), "skew_s": 2.0, "loss": 0.05}, {"ipv6": True, "mirrored": True}],
    ids=["plain", "two points, messages lost", "mirrored"],
)
def test_milestones_of_the_laboratory_are_exact_to_the_stamp(settings: dict[str, Any], tmp_path: Path) -> None:
    truth = make(tmp_path, calls=100, seed=4, **settings)
    capture = analyzer.read(
        [tmp_path / point["file"] for point in truth.points],
        capture_points=[f"{point['name']}=*{point['file']}" for point in truth.points],
    )
    call_of = {one: row["call"] for row in capture.table("calls").to_dicts() for one in row["call_ids"]}
    told = {
        row["call"]: row for row in capture.table("setups").with_columns(pl.col(pl.Datetime).to_physical()).to_dicts()
    }
    first = _first_sightings(truth)
    wrong, right = [], 0
    for call in truth.calls:
        row = told[call_of[call["legs"][0]["call_id"]]]
        for phase, true in call["phases"].items():
            # An ACK to a failure confirms nothing.
            if phase in TIMES and not (phase == "ack" and call["outcome"] != "answered"):
                right += row[TIMES[phase]] == first[true["message"]]
                wrong += [] if row[TIMES[phase]] == first[true["message"]] else [(call["scenario"], phase)]
    assert (wrong, right > 700) == ([], True)


def _first_sightings(truth: Any) -> dict[int, int]:
    """The stamp of each message where it, or a copy that its sender sent before it on that hop, was seen first."""
    stamps: dict[Any, int] = {}
    hops = {}
    for row in truth.messages:
        hops[row.number] = (row.call_id, row.sender, row.receiver, row.method, row.status, row.cseq, row.branch)
    for observation in sorted(truth.observations, key=lambda observation: observation.time):
        stamps.setdefault(hops[observation.number], observation.time)
    return {number: stamps[hop] for number, hop in hops.items() if hop in stamps}
