"""A store read back: the tables of the core and those that it keeps ready, as much of them as is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.errors import AnalyzerError
from analyzer.reading import native
from analyzer.sip.in_dialog import TO_TAG_MISSING
from analyzer.store.core_tables import columns_of, core_columns
from analyzer.store.damage import Damage, unreadable
from analyzer.store.layout import DERIVED, MEDIA, WHOLE, Manifest, Part, changed, gone, manifest_of, path_from, path_of
from analyzer.store.settling import MENDED, ORDER
from analyzer.store.shelf import FOLLOWING

if TYPE_CHECKING:
    import polars as pl

    from analyzer.reading.export import MediaFlow
    from analyzer.reading.native import Output


#: Messages of a piece, about, unless a part has more.
_PIECE = 500_000
#: A message ends at most so long after its first byte (ns): segments of a stream wait for less.
_MARGIN = 600 * SECOND
#: A store is opened so often while another run goes on writing.
_ATTEMPTS = 20


class Kept:
    """A store, or the parts of it that hold some hours."""

    def __init__(self, folder: Path, manifest: Manifest, parts: list[Part] | None = None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._parts = parts
        #: Where it has the messages of some units alone.
        self._units: pl.Series | None = None
        self._checked: list[Part] | None = None
        #: Where files that cannot be read are left out: without it they are an error.
        self.damage: Damage | None = None
        self._whole: dict[str, pl.DataFrame] = {}

    @property
    def parts(self) -> list[Part]:
        """The parts that it reads."""
        parts = self.manifest.parts if self._parts is None else self._parts
        if self.damage is None:
            return parts
        if self._checked is None:
            self._checked = [part for part in parts if self.damage.is_sound(part)]
        return [part for part in self._checked if not self.damage.has(part)]

    def _of(self, parts: list[Part] | None, units: pl.Series | None = None) -> Kept:
        """Some parts of it."""
        found = Kept(self.folder, self.manifest, parts)
        found.damage, found._whole, found._units = self.damage, self._whole, units
        return found

    def between(self, since: int | None, until: int | None) -> Kept:
        """The parts that may have what began in a window of time (ns)."""
        parts = [
            part
            for part in (self.manifest.parts if self._parts is None else self._parts)
            if (since is None or part.last >= since) and (until is None or part.begin < until)
        ]
        return self._of(parts)

    def parted(self, since: int | None, until: int | None) -> tuple[Kept, Kept]:
        """The parts of which something may have begun outside of a window of time (ns), and the others."""
        begin = None if since is None else since + _MARGIN
        sides: tuple[list[Part], list[Part]] = ([], [])
        for part in self.parts:
            inside = (begin is None or part.begin >= begin) and (until is None or part.last < until)
            sides[inside].append(part)
        return self._of(sides[0]), self._of(sides[1])

    @classmethod
    def at(cls, folder: str | os.PathLike[str]) -> Kept:
        """The store in that folder, as it is now; raises AnalyzerError where there is none that can be read.

        Tables of the whole are read at once: a run that writes to the store meanwhile puts others in their place.
        """
        path = Path(folder)
        for _ in range(_ATTEMPTS):
            manifest = manifest_of(path)
            if not manifest.commit:
                raise AnalyzerError(
                    f"{path}: nothing is in this store yet; sip-analyzer batch CAPTURE... -o {path} fills it"
                )
            found = cls(path, manifest)
            found.damage = Damage(path, manifest)
            try:
                for name in WHOLE:
                    found.whole(name)
            except AnalyzerError:
                if manifest_of(path).commit == manifest.commit:
                    raise
                continue
            return found
        raise AnalyzerError(changed(path))

    def _paths(self, name: str) -> list[Path]:
        """The files of a table."""
        of_media = name in MEDIA or name == "streams"
        parts = (part for part in self.parts if not of_media or part.number >= self.manifest.media_from)
        files = (path_of(name, part) for part in parts)
        return [self.folder / file for file in files if self.damage is None or self.damage.is_readable(file)]

    def rows(
        self,
        name: str,
        columns: list[str] | None = None,
        *,
        where: pl.Expr | None = None,
        path: bool = False,
        ordered: bool = True,
    ) -> pl.DataFrame:
        """Rows of a table that is kept in parts, in the order of the whole unless that is no matter; ``path``: and in
        ``_path`` their file."""
        import polars as pl

        ordered = ordered and (name == "messages" or name in DERIVED)
        if not (paths := self._paths(name)):
            return pl.DataFrame(schema=_empty(name, columns) | ({"_path": pl.String()} if path else {}))
        if name == "messages" and self._units is not None:
            own = pl.col("_unit").is_in(self._units.implode())
            where = own if where is None else where & own

        def read(**how: Any) -> pl.DataFrame:
            how |= {"include_file_paths": "_path"} if path else {}
            found = pl.scan_parquet(paths, hive_partitioning=False, glob=False, **how)
            if where is not None:
                found = found.filter(where)
            if columns is not None:
                found = found.select(*columns, *(ORDER if ordered else ()), *(["_path"] if path else []))
            return found.collect()

        try:
            try:
                rows = read()
            except (pl.exceptions.ColumnNotFoundError, pl.exceptions.SchemaError):
                if columns is None:
                    raise
                # Parts that were written before a column was thought of have nothing in it.
                known = _empty(name, columns) | dict(pl.read_parquet_schema(paths[-1]))
                rows = read(schema=known, missing_columns="insert", extra_columns="ignore")
        except (pl.exceptions.ColumnNotFoundError, pl.exceptions.SchemaError) as error:
            if self.found_damage([name]):
                return self.rows(name, columns, where=where, path=path, ordered=ordered)
            told = str(error).partition(";")[0].partition("\n")[0]
            raise AnalyzerError(
                f"{self.folder}: another version of sip-analyzer made this store ({told}): make it anew from captures"
            ) from None
        except unreadable() as error:
            if self.found_damage([name]):
                return self.rows(name, columns, where=where, path=path, ordered=ordered)
            raise AnalyzerError(f"{self.folder}: a file of the store cannot be read: {error}") from None
        return _in_order(rows) if ordered else rows

    def scan(self, name: str, *more: str) -> pl.LazyFrame:
        """A table that is kept as it is, of which what is asked for is read, its units in any order; calls without
        their numbers. ``more``: columns of the core beside its own."""
        import polars as pl

        columns: dict[str, Any] = _empty(name, [*schema.TABLES[name].names, *more])
        columns = {column: kind for column, kind in columns.items() if column in more or column not in ORDER}
        if name == "calls":
            del columns["no"]
        if not (paths := self._paths(name)):
            return pl.DataFrame(schema=columns).lazy()
        # Parts that were written before a column was thought of have nothing in it.
        how: dict[str, Any] = {"missing_columns": "insert", "extra_columns": "ignore"}
        found = pl.scan_parquet(paths, hive_partitioning=False, glob=False, schema=columns, **how)
        if name == "calls" and not self.manifest.media:
            found = found.with_columns(media=pl.lit(None, columns["media"]))
        return found

    def found_damage(self, names: Iterable[str] = ("messages", *DERIVED)) -> bool:
        """Whether parts have to be left out, for a file of these tables cannot be read from end to end."""
        import polars as pl

        if self.damage is None:
            return False
        before = self.parts
        for part in before:
            for file in (path_of(name, part) for name in names):
                try:
                    if self.damage.is_readable(file):
                        pl.scan_parquet(self.folder / file, hive_partitioning=False, glob=False).collect()
                except unreadable():
                    self.damage.leave_out(part, file)
        return len(self.parts) < len(before)

    def of_calls(self, calls: pl.Series) -> Kept:
        """The same with the messages of the units of these calls alone."""
        import polars as pl

        units = self.rows("messages", ["_unit"], where=pl.col("message").is_in(calls.implode()))["_unit"]
        return self._of(self.parts, units.unique())

    def part_of(self, call: int) -> Part | None:
        """The part that has a call, with all messages of its unit."""
        import polars as pl

        found = self.numbers().filter(pl.col("call") == call)["part"]
        return next((part for part in self.parts if found.len() and part.number == found[0]), None)

    def around(self, own: Part, messages: int) -> Kept:
        """A part and those next to it in time, until there are so many messages."""
        near: list[Part] = []
        for part in sorted(self.parts, key=lambda part: (part is not own, abs(part.begin - own.begin), part.number)):
            if sum(each.messages for each in near) >= messages:
                break
            near.append(part)
        return self._of([part for part in self.parts if part in near])

    def is_large(self, most: int) -> bool:
        """Whether pieces of so many messages are several."""
        parts = self.manifest.parts if self._parts is None else self._parts
        return len(parts) > 1 and sum(part.messages for part in parts) > most

    def pieces(self, most: int | None = None) -> Iterator[Kept]:
        """The store in pieces of at most so many messages, or a part, in the order of its hours."""
        most = most or _PIECE
        piece: list[Part] = []
        for part in self.parts:
            if piece and sum(each.messages for each in piece) + part.messages > most:
                yield self._of(piece)
                piece = []
            piece.append(part)
        yield self._of(piece)

    def table(self, name: str) -> pl.DataFrame:
        """A table that is kept as it is: of :data:`DERIVED`, or ``messages``."""
        import polars as pl

        names = schema.TABLES[name].names
        found = self.rows(name, names).select(names)
        if name != "calls":
            return found
        if not self.manifest.media:
            # Of a call nothing was captured, and nothing of any other: that is not told of it.
            found = found.with_columns(media=pl.lit(None, found.schema["media"]))
        if self._parts is None:
            return found.with_columns(no=pl.int_range(1, pl.len() + 1))
        found = found.drop("no").join(self.numbers().drop("part"), on="call", how="left", maintain_order="left")
        return found.select(names)

    def numbers(self) -> pl.DataFrame:
        """``call no part``: the numbers of calls, by their begin in the whole store, and of their parts."""
        import polars as pl

        whole = self._of(None)
        # Of parts that turned out to be damaged since, no call is counted.
        known = f"calls of {len(whole.parts)} parts"
        if known not in self._whole:
            calls = whole.rows("calls", ["call"], path=True)
            parts = {os.fspath(self.folder / path_of("calls", part)): part.number for part in whole.parts}
            numbers = pl.col("_path").replace_strict(parts, return_dtype=pl.Int64)
            self._whole[known] = calls.select("call", no=pl.int_range(1, pl.len() + 1), part=numbers)
        return self._whole[known]

    def whole(self, name: str) -> pl.DataFrame:
        """A table of the whole."""
        import polars as pl

        if not self.manifest.commit:
            return pl.DataFrame(schema=_empty(name, None)).drop(ORDER, strict=False)
        if name not in self._whole:
            self._whole[name] = self._file(self.manifest.whole(name))
        return self._whole[name]

    def _file(self, name: str) -> pl.DataFrame:
        """A file of its own. Raises AnalyzerError where it cannot be read."""
        import polars as pl

        try:
            return pl.read_parquet(self.folder / name)
        except FileNotFoundError:
            now = manifest_of(self.folder).commit
            told = changed(self.folder) if now != self.manifest.commit else gone(self.folder, name)
            raise AnalyzerError(told) from None
        except unreadable() as error:
            raise AnalyzerError(
                f"{self.folder / name}: cannot be read ({error}): copy it from a backup, or make the store anew"
            ) from None

    @cached_property
    def gone(self) -> int:
        """How many captures behind the store are not there any more; a masked store has none."""
        if self.manifest.options.get("masked"):
            return 0
        files = ((path_from(path), size) for path, size in self.whole("inputs").select("path", "size").iter_rows())
        return sum(not os.path.exists(path) or os.path.getsize(path) < size for path, size in files)

    def tls(self) -> pl.DataFrame:
        """TLS connections, in the order in which they began. One that was given up when a run ended, and went on in the
        next, is that of the next."""
        import polars as pl

        none = pl.DataFrame(schema=columns_of("tls_connections"))
        rows = pl.concat([none, *(self._file(name) for name in self.manifest.tls)])
        ends = ("point", "file", "frame", "first_at", "src_ip", "src_port", "dst_ip", "dst_port")
        rows = rows.unique(ends, keep="last", maintain_order=True).sort("first_at", "frame", maintain_order=True)
        return rows.with_columns(connection=pl.int_range(1, pl.len() + 1))

    def media(self) -> dict[str, pl.DataFrame]:
        """Media as the core has them."""
        found = {name: self.rows(name) for name in MEDIA}
        return _media_as_read(found)

    def failures(self) -> pl.DataFrame:
        """Broken transports."""
        import polars as pl

        none = pl.DataFrame(schema=columns_of("failures"))
        return pl.concat([none, *(self._file(name) for name in self.manifest.failures)])

    def core(self, table: str, columns: set[str] | None) -> pl.DataFrame:
        """A table of the core beside those of the whole, as a reading gives it; of some tables these columns alone."""
        names = [name for name, _ in core_columns()[table] if columns is None or name in columns]
        if table == "messages":
            return _as_read(self.rows(table, [MENDED.get(name, name) for name in names])).select(names)
        rows = self.rows(table, names if table in ("descriptions", "evidence") else None)
        return rows.unique(maintain_order=True) if table == "descriptions" else rows

    def with_columns(self, messages: pl.DataFrame, columns: set[str] | None) -> pl.DataFrame:
        """All messages with further columns of the core."""
        names = [name for name, _ in core_columns()["messages"] if columns is None or name in columns]
        missing = {name for name in names if name not in messages.columns}
        return messages.hstack(self.core("messages", missing)) if missing else messages

    def unit_of(self, call: int) -> dict[str, pl.DataFrame]:
        """The tables of the core of the unit that a call is in."""
        import polars as pl

        if (part := self.part_of(call)) is not None and len(self.parts) > 1:
            return self._of([part]).unit_of(call)
        found = self.rows("messages", ["_unit"], where=pl.col("message") == call)
        unit = pl.col("_unit").is_in(found["_unit"].implode())
        messages = self.rows("messages", where=unit)
        core: dict[str, pl.DataFrame] = {}
        for name, (own, theirs) in FOLLOWING.items():
            if name in ("links", "texts", "streams"):
                continue
            keys = messages[theirs].unique().drop_nulls().implode()
            core[name] = self.rows(name, where=pl.col(own).is_in(keys))
        names = [name for name, _ in core_columns()["messages"]]
        core["messages"] = _as_read(messages.drop(MENDED)).select(names)
        return core | _media_as_read(core) | {"failures": self.failures()}

    def texts(self, keys: list[int]) -> dict[int, bytes]:
        """The bytes of messages, where they are kept."""
        import polars as pl

        found = self.rows("texts", where=pl.col("message").is_in(keys))
        return dict(found.select("message", "text").iter_rows())

    @cached_property
    def lent_tags(self) -> bool:
        """Whether a message was given the tag of its dialog, which the stored one does not have."""
        return TO_TAG_MISSING in self.rows("odd", ["code"])["code"]

    def links(self, legs: pl.Series | None = None) -> pl.DataFrame:
        """The strong links between legs, ``leg_correlation`` of the graph; those to ``legs`` alone."""
        import polars as pl

        where = None if legs is None else pl.col("_leg").is_in(legs.unique().implode())
        return self.rows("links", where=where).drop("_unit")


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the order of the whole: a column after another, so that all are not there twice."""
    import polars as pl

    order = rows.select(pl.arg_sort_by(ORDER, maintain_order=True)).to_series()
    columns = rows.get_columns()[::-1]
    del rows
    found = []
    while columns:
        found.append(columns.pop().rechunk().gather(order))
    return pl.DataFrame(found)


def _media_as_read(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Media without what the store knows of them, in the order of the whole."""
    import polars as pl

    streams = tables["rtp_streams"].sort("first_at", "frame", "ssrc", "src_port", maintain_order=True)
    order = streams.select("stream", _place=pl.int_range(pl.len()))
    found = {"rtp_streams": streams}
    for name, at in (("rtp_intervals", "begin"), ("rtp_events", "time")):
        rows = tables[name].join(order, on="stream", how="left", maintain_order="left")
        found[name] = rows.sort("_place", at, maintain_order=True)
    found["rtcp_reports"] = tables["rtcp_reports"].sort("first_at", "ssrc", "reporter", "src_port", "dst_port")
    found["msrp_sessions"] = tables["msrp_sessions"].sort("first_at", "frame", "src_port")
    return {name: rows.select([column for column, _ in core_columns()[name]]) for name, rows in found.items()}


def _as_read(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the names of the core for what was mended later."""
    return messages.rename({kept: name for name, kept in MENDED.items()}, strict=False)


def _empty(name: str, columns: list[str] | None) -> dict[str, Any]:
    import polars as pl

    if name == "links":
        return {"_leg": pl.Int64, "_leg_from": pl.Int64, "_call": pl.Int64, "_call_from": pl.Int64,
                "node_in": pl.String, "node_out": pl.String, "_unit": pl.Int64}  # fmt: skip
    found = columns_of(name)
    if name in schema.TABLES:
        found |= dict(schema.TABLES[name].polars())
    if name == "odd":
        found |= {"message": pl.Int64(), "code": pl.String(), "detail": pl.String()}
    found |= {
        "_transaction": pl.Int64(),
        "_retransmission": pl.Boolean(),
        "_unit": pl.Int64(),
        "_at": pl.Int64(),
        "_order": pl.Int64(),
        "_given_up": pl.Boolean(),
        "_goes_on": pl.Boolean(),
    }
    names = columns or list(found)
    return {column: found[column] for column in [*names, *(order for order in ORDER if order not in names)]}


class KeptReading:
    """A store in the place of a reading of captures (:class:`native.Reading`)."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.headers = list(kept.manifest.headers)

    @property
    def max_problems_per_code(self) -> int:
        limits = self.kept.manifest.options.get("limits", {})
        return int(limits.get("max_problems_per_code", native.PROBLEMS_PER_CODE))

    def again(self, _clocks: object = None) -> NoReturn:
        """Nothing is read again."""
        raise AnalyzerError("clocks cannot be set right in a store: read the captures with --align-clocks instead")

    def _captures(self) -> native.Sources:
        """The captures behind the store, as far as the commands that read them again need them: all of them."""
        files = self.kept.whole("inputs")
        if self.kept.manifest.options.get("masked"):
            raise AnalyzerError(f"{self.kept.folder}: is masked: what is only in the captures is not told")
        named = files.select("file", "path", "point").rows()
        found = native.Sources([(name, path_from(path), point) for name, path, point in named], self._link_types())
        for name, path, _ in found.files:
            if not Path(path).exists():
                raise AnalyzerError(
                    f"{name} is gone: packets, audio and texts of messages are in the captures, and not in the store"
                    f" {self.kept.folder}"
                )
        return found

    def _link_types(self) -> list[tuple[str, str]]:
        return [tuple(pair) for pair in self.kept.manifest.options.get("link_types", [])]

    def _reading(self, columns: list[str], headers: Iterable[str] = ()) -> native.Reading:
        limits = self.kept.manifest.options.get("limits") or None
        return native.Reading(self._captures(), 0, limits, columns, headers=list(headers))

    def more_headers(self, names: list[str]) -> pl.DataFrame:
        """Header fields that the store does not keep: from the captures, while they are there."""
        self.headers += names
        return self._reading(["message"], self.headers).tables()["headers"]

    def companions(self) -> dict[str, pl.DataFrame]:
        """Diameter and DNS, from the captures."""
        return self._reading(["message"]).companions()

    def fetch(self, rows: list[tuple[str, int, int, int]]) -> list[bytes | None]:
        """Texts of messages: those that are kept, else from the captures."""
        return self._reading(["message"]).fetch(rows)

    def export(
        self,
        rows: list[tuple[str, int, int, int]],
        flows: list[tuple[str, str, int, str, int]],
        media: list[MediaFlow],
        output: Output,
    ) -> int:
        """Packets, from the captures."""
        return self._reading(["message"]).export(rows, flows, media, output)

    def payloads(
        self, streams: list[tuple[str, int, str, int, int, bool]]
    ) -> list[list[tuple[int, int, int, int, bytes]]]:
        """Packets of streams, from the captures."""
        return self._reading(["message"]).payloads(streams)

    def media_heads(self, flows: list[MediaFlow], points: list[str]) -> Any:
        """Headers of media packets, from the captures."""
        return self._reading(["message"]).media_heads(flows, points)
