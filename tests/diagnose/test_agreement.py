"""No two tables contradict each other: who released a call, and who refused it, on every capture there is.

All samples are read as one capture, and so are the captures of other people: that also mixes their traffic.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES, shared

import analyzer
from analyzer.diagnose.explanation import explanations


def _files(kind: str) -> list[Path]:
    folder = SAMPLES if kind == "samples" else shared("captures")
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".md", ".tsv"))


@cache
def _read(kind: str) -> analyzer.Capture:
    return analyzer.read([path for path in _files(kind) if "cap" in path.suffix or kind == "shared"])


@pytest.fixture(params=["samples", "shared"])
def capture(request: pytest.FixtureRequest) -> analyzer.Capture:
    """All captures of one kind in one reading; skipped, and counted, where they are not there."""
    _files(request.param)
    return _read(request.param)


def _first_leg(capture: analyzer.Capture) -> pl.DataFrame:
    """The calls with the Call-ID of their reference hop, of a joined one the first."""
    opened = capture.table("transactions").select("call_id", reference="transaction")
    calls = capture.table("calls").join(opened, on="reference", how="left", maintain_order="left")
    return calls.with_columns(pl.coalesce("call_id", pl.col("call_ids").list.first()))


def test_calls_and_dialogs_agree_on_who_released_a_call(capture: analyzer.Capture) -> None:
    calls = _first_leg(capture).filter(pl.col("outcome") == "answered").select("call", "call_id", "released_by")
    ended = capture.table("dialogs").filter(
        pl.col("usage") == "invite",
        pl.col("confirmed_at").is_not_null(),
        pl.col("end_reason").is_in(["bye", "expired", "timeout", "open"]),
    )
    # Of a forked call the branch that lived is the one that ended last.
    confirmed_branch = ended.sort("ended_at", descending=True, nulls_last=False).unique(
        ["call", "call_id"], keep="first"
    )
    both = calls.join(confirmed_branch.select("call", "call_id", "ended_by", "local_tag"), on=["call", "call_id"])
    sides = {"local": "caller", "remote": "callee"}
    both = both.with_columns(pl.col("ended_by").replace(sides))
    assert both.height > 20
    assert both.filter(pl.col("released_by").ne_missing(pl.col("ended_by"))).rows() == []


def test_failures_name_the_node_that_refused_the_call(capture: analyzer.Capture) -> None:
    calls = _first_leg(capture).filter(pl.col("call_id").is_unique())
    refused = capture.table("call_failures").select("call", "address").drop_nulls()
    refused = calls.select("call", "call_id", "status").join(refused, on="call")
    failed = capture.measure("failures", by="call_id,method,status,node").filter(pl.col("method") == "INVITE")
    both = refused.join(failed, on=["call_id", "status"])
    assert both.height > 3
    assert both.filter(pl.col("address") != pl.col("node")).select("call_id", "address", "node").rows() == []


def test_explanations_name_the_node_that_refused_the_call(capture: analyzer.Capture) -> None:
    calls = capture.table("calls")
    told = explanations(calls, capture.table("messages"), capture.table("failure_path"))
    refused = capture.table("call_failures").filter(pl.col("first_status") == pl.col("status"), pl.col("status") != 487)
    both = calls.select("call", told=pl.Series(told)).join(refused.select("call", "address"), on="call")
    assert both.height > 3
    named = pl.col("told").str.extract(r"(?:^|; )\d{3} [^;]*?first seen from (\S+)")
    assert both.filter(named.ne_missing(pl.col("address"))).select("told", "address").rows() == []


def test_no_call_ends_before_its_answer_or_is_answered_before_its_start(capture: analyzer.Capture) -> None:
    calls = capture.table("calls")
    assert calls.height > 20
    wrong = (
        (pl.col("answered_at") < pl.col("started_at"))
        | (pl.col("ended_at") < pl.col("answered_at"))
        | (pl.col("ended_at") < pl.col("started_at"))
    )
    names = ("call_ids", "outcome_detail", "started_at", "answered_at", "ended_at")
    assert calls.filter(wrong).select(names).rows() == []


def test_no_dialog_ends_before_it_was_confirmed(capture: analyzer.Capture) -> None:
    dialogs = capture.table("dialogs")
    assert dialogs.height > 20
    wrong = (pl.col("ended_at") < pl.col("confirmed_at")) | (pl.col("ended_at") < pl.col("early_at"))
    names = ("call_id", "end_reason", "early_at", "confirmed_at", "ended_at")
    assert dialogs.filter(wrong).select(names).rows() == []


def test_nothing_succeeds_in_a_dialog_after_its_end(capture: analyzer.Capture) -> None:
    """No request that was sent after the end, and after all answers to a BYE, was accepted (RFC 3261 §15)."""
    ended = capture.table("dialogs").filter(pl.col("usage") == "invite", pl.col("ended_at").is_not_null())
    messages = capture.table("messages").filter(~pl.col("duplicate"))
    byes = messages.filter(pl.col("method") == "BYE").group_by("dialog").agg(last_bye=pl.col("time").max())
    # The usage of an INVITE ends, a subscription of the same dialog may go on (RFC 5057 §2).
    others = ["ACK", "BYE", "CANCEL", "SUBSCRIBE", "NOTIFY", "REFER"]
    asked = messages.filter(pl.col("status").is_null(), ~pl.col("method").is_in(others))
    success = messages.filter(pl.col("status").is_between(200, 299))
    accepted = asked.join(success.select("transaction", "dialog").unique(), on=["transaction", "dialog"], how="semi")
    late = accepted.join(ended.select("dialog", "ended_at"), on="dialog").join(byes, on="dialog", how="left")
    late = late.filter(pl.col("time") > pl.max_horizontal("ended_at", "last_bye"))
    assert ended.height > 20
    assert late.select("call_id", "method", "frame").rows() == []


def test_a_call_is_over_when_its_dialog_is(capture: analyzer.Capture) -> None:
    """Of an answered call with one dialog on its first leg."""
    calls = (
        _first_leg(capture)
        .filter(pl.col("outcome") == "answered")
        .select("call", "call_id", "ended_at", "outcome_detail")
    )
    confirmed = capture.table("dialogs").filter(pl.col("usage") == "invite", pl.col("confirmed_at").is_not_null())
    alone = confirmed.filter(pl.len().over("call", "call_id") == 1)
    both = calls.join(alone.select("call", "call_id", over="ended_at"), on=["call", "call_id"])
    assert both.height > 20
    assert both.filter(pl.col("ended_at").is_null() != pl.col("over").is_null()).rows() == []
