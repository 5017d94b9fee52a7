"""Why values of two captures may not be comparable: they saw other hops, other methods, one direction, another hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from analyzer.kpi.observed import observation

Tables = Callable[[str], pl.DataFrame]

#: Roles of which there is a node for each subscriber.
ENDS = ("UE", "UA")

Kind = Literal["empty", "one_direction", "other_hop", "other_nodes", "other_hour", "other_length", "lost", "stepped"]

#: What makes values incomparable, and of which populations of KPIs; the others only ask for care.
REFUSED: dict[Kind, tuple[str, ...]] = {
    "empty": ("calls", "registrations", "requests", "transactions", "messages", "streams", "call_media"),
    "one_direction": ("calls", "registrations", "requests", "transactions", "messages", "streams", "call_media"),
    "other_hop": ("calls", "streams", "call_media"),
}

# With both directions captured a third and more of the messages are responses.
_LEAST_OF_A_DIRECTION = 0.05
# A hop on which so many of the calls are measured is the one that the capture measures at.
_MOST_CALLS = 0.8
_LONGER = 2.0
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason; ``facts`` are filled into its sentence (``show/comparison``)."""

    kind: Kind
    facts: dict[str, Any]


#: The columns of large tables that comparisons look at.
LOOKED_AT = {
    "messages": ("message", "status", "to_tag"),
    "transactions": (
        *("transaction", "call", "call_id", "cseq", "method", "client_ip", "client_port", "server_ip", "server_port"),
    ),
}


def doubts(a: Tables, b: Tables) -> Iterator[Doubt]:
    """The reasons, weightiest first."""
    sides = {"A": a, "B": b}
    for side, tables in sides.items():
        if tables("messages").is_empty():
            yield Doubt("empty", {"side": side})
        elif what := _only(tables("messages")):
            yield Doubt("one_direction", {"side": side, "what": what})
    hops = [_measured_at(tables) for tables in sides.values()]
    if None not in hops and hops[0] != hops[1]:
        yield Doubt("other_hop", {"a": hops[0], "b": hops[1]})
    nodes = [tables("nodes").filter(~pl.col("role").is_in([*ENDS, "unknown"])) for tables in sides.values()]
    if all(one.height for one in nodes) and nodes[0].join(nodes[1], on="node", how="semi").is_empty():
        yield Doubt("other_nodes", {})
    spans = [_span(tables("files")) for tables in sides.values()]
    if spans[0] is not None and spans[1] is not None:
        if not _overlap(spans[0], spans[1]):
            yield Doubt("other_hour", {"a": _hours(spans[0]), "b": _hours(spans[1])})
        lasted = [(end - begin) / 1e9 for begin, end in (spans[0], spans[1])]
        if min(lasted) > 0 and max(lasted) / min(lasted) > _LONGER:
            yield Doubt("other_length", {"a_s": lasted[0], "b_s": lasted[1]})
    for side, tables in sides.items():
        if lost := tables("files")["dropped"].sum():
            yield Doubt("lost", {"side": side, "n": int(lost)})
        if (tables("files")["backward_steps"] > 0).any():
            yield Doubt("stepped", {"side": side})


def _only(messages: pl.DataFrame) -> Literal["requests", "responses", ""]:
    """Which of both the capture shows, where the other is missing."""
    responses = messages["status"].count() / messages.height
    if responses < _LEAST_OF_A_DIRECTION:
        return "requests"
    return "responses" if responses > 1 - _LEAST_OF_A_DIRECTION else ""


def _measured_at(tables: Tables) -> str | None:
    """The roles between which most calls are measured; None where they are not known, or differ."""
    roles = tables("endpoints").select("ip", "port", "role")
    hops = tables("calls").select(transaction="reference").join(tables("transactions"), on="transaction")
    for end in ("client", "server"):
        named = roles.rename({"ip": f"{end}_ip", "port": f"{end}_port", "role": f"{end}_role"})
        hops = hops.join(named, on=[f"{end}_ip", f"{end}_port"], how="left", nulls_equal=True)
    pairs = hops.group_by("client_role", "server_role").len().sort("len", descending=True)
    if pairs.is_empty() or pairs["len"][0] < _MOST_CALLS * hops.height:
        return None
    client, server = pairs.row(0)[:2]
    known = client not in (None, "unknown") and server not in (None, "unknown")
    return f"{client} - {server}" if known else None


def _span(files: pl.DataFrame) -> tuple[int, int] | None:
    first, last = observation(files)
    return None if first is None or last is None else (first, last)


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans of time have a time of day in common."""
    day = _SECONDS_A_DAY * 10**9
    if any(end - begin >= day for begin, end in (one, other)):
        return True
    begins = [begin % day for begin, _ in (one, other)]
    lengths = [end - begin for begin, end in (one, other)]
    return (begins[1] - begins[0]) % day <= lengths[0] or (begins[0] - begins[1]) % day <= lengths[1]


def _hours(span: tuple[int, int]) -> str:
    ends = pl.Series(span).cast(pl.Datetime("ns", "UTC")).dt.to_string("%H:%M")
    return f"{ends[0]}-{ends[1]}"
