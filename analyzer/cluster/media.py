"""Media of the exchange: which calls may claim them, and which task tells them.

Streams come out of the captures of a point, which one task reads in sequence; their calls come out of any. So the run
joins them, in the few columns that decide (:func:`analyzer.store.media.claimed`), and each partition reads the rows of
its own. What no call claims is in partitions of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer.cluster.places import Folder
from analyzer.cluster.points import Extracted, Points
from analyzer.store.core_tables import columns_of
from analyzer.store.layout import MEDIA
from analyzer.store.media import claimed, claims_of, found, without_repeats

if TYPE_CHECKING:
    import polars as pl

    from analyzer.cluster.exchange import Catalogue

Tables = dict[str, "pl.DataFrame"]

_ENDS = ("src_ip", "src_port", "dst_ip", "dst_port")
#: What decides whose they are.
_NARROW = {
    "rtp_streams": [
        *("stream", "point", "ssrc", *_ENDS, "relayed_src_ip", "relayed_src_port", "relayed_dst_ip"),
        *("relayed_dst_port", "first_at", "last_at"),
    ],
    "rtcp_reports": ["point", "ssrc", "src_ip", "first_at"],
    "msrp_sessions": [*_ENDS, "first_at", "last_at"],
}
#: Those whose rows follow a stream, which is in the same chunk.
_OF_STREAMS = ("rtp_intervals", "rtp_events")
#: Streams of no call in a partition, about.
_PARTITION = 20_000
#: So end the names of chunks of what goes on at the end.
GOING = "going"


class Heard:
    """The media of all captures, and which Call-IDs may claim them."""

    def __init__(self, exchange: Folder, groups: Iterable[Extracted], points: Points) -> None:
        import polars as pl

        none = {name: pl.DataFrame(schema=_types(name)) for name in _NARROW}
        over = {name: [rows] for name, rows in none.items()}
        going = {name: [rows] for name, rows in none.items()}
        claims = [claims_of(*_nothing())]
        for group in groups:
            names = points.renamed(group)
            for chunk in group.told["media"]:
                place = f"{group.group.name}/media/{chunk}"
                for name, found_so_far in (going if chunk.endswith(GOING) else over).items():
                    rows = exchange.table(f"{place}/{name}", _NARROW[name])
                    rows = rows.with_columns(place=pl.lit(place), at=pl.int_range(pl.len(), dtype=pl.Int64))
                    found_so_far.append(renamed(rows, names))
            claims += group.table("claims", exchange)
        self._found = found(*({name: pl.concat(rows) for name, rows in tables.items()} for tables in (over, going)))
        said = without_repeats(pl.concat(claims).sort("at", maintain_order=True))
        #: Call-IDs (``node near``) that may claim the same stream.
        self.pairs, self._claimed = claimed(self._found, said)

    def shares(self, partition_of: pl.DataFrame, first: int) -> pl.DataFrame:
        """Which rows each partition reads: ``partition table place at _stream``.

        ``partition_of`` has ``node partition``; partitions of what no call claims have numbers from ``first`` on.
        """
        import polars as pl

        own = self._claimed.join(partition_of, on="node").select("table", "row", "partition").unique()
        streams, reports = self._found["rtp_streams"], self._found["rtcp_reports"]
        keys = ["point", "ssrc"]
        of_none = pl.concat([rows.select(*keys, at=pl.col("first_at").cast(pl.Int64)) for rows in (streams, reports)])
        of_none = of_none.group_by(keys).agg(pl.col("at").min(), rows=pl.len().cast(pl.Int64)).sort("at", *keys)
        numbers = of_none.select(*keys, partition=first + pl.col("rows").cum_sum() // _PARTITION)
        claimed_streams = own.filter(table="rtp_streams").join(streams.select("stream", *keys, row="_row"), on="row")
        rest = streams.join(claimed_streams, left_on="_row", right_on="row", how="anti")
        rest = rest.join(numbers, on=keys, nulls_equal=True).select("stream", *keys, "partition", row="_row")
        of_streams = pl.concat([claimed_streams.select(rest.columns), rest])
        # A stream is told with all that was reported of its source, which is written where its own stream is.
        here = of_streams.select(*keys, "partition").unique()
        known = reports.filter(pl.col("_stream").is_not_null()).join(here, on=keys, nulls_equal=True)
        alone = reports.filter(pl.col("_stream").is_null()).join(numbers, on=keys, nulls_equal=True)
        sessions = self._found["msrp_sessions"]
        own_sessions = own.filter(table="msrp_sessions")
        left = sessions.join(own_sessions, left_on="_row", right_on="row", how="anti").select(row="_row")
        told = {
            "rtp_streams": of_streams,
            "rtcp_reports": pl.concat([known, alone]).rename({"_row": "row"}),
            "msrp_sessions": pl.concat(
                [own_sessions.select("row", "partition"), left.with_columns(partition=pl.lit(first, pl.Int64))]
            ),
        }
        columns = ["partition", "table", "place", "at", "_stream"]
        shares = []
        for name, rows in told.items():
            places = self._found[name].select("place", "at", row="_row")
            of = "stream" if name == "rtp_streams" else "_stream" if name == "rtcp_reports" else None
            stream = pl.lit(None, pl.Int64) if of is None else pl.col(of)
            rows = rows.select("row", "partition", _stream=stream).join(places, on="row")
            shares.append(rows.with_columns(table=pl.lit(name)).select(columns))
        return pl.concat(shares).with_columns(pl.col("partition").cast(pl.Int64)).sort("partition", "place", "at")


def media_of(exchange: Folder, catalogue: Catalogue, share: pl.DataFrame) -> Tables:
    """The media of a partition, as :func:`analyzer.store.media.found` has them: the rows that it has of
    :meth:`Heard.shares`."""
    import polars as pl

    tables: dict[str, list[pl.DataFrame]] = {name: [] for name in MEDIA}
    for (place,), rows in share.group_by("place", maintain_order=True):
        group = str(place).partition("/")[0]
        names = catalogue.names.get(group, {})
        goes_on = pl.lit(str(place).endswith(GOING)).alias("_goes_on")
        for name in _NARROW:
            chosen = rows.filter(table=name)
            if chosen.is_empty():
                continue
            own = renamed(exchange.table(f"{place}/{name}")[chosen["at"]], names).with_columns(goes_on)
            tables[name].append(own.with_columns(chosen["_stream"]) if name == "rtcp_reports" else own)
        streams = rows.filter(table="rtp_streams")["_stream"]
        if streams.len():
            for name in _OF_STREAMS:
                own = exchange.table(f"{place}/{name}")
                tables[name].append(own.filter(pl.col("stream").is_in(streams.implode())).with_columns(goes_on))
    told = {}
    for name, of_places in tables.items():
        more = {"_goes_on": pl.Boolean()} | ({"_stream": pl.Int64()} if name == "rtcp_reports" else {})
        none = pl.DataFrame(schema=columns_of(name) | more)
        told[name] = pl.concat([none, *(rows.select(none.columns) for rows in of_places)]).with_row_index("_row")
    return told


def doubled(exchange: Folder, groups: Sequence[Extracted]) -> list[list[int]]:
    """The groups, by number, that have streams of one key: two points of one clock see the same. Who reads both tells
    them apart."""
    import polars as pl

    streams = [
        exchange.table(f"{group.group.name}/media/{chunk}/rtp_streams", ["stream"]).with_columns(group=number)
        for number, group in enumerate(groups)
        for chunk in group.told["media"]
    ]
    if not streams:
        return []
    of_keys = pl.concat(streams).unique().group_by("stream").agg("group").filter(pl.col("group").list.len() > 1)
    return [sorted(numbers) for numbers in of_keys["group"].list.sort().unique().to_list()]


def _types(name: str) -> dict[str, pl.DataType]:
    import polars as pl

    known = columns_of(name)
    return {column: known[column] for column in _NARROW[name]} | {"place": pl.String(), "at": pl.Int64()}


def _nothing() -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    messages = pl.DataFrame(schema={"node": pl.Int64, "_sdp": pl.Int64, "_at": pl.Int64})
    return messages, pl.DataFrame(schema=columns_of("descriptions"))


def renamed(rows: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """The rows with the names of points as all captures have them."""
    import polars as pl

    return rows.with_columns(pl.col("point").replace(names)) if "point" in rows.columns and names else rows
