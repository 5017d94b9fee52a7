"""Rules in order: the first that holds decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def first_of(rules: Sequence[tuple[pl.Expr, pl.Expr | str | None]], otherwise: pl.Expr | str | None) -> pl.Expr:
    """The value of the first rule whose condition is true; a text is itself, and no column of that name.

    >>> age = pl.lit(70)
    >>> pl.select(first_of([(age < 13, "child"), (age < 20, "teenager")], "adult")).item()
    'adult'
    """

    def value(of: pl.Expr | str | None) -> pl.Expr:
        return of if isinstance(of, pl.Expr) else pl.lit(of, pl.String)

    chosen = value(otherwise)
    for condition, of in reversed(rules):
        chosen = pl.when(condition).then(value(of)).otherwise(chosen)
    return chosen
