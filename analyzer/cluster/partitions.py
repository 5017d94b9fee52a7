"""The calls that are looked at together: spans of time for links, and partitions of whole units for the tables."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from analyzer.cluster.linking import MARGIN
from analyzer.columns.times import SECOND

if TYPE_CHECKING:
    import polars as pl

#: Messages of a span of time, at least, and of a partition, about.
SPAN = 250_000
PARTITION = 50_000
#: A span lasts so long at least (ns): what is around it is read with it, and takes room and time.
_SHORTEST = MARGIN // 2
#: A unit that takes longer is with others that do (ns): registrations and subscriptions go on for days.
_LONG = 3_600 * SECOND


def spans(calls: pl.DataFrame) -> list[tuple[int | None, int | None]]:
    """Times (ns) between which so many messages of calls are: ``calls`` has ``first`` and ``rows``."""
    import polars as pl

    begun = calls.sort("first", "_node").with_columns(before=pl.col("rows").cum_sum() - pl.col("rows"))
    starts: list[int] = []
    for first in begun.group_by(pl.col("before") // SPAN, maintain_order=True).agg(pl.col("first").min())["first"]:
        if not starts or first - starts[-1] >= _SHORTEST:
            starts.append(first)
    bounds: list[int | None] = [None, *starts[1:], None]
    return list(pairwise(bounds))


def near(nodes: pl.DataFrame, begin: int | None, until: int | None) -> pl.DataFrame:
    """The calls that decide on links in a span: those that go on in it or around it.

    Messages of no call may tell whose the messages are that were cut: where there are some, all that is near.
    """
    import polars as pl

    found = nodes
    if begin is not None:
        found = found.filter(pl.col("last") >= begin - MARGIN)
    if until is not None:
        found = found.filter(pl.col("first") < until + MARGIN)
    return found if found["cut"].any() else found.filter("invite")


def units_of(nodes: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The calls with the least of all that each belongs with, ``unit``: ``pairs`` are ``_node`` and ``near``."""
    import polars as pl

    from analyzer.store.units import least

    joined = least(pairs.filter(pl.col("_node") != pl.col("near")).select(node="_node", near="near").unique())
    return nodes.join(joined, left_on="_node", right_on="node", how="left", maintain_order="left").with_columns(
        pl.coalesce("unit", "_node").alias("unit")
    )


def partitions(nodes: pl.DataFrame) -> pl.DataFrame:
    """The calls with the number of the partition of each: whole units, in the order in which they begin."""
    import polars as pl

    units = nodes.group_by("unit").agg(pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum())
    units = units.with_columns(long=(pl.col("last") - pl.col("first")) > _LONG).sort("long", "first", "unit")
    part = (pl.col("rows").cum_sum().over("long") - pl.col("rows")) // PARTITION
    units = units.with_columns(part=part).with_columns(partition=pl.struct("long", "part").rank("dense").cast(pl.Int64))
    return nodes.join(units.select("unit", "partition"), on="unit", maintain_order="left")
