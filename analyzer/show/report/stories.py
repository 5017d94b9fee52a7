"""Whose ladders a report has: those of all calls and registrations, as far as there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl
import polars.selectors as cs

from analyzer.show.doubt import with_doubt
from analyzer.show.report import columns, ladders, room
from analyzer.show.text import duration, safe
from analyzer.show.timeline import Mark, heard_of, holds_of, tables_tell, transfers


@dataclass(frozen=True, slots=True)
class Packed:
    """Ladders of ``calls`` and ``registrations``, and the numbers of those that had no room.

    ``calls`` of a chunk are the numbers of those that follow each other in it: the first, and how many.
    """

    chunks: dict[str, list[dict[str, Any]]]
    without: dict[str, list[int]]


def packed(
    tables: Mapping[str, pl.DataFrame],
    texts: Mapping[int, bytes],
    fragments: Mapping[int, str],
    *,
    most: int,
    most_rows: int,
) -> Packed:
    """The ladders of calls and registrations that have a row in the report, in at most so many characters.

    Where there is not room for all, registrations that failed take at most half of it, and calls come in the order of
    :func:`room.rank`; other registrations are last.
    """
    calls = room.first_rows(tables["calls"], "calls", tables, most_rows).select(
        "call", "no", "call_ids", "outcome_detail", "outcome"
    )
    registrations = room.first_rows(tables["registrations"], "registrations", tables, most_rows)
    told = _told(tables, fragments, calls)
    seen = of_registrations(tables["messages"], tables["registrations"])
    asked = {key: ladders.Told(marks, ()) for key, marks in _asked(tables, "registration").items()}

    def those_of(some: pl.DataFrame, left: int) -> tuple[list[dict[str, Any]], int]:
        named = some.select("no", call="registration", call_ids=pl.concat_list("call_id"))
        return _packed(seen, tables, named, texts, asked, left)

    made, left = _packed(tables["messages"], tables, calls, texts, told, most)
    made_too, left = those_of(registrations, left)
    if left < 0:
        made_too, spare = those_of(registrations.filter(outcome="failed"), most // 2)
        most -= most // 2 - max(spare, 0)
        calls = calls.with_columns(rank=room.rank(tables)).sort("rank", "no")
        made, left = _packed(tables["messages"], tables, calls, texts, told, most)
        made_too += those_of(registrations.filter(pl.col("outcome") != "failed"), left)[0]
    chunks = {"calls": made, "registrations": made_too}
    return Packed(chunks, {name: _without(tables[name], made) for name, made in chunks.items()})


def _without(table: pl.DataFrame, made: list[dict[str, Any]]) -> list[int]:
    held = {number for chunk in made for first, count in chunk["calls"] for number in range(first, first + count)}
    return [number for number in table["no"] if number not in held]


def captions(endpoints: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Role and host name of each lane that nodes tell of: hosts, and addresses with ports of hosts with several.

    A host that is several nodes has their roles one after the other, as in :func:`analyzer.show.timeline.timeline`.
    """
    told = with_doubt(endpoints).with_columns(role=pl.when(pl.col("role") != "unknown").then("role"))
    told = told.filter(pl.col("role").is_not_null() | pl.col("name").is_not_null())
    lanes = pl.concat([told.select("role", "name", lane="ip"), told.select("role", "name", lane="address")])
    words = pl.col("role", "name").drop_nulls().unique(maintain_order=True).str.join(", ")
    rows = lanes.group_by("lane", maintain_order=True).agg(words).rows()
    return {lane: (safe(role), safe(name)) for lane, role, name in rows if lane is not None}


def _packed(
    messages: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    calls: pl.DataFrame,
    texts: Mapping[int, bytes],
    told: Mapping[int, ladders.Told],
    left: int,
) -> tuple[list[dict[str, Any]], int]:
    """As many chunks as there is room for, and what room is left: less than none where not all had room."""
    made: list[dict[str, Any]] = []
    if calls.is_empty() or left < 0:
        return made, left
    for chunk in ladders.chunks(messages, tables["transactions"], calls, texts, told):
        data = columns.encoded(chunk.data)
        left -= len(data)
        if left < 0:
            break
        made.append({"calls": _runs(chunk.calls), "data": data})
    return made, left


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Numbers that follow each other as the first and how many.

    >>> _runs([3, 4, 5, 9])
    [(3, 3), (9, 1)]
    """
    places = enumerate(numbers)
    runs = (list(run) for _, run in groupby(places, key=lambda pair: pair[1] - pair[0]))
    return [(run[0][1], len(run)) for run in runs]


# What analyzer.show.timeline looks at.
_DIALOG = ("call", "usage", "end_reason", "ended_at", "remote_tag")
_HOLD = ("call", "media", "held_by", "started_at", "ended_at")
_OFFER = ("call", "dialog", "index", "media", "state", "status", "offered_at", "answered_at", "codecs", "direction")


_STREAM = ("call", "stream", "media", "codec", "sent_by", "packets", "loss", "mos", "first_at", "last_at")


def _told(
    tables: Mapping[str, pl.DataFrame], fragments: Mapping[int, str], calls: pl.DataFrame
) -> dict[int, ladders.Told]:
    """By call what dialogs, offers, holds, the few messages of transfers and what was asked beside SIP tell; of most
    calls the media alone."""
    own = pl.col("call").is_in(calls["call"].implode())
    dialogs = _by_call(tables["dialogs"].select(_DIALOG).filter(pl.col("usage") == "invite", own), least=2)
    holds = _by_call(tables["holds"].select(_HOLD).filter(own))
    offers = _by_call(tables["offers"].select(_OFFER).filter(own))
    streams = _by_call(tables["streams"].select(_STREAM).filter(own))
    moving = tables["messages"].filter(~pl.col("duplicate"), pl.col("status").is_null(), _of_transfer(fragments))
    messages = moving.filter(own)
    moved = _by_call(messages.sort("time", nulls_last=True, maintain_order=True).with_columns(at="time"))
    asked = _asked(tables, "call")
    ended = dict(tables["calls"].select("call", pl.col("ended_at").cast(pl.Int64)).iter_rows())
    told = {}
    for call in dict.fromkeys((*dialogs, *holds, *offers, *streams, *moved, *asked)):
        held, heard = holds_of(holds.get(call, [])), heard_of(streams.get(call, []))
        marks = transfers(moved.get(call, []), lambda row, side: str(row[f"{side}_ip"]), fragments)
        marks += tables_tell(dialogs.get(call, []), held, offers.get(call, []), ended.get(call), heard)
        told[call] = ladders.Told(marks + asked.get(call, []), held, heard)
    return told


def _asked(tables: Mapping[str, pl.DataFrame], of: str) -> dict[int, list[Mark]]:
    """What was asked beside SIP for each ``call`` or ``registration``, a mark where it was asked, with its answer.

    The ladder of one call draws them as arrows (:mod:`analyzer.show.timeline`); a report has lanes for SIP alone.
    """
    if "related_transactions" not in tables:
        return {}
    exchanges = tables["related_transactions"].drop_nulls([of, "started_at"])
    asked: dict[int, list[Mark]] = {}
    for row in exchanges.with_columns(cs.temporal().cast(pl.Int64)).iter_rows(named=True):
        begun, ended = row["started_at"], row["answered_at"]
        what = " ".join(part for part in (row["application"], row["what"], row["name"]) if part)
        of_peer = row["peer_ip"] == row["client_ip"] and row["peer_ip"] != row["server_ip"]
        peer = " ".join(part for part in (row["peer"], row["peer_ip"]) if part)
        after = f" after {duration(ended - begun)}" if ended is not None else ""
        text = f"{what} {'from' if of_peer else 'to'} {peer}: {row['result']}{after}"
        asked.setdefault(row[of], []).append(Mark("refused" if row["failed"] else "related_transactions", begun, text))
    return asked


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


def of_registrations(messages: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """REGISTERs and their responses, each with the registration of its Call-ID that had begun last as its ``call``."""
    begun = (
        registrations.select("call_id", "registration", at="started_at").drop_nulls().sort("at", maintain_order=True)
    )
    seen = messages.filter(pl.col("method") == "REGISTER").drop_nulls("time").sort("time", maintain_order=True)
    found = seen.join_asof(begun, left_on="time", right_on="at", by="call_id", check_sortedness=False)
    return found.with_columns(call="registration")
