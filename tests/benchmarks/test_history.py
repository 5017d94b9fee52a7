"""benchmarks/history.py: a slower run is told from a faster one, and what does not compare is left out."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from places import ROOT

_spec = importlib.util.spec_from_file_location("history", ROOT / "benchmarks" / "history.py")
assert _spec is not None
assert _spec.loader is not None
history = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(history)


def result(command: str, size: str, messages: int, *wall_s: float, failure: str = "") -> dict[str, Any]:
    return {
        "command": command,
        "size": size,
        "transport": "udp",
        "messages": messages,
        "failure": failure,
        "wall_s": list(wall_s),
        "cpu_s": list(wall_s),
        "peak_bytes": [1000],
    }


def record(start_up_s: float, *wall_s: float) -> dict[str, Any]:
    raced = [result("ours", "six", 6, start_up_s), result("ours", "10k", 10_000, *wall_s)]
    made: dict[str, Any] = history.record_of({"results": raced}, "abc1234", "2026-01-01")
    return made


def test_a_record_holds_medians_and_multiples() -> None:
    raced = [
        *(result("ours", "six", 6, 0.5), result("ours", "10k", 10_000, 1.0, 2.0, 9.0)),
        *(result("sngrep", "10k", 10_000, 8.0), result("tshark", "10k", 10_000, 3.0, failure="exit status 1")),
    ]
    made = history.record_of({"results": raced}, "abc1234", "2026-01-01")
    assert made["start_up_s"] == 0.5
    assert made["throughput"] == {"udp 10k": {"messages_per_s": 5000, "messages_per_cpu_s": 5000, "peak_bytes": 1000}}
    assert made["rivals"] == {"udp 10k": {"sngrep": 4.0}}


@pytest.mark.parametrize(
    ("start_up_s", "wall_s", "worse"),
    [
        (0.54, 1.09, []),
        (0.56, 1.0, ["start_up_s", "start_up_cpu_s"]),
        (0.5, 1.12, ["messages_per_s, udp 10k", "messages_per_cpu_s, udp 10k"]),
        (0.4, 0.5, []),
    ],
)
def test_more_than_a_tenth_is_worse(start_up_s: float, wall_s: float, worse: list[str]) -> None:
    found = history.changes(record(0.5, 1.0), record(start_up_s, wall_s))
    assert [name for name, _, is_worse in found if is_worse] == worse


def test_sizes_that_only_one_run_has_are_not_compared() -> None:
    now = record(0.5, 1.0)
    now["throughput"] = {"tcp 1M": {"messages_per_s": 1}}
    assert [name for name, _, _ in history.changes(record(0.5, 1.0), now)] == ["start_up_s", "start_up_cpu_s"]
