"""The graph: the value of each node by name, made when it is first asked for.

The same nodes serve a whole capture and one call of it (:mod:`analyzer.graph.scope`). Which columns of the core and
which header fields have to be read for a table, follows from what it rests on.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.graph import intermediates, tables  # noqa: F401  (their nodes are registered as they are loaded)
from analyzer.graph.node import ALWAYS_READ, CORE, INPUTS, REGISTERED, Node, carries, made_of
from analyzer.schema.table import ESTIMATE, LOCAL

if TYPE_CHECKING:
    import polars as pl


def node_of(name: str) -> Node:
    """The node of that name: the registered one, else the function that the table's ``made_by`` names.

    Raises TypeError where there is neither.
    """
    if name == "diagnosis" and name not in REGISTERED:
        from analyzer.graph.diagnosis import diagnosis

        REGISTERED[name] = diagnosis()
    if name not in REGISTERED:
        table = schema.TABLES.get(name)
        if table is None or not table.made_by:
            raise TypeError(f"nothing makes {name!r}: write a node of that name, or made_by in the table's entry")
        module, _, function = table.made_by.partition(":")
        REGISTERED[name] = made_of(getattr(importlib.import_module(module), function), table.scope)
    return REGISTERED[name]


def every_node() -> list[str]:
    """Every node: the registered ones, and those that entries of tables name."""
    made = [name for name in (*schema.TABLES, "diagnosis") if node_of(name)]
    return [*made, *(name for name in REGISTERED if name not in made)]


class WrongNode(TypeError):
    """A node that contradicts the rest; each fault is a sentence on what to write."""


def check(nodes: Mapping[str, Node] | None = None) -> None:
    """Raises :class:`WrongNode` with a sentence for each fault of the nodes (:func:`every_node` without any given)."""
    import graphlib

    if nodes is None:
        nodes = {name: node_of(name) for name in every_node()}
    found = [f"{name}: {fault}" for name, node in nodes.items() for fault in _faults(node, nodes)]
    try:
        graphlib.TopologicalSorter({name: node.needs for name, node in nodes.items()}).prepare()
    except graphlib.CycleError as error:
        loop = " <- ".join(error.args[1])
        found.append(f"{loop}: a loop; let one of them need a node without what the others add, like bare_dialogs")
    if found:
        raise WrongNode("\n".join(found))


def _faults(node: Node, nodes: Mapping[str, Node]) -> Iterator[str]:
    for need in node.needs:
        if need in INPUTS:
            continue
        if need not in nodes:
            import difflib

            near = difflib.get_close_matches(need, [*nodes, *INPUTS], n=3, cutoff=0.5)
            which = f", such as {' or '.join(near)}" if near else ""
            yield f"the parameter {need!r} of its function is no node; name a table, intermediate or input{which}"
        elif node.scope is LOCAL and nodes[need].scope is ESTIMATE:
            yield (
                f"it is LOCAL and needs {need}, which is an ESTIMATE; write scope=ESTIMATE, or need what is local of it"
                " (docs/decisions/009)"
            )


def below(name: str, account: pl.DataFrame | None = None) -> Iterator[Node]:
    """The node and all that it rests on; what rests on packets of Diameter or DNS only where ``account`` has some."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (name := waiting.pop()) in seen or name in INPUTS:
            continue
        seen.add(name)
        found = node_of(name)
        if not found.carried or (account is not None and carries(account, found.carried)):
            yield found
            waiting += found.needs


def columns_below(names: Iterable[str], account: pl.DataFrame | None = None) -> list[str] | None:
    """The columns of the core that these tables rest on, ``None`` for all."""
    found = set(ALWAYS_READ)
    for name in names:
        for rests_on in below(name, account):
            if rests_on.columns is None:
                return None
            found.update(rests_on.columns)
    return sorted(found)


def headers_below(names: Iterable[str]) -> list[str]:
    """The header fields that these tables rest on."""
    return list(dict.fromkeys(header for name in names for found in below(name) for header in found.headers))


def inputs_of(core: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """The tables of the core by the names that nodes have for them, their identities mended."""
    from analyzer.sip.identities import mended

    inputs = {name: core[table] for name, table in CORE.items() if table in core}
    return inputs | ({"core_messages": mended(inputs["core_messages"])} if "core_messages" in inputs else {})


class Graph:
    """The values of one reading by name, each made when it is first asked for."""

    def __init__(self, inputs: dict[str, Any]) -> None:
        self.inputs = inputs
        self.made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self.inputs:
            return self.inputs[name]
        if name not in self.made:
            self.made[name] = self._make(node_of(name), name)
        return self.made[name]

    def _make(self, found: Node, _name: str) -> Any:
        if found.carried and not carries(self["core_account"], found.carried):
            return None
        if found.asks:
            return found.function(self.__getitem__)
        return found.function(*(self[need] for need in found.needs))

    def give(self, **inputs: Any) -> None:
        """Puts inputs in the place of those that had fewer columns or rows; what was made of those stays true."""
        self.inputs = self.inputs | inputs
