"""Where the set-up time went, worked by hand, and against what the nodes of the laboratory took."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import merged
import polars as pl
import pytest
from ims_wire import read

import analyzer
from analyzer.simulator import make

# A over the proxies P (10.0.0.2) and Q (10.0.0.3) to B (10.0.0.4).
CALL = """
A -> P   INVITE via=a mf=70                   @0.000
P -> Q   INVITE via=p,a mf=69                 @0.010
Q -> B   INVITE via=q,p,a mf=68               @0.040
B -> Q   180 INVITE via=q,p,a to_tag=y        @0.500
Q -> P   180 INVITE via=p,a to_tag=y          @0.503
P -> A   180 INVITE via=a to_tag=y            @0.507
B -> Q   200 INVITE via=q,p,a to_tag=y        @3.500
Q -> P   200 INVITE via=p,a to_tag=y          @3.505
P -> A   200 INVITE via=a to_tag=y            @3.512
"""
P, Q, B = "10.0.0.2:5060", "10.0.0.3:5060", "10.0.0.4:5060"


def parts(dialogue: str, clocks: dict[str, float] | None = None) -> list[tuple[Any, ...]]:
    columns = ("kind", "way", "address", pl.col("duration_s").round(9))
    return read(dialogue, clocks).table("waterfall").select(columns).rows()


def test_down_to_who_answers_and_back() -> None:
    assert parts(CALL) == [
        ("node", "request", P, 0.01),
        ("node", "request", Q, 0.03),
        ("far_end", None, B, 0.46),
        ("ringing", None, B, 3.0),
        ("node", "response", Q, 0.005),
        ("node", "response", P, 0.007),
    ]


def test_a_caller_that_acts_in_between_is_a_part() -> None:
    """183, PRACK, 200: the PRACK goes from end to end."""
    dialogue = """
    A -> P   INVITE via=a                                              @0.00
    P -> B   INVITE via=p,a                                            @0.01
    B -> P   183 INVITE via=p,a to_tag=y header=RSeq:1                 @0.50
    P -> A   183 INVITE via=a to_tag=y header=RSeq:1                   @0.52
    A -> P   PRACK via=k cseq=2 to_tag=y "header=RAck:1 1 INVITE"      @0.60
    P -> B   PRACK via=pk,k cseq=2 to_tag=y "header=RAck:1 1 INVITE"   @0.61
    B -> P   200 INVITE via=p,a to_tag=y                               @2.00
    P -> A   200 INVITE via=a to_tag=y                                 @2.02
    """
    assert [(kind, lasted) for kind, _, _, lasted in parts(dialogue)] == [
        ("node", 0.01),
        ("far_end", 0.49),
        ("node", 0.02),
        ("caller", 0.08),
        ("node", 0.01),
        ("far_end", 1.39),
        ("node", 0.02),
    ]


def test_a_challenge_is_a_way_of_its_own() -> None:
    dialogue = """
    A -> P   INVITE via=a                       @0.0
    P -> A   407 INVITE via=a to_tag=z          @0.1
    A -> P   ACK via=a to_tag=z                 @0.2
    A -> P   INVITE via=b cseq=2                @0.3
    P -> A   200 INVITE via=b cseq=2 to_tag=y   @0.7
    """
    assert [(kind, lasted) for kind, _, _, lasted in parts(dialogue)] == [
        ("far_end", 0.1),
        ("caller", 0.2),
        ("far_end", 0.4),
    ]


def test_what_was_sent_again_waited_for_that() -> None:
    dialogue = CALL + "P -> Q   INVITE via=p,a mf=69   @0.030\n"
    assert parts(dialogue)[:3] == [
        ("node", "request", P, 0.01),
        ("retransmission", "request", P, 0.02),
        ("node", "request", Q, 0.01),
    ]


@pytest.mark.slow
def test_two_clocks_cancel_out_on_a_link() -> None:
    """One point saw what P gets and sends, the other what Q does; 2 ms on the wire there, 3 ms back."""
    seen = [
        ("access", "A -> P   INVITE via=a mf=70                   @0.000"),
        ("access,core:0.002", "P -> Q   INVITE via=p,a mf=69      @0.010"),
        ("core", "Q -> B   INVITE via=q,p,a mf=68                 @0.040"),
        ("core", "B -> Q   200 INVITE via=q,p,a to_tag=y          @3.500"),
        ("core,access:0.003", "Q -> P   200 INVITE via=p,a to_tag=y   @3.505"),
        ("access", "P -> A   200 INVITE via=a to_tag=y            @3.512"),
    ]
    dialogue = "\n".join(line.replace("   @", f" on={on} @") for on, line in seen)
    expected = [
        ("node", "request", P, 0.01),
        ("transit", None, P, 0.005),
        ("node", "request", Q, 0.028),
        ("far_end", None, B, 3.46),
        ("node", "response", Q, 0.005),
        ("node", "response", P, 0.004),
    ]
    for ahead in (0.0, 1.7, -0.4):
        assert parts(dialogue, {"access": 0.0, "core": ahead}) == expected


def test_forwarding_is_no_time_of_the_node() -> None:
    """S asks B, who is busy, and then C."""
    dialogue = """
    A -> S   INVITE via=a                      @0.0
    S -> B   INVITE via=b,a uri=sip:b@e        @0.1
    B -> S   486 INVITE via=b,a to_tag=y       @2.0
    S -> B   ACK via=b to_tag=y                @2.1
    S -> C   INVITE via=c,a uri=sip:c@e        @2.2
    C -> S   200 INVITE via=c,a to_tag=z       @3.0
    S -> A   200 INVITE via=a to_tag=z         @3.1
    """
    assert [(kind, lasted) for kind, _, _, lasted in parts(dialogue)] == [
        ("serial_fork", 2.2),
        ("far_end", 0.8),
        ("node", 0.1),
    ]


def add_up(capture: analyzer.Capture) -> None:
    ns = (pl.col("duration_s") * 1e9).round().cast(pl.Int64)
    together = capture.table("waterfall").group_by("call").agg(ns=ns.sum())
    ended = capture.table("setups").filter(pl.col("final_at").is_not_null()).join(together, on="call", how="left")
    whole = ended.select((pl.col("final_at") - pl.col("started_at")).dt.total_nanoseconds()).to_series()
    assert ended["ns"].to_list() == whole.to_list()


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_parts_add_up(origin: str) -> None:
    add_up(merged.capture(origin))


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two points": {"points": ("access", "core"), "skew_s": 2.0},
    "lossy": {"points": ("access", "core"), "skew_s": 2.0, "loss": 0.05, "capture_loss": 0.05},
    "tcp": {"transport": "tcp"},
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_parts_of_the_laboratory_add_up(variant: str, tmp_path: Path) -> None:
    truth = make(tmp_path, calls=60, seed=3, **VARIANTS[variant])
    add_up(
        analyzer.read(
            [tmp_path / point["file"] for point in truth.points],
            capture_points=[f"{point['name']}=*{point['file']}" for point in truth.points],
        )
    )


@pytest.mark.slow
def test_each_node_took_what_it_took_in_the_laboratory(tmp_path: Path) -> None:
    """Of calls that go from end to end: what each node had the messages for, from one hop's stamp to the next's."""
    truth = make(tmp_path, calls=40, seed=6, mix={"answered": 1, "interconnect": 1})
    capture = analyzer.read(tmp_path / "all.pcap")
    name = {node["address"]: node["name"] for node in truth.nodes}
    stamp = {observation.number: observation.time for observation in truth.observations}
    call_of = {one: row["call"] for row in capture.table("calls").to_dicts() for one in row["call_ids"]}
    again = {row.play for row in truth.messages if row.copy}
    took: Counter[tuple[int, str]] = Counter()
    for call in truth.calls:
        if call["play"] in again:
            continue
        for row in truth.messages:
            if row.play == call["play"] and row.previous is not None and _waited_for(row, truth, call):
                key = (call_of[call["legs"][0]["call_id"]], row.sender)
                took[key] += stamp[row.number] - stamp[row.previous]
    rows = capture.table("waterfall").filter(pl.col("kind") == "node")
    found: Counter[tuple[int, str]] = Counter()
    for row in rows.to_dicts():
        found[row["call"], name[row["address"]]] += round(row["duration_s"] * 1e9)
    assert {key: found[key] for key in took} == dict(took)


def _waited_for(row: Any, truth: Any, call: dict[str, Any]) -> bool:
    """The set-up waits for INVITE and 183, PRACK and 200, UPDATE, and the 200 to the INVITE."""
    return (row.method, row.status) in {
        ("INVITE", None), ("INVITE", 183), ("PRACK", None), ("PRACK", 200), ("UPDATE", None), ("INVITE", 200),
    }  # fmt: skip
