"""The lines that hold the house: which way imports run, and what the main road must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from places import ROOT, SAMPLES

#: The rooms of the package from top to bottom: each may import those further down. Those of one line are neighbours.
FLOORS = (
    ("__main__", "cli"),
    ("tui", "serve", "mcp"),
    ("api", "live"),
    ("cluster",),
    ("store",),
    ("masking", "show"),
    ("comparison",),
    ("explain",),
    ("graph",),
    ("kpi",),
    ("measure",),
    ("diagnose",),
    ("ims",),
    ("companion", "media"),
    ("sip",),
    ("columns",),
    ("reading",),
    ("schema", "simulator", "timezones", "language"),
    ("errors", "_core"),
)
#: The imports that run back up, all of them for type checkers, each with what it would cost to be without.
BACK_UP = {
    # A mask is a source around a source, whose protocol stands where sources are asked.
    ("analyzer.masking.source", "analyzer.api.source"),
    ("analyzer.masking.source", "analyzer.api.filters"),
}


def module(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(package: Path, root: Path) -> dict[str, Path]:
    return {module(path, root): path for path in package.rglob("*.py") if "_rust" not in path.parts}


def imports(path: Path, known: set[str], *, types: bool) -> Iterator[str]:
    """The modules among those known that a file imports, at any depth; ``types``: for type checkers, too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def graph_of(package: Path, root: Path, *, types: bool = True) -> dict[str, set[str]]:
    modules = modules_of(package, root)
    known = {*modules, "analyzer._core"}
    # The front door imports everything, and everybody its version.
    return {
        name: {found for found in imports(path, known, types=types) if found in known} - {name, "analyzer"}
        for name, path in modules.items()
        if name != "analyzer"
    }


@cache
def arrows() -> dict[str, set[str]]:
    """The modules of the package, and what each imports."""
    return graph_of(ROOT / "analyzer", ROOT)


def floor(name: str) -> int:
    room = name.split(".")[1]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_every_room_is_on_a_floor() -> None:
    assert {name.split(".")[1] for name in arrows()} <= {room for rooms in FLOORS for room in rooms}


def test_imports_run_one_way_but_for_few() -> None:
    """Those for type checkers count, too."""
    back_up = {(one, other) for one, others in arrows().items() for other in others if floor(other) < floor(one)}
    assert back_up == BACK_UP


def test_neighbours_do_not_import_each_other_both_ways() -> None:
    rooms = {(one.split(".")[1], other.split(".")[1]) for one, others in arrows().items() for other in others}
    back_up = {(one.split(".")[1], other.split(".")[1]) for one, other in BACK_UP}
    assert {(one, other) for one, other in rooms - back_up if one != other and (other, one) in rooms - back_up} == set()


@pytest.mark.parametrize("package", ["analyzer", "sample_pcaps", "benchmarks"])
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    """Those for type checkers count, too."""
    root = ROOT if package == "analyzer" else ROOT / package
    try:
        TopologicalSorter(graph_of(ROOT / package, root)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_only_the_native_engine_visits_the_core() -> None:
    assert [name for name, others in arrows().items() if "analyzer._core" in others] == ["analyzer.reading.native"]


def test_the_laboratory_knows_nothing_of_the_analyzer() -> None:
    others = {other for name, others in arrows().items() if name.startswith("analyzer.simulator") for other in others}
    assert all(other.startswith("analyzer.simulator") for other in others)


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
