"""A run over captures that are to be in a store: what is new of them is read in windows, settled, and committed."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.errors import AnalyzerError, CaptureError
from analyzer.graph.graph import headers_below
from analyzer.reading import native
from analyzer.reading.windows import State, Window, Windows
from analyzer.store.index import Index
from analyzer.store.kept import Kept
from analyzer.store.layout import CHUNKS, NAME, Manifest, is_store, manifest_of, write_manifest
from analyzer.store.settling import Settled, Settling
from analyzer.store.shelf import of
from analyzer.store.whole import Whole, plan
from analyzer.store.writing import Commit, recover

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Options:
    """How a store is written; what the first run says holds for all that follow.

    ``keylog``, ``esp_keys``  files with keys of TLS and of IPsec; nothing of them is kept.
    ``size``        messages in a window, about.
    ``keep_text``   the bytes of messages are kept.
    ``max_idle_s``  a call that was silent for so long is over, whatever became of it; what comes later begins anew.
    """

    capture_points: tuple[str, ...] = ()
    link_types: tuple[str, ...] = ()
    keylog: tuple[str, ...] = ()
    esp_keys: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    max_idle_s: float = 86_400.0
    keep_text: bool = False
    threads: int = 0
    size: int = 30_000


@dataclass(frozen=True, slots=True)
class Told:
    """How far a run is."""

    files: int
    all_files: int
    bytes: int
    all_bytes: int
    messages: int
    open_messages: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: ``files`` and ``messages`` read, ``copies`` (name, and the capture that holds the same),
    ``damaged`` captures with the reason, and how many messages the store has."""

    files: int
    messages: int
    all_messages: int
    copies: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)


Progress = Callable[[Told], Any]


def run(
    origins: Iterable[str], folder: str | Path, options: Options = Options(), progress: Progress = lambda _: None
) -> Done:
    """Reads what is new of captures into the store in ``folder``, which is made where there is none."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    recover(path)
    sources = native.sources(
        list(origins), options.capture_points, options.link_types, options.keylog, options.esp_keys
    )
    begin(path, sources, options)
    return _Run(path, sources, options, progress).go()


def put_down(path: Path) -> None:
    """Writes what a run that did not end held as parts that are open."""
    manifest = manifest_of(path)
    if manifest.state.get("held"):
        _Run(path, native.Sources([], []), Options(), lambda _: None).put_down()


def begin(path: Path, sources: native.Sources, options: Options) -> None:
    """Makes a store where there is none. Raises AnalyzerError where it is one that is written once."""
    if is_store(path) and manifest_of(path).options.get("masked"):
        raise AnalyzerError(
            f"{path}: is a masked store, which is written once: calls that go on could not be told from others; write"
            " the captures into another one"
        )
    if not is_store(path) and (left := next((name for name in ("messages", "core") if (path / name).exists()), None)):
        raise AnalyzerError(
            f"{path}: has files of a store ({left}) and no {NAME}, which says what of them is valid: copy it from a"
            " backup, or write into an empty folder"
        )
    if not is_store(path):
        kept: dict[str, Any] = {"max_idle_s": options.max_idle_s, "link_types": sources.link_types}
        kept |= {"limits": dict(options.limits), "keep_text": options.keep_text}
        headers = native.header_names(headers_below(schema.TABLES))
        write_manifest(path, Manifest(options=kept, headers=headers))


class _Run:
    def __init__(self, folder: Path, sources: native.Sources, options: Options, progress: Progress) -> None:
        self._folder, self._options, self._progress = folder, options, progress
        self._manifest = manifest_of(folder)
        kept = Kept(folder, self._manifest)
        how = self._manifest.options
        self._whole = Whole(kept, how["limits"].get("max_problems_per_code", native.PROBLEMS_PER_CODE))
        self._state = state_of(folder, self._manifest)
        self._sources = sources
        cut = set(self._whole.files.filter("cut")["file"])
        self._plan = plan(sources, self._whole.inputs, self._state[2] if self._state else None, cut=cut)
        self._whole.goes_on([source.name for source in self._plan.new])
        self._settling = Settling(
            how["max_idle_s"], self._manifest.messages, self._manifest.end, options.size, folder / CHUNKS
        )
        self._index = Index(int(how["max_idle_s"] * SECOND))
        self._commit = Commit(folder, self._manifest)
        self._failures: list[pl.DataFrame] = []
        self._tls: list[pl.DataFrame] = []
        #: Messages that came since the last commit.
        self._new = 0

    def go(self) -> Done:
        """Reads all that is new."""
        before = self._manifest.messages
        if self._plan.new:
            self._check()
            self._read()
            self._leave_chunks()
        names = [source.name for source in self._plan.new]
        found = self._manifest.messages
        return Done(len(names), found - before, found, self._plan.copies, self._whole.damaged(names))

    def put_down(self) -> None:
        """Writes what is held."""
        self._take_back_open()
        for settled in self._settling.settled(all_of_it=True):
            self._commit.add(settled)
        self._done(Window({}), ended=True)
        self._leave_chunks()

    def _leave_chunks(self) -> None:
        """What is alive is in the store. A window behind the last file may tell of what had been held back, so that the
        chunks are wanted until then."""
        shutil.rmtree(self._folder / CHUNKS, ignore_errors=True)

    def _check(self) -> None:
        """Raises CaptureError where nothing of what is new can be opened."""
        if all(content.size < 0 for content in self._plan.contents.values()):
            source = self._plan.new[0]
            try:
                with open(source.path, "rb"):
                    reason = "is a directory, not a capture"
            except OSError as error:
                reason = error.strerror or str(error)
            raise CaptureError(source.name, 0, reason)

    def _read(self) -> None:
        self._take_back_open()
        windows = Windows(
            self._plan.sources,
            self._options.size,
            threads=self._options.threads,
            limits=self._manifest.options["limits"],
            link_types=[tuple(pair) for pair in self._manifest.options["link_types"]],
            headers=self._manifest.headers,
            state=self._state,
            texts=self._manifest.options.get("keep_text", False),
            keys=self._sources.keys,
            esp_keys=self._sources.esp_keys,
        )
        for window in windows.through(lambda: self._tell(windows)):
            self._take(window)
            # Nothing of it is held while the next is waited for.
            del window
            _give_back()
            self._tell(windows)

    def _tell(self, windows: Windows) -> None:
        done, messages = windows.progress()
        total = sum(source.size or 0 for source in self._plan.sources)
        files = self._whole.inputs.height
        self._progress(Told(files, len(self._plan.new), done, total, messages, self._settling.messages))

    def _take_back_open(self) -> None:
        """What the last run left open goes on; what it wrote may have to."""
        import polars as pl

        held = self._manifest.state.get("held", [])
        chunks = [Path(name).name for name in held if name.startswith(f"{CHUNKS}/")]
        tables = [name for name in held if not name.startswith(f"{CHUNKS}/")]
        for left in (self._folder / CHUNKS).glob("*"):
            if left.name not in chunks:
                left.unlink()
        if tables:
            self._settling.go_on({_table(name): pl.read_parquet(self._folder / name) for name in tables}, chunks)
        for part in list(self._commit.parts):
            if part.open:
                self._settling.restore(self._commit.tables(part))
                self._commit.remove(part)
            elif self._manifest.end is None or part.last >= self._manifest.end - self._index.max_idle:
                self._index.add(part, Kept(self._folder, self._manifest, [part]).rows("messages", ["_call"]))
        self._settling.restore_failures(Kept(self._folder, self._manifest).failures())

    def _take(self, window: Window) -> None:
        if window.last and not _has_rows(window):
            return
        self._take_back_late(window)
        self._whole.take(window, self._plan)
        if window.until is None:
            self._whole.grew(self._plan)
        self._failures.append(window.core["failures"])
        self._tls.append(window.core["tls_connections"])
        end = window.until
        if end is None:
            end = end_of(self._whole.files, window.latest)
        self._settling.take(window, end)
        self._new += window.core["messages"].height
        # It is with the others now, and takes as much room as they do while tables are made.
        window.core.clear()
        _give_back()
        # All that is to be read has been: what is alive is told too.
        ended = window.until is None
        for settled in self._settling.settled(all_of_it=ended):
            part = self._commit.add(settled)
            if not settled.open:
                self._index.add(part, settled.tables["messages"])
        if ended or (window.state is not None and self._new >= min(self._options.size // 2, self._settling.messages)):
            self._done(window, ended=ended)

    def _take_back_late(self, window: Window) -> None:
        """Units that were written and go on after all are taken out of their parts."""
        import polars as pl

        for part, calls in self._index.touched(window.core["messages"], self._settling.end):
            tables = self._commit.tables(part)
            messages = tables["messages"]
            units = messages.filter(pl.col("_call").is_in(calls.implode()))["_unit"]
            late = pl.col("_unit").is_in(units.unique().implode())
            self._settling.restore(of(messages.filter(late), tables))
            self._commit.remove(part)
            self._index.forget(part)
            if (rest := messages.filter(~late)).height:
                self._index.add(self._commit.add(Settled(part.hour, of(rest, tables))), rest)

    def _done(self, window: Window, *, ended: bool) -> None:
        """Commits, so that a run that is killed goes on from here."""
        import polars as pl

        for name, rows in self._whole.tables().items():
            self._commit.put(name, rows)
        self._commit.put_failures(pl.concat(self._failures))
        self._commit.put_tls(pl.concat(self._tls))
        self._failures, self._tls = [], []
        self._new = 0
        if not ended:
            self._commit.put_held(self._settling.held(), self._settling.chunks())
        if window.state is None:
            assert self._state is not None
            points, agents, until, *_ = self._state
            memory = (self._folder / self._manifest.memory).read_bytes()
            if not self._manifest.state.get("media"):
                memory = joined_memory(memory, b"")
        else:
            points, agents, until, copies, media = window.state
            memory = joined_memory(copies, media)
        self._commit.put_memory(memory)
        # What the core remembers is large; the last commit has it.
        self._state = points, agents, until, b"", b""
        points = [(name, file, self._believed(first), self._believed(last)) for name, file, first, last in points]
        until, end = (at if at is None else self._believed(at) for at in (until, self._settling.end))
        told = {"points": points, "agents": agents, "until": until, "problem_counts": self._whole.counts, "media": True}
        self._manifest = self._commit.done(messages=self._settling.order, end=end, state=told)
        # What is open is held here still; the next commit writes it anew.
        self._commit = Commit(self._folder, self._manifest)
        for part in [part for part in self._commit.parts if part.open]:
            self._commit.remove(part)

    def _believed(self, at: int) -> int:
        """The time (ns) of a packet. One in the future came by a wrong clock: what is read another time is not late for
        its sake, and goes on behind the last packet of the others."""
        if at <= (now := time.time_ns()):
            return at
        ends = self._whole.files["last_at"].drop_nulls().to_physical()
        return max((end + 1 for end in ends if end < now), default=now)


def _give_back() -> None:
    """Gives free memory back to the system: threads of the core end with each window, and the C library keeps them."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _table(name: str) -> str:
    """The table that is in a file of what is held: ``state/messages-00000003.parquet``."""
    return Path(name).name.rpartition("-")[0]


def _has_rows(window: Window) -> bool:
    return any(
        window.core[name].height for name in ("messages", "account", "problem_counts", "failures", "tls_connections")
    )


def end_of(files: pl.DataFrame, latest: int | None) -> int | None:
    """The time (ns) of the last packet of these files."""
    import polars as pl

    ends = files.select(pl.max_horizontal("last_at", "ended_at").cast(pl.Int64)).to_series().drop_nulls().to_list()
    return max([*ends, *([] if latest is None else [latest])], default=None)


def joined_memory(copies: bytes, media: bytes) -> bytes:
    """What the core remembers of messages and of media, as a commit has it."""
    return len(copies).to_bytes(8, "little") + copies + media


def state_of(folder: Path, manifest: Manifest) -> State | None:
    """What the core goes on with."""
    if not manifest.commit:
        return None
    told = manifest.state
    points = [tuple(point) for point in told["points"]]
    memory = (folder / manifest.memory).read_bytes()
    if not told.get("media"):
        return points, told["agents"], told["until"], memory, b""
    length = 8 + int.from_bytes(memory[:8], "little")
    return points, told["agents"], told["until"], memory[8:length], memory[length:]
