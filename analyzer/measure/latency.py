"""Set-up latency: how the delays of calls are distributed, and which calls lie far outside."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.distribution import figures, nearest_rank
from analyzer.columns.durations import nanoseconds, seconds
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By, measured
from analyzer.schema.values import DELAYS

# Tukey's inner fence, that of a box plot (Exploratory Data Analysis, 1977): 3/2 of the distance of the quartiles.
_FENCE = (3, 2)
# Quartiles of fewer calls say nothing.
_LEAST_FOR_FENCE = 10

_HOP = ("client_ip", "client_port", "server_ip", "server_port", "transport")


def latency(
    calls: pl.DataFrame, transactions: pl.DataFrame, *, by: By = None, every: str | None = None, tz: str = "UTC"
) -> pl.DataFrame:
    """n, minimum, mean, percentiles and maximum of each delay: the table ``latency``, after the columns of ``by``.

    ``by`` takes ``peer`` (with ``direction``: each call then counts once for either end of its reference hop), the
    addresses, ports and transport of that hop, and every column of ``calls``; ``every`` makes intervals by the start of
    the calls. Percentiles are nearest-rank; there is no p99 of fewer than 100. ``n`` of the ``calls`` have the delay:
    one that did not ring has no ``alert``, one that was not answered no ``setup``.
    """
    rows, groups = _grouped(calls, transactions, by, every, tz)
    order = {delay: place for place, delay in enumerate(DELAYS)}
    counts = (pl.len().cast(pl.Int64).alias("calls"), pl.col("ns").count().cast(pl.Int64).alias("n"))
    tables = [
        measured(
            rows.with_columns(ns=nanoseconds(f"{delay}_s")),
            groups,
            [pl.lit(delay).alias("delay"), *counts, *figures(pl.col("ns"))],
        )
        for delay in DELAYS
    ]
    table = pl.concat(tables).with_columns(_place=pl.col("delay").replace_strict(order, return_dtype=pl.Int8))
    return table.sort(*groups, "_place", nulls_last=True).select(*groups, *schema.MEASURES["latency"].names)


def _grouped(
    calls: pl.DataFrame, transactions: pl.DataFrame, by: By, every: str | None, tz: str
) -> tuple[pl.DataFrame, list[str]]:
    """The calls with what they are grouped by."""
    plain = [column.name for column in schema.CALLS.columns if column.type != "texts"]
    keys = grouping.columns(by, [*plain, *_HOP, *grouping.PEER])
    rows = calls
    if set(keys) & {*_HOP, *grouping.PEER}:
        hops = transactions.select(*_HOP, reference="transaction")
        rows = calls.join(hops, on="reference", how="left", maintain_order="left")
    rows = grouping.with_interval(rows, pl.col("started_at"), every, tz)
    return grouping.with_peers(rows, keys), [*keys, INTERVAL] if every else keys


def outliers(
    calls: pl.DataFrame, transactions: pl.DataFrame, *, by: By = None, every: str | None = None, tz: str = "UTC"
) -> pl.DataFrame:
    """The calls with a delay far outside those of their group, worst first: the table ``outliers``.

    Far outside is more than 1.5 times the distance of the quartiles above the upper one, as in a box plot,
    in a group of at least ten that have the delay.
    ``by`` and ``every`` as in :func:`latency`: what is far outside for one peer may be usual for another.
    """
    rows, groups = _grouped(calls, transactions, by, every, tz)
    tables = []
    for delay in DELAYS:
        value = nanoseconds(f"{delay}_s")
        low, high = (nearest_rank(value, percent) for percent in (25, 75))
        fence = [
            nearest_rank(value, 50).alias("_median"),
            (high + (high - low) * _FENCE[0] // _FENCE[1]).alias("_fence"),
            value.count().cast(pl.Int64).alias("n"),
        ]
        fences = measured(rows, groups, fence)
        own = rows.with_columns(_value=value)
        own = own.join(fences, on=groups, nulls_equal=True) if groups else own.join(fences, how="cross")
        far = own.filter(pl.col("_value") > pl.col("_fence"), pl.col("n") >= _LEAST_FOR_FENCE)
        tables.append(
            far.sort("_value", "no", descending=[True, False]).with_columns(
                pl.lit(delay).alias("delay"),
                value_s=seconds(pl.col("_value")),
                median_s=seconds(pl.col("_median")),
                fence_s=seconds(pl.col("_fence")),
            )
        )
    names = [name for name in schema.MEASURES["outliers"].names if name not in groups]
    return pl.concat(tables).select(*groups, *names)
