"""Two captures side by side: intervals as published, verdicts as worked by hand, and a node that was made slower."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from pcaps import RAW_IP, pcap
from places import SAMPLES

import analyzer
from analyzer.cli import group
from analyzer.comparison import change
from analyzer.comparison.kpi_changes import LESS_IS_BETTER, PEOPLES, kpi_changes
from analyzer.kpi import catalogue
from analyzer.kpi.intervals import wilson
from analyzer.show.comparison.verdicts import doubt_sentence
from analyzer.simulator import make
from tests.sip import wire

#: Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
PUBLISHED = [
    ((48, 80), (56, 70), 0.0524, 0.3339),
    ((3, 10), (9, 10), 0.1705, 0.8090),
    ((0, 10), (10, 10), 0.6075, 1.0000),
    ((0, 29), (5, 56), -0.0381, 0.1926),
]


@pytest.mark.parametrize(("a", "b", "low", "high"), PUBLISHED)
def test_the_interval_of_a_change_of_shares_is_that_of_newcombe(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    frame = pl.DataFrame({"k": [a[0], b[0]], "n": [a[1], b[1]]})
    ends = wilson(pl.col("k"), pl.col("n"))
    rows = frame.select(value=pl.col("k") / pl.col("n"), low=ends[0], high=ends[1]).to_dicts()
    wide = {f"{side}{end}": row[name] for side, row in zip("ab", rows, strict=True) for end, name in ENDS.items()}
    found = pl.DataFrame([wide]).select(change.of_values("a", "b")).row(0)
    assert found[0] == pytest.approx(b[0] / b[1] - a[0] / a[1])
    assert found[1:] == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@cache
def read(path: Path) -> analyzer.Capture:
    return analyzer.read(path)


ENDS = {"": "value", "_low": "low", "_high": "high"}


def kpis(**values: tuple[float, float, float, int]) -> pl.DataFrame:
    """A table ``kpis``: of each name value (of a delay the median and p95), both ends of its interval, n."""
    rows = [
        {"kpi": name, "total": True, "n": n}
        | dict.fromkeys(("value", "p50_s", "p95_s"), value)
        | dict.fromkeys(("low", "p50_low_s", "p95_low_s"), low)
        | dict.fromkeys(("high", "p50_high_s", "p95_high_s"), high)
        for name, (value, low, high, n) in values.items()
    ]
    return pl.DataFrame(rows)


def verdicts(a: pl.DataFrame, b: pl.DataFrame) -> dict[tuple[str, str], str]:
    rows = kpi_changes(a, b).select("kpi", "figure", "verdict").rows()
    return {(kpi, figure): verdict for kpi, figure, verdict in rows if verdict != "no_data"}


def test_a_verdict_needs_an_interval_without_zero_enough_cases_and_a_better_side() -> None:
    low, high = (0.5, 0.45, 0.55, 100), (0.9, 0.85, 0.95, 100)
    names = ("asr", "call_drop", "pdd_s", "acd_s", "caps")
    up = verdicts(kpis(**dict.fromkeys(names, low)), kpis(**dict.fromkeys(names, high)))
    assert up == {
        ("asr", "value"): "better",
        ("call_drop", "value"): "worse",
        ("pdd_s", "p50"): "worse",
        ("pdd_s", "p95"): "worse",
        ("acd_s", "p50"): "changed",
        ("acd_s", "p95"): "changed",
        ("caps", "value"): "traffic",
    }
    down = verdicts(kpis(asr=high, call_drop=high), kpis(asr=low, call_drop=low))
    assert down == {("asr", "value"): "worse", ("call_drop", "value"): "better"}
    few = verdicts(kpis(asr=(*low[:3], 29)), kpis(asr=high))
    assert few == {("asr", "value"): "low_n"}
    wide = verdicts(kpis(asr=(0.5, 0.05, 0.95, 100)), kpis(asr=high))
    assert wide == {("asr", "value"): "no_difference_shown"}


def test_of_each_share_it_is_known_which_side_is_better() -> None:
    """Failures, drops and retransmissions are to be few (RFC 6076 §4.2, §4.9), successes many."""
    few = {"ira", "isa", "call_drop", "resent_share", "lossy_audio", "poor_audio", "bad_audio", "short_calls"}
    few |= {"one_way_audio_share"}
    many = {"ser", "seer", "scr", "asr", "abr", "ner", "sesr", "sensr", "message_success"}
    many |= {f"reg_{kind}" for kind in ("initial", "refresh", "deregister", "third_party", "emergency")}
    assert {kpi.name for kpi in catalogue.KPIS.values() if kpi.kind == "share"} == few | many
    assert few == LESS_IS_BETTER
    assert {name for name, kpi in catalogue.KPIS.items() if kpi.kind == "duration"} >= PEOPLES


# ---- captures of a network -------------------------------------------------------------------------------------------

#: Only calls, so that few are enough.
MIX = {"answered": 8, "busy": 1, "as_error": 0.3}


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same network twice, and once with a slow application server and more calls that one fails with a 500."""
    made = {}
    worse = {"seed": 3, "slow": "tas1=200", "mix": MIX | {"as_error": 4}}
    for name, how in {"before": {"seed": 1}, "same": {"seed": 2}, "slow": worse}.items():
        place = tmp_path_factory.mktemp(name)
        make(place, **{"calls": 60, "mix": MIX, "keep_messages": False, "anonymous": 0, **how})
        made[name] = place / "all.pcap"
    return made


@pytest.fixture(scope="module")
def slower(captures: dict[str, Path]) -> analyzer.CaptureComparison:
    return analyzer.compare(read(captures["before"]), read(captures["slow"]))


def test_the_node_that_became_slower_is_the_first_of_the_parts(slower: analyzer.CaptureComparison) -> None:
    part = slower.data.parts.row(0, named=True)
    assert (part["kind"], part["node"], part["verdict"]) == ("node", "10.1.0.6:5060", "slower")
    # Each of its INVITEs, PRACKs, UPDATEs and responses waits 0.2 s more, and not every call passes it.
    assert 0.2 < part["change"] < 3
    assert part["share"] > 0.5
    told = {row["kpi"]: row["verdict"] for row in slower.data.kpis.to_dicts() if row["figure"] != "p95"}
    assert told["pdd_s"] == "worse"
    assert told["ner"] == "worse"
    assert any("10.1.0.6" in sentence for sentence in slower.verdict)


def test_a_failure_that_became_frequent_is_said_with_its_nodes(slower: analyzer.CaptureComparison) -> None:
    rows = {(row["method"], row["status"]): row for row in slower.data.failures.to_dicts()}
    failed = [side.tables("calls").filter(status=500).height for side in (slower.data.a, slower.data.b)]
    more = rows["INVITE", 500]
    assert ([more["a_part"], more["b_part"]], more["a_n"], more["b_n"]) == (failed, 60, 60)
    assert more["verdict"] == "more"
    assert rows["INVITE", 486]["verdict"] == "no_difference_shown"
    # The failures of a 500 are those of the application servers.
    servers = slower.data.failing_nodes.filter(pl.col("node").is_in(["10.1.0.6:5060", "10.1.0.7:5060"]))
    assert [servers["a_part"].sum(), servers["b_part"].sum()] == failed


def test_the_changes_of_the_parts_add_up_to_that_of_the_set_up_without_ringing(
    captures: dict[str, Path], slower: analyzer.CaptureComparison
) -> None:
    means = []
    for name in ("before", "slow"):
        cap = read(captures[name])
        calls = cap.table("calls").filter(pl.col("outcome") == "answered")
        rung = cap.table("waterfall").join(calls, on="call", how="semi").filter(pl.col("kind") == "ringing")
        means.append((calls["setup_s"].sum() - rung["duration_s"].sum()) / calls.height)
    assert slower.data.parts["change"].sum() == pytest.approx(means[1] - means[0], abs=1e-6)
    assert slower.data.parts["share"].sum() == pytest.approx(1)


def test_the_changes_of_the_nodes_add_up_to_that_of_all_failed_calls(slower: analyzer.CaptureComparison) -> None:
    shares = []
    for side in (slower.data.a, slower.data.b):
        calls = side.tables("calls")
        shares.append((calls["outcome"] != "answered").sum() / calls.height)
    assert slower.data.failing_nodes["change"].sum() == pytest.approx(shares[1] - shares[0])


def test_a_network_that_did_not_change_has_no_part_that_took_much_more(captures: dict[str, Path]) -> None:
    found = analyzer.compare(read(captures["before"]), read(captures["same"])).data
    assert found.doubts == ()
    assert found.parts.filter(pl.col("verdict") == "slower")["change"].sum() < 0.1
    assert "10.1.0.6:5060" not in found.parts.filter(pl.col("verdict") == "slower")["node"]


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["compare", *map(str, words)], prog_name="sip-analyzer")
    return result.exit_code, result.output


def test_a_masked_page_has_the_figures_and_names_no_node(captures: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    assert run(captures["before"], captures["slow"], "-o", page, "--mask")[0] == 0
    told = page.read_text()
    assert told.count("<svg") == 3
    assert "slower" in told
    assert "10.1.0.6" not in told
    assert "<script" not in told


def test_a_report_has_the_value_of_before_and_what_became_worse(captures: dict[str, Path], tmp_path: Path) -> None:
    key = tmp_path / "mask.key"
    key.write_text("an example, not a secret")
    words = ("report", captures["slow"], "--before", captures["before"], "--format", "md", "--mask-key", key)
    result = CliRunner().invoke(group, list(map(str, words)), prog_name="sip-analyzer")
    assert result.exit_code == 0
    rows = {line.split("`")[1]: line for line in result.output.splitlines() if line.startswith("| `")}
    assert "(now worse: p50 +" in rows["pdd_s"]
    assert "now" not in rows["acd_s"]
    # The value of before is that of its own table.
    then = read(captures["before"]).measure("kpis").filter(pl.col("kpi") == "ner")["value"].item()
    assert f"| {then:.1%} (now worse: -".replace("%", " %") in rows["ner"]


# ---- what cannot be compared -----------------------------------------------------------------------------------------

CALL = "A -> P INVITE branch=a @0\nP -> A 486 INVITE branch=a to_tag=y @0.1\nA -> P ACK branch=a to_tag=y @0.2\n"


def test_one_direction_is_not_comparable() -> None:
    requests = "\n".join(line for line in CALL.splitlines() if "486" not in line)
    found = analyzer.compare(wire.read(CALL), wire.read(requests)).data.doubts
    assert [doubt.kind for doubt in found] == ["one_direction"]
    assert doubt_sentence(found[0], str).startswith("Not comparable: B shows requests only")


def test_captures_of_other_length_ask_for_care_and_are_compared() -> None:
    longer = CALL.replace("@0.2", "@50")
    found = analyzer.compare(wire.read(CALL), wire.read(longer)).data
    assert [doubt.kind for doubt in found.doubts] == ["other_length"]
    assert found.kpis.filter(pl.col("kpi") == "asr")["verdict"].to_list() == ["low_n"]


def test_another_tap_is_not_comparable_and_said_so(captures: dict[str, Path], tmp_path: Path) -> None:
    make(tmp_path, calls=40, seed=4, mix=MIX, keep_messages=False, points=("core",))
    found = analyzer.compare(read(captures["before"]), analyzer.read(tmp_path / "core.pcap"))
    assert [doubt.kind for doubt in found.data.doubts] == ["other_hop"]
    told = {row["kpi"]: row for row in found.data.kpis.to_dicts()}
    assert (told["asr"]["verdict"], told["asr"]["why"]) == ("not_comparable", "other_hop")
    assert found.verdict[0].startswith("Calls are not comparable: A measures them between UE - P-CSCF, B between")


def test_empty_captures_calls_without_any_and_one_call_have_no_verdict(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(pcap(RAW_IP, []))
    for form, a, b in (("json", empty, empty), ("html", empty, SAMPLES / "busy.pcap")):
        status, told = run(a, b, "--format", form)
        assert status == 0
        assert "has no SIP message" in told
    told = run(SAMPLES / "busy.pcap", SAMPLES / "registration.pcap")[1]
    assert "No KPI has 30 cases in both captures" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([SAMPLES / "busy.pcap"], "compare takes two: 1 given"),
        ([SAMPLES / "busy.pcap", f"{SAMPLES}/busy.pcap#1"], "two calls or two captures"),
        ([SAMPLES / "busy.pcap", "none.pcap"], "none.pcap: No such file"),
    ],
)
def test_what_is_not_two_captures_is_said(words: list[object], said: str) -> None:
    status, told = run(*words)
    assert status == 2
    assert said in told


def test_a_call_and_a_capture_are_not_compared() -> None:
    cap = analyzer.read(SAMPLES / "busy.pcap")
    with pytest.raises(analyzer.AnalyzerError, match="two calls or two captures"):
        analyzer.compare(cap, cap.call(1))


def test_filters_pick_what_is_compared_of_captures_and_not_of_calls(captures: dict[str, Path]) -> None:
    data = json.loads(run(captures["before"], captures["same"], "--outcome", "busy", "--format", "json")[1])
    ser = next(row for row in data["kpis"] if row["kpi"] == "ser")
    busy = [read(captures[name]).table("calls").filter(outcome="busy").height for name in ("before", "same")]
    assert [ser["a_n"], ser["b_n"]] == busy
    status, told = run(f"{captures['before']}#1", f"{captures['same']}#1", "--outcome", "busy")
    assert status == 2
    assert "filters pick" in told
