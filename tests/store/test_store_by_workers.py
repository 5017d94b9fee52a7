"""Many workers write the store that one process writes: whoever they are, how many, and whichever of them die."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import merged
import polars as pl
import pytest
from click.testing import CliRunner
from pcaps import RAW_IP, pcap
from places import SAMPLES
from stored import rotated, same, several

import analyzer
from analyzer import AnalyzerError, Capture, cli
from analyzer.cluster import extraction, partitions, run, scheduling
from analyzer.simulator import make
from analyzer.store import batch
from analyzer.store.layout import DERIVED
from tests.media import talk
from tests.store.test_store_media import CALLED, call, pressed, reported

OF_MEDIA = ("stream_intervals", "rtcp_reports", "dtmf", "call_media")

# Processes that load Dask and Polars, and all tables of several captures.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("stores by workers")]


class Here:
    """This process carries out all tasks, one after the other or in an order of its own."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed
        self.tasks: list[tuple[str, tuple[Any, ...]]] = []

    def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
        numbers = range(len(calls))
        for number in numbers if self.seed is None else random.Random(self.seed).sample(numbers, len(calls)):
            self.tasks.append((task.__name__, calls[number]))
            task(*calls[number])
            done(number)


class EightAtOnce:
    """Eight threads carry out tasks, whichever comes first."""

    def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
        with ThreadPoolExecutor(8) as threads:
            for number, _ in enumerate(threads.map(lambda arguments: task(*arguments), calls)):
                done(number)


def made(files: Sequence[Path | str], folder: Path, workers: Any, **how: Any) -> Capture:
    exchange = how.pop("exchange", None)
    run.run([str(file) for file in files], folder, workers, batch.Options(**how), exchange)
    return analyzer.open_store(folder)


@pytest.fixture(scope="module")
def datagrams(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Captures of SIP in datagrams alone, some of them fragmented, cut, or seen twice."""
    names = "services blind_transfer sms tunnel_fragments doubled lost_and_resent"
    captures = [SAMPLES / f"{name}.pcap" for name in (*names.split(), "format_snaplen", "hep_two_agents")]
    packets = merged.packets_of(captures)
    return rotated(tmp_path_factory.mktemp("datagrams"), packets, 7)


@pytest.fixture(scope="module")
def whole(datagrams: list[Path]) -> Capture:
    return analyzer.read(datagrams)


@pytest.fixture(scope="module")
def by_one(datagrams: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Here]:
    """The store that this process makes, and who made it."""
    here = Here()
    made(datagrams, folder := tmp_path_factory.mktemp("by one"), here)
    return folder, here


@pytest.fixture(scope="module")
def two() -> Iterator[scheduling.Workers]:
    pytest.importorskip("distributed", reason="Dask is not installed")
    with scheduling.processes(2) as workers:
        yield workers


def otherwise(whole: Capture, store: Capture) -> list[str]:
    """The tables that a store keeps, those of files, and those of media, that are not row for row the same."""
    names = ("messages", *DERIVED, "files", "problems", "account", "legs", "tls_connections", *OF_MEDIA)
    return [name for name in names if not same(whole.table(name), store.table(name))]


def parts(folder: Path) -> dict[str, pl.DataFrame]:
    """Every file of parts of a store."""
    return {str(path.relative_to(folder)): pl.read_parquet(path) for path in sorted(folder.rglob("part-*.parquet"))}


# -- without Dask: what the tasks make of captures ---------------------------------------------------------------------


def test_each_capture_by_itself_has_the_rows_of_the_whole(
    datagrams: list[Path], whole: Capture, by_one: tuple[Path, Here]
) -> None:
    folder, here = by_one
    assert otherwise(whole, analyzer.open_store(folder)) == []
    groups = [arguments[0].files for name, arguments in here.tasks if name == "extract"]
    assert sum(len(files) == 1 for files in groups) == len(datagrams)


def test_captures_of_streams_are_read_in_sequence_and_have_the_rows_of_the_whole(tmp_path: Path) -> None:
    files = rotated(tmp_path / "files", several(), 5)
    here = Here()
    assert otherwise(analyzer.read(files), made(files, tmp_path / "store", here, size=200)) == []
    assert [len(arguments[0].files) for name, arguments in here.tasks if name == "extract"] == [1] * 5 + [5]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Captures of calls in succession between the same ends, whose streams have one source; some are of no call."""
    found = []
    for number, begins in enumerate((0, 100, 1000, 2500), 1):
        found += call(number, begins, 60)
        found += talk.rtp(range(300), (talk.CALLER, CALLED), since=begins + 1.5, source=11, packet_s=0.1, units=800)
        found += [reported(begins + at, 11, number + at) for at in (5, 25)]
        found += pressed(begins + 32, 11, 300)
        found += talk.rtp(range(50), (("10.7.0.1", 7000), ("10.7.0.2", 7000)), since=begins + 40, source=11)
    found.sort()
    folder = tmp_path_factory.mktemp("heard")
    size = -(-len(found) // 5)
    paths = [folder / f"part{number}.pcap" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(pcap(RAW_IP, found[number * size : (number + 1) * size]))
    return paths


def test_media_are_those_of_the_whole_however_calls_are_shared_out(
    heard: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report is written once, with its stream, though the streams of other calls have the same source."""
    monkeypatch.setattr(partitions, "PARTITION", 5)
    here = Here()
    store = made(heard, tmp_path, here, size=3)
    assert otherwise(analyzer.read(heard), store) == []
    assert sum(name == "rebuild" for name, _ in here.tasks) == 5
    assert store.table("streams").height == 7
    assert store.table("rtcp_reports")["reports"].sum() == 8


def test_points_that_overlap_are_told_apart_and_have_the_rows_of_the_whole(tmp_path: Path) -> None:
    how: dict[str, Any] = {"calls": 6, "seed": 5, "loss": 0.05, "capture_loss": 0.05, "skew_s": 2.0}
    points = make(tmp_path / "captures", points=("access", "core"), **how).points
    paths = [tmp_path / "captures" / point["file"] for point in points]
    assert otherwise(analyzer.read(paths), made(paths, tmp_path / "store", Here(3), size=300)) == []


def test_a_capture_that_cannot_be_read_is_told_and_the_others_are_read(datagrams: list[Path], tmp_path: Path) -> None:
    (bad := tmp_path / "bad.pcap").write_bytes(b"no capture at all" * 100)
    files = [*datagrams[:3], bad]
    store = made(files, tmp_path / "store", Here())
    assert otherwise(analyzer.read(files), store) == []
    assert "file_unreadable" in store.table("problems")["code"]


def test_a_capture_that_vanishes_is_told_and_read_when_it_is_there_again(
    datagrams: list[Path], whole: Capture, tmp_path: Path
) -> None:
    files = [Path(shutil.copy(path, tmp_path)) for path in datagrams]
    away = tmp_path / "away"

    class Vanishing(Here):
        def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
            if not away.exists():
                files[3].rename(away)
            super().each(task, calls, done)

    store = made(files, tmp_path / "store", Vanishing())
    assert "file_unreadable" in store.table("problems")["code"]
    away.rename(files[3])
    store = made(files, tmp_path / "store", Here())
    assert "file_unreadable" not in store.table("problems")["code"]
    assert same(whole.table("calls"), store.table("calls"))


def test_a_run_without_workers_goes_on_from_what_many_wrote(
    datagrams: list[Path], whole: Capture, tmp_path: Path
) -> None:
    """Calls, transactions and copies go on: what the core must remember is put together of all partitions."""
    made(datagrams[:4], tmp_path, Here())
    batch.run([str(file) for file in datagrams[4:]], tmp_path, batch.Options())
    assert otherwise(whole, analyzer.open_store(tmp_path)) == []


def test_nights_one_after_another_have_the_rows_of_the_whole(
    heard: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls, streams, transactions and copies go on, whoever reads: many workers, one process, many workers."""
    monkeypatch.setattr(partitions, "PARTITION", 100)
    packets = merged.packets_of(SAMPLES / f"{name}.pcap" for name in ("services", "tcp_ugly"))
    for name, files in (("heard", heard), ("streams", rotated(tmp_path / "files", packets, 5))):
        made(files[:1], tmp_path / name, Here())
        made(files[1:3], tmp_path / name, Here(), size=150)
        batch.run([str(files[3])], tmp_path / name, batch.Options(size=150))
        store = made(files, tmp_path / name, Here(2), size=400)
        assert otherwise(analyzer.read(files), store) == [], name


def test_captures_that_are_in_the_store_are_not_read_again(datagrams: list[Path], tmp_path: Path) -> None:
    made(datagrams[:2], tmp_path, Here())
    made(datagrams[:2], tmp_path, again := Here())
    assert again.tasks == []


def test_a_run_that_failed_goes_on_where_it_ended(datagrams: list[Path], whole: Capture, tmp_path: Path) -> None:
    class Fails(Here):
        def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
            if task.__name__ == "rebuild":
                raise AnalyzerError("the scheduler does not answer")
            super().each(task, calls, done)

    with pytest.raises(AnalyzerError):
        made(datagrams, tmp_path, Fails())
    with pytest.MonkeyPatch.context() as patched:
        # No capture is read again.
        patched.setattr(extraction, "Windows", None)
        assert otherwise(whole, made(datagrams, tmp_path, Here())) == []
    assert not (tmp_path / "exchange").exists()


def test_captures_and_the_exchange_may_be_at_addresses(datagrams: list[Path], whole: Capture, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for path in datagrams:
        system.pipe_file(f"/captures/{path.name}", path.read_bytes())
    store = made(["memory://captures"], tmp_path, Here(), exchange="memory://exchange")
    shown = dict(zip(sorted(store.table("files")["file"]), sorted(whole.table("files")["file"]), strict=True))
    assert [Path(name).name for name in shown] == [Path(name).name for name in shown.values()]
    assert store.table("calls").drop("call_ids").equals(whole.table("calls").drop("call_ids"))
    assert store.table("transactions").equals(whole.table("transactions"))
    assert system.find("/exchange") == []


# -- with Dask ---------------------------------------------------------------------------------------------------------


def test_one_two_and_eight_workers_write_the_same_rows(
    two: scheduling.Workers, datagrams: list[Path], by_one: tuple[Path, Here], tmp_path: Path
) -> None:
    made(datagrams, tmp_path / "two", two, exchange=f"file://{tmp_path}/exchange")
    made(datagrams, tmp_path / "eight", EightAtOnce())
    one = parts(by_one[0])
    for other in ("two", "eight"):
        found = parts(tmp_path / other)
        assert found.keys() == one.keys()
        assert all(found[name].equals(one[name]) for name in one)


def test_a_worker_that_is_killed_costs_nothing(
    two: scheduling.Workers, datagrams: list[Path], whole: Capture, tmp_path: Path
) -> None:
    before = two.client.run(os.getpid)
    victims = [*before.values()][:1]

    def kill(_: object) -> None:
        while victims:
            os.kill(victims.pop(), signal.SIGKILL)

    run.run([str(file) for file in datagrams], tmp_path, two, batch.Options(), progress=kill)
    two.client.wait_for_workers(2)
    assert set(two.client.run(os.getpid).values()) != set(before.values())
    assert otherwise(whole, analyzer.open_store(tmp_path)) == []


@pytest.mark.parametrize(
    ("raised", "told"),
    [("KilledWorker", "needs more memory than a worker has"), ("OSError", "a worker cannot go on .*No space left")],
)
def test_what_becomes_of_a_task_is_told(raised: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask raises the first where the workers of a task died again and again."""
    distributed = pytest.importorskip("distributed")
    errors = {"KilledWorker": lambda: distributed.KilledWorker("rebuild", None, 2)}
    errors["OSError"] = lambda: OSError(28, "No space left on device")
    future = type("Future", (), {"status": "error", "exception": lambda _: errors[raised]()})()
    client = SimpleNamespace(submit=lambda *_arguments, **_how: future, cancel=lambda _futures: None)
    monkeypatch.setattr(distributed, "wait", lambda futures, **_how: SimpleNamespace(done=futures))
    with pytest.raises(AnalyzerError, match=told):
        scheduling.Workers(client).each(os.getpid, [()], lambda _: None)


def test_a_cluster_whose_workers_are_all_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")

    def wait(_futures: object, **_how: object) -> None:
        raise TimeoutError

    client = SimpleNamespace(
        submit=lambda *_arguments, **_how: object(), cancel=lambda _futures: None,
        scheduler_info=lambda **_how: {"workers": {}},
    )  # fmt: skip
    monkeypatch.setattr(distributed, "wait", wait)
    monkeypatch.setattr(scheduling, "_ALONE", 0)
    with pytest.raises(AnalyzerError, match="nobody works for the scheduler any more"):
        scheduling.Workers(client).each(os.getpid, [()], lambda _: None)


def test_a_worker_of_another_version_that_joined_lately_is_told() -> None:
    with pytest.raises(AnalyzerError, match=r"a worker has sip-analyzer .* and the run is of 0\.0\.1"):
        scheduling._of_version("0.0.1", os.getpid)


def test_a_scheduler_that_does_not_answer_is_told(
    datagrams: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(scheduling, "_PATIENCE", 0.2)
    command = ["batch", str(datagrams[0]), "-o", str(tmp_path), "--scheduler", "tcp://127.0.0.1:1"]
    done = CliRunner().invoke(cli.group, command)
    assert done.exit_code == 2
    assert "no Dask scheduler answers there" in done.output


def test_without_dask_the_command_says_what_to_install(
    datagrams: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    done = CliRunner().invoke(cli.group, ["batch", str(datagrams[0]), "-o", str(tmp_path), "--workers", "2"])
    assert done.exit_code == 2
    assert "pip install 'sip-analyzer[cluster]'" in done.output
