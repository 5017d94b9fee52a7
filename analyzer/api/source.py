"""What captures, calls, ladders and figures ask: a source of tables, and sources around sources.

A filter or a mask is a source around another. The mask is the outermost: what is shown goes through it last, and a
filter inside looks at the original values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from analyzer import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import polars as pl

    from analyzer.api.filters import Filter
    from analyzer.reading.export import MediaFlow
    from analyzer.reading.native import Output


class Source(Protocol):
    """The tables of captures, and what else there is of their messages."""

    @property
    def messages_read(self) -> int:
        """How many messages were read, whichever of them this source has."""

    @property
    def captured_until(self) -> int | None:
        """When the captures ended (ns since 1970), whatever this source has of them; None if no packet has a time."""

    @property
    def whole(self) -> Source:
        """The same without filters."""

    def table(self, name: str) -> pl.DataFrame:
        """The table of ``schema.TABLES`` with this name."""

    def table_around(self, calls: Collection[int], name: str) -> pl.DataFrame:
        """The same, or as much of it as tells of these calls: their rows, maybe some of others."""

    def lean_messages(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        """``messages`` as far as they were read: without columns that would have to be read or joined first; only the
        ``columns`` named, where some are."""

    def scan(self, name: str) -> pl.LazyFrame:
        """The table of that name, in its order, of which no more may be read than is asked for."""

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        """The tables by name in pieces of whole units: with a call all its messages and transactions. An estimate is
        that of the whole in each, and of ``messages`` there is what :meth:`lean_messages` has."""

    def failing_nodes(self) -> pl.DataFrame:
        """``call`` and ``failing_node`` of ``call_failures``, without what rests on roles of nodes."""

    def problem_count(self) -> int:
        """How many rows ``problems`` has, without what only its rows say."""

    def headers_of(self, *names: str) -> pl.DataFrame:
        """The table ``headers`` with the fields of these names."""

    def texts(self, keys: Sequence[int]) -> list[bytes]:
        """The bytes of messages by their keys.

        Raises :class:`~analyzer.errors.AnalyzerError` where the captures have changed or are not at hand.
        """

    def export(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        """Writes the packets of rows of ``messages``, and those of their media, as pcapng; returns how many."""

    def media_heads(self, flows: list[MediaFlow], points: list[str]) -> Any:
        """The headers of the media packets of these flows at these capture points, as the core has them."""

    def transport_failures(self) -> pl.DataFrame:
        """Evidence of transports that failed: ``time kind src_ip src_port dst_ip dst_port transport detail``."""

    def payloads(self, streams: pl.DataFrame) -> list[list[tuple[int, int, int, int, bytes]]]:
        """Of each row of ``streams`` its packets: time (ns), number, timestamp, payload type, payload."""

    def wireshark_filter(self, messages: pl.DataFrame) -> str:
        """Wireshark's display filter for the Call-IDs of rows of ``messages``."""

    def shown_call_id(self, call_id: str) -> str:
        """A Call-ID as the tables show it."""

    def filtered(self, chosen: Filter) -> Source:
        """This source with what a filter picks."""


def one_piece(source: Source) -> list[Callable[[str], pl.LazyFrame]]:
    """All of a source as one piece."""

    def table(name: str) -> pl.LazyFrame:
        return (source.lean_messages() if name == "messages" else source.table(name)).lazy()

    return [table]


class FilteredSource:
    """What a filter picks of another source: whole calls, and registrations and transactions outside calls."""

    def __init__(self, inner: Source, chosen: Filter) -> None:
        from analyzer.api import dependents, picking

        self._inner = inner
        self._made: dict[str, pl.DataFrame] = {}
        known = (chosen.table, dependents.known_by(chosen.table))
        needed = [name for name in schema.TABLES if name not in dependents.DEPENDENT or name in known]
        # Problems and whole messages are made where somebody asks.
        needed = [name for name in needed if name != "messages" and (name != "problems" or chosen.table == name)]
        messages = inner.scan("messages").select(picking.looked_at(chosen)).collect()
        tables = {name: inner.table(name) for name in needed} | {"messages": messages}
        #: What all other tables follow from. Picked at once: a condition that cannot be run fails where it is given.
        self._picked = picking.apply(chosen, tables)

    @property
    def messages_read(self) -> int:
        return self._inner.messages_read

    @property
    def captured_until(self) -> int | None:
        return self._inner.captured_until

    @property
    def whole(self) -> Source:
        return self._inner.whole

    def table(self, name: str) -> pl.DataFrame:
        if name in self._picked and name != "messages":
            return self._picked[name]
        if name not in self._made:
            from analyzer.api import dependents

            if name == "messages":
                self._made[name] = self.scan(name).collect()
                return self._made[name]
            if name == "problems":
                frames = self._picked.get(dependents.FRAMES)
                found = self._inner.table(name)
                self._made[name] = found if frames is None else dependents.of_frames(name, found, frames)
                return self._made[name]
            # What is told of nodes goes with them, and exchanges with what they were made for.
            known = dependents.known_by(name)
            kept = self._picked | ({known: self.table(known)} if known else {})
            self._made[name] = dependents.of_kept(name, self._inner.table(name), kept)
        return self._made[name]

    def table_around(self, calls: Collection[int], name: str) -> pl.DataFrame:
        return self.table(name)

    def lean_messages(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        return self.scan("messages").select(columns or schema.MESSAGES.names).collect()

    def scan(self, name: str) -> pl.LazyFrame:
        if name != "messages" or name in self._made:
            return self.table(name).lazy()
        own = self._picked["messages"].lazy().select("message")
        return self._inner.scan("messages").join(own, on="message", how="semi", maintain_order="left")

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        return [self.scan]

    def failing_nodes(self) -> pl.DataFrame:
        return self._inner.failing_nodes().join(self.table("calls"), on="call", how="semi", maintain_order="left")

    def problem_count(self) -> int:
        return self.table("problems").height

    def headers_of(self, *names: str) -> pl.DataFrame:
        import polars as pl

        kept = self.table("messages")["message"]
        return self._inner.headers_of(*names).filter(pl.col("message").is_in(kept.implode()))

    def texts(self, keys: Sequence[int]) -> list[bytes]:
        return self._inner.texts(keys)

    def export(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        return self._inner.export(messages, output, media=media)

    def media_heads(self, flows: list[MediaFlow], points: list[str]) -> Any:
        return self._inner.media_heads(flows, points)

    def transport_failures(self) -> pl.DataFrame:
        return self._inner.transport_failures()

    def payloads(self, streams: pl.DataFrame) -> list[list[tuple[int, int, int, int, bytes]]]:
        return self._inner.payloads(streams)

    def wireshark_filter(self, messages: pl.DataFrame) -> str:
        return self._inner.wireshark_filter(messages)

    def shown_call_id(self, call_id: str) -> str:
        return self._inner.shown_call_id(call_id)

    def filtered(self, chosen: Filter) -> Source:
        return FilteredSource(self, chosen)

    def __str__(self) -> str:
        return str(self._inner)


class CallSource:
    """The rows of one call, of a source of many."""

    def __init__(self, inner: Source, call: int) -> None:
        self._inner = inner
        self._call = call

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of a table that speaks of messages, dialogs or calls."""
        import polars as pl

        from analyzer.api import dependents

        frame = self._inner.table_around((self._call,), name)
        known = dependents.known_by(name)
        if known and "call" in schema.TABLES[known].names:
            ((column, _, key),) = schema.TABLES[name].owners
            return frame.filter(pl.col(column).is_in(self.table(known)[key].implode()))
        if "call" in frame.columns:
            return frame.filter(pl.col("call") == self._call)
        key, of = ("message", "messages") if name == "sdp" else ("dialog", "dialogs")
        return frame.filter(pl.col(key).is_in(self.table(of)[key].implode()))

    def observations(self) -> pl.DataFrame:
        """Its messages and their duplicates of the capture, which belong to no call, in the order of ``messages``."""
        import polars as pl

        messages = self._inner.table_around((self._call,), "messages")
        own = pl.col("call") == self._call
        keys = messages.filter(own)["message"]
        return messages.filter(own | pl.col("original").is_in(keys.implode()))
