"""The graph of tables: what rests on what, and which columns of the core each node looks at."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import captures
import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer import schema
from analyzer.graph import graph
from analyzer.graph.graph import Graph, node_of
from analyzer.graph.node import ALWAYS_READ, INPUTS, MADE_LATER, REGISTERED, WIDE, Node, node
from analyzer.schema.table import LOCAL, Scope

NODES = {name: node_of(name) for name in graph.every_node()}


def test_parameters_are_nodes_or_inputs_none_rests_on_itself_and_no_local_one_on_an_estimate() -> None:
    """A store keeps what is local of a part of the captures; it must not keep what another part corrects."""
    graph.check(NODES)


def toy(**needs: tuple[str, ...]) -> dict[str, Node]:
    """Nodes of these needs, local ones."""
    return {name: Node(toy, LOCAL, of, ()) for name, of in needs.items()}


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (
            toy(dolls=("call",), calls=("core_messages",)),
            "dolls: the parameter 'call' of its function is no node; name a table, intermediate or input, such as",
        ),
        (toy(dolls=("toys",), toys=("dolls",)), ": a loop; let one of them need a node without what the others add"),
        (
            NODES | toy(dolls=("endpoints",)),
            "dolls: it is LOCAL and needs endpoints, which is an ESTIMATE; write scope=ESTIMATE, or need what is local",
        ),
    ],
)
def test_a_wrong_node_is_told_what_to_write(nodes: dict[str, Node], says: str) -> None:
    with pytest.raises(graph.WrongNode) as error:
        graph.check(nodes)
    assert says in str(error.value)


def test_the_sentence_of_a_loop_names_all_of_it() -> None:
    with pytest.raises(graph.WrongNode) as error:
        graph.check(toy(dolls=("toys",), toys=("shelves",), shelves=("dolls",), calls=("dolls",)))
    assert {"dolls", "toys", "shelves"} <= set(str(error.value).split(":")[0].split(" <- "))


def test_every_node_serves_a_table_a_measure_or_the_last_line() -> None:
    optional = [name for measure in schema.MEASURES.values() for name in measure.optional]
    asked = [*schema.TABLES, *optional, "problem_count"]  # the last is asked by every command as it ends
    used = {found.function for name in asked for found in graph.below(name, _every_protocol())}
    assert [name for name, found in NODES.items() if found.function not in used] == []


def test_every_input_is_used() -> None:
    assert {need for found in NODES.values() for need in found.needs} >= INPUTS


@pytest.mark.parametrize("name", ["hops", "call_failures", "failure_path", "cdrs"])
def test_roles_of_nodes_are_joined_to_what_is_local(name: str) -> None:
    assert NODES[name].scope is Scope.ESTIMATE
    assert any(need.startswith(("bare_", "charged_", "explained_")) for need in NODES[name].needs)


def test_a_node_is_made_once() -> None:
    source = analyzer.read(SAMPLES / "busy.pcap").source
    source.table("calls")
    made = dict(source._graph.made)  # type: ignore[attr-defined]
    source.table("holds")
    again = source._graph.made  # type: ignore[attr-defined]
    assert all(again[name] is value for name, value in made.items())


@pytest.mark.parametrize(("sample", "looked_for"), [("basic_call", False), ("busy", True)])
def test_who_failed_a_call_is_looked_for_where_one_failed(sample: str, looked_for: bool) -> None:
    source = analyzer.read(SAMPLES / f"{sample}.pcap").source
    failures = source.table("call_failures")
    assert ("bare_failures" in source._graph.made, failures.height > 0) == (looked_for, looked_for)  # type: ignore[attr-defined]


def test_a_name_that_nothing_makes_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing makes 'tabel': write a node of that name"):
        node_of("tabel")


def test_two_nodes_of_one_name_are_refused() -> None:
    def calls() -> None: ...

    with pytest.raises(TypeError, match="two nodes are called 'calls'"):
        node(LOCAL)(calls)


def short_calls(calls: pl.DataFrame) -> pl.DataFrame:
    """What ``made_by`` names in the test below."""
    return calls.filter(pl.col("setup_s") < 60)


def test_made_by_is_enough_for_a_new_table(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = schema.Table("short_calls", "One short call.", schema.CALLS.columns, made_by="test_graph:short_calls")
    monkeypatch.setitem(schema.TABLES, "short_calls", entry)
    try:
        assert analyzer.read(SAMPLES / "basic_call.pcap").table("short_calls").height == 1
    finally:
        REGISTERED.pop("short_calls")


# ---- columns of the core ---------------------------------------------------------------------------------------------


def _every_protocol() -> pl.DataFrame:
    return pl.DataFrame({"reason": ["diameter", "dns"]})


def everything() -> Graph:
    """The graph of every sample in one reading."""
    source = captures.together().source
    for table in schema.TABLES:
        source.table(table)
    found: Graph = source._graph  # type: ignore[attr-defined]
    return found


DECLARED = [name for name, found in NODES.items() if found.columns is not None and WIDE & set(found.needs)]


@pytest.mark.xdist_group(captures.TOGETHER)
@pytest.mark.parametrize("name", DECLARED)
def test_a_node_looks_at_no_column_that_it_does_not_declare(name: str) -> None:
    """Else a reading for it leaves the column out."""
    found, whole = NODES[name], everything()
    needs = [_only(whole[need], found) if need in WIDE else whole[need] for need in found.needs]
    if found.asks:
        again, known = found.function(dict(zip(found.needs, needs, strict=True)).__getitem__), whole[name]
        assert all(getattr(again, field.name).equals(getattr(known, field.name)) for field in fields(known))
        return
    again = found.function(*needs)
    if isinstance(again, pl.DataFrame | pl.Series):
        assert again.equals(whole[name])


def _only(frame: pl.DataFrame, found: Node) -> pl.DataFrame:
    read = ALWAYS_READ | MADE_LATER | set(found.columns or ())
    return frame.select(name for name in frame.columns if name in read)


SEVERAL = [SAMPLES / f"{sample}.pcap" for sample in ("volte_failures", "services", "sms")]


@cache
def several() -> analyzer.Capture:
    return analyzer.read(SEVERAL)


def alike() -> list[list[str]]:
    """Tables for which the same columns and header fields are read: one reading gives any of them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in schema.TABLES:
        if (columns := graph.columns_below([name, "problem_count"])) is not None:
            found.setdefault((*columns, *graph.headers_below([name])), []).append(name)
    return list(found.values())


@pytest.mark.slow
@pytest.mark.xdist_group("several samples")
@pytest.mark.parametrize("names", alike(), ids=", ".join)
def test_a_reading_for_one_table_gives_the_whole_of_it(names: list[str]) -> None:
    found = analyzer.read(SEVERAL, tables=names[:1])
    assert [name for name in names if not found.table(name).equals(several().table(name))] == []


def test_a_reading_for_calls_leaves_out_what_calls_do_not_rest_on() -> None:
    columns = graph.columns_below(["calls"])
    assert columns is not None
    assert {"user_agent", "_headers", "_reginfo", "vlan"} & set(columns) == set()


def test_a_reading_for_calls_is_not_repeated_for_calls() -> None:
    source = analyzer.read(SAMPLES / "basic_call.pcap", tables=["calls"]).source
    reading = source._reading  # type: ignore[attr-defined]
    source.table("calls")
    assert source._reading is reading  # type: ignore[attr-defined]
    source.table("messages")
    assert source._reading is not reading  # type: ignore[attr-defined]
