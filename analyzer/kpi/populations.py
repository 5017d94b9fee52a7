"""What KPIs are measured over: calls, registrations, requests, transactions, messages, streams of media; and what
these are grouped by.

A population is a frame with a row for each of its units, made of the tables, whose outcomes and delays it takes as they
are. What a row is grouped by is a column of its table, of the hop on which it was measured, or of a table joined to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.columns.times import ns
from analyzer.kpi.observed import observation
from analyzer.measure.grouping import PEER, with_peers

Tables = Callable[[str], pl.DataFrame]
Piece = Callable[[str], pl.LazyFrame]
"""Tables by name, of some whole units: with a call all its transactions. What is not asked of them is not read."""

_HOP = ("client_ip", "client_port", "server_ip", "server_port", "transport")
_NODES = ("node", "from_node", "to_node", "reference_point")
_ACCESS = ("rat", "access_type")
#: Requests that are measured by themselves: the others belong to a call or a registration.
_ALONE = ("MESSAGE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "INFO")

#: A row counts in several groups of these: for each node that it passed, or each service that it used. The groups add
#: up to more than the whole.
OVERLAPPING = frozenset({"node", "from_node", "to_node", "reference_point", "service", "peer", "direction"})

#: The tables beside those of the KPIs that a column to group by needs.
NEEDS: dict[str, tuple[str, ...]] = {
    "node": ("endpoints",),
    "from_node": ("endpoints",),
    "to_node": ("endpoints",),
    "reference_point": ("endpoints", "reference_points"),
    "service": ("services",),
    "rat": ("access_networks",),
    "access_type": ("access_networks",),
}


@dataclass(frozen=True, slots=True)
class Population:
    """``point``: where its rows are measured. ``at``: the column with the time that decides on the interval.
    ``columns``: what it can be grouped by. ``joined``: the columns by which ``grouped`` finds what is in other tables.
    ``rows`` takes the columns that are wanted: what only others need is not joined."""

    name: str
    point: str
    at: str
    columns: tuple[str, ...]
    joined: tuple[str, ...]
    rows: Callable[[Piece, Collection[str]], pl.LazyFrame]
    grouped: Callable[[pl.DataFrame, Sequence[str], Piece], pl.DataFrame]


def _plain(table: schema.Table, without: Sequence[str] = ()) -> tuple[str, ...]:
    return tuple(c.name for c in table.columns if c.type != "texts" and c.name not in without)


# ---- calls -----------------------------------------------------------------------------------------------------------


_BYE = ("_bye_at", "_bye_accepted_at", "_bye_refused_at", "_bye_unanswered")


def _calls(tables: Piece, wanted: Collection[str]) -> pl.LazyFrame:
    """``calls`` with the BYE of each and with the time that each was connected, in ns: ``_bye_at _bye_accepted_at
    _bye_refused_at _bye_unanswered _since _until``.

    A call that began before the capture was connected since the capture began, and one that goes on until it ends.
    """
    begin, end = observation(tables("files").collect(engine="in-memory"))
    joined = (pl.col("outcome") == "joined") & (pl.col("outcome_detail") != "rejected")
    calls = tables("calls").with_columns(
        _since=pl.coalesce(ns("answered_at"), pl.when(joined).then(pl.lit(begin, pl.Int64))),
        _until=pl.coalesce(ns("ended_at"), pl.when(pl.col("outcome_detail") == "active").then(pl.lit(end, pl.Int64))),
    )
    if not {*wanted} & {*_BYE}:
        return calls
    return calls.join(_byes(tables), on="call", how="left", maintain_order="left").with_columns(
        pl.col("_bye_unanswered").fill_null(value=False) & pl.col("_bye_accepted_at").is_null()
    )


def _byes(tables: Piece) -> pl.LazyFrame:
    """The BYE of each call: the first over all legs, on the hop where it was first, which is that of its sender. What
    answers it is the 2xx to that request or to another that repeats it there with credentials, else the last refusal
    (RFC 6076 §4.4)."""
    byes = (
        tables("transactions")
        .filter(pl.col("method") == "BYE", pl.col("call").is_not_null())
        .select("call", "call_id", "client_ip", "via_count", "status", "outcome", "started_at", "final_at")
        .with_columns(began=ns("started_at"), ended=ns("final_at"))
        .sort("began", "via_count", nulls_last=True, maintain_order=True)
        .collect(engine="in-memory")
        .lazy()
    )
    first = byes.unique("call", keep="first", maintain_order=True)
    hop = ["call", "call_id", "client_ip", "via_count"]
    ours = byes.join(first.select(hop), on=hop, how="semi", nulls_equal=True)
    accepted = pl.col("status").is_between(200, 299)
    refused = (pl.col("status") >= 300) & ~pl.col("status").is_in([401, 407])
    return ours.group_by("call").agg(
        _bye_at=pl.col("began").min(),
        _bye_accepted_at=pl.col("ended").filter(accepted).min(),
        _bye_refused_at=pl.col("ended").filter(refused).max(),
        _bye_unanswered=(pl.col("outcome").is_in(["timeout", "transport_error"])).any(),
    )


def _of_calls(rows: pl.DataFrame, keys: Sequence[str], tables: Piece) -> pl.DataFrame:
    rows = _with_hop(rows, keys, tables, "reference")
    if set(keys) & {*_NODES}:
        invites = tables("transactions").filter(pl.col("method") == "INVITE", pl.col("call").is_not_null())
        rows = _with_nodes(rows, invites, "call", keys, tables)
    if "service" in keys:
        found = tables("services").select("call", "service").drop_nulls().unique(maintain_order=True)
        rows = _beside(rows, found, "call")
    return _with_access(rows, keys, tables, "call", ("caller",))


# ---- registrations ---------------------------------------------------------------------------------------------------


def _registrations(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    return tables("registrations")


def _of_registrations(rows: pl.DataFrame, keys: Sequence[str], tables: Piece) -> pl.DataFrame:
    rows = _with_hop(rows, keys, tables, "registration")
    if set(keys) & {*_NODES}:
        # The key of both is that of its earliest message.
        first = tables("transactions").with_columns(registration="transaction")
        rows = _with_nodes(rows, first, "registration", keys, tables)
    return _with_access(rows, keys, tables, "registration", ("user",))


# ---- requests, transactions, messages --------------------------------------------------------------------------------


_AT = pl.coalesce("started_at", "first_provisional_at", "final_at")


def _requests(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    """Requests that set up no call and no registration, each once over its hops: at that nearest its sender."""
    alone = pl.col("method").is_in(_ALONE)
    opening = tables("messages").filter(alone).select("from_tag", transaction="message")
    return (
        tables("transactions")
        .filter(alone)
        .join(opening, on="transaction", how="left", maintain_order="left")
        .with_columns(_at=_AT)
        .sort("via_count", "_at", nulls_last=True, maintain_order=True)
        .unique(["call_id", "from_tag", "cseq", "method"], keep="first", maintain_order=True)
    )


def _transactions(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    return tables("transactions").with_columns(_at=_AT)


def _of_transactions(rows: pl.DataFrame, keys: Sequence[str], tables: Piece) -> pl.DataFrame:
    if set(keys) & {*_NODES}:
        rows = _with_nodes(rows, rows.lazy(), "transaction", keys, tables)
    return with_peers(rows, keys)


_OF_MESSAGES = ("method", "status", "src_ip", "dst_ip", "transport")


def _messages(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    return tables("messages").select(*_OF_MESSAGES, "src_port", "dst_port", "time", "duplicate", "retransmission")


def _of_messages(rows: pl.DataFrame, keys: Sequence[str], tables: Piece) -> pl.DataFrame:
    if not set(keys) & {*_NODES}:
        return rows
    hops = ["src_ip", "src_port", "dst_ip", "dst_port"]
    flows = rows.select(hops).unique().with_row_index("_flow")
    rows = rows.join(flows, on=hops, how="left", nulls_equal=True, maintain_order="left")
    ends = {"src_ip": "client_ip", "src_port": "client_port", "dst_ip": "server_ip", "dst_port": "server_port"}
    return _with_nodes(rows, flows.rename(ends).lazy(), "_flow", keys, tables)


# ---- media -----------------------------------------------------------------------------------------------------------


def _streams(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    """``streams``, with the hop of the call."""
    calls = tables("calls").select("call", "reference")
    return tables("streams").join(calls, on="call", maintain_order="left")


def _call_media(tables: Piece, _wanted: Collection[str]) -> pl.LazyFrame:
    calls = tables("calls").select("call", "reference", _at="started_at")
    return tables("call_media").join(calls, on="call", maintain_order="left")


# ---- what is joined --------------------------------------------------------------------------------------------------


def _beside(rows: pl.DataFrame, found: pl.LazyFrame, key: str) -> pl.DataFrame:
    return rows.lazy().join(found, on=key, how="left", maintain_order="left").collect(engine="in-memory")


def _with_hop(rows: pl.DataFrame, keys: Sequence[str], tables: Piece, key: str) -> pl.DataFrame:
    """With the ends of the hop on which a row was measured, each row twice for ``peer``."""
    if not set(keys) & {*_HOP, *PEER}:
        return rows
    hops = tables("transactions").select(*_HOP, pl.col("transaction").alias(key))
    return with_peers(_beside(rows, hops, key), keys)


def _with_nodes(rows: pl.DataFrame, hops: pl.LazyFrame, key: str, keys: Sequence[str], tables: Piece) -> pl.DataFrame:
    """Each row once for each node, pair of nodes or reference point that ``keys`` ask for, of ``hops`` it passed."""
    asked = [name for name in _NODES if name in keys]
    nodes = tables("endpoints").select("address", "node").unique("address", keep="first", maintain_order=True)
    passed = hops.select(key, client=socket_of("client"), server=socket_of("server")).unique(maintain_order=True)
    for end, name in (("client", "from_node"), ("server", "to_node")):
        of_end = nodes.rename({"address": end, "node": name})
        passed = passed.join(of_end, on=end, how="left", maintain_order="left")
    if "reference_point" in asked:
        points = tables("reference_points").select("node", "peer", "reference_point")
        ways = [points.select(from_node=one, to_node=other, point="reference_point") for one, other in _WAYS]
        both = pl.concat(ways).unique(["from_node", "to_node"], keep="first", maintain_order=True)
        passed = passed.join(both, on=["from_node", "to_node"], how="left", maintain_order="left")
        passed = passed.rename({"point": "reference_point"})
    if "node" in asked:
        passed = pl.concat([passed.with_columns(node=end) for end in ("from_node", "to_node")])
    return _beside(rows, passed.select(key, *asked).unique(maintain_order=True), key)


_WAYS = (("node", "peer"), ("peer", "node"))


def _with_access(
    rows: pl.DataFrame, keys: Sequence[str], tables: Piece, key: str, parties: Sequence[str]
) -> pl.DataFrame:
    """With the access network in which the party was first: later ones are those it moved to."""
    asked = [name for name in _ACCESS if name in keys]
    if not asked:
        return rows
    found = tables("access_networks").filter(
        pl.col("party").is_in(parties), pl.col("header") == "P-Access-Network-Info", pl.col(key).is_not_null()
    )
    # What the UE says of itself is there for every access; what the network adds, for some.
    first = found.sort("network_provided", "first_at", nulls_last=True, maintain_order=True)
    return _beside(rows, first.unique(key, keep="first", maintain_order=True).select(key, *asked), key)


_OF_TRANSACTIONS = (*_plain(schema.TRANSACTIONS), *PEER, *_NODES)

POPULATIONS = {
    population.name: population
    for population in (
        Population(
            "calls",
            "reference hop of the call",
            "started_at",
            (*_plain(schema.CALLS), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            ("call", "reference"),
            _calls,
            _of_calls,
        ),
        Population(
            "registrations",
            "reference hop of the registration",
            "started_at",
            (*_plain(schema.REGISTRATIONS), *_HOP, *PEER, *_NODES, *_ACCESS),
            ("registration",),
            _registrations,
            _of_registrations,
        ),
        Population(
            "requests",
            "hop nearest the sender",
            "_at",
            _OF_TRANSACTIONS,
            ("transaction", *_HOP),
            _requests,
            _of_transactions,
        ),
        Population(
            "transactions",
            "every hop",
            "_at",
            _OF_TRANSACTIONS,
            ("transaction", *_HOP),
            _transactions,
            _of_transactions,
        ),
        Population(
            "streams",
            "place of the capture",
            "first_at",
            (*_plain(schema.STREAMS), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            ("call", "reference"),
            _streams,
            _of_calls,
        ),
        Population(
            "call_media",
            "place of the capture",
            "_at",
            (*_plain(schema.CALL_MEDIA), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            ("call", "reference"),
            _call_media,
            _of_calls,
        ),
        Population(
            "messages",
            "every hop",
            "time",
            (*_OF_MESSAGES, *_NODES),
            ("src_ip", "src_port", "dst_ip", "dst_port"),
            _messages,
            _of_messages,
        ),
    )
}

COLUMNS = tuple(dict.fromkeys(name for population in POPULATIONS.values() for name in population.columns))
"""Everything that KPIs can be grouped by."""
