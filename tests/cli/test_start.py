"""What a process imports and how often it reads: what the user waits for every time."""

from __future__ import annotations

import subprocess
import sys

import pytest
from places import SAMPLES

HEAVY = ("polars", "pandas", "numpy", "pyarrow", "scapy", "pyshark", "matplotlib", "textual", "starlette", "mcp")
# What only pages, random numbers, the check of the graph, and words that are explained need.
SELDOM = ("html", "graphlib", "secrets", "tomllib")


def imported(program: str) -> set[str]:
    """The packages of these that a program has imported when it ends."""
    asked = HEAVY + SELDOM
    code = f"import sys\ntry:\n{program}\nfinally:\n sys.stderr.write(' '.join(m for m in {asked} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    words = set(done.stderr.split())
    assert words <= set(asked), done.stderr
    return words


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["--version"], ["calls", "-h"], ["summary", "-h"], ["latency", "-h"], ["plot", "-h"]),
        *(["explain", "-h"], ["browse", "-h"], ["serve", "-h"], ["mcp", "-h"]),
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert imported(f" from analyzer.cli import group; group({words!r}, prog_name='sip-analyzer')") == set()


@pytest.mark.parametrize(
    "words",
    [
        ["calls", "a"],
        ["calls", "a", "--format", "json"],
        ["calls", "a", "--format", "csv"],
        ["summary", "a"],
        ["ladder", "1", "a"],
        ["latency", "a"],
        ["failures", "a", "--every", "1h"],
    ],
    ids=" ".join,
)
def test_commands_import_polars_only(words: list[str]) -> None:
    program = f""" sys.path.insert(0, {str(__file__).rsplit("/", 1)[0]!r})
 import world, analyzer.api.read
 held = world.tables() | {{"problems": world.frame("problems", [])}}
 analyzer.api.read.read = lambda *_, **__: world.Capture(held)
 from analyzer.cli import group; group({words!r}, prog_name='sip-analyzer')"""
    assert imported(program) == {"polars"}


@pytest.mark.slow
def test_a_table_of_a_capture_imports_nothing_that_only_pages_and_faults_need() -> None:
    sample = str(SAMPLES / "volte_call.pcap")
    program = f" from analyzer.cli import group; group({['calls', sample]!r}, prog_name='sip-analyzer')"
    assert imported(program) == {"polars"}
