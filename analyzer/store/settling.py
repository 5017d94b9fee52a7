"""From windows of messages to parts of the store: what is over is written and forgotten, what is alive is carried on.

:class:`Settling` is fed by whoever reads, files or a wire: windows of the core in, rows of hours out. It holds the rows
of units that are alive, so its memory grows with what is alive and not with what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.graph.graph import Graph, inputs_of
from analyzer.store import units
from analyzer.store.layout import DERIVED, MEDIA
from analyzer.store.media import Media

if TYPE_CHECKING:
    import polars as pl

    from analyzer.graph.node import Node
    from analyzer.reading.windows import Window

Tables = dict[str, "pl.DataFrame"]

#: The tables of the core that follow messages, by what: their column, and that of messages.
FOLLOWING = {
    "descriptions": ("_sdp", "_sdp"),
    "evidence": ("_leg", "_leg"),
    "headers": ("message", "message"),
    "ims_headers": ("message", "message"),
    "links": ("_unit", "_unit"),
    "parts": ("message", "message"),
    "texts": ("message", "message"),
    "via_tails": ("_message", "message"),
    "streams": ("_unit", "_unit"),
    **dict.fromkeys(MEDIA, ("_unit", "_unit")),
}
#: Those of them that the core hands out before the messages, and a row once or more often.
_EARLY = ("descriptions", "evidence", "via_tails")
#: Columns that identities are mended in (``analyzer.sip.identities``): ``messages`` has them as they are told, and
#: under these names as the core gives them.
MENDED = {"transaction": "_transaction", "retransmission": "_retransmission"}
#: The place of a row in the order of the whole.
ORDER = ("_at", "_order")
#: What the store knows of a message beside what the core does: its place, and that it was given up for nothing came.
OWN = (*ORDER, "_given_up")
#: The tables of the core that are held by message.
OF_CORE = tuple(name for name in FOLLOWING if name not in MEDIA and name != "streams")
#: Units are looked for where so much may be over, as a share of what is worth it.
_WORTH = 0.5
#: Messages in a part, about.
_PART = 50_000
#: Broken transports concern transactions so near to them (ns).
_NEAR_FAILURES = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Settled:
    """The tables of units that began in one hour (``2026-11-21T13``), by name, each in the order of the whole."""

    hour: str
    tables: Tables
    open: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """When its messages begin and end (ns), or, where it has none, its streams."""
        messages = self.tables["messages"]
        at = (messages if messages.height else self.tables["streams"])["_at"].drop_nulls().sort()
        return (int(at[0]), int(at[-1])) if at.len() else (0, 0)


class Settling:
    """The units that are alive."""

    def __init__(self, max_idle_s: float, order: int = 0, end: int | None = None, worth: int = 0) -> None:
        #: Units are looked for when so many messages may be of some that are over.
        self._worth = worth
        self._max_idle = int(max_idle_s * SECOND)
        #: Rows of units that are alive: messages as the core gives them and :data:`OWN`, and what follows them.
        self._core: Tables = {}
        #: Legs whose links will not change any more.
        self._decided: set[int] = set()
        #: What came before its messages, and until when (ns) these may come.
        self._early: list[tuple[int, Tables]] = []
        self._failures: pl.DataFrame | None = None
        self._media = Media()
        self.end = end
        #: The number of the next message.
        self.order = order
        self._at = 0

    @property
    def messages(self) -> int:
        """How many messages are held."""
        return self._core["messages"].height if self._core else 0

    def take(self, window: Window, end: int | None) -> None:
        """Takes in what was read; ``end`` is the time (ns) before which all has come."""
        import polars as pl

        core = window.core
        at = pl.col("time").cast(pl.Int64).forward_fill().fill_null(self._at)
        messages = core["messages"].with_columns(
            _at=at, _order=pl.int_range(pl.len()) + self.order, _given_up=pl.lit(window.last)
        )
        if messages.height:
            self._at = messages["_at"].to_list()[-1]
        self.order += 0 if window.last else messages.height
        self._early.append((window.latest or 0, {name: core[name] for name in _EARLY}))
        self._add(
            {name: core[name] for name in OF_CORE if name in core and name not in _EARLY} | {"messages": messages}
        )
        self.restore_failures(core["failures"])
        self._media.take(core, last=window.last)
        if end is not None:
            self.end = end if self.end is None else max(self.end, end)

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Takes in units that go on, as the store has them, without what was given up."""
        import polars as pl

        messages = tables["messages"].filter(~pl.col("_given_up"))
        self._media.add(tables)
        core = as_core(messages, of(messages, {name: rows for name, rows in tables.items() if name in FOLLOWING}))
        legs = core["messages"].select("_leg", at=pl.col("_at").min().over("_leg")).drop_nulls()
        self._decided |= set(legs.filter(pl.col("at") < self._decides())["_leg"].unique())
        links = core["links"]
        self._add({**core, "links": links.filter(pl.col("_leg").is_in(list(self._decided)))})

    def held(self) -> Tables:
        """What is alive, for :meth:`go_on`: rows as the core gave them."""
        import polars as pl

        found = {**self._core, **self._with_early()}
        latest = max((latest for latest, _ in self._early), default=0)
        found["decided"] = pl.DataFrame({"_leg": sorted(self._decided)}, schema={"_leg": pl.Int64})
        found |= self._media.held()
        found["read"] = pl.DataFrame(
            {"latest": [latest], "at": [self._at]}, schema={"latest": pl.Int64, "at": pl.Int64}
        )
        return found

    def go_on(self, held: Mapping[str, pl.DataFrame]) -> None:
        """Takes in what :meth:`held` gave."""
        latest, self._at = held["read"].row(0)
        self._early = [(latest, {name: held[name] for name in _EARLY})]
        self._decided = set(held["decided"]["_leg"])
        self._media.add(held)
        self._core = {name: rows for name, rows in held.items() if name in (*OF_CORE, "messages")}

    def _decides(self) -> int:
        return (self.end or 0) - units.LINKED

    def _add(self, core: Mapping[str, pl.DataFrame]) -> None:
        import polars as pl

        for name, rows in core.items():
            known = self._core.get(name)
            self._core[name] = rows if known is None else pl.concat([known, rows.select(known.columns)])

    def restore_failures(self, rows: pl.DataFrame) -> None:
        """Takes in broken transports."""
        import polars as pl

        self._failures = rows if self._failures is None else pl.concat([self._failures, rows])

    def settled(self, *, until: int | None = None, all_of_it: bool = False) -> Iterator[Settled]:
        """The units that are over, which are forgotten; with ``all_of_it`` those that are alive too, which are not.

        ``until``: messages before this time (ns) have come; None where all have.
        """
        import polars as pl

        if not self._core or self.end is None or (self._core["messages"].is_empty() and not self._media.any):
            return
        self._core |= self._with_early()
        raw, young = self._looked_at(all_of_it=all_of_it)
        if raw.is_empty() and not (all_of_it and self._media.any):
            return
        if not raw.select(pl.struct(ORDER).is_sorted()).item():
            raw = raw.sort(ORDER, maintain_order=True)
        graph = self._graph(raw)
        messages = self._messages(raw, graph)
        found = units.over(messages, graph, self.end, self._max_idle)
        of_media, heard = self._media.of_units(messages, graph, self.end)
        alive = pl.concat([messages.filter("_given_up")["_unit"], heard]).unique()
        found = found.with_columns(over=pl.col("over") & ~pl.col("_unit").is_in(alive.implode()))
        links = graph["leg_correlation"]
        of_links = messages.select("_unit", _leg=_MENDED_LEG).drop_nulls().unique("_leg")
        tables = {name: _in_order(name, graph, messages) for name in DERIVED if name != "streams"}
        tables |= {name: self._core[name] for name in FOLLOWING if name in self._core}
        tables |= of_media
        tables["links"] = links.join(of_links, on="_leg", how="left", maintain_order="left")
        odd = graph["odd_messages"]
        tables["odd"] = odd.select(raw["message"].gather(odd["row"]), "code", "detail")
        # What they were made of takes as much room as they do.
        graph.made.clear()
        graph.inputs.clear()
        # Registrations and subscriptions go on for days: apart from calls, which are left alone then.
        of_calls = messages.filter(pl.col("call").is_not_null())["_unit"].unique()
        found = found.with_columns(hour=_hour(pl.col("begin")), calls=pl.col("_unit").is_in(of_calls.implode()))
        written = (found if all_of_it else found.filter("over")).sort("begin", "_unit")
        kinds = ["over", "hour", "calls"]
        # To write takes room by the rows that are written at a time.
        written = written.with_columns(part=pl.col("rows").cum_sum().over(kinds) // _PART)
        for (over, hour, *_), of_hour in written.group_by(*kinds, "part", maintain_order=True):
            chosen = _among(messages, "_unit", of_hour["_unit"])
            yield Settled(str(hour), {**of(chosen, tables), "messages": chosen.drop(_MENDED_LEG)}, open=not over)
        for hour, goes_on, rows in self._media.of_none(all_of_it=all_of_it):
            yield Settled(hour, {**of(messages.drop(_MENDED_LEG).clear(), tables), **rows}, open=goes_on)
        self._media.forget(found.filter("over")["_unit"])
        self._forget(messages, young, found, tables["links"], until)

    def _looked_at(self, *, all_of_it: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The messages that are looked at, and those that wait: of Call-IDs that began so lately that nothing which may
        be over is linked to them. None are looked at while nothing can be over."""
        import polars as pl

        messages = self._core["messages"]
        if all_of_it:
            return messages, messages.clear()
        end = self.end or 0
        spans = messages.group_by(node=pl.coalesce("_call", "message")).agg(
            begin=pl.col("_at").min(), last=pl.col("_at").max(), rows=pl.len()
        )
        over = spans.filter(pl.col("last") < end - units.LINGER)["rows"].sum()
        if over < _WORTH * self._worth and not self._media.many:
            return messages.clear(), messages
        waits = spans.filter(pl.col("begin") >= end - units.LINKED)["node"]
        young = messages.select(pl.coalesce("_call", "message").is_in(waits.implode())).to_series()
        return messages.filter(~young), messages.filter(young)

    def _with_early(self) -> Tables:
        import polars as pl

        found: Tables = {}
        for name in _EARLY:
            tables = [self._core[name]] if name in self._core else []
            tables += [early[name] for _, early in self._early if name in early]
            if tables:
                found[name] = pl.concat([table.select(tables[0].columns) for table in tables]).unique(
                    maintain_order=True
                )
        return found

    def _graph(self, raw: pl.DataFrame) -> Graph:
        import polars as pl

        end = pl.Series([self.end], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
        files = pl.DataFrame({"last_at": end, "ended_at": end})
        none = pl.DataFrame(schema=schema.ACCOUNT.polars())
        core = {**self._core, "messages": raw.drop(OWN), "files": files, "account": none} | self._media.core()
        given: dict[str, Any] = {"node_overrides": (), "clocks_aligned": False, "digits_shown": False}
        given |= {"read_companions": None, "transport_failures": self._failures}
        graph = _Graph(inputs_of(core) | given)
        if not self._decided:
            return graph
        # What was decided rests on what may be gone by now; so does that there is no link.
        new = graph["leg_correlation"].filter(~pl.col("_leg").is_in(list(self._decided)))
        known = self._core["links"].select(new.columns) if "links" in self._core else new.clear()
        return _Graph(graph.inputs | {"leg_correlation": pl.concat([known, new])})

    def _messages(self, raw: pl.DataFrame, graph: Graph) -> pl.DataFrame:
        """The table ``messages`` of the store: what the core gives, and what the public table has besides."""
        public = graph["messages"]
        return raw.with_columns(
            *public["dialog", "call", *MENDED],
            *(raw[name].alias(kept) for name, kept in MENDED.items()),
            graph["core_messages"]["_leg"].alias(_MENDED_LEG),
            units.of_messages(raw, graph),
        )

    def _forget(
        self, messages: pl.DataFrame, young: pl.DataFrame, found: pl.DataFrame, links: pl.DataFrame, until: int | None
    ) -> None:
        import polars as pl

        kept = _among(messages, "_unit", found.filter(~pl.col("over"))["_unit"])
        # Links of legs that began lately are found anew.
        legs = kept.select(pl.col("_at").min().over(_MENDED_LEG), _MENDED_LEG).drop_nulls()
        self._decided = set(legs.filter(pl.col("_at") < self._decides())[_MENDED_LEG].unique())
        links = links.filter(pl.col("_leg").is_in(list(self._decided)))
        core = as_core(kept, of(kept, {**self._core, "links": links}))
        if young.height:
            following = {name: rows for name, rows in self._core.items() if name not in ("links", "messages")}
            core["messages"] = pl.concat([core["messages"], young.select(core["messages"].columns)])
            core |= of(core["messages"], following) | {"messages": core["messages"]}
        self._core = core
        self._early = [(latest, tables) for latest, tables in self._early if until is not None and latest >= until]
        held = self._core["messages"]["_at"].cast(pl.Int64)
        if self._failures is not None and held.len():
            since = held.sort().head(1).to_list()[0] - _NEAR_FAILURES
            self._failures = self._failures.filter(pl.col("time").cast(pl.Int64) >= since)


class _Graph(Graph):
    """What was heard of calls is told of each, whether media of others were captured so far or not."""

    def _make(self, found: Node, name: str) -> Any:
        if name == "calls":
            from analyzer.media.calls import heard

            return heard(self["bare_calls"], self["streams"], self["announced_media"])
        return super()._make(found, name)


#: The leg of a message as it is mended; not kept.
_MENDED_LEG = "_mended_leg"


def as_core(messages: pl.DataFrame, following: Mapping[str, pl.DataFrame]) -> Tables:
    """Rows of the store as the core gave them."""
    own = messages.drop(MENDED).rename({kept: name for name, kept in MENDED.items()})
    own = own.drop("dialog", "call", "_unit", _MENDED_LEG, strict=False)
    found = {name: rows for name, rows in following.items() if name in (*OF_CORE, "messages")}
    return {**found, "messages": own}


def of(messages: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> Tables:
    """The rows of these messages: ``messages`` itself, what follows them, and the tables that have their keys."""
    found: Tables = {"messages": messages}
    for name, rows in tables.items():
        if name != "messages":
            own, theirs = FOLLOWING.get(name) or (
                "message" if name == "odd" else schema.TABLES[name].names[0],
                "message",
            )
            found[name] = _among(rows, own, messages[theirs].unique().drop_nulls())
    return found


def _among(rows: pl.DataFrame, column: str, keys: pl.Series) -> pl.DataFrame:
    """The rows that have one of these keys; all are not copied."""
    mask = rows[column].is_in(keys.implode()).fill_null(value=False)
    return rows if mask.all() else rows.filter(mask)


def _hour(at: pl.Expr) -> pl.Expr:
    import polars as pl

    return at.cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H")


def _in_order(name: str, graph: Graph, messages: pl.DataFrame) -> pl.DataFrame:
    """A table with the place of each row in the order of the whole: that of the message whose key it has, or, of a
    registration, that of its first REGISTER at the reference hop."""
    import polars as pl

    key = schema.TABLES[name].names[0]
    places = messages.select("message", *ORDER)
    if name == "registrations":
        first = graph["registers"].unique(key, keep="first", maintain_order=True).select(pl.col(key), "message")
        places = first.join(places, on="message", how="left").select(pl.col(key).alias("message"), *ORDER)
    found: pl.DataFrame = graph[name]
    return found.join(places, left_on=key, right_on="message", how="left", maintain_order="left")
