"""A store has row for row what a reading of the same captures has: whatever the windows, the files and the runs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import merged
import pytest
from places import SAMPLES
from stored import SEVERAL, batched, different, rotated, several

import analyzer
from analyzer import Capture
from analyzer.simulator import make
from analyzer.store import shelf

# All tables of several captures are made twice in each.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("stores")]

#: Calls of two points whose clocks differ, of one whose copies are lost, of B2BUAs that hide the topology.
LABORATORY: dict[str, Any] = {
    "calls": 15, "seed": 5, "loss": 0.05, "capture_loss": 0.05, "skew_s": 2.0, "drift_ppm": 20.0,
    "points": ("access", "core"),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return rotated(tmp_path_factory.mktemp("files"), several(), 12)


@pytest.fixture(scope="module")
def whole(files: list[Path]) -> Capture:
    return analyzer.read(files)


def test_small_windows_have_the_rows_of_the_whole(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    assert different(whole, batched(files, tmp_path, size=150)) == []


def test_files_in_any_order_have_the_rows_of_the_whole(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    shuffled = random.Random(7).sample(files, len(files))
    assert different(whole, batched(shuffled, tmp_path, size=400)) == []


def test_runs_one_after_another_have_the_rows_of_the_whole(files: list[Path], whole: Capture, tmp_path: Path) -> None:
    """Calls, transactions and TCP connections go on from one run to the next."""
    for file in files:
        store = batched([file], tmp_path)
    assert different(whole, store) == []


def test_a_call_of_a_day_has_the_rows_of_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A call that is silent for hours, while others come and go, waits apart from them."""
    monkeypatch.setattr(shelf, "_CHUNK", 40)
    long = merged.packets_of([SAMPLES / "volte_call.pcap"])
    others = [merged.packets_of([SAMPLES / f"{name}.pcap"]) for name in SEVERAL[3:6]]
    talk = max(range(1, len(long)), key=lambda at: long[at][1][0] - long[at - 1][1][0])
    found = long[:talk]
    for hour, packets in enumerate(others, 1):
        shift = found[0][1][0] + hour * 3600 * 10**9 - packets[0][1][0]
        found = found + [(link, (time + shift, data)) for link, (time, data) in packets]
    pause = (len(others) + 1) * 3600 * 10**9
    found += [(link, (time + pause, data)) for link, (time, data) in long[talk:]]
    files = rotated(tmp_path / "files", found, 8)
    store = batched(files, tmp_path / "store", size=60)
    assert different(analyzer.read(files), store) == []
    assert not list((tmp_path / "store" / "state").glob("chunks*"))


def test_a_laboratory_has_the_rows_of_the_whole(tmp_path: Path) -> None:
    """Two capture points at a time: their files overlap, so that messages wait for those of the other."""
    points = make(tmp_path / "captures", **LABORATORY).points
    paths = [tmp_path / "captures" / point["file"] for point in points]
    names = tuple(f"{point['name']}=*{point['file']}" for point in points)
    store = batched(paths, tmp_path / "store", size=500, capture_points=names)
    assert different(analyzer.read(paths, capture_points=names), store) == []
