"""Rows of one time, in whatever order they come, lead to one conclusion: that of the later message, or address."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer.diagnose import call_failures
from analyzer.diagnose.rules import media
from analyzer.ims import hops, legs
from analyzer.sip import next_hops

BOTH = pytest.mark.parametrize("order", [[0, 1], [1, 0]])


@BOTH
def test_of_two_origins_at_one_time_the_later_row_is_the_origin(order: list[int]) -> None:
    origins = pl.DataFrame({"row": [4, 7], "link": [1, 1], "point": [0, 0], "at": [50, 50], "first": [50, 50]})
    made = pl.DataFrame({"row": [9], "link": [1], "point": [0], "at": [60], "first": [60]})
    assert hops._asof(made, origins[order], ["link", "point"], None)["previous_row"].to_list() == [7]


@BOTH
def test_of_two_parents_of_one_call_with_equal_evidence_the_first_leg_is_the_parent(order: list[int]) -> None:
    # 1 was made of 0; 2 may be of either, with points that are a fact.
    kinds = {"parent": pl.UInt32, "child": pl.UInt32, "score": pl.Int64, "after": pl.Int64, "node_in": pl.String}
    scored = pl.DataFrame(
        {
            "parent": [0, 1, 0],
            "child": [2, 2, 1],
            "score": [120, 120, 150],
            "after": [5, 5, 1],
            "node_in": ["n", "n", "m"],
        },
        schema=kinds,
    ).with_columns(
        before=pl.lit(None, pl.UInt32), tried=pl.lit(value=False), node_out=pl.format("{}-{}", "parent", "child")
    )
    table = pl.DataFrame({"leg": [0, 1, 2], "row": [0, 1, 2]}, schema={"leg": pl.UInt32, "row": pl.UInt32})
    messages = pl.DataFrame({"request_uri": ["sip:a@h", "sip:b@h", "sip:c@h"]})
    found = legs._strong(scored[[*order, 2]], table, messages).filter(pl.col("child") == 2)
    assert found["parent"].to_list() == [0]


@BOTH
def test_of_two_connections_that_failed_at_one_time_the_first_by_address_is_named(order: list[int]) -> None:
    tried = pl.DataFrame(
        {
            "src_ip": ["10.0.0.1"] * 2,
            "dst_ip": ["10.0.0.2", "10.0.0.3"],
            "dst_port": [5060, 5060],
            "failed_ns": [50, 50],
        }
    )
    came = pl.DataFrame(
        {
            "transaction": [1], "server_ip": ["10.0.0.1"], "told": [None], "told_tls": [None], "sent_by": [None],
            "literal": [False], "came_ns": [40], "final_ns": [90],
        },
        schema_overrides=dict.fromkeys(("told", "told_tls", "sent_by"), pl.String),
    )  # fmt: skip
    assert next_hops._first_failures(came, tried[order])["next_hop"].to_list() == ["10.0.0.2:5060"]


@BOTH
def test_of_two_calls_that_left_a_node_at_one_time_the_later_key_counts(order: list[int]) -> None:
    held = pl.DataFrame({"call": [1], "asked_at": [10], "address": ["10.0.0.1:5060"], "time": [90]})
    begun = pl.DataFrame({"begun": [1, 2], "ip": ["10.0.0.1"] * 2, "at": [50, 50]})
    assert call_failures._may_have_sent_on(held, begun[order]).to_list() == [True]


@BOTH
def test_of_two_sides_whose_audio_began_at_one_late_time_one_is_named(order: list[int]) -> None:
    call_media = pl.DataFrame({"call": [1], "delay_s": [2.0], "media": ["both_ways"]})
    streams = pl.DataFrame({"call": [1, 1], "sent_by": ["callee", "caller"], "first_at": [50, 50]})
    announced = pl.DataFrame(
        schema={"call": pl.Int64, "side": pl.String, "media": pl.String, "message": pl.Int64, "ip": pl.String,
                "port": pl.Int64}
    )  # fmt: skip
    assert media.LATE.find(call_media, announced, streams[order])["late_side"].to_list() == ["caller"]
