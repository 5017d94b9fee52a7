"""What belongs together, and what of it is over: the units that a store is written in.

A *unit* is all messages of Call-IDs that have to do with each other: legs of one call across a B2BUA, a call and the
one that took its place, a dialog and what names it. Local rows rest on one unit alone, so that it can be told as soon
as it is over, and again if it goes on after all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.columns.times import SECOND
from analyzer.graph.scope import units_of_calls

if TYPE_CHECKING:
    import polars as pl

    from analyzer.graph.graph import Graph

#: A link between legs is settled when so long nothing can be added to what it rests on (ns): legs that begin within
#: Timer C of each other (RFC 3261 §16.6 item 11, ``leg_evidence.PENDING``), and what becomes of them.
LINKED = 200 * SECOND
#: A unit without a message for so long is over, if no dialog in it lives (ns): 64 T1 on Gm is 128 s
#: (TS 24.229 §7.7), a challenge is answered within 240 s (§5.4.1.2), and links to it are settled.
LINGER = 2 * LINKED


def of_messages(raw: pl.DataFrame, graph: Graph) -> pl.Series:
    """The unit of each message, a number that is the same for all of one unit: ``raw`` are the messages of ``graph``
    as the core gives them."""
    import polars as pl

    rows = pl.DataFrame(
        {
            "row": pl.int_range(raw.height, eager=True),
            "own": raw["_call"],
            "mended": graph["core_messages"]["_call"],
            "transaction": graph["core_messages"]["transaction"],
            "message": raw["message"],
            "original": raw["original"],
        }
    )
    # Without a Call-ID there is the transaction, or the message alone.
    rows = rows.with_columns(node=pl.coalesce("own", "mended", "transaction", "message"))
    pairs = [
        rows.filter(pl.col("mended") != pl.col("node")).select("node", near="mended"),
        rows.drop_nulls("transaction").select("node", near=pl.col("node").min().over("transaction")),
        rows.drop_nulls("original")
        .join(rows.select(original="message", near="node"), on="original")
        .select("node", "near"),
        units_of_calls(graph).select(node="_call", near="unit"),
    ]
    joined = pl.concat(pairs).filter(pl.col("node") != pl.col("near")).unique()
    return rows.join(least(joined), on="node", how="left", maintain_order="left").select(
        pl.coalesce("unit", "node").alias("_unit")
    )["_unit"]


def least(pairs: pl.DataFrame) -> pl.DataFrame:
    """Each ``node`` in ``pairs`` with the least of all that it is joined to, near or far: ``unit``."""
    import polars as pl

    pairs = pl.concat([pairs, pairs.select(node="near", near="node")]).unique()
    units = pairs.select("node", unit="node").unique().sort("node")
    while True:
        near = pl.concat([pairs.join(units.select(near="node", unit="unit"), on="near").select("node", "unit"), units])
        further = near.group_by("node").agg(pl.col("unit").min()).sort("node")
        if further.equals(units):
            return units
        units = further


def over(messages: pl.DataFrame, graph: Graph, end: int, max_idle: int) -> pl.DataFrame:
    """The units of these messages (``_unit``, ``_at``, ``message``): when they ``begin`` and when the ``last`` message
    of each was (ns), how many ``rows`` it has, and whether it is ``over`` at ``end``.

    A dialog lives until it is ended or expires; one that was silent for ``max_idle`` is over, whatever became of it.
    """
    import polars as pl

    found = messages.group_by("_unit").agg(begin=pl.col("_at").min(), last=pl.col("_at").max(), rows=pl.len())
    dialogs = graph["bare_dialogs"].filter(pl.col("ended_at").is_null()).select("dialog")
    pending = graph["bare_transactions"].filter(pl.col("outcome").is_in(["pending", "provisional_only"]))
    keys = pl.concat([dialogs["dialog"], pending["transaction"]])
    alive = messages.filter(pl.col("message").is_in(keys.implode()))["_unit"].unique()
    idle = pl.lit(end) - pl.col("last")
    lives = pl.col("_unit").is_in(alive.implode())
    return found.with_columns(over=(idle >= LINGER) & (~lives | (idle >= max_idle)))
