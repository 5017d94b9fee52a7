"""Whose ladders a report has: those of all calls and registrations, as far as there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import polars.selectors as cs

from analyzer.measure.measures import measure
from analyzer.show.report import columns, ladders, numbers
from analyzer.show.timeline import beside, holds_of, transfers


def packed(
    tables: Mapping[str, pl.DataFrame], texts: Mapping[int, bytes], fragments: Mapping[int, str], most: int
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
        told = _told(tables, fragments) if name == "calls" else {}
        for chunk in ladders.chunks(rows, tables["transactions"], stories, texts, told):
            data = columns.encoded(chunk.data)
            room -= len(data)
            if room < 0:
                break
            without -= len(chunk.calls)
            made[name].append({"calls": chunk.calls, "data": data})
    return made, without


def _told(tables: Mapping[str, pl.DataFrame], fragments: Mapping[int, str]) -> dict[int, ladders.Told]:
    """By call what dialogs, offers, holds and the few messages of transfers tell; of most calls the media alone."""
    dialogs = _by_call(tables["dialogs"].filter(pl.col("usage") == "invite"), least=2)
    holds = _by_call(tables["holds"])
    offers = _by_call(tables["offers"])
    messages = tables["messages"].filter(~pl.col("duplicate"), pl.col("status").is_null(), _of_transfer(fragments))
    moved = _by_call(messages.sort("time", nulls_last=True, maintain_order=True).with_columns(at="time"))
    ended = dict(tables["calls"].select("call", pl.col("ended_at").cast(pl.Int64)).iter_rows())
    told = {}
    for call in dict.fromkeys((*dialogs, *holds, *offers, *moved)):
        held = holds_of(holds.get(call, []))
        marks = transfers(moved.get(call, []), lambda row, side: str(row[f"{side}_ip"]), fragments)
        marks += beside(dialogs.get(call, []), held, offers.get(call, []), ended.get(call))
        told[call] = ladders.Told(marks, held)
    return told


def _of_transfer(fragments: Mapping[int, str]) -> pl.Expr:
    asked = pl.col("refer_to").is_not_null() | pl.col("replaces").is_not_null()
    return asked | pl.col("message").is_in(pl.Series(list(fragments), dtype=pl.Int64).implode())


def _by_call(frame: pl.DataFrame, *, least: int = 1) -> dict[int, list[dict[str, Any]]]:
    """The rows of each call that has so many, times in nanoseconds."""
    own = frame.drop_nulls("call").filter(pl.len().over("call") >= least).with_columns(cs.temporal().cast(pl.Int64))
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in own.iter_rows(named=True):
        rows.setdefault(row["call"], []).append(row)
    return rows


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
