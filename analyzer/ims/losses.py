"""Messages that one capture point saw and another did not, though it watches the same way: lost, or only not captured.

Two points watch the same way between two addresses where at least half of what went there was seen by both. What
became of a message tells whether it arrived: something was made of it on the next hop, or it was answered and not sent
again.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.times import ns
from analyzer.columns.typed import typed

# So many messages, and this share of all, must have been seen by both.
_LEAST, _SHARE = 3, 0.5


def losses(messages: pl.DataFrame, hops: pl.DataFrame) -> pl.DataFrame:
    """The ``losses`` table, in message order; ``messages`` as the core gives them, ``hops`` the table of that name."""
    kinds = schema.LOSSES.polars()
    if messages["_point"].n_unique() < 2:
        return pl.DataFrame(schema=kinds)
    way = ["src_ip", "dst_ip"]
    observations = messages.select("_point", *way, key=pl.coalesce("original", "message")).unique(maintain_order=True)
    watched = _watched(observations, way)
    seen = observations.join(watched, left_on=[*way, "_point"], right_on=[*way, "one"])
    missed = seen.join(
        observations.select("key", other="_point"), on=["key", "other"], how="anti", maintain_order="left"
    )
    fate = _fates(messages, hops)
    names = messages.select("_point", "point").unique("_point")
    rows = hops.select("message", "call", "time", "method", "status", "sender", "receiver")
    found = (
        rows.join(
            missed.select("key", "_point", "other"), left_on="message", right_on="key", maintain_order="left_right"
        )
        .join(fate, on="message", how="left", maintain_order="left")
        .join(names.select("_point", seen_at="point"), on="_point", maintain_order="left")
        .join(names.select(other="_point", missed_at="point"), on="other", maintain_order="left")
        .with_columns(pl.col("sent_again", "arrived").fill_null(value=False))
    )
    verdict = (
        pl.when("arrived")
        .then(pl.lit("not_captured"))
        .when("sent_again")
        .then(pl.lit("lost"))
        .otherwise(pl.lit("unknown"))
    )
    return typed(found.with_columns(cause=verdict), schema.LOSSES)


def _watched(observations: pl.DataFrame, way: list[str]) -> pl.DataFrame:
    """The ways that two points watch: ``one`` and ``other``, each of the two in turn."""
    of_one = observations.group_by(*way, "_point").agg(seen=pl.len())
    both = observations.join(observations.select("key", other="_point"), on="key").filter(
        pl.col("_point") != pl.col("other")
    )
    both = both.group_by(*way, "_point", "other").agg(both=pl.len())
    both = both.join(of_one, on=[*way, "_point"]).join(
        of_one.rename({"_point": "other", "seen": "seen_other"}), on=[*way, "other"]
    )
    most = pl.max_horizontal("seen", "seen_other")
    return both.filter(pl.col("both") >= _LEAST, pl.col("both") >= _SHARE * most).select(*way, "other", one="_point")


def _fates(messages: pl.DataFrame, hops: pl.DataFrame) -> pl.DataFrame:
    """Of each message that counts whether a copy followed (``sent_again``), and whether its receiver acted on it."""
    rows = messages.filter(~pl.col("duplicate")).select("message", "transaction", "method", "status", at=ns("time"))
    same = ["transaction", "method", "status"]
    next_copy = pl.col("at").shift(-1).over(same)
    rows = rows.with_columns(next_copy=pl.when(pl.col("transaction").is_not_null()).then(next_copy))
    answered = rows.filter(pl.col("status").is_not_null()).group_by("transaction").agg(answered=pl.col("at").min())
    rows = rows.join(answered, on="transaction", how="left", maintain_order="left")
    forwarded = pl.col("message").is_in(hops["previous"].drop_nulls().implode())
    replied = pl.col("status").is_null() & (pl.col("answered") > pl.col("at"))
    replied &= pl.col("next_copy").is_null() | (pl.col("answered") < pl.col("next_copy"))
    return rows.select(
        "message",
        sent_again=pl.col("next_copy").is_not_null(),
        arrived=forwarded | replied.fill_null(value=False),
    )
