"""Digits that were pressed: events of streams, and what INFO and KPML say."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.typed import typed
from analyzer.media import announced

_DIGITS = "0123456789*#ABCD"
_FLASH = 16
_CLOCK = 8_000
"""Of events where no sound beside them shows another one (RFC 4733 §2.1)."""
_OF_INFO = ("application/dtmf-relay", "application/dtmf")


def dtmf(
    core_events: pl.DataFrame,
    streams: pl.DataFrame,
    announced_media: pl.DataFrame,
    parts: pl.DataFrame,
    messages: pl.DataFrame,
    call_of: pl.Series,
    *,
    shown: bool,
) -> pl.DataFrame:
    """The table ``dtmf``. ``shown``: which digits they are; else only that they are digits."""
    of_streams = _of_streams(core_events, streams, announced_media, shown=shown)
    of_messages = _of_messages(parts, messages, call_of, shown=shown)
    return pl.concat([of_streams, of_messages]).sort("started_at", maintain_order=True)


def _of_streams(
    events: pl.DataFrame, streams: pl.DataFrame, announced_media: pl.DataFrame, *, shown: bool
) -> pl.DataFrame:
    """Of calls those of payload types that one side calls telephone-event."""
    named = (
        announced.codecs_of(announced_media)
        .group_by("call", "payload_type")
        .agg(named=pl.col("codec").str.to_lowercase().str.starts_with("telephone-event").any())
    )
    rows = events.join(
        streams.select("stream", "call", "sent_by", "clock_hz"), on="stream", how="left", maintain_order="left"
    )
    rows = rows.join(named, on=["call", "payload_type"], how="left", maintain_order="left")
    # Of who announced nothing nothing is known.
    described = pl.col("call").is_in(named["call"].unique().implode()).fill_null(value=False)
    digits = dict(enumerate(_DIGITS if shown else ["digit"] * len(_DIGITS)))
    told = rows.filter(pl.col("named").fill_null(~described)).with_columns(
        message=pl.lit(None, pl.Int64),
        told_by=pl.lit("rtp"),
        event=pl.col("event").replace_strict(digits | {_FLASH: "flash"}, return_dtype=pl.String),
        started_at="time",
        duration_s=pl.col("duration") / pl.col("clock_hz").fill_null(_CLOCK),
        volume_dbm0=-pl.col("volume"),
    )
    return typed(told, schema.DTMF)


def _of_messages(parts: pl.DataFrame, messages: pl.DataFrame, call_of: pl.Series, *, shown: bool) -> pl.DataFrame:
    """Of each request one row a key, on the hop on which it was seen first."""
    keys = parts.filter(pl.col("_keys").is_not_null()).select("message", "_media_type", "_keys", "_keys_ms")
    if keys.is_empty():
        return pl.DataFrame(schema=schema.DTMF.polars())
    own = announced.of_sides(messages, call_of, pl.col("status").is_null())
    rows = own.join(keys, on="message").sort("at", "message")
    rows = rows.unique(["_leg", "cseq", "_media_type"], keep="first", maintain_order=True)
    rows = rows.with_columns(pl.col("_keys").str.split("")).explode("_keys").filter(pl.col("_keys") != "")
    digit = pl.col("_keys") if shown else pl.lit("digit")
    rows = rows.join(messages.select("message", "frame", "time"), on="message", maintain_order="left").with_columns(
        pl.lit(None, pl.Int64).alias("stream"),
        told_by=pl.when(pl.col("_media_type").is_in(_OF_INFO)).then(pl.lit("info")).otherwise(pl.lit("kpml")),
        sent_by="side",
        started_at="time",
        event=pl.when(pl.col("_keys") == "R").then(pl.lit("flash")).otherwise(digit),
        duration_s=seconds(pl.col("_keys_ms") * 1_000_000),
        volume_dbm0=pl.lit(None, pl.Int64),
        ended=pl.lit(value=True),
        packets=pl.lit(1, pl.Int64),
        payload_type=pl.lit(None, pl.Int64),
    )
    return typed(rows, schema.DTMF)
