"""The command as a user meets it: words in, text and exit status out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import places
import polars as pl
import pytest
from click.testing import CliRunner, Result
from world import Capture, frame

import analyzer
from analyzer import schema
from analyzer.cli import browse, group
from analyzer.errors import CaptureError

Run = Callable[..., Result]


@pytest.mark.parametrize("name", ["ims-registrations", "ims_registrations"])
def test_a_command_is_typed_with_dashes_or_underscores(run: Run, name: str) -> None:
    result = run(name, "a.pcap", "--format", "csv")
    assert (result.exit_code, result.stdout.split(",")[:2]) == (0, ["no", "registration"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("cals", "calls"), ("ims_registration", "ims-registrations"), ("nodeevidence", "node-evidence")],
)
def test_a_misspelt_command_is_told_the_right_one(run: Run, typed: str, meant: str) -> None:
    result = run(typed, "a.pcap")
    assert (result.exit_code, f"Did you mean {meant}" in result.stderr) == (2, True)


def test_what_is_like_no_command_gets_no_hint(run: Run) -> None:
    assert "Did you mean" not in run("xyzzy", "a.pcap").stderr


def test_latency_for_people(run: Run) -> None:
    """Two calls, one of them with a post-dial delay of 0.9 s and a set-up delay of 0.901 s."""
    lines = run("latency", "a.pcap").stdout.splitlines()
    assert [line.split() for line in (lines[0], lines[1], lines[4])] == [
        ["delay", "calls", "n", "min_s", "mean_s", "median_s", "p90_s", "p95_s", "p99_s", "max_s"],
        ["pdd", "2", "1", "0.900", "0.900", "0.900", "0.900", "0.900", "-", "0.900"],
        ["setup", "2", "1", "0.901", "0.901", "0.901", "0.901", "0.901", "-", "0.901"],
    ]


def test_measured_tables_take_the_filters(run: Run) -> None:
    """Call 2 alone was not answered."""
    result = run("latency", "a.pcap", "--outcome", "busy", "--format", "csv", "--columns", "delay,calls,n")
    assert result.stdout.splitlines()[:2] == ["delay,calls,n", "pdd,1,0"]


def test_keys_among_the_columns_of_by_are_strings_in_json(run: Run) -> None:
    rows = json.loads(run("latency", "a.pcap", "--by", "call", "--format", "json").stdout)
    assert {row["call"] for row in rows} == {"10", "20"}


def test_a_figure_is_written_in_the_format_of_its_suffix(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    result = run("plot", "setup_latency", "a.pcap", "-o", str(path), "--delay", "pdd")
    assert (result.exit_code, path.read_text().startswith("<?xml")) == (0, True)


def test_calls_for_people(run: Run) -> None:
    assert run("calls", "a.pcap").stdout.splitlines() == [
        "no  started 2024-05-01  caller        callee        outcome   outcome_detail  status  reason_phrase"
        "  pdd_s  setup_s  talk_s  released_by  legs  hops  retransmissions",
        " 1  10:00:00.000Z       +49301234567  alice@home    answered  -                  200  OK           "
        "  0.900    0.901       -  -               2     2                0",
        " 2  11:00:00.000Z       bob@home      +49309999999  busy      -                  486  Busy Here    "
        "      -        -       -  -               1     1                -",
    ]


def test_times_are_shown_in_the_zone_asked_for(run: Run) -> None:
    lines = run("calls", "a.pcap", "--tz", "Asia/Kolkata", "--columns", "no,started_at").stdout.splitlines()
    assert lines == ["no  started 2024-05-01", " 1  15:30:00.000+05:30", " 2  16:30:00.000+05:30"]


def test_all_columns(run: Run) -> None:
    assert len(run("calls", "a.pcap", "--columns", "all", "--format", "csv").stdout.splitlines()[0].split(",")) == len(
        schema.CALLS.columns
    )


def test_limit_says_what_it_left_out(run: Run) -> None:
    result = run("calls", "a.pcap", "--limit", "1", "--format", "csv", "--columns", "no")
    assert (result.stdout, "1 of 2 calls" in result.stderr) == ("no\n1\n", True)


def test_csv(run: Run) -> None:
    columns = "call,no,started_at,callee,call_ids,setup_s,emergency"
    assert run("calls", "a.pcap", "--format", "csv", "--columns", columns).stdout.splitlines() == [
        columns,
        "10,1,2024-05-01T10:00:00.000000000Z,alice@home,a1 a2,0.901,false",
        "20,2,2024-05-01T11:00:00.000000000Z,+49309999999,b1,,false",
    ]


def test_json(run: Run) -> None:
    result = run("calls", "a.pcap", "--format", "json", "--columns", "call,no,started_at,call_ids,setup_s,talk_s")
    assert json.loads(result.stdout)[0] == {
        "call": "10",
        "no": 1,
        "started_at": "2024-05-01T10:00:00.000000000Z",
        "call_ids": ["a1", "a2"],
        "setup_s": 0.901,
        "talk_s": None,
    }


def test_json_without_rows_is_an_empty_array(run: Run) -> None:
    assert json.loads(run("calls", "a.pcap", "--format", "json", "--call-id", "none").stdout) == []


def test_json_lines(run: Run) -> None:
    result = run("calls", "a.pcap", "--format", "jsonl")
    assert [json.loads(line)["no"] for line in result.stdout.splitlines()] == [1, 2]


def test_json_is_not_shown_in_another_zone(run: Run) -> None:
    result = run("calls", "a.pcap", "--format", "json", "--tz", "Asia/Kolkata")
    assert json.loads(result.stdout)[1]["started_at"] == "2024-05-01T11:00:00.000000000Z"


def test_parquet_keeps_the_types(run: Run, capture: Capture, tmp_path: Path) -> None:
    run("calls", "a.pcap", "-o", str(tmp_path / "calls.parquet"))
    assert pl.read_parquet(tmp_path / "calls.parquet").equals(capture.table("calls"))


def _read(path: Path, table: str) -> pd.DataFrame:
    """As docs/tables.md says."""
    entry = schema.find(table)
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=entry.pandas(), parse_dates=entry.of_type("time"))
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_json(path, dtype=entry.pandas(), lines=path.suffix == ".jsonl")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "json", "jsonl"])
def test_pandas_reads_keys_whole_where_some_are_missing(tmp_path: Path, suffix: str) -> None:
    capture = places.SAMPLES / "ims_core.pcap"
    for table in ("messages", "dialogs"):
        words = [table, str(capture), "-o", str(tmp_path / f"{table}.{suffix}")]
        assert CliRunner().invoke(group, words, catch_exceptions=False).exit_code == 0
    read = analyzer.read(capture)
    messages, dialogs = (_read(tmp_path / f"{table}.{suffix}", table) for table in ("messages", "dialogs"))
    kept = messages["dialog"].dropna()
    assert messages["dialog"].isna().any()
    assert kept.isin(dialogs["dialog"]).all()
    assert messages["dialog"].tolist() == read.messages["dialog"].tolist()


def test_a_rounded_key_finds_nothing_and_is_named(tmp_path: Path) -> None:
    capture = places.SAMPLES / "basic_call.pcap"
    key = int(analyzer.read(capture).messages["message"][0])
    result = CliRunner().invoke(group, ["message", str(int(float(key))), str(capture)])
    assert result.exit_code == 2
    assert f"rounded; {key} is a message" in result.stderr
    assert "rounded" not in CliRunner().invoke(group, ["message", "7", str(capture)]).stderr


def test_pandas_reads_parquet_in_the_types_of_the_package(tmp_path: Path) -> None:
    capture = places.SAMPLES / "ims_core.pcap"
    read = analyzer.read(capture)
    for table in ("messages", "calls", "sdp", "dialogs", "transactions"):
        words = [table, str(capture), "-o", str(tmp_path / "table.parquet")]
        assert CliRunner().invoke(group, words, catch_exceptions=False).exit_code == 0
        assert pd.read_parquet(tmp_path / "table.parquet").dtypes.equals(getattr(read, table).dtypes)


@pytest.mark.parametrize(
    ("suffix", "start"), [("csv", "call,no,"), ("json", "[\n{"), ("JSONL", '{"call"'), ("txt", "no  started")]
)
def test_the_suffix_says_the_format(run: Run, tmp_path: Path, suffix: str, start: str) -> None:
    run("calls", "a.pcap", "-o", str(tmp_path / f"calls.{suffix}"))
    assert (tmp_path / f"calls.{suffix}").read_text().startswith(start)


def test_filters_reach_the_table(run: Run) -> None:
    assert run("calls", "a.pcap", "--where", "outcome = 'busy'", "--columns", "no").stdout == "no\n 2\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["calls", "a.pcap", "--status", "9"], "status '9'"),
        (["calls", "a.pcap", "--columns", "nonsense"], "calls has no nonsense"),
        (["calls", "a.pcap", "-o", "calls.xlsx"], "say --format"),
        (["calls", "a.pcap", "-o", "/nowhere/calls.csv"], "/nowhere/calls.csv: No such file or directory"),
        (["calls", "a.pcap", "--tz", "Mars"], "time zone 'Mars'"),
        (["calls", "a.pcap", "--capture-point", "core"], "NAME=GLOB"),
        (["calls"], "CAPTURE"),
        (["nonsense", "a.pcap"], "No such command"),
        (["latency", "a.pcap", "--by", "colour"], "by 'colour'"),
        (["latency", "a.pcap", "--every", "1w"], "every '1w'"),
        (["plot", "nonsense", "a.pcap", "-o", "x.svg"], "'nonsense' is not one of"),
        (["plot", "outcomes", "a.pcap", "-o", "x.bmp"], ".svg, .png, .pdf"),
        (["plot", "outcomes", "a.pcap", "-o", "x.svg", "--every", "1h"], "outcomes takes no --every"),
        (["call", "7", "a.pcap"], "no call '7'"),
        (["message", "9", "a.pcap"], "no message has the key 9, and frame 9 has none"),
        (["message", __file__, "9"], "the key comes first, then the captures"),
        (["message", "nine", "a.pcap"], "not a valid integer"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(run: Run, words: list[str], says: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout, says in result.stderr) == (2, "", True)


@pytest.mark.parametrize("name", ["a.pcap", "*.pcap", "."])
def test_a_capture_without_a_command_is_the_summary_where_nobody_can_look_around(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "a.pcap").touch()
    monkeypatch.chdir(tmp_path)
    assert run(name).stdout == run("summary", name).stdout != ""


@pytest.mark.parametrize(("command", "package"), [("serve", "uvicorn"), ("mcp", "mcp")])
def test_a_command_without_its_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, package: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package or f"analyzer.{command}" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(group, [command, str(tmp_path)], prog_name="sip-analyzer")
    assert (result.exit_code, f"sip-analyzer[{command}]" in result.stderr) == (2, True)


def test_a_capture_that_is_not_there_is_told_as_such() -> None:
    result = CliRunner().invoke(group, ["missing.pcap"], prog_name="sip-analyzer")
    assert (result.exit_code, "missing.pcap: No such file" in result.stderr) == (2, True)


@pytest.mark.parametrize(("term", "looks"), [("xterm", True), ("dumb", False), ("", False)])
def test_a_dumb_terminal_is_none_to_look_around_in(monkeypatch: pytest.MonkeyPatch, term: str, looks: bool) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", term)
    assert browse.can_browse() is looks


@pytest.mark.parametrize("command", ["call", "ladder"])
def test_a_capture_in_place_of_the_call_is_told_the_order(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "a.pcap").touch()
    assert "the call comes first" in run(command, str(tmp_path / "a.pcap"), "1").stderr


def test_a_filter_is_refused_before_anything_is_read(run: Run, capture: Capture) -> None:
    run("calls", "a.pcap", "--status", "9")
    assert not capture.asked


def test_nothing_readable_is_status_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_words: object, **_options: object) -> None:
        raise CaptureError("x\x1b[2J.pcap", 0, "no such file")

    monkeypatch.setattr("analyzer.api.read.read", read)
    result = run("calls", "x.pcap")
    assert (result.exit_code, result.stderr) == (2, "sip-analyzer: x\\x1b[2J.pcap: no such file\n")


def test_a_cut_capture_is_printed_and_status_1(run: Run, capture: Capture) -> None:
    capture.held["files"] = capture.held["files"].with_columns(cut=pl.lit(value=True))
    result = run("calls", "a.pcap")
    assert (result.exit_code, result.stdout.count("\n")) == (1, 3)


def test_problems_are_mentioned_in_one_line(run: Run) -> None:
    assert run("calls", "a b.pcap").stderr == "sip-analyzer: 'a b.pcap': 2 problems: sip-analyzer problems 'a b.pcap'\n"


def test_a_capture_in_order_says_nothing(run: Run, capture: Capture) -> None:
    capture.held["problems"] = frame("problems", [])
    assert run("calls", "a.pcap").stderr == ""


def test_a_capture_without_sip_says_where_to_look(run: Run, capture: Capture) -> None:
    for name in ("messages", "calls", "problems"):
        capture.held[name] = frame(name, [])
    assert "sip-analyzer account a.pcap" in run("calls", "a.pcap").stderr


def test_account_says_that_filters_do_not_narrow_it(run: Run) -> None:
    assert "only --where" in run("account", "a.pcap", "--ip", "10.0.0.1").stderr


def test_how_to_read_is_passed_on(run: Run, capture: Capture) -> None:
    run("calls", "a.pcap", "-", "--capture-point", "core=c*.pcap", "--threads", "3")
    asked = capture.asked
    assert (asked["origins"], asked["capture_points"], asked["threads"]) == (["a.pcap", "-"], ("core=c*.pcap",), 3)


def test_ctrl_c_is_130_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_words: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analyzer.api.read.read", read)
    result = run("calls", "a.pcap")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


def test_a_reader_that_left_is_no_error(run: Run, capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def table(_name: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(capture, "table", table)
    result = run("calls", "a.pcap")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


# ---- one call, one message -------------------------------------------------------------------------------------------


def test_call_has_facts_transactions_dialogs_and_ladder(run: Run) -> None:
    text = run("call", "1", "a.pcap").stdout
    places = [
        text.index(word) for word in ("caller           +49301234567", "transactions", "dialogs", "ladder", "─>│")
    ]
    assert places == sorted(places)


def test_call_by_call_id(run: Run) -> None:
    assert "no               1\n" in run("call", "a2", "a.pcap").stdout


def test_call_tells_what_went_wrong_first_and_its_keys_last(run: Run) -> None:
    sections = run("call", "2", "a.pcap").stdout.split("\n\n")
    names = [section.splitlines()[0] for section in sections]
    figures = [row.split(" ")[0] for row in sections[names.index("figures")].splitlines()[1:]]
    assert names[0].startswith("Call 2: ")
    assert names[1] == "what went wrong"
    assert (figures[:4], figures[-2:]) == (["no", "caller", "callee", "outcome"], ["call", "reference"])


def test_call_tells_why_under_one_heading(run: Run) -> None:
    text = run("call", "2", "a.pcap").stdout
    assert ("what went wrong" in text, "\nwhy " in text) == (True, False)


def test_an_empty_table_of_a_call_is_a_word(run: Run) -> None:
    assert "\ndialogs: none\n" in run("call", "2", "a.pcap").stdout


@pytest.mark.parametrize(("call_id", "method"), [("r1", "REGISTER"), ("s1", "SUBSCRIBE"), ("o1", "OPTIONS")])
def test_ladder_of_a_call_id_outside_calls(run: Run, call_id: str, method: str) -> None:
    assert f" {method} ─" in run("ladder", call_id, "a.pcap").stdout


def test_call_of_the_call_id_of_a_registration(run: Run) -> None:
    text = run("call", "r1", "a.pcap").stdout
    assert ("sip:carol@home" in text, "401" in text, "ladder\n" in text) == (True, True, True)


def test_call_as_json(run: Run) -> None:
    told = json.loads(run("call", "1", "a.pcap", "--format", "json").stdout)
    told = {name: len(rows) for name, rows in told.items()}
    asked = (
        "call",
        "call_failures",
        "setups",
        "phases",
        "waterfall",
        "hops",
        "cdrs",
        "services",
        "transactions",
        "dialogs",
    )
    assert [told[name] for name in asked] == [1, 0, 0, 0, 0, 0, 0, 0, 2, 1]


def test_a_call_id_of_digits(run: Run, capture: Capture) -> None:
    capture.held["calls"] = capture.held["calls"].with_columns(call_ids=pl.lit(["4711"]).first()).head(1)
    assert run("ladder", "4711", "a.pcap").exit_code == 0


def test_several_matches_are_listed(run: Run, capture: Capture) -> None:
    capture.held["calls"] = capture.held["calls"].with_columns(call_ids=pl.concat_list(pl.lit("same")))
    result = run("ladder", "same", "a.pcap")
    assert (result.exit_code, "+49301234567" in result.stderr, "bob@home" in result.stderr) == (2, True, True)


def test_ladder_counts_duplicates_that_it_does_not_draw(run: Run) -> None:
    assert "5 messages; not drawn: 1 seen twice" in run("ladder", "1", "a.pcap").stdout


def test_ladder_of_the_reference_hop(run: Run) -> None:
    assert "10.0.0.2" not in run("ladder", "1", "a.pcap", "--hop", "reference").stdout


def test_ladder_of_a_leg_that_is_not_there(run: Run) -> None:
    result = run("ladder", "1", "a.pcap", "--leg", "9")
    assert (result.exit_code, "no leg '9' here; 1 is " in result.stderr) == (2, True)


@pytest.mark.parametrize("leg", ["1", "r1"])
def test_ladder_of_the_only_leg_of_a_registration(run: Run, leg: str) -> None:
    assert run("ladder", "r1", "a.pcap", "--leg", leg).stdout == run("ladder", "r1", "a.pcap").stdout


@pytest.mark.parametrize("leg", ["2", "a1"])
def test_ladder_of_a_leg_that_a_registration_has_not(run: Run, leg: str) -> None:
    result = run("ladder", "r1", "a.pcap", "--leg", leg)
    assert (result.exit_code, f"no leg '{leg}' here; 1 is r1" in result.stderr) == (2, True)


def test_ladder_in_ascii(run: Run) -> None:
    assert run("ladder", "1", "a.pcap", "--ascii").stdout.isascii()


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", "<svg "), ("HTML", "<!DOCTYPE"), ("mmd", "sequenceDiagram"), ("puml", "@startuml")]
)
def test_the_suffix_says_how_to_draw(run: Run, tmp_path: Path, suffix: str, start: str) -> None:
    run("ladder", "1", "a.pcap", "-o", str(tmp_path / f"call.{suffix}"))
    assert (tmp_path / f"call.{suffix}").read_text(encoding="utf-8").startswith(start)


def test_the_format_goes_before_the_suffix(run: Run, tmp_path: Path) -> None:
    run("ladder", "1", "a.pcap", "--format", "svg", "-o", str(tmp_path / "call.txt"))
    assert (tmp_path / "call.txt").read_text(encoding="utf-8").startswith("<svg ")


def test_a_suffix_that_names_no_way_to_draw(run: Run) -> None:
    result = run("ladder", "1", "a.pcap", "-o", "call.docx")
    assert (result.exit_code, ".svg" in result.stderr) == (2, True)


@pytest.mark.parametrize("form", ["text", "svg", "html", "mermaid", "plantuml"])
def test_a_limited_ladder_says_what_it_leaves_out(run: Run, form: str) -> None:
    assert "3 messages are not shown here" in run("ladder", "1", "a.pcap", "--limit", "2", "--format", form).stdout


@pytest.mark.parametrize("form", ["text", "svg", "html", "mermaid", "plantuml"])
def test_a_ladder_without_limit(run: Run, form: str) -> None:
    assert "not shown here" not in run("ladder", "1", "a.pcap", "--limit", "all", "--format", form).stdout


def test_a_limit_is_a_number_or_all(run: Run) -> None:
    assert run("ladder", "1", "a.pcap", "--limit", "none").exit_code == 2


TEXT = (
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nFrom: <sip:a@b>;tag=1\r\nSubject: \x1b]0;owned\x07 \xff\r\n\r\n"
)


def test_message_is_shown_line_by_line_and_made_safe(run: Run, capture: Capture) -> None:
    capture.known[10] = TEXT
    assert "From: <sip:a@b>;tag=1\nSubject: \\x1b]0;owned\\x07 \\xff\n" in run("message", "10", "a.pcap").stdout


def test_message_has_its_header_tree(run: Run, capture: Capture) -> None:
    capture.known[10] = TEXT
    shown = run("message", "10", "a.pcap").stdout
    assert "\nFrom:\n  text: <sip:a@b>;tag=1\n  params:\n    tag: 1\n" in shown
    assert "\ndeviations:\n  sip_header_missing: To, Call-ID, CSeq\n  sip_utf8_invalid: \n" in shown


def test_a_raw_message_is_the_bytes_as_captured(run: Run, capture: Capture) -> None:
    capture.known[10] = TEXT
    assert run("message", "10", "a.pcap", "--raw").stdout_bytes == TEXT


def findings(*options: str) -> Result:
    return CliRunner().invoke(group, ["findings", str(places.SAMPLES / "sms.pcap"), *options])


def test_findings_are_told_in_words_and_wide_ones_in_a_table(tmp_path: Path) -> None:
    lines = findings("-w", "60").stdout.splitlines()
    assert lines[0].startswith("R91 error, ")
    assert len(lines) % 3 == 0
    assert max(map(len, lines)) <= 60
    assert findings("--wide").stdout.startswith("finding  rule  severity")
    path = tmp_path / "findings.txt"
    assert findings("-o", str(path)).exit_code == 0
    assert path.read_text().splitlines()[0].startswith("R91 error, ")


@pytest.mark.parametrize("rule", ["r91", "sms_failed"])
def test_findings_of_one_rule_are_told_whole(rule: str) -> None:
    told = findings("--rule", rule).stdout
    assert told.startswith("R91 error, ")
    assert "  causes: " in told
    assert "  standard: " in told


def test_a_rule_that_there_is_not_is_named() -> None:
    result = findings("--rule", "R91,R999")
    assert (result.exit_code, "no rule R999" in result.stderr) == (2, True)
