"""Messages of DNS to lookups: a query and its response (RFC 1035 §4)."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import elapsed
from analyzer.columns.times import SECOND
from analyzer.columns.typed import typed
from analyzer.companion.diameter import outcome

_PATIENCE = 5 * SECOND
"""After so long a resolver asks again (resolv.conf(5): timeout)."""


def dns(messages: pl.DataFrame, *, end: int | None) -> pl.DataFrame:
    """The table ``dns``. ``messages`` as the core gives them; ``end`` is the time of the last packet (ns)."""
    return _lookups(messages, end).select(schema.DNS.names)


def targets(messages: pl.DataFrame) -> pl.DataFrame:
    """``exchange targets``: the names that a response says are to be asked for next, a list."""
    told = messages.filter(pl.col("response"), ~pl.col("duplicate"), pl.col("targets").is_not_null())
    return told.group_by("exchange").agg(targets=pl.col("targets").first().str.to_lowercase().str.split(" "))


def _lookups(messages: pl.DataFrame, end: int | None) -> pl.DataFrame:
    seen = messages.filter(~pl.col("duplicate")).sort("time", nulls_last=True, maintain_order=True)
    told = ("file", "point", "transport", "name", "type", "number")
    place = (*told, "src_ip", "src_port", "dst_ip", "dst_port")
    asked = (
        seen.filter(~pl.col("response"))
        .group_by("exchange", maintain_order=True)
        .agg(pl.col(*place, "frame").first(), started_at=pl.col("first_byte_at").first(), query_copies=pl.len())
    )
    answered = (
        seen.filter(pl.col("response"))
        .group_by("exchange", maintain_order=True)
        .agg(
            pl.col(*place, "rcode", "answers", "addresses", "truncated", "flaw").first(),
            answer_frame=pl.col("frame").first(),
            answered_at=pl.col("time").first(),
        )
    )
    both = asked.join(answered, on="exchange", how="full", coalesce=True, suffix="_a", maintain_order="left_right")
    table = both.with_columns(
        *(pl.coalesce(name, f"{name}_a").alias(name) for name in told),
        client_ip=pl.coalesce("src_ip", "dst_ip_a"),
        client_port=pl.coalesce("src_port", "dst_port_a"),
        server_ip=pl.coalesce("dst_ip", "src_ip_a"),
        delay_s=elapsed("started_at", "answered_at"),
        query_copies=pl.col("query_copies").fill_null(0),
        outcome=outcome(end, _PATIENCE),
        truncated=pl.col("truncated").fill_null(value=False),
    )
    ordered = table.sort(pl.coalesce("started_at", "answered_at"), nulls_last=True, maintain_order=True)
    return typed(ordered, schema.DNS)
