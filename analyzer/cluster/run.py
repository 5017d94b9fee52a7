"""A run by many workers: captures to the exchange, from there to the parts of a store, and one commit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import analyzer
from analyzer.cluster import places
from analyzer.cluster.exchange import Catalogue
from analyzer.cluster.extraction import TOLD, Group, How, extract
from analyzer.cluster.linking import link
from analyzer.cluster.partitions import near, partitions, spans, units_of
from analyzer.cluster.places import Folder
from analyzer.cluster.points import Extracted, Points, points_of, to_be_joined
from analyzer.cluster.rebuilding import rebuild
from analyzer.errors import AnalyzerError, CaptureError
from analyzer.reading import native
from analyzer.reading.windows import Window
from analyzer.store.batch import Done, Options, Progress, Told, begin, end_of
from analyzer.store.core_tables import columns_of
from analyzer.store.kept import Kept
from analyzer.store.layout import manifest_of
from analyzer.store.whole import Whole, plan
from analyzer.store.writing import Commit, recover

if TYPE_CHECKING:
    import polars as pl

    from analyzer.cluster.scheduling import Tasks

#: The folder of the exchange, in that of the store.
EXCHANGE = "exchange"
#: Silent transactions are forgotten so soon where nothing else is said (ns), as in the core.
_IDLE = 3_600 * 1_000_000_000


def run(
    origins: Iterable[str],
    folder: str | Path,
    workers: Tasks,
    options: Options,
    exchange: str | None = None,
    progress: Progress = lambda _: None,
) -> Done:
    """Reads captures, by paths or addresses, into a new store in ``folder``.

    ``exchange`` is a folder, or its address, that the workers and this process reach; without it, one in the store.
    Raises AnalyzerError where the store has captures already and there are others to add.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    recover(path)
    sources = _sources(list(origins), options)
    begin(path, sources, options)
    return _Run(path, sources, workers, options, _exchange(path.resolve(), exchange), progress).go()


def _exchange(store: Path, place: str | None) -> Folder:
    """The folder of a store's own in the exchange, which is removed at the end."""
    if place is None:
        return Folder(str(store / EXCHANGE))
    place = place if places.is_remote(place) else str(Path(place).resolve())
    own = hashlib.blake2b(str(store).encode(), digest_size=6).hexdigest()
    return Folder(f"{place.rstrip('/')}/sip-analyzer-{own}")


def _sources(origins: Sequence[str], options: Options) -> native.Sources:
    paths = [origin for origin in origins if not places.is_remote(origin)]
    given = (options.capture_points, options.link_types, options.keylog, options.esp_keys)
    if paths:
        found = native.sources(paths, *given)
    else:
        found = native.sources(["/dev/null"], *given)
        found.files.clear()
    for origin in origins:
        if places.is_remote(origin):
            found.files += [
                (place, place, native.capture_point(place, options.capture_points)) for place in places.captures(origin)
            ]
    return found


@dataclasses.dataclass(frozen=True)
class _Read:
    """All that was extracted, of the order of the whole."""

    groups: list[Extracted]
    points: Points
    #: Messages before each file.
    before: dict[str, int]
    rows: int
    given_up: int


class _Run:
    def __init__(
        self,
        folder: Path,
        sources: native.Sources,
        workers: Tasks,
        options: Options,
        exchange: Folder,
        progress: Progress,
    ) -> None:
        self._folder, self._workers, self._options, self._exchange = folder, workers, options, exchange
        self._progress = progress
        self._manifest = manifest_of(folder)
        how = self._manifest.options
        kept = Kept(folder, self._manifest)
        self._whole = Whole(kept, how["limits"].get("max_problems_per_code", native.PROBLEMS_PER_CODE))
        self._plan = plan(sources, self._whole.inputs, None, places.content)
        self._how = How(
            options.size, how["limits"], [tuple(pair) for pair in how["link_types"]], self._manifest.headers,
            how.get("keep_text", False), sources.keys, sources.esp_keys,
        )  # fmt: skip

    def go(self) -> Done:
        """Reads all that is new."""
        names = [source.name for source in self._plan.new]
        if names:
            if self._manifest.commit:
                raise AnalyzerError(
                    f"{self._folder}: has captures already, and {len(names)} are new: go on without --workers and"
                    " --scheduler; many workers write a store in one run"
                )
            self._read()
        self._exchange.remove()
        found = self._manifest.messages
        return Done(len(names), found if names else 0, found, self._plan.copies, self._whole.damaged(names))

    def _read(self) -> None:

        read = self._extracted()
        self._tell_whole(read)
        end = end_of(self._whole.files, max((group.told["latest"] or 0 for group in read.groups), default=None)) or 0
        known = f"{self._id}/catalogue.json", f"{self._id}/failures"
        self._catalogue(read).write(self._exchange, known[0])
        failures = self._every(read, "failures")
        self._exchange.write_table(known[1], failures)
        nodes = self._nodes(read)
        parts: list[str] = []
        if nodes.height:
            links, units = self._linked(nodes, read, known, end)
            parts = self._partitioned(nodes, links, units, known, end)
        self._done(read, parts, failures, end)

    # -- extraction ----------------------------------------------------------------------------------------------------

    def _extracted(self) -> _Read:
        files = [(source.name, source.path, source.point, source.size) for source in self._plan.new]
        single = self._extract([[file] for file in files])
        refused = [extracted.group.files[0] for extracted in single if extracted.refused]
        single = sorted((one for one in single if not one.refused), key=lambda one: one.begins)
        if not single:
            raise CaptureError(files[0][0], 0, _reason(files[0][1]))
        points = points_of(single)
        # Keys open what began in any capture before.
        joined = [single] if self._how.keys or self._how.esp_keys else to_be_joined(single, points)
        again = [[one.group.files[0] for one in files] for files in joined]
        if refused:
            # Read beside one that can be read, they are rows in `problems`.
            again = again or [[single[0].group.files[0]]]
            again[0] += refused
        groups = self._extract(again)
        of_joined = {file for group in groups for file in group.group.files}
        groups += [one for one in single if one.group.files[0] not in of_joined]
        order = {one.group.files[0][0]: number for number, one in enumerate(single)}
        groups.sort(key=lambda group: min(order.get(name, len(order)) for name, *_ in group.group.files))
        counts = {name: count for group in groups for name, count in group.told["rows"].items()}
        before, rows = {}, 0
        for name in (*order, *(name for name, *_ in refused)):
            before[name] = rows
            rows += counts.get(name, 0)
        return _Read(groups, points, before, rows, sum(group.told["given_up"] for group in groups))

    def _extract(self, groups: Sequence[Sequence[tuple[str, str, str | None, int | None]]]) -> list[Extracted]:
        named = [Group(self._name_of(files), list(files)) for files in groups]
        sizes = [sum(size or 0 for *_, size in files) for files in groups]
        found: dict[int, Extracted] = {}

        def done(number: int) -> None:
            found[number] = Extracted.of(named[number], self._exchange)
            messages = sum(sum(extracted.told.get("rows", {}).values()) for extracted in found.values())
            read = sum(sizes[number] for number in found)
            self._progress(Told(len(found), len(named), read, sum(sizes), messages, messages))

        self._workers.each(extract, [(group, self._how, self._exchange.place) for group in named], done)
        return [found[number] for number in range(len(named))]

    def _name_of(self, files: Iterable[tuple[str, str, str | None, int | None]]) -> str:
        """A name that is another where anything else would come out."""
        contents = [(name, point, dataclasses.astuple(self._plan.contents[name])) for name, _, point, _ in files]
        how = dataclasses.asdict(self._how) | {"version": analyzer.__version__}
        told = json.dumps([contents, how], default=str, sort_keys=True)
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()

    @cached_property
    def _id(self) -> str:
        """The name of the run, which has its own calls to put together."""
        return "run-" + self._name_of((source.name, source.path, source.point, None) for source in self._plan.new)

    # -- the whole -----------------------------------------------------------------------------------------------------

    def _tell_whole(self, read: _Read) -> None:
        """The tables of files, problems and packets."""
        import polars as pl

        hosts = []
        for group in read.groups:
            numbers = read.points.numbers(group)
            hosts += [[(host, numbers[at]) for host, at in of_file] for of_file in group.told["hosts"]]
        points = [
            " ".join(read.points.name(number) for number in sorted({number for _, number in of_file})) or None
            for of_file in hosts
        ]
        for last in (False, True):
            core = {name: self._told(read, f"{name}.last" if last else name, name) for name in TOLD}
            if not last:
                core["files"] = core["files"].with_columns(point=pl.Series(points, dtype=pl.String))
            self._whole.take(Window(core, hosts=[] if last else hosts, last=last), self._plan)

    def _told(self, read: _Read, name: str, table: str) -> pl.DataFrame:
        """A table that tells of all files, in their order."""
        import polars as pl

        found = [rows for group in read.groups for rows in group.table(name, self._exchange)]
        return pl.concat(found) if found else pl.DataFrame(schema=columns_of(table))

    def _every(self, read: _Read, table: str) -> pl.DataFrame:
        """What was told as it was read, and what of it was given up at the end."""
        import polars as pl

        return pl.concat([self._told(read, table, table), self._told(read, f"{table}.last", table)])

    def _catalogue(self, read: _Read) -> Catalogue:
        groups = {
            group.group.name: [
                (local, number, read.points.name(number)) for local, number in read.points.numbers(group).items()
            ]
            for group in read.groups
        }
        idle = int(self._manifest.options["limits"].get("max_transaction_idle_ns", _IDLE))
        return Catalogue(groups, read.before, idle)

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _nodes(self, read: _Read) -> pl.DataFrame:
        """What each chunk has of each Call-ID: ``_node first last rows invite cut``, ``group`` and ``chunk``."""
        import polars as pl

        names = [group.group.name for group in read.groups if group.told["chunks"]]
        found = [
            self._exchange.table(f"{name}/nodes").with_columns(group=pl.lit(number, pl.Int64), of=pl.lit(name))
            for number, name in enumerate(names)
        ]
        return pl.concat(found).with_columns(pl.col("of").cast(pl.Categorical)) if found else pl.DataFrame()

    def _linked(
        self, nodes: pl.DataFrame, read: _Read, known: tuple[str, str], end: int
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The links between legs, and the Call-IDs with what each belongs together with."""
        import polars as pl

        calls = nodes.group_by("_node").agg(
            pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum(), pl.col("invite", "cut").any()
        )
        tasks = []
        for number, (since, until) in enumerate(spans(calls.filter(pl.col("invite") | pl.col("cut")))):
            chosen = near(calls, since, until)
            if chosen.is_empty():
                continue
            name = f"{self._id}/links/{number}"
            self._put(name, nodes.join(chosen, on="_node", how="semi"))
            tasks.append((self._exchange.place, *known, name, since, until, end))
        self._workers.each(link, tasks, lambda _: None)
        names = [task[3] for task in tasks]
        pairs = [
            self._exchange.table(f"{name}/units").drop_nulls().rename({"_unit": "near"}).select("_node", "near")
            for name in names
        ]
        for group in read.groups:
            naming = group.table("naming", self._exchange)
            pairs += [rows.filter(pl.col("near").is_in(calls["_node"].implode())) for rows in naming]
        links = [self._exchange.table(f"{name}/links") for name in names]
        none = pl.DataFrame(schema={"_node": pl.Int64, "near": pl.Int64})
        units = units_of(calls, pl.concat([none, *pairs]))
        return pl.concat([_no_links(), *links]), units

    def _partitioned(
        self, nodes: pl.DataFrame, links: pl.DataFrame, units: pl.DataFrame, known: tuple[str, str], end: int
    ) -> list[str]:
        """The names of the partitions, all rebuilt."""
        tasks = []
        max_idle_s = self._manifest.options["max_idle_s"]
        of_calls = partitions(units).select("_node", "partition")
        own = nodes.join(of_calls, on="_node").partition_by("partition", as_dict=True)
        # Both ends of a link are of one unit, and so of one partition.
        linked = links.join(of_calls, on="_node", maintain_order="left").drop("_node")
        own_links = linked.partition_by("partition", as_dict=True, include_key=False)
        for number in sorted(own):
            name = f"{self._id}/parts/{number[0]}"
            self._put(name, own[number])
            self._exchange.write_table(f"{name}/links", own_links.get(number, links.clear().drop("_node")))
            tasks.append((self._exchange.place, *known, name, end, max_idle_s))
        self._workers.each(rebuild, tasks, lambda _: None)
        return [task[3] for task in tasks]

    def _put(self, name: str, own: pl.DataFrame) -> None:
        """Says to a task which Call-IDs are its own, and which chunks have them."""
        import polars as pl

        chunks = own.select("group", "of", "chunk").unique().sort("group", "chunk")
        self._exchange.write_table(f"{name}/nodes", own.select("_node").unique(maintain_order=True))
        self._exchange.write_table(f"{name}/chunks", chunks.select(pl.col("of").cast(pl.String), "chunk"))

    # -- the store -----------------------------------------------------------------------------------------------------

    def _done(self, read: _Read, names: Sequence[str], failures: pl.DataFrame, end: int) -> None:
        commit = Commit(self._folder, self._manifest)
        memories = []
        for name in names:
            for number, part in enumerate(json.loads(self._exchange.read(f"{name}/parts.json"))):
                fetch: dict[str, Callable[[Path], None]] = {
                    table: partial(self._exchange.fetch, f"{name}/{number}/{table}") for table in part["tables"]
                }
                commit.adopt(
                    part["hour"], part["messages"], part["begin"], part["last"], open_=part["open"], fetch=fetch
                )
            memories.append(self._exchange.read(f"{name}/memory"))
        for table, rows in self._whole.tables().items():
            commit.put(table, rows)
        commit.put_failures(failures)
        commit.put_tls(self._every(read, "tls_connections"))
        latest = max((group.told["latest"] for group in read.groups if group.told["latest"] is not None), default=None)
        idle = int(self._manifest.options["limits"].get("max_transaction_idle_ns", _IDLE))
        commit.put_memory(native.core().merged_memory(memories, latest or 0, idle))
        state = {
            "points": read.points.known, "agents": read.points.agents, "problem_counts": self._whole.counts,
            "until": None if latest is None else latest + 1,
        }  # fmt: skip
        self._manifest = commit.done(messages=read.rows - read.given_up, end=end, state=state)


def _no_links() -> pl.DataFrame:
    import polars as pl

    hashes = ("_leg", "_leg_from", "_call", "_call_from")
    ends = {"node_in": pl.String(), "node_out": pl.String()}
    return pl.DataFrame(schema={**dict.fromkeys(hashes, pl.Int64()), **ends, "_node": pl.Int64()})


def _reason(place: str) -> str:
    try:
        places.content(place)
    except OSError as error:
        return error.strerror or str(error)
    return "is no capture that can be read"
