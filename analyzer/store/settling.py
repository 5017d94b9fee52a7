"""From windows of messages to parts of the store: what is over is written and forgotten, what is alive is carried on.

:class:`Settling` is fed by whoever reads, files or a wire: windows of the core in, rows of hours out. What is alive
lies on a shelf (:mod:`analyzer.store.shelf`), so its memory grows with what it works on at a time and, by a little,
with the messages of the last minutes.

A look has two steps. Which Call-IDs may have to do with each other is found in a few columns of what came lately
(:meth:`Settling._relate`): it rests on what happened around them. Then the rows of those that may be over are read,
some at a time, and every table is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.graph.graph import Graph, inputs_of
from analyzer.store import units
from analyzer.store.core_tables import columns_of
from analyzer.store.layout import DERIVED
from analyzer.store.media import Media
from analyzer.store.media import as_core as media_as_core
from analyzer.store.shelf import OF_CORE, Shelf, Tables, among, node, of, types

if TYPE_CHECKING:
    import polars as pl

    from analyzer.graph.node import Node
    from analyzer.reading.windows import Window

#: Those of them that the core hands out before the messages, and a row once or more often.
_EARLY = ("descriptions", "evidence", "via_tails")
#: Those whose rows are of several messages: they may be in several chunks.
_OFTEN = ("descriptions", "evidence")
#: Columns that identities are mended in (``analyzer.sip.identities``): ``messages`` has them as they are told, and
#: under these names as the core gives them.
MENDED = {"transaction": "_transaction", "retransmission": "_retransmission"}
#: The place of a row in the order of the whole.
ORDER = ("_at", "_order")
#: What the store knows of a message beside what the core does: its place, and that it was given up for nothing came.
OWN = (*ORDER, "_given_up")
#: What decides which Call-IDs have to do with each other, beside the texts that :func:`brief` leaves out.
NARROW = {
    "messages": [
        *("message", "original", "duplicate", "retransmission", "transaction", "time", "first_byte_at", "complete"),
        *("src_ip", "src_port", "dst_ip", "dst_port", "method", "status", "cseq", "rseq", "via_count"),
        *("via_branch", "request_uri", "from_uri", "from_tag", "to_uri", "to_tag", "asserted_identity"),
        *("preferred_identity", "refer_to", "_call", "_dialog", "_leg", "_point"),
        *OWN,
    ],
    "evidence": ["_leg", "kind", "value", "text"],
}
_SECURITY = ["_security_client", "_security_server"]
#: The same where there are security associations.
_SECURED = {
    "messages": [*NARROW["messages"], "call_id", "spi", "contact_expires", "expires"],
    "evidence": NARROW["evidence"],
    "ims_headers": ["message", *_SECURITY],
}
_BESIDE = ("evidence", "ims_headers")
_URIS = ["request_uri", "from_uri", "to_uri", "asserted_identity", "preferred_identity", "refer_to"]
#: Units are looked at where so much may be over, as a share of what is worth it, and of what is held.
_WORTH, _SHARE = 0.5, 0.3
#: Messages that tables are made of at a time, and messages in a part, about.
_AT_A_TIME = _PART = 75_000
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
    """The units that are alive; their rows lie in ``folder``, in memory where none is given."""

    def __init__(
        self, max_idle_s: float, order: int = 0, end: int | None = None, worth: int = 0, folder: Path | None = None
    ) -> None:
        import polars as pl

        #: All links of legs, where they are known; else they are found.
        self._known_links: pl.DataFrame | None = None
        #: Units are looked for when so many messages may be of some that are over.
        self._worth = worth
        self._max_idle = int(max_idle_s * SECOND)
        #: Rows of units that are alive: messages as the core gives them and :data:`OWN`, and what follows them.
        self._shelf = Shelf(folder)
        #: Legs whose links will not change any more, and these links.
        self._decided = pl.Series(dtype=pl.Int64)
        self._links = pl.DataFrame(schema=types(_LINKS))
        #: Messages that are odd beside those of other units.
        self._odd = pl.DataFrame(schema=types(_ODD))
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
        return self._shelf.rows

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
        early = of(messages, self._came_early())
        del early["messages"]
        early = {name: rows.unique(maintain_order=True) for name, rows in early.items()}
        following = {name: core[name] for name in OF_CORE if name in core and name not in _EARLY}
        self._shelf.add({**early, **following, "messages": messages})
        self._media.take(core, last=window.last)
        if "descriptions" in early:
            self._media.claim(messages, early["descriptions"])
        self._early = [
            (latest, tables) for latest, tables in self._early if window.until is not None and latest >= window.until
        ]
        self.restore_failures(core["failures"])
        if end is not None:
            self.end = end if self.end is None else max(self.end, end)

    def take_whole(
        self, tables: Mapping[str, pl.DataFrame], links: pl.DataFrame, media: Mapping[str, pl.DataFrame]
    ) -> None:
        """Takes in units that are whole: messages with :data:`OWN` and what follows them, as the core gave them, all
        links of their legs, and all media that they may claim, as :func:`analyzer.store.media.found` has them."""
        self._shelf.add(tables)
        self._known_links = links.select(list(_LINKS))
        self._media.claim(tables["messages"], tables["descriptions"])
        self.take_media(media)

    def take_media(self, media: Mapping[str, pl.DataFrame]) -> None:
        """Takes in all media there will be."""
        self._media.take_whole(media)

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Takes in units that go on, as the store has them, without what was given up."""
        import polars as pl

        from analyzer.ims.security_associations import OUTSIDE

        messages = tables["messages"].filter(~pl.col("_given_up"))
        self._media.add(tables)
        core = as_core(messages, of(messages, {name: rows for name, rows in tables.items() if name in OF_CORE}))
        self._media.claim(core["messages"], core["descriptions"])
        legs = core["messages"].select("_leg", at=pl.col("_at").min().over("_leg")).drop_nulls()
        decided = legs.filter(pl.col("at") < self._decides())["_leg"].unique()
        self._decided = pl.concat([self._decided, decided]).unique()
        links = core.pop("links").select(list(_LINKS))
        self._links = pl.concat([self._links, links.filter(pl.col("_leg").is_in(decided.implode()))]).unique()
        odd = tables["odd"].filter(pl.col("message").is_in(messages["message"].implode()))
        odd = odd.filter(pl.col("code") == OUTSIDE)
        self._odd = pl.concat([self._odd, odd.select(list(_ODD))]).unique()
        self._shelf.add(core)

    def held(self) -> Tables:
        """What is known of what is alive, for :meth:`go_on`; its rows are the files of :meth:`chunks`."""
        import polars as pl

        latest = max((latest for latest, _ in self._early), default=0)
        read = pl.DataFrame({"latest": [latest], "at": [self._at]}, schema={"latest": pl.Int64, "at": pl.Int64})
        known = {"spans": self._shelf.spans, "decided": self._decided.to_frame("_leg"), "links": self._links}
        return {**self._came_early(), **known, **self._media.held(), "odd": self._odd, "read": read}

    def chunks(self) -> list[str]:
        """The names of the files that a commit rests on, from now on."""
        return self._shelf.committed()

    def go_on(self, held: Mapping[str, pl.DataFrame], chunks: list[str]) -> None:
        """Takes in what :meth:`held` and :meth:`chunks` gave."""
        latest, self._at = held["read"].row(0)
        self._early = [(latest, {name: held[name] for name in _EARLY if name in held})]
        self._decided, self._links, self._odd = held["decided"]["_leg"], held["links"], held["odd"]
        self._shelf.go_on(held["spans"], chunks)
        self._media.go_on(held)

    def _decides(self) -> int:
        return (self.end or 0) - units.LINKED

    def restore_failures(self, rows: pl.DataFrame) -> None:
        """Takes in broken transports."""
        import polars as pl

        self._failures = rows if self._failures is None else pl.concat([self._failures, rows])

    def settled(self, *, all_of_it: bool = False) -> Iterator[Settled]:
        """The units that are over, which are forgotten; with ``all_of_it`` those that are alive too, which are not."""
        if self.end is None or (self._shelf.spans.is_empty() and not self._media.any):
            return
        worth = max(_WORTH * self._worth, _SHARE * self.messages if self._worth else 0)
        ready = self._ready()["rows"].sum()
        if not all_of_it and ready < worth and not self._media.many:
            return
        if all_of_it and self._worth and ready > worth / 2:
            # Less is looked at with the rest then.
            yield from self._settle(all_of_it=False)
        yield from self._settle(all_of_it=all_of_it)

    def _settle(self, *, all_of_it: bool) -> Iterator[Settled]:
        """Looks what is over."""
        import polars as pl

        pairs = self._media.look()
        links = self._relate(pairs, all_of_it=all_of_it)
        ready = self._ready(all_of_it=all_of_it)
        if not all_of_it:
            heard = self._shelf.spans.filter(pl.col("node").is_in(self._media.goes_on().implode()))["unit"]
            ready = ready.filter(~pl.col("unit").is_in(heard.implode()))
        ready = ready.sort("begin", "unit")
        # To make tables takes room by the rows that they are made of, and some time however few these are.
        rows = int(ready["rows"].sum())
        parts = -(-rows // _AT_A_TIME)
        ready = ready.with_columns(part=(pl.col("rows").cum_sum() - 1) * parts // max(rows, 1))
        for _, some in ready.group_by("part", maintain_order=True):
            yield from self._tell(some, links, all_of_it=all_of_it)
        yield from self._tell_media(all_of_it=all_of_it)
        self._shelf.tidy()
        self._forget_failures()

    def _ready(self, *, all_of_it: bool = False) -> pl.DataFrame:
        """The units that may be over: silent for long enough, and not found alive since."""
        import polars as pl

        found = self._shelf.spans.group_by("unit").agg(
            pl.col("rows").cast(pl.Int64).sum(), pl.col("begin").min(), pl.col("last").max(),
            waits=pl.col("parked").all() & (pl.col("wake").max() > self.end),
        )  # fmt: skip
        silent = (pl.col("last") < (self.end or 0) - units.LINGER) & ~pl.col("waits")
        return found if all_of_it else found.filter(silent)

    def _relate(self, pairs: pl.DataFrame, *, all_of_it: bool) -> pl.DataFrame:
        """Finds what belongs together, and what is odd beside others, in what came since it was looked at last; returns
        the links of its legs. What began so lately that nothing which may be over is linked to it waits.

        ``pairs`` are Call-IDs (``node near``) that belong together besides.
        """
        import polars as pl

        spans = self._shelf.spans
        nodes = spans.group_by("node").agg(pl.col("begin").min(), pl.col("parked").all())
        if not all_of_it:
            nodes = nodes.filter(~pl.col("parked"), pl.col("begin") < self._decides())
        secured = self._shelf.any("ims_headers", _SECURITY)
        columns = _SECURED if secured else NARROW
        core = self._shelf.of(nodes["node"], columns, brief(secured=secured), parked=False)
        if not core:
            if pairs.height:
                self._shelf.join(units.least(pl.concat([pairs, spans.select("node", near="unit")])))
            return self._links
        raw = in_order(core.pop("messages"))
        core = {name: core[name] if name in core else pl.DataFrame(schema=columns_of(name)) for name in _BESIDE}
        core["evidence"] = core["evidence"].unique(maintain_order=True)
        graph = Graph(inputs_of(core | {"messages": raw.drop(OWN)}))
        mended: pl.DataFrame = graph["core_messages"]
        links: pl.DataFrame = graph["leg_correlation"] if self._known_links is None else self._known_links
        # What was decided rests on what may be gone by now; so does that there is no link.
        links = pl.concat([self._links, links.filter(~pl.col("_leg").is_in(self._decided.implode()))])
        legs = raw.select("_at").hstack(mended.select("_leg")).drop_nulls().group_by("_leg").agg(pl.col("_at").min())
        decided = legs.filter(pl.col("_at") < self._decides())["_leg"]
        self._decided = pl.concat([self._decided, decided]).unique()
        self._links = links.filter(pl.col("_leg").is_in(self._decided.implode()))
        self._shelf.join(units.may_belong_together(raw, mended, core["evidence"], links, spans, pairs))
        odd = units.odd_beside_others(mended, core["ims_headers"])
        known = self._odd.filter(~pl.col("message").is_in(raw["message"].implode()))
        self._odd = pl.concat([known, odd.select(list(_ODD))])
        return links

    def _tell(self, ready: pl.DataFrame, links: pl.DataFrame, *, all_of_it: bool) -> Iterator[Settled]:
        """The tables of some units, as far as these are over."""
        import polars as pl

        nodes = self._shelf.spans.filter(pl.col("unit").is_in(ready["unit"].implode()))["node"].unique()
        core = self._shelf.of(nodes)
        core |= {name: core[name].unique(maintain_order=True) for name in _OFTEN if name in core}
        raw = in_order(core.pop("messages"))
        lacking = {*OF_CORE} - core.keys() - {"links", "texts"}
        core |= {name: pl.DataFrame(schema=columns_of(name)) for name in lacking}
        media = self._media.core(nodes)
        graph = self._graph(raw, core | media_as_core(media), links)
        messages = self._messages(raw, graph)
        assert self.end is not None
        found = units.over(messages, graph, self.end, self._max_idle)
        of_media, heard = self._media.of_units(media, messages, graph)
        alive = pl.concat([messages.filter("_given_up")["_unit"], heard]).unique()
        found = found.with_columns(over=pl.col("over") & ~pl.col("_unit").is_in(alive.implode()))
        self._media.tell(of_media, found.filter("over")["_unit"])
        of_links = messages.select("_unit", _leg=_MENDED_LEG).drop_nulls().unique("_leg")
        tables = {name: _in_order(name, graph, messages) for name in DERIVED if name != "streams"}
        tables |= core | {name: rows.drop("_row", strict=False) for name, rows in of_media.items()}
        tables["links"] = graph["leg_correlation"].join(of_links, on="_leg", how="left", maintain_order="left")
        own = units.odd_by_themselves(graph["core_messages"])
        tables["odd"] = pl.concat([own, self._odd.filter(pl.col("message").is_in(raw["message"].implode()))])
        # What they were made of takes as much room as they do.
        graph.made.clear()
        graph.inputs.clear()
        # Registrations and subscriptions go on for days: apart from calls, which are left alone then.
        of_calls = messages.filter(pl.col("call").is_not_null())["_unit"].unique()
        found = found.with_columns(hour=_hour(pl.col("begin")), calls=pl.col("_unit").is_in(of_calls.implode()))
        written = (found if all_of_it else found.filter("over")).sort("begin", "_unit")
        kinds = ["over", "hour", "calls"]
        written = written.with_columns(part=pl.col("rows").cum_sum().over(kinds) // _PART)
        for (over, hour, *_), of_hour in written.group_by(*kinds, "part", maintain_order=True):
            chosen = among(messages, "_unit", of_hour["_unit"])
            yield Settled(str(hour), {**of(chosen, tables), "messages": chosen.drop(_MENDED_LEG)}, open=not over)
        self._forget(messages, found, ready, wait=not all_of_it)

    def _tell_media(self, *, all_of_it: bool) -> Iterator[Settled]:
        """The media that are of no unit, as far as no call can claim them any more."""
        import polars as pl

        if self._media.any:
            none = {name: pl.DataFrame(schema=columns_of(name)) for name in OF_CORE if name not in ("links", "texts")}
            raw = pl.DataFrame(
                schema=columns_of("messages") | {"_at": pl.Int64, "_order": pl.Int64, "_given_up": pl.Boolean}
            )
            assert self.end is not None

            def graph(media: Tables) -> Graph:
                return self._graph(raw, none | media_as_core(media), self._links.clear())

            def streams_of(media: Tables) -> pl.DataFrame:
                found: pl.DataFrame = graph(media)["streams"]
                return found

            empty: Tables = {}
            for hour, goes_on, media in self._media.of_none(self.end, streams_of, all_of_it=all_of_it):
                if not empty:
                    made = graph({name: rows.clear() for name, rows in media.items()})
                    messages = self._messages(raw, made).drop(_MENDED_LEG)
                    empty = {name: _in_order(name, made, messages) for name in DERIVED if name != "streams"}
                    empty |= none | {"messages": messages, "links": _no_links(), "odd": self._odd.clear()}
                yield Settled(hour, empty | media, open=goes_on)
        self._media.done()

    def _came_early(self) -> Tables:
        import polars as pl

        found: Tables = {}
        for name in _EARLY:
            if tables := [early[name] for _, early in self._early]:
                found[name] = pl.concat([table.select(tables[0].columns) for table in tables])
        return found

    def _graph(self, raw: pl.DataFrame, core: Tables, links: pl.DataFrame) -> Graph:
        import polars as pl

        end = pl.Series([self.end], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
        files = pl.DataFrame({"last_at": end, "ended_at": end})
        none = pl.DataFrame(schema=schema.ACCOUNT.polars())
        inputs = inputs_of({**core, "messages": raw.drop(OWN), "files": files, "account": none})
        legs = inputs["core_messages"]["_leg"].unique()
        given: dict[str, Any] = {"node_overrides": (), "clocks_aligned": False, "digits_shown": False}
        given |= {"read_companions": None, "transport_failures": self._failures}
        return _Graph(inputs | given | {"leg_correlation": links.filter(pl.col("_leg").is_in(legs.implode()))})

    def _messages(self, raw: pl.DataFrame, graph: Graph) -> pl.DataFrame:
        """The table ``messages`` of the store: what the core gives, and what the public table has besides."""
        public = graph["messages"]
        return raw.with_columns(
            *public["dialog", "call", *MENDED],
            *(raw[name].alias(kept) for name, kept in MENDED.items()),
            graph["core_messages"]["_leg"].alias(_MENDED_LEG),
            units.of_messages(raw, graph),
        )

    def _forget(self, messages: pl.DataFrame, found: pl.DataFrame, ready: pl.DataFrame, *, wait: bool) -> None:
        """Forgets what is over; the rest of what was looked at may ``wait``."""
        import polars as pl

        over = found.filter("over")["_unit"]
        theirs = messages.select(_MENDED_LEG, "message", node=node(), over=pl.col("_unit").is_in(over.implode()))
        gone = theirs.filter("over")
        self._shelf.forget(gone["node"].unique())
        self._media.forget(gone["node"].unique())
        self._decided = self._decided.filter(~self._decided.is_in(gone[_MENDED_LEG].unique().drop_nulls().implode()))
        self._links = self._links.filter(pl.col("_leg").is_in(self._decided.implode()))
        self._odd = self._odd.filter(~pl.col("message").is_in(gone["message"].implode()))
        if wait:
            # Those that are silent for long are looked at again ever less often, until they were for too long.
            end, last = pl.lit(self.end), pl.col("last")
            wake = ready.select("unit", wake=pl.min_horizontal(2 * end - last, last + self._max_idle))
            self._shelf.park(theirs.filter(~pl.col("over"))["node"].unique(), wake)

    def _forget_failures(self) -> None:
        import polars as pl

        begin = self._shelf.spans["begin"].min()
        if self._failures is not None and begin is not None:
            since = pl.lit(begin) - _NEAR_FAILURES
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
_LINKS = {
    "_leg": "Int64", "_leg_from": "Int64", "_call": "Int64", "_call_from": "Int64", "node_in": "String",
    "node_out": "String",
}  # fmt: skip
_ODD = {"message": "Int64", "code": "String", "detail": "String"}


def brief(*, secured: bool = False) -> list[pl.Expr]:
    """The URIs of messages that open or replace a dialog, answer an INVITE with success, or were cut: links rest on no
    others. Where there are security associations (``secured``), those of all requests, and their Call-IDs."""
    import polars as pl

    opens = pl.lit(value=True) if secured else pl.col("to_tag").is_null() | pl.col("method").is_in(["INVITE", "REFER"])
    success = (pl.col("method") == "INVITE") & pl.col("status").is_between(200, 299)
    said = pl.when(pl.col("status").is_null()).then(opens).otherwise(pl.col("to_tag").is_null() | success)
    return [pl.when(said | ~pl.col("complete")).then(pl.col([*_URIS, "call_id"] if secured else _URIS))]


def in_order(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages in the order of the whole."""
    import polars as pl

    ordered = messages.select(pl.struct(ORDER).is_sorted()).item()
    return messages if ordered else messages.sort(ORDER, maintain_order=True)


def as_core(messages: pl.DataFrame, following: Mapping[str, pl.DataFrame]) -> Tables:
    """Rows of the store as the core gave them."""
    own = messages.drop(MENDED).rename({kept: name for name, kept in MENDED.items()})
    own = own.drop("dialog", "call", "_unit", _MENDED_LEG, strict=False)
    found = {name: rows for name, rows in following.items() if name in OF_CORE}
    return {**found, "messages": own}


def _no_links() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema=types(_LINKS | {"_unit": "Int64"}))


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
