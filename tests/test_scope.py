"""One call told from its own messages: the same rows, the same page and the same ladder as from the whole capture."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import captures
import merged
import polars as pl
import pytest
from places import SAMPLES

import analyzer
import analyzer.api.graph_source
from analyzer import Capture, schema
from analyzer.api.call import Call
from analyzer.api.ladder import Ladder
from analyzer.graph.graph import Graph, node_of
from analyzer.graph.scope import CallScope, is_made_again, partition, window
from analyzer.reading import native
from analyzer.simulator import make

pytestmark = pytest.mark.slow

KAMAILIO = sorted((SAMPLES / "kamailio").glob("*.pcap.gz"))
# Several capture points whose clocks differ, loss, resends, B2BUAs, forks; hidden topology leaves order alone to go by.
LABORATORY: dict[str, Any] = {
    "calls": 40, "seed": 5, "loss": 0.05, "capture_loss": 0.05, "icid_dropped": 0.5, "session_id_dropped": 0.3,
    "skew_s": 2.0, "drift_ppm": 20.0,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "two points": {"points": ("access", "core")},
    "hidden topology": {"points": ("access", "core"), "topology_hiding": True},
    "seen twice": {"points": ("all",), "mirrored": True, "format": "pcapng"},
    "six subscribers": {"points": ("core",), "subscribers": 6, "calls_per_second": 3.0},
}
#: Tables that are made again of the messages of one call, and that tell which call their rows are of.
AROUND_A_CALL = [
    table.name
    for table in schema.TABLES.values()
    if (is_made_again(table.name) or table.name in ("calls", "legs")) and {"call", "message"} & set(table.names)
]
_MOST_CALLS = 5  # of one capture, evenly over it
_OF_MERGED = 30


#: One worker makes each and reads it.
EACH_VARIANT = [pytest.param(name, marks=pytest.mark.xdist_group(f"laboratory, {name}")) for name in VARIANTS]


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Capture]:
    """The capture of a variant, made and read once."""
    return cache(lambda variant: world(tmp_path_factory.mktemp("laboratory"), **VARIANTS[variant]))


def world(directory: Path, **settings: Any) -> Capture:
    points = make(directory, **LABORATORY | settings).points
    names = [f"{point['name']}=*{point['file']}" for point in points]
    return analyzer.read([directory / point["file"] for point in points], capture_points=names)


def graph_of(capture: Capture) -> Graph:
    return capture.source._graph  # type: ignore[attr-defined,no-any-return]


def some_calls(capture: Capture, most: int, first: int = 0) -> list[int]:
    keys = capture.table("calls")["call"]
    step = max(1, -(-keys.len() // most))
    return keys.gather_every(step, first % step).to_list()


def of_call(table: Callable[[str], pl.DataFrame], name: str, call: int) -> pl.DataFrame:
    frame = table(name)
    if "call" in frame.columns:
        return frame.filter(pl.col("call") == call)
    messages = table("messages").filter(pl.col("call") == call)["message"]
    return frame.filter(pl.col("message").is_in(messages.implode()))


def different(capture: Capture, most: int = _MOST_CALLS, first: int = 0) -> list[tuple[int, str]]:
    """Calls and tables of which the scope of the call, or of these calls together, has other rows than the whole."""
    for name in AROUND_A_CALL:
        capture.table(name)
    calls = some_calls(capture, most, first)
    together = CallScope(graph_of(capture), calls)
    return [
        (call, name)
        for call in calls
        for scope in (CallScope(graph_of(capture), [call]), together)
        for name in AROUND_A_CALL
        if not of_call(capture.table, name, call).equals(of_call(scope.__getitem__, name, call))
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_captures_have_the_same_rows(origin: str) -> None:
    assert different(merged.capture(origin), _OF_MERGED) == []


@pytest.mark.parametrize("path", KAMAILIO, ids=captures.name_of)
def test_a_capture_has_the_same_rows(path: Path) -> None:
    """Of the same calls at each node, others at each."""
    assert different(captures.read(path), 3, first=KAMAILIO.index(path)) == []


@pytest.mark.parametrize("variant", EACH_VARIANT)
def test_a_laboratory_has_the_same_rows(variant: str, laboratory: Callable[[str], Capture]) -> None:
    assert different(laboratory(variant)) == []


def pages(capture: Capture) -> list[tuple[str, str]]:
    calls = [capture.call(number) for number in capture.table("calls")["no"]]
    return [(str(call.story()), _text(call.ladder())) for call in calls]


def _text(ladder: Ladder) -> str:
    return ladder.text(width=120)


@pytest.fixture
def only_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a capture, however many of its calls are looked at, and however much of it they are."""
    monkeypatch.setattr(analyzer.api.graph_source, "_WORTH_OF_A_SCOPE", 0)
    monkeypatch.setattr(analyzer.api.graph_source, "are_most", lambda *_: False)


@pytest.mark.parametrize("name", ["volte_failures.pcap", "ims_core.pcap", "services.pcap", "blind_transfer.pcap"])
def test_page_and_ladder_are_the_same(name: str, request: pytest.FixtureRequest) -> None:
    whole = pages(captures.read(SAMPLES / name))
    request.getfixturevalue("only_parts")
    assert pages(analyzer.read(SAMPLES / name)) == whole


@pytest.mark.xdist_group("volte_failures.pcap")
def test_the_page_is_the_same_masked(request: pytest.FixtureRequest) -> None:
    whole = pages(captures.masked(SAMPLES / "volte_failures.pcap"))
    request.getfixturevalue("only_parts")
    assert pages(analyzer.read(SAMPLES / "volte_failures.pcap").mask(captures.KEY)) == whole


@pytest.mark.usefixtures("only_parts")
def test_the_page_makes_none_of_the_dear_tables_of_the_whole() -> None:
    capture = analyzer.read(SAMPLES / "volte_call.pcap")
    str(capture.call(1).story())
    capture.call(1).ladder()
    # A case of this call is told with all that have its cause: findings are those of the whole capture.
    of_findings = {"transactions", "offer_answer_violations", "holds"}
    dear = {*AROUND_A_CALL, "bare_hops", "call_set_ups", "explained_failures"} - {"calls", "legs"} - of_findings
    assert set(graph_of(capture).made) & dear == set()


def test_who_looks_at_many_calls_gets_the_tables_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = analyzer.read(SAMPLES / "volte_failures.pcap")
    first, second, *_ = (Call(capture.source, row) for row in capture.table("calls").iter_rows(named=True))
    messages = capture.source.messages_read
    monkeypatch.setattr(analyzer.api.graph_source, "_WORTH_OF_A_SCOPE", messages / 2)
    monkeypatch.setattr(analyzer.api.graph_source, "are_most", lambda *_: False)
    first.table("hops")
    alone = "hops" in graph_of(capture).made
    second.table("hops")
    assert (alone, "hops" in graph_of(capture).made) == (False, True)


def test_calls_that_are_most_of_a_capture_get_the_tables_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyzer.api.graph_source, "_WORTH_OF_A_SCOPE", 0)
    capture = analyzer.read(SAMPLES / "volte_call.pcap")
    capture.call(1).table("hops")
    assert "hops" in graph_of(capture).made


def test_a_part_is_made_anew_when_more_was_read(only_parts: None) -> None:
    # The calls alone do without what the session descriptions say.
    capture = analyzer.read(SAMPLES / "volte_call.pcap", tables=["calls"])
    capture.call(1).table("dialogs")
    assert capture.call(1).table("sdp").height > 0


def test_a_page_reads_the_captures_once_where_its_tables_were_named(
    only_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["call_failures", "failure_path", "setups", "phases", "waterfall", "legs", "hops", "cdrs", "services"]
    told += ["findings", "finding_cases"]
    capture = analyzer.read(
        SAMPLES / "volte_call.pcap", tables=["messages", *told, "related_transactions", "peer_delays"]
    )
    monkeypatch.setattr(native.Reading, "more_headers", lambda *_: pytest.fail("read again"))
    assert capture.call(1).story().sections


# ---- windows and parts -----------------------------------------------------------------------------------------------

#: Tables of local rows each of which is of one call.
OF_CALLS = [
    name
    for name, table in schema.TABLES.items()
    if node_of(name).scope is schema.Scope.LOCAL and (is_made_again(name) or name == "calls") and "call" in table.names
]


def rows(name: str, graphs: list[Graph]) -> pl.DataFrame:
    """The rows of calls in these graphs, in one order; the number of a call is for display."""
    table = schema.TABLES[name]
    columns = [column for column in table.names if column != "no"]
    found: pl.DataFrame = (
        pl.concat([graph[name] for graph in graphs]).select(columns).filter(pl.col("call").is_not_null())
    )
    return found.sort([column for column in columns if column not in table.of_type("texts")], nulls_last=True)


def not_the_same(whole: Graph, graphs: list[Graph]) -> list[str]:
    return [name for name in OF_CALLS if not rows(name, graphs).equals(rows(name, [whole]))]


@pytest.fixture(params=[pytest.param("samples", marks=pytest.mark.xdist_group("samples in parts")), *EACH_VARIANT])
def divided(request: pytest.FixtureRequest, laboratory: Callable[[str], Capture]) -> Graph:
    capture = several() if request.param == "samples" else laboratory(request.param)
    for name in OF_CALLS:
        capture.table(name)
    return graph_of(capture)


SEVERAL = ("services", "volte_failures", "ims_core", "outcomes", "blind_transfer", "hold_resume", "proxy_auth", "sms")


@cache
def several() -> Capture:
    return analyzer.read([SAMPLES / f"{name}.pcap" for name in SEVERAL])


def test_parts_of_the_calls_have_the_rows_of_the_whole(divided: Graph) -> None:
    parts = partition(divided, 3)
    assert not_the_same(divided, parts) == []
    assert min(part["calls"].height for part in parts[:3]) > 0
    assert parts[3]["calls"].height == 0
    assert sum(part["core_messages"].height for part in parts) == divided["core_messages"].height


def test_windows_in_a_row_have_the_rows_of_the_whole(divided: Graph) -> None:
    """Also those of a call that goes on when the next window begins."""
    starts = divided["calls"]["started_at"].cast(pl.Int64).sort()
    middle = starts[starts.len() // 2]
    windows = [window(divided, starts[0] - 10**12, middle), window(divided, middle, 2**63 - 1)]
    assert not_the_same(divided, windows) == []
    assert [found["calls"].height > 0 for found in windows] == [True, True]
