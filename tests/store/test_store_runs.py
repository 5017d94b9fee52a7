"""Runs over a store: killed, doubled, grown, damaged, locked, retained."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import merged
import polars as pl
import pytest
from click.testing import CliRunner
from places import SAMPLES
from stored import batched, different, rotated

import analyzer
from analyzer import AnalyzerError, Capture
from analyzer.cli import group
from analyzer.store import batch, retention
from analyzer.store.lock import locked

# Files that a run writes in many, and small ones.
pytestmark = pytest.mark.xdist_group("stores")

HOUR = 3_600 * 10**9


class Killed(BaseException):
    """What stops a run at once; nothing catches it."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A call and a TCP connection that go on over five files, and a call that is of one."""
    packets = merged.packets_of(SAMPLES / f"{name}.pcap" for name in ("volte_call", "tcp_ugly", "basic_call"))
    return rotated(tmp_path_factory.mktemp("files"), packets, 5)


@pytest.fixture(scope="module")
def whole(files: list[Path]) -> Capture:
    return analyzer.read(files)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Put a number in: after so many files written and renamed from now on the run is killed."""
    left: list[int] = []
    renamed, written = os.replace, pl.DataFrame.write_parquet

    def dies() -> None:
        if left:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

    def replace(*paths: str) -> None:
        dies()
        renamed(*paths)

    def write(*what: Any, **how: Any) -> None:
        dies()
        written(*what, **how)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(pl.DataFrame, "write_parquet", write)
    yield left
    left.clear()


@pytest.mark.slow  # Each run that is killed begins anew.
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_at_any_commit_goes_on_to_the_same_store(
    files: list[Path], whole: Capture, killed: list[int], tmp_path: Path
) -> None:
    chance = random.Random(3)
    deaths = 0
    for _ in range(200):
        killed[:] = [chance.randrange(10, 110)]
        try:
            batch.run(map(str, files), tmp_path, batch.Options(size=30))
        except Killed:
            deaths += 1
        else:
            break
    killed.clear()
    assert deaths >= 3
    assert different(whole, analyzer.open_store(tmp_path)) == []
    assert not list(tmp_path.rglob("*.new"))


def test_what_is_in_the_store_is_not_read_again_wherever_it_lies(files: list[Path], tmp_path: Path) -> None:
    first = batch.run(map(str, files[:2]), tmp_path / "store")
    moved = str(shutil.copy(files[0], tmp_path / "moved.pcapng"))
    again = batch.run([moved, str(files[1])], tmp_path / "store")
    assert (first.files, again.files, again.all_messages) == (2, 0, first.messages)
    assert again.copies == [(moved, str(files[0]))]


def test_a_capture_that_grew_is_read_on(tmp_path: Path) -> None:
    packets = merged.packets_of([SAMPLES / "volte_call.pcap"])
    growing = tmp_path / "growing.pcapng"
    # Cut anywhere: the last packet of what is there may be half of one.
    whole = merged.write(tmp_path / "whole.pcapng", packets).read_bytes()
    for end in (len(whole) // 3, len(whole) // 2, len(whole)):
        growing.write_bytes(whole[:end])
        store = batched([growing], tmp_path / "store")
    assert different(analyzer.read(growing), store) == []
    assert not store.damaged


@pytest.mark.parametrize("missing", [5, 100])
def test_a_compressed_capture_that_was_cut_is_whole_when_the_rest_is_there(missing: int, tmp_path: Path) -> None:
    """With five bytes missing every packet is there already, and nothing comes but the end of the file."""
    packed = gzip.compress((SAMPLES / "basic_call.pcap").read_bytes(), mtime=0)
    growing = tmp_path / "growing.pcap.gz"
    growing.write_bytes(packed[:-missing])
    assert batch.run([str(growing)], tmp_path / "store").damaged
    growing.write_bytes(packed)
    done = batch.run([str(growing)], tmp_path / "store")
    assert (done.files, done.damaged, batch.run([str(growing)], tmp_path / "store").files) == (1, [], 0)
    assert different(analyzer.read(growing), analyzer.open_store(tmp_path / "store")) == []


def test_a_capture_that_gets_its_name_when_it_is_copied_whole_is_read_on(tmp_path: Path) -> None:
    whole = (SAMPLES / "basic_call.pcap").read_bytes()
    part, named = tmp_path / ".call.pcap.x7", tmp_path / "call.pcap"
    for path, end in ((part, len(whole) // 2), (named, len(whole))):
        path.write_bytes(whole[:end])
        done = batch.run([str(path)], tmp_path / "store")
        part.unlink(missing_ok=True)
    assert (done.all_messages, done.damaged) == (7, [])


def test_a_capture_that_vanished_before_it_was_read_is_read_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone, there = (Path(shutil.copy(SAMPLES / f"{name}.pcap", tmp_path)) for name in ("basic_call", "busy"))
    planned = batch.plan

    def vanishing(*what: Any, **how: Any) -> Any:
        plan = planned(*what, **how)
        gone.rename(tmp_path / "elsewhere")
        return plan

    monkeypatch.setattr(batch, "plan", vanishing)
    done = batch.run([str(there), str(gone)], tmp_path / "store")
    assert [name for name, _ in done.damaged] == [str(gone)]
    monkeypatch.setattr(batch, "plan", planned)
    (tmp_path / "elsewhere").rename(gone)
    assert batch.run([str(there), str(gone)], tmp_path / "store").messages == 7
    assert "file_unreadable" not in analyzer.open_store(tmp_path / "store").table("problems")["code"].to_list()


def test_a_capture_whose_name_is_no_unicode_is_read_and_found_again(tmp_path: Path) -> None:
    """File names of Linux are bytes."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pcap")
    shutil.copy(SAMPLES / "basic_call.pcap", odd)
    store = batched([Path(odd)], tmp_path / "store")
    assert store.call(1).export(tmp_path / "call.pcapng") == 7
    assert batch.run([odd], tmp_path / "store").files == 0


def test_a_damaged_capture_is_told_and_the_rest_is_read(files: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture")
    done = batch.run([str(bad), *map(str, files)], tmp_path / "store")
    store = analyzer.open_store(tmp_path / "store")
    assert [name for name, _ in done.damaged] == [str(bad)]
    assert done.messages == analyzer.read(files).source.messages_read
    assert store.table("problems").filter(pl.col("code") == "file_unreadable")["file"].to_list() == [str(bad)]


def test_two_runs_on_one_store_are_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(AnalyzerError, match=f"process {os.getpid()} on .*wait"),
        locked(tmp_path),
    ):
        pass


def test_a_run_that_did_not_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.lock").write_text("process 1 on another since 2026-01-01T00:00:00Z\n")
    with locked(tmp_path) as left:
        assert left == "process 1 on another since 2026-01-01T00:00:00Z"
    with locked(tmp_path) as left:
        assert left is None


def test_old_hours_are_removed_and_their_captures_are_not_read_again(files: list[Path], tmp_path: Path) -> None:
    batch.run(map(str, files), tmp_path)
    before = analyzer.open_store(tmp_path).table("calls")
    last = before["started_at"].max()
    assert retention.forget(tmp_path, 3_600) > 0
    kept = analyzer.open_store(tmp_path).table("calls")
    assert 0 < kept.height < before.height
    assert kept["started_at"].max() == last
    assert batch.run(map(str, files), tmp_path).files == 0


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "30 days"])
def test_a_length_of_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AnalyzerError, match="48h, 30d, 8w"):
        retention.seconds(text)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    batch.run([str(SAMPLES / "basic_call.pcap")], tmp_path / "store")
    return tmp_path / "store"


def test_a_store_of_a_newer_version_is_refused(store: Path) -> None:
    told = json.loads((store / "store.json").read_text())
    (store / "store.json").write_text(json.dumps(told | {"version": 99}))
    with pytest.raises(AnalyzerError, match="install a newer one"):
        analyzer.open_store(store)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "sip-analyzer store", "version": 1}'])
def test_a_file_of_the_name_that_is_none_of_a_store_is_told(text: str, store: Path) -> None:
    (store / "store.json").write_text(text)
    with pytest.raises(AnalyzerError, match=r"store\.json"):
        analyzer.open_store(store)


def test_a_folder_that_is_no_store_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="sip-analyzer batch"):
        analyzer.open_store(tmp_path)


def test_a_full_disk_leaves_what_was_valid(store: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = analyzer.open_store(store).table("calls")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(AnalyzerError, match="the disk is full"):
        batch.run(map(str, files), store)
    monkeypatch.undo()
    assert analyzer.open_store(store).table("calls").equals(before)


def test_a_store_that_nothing_came_into_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="No such file"):
        batch.run([str(tmp_path / "gone.pcap")], tmp_path / "store")
    with pytest.raises(AnalyzerError, match="nothing is in this store yet"):
        analyzer.open_store(tmp_path / "store")


def test_a_file_that_may_not_grow_leaves_what_was_valid(store: Path, files: list[Path]) -> None:
    """As a full disk does it: what writes Parquet has errors of its own for what the system says."""
    before = analyzer.open_store(store).table("calls")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(AnalyzerError, match="goes on from there"):
            batch.run(map(str, files), store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert analyzer.open_store(store).table("calls").equals(before)


def test_a_run_on_half_a_store_is_told(store: Path, files: list[Path]) -> None:
    next((store / "streams").rglob("*.parquet")).unlink()
    with pytest.raises(AnalyzerError, match="a file of the store is gone"):
        batch.run(map(str, files), store)


def test_files_of_a_store_without_its_list_are_let_alone(store: Path, files: list[Path]) -> None:
    (store / "store.json").unlink()
    with pytest.raises(AnalyzerError, match="copy it from a backup, or write into an empty folder"):
        batch.run(map(str, files), store)


def test_a_capture_of_a_wrong_clock_ends_no_call_of_others_and_removes_no_hours(tmp_path: Path) -> None:
    """Its packets are from 2100: what is read in the runs after it is not late, and nothing is old for its sake."""
    call = rotated(tmp_path / "call", merged.packets_of([SAMPLES / "volte_call.pcap"]), 3)
    ahead = [(link, (4_102_444_800 * 10**9, data)) for link, (_, data) in merged.packets_of([SAMPLES / "busy.pcap"])]
    wrong = merged.write(tmp_path / "wrong.pcapng", ahead)
    read = [batch.run([str(path)], tmp_path / "store").messages for path in (call[0], wrong, *call[1:])]
    store = analyzer.open_store(tmp_path / "store")
    assert (sum(read), store.table("calls")["outcome"].to_list()) == (74, ["answered", "busy"])
    assert retention.forget(tmp_path / "store", 365 * 86_400) == 0


def test_captures_that_are_not_there_yet_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "captures").mkdir()
    words = ["batch", str(tmp_path / "captures"), "-o", str(tmp_path / "store")]
    done = CliRunner().invoke(group, [*words, "--watch", "--rounds", "2", "--every", "0.1"])
    assert (done.exit_code, done.stderr.count("waiting for captures")) == (0, 1)
