"""Media on their way into a store: streams wait for the unit of their call, and the unit for its streams.

The core hands over what is over, and with each window what goes on. Which Call-IDs may claim a stream is known from
the addresses that these announced, without their tables; the graph of a unit that is told decides. A unit with media
that go on is not over; media that no call claims are written by themselves, once none can any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from analyzer.columns.times import SECOND, ns
from analyzer.store import units
from analyzer.store.core_tables import columns_of
from analyzer.store.layout import MEDIA
from analyzer.store.shelf import node

if TYPE_CHECKING:
    import polars as pl

    from analyzer.graph.graph import Graph

Tables = dict[str, "pl.DataFrame"]

#: Intervals and events follow their stream.
_OF_STREAMS = ("rtp_intervals", "rtp_events")
#: What the store knows of them besides: the unit of their call, null of none, and that they went on when a run ended.
OWN = ("_unit", "_goes_on")
#: A call may announce where media go so long behind their first packet (``media.streams``), and is linked so long.
_CLAIMED = units.LINKED + 2 * SECOND
#: So many rows wait at most, or twice those of the last look, before it is looked what may be over.
_MANY = 200_000


class Media:
    """The media of units that are alive, and those that no call has claimed yet."""

    def __init__(self) -> None:
        import polars as pl

        self._over: Tables = {name: _none(name) for name in MEDIA}
        self._open: Tables = dict(self._over)
        #: Where Call-IDs that are alive announced that they take media.
        self._claims = pl.DataFrame(
            schema={
                "node": pl.Int64,
                "media": pl.String,
                "ip": pl.String,
                "port": pl.Int64,
                "at": pl.Int64,
                "_sdp": pl.Int64,
            }
        )
        self._waited = 0
        #: While it is looked what is over: all rows, with ``_goes_on``, and ``_row``, their number in their table;
        #: which ``node`` may claim the ``row`` of which ``table``; which rows are of units, and which are written.
        self._found: Tables = {}
        self._claimed = _claimed()
        self._owned = self._written = self._claimed.drop("node")
        #: All there will ever be, where that is known.
        self._whole: Tables = {}

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return any(rows.height for tables in (self._over, self._open, self._whole) for rows in tables.values())

    @property
    def many(self) -> bool:
        """Whether they take much room."""
        return sum(rows.height for rows in self._over.values()) > max(_MANY, 2 * self._waited)

    def take(self, core: Mapping[str, pl.DataFrame], *, last: bool) -> None:
        """Takes in what a window brought."""
        self.add(core)
        if not last:
            self._open = {name: core[f"open_{name}"] for name in MEDIA}

    def add(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Takes in what is over, from the core or as the store has it, without what went on."""
        import polars as pl

        for name in MEDIA:
            if (rows := tables.get(name)) is not None and rows.height:
                if "_goes_on" in rows.columns:
                    rows = rows.filter(~pl.col("_goes_on"))
                self._over[name] = pl.concat([self._over[name], rows.select(self._over[name].columns)])

    def claim(self, messages: pl.DataFrame, descriptions: pl.DataFrame) -> None:
        """Takes in what messages announce."""
        import polars as pl

        new = claims_of(messages.with_columns(node=node()), descriptions)
        self._claims = without_repeats(pl.concat([self._claims, new]))

    def take_whole(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Takes in all there will be, as :func:`found` has it."""
        self._whole = dict(tables)

    def held(self) -> Tables:
        """What waits, for another run; the core itself remembers what goes on."""
        return {**self._over, "claims": self._claims}

    def go_on(self, held: Mapping[str, pl.DataFrame]) -> None:
        """Takes in what :meth:`held` gave."""
        self.add(held)
        if "claims" in held:
            self._claims = held["claims"]

    # -- what may be over ----------------------------------------------------------------------------------------------

    def look(self) -> pl.DataFrame:
        """Begins to look what is over. Gives ``node near``: Call-IDs that may claim the same stream, to be told
        together."""
        self._found = self._whole or found(self._over, self._open)
        self._owned = self._written = _claimed().drop("node")
        pairs, self._claimed = claimed(self._found, self._claims)
        return pairs

    def goes_on(self) -> pl.Series:
        """The Call-IDs that may claim what goes on."""
        import polars as pl

        going = [rows.filter("_goes_on").select(table=pl.lit(name), row="_row") for name, rows in self._found.items()]
        return self._claimed.join(pl.concat(going), on=["table", "row"], how="semi")["node"].unique()

    def core(self, nodes: pl.Series) -> Tables:
        """What these Call-IDs may claim, as the core has it."""
        import polars as pl

        own = self._claimed.filter(pl.col("node").is_in(nodes.implode()))
        return {name: _rows(rows, own, name) for name, rows in self._found.items()}

    def of_units(self, core: Tables, messages: pl.DataFrame, graph: Graph) -> tuple[Tables, pl.Series]:
        """The tables of :meth:`core` with :data:`OWN`, and ``streams``; and the units in which some go on.

        ``messages`` are those of the graph with their units.
        """
        import polars as pl

        of_calls = messages.select(call="message", _unit="_unit")
        streams = graph["streams"].join(of_calls, on="call", how="left", maintain_order="left")
        of_stream = streams.select("stream", "_unit")
        found = {
            name: core[name].join(of_stream, on="stream", how="left", maintain_order="left")
            for name in ("rtp_streams", *_OF_STREAMS)
        }
        own = of_stream.rename({"stream": "_stream"})
        reports = core["rtcp_reports"].join(own, on="_stream", how="left", maintain_order="left")
        found["rtcp_reports"] = reports.drop("_stream")
        sessions = graph["msrp"].select("call").join(of_calls, on="call", how="left", maintain_order="left")
        found["msrp_sessions"] = core["msrp_sessions"].with_columns(sessions["_unit"])
        found["streams"] = _placed(streams, core)
        alive = pl.concat([rows.filter("_goes_on")["_unit"] for name, rows in found.items() if name != "streams"])
        return found, alive.drop_nulls().unique()

    def tell(self, found: Tables, over: pl.Series) -> None:
        """What :meth:`of_units` gave is told of its units; that of those that are ``over`` is written."""
        import polars as pl

        for name in MEDIA:
            rows = found[name].select(table=pl.lit(name), row="_row", unit="_unit").drop_nulls("unit")
            gone = rows.filter(pl.col("unit").is_in(over.implode()))
            self._owned = pl.concat([self._owned, rows.drop("unit")])
            self._written = pl.concat([self._written, gone.drop("unit")])

    def forget(self, nodes: pl.Series) -> None:
        """These Call-IDs are over."""
        import polars as pl

        theirs = pl.col("node").is_in(nodes.implode())
        self._claims, self._claimed = self._claims.filter(~theirs), self._claimed.filter(~theirs)

    # -- what no call claims -------------------------------------------------------------------------------------------

    def of_none(
        self, end: int, streams_of: Callable[[Tables], pl.DataFrame], *, all_of_it: bool
    ) -> Iterator[tuple[str, bool, Tables]]:
        """What is of no unit: the hour in which it begins, whether a call may claim it still, its rows.

        ``all_of_it``: also what a call may claim still, or what goes on. ``streams_of`` gives ``streams`` of some.
        """
        import polars as pl

        rest = {
            name: rows.join(
                self._owned.filter(table=name), left_on="_row", right_on="row", how="anti", maintain_order="left"
            )
            for name, rows in self._found.items()
        }
        # A report is told with the stream that it is of.
        here = self._found["rtp_streams"]["stream"].implode()
        of_others = pl.col("_stream").is_not_null() & ~pl.col("_stream").is_in(here)
        rest["rtcp_reports"] = rest["rtcp_reports"].filter(~of_others)
        told = self._settled(rest, end)
        if not all_of_it:
            told = {name: rows.filter("_settled") for name, rows in told.items()}
        told["streams"] = _placed(streams_of(told), told)
        hours = {
            name: told[name].with_columns(_hour=_hour("first_at"))
            for name in ("rtp_streams", "rtcp_reports", "msrp_sessions")
        }
        of_stream = hours["rtp_streams"].select("stream", "_hour", "_settled")
        for name in (*_OF_STREAMS, "streams"):
            rows = told[name].drop("_settled", strict=False)
            hours[name] = rows.join(of_stream, on="stream", how="left", maintain_order="left")
        groups = pl.concat([hours[name].select("_hour", "_settled") for name in hours]).unique()
        for hour, settled in groups.sort("_hour", "_settled").iter_rows():
            chosen = (pl.col("_hour") == hour) & (pl.col("_settled") == settled)
            some = {name: rows.filter(chosen).drop("_hour", "_settled") for name, rows in hours.items()}
            none = pl.lit(None, pl.Int64).alias("_unit")
            yield (
                hour,
                not settled,
                {name: rows.drop("_row", "_stream", strict=False).with_columns(none) for name, rows in some.items()},
            )
        gone = [
            rows.filter("_settled").select(table=pl.lit(name), row="_row")
            for name, rows in told.items()
            if name != "streams"
        ]
        self._written = pl.concat([self._written, *(rows.select(self._written.columns) for rows in gone)])

    def _settled(self, rest: Tables, end: int) -> Tables:
        """The tables with ``_settled``: nothing goes on, and no call can claim them any more. A stream and what is
        reported of it are told together."""
        import polars as pl

        found = {}
        for name in ("rtp_streams", "rtcp_reports", "msrp_sessions"):
            claimed = pl.col("_row").is_in(self._claimed.filter(table=name)["row"].implode())
            free = ~claimed & ~pl.col("_goes_on") & (ns("last_at") < end - _CLAIMED)
            found[name] = rest[name].with_columns(_settled=free.fill_null(value=False))
        keys = ["point", "ssrc"]
        both = pl.concat([found[name].select(*keys, "_settled") for name in ("rtp_streams", "rtcp_reports")])
        waiting = both.filter(~pl.col("_settled")).select(keys).unique().with_columns(_waits=True)
        for name in ("rtp_streams", "rtcp_reports"):
            rows = found[name].join(waiting, on=keys, how="left", nulls_equal=True, maintain_order="left")
            found[name] = rows.with_columns(_settled=pl.col("_settled") & pl.col("_waits").is_null()).drop("_waits")
        of_stream = found["rtp_streams"].select("stream", "_settled")
        for name in _OF_STREAMS:
            rows = rest[name].join(of_stream, on="stream", how="left", maintain_order="left")
            found[name] = rows.with_columns(pl.col("_settled").fill_null(value=False))
        return found

    def done(self) -> None:
        """What was written is forgotten."""
        import polars as pl

        self._over = {
            name: rows.filter(~pl.col("_goes_on"))
            .join(self._written.filter(table=name), left_on="_row", right_on="row", how="anti", maintain_order="left")
            .select(self._over[name].columns)
            for name, rows in self._found.items()
        }
        self._waited = sum(rows.height for rows in self._over.values())
        self._found, self._claimed = {}, _claimed()


def found(over: Mapping[str, pl.DataFrame], going: Mapping[str, pl.DataFrame]) -> Tables:
    """What is over and what goes on, in tables with ``_goes_on``, ``_row``, the number of the row, and, of reports,
    ``_stream``, the stream that each is of."""
    import polars as pl

    from analyzer.media.streams import stream_of_reports

    tables = {
        name: pl.concat([over[name].with_columns(_goes_on=False), going[name].with_columns(_goes_on=True)])
        for name in over
    }
    tables = {name: rows.with_row_index("_row") for name, rows in tables.items()}
    of = stream_of_reports(tables["rtcp_reports"], tables["rtp_streams"])
    return tables | {"rtcp_reports": tables["rtcp_reports"].with_columns(_stream=of)}


def claimed(tables: Mapping[str, pl.DataFrame], claims: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Call-IDs (``node near``) that may claim the same stream of :func:`found`, to be told together; and which ``node``
    may claim the ``row`` of which ``table``."""
    import polars as pl

    ends = _ends(tables, claims)
    pairs = pl.concat([own.select(node="call", near="call_sender") for own in ends.values()])
    streams = _of_ends("rtp_streams", ends["rtp_streams"])
    of_stream = tables["rtp_streams"].select("stream", "point", "ssrc", row="_row")
    of_stream = streams.join(of_stream, on="row").drop("table", "row")
    own = [streams, _of_ends("msrp_sessions", ends["msrp_sessions"])]
    for name, keys in (*((name, ["stream"]) for name in _OF_STREAMS), ("rtcp_reports", ["point", "ssrc"])):
        if name in tables:
            rows = tables[name].select("_row", *keys).join(of_stream, on=keys, nulls_equal=True)
            own.append(rows.select("node", row="_row", table=pl.lit(name)).unique())
    columns = list(_claimed().columns)
    return pairs.drop_nulls().filter(pl.col("node") != pl.col("near")).unique(), pl.concat(
        [rows.select(columns) for rows in own]
    )


def _ends(tables: Mapping[str, pl.DataFrame], claims: pl.DataFrame) -> Tables:
    """Which Call-IDs announced where streams and sessions go (``call``), and come from (``call_sender``)."""
    import polars as pl

    from analyzer.media.streams import announced_of

    said = claims.with_row_index("announcement").rename({"node": "call"})
    said = said.with_columns(side=pl.lit(None, pl.String), message="call", end=pl.lit(None, pl.Int64))
    relayed = ("relayed_src_ip", "relayed_src_port", "relayed_dst_ip", "relayed_dst_port")
    streams, sessions = (tables[name].with_columns(stream="_row") for name in ("rtp_streams", "msrp_sessions"))
    types = streams.select(relayed).schema
    sessions = sessions.with_columns(pl.lit(None, kind).alias(end) for end, kind in types.items())
    return {
        "rtp_streams": announced_of(streams, said),
        "msrp_sessions": announced_of(sessions, said.filter(pl.col("media") == "message")),
    }


def claims_of(messages: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """Where messages (``node _sdp _at``) announce that their Call-IDs take media: ``node media ip port at _sdp``."""
    import polars as pl

    media = descriptions.filter(pl.col("port") > 0, pl.col("connection").is_not_null())
    media = media.select("_sdp", "media", "port", ip="connection").unique()
    said = messages.filter(pl.col("_sdp").is_not_null()).select("_sdp", "node", at="_at").join(media, on="_sdp")
    return said.select("node", "media", "ip", "port", "at", "_sdp")


def without_repeats(claims: pl.DataFrame) -> pl.DataFrame:
    """The first of each: the same again says nothing new."""
    one = [name for name in claims.columns if name != "at"]
    return claims.unique(one, keep="first", maintain_order=True)


def as_core(tables: Tables) -> Tables:
    """Media as the core has them."""
    return {name: rows.select(list(columns_of(name))) for name, rows in tables.items() if name in MEDIA}


def _hour(at: str) -> pl.Expr:
    import polars as pl

    return pl.col(at).dt.strftime("%Y-%m-%dT%H").fill_null("1970-01-01T00")


def _placed(streams: pl.DataFrame, core: Tables) -> pl.DataFrame:
    """The table ``streams`` with the place of each in the order of the whole."""
    places = core["rtp_streams"].select("stream", _at=ns("first_at"), _order="frame")
    return streams.join(places, on="stream", how="left", maintain_order="left")


def _of_ends(name: str, ends: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    both = pl.concat([ends.select(node=end, row="stream") for end in ("call", "call_sender")])
    return both.drop_nulls().unique().with_columns(table=pl.lit(name))


def _rows(rows: pl.DataFrame, claimed: pl.DataFrame, name: str) -> pl.DataFrame:
    import polars as pl

    return rows.filter(pl.col("_row").is_in(claimed.filter(table=name)["row"].unique().implode()))


def _claimed() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema={"table": pl.String, "row": pl.UInt32, "node": pl.Int64})


def _none(name: str) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema=columns_of(name))
