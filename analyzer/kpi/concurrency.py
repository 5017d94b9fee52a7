"""How much is going on at a time: the load in erlangs, and the most at once (ITU-T E.600)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from analyzer.measure.grouping import INTERVAL


def loads(rows: pl.DataFrame, keys: Sequence[str], intervals: pl.DataFrame) -> pl.DataFrame:
    """Of what lasts from ``_since`` until ``_until`` (ns), per group and interval: ``busy`` (ns together), ``peak``
    (the most at once) and ``n`` (how many lasted into it). ``intervals`` as ``observed.covered`` gives them.

    What ends when another begins is not there together with it.
    """
    lasting = rows.filter(pl.col("_until") > pl.col("_since"))
    # Groups by number: a join by time finds no group whose name is null.
    groups = lasting.select(keys).unique(maintain_order=True).with_row_index("_group") if keys else None
    if groups is None:
        lasting = lasting.with_columns(_group=pl.lit(0, pl.UInt32))
    else:
        lasting = lasting.join(groups, on=keys, nulls_equal=True, maintain_order="left")
    events = _events(lasting)
    cells = _cells(events, intervals)
    at_begin, at_end = _at(cells, events, "begin", before=False), _at(cells, events, "end", before=True)
    cells = cells.with_columns(
        busy=at_end["busy"] - at_begin["busy"], running=at_begin["running"], n=at_end["began"] - at_begin["over"]
    )
    cells = cells.join(_most(events, intervals), on=["_group", INTERVAL], how="left", nulls_equal=True)
    cells = cells.with_columns(peak=pl.max_horizontal("running", "most")).filter(pl.col("n") > 0)
    if groups is not None:
        cells = cells.join(groups, on="_group", maintain_order="left")
    return cells.select(*keys, INTERVAL, "busy", "peak", "n")


def _cells(events: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Each group with the intervals between its first event and its last."""
    edges = intervals.select(INTERVAL, "begin", "end").sort("begin").with_row_index("_place")
    extent = events.group_by("_group", maintain_order=True).agg(first=pl.col("at").min(), last=pl.col("at").max())
    from_place = edges["begin"].search_sorted(extent["first"], side="right").cast(pl.Int64) - 1
    to_place = edges["begin"].search_sorted(extent["last"], side="left").cast(pl.Int64)
    places = extent.select("_group", _place=pl.int_ranges(from_place.clip(lower_bound=0), to_place, dtype=pl.UInt32))
    return places.explode("_place").drop_nulls("_place").join(edges, on="_place", maintain_order="left")


def _events(lasting: pl.DataFrame) -> pl.DataFrame:
    """Each time at which something of a group begins or ends, in order: how many are ``running`` from then on, how many
    had ``began`` and were ``over``, and the time that they were ``busy`` until then."""
    steps = pl.concat(
        [
            lasting.select("_group", at="_since", running=1, began=1, over=0),
            lasting.select("_group", at="_until", running=-1, began=0, over=1),
        ]
    )
    events = steps.group_by("_group", "at").agg(pl.col("running", "began", "over").sum().cast(pl.Int64))
    events = events.sort("_group", "at").with_columns(pl.col("running", "began", "over").cum_sum().over("_group"))
    passed = (pl.col("running").shift(1) * pl.col("at").diff()).fill_null(0)
    return events.with_columns(busy=passed.cum_sum().over("_group"))


def _at(cells: pl.DataFrame, events: pl.DataFrame, edge: str, *, before: bool) -> pl.DataFrame:
    """What was at the ``edge`` of each cell; ``before``: without what begins or ends at that very time."""
    order = cells.select("_group", edge=edge).with_row_index("_row").sort("edge", maintain_order=True)
    found = order.join_asof(
        events.sort("at", maintain_order=True),
        left_on="edge",
        right_on="at",
        by="_group",
        allow_exact_matches=not before,
        check_sortedness=False,
    ).sort("_row")
    since = pl.col("edge") - pl.col("at")
    return found.select(
        pl.col("running", "began", "over").fill_null(0),
        busy=(pl.col("busy") + pl.col("running") * since).fill_null(0),
    )


def _most(events: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """The most at once since something of a group began or ended within an interval."""
    edges = intervals.select(INTERVAL, "begin", "end").sort("begin")
    inside = events.sort("at").join_asof(edges, left_on="at", right_on="begin", check_sortedness=False)
    inside = inside.filter(pl.col("at") < pl.col("end"))
    return inside.group_by("_group", INTERVAL).agg(most=pl.col("running").max())
