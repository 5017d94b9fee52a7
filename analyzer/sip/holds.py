"""Who held whom, and for how long: RFC 3264 §8.4, RFC 6337 §5.3.

A side holds a stream when, in a confirmed dialog, it states that it does not receive: ``sendonly`` or ``inactive``, or
an address that is none (``c=0.0.0.0``, as RFC 2543 had it). What it merely repeats changes nothing: a session refresh
of the side that is held says ``recvonly`` or ``inactive`` as its last answer did. And an answer that could not say
otherwise, for the offer sends nothing, says nothing of its writer's wish. An offer or answer that opens a session is no
hold, whatever its direction: early bearers and announcements look like that (RFC 3312, RFC 3960).
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.times import ns
from analyzer.columns.typed import typed
from analyzer.sip.offer_answer import bits, flipped, lines, with_times

_RECEIVES = 2
_LOCAL, _REMOTE = 1, 2


def holds(
    messages: pl.DataFrame, dialogs: pl.DataFrame, hops: pl.DataFrame, found: pl.DataFrame, descriptions: pl.DataFrame
) -> pl.DataFrame:
    """The ``holds`` table without ``call``, by start; ``found`` are the exchanges of the same messages."""
    kinds = {name: kind for name, kind in schema.HOLDS.polars().items() if name != "call"}
    found = that_matter(found, descriptions)
    if found.is_empty():
        return pl.DataFrame(schema=kinds)
    found = found.join(hops.select("_dialog", "dialog", "created"), on="_dialog", maintain_order="left")
    ends = dialogs.select("dialog", pl.col("confirmed_at", "ended_at").to_physical())
    found = found.join(ends, on="dialog", maintain_order="left").sort("answer_row")
    table = lines(with_times(found, messages), descriptions, "media", "port", "direction", "_receives")
    table = table.with_columns(offer=bits("offer"), answer=bits("answer"))
    stream = ["_dialog", "index"]
    table = table.with_columns(_held(side, stream).alias(side) for side in ("local", "remote"))
    in_use = (pl.col("answer_port") > 0).fill_null(value=False)
    # Of offers that crossed and were both answered nobody knows which holds (RFC 3264 §4): no hold is made of them.
    held = pl.when(in_use & ~pl.col("crossed")).then(pl.col("local") * _LOCAL + pl.col("remote") * _REMOTE).otherwise(0)
    table = table.with_columns(held=held).with_columns(
        changes=pl.col("held") != pl.col("held").shift(fill_value=0).over(stream)
    )
    flows = (
        ((pl.col("offer") & flipped(pl.col("answer"))) != 0)
        .any()
        .over(*stream, pl.col("changes").cum_sum().over(stream))
    )
    table = table.with_columns(direction=pl.when(flows).then(pl.lit("sendonly")).otherwise(pl.lit("inactive")))
    changes = table.filter("changes", pl.col("answered_at").is_not_null())
    changes = changes.with_columns(
        started_at=pl.col("answered_at"),
        ended_at=pl.coalesce(pl.col("answered_at").shift(-1).over(stream), "ended_at"),
    )
    sides = {_LOCAL: "caller", _REMOTE: "callee", _LOCAL | _REMOTE: "both"}
    known = pl.col("created") | (pl.col("held") == _LOCAL | _REMOTE)
    changes = (
        changes.filter(pl.col("held") > 0)
        .sort("started_at", "dialog", "index")
        .with_columns(
            media=pl.col("offer_media"),
            held_by=pl.when(known).then(pl.col("held").replace_strict(sides, return_dtype=pl.String, default=None))
            .otherwise(pl.lit("unknown")),
            duration_s=seconds(pl.col("ended_at") - pl.col("started_at")),
        )
    )  # fmt: skip
    return typed(changes, schema.HOLDS, without=("call",))


def that_matter(found: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """The answered exchanges of the dialogs in which some description says that it does not receive: few have one."""
    deaf = descriptions.filter(~pl.col("_receives"), pl.col("port") > 0)["_sdp"]
    if deaf.is_empty():
        return found.clear()
    deaf = deaf.implode()
    said = pl.col("offer_sdp").is_in(deaf) | pl.col("answer_sdp").is_in(deaf)
    found = found.filter(pl.col("answer_row").is_not_null(), pl.col("_dialog").is_not_null())
    return found.filter(pl.col("_dialog").is_in(found.filter(said)["_dialog"].implode()))


def _held(side: str, stream: list[str]) -> pl.Expr:
    """Whether the side holds the stream after each exchange."""
    offers = pl.col("local") if side == "local" else ~pl.col("local")
    states = pl.when(offers).then("offer").otherwise("answer")
    repeats = states.eq_missing(states.shift().over(stream))
    free = offers | ((pl.col("offer") & 1) != 0)
    opening = pl.col("created") & (pl.col("offered_at") < pl.col("confirmed_at")).fill_null(value=True)
    wish = pl.when(~opening & free & ~repeats).then((states & _RECEIVES) == 0)
    return wish.forward_fill().over(stream).fill_null(value=False)


def hold_seconds(
    confirmed_branch: pl.DataFrame,
    hops: pl.DataFrame,
    held: pl.DataFrame,
    found: pl.DataFrame,
    descriptions: pl.DataFrame,
) -> pl.DataFrame:
    """``call`` and ``hold_s``: the time in which some stream of the dialog that ``confirmed_branch`` was on hold.

    Streams on hold at the same time count once; null where a hold did not end, or where one may have begun or ended by
    offers that crossed. ``found`` are the exchanges.
    """
    spans = (
        confirmed_branch.lazy()
        .join(hops.lazy().select("_dialog", "dialog"), on="_dialog")
        .join(held.lazy().select("dialog", start=ns("started_at"), end=ns("ended_at")), on="dialog")
        .sort("call", "start")
    )
    reached = pl.col("end").cum_max().shift().over("call")
    overlap = pl.max_horizontal(pl.col("start"), reached)
    spans = spans.with_columns(length=(pl.col("end") - overlap).clip(0))
    total = pl.when(pl.col("end").null_count() == 0).then(pl.col("length").sum())
    lengths = spans.group_by("call", maintain_order=True).agg(hold_s=seconds(total)).collect(engine="in-memory")
    crossed = found.filter("crossed")
    if crossed.is_empty():
        return lengths
    doubted = that_matter(found, descriptions).filter("crossed").select("_dialog")
    doubted = confirmed_branch.join(doubted, on="_dialog", how="semi").select("call").unique()
    unknown = doubted.select("call", pl.lit(None, dtype=lengths.schema["hold_s"]).alias("hold_s"))
    return pl.concat([lengths.join(doubted, on="call", how="anti"), unknown])
