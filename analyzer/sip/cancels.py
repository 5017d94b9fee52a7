"""Which INVITE a CANCEL is of: the one answer for transactions, dialogs, calls and failures.

It has the branch of its INVITE (RFC 3261 §9.1). One whose branch is that of no INVITE matches nothing at its server
(§9.2: 481), or everything at one that looks at the Call-ID alone; whose wish it was is clear all the same where its
client sent its server exactly one INVITE of the same Call-ID and CSeq number, or of that branch with another number.
"""

from __future__ import annotations

import polars as pl


def pairs(cancels: pl.DataFrame, invites: pl.DataFrame, same: str) -> pl.DataFrame:
    """Each of the transactions ``cancels`` with the one of ``invites`` that it cancels.

    Columns: ``transaction``, ``invite``, and whether the branch was that of the INVITE (``matched``).

    Columns read of both: ``transaction cseq branch client_ip server_ip``, and ``same``, what makes them of one call.
    """
    if cancels.is_empty():
        return cancels.select("transaction", invite="transaction", matched=pl.lit(value=True))
    request = [same, "cseq"]
    sent = [*request, "client_ip", "server_ip"]
    of_invites = invites.rename({"transaction": "invite"})
    exact = cancels.join(of_invites, on=[*request, "branch"], nulls_equal=True, maintain_order="left")
    rest = cancels.join(exact, on="transaction", how="anti", maintain_order="left")
    near = rest.join(of_invites, on=sent, maintain_order="left")
    other_cseq = rest.join(near, on="transaction", how="anti", maintain_order="left")
    of_branch = [same, "branch", "client_ip", "server_ip"]
    near = pl.concat(
        [
            near.select("transaction", "invite"),
            other_cseq.join(of_invites, on=of_branch).select("transaction", "invite"),
        ]
    )
    near = near.filter(pl.col("invite").n_unique().over("transaction") == 1)
    return pl.concat(
        [
            exact.select("transaction", "invite", matched=pl.lit(value=True)),
            near.select("transaction", "invite", matched=pl.lit(value=False)),
        ]
    )


def of_transactions(transactions: pl.DataFrame) -> pl.DataFrame:
    """:func:`pairs` of the table ``transactions``."""
    columns = ["transaction", "call_id", "cseq", "branch", "client_ip", "server_ip"]
    cancels = transactions.lazy().filter(pl.col("method") == "CANCEL").select(columns).collect()
    if cancels.is_empty():
        key = transactions.schema["transaction"]
        return pl.DataFrame(schema={"transaction": key, "invite": key, "matched": pl.Boolean})
    invites = (
        transactions.lazy()
        .filter(pl.col("method") == "INVITE", pl.col("call_id").is_in(cancels["call_id"].unique().implode()))
        .select(columns)
        .collect()
    )
    return pairs(cancels, invites, "call_id")
