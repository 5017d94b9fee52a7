"""A rule without anything to look at is not run, and nothing is made for it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer import schema
from analyzer.diagnose import rules
from analyzer.diagnose.findings import NEEDS, diagnosed
from analyzer.diagnose.rule import Rule, Text

_INPUTS = {"calls": "calls", "core_messages": "messages", "core_files": "files", "core_problems": "problems"}


def _find(calls: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    return announced_media


@pytest.mark.parametrize(("streams", "made"), [(0, False), (1, True)])
def test_what_a_rule_names_is_made_only_where_it_has_rows_to_judge(streams: int, made: bool) -> None:
    asked = []

    def ask(name: str) -> Any:
        asked.append(name)
        if name in ("streams", "announced_media"):
            return pl.DataFrame({"call": [1]}).head(streams)
        return pl.DataFrame(schema=schema.TABLES[_INPUTS[name]].polars())

    text = Text("title", "explanation.", ("cause",), "sip-analyzer calls CAPTURE", "Do.", "Seen.")
    diagnosed((Rule("R1", "one", "error", "RFC 3261", {"en": text}, find=_find, of="streams"),), ask)
    assert ("announced_media" in asked) is made


def test_what_rules_judge_is_a_node_of_the_graph_that_the_diagnosis_declares() -> None:
    assert {rule.of for rule in rules.ALL if rule.of is not None} <= set(NEEDS)
