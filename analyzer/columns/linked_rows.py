"""Chains of rows, each of which may name the row before it."""

from __future__ import annotations

import polars as pl


def roots(before: pl.Series) -> pl.Series:
    """The row at which the chain of each begins; ``before`` names the row before each, null of the first.

    A chain must not close to a ring.

    >>> roots(pl.Series([None, 0, None, 1], dtype=pl.UInt32)).to_list()
    [0, 0, 2, 0]
    """
    own = pl.int_range(len(before), dtype=pl.UInt32, eager=True)
    root = pl.select(pl.coalesce(before, own)).to_series()
    # Each step doubles how far a row looks back.
    while not (further := root.gather(root)).equals(root):
        root = further
    return root
