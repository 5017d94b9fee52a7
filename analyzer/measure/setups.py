"""Where the set-up time goes, over many calls: by phase, and by who took it."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.distribution import figures
from analyzer.columns.durations import nanoseconds
from analyzer.ims.phases import PHASES
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By

_OF_CALLS = ("caller", "callee", "outcome", "status", "codecs", "emergency")
_OF_NODES = ("role", "node", "name", "session_case", "domain")


def phase_times(
    phases: pl.DataFrame, calls: pl.DataFrame, *, by: By = None, every: str | None = None, tz: str = "UTC"
) -> pl.DataFrame:
    """How long phases took, in the order in which a set-up passes them: the table ``phase_times``.

    By phase, or as ``by`` says: it takes columns of ``phases`` and some of ``calls``. A phase that did not end counts
    nowhere.
    """
    keys = grouping.columns(by, [*schema.PHASES.names, *_OF_CALLS]) or ["phase"]
    rows = phases.filter(pl.col("duration_s").is_not_null())
    rows = rows.with_columns(network=~pl.col("phase").is_in(["ringing", "ack"]))
    table = _figures(_of_calls(rows, calls, every, tz), "phase_times", keys, every)
    return table.sort(*(_place(key) for key in keys), nulls_last=True, maintain_order=True)


def _place(key: str) -> pl.Expr:
    """What a column is sorted by: phases in the order of a set-up."""
    order = {phase: place for place, phase in enumerate(PHASES)}
    return pl.col(key).replace_strict(order, return_dtype=pl.Int64) if key == "phase" else pl.col(key)


def setup_shares(
    waterfall: pl.DataFrame,
    endpoints: pl.DataFrame,
    calls: pl.DataFrame,
    *,
    by: By = None,
    every: str | None = None,
    tz: str = "UTC",
) -> pl.DataFrame:
    """How much of the set-up each node, link and end took in a call, largest share first: the table ``setup_shares``.

    What a group took in one call is one value. By kind, role and node, or as ``by`` says: it takes columns of
    ``waterfall``, of ``endpoints`` (role node name half domain) and some of ``calls``.
    """
    keys = grouping.columns(by, [*schema.WATERFALL.names, *_OF_NODES, *_OF_CALLS]) or ["kind", "role", "node"]
    rows = waterfall.join(endpoints.select("address", *_OF_NODES), on="address", how="left", maintain_order="left")
    rows = rows.with_columns(network=~pl.col("kind").is_in(["ringing", "serial_fork"]))
    table = _figures(_of_calls(rows, calls, every, tz), "setup_shares", keys, every)
    return table.sort("share", *keys, descending=[True, *[False] * len(keys)], nulls_last=True)


def _of_calls(rows: pl.DataFrame, calls: pl.DataFrame, every: str | None, tz: str) -> pl.DataFrame:
    told = calls.select("call", "started_at", *(name for name in _OF_CALLS if name not in rows.columns))
    rows = rows.join(told, on="call", how="left", maintain_order="left")
    return grouping.with_interval(rows, pl.col("started_at"), every, tz)


def _figures(rows: pl.DataFrame, name: str, keys: list[str], every: str | None) -> pl.DataFrame:
    """Over calls: what the rows of a group are together in each. ``network`` marks those that have a share."""
    groups = [*keys, INTERVAL] if every else keys
    ns = nanoseconds("duration_s")
    of_calls = rows.group_by(*groups, "call", maintain_order=True).agg(
        ns=ns.sum(), network=pl.when("network").then(ns).sum(), counts=pl.col("network").any()
    )
    table = of_calls.group_by(groups, maintain_order=True).agg(
        *figures(pl.col("ns")),
        calls=pl.len().cast(pl.Int64),
        part=pl.when(pl.col("counts").any()).then(pl.col("network").sum()),
    )
    of_all = pl.col("part").sum().over(INTERVAL) if every else pl.col("part").sum()
    return table.with_columns(share=grouping.share(pl.col("part"), of_all)).select(
        *groups, *schema.MEASURES[name].names
    )
