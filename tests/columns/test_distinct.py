"""What is made of text that repeats is what would be made of each."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer.columns.distinct import each_once


@pytest.mark.parametrize(
    "texts",
    [["b", "a", None, "b", "b", None], ["a", "b", "c"], [None, None], []],
    ids=["repeated", "each its own", "none", "empty"],
)
def test_each_value_has_what_is_made_of_it_in_its_place(texts: list[str | None]) -> None:
    column = pl.Series("text", texts, dtype=pl.String)
    assert each_once(column, lambda known: known + "!").equals(column + "!")


def test_a_value_that_repeats_is_looked_at_once() -> None:
    asked: list[str] = []
    each_once(pl.Series(["a", "b", "a", "a", "b"]), lambda known: asked.extend(known) or known)  # type: ignore[func-returns-value]
    assert sorted(asked) == ["a", "b"]
