"""What several rules look at: the calls that failed with the signs of their failure, and the messages that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from analyzer.columns import causes
from analyzer.columns.times import ns
from analyzer.sip.outcomes import RETRY_AT_ONCE

if TYPE_CHECKING:
    from analyzer.diagnose.call_failures import Ways

_OF_MESSAGE = ("_q850", "_sip_cause", "_release_cause", "_failure_cause", "warning", "reason_header")

#: Calls that their users ended: nothing is wrong with them.
OF_USERS = ["busy", "cancelled", "no_answer", "answered_elsewhere", "redirected"]


def failed_calls(found: Ways, calls: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The calls that failed, one row each, in the order of ``calls``.

    ``status`` as the node sent it that sent it first, ``final_status`` as it came to the caller, ``phrase``, ``node``
    that failed the call, ``silent`` (a node that did not answer; ``no_word``: not even to copies of the INVITE),
    ``message`` (the final or CANCEL, else the INVITE), causes of its Reason (``q850``, ``sip_cause``,
    ``release_cause``, ``failure_cause``), ``warning``, ``rang``, and ``of_user``: its user ended it, or may have.
    """
    signs = found.signs.select(
        "call",
        "final_status",
        "no_word",
        "method",
        status=pl.coalesce("status", "final_status"),
        phrase="final_phrase",
        node="failing_node",
        silent="unresponsive_node",
        said="message",
    )
    own = calls.select(
        *("call", "no", "reference", "outcome", "outcome_detail", "released_by", "emergency", "callee", "started_at"),
        rang=pl.col("ringing_at").is_not_null(),
    )
    rows = own.join(signs, on="call", how="right", maintain_order="right", coalesce=True)
    told = messages.filter(pl.col("message").is_in(rows["said"].drop_nulls().implode())).select(
        said="message", **{name.lstrip("_"): pl.col(name) for name in _OF_MESSAGE}
    )
    rows = rows.join(told, on="said", how="left", maintain_order="left")
    of_user = (
        pl.col("outcome").is_in(OF_USERS)
        | (pl.col("outcome_detail").is_in(["declined", "unwanted", "screened"]))
        | (pl.col("status") == 603)  # whatever a B2BUA made of it
        | (causes.of_a_user(pl.col("q850"), answered=False) & pl.col("status").is_in([480, 486, 600, 603]))
        | ((pl.col("status") == 480) & pl.col("rang"))
    )
    return rows.with_columns(message=pl.coalesce("said", "reference"), of_user=of_user.fill_null(value=False))


def time_to_retry(after: str, last_message_at: int | None) -> pl.Expr:
    """Whether the capture goes on long enough after this time for a user agent to ask again, asking nobody."""
    return ns(after) + RETRY_AT_ONCE <= pl.lit(last_message_at, pl.Int64)


def with_attempts(rows: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``call_id`` and ``time``: ``case`` is the registration that had begun last in that Call-ID."""
    begun = registrations.select("call_id", case="registration", begun="started_at").drop_nulls("begun")
    begun = begun.sort("begun", maintain_order=True)
    rows = rows.drop_nulls("time").sort("time", maintain_order=True)
    return rows.join_asof(begun, left_on="time", right_on="begun", by="call_id", check_sortedness=False)


def finals(messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The first final response of each of some transactions: ``transaction``, ``final`` (message)."""
    own = messages.filter(
        pl.col("transaction").is_in(transactions["transaction"].implode()),
        pl.col("status") >= 200,
        ~pl.col("duplicate"),
    )
    return own.select("transaction", final="message").unique("transaction", keep="first", maintain_order=True)


def with_finals(rows: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Rows with a ``transaction``: ``message`` its request, ``message2`` its first final response."""
    if rows.is_empty():
        return rows.with_columns(message=pl.col("transaction"), message2=pl.lit(None, pl.Int64))
    rows = rows.join(finals(messages, rows), on="transaction", how="left", maintain_order="left")
    return rows.with_columns(message="transaction", message2="final").drop("final")


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A share in percent, as text."""
    return (100 * part / whole).round(1).cast(pl.String)
