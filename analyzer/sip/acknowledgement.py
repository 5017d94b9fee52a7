"""Whether the 2xx to an INVITE was acknowledged: not whether an ACK was seen, but what the one who waits for it did.

A user agent server sends its 2xx again, after T1 and then in intervals that double up to T2, until the ACK comes; after
64*T1 it should end the session with a BYE (RFC 3261 §13.3.1.4). So a 2xx that goes on being sent after ACKs was not
acknowledged, whoever had the ACK, and one that stopped was. T1 is read from the copies: that of TS 24.229 table 7.8 is
four times that of RFC 3261.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND, ns

# So many copies after an ACK are not a matter of an ACK that was lost, or is still on its way.
_COPIES = 3
# A 2xx that was sent for so long was sent to the end: 64*T1 less the last interval, T2, and less one more for jitter.
_TO_THE_END = 27 * SECOND


def of_dialogs(messages: pl.DataFrame) -> pl.DataFrame:
    """Per dialog (``_dialog``) with an ACK to a 2xx, or with a 2xx that was sent again and again.

    ``acked``: an ACK was seen. ``waited_ns``: the 2xx went on in spite of any ACK, and its next copy was due by then;
    null where it stopped, as far as one can see from its copies. Without any ACK one copy tells. ``exhausted``: it went
    on for all of 64*T1.
    """
    method, status = pl.col("method"), pl.col("status")
    rows = messages.lazy().with_row_index("row").filter(~pl.col("duplicate"), pl.col("_dialog").is_not_null())
    acks = (
        rows.filter(method == "ACK", status.is_null(), pl.col("transaction").is_null())
        .group_by("_dialog", "cseq")
        .agg(ack_ns=ns("time").min())
        .collect()
    )
    success = (method == "INVITE") & status.is_between(200, 299)
    sent = rows.filter(success).select("_dialog", "transaction", "cseq", "retransmission", at=ns("time")).collect()
    copies = (
        sent.lazy()
        .filter(pl.col("transaction").is_in(sent.filter("retransmission")["transaction"].implode()))
        .join(acks.lazy(), on=["_dialog", "cseq"], how="left", maintain_order="left")
        .group_by("_dialog", "transaction", maintain_order=True)
        .agg(
            # Without an ACK all but the first.
            after=(pl.col("at") > pl.coalesce("ack_ns", pl.col("at").min())).sum(),
            exhausted=pl.col("at").max() - pl.col("at").min() >= _TO_THE_END,
            waited_ns=pl.col("at").max() + 2 * pl.col("at").sort().diff().last(),
            unasked=pl.col("ack_ns").is_null().all(),
        )
        .filter((pl.col("after") >= _COPIES) | (pl.col("unasked") & (pl.col("after") > 0)))
        .group_by("_dialog")
        .agg(pl.col("waited_ns").max(), pl.col("exhausted").any())
    )
    # One without a CSeq was cut: that it is not the one, nobody knows.
    seen = acks.lazy().select("_dialog", acked=pl.lit(value=True)).unique()
    found = seen.join(copies, on="_dialog", how="full", coalesce=True)
    return found.with_columns(pl.col("acked", "exhausted").fill_null(value=False)).collect(engine="in-memory")


def unseen_finals(invites: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """Those of ``invites`` without a final response whose client acknowledged one: it was not captured, yet it came
    (RFC 3261 §13.2.2.4, §17.1.1.3).

    ``invites`` are all of their Call-IDs: ``transaction _leg cseq client_ip server_ip status``.
    """
    way = ["_leg", "cseq", "client_ip", "server_ip"]
    waiting = invites.filter(pl.col("status").is_null())
    if waiting.is_empty():
        return waiting["transaction"]
    acks = (
        messages.lazy()
        .filter(pl.col("method") == "ACK", pl.col("status").is_null(), pl.col("_leg").is_in(waiting["_leg"].implode()))
        .select("_leg", "cseq", "transaction", client_ip="src_ip", server_ip="dst_ip")
        .collect()
    )
    # An ACK to a 2xx is of no transaction: of several INVITEs on its way it is not known which it acknowledges.
    alone = waiting.lazy().join(invites.lazy().filter(pl.len().over(way) == 1), on=way, how="semi")
    to_2xx = acks.lazy().filter(pl.col("transaction").is_null())
    of_success = alone.join(to_2xx, on=way, how="semi").select("transaction").collect(engine="in-memory")
    of_refusal = waiting.filter(pl.col("transaction").is_in(acks["transaction"].drop_nulls().implode()))
    return pl.concat([of_success["transaction"], of_refusal["transaction"]])


def unheard(messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs whose final response was not captured on their hop, though their client acknowledged one: one
    direction of the hop was not captured, or that packet was lost. What it was, those on other hops tell.

    Columns: ``transaction``, ``_leg`` and ``cseq``.
    """
    invite, request = pl.col("method") == "INVITE", pl.col("status").is_null()
    # Nearly all have their final, and need no look at their messages. One without a time is looked for there.
    silent = transactions.filter(invite, request)["transaction"]
    if silent.is_empty():
        return messages.select("transaction", "_leg", "cseq").clear()
    rows = messages.lazy().filter(
        ~pl.col("duplicate"), invite, pl.col("_leg").is_not_null(), pl.col("cseq").is_not_null()
    )
    ours = pl.col("transaction").is_in(silent.implode())
    answered = rows.filter(ours, pl.col("status") >= 200).select("transaction").unique().collect()["transaction"]
    legs = rows.filter(ours, request).select("_leg").unique()
    invites = (
        rows.filter(request)
        .select("transaction", "_leg", "cseq", client_ip="src_ip", server_ip="dst_ip")
        .join(legs, on="_leg", how="semi", maintain_order="left")
        .unique("transaction", keep="first", maintain_order=True)
        .join(transactions.lazy().select("transaction", "status"), on="transaction", how="left", maintain_order="left")
        .collect()
    )
    came = unseen_finals(invites, messages)
    found = invites.filter(ours, ~pl.col("transaction").is_in(answered.implode()))
    return found.filter(pl.col("transaction").is_in(came.implode())).select("transaction", "_leg", "cseq")
