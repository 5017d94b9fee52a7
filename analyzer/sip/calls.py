"""Messages to calls: one row per call attempt, over all its hops, legs, forks and retries.

Three terms, from small to large:

- a *try*: the INVITEs without a To tag of one Call-ID, From tag and CSeq, on every hop that they were seen on;
- an *attempt*: the tries that a caller's wish to speak to somebody took (challenges, redirection, failover), and those
  that back-to-back user agents made of them, under the same Call-ID or under another that is linked to it (`ims.legs`);
- the *reference hop* of an attempt: its first leg, there the fewest Vias, then the earliest. Every time and status of a
  call is taken there and nowhere else, for times at two taps do not compare.

The big frame is cut down to a few rows a call first. What follows works on row numbers and integers; text is fetched by
row number at the end, for it is dear to carry through joins. How INVITEs become attempts: `tries`; how calls end:
`call_ends`; how the end of an attempt is named: `outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import identity
from analyzer.columns.durations import delay
from analyzer.columns.hashed import hashed
from analyzer.columns.times import LONG_AGO, ns
from analyzer.columns.typed import typed
from analyzer.sip import call_ends, cancels, identities, outcomes, relations, release
from analyzer.sip.tries import (
    at_reference_hop,
    counted,
    early_media,
    fetch,
    in_attempts,
    initial_invites,
    linked,
    responses_of,
    tries_of,
    with_borrowed,
    with_unasked,
)

# Requests that exist only within an INVITE usage (RFC 3261, 3262, 3311, 6086).
#: Columns of ``calls`` that media give (:func:`analyzer.media.calls.heard`).
_HEARD = ("media", "loss", "mos")
_IN_DIALOG = ["INVITE", "ACK", "BYE", "PRACK", "UPDATE", "INFO"]


@dataclass(frozen=True, eq=False, slots=True)
class CallAttempts:
    """The ``calls`` table without ``hold_s`` and ``codecs``, and which messages, transactions and dialogs are whose.

    ``spans`` has a row per attempt and Call-ID: messages of ``_call`` belong to ``call`` from ``since`` (ns; the first
    attempt of a Call-ID has them from the beginning) until the ``since`` of the next. ``messages`` are those it was
    made of, for a transaction or dialog is in the call of the message whose key it has. ``confirmed_branch`` has
    for each call the core's hash ``_dialog`` of the branch that was confirmed and lived, null if there is none.
    ``opened`` are the INVITEs at the reference hop of each call, in time order: ``call``, ``row`` (in ``messages``),
    ``transaction``, ``_leg``; more than one if it was challenged, redirected or sent elsewhere. ``borrowed`` are the
    responses of a next hop (``row``) that tell of one of these (``transaction``), whose own were not captured.
    """

    calls: pl.DataFrame
    spans: pl.DataFrame
    messages: pl.DataFrame
    confirmed_branch: pl.DataFrame
    opened: pl.DataFrame
    borrowed: pl.DataFrame

    def of_messages(self, messages: pl.DataFrame) -> pl.Series:
        """The ``call`` of each message, null outside calls."""
        return _call_of(messages, self.spans)

    def of_transactions(self, transactions: pl.DataFrame) -> pl.DataFrame:
        """The ``transactions`` table with its ``call``: that of the message whose key the transaction has."""
        return self._with_call(transactions, "transaction", pl.col("message") == pl.col("transaction"))

    def of_dialogs(self, dialogs: pl.DataFrame) -> pl.DataFrame:
        """The ``dialogs`` table with its ``call``: that of the message whose key the dialog has.

        Dialogs that ended with a call of several legs were ended by the network where the call was.
        """
        found = self._with_call(dialogs, "dialog", pl.col("message").is_in(dialogs["dialog"].implode()))
        cleared = self.calls.filter(pl.col("released_by") == "network", pl.col("legs") > 1)
        return release.of_legs(found, cleared.select("call", over_at="ended_at"))

    def of_rows(self, table: pl.DataFrame, key: str) -> pl.DataFrame:
        """A table with its ``call``: that of the message in the column ``key`` of each row."""
        return self._with_call(table, key, pl.col("message").is_in(table[key].unique().implode()))

    def with_media(self, codecs: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """The table ``calls``, of media none yet; ``codecs`` and ``held`` have ``call`` and what was found of some."""
        table = self.calls.join(codecs, on="call", how="left", maintain_order="left")
        table = table.join(held.with_columns(known=True), on="call", how="left", maintain_order="left")
        never = pl.col("answered_at").is_not_null() & pl.col("known").is_null()
        hold_s = pl.when(never).then(0.0).when(pl.col("answered_at").is_not_null()).then("hold_s")
        unheard = (pl.lit(None, kind).alias(name) for name, kind in schema.CALLS.polars().items() if name in _HEARD)
        return table.with_columns(*unheard, hold_s=hold_s).select(schema.CALLS.names)

    def _with_call(self, table: pl.DataFrame, key: str, opens: pl.Expr) -> pl.DataFrame:
        opening = self.messages.lazy().filter(opens).select("message", "_call", "time").collect()
        calls = opening.select(pl.col("message").alias(key), call=_call_of(opening, self.spans))
        return table.join(calls.drop_nulls(), on=key, how="left", maintain_order="left")


def attempts(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    dialogs: pl.DataFrame,
    *,
    end: int | None,
    links: pl.DataFrame | None = None,
    evidence: pl.DataFrame | None = None,
    unreached: pl.DataFrame | None = None,
) -> CallAttempts:
    """The ``calls`` table without ``hold_s`` and ``codecs``, by start, and the way from messages to calls.

    ``messages`` as the core gives them, in time order; ``transactions`` and ``dialogs`` of the same capture; ``end`` is
    the time of its last packet in ns since 1970 (None where no packet has a time). ``links`` says which leg a B2BUA
    made from which: ``_leg`` and ``_leg_from``, both the core's hashes; ``evidence`` is the core's of the INVITEs;
    ``unreached`` says which transactions stopped for want of a connection (:mod:`~analyzer.sip.next_hops`). One row per
    attempt; a call that ran when the capture began has a row as soon as a request within its dialog was seen or a
    response to its INVITE (``joined``).
    """
    end = LONG_AGO if end is None else end
    invites = initial_invites(messages)
    hop = (
        invites.lazy()
        .filter(pl.col("via_count") == pl.col("via_count").min().over("try"))
        .unique("transaction", keep="first", maintain_order=True)
        .collect(engine="in-memory")
    )
    responses = with_borrowed(responses_of(messages, hop), hop, messages, transactions)
    responses = with_unasked(responses, hop, messages, transactions)
    tries = in_attempts(tries_of(invites, responses, messages), hop, messages)
    tries = linked(tries.with_columns(own=pl.col("attempt")), links)
    of_tries = tries.select("try", "attempt", "own")
    invites = invites.join(of_tries, on="try", maintain_order="left")
    hop = at_reference_hop(hop.join(of_tries, on="try", maintain_order="left"), tries)
    of_hop = hop.select("transaction", "attempt")
    others = messages["transaction"].gather(responses["row"])
    borrowed = responses.filter(pl.col("transaction") != others).select("row", "transaction")
    responses = responses.drop("try").join(of_hop, on="transaction", maintain_order="left")

    started = _started(invites, hop, responses, messages, transactions)
    stopped: list[int] | pl.Series = [] if unreached is None else unreached["transaction"]
    stopped = invites.filter(pl.col("transaction").is_in(stopped))["attempt"]
    started = started.with_columns(unreached=pl.col("attempt").is_in(stopped.implode()))
    joined, joined_rows, joined_branches = _joined(messages, invites, transactions)
    branches = pl.concat([_branches(responses), joined_branches], how="diagonal_relaxed")
    facts = pl.concat([started, joined], how="diagonal_relaxed")
    ends = call_ends.of_branches(branches, facts, messages, dialogs)
    ends = call_ends.with_ends_between(ends, invites, dialogs, messages, links)
    with_ends = facts.lazy().join(ends.lazy(), on="attempt", how="left", maintain_order="left")
    facts = _with_answer(with_ends, messages)
    member = ["attempt", "_call", "row", "time", "message"]
    members = pl.concat([invites.select(member), joined_rows.select(member)])
    related = relations.found(messages, evidence, members, invites, facts)
    facts = relations.with_ends(facts, related, messages)
    keys = _keys(members)
    named = _with_outcome(facts, messages, end).join(keys.lazy(), on="attempt", maintain_order="left")
    for column, other in (("continued_by", "after"), ("continues", "before")):
        of_other = keys.lazy().rename({"attempt": other, "call": column})
        named = named.join(of_other, on=other, how="left", maintain_order="left")
    facts = named.sort("first_row").with_row_index("no", offset=1).collect(engine="in-memory")
    spans = _spans(members, facts)
    table = _table(facts, spans, invites, messages)
    opened = hop.select("attempt", "row", "transaction", "_leg").join(facts.select("attempt", "call"), on="attempt")
    return CallAttempts(
        table,
        spans.select("_call", "since", "call"),
        messages,
        facts.select("call", _dialog="confirmed_branch"),
        opened.sort("row").drop("attempt"),
        borrowed,
    )


def _call_of(messages: pl.DataFrame, spans: pl.DataFrame) -> pl.Series:
    shared = pl.col("_call").is_duplicated()
    only = spans.lazy().filter(~shared).select("_call", "call")
    calls = messages.lazy().select("_call").join(only, on="_call", how="left", maintain_order="left")
    call = calls.collect(engine="in-memory")["call"]
    several = spans.filter(shared)
    if several.is_empty():
        return call
    several = several.sort("since", maintain_order=True)
    # A message without a time belongs where its neighbours do.
    times = messages.select("_call", at=ns("time").forward_fill().fill_null(LONG_AGO + 1)).with_row_index("row")
    times = times.filter(pl.col("_call").is_in(several["_call"].implode())).sort("at")
    found = times.join_asof(several, left_on="at", right_on="since", by="_call", check_sortedness=False)
    return call.scatter(found["row"], found["call"])


# -- what happened at the reference hop --------------------------------------------------------------------------------


def _started(
    invites: pl.DataFrame,
    hop: pl.DataFrame,
    responses: pl.DataFrame,
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
) -> pl.DataFrame:
    """One row of facts per attempt whose INVITE was seen."""
    at_hop = hop.lazy().group_by("attempt", maintain_order=True)
    facts = at_hop.agg(
        pl.col("src_ip", "src_port", "dst_ip", "dst_port").first(),
        pl.col("_call").first(),
        leg=pl.col("_leg").first(),
        ref_row=pl.col("row").first(),
        last_row=pl.col("row").last(),
        reference=pl.col("transaction").first(),
        last_transaction=pl.col("transaction").last(),
        start_ns=pl.col("at").first(),
        at_caller=pl.col("via_count").first() == 1,
        credentials=pl.col("credentials").last(),
    )
    facts = facts.join(_answers(responses, "attempt"), on="attempt", how="left", maintain_order="left")
    # A final of an earlier try is not the attempt's while a later one is open.
    facts = facts.with_columns(final_row=pl.when(pl.col("final_row") > pl.col("last_row")).then("final_row"))
    facts = _with_final(facts, messages).lazy()
    # An INVITE that comes after what answers it is a copy, or out of order: when the call began is not known.
    answered_first = pl.min_horizontal("ring_ns", "media_ns", "ok_ns", "final_ns") < pl.col("start_ns")
    facts = facts.with_columns(start_ns=pl.when(~answered_first.fill_null(value=False)).then("start_ns"))
    cancelled = _cancels(messages, hop, responses, invites, transactions).lazy()
    facts = facts.join(cancelled, on="attempt", how="left", maintain_order="left")
    away = _turned_away(messages, invites, transactions).lazy()
    facts = facts.join(away, on="attempt", how="left", maintain_order="left")
    # What came when a branch was cancelled, or later, or is the refusal that the caller was told of, decided.
    facts = facts.with_columns(
        turned_away=(pl.col("away_ns") > pl.col("cancelled_until_ns") - outcomes.DECIDED_WITHIN)
        | pl.col("away_with").list.contains(pl.col("final"))
    )
    known = facts.collect(engine="in-memory")
    passed = _passed_on(known, invites, transactions)
    facts = known.lazy().join(passed.lazy(), on="attempt", how="left", maintain_order="left")
    fates = (
        transactions.lazy()
        .filter(pl.col("transaction").is_in(hop["transaction"].implode()))
        .select(last_transaction="transaction", fate="outcome")
    )
    facts = facts.join(fates, on="last_transaction", how="left", maintain_order="left")
    first_row = invites.lazy().group_by("attempt").agg(first_row=pl.col("row").min())
    return (
        facts.join(first_row, on="attempt", how="left", maintain_order="left")
        .with_columns(fate=pl.when(pl.col("final").is_null()).then("fate"), joined=pl.lit(value=False))
        .collect(engine="in-memory")
    )


def _answers(responses: pl.DataFrame, by: str) -> pl.LazyFrame:
    """Times of the responses to INVITE that matter, per ``by``. ``final_row`` is that of the last final."""
    status, at, row = pl.col("status"), pl.col("at"), pl.col("row")
    marked = responses.lazy().select(
        by,
        ring=pl.when(status == 180).then(at),
        media=pl.when("media").then(at),
        progress=pl.when(status.is_between(101, 199)).then(at),
        provisional=pl.when(status < 200).then(at),
        rang=status.is_between(180, 189),
        ok=pl.when(status.is_between(200, 299)).then(at),
        ok_row=pl.when(status.is_between(200, 299)).then(row),
        final_row=pl.when((status >= 200) & ~pl.col("retransmission")).then(row),
    )
    return marked.group_by(by, maintain_order=True).agg(
        ring_ns=pl.col("ring").min(),
        media_ns=pl.col("media").min(),
        progress_ns=pl.col("progress").min(),
        provisional_ns=pl.col("provisional").max(),
        rang=pl.col("rang").any(),
        ok_ns=pl.col("ok").min(),
        ok_row=pl.col("ok_row").min(),
        final_row=pl.col("final_row").max(),
    )


def _with_answer(facts: pl.LazyFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The facts with the 2xx of the branch that became the call as its answer; ``replied_ns`` is the first 2xx."""
    of_branch = pl.col("answered_row").is_not_null()
    facts = facts.with_columns(
        replied_ns="ok_ns",
        ok_ns=pl.when(of_branch).then("answered_ns").otherwise("ok_ns"),
        ok_row=pl.coalesce("answered_row", "ok_row"),
    )
    finals = ["final", "q850", "final_ns", "stale", "ims_body"]
    return _with_final(facts.drop(finals), messages)


def _with_final(facts: pl.LazyFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The facts with those of the final response that decides: the 2xx of the answer, else the last final."""
    chosen = facts.with_columns(final_row=pl.coalesce("ok_row", "final_row")).collect(engine="in-memory")
    row = chosen["final_row"]
    final = messages.select(
        pl.col("stale").gather(row),
        final=pl.col("status").gather(row),
        q850=pl.col("_q850").gather(row),
        final_ns=ns("time").gather(row),
        ims_body=pl.col("content_type").gather(row).str.starts_with("application/3gpp-ims+xml"),
    )
    return chosen.hstack(final)


_CANCELS = {
    "attempt": pl.UInt32, "cancelled": pl.Boolean, "cancel_row": pl.UInt32, "cancel_ns": pl.Int64,
    "cancelled_ns": pl.Int64, "elsewhere": pl.Boolean, "crossed": pl.Boolean, "given_up": pl.Boolean,
}  # fmt: skip


def _cancels(
    messages: pl.DataFrame,
    hop: pl.DataFrame,
    responses: pl.DataFrame,
    invites: pl.DataFrame,
    transactions: pl.DataFrame,
) -> pl.DataFrame:
    """Per attempt that was cancelled on any hop: the CANCEL at the reference hop."""
    if invites.is_empty():
        return pl.DataFrame(schema=_CANCELS)
    sent = (
        counted(messages)
        .filter(pl.col("method") == "CANCEL", pl.col("status").is_null(), ~pl.col("retransmission"))
        .select(
            "row",
            "_leg",
            pl.col("cseq").fill_null(0),
            cancel="transaction",
            at=ns("time"),
            elsewhere=release.answered_elsewhere(),
            given_up=release.network_reason_of_cancel(),
        )
        .collect()
    )
    if sent.is_empty():
        return pl.DataFrame(schema=_CANCELS)
    of_invites = cancels.of_transactions(transactions).select("matched", cancel="transaction", transaction="invite")
    of_cancels = transactions.filter(pl.col("method") == "CANCEL")
    sent = sent.join(
        of_cancels.select(cancel="transaction", answered_ns=ns("final_at")),
        on="cancel",
        how="left",
        maintain_order="left",
    )
    taken = of_cancels.filter(pl.col("status") < 300)["transaction"]
    # One that its server could not tie to the INVITE was refused (RFC 3261 §9.2), whenever the 2xx was sent.
    could_cross = pl.col("matched") | pl.col("cancel").is_in(taken.implode())
    answered = responses.filter(pl.col("status").is_between(200, 299))["transaction"]
    at_hop = sent.join(of_invites, on="cancel", maintain_order="left").join(
        hop.select("attempt", "transaction"), on="transaction", maintain_order="left"
    ).with_columns(
        crossed=pl.col("transaction").is_in(answered.implode()) & could_cross
    ).group_by("attempt", maintain_order=True).agg(
        cancel_row=pl.col("row").first(),
        cancel_ns=pl.col("at").first(),
        cancelled_ns=pl.coalesce("answered_ns", "at").first(),
        elsewhere=pl.col("elsewhere").any(),
        crossed=pl.col("crossed").any(),
        given_up=pl.col("given_up").any(),
    )  # fmt: skip
    of_tries = invites.select("attempt", "_leg", "cseq").unique(maintain_order=True)
    anywhere = (
        sent.join(of_tries, on=["_leg", "cseq"])
        .select("attempt", cancelled=pl.lit(value=True))
        .unique(maintain_order=True)
    )
    anywhere = pl.concat([anywhere, at_hop.select("attempt", cancelled=pl.lit(value=True))]).unique(maintain_order=True)
    return anywhere.drop_nulls("attempt").join(at_hop, on="attempt", how="left", maintain_order="left")


def _turned_away(messages: pl.DataFrame, invites: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Per attempt with a CANCEL the refusals of nodes that sent the INVITE no further: ``away_ns``, the last
    one, and ``away_with``, their statuses; ``cancelled_until_ns`` is the time of the last CANCEL.

    Not 487, which answers the CANCEL; nor what asks for another INVITE, or tells of a hop that failed.
    """
    sent = counted(messages).filter(pl.col("method") == "CANCEL", pl.col("status").is_null())
    last = sent.group_by("_leg").agg(cancelled_until_ns=ns("time").max()).collect()
    concerned = invites.join(last, on="_leg", maintain_order="left")
    until = concerned.group_by("attempt", maintain_order=True).agg(pl.col("cancelled_until_ns").max())
    if until.is_empty():
        return until.with_columns(away_ns=pl.lit(None, pl.Int64), away_with=pl.lit(None, pl.List(pl.Int64)))
    ends = _sent_no_further(invites.filter(pl.col("attempt").is_in(until["attempt"].implode())))
    status = pl.col("status")
    no_refusal = [487, *outcomes.RETRY_CAUSES, *(set(outcomes.OF_A_FAILED_HOP) - {480})]
    finals = transactions.filter(status >= 300, ~status.is_in(no_refusal)).select(
        "transaction", "status", at=ns("final_at")
    )
    refusals = ends.select("attempt", "transaction").join(finals, on="transaction", maintain_order="left")
    refusals = refusals.group_by("attempt", maintain_order=True).agg(away_ns=pl.col("at").max(), away_with="status")
    return until.join(refusals, on="attempt", how="left", maintain_order="left")


def _sent_no_further(invites: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs to nodes that sent none of the same attempt themselves."""
    senders = invites.select("attempt", dst_ip="src_ip").unique()
    return invites.join(senders, on=["attempt", "dst_ip"], how="anti", maintain_order="left")


def _passed_on(facts: pl.DataFrame, invites: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Per attempt that was refused over several hops ``first_final``: the refusal of the node that sent the INVITE no
    further, which nodes on the way passed on soon, by whatever status (RFC 3398 §7.2.6.1); of several the last.
    """
    refused = facts.filter(pl.col("final") >= 300).select("attempt", "final_ns")
    theirs = invites.filter(pl.col("attempt").is_in(refused["attempt"].implode()))
    ends = _sent_no_further(theirs.filter(pl.len().over("attempt") > 1))
    finals = transactions.filter(pl.col("transaction").is_in(ends["transaction"].implode()), pl.col("status") >= 300)
    finals = finals.select("transaction", first_final="status", at=ns("final_at"))
    found = ends.select("attempt", "transaction").join(finals, on="transaction").join(refused, on="attempt")
    since = pl.col("final_ns") - pl.col("at")
    found = found.filter(since.is_between(0, outcomes.PASSED_ON_WITHIN)).sort("at", "transaction")
    return found.unique("attempt", keep="last", maintain_order=True).select("attempt", "first_final")


_OF_JOINED = [
    "message", "_call", "_leg", "_dialog", "method", "status", "cseq", "via_count", "retransmission", "transaction",
    "time", "to_tag", "duplicate", "p_early_media", "_qos", "_sends",
]  # fmt: skip


def _joined(
    messages: pl.DataFrame, invites: pl.DataFrame, transactions: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Calls without an INVITE: one row of facts each, their rows, and their dialogs (RFC 3261 §12).

    Of an INVITE that was not captured the responses tell when it rang, was answered or refused, and who called
    (RFC 3261 §8.2.6.2). They are those of the INVITE that opened the call where a 101-199 is among them, or where
    nothing was captured of its dialog before; those of a re-INVITE tell neither, nor does a request within the dialog.
    """
    request = pl.col("status").is_null()
    # An ACK that was cut before its CSeq may be that to a refusal: it shows no dialog.
    within = pl.col("method").is_in(_IN_DIALOG) & ((pl.col("method") != "ACK") | pl.col("cseq").is_not_null())
    # Of nearly all the INVITE was seen: what they are is asked of the others.
    others = counted(messages.select(_OF_JOINED)).filter(
        pl.col("_call").is_not_null(), ~pl.col("_call").is_in(invites["_call"].implode())
    )
    rows = (
        others.collect()
        .lazy()
        .filter(
            (request & within & (pl.col("to_tag") != identities.UNKNOWN_TAG))
            | (request & (pl.col("method") == "CANCEL"))
            | (~request & (pl.col("method") == "INVITE"))
        )
        .select(
            "row", "message", "_call", "_leg", "_dialog", "method", "status", "cseq", "via_count", "retransmission",
            "transaction", time=ns("time"), at=ns("time"), media=early_media(),
        )
        .collect()
    )  # fmt: skip
    if rows.is_empty():
        none = rows.with_columns(attempt=pl.lit(None, pl.UInt32), response_row="row")
        return none["attempt", "_call", "response_row"], none, none["attempt", "_dialog"]
    attempts = (
        rows.select("_call")
        .unique(maintain_order=True)
        .select("_call", attempt=pl.int_range(pl.len(), dtype=pl.UInt32) + invites["try"].len())
    )
    rows = rows.join(attempts, on="_call", maintain_order="left")
    asked = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    initial = rows.filter(pl.col("status").is_not_null())
    initial = initial.join(asked, on=["_leg", "cseq"], how="anti", maintain_order="left")
    initial = initial.join(_opening(initial, rows), on=["_leg", "cseq"], how="semi", maintain_order="left")
    initial = initial.filter(pl.col("via_count").eq_missing(pl.col("via_count").min().over("_call")))
    of_calls = rows.lazy().group_by("attempt", maintain_order=True)
    facts = of_calls.agg(pl.col("_call").first(), first_row=pl.col("row").first())
    legs = initial.lazy().group_by("attempt").agg(leg=pl.col("_leg").first(), response_row=pl.col("row").first())
    facts = facts.join(legs, on="attempt", how="left", maintain_order="left")
    facts = facts.join(_answers(initial, "attempt"), on="attempt", how="left", maintain_order="left")
    dialogs = rows.filter(pl.col("_dialog").is_not_null()).select("attempt", "_call", "_dialog")
    branches = dialogs.unique(maintain_order=True).join(
        _branches(initial), on=["attempt", "_dialog"], how="left", maintain_order="left"
    )
    facts = _with_final(facts, messages).lazy()
    hop = initial.unique("transaction", keep="first", maintain_order=True)
    cancelled = _cancels(messages, hop, initial, initial.with_columns(pl.col("cseq").fill_null(0)), transactions)
    facts = facts.join(cancelled.lazy(), on="attempt", how="left", maintain_order="left")
    return facts.with_columns(joined=pl.lit(value=True)).collect(engine="in-memory"), rows, branches


def _opening(initial: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Which of INVITEs that were not captured opened a call, by ``_leg`` and ``cseq``; ``rows`` is all of these calls.

    A refusal is that of the call only where nobody used its dialog, before or after: a session outlives a re-INVITE
    that was refused (RFC 3261 §14.1).
    """
    invite = ["_leg", "cseq"]
    status = pl.col("status")
    progress = initial.filter(status.is_between(101, 199)).select(invite)
    first = rows.filter(pl.col("row") == pl.col("row").min().over("_call"))
    answered = initial.join(first.filter(status.is_between(200, 299)), on=invite, how="semi").select(invite)
    # An ACK to a non-2xx has the CSeq of its INVITE; one to a 2xx would follow that.
    used = rows.filter(status.is_between(200, 299) | (status.is_null() & ~pl.col("method").is_in(["ACK", "CANCEL"])))
    in_use = used["_call"].unique()
    # 491 answers an INVITE within a session alone (RFC 3261 §14.2).
    refused = initial.filter(status >= 300, status != 491, ~pl.col("_call").is_in(in_use.implode())).select(invite)
    return pl.concat([progress, answered, refused]).unique()


def _branches(responses: pl.DataFrame) -> pl.DataFrame:
    """The dialogs that 2xx to the INVITE confirmed: more than one where it was forked (RFC 3261 §13.2.2.4)."""
    confirmed = responses.filter(pl.col("status").is_between(200, 299))
    return confirmed.group_by("attempt", "_dialog", maintain_order=True).agg(
        branch_leg=pl.col("_leg").first(), answered_ns=pl.col("at").min(), answered_row=pl.col("row").min()
    )


# -- what became of it -------------------------------------------------------------------------------------------------


def _with_outcome(facts: pl.DataFrame, messages: pl.DataFrame, end: int) -> pl.LazyFrame:
    """The facts with ``outcome``, ``outcome_detail``, ``released_by``, ``over_ns`` and the Reason of what ended it."""
    marks = ["rang", "stale", "ims_body", "elsewhere", "crossed", "cancelled", "acked", "cleared", "credentials"]
    marks += ["still_ringing", "given_up", "unreached", "gone", "turned_away"]
    reasons = {"reason_of_bye": "bye_row", "cancel_reason": "cancel_row", "final_reason": "final_row"}
    said = messages.select(pl.col("reason_header").gather(facts[row]).alias(name) for name, row in reasons.items())
    marked = facts.hstack(said).lazy().with_columns(pl.col(*marks, "at_caller").fill_null(value=False))
    # A 2xx whose INVITE was not captured may have come from the one side whose packets were: no ACK is no sign there.
    unasked = pl.col("joined") & pl.col("provisional_ns").is_null()
    marked = marked.with_columns(acked=pl.col("acked") | unasked)
    answered = pl.col("ok_row").is_not_null() | pl.col("joined")
    names = ("outcome", "outcome_detail")
    either = zip(names, outcomes.of_answered(end), outcomes.of_unanswered(end), strict=True)
    named = marked.with_columns(pl.when(answered).then(yes).otherwise(no).alias(name) for name, yes, no in either)
    was_cancelled = pl.col("outcome").is_in(["cancelled", "answered_elsewhere"])
    ended_by_bye = pl.col("outcome").is_in(["answered", "joined", "cancelled"])
    refused_at = pl.when((pl.col("final") >= 300) & (pl.col("outcome") != "unfinished")).then("final_ns")
    return named.with_columns(released_by=outcomes.released_by(answered)).with_columns(
        over_ns=pl.coalesce(
            # A BYE on the early dialog and the 2xx may cross (RFC 3261 §15): it was over when both had come.
            pl.when(pl.col("outcome").is_in(["answered", "joined"]) & pl.col("bye_ns").is_not_null()).then(
                pl.max_horizontal("bye_ns", "answered_ns", "ok_ns")
            ),
            "ended_ns",
            refused_at,
            # Its 487 was not captured: what was asked for had happened when the server accepted the CANCEL (§9.2).
            pl.when(was_cancelled).then(pl.coalesce("cancelled_ns", "bye_ns")),
        ),
        reason_header=pl.coalesce(
            pl.when(ended_by_bye).then("reason_of_bye"), pl.when(was_cancelled).then("cancel_reason"), "final_reason"
        ),
    )


# -- the table ---------------------------------------------------------------------------------------------------------


def _keys(members: pl.DataFrame) -> pl.DataFrame:
    """The key of each attempt: that of its earliest message, of several at one time the lowest."""
    earliest = members.lazy().sort("row").filter(pl.col("time").eq_missing(pl.col("time").first().over("attempt")))
    return earliest.group_by("attempt").agg(call=pl.col("message").min()).collect(engine="in-memory")


def _spans(members: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    spans = members.lazy().sort("row").unique(["attempt", "_call"], keep="first", maintain_order=True)
    since = pl.when(pl.col("_call").is_first_distinct()).then(LONG_AGO).otherwise("time")
    spans = spans.select("attempt", "_call", "row", since=since)
    calls = facts.lazy().select("attempt", "call")
    return spans.join(calls, on="attempt", maintain_order="left").collect(engine="in-memory")


def _with_call_ids(spans: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The spans with the text of their Call-ID, which the first message may lack that was cut."""
    found = spans.with_columns(fetch(messages, spans["row"], "call_id"))
    lacking = found.filter(pl.col("call_id").is_null())["_call"]
    if lacking.is_empty():
        return found
    others = messages.filter(pl.col("_call").is_in(lacking.implode()), pl.col("call_id").is_not_null())
    others = others.select("_call", other="call_id").unique("_call", keep="first", maintain_order=True)
    found = found.join(others, on="_call", how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("call_id", "other")).drop("other")


def _table(facts: pl.DataFrame, spans: pl.DataFrame, invites: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    again = pl.col("retransmission") & ~pl.col("duplicate")
    resent = messages.lazy().filter(again).select("_call", "time").collect(engine="in-memory")
    copies = _call_of(resent, spans).to_frame().lazy().group_by("call").agg(retransmissions=pl.len())
    call_ids = _with_call_ids(spans, messages).lazy().group_by("attempt", maintain_order=True).agg(call_ids="call_id")
    hop = hashed("own", "src_ip", "via_count", "dst_ip", "dst_port")
    counts = invites.lazy().with_columns(hop=hop)
    counts = counts.join(facts.lazy().select("attempt", "leg"), on="attempt", maintain_order="left")
    ours = pl.col("_leg") == pl.col("leg")
    counts = counts.group_by("attempt").agg(
        legs=pl.col("_leg").n_unique(),
        hops=pl.col("hop").n_unique(),
        icid_row=pl.when("has_icid").then("row").min(),
        asserted_row=pl.when(pl.col("asserted") & ours).then("row").min(),
        preferred_row=pl.when(pl.col("preferred") & ours).then("row").min(),
    )
    facts = (
        facts.lazy()
        .join(counts, on="attempt", how="left", maintain_order="left")
        .join(call_ids, on="attempt", maintain_order="left")
        .join(copies, on="call", how="left", maintain_order="left")
        .collect(engine="in-memory")
    )
    text = messages.select(
        pl.col("request_uri", "from_uri", "to_uri").gather(facts["ref_row"]),
        pl.col("from_name").gather(facts["ref_row"]).alias("caller_name"),
        pl.col("to_name").gather(facts["ref_row"]).alias("callee_name"),
        pl.col("from_uri", "to_uri").gather(facts["response_row"]).name.suffix("_of_response"),
        pl.col("asserted_identity").gather(facts["asserted_row"]),
        pl.col("preferred_identity").gather(facts["preferred_row"]),
        pl.col("icid").gather(facts["icid_row"]),
        pl.col("reason_phrase").gather(facts["final_row"]),
    ).with_columns(pl.coalesce("from_uri", "from_uri_of_response"))
    facts = facts.hstack(text)
    uris = facts.select(
        caller=identity.first_named(["asserted_identity", "preferred_identity", "from_uri"]),
        called=pl.coalesce("request_uri", "to_uri_of_response"),
    )
    parties = identity.subscribers(pl.concat([uris["caller"], uris["called"]]))
    start, ring, ok = pl.col("start_ns"), pl.col("ring_ns"), pl.col("ok_ns")
    audible = pl.min_horizontal("ring_ns", "media_ns", "replied_ns")
    sos = r"(?i)^urn:service:sos(?:[.;?]|$)"

    table = facts.with_columns(
        parties.head(facts.height).alias("caller"),
        parties.tail(facts.height).alias("callee"),
        started_at=start,
        ringing_at=ring,
        early_media_at=pl.col("media_ns"),
        answered_at=ok,
        ended_at=pl.col("over_ns"),
        status=pl.col("final"),
        pdd_s=delay(audible - start),
        srd_s=delay(pl.min_horizontal("progress_ns", "replied_ns") - start),
        alert_s=delay(ring - start),
        setup_s=delay(ok - start),
        ring_s=delay(ok - ring),
        talk_s=delay(
            pl.max_horizontal(
                pl.col("bye_ns") - pl.col("answered_ns"), pl.when(pl.col("bye_ns") < pl.col("answered_ns")).then(0)
            )
        ),
        legs=pl.col("legs").fill_null(1),
        retransmissions=pl.col("retransmissions").fill_null(0),
        emergency=pl.any_horizontal(
            pl.col(name).str.contains(sos).fill_null(value=False) for name in ("request_uri", "to_uri")
        ),
    )
    return typed(table, schema.CALLS, without=("hold_s", "codecs", *_HEARD))
