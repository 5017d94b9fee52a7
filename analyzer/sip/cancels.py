"""Which INVITE a CANCEL is of: the one answer for transactions, dialogs, calls and failures.

It has the branch of its INVITE (RFC 3261 §9.1). One whose branch is that of no INVITE matches nothing at its server
(§9.2: 481), or everything at one that looks at the Call-ID alone; whose wish it was is clear all the same where its
client sent its server exactly one INVITE of the same Call-ID and CSeq number, or of that branch with another number, or
of the Call-ID at all.
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
    of_invites = invites.rename({"transaction": "invite"})
    exact = cancels.join(of_invites, on=[same, "cseq", "branch"], nulls_equal=True, maintain_order="left")
    rest = cancels.join(exact, on="transaction", how="anti", maintain_order="left")
    exact = exact.select("transaction", "invite", matched=pl.lit(value=True))
    if rest.is_empty():
        return exact
    ways = [same, "client_ip", "server_ip"]
    found: list[pl.DataFrame] = []
    for names in ([*ways, "cseq"], [*ways, "branch"], ways):
        if found and rest.is_empty():
            break
        found.append(rest.join(of_invites, on=names, maintain_order="left").select("transaction", "invite"))
        rest = rest.join(found[-1], on="transaction", how="anti", maintain_order="left")
    near = pl.concat(found).filter(pl.col("invite").n_unique().over("transaction") == 1)
    return pl.concat([exact, near.select("transaction", "invite", matched=pl.lit(value=False))])


def of_transactions(transactions: pl.DataFrame) -> pl.DataFrame:
    """:func:`pairs` of the table ``transactions``."""
    columns = ["transaction", "call_id", "cseq", "branch", "client_ip", "server_ip"]
    transactions = transactions[[*columns, "method"]]
    cancels = transactions.filter(pl.col("method") == "CANCEL")[columns]
    if cancels.is_empty():
        return pairs(cancels, cancels, "call_id")
    invites = transactions.filter(pl.col("method") == "INVITE")[columns]
    return pairs(cancels, invites.filter(pl.col("call_id").is_in(cancels["call_id"].implode())), "call_id")
