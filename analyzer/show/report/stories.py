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

    Where there is not room for all, those of calls that failed come first, then those of calls far outside the others in
    some delay, then the rest in order, registrations last.
    """
    messages, transactions = tables["messages"], tables["transactions"]
    calls = tables["calls"].select("call", "no", "call_ids", rank=rank(tables)).sort("rank", "no")
    registrations = tables["registrations"].select("no", call="registration", call_ids=pl.concat_list("call_id"))
    kinds = (
        ("calls", calls, lambda: messages),
        ("registrations", registrations, lambda: _of_registrations(messages, tables["registrations"])),
    )
    made: dict[str, list[dict[str, Any]]] = {}
    room, without = most, 0
    for name, stories, of_stories in kinds:
        made[name] = []
        left = stories.height
        if left and room > 0:
            for chunk in ladders.chunks(of_stories(), transactions, stories, texts):
                data = columns.encoded(chunk.data)
                room -= len(data)
                if room < 0:
                    break
                left -= len(chunk.calls)
                made[name].append({"calls": chunk.calls, "data": data})
        without += left
    return made, without


def rank(tables: Mapping[str, pl.DataFrame]) -> pl.Expr:
    """What a reader wants to see first of more calls than there is room for."""
    slow = measure("outliers", lambda name: tables[name])["call"].unique()
    failed = pl.col("outcome").is_in(numbers.ENDS["failed"])
    return pl.when(failed).then(0).when(pl.col("call").is_in(slow.implode())).then(1).otherwise(2)


def _of_registrations(messages: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """REGISTERs and their responses, each with the registration of its Call-ID that had begun last as its ``call``."""
    begun = registrations.select("call_id", "registration", at="started_at").drop_nulls().sort("at", maintain_order=True)
    seen = messages.filter(pl.col("method") == "REGISTER").drop_nulls("time").sort("time", maintain_order=True)
    found = seen.join_asof(begun, left_on="time", right_on="at", by="call_id", check_sortedness=False)
    return found.with_columns(call="registration")


