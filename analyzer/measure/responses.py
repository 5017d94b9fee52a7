"""Response statistics, the state of each link, and the failures that hurt most.

Everything counts the transaction on its hop (a row of ``transactions``), never the observation. A message that a proxy
forwards is therefore counted on each hop it was captured on; only ``failures`` counts a request once over its hops.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.address import socket_of
from analyzer.columns.distribution import nearest_rank
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL, By, measured, share

# When a transaction began, or what is nearest to it where only responses were seen.
_BEGAN = pl.coalesce("started_at", "first_provisional_at", "final_at")
# What is said by the response; all else that a group can have is said by the request.
_OF_RESPONSE = ("class", "status", "reason_phrase", "outcome")
_CLASS = pl.format("{}xx", pl.col("status") // 100)


def responses(
    transactions: pl.DataFrame,
    messages: pl.DataFrame,
    *,
    by: By = ("method", "status"),
    every: str | None = None,
    tz: str = "UTC",
) -> pl.DataFrame:
    """How many transactions got which response: the table ``responses``, after the columns of ``by``.

    ``by`` takes ``class`` (1xx ... 6xx), ``peer`` (with ``direction``: each hop then counts once for either end) and
    all columns of ``transactions``. A transaction counts under its first final response, under a null status if none
    was seen, and under each provisional one it got; forks of one transaction count once. ``share`` is of the
    transactions that are alike in all that the response does not say (method, peer, interval ...): over the finals and
    the null status it adds up to 1.
    """
    keys = grouping.columns(by, [*schema.TRANSACTIONS.names, "class", *grouping.PEER])
    rows = pl.concat([_finals(transactions), _provisionals(transactions, messages)])
    rows = grouping.with_interval(rows.with_columns(_CLASS.alias("class")), _BEGAN, every, tz)
    rows = grouping.with_peers(rows, keys)
    groups = [*keys, INTERVAL] if every else keys
    alike = [name for name in groups if name not in _OF_RESPONSE]
    of = pl.col("transaction").n_unique()
    table = measured(rows, groups, [of.cast(pl.Int64).alias("transactions"), pl.col("resent").sum()])
    # Each has one row for its final response, or for having none.
    whole = measured(rows, alike, [pl.col("final").sum().cast(pl.Int64).alias("total")])
    table = table.join(whole, on=alike, nulls_equal=True) if alike else table.join(whole, how="cross")
    table = table.with_columns(share=share(pl.col("transactions"), pl.col("total")))
    return table.select(*groups, *schema.MEASURES["responses"].names).sort(
        [*_first(INTERVAL, groups)], nulls_last=True, maintain_order=True
    )


def _first(name: str, groups: list[str]) -> list[str]:
    return sorted(groups, key=lambda group: group != name)


def _finals(transactions: pl.DataFrame) -> pl.DataFrame:
    return transactions.with_columns(
        resent=(pl.col("response_copies") - 1).clip(lower_bound=0), final=pl.lit(value=True)
    )


def _provisionals(transactions: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """A row for each provisional status that a transaction got."""
    seen = (
        messages.lazy()
        .filter(~pl.col("duplicate"), pl.col("status") < 200, pl.col("transaction").is_not_null())
        .group_by("transaction", "status", maintain_order=True)
        .agg(pl.col("reason_phrase").first(), resent=pl.col("retransmission").sum().cast(pl.Int64))
        .collect()
    )
    of_request = transactions.drop("status", "reason_phrase")
    rows = of_request.join(seen, on="transaction", maintain_order="right")
    return rows.select(*transactions.columns, "resent", final=pl.lit(value=False))


def links(
    transactions: pl.DataFrame,
    *,
    by: By = ("client_ip", "server_ip"),
    every: str | None = None,
    tz: str = "UTC",
) -> pl.DataFrame:
    """What each link loses: the table ``links``, after the columns of ``by``, busiest first.

    A link runs from the sender of requests to their receiver; the other way round is another one. ``by`` takes ``peer``
    (with ``direction``) and all columns of ``transactions``. What was resent is Σ(copies-1)/Σ copies, over requests and
    final responses. ``timeout_share`` leaves out what has no known end: pending and orphans.
    """
    keys = grouping.columns(by, [*schema.TRANSACTIONS.names, *grouping.PEER])
    rows = grouping.with_peers(grouping.with_interval(transactions, _BEGAN, every, tz), keys)
    groups = [*keys, INTERVAL] if every else keys
    first_delay = pl.min_horizontal("provisional_delay_s", "final_delay_s")
    table = measured(
        rows,
        groups,
        [
            pl.len().cast(pl.Int64).alias("transactions"),
            *(
                (pl.col("outcome") == outcome).sum().cast(pl.Int64).alias(name)
                for name, outcome in (
                    ("timeouts", "timeout"),
                    ("provisional_only", "provisional_only"),
                    ("transport_errors", "transport_error"),
                    ("pending", "pending"),
                    ("orphans", "orphan"),
                )
            ),
            pl.col("request_copies").sum().alias("requests"),
            (pl.col("request_copies") - 1).clip(lower_bound=0).sum().alias("resent_requests"),
            pl.col("response_copies").sum().alias("responses"),
            (pl.col("response_copies") - 1).clip(lower_bound=0).sum().alias("resent_responses"),
            nearest_rank(first_delay, 50).alias("response_median_s"),
            nearest_rank(first_delay, 95).alias("response_p95_s"),
        ],
    )
    known = pl.col("transactions") - pl.col("pending") - pl.col("orphans")
    sent_again = pl.col("resent_requests") + pl.col("resent_responses")
    table = table.with_columns(
        timeout_share=share(pl.col("timeouts"), known),
        resent_share=share(sent_again, pl.col("requests") + pl.col("responses")),
    ).select(*groups, *schema.MEASURES["links"].names)
    order = [*([INTERVAL] if every else []), "transactions", *keys]
    return table.sort(order, descending=[name == "transactions" for name in order], nulls_last=True)


# What a request that failed is called, and what is known of it.
_REQUEST = ["call_id", "from_tag", "cseq", "method"]
_OF_FAILURE = ("method", "status", "class", "outcome", "node", "reason_phrase", "reason_header", "transport", "call_id")
_TOLD = ("node", "reason_phrase", "reason_header")
#: A leg or try that was refused did not fail these calls.
_ANSWERED = ("answered", "answered_elsewhere", "joined")
_UNANSWERED = ("timeout", "provisional_only", "transport_error")


def failures(
    transactions: pl.DataFrame,
    messages: pl.DataFrame,
    calls: pl.DataFrame,
    failing_nodes: pl.DataFrame | None = None,
    *,
    by: By = ("method", "status"),
    every: str | None = None,
    tz: str = "UTC",
) -> pl.DataFrame:
    """The requests that failed, most frequent first: the table ``failures``, after the columns of ``by``.

    A request (Call-ID, From tag, CSeq) is counted once over all its hops. It failed if its final status at the hop with
    the fewest Vias is 400 or more, or if nothing came though it was waited for. Two are no failures: a challenge (401,
    407) that the next request takes up with credentials (RFC 3261 §22), and the end of a cancelled INVITE (§9).

    An INVITE that begins a call is counted as the call is, once over all its legs and tries, with the status that the
    caller got; where another leg or try was answered, the call did not fail.

    ``node`` is the one that failed the call, as ``failing_node`` of ``call_failures`` has it: behind a node that made
    another status of it, or that gave up waiting. Of other requests it is who sent that status first: the server of
    the hop where it was seen earliest, which is the farthest from the caller that the capture has of this Call-ID.
    Whether it made the response, or had it from an uncaptured hop, plain SIP does not tell. Without a response it is
    the farthest node asked. ``by`` takes
    ``method status class outcome node reason_phrase reason_header transport call_id``.
    """
    keys = grouping.columns(by, _OF_FAILURE)
    groups = [*keys, INTERVAL] if every else keys
    rows = _once_a_call(_failed(transactions, messages), transactions, calls).with_columns(_CLASS.alias("class"))
    if failing_nodes is not None:
        rows = rows.join(failing_nodes, on="call", how="left", maintain_order="left")
        rows = rows.with_columns(node=pl.coalesce(pl.when("begins").then("failing_node"), "node"))
    rows = rows.join(calls.select("call", "no"), on="call", how="left", maintain_order="left")
    rows = grouping.with_interval(rows, pl.col("at"), every, tz)
    # Where it is no column of its own: the most frequent one, of several the first by its letters.
    told = [pl.col(name).drop_nulls().mode().min() for name in _TOLD if name not in keys]
    node = pl.col("node")
    of_node = (node == node.drop_nulls().mode().min()).sum()
    table = measured(
        rows.sort("at", nulls_last=True, maintain_order=True),
        groups,
        [
            pl.len().cast(pl.Int64).alias("requests"),
            pl.col("call").drop_nulls().n_unique().cast(pl.Int64).alias("calls"),
            pl.col("at").min().alias("first_at"),
            pl.col("at").max().alias("last_at"),
            pl.col("no").drop_nulls().first(),
            node.drop_nulls().n_unique().cast(pl.Int64).alias("nodes"),
            share(of_node, node.count()).alias("node_share"),
            *told,
        ],
    )
    if not keys:
        table = table.filter(pl.col("requests") > 0)
    total = pl.col("requests").sum().over(INTERVAL) if every else pl.col("requests").sum()
    table = table.with_columns(share=share(pl.col("requests"), total))
    figures = [name for name in schema.MEASURES["failures"].names if name not in keys]
    order = [*([INTERVAL] if every else []), "requests", "first_at", *keys]
    return table.select(*groups, *figures).sort(
        order, descending=[name == "requests" for name in order], nulls_last=True
    )


def _failed(transactions: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """One row per request that failed, with what its origin says."""
    # Where nothing failed on any hop nothing did at the first: most Call-IDs need no further look.
    doubtful = transactions.filter((pl.col("status") >= 400) | pl.col("outcome").is_in(_UNANSWERED))
    hops = transactions.join(
        doubtful.select("call_id").unique(), on="call_id", how="semi", nulls_equal=True, maintain_order="left"
    )
    # The key of a transaction is that of its earliest message.
    opening = messages.select("from_tag", "credentials", begins=pl.col("to_tag").is_null(), transaction="message")
    hops = hops.join(opening, on="transaction", how="left", maintain_order="left").with_columns(at=_BEGAN)
    asked = (
        hops.sort("via_count", "at", nulls_last=True, maintain_order=True)
        .group_by(_REQUEST, maintain_order=True)
        .agg(pl.col("status", "outcome", "transport", "call", "at", "begins").first(), pl.col("credentials").any())
    )
    taken_up = pl.col("credentials").shift(-1).over("call_id", "from_tag", "method", order_by="cseq")
    challenged = pl.col("status").is_in([401, 407]) & taken_up.fill_null(value=False)
    refused = (pl.col("status") >= 400) & (pl.col("outcome") != "cancelled")
    silent = pl.col("status").is_null() & pl.col("outcome").is_in(_UNANSWERED)
    failed = asked.filter((refused & ~challenged) | silent)
    origin = (
        hops.select(*_REQUEST, "status", "transaction", "final_at", "via_count", "at", node=socket_of("server"))
        .join(failed.select(*_REQUEST, "status"), on=[*_REQUEST, "status"], how="semi", nulls_equal=True)
        .sort("final_at", "via_count", "at", descending=[False, True, True], nulls_last=True, maintain_order=True)
        .group_by(_REQUEST, maintain_order=True)
        .agg(pl.col("transaction", "node").first())
    )
    failed = failed.join(origin, on=_REQUEST, nulls_equal=True, maintain_order="left")
    said = (
        messages.select("transaction", "status", "duplicate", "reason_phrase", "reason_header")
        .filter(~pl.col("duplicate"))
        .join(failed.select("transaction", "status"), on=["transaction", "status"], how="semi")
        .unique("transaction", keep="first", maintain_order=True)
        .drop("status", "duplicate")
    )
    return failed.join(said, on="transaction", how="left", maintain_order="left")


def _once_a_call(failed: pl.DataFrame, transactions: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The rows without those INVITEs of a call that do not say how it ended: of other legs and earlier tries, and of
    calls that were answered after all. ``begins``: the request is the INVITE of a call."""
    begins = pl.col("begins").fill_null(value=False) & (pl.col("method") == "INVITE") & pl.col("call").is_not_null()
    failed = failed.with_columns(begins=begins)
    legs = calls.select("call", _outcome="outcome", transaction="reference")
    legs = legs.join(transactions.select("transaction", _leg="call_id"), on="transaction", how="left").drop(
        "transaction"
    )
    rows = failed.with_row_index("_row").filter("begins").join(legs, on="call", maintain_order="left")
    rows = rows.filter(~pl.col("_outcome").is_in(_ANSWERED))
    own_leg = pl.col("_leg").eq_missing(pl.col("call_id"))
    last = rows.sort(own_leg, "at", "cseq", descending=True, maintain_order=True)
    decided = last.unique("call", keep="first", maintain_order=True)["_row"]
    kept = ~pl.col("begins") | pl.int_range(pl.len(), dtype=pl.UInt32).is_in(decided.implode())
    return failed.filter(kept)
