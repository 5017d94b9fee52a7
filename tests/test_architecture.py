"""The lines that hold the house: which way imports run, and what the main road must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT, SAMPLES

PACKAGE = ROOT / "analyzer"

# Each room may import those further down. The rooms of one line are neighbours.
FLOORS = [
    {"cli", "__main__"},
    {"capture", "masked"},
    {"call"},
    {"ladder"},
    {"filters", "plot", "masking", "export"},
    {"message"},
    {"show"},
    {"part"},
    {"stages"},
    {"measure"},
    {"diagnose"},
    {"ims"},
    {"sip"},
    {"columns"},
    {"reading", "frames"},
    {"schema", "errors", "zones", "_core"},
    {"synth"},  # imports nothing of ours
]


def floor(module: str) -> int:
    room = module.split(".")[1]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports(path: Path) -> list[str]:
    """The modules of ours that a file imports when it is loaded or run; imports for type checkers do not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("analyzer"):
            inside = node.module == "analyzer"
            found += [f"analyzer.{alias.name}" for alias in node.names] if inside else [node.module]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("analyzer.")]
    return [module for module in found if not module.endswith("__version__")]


FILES = [path for path in PACKAGE.rglob("*.py") if "_rust" not in path.parts and path.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = floor(".".join(("analyzer", *path.relative_to(PACKAGE).with_suffix("").parts)))
    assert [module for module in imports(path) if floor(module) < own] == []


def test_only_the_native_engine_visits_the_core() -> None:
    visitors = [path.name for path in FILES if "analyzer._core" in imports(path)]
    assert visitors == ["native.py"]


def test_the_main_road_runs_without_scapy_pyshark_pandas_and_matplotlib() -> None:
    program = (
        "import sys\n"
        "for name in ('scapy', 'pyshark', 'pandas', 'matplotlib'): sys.modules[name] = None\n"
        "sys.argv = ['sip-analyzer', 'calls', sys.argv[1], '--format', 'csv']\n"
        "from analyzer.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(SAMPLES / "basic_call.pcap")], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "answered" in done.stdout
