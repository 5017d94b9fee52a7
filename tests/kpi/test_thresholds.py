"""Thresholds: what is wrong in a file is told where it stands, what crosses is marked, and few values never cross."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from kpi import rows
from places import SAMPLES

from analyzer.cli import group
from analyzer.errors import AnalyzerError
from analyzer.kpi import thresholds

WRONG = [
    ('thresholds = ["asr < 0.6", "pddd_s > 5"]', "line 1: 'pddd_s > 5': no KPI 'pddd_s'; did you mean pdd_s"),
    ('thresholds = [\n  "asr < 0.6",\n  "asr << 2",\n]', "line 3: 'asr << 2': a KPI, < or >, and a number are wanted"),
    ('thresholds = ["asr < 60"]', "line 1: 'asr < 60': asr is a share, 0 to 1; write 60 % for percent"),
    ('thresholds = ["pdd_s < 60 %"]', "line 1: 'pdd_s < 60 %': pdd_s is no share; leave out the %"),
    ('thresholds = ["asr.p95 < 0.6"]', "line 1: 'asr.p95 < 0.6': asr is no duration and has no p95"),
    ('thresholds = ["pdd_s.p96 > 5"]', "no 'p96' of a KPI; there are value, p50, p95, p99"),
    (
        '[a]\nby = "node"\nthresholds = ["asr < 1"]\n[b]\nby = "colour"\nthresholds = ["asr < 1"]',
        "line 5: 'by': 'colour'",
    ),
    ('every = "1 hour"\nthresholds = ["asr < 1"]', "line 1: '1 hour': every '1 hour': a number and s, m, h or d"),
    ('thresholds = "asr < 0.6"', "line 1: 'thresholds': a list of texts is wanted"),
    ('threshold = ["asr < 0.6"]', "line 1: 'threshold': unknown; wanted are by, every, thresholds"),
    ("thresholds = [", "cannot be read as TOML"),
    ("ser < 0.9", 'write thresholds = ["ser < 0.9"'),
    ("", 'no threshold; write thresholds = ["asr < 0.6"]'),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_file_is_told_where_and_what_to_write(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(AnalyzerError) as error:
        thresholds.read(tmp_path / "limits.toml")
    assert says in str(error.value)
    assert "limits.toml" in str(error.value)


def test_a_file_that_is_not_there_is_told_before_anything_is_read() -> None:
    done = CliRunner().invoke(group, ["kpis", "none.pcap", "--thresholds", "none.toml"])
    assert (done.exit_code, "none.toml: No such file" in done.output) == (2, True)


def crossing(given: Mapping[str, Any], found: list[tuple[int, dict[str, Any]]], **how: Any) -> list[tuple[Any, ...]]:
    """What crosses, over calls."""
    groups = thresholds.read(given)
    parts = []
    for of in groups:
        table = rows.measured("calls", rows.frame("calls", found), by=of.by, every=of.every)
        parts.append(thresholds.marked(table, groups, of.by, of.every))
    return [
        row for part in parts for row in part.filter(pl.col("crossed").is_not_null()).select("kpi", "crossed").rows()
    ]


def test_what_crosses_over_all() -> None:
    calls = [(17, {"outcome": "answered"}), (13, {"outcome": "server_failure", "status": 500})]
    given = {"thresholds": ["asr < 0.6", "asr <= 0.5", "isa > 40 %"]}
    assert crossing(given, calls) == [("isa", "isa > 40 %"), ("asr", "asr < 0.6")]


def test_few_values_cross_nothing() -> None:
    """29 calls; and 71 values have no upper bound of their 95th percentile, 72 have (0.95^72 < 0.025)."""
    few = [(29, {"outcome": "busy", "status": 486})]
    assert crossing({"thresholds": ["asr < 0.6"]}, few) == [("asr", "asr < 0.6 (low n)")]
    for n, mark in ((71, "setup_s.p95 > 5 (low n)"), (72, "setup_s.p95 > 5")):
        slow = [(n, {"outcome": "answered", "setup_s": 9.0})]
        assert crossing({"thresholds": ["setup_s.p95 > 5"]}, slow) == [("setup_s", mark)]


def test_rates_and_peaks_are_never_few() -> None:
    calls = [(3, {"outcome": "busy", "started_at": 5})]
    assert crossing({"thresholds": ["caps_peak > 2"]}, calls) == [("caps_peak", "caps_peak > 2")]


def test_no_value_crosses_nothing() -> None:
    assert crossing({"thresholds": ["asr < 0.6", "reg_initial < 0.9"]}, []) == []


def test_each_group_has_thresholds_of_its_own() -> None:
    calls = [(40, {"caller": "A", "outcome": "answered"}), (40, {"caller": "B", "outcome": "busy", "status": 486})]
    given = {"thresholds": ["asr < 0.4"], "callers": {"by": "caller", "thresholds": ["asr < 0.9"]}}
    assert crossing(given, calls) == [("asr", "asr < 0.9")]


def test_crossings_say_which_group_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [(40, {"caller": "A", "outcome": "busy", "started_at": 70}), (5, {"caller": "B", "outcome": "busy"})]
    groups = thresholds.read({"by": "caller", "every": "1m", "thresholds": ["ser < 0.5"]})
    made = rows.measured("calls", rows.frame("calls", calls), rows.files((0, 120)), by="caller", every="1m", only="ser")
    monkeypatch.setattr(thresholds, "kpis", lambda *_, **__: made)
    found = thresholds.crossings(groups, lambda _: pl.DataFrame())
    assert found.select("group", "value", "n", "state").rows() == [
        ("caller A", 0.0, 40, "crossed"),
        ("caller B", 0.0, 5, "low_n"),
    ]


@pytest.mark.parametrize(
    ("text", "status"), [("message_rate > 0.001", 3), ("message_rate > 1000", 0), ("ser < 0.9", 0)]
)
def test_the_exit_status_is_3_if_something_crosses(text: str, status: int, tmp_path: Path) -> None:
    """One busy call: its rate crosses, its SER is of one call."""
    (tmp_path / "limits.toml").write_text(f'thresholds = ["{text}"]')
    words = ["kpis", str(SAMPLES / "busy.pcap"), "--thresholds", str(tmp_path / "limits.toml")]
    done = CliRunner().invoke(group, words)
    assert done.exit_code == status
    assert ("is crossed" in done.output) == (status == 3)
    assert ("low n" in done.output) == (text == "ser < 0.9")


def test_kpis_that_cannot_be_grouped_so_are_told() -> None:
    done = CliRunner().invoke(
        group, ["kpis", str(SAMPLES / "busy.pcap"), "--by", "outcome_detail", "--only", "ser,ira"]
    )
    assert "no row of ira: they cannot be grouped by outcome_detail" in done.output
