"""No two tables contradict each other: who released a call, and who refused it, on every capture there is.

All samples are read as one capture, and so are the captures of other people: that also mixes their traffic.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES, shared
from report_data import table_of

import analyzer
from analyzer.diagnose.explanation import explanations
from analyzer.show.story import what_went_wrong
from analyzer.sip import next_hops


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


@pytest.mark.slow
def test_failures_name_the_node_that_refused_the_call(capture: analyzer.Capture) -> None:
    calls = _first_leg(capture).filter(pl.col("call_id").is_unique())
    refused = capture.table("call_failures").select("call", address="failing_node").drop_nulls()
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


# -- who failed a call -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["samples", "shared", "cases"])
def failing(request: pytest.FixtureRequest) -> analyzer.Capture:
    """All captures of one kind, also the cases, which are made of what goes wrong."""
    if request.param == "cases":
        return _read_cases()
    _files(request.param)
    return _read(request.param)


@cache
def _read_cases() -> analyzer.Capture:
    return analyzer.read([path for path in sorted(shared("cases").iterdir()) if "cap" in path.suffix])


def _failed_invites(capture: analyzer.Capture) -> pl.DataFrame:
    """The failed calls with the rows of ``failures`` that count them."""
    counted = capture.measure("failures", by="call_id,method,node").filter(pl.col("method") == "INVITE")
    calls = capture.table("calls").select("call", "no", "call_ids")
    failed = capture.table("call_failures").select("call", "failing_node").join(calls, on="call")
    both = failed.join(counted.select("no", "node", "call_id", "requests"), on="no")
    return both.filter(pl.col("call_ids").list.contains(pl.col("call_id")))


def test_no_failed_call_is_counted_twice(failing: analyzer.Capture) -> None:
    messages = failing.table("messages")
    again = messages.filter(pl.col("method") == "INVITE", pl.col("status").is_null(), pl.col("to_tag").is_not_null())
    # An INVITE within a dialog is a request of its own (RFC 3261 §14).
    counted = _failed_invites(failing).join(again.select("call").unique(), on="call", how="anti")
    counted = counted.group_by("no").agg(pl.col("requests").sum())
    assert counted.height > 3
    assert counted.filter(pl.col("requests") > 1).rows() == []


def test_every_refused_call_is_counted(failing: analyzer.Capture) -> None:
    refused = failing.table("call_failures").filter(pl.col("status") >= 400, pl.col("status") != 487)
    refused = refused.join(failing.table("calls").select("call", "no", "outcome"), on="call")
    refused = refused.filter(pl.col("outcome") != "joined")
    assert refused.height > 3
    assert refused.join(_failed_invites(failing), on="no", how="anti").select("no", "status").rows() == []


def test_failures_and_call_failures_name_one_node(failing: analyzer.Capture) -> None:
    both = _failed_invites(failing)
    assert both.height > 3
    assert (
        both.filter(pl.col("node").ne_missing(pl.col("failing_node"))).select("no", "node", "failing_node").rows() == []
    )


def test_pages_of_calls_begin_with_the_node_that_failed_them(failing: analyzer.Capture) -> None:
    """The first line of `call`, of the notebook card and of the page of the ladder."""
    calls = failing.table("calls").select("call", "no")
    failed = failing.table("call_failures").drop_nulls("address").join(calls, on="call")
    endpoints = failing.table("endpoints")
    first = {no: what_went_wrong(failing.call(no).table, endpoints)[0] for no in failed["no"]}
    assert len(first) > 3
    assert [(no, first[no]) for no, node in failed.select("no", "failing_node").rows() if node not in first[no]] == []


def test_the_explanation_in_a_report_names_the_node_that_failed_the_call(failing: analyzer.Capture) -> None:
    calls, failed = failing.table("calls"), failing.table("call_failures")
    told = explanations(calls, failing.table("messages"), failing.table("failure_path"), failed)
    both = calls.select("no", "call", told=pl.Series(told, dtype=pl.String))
    both = both.join(failed.select("call", "failing_node").drop_nulls(), on="call")
    assert both.height > 3
    assert (
        both.filter(~pl.col("told").str.contains(pl.col("failing_node"), literal=True)).select("no", "told").rows()
        == []
    )


def test_the_time_of_a_call_that_nobody_cancelled_goes_to_the_node_that_failed_it(failing: analyzer.Capture) -> None:
    """The end that the set-up waited on: where the caller or a timer gave up, it is who had not answered till then.
    No time can be spent at a node to which no connection could be opened: what no message reached is not on the way."""
    failed = failing.table("call_failures").filter(
        pl.col("status") != 487, pl.col("on_behalf_of") != "timer", pl.col("rule") != next_hops.NOT_REACHED
    )
    far = failing.table("waterfall").filter(pl.col("kind") == "far_end").select("call", far="address")
    both = failed.join(far, on="call")
    assert both.height > 3
    assert both.filter(pl.col("far") != pl.col("failing_node")).select("call", "far", "failing_node").rows() == []


@pytest.mark.slow
def test_a_page_of_a_report_names_one_node_a_call(tmp_path: Path) -> None:
    """Two tables under one another: the node in `failures` is the one in `call_failures`."""
    capture = analyzer.read(shared("cases") / "lab_fail_503.pcap")
    page = capture.report(tmp_path / "report.html").read_text()
    nodes = (table_of(page, "failures")["node"], table_of(page, "call_failures")["failing_node"])
    assert nodes == (["10.77.0.41:5060"], ["10.77.0.41:5060"])
