"""What a store answers, and what it reads for it."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import merged
import polars as pl
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from places import SAMPLES
from stored import batched, same

import analyzer
from analyzer import AnalyzerError, Capture, Filter, schema
from analyzer.api import store_estimates, store_source
from analyzer.api.reports import text_of
from analyzer.cli import group
from analyzer.store import kept
from analyzer.store.layout import manifest_of

pytestmark = pytest.mark.xdist_group("stores")

NAMES = ("basic_call", "volte_failures", "blind_transfer")
KEY = "an example, not a secret"


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three samples, twelve hours after one another."""
    packets = merged.packets_of(SAMPLES / f"{name}.pcap" for name in NAMES)
    return merged.write(tmp_path_factory.mktemp("capture") / "day.pcapng", packets)


@pytest.fixture(scope="module")
def whole(capture: Path) -> Capture:
    return analyzer.read(capture)


@pytest.fixture(scope="module")
def folder(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    batched([capture], path)
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The tables that are read, and of how many parts."""
    found: list[tuple[str, int]] = []
    rows = kept.Kept.rows

    def told(self: kept.Kept, name: str, *how: object, **more: object) -> pl.DataFrame:
        found.append((name, len(self.parts)))
        return rows(self, name, *how, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(kept.Kept, "rows", told)
    return found


def middle(whole: Capture) -> Filter:
    """The calls of the second sample."""
    times = whole.table("calls")["started_at"].sort()
    begin = times.to_list()[1]
    return Filter(since=begin, until=begin.replace(hour=begin.hour + 1))


def test_a_table_that_is_kept_is_read_and_nothing_else(folder: Path, read: list[tuple[str, int]]) -> None:
    assert analyzer.open_store(folder).table("calls").height > 2
    assert {name for name, _ in read} == {"calls"}


def test_a_filter_on_time_picks_the_same_calls_out_of_their_hour(
    folder: Path, whole: Capture, read: list[tuple[str, int]]
) -> None:
    store = analyzer.open_store(folder)
    found = store.filter(middle(whole)).table("calls")
    assert 0 < found.height < whole.table("calls").height
    assert found.equals(whole.filter(middle(whole)).table("calls"))
    (first, hours), (second, everything) = read
    # Numbers are counted in all hours.
    assert (first, second) == ("calls", "calls")
    assert hours < everything == len(store.source._kept.parts)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["messages", "transactions", "phases", "holds", "problems"])
def test_a_filter_on_time_picks_the_same_rows(name: str, folder: Path, whole: Capture) -> None:
    chosen = middle(whole)
    assert analyzer.open_store(folder).filter(chosen).table(name).equals(whole.filter(chosen).table(name))


@pytest.mark.parametrize("hours", [1, 40])
def test_kpis_of_a_window_of_time_are_those_of_the_captures(
    hours: int, folder: Path, whole: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of parts that lie within it nothing is picked, of those at its ends what began in it."""
    monkeypatch.setattr(kept, "_PIECE", 1)
    monkeypatch.setattr(kept, "_MARGIN", 0)
    begin = middle(whole).since
    assert isinstance(begin, datetime.datetime)
    chosen = Filter(since=begin, until=begin + datetime.timedelta(hours=hours))
    store = analyzer.open_store(folder).filter(chosen)
    edges, within = store.source._inner._kept.parted(*chosen.window)  # type: ignore[attr-defined]
    assert within.parts
    assert len(edges.parts) + len(within.parts) <= len(manifest_of(folder).parts)
    for how in ({}, {"by": "method", "every": "1h"}, {"by": "service"}):
        assert store.measure("kpis", **how).equals(whole.filter(chosen).measure("kpis", **how)), how


def test_a_window_of_time_in_which_nothing_began_has_no_data(folder: Path, whole: Capture) -> None:
    chosen = Filter(since="2031-01-01T00:00:00Z")
    found = analyzer.open_store(folder).filter(chosen).measure("kpis")
    assert found.equals(whole.filter(chosen).measure("kpis"))
    assert set(found["note"].drop_nulls()) == {"no_data"}


@pytest.mark.parametrize("since", ["-1m", "today", "00:00", "-13h"])
def test_times_count_from_the_last_message_of_a_store(since: str, folder: Path, whole: Capture) -> None:
    calls = analyzer.open_store(folder).filter(since=since).table("calls")
    assert calls.equals(whole.filter(since=since).table("calls"))
    assert calls.height < whole.table("calls").height


def test_one_call_is_told_as_of_the_captures(folder: Path, whole: Capture) -> None:
    number = whole.table("calls")["no"].to_list()[-1]
    store = analyzer.open_store(folder)
    assert str(store.call(number).story()) == str(whole.call(number).story())
    assert store.call(number).ladder().text(width=100) == whole.call(number).ladder().text(width=100)


def test_sql_and_kpis_are_those_of_the_captures(folder: Path, whole: Capture) -> None:
    query = "select outcome, count(*) as n from calls group by outcome order by outcome"
    store = analyzer.open_store(folder)
    assert store.sql(query).equals(whole.sql(query))
    assert store.measure("kpis").equals(whole.measure("kpis"))


@pytest.mark.parametrize("how", [{"by": "peer", "every": "1m"}, {"by": "service"}, {"by": "node"}, {"by": "no"}])
def test_kpis_of_pieces_are_those_of_the_whole(
    how: dict[str, str], folder: Path, whole: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part by itself, then together: shares, percentiles, peaks and loads, over all and in groups."""
    monkeypatch.setattr(kept, "_PIECE", 1)
    store = analyzer.open_store(folder)
    assert len(list(store.source.pieces())) == len(manifest_of(folder).parts) > 2
    assert store.measure("kpis", **how).equals(whole.measure("kpis", **how))


@pytest.mark.parametrize("name", ["responses", "failures", "links", "latency", "outliers"])
def test_what_is_measured_is_that_of_the_captures(name: str, folder: Path, whole: Capture) -> None:
    for by in (None, "peer") if name != "failures" else (None, "status,node"):
        assert analyzer.open_store(folder).measure(name, by=by).equals(whole.measure(name, by=by)), by


def test_estimates_of_pieces_are_those_of_the_whole(
    folder: Path, whole: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes, findings, failures and tables of calls, each part by itself, then together."""
    monkeypatch.setattr(store_source, "_ESTIMATED", 1)
    store = analyzer.open_store(folder)
    names = ("nodes", "node_evidence", "reference_points", "findings", "finding_cases", "call_failures", "failure_path")
    for name in (*names, *store_estimates.GATHERED):
        assert store.table(name).equals(whole.table(name)), name
    assert store.table("findings").height > 1
    assert store.summary() == whole.summary()


def test_a_call_is_told_from_what_is_around_it(
    folder: Path, whole: Capture, read: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all parts the numbers of calls are read, and nothing else."""
    monkeypatch.setattr(store_source, "_AROUND", 1)
    last = whole.table("calls")["no"].to_list()[-1]
    found = analyzer.open_store(folder).call(last)
    assert found.messages.equals(whole.call(last).messages)
    assert found.ladder().text(width=100)
    parts = len(manifest_of(folder).parts)
    assert {name for name, count in read if count == parts} <= {"calls", "odd"}


@pytest.mark.parametrize("form", ["json", "openmetrics"])
def test_a_report_says_what_that_of_the_captures_does(form: str, folder: Path, whole: Capture) -> None:
    thresholds = {"thresholds": ["asr < 0.99", "setup_s.p95 > 0.1"]}
    ours, theirs = (
        text_of(cap.source, form=form, thresholds=thresholds, before=cap.source)
        for cap in (analyzer.open_store(folder), whole)
    )
    assert ours == theirs
    assert "answered" in ours


def test_two_stores_compare_as_their_captures_do(folder: Path, whole: Capture) -> None:
    store = analyzer.open_store(folder)
    ours, theirs = (analyzer.compare(cap, cap.filter(middle(whole))) for cap in (store, whole))
    assert ours.data.kpis.equals(theirs.data.kpis)
    assert ours.data.failures.equals(theirs.data.failures)


def test_a_kpi_reads_no_column_that_it_does_not_look_at(folder: Path, whole: Capture, tmp_path: Path) -> None:
    """The names of callers are noise in each part: who asks for calls is told, the answer-seizure ratio stands."""
    store = Path(shutil.copytree(folder, tmp_path / "store"))
    for path in (store / "calls").rglob("*.parquet"):
        overwrite(path, "caller")
    opened = analyzer.open_store(store)
    assert opened.measure("kpis", only="asr").equals(whole.measure("kpis", only="asr"))
    assert opened.sql("select count(*), min(status) from calls").equals(
        whole.sql("select count(*), min(status) from calls")
    )
    assert not opened.damaged
    assert opened.table("calls").height < whole.table("calls").height
    assert opened.damaged


def overwrite(path: Path, name: str) -> None:
    """Puts noise in the place of a column."""
    group = pyarrow.parquet.ParquetFile(path).metadata
    data = bytearray(path.read_bytes())
    for number in range(group.num_row_groups):
        row_group = group.row_group(number)
        column = next(
            found for at in range(row_group.num_columns) if (found := row_group.column(at)).path_in_schema == name
        )
        start = column.dictionary_page_offset or column.data_page_offset
        data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(bytes(data))


def test_texts_are_in_the_captures_while_these_are_there(capture: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(capture, tmp_path / "copy.pcapng"))
    store = batched([copy], tmp_path / "store")
    key = store.table("messages")["message"].to_list()[0]
    assert store.message(key).text == analyzer.read(copy).message(key).text
    copy.unlink()
    with pytest.raises(AnalyzerError, match="copy"):
        analyzer.open_store(tmp_path / "store").message(key)


def test_texts_that_are_kept_outlast_the_captures(capture: Path, whole: Capture, tmp_path: Path) -> None:
    copy = Path(shutil.copy(capture, tmp_path / "copy.pcapng"))
    store = batched([copy], tmp_path / "store", keep_text=True)
    copy.unlink()
    keys = whole.table("messages")["message"].to_list()
    assert [message.text for message in store.messages_of(keys)] == [
        message.text for message in whole.messages_of(keys)
    ]


# ---- commands --------------------------------------------------------------------------------------------------------


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(group, [str(word) for word in words], prog_name="sip-analyzer", catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def test_a_store_is_read_by_commands_in_the_place_of_captures(capture: Path, folder: Path) -> None:
    for words in (["calls", "--format", "csv"], ["kpis", "--every", "1d"], ["ladder", "1"]):
        ours, theirs = (run(words[0], *words[1:], origin) for origin in (folder, capture))
        assert (ours[0], ours[1]) == (theirs[0], theirs[1]), words


def test_a_day_is_that_of_the_zone(folder: Path, whole: Capture) -> None:
    first = whole.table("calls")["started_at"].to_list()[0]
    _, shown, _ = run("calls", folder, "--day", f"{first:%Y-%m-%d}", "--format", "csv")
    of_day = [row for row in whole.table("calls")["started_at"].to_list() if row.date() == first.date()]
    assert len(shown.splitlines()) - 1 == len(of_day) > 0


@pytest.mark.parametrize("words", [["--day", "yesterday"], ["--day", "2026-01-01", "--since", "2026-01-01"]])
def test_a_day_that_is_none_is_refused(words: list[str], folder: Path) -> None:
    code, _, told = run("calls", folder, *words)
    assert code == 2
    assert "--day" in told


def test_what_was_read_already_cannot_be_read_otherwise(folder: Path) -> None:
    code, _, told = run("calls", folder, "--align-clocks")
    assert (code, "is a store" in told) == (2, True)


def test_batch_says_what_it_did_and_watches(capture: Path, tmp_path: Path) -> None:
    words = ["batch", capture, "-o", tmp_path / "store", "--watch", "--every", "0.1", "--rounds", "2"]
    code, _, told = run(*words)
    assert code == 0
    assert "1 files and" in told
    assert run(*words, "--quiet")[2] == ""


def test_a_masked_store_has_the_tables_of_the_mask_and_nothing_else(
    capture: Path, whole: Capture, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    code, _, _ = run("batch", capture, "-o", tmp_path / "store", "--mask-key", tmp_path / "key", "--quiet")
    assert code == 0
    store, masked = analyzer.open_store(tmp_path / "store"), whole.mask(KEY)
    wrong = [name for name in schema.TABLES if not store.table(name).equals(masked.table(name))]
    assert wrong == []
    caller = whole.table("calls")["caller"].to_list()[0].partition("@")[0].encode()
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file() and caller in path.read_bytes()]
    assert "written once" in run("batch", capture, "-o", tmp_path / "store")[2]


def test_media_outlast_the_captures(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SAMPLES / "media.pcap", tmp_path / "media.pcap"))
    batched([copy], tmp_path / "store")
    whole = analyzer.read(copy)
    expected = {name: whole.table(name) for name in ("calls", "streams", "call_media", "findings")}
    copy.unlink()
    store = analyzer.open_store(tmp_path / "store")
    for name, rows in expected.items():
        assert same(rows, store.table(name)), name
    assert "left out" not in run("summary", tmp_path / "store")[2]


def test_what_keys_open_is_in_the_store(tmp_path: Path) -> None:
    sample, keys = SAMPLES / "tls" / "call.pcapng.gz", SAMPLES / "tls" / "call.keys"
    assert run("batch", sample, "-o", tmp_path / "store", "--keylog", keys, "--quiet")[0] == 0
    whole = analyzer.read(sample, keylog=keys).table("calls")
    assert analyzer.open_store(tmp_path / "store").table("calls").equals(whole)
    assert whole.height > 0
    line = keys.read_bytes().split()[-1]
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file() and line in path.read_bytes()]
