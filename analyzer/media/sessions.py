"""Messages of MSRP, and the calls they are of."""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import elapsed
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed

_BEFORE = 2 * SECOND
_OTHER = {"caller": "callee", "callee": "caller"}


def msrp(core_msrp: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    """The table ``msrp``: of the call in which the newest announcement of one of its ends is."""
    said = announced_media.filter(pl.col("media") == "message").select(
        "call", "side", announced_by="message", said_at="at", ip="ip", port="port"
    )
    rows = core_msrp.with_row_index("_row").with_columns(at=ns("first_at") + _BEFORE)
    found = [
        rows.sort("at").join_asof(
            said.sort("said_at"), left_on="at", right_on="said_at",
            by_left=[f"{end}_ip", f"{end}_port"], by_right=["ip", "port"], check_sortedness=False,
        ).select("_row", "call", "announced_by", sent_by=side)
        for end, side in (("dst", pl.col("side").replace(_OTHER)), ("src", pl.col("side")))
    ]  # fmt: skip
    to, by = found
    both = rows.join(to, on="_row", how="left").join(by, on="_row", how="left", suffix="_by")
    both = both.with_columns(
        pl.coalesce(name, f"{name}_by").alias(name) for name in ("call", "announced_by", "sent_by")
    )
    return typed(both.sort("_row").with_columns(duration_s=elapsed("first_at", "last_at")), schema.MSRP)
