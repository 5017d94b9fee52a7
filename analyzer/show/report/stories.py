"""Whose ladders a report has: those of all calls and registrations, as far as there is room."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import polars as pl
import polars.selectors as cs

from analyzer.measure.measures import measure
from analyzer.show.report import columns, ladders, numbers
from analyzer.show.text import duration, safe
from analyzer.show.timeline import Mark, holds_of, tables_tell, transfers


def packed(
    tables: Mapping[str, pl.DataFrame], texts: Mapping[int, bytes], fragments: Mapping[int, str], most: int
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Packed ladders of calls and registrations in at most so many characters, and how many did not fit.

    ``calls`` of a chunk are the numbers of those that follow each other in it: the first, and how many. Where there is
    not room for all, those of calls that failed come first, then those of calls far outside the others in some delay,
    then the rest in order, registrations last.
    """
    calls = tables["calls"].select("call", "no", "call_ids", rank=rank(tables))
    told = _told(tables, fragments)
    made, room = _packed(tables["messages"], tables, calls, texts, told, most)
    if room < 0:
        made, room = _packed(tables["messages"], tables, calls.sort("rank", "no"), texts, told, most)
    registrations = tables["registrations"].select("no", call="registration", call_ids=pl.concat_list("call_id"))
    seen = _of_registrations(tables["messages"], tables["registrations"])
    asked = {key: ladders.Told(marks, ()) for key, marks in _asked(tables, "registration").items()}
    made_too, _ = _packed(seen, tables, registrations, texts, asked, room)
    ladders_made = {"calls": made, "registrations": made_too}
    held = sum(count for chunks in ladders_made.values() for chunk in chunks for _, count in chunk["calls"])
    return ladders_made, calls.height + registrations.height - held


def captions(endpoints: pl.DataFrame | None) -> dict[str, tuple[str, str]]:
    """Role and host name of each lane that nodes tell of: hosts, and addresses with ports of hosts with several.

    A host that is several nodes has their roles one after the other, as in :func:`analyzer.show.timeline.timeline`.
    """
    if endpoints is None:
        return {}
    told = endpoints.with_columns(role=pl.when(pl.col("role") != "unknown").then("role"))
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
    room: int,
) -> tuple[list[dict[str, Any]], int]:
    """As many chunks as there is room for, and what room is left: less than none where not all had room."""
    made: list[dict[str, Any]] = []
    if calls.is_empty() or room < 0:
        return made, room
    for chunk in ladders.chunks(messages, tables["transactions"], calls, texts, told):
        data = columns.encoded(chunk.data)
        room -= len(data)
        if room < 0:
            break
        made.append({"calls": _runs(chunk.calls), "data": data})
    return made, room


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


def _told(tables: Mapping[str, pl.DataFrame], fragments: Mapping[int, str]) -> dict[int, ladders.Told]:
    """By call what dialogs, offers, holds, the few messages of transfers and what was asked beside SIP tell; of most
    calls the media alone."""
    dialogs = _by_call(tables["dialogs"].select(_DIALOG).filter(pl.col("usage") == "invite"), least=2)
    holds = _by_call(tables["holds"].select(_HOLD))
    offers = _by_call(tables["offers"].select(_OFFER))
    messages = tables["messages"].filter(~pl.col("duplicate"), pl.col("status").is_null(), _of_transfer(fragments))
    moved = _by_call(messages.sort("time", nulls_last=True, maintain_order=True).with_columns(at="time"))
    asked = _asked(tables, "call")
    ended = dict(tables["calls"].select("call", pl.col("ended_at").cast(pl.Int64)).iter_rows())
    told = {}
    for call in dict.fromkeys((*dialogs, *holds, *offers, *moved, *asked)):
        held = holds_of(holds.get(call, []))
        marks = transfers(moved.get(call, []), lambda row, side: str(row[f"{side}_ip"]), fragments)
        marks += tables_tell(dialogs.get(call, []), held, offers.get(call, []), ended.get(call))
        told[call] = ladders.Told(marks + asked.get(call, []), held)
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
