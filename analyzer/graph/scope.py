"""The graph over the messages of one call: the same rows for it as the whole capture has, without the tables of all.

What is local is made again of fewer messages. What rests on the whole capture (which call a message belongs to, which
legs are one call, what nodes are, who was registered) is that of the whole, cut down as the node's ``cut`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.graph.graph import Graph, node_of
from analyzer.graph.node import Node

if TYPE_CHECKING:
    import polars as pl


class CallScope(Graph):
    """The values of ``complete`` as far as they tell of one call, and of others that share Call-IDs with it."""

    def __init__(self, complete: Graph, call: int) -> None:
        import polars as pl

        messages = complete["core_messages"].with_row_index("_whole_row")
        messages = messages.filter(pl.col("_call").is_in(_call_ids(complete, call).implode()))
        super().__init__(complete.inputs | {"core_messages": messages.drop("_whole_row")})
        self._complete, self._read, self._call = complete, complete.inputs, call
        #: The row of each message in the whole.
        self.rows = messages["_whole_row"]

    def is_of(self, complete: Graph, call: int) -> bool:
        """It was made for this call, of what is read of the whole by now."""
        return self._complete is complete and self._read is complete.inputs and self._call == call

    def _make(self, found: Node, name: str) -> Any:
        if found.cut is not None:
            return found.cut(lambda: self._complete[name], self)
        return super()._make(found, name)


def is_made_again(name: str) -> bool:
    """A scope makes it of its own messages; else it has it from the whole."""
    return node_of(name).cut is None


def _call_ids(complete: Graph, call: int) -> pl.Series:
    """The hashes of the Call-IDs of a call, and of all that B2BUAs linked to them, whichever call those are of."""
    import polars as pl

    links = complete["leg_correlation"].select("_call", "_call_from")
    known: pl.Series = complete["attempts"].spans.filter(pl.col("call") == call)["_call"].unique()
    while True:
        near = links.filter(pl.any_horizontal(pl.col("_call", "_call_from").is_in(known.implode())))
        further = pl.concat([known, near["_call"], near["_call_from"]]).unique()
        if further.len() == known.len():
            return known
        known = further
