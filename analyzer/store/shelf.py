"""What is carried on from window to window: rows of units that are alive, on disk, and in memory where they lie.

A *chunk* is what came in one window, a file for each table that has rows; it holds whatever follows its messages, so
that it needs no other. A *node* is a Call-ID (its hash), or the message itself where there is none. Memory holds a
*span* for each node in each chunk, and nothing of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.store.disk import full_disk_told
from analyzer.store.layout import MEDIA

if TYPE_CHECKING:
    import polars as pl

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
#: Those of them that lie in chunks.
OF_CORE = tuple(name for name in FOLLOWING if name not in MEDIA and name != "streams")
#: A span: its ``node``, and the ``unit`` that this may belong to (the least node of it); how many ``rows`` in which
#: ``chunk``, when they ``begin`` and the ``last`` was (ns). ``parked``: it was looked at and is alive, and is looked at
#: again when something comes, or at the time ``wake`` (ns).
SPAN = {
    "node": "Int64", "unit": "Int64", "chunk": "Int64", "rows": "UInt32", "begin": "Int64", "last": "Int64",
    "parked": "Boolean", "wake": "Int64",
}  # fmt: skip
#: Chunks of which less is alive are written together, into some of so many messages.
_SPARSE, _CHUNK = 0.5, 50_000


def types(columns: Mapping[str, str]) -> dict[str, Any]:
    """Columns by name, with their types by name, as Polars has them."""
    import polars as pl

    return {name: getattr(pl, kind) for name, kind in columns.items()}


def node() -> pl.Expr:
    """The node of a message, by the columns of the core."""
    import polars as pl

    return pl.coalesce("_call", "message")


class Shelf:
    """The chunks, in the folder given; without one they are kept in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        import polars as pl

        self._folder = folder
        self._kept: dict[int, Tables] = {}
        #: Tables and messages of each chunk.
        self._chunks: dict[int, tuple[list[str], int]] = {}
        self.spans = pl.DataFrame(schema=types(SPAN))
        self._next = 1
        #: Chunks that the last commit rests on stay until the next.
        self._rested_on: set[int] = set()

    @property
    def rows(self) -> int:
        """How many messages there are."""
        return int(self.spans["rows"].sum())

    def put(self, tables: Mapping[str, pl.DataFrame]) -> int:
        """Writes a chunk; returns its number."""
        chunk, self._next = self._next, self._next + 1
        found = {name: rows for name, rows in tables.items() if rows.height or name == "messages"}
        if self._folder is None:
            self._kept[chunk] = found
        else:
            with full_disk_told(self._folder.parents[1]):
                self._folder.mkdir(parents=True, exist_ok=True)
                for name, rows in found.items():
                    path = self._path(chunk, name)
                    rows.write_parquet(path, compression="zstd", compression_level=1, statistics=False)
        self._chunks[chunk] = (list(found), tables["messages"].height)
        return chunk

    def add(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Takes in messages, and what follows them."""
        import polars as pl

        messages = tables["messages"]
        if messages.is_empty():
            return
        of_nodes = messages.group_by(node=node(), maintain_order=True).agg(
            rows=pl.len(),
            begin=pl.col("_at").min(),
            last=pl.col("_at").max(),
        )
        known = self.spans.select("node", "unit").unique("node")
        new = of_nodes.join(known, on="node", how="left", maintain_order="left").with_columns(
            pl.coalesce("unit", "node").alias("unit"),
            chunk=pl.lit(self.put(tables), pl.Int64),
            parked=pl.lit(value=False),
            wake=pl.lit(None, pl.Int64),
        )
        self.spans = pl.concat([self.spans, new.select(self.spans.columns)])

    def of(
        self,
        nodes: pl.Series,
        columns: Mapping[str, list[str]] | None = None,
        brief: Sequence[pl.Expr] = (),
        *,
        parked: bool = True,
    ) -> Tables:
        """The rows of these nodes, chunk by chunk; of some tables and ``columns`` alone, those of messages ``brief`` in
        the place of what they replace; without what is ``parked``."""
        import polars as pl

        spans = self.spans.filter(pl.col("node").is_in(nodes.implode()))
        if not parked:
            spans = spans.filter(~pl.col("parked"))
        found: dict[str, list[pl.DataFrame]] = {}
        for (chunk,), own in spans.group_by("chunk", maintain_order=True):
            tables = self._read(int(str(chunk)), columns)
            if own["rows"].sum() < tables["messages"].height:
                tables = of(tables["messages"].filter(node().is_in(own["node"].implode())), tables)
            for name, rows in tables.items():
                found.setdefault(name, []).append(rows.with_columns(brief) if name == "messages" and brief else rows)
        return _together(found)

    def any(self, table: str, columns: list[str]) -> bool:
        """Whether a row of this table has a value in one of these columns."""
        import polars as pl

        tables = (self._read(chunk, {table: columns}).get(table) for chunk in self._chunks)
        return any(
            rows.select(pl.any_horizontal(pl.all().is_not_null()).any()).item() for rows in tables if rows is not None
        )

    def _read(self, chunk: int, columns: Mapping[str, list[str]] | None) -> Tables:
        import polars as pl

        names = [name for name in self._chunks[chunk][0] if columns is None or name in columns]
        if self._folder is None:
            kept = self._kept[chunk]
            return {name: kept[name] if columns is None else kept[name].select(columns[name]) for name in names}
        return {
            name: pl.read_parquet(self._path(chunk, name), columns=None if columns is None else columns[name])
            for name in names
        }

    def forget(self, nodes: pl.Series) -> None:
        """These are over."""
        import polars as pl

        self.spans = self.spans.filter(~pl.col("node").is_in(nodes.implode()))

    def park(self, nodes: pl.Series, wake: pl.DataFrame) -> None:
        """These are alive, and wait; ``wake``: until when those of a ``unit`` do at most."""
        import polars as pl

        theirs = pl.col("node").is_in(nodes.implode())
        times = wake.select("unit", _wake="wake")
        self.spans = self.spans.join(times, on="unit", how="left", maintain_order="left").with_columns(
            parked=pl.col("parked") | theirs, wake=pl.when(theirs).then("_wake").otherwise("wake")
        ).drop("_wake")  # fmt: skip

    def join(self, units: pl.DataFrame) -> None:
        """These nodes belong to these units (``node``, ``unit``)."""
        import polars as pl

        new = units.select("node", _unit="unit")
        self.spans = self.spans.join(new, on="node", how="left", maintain_order="left").with_columns(
            unit=pl.coalesce("_unit", "unit")
        ).drop("_unit")  # fmt: skip

    def tidy(self) -> None:
        """Removes chunks of which nothing is left, and writes those together of which little is, and that waits."""
        import polars as pl

        alive = self.spans.group_by("chunk").agg(pl.col("rows").sum(), pl.col("parked").all())
        kept = dict(alive.select("chunk", "rows").iter_rows())
        for chunk in [chunk for chunk in self._chunks if chunk not in kept]:
            self._remove(chunk)
        waits = alive.filter("parked")
        sparse = [
            (chunk, rows)
            for chunk, rows in waits.sort("chunk").select("chunk", "rows").iter_rows()
            if rows < _SPARSE * max(self._chunks[chunk][1], _CHUNK)
        ]
        while sum(rows for _, rows in sparse) >= _CHUNK:
            some, count = [], 0
            while count < _CHUNK:
                chunk, rows = sparse.pop(0)
                some.append(chunk)
                count += rows
            self._write_together(some)

    def _write_together(self, chunks: list[int]) -> None:
        import polars as pl

        found: dict[str, list[pl.DataFrame]] = {}
        theirs = pl.col("chunk").is_in(chunks)
        for chunk in chunks:
            tables = self._read(chunk, None)
            own = self.spans.filter(pl.col("chunk") == chunk)["node"]
            messages = tables["messages"].filter(node().is_in(own.implode()))
            for name, rows in of(messages, tables).items():
                found.setdefault(name, []).append(rows)
        new = self.put(_together(found))
        moved = self.spans.with_columns(chunk=pl.when(theirs).then(pl.lit(new, pl.Int64)).otherwise("chunk"))
        one = moved.filter(pl.col("chunk") == new).group_by("node", maintain_order=True).agg(
            pl.col("unit", "chunk").first(), pl.col("rows").sum(), pl.col("begin").min(), pl.col("last").max(),
            pl.col("parked").all(), pl.col("wake").max(),
        )  # fmt: skip
        self.spans = pl.concat([moved.filter(pl.col("chunk") != new), one.select(moved.columns)])
        for chunk in chunks:
            self._remove(chunk)

    def _remove(self, chunk: int) -> None:
        names, _ = self._chunks.pop(chunk)
        self._kept.pop(chunk, None)
        if self._folder is not None and chunk not in self._rested_on:
            for name in names:
                self._path(chunk, name).unlink(missing_ok=True)

    def _path(self, chunk: int, table: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{chunk:08d}-{table}.parquet"

    # -- for a run that goes on ----------------------------------------------------------------------------------------

    def committed(self) -> list[str]:
        """The names of the files that a commit rests on, from now on."""
        self._rested_on = set(self._chunks)
        return [self._path(chunk, name).name for chunk, (names, _) in self._chunks.items() for name in names]

    def go_on(self, spans: pl.DataFrame, names: Iterable[str]) -> None:
        """Takes in the chunks of a commit: files of these names."""
        import polars as pl

        self.spans = spans
        of_chunks: dict[int, list[str]] = {}
        for name in names:
            number, _, table = name.removesuffix(".parquet").partition("-")
            of_chunks.setdefault(int(number), []).append(table)
        for chunk, tables in of_chunks.items():
            height = pl.scan_parquet(self._path(chunk, "messages")).select(pl.len()).collect().item()
            self._chunks[chunk] = (tables, height)
        self._rested_on = set(self._chunks)
        self._next = max(self._chunks, default=0) + 1


def of(messages: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> Tables:
    """The rows of these messages: ``messages`` itself, what follows them, and the tables that have their keys."""
    found: Tables = {"messages": messages}
    keys: dict[str, pl.Series] = {}
    for name, rows in tables.items():
        if name == "messages":
            continue
        own, theirs = FOLLOWING.get(name) or ("message" if name == "odd" else schema.TABLES[name].names[0], "message")
        if rows.height and theirs not in keys:
            keys[theirs] = messages[theirs].drop_nulls().unique()
        found[name] = among(rows, own, keys[theirs]) if rows.height else rows
    return found


def among(rows: pl.DataFrame, column: str, keys: pl.Series) -> pl.DataFrame:
    """The rows that have one of these keys; all are not copied."""
    mask = rows[column].is_in(keys.implode()).fill_null(value=False)
    return rows if mask.all() else rows.filter(mask)


def _together(found: Mapping[str, list[pl.DataFrame]]) -> Tables:
    """The rows of several chunks, whose columns may stand in another order."""
    import polars as pl

    return {name: pl.concat([rows.select(every[0].columns) for rows in every]) for name, every in found.items()}
