"""Connections to the next hop that could not be opened: requests that stopped at a node for that.

A node that is to send a request on opens a connection to the address it was told: that of the Request-URI or Route
(RFC 3261 §16.6 item 7, §18.1.1), or, for a response, that of the Via (§18.2.2). Of a connection that is refused, or
whose SYN nobody answers, no SIP is ever seen; the request just stops there, and the node answers 408, 477, 480, 5xx or
nothing (§17.1.4, §16.9).
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import is_literal, sockets
from analyzer.columns.times import SECOND, ns
from analyzer.columns.uri import host, host_port, host_port_of_sent_by
from analyzer.sip.outcomes import OF_A_FAILED_HOP

_KINDS = ["tcp_refused", "tcp_unanswered", "tls_alert", "icmp_unreachable"]
# Where an address is not in the request itself: names are asked for in DNS, and Route may say another.
_SIP_PORTS = [5060, 5061]
# A node opens its connection once it has the request and has asked DNS: RFC 2782, with the timeouts of a resolver.
_OPENS_WITHIN = 32 * SECOND

NOT_REACHED = "the connection to the next hop was refused or never answered"
"""The ``rule`` of ``call_failures`` for such a call."""


def unreached(messages: pl.DataFrame, transactions: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """The transactions whose request a node could not send on: ``transaction``, ``next_hop`` (``ip:port``) and
    ``failed_ns``, when the first packet for it was sent or refused.

    ``failures`` as the core has them. Not those whose request went on all the same (another address, another
    transport), whose node got another final than one that it gives of itself, or that were answered with 2xx.
    """
    nothing = pl.DataFrame(schema={"transaction": pl.Int64, "next_hop": pl.String, "failed_ns": pl.Int64})
    tried = failures.filter(
        pl.col("kind").is_in(_KINDS), pl.col("transport") == "tcp", pl.col("time").is_not_null()
    ).select("kind", "src_ip", "src_port", "dst_ip", "dst_port", failed_ns=ns("time"))
    if tried.is_empty():
        return nothing
    tried = _as_opened(tried, messages)
    came = _requests(messages, transactions, tried)
    if came.is_empty():
        return nothing
    pairs = _first_failures(came, tried)
    if pairs.is_empty():
        return nothing
    went_on = _went_on(pairs, messages)
    return (
        pairs.join(went_on, on=["transaction", "failed_ns"], how="anti")
        .sort("failed_ns", "next_hop")
        .unique("transaction", keep="first", maintain_order=True)
        .select("transaction", "next_hop", "failed_ns")
    )


def _first_failures(came: pl.DataFrame, tried: pl.DataFrame) -> pl.DataFrame:
    """Each request with the first connection that failed behind it, to an address that it names: ``next_hop``,
    ``failed_ns``. However many failed, each request asks for the next only."""
    tried = tried.with_columns(next_hop=sockets("dst_ip", "dst_port"), server_ip="src_ip").sort("failed_ns", "next_hop")
    by_name = tried.filter(pl.col("dst_port").is_in(_SIP_PORTS))
    pending, sent_by = pl.col("final_ns").is_null(), pl.col("sent_by")
    ways = [
        (came.with_columns(at="told"), tried.with_columns(at="next_hop")),
        (came.with_columns(at="told_tls"), tried.with_columns(at="next_hop")),
        (came.filter(pending).with_columns(at="sent_by"), tried.with_columns(at="next_hop")),
        (came.filter(~pl.col("literal")).with_columns(at=pl.lit("")), by_name.with_columns(at=pl.lit(""))),
    ]
    found = [
        requests.drop_nulls(["at", "came_ns"]).sort("came_ns").join_asof(
            failures.select("server_ip", "at", "next_hop", "failed_ns"),
            left_on="came_ns", right_on="failed_ns", by=["server_ip", "at"], strategy="forward",
            tolerance=_OPENS_WITHIN, coalesce=False, check_sortedness=False,
        ).filter(
            pl.col("failed_ns") < pl.col("final_ns").fill_null(pl.col("failed_ns") + 1),
            (pl.col("at") != "") | ~((sent_by == pl.col("next_hop")) & pending).fill_null(value=False),
        )
        for requests, failures in ways
    ]  # fmt: skip
    return pl.concat(found)


def _as_opened(tried: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The failures in the direction in which the connection was opened: an alert may come from either side.

    Not those of connections that carried SIP: what is torn later is for the transactions on it.
    """
    alert = pl.col("kind") == "tls_alert"
    # The side with the well-known port is the server.
    server = alert & (pl.col("src_port") < pl.col("dst_port"))
    turned = tried.with_columns(
        pl.when(server).then(theirs).otherwise(ours).alias(ours)
        for ours, theirs in (
            ("src_ip", "dst_ip"), ("src_port", "dst_port"), ("dst_ip", "src_ip"), ("dst_port", "src_port")
        )
    )  # fmt: skip
    ends = ["src_ip", "src_port", "dst_ip", "dst_port"]
    used = messages.lazy().filter(pl.col("transport") != "udp").select(ends).unique().collect()
    back = used.select(src_ip="dst_ip", src_port="dst_port", dst_ip="src_ip", dst_port="src_port")
    kinds = {name: turned.schema[name] for name in ends}
    return turned.join(pl.concat([used, back]).cast(kinds), on=ends, how="anti", maintain_order="left")  # type: ignore[arg-type]


def _requests(messages: pl.DataFrame, transactions: pl.DataFrame, tried: pl.DataFrame) -> pl.DataFrame:
    """The requests that came to a node which tried a connection, and what they tell of where to go."""
    finals = transactions.select("transaction", "status", final_ns=ns("final_at"))
    came = (
        messages.lazy()
        .filter(
            pl.col("status").is_null(),
            ~pl.col("method").is_in(["ACK", "CANCEL"]),
            ~pl.col("retransmission") & ~pl.col("duplicate"),
            pl.col("dst_ip").is_in(tried["src_ip"].unique().implode()),
        )
        .select("transaction", "request_uri", "via_sent_by", "call_id", "cseq", "method", server_ip="dst_ip",
                client_ip="src_ip", came_ns=ns("time"))
        .collect()
        .join(finals, on="transaction", how="left", maintain_order="left")
        .filter(pl.col("status").is_null() | pl.col("status").is_in(OF_A_FAILED_HOP))
    )  # fmt: skip
    plain = host_port(pl.col("request_uri"))
    without_port = pl.concat_str(host(pl.col("request_uri")), pl.lit(":5061"))
    return came.with_columns(
        told=plain,
        # The default port of TLS (RFC 3261 §19.1.2).
        told_tls=pl.when(plain.str.ends_with(":5060")).then(without_port),
        sent_by=host_port_of_sent_by(pl.col("via_sent_by")).str.to_lowercase(),
        literal=is_literal(host(pl.col("request_uri"))).fill_null(value=False),
    )


def _went_on(pairs: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Of ``pairs`` those whose node sent the request on to somebody later."""
    sent = (
        messages.lazy()
        .filter(
            pl.col("status").is_null(),
            pl.col("src_ip").is_in(pairs["server_ip"].unique().implode()),
            pl.col("call_id").is_in(pairs["call_id"].unique().implode()),
        )
        .select("call_id", "cseq", "method", "src_ip", "dst_ip", sent_ns=ns("time"))
        .collect()
    )
    again = pairs.join(
        sent, left_on=["call_id", "cseq", "method", "server_ip"], right_on=["call_id", "cseq", "method", "src_ip"]
    )
    again = again.filter(pl.col("sent_ns") >= pl.col("came_ns"), pl.col("dst_ip") != pl.col("client_ip"))
    return again.select("transaction", "failed_ns").unique()
