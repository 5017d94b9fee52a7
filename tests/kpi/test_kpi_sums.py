"""Parts add up to the whole; what several groups have counts once in it; rates and loads are over the time captured."""

from __future__ import annotations

from typing import Any

import captures
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi import rows
from places import SAMPLES

from analyzer.errors import FilterError
from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.intervals import ranks
from analyzer.kpi.kpis import kpis

PEAKS = ("caps_peak", "concurrent_calls")

CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(
                ["answered", "busy", "timeout", "redirected", "unfinished", "joined", "auth_failed", "cancelled", None]
            ),
            "outcome_detail": st.sampled_from(["normal", "active", "dropped", "while_ringing", None]),
            "status": st.sampled_from([200, 302, 404, 407, 486, 487, 500, None]),
            "caller": st.sampled_from(["A", "B", "C", None]),
            "callee": st.sampled_from(["X", "Y"]),
            "started_at": st.floats(0, 300),
            "talk_s": st.one_of(st.none(), st.integers(0, 10_000).map(lambda ms: ms / 1000)),
            "pdd_s": st.one_of(st.none(), st.integers(0, 9_000).map(lambda ms: ms / 1000)),
            "_since": st.one_of(st.none(), st.integers(0, 200)),
            "_until": st.one_of(st.none(), st.integers(100, 300)),
        }
    ),
    max_size=40,
)


@settings(max_examples=12, deadline=None)
@given(
    found=CALLS,
    by=st.sampled_from(["caller", "caller,callee", "outcome", "status"]),
    every=st.sampled_from([None, "1m"]),
)
def test_numerators_and_denominators_of_groups_are_those_of_the_whole(
    found: list[dict[str, Any]], by: str, every: str | None
) -> None:
    covered = rows.files((0, 300))
    table = rows.measured("calls", rows.frame("calls", [(1, row) for row in found]), covered, by=by, every=every)
    of_calls = [name for name, kpi in KPIS.items() if kpi.of == "calls" and name not in PEAKS]
    for name in of_calls:
        whole, parts = (table.filter(pl.col("kpi") == name, pl.col("total") == side) for side in (True, False))
        over_time = KPIS[name].kind in ("rate", "load")
        columns = ["numerator", "n", "excluded"] if not over_time else ["numerator"]
        columns += [] if over_time else ["denominator"]
        for column in columns:
            assert parts[column].sum() == pytest.approx(whole[column].item() or 0, abs=1e-6), (name, column)


def test_the_value_over_all_is_no_mean_of_those_of_the_groups() -> None:
    """1 of 1 and 0 of 3 answered: 1 of 4, not one half. The 95th percentile is that of all calls."""
    found = [(1, {"caller": "A", "outcome": "answered", "pdd_s": 9.0})]
    found += [(3, {"caller": "B", "outcome": "busy", "ringing_at": 1, "pdd_s": 1.0})]
    table = rows.measured("calls", rows.frame("calls", found), by="caller", only="ser,pdd_s")
    ser, pdd = (table.filter(pl.col("total"), pl.col("kpi") == name).row(0, named=True) for name in ("ser", "pdd_s"))
    assert (ser["value"], ser["numerator"], ser["denominator"]) == (0.25, 1, 4)
    assert (pdd["value"], pdd["p50_s"], pdd["p95_s"]) == (3.0, 1.0, 9.0)
    assert table.filter(kpi="ser", total=False).select("caller", "value").rows() == [("A", 1.0), ("B", 0.0)]


def test_a_call_counts_for_each_node_it_passed_and_once_in_the_whole() -> None:
    """ims_core.pcap: one call over six nodes, and a UE that registers at its P-CSCF."""
    table = captures.read(SAMPLES / "ims_core.pcap").measure("kpis", by="node", only="ser,reg_initial")
    ser = table.filter(kpi="ser")
    assert ser.filter("total")["n"].to_list() == [1]
    assert ser.filter(~pl.col("total"))["n"].to_list() == [1] * 6
    assert sorted(table.filter(kpi="reg_initial", total=False)["node"]) == ["10.45.0.2:5060", "10.46.0.1:5060"]


def test_reference_points_are_those_of_the_hops_a_call_passed() -> None:
    table = captures.read(SAMPLES / "ims_core.pcap").measure("kpis", by="reference_point", only="ser")
    assert sorted(table.filter(~pl.col("total"))["reference_point"]) == ["Gm", "Mw"]


def test_a_kpi_without_the_column_has_no_row() -> None:
    table = rows.measured("calls", rows.frame("calls", [(1, {"outcome": "busy"})]), by="outcome_detail")
    assert {KPIS[name].of for name in table["kpi"]} == {"calls"}


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"by": "colour"}, "'colour'"),
        ({"by": "outcome_detail,via_count"}, "no KPI can be grouped by all"),
        ({"only": "asr,mos"}, "only 'mos': wanted are"),
        ({"every": "1s"}, "a longer one"),
    ],
)
def test_what_cannot_be_understood_is_told(how: dict[str, Any], says: str) -> None:
    with pytest.raises(FilterError, match=says):
        rows.measured("calls", rows.frame("calls", []), rows.files((0, 2e6)), **how)


# ---- time ------------------------------------------------------------------------------------------------------------


def test_rates_are_over_the_seconds_that_files_cover() -> None:
    """Files of 0-60, 30-90 and 150-180 s cover 120 s; 30 calls are 0.25 a second. Minute two has 30 s of them."""
    covered = rows.files((0, 60), (30, 90), (150, 180))
    calls = [(24, {"outcome": "busy", "started_at": 10}), (6, {"outcome": "busy", "started_at": 80})]
    table = rows.measured("calls", rows.frame("calls", calls), covered, every="1m", only="caps")
    assert table.filter("total").select("value", "denominator").rows() == [(0.25, 120.0)]
    assert table.filter(~pl.col("total")).select("numerator", "denominator", "value").rows() == [
        (24.0, 60.0, 0.4),
        (6.0, 30.0, 0.2),
    ]


def test_a_call_loads_the_intervals_it_lasts_into() -> None:
    """Two calls, 30-90 s and 50-70 s: minute 1 has 40 call seconds, minute 2 the same; at most two at once in both."""
    calls = [(1, {"outcome": "answered", "started_at": 20, "_since": 30, "_until": 90})]
    calls += [(1, {"outcome": "answered", "started_at": 45, "_since": 50, "_until": 70})]
    table = rows.measured(
        "calls", rows.frame("calls", calls), rows.files((0, 120)), every="1m", only="erlang,concurrent_calls"
    )
    minutes = table.filter(~pl.col("total"))
    assert minutes.filter(kpi="erlang").select("numerator", "value", "n").rows() == [(40.0, 40 / 60, 2)] * 2
    assert minutes.filter(kpi="concurrent_calls")["value"].to_list() == [2.0, 2.0]
    assert table.filter("total", kpi="erlang")["numerator"].to_list() == [80.0]


def test_without_times_there_is_no_rate() -> None:
    none = rows.files((0, 0)).with_columns(
        pl.lit(None, pl.Datetime("ns", "UTC")).alias(end) for end in ("first_at", "last_at")
    )
    found = rows.one("caps", [(3, {"outcome": "busy"})], covered=none)
    assert (found["value"], found["n"], found["note"]) == (None, 3, "no_data")


# ---- what is said of a value -----------------------------------------------------------------------------------------


def test_few_are_said_to_be_few() -> None:
    notes = [rows.one("ser", [(n, {"outcome": "answered"})])["note"] for n in (1, 29, 30)]
    assert notes == ["low_n", "low_n", None]


def test_a_clock_that_stepped_and_packets_that_were_lost_are_said() -> None:
    calls = [(40, {"outcome": "answered", "setup_s": 1.0})]
    doubtful = rows.files((0, 60), backward_steps=1, dropped=7)
    assert rows.one("setup_s", calls, covered=doubtful)["note"] == "clock_stepped packets_lost"
    assert rows.one("ser", calls, covered=doubtful)["note"] == "packets_lost"


def test_every_reason_that_a_call_does_not_count_is_told() -> None:
    calls = [(2, {"outcome": "unfinished"}), (1, {"outcome": "joined"}), (3, {"outcome": "answered"})]
    found = rows.one("ser", calls)
    assert (found["n"], found["excluded"], found["excluded_why"]) == (3, 3, "1 began before the capture, 2 unfinished")


def test_wilson_and_order_statistics() -> None:
    """8 of 10: 0.4902 to 0.9433 (Newcombe 1998, method 3). The median of 100 lies within ranks 40 to 61."""
    found = rows.one("ser", [(8, {"outcome": "answered"}), (2, {"outcome": "busy"})])
    assert (round(found["low"], 4), round(found["high"], 4)) == (0.4902, 0.9433)
    hundred = [(1, {"outcome": "answered", "setup_s": float(n)}) for n in range(1, 101)]
    setup = rows.one("setup_s", hundred)
    assert (setup["p50_low_s"], setup["p50_s"], setup["p50_high_s"]) == (40.0, 50.0, 61.0)
    assert setup["p99_s"] == 99.0


def test_few_values_have_no_bound() -> None:
    """All of n values lie below the 95th percentile with probability 0.95^n: 0.026 of 71, 0.025 of 72. The median lies
    outside the range of five with 2/32, of six with 2/64."""
    assert [ranks(n, 95)[1] for n in (71, 72)] == [None, 72]
    assert [ranks(n, 50) for n in (5, 6)] == [(None, None), (1, 6)]


# ---- whole captures --------------------------------------------------------------------------------------------------


def test_delays_are_those_of_the_tables() -> None:
    cap = captures.read(SAMPLES / "basic_call.pcap")
    call = cap.table("calls").row(0, named=True)
    value = dict(cap.measure("kpis").select("kpi", "value").rows())
    same = {"srd_s": "srd_s", "pdd_s": "pdd_s", "setup_s": "setup_s", "acd_s": "talk_s", "sdt_s": "talk_s"}
    assert {kpi: value[kpi] for kpi in same} == {kpi: call[column] for kpi, column in same.items()}
    bye = cap.table("transactions").filter(method="BYE").row(0, named=True)
    assert value["sdd_s"] == bye["final_delay_s"]


def test_the_retransmission_ratio_is_that_of_links() -> None:
    cap = captures.read(SAMPLES / "lost_and_resent.pcap")
    links = cap.measure("links").select(pl.col("resent_requests", "resent_responses", "requests", "responses").sum())
    resent, again, requests, responses = links.row(0)
    found = cap.measure("kpis", only="resent_share").row(0, named=True)
    assert (found["numerator"], found["denominator"]) == (resent + again, requests + responses)


def test_every_table_that_groups_come_from_can_be_joined() -> None:
    """A column of each, over a capture that has calls, registrations and messages."""
    cap = captures.read(SAMPLES / "services.pcap")
    for by in ("node", "from_node,to_node", "reference_point", "service", "rat,access_type", "peer", "method", "kind"):
        table = kpis(cap.source.table, by=by)
        assert table.filter("total").height == table["kpi"].n_unique()
        assert table.filter(~pl.col("total")).height > 0
