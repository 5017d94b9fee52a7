"""The table ``problems``: what the core found odd in files and messages, and which messages are odd beside others."""

from __future__ import annotations

import polars as pl


def problems(found: pl.DataFrame, messages: pl.DataFrame, odd: pl.DataFrame, most: int) -> pl.DataFrame:
    """The rows of the core (``found``) and those of the ``odd`` ``messages`` (``row code detail``), in capture order.

    As of what the core finds, ``most`` rows of one code are listed, and after all of them one row a code with more says
    how many more.
    """
    if odd.is_empty():
        return found
    listed = odd.filter(_is_listed(most))
    place = messages.select(pl.col("file", "frame", "byte_offset").gather(listed["row"]))
    rows = pl.concat([found, place.with_columns(listed["code"], listed["detail"], layer=pl.lit("sip"))], how="diagonal")
    files = pl.concat([found["file"], messages["file"]]).drop_nulls().unique(maintain_order=True)
    places = pl.DataFrame({"file": files}).with_row_index("_place")
    rows = rows.join(places, on="file", how="left", maintain_order="left")
    rows = rows.sort("_place", "frame", maintain_order=True, nulls_last=[True, False])
    more = _left_out(odd, most).select(
        "code", detail=pl.format("{} more of this code are not listed (max_problems_per_code)", "more")
    )
    rows = pl.concat([rows, more], how="diagonal")
    return rows.with_columns(problem=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).select(found.columns)


def count(found: pl.DataFrame, odd: pl.DataFrame, most: int) -> int:
    """How many rows :func:`problems` has, without their places in the capture."""
    return found.height + odd.filter(_is_listed(most)).height + _left_out(odd, most).height


def _is_listed(most: int) -> pl.Expr:
    return pl.int_range(pl.len()).over("code") < most


def _left_out(odd: pl.DataFrame, most: int) -> pl.DataFrame:
    return odd.group_by("code").agg(more=pl.len().cast(pl.Int64) - most).filter(pl.col("more") > 0).sort("code")
