"""Where the set-up time goes over many calls: sums a call, nearest-rank percentiles, shares."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer import schema
from analyzer.errors import FilterError
from analyzer.measure.setups import phase_times, setup_shares


def frame(table: str, **columns: list[object]) -> pl.DataFrame:
    kinds = schema.TABLES[table].polars()
    height = len(next(iter(columns.values())))
    return pl.DataFrame({name: columns.get(name, [None] * height) for name in kinds}, schema=kinds)


CALLS = frame("calls", call=[1, 2], started_at=[0, 3600 * 10**9], outcome=["answered", "busy"])
ENDPOINTS = frame("endpoints", address=["10.0.0.1", "10.0.0.2"], role=["P-CSCF", "AS"], node=["10.0.0.1", "10.0.0.2"])
WATERFALL = frame(
    "waterfall",
    call=[1, 1, 1, 1, 2, 2],
    kind=["node", "node", "node", "ringing", "node", "far_end"],
    address=["10.0.0.1", "10.0.0.2", "10.0.0.2", None, "10.0.0.1", "10.0.0.9"],
    duration_s=[0.1, 0.3, 0.5, 9.0, 0.2, 0.9],
)


def test_what_a_node_takes_in_a_call_is_one_value() -> None:
    table = setup_shares(WATERFALL, ENDPOINTS, CALLS, by="role")
    rows = {role: values for role, *values in table.select("role", "calls", "median_s", "max_s").rows()}
    assert rows["AS"] == [1, 0.8, 0.8]
    assert rows["P-CSCF"] == [2, 0.1, 0.2]


def test_shares_leave_ringing_out() -> None:
    """2.0 s in all, 0.8 of it at the AS."""
    table = setup_shares(WATERFALL, ENDPOINTS, CALLS, by="kind,role").select("kind", "role", "share").rows()
    assert table == [
        ("far_end", None, pytest.approx(0.45)),
        ("node", "AS", pytest.approx(0.4)),
        ("node", "P-CSCF", pytest.approx(0.15)),
        ("ringing", None, None),
    ]


def test_intervals_are_by_the_start_of_the_calls() -> None:
    table = setup_shares(WATERFALL, ENDPOINTS, CALLS, by="kind", every="1h")
    assert table.filter(pl.col("kind") == "node")["calls"].to_list() == [1, 1]
    assert table.group_by("interval_at").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0, 1.0])


def test_a_99th_percentile_needs_a_hundred_calls() -> None:
    assert (
        setup_shares(WATERFALL, ENDPOINTS, CALLS)["p99_s"].null_count()
        == setup_shares(WATERFALL, ENDPOINTS, CALLS).height
    )


def test_a_column_that_there_is_not() -> None:
    with pytest.raises(FilterError, match="wanted are"):
        setup_shares(WATERFALL, ENDPOINTS, CALLS, by="colour")


def test_phases_stand_in_the_order_of_a_set_up() -> None:
    phases = frame(
        "phases",
        call=[1, 1, 1, 2, 2],
        phase=["trying", "routing", "ringing", "trying", "routing"],
        duration_s=[0.1, 0.5, 4.0, 0.3, None],
    )
    table = phase_times(phases, CALLS)
    assert table.select("phase", "calls", "max_s").rows() == [
        ("trying", 2, 0.3),
        ("routing", 1, 0.5),
        ("ringing", 1, 4.0),
    ]
    assert table["share"].to_list() == [pytest.approx(4 / 9), pytest.approx(5 / 9), None]
