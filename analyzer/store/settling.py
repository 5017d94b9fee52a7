"""From windows of messages to parts of the store: what is over is written and forgotten, what is alive is carried on.

:class:`Settling` is fed by whoever reads, a file or a wire: rows of the core in, rows of hours out. It holds the rows
of units that are alive, so its memory grows with what is alive and not with what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.graph.graph import Graph, inputs_of
from analyzer.store import units
from analyzer.store.layout import DERIVED

if TYPE_CHECKING:
    import polars as pl

Tables = dict[str, "pl.DataFrame"]

#: The leg of a message as it is mended; not kept.
_OF_LINKS = "_mended_leg"
#: The tables of the core that follow messages, by what: their column, and that of messages.
FOLLOWING = {
    "descriptions": ("_sdp", "_sdp"),
    "evidence": ("_leg", "_leg"),
    "headers": ("message", "message"),
    "ims_headers": ("message", "message"),
    "links": ("_leg", _OF_LINKS),
    "parts": ("message", "message"),
    "via_tails": ("_message", "message"),
}
#: Columns that identities are mended in (``analyzer.sip.identities``): ``messages`` has them as they are told, and
#: under these names as the core gives them.
MENDED = {"transaction": "_transaction", "retransmission": "_retransmission"}
#: Columns by which rows of the other tables stand in the order of the whole.
ORDER = ("_at", "_order")
#: Broken transports concern transactions so near to them (ns).
_FAILURES = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Settled:
    """The tables of units that began in one hour (``2026-11-21T13``), by name, each in the order of the whole."""

    hour: str
    tables: Tables
    open: bool = False


class Settling:
    """The units that are alive."""

    def __init__(self, max_idle_s: float) -> None:
        self._max_idle = int(max_idle_s * SECOND)
        #: Rows of units that are alive: messages as the core gives them with ``_at`` and ``_order``, and what follows.
        self.core: Tables = {}
        self.failures: pl.DataFrame | None = None
        self.end: int | None = None
        self._order = 0

    @property
    def messages(self) -> int:
        """How many messages are held."""
        return self.core["messages"].height if self.core else 0

    def begin(self, order: int, end: int | None) -> None:
        """Messages that come next have numbers from ``order`` on; ``end`` is the time of the last packet so far."""
        self._order, self.end = order, end

    def take(self, core: Mapping[str, pl.DataFrame], end: int | None) -> None:
        """Takes in what was read: the tables of the core, messages in time order, all that will ever be before ``end``
        (ns) among them."""
        import polars as pl

        at = pl.col("time").cast(pl.Int64).forward_fill().fill_null(0)
        messages = core["messages"].with_columns(_at=at, _order=pl.int_range(pl.len()) + self._order)
        self._order += messages.height
        self.restore({**{name: core[name] for name in FOLLOWING if name in core}, "messages": messages})
        failures = core["failures"]
        self.failures = failures if self.failures is None else pl.concat([self.failures, failures])
        self.end = end if self.end is None else max(self.end, end or self.end)

    def restore(self, core: Mapping[str, pl.DataFrame]) -> None:
        """Takes in rows of units that go on, as the store has them."""
        import polars as pl

        for name, rows in core.items():
            known = self.core.get(name)
            self.core[name] = rows if known is None else pl.concat([known, rows.select(known.columns)])

    def settled(self, *, all_of_it: bool = False) -> Iterator[Settled]:
        """The units that are over, which are forgotten; with ``all_of_it`` those that are alive too, which are not."""
        import polars as pl

        if not self.core or self.end is None or self.core["messages"].is_empty():
            return
        raw = self.core["messages"] = self.core["messages"].sort("_at", "_order", maintain_order=True)
        graph = self._graph(raw)
        links = graph["leg_correlation"]
        messages = self._messages(raw, graph)
        found = units.over(messages, graph, self.end, self._max_idle)
        tables = {name: _in_order(graph[name], schema.TABLES[name].names[0], name, messages) for name in DERIVED}
        tables |= {name: self.core[name] for name in FOLLOWING if name in self.core} | {"links": links}
        for over in (True, False) if all_of_it else (True,):
            hours = found.filter(pl.col("over") == over).with_columns(hour=_hour(pl.col("begin")))
            for (hour,), of_hour in hours.group_by("hour", maintain_order=True):
                chosen = messages.filter(pl.col("_unit").is_in(of_hour["_unit"].implode()))
                of_units = _of(chosen, tables)
                yield Settled(str(hour), of_units | {"messages": chosen.drop(_OF_LINKS)}, open=not over)
        self._forget(raw, messages, found, links)

    def _graph(self, raw: pl.DataFrame) -> Graph:
        import polars as pl

        none = pl.DataFrame(schema=schema.ACCOUNT.polars())
        end = pl.Series([self.end], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
        files = pl.DataFrame({"last_at": end, "ended_at": end})
        core = {**self.core, "messages": raw.drop(ORDER), "failures": self.failures, "files": files, "account": none}
        given = {"node_overrides": (), "clocks_aligned": False, "digits_shown": False, "read_companions": None}
        graph = Graph(
            inputs_of({name: rows for name, rows in core.items() if rows is not None}) | given | {"read_media": None}
        )
        known = self.core.get("links")
        if known is not None and known.height:
            # Old links are settled: what they rest on may be gone by now.
            new = graph["leg_correlation"].join(known, on="_leg", how="anti", maintain_order="left")
            old = graph["found_legs"].table.filter(pl.col("start") < self._linked())
            new = new.join(old, on="_leg", how="anti", maintain_order="left")
            graph = Graph(graph.inputs | {"leg_correlation": pl.concat([known, new])})
        return graph

    def _linked(self) -> int:
        return (self.end or 0) - units.LINKED

    def _messages(self, raw: pl.DataFrame, graph: Graph) -> pl.DataFrame:
        """The table ``messages`` of the store: what the core gives, and what the public table has besides."""
        public = graph["messages"]
        return raw.with_columns(
            *public["dialog", "call", *MENDED],
            *(raw[name].alias(kept) for name, kept in MENDED.items()),
            graph["core_messages"]["_leg"].alias(_OF_LINKS),
            units.of_messages(raw, graph),
        )

    def _forget(self, raw: pl.DataFrame, messages: pl.DataFrame, found: pl.DataFrame, links: pl.DataFrame) -> None:
        import polars as pl

        alive = found.filter(~pl.col("over"))["_unit"]
        kept = messages.filter(pl.col("_unit").is_in(alive.implode()))
        held = raw.filter(messages["_unit"].is_in(alive.implode()))
        # Links of legs that began lately are found anew.
        young = kept.filter(pl.col("_at") >= self._linked())[_OF_LINKS].unique()
        links = links.filter(~pl.col("_leg").is_in(young.implode()))
        self.core = _of(kept, {**self.core, "links": links}) | {"messages": held}
        if self.failures is not None and held.height:
            since = held["_at"].cast(pl.Int64).to_list()[0] - _FAILURES
            self.failures = self.failures.filter(pl.col("time").cast(pl.Int64) >= since)


def _hour(at: pl.Expr) -> pl.Expr:
    import polars as pl

    return at.cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H")


def _in_order(table: pl.DataFrame, key: str, name: str, messages: pl.DataFrame) -> pl.DataFrame:
    """A table with the place of each row in the order of the whole: that of the message whose key it has."""
    return table.join(
        messages.select("message", *ORDER), left_on=key, right_on="message", how="left", maintain_order="left"
    )


def _of(messages: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> Tables:
    """The rows of these messages: ``messages`` itself, what follows them, and the tables that have their keys."""
    import polars as pl

    found: Tables = {"messages": messages}
    for name, rows in tables.items():
        if name == "messages":
            continue
        own, theirs = FOLLOWING.get(name) or (schema.TABLES[name].names[0], "message")
        found[name] = rows.filter(pl.col(own).is_in(messages[theirs].unique().drop_nulls().implode()))
    return found
