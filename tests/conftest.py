"""What the whole run shares: which tests go together, and what is skipped where something is missing."""

from __future__ import annotations

import gc
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import captures
import chromium
import places
import pytest

from analyzer.graph import graph
from analyzer.schema import catalogue

#: Rooms whose tests read next to no captures: `make check` goes through all their cases, elsewhere through the first.
CHEAP = ("catalogue", "columns", "docs", "masking")


def pytest_configure() -> None:
    """Before any test fails for it: a wrong entry of the catalogue or node of the graph, told in a sentence.

    Every test reads English, whatever the locale of who runs them.
    """
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        catalogue.check()
        graph.check()
    except (catalogue.WrongEntry, TypeError) as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and thousands of tests stay until the end: the collector need not look at them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one capture run on one worker, which then reads it once, and the others of a module on one, which makes
    its fixtures once.
    """
    gone_through: set[str] = set()
    for item in items:
        for parameter in _parameters(item):
            if group := captures.group_of(parameter):
                item.add_marker(pytest.mark.xdist_group(group))
                if group not in captures.FEW:
                    item.add_marker(pytest.mark.sweep)
            if isinstance(parameter, Path) and places.SHARED in parameter.parents:
                item.add_marker(pytest.mark.shared)
        if _parameters(item) and item.path.parent.name not in CHEAP and not item.get_closest_marker("sweep"):
            function = item.nodeid.partition("[")[0]
            if function in gone_through:
                item.add_marker(pytest.mark.sweep)
            gone_through.add(function)
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    _sort(items)


def _sort(items: list[pytest.Item]) -> None:
    """The longest groups first, a slow test counted as ten; xdist hands them out in this order."""
    groups = {item: frozenset(mark.args[0] for mark in item.iter_markers("xdist_group")) for item in items}
    weight: Counter[frozenset[str]] = Counter()
    for item, group in groups.items():
        weight[group] += 10 if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: (-weight[groups[item]], sorted(groups[item])))


def _parameters(item: pytest.Item) -> list[object]:
    case = getattr(item, "callspec", None)
    return list(case.params.values()) if case else []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips, and says so, what needs something that is not here."""
    if item.get_closest_marker("shared"):
        places.shared("captures")
    if item.get_closest_marker("browser"):
        chromium.program()
    if item.get_closest_marker("tshark") and shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
