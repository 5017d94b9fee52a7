"""Whom a node waited for before it failed a call: what a failing response was made of, or who kept its sender waiting.

A response that a proxy sends on is linked to the one that came in (`hops`). Two more say whom a failing response is due
to, though no link does:

- the node got another failure from one of those that it asked, and made this of it (RFC 3261 §16.7 item 6: a proxy
  makes 500 of 503; RFC 3398 §7.2.6.1: a gateway goes by way of a Q.850 cause);
- it got no final response from the last that it asked, or 487 after its own CANCEL: a timer of the node expired (RFC
  3261 §16.8, §17.1.1.2), or the caller gave up. Whoever did not answer may itself have waited for another.

This is asked here once: of the way of a failure (:mod:`analyzer.diagnose.call_failures`) and of the time that it took
(:mod:`analyzer.ims.waterfall`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer.sip import outcomes

LONGEST_WAY = 64
"""Hops of one message."""
_AT_ONCE = 500_000_000  # ns: forks of one request leave together, tries one after the other do not


@dataclass(frozen=True, eq=False, slots=True)
class WaitedFor:
    """``causes``: the failing response (``cause``) that a failing response (``message``) was made of.

    ``kept_waiting``: for each ``transaction`` that its server failed without such a cause, the farthest transaction
    (``waited``) that the server, or who it asked, had no final response in.
    """

    causes: pl.DataFrame
    kept_waiting: pl.DataFrame


def made(invites: pl.DataFrame) -> pl.DataFrame:
    """Which INVITE transaction (``child``) a node opened because of which; ``far``: 1, or so many hops further.

    ``invites`` are requests with ``message``, ``previous`` and ``transaction``.
    """
    came = invites.select(previous="message", transaction="transaction")
    below = invites.select("previous", child="transaction").join(came, on="previous")
    below = below.select("transaction", "child", far=pl.lit(1)).unique(maintain_order=True)
    next_hop = below.select(child="transaction", grandchild="child")
    found = [below]
    while not below.is_empty() and len(found) < LONGEST_WAY:
        below = below.join(next_hop, on="child").select("transaction", child="grandchild", far=pl.col("far") + 1)
        found.append(below)
    return pl.concat(found)


def waited_for(rows: pl.DataFrame, made: pl.DataFrame, *, one_clock: bool) -> WaitedFor:
    """Of each failing response to an INVITE that no other message was linked to.

    ``rows`` are INVITEs and their final responses: ``order message previous transaction status time``, ``order`` that
    of the capture. ``one_clock``: times compare, so what came later is no cause.
    """
    finals = rows.filter(pl.col("status") >= 200)
    lost = finals.filter(pl.col("status") >= 300, pl.col("previous").is_null())
    lost = lost.select("message", "transaction", "status", at="order", at_ns=pl.col("time").cast(pl.Int64))
    first = lost.unique("transaction", keep="first", maintain_order=True).drop("message")
    # -- another failure that came back ------------------------------------------------------------------------------
    failures = finals.filter(pl.col("status") >= 300, pl.col("status") != 487)
    failures = failures.select(
        child="transaction", cause="message", cause_status="status", came="order", came_ns=pl.col("time").cast(pl.Int64)
    )
    back = first.join(made, on="transaction").join(failures, on="child")
    back = back.filter(pl.col("came") < pl.col("at")) if one_clock else back
    back = back.with_columns(
        last_came=pl.col("came").max().over("transaction"),
        # Of a fork that was refused long before, with another status, this was not made.
        too_late=one_clock
        & (pl.col("at_ns") - pl.col("came_ns").max().over("transaction") > outcomes.DECIDED_WITHIN)
        & (pl.col("status") != pl.col("cause_status")).all().over("transaction"),
    )
    back = back.sort("far", pl.col("cause_status") != pl.col("status"), -pl.col("came").cast(pl.Int64))
    back = back.unique("transaction", keep="first", maintain_order=True).select(
        "transaction", "cause", "last_came", "too_late"
    )
    # -- who gave none -----------------------------------------------------------------------------------------------
    waiting = _waiting(rows, finals, first, made, one_clock=one_clock)
    ended = waiting.join(back, on="transaction", how="left", maintain_order="left")
    # Who was asked after the last refusal, or outlived it, is who was waited for.
    asked_last = (pl.col("opened") > pl.col("last_came")) | pl.col("too_late")
    silent = ended.filter(asked_last.fill_null(value=True))
    silent = silent.unique("transaction", keep="first", maintain_order=True).select("transaction", waited="child")
    causes = lost.join(back, on="transaction").join(silent, on="transaction", how="anti")
    return WaitedFor(causes.select("message", "cause"), _farthest(silent, first, waiting, one_clock=one_clock))


def _waiting(
    rows: pl.DataFrame, finals: pl.DataFrame, failed: pl.DataFrame, made: pl.DataFrame, *, one_clock: bool
) -> pl.DataFrame:
    """The next transactions of each that have no final response but a 487, of several the one waited for first."""
    requests = rows.filter(pl.col("status").is_null())
    opened = requests.unique("transaction", keep="first", maintain_order=True)
    opened = opened.select(child="transaction", opened="order", opened_at=pl.col("time").cast(pl.Int64))
    answers = finals.group_by(child="transaction").agg(
        answered=(pl.col("status") != 487).any(),
        answered_first=pl.col("order").filter(pl.col("status") != 487).min(),
        word=pl.lit(value=True),
    )
    found = made.filter(pl.col("far") == 1).drop("far").join(opened, on="child", maintain_order="left")
    found = found.join(answers, on="child", how="left", maintain_order="left")
    found = found.join(failed.select("transaction", "at"), on="transaction", how="left", maintain_order="left")
    answered = pl.col("answered").fill_null(value=False)
    if one_clock:  # what was answered after the node had given up was waited for in vain
        answered &= (pl.col("answered_first") < pl.col("at")).fill_null(value=True)
        found = found.filter((pl.col("opened") < pl.col("at")).fill_null(value=True))
    found = found.filter(~answered)
    together = pl.col("opened_at") >= pl.col("opened_at").max().over("transaction") - _AT_ONCE
    heard = pl.col("word").fill_null(value=False)
    return found.sort("transaction", ~together.fill_null(value=False), heard, -pl.col("opened").cast(pl.Int64)).select(
        "transaction", "child", "opened"
    )


def _farthest(silent: pl.DataFrame, failed: pl.DataFrame, waiting: pl.DataFrame, *, one_clock: bool) -> pl.DataFrame:
    """The same with the transaction that the one waited for waited for in its turn."""
    down = waiting.unique("transaction", keep="first", maintain_order=True)
    down = down.select(waited="transaction", below="child", opened="opened")
    at = silent.join(failed.select("transaction", "at"), on="transaction", maintain_order="left")
    for _ in range(LONGEST_WAY):
        further = at.join(down, on="waited", how="left", maintain_order="left")
        late = (pl.col("opened") > pl.col("at")) if one_clock else pl.lit(value=False)
        below = pl.when(~late).then("below")
        if further.select(below.null_count() == pl.len()).item():
            break
        at = further.select("transaction", "at", waited=pl.coalesce(below, "waited"))
    return at.select("transaction", "waited")
