"""The graph over fewer messages: of some calls, of the calls of a window of time, of a part of all calls.

:class:`CallScope` gives some calls the same rows as the whole capture has, without the tables of all: what is local is
made again of fewer messages. What rests on the whole capture (which call a message belongs to, which legs are one call,
what nodes are, who was registered) is that of the whole, cut down as the node's ``cut`` says.

:func:`window` and :func:`partition` take from the whole only which legs are one call, which calls beside it can make
ambiguous. Local rows of calls are the same in them, for no call is divided; an estimate is that of a smaller capture.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from analyzer.graph.graph import Graph, node_of
from analyzer.graph.node import Node

if TYPE_CHECKING:
    import polars as pl


#: The inputs whose rows are of a message each.
_OF_MESSAGES = ("header_fields", "ims_headers", "parts")


class CallScope(Graph):
    """The values of ``complete`` as far as they tell of some calls, and of others that share Call-IDs with them."""

    def __init__(self, complete: Graph, calls: Collection[int]) -> None:
        import polars as pl

        messages = complete["core_messages"].with_row_index("_whole_row")
        messages = messages.filter(pl.col("_call").is_in(_call_ids(complete, calls).implode()))
        own = pl.col("message").is_in(messages["message"].implode())
        inputs = complete.inputs | {"core_messages": messages.drop("_whole_row")}
        super().__init__(inputs | {name: inputs[name].filter(own) for name in _OF_MESSAGES if name in inputs})
        self._complete, self._read, self._calls = complete, complete.inputs, frozenset(calls)
        #: The row of each message in the whole.
        self.rows = messages["_whole_row"]

    def is_of(self, complete: Graph, calls: Collection[int]) -> bool:
        """It was made for these calls, of what is read of the whole by now."""
        return self._complete is complete and self._read is complete.inputs and self._calls == frozenset(calls)

    def _make(self, found: Node, name: str) -> Any:
        if found.cut is not None:
            return found.cut(lambda: self._complete[name], self)
        return super()._make(found, name)


def are_most(complete: Graph, calls: Collection[int]) -> bool:
    """These calls, and what shares Call-IDs with them, have most of the messages: a scope would make all again."""
    messages: pl.DataFrame = complete["core_messages"]
    own = messages["_call"].is_in(_call_ids(complete, calls).implode())
    return 2 * own.sum() > messages.height


def is_made_again(name: str) -> bool:
    """A scope makes it of its own messages; else it has it from the whole."""
    return node_of(name).cut is None


def window(complete: Graph, begin: int, end: int) -> Graph:
    """The graph of the calls that begin in a window of time (ns since 1970, ``end`` excluded), with all their messages.

    Windows that follow each other without a gap have each call once.
    """
    import polars as pl

    units = units_of_calls(complete)
    times = complete["core_messages"].select("_call", pl.col("time").cast(pl.Int64))
    begins = times.join(units, on="_call").group_by("unit").agg(pl.col("time").min())
    found = begins.filter(pl.col("time").is_between(begin, end, closed="left"))
    return _graph_of(complete, pl.col("_call").is_in(units.join(found, on="unit", how="semi")["_call"].implode()))


def partition(complete: Graph, parts: int) -> list[Graph]:
    """Graphs of as many parts of the calls, and one last of all messages outside calls: each message is in one."""
    import polars as pl

    units = units_of_calls(complete)
    part = pl.col("unit").rank("dense") % parts
    ids = [units.filter(part == number)["_call"] for number in range(parts)]
    in_parts = [_graph_of(complete, pl.col("_call").is_in(of.implode())) for of in ids]
    outside = ~pl.col("_call").is_in(units["_call"].implode()).fill_null(value=False)
    return [*in_parts, _graph_of(complete, outside)]


def _graph_of(complete: Graph, chosen: pl.Expr) -> Graph:
    inputs = complete.inputs
    messages = inputs["core_messages"].filter(chosen)
    evidence = inputs["evidence"].join(messages, on="_leg", how="semi", maintain_order="left")
    # What is beside SIP is read once, not for each part again.
    shared = ("strong_links", "leg_correlation", "companion_messages")
    of_the_whole = {name: complete[name] for name in shared}
    return Graph(inputs | of_the_whole | {"core_messages": messages, "evidence": evidence})


def units_of_calls(complete: Graph) -> pl.DataFrame:
    """The hashes of the Call-IDs of calls (``_call``), each with the least of all that are linked to it (``unit``): by
    B2BUAs, or since one call took the place of another, or names it."""
    import polars as pl

    spans = complete["attempts"].spans
    of_calls = spans.select("_call", near=pl.col("_call").min().over("call"))
    of_legs = complete["leg_correlation"].select("_call", near="_call_from")
    near = spans.group_by("call").agg(near=pl.col("_call").min())
    calls = complete["calls"]
    continued = pl.concat(calls.select("call", other=name) for name in ("continued_by", "continues")).drop_nulls()
    continued = continued.join(spans.select("call", "_call"), on="call")
    continued = continued.join(near, left_on="other", right_on="call").select("_call", "near")
    # A REFER outside a dialog is of the call whose dialog it names.
    named = complete.inputs["evidence"].filter(pl.col("kind") == "target_dialog")
    named = named.select("_call", near=pl.col("value").cast(spans.schema["_call"]))
    named = named.join(spans, left_on="near", right_on="_call", how="semi")
    pairs = pl.concat([of_calls, of_legs, continued, named]).drop_nulls()
    pairs = pl.concat([pairs, pairs.select(_call="near", near="_call"), pairs.select("_call", near="_call")]).unique()
    units: pl.DataFrame = pairs.select("_call", unit="_call").unique().sort("_call")
    while True:
        near = pairs.join(units.select(near="_call", unit="unit"), on="near")
        further = near.group_by("_call").agg(pl.col("unit").min()).sort("_call")
        if further.equals(units):
            return units
        units = further


def _call_ids(complete: Graph, calls: Collection[int]) -> pl.Series:
    """The hashes of the Call-IDs of calls, and of all that B2BUAs linked to them, whichever call those are of."""
    import polars as pl

    links = complete["leg_correlation"].select("_call", "_call_from")
    own = pl.col("call").is_in(pl.Series(list(calls), dtype=pl.Int64).implode())
    known: pl.Series = complete["attempts"].spans.filter(own)["_call"].unique()
    while True:
        near = links.filter(pl.any_horizontal(pl.col("_call", "_call_from").is_in(known.implode())))
        further = pl.concat([known, near["_call"], near["_call_from"]]).unique()
        if further.len() == known.len():
            return known
        known = further
