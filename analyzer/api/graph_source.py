"""The source that has everything: the graph over what was read, which reads again what it turns out to need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api.source import FilteredSource, Source, one_piece
from analyzer.errors import AnalyzerError, NotFound
from analyzer.graph.graph import Graph, columns_below, headers_below, inputs_of
from analyzer.graph.scope import CallScope, are_most, is_made_again
from analyzer.language import SPOKEN
from analyzer.reading import native

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import polars as pl

    from analyzer.api.filters import Filter
    from analyzer.ims.node_overrides import Entry
    from analyzer.reading.export import MediaFlow
    from analyzer.reading.native import Output, Progress

# To look at some calls alone takes about as long as to make the tables of so many messages.
_WORTH_OF_A_SCOPE = 2_000


def opened(
    found: native.Sources,
    threads: int = 0,
    limits: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    headers: Iterable[str] = (),
    overrides: tuple[Entry, ...] = (),
    *,
    digits: bool = False,
) -> GraphSource:
    """Reads captures; ``tables`` as for :func:`analyzer.read`: columns that none of them rests on are left out."""
    names = tuple(tables) if tables is not None else None
    # How many problems there are, whoever reads is going to say.
    columns = columns_below([*names, "problem_count"]) if names is not None else None
    fields = native.header_names([*headers, *headers_below(names or ())])
    reading = native.Reading(found, threads, limits, columns, headers=fields)
    return GraphSource(_graph(reading, reading.tables(progress), overrides, digits=digits), reading)


def _graph(
    reading: native.Reading,
    core: dict[str, pl.DataFrame],
    overrides: tuple[Entry, ...],
    *,
    aligned: bool = False,
    digits: bool = False,
) -> Graph:
    others = {
        "node_overrides": overrides,
        "clocks_aligned": aligned,
        "digits_shown": digits,
        "read_companions": reading.companions,
        "max_problems_per_code": reading.max_problems_per_code,
    }
    return Graph(inputs_of(core) | others)


class GraphSource:
    """The tables of one reading; without the reading there are no texts, packets or further header fields."""

    def __init__(self, graph: Graph, reading: native.Reading | None = None) -> None:
        self._graph = graph
        self._reading = reading
        #: The language of texts in tables that were made.
        self._told_in = SPOKEN.get()
        #: The calls that were looked at together; the last of these, and whether they have most of the messages; and
        #: the scope of the last that do not.
        self._looked_at: set[frozenset[int]] = set()
        self._most: tuple[frozenset[int], bool] | None = None
        self._scope: CallScope | None = None

    @property
    def messages_read(self) -> int:
        return int(self._graph["core_messages"].height)

    @property
    def captured_until(self) -> int | None:
        found: int | None = self._graph["end"]
        return found

    @property
    def whole(self) -> Source:
        return self

    def table(self, name: str) -> pl.DataFrame:
        if name not in schema.TABLES:
            raise NotFound(f"no table is called {name!r}; there are {', '.join(schema.TABLES)}")
        if schema.TABLES[name].spoken and self._told_in != SPOKEN.get():
            self._told_in = SPOKEN.get()
            for told in (name, schema.TABLES[name].maker):
                self._graph.made.pop(told, None)
        if name not in self._graph.made:
            native.check_threads()
            self._read_for(name)
        found: pl.DataFrame = self._graph[name]
        return found

    def table_around(self, calls: Collection[int], name: str) -> pl.DataFrame:
        self._looked_at.add(frozenset(calls))
        dear = self.messages_read > _WORTH_OF_A_SCOPE * len(self._looked_at)
        if name in self._graph.made or not dear or not is_made_again(name) or self._are_most(calls):
            return self.table(name)
        if self._unread(headers_below([name])):
            # Who looks at a call looks at several of these tables.
            self._read_headers(headers_below(table for table in schema.TABLES if is_made_again(table)))
        self._read_for(name)
        if self._scope is None or not self._scope.is_of(self._graph, calls):
            self._scope = CallScope(self._graph, calls)
        found: pl.DataFrame = self._scope[name]
        return found

    def _are_most(self, calls: Collection[int]) -> bool:
        known = self._most
        if known is None or known[0] != frozenset(calls):
            known = self._most = (frozenset(calls), are_most(self._graph, calls))
        return known[1]

    def _read_for(self, name: str) -> None:
        """Sees to it that the core's tables have what this table rests on."""
        reading = self._reading
        if reading is not None and reading.columns is not None:
            needed = columns_below([name], self._graph["core_account"])
            if needed is None or not set(needed) <= set(reading.columns):
                self._reading = reading.again()
                self._graph.give(**inputs_of(self._reading.tables()))
        self._read_headers(headers_below([name]))

    def _read_headers(self, names: Iterable[str]) -> None:
        """Sees to it that the header fields of these names were read."""
        if unread := self._unread(names):
            if self._reading is None:
                raise AnalyzerError("the captures behind these tables are not at hand")
            self._graph.give(header_fields=self._reading.more_headers(unread))

    def _unread(self, names: Iterable[str]) -> list[str]:
        known = {name.lower() for name in self._reading.headers} if self._reading is not None else set()
        return [name for name in native.header_names(names) if name.lower() not in known]

    def lean_messages(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        found: pl.DataFrame = self._graph["messages" if "messages" in self._graph.made else "core_messages"]
        return found.select(columns) if columns else found

    def scan(self, name: str) -> pl.LazyFrame:
        return self.table(name).lazy()

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        return one_piece(self)

    def failing_nodes(self) -> pl.DataFrame:
        if "failing_nodes" not in self._graph.made:
            self._read_for("failing_nodes")
        found: pl.DataFrame = self._graph["failing_nodes"]
        return found

    def problem_count(self) -> int:
        if "problem_count" not in self._graph.made:
            self._read_for("problem_count")
        found: int = self._graph["problem_count"]
        return found

    def headers_of(self, *names: str) -> pl.DataFrame:
        from analyzer.sip.headers import headers

        asked = native.header_names(names)
        self._read_headers(asked)
        graph = self._graph
        return headers(graph["core_messages"], graph["call_of"], graph["header_fields"], asked)

    def texts(self, keys: Sequence[int]) -> list[bytes]:
        import polars as pl

        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        rows = self.table("messages").filter(pl.col("message").is_in(list(keys)))
        places = {key: place for key, *place in rows.select("message", *_PLACE).iter_rows()}
        found = self._reading.fetch([tuple(places[key]) for key in keys])
        for key, text in zip(keys, found, strict=True):
            if text is None:
                raise AnalyzerError(f"{places[key][0]} has changed since it was read")
        return [text for text in found if text is not None]

    def export(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        from analyzer.reading.export import media_flows

        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        places, ends = messages.select(_PLACE).rows(), ("src_ip", "src_port", "dst_ip", "dst_port")
        flows = messages.select("transport", *ends).drop_nulls().unique(maintain_order=True).rows()
        heard = media_flows(messages, self.table("sdp"), self.table("streams")) if media else []
        return self._reading.export(places, flows, heard, output)

    def media_heads(self, flows: list[MediaFlow], points: list[str]) -> Any:
        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        return self._reading.media_heads(flows, points)

    def transport_failures(self) -> pl.DataFrame:
        found: pl.DataFrame = self._graph["transport_failures"]
        return found

    def payloads(self, streams: pl.DataFrame) -> list[list[tuple[int, int, int, int, bytes]]]:
        import polars as pl

        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        in_tcp = pl.col("carried_by") == "tcp"
        return self._reading.payloads(streams.select("src_ip", "src_port", "dst_ip", "dst_port", "ssrc", in_tcp).rows())

    def wireshark_filter(self, messages: pl.DataFrame) -> str:
        from analyzer.reading.export import wireshark_filter

        return wireshark_filter(messages)

    def shown_call_id(self, call_id: str) -> str:
        return call_id

    def filtered(self, chosen: Filter) -> Source:
        return FilteredSource(self, chosen)

    def aligned(self) -> GraphSource:
        """The same captures, read again with the clocks of their capture points set right."""
        import polars as pl

        from analyzer.ims import clocks

        assert self._reading is not None
        found = self.table("clocks")
        corrections = clocks.corrections(found, self._graph["core_messages"])
        if not corrections:
            return self
        reading = self._reading.again(corrections)
        overrides, digits = self._graph["node_overrides"], self._graph["digits_shown"]
        graph = _graph(reading, reading.tables(), overrides, aligned=True, digits=digits)
        graph.made["clocks"] = found.with_columns(applied=pl.col("offset_s").is_not_null())
        return GraphSource(graph, reading)

    def __str__(self) -> str:
        return f"{self._graph['core_files'].height} files, {self.messages_read} messages"


_PLACE = ("file", "frame", "byte_offset", "length")
