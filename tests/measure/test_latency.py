"""Latency and outliers over calls whose delays are given."""

from __future__ import annotations

from typing import Any

import captures
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SAMPLES

from analyzer import schema
from analyzer.measure.latency import latency, outliers

START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000_000_000
NO_HOPS = pl.DataFrame(schema=schema.TRANSACTIONS.polars())


def calls(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of ``calls``; ``at`` is the start in seconds."""
    kinds = schema.CALLS.polars()
    made = [
        {**dict.fromkeys(kinds), "no": no, "call": no, "emergency": False}
        | {name: value for name, value in row.items() if name != "at"}
        for no, row in enumerate(rows, start=1)
    ]
    times = [START + round(row.get("at", 0) * SECOND) for row in rows]
    frame = pl.DataFrame(made, schema=kinds)
    return frame.with_columns(pl.Series("started_at", times, dtype=pl.Int64).cast(pl.Datetime("ns", "UTC")))


def one(table: pl.DataFrame, delay: str) -> dict[str, Any]:
    return table.row(by_predicate=pl.col("delay") == delay, named=True)


def test_the_figures_of_ten_calls() -> None:
    """0.1 ... 1.0 s: nearest ranks 5, 9 and 10; a call without the delay is only counted."""
    rows = [{"setup_s": tenths / 10} for tenths in range(1, 11)] + [{}]
    assert one(latency(calls(*rows), NO_HOPS), "setup") == {
        "delay": "setup",
        "calls": 11,
        "n": 10,
        "min_s": 0.1,
        "mean_s": 0.55,
        "median_s": 0.5,
        "p90_s": 0.9,
        "p95_s": 1.0,
        "p99_s": None,
        "max_s": 1.0,
    }


@pytest.mark.parametrize(("n", "p99"), [(99, None), (100, 0.99), (200, 1.98)])
def test_the_99th_percentile_wants_a_hundred(n: int, p99: float | None) -> None:
    rows = [{"pdd_s": hundredths / 100} for hundredths in range(1, n + 1)]
    assert one(latency(calls(*rows), NO_HOPS), "pdd")["p99_s"] == p99


def test_without_calls_each_delay_says_so() -> None:
    found = latency(calls(), NO_HOPS)
    assert found.select("delay", "n").rows() == [(name, 0) for name in ("pdd", "alert", "srd", "setup", "ring", "talk")]
    assert found["median_s"].null_count() == 6


def test_by_outcome() -> None:
    rows = [{"outcome": "answered", "srd_s": 0.2}, {"outcome": "busy", "srd_s": 0.4}, {"outcome": "busy"}]
    found = latency(calls(*rows), NO_HOPS, by="outcome").filter(delay="srd")
    assert found.select("outcome", "calls", "n", "median_s").rows() == [("answered", 1, 1, 0.2), ("busy", 2, 1, 0.4)]


def test_by_peer_a_call_counts_for_both_ends_of_its_reference_hop() -> None:
    hops = pl.DataFrame(
        {"transaction": [7], "client_ip": ["A"], "server_ip": ["P"]}, schema_overrides={"transaction": pl.Int64}
    )
    hops = pl.concat([NO_HOPS, hops], how="diagonal")
    found = latency(calls({"reference": 7, "pdd_s": 1.0}), hops, by="peer").filter(delay="pdd")
    assert found.select("peer", "direction", "n").rows() == [("A", "from_peer", 1), ("P", "to_peer", 1)]


def test_over_time_a_call_belongs_to_the_interval_it_started_in() -> None:
    rows = [{"at": 59.999, "pdd_s": 1.0}, {"at": 60, "pdd_s": 2.0}, {"at": 119, "pdd_s": 4.0}]
    found = latency(calls(*rows), NO_HOPS, every="1m").filter(delay="pdd")
    assert found.select(pl.col("interval_at").dt.minute(), "n", "max_s").rows() == [(0, 1, 1.0), (1, 2, 4.0)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=120))
def test_figures_are_exact_to_the_nanosecond(delays: list[int]) -> None:
    row = one(latency(calls(*({"talk_s": delay / SECOND} for delay in delays)), NO_HOPS), "talk")
    assert row["min_s"] == min(delays) / SECOND
    assert row["max_s"] == max(delays) / SECOND
    assert row["mean_s"] == (sum(delays) // len(delays)) / SECOND
    assert row["median_s"] == sorted(delays)[-(-len(delays) // 2) - 1] / SECOND


def test_the_mean_of_more_time_than_fits_64_bits() -> None:
    """2,000 calls of 70 days: 1.2e10 s are 1.2e19 ns, more than 2^63."""
    rows = [{"talk_s": 70 * 86400.0}] * 2000
    assert one(latency(calls(*rows), NO_HOPS), "talk")["mean_s"] == 70 * 86400.0


def test_delays_of_a_sample() -> None:
    """As the script of the sample planned them: 180 after 0.18 s, 200 after 4.08 s, BYE after a minute."""
    found = captures.read(SAMPLES / "basic_call.pcap").measure("latency")
    row = captures.read(SAMPLES / "basic_call.pcap").table("calls").row(0, named=True)
    assert dict(found.select("delay", "median_s").rows()) == {
        delay: row[f"{delay}_s"] for delay in ("pdd", "alert", "srd", "setup", "ring", "talk")
    }


# ---- outliers --------------------------------------------------------------------------------------------------------


def test_outliers_lie_beyond_the_fence_of_a_box_plot() -> None:
    """Of twelve the quartiles are the third and the ninth, 3 s and 9 s: the fence stands at 9 + 1.5 * 6."""
    rows = [{"pdd_s": seconds} for seconds in (*map(float, range(1, 10)), 18.0, 18.001, 30.0)]
    found = outliers(calls(*rows), NO_HOPS)
    assert found.select("delay", "no", "value_s", "median_s", "fence_s", "n").rows() == [
        ("pdd", 12, 30.0, 6.0, 18.0, 12),
        ("pdd", 11, 18.001, 6.0, 18.0, 12),
    ]


def test_a_handful_of_calls_has_no_outliers() -> None:
    rows = [{"pdd_s": 0.1}] * 8 + [{"pdd_s": 60.0}]
    assert outliers(calls(*rows), NO_HOPS).is_empty()


def test_what_is_far_outside_for_one_group_is_usual_for_another() -> None:
    near, far = ({"callee": name, "pdd_s": value} for name, value in (("near", 0.1), ("far", 5.0)))
    stray = {"callee": "near", "pdd_s": 5.0}
    found = outliers(calls(*[near] * 20, *[far] * 20, stray), NO_HOPS, by="callee")
    assert found.select("callee", "no").rows() == [("near", 41)]
