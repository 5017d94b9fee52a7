"""What KPIs are measured over: calls, registrations, requests, transactions, messages, streams of media; and what
these are grouped by.

A population is a frame with a row for each of its units, made of the tables, whose outcomes and delays it takes as they
are. What a row is grouped by is a column of its table, of the hop on which it was measured, or of a table joined to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.columns.times import ns
from analyzer.kpi.observed import observation
from analyzer.measure.grouping import PEER, with_peers

Tables = Callable[[str], pl.DataFrame]

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
    ``columns``: what it can be grouped by."""

    name: str
    point: str
    at: str
    columns: tuple[str, ...]
    rows: Callable[[Tables], pl.DataFrame]
    grouped: Callable[[pl.DataFrame, Sequence[str], Tables], pl.DataFrame]


def _plain(table: schema.Table, without: Sequence[str] = ()) -> tuple[str, ...]:
    return tuple(c.name for c in table.columns if c.type != "texts" and c.name not in without)


# ---- calls -----------------------------------------------------------------------------------------------------------


def _calls(tables: Tables) -> pl.DataFrame:
    """``calls`` with the BYE of each and with the time that each was connected, in ns: ``_bye_at _bye_accepted_at
    _bye_refused_at _bye_unanswered _since _until``.

    A call that began before the capture was connected since the capture began, and one that goes on until it ends. The
    BYE is the first over all legs, on the hop where it was first, which is that of its sender; what answers it is the
    2xx to that request or to another that repeats it there with credentials, else the last refusal (RFC 6076 §4.4).
    """
    calls = tables("calls")
    byes = (
        tables("transactions")
        .lazy()
        .filter(pl.col("method") == "BYE", pl.col("call").is_not_null())
        .select("call", "call_id", "client_ip", "via_count", "status", "outcome", "started_at", "final_at")
        .with_columns(began=ns("started_at"), ended=ns("final_at"))
        .sort("began", "via_count", nulls_last=True, maintain_order=True)
        .collect(engine="in-memory")
    )
    first = byes.unique("call", keep="first", maintain_order=True)
    hop = ["call", "call_id", "client_ip", "via_count"]
    ours = byes.lazy().join(first.lazy().select(hop), on=hop, how="semi", nulls_equal=True)
    accepted = pl.col("status").is_between(200, 299)
    refused = (pl.col("status") >= 300) & ~pl.col("status").is_in([401, 407])
    of_calls = ours.group_by("call").agg(
        _bye_at=pl.col("began").min(),
        _bye_accepted_at=pl.col("ended").filter(accepted).min(),
        _bye_refused_at=pl.col("ended").filter(refused).max(),
        _bye_unanswered=(pl.col("outcome").is_in(["timeout", "transport_error"])).any(),
    )
    begin, end = observation(tables("files"))
    joined = (pl.col("outcome") == "joined") & (pl.col("outcome_detail") != "rejected")
    return calls.join(of_calls.collect(engine="in-memory"), on="call", how="left", maintain_order="left").with_columns(
        pl.col("_bye_unanswered").fill_null(value=False) & pl.col("_bye_accepted_at").is_null(),
        _since=pl.coalesce(ns("answered_at"), pl.when(joined).then(pl.lit(begin, pl.Int64))),
        _until=pl.coalesce(ns("ended_at"), pl.when(pl.col("outcome_detail") == "active").then(pl.lit(end, pl.Int64))),
    )


def _of_calls(rows: pl.DataFrame, keys: Sequence[str], tables: Tables) -> pl.DataFrame:
    rows = _with_hop(rows, keys, tables, "reference")
    if set(keys) & {*_NODES}:
        invites = tables("transactions").filter(pl.col("method") == "INVITE", pl.col("call").is_not_null())
        rows = _with_nodes(rows, invites, "call", keys, tables)
    if "service" in keys:
        found = tables("services").select("call", "service").drop_nulls().unique(maintain_order=True)
        rows = rows.join(found, on="call", how="left", maintain_order="left")
    return _with_access(rows, keys, tables, "call", ("caller",))


# ---- registrations ---------------------------------------------------------------------------------------------------


def _registrations(tables: Tables) -> pl.DataFrame:
    return tables("registrations")


def _of_registrations(rows: pl.DataFrame, keys: Sequence[str], tables: Tables) -> pl.DataFrame:
    rows = _with_hop(rows, keys, tables, "registration")
    if set(keys) & {*_NODES}:
        # The key of both is that of its earliest message.
        first = tables("transactions").with_columns(registration="transaction")
        rows = _with_nodes(rows, first, "registration", keys, tables)
    return _with_access(rows, keys, tables, "registration", ("user",))


# ---- requests, transactions, messages --------------------------------------------------------------------------------


def _requests(tables: Tables) -> pl.DataFrame:
    """Requests that set up no call and no registration, each once over its hops: at that nearest its sender."""
    found = tables("transactions").filter(pl.col("method").is_in(_ALONE))
    opening = tables("messages").lazy().select("from_tag", transaction="message")
    opening = opening.join(found.lazy().select("transaction"), on="transaction", how="semi")
    return (
        found.lazy()
        .join(opening, on="transaction", how="left", maintain_order="left")
        .with_columns(_at=pl.coalesce("started_at", "first_provisional_at", "final_at"))
        .sort("via_count", "_at", nulls_last=True, maintain_order=True)
        .unique(["call_id", "from_tag", "cseq", "method"], keep="first", maintain_order=True)
        .collect(engine="in-memory")
    )


def _transactions(tables: Tables) -> pl.DataFrame:
    return tables("transactions").with_columns(_at=pl.coalesce("started_at", "first_provisional_at", "final_at"))


def _of_transactions(rows: pl.DataFrame, keys: Sequence[str], tables: Tables) -> pl.DataFrame:
    if set(keys) & {*_NODES}:
        rows = _with_nodes(rows, rows, "transaction", keys, tables)
    return with_peers(rows, keys)


_OF_MESSAGES = ("method", "status", "src_ip", "dst_ip", "transport")


def _messages(tables: Tables) -> pl.DataFrame:
    return tables("messages").select(*_OF_MESSAGES, "src_port", "dst_port", "time", "duplicate", "retransmission")


def _of_messages(rows: pl.DataFrame, keys: Sequence[str], tables: Tables) -> pl.DataFrame:
    if not set(keys) & {*_NODES}:
        return rows
    hops = ["src_ip", "src_port", "dst_ip", "dst_port"]
    flows = rows.select(hops).unique().with_row_index("_flow")
    rows = rows.join(flows, on=hops, how="left", nulls_equal=True, maintain_order="left")
    ends = {"src_ip": "client_ip", "src_port": "client_port", "dst_ip": "server_ip", "dst_port": "server_port"}
    return _with_nodes(rows, flows.rename(ends), "_flow", keys, tables)


# ---- media -----------------------------------------------------------------------------------------------------------


def _streams(tables: Tables) -> pl.DataFrame:
    """``streams``, with the hop of the call."""
    calls = tables("calls").select("call", "reference")
    return tables("streams").join(calls, on="call", maintain_order="left")


def _call_media(tables: Tables) -> pl.DataFrame:
    calls = tables("calls").select("call", "reference", _at="started_at")
    return tables("call_media").join(calls, on="call", maintain_order="left")


# ---- what is joined --------------------------------------------------------------------------------------------------


def _with_hop(rows: pl.DataFrame, keys: Sequence[str], tables: Tables, key: str) -> pl.DataFrame:
    """With the ends of the hop on which a row was measured, each row twice for ``peer``."""
    if not set(keys) & {*_HOP, *PEER}:
        return rows
    hops = tables("transactions").select(*_HOP, pl.col("transaction").alias(key))
    return with_peers(rows.join(hops, on=key, how="left", maintain_order="left"), keys)


def _with_nodes(rows: pl.DataFrame, hops: pl.DataFrame, key: str, keys: Sequence[str], tables: Tables) -> pl.DataFrame:
    """Each row once for each node, pair of nodes or reference point that ``keys`` ask for, of ``hops`` it passed."""
    asked = [name for name in _NODES if name in keys]
    nodes = tables("endpoints").select("address", "node").unique("address", keep="first", maintain_order=True)
    passed = hops.lazy().select(key, client=socket_of("client"), server=socket_of("server")).unique(maintain_order=True)
    for end, name in (("client", "from_node"), ("server", "to_node")):
        of_end = nodes.lazy().rename({"address": end, "node": name})
        passed = passed.join(of_end, on=end, how="left", maintain_order="left")
    if "reference_point" in asked:
        points = tables("reference_points").select("node", "peer", "reference_point")
        ways = [points.select(from_node=one, to_node=other, point="reference_point") for one, other in _WAYS]
        both = pl.concat(ways).unique(["from_node", "to_node"], keep="first", maintain_order=True)
        passed = passed.join(both.lazy(), on=["from_node", "to_node"], how="left", maintain_order="left")
        passed = passed.rename({"point": "reference_point"})
    if "node" in asked:
        passed = pl.concat([passed.with_columns(node=end) for end in ("from_node", "to_node")])
    found = passed.select(key, *asked).unique(maintain_order=True).collect(engine="in-memory")
    return rows.join(found, on=key, how="left", maintain_order="left")


_WAYS = (("node", "peer"), ("peer", "node"))


def _with_access(
    rows: pl.DataFrame, keys: Sequence[str], tables: Tables, key: str, parties: Sequence[str]
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
    first = first.unique(key, keep="first", maintain_order=True).select(key, *asked)
    return rows.join(first, on=key, how="left", maintain_order="left")


_OF_TRANSACTIONS = (*_plain(schema.TRANSACTIONS), *PEER, *_NODES)

POPULATIONS = {
    population.name: population
    for population in (
        Population(
            "calls",
            "reference hop of the call",
            "started_at",
            (*_plain(schema.CALLS), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            _calls,
            _of_calls,
        ),
        Population(
            "registrations",
            "reference hop of the registration",
            "started_at",
            (*_plain(schema.REGISTRATIONS), *_HOP, *PEER, *_NODES, *_ACCESS),
            _registrations,
            _of_registrations,
        ),
        Population("requests", "hop nearest the sender", "_at", _OF_TRANSACTIONS, _requests, _of_transactions),
        Population("transactions", "every hop", "_at", _OF_TRANSACTIONS, _transactions, _of_transactions),
        Population(
            "streams",
            "place of the capture",
            "first_at",
            (*_plain(schema.STREAMS), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            _streams,
            _of_calls,
        ),
        Population(
            "call_media",
            "place of the capture",
            "_at",
            (*_plain(schema.CALL_MEDIA), *_HOP, *PEER, *_NODES, "service", *_ACCESS),
            _call_media,
            _of_calls,
        ),
        Population("messages", "every hop", "time", (*_OF_MESSAGES, *_NODES), _messages, _of_messages),
    )
}

COLUMNS = tuple(dict.fromkeys(name for population in POPULATIONS.values() for name in population.columns))
"""Everything that KPIs can be grouped by."""
