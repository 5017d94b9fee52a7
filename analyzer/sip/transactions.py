"""Messages to transactions: RFC 3261 §17 as a passive observer sees it, one row per transaction on one hop.

The core has already said which message belongs to which transaction (§17.1.3, §17.2.3); here its messages become one
row. An ACK to a non-2xx belongs to the INVITE's transaction but is no request of its own, so it counts in no figure.

A group keeps the row numbers of the messages that matter (first request, first final ...); times and text are fetched
by them afterwards, for text is dear to carry through a group-by.
"""

from __future__ import annotations

from itertools import product

import polars as pl

from analyzer import schema
from analyzer.columns.durations import elapsed
from analyzer.columns.times import ns
from analyzer.columns.typed import typed
from analyzer.sip import acknowledgement, cancels, states

# The last thing that happened to a transaction, as a number: its place here.
_LAST = (None, "2xx", "300-699", "timer", "failure")

_FLOW = ["client_ip", "client_port", "server_ip", "server_port", "carrier"]


def _outcome_names() -> pl.Series:
    """The outcome at 10 for an INVITE + 5 for a 1xx seen + the place of the last event."""
    names = []
    for machine, provisional, last in product((states.NON_INVITE_CLIENT, states.INVITE_CLIENT), (False, True), _LAST):
        events = ["1xx"] if provisional else []
        if last is not None:
            events.append(states.timer(machine, provisional) if last == "timer" else last)
        names.append(states.outcome(machine, events))
    return pl.Series("outcome", names)


_OUTCOMES = _outcome_names()


def transactions(
    messages: pl.DataFrame, failures: pl.DataFrame, *, end: int | None, timers: dict[str, int] = states.RFC_3261
) -> pl.DataFrame:
    """The ``transactions`` table without ``call``, in the order of each transaction's earliest message.

    ``messages`` as the core gives them, in time order; ``failures`` what the transports reported; ``end`` the time of
    the capture's last packet in ns since 1970, None where no packet has a time: it tells a response that never came
    (``timeout``, ``provisional_only``) from a capture that stopped too early to know (``pending``). An INVITE whose
    client sent an ACK is ``completed``, though its final response was not captured.
    """
    groups = _groups(messages)
    table = _described(groups, messages, timers)
    failed = _failed(table, messages, failures, timers["F"])
    table = table.with_columns(
        _outcome(table, failed, _perhaps_answered(table, messages), _acknowledged(table, messages), end),
        _response_copies(groups, messages),
        provisional_delay_s=elapsed("started_at", "first_provisional_at"),
        final_delay_s=elapsed("started_at", "final_at"),
    )
    return typed(table, schema.TRANSACTIONS, without=("call",))


def _groups(messages: pl.DataFrame) -> pl.DataFrame:
    """Per transaction: the rows of its first request, first and last 1xx and first final, and how many there are."""
    status, row = pl.col("status"), pl.col("row")
    return (
        messages.lazy()
        .select("transaction", "status", "method", "duplicate", row=pl.int_range(pl.len(), dtype=pl.UInt32))
        .filter(~pl.col("duplicate"), pl.col("transaction").is_not_null(), pl.col("method") != "ACK")
        .select(
            "transaction",
            request=pl.when(status.is_null()).then(row),
            provisional=pl.when(status < 200).then(row),
            final=pl.when(status >= 200).then(row),
        )
        .group_by("transaction", maintain_order=True)
        .agg(
            request=pl.col("request").min(),
            request_copies=pl.col("request").count(),
            first_1xx=pl.col("provisional").min(),
            last_1xx=pl.col("provisional").max(),
            final=pl.col("final").min(),
            finals=pl.col("final").count(),
        )
        .collect()
    )


def _described(groups: pl.DataFrame, messages: pl.DataFrame, timers: dict[str, int]) -> pl.DataFrame:
    """What the first message says of each transaction, when its steps were, what the first final says, and ``limit``:
    how long its client waits."""
    first = groups.select(pl.coalesce("request", pl.min_horizontal("first_1xx", "final"))).to_series()
    request, src_ip, src_port, dst_ip, dst_port = (
        pl.col(name) for name in ("request", "src_ip", "src_port", "dst_ip", "dst_port")
    )
    seen = request.is_not_null()
    return (
        messages.select(
            pl.col("call_id", "method", "cseq", "transport", "via_count", "request_uri").gather(first),
            pl.col("src_ip", "src_port", "dst_ip", "dst_port").gather(first),
            pl.col("via_branch").gather(first).alias("branch"),
            pl.col("first_byte_at").gather(groups["request"]).alias("started_at"),
            pl.col("time").gather(groups["first_1xx"]).alias("first_provisional_at"),
            pl.col("time").gather(groups["last_1xx"]).alias("last_provisional_at"),
            pl.col("time").gather(groups["final"]).alias("final_at"),
            pl.col("status", "reason_phrase").gather(groups["final"]),
        )
        .hstack(groups["transaction", "request", "request_copies", "first_1xx"])
        .lazy()
        # A response travels from the server to the client.
        .with_columns(
            client_ip=pl.when(seen).then(src_ip).otherwise(dst_ip),
            client_port=pl.when(seen).then(src_port).otherwise(dst_port),
            server_ip=pl.when(seen).then(dst_ip).otherwise(src_ip),
            server_port=pl.when(seen).then(dst_port).otherwise(src_port),
            invite=pl.col("method") == "INVITE",
            provisional=pl.col("first_1xx").is_not_null(),
            # What the client's timer counts from.
            since=pl.max_horizontal("started_at", "last_provisional_at"),
        )
        .with_columns(_limit(timers))
        .collect(engine="in-memory")
    )


def _limit(timers: dict[str, int]) -> pl.Expr:
    """How long the client waits from ``since``, in ns."""

    def waits(machine: states.Machine) -> pl.Expr:
        before, after = (timers[states.timer(machine, provisional)] for provisional in (False, True))
        return pl.when("provisional").then(after).otherwise(before)

    invite, other = waits(states.INVITE_CLIENT), waits(states.NON_INVITE_CLIENT)
    return pl.when("invite").then(invite).otherwise(other).alias("limit")


def _response_copies(groups: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """How often the first final was sent; a final of another branch (status, To tag) is no copy of it (§13.2.2.4)."""
    first = groups.filter(pl.col("finals") > 1)["transaction", "final"]
    if first.is_empty():
        return groups["finals"].alias("response_copies")
    of_first = messages.select(pl.col("status", "_dialog").gather(first["final"]))
    copies = (
        messages.lazy()
        .select("transaction", "status", "_dialog", "duplicate")
        .filter(pl.col("transaction").is_in(first["transaction"].implode()), ~pl.col("duplicate"))
        .join(first.with_columns(of_first).lazy(), on="transaction", suffix="_first")
        .filter(pl.col("status") == pl.col("status_first"), pl.col("_dialog").eq_missing(pl.col("_dialog_first")))
        .group_by("transaction")
        .len("copies")
        .collect()
    )
    return (
        groups.select("transaction", "finals")
        .join(copies, on="transaction", how="left", maintain_order="left")
        .select(response_copies=pl.coalesce("copies", "finals"))
        .to_series()
    )


def _perhaps_answered(table: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """The transactions without a final to which one may be that was cut, or whose request was, before the branch or the
    CSeq: a response came on the way back while they waited, and belongs to no request that was captured. (Of an INVITE
    a provisional response is enough: the client waits longer then, RFC 3261 §17.1.1.2.)"""
    asked = table.filter(pl.col("started_at").is_not_null())
    waiting = asked.filter(pl.col("status").is_null())
    if waiting.is_empty():
        return waiting["transaction"]
    cut_requests = messages["complete"].gather(waiting["request"]).not_()
    matched = pl.col("transaction").is_in(asked["transaction"].implode()).fill_null(value=False)
    unmatched = pl.col("status").is_not_null() & ~matched & ~pl.col("duplicate") & pl.col("time").is_not_null()
    # Where nothing was cut, a response that fits no request answers none.
    unmatched &= pl.lit(value=True) if cut_requests.any() else ~pl.col("complete")
    way = ["client_ip", "client_port", "server_ip", "server_port"]
    answers = messages.filter(unmatched).select(
        *(pl.col(end).alias(name) for end, name in zip(("dst_ip", "dst_port", "src_ip", "src_port"), way, strict=True)),
        "complete", answered_at="time",
    )  # fmt: skip
    if answers.is_empty():
        return table["transaction"].clear()
    # The first of them behind the request tells, however many there are.
    found = [
        requests.sort("started_at")
        .join_asof(
            there.sort("answered_at"),
            left_on="started_at", right_on="answered_at", by=way, strategy="forward", check_sortedness=False,
        )
        .filter(ns("answered_at") - ns("since") <= pl.col("limit"))["transaction"]
        for requests, there in (
            (waiting.filter(~cut_requests), answers.filter(~pl.col("complete"))),
            (waiting.filter(cut_requests), answers),
        )
    ]  # fmt: skip
    return pl.concat(found)


def _acknowledged(table: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    said = ("transaction", "cseq", "status", "client_ip", "server_ip", "request")
    invites = table.lazy().filter("invite", pl.col("request").is_not_null()).select(said).collect(engine="in-memory")
    invites = invites.with_columns(_leg=messages["_leg"].gather(invites["request"])).drop("request")
    return acknowledgement.unseen_finals(invites, messages)


def _outcome(
    table: pl.DataFrame, failed: pl.Series, perhaps_answered: pl.Series, acknowledged: pl.Series, end: int | None
) -> pl.Expr:
    """How each transaction ended; ``failed`` holds the keys of those whose way broke, ``perhaps_answered`` of those of
    which it is not known whether they were answered, ``acknowledged`` of those whose final was not captured."""
    status, waited = pl.col("status"), pl.lit(end, pl.Int64) - ns("since")
    last = (
        pl.when(status < 300)
        .then(_LAST.index("2xx"))
        .when(status >= 300)
        .then(_LAST.index("300-699"))
        .when(pl.col("transaction").is_in(failed.implode()))
        .then(_LAST.index("failure"))
        .when((waited >= pl.col("limit")) & ~pl.col("transaction").is_in(perhaps_answered.implode()))
        .then(_LAST.index("timer"))
        .otherwise(_LAST.index(None))
    )
    number = 10 * pl.col("invite").cast(pl.UInt32) + 5 * pl.col("provisional").cast(pl.UInt32) + last
    return (
        pl.when(pl.col("request").is_null())
        .then(pl.lit("orphan"))
        .when(pl.col("invite") & ((status == 487) | pl.col("transaction").is_in(_cancelled(table).implode())))
        .then(pl.lit("cancelled"))
        .when(pl.col("transaction").is_in(acknowledged.implode()))
        .then(pl.lit("completed"))
        .otherwise(pl.lit(_OUTCOMES).gather(number))
        .alias("outcome")
    )


def _cancelled(table: pl.DataFrame) -> pl.Series:
    """The INVITEs without a final whose CANCEL was accepted (§9.1)."""
    found = cancels.of_transactions(table)
    if found.is_empty():
        return found["invite"]
    accepted = table.filter(pl.col("method") == "CANCEL", pl.col("status") < 300)["transaction"]
    waiting = table.filter(pl.col("invite"), pl.col("status").is_null())["transaction"]
    of_waiting = pl.col("transaction").is_in(accepted.implode()), pl.col("invite").is_in(waiting.implode())
    return found.filter(*of_waiting)["invite"]


def _failed(table: pl.DataFrame, messages: pl.DataFrame, failures: pl.DataFrame, limit: int) -> pl.Series:
    """The transactions without a final on whose way, while they waited, a packet was refused or the connection torn.

    An ICMP message speaks of one packet: it counts within ``limit`` ns of the request's last copy, and not where a
    response came after it. Torn is a connection for all that wait on it, until their timer runs out.
    """
    if failures.is_empty():
        return table["transaction"].clear()
    carrier = pl.col("transport").replace({"tls": "tcp", "ws": "tcp", "wss": "tcp"}).alias("carrier")
    waiting = table.lazy().filter(pl.col("status").is_null(), pl.col("started_at").is_not_null()).with_columns(carrier)
    last_copy = (
        messages.lazy()
        .filter(
            pl.col("transaction").is_in(waiting.select(pl.col("transaction").implode()).collect().to_series()),
            pl.col("status").is_null(),
            pl.col("method") != "ACK",
            ~pl.col("duplicate"),
        )
        .group_by("transaction")
        .agg(last_copy_at=pl.col("time").max())
    )
    refused = pl.col("kind") == "icmp_unreachable"
    either_way = _flows(failures, carrier)
    found = [
        waiting.join(last_copy, on="transaction", how="left")
        .sort("since")
        .join_asof(
            either_way.filter(kind).sort("time"),
            left_on="since",
            right_on="time",
            by=_FLOW,
            strategy="forward",
            check_sortedness=False,
        )
        .filter(ns("time") - ns(since) <= until)
        .select("transaction")
        for kind, since, until in ((refused, "last_copy_at", pl.lit(limit)), (~refused, "since", pl.col("limit")))
    ]
    return pl.concat(found).collect().to_series()


def _flows(failures: pl.DataFrame, carrier: pl.Expr) -> pl.LazyFrame:
    """Each failure on the way from the client to the server, and on the way back."""
    ends = ["src_ip", "src_port", "dst_ip", "dst_port"]
    names = _FLOW[:4]
    there = failures.lazy().filter(pl.col("time").is_not_null()).with_columns(carrier)
    return pl.concat(
        there.select(
            "time", "kind", "carrier", *(pl.col(end).alias(name) for end, name in zip(way, names, strict=True))
        )
        for way in (ends, ends[2:] + ends[:2])
    )
