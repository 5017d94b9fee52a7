"""A run by many workers: captures to the exchange, from there to the parts of a store, and one commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.cluster import places
from analyzer.cluster.earlier import TakenBack, take_back
from analyzer.cluster.exchange import Catalogue
from analyzer.cluster.extraction import TOLD, How
from analyzer.cluster.linking import MARGIN, link
from analyzer.cluster.media import Heard, renamed
from analyzer.cluster.partitions import near, partitions, spans, units_of
from analyzer.cluster.places import Folder
from analyzer.cluster.points import AGENTS, Extracted
from analyzer.cluster.reading import Read, Reading
from analyzer.cluster.rebuilding import rebuild
from analyzer.reading import native
from analyzer.reading.windows import Window
from analyzer.store import batch, units
from analyzer.store.batch import Done, Options, Progress, begin, end_of, joined_memory, state_of
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
#: Copies come so much later at most (ns): more than the core looks back.
_COPIES = 600 * 1_000_000_000


def run(
    origins: Iterable[str],
    folder: str | Path,
    workers: Tasks,
    options: Options,
    exchange: str | None = None,
    progress: Progress = lambda _: None,
) -> Done:
    """Reads what is new of captures, by paths or addresses, into the store in ``folder``, which is made where there is
    none.

    ``exchange`` is a folder, or its address, that the workers and this process reach; without it, one in the store.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    recover(path)
    sources = _sources(list(origins), options)
    begin(path, sources, options)
    batch.put_down(path)
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
        self._folder, self._workers, self._exchange = folder, workers, exchange
        self._manifest = manifest_of(folder)
        how = self._manifest.options
        self._whole = Whole(
            Kept(folder, self._manifest), how["limits"].get("max_problems_per_code", native.PROBLEMS_PER_CODE)
        )
        self._state = state_of(folder, self._manifest)
        until = self._state[2] if self._state is not None else None
        cut = set(self._whole.files.filter("cut")["file"])
        self._plan = plan(sources, self._whole.inputs, until, places.content, cut)
        self._whole.goes_on([source.name for source in self._plan.new])
        asked = How(
            options.size, how["limits"], [tuple(pair) for pair in how["link_types"]], self._manifest.headers,
            how.get("keep_text", False), sources.keys, sources.esp_keys,
        )  # fmt: skip
        order = self._manifest.messages
        self._reading = Reading(self._plan, asked, self._state, order, exchange, workers, progress)
        self._idle = int(how["limits"].get("max_transaction_idle_ns", _IDLE))
        self._commit = Commit(folder, self._manifest)

    def go(self) -> Done:
        """Reads all that is new."""
        before = self._manifest.messages
        names = [source.name for source in self._plan.new]
        if names:
            self._read()
        self._exchange.remove()
        found = self._manifest.messages
        return Done(len(names), found - before, found, self._plan.copies, self._whole.damaged(names))

    def _read(self) -> None:
        import polars as pl

        read = self._reading.all()
        #: The name of the run, which has its own calls to put together.
        self._id = "run-" + self._reading.name_of(self._plan.sources, anew=False)
        self._tell_whole(read)
        end = end_of(self._whole.files, max((group.told["latest"] or 0 for group in read.groups), default=None)) or 0
        taken = self._taken_back(read) if self._state is not None else None
        known = f"{self._id}/catalogue.json", f"{self._id}/failures"
        self._catalogue(read).write(self._exchange, known[0])
        failures = self._every(read, "failures")
        earlier = Kept(self._folder, self._manifest).failures()
        self._exchange.write_table(known[1], pl.concat([earlier, failures]))
        groups = read.groups if taken is None else [*read.groups, taken.group]
        nodes = self._nodes(groups)
        heard = Heard(self._exchange, groups, read.points)
        links, of_units = self._linked(nodes, groups, heard.pairs, known[0], taken)
        parts = self._partitioned(nodes, links, of_units, heard, known, end)
        self._done(read, parts, failures, end)

    def _taken_back(self, read: Read) -> TakenBack | None:
        """What the store has of calls that go on."""
        import polars as pl

        new = self._nodes(read.groups).group_by("_node").agg(pl.col("first").min())
        numbers = {number for group in read.groups if group.told["known"] for number in read.points.numbers(group)}
        names = {read.points.name(number) for number in numbers}
        return take_back(self._folder, self._manifest, self._commit, self._exchange, f"{self._id}/earlier", new, names)

    # -- the whole -----------------------------------------------------------------------------------------------------

    def _tell_whole(self, read: Read) -> None:
        """The tables of files, problems and packets."""
        import polars as pl

        hosts = []
        for group in read.groups:
            numbers = read.points.numbers(group)
            hosts += [[(host, numbers[at]) for host, at in of_file] for _, of_file in group.told["hosts"]]
        points = [
            " ".join(read.points.name(number) for number in sorted({number for _, number in of_file})) or None
            for of_file in hosts
        ]
        for last in (False, True):
            core = {name: self._told(read, f"{name}.last" if last else name, name) for name in TOLD}
            if not last:
                core["files"] = core["files"].with_columns(point=pl.Series(points, dtype=pl.String))
            self._whole.take(Window(core, hosts=[] if last else hosts, last=last), self._plan)

    def _told(self, read: Read, name: str, table: str) -> pl.DataFrame:
        """A table that tells of all files, in their order."""
        import polars as pl

        found = []
        for group in read.groups:
            names = read.points.renamed(group) if table == "tls_connections" else {}
            found += [renamed(rows, names) for rows in group.table(name, self._exchange)]
        return pl.concat(found) if found else pl.DataFrame(schema=columns_of(table))

    def _every(self, read: Read, table: str) -> pl.DataFrame:
        """What was told as it was read, and what of it was given up at the end."""
        import polars as pl

        return pl.concat([self._told(read, table, table), self._told(read, f"{table}.last", table)])

    def _catalogue(self, read: Read) -> Catalogue:
        groups = {
            group.group.name: [
                (local, number, read.points.name(number)) for local, number in read.points.numbers(group).items()
            ]
            for group in read.groups
        }
        names = {group.group.name: read.points.renamed(group) for group in read.groups}
        memory = None
        if self._state is not None:
            memory = f"{self._id}/memory"
            self._exchange.write(memory, self._state[3])
        until = (self._manifest.end or 0) + self._idle + _COPIES
        return Catalogue(groups, names, read.before, self._idle, memory, until)

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _nodes(self, groups: Sequence[Extracted]) -> pl.DataFrame:
        """What each chunk has of each Call-ID: ``_node first last rows invite cut``, ``group`` and ``chunk``."""
        import polars as pl

        names = [group.group.name for group in groups if group.told["chunks"]]
        found = [
            self._exchange.table(f"{name}/nodes").with_columns(group=pl.lit(number, pl.Int64), of=pl.lit(name))
            for number, name in enumerate(names)
        ]
        numbers = dict.fromkeys(("_node", "first", "last", "rows"), pl.Int64())
        flags = dict.fromkeys(("invite", "cut"), pl.Boolean())
        where = {"chunk": pl.Int64(), "group": pl.Int64(), "of": pl.String()}
        none = pl.DataFrame(schema={**numbers, **flags, **where})
        return pl.concat([none, *found]).with_columns(pl.col("of").cast(pl.Categorical))

    def _linked(
        self, nodes: pl.DataFrame, groups: Sequence[Extracted], heard: pl.DataFrame, known: str, taken: TakenBack | None
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The links between legs, and the Call-IDs with what each belongs together with; ``heard`` are those that may
        claim the same media."""
        import polars as pl

        calls = nodes.group_by("_node").agg(
            pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum(), pl.col("invite", "cut").any()
        )
        tasks = []
        # What the last run decided stays.
        pending = calls if taken is None else calls.filter(pl.col("last") >= self._decided() - MARGIN)
        for number, (since, until) in enumerate(spans(pending.filter(pl.col("invite") | pl.col("cut")))):
            chosen = near(pending, since, until)
            if chosen.is_empty():
                continue
            name = f"{self._id}/links/{number}"
            self._put(name, nodes.join(chosen, on="_node", how="semi"))
            tasks.append((self._exchange.place, known, name, since, until))
        self._workers.each(link, tasks, lambda _: None)
        names = [task[2] for task in tasks]
        pairs = [heard.select(_node="node", near="near")]
        pairs += [
            self._exchange.table(f"{name}/units").drop_nulls().rename({"_unit": "near"}).select("_node", "near")
            for name in names
        ]
        for group in groups:
            naming = group.table("naming", self._exchange)
            pairs += [rows.filter(pl.col("near").is_in(calls["_node"].implode())) for rows in naming]
        links = pl.concat([_no_links(), *(self._exchange.table(f"{name}/links") for name in names)])
        if taken is not None:
            pairs.append(taken.pairs)
            links = links.filter(~pl.col("_leg").is_in(taken.decided.implode()))
            links = pl.concat([links, *(rows.select(links.columns) for rows in taken.links)])
        return links, units_of(calls, pl.concat(pairs))

    def _decided(self) -> int:
        """Links of legs that began before this time (ns) were decided when the last run ended."""
        return (self._manifest.end or 0) - units.LINKED

    def _partitioned(
        self,
        nodes: pl.DataFrame,
        links: pl.DataFrame,
        of_units: pl.DataFrame,
        heard: Heard,
        known: tuple[str, str],
        end: int,
    ) -> list[str]:
        """The names of the partitions, all rebuilt."""
        tasks = []
        max_idle_s = self._manifest.options["max_idle_s"]
        of_calls = partitions(of_units).select("_node", "partition")
        own = nodes.join(of_calls, on="_node").partition_by("partition", as_dict=True)
        # Both ends of a link are of one unit, and so of one partition.
        linked = links.join(of_calls, on="_node", maintain_order="left").drop("_node")
        own_links = linked.partition_by("partition", as_dict=True, include_key=False)
        count = 1 + max((number for (number,) in own), default=0)
        shares = heard.shares(of_calls.rename({"_node": "node"}), count)
        own_shares = shares.partition_by("partition", as_dict=True, include_key=False)
        for number in sorted({*own, *own_shares}):
            name = f"{self._id}/parts/{number[0]}"
            self._put(name, own.get(number, nodes.clear()))
            self._exchange.write_table(f"{name}/links", own_links.get(number, links.clear().drop("_node")))
            self._exchange.write_table(f"{name}/media", own_shares.get(number, shares.clear().drop("partition")))
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

    def _done(self, read: Read, names: Sequence[str], failures: pl.DataFrame, end: int) -> None:
        commit = self._commit
        memories = [] if self._state is None else [self._state[3]]
        for name in names:
            for number, part in enumerate(json.loads(self._exchange.read(f"{name}/parts.json"))):
                fetch: dict[str, Callable[[Path], None]] = {
                    table: partial(self._exchange.fetch, f"{name}/{number}/{table}") for table in part["tables"]
                }
                commit.adopt(
                    *(part[told] for told in ("hour", "messages", "begin", "last")),
                    open_=part["open"], media=part["media"], fetch=fetch,
                )  # fmt: skip
            if self._exchange.has(f"{name}/memory"):
                memories.append(self._exchange.read(f"{name}/memory"))
        for table, rows in self._whole.tables().items():
            commit.put(table, rows)
        commit.put_failures(failures)
        commit.put_tls(self._every(read, "tls_connections"))
        latest = max((group.told["latest"] for group in read.groups if group.told["latest"] is not None), default=None)
        until = None if latest is None else latest + 1
        if self._state is not None:
            until = max((at for at in (until, self._state[2]) if at is not None), default=None)
        copies = native.core().merged_memory(memories, (until or 1) - 1, self._idle)
        commit.put_memory(joined_memory(copies, native.core().merged_media(self._media_memories(read))))
        state = {
            "points": read.points.known, "agents": read.points.agents, "problem_counts": self._whole.counts,
            "until": until, "media": True,
        }  # fmt: skip
        self._manifest = commit.done(messages=read.rows - read.given_up, end=end, state=state)

    def _media_memories(self, read: Read) -> list[tuple[bytes, dict[int, int]]]:
        """What is remembered of media that go on, with the points of each."""
        found = [
            (self._exchange.read(f"{group.group.name}/media/memory"), read.points.numbers(group))
            for group in read.groups
            if group.told["remembers"]
        ]
        if self._state is not None:
            again = {number for group in read.groups if group.told["known"] for number in read.points.numbers(group)}
            known = [*range(len(self._state[0])), *(AGENTS + at for at in range(len(self._state[1])))]
            found.append((self._state[4], {number: number for number in known if number not in again}))
        return found


def _no_links() -> pl.DataFrame:
    import polars as pl

    hashes = ("_leg", "_leg_from", "_call", "_call_from")
    ends = {"node_in": pl.String(), "node_out": pl.String()}
    return pl.DataFrame(schema={**dict.fromkeys(hashes, pl.Int64()), **ends, "_node": pl.Int64()})
