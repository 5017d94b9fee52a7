"""What became of a leg at a node, by its responses."""

from itertools import permutations

import polars as pl
import pytest

from analyzer.ims import leg_evidence

#: A node that a gateway refused tries another, which is answered.
_RESPONSES = [(100, 1), (503, 2), (200, 5)]


@pytest.mark.parametrize("order", list(permutations(_RESPONSES)))
def test_the_first_final_response_is_the_first_in_time(order: list[tuple[int, int]]) -> None:
    responses = pl.DataFrame(order, schema=["status", "at"], orient="row").with_columns(parent=1, child=2, _point=0)
    told = leg_evidence._steps(responses).select("ring_at", "final_at", "final")
    assert told.rows() == [(1, 2, 503)]
