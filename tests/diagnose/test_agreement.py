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
