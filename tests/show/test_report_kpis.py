"""The KPIs of a report: on the page, as Markdown, JSON and OpenMetrics, beside those of another capture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import captures
import polars as pl
import pytest
from click.testing import CliRunner
from kpi import rows
from places import SAMPLES
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from analyzer import schema
from analyzer.api.reports import text_of
from analyzer.cli import group
from analyzer.kpi import thresholds
from analyzer.show.report import figures, indicators, report
from analyzer.show.report.openmetrics import openmetrics
from analyzer.show.report.written import Facts, markdown


def cap(name: str) -> Any:
    return captures.read(SAMPLES / name)


def over_time() -> pl.DataFrame:
    """Of four minutes: 8 of 10 answered, none, 1 of 4, 1 of 1."""
    calls = [
        (8, {"outcome": "answered", "started_at": 5}),
        (2, {"outcome": "busy", "started_at": 5}),
        (1, {"outcome": "answered", "started_at": 125}),
        (3, {"outcome": "busy", "started_at": 125}),
        (1, {"outcome": "answered", "started_at": 185}),
    ]
    return rows.measured("calls", rows.frame("calls", calls), rows.files((0, 240)), every="1m")


def line(found: pl.DataFrame, name: str, **more: Any) -> indicators.Line:
    return next(one for one in indicators.lines(found, **more) if one.kpi.name == name)


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_a_line_has_its_value_and_how_it_went() -> None:
    ser = line(over_time(), "ser")
    assert (ser.value, ser.n, ser.note) == ("66.7 %", 15, "low_n")
    assert ser.over_time == (0.8, None, 0.25, 1.0)
    assert (ser.blocks, ser.ends) == ("▇ ▃█", "25.0 % - 100.0 %")
    assert ser.paths == ["15.0,4.6 17.0,4.6", "75.0,14.5 105.0,1.0"]


def test_a_line_breaks_where_there_is_no_data() -> None:
    calls = [(1, {"outcome": "answered", "started_at": at, "setup_s": 2.0}) for at in (5, 125)]
    calls += [(1, {"outcome": "busy", "started_at": 65})]
    found = rows.measured("calls", rows.frame("calls", calls), rows.files((0, 180)), every="1m")
    setup = line(found, "setup_s")
    assert (setup.over_time, setup.blocks) == ((1.0, None, 1.0), "█ █")
    assert len(setup.paths) == 2


def test_kpis_without_data_are_named_once() -> None:
    found = over_time()
    without = indicators.without_data(found)
    assert {"reg_initial", "message_success", "sdd_s"} <= set(without)
    assert set(without) & {one.kpi.name for one in indicators.lines(found)} == set()


def test_the_value_of_before_stands_beside() -> None:
    calls = [(9, {"outcome": "answered"}), (1, {"outcome": "busy"})]
    before = rows.measured("calls", rows.frame("calls", calls))
    assert line(over_time(), "ser", before=before).before == "90.0 %"


# ---- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_kpis_what_crosses_and_what_was_before(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "drawn", lambda *_: [])
    capture = cap("outcomes.pcap")
    tables = {name: capture.table(name) for name in schema.TABLES}
    groups = thresholds.read({"thresholds": ["message_rate > 0.001", "ser < 0.5"]})
    before = cap("basic_call.pcap").measure("kpis")
    found = thresholds.crossings(groups, lambda name: tables[name])
    page = report(tables, language=language, crossings=found, before=before)
    assert 'class="kpis"' in page
    assert ("SIP messages per second" if language == "en" else "每秒 SIP 消息数") in page
    assert '<tr class="crossed">' in page
    assert "message_rate &gt; 0.001" in page
    # One call of basic_call.pcap was answered, none of seven here; of few calls nothing crosses.
    assert "100.0 %" in page
    assert page.count('<tr class="crossed">') == 1


def test_a_capture_without_sip_has_a_report_in_every_form() -> None:
    for form in ("md", "json", "openmetrics"):
        assert text_of(cap("ipsec_encrypted.pcap").source, form=form)


# ---- Markdown, JSON --------------------------------------------------------------------------------------------------


def test_markdown_says_verdict_kpis_and_failures() -> None:
    text = text_of(cap("outcomes.pcap").source, form="md", thresholds={"thresholds": ["message_rate > 0.001"]})
    headings = [part for part in text.splitlines() if part.startswith("#")]
    assert headings[:3] == ["# SIP report: outcomes.pcap", "## Verdict", "## Key performance indicators"]
    assert "Threshold message\\_rate \\> 0.001 is crossed" in text
    assert "| `isa` ineffective session attempts (ISA) | 16.7 % | 6 |" in text
    assert "## Failures" in headings


def test_what_is_captured_makes_no_markdown() -> None:
    """A reason phrase with a pipe, code, a link and an image."""
    capture = cap("outcomes.pcap")
    hostile = "**x** | `y` [a](http://e) ![b](c) <img src=x>"
    tables = {name: capture.table(name) for name in schema.TABLES}
    tables["messages"] = tables["messages"].with_columns(
        reason_phrase=pl.when(pl.col("status") >= 400).then(pl.lit(hostile)).otherwise("reason_phrase")
    )
    text = markdown(Facts(tables))
    assert "\\*\\*x\\*\\* \\| \\`y\\` \\[a\\](http://e) !\\[b\\](c) \\<img src=x\\>" in text
    assert hostile not in text


def test_json_has_the_numbers_of_the_tables() -> None:
    capture = cap("outcomes.pcap")
    found = json.loads(text_of(capture.source, form="json", before=cap("busy.pcap").source))
    values = {row["kpi"]: row["value"] for row in found["kpis"]}
    assert values == dict(capture.measure("kpis").select("kpi", "value").rows())
    assert sum(found["outcomes"].values()) == capture.table("calls").height
    assert {row["kpi"]: row["value"] for row in found["before"]}["seer"] == 1.0
    assert (found["crossings"], found["messages"]) == (None, 24)


# ---- OpenMetrics -----------------------------------------------------------------------------------------------------


def test_openmetrics_is_what_its_own_parser_reads() -> None:
    capture = cap("basic_call.pcap")
    text = text_of(capture.source, form="openmetrics", thresholds={"thresholds": ["message_rate > 0.001"]})
    families = {family.name: family for family in text_string_to_metric_families(text)}
    value = dict(capture.measure("kpis").select("kpi", "value").rows())
    samples = {family.name: {s.name: s.value for s in family.samples} for family in families.values()}
    assert samples["sip_ser_ratio"] == {"sip_ser_ratio": value["ser"]}
    assert (families["sip_pdd_seconds"].type, families["sip_pdd_seconds"].unit) == ("summary", "seconds")
    assert samples["sip_pdd_seconds"]["sip_pdd_seconds_count"] == 1
    assert samples["sip_pdd_seconds"]["sip_pdd_seconds_sum"] == value["pdd_s"]
    assert [s.labels for s in families["sip_calls"].samples] == [{"outcome": "answered"}]
    assert [s.labels for s in families["sip_threshold_crossed"].samples] == [{"threshold": "message_rate > 0.001"}]
    # No message was sent outside the call.
    assert "sip_message_success_ratio" not in families
    assert text.endswith("# EOF\n")


def test_labels_are_escaped() -> None:
    found = pl.DataFrame([{"threshold": 'a "b" \\ c\nd', "state": "crossed"}], schema_overrides=thresholds.SCHEMA)
    capture = cap("basic_call.pcap")
    tables = {name: capture.table(name) for name in ("calls", "registrations", "messages", "files")}
    text = openmetrics(tables, capture.measure("kpis"), found)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["sip_threshold_crossed"].samples[0].labels == {"threshold": 'a "b" \\ c\nd'}


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_suffix_chooses_the_form_and_a_crossing_the_exit_status(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text('thresholds = ["message_rate > 0.001"]')
    words = ["report", str(SAMPLES / "busy.pcap"), "-o", str(tmp_path / "r.md")]
    done = CliRunner().invoke(group, [*words, "--thresholds", str(tmp_path / "limits.toml")])
    assert done.exit_code == 3
    assert "Threshold message" in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(group, [*words, "--before", str(SAMPLES / "basic_call.pcap")]).exit_code == 0
    # The call of busy.pcap was refused, that of the other capture answered.
    assert "| 0.0 % | 100.0 % | 1 |" in (tmp_path / "r.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "r.doc"], "-o r.doc: say --format"),
        (["--format", "html", "-o", "r.md"], "its name must end in .html"),
    ],
)
def test_a_form_that_cannot_be_written_is_told(words: list[str], says: str) -> None:
    done = CliRunner().invoke(group, ["report", str(SAMPLES / "busy.pcap"), *words])
    assert (done.exit_code, says in " ".join(done.output.split())) == (2, True)


def test_a_page_that_nobody_named_has_the_name_of_its_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, ["report", str(SAMPLES / "busy.pcap")])
    assert (done.exit_code, "written to busy.report.html" in done.stderr) == (0, True)
    assert (tmp_path / "busy.report.html").read_text().startswith("<!DOCTYPE html>")
