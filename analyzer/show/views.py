"""The columns a person wants to see first, for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.show.text import SHORT_TAG

if TYPE_CHECKING:
    import polars as pl


def default(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The short selection of a table, for reading; whole tables have all columns of ``schema``."""
    import polars as pl

    entry = schema.find(table)
    shown = entry.shown or entry.names
    if table in schema.MEASURES:
        # It begins with the columns that it is grouped by.
        return frame.drop(name for name in entry.names if name not in shown)
    ends = (name for name in ("src", "dst", "client", "server") if {f"{name}_ip", f"{name}_port"} <= set(frame.columns))
    made = [socket_of(name).alias(name) for name in ends]
    if table == "messages":
        made.append(
            pl.when("duplicate")
            .then(pl.lit("duplicate"))
            .when("retransmission")
            .then(pl.lit("sent again"))
            .when(~pl.col("complete"))
            .then(pl.lit("cut"))
            .alias("note")
        )
    if table == "dialogs":
        made += [_short(name) for name in ("local_tag", "remote_tag")]
    return frame.with_columns(made).select(shown)


def _short(tag: str) -> pl.Expr:
    """A tag cut to what tells it from others; whole in the other formats and with ``--columns``."""
    import polars as pl

    long = pl.col(tag).str.len_chars() > SHORT_TAG
    return pl.when(long).then(pl.format("{}…", pl.col(tag).str.head(SHORT_TAG - 1))).otherwise(tag).alias(tag)
