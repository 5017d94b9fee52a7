"""The source that a store is: tables that it keeps are read, the others are made of as much of it as they rest on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api.graph_source import GraphSource
from analyzer.api.source import FilteredSource, Source, one_piece
from analyzer.errors import AnalyzerError
from analyzer.graph.graph import Graph, headers_below, inputs_of, node_of
from analyzer.graph.node import ALWAYS_READ, CORE, INPUTS, WIDE, Node, carries
from analyzer.schema.table import ESTIMATE, LOCAL
from analyzer.store.damage import unreadable
from analyzer.store.kept import Kept, KeptReading
from analyzer.store.layout import DERIVED, MEDIA, WHOLE
from analyzer.store.settling import ORDER

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.filters import Filter
    from analyzer.ims.node_overrides import Entry

#: Nodes that are read and not made.
_READY = frozenset(
    {
        *(*DERIVED, "messages", "account", "leg_correlation", "problem_count", "call_of", "announced_media"),
        *("sip_ways", "last_message_at", "problems"),
    }
)
#: So many messages around a call, about, tell what nodes are and what rules find in it. A store of no more is looked at
#: whole.
_AROUND = 50_000
#: Messages of a piece, about, of which estimates are made.
_ESTIMATED = 200_000
#: Reasons of the account for packets that the captures are read again for, and for media.
_READ_AGAIN, _MEDIA = "diameter|dns$", "rtp|rtcp"


class StoreSource(GraphSource):
    """The tables of a store."""

    _graph: StoreGraph

    def __init__(self, reading: KeptReading, overrides: tuple[Entry, ...] = (), *, digits: bool = False) -> None:
        self._kept = reading.kept
        graph = StoreGraph(
            reading.kept,
            {
                "node_overrides": overrides,
                "clocks_aligned": False,
                "digits_shown": digits,
                "read_companions": reading.companions,
                "max_problems_per_code": reading.max_problems_per_code,
            },
        )
        super().__init__(graph, reading)  # type: ignore[arg-type]
        graph.pieces = self._graphs
        self._overrides = overrides
        self._masked = bool(self._kept.manifest.options.get("masked"))
        #: The source of the whole store, where this one is of some hours.
        self._all: Source | None = None
        self._unit: _Unit | None = None
        #: The source of what is around the call that was looked at last.
        self._around: tuple[int, StoreSource] | None = None

    @property
    def messages_read(self) -> int:
        return sum(part.messages for part in self._kept.parts)

    def _read_for(self, name: str) -> None:
        if self._masked:
            if name not in schema.TABLES:
                raise AnalyzerError(f"{self._kept.folder}: is masked: it has its tables and nothing else")
            return
        self._graph.want(_columns_below(name, self._graph["core_account"]))
        self._read_headers(headers_below([name]))

    @property
    def whole(self) -> Source:
        return self._all or self

    def filtered(self, chosen: Filter) -> Source:
        chosen = chosen.resolved(max((part.last for part in self._kept.parts), default=0))
        since, until = chosen.window
        if since is None and until is None:
            return FilteredSource(self, chosen)
        # Hours in which nothing of it can be are not read. What is estimated is so over the hours that are.
        narrow = self._of(self._kept.between(since, until))
        if {*chosen.given} <= {"since", "until"} and not self._masked:
            return _Started(narrow, chosen)
        return FilteredSource(narrow, chosen)

    def lean_messages(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        from analyzer.show.summary import OF_MESSAGES

        if "messages" in self._graph.made:
            return super().lean_messages(columns)
        if tuple(columns) == OF_MESSAGES:
            # For counts.
            return self._kept.rows("messages", list(columns), ordered=False).select(columns)
        lean = [name for name in schema.MESSAGES.names if name in ALWAYS_READ]
        return self._kept.rows("messages", list(columns or lean)).select(columns or lean)

    def scan(self, name: str) -> pl.LazyFrame:
        if name not in ("messages", *DERIVED) or name in self._graph.made:
            return super().scan(name)
        found = self._kept.scan(name, *ORDER).sort(ORDER, maintain_order=True)
        if name == "calls":
            numbers = self._kept.numbers().lazy().drop("part")
            found = found.join(numbers, on="call", how="left", maintain_order="left")
        return found.select(schema.TABLES[name].names)

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        # Tables of a masked store that are not kept in parts are kept whole.
        # One at a time: what was made of a piece goes with it.
        return one_piece(self) if self._masked else (self._piece(kept) for kept in self._kept.pieces())

    def _piece(self, kept: Kept) -> Callable[[str], pl.LazyFrame]:
        """The tables of some parts: kept ones as they are asked for, others made of these parts; an estimate is that of
        all."""
        own: list[StoreSource] = []

        def table(name: str) -> pl.LazyFrame:
            if name in ("messages", *DERIVED):
                return kept.scan(name)
            # Of calls without media nothing more is known, whoever else sent some.
            apart = schema.TABLES[name].scope is LOCAL or (name == "call_media" and not kept.manifest.media)
            if not apart or name in WHOLE:
                return self.table(name).lazy()
            own[:] = own or [self._of(kept)]
            return own[0].table(name).lazy()

        return table

    def _graphs(self, name: str) -> Iterator[Graph]:
        """Pieces with what a table rests on."""
        for kept in self._kept.pieces(_ESTIMATED):
            piece = self._of(kept)
            piece._read_for(name)
            piece._graph.pieces = None
            yield piece._graph

    def _of(self, kept: Kept) -> StoreSource:
        """What some of its parts hold."""
        found = StoreSource(KeptReading(kept), self._overrides, digits=self._graph["digits_shown"])
        found._all = self.whole
        return found

    def failing_nodes(self) -> pl.DataFrame:
        if self._masked:
            return self.table("call_failures").select("call", "failing_node")
        if "failing_nodes" not in self._graph.made:
            import polars as pl

            from analyzer.sip.outcomes import has_failed

            # It is of each call by itself.
            failed = self.table("calls").filter(has_failed())["call"]
            pieces = (self._of(kept.of_calls(failed)) for kept in self._kept.pieces())
            self._graph.made["failing_nodes"] = pl.concat([GraphSource.failing_nodes(piece) for piece in pieces])
        return super().failing_nodes()

    def problem_count(self) -> int:
        return self.table("problems").height if self._masked else super().problem_count()

    def headers_of(self, *names: str) -> pl.DataFrame:
        if self._masked:
            raise AnalyzerError(f"{self._kept.folder}: is masked: it has its tables and no other header fields")
        return super().headers_of(*names)

    def texts(self, keys: Sequence[int]) -> list[bytes]:
        if not self._kept.manifest.options.get("keep_text"):
            return super().texts(keys)
        found = self._kept.texts(list(keys))
        return [found[key] for key in keys]

    def table_around(self, calls: Collection[int], name: str) -> pl.DataFrame:
        if len(calls) > 1 or self._masked or name in self._graph.made or name not in schema.TABLES:
            return self.table(name)
        (call,) = calls
        if (near := self._near(call)) is not self:
            return near.table_around(calls, name)
        if name in DERIVED:
            return self.table(name)
        if self._unit is None or self._unit.call != call:
            self._unit = _Unit(self, self._graph, self._kept, call)
        found: pl.DataFrame = self._unit[name]
        return found

    def _near(self, call: int) -> StoreSource:
        """The parts of about as many messages as tell of a call: that of the call, and those next to it in time."""
        if self.messages_read <= 2 * _AROUND or (part := self._kept.part_of(call)) is None:
            return self
        if self._around is None or self._around[0] != part.number:
            kept = self._kept.around(part, _AROUND)
            # A part may have more by itself.
            is_all = len(kept.parts) == len(self._kept.parts)
            self._around = (part.number, self if is_all else self._of(kept))
        return self._around[1]

    @property
    def left_out(self) -> str:
        """What cannot be told, in a sentence; nothing where all can."""
        gone = self._kept.gone
        account = self._kept.whole("account")["reason"]
        said = []
        if self._kept.manifest.media_from > 1 and account.str.contains(_MEDIA).any():
            said.append("media of captures that an older version read are not in this store")
        if gone and account.str.contains(_READ_AGAIN).any():
            said.append(f"{gone} of the captures are gone: Diameter and DNS, which are only in these, are left out")
        if self._kept.damage:
            said.append(str(self._kept.damage))
        return "; ".join(said)

    def found_damage(self) -> bool:
        """Whether parts have to be left out that were not known to be damaged; after an error in reading."""
        return self._kept.found_damage()

    @property
    def damaged(self) -> bool:
        """A file of the store could not be read."""
        return bool(self._kept.damage)

    def __str__(self) -> str:
        return f"{self._kept.folder}: {self.messages_read} messages"


class _Started(FilteredSource):
    """What began in a window of time; calls are told without a look at their messages, and most hours in pieces without
    a look at what began when."""

    _inner: StoreSource

    def __init__(self, inner: StoreSource, chosen: Filter) -> None:
        self._inner, self._chosen = inner, chosen
        self._made: dict[str, pl.DataFrame] = {}

    @cached_property
    def _picked(self) -> dict[str, pl.DataFrame]:  # type: ignore[override]
        return FilteredSource(self._inner, self._chosen)._picked

    def scan(self, name: str) -> pl.LazyFrame:
        return self.table(name).lazy() if name == "calls" else super().scan(name)

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        if not self._inner._kept.parts:
            return super().pieces()
        return (self._piece(kept, within=within) for kept, within in self._hours())

    def _hours(self) -> Iterator[tuple[Kept, bool]]:
        """The store in pieces, and whether all of a piece began in the window."""
        import polars as pl

        edges, inside = self._inner._kept.parted(*self._chosen.window)
        for some in (edges, inside):
            for kept in some.pieces():
                # What has no time did not begin in any.
                timeless = pl.col("time").null_count() > 0
                within = some is inside and not kept.scan("messages").select(timeless).collect().item()
                if kept.parts:
                    yield kept, within

    def _piece(self, kept: Kept, *, within: bool) -> Callable[[str], pl.LazyFrame]:
        whole, made = self._inner._piece(kept), list[FilteredSource]()

        def table(name: str) -> pl.LazyFrame:
            if name in WHOLE:
                return self.table(name).lazy()
            if within or schema.TABLES[name].scope is ESTIMATE:
                return whole(name)
            made[:] = made or [FilteredSource(self._inner._of(kept), self._chosen)]
            return made[0].scan(name)

        return table

    def _files(self) -> pl.DataFrame:
        """The files with messages of what began then, found in pieces."""
        import polars as pl

        from analyzer.api.dependents import FRAMES, of_frames

        found = []
        for kept, within in self._hours():
            if within:
                found.append(kept.scan("messages").select("file").unique().collect(engine="streaming"))
            else:
                picked = FilteredSource(self._inner._of(kept), self._chosen)._picked
                found.append(picked[FRAMES].select("file").unique())
        files = self._inner.table("files")
        return of_frames("files", files, pl.concat([files.select("file").clear(), *found]))

    def table(self, name: str) -> pl.DataFrame:
        import polars as pl

        if name == "files" and "_picked" not in self.__dict__:
            if name not in self._made:
                self._made[name] = self._files()
            return self._made[name]
        if name == "calls" and "_picked" not in self.__dict__:
            calls = self._inner.table(name)
            if not calls["started_at"].null_count():
                since, until = self._chosen.window
                at = pl.col("started_at").cast(pl.Int64)
                begun = pl.lit(value=True) if since is None else at >= since
                return calls.filter(begun, pl.lit(value=True) if until is None else at < until)
        return super().table(name)


class StoreGraph(Graph):
    """The graph over a store: what is kept ready is read, the rest is made. Tables of the core are read when a node
    needs them."""

    def __init__(self, kept: Kept, inputs: dict[str, Any]) -> None:
        super().__init__(inputs)
        self._kept = kept
        #: The columns of the core that the tables rest on that were asked for, ``None`` for all.
        self._columns: set[str] | None = set()
        #: Gives the graphs of pieces of whole calls, read for a table; without it there are none.
        self.pieces: Callable[[str], Iterator[Graph]] | None = None
        #: The messages with columns that were read before.
        self._messages: pl.DataFrame | None = None

    def want(self, columns: set[str] | None) -> None:
        """Has these columns read as well, ``None`` for all, where something needs their table."""
        if self._columns is None or (columns is not None and columns <= self._columns):
            return
        self._columns = None if columns is None else self._columns | columns
        self._messages = self.inputs.get("core_messages", self._messages)
        self.inputs = {name: rows for name, rows in self.inputs.items() if name not in WIDE}

    def __getitem__(self, name: str) -> Any:
        if name in CORE and name not in self.inputs:
            self.inputs = self.inputs | self._read(CORE[name])
        return super().__getitem__(name)

    def _read(self, table: str) -> dict[str, Any]:
        """The inputs that a table of the core gives."""
        import polars as pl

        if table in MEDIA:
            return inputs_of(self._kept.media())
        if table == "failures":
            rows = self._kept.failures()
        elif table == "tls_connections":
            rows = self._kept.tls()
        elif table in WHOLE:
            rows = self._kept.whole(table)
            if table == "account" and self._kept.gone:
                # As if there were none: what was beside SIP is only in the captures.
                rows = rows.filter(~pl.col("reason").str.contains(_READ_AGAIN))
        elif table == "messages" and self._messages is not None:
            return {"core_messages": self._kept.with_columns(self._messages, self._columns)}
        else:
            rows = self._kept.core(table, self._columns)
        return inputs_of({table: rows})

    def _make(self, found: Node, name: str) -> Any:
        import polars as pl

        if self._kept.manifest.options.get("masked") and name in schema.TABLES and name not in _READY:
            return self._kept.whole(name)
        if name == "account":
            return self._kept.whole(name).select(schema.ACCOUNT.names)
        if name == "leg_correlation":
            return self._kept.links()
        if name == "call_of":
            return self._kept.rows("messages", ["call"])["call"]
        if name == "announced_media" and self._kept.lent_tags:
            self.want({*ALWAYS_READ, *(found.columns or ())})
        elif name == "announced_media":
            from analyzer.media.announced import announced_media

            messages = self._kept.scan("messages", "_sdp", "_leg")
            return announced_media(messages, self._kept.core("descriptions", None), pl.col("call"))
        if name == "sip_ways":
            ways = self._kept.scan("messages").select("src_ip", "dst_ip").unique().sort("src_ip", "dst_ip")
            return ways.collect(engine="streaming")
        if name == "last_message_at":
            return max((part.last for part in self._kept.parts), default=None)
        if name == "problems":
            return self._problems()
        if name == "problem_count":
            from analyzer.sip import problems

            return problems.count(self["core_problems"], self._kept.rows("odd"), self["max_problems_per_code"])
        if (make := self._in_pieces(name)) is not None:
            try:
                return make()
            except unreadable():
                # What is scanned is not looked at from end to end before.
                if not self._kept.found_damage():
                    raise
            return self._make(found, name)
        kept = name in DERIVED or name == "messages"
        return self._kept.table(name) if kept else super()._make(found, name)

    def _in_pieces(self, name: str) -> Callable[[], Any] | None:
        """What makes it of pieces of the store, where that can be done and there are several."""
        from analyzer.api import store_estimates as of

        if self.pieces is None or name not in of.IN_PIECES or not self._kept.is_large(_ESTIMATED):
            return None
        if name == "diagnosis":
            return partial(of.diagnosis, self, self._kept, self.pieces("findings"))
        if name == "explained_failures":
            return partial(of.explained_failures, self, self._kept, self.pieces("call_failures"))
        if name == "found_nodes":
            # Diameter tells roles, too; and a tag that a request lacks is not known before it is read.
            if carries(self["core_account"], "diameter") or self._kept.lent_tags:
                return None
            return partial(of.found_nodes, self["node_overrides"], self._kept, self.pieces("nodes"))
        # Other header fields are in the captures, which are read once for all.
        known = {header.lower() for header in self._kept.manifest.headers}
        if not {header.lower() for header in headers_below([name])} <= known:
            return None
        return partial(of.gathered, name, self._kept, self.pieces(name))

    def _problems(self) -> pl.DataFrame:
        """The table ``problems``: of messages those alone that are odd beside others, and where each file begins."""
        import polars as pl

        from analyzer.sip import problems

        found: pl.DataFrame = self["core_problems"].select(schema.PROBLEMS.names)
        odd = self._kept.rows("odd")
        if odd.is_empty():
            return found
        place = ["file", "frame", "byte_offset"]
        first = pl.col("_order").filter(pl.col("_at") == pl.col("_at").min()).min()
        begins = self._kept.scan("messages", *ORDER).group_by("file").agg(pl.col("_at").min(), _order=first)
        files = begins.sort(*ORDER).select("file").collect(engine="streaming")
        of_odd = pl.col("message").is_in(odd["message"].implode())
        rows = self._kept.rows("messages", ["message", *place], where=of_odd).with_row_index("row", files.height)
        codes = ["sip_outside_security_association"]
        odd = rows.select("message", "row").join(odd, on="message", maintain_order="left_right")
        odd = odd.sort(pl.col("code").is_in(codes), "row", maintain_order=True)
        messages = pl.concat([files, rows.select(place)], how="diagonal")
        return problems.problems(found, messages, odd.select("row", "code", "detail"), self["max_problems_per_code"])


class _Unit(Graph):
    """The values of one call, made of the rows of its unit; an estimate is that of the whole store."""

    def __init__(self, source: StoreSource, complete: Graph, kept: Kept, call: int) -> None:
        of_whole = {name: complete[name] for name in ("core_account", "core_files", "core_problems")}
        super().__init__(complete.inputs | of_whole | inputs_of(kept.unit_of(call)))
        self._source, self._complete, self.call = source, complete, call
        self.made["end"] = complete["end"]
        self.made["leg_correlation"] = kept.links(self.inputs["core_messages"]["_leg"])

    def _make(self, found: Node, name: str) -> Any:
        if found.scope is LOCAL:
            return super()._make(found, name)
        if found.cut is None:
            return super()._make(found, name)
        self._source._read_for(name)
        return self._complete[name]


def _below(name: str, account: pl.DataFrame) -> Iterator[Node]:
    """The node and all that must be made for it: what is kept ready is not."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (name := waiting.pop()) in seen or name in INPUTS or name in _READY:
            continue
        seen.add(name)
        found = node_of(name)
        if not found.carried or carries(account, found.carried):
            yield found
            waiting += found.needs


#: Inputs that are no rows of messages.
_OTHER = frozenset({"core_files", "core_account", "core_problems"}) | {
    name for name in INPUTS if name.startswith(("node_", "clocks_", "digits_", "read_", "max_"))
}


def _columns_below(name: str, account: pl.DataFrame) -> set[str] | None:
    """The columns of the core that must be read for it, ``None`` for all."""
    found: set[str] = set()
    for node in _below(name, account):
        if node.columns is None:
            return None
        if set(node.needs) & INPUTS - _OTHER:
            found |= {*ALWAYS_READ, *node.columns}
    return found
