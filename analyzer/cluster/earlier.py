"""What a store has already and a run goes on with: what reading goes on from, and units that are taken back.

Units that were open when the last run ended, and those that were written and go on after all, are put into the exchange
as what one more task has extracted: their messages have keys already, all others are classified beside them.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.cluster.extraction import FOLLOWING, NAMING, Group, nodes_of
from analyzer.cluster.media import GOING
from analyzer.cluster.places import Folder
from analyzer.cluster.points import Extracted
from analyzer.columns.times import SECOND
from analyzer.store import units
from analyzer.store.core_tables import columns_of
from analyzer.store.kept import Kept
from analyzer.store.layout import MEDIA, Manifest, Part
from analyzer.store.media import claims_of, without_repeats
from analyzer.store.settling import Settled, as_core
from analyzer.store.shelf import of
from analyzer.store.writing import Commit

if TYPE_CHECKING:
    import polars as pl

Tables = dict[str, "pl.DataFrame"]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Units of the store that go on: the ``group`` of the exchange that they are, what belongs together in them
    (``_node near``), the legs whose links will not change any more, and these links, with ``_node``."""

    group: Extracted
    pairs: pl.DataFrame
    decided: pl.Series
    links: list[pl.DataFrame]


def take_back(
    folder: Path, manifest: Manifest, commit: Commit, exchange: Folder, name: str, new: pl.DataFrame, read: Set[str]
) -> TakenBack | None:
    """Takes units out of the parts of a store, and puts them into the exchange.

    ``new`` are the Call-IDs that are read now (``_node``, ``first``); ``read`` the points whose media go on in what is
    read: those of the others go on as the store has them.
    """
    import polars as pl

    max_idle = int(manifest.options["max_idle_s"] * SECOND)
    writer = _Writer(exchange, name, (manifest.end or 0) - units.LINKED, read)
    for part in list(commit.parts):
        if part.open:
            writer.put(commit.tables(part))
            commit.remove(part)
            continue
        mine = new.filter(pl.col("first") <= part.last + max_idle)["_node"]
        if mine.is_empty():
            continue
        calls = Kept(folder, manifest, [part]).rows("messages", ["_call"])["_call"].drop_nulls().unique()
        if (calls := calls.filter(calls.is_in(mine.implode()))).len():
            _take_late(commit, part, calls, writer)
    return writer.done()


def _take_late(commit: Commit, part: Part, calls: pl.Series, writer: _Writer) -> None:
    """Takes the units of these Call-IDs out of a part."""
    import polars as pl

    tables = commit.tables(part)
    messages = tables["messages"]
    late = pl.col("_unit").is_in(messages.filter(pl.col("_call").is_in(calls.implode()))["_unit"].unique().implode())
    writer.put(of(messages.filter(late), tables))
    commit.remove(part)
    if (rest := messages.filter(~late)).height:
        commit.add(Settled(part.hour, of(rest, tables)))


class _Writer:
    """Writes rows of the store as an extraction writes them."""

    def __init__(self, exchange: Folder, name: str, decides: int, read: Set[str]) -> None:
        self._exchange, self._name, self._decides, self._read = exchange, name, decides, read
        self._chunks: list[dict[str, int | list[str]]] = []
        self._media: list[str] = []
        self._nodes: list[pl.DataFrame] = []
        self._naming: list[pl.DataFrame] = []
        self._claims: list[pl.DataFrame] = []
        self._pairs: list[pl.DataFrame] = []
        self._decided: list[pl.Series] = []
        self._links: list[pl.DataFrame] = []

    def put(self, tables: Tables) -> None:
        """Puts in units, without what was given up when the last run ended: that is read again."""
        import polars as pl

        self._put_media(tables)
        messages = tables["messages"].filter(~pl.col("_given_up"))
        if messages.is_empty():
            return
        core = as_core(messages, of(messages, {name: rows for name, rows in tables.items() if name not in MEDIA}))
        node = pl.coalesce("_call", "message")
        own = core["messages"].select(*columns_of("messages"), "_at", "_given_up", "_order", _node=node).with_columns(
            _observed=pl.lit(None, pl.Binary), _row=pl.lit(None, pl.Int64)
        )  # fmt: skip
        chunk = len(self._chunks)
        written = {"messages": own} | {table: core[table] for table in FOLLOWING if table in core}
        for table, rows in written.items():
            self._exchange.write_table(f"{self._name}/{chunk}/{table}", rows)
        self._chunks.append({"tables": sorted(written), "rows": own.height})
        nodes = nodes_of(own).with_columns(chunk=pl.lit(chunk, pl.Int64))
        self._nodes.append(nodes)
        named = core["evidence"].filter(pl.col("kind").is_in(NAMING)).select("_leg", near="value").unique()
        of_legs = nodes.select("_node", _leg="legs").explode("_leg").drop_nulls()
        self._naming.append(named.join(of_legs, on="_leg").select("_node", "near"))
        self._claims.append(claims_of(own.select("_sdp", "_at", node="_node"), core["descriptions"]))
        of_units = messages.select("_unit", _node=node).unique()
        self._pairs.append(of_units.select("_node", near=pl.col("_node").min().over("_unit")))
        begun = own.group_by("_leg").agg(pl.col("_at").min()).drop_nulls()
        decided = begun.filter(pl.col("_at") < self._decides)["_leg"]
        self._decided.append(decided)
        nodes_of_units = of_units.group_by("_unit").agg(pl.col("_node").min())
        links = core["links"].filter(pl.col("_leg").is_in(decided.implode()))
        self._links.append(links.join(nodes_of_units, on="_unit").drop("_unit"))

    def _put_media(self, tables: Tables) -> None:
        import polars as pl

        over, going = ({name: tables[name].filter(pl.col("_goes_on") == on) for name in MEDIA} for on in (False, True))
        # What goes on in what is read now comes from there.
        going = {
            name: rows.filter(~pl.col("point").is_in(self._read)) if "point" in rows.columns else rows
            for name, rows in going.items()
        }
        streams = going["rtp_streams"]["stream"].implode()
        for name in ("rtp_intervals", "rtp_events"):
            going[name] = going[name].filter(pl.col("stream").is_in(streams))
        for goes_on, found in ((False, over), (True, going)):
            if any(rows.height for rows in found.values()):
                chunk = f"{len(self._media)}-{GOING}" if goes_on else str(len(self._media))
                for name, rows in found.items():
                    self._exchange.write_table(
                        f"{self._name}/media/{chunk}/{name}", rows.select(list(columns_of(name)))
                    )
                self._media.append(chunk)

    def done(self) -> TakenBack | None:
        """What there is now; None if nothing is."""
        import polars as pl

        if not self._chunks and not self._media:
            return None
        told = []
        if self._chunks:
            self._exchange.write_table(f"{self._name}/nodes", pl.concat(self._nodes).drop("legs"))
            told = ["naming", "claims"]
            self._exchange.write_table(f"{self._name}/told/naming", pl.concat(self._naming).unique())
            self._exchange.write_table(f"{self._name}/told/claims", without_repeats(pl.concat(self._claims)))
        group = Extracted(
            Group(self._name, []),
            {
                "chunks": self._chunks, "media": self._media, "tables": told, "points": [], "agents": [], "hosts": [],
                "rows": {}, "given_up": 0, "latest": None, "remembers": False, "known": 0,
            },
        )  # fmt: skip
        none = pl.DataFrame(schema={"_node": pl.Int64, "near": pl.Int64})
        return TakenBack(
            group,
            pl.concat([none, *self._pairs]),
            pl.concat([pl.Series(dtype=pl.Int64), *self._decided]).unique(),
            self._links,
        )
