"""What measured tables are grouped by: columns, the two peers of a hop, intervals of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from analyzer.errors import FilterError
from analyzer.timezones import zone

By = str | Sequence[str] | None
"""A column, several with commas between, or a list of them."""

PEER = ("peer", "direction")
INTERVAL = "interval_at"


def columns(by: By, allowed: Iterable[str]) -> list[str]:
    """The columns that ``by`` names, each once. ``peer`` and ``direction`` only say something together.

    Raises :class:`~analyzer.errors.FilterError` for a name that is not ``allowed``.
    """
    words = by.split(",") if isinstance(by, str) else list(by or ())
    names = [word.strip() for word in words if word.strip()]
    known = [*allowed]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise FilterError(f"by {', '.join(map(repr, unknown))}: wanted are {', '.join(known)}")
    if set(names) & set(PEER):
        place = min(names.index(name) for name in PEER if name in names)
        names[place : place + 1] = PEER
    return list(dict.fromkeys(names))


def with_peers(hops: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Each row twice where ``keys`` ask for peers: for the node its request was sent to, and for the one it came from.

    One direction alone therefore counts everything once.
    """
    if "peer" not in keys:
        return hops
    ends = (("server_ip", "to_peer"), ("client_ip", "from_peer"))
    return pl.concat(hops.with_columns(peer=pl.col(end), direction=pl.lit(name)) for end, name in ends)


def with_interval(frame: pl.DataFrame, at: pl.Expr, every: str | None, tz: str) -> pl.DataFrame:
    """The frame with ``interval_at``, the begin of the interval that ``at`` lies in, if ``every`` says how long it is.

    Intervals begin on the full minute, hour or day of ``tz``. Raises :class:`~analyzer.errors.FilterError`.
    """
    if every is None:
        return frame
    begin = at.dt.convert_time_zone(zone(tz).key).dt.truncate(length(every)).dt.convert_time_zone("UTC")
    return frame.with_columns(begin.alias(INTERVAL))


def length(every: str) -> str:
    """The length of an interval as Polars spells it; raises :class:`~analyzer.errors.FilterError`."""
    if not re.fullmatch(r"[1-9]\d{0,5}[smhd]", every, re.ASCII):
        raise FilterError(f"every {every!r}: a number and s, m, h or d is wanted: 30s, 1m, 1h, 1d")
    return every


LENGTHS = {
    **{f"{seconds}s": seconds for seconds in (1, 2, 5, 10, 30)},
    **{f"{minutes}m": 60 * minutes for minutes in (1, 2, 5, 10, 30)},
    **{f"{hours}h": 3600 * hours for hours in (1, 2, 6, 12)},
    **{f"{days}d": 86400 * days for days in (1, 2, 7, 30, 365, 3650)},
}
"""Round lengths of intervals, in seconds."""


def fitting(lasted: float, at_most: int) -> str:
    """The shortest round length that makes at most so many intervals of a time in seconds.

    >>> fitting(3600, 60), fitting(3600, 24)
    ('1m', '5m')
    """
    return next((name for name, longest in LENGTHS.items() if lasted <= at_most * longest), "3650d")


def measured(frame: pl.DataFrame, keys: Sequence[str], figures: Iterable[pl.Expr]) -> pl.DataFrame:
    """One row per group, or one over all without ``keys``, which is there also where nothing was measured."""
    if not keys:
        return frame.select(*figures)
    return frame.group_by(keys, maintain_order=True).agg(*figures)


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """``part`` of ``whole``; undefined, not 0 or 1, where there is nothing to be a part of (RFC 6076 §4)."""
    # Row by row, as in columns.durations: a column that is one number is divided by as a product, and not exactly.
    return pl.when(whole > 0).then(part / (part * 0 + whole))
