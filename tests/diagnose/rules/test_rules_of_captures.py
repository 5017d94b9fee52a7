"""What a capture cannot show, no rule concludes from (docs/conclusions.md); and how findings are put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from analyzer.diagnose import findings
from analyzer.diagnose.rule import Rule, Text
from analyzer.language import LANGUAGES
from tests.sip import wire

TEXT = Text("title", "explanation", ("cause",), "sip-analyzer call {no} CAPTURE", "remedy", "{node} {what}.")

CALLS = """
A -> B  INVITE call_id=one @0
B -> A  486 INVITE call_id=one to_tag=y @1
A -> B  INVITE call_id=two @2
B -> A  486 INVITE call_id=two to_tag=y @3
"""


def rule(code: str, find: Callable[..., pl.DataFrame], **more: Any) -> Rule:
    texts = dict.fromkeys(LANGUAGES, TEXT)
    return Rule(f"R{code}", code, more.pop("severity", "error"), "no clause", texts, find, **more)


def each_call(calls: pl.DataFrame) -> pl.DataFrame:
    return calls.select("call", message="reference", node=pl.lit("10.0.0.2:5060"), what=pl.lit("did it"))


def first_call(calls: pl.DataFrame) -> pl.DataFrame:
    return each_call(calls).head(1)


def never(calls: pl.DataFrame) -> pl.DataFrame:
    raise AssertionError("the capture has nothing for it to look at")


def diagnosed(*rules: Rule, **changed: Callable[[pl.DataFrame], pl.DataFrame]) -> findings.Diagnosis:
    graph = wire.read(CALLS).source._graph  # type: ignore[attr-defined]

    def ask(name: str) -> Any:
        return changed.get(name, lambda table: table)(graph[name])

    return findings.diagnosed(rules, ask)


def test_calls_with_one_cause_are_one_finding_with_its_calls() -> None:
    (row,) = diagnosed(rule("a", each_call)).findings.to_dicts()
    assert (row["calls"], row["cases"], row["call_numbers"], row["nodes"]) == (2, 2, "1 2", "10.0.0.2:5060")
    assert row["explanation"] == "10.0.0.2:5060 did it. explanation"
    assert row["confirm"] == "sip-analyzer call 1 CAPTURE"
    assert [frame.rpartition(":")[2] for frame in row["frames"]] == ["1", "3"]


def test_a_finding_swallows_its_consequences_in_the_same_call_only() -> None:
    found = diagnosed(rule("a", first_call, explains=("b",)), rule("b", each_call))
    assert found.findings.select("code", "calls").rows() == [("a", 1), ("b", 1)]
    assert found.cases["call"].n_unique() == 2


def test_the_graver_comes_first_and_then_the_one_that_hurt_more() -> None:
    found = diagnosed(rule("a", each_call, severity="warning"), rule("b", first_call), rule("c", each_call)).findings
    assert found["code"].to_list() == ["c", "b", "a"]


def test_a_fault_of_two_nodes_is_as_heavy_as_both_and_its_lighter_node_follows_in_its_own_place() -> None:
    def at(*nodes: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
        def find(calls: pl.DataFrame) -> pl.DataFrame:
            units = list(range(100, 100 + len(nodes)))
            rows = pl.DataFrame({"case": units, "message": units, "node": nodes})
            return rows.with_columns(call=pl.lit(None, pl.Int64), what=pl.lit("did it"))

        return find

    found = diagnosed(rule("a", at("m", "m", "m")), rule("b", at("x", "x", "y", "y"))).findings
    assert found.select("code", "nodes", "cases").rows() == [("b", "x", 2), ("a", "m", 3), ("b", "y", 2)]


def test_cases_of_many_causes_are_counted_together_with_those_of_their_severity_only() -> None:
    def many(calls: pl.DataFrame) -> pl.DataFrame:
        units = list(range(100, 120))
        rows = pl.DataFrame({"case": units, "message": units, "node": [f"n{unit}" for unit in units]})
        graver = pl.when(pl.col("case") < 110).then(pl.lit("error")).otherwise(pl.lit("info"))
        return rows.with_columns(call=pl.lit(None, pl.Int64), what=pl.lit("did it"), severity=graver)

    found = diagnosed(rule("a", many)).findings
    assert found.group_by("severity", maintain_order=True).agg(pl.col("cases").sum()).rows() == [
        ("error", 10),
        ("info", 10),
    ]


def test_a_rule_of_an_absence_is_silent_where_the_capture_lost_packets() -> None:
    def lossy(files: pl.DataFrame) -> pl.DataFrame:
        return files.with_columns(dropped=pl.lit(7, pl.Int64))

    rules = (rule("a", each_call, absence=True), rule("b", each_call))
    assert diagnosed(*rules).findings["code"].to_list() == ["a", "b"]
    assert diagnosed(*rules, core_files=lossy).findings["code"].to_list() == ["b"]


def test_a_rule_without_anything_to_look_at_is_not_run() -> None:
    assert diagnosed(rule("a", never, seen=frozenset({"REGISTER"}))).findings.is_empty()


def test_of_many_causes_the_smallest_are_one_finding() -> None:
    def scattered(calls: pl.DataFrame) -> pl.DataFrame:
        rows = pl.concat([each_call(calls)] * 20)
        return rows.with_columns(cause=pl.int_range(pl.len()).cast(pl.String))

    found = diagnosed(rule("a", scattered)).findings
    assert found["cases"].sum() == 40
    assert found.height <= 10


def test_lost_packets_are_told_and_silence_the_rest() -> None:
    """A stream with a gap: whether a response was in it, nobody knows."""
    capture = wire.read("A -> B  INVITE @0\nC -> D  OPTIONS call_id=o branch=o @60\n")
    graph = capture.source._graph  # type: ignore[attr-defined]

    def ask(name: str) -> Any:
        table = graph[name]
        if name == "core_files":
            return table.with_columns(dropped=pl.lit(3, pl.Int64))
        return table

    found = findings.diagnosis(ask).findings
    assert found["code"].to_list() == ["capture_loss", "nothing_seen"]
