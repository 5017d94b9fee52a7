"""Several columns as one number: what is found by it is what a join finds."""

from __future__ import annotations

import polars as pl

from analyzer.columns.hashed import hashed, is_one_of
from analyzer.columns.methods import method_is

ROWS = pl.DataFrame({"leg": [1, 1, 2, 2, None], "ip": ["a", "b", "a", None, "a"], "at": [5, 6, 7, 8, 9]})


def test_rows_are_found_as_a_join_finds_them() -> None:
    some = pl.DataFrame({"leg": [2, 1, 3], "ip": ["a", "b", "a"]})
    assert ROWS.filter(is_one_of(some, "leg", "ip")).equals(ROWS.join(some, on=["leg", "ip"], how="semi"))


def test_which_column_holds_a_value_counts() -> None:
    there = pl.DataFrame({"src": ["a"], "dst": ["b"]})
    back = pl.DataFrame({"src": ["b"], "dst": ["a"]})
    assert there.filter(is_one_of(back, "src", "dst")).is_empty()


def test_nothing_is_one_of_no_rows() -> None:
    assert ROWS.filter(is_one_of(ROWS.clear(), "leg", "ip")).is_empty()


def test_a_null_is_a_value_of_its_own() -> None:
    assert ROWS.select(hashed("leg", "ip").n_unique()).item() == 5


def test_a_message_without_a_method_is_of_none() -> None:
    methods = pl.DataFrame({"method": ["ACK", "BYE", None]})
    assert methods.select(method_is("ACK", "INVITE")).to_series().to_list() == [True, False, None]
