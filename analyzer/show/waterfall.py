"""The waterfall of one call: who had it when, from the INVITE to the final response.

A lane is a node, link or end; on it stand the times in which the set-up waited on it. Ringing, and what passed before a
node tried somebody else, are told and not drawn: they would press all else together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.show.doubt import with_doubt
from analyzer.show.text import fit, pad, safe, seconds, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

NOT_DRAWN = ("ringing", "serial_fork")
_LABEL = 44  # columns of a lane's name


@dataclass(frozen=True, slots=True)
class Lane:
    """One node, link or end: ``kind`` as in the table, ``name`` its role and address as on the wire, ``times`` from and
    to in nanoseconds since the beginning, without what is not drawn."""

    kind: str
    name: str
    times: tuple[tuple[int, int], ...]
    total: int

    @property
    def drawn(self) -> bool:
        """It has a place on the axis."""
        return self.kind not in NOT_DRAWN


def lanes(parts: pl.DataFrame, endpoints: pl.DataFrame | None = None) -> list[Lane]:
    """The lanes of one call, in the order in which they come in; ``parts`` are its rows of ``waterfall``."""
    roles = {} if endpoints is None else dict(with_doubt(endpoints).select("address", "role").iter_rows())
    return lanes_of(parts.sort("part").iter_rows(named=True), roles)


def lanes_of(parts: Iterable[dict[str, Any]], roles: Mapping[str, str]) -> list[Lane]:
    """The same from rows in the order of ``part``, and roles by ``ip:port``."""
    times: dict[tuple[str, str], list[tuple[int, int]]] = {}
    clock = 0
    for row in parts:
        lasted = round(row["duration_s"] * 1e9)
        ends = [row[end] for end in ("address", "peer") if row[end] is not None]
        named = (f"{roles[end]} {end}" if roles.get(end, "unknown") != "unknown" else end for end in ends)
        begun, clock = clock, clock if row["kind"] in NOT_DRAWN else clock + lasted
        times.setdefault((row["kind"], " - ".join(named)), []).append((begun, begun + lasted))
    return [
        Lane(kind, name, tuple(spans), sum(end - begin for begin, end in spans))
        for (kind, name), spans in times.items()
    ]


def text(
    parts: pl.DataFrame,
    endpoints: pl.DataFrame | None = None,
    *,
    columns: int = 100,
    ascii_only: bool = False,
    least: float = 0,
) -> str:
    """One line a lane: kind, node, how long together, and where on the way; empty without parts. Lanes with a smaller
    share of the time than ``least`` have one line together.

    >>> import polars as pl
    >>> told = {"part": [1], "kind": ["node"], "address": ["10.0.0.1"], "peer": [None], "duration_s": [0.5]}
    >>> print(text(pl.DataFrame(told), columns=60, ascii_only=True))
    node  10.0.0.1  0.500 s  |################################|
    <BLANKLINE>
    """
    return drawn(lanes(parts, endpoints), columns=columns, ascii_only=ascii_only, least=least)


def drawn(some: list[Lane], *, columns: int = 100, ascii_only: bool = False, least: float = 0) -> str:
    """Lanes as :func:`text` draws them."""
    found = _with_others(some, least)
    if not found:
        return ""
    whole = max((end for lane in found if lane.drawn for _, end in lane.times), default=0)
    names = [fit(safe(lane.name), _LABEL) for lane in found]
    named_kinds = [safe(lane.kind) for lane in found]
    kinds = max(map(width, named_kinds))
    widest = max(map(width, names))
    amounts = [seconds(lane.total / 1e9) for lane in found]
    amount = max(map(len, amounts))
    room = max(columns - kinds - widest - amount - 8, 10)
    edge = "|" if ascii_only else "│"
    lines = []
    for lane, kind, name, lasted in zip(found, named_kinds, names, amounts, strict=True):
        bar = f"{edge}{_bar(lane, whole, room, ascii_only=ascii_only)}{edge}" if lane.drawn else "not drawn"
        lines.append(f"{pad(kind, kinds)}  {pad(name, widest)}  {lasted:>{amount}}  {bar}\n")
    return "".join(lines)


def _with_others(found: list[Lane], least: float) -> list[Lane]:
    """The lanes, where those with less than this share of the time drawn are one, at the end of those drawn."""
    total = sum(lane.total for lane in found if lane.drawn)
    small = [lane for lane in found if lane.drawn and lane.total < least * total]
    if len(small) < 2:
        return found
    others = Lane(
        "others",
        f"{len(small)} nodes and links, each under {least:.0%}",
        tuple(sorted(span for lane in small for span in lane.times)),
        sum(lane.total for lane in small),
    )
    left = [lane for lane in found if lane not in small]
    return [*(lane for lane in left if lane.drawn), others, *(lane for lane in left if not lane.drawn)]


def _bar(lane: Lane, whole: int, room: int, *, ascii_only: bool) -> str:
    """A cell is full where the lane has most of it, thin where it has some."""
    full, thin = ("#", ":") if ascii_only else ("█", "▏")
    cells = [0] * room
    for begin, end in lane.times:
        first = begin * room // whole if whole else 0
        for cell in range(min(first, room - 1), min((end * room - 1) // whole + 1 if whole else 1, room)):
            low, high = cell * whole, (cell + 1) * whole
            cells[cell] += min(end * room, high) - max(begin * room, low)
    touched = {min(begin * room // whole, room - 1) for begin, _ in lane.times} if whole else set()
    return "".join(
        full if cells[cell] * 2 >= whole > 0 else thin if cells[cell] > 0 or cell in touched else " "
        for cell in range(room)
    )
