"""Estimates over a store, made of pieces of whole calls, so that memory does not grow with all messages.

Nodes are told from what is taken of each piece. Of rules each looks at pieces, or at as little of all as it looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from analyzer import schema
from analyzer.diagnose import findings, rules
from analyzer.graph.graph import node_of
from analyzer.graph.node import INPUTS
from analyzer.schema.table import LOCAL

if TYPE_CHECKING:
    from analyzer.diagnose.call_failures import CallFailures
    from analyzer.diagnose.findings import Diagnosis
    from analyzer.diagnose.rule import Rule
    from analyzer.graph.graph import Graph
    from analyzer.ims.node_overrides import Entry
    from analyzer.ims.nodes import Nodes
    from analyzer.store.kept import Kept

#: Tables of calls and messages by themselves, and the message that gives each row its place.
GATHERED = {
    "sdp": "message",
    "offers": "offer",
    "offer_answer_violations": "message",
    "subscriptions": "subscription",
    "publications": "publish",
    "setups": "call",
    "phases": "call",
    "waterfall": "call",
    "challenges": "challenge",
    "ims_registrations": "registration",
    "reg_events": "message",
    "sms": "sms",
    "access_networks": "message",
}
#: The same of what rules of all look at.
_OF_RULES = {"failed_calls": "call", "challenges": "challenge", "registers": "message", "reg_events": "message"}

#: What is made in pieces.
IN_PIECES = frozenset({"diagnosis", "explained_failures", "found_nodes", *GATHERED})


def found_nodes(given: tuple[Entry, ...], kept: Kept, pieces: Iterable[Graph]) -> Nodes:
    """The nodes; ``given`` is what the user says of them."""
    from analyzer.ims import nodes

    within = kept.scan("messages").select(nodes.within_dialogs()).collect(engine="streaming").item()
    every = nodes.every(within)
    parts = []
    for piece in pieces:
        seen = nodes.without_duplicates(piece["core_messages"])
        parts.append(nodes.looked_at(seen, piece["ims_headers"], every))
    requests = _in_order(kept, pl.concat(part.requests for part in parts), "message")
    # The requests of all are in the first, in their order.
    parts = [replace(part, requests=part.requests.clear()) for part in parts]
    return nodes.of_looked_at([replace(parts[0], requests=requests), *parts[1:]], given)


def gathered(name: str, kept: Kept, pieces: Iterable[Graph]) -> pl.DataFrame:
    """A table of :data:`GATHERED`."""
    return _in_order(kept, pl.concat([piece[name] for piece in pieces]), GATHERED[name])


def explained_failures(whole: Graph, kept: Kept, pieces: Iterable[Graph]) -> CallFailures:
    """Who failed each call, as far as nodes of the whole tell it."""
    from analyzer.diagnose import call_failures as of

    calls = whole["calls"]
    if whole["calls_that_failed"].is_empty():
        return of.CallFailures(
            *(pl.DataFrame(schema=table.polars()) for table in (schema.CALL_FAILURES, schema.FAILURE_PATH))
        )
    invites = kept.rows("transactions", ["transaction", "client_ip"], where=pl.col("method") == "INVITE")
    begun = of.begun(calls, invites)
    endpoints, own = whole["endpoints"], []
    told, sent_on = [], [pl.DataFrame(schema={"method": pl.String, "status": pl.Int64, "node": pl.String})]
    for piece in pieces:
        hops = piece["hops_of_invites"].select("method", "status", "node")
        sent_on.append(hops.unique())
        own.append((piece["bare_failures"], _said(piece)))
    forwarding = of.forwarding(pl.concat(sent_on), endpoints)
    for ways, messages in own:
        told.append(of.call_failures(messages, ways, endpoints, forwarding, begun))
    tables = ("call_failures", "steps")
    return of.CallFailures(*(_in_order(kept, pl.concat(getattr(one, name) for one in told), "call") for name in tables))


def _said(piece: Graph) -> pl.DataFrame:
    """The messages of a piece in which nodes say why calls failed."""
    messages: pl.DataFrame = piece["core_messages"]
    named = piece["bare_failures"].signs["message"].drop_nulls()
    return messages.filter(pl.col("message").is_in(named.implode()))


def diagnosis(whole: Graph, kept: Kept, pieces: Iterable[Graph]) -> Diagnosis:
    """What all rules find, as of a reading of all at once; memory grows with a piece and with what is found."""
    apart = tuple(rule for rule in rules.ALL if not rule.of_all)
    of_all = tuple(rule for rule in rules.ALL if rule.of_all)
    found: dict[str, list[pl.DataFrame]] = {}
    gathered: dict[str, list[pl.DataFrame]] = {name: [] for name in _OF_RULES}
    seen: frozenset[str | int] = frozenset()
    if whole["streams"].is_empty():
        # Without media nothing is said of it.
        apart = tuple(rule for rule in apart if not {"streams", "call_media"} & {*rule.needs})
    for piece in pieces:
        of_piece = findings.seen(piece["core_messages"])
        seen |= of_piece
        for code, rows in findings.cases(apart, _asks(whole, piece), of_piece).items():
            found.setdefault(code, []).append(rows)
        for name, frames in gathered.items():
            frames.append(piece[name])
    cases = {code: pl.concat(rows) for code, rows in found.items()}
    together = {name: _in_order(kept, pl.concat(frames), _OF_RULES[name]) for name, frames in gathered.items()}
    for rule in of_all:
        cases |= findings.cases((rule,), _asks_of_all(rule, whole, kept, together), seen)

    def messages_of(keys: pl.Series) -> pl.DataFrame:
        names = list(findings.OF_MESSAGES)
        return kept.rows("messages", names, where=pl.col("message").is_in(keys.implode())).select(names)

    return findings.concluded(rules.ALL, cases, kept.numbers(), messages_of)


def _in_order(kept: Kept, rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Rows of pieces in the order of the messages that they name."""
    own = pl.col("message").is_in(rows[key].drop_nulls().unique().implode())
    places = kept.rows("messages", ["message"], where=own).select(pl.col("message").alias(key))
    rows = rows.join(places.with_row_index("_place"), on=key, how="left", maintain_order="left")
    return rows.sort("_place", nulls_last=True, maintain_order=True).drop("_place")


def _asks(whole: Graph, piece: Graph) -> Callable[[str], Any]:
    """What a rule on calls by themselves asks: an estimate is that of the whole."""

    def ask(name: str) -> Any:
        if name in INPUTS or node_of(name).scope is LOCAL:
            return piece[name]
        found = whole[name]
        # A call is in one piece.
        return (
            found.join(piece["calls"], on="call", how="semi", maintain_order="left") if name == "call_media" else found
        )

    return ask


def _asks_of_all(rule: Rule, whole: Graph, kept: Kept, together: dict[str, pl.DataFrame]) -> Callable[[str], Any]:
    """What a rule on all asks: the columns that it looks at, of the messages that it looks at."""

    def ask(name: str) -> Any:
        if name in together:
            return together[name]
        if name == "bindings":
            from analyzer.ims.registration import bindings

            return bindings(whole["registrations"], together["registers"], together["reg_events"], end=whole["end"])
        if name not in ("core_messages", "transactions"):
            return whole[name]
        columns = list(rule.looks_at.get(name, ())) or None
        where = rule.only() if rule.only is not None and name == "core_messages" else None
        if name == "core_messages" and "problems" in rule.needs:
            where = pl.col("frame").is_in(whole["problems"]["frame"].drop_nulls().unique().implode())
        rows = kept.rows("messages" if name == "core_messages" else name, columns, where=where)
        return rows if columns is None else rows.select(columns)

    return ask
