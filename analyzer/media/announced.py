"""Where media were to go: the addresses that session descriptions of calls announced."""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import ns

#: The columns of a session description that are kept.
_SAID = ("media", "proto", "formats", "codecs", "fmtp", "direction", "ptime", "crypto")


def of_sides(messages: pl.DataFrame | pl.LazyFrame, call_of: pl.Series | pl.Expr, of: pl.Expr) -> pl.DataFrame:
    """The messages of calls, duplicates left out, each with its ``call`` and the ``side`` that sent it; ``of``: those
    that are wanted, for few have a body.

    Columns beside these: ``message _sdp _leg at cseq method status frame``. ``call_of`` is the call of each message.
    """
    own = messages.select(
        *("message", "_sdp", "_leg", "call_id", "from_tag", "to_tag", "cseq", "method", "status", "duplicate"),
        at=ns("time"),
        call=call_of,
    ).lazy()
    own = own.filter(~pl.col("duplicate"), pl.col("call").is_not_null())
    # The side that opened the leg is that of the From tag of its INVITE (RFC 3261 §12.1); a request within the dialog
    # has the tag of its sender there, a response that of its sender as To tag.
    opener = (
        own.filter(pl.col("method") == "INVITE")
        .select("call", "call_id", "at", opener="from_tag")
        .group_by("call", "call_id")
        .agg(pl.col("opener").sort_by("at").first())
    )
    sender = pl.when(pl.col("status").is_null()).then("from_tag").otherwise("to_tag")
    side = pl.when(sender == pl.col("opener")).then(pl.lit("caller")).otherwise(pl.lit("callee"))
    found = own.filter(of).join(opener, on=["call", "call_id"], how="inner", maintain_order="left")
    return found.with_columns(side=side).drop("opener").collect()


def announced_media(
    messages: pl.DataFrame | pl.LazyFrame, descriptions: pl.DataFrame, call_of: pl.Series | pl.Expr
) -> pl.DataFrame:
    """The m= lines of messages of calls, each address once a call and side, in time order.

    Columns: ``call``, ``side`` that announced (``caller callee``), ``message``, ``at`` (ns), ``ip``, ``port``,
    ``media``, ``proto``, ``formats``, ``codecs``, ``fmtp``, ``direction``, ``ptime`` and ``crypto`` as in ``sdp``.
    ``call_of`` is the call of each message.
    """
    own = of_sides(messages, call_of, pl.col("_sdp").is_not_null())
    rows = (
        own.lazy()
        # Hops and retransmissions repeat a description.
        .sort("at", "message")
        .unique(["call", "side", "_sdp"], keep="first")
        .join(
            descriptions.lazy()
            .filter(pl.col("port") > 0, pl.col("connection").is_not_null())
            .select("_sdp", *_SAID, "port", ip="connection"),
            on="_sdp",
        )
        .select("call", "side", "message", "at", "ip", "port", *_SAID)
        .sort("at", "message", "port")
        .unique(["call", "side", "ip", "port", "formats", "direction"], keep="first", maintain_order=True)
    )
    return rows.collect()


def codecs_of(announced: pl.DataFrame) -> pl.DataFrame:
    """A row for each format: ``announcement`` (a row of ``announced``), its ``call`` and ``message``, ``payload_type``,
    ``codec``, and the parameters of this payload type, ``fmtp``."""
    numbered = announced.with_row_index("announcement")
    listed = numbered.select(
        "announcement", "call", "message", pl.col("formats").str.split(" "), pl.col("codecs").str.split(" ")
    )
    paired = listed.filter(pl.col("formats").list.len() == pl.col("codecs").list.len()).explode("formats", "codecs")
    typed = paired.with_columns(payload_type=pl.col("formats").cast(pl.Int64, strict=False)).drop_nulls("payload_type")
    known = typed.filter(pl.col("codecs") != "?").select(
        "announcement", "call", "message", "payload_type", codec="codecs"
    )
    known = known.unique(["announcement", "payload_type"], keep="first", maintain_order=True)
    # "104 mode-set=2 | 101 0-15"
    stated = numbered.select("announcement", part=pl.col("fmtp").str.split(" | ")).explode("part")
    stated = stated.select(
        "announcement",
        payload_type=pl.col("part").str.extract(r"^(\d+)\s", 1).cast(pl.Int64, strict=False),
        fmtp=pl.col("part").str.replace(r"^\d+\s+", ""),
    ).drop_nulls("payload_type")
    stated = stated.unique(["announcement", "payload_type"], keep="first", maintain_order=True)
    return known.join(stated, on=["announcement", "payload_type"], how="left", maintain_order="left")
