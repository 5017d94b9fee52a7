"""Findings are ranked by harm: calls hurt, of errors four times as heavy (docs/findings.md)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer import schema
from analyzer.diagnose.findings import diagnosed
from analyzer.diagnose.rule import Rule, Severity, Text


def _rule(number: int, severity: Severity, calls: range) -> Rule:
    text = Text("title", "explanation.", ("cause",), "sip-analyzer calls CAPTURE", "Do.", "Seen.")

    rows = pl.DataFrame({"call": list(calls)}).with_columns(message="call", node=pl.lit("10.0.0.1:5060"))
    return Rule(f"R{number}", f"rule_{number}", severity, "RFC 3261", {"en": text, "zh": text}, find=lambda: rows)


def _ask(name: str) -> Any:
    table = {"calls": "calls", "core_messages": "messages", "core_files": "files", "core_problems": "problems"}[name]
    return pl.DataFrame(schema=schema.TABLES[table].polars())


@pytest.mark.parametrize(
    ("hurt", "order"),
    [
        ({"error": 1, "warning": 4}, ["error", "warning"]),
        ({"error": 1, "warning": 5}, ["warning", "error"]),
        ({"error": 1, "warning": 1, "info": 50}, ["error", "warning", "info"]),
        ({"error": 2, "warning": 9}, ["warning", "error"]),
    ],
)
def test_a_warning_that_hurt_many_goes_before_an_error_that_hurt_few(
    hurt: dict[Severity, int], order: list[str]
) -> None:
    rules = tuple(_rule(n, severity, range(100 * n, 100 * n + many)) for n, (severity, many) in enumerate(hurt.items()))
    assert diagnosed(rules, _ask).findings["severity"].to_list() == order
