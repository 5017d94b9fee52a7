"""Whose ladders a report has: those of all calls and registrations, as far as there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from analyzer.measure.measures import measure
from analyzer.show.report import columns, ladders, numbers


def packed(
    tables: Mapping[str, pl.DataFrame], texts: Mapping[int, bytes], most: int
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Packed ladders of calls and registrations, and for how many of these there was no room.

    Where there is not room for all, those of calls that failed come first, then those of calls far outside the others
    in some delay, then the rest in order, registrations last.
    """
    messages, registrations = tables["messages"], tables["registrations"]
    calls = tables["calls"].select("call", "no", "call_ids", rank=rank(tables)).sort("rank", "no")
    of_registrations = registrations.select("no", call="registration", call_ids=pl.concat_list("call_id"))
    made: dict[str, list[dict[str, Any]]] = {"calls": [], "registrations": []}
    room, without = most, 0
    for name, stories in (("calls", calls), ("registrations", of_registrations)):
        without += stories.height
        if stories.is_empty() or room < 0:
            continue
        rows = messages if name == "calls" else _of_registrations(messages, registrations)
        for chunk in ladders.chunks(rows, tables["transactions"], stories, texts):
            data = columns.encoded(chunk.data)
            room -= len(data)
            if room < 0:
                break
            without -= len(chunk.calls)
            made[name].append({"calls": chunk.calls, "data": data})
    return made, without


def rank(tables: Mapping[str, pl.DataFrame]) -> pl.Expr:
    """What a reader wants to see first of more calls than there is room for."""
    slow = measure("outliers", lambda name: tables[name])["call"].unique()
    failed = pl.col("outcome").is_in(numbers.ENDS["failed"])
    return pl.when(failed).then(0).when(pl.col("call").is_in(slow.implode())).then(1).otherwise(2)


def _of_registrations(messages: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """REGISTERs and their responses, each with the registration of its Call-ID that had begun last as its ``call``."""
    begun = (
        registrations.select("call_id", "registration", at="started_at").drop_nulls().sort("at", maintain_order=True)
    )
    seen = messages.filter(pl.col("method") == "REGISTER").drop_nulls("time").sort("time", maintain_order=True)
    found = seen.join_asof(begun, left_on="time", right_on="at", by="call_id", check_sortedness=False)
    return found.with_columns(call="registration")
