from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.columns.distribution import nearest_rank


def of(values: list[float | None], percent: int) -> float | None:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}).select(nearest_rank(pl.col("x"), percent)).item()


@pytest.mark.parametrize(
    ("percent", "rank"),
    [(50, 5), (90, 9), (91, 10), (95, 10), (99, 10), (100, 10), (7, 1), (10, 1), (11, 2)],
)
def test_the_rank_is_the_ceiling(percent: int, rank: int) -> None:
    """x[⌈p·n/100⌉] of ten values, whatever their order."""
    values = [float(value) for value in (3, 10, 1, 7, 5, 9, 2, 8, 6, 4)]
    assert of(values, percent) == rank


def test_of_a_hundred_the_seventh_percentile_is_the_seventh() -> None:
    """In floats 0.07 * 100 is more than seven."""
    assert of([float(value) for value in range(1, 101)], 7) == 7


def test_what_is_missing_does_not_count() -> None:
    assert of([None, 2.0, None, 1.0], 50) == 1


@pytest.mark.parametrize("values", [[], [None, None]])
def test_of_nothing_it_is_missing(values: list[None]) -> None:
    assert of(values, 50) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_at_least_p_percent_lie_at_or_below_it_and_it_was_measured(values: list[float], percent: int) -> None:
    found = of(list(values), percent)
    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values)
