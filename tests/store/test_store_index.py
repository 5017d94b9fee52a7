"""The index of a store: which part a message that comes late belongs to."""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND
from analyzer.store.index import Index
from analyzer.store.layout import Part

_DAY = 24 * 3600 * SECOND


def _messages(*calls: int | None) -> pl.DataFrame:
    return pl.DataFrame({"_call": calls}, schema={"_call": pl.Int64})


def _part(number: int, last: int) -> Part:
    return Part(number, "2026-01-01T00", 2, last - SECOND, last)


def test_the_parts_of_call_ids_that_go_on_are_found() -> None:
    index, parts = Index(_DAY), [_part(number, number * SECOND) for number in range(1, 101)]
    for part in parts:
        index.add(part, _messages(part.number, part.number, part.number + 1000, None))
    found = index.touched(_messages(1040, 7, 7, None, 5000), 200 * SECOND)
    assert [(part, calls.to_list()) for part, calls in found] == [(parts[6], [7]), (parts[39], [1040])]


def test_a_part_that_was_taken_out_or_silent_for_too_long_is_forgotten() -> None:
    index, early, late, gone = Index(_DAY), _part(1, SECOND), _part(2, _DAY), _part(3, _DAY)
    for part in (early, late, gone):
        index.add(part, _messages(part.number))
    index.forget(gone)
    found = index.touched(_messages(1, 2, 3), _DAY + 2 * SECOND)
    assert [(part, calls.to_list()) for part, calls in found] == [(late, [2])]
