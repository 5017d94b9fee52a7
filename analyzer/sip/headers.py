"""Header fields by name: one row for each field, whole, whatever header it is (RFC 3261 §7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema

if TYPE_CHECKING:
    import polars as pl


def headers(messages: pl.DataFrame, calls: pl.Series, fields: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The ``headers`` table: the fields of these names, by message and then as the names are.

    ``calls`` is the call of each message, ``fields`` as the core gives them: ``message name ordinal value``.
    """
    import polars as pl

    # One that is not registered may have been asked for in another case before.
    known = pl.col("name").str.to_lowercase()
    asked = pl.concat([fields.filter(known == name.lower()).with_columns(name=pl.lit(name)) for name in names])
    seen = messages.with_columns(call=calls).remove("duplicate")
    return seen.join(asked, on="message", maintain_order="left_right").select(schema.FIELDS.names)
