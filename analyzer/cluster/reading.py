"""Captures to the exchange: each by itself, and in sequence those of which something goes on in the next.

What the store has had is read again as far as new captures go on with it, together with the first of these.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import analyzer
from analyzer.cluster import places
from analyzer.cluster.extraction import Group, How, extract, write_state
from analyzer.cluster.media import doubled
from analyzer.cluster.places import Folder
from analyzer.cluster.points import AGENTS, Extracted, Points, points_of, to_be_joined
from analyzer.errors import CaptureError
from analyzer.reading import native
from analyzer.reading.windows import Source, State
from analyzer.store.batch import Progress, Told
from analyzer.store.whole import Plan

if TYPE_CHECKING:
    from analyzer.cluster.scheduling import Tasks


@dataclass(frozen=True, slots=True)
class Read:
    """All that was extracted, in the order of the whole."""

    groups: list[Extracted]
    points: Points
    #: Messages before each file.
    before: dict[str, int]
    rows: int
    given_up: int


class Reading:
    """The captures of a plan, on their way to the exchange."""

    def __init__(
        self,
        plan: Plan,
        how: How,
        state: State | None,
        order: int,
        exchange: Folder,
        workers: Tasks,
        progress: Progress,
    ) -> None:
        """``state`` is what a store's last reading left, which has ``order`` messages."""
        self._plan, self._how, self._state, self._order = plan, how, state, order
        self._exchange, self._workers, self._progress = exchange, workers, progress
        self._context = [source for source in plan.sources if source.name not in plan.contents]

    def all(self) -> Read:
        """Reads them."""
        files = self._plan.new
        single = self._extract([[file] for file in files])
        refused = [extracted.group.files[0] for extracted in single if extracted.refused]
        single = sorted((one for one in single if not one.refused), key=lambda one: one.begins)
        if not single:
            raise CaptureError(files[0].name, 0, _reason(files[0].path))
        known, agents = (self._state[0], self._state[1]) if self._state is not None else ([], [])
        points = points_of(single, known, agents)
        if self._how.keys or self._how.esp_keys:
            # Keys open what began in any capture before.
            again = [[*self._context, *(one.group.files[0] for one in single)]]
        else:
            again = to_be_joined(single, points, self._context)
        if refused:
            # Read beside one that can be read, they are rows in `problems`.
            new = [files for files in again if any(file.name in self._plan.contents for file in files)]
            if not new:
                new = [[single[0].group.files[0]]]
                again = [*again, *new]
            new[0] += refused
        groups = self._joined(single, again, points)
        while again_joined := doubled(self._exchange, groups):
            seen = [[groups[number].group.files for number in numbers] for numbers in again_joined]
            again = [[file for files in of_points for file in files] for of_points in seen]
            groups = self._joined(groups, again, points)
        order = {one.group.files[0].name: number for number, one in enumerate(single)}
        groups.sort(key=lambda group: min(order.get(file.name, len(order)) for file in group.group.files))
        counts = {name: count for group in groups for name, count in group.told["rows"].items()}
        before, rows = {}, self._order
        for name in (*(file.name for file in self._context), *order, *(file.name for file in refused)):
            before[name] = rows
            rows += counts.get(name, 0)
        return Read(groups, points, before, rows, sum(group.told["given_up"] for group in groups))

    def _joined(
        self, groups: Sequence[Extracted], again: Sequence[Sequence[Source]], points: Points
    ) -> list[Extracted]:
        """These groups, but those whose captures are read together ``again``."""
        agents = {group.group.files[0].name: group.told["agents"] for group in groups}
        states = [self._begun(files, points, agents) for files in again]
        known = len(self._state[0]) if self._state is not None else 0
        pinned = [
            [_at_points(file, points, known) if state is not None else file for file in files]
            for files, state in zip(again, states, strict=True)
        ]
        read = self._extract(pinned, states)
        # Those that the store has had may be gone by now.
        read = [group for group in read if not group.refused]
        names = {file.name for group in read for file in group.group.files}
        return read + [group for group in groups if group.group.files[0].name not in names]

    def _begun(self, files: Sequence[Source], points: Points, agents: dict[str, list[str]]) -> State | None:
        """What the reading of these goes on with; None if it begins anew."""
        if self._state is None:
            return None
        known, known_agents, until, _, media = self._state
        own = {point for file in files for _, point in [*(file.hosts or []), *points.hosts.get(file.name, [])]}
        own = {point for point in own if point < len(known)}
        own |= {
            AGENTS + known_agents.index(agent)
            for file in files
            for agent in agents.get(file.name, [])
            if agent in known_agents
        }
        if not own:
            return None
        return known, known_agents, until, b"", native.core().merged_media([(media, {point: point for point in own})])

    def _extract(
        self, groups: Sequence[Sequence[Source]], states: Sequence[State | None] | None = None
    ) -> list[Extracted]:
        named = []
        for files, state in zip(groups, states or [None] * len(groups), strict=True):
            name = self.name_of(files, anew=state is None)
            if state is not None and not self._exchange.has(f"{name}/state.json"):
                write_state(self._exchange, f"{name}/state", state)
            named.append(Group(name, list(files), None if state is None else f"{name}/state"))
        sizes = [sum(file.size or 0 for file in files) for files in groups]
        found: dict[int, Extracted] = {}

        def done(number: int) -> None:
            found[number] = Extracted.of(named[number], self._exchange)
            messages = sum(sum(extracted.told.get("rows", {}).values()) for extracted in found.values())
            read = sum(sizes[number] for number in found)
            self._progress(Told(len(found), len(named), read, sum(sizes), messages, messages))

        self._workers.each(extract, [(group, self._how, self._exchange.place) for group in named], done)
        return [found[number] for number in range(len(named))]

    def name_of(self, files: Iterable[Source], *, anew: bool = True) -> str:
        """A name that is another where anything else would come out; ``anew``: whatever the store has."""
        contents = [
            (file.name, file.point, file.packets, dataclasses.astuple(self._plan.contents[file.name]))
            if file.name in self._plan.contents
            else (file.name, file.point, file.packets, file.size)
            for file in files
        ]
        how = dataclasses.asdict(self._how) | {"version": analyzer.__version__}
        told = json.dumps([contents, how, None if anew else self._order], default=str, sort_keys=True)
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def _at_points(file: Source, points: Points, known: int) -> Source:
    """A capture whose hosts are at the points that all captures give them, of those that were ``known``."""
    hosts = [(host, point) for host, point in points.hosts.get(file.name, []) if point < known]
    return replace(file, hosts=hosts) if hosts and file.hosts is None else file


def _reason(place: str) -> str:
    try:
        places.content(place)
    except OSError as error:
        return error.strerror or str(error)
    return "is no capture that can be read"
