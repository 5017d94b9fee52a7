"""A function that is remembered of nothing is asked anew for every row that there is."""

from __future__ import annotations

import polars as pl

from analyzer.columns.nothing import no_rows, once_of_nothing

ROWS = pl.DataFrame({"a": [1, 2]})
(NONE,) = no_rows(ROWS)


def test_what_is_made_of_no_rows_is_made_once_for_their_columns() -> None:
    asked = []

    @once_of_nothing
    def doubled(frame: pl.DataFrame, more: pl.Series, *, name: str = "b") -> pl.DataFrame:
        asked.append((frame.columns, frame.height, more.len(), name))
        return frame.select(pl.first().alias(name) * 2)

    series = pl.Series([5])
    for _ in range(2):
        assert doubled(NONE, series.clear()).schema == {"b": pl.Int64}
        assert doubled(NONE, series.clear(), name="c").schema == {"c": pl.Int64}
        assert doubled(NONE.cast(pl.Float64), series.clear()).schema == {"b": pl.Float64}
        assert doubled(ROWS, series.clear())["b"].to_list() == [2, 4]
        assert doubled(NONE, series).is_empty()
    of_rows = [(["a"], 2, 0, "b"), (["a"], 0, 1, "b")]
    assert asked == [(["a"], 0, 0, "b"), (["a"], 0, 0, "c"), (["a"], 0, 0, "b"), *of_rows, *of_rows]
