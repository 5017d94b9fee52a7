"""Media on their way into a store: streams wait for the unit of their call, and the unit for its streams.

The core hands over what is over, and with each window what goes on. A unit with media that go on is not over; media
that are of no call are written by themselves, once no call can claim them any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from analyzer.columns.times import SECOND, ns
from analyzer.store import units
from analyzer.store.core_tables import columns_of
from analyzer.store.layout import MEDIA

if TYPE_CHECKING:
    import polars as pl

    from analyzer.graph.graph import Graph

Tables = dict[str, "pl.DataFrame"]

#: When a row of each begins; intervals and events follow their stream.
_BEGINS = {"rtp_streams": "first_at", "rtcp_reports": "first_at", "msrp_sessions": "first_at"}
_OF_STREAMS = ("rtp_intervals", "rtp_events")
#: What the store knows of them besides: the unit of their call, null of none, and that they went on when a run ended.
OWN = ("_unit", "_goes_on")
#: A call may announce where media go so long behind their first packet (``media.streams``), and is linked so long.
_CLAIMED = units.LINKED + 2 * SECOND
#: So many rows wait at most for calls that may be over.
_MANY = 200_000


class Media:
    """The media of units that are alive, and those that no call has claimed yet."""

    def __init__(self) -> None:
        self._over: Tables = {name: _none(name) for name in MEDIA}
        self._open: Tables = dict(self._over)
        #: As they were told last: with :data:`OWN` and ``_settled``.
        self._told: Tables = {}

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return any(rows.height for rows in self.core().values())

    @property
    def many(self) -> bool:
        """Whether they take much room."""
        return sum(rows.height for rows in self._over.values()) > _MANY

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

    def held(self) -> Tables:
        """What waits, for another run; the core itself remembers what goes on."""
        return dict(self._over)

    def core(self) -> Tables:
        """All, as the core has them."""
        import polars as pl

        return {name: pl.concat([self._over[name], self._open[name]]) for name in MEDIA}

    def of_units(self, messages: pl.DataFrame, graph: Graph, end: int) -> tuple[Tables, pl.Series]:
        """The tables with :data:`OWN`, ``streams`` among them, and the units in which some go on.

        ``messages`` are those of the graph with their units.
        """
        import polars as pl

        of_calls = messages.select(call="message", _unit="_unit")
        streams = graph["streams"].join(of_calls, on="call", how="left", maintain_order="left")
        found = self.core()
        goes_on = {name: self._over[name].height for name in MEDIA}
        found = {
            name: rows.with_columns(_goes_on=pl.int_range(pl.len()) >= goes_on[name]) for name, rows in found.items()
        }
        of_stream = streams.select("stream", "_unit")
        for name in ("rtp_streams", *_OF_STREAMS):
            found[name] = found[name].join(of_stream, on="stream", how="left", maintain_order="left")
        reports = graph["rtcp_reports"].select("stream").join(of_stream, on="stream", how="left", maintain_order="left")
        found["rtcp_reports"] = found["rtcp_reports"].hstack(reports.rename({"stream": "_stream"}))
        sessions = graph["msrp"].select("call").join(of_calls, on="call", how="left", maintain_order="left")
        found["msrp_sessions"] = found["msrp_sessions"].with_columns(sessions["_unit"])
        found = self._with_settled(found, end)
        alive = pl.concat([found[name].filter("_goes_on").select("_unit") for name in _BEGINS])["_unit"]
        places = found["rtp_streams"].select("stream", "_settled", _at=ns("first_at"), _order="frame")
        found["streams"] = streams.join(places, on="stream", how="left", maintain_order="left")
        self._told = found
        return {name: rows.drop("_settled") for name, rows in found.items()}, alive.drop_nulls().unique()

    def _with_settled(self, found: Tables, end: int) -> Tables:
        """The tables with ``_settled``: of no unit, and no call can claim them any more."""
        import polars as pl

        unclaimed = pl.col("_unit").is_null() & ~pl.col("_goes_on") & (ns("last_at") < end - _CLAIMED)
        reports = found["rtcp_reports"].with_columns(_settled=unclaimed)
        # A stream and what is reported of it are told together.
        waiting = reports.filter(~pl.col("_settled"))["_stream"].drop_nulls().unique()
        waits = pl.col("stream").is_in(waiting.implode())
        streams = found["rtp_streams"].with_columns(_settled=unclaimed & ~waits)
        settled = pl.lit(streams.filter("_settled")["stream"].implode())
        with_stream = pl.col("_stream").is_null() | pl.col("_stream").is_in(settled)
        of_streams = {name: found[name].with_columns(_settled=pl.col("stream").is_in(settled)) for name in _OF_STREAMS}
        return {
            "rtp_streams": streams,
            **of_streams,
            "rtcp_reports": reports.with_columns(pl.col("_settled") & with_stream).drop("_stream"),
            "msrp_sessions": found["msrp_sessions"].with_columns(_settled=unclaimed),
        }

    def of_none(self, *, all_of_it: bool) -> Iterator[tuple[str, bool, Tables]]:
        """What is of no unit: the hour in which it begins, whether a call may claim it still, its rows."""
        import polars as pl

        told = {name: rows.filter(pl.col("_unit").is_null()) for name, rows in self._told.items()}
        if not all_of_it:
            told = {name: rows.filter("_settled") for name, rows in told.items()}
        for name, column in _BEGINS.items():
            hour = pl.col(column).dt.strftime("%Y-%m-%dT%H").fill_null("1970-01-01T00")
            told[name] = told[name].with_columns(_hour=hour)
        of_stream = told["rtp_streams"].select("stream", "_hour")
        for name in (*_OF_STREAMS, "streams"):
            told[name] = told[name].join(of_stream, on="stream", how="left", maintain_order="left")
        groups = pl.concat([told[name].select("_hour", "_settled") for name in _BEGINS]).unique()
        for hour_of, settled in groups.sort("_hour", "_settled").iter_rows():
            chosen = (pl.col("_hour") == hour_of) & (pl.col("_settled") == settled)
            yield (
                hour_of,
                not settled,
                {name: rows.filter(chosen).drop("_hour", "_settled") for name, rows in told.items()},
            )

    def forget(self, over: pl.Series) -> None:
        """Those of these units are written, and those of none that no call can claim."""
        import polars as pl

        kept = ~pl.col("_goes_on") & ~pl.col("_settled")
        kept &= ~pl.col("_unit").is_in(over.implode()).fill_null(value=False)
        self._over = {name: self._told[name].filter(kept).select(self._over[name].columns) for name in MEDIA}
        self._told = {}


def _none(name: str) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema=columns_of(name))
