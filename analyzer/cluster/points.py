"""Whose capture points are which, and which captures have to be read together.

Each capture is read by itself first. The core then says, by the times of their hosts, which of them one capture point
wrote (``pipeline/points.rs``). Where a capture has anything but SIP in datagrams, packets of TCP, SCTP, TLS or media
may go on in the next one: all captures of its point are read in sequence, by one task. Where one ends in the middle of
a fragmented datagram, it is read together with the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analyzer.cluster.extraction import Group
from analyzer.cluster.places import Folder
from analyzer.reading import native
from analyzer.reading.windows import Source
from analyzer.store.whole import natural

if TYPE_CHECKING:
    import polars as pl

_LATEST = (1 << 63) - 1
#: The numbers of HEP agents begin here (``observation/points.rs``).
AGENTS = 1 << 15


@dataclass(frozen=True, slots=True)
class Extracted:
    """What is told of captures that one task read."""

    group: Group
    told: dict[str, Any]

    @classmethod
    def of(cls, group: Group, exchange: Folder) -> Extracted:
        return cls(group, json.loads(exchange.read(f"{group.name}/told.json")))

    @property
    def refused(self) -> bool:
        """Not one of them could be read."""
        return "refused" in self.told

    @property
    def begins(self) -> tuple[int, Any]:
        """The place of a single capture among all, as the core orders them: by its first packet, else by name."""
        points = self.told.get("points") or []
        first = points[0][2] if points else _LATEST
        return (_LATEST if first == -_LATEST - 1 else first, natural(self.group.files[0].name))

    def table(self, name: str, exchange: Folder) -> list[pl.DataFrame]:
        """One of the tables that tell of files, where it has rows."""
        return [exchange.table(f"{self.group.name}/told/{name}")] if name in self.told["tables"] else []


@dataclass(frozen=True, slots=True)
class Points:
    """All capture points: of each file the point of each host, the names of the points, and of the HEP agents;
    ``known`` as a window's state has them."""

    hosts: dict[str, list[tuple[int, int]]]
    names: list[str]
    agents: list[str]
    known: list[tuple[str | None, str, int, int]]

    def numbers(self, extracted: Extracted) -> dict[int, int]:
        """The number of each point as those captures have it, and as all have it."""
        told = extracted.told
        found = {point: point for point in range(told["known"])}
        for name, hosts in told["hosts"]:
            of_all = dict(self.hosts.get(name, []))
            found |= {point: of_all[host] for host, point in hosts if host in of_all}
        return found | {AGENTS + at: AGENTS + self.agents.index(agent) for at, agent in enumerate(told["agents"])}

    def renamed(self, extracted: Extracted) -> dict[str, str]:
        """The name of each point as those captures have it, and as all have it."""
        names, unnamed = [], 0
        for name, *_ in extracted.told["points"]:
            unnamed += name is None
            names.append(name or f"point{unnamed}")
        numbers = self.numbers(extracted)
        return {name: self.name(numbers[local]) for local, name in enumerate(names) if local in numbers}

    def name(self, number: int) -> str:
        """The name of the point of that number."""
        return self.agents[number - AGENTS] if number >= AGENTS else self.names[number]


def points_of(
    single: Sequence[Extracted], known: list[tuple[str | None, str, int, int]], known_agents: Sequence[str]
) -> Points:
    """The points of captures that were each read by itself, in the order in which they begin; ``known`` are those of
    captures that the store has had."""
    files = []
    for extracted in single:
        file = extracted.group.files[0]
        points, hosts = extracted.told["points"], extracted.told["hosts"]
        of_file = sorted(hosts[0][1], key=lambda host: host[1]) if hosts else []
        of_hosts = [(host, points[at][2], points[at][3]) for host, at in of_file]
        files.append((file.name, file.point, of_hosts, file.hosts))
    hosts, names, known = native.core().assigned_points(files, known)
    agents = dict.fromkeys([*known_agents, *(agent for extracted in single for agent in extracted.told["agents"])])
    by_file = {name: of_file for (name, *_), of_file in zip(files, hosts, strict=True)}
    return Points(by_file, names, list(agents), known)


def to_be_joined(single: Sequence[Extracted], points: Points, context: Sequence[Source]) -> list[list[Source]]:
    """The captures that have to be read together, of those that were each read by itself, and of those of the store
    that are read again before them: ``context``."""
    files = [*context, *(extracted.group.files[0] for extracted in single)]
    # Of the store's it is known that something may go on.
    told = [{"held": True, "single": True, "agents": []}] * len(context) + [extracted.told for extracted in single]
    by_point: dict[int, list[int]] = {}
    for at, file in enumerate(files):
        hosts = (file.hosts or []) if at < len(context) else points.hosts[file.name]
        for point in {point for _, point in hosts}:
            by_point.setdefault(point, []).append(at)
        for agent in told[at]["agents"]:
            by_point.setdefault(AGENTS + points.agents.index(agent), []).append(at)
    joined = _Joined(len(files))
    for of_point in by_point.values():
        if not all(told[at]["single"] for at in of_point):
            joined.join(of_point)
        for one, next_one in pairwise(of_point):
            if told[one]["held"]:
                joined.join([one, next_one])
    # What grew goes on with itself.
    alone = {at for at, file in enumerate(files) if at < len(context) or file.hosts is not None}
    sets = [of_set for of_set in joined.sets() if len(of_set) > 1 or of_set[0] in alone]
    return [[files[at] for at in of_set] for of_set in sets]


class _Joined:
    """Numbers that are joined to sets."""

    def __init__(self, count: int) -> None:
        self._of = list(range(count))

    def join(self, numbers: Iterable[int]) -> None:
        roots = {self._root(number) for number in numbers}
        for root in roots:
            self._of[root] = min(roots)

    def _root(self, number: int) -> int:
        while self._of[number] != number:
            self._of[number] = number = self._of[self._of[number]]
        return number

    def sets(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for number in range(len(self._of)):
            found.setdefault(self._root(number), []).append(number)
        return list(found.values())
