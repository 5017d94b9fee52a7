"""One capture after the other, each of a moment, as one: which calls have ended, and which have failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.columns.times import SECOND
from analyzer.graph.graph import headers_below
from analyzer.reading import native
from analyzer.reading.windows import Source, State, Windows
from analyzer.store.settling import Settling

if TYPE_CHECKING:
    import polars as pl

#: Captures so young are read again with the next one (ns): fragments and segments of what began in them may come still.
_CONTEXT = 3 * SECOND
#: Messages of a window; a moment has fewer.
_WINDOW = 200_000


@dataclass
class Moment:
    """What a moment brought: ``calls`` that ended or failed, as rows of ``calls``, each once; ``again`` of them were
    told before and came out otherwise; ``of_calls`` their messages; ``messages`` read, ``open_calls`` still going on;
    ``dropped`` packets, as far as the captures say."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    again: set[int] = field(default_factory=set)
    of_calls: list[pl.DataFrame] = field(default_factory=list)
    messages: int = 0
    open_calls: int = 0
    dropped: int | None = None


class Following:
    """Reads captures one after the other. ``max_idle_s``: a call that was silent for so long is over."""

    def __init__(self, max_idle_s: float = 86_400.0) -> None:
        self._settling = Settling(max_idle_s)
        self._headers = native.header_names(headers_below(schema.TABLES))
        self._state: State | None = None
        self._recent: deque[tuple[int, Source]] = deque()
        #: The outcome of each open call that was told.
        self._told: dict[int, tuple[str, str | None]] = {}
        #: Whether media were captured, of any call.
        self._heard = False

    def take(self, path: Path, name: str, now: int | None = None) -> Moment:
        """The next capture. ``now`` (ns): by then all has come, if that is known."""
        source = Source(name, str(path), "live", path.stat().st_size)
        sources = [*(known for _, known in self._recent), source]
        moment = Moment()
        for window in Windows(sources, _WINDOW, threads=1, headers=self._headers, state=self._state).through():
            if window.last:
                continue
            moment.messages += window.core["messages"].height
            moment.dropped = window.core["files"]["dropped"].max() or moment.dropped  # type: ignore[assignment]
            self._heard |= any(window.core[name].height > 0 for name in ("rtp_streams", "open_rtp_streams"))
            self._settling.take(window, max(filter(None, (window.until or window.latest, now)), default=None))
            self._state = window.state or self._state
            self._remember(window.core["files"], window.hosts, source)
        return self._tell(moment)

    def passed(self, now: int) -> Moment:
        """Nothing came until now (ns): what waited for an answer may have waited too long."""
        self._settling.end = max(self._settling.end or now, now)
        return self._tell(Moment())

    def _remember(self, files: pl.DataFrame, hosts: list[Any], source: Source) -> None:
        for row, of_file in zip(files.iter_rows(named=True), hosts, strict=True):
            if row["file"] == source.name and row["last_at"] is not None:
                ended = int(row["last_at"].timestamp() * SECOND)
                known = Source(source.name, source.path, source.point, source.size, of_file, row["packets"])
                self._recent.append((ended, known))
        while self._recent and self._recent[0][0] < self._recent[-1][0] - _CONTEXT:
            self._recent.popleft()

    @property
    def read_again(self) -> set[str]:
        """Paths of captures that are needed still."""
        return {source.path for _, source in self._recent}

    def _tell(self, moment: Moment) -> Moment:
        open_calls: set[int] = set()
        for settled in self._settling.settled(all_of_it=True):
            found: list[int] = []
            for row in _calls(settled.tables["calls"]):
                key = row["call"]
                if not self._heard:
                    # Only SIP is captured: that there are no media of a call says nothing.
                    row["media"] = None
                outcome = (row["outcome"], row["outcome_detail"])
                over = _is_over(row)
                if over and self._told.get(key) != outcome:
                    if key in self._told:
                        moment.again.add(key)
                    moment.calls.append(row)
                    found.append(key)
                    self._told[key] = outcome
                if settled.open:
                    open_calls.add(key)
                    moment.open_calls += not over
            if found:
                messages = settled.tables["messages"]
                moment.of_calls.append(messages.filter(messages["call"].is_in(found)))
        # What is over comes no more.
        self._told = {key: outcome for key, outcome in self._told.items() if key in open_calls}
        moment.calls.sort(key=lambda row: row["ended_at"] or row["started_at"])
        return moment


def _calls(calls: pl.DataFrame) -> Iterator[dict[str, Any]]:
    return calls.iter_rows(named=True)


def _is_over(row: dict[str, Any]) -> bool:
    """A call that is set up is over when it has ended; one that failed when it did."""
    return row["outcome"] != "unfinished" and (row["answered_at"] is None or row["ended_at"] is not None)
