"""Clocks of capture points: how far each is off, and how fast it runs away, from messages alone.

What is sent before it arrives bounds the difference of two clocks from one side, as in NTP (RFC 5905 §8): a message
that leaves at a point and comes in at another (the same packet, or what a node made of it) tells the most that the
other clock can be ahead, one on the way back the least. Each bound holds at its own time; all offsets and drifts that
keep every bound are possible, and the table says how far they reach. Nothing is averaged, so a busy or slow link cannot
pull the result.
"""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from analyzer import schema
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# No clock that anybody lets run is worse: 500 ppm is what NTP gives up at (RFC 5905 §1).
_MAX_DRIFT = 500e-6
# In each of so many slices of the capture the tightest bound is kept; to leave some out makes the result wider, never
# wrong.
_SLICES = 512
# A bound this far from where most of them lie is a copy taken for another.
_OUTLIER = SECOND // 4
_STEPS = 60

_BOUNDS = ["point", "other", "at", "ns", "upper"]


def clocks(messages: pl.DataFrame, hops: pl.DataFrame) -> pl.DataFrame:
    """The ``clocks`` table: every capture point but the first against the first; of points that nothing ties to it,
    null.

    ``messages`` as the core gives them, ``hops`` the table of that name.
    """
    names = messages.select("_point", "point").unique("_point").sort("_point")
    if names.height < 2:
        return pl.DataFrame(schema=schema.CLOCKS.polars())
    pair = ["point", "other"]
    # What is bounded on one side only can be anything: of thousands of points that is nearly every pair.
    both = [side.any().over(pair) for side in (pl.col("upper"), ~pl.col("upper"))]
    of_pairs = {
        (one, other): _fit(part)
        for (one, other), part in _bounds(messages, hops)
        .filter(both)
        .partition_by(pair, as_dict=True, maintain_order=True)
        .items()
    }
    first, *others = names["_point"].to_list()
    told = dict(names.iter_rows())
    ways = _ways(first, {pair: fit for pair, fit in of_pairs.items() if fit is not None})
    rows = [
        {"point": told[point], "reference": told[first], "applied": False} | ways.get(point, {"bounds": 0})
        for point in others
    ]
    kinds = schema.CLOCKS.polars()
    frame = pl.DataFrame(rows, schema_overrides={"at": pl.Int64}, infer_schema_length=None)
    missing = [pl.lit(None).alias(name) for name in kinds if name not in frame.columns]
    return typed(frame.with_columns(missing), schema.CLOCKS)


def corrections(clocks: pl.DataFrame, messages: pl.DataFrame) -> list[tuple[int, int, int, int]]:
    """What makes the stamps of every point those of the first: its number, ns ahead, ns more each second, since
    (ns)."""
    numbers = messages.select("point", number="_point").unique("number")
    known = clocks.filter(pl.col("offset_s").is_not_null()).join(numbers, on="point", maintain_order="left")
    ahead = (pl.col("offset_s") * SECOND).round().cast(pl.Int64)
    return known.select("number", ahead.alias("offset"), "drift_ppb", ns("at")).rows()


# -- bounds ------------------------------------------------------------------------------------------------------------


def _bounds(messages: pl.DataFrame, hops: pl.DataFrame) -> pl.DataFrame:
    """What is known of (clock of ``other`` - clock of ``point``): at most (``upper``) or at least ``ns``, at ``at``."""
    rows = messages.with_row_index("row").select(
        "row", "message", "original", "_point", "transaction", "method", "status", "retransmission", "duplicate",
        "src_ip", "dst_ip", at=ns("time"), first=ns("first_byte_at"),
    )  # fmt: skip
    rows = rows.filter(pl.col("at").is_not_null(), pl.col("transaction").is_not_null())
    # One that was sent again may be missed in one copy here and in the other there.
    same = ["transaction", "method", "status", "src_ip", "dst_ip"]
    rows = rows.join(_sent_once(rows, same), on=same, nulls_equal=True, maintain_order="left")
    observations = rows.unique(["key", "_point"], keep="first", maintain_order=True)
    copies = _between(observations, observations, on={"key": "key"}, after="at")
    keys = rows.select("message", "key")
    links = (
        hops.filter(pl.col("linked_by") == "via")
        .select("message", "previous")
        .join(keys, on="message", maintain_order="left")
    )
    links = links.join(keys.select(previous="message", previous_key="key"), on="previous", maintain_order="left")
    made = observations.join(links.select("key", previous="previous_key").unique("key", keep="first"), on="key")
    forwarded = _between(observations, made, on={"key": "previous"}, after="first")
    return pl.concat([_of_copies(copies, observations), *_both_signs(forwarded)]).select(_BOUNDS)


def _sent_once(rows: pl.DataFrame, same: list[str]) -> pl.DataFrame:
    """The messages of which no copy followed, by what they have in the ``same``, and a ``key`` for each.

    Without an IP identification (IPv6) the core takes for sent again what a clock far off shows later: there it is
    enough that no point saw it twice.
    """
    groups = rows.group_by(same).agg(
        sent=(~pl.col("duplicate")).sum(),
        seen=pl.len(),
        points=pl.col("_point").n_unique(),
        key=pl.col("message").first(),
    )
    once_each = pl.col("src_ip").str.contains(":", literal=True) & (pl.col("seen") == pl.col("points"))
    return groups.filter((pl.col("sent") == 1) | once_each).select(*same, "key")


def _between(before: pl.DataFrame, after_frame: pl.DataFrame, on: dict[str, str], after: str) -> pl.DataFrame:
    """Pairs of observations at different points: ``_point`` and ``at`` of the one, ``_point_to`` and ``at_to`` of the
    other."""
    ((left, right),) = on.items()
    other = after_frame.select(pl.col(right).alias("_on"), _point_to="_point", at_to=after)
    pairs = before.select(pl.col(left).alias("_on"), "_point", "at", "src_ip", "dst_ip").join(other, on="_on")
    return pairs.filter(pl.col("_point") != pl.col("_point_to"))


def _both_signs(pairs: pl.DataFrame) -> list[pl.DataFrame]:
    """Bounds from pairs of which the one at ``_point`` was before the one at ``_point_to``.

    They are told of the later point's clock against the earlier one's, and the other way round.
    """
    one = pairs.select(
        point="_point", other="_point_to", at="at_to", ns=pl.col("at_to") - pl.col("at"), upper=pl.lit(value=True)
    )
    back = pairs.select(
        point="_point_to", other="_point", at="at", ns=pl.col("at") - pl.col("at_to"), upper=pl.lit(value=False)
    )
    return [one, back]


def _of_copies(pairs: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Bounds from one packet seen at two points.

    The point that knows more peers of the sender, compared with the receiver, is on the sender's side. Where that does
    not tell, neither saw it first: the packet bounds the clocks on both sides.
    """
    ends = pl.concat([
        observations.select("_point", node="src_ip", peer="dst_ip"),
        observations.select("_point", node="dst_ip", peer="src_ip"),
    ])  # fmt: skip
    peers = ends.unique().group_by("_point", "node").agg(peers=pl.len().cast(pl.Int64))
    for end, point in (("src_ip", "_point"), ("src_ip", "_point_to"), ("dst_ip", "_point"), ("dst_ip", "_point_to")):
        known = peers.select(
            pl.col("_point").alias(point), pl.col("node").alias(end), pl.col("peers").alias(end + point)
        )
        pairs = pairs.join(known, on=[point, end], how="left", maintain_order="left")
    side = (pl.col("src_ip_point") - pl.col("src_ip_point_to")) - (pl.col("dst_ip_point") - pl.col("dst_ip_point_to"))
    sided = _both_signs(pairs.filter(side > 0))
    beside = _both_signs(pairs.filter(side == 0))
    both = [part.with_columns(upper=~pl.col("upper")) for part in beside]
    return pl.concat([*sided, *beside, *both])


# -- from bounds to clocks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fit:
    """Offset (ns) at ``at`` and drift, with the least and most that keep every bound."""

    at: int
    offset: tuple[float, float, float]
    drift: tuple[float, float, float]
    bounds: int

    @property
    def width(self) -> float:
        return self.offset[2] - self.offset[0]


def _fit(bounds: pl.DataFrame) -> _Fit | None:
    """What all bounds between two points leave possible; None where they bound one side only."""
    import numpy as np

    middle = int(bounds["ns"].median() or 0)  # type: ignore[arg-type]
    first, last = int(bounds["at"].min()), int(bounds["at"].max())  # type: ignore[arg-type]
    at = (first + last) // 2
    # The reach of any drift must not make an outlier.
    reach = _OUTLIER + _MAX_DRIFT * (last - first)
    slot = ((pl.col("at") - first) * _SLICES // max(1, last - first + 1)).alias("slot")
    kept = bounds.with_columns(slot).sort("ns", "at")
    upper = (
        kept.filter("upper", pl.col("ns") >= middle - reach).group_by("slot").agg(pl.all().get(pl.col("ns").arg_min()))
    )
    lower = kept.filter(~pl.col("upper"), pl.col("ns") <= middle + reach)
    lower = lower.group_by("slot").agg(pl.all().get(pl.col("ns").arg_max()))
    if upper.is_empty() or lower.is_empty():
        return None

    def since(frame: pl.DataFrame) -> Values:
        return (frame["at"] - at).to_numpy().astype(np.float64)

    def above(frame: pl.DataFrame) -> Values:
        return (frame["ns"] - middle).to_numpy().astype(np.float64)

    (x_up, y_up), (x_low, y_low) = (since(upper), above(upper)), (since(lower), above(lower))

    def most(drift: float) -> float:
        return float((y_up - drift * x_up).min())

    def least(drift: float) -> float:
        return float((y_low - drift * x_low).max())

    def room(drift: float) -> float:
        return most(drift) - least(drift)

    best = _highest(room, -_MAX_DRIFT, _MAX_DRIFT)
    slack = max(0.0, -room(best))  # stamps of one point may be this much out of order
    low = _edge(lambda drift: room(drift) + slack, best, -_MAX_DRIFT)
    high = _edge(lambda drift: room(drift) + slack, best, _MAX_DRIFT)
    top = most(_highest(most, low, high)) + slack
    bottom = least(_highest(lambda drift: -least(drift), low, high)) - slack
    offset = (most(best) + least(best)) / 2
    return _Fit(at, (middle + bottom, middle + offset, middle + top), (low, best, high), bounds.height)


def _highest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a concave function is highest (golden-section search, to a part in 10^9 of the range)."""
    ratio = (5**0.5 - 1) / 2
    one, two = high - ratio * (high - low), low + ratio * (high - low)
    at_one, at_two = function(one), function(two)
    for _ in range(_STEPS):
        if at_one >= at_two:
            high, two, at_two = two, one, at_one
            one = high - ratio * (high - low)
            at_one = function(one)
        else:
            low, one, at_one = one, two, at_two
            two = low + ratio * (high - low)
            at_two = function(two)
    return (low + high) / 2


def _edge(function: Callable[[float], float], inside: float, outside: float) -> float:
    """How far from ``inside`` towards ``outside`` a concave function stays at or above 0."""
    if function(outside) >= 0:
        return outside
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if function(middle) >= 0:
            inside = middle
        else:
            outside = middle
    return outside


def _ways(first: int, fits: dict[tuple[int, int], _Fit]) -> dict[int, dict[str, object]]:
    """Offset and drift of each point against the first, over other points where that is needed: the surest way."""
    steps: dict[int, list[tuple[int, _Fit]]] = {}
    for (point, other), fit in fits.items():
        steps.setdefault(point, []).append((other, fit))
    sure: dict[int, _Fit] = {}
    number = itertools.count()
    waiting: list[tuple[float, int, int, _Fit]] = []

    def go_on(point: int, known: _Fit | None) -> None:
        for other, step in steps.get(point, ()):
            way = _over(known, step)
            heapq.heappush(waiting, (way.width, other, next(number), way))

    go_on(first, None)
    while waiting:
        _, point, _, fit = heapq.heappop(waiting)
        if point != first and point not in sure:
            sure[point] = fit
            go_on(point, fit)
    return {
        point: {
            "at": fit.at,
            "offset_s": fit.offset[1] / SECOND,
            "offset_min_s": fit.offset[0] / SECOND,
            "offset_max_s": fit.offset[2] / SECOND,
            "drift_ppb": round(fit.drift[1] * 1e9),
            "drift_min_ppb": math.floor(fit.drift[0] * 1e9),
            "drift_max_ppb": math.ceil(fit.drift[2] * 1e9),
            "bounds": fit.bounds,
        }
        for point, fit in sure.items()
    }


def _over(known: _Fit | None, step: _Fit) -> _Fit:
    """One point against the first by way of another; ``known`` is that other's, None where it is the first itself."""
    if known is None:
        return step
    # What the drift of the point between makes until the time that this step speaks of.
    gap = step.at - known.at
    moved = sorted(drift * gap for drift in (known.drift[0], known.drift[2]))
    between = (known.offset[0] + moved[0], known.offset[1] + known.drift[1] * gap, known.offset[2] + moved[1])
    offset = tuple(one + other for one, other in zip(between, step.offset, strict=True))
    drift = tuple(one + other for one, other in zip(known.drift, step.drift, strict=True))
    return _Fit(step.at, offset, drift, min(known.bounds, step.bounds))  # type: ignore[arg-type]
