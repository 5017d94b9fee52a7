"""Stores of which files are gone, cut or damaged, that are of another version, or that change while they are read."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import merged
import polars as pl
import pytest
from click.testing import CliRunner
from places import SAMPLES
from stored import batched

import analyzer
from analyzer import AnalyzerError
from analyzer.cli import group
from analyzer.store.layout import VERSION, manifest_of
from analyzer.store.retention import forget

pytestmark = pytest.mark.xdist_group("stores")

NAMES = ("basic_call", "volte_failures", "blind_transfer")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three samples in hours of their own."""
    folder = tmp_path_factory.mktemp("whole")
    packets = merged.packets_of(SAMPLES / f"{name}.pcap" for name in NAMES)
    batched([merged.write(folder / "day.pcapng", packets)], folder / "store")
    return folder / "store"


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


def second(store: Path, table: str) -> Path:
    """The file of a table in the second part."""
    part = manifest_of(store).parts[1]
    return store / table / part.file


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def overwrite(path: Path) -> None:
    """Its ends stay, all between is noise."""
    data = path.read_bytes()
    path.write_bytes(data[:4] + random.Random(7).randbytes(len(data) - 8) + data[-4:])


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(group, [str(word) for word in words], prog_name="sip-analyzer", catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("harm", [remove, cut, overwrite])
@pytest.mark.parametrize("table", ["calls", "transactions"])
def test_a_part_that_cannot_be_read_is_left_out_of_all_tables(
    table: str, harm: Callable[[Path], None], store: Path
) -> None:
    part = manifest_of(store).parts[1]
    calls = analyzer.open_store(store).table("calls")
    lost = pl.read_parquet(second(store, "calls"), hive_partitioning=False)["call"]
    harm(second(store, table))
    damaged = analyzer.open_store(store)
    assert damaged.table(table).height > 0
    left = calls.filter(~pl.col("call").is_in(lost.implode()))
    assert 0 < left.height < calls.height
    assert damaged.table("calls")["call"].to_list() == left["call"].to_list()
    assert damaged.table("messages").filter(pl.col("call").is_in(lost.implode())).is_empty()
    assert damaged.damaged
    answered = left.filter(outcome="answered").height
    assert damaged.measure("kpis", only="sesr").row(0, named=True)["numerator"] == answered
    if harm is not overwrite or table == "calls":
        # What is measured or asked for reads by itself; of noise within a file it knows when it reads that.
        assert analyzer.open_store(store).measure("kpis", only="sesr").row(0, named=True)["numerator"] == answered
        assert analyzer.open_store(store).sql("select count(*) from calls").iloc[0, 0] == left.height
    code, _, told = run(table, store)
    assert code == 1
    assert f"1 part with {part.messages:,} messages left out" in told
    assert str(second(store, table).relative_to(store)) in told


def test_rows_beside_messages_that_are_gone_are_told(store: Path) -> None:
    before = analyzer.open_store(store).table("sdp")
    second(store, "core/descriptions").unlink()
    opened = analyzer.open_store(store)
    assert opened.table("sdp").height < before.height
    assert opened.table("calls").height == analyzer.open_store(store).table("messages")["call"].drop_nulls().n_unique()
    assert "descriptions" in run("sdp", store)[2]


@pytest.mark.parametrize("table", ["files", "account"])
def test_without_a_table_of_the_whole_it_is_said_which(table: str, store: Path) -> None:
    for path in (store / table).iterdir():
        path.unlink()
    with pytest.raises(AnalyzerError, match=rf"is gone \({table}/{table}-0+1\.parquet\): copy it from a backup"):
        analyzer.open_store(store)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": VERSION + 1}, "install a newer one"),
        ({"version": "2"}, "has no version that there was"),
        ({"version": 0}, "has no version that there was"),
        ({"parts": [[1]]}, "copy it from a backup"),
        ({"format": "notes"}, "was not written by sip-analyzer"),
    ],
)
def test_what_no_version_wrote_is_refused_with_a_sentence(change: dict[str, object], said: str, store: Path) -> None:
    path = store / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(AnalyzerError, match=said):
        analyzer.open_store(store)


def test_a_store_of_version_1_is_upgraded_as_it_is_opened(store: Path) -> None:
    """It has no media, and is asked for none."""
    calls = analyzer.open_store(store).table("calls")
    path = store / "store.json"
    told = json.loads(path.read_text())
    for name in ("tls", "media", "media_from"):
        del told[name]
    path.write_text(json.dumps(told | {"version": 1}))
    shutil.rmtree(store / "streams")
    opened = analyzer.open_store(store)
    assert opened.table("calls").equals(calls)
    assert opened.table("streams").is_empty()
    assert not opened.damaged


def test_half_a_store_is_none(store: Path) -> None:
    (store / "store.json").unlink()
    with pytest.raises(AnalyzerError, match=r"there is no store\.json in it"):
        analyzer.open_store(store)


def test_hours_that_go_while_they_are_read_are_told(store: Path) -> None:
    """``--keep`` takes them away; what was opened before has the tables of the whole as they were."""
    opened = analyzer.open_store(store)
    assert forget(store, 3_600) > 0
    with pytest.raises(AnalyzerError, match="another run wrote to this store while it was read"):
        opened.table("calls")
    assert opened.table("account").height > 0
    assert not opened.damaged
    assert analyzer.open_store(store).table("calls").height > 0


def test_a_store_that_is_written_all_the_time_is_opened(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of the whole that go between a look at ``store.json`` and at them are read anew."""
    from analyzer.store import kept

    looked: list[Path] = []

    def look(folder: Path) -> object:
        found = manifest_of(folder)
        if not looked:
            forget(store, 3_600)
        looked.append(folder)
        return found

    monkeypatch.setattr(kept, "manifest_of", look)
    assert analyzer.open_store(store).table("files").height == 1
    assert len(looked) > 1
