"""Messages to calls: one row per call attempt, over all its hops, legs, forks and retries.

Three terms, from small to large:

- a *try*: the INVITEs without a To tag of one Call-ID, From tag and CSeq, on every hop that they were seen on;
- an *attempt*: the tries that a caller's wish to speak to somebody took (challenges, redirection, failover), and those
  that back-to-back user agents made of them, under the same Call-ID or under another that is linked to it (`ims.legs`);
- the *reference hop* of an attempt: its first leg, there the fewest Vias, then the earliest. Every time and status of a
  call is taken there and nowhere else, for times at two taps do not compare.

The big frame is cut down to a few rows a call first. What follows works on row numbers and integers; text is fetched by
row number at the end, for it is dear to carry through joins. How the end of an attempt is named: `outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import identity
from analyzer.columns.durations import delay
from analyzer.columns.times import LONG_AGO, NEVER, SECOND, duration, ns
from analyzer.columns.typed import typed
from analyzer.sip import acknowledgement, cancels, identities, in_dialog, outcomes, reference_hop, relations, release

# A user agent that changes the Call-ID when it answers a challenge does so within this time.
_RETRY_WITHIN = 2 * SECOND

_FARTHEST = 256  # legs one after the other in one call

# Requests that exist only within an INVITE usage (RFC 3261, 3262, 3311, 6086).
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
        """The whole ``calls`` table; ``codecs`` and ``held`` have ``call`` and what was found of some."""
        table = self.calls.join(codecs, on="call", how="left", maintain_order="left")
        table = table.join(held.with_columns(known=True), on="call", how="left", maintain_order="left")
        never = pl.col("answered_at").is_not_null() & pl.col("known").is_null()
        hold_s = pl.when(never).then(0.0).when(pl.col("answered_at").is_not_null()).then("hold_s")
        return table.with_columns(hold_s=hold_s).select(schema.CALLS.names)

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
    invites = _initial_invites(messages)
    hop = invites.filter(pl.col("via_count") == pl.col("via_count").min().over("try"))
    hop = hop.unique("transaction", keep="first", maintain_order=True)
    responses = _with_borrowed(_responses(messages, hop), hop, messages, transactions)
    tries = _in_attempts(_invite_requests(invites, responses, messages), hop, messages)
    tries = _linked(tries.with_columns(own=pl.col("attempt")), links)
    of_tries = tries.select("try", "attempt", "own")
    invites = invites.join(of_tries, on="try", maintain_order="left")
    hop = _reference_hop(hop.join(of_tries, on="try", maintain_order="left"), tries)
    of_hop = hop.select("transaction", "attempt")
    others = messages["transaction"].gather(responses["row"])
    borrowed = responses.filter(pl.col("transaction") != others).select("row", "transaction")
    responses = responses.drop("try").join(of_hop, on="transaction", maintain_order="left")

    started = _started(invites, hop, responses, messages, transactions)
    stopped: list[int] | pl.Series = [] if unreached is None else unreached["transaction"]
    stopped = invites.filter(pl.col("transaction").is_in(stopped))["attempt"].unique()
    started = started.with_columns(unreached=pl.col("attempt").is_in(stopped.implode()))
    joined, joined_rows, joined_branches = _joined(messages, invites, transactions)
    branches = pl.concat([_branches(responses), joined_branches], how="diagonal_relaxed")
    facts = pl.concat([started, joined], how="diagonal_relaxed")
    ends = _ends(branches, facts, messages, dialogs)
    ends = _with_ends_between(ends, invites, dialogs, messages, links)
    facts = _with_answer(facts.join(ends, on="attempt", how="left", maintain_order="left"), messages)
    member = ["attempt", "_call", "row", "time", "message"]
    members = pl.concat([invites.select(member), joined_rows.select(member)])
    related = relations.found(messages, evidence, members, invites, facts)
    facts = relations.with_ends(facts, related, messages)
    facts = _with_outcome(facts, messages, end).sort("first_row").with_row_index("no", offset=1)

    keys = _keys(members)
    facts = facts.join(keys, on="attempt", maintain_order="left")
    for column, other in (("continued_by", "after"), ("continues", "before")):
        of_other = keys.rename({"attempt": other, "call": column})
        facts = facts.join(of_other, on=other, how="left", maintain_order="left")
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
    number = pl.len().over("_call")
    only = spans.filter(number == 1).select("_call", "call")
    call = messages.select("_call").join(only, on="_call", how="left", maintain_order="left")["call"]
    several = spans.filter(number > 1).sort("since")
    if several.is_empty():
        return call
    # A message without a time belongs where its neighbours do.
    times = messages.select("_call", at=ns("time").forward_fill().fill_null(LONG_AGO + 1)).with_row_index("row")
    times = times.filter(pl.col("_call").is_in(several["_call"].unique().implode())).sort("at")
    found = times.join_asof(several, left_on="at", right_on="since", by="_call", check_sortedness=False)
    return call.scatter(found["row"], found["call"])


# -- from messages to attempts -----------------------------------------------------------------------------------------


def _rows(messages: pl.DataFrame) -> pl.LazyFrame:
    """The messages that count, with their numbers in the whole frame."""
    return messages.lazy().with_row_index("row").filter(~pl.col("duplicate"))


def _fetch(messages: pl.DataFrame, rows: pl.Series, *columns: str) -> pl.DataFrame:
    """Columns of the big frame at some rows; null where the row number is null."""
    return messages.select(pl.col(columns).gather(rows))


def _initial_invites(messages: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs that ask for a new dialog, first copies on every hop, with the number of their ``try``."""
    invites = (
        _rows(messages)
        .filter(
            pl.col("method") == "INVITE",
            pl.col("status").is_null(),
            pl.col("to_tag").is_null(),
            ~pl.col("retransmission"),
            pl.col("_call").is_not_null(),
        )
        .select(
            "row", "message", "_call", "_leg", "_nonce", "transaction", "credentials", "src_ip", "src_port", "dst_ip",
            "dst_port", "via_branch", "via_sent_by", "cseq", pl.col("via_count").fill_null(0),
            time=ns("time"), at=ns("first_byte_at"), has_icid=pl.col("icid").is_not_null(),
            asserted=pl.col("asserted_identity").is_not_null(), preferred=pl.col("preferred_identity").is_not_null(),
        )
        .collect()
    )  # fmt: skip
    if invites["cseq"].has_nulls():
        # One that was cut before its CSeq is of the try that went before it.
        invites = invites.with_columns(pl.col("cseq").forward_fill().over("_leg").fill_null(0))
    of_try = invites.lazy().select("_leg", "cseq", "row").sort("_leg", "cseq", "row")
    another = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in ("_leg", "cseq"))
    another |= pl.int_range(pl.len()) == 0
    return invites.with_columns(of_try.select("row", another.cum_sum().alias("try")).sort("row").collect()["try"])


def _responses(messages: pl.DataFrame, hop: pl.DataFrame) -> pl.DataFrame:
    """The responses of the INVITE transactions of ``hop``."""
    of_hop = hop.lazy().select("transaction", "try")
    return (
        _rows(messages)
        .filter(pl.col("method") == "INVITE", pl.col("status").is_not_null())
        .join(of_hop, on="transaction", maintain_order="left")
        .select(
            "row", "transaction", "status", "_dialog", "_leg", "retransmission", "try",
            at=ns("time"), media=_early_media(),
        )
        .collect()
    )  # fmt: skip


def _with_borrowed(
    responses: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    """The responses, with those of the next hop for INVITEs whose own hop was captured in one direction only.

    Times of another hop are of another node, yet of the same clock: where there are several, nothing is borrowed.
    """
    silent = acknowledgement.unheard(messages, transactions)
    silent = silent.join(hop.select("transaction", "try"), on="transaction", maintain_order="left")
    silent = silent.drop_nulls("try").unique(["_leg", "cseq"], keep="none", maintain_order=True)
    if silent.is_empty() or messages["_point"].n_unique() > 1:
        return responses
    others = (
        _rows(messages)
        .filter(pl.col("method") == "INVITE", pl.col("status") > 100, pl.col("_leg").is_in(silent["_leg"].implode()))
        .select(
            "row", "transaction", "status", "_dialog", "_leg", "retransmission", "cseq", "via_count", at=ns("time"),
            media=_early_media(),
        )
        .collect()
    )  # fmt: skip
    others = others.join(silent.rename({"transaction": "asked"}), on=["_leg", "cseq"], maintain_order="left_right")
    # A final that its proxy kept for itself came to nobody: a 2xx is passed on whatever else there is (§16.7).
    decided = pl.when((pl.col("status") // 100 == 2).any().over("try")).then(2).otherwise(3)
    finals = others.filter(pl.col("status") >= 200, (pl.col("status") // 100).clip(upper_bound=3) == decided)
    via = pl.col("via_count").fill_null(0)
    nearest = finals.filter(via == via.min().over("try")).select("transaction", "try").unique()
    nearest = nearest.filter(pl.len().over("try") == 1)
    borrowed = others.join(nearest, on=["transaction", "try"], how="semi", maintain_order="left")
    borrowed = borrowed.with_columns(transaction="asked").select(responses.columns)
    return pl.concat([responses, borrowed]).sort("row")


def _early_media() -> pl.Expr:
    """Whether an 18x carries SDP that lets media flow (RFC 5009 §8; without that header, no preconditions in play).

    SDP all of whose streams are rejected, inactive or recvonly brings nothing to the caller's ear (RFC 3264 §5.1).
    """
    header = pl.col("p_early_media").str.to_lowercase()
    authorised = header.str.contains(r"\b(?:sendrecv|sendonly|recvonly)\b") & ~header.str.contains(r"\bgated\b")
    refused = header.str.contains(r"\b(?:sendrecv|sendonly|recvonly|inactive|gated)\b")
    allowed = authorised | (~refused.fill_null(value=False) & ~pl.col("_qos"))
    return pl.col("status").is_between(180, 189) & pl.col("_sends") & allowed.fill_null(value=False)


def _invite_requests(invites: pl.DataFrame, responses: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """One row per try: its first row over all hops, and at its hop of the fewest Vias the final that decides."""
    final = pl.when(pl.col("status") >= 200, ~pl.col("retransmission")).then("row")
    finals = responses.group_by("try").agg(
        final_row=pl.coalesce(pl.when(pl.col("status").is_between(200, 299)).then("row").min(), final.max())
    )
    tries = invites.group_by("try", maintain_order=True).agg(
        pl.col("_call", "_leg", "cseq", "at").first(), first_row=pl.col("row").first()
    )
    tries = tries.join(finals, on="try", how="left", maintain_order="left")
    last = _fetch(messages, tries["final_row"], "status", "time")
    return tries.with_columns(last["status"], final_ns=last["time"].to_physical())


def _in_attempts(tries: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The tries with the number of their ``attempt``.

    A try begins a new attempt in its Call-ID only when every try before it is over, and not where the same attempt goes
    on: after a status that asks for another INVITE (RFC 3261 §8.1.3.4-5, §22.2; RFC 4028 §7.4), and after any refusal
    where the same client sent the next at once, as it does with the contacts of a redirection (§8.1.3.4).
    """
    tries = tries.with_columns(begins=pl.col("_call").is_first_distinct())
    # Most Call-IDs hold one try; windows over all of them would cost more than the rest of the stage.
    several = tries.filter(pl.col("_call").is_duplicated()).sort("_call", "first_row")
    all_over = pl.col("final_row").fill_null(NEVER).cum_max().shift().over("_call") < pl.col("first_row")
    last_status = pl.coalesce(pl.col("status").shift().over("_leg"), pl.col("status").shift().over("_call"))
    again = several.filter(all_over & ~last_status.is_in(outcomes.RETRY_CAUSES) & ~_sent_at_once())["try"]
    begins = pl.col("begins") | pl.col("try").is_in(again.implode())
    tries = tries.sort("_call", "first_row").with_columns(attempt=begins.cum_sum() - 1).drop("begins")
    return _join_retries(tries, hop, messages).sort("first_row")


def _sent_at_once() -> pl.Expr:
    """Whether the try follows a refusal of the one before it, in its leg, so soon that nobody was asked.

    One that was answered is never continued: its dialog stands, and the next INVITE without a To tag is another call.
    """
    before = {name: pl.col(name).shift().over("_leg") for name in ("cseq", "status", "final_ns")}
    later = pl.col("cseq") > before["cseq"]
    refused = before["status"] >= 300
    soon = pl.col("at") - before["final_ns"] <= outcomes.RETRY_AT_ONCE
    return (later & refused & soon).fill_null(value=False)


def _join_retries(tries: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Retries under another Call-ID: credentials for the challenge's nonce, from the same caller to the same callee."""
    refused = tries.group_by("attempt", maintain_order=True).last().filter(pl.col("status").is_in([401, 407]))
    again = tries.group_by("attempt", maintain_order=True).first()
    again = again.join(hop.group_by("try", maintain_order=True).first(), on="try").filter("credentials")
    if refused.is_empty() or again.is_empty():
        return tries
    refused = refused.join(hop.group_by("try", maintain_order=True).first(), on="try", maintain_order="left")
    challenge = _fetch(messages, refused["final_row"], "_nonce", "time")
    refused = refused.drop("_nonce").with_columns(challenge["_nonce"], challenged=challenge["time"].to_physical())
    acks = (
        _rows(messages)
        .filter(pl.col("method") == "ACK", pl.col("transaction").is_in(refused["transaction"].implode()))
        .group_by("transaction")
        .agg(acked=ns("time").min())
        .collect()
    )
    refused = refused.join(acks, on="transaction", how="left")
    same = ["_nonce", "src_ip", "from_uri", "request_uri"]
    refused = refused.with_columns(_fetch(messages, refused["row"], "from_uri", "request_uri"))
    again = again.with_columns(_fetch(messages, again["row"], "from_uri", "request_uri"))
    pairs = (
        refused.select(*same, "challenged", "acked", parent="attempt")
        .join(again.select(*same, "at", "attempt"), on=same)
        .filter(pl.col("at") > pl.col("challenged"))
        .filter(pl.col("at") <= pl.max_horizontal("challenged", "acked") + _RETRY_WITHIN)
        .sort("at", "challenged")
        .unique("attempt", keep="last", maintain_order=True)
        .unique("parent", keep="first", maintain_order=True)
        .select("attempt", "parent")
    )
    # A retry may be challenged and retried in turn under yet another Call-ID. A parent is the earlier: this ends.
    while tries["attempt"].is_in(pairs["attempt"].implode()).any():
        tries = tries.with_columns(pl.col("attempt").replace(pairs["attempt"], pairs["parent"]))
    return tries


def _linked(tries: pl.DataFrame, links: pl.DataFrame | None) -> pl.DataFrame:
    """The tries with the legs that B2BUAs made in the attempt of the leg they were made from; ``own`` keeps their
    own."""
    if links is None or links.is_empty():
        return tries
    of_legs = tries.sort("first_row").unique("_leg", keep="first", maintain_order=True).select("_leg", "attempt")
    made = links.select("_leg", "_leg_from").join(of_legs, on="_leg").rename({"attempt": "child"})
    made = made.join(of_legs, left_on="_leg_from", right_on="_leg").select("child", parent="attempt")
    made = made.filter(pl.col("child") != pl.col("parent")).sort("child", "parent")
    made = made.unique("child", keep="first", maintain_order=True)
    into = made
    # From parent to parent, twice as far each time. A B2BUA that uses an old Call-ID again could make a ring, which has
    # no first leg: all that lead into it stay apart.
    for _ in range(_FARTHEST.bit_length()):
        further = into.join(into.select(parent="child", next="parent"), on="parent", how="left", maintain_order="left")
        into = further.select("child", parent=pl.coalesce("next", "parent"))
    into = into.filter(~pl.col("parent").is_in(made["child"].implode()))
    return tries.with_columns(pl.col("attempt").replace(into["child"], into["parent"]))


def _reference_hop(hop: pl.DataFrame, tries: pl.DataFrame) -> pl.DataFrame:
    """Of each attempt the INVITEs at its reference hop, in time order.

    Those of its first leg; and those of a retry with another From tag that the same client sent as far from the caller.
    """
    # The stamp of a leg that was made of another may be the earlier, by the clock of another capture point.
    hop = hop.filter(pl.col("own") == pl.col("attempt"))
    tries = tries.filter(pl.col("own") == pl.col("attempt"))
    first = tries.unique("attempt", keep="first", maintain_order=True).select("try")
    reference = hop.join(first, on="try", how="semi").unique("attempt", keep="first", maintain_order=True)
    ours = ["_leg", "via_count", "src_ip", "via_sent_by"]
    same_client = [pl.col(name).eq_missing(pl.col(f"{name}_of_reference")) for name in ours]
    return hop.join(
        reference.select("attempt", *ours), on="attempt", suffix="_of_reference", maintain_order="left"
    ).filter(same_client[0] | pl.all_horizontal(same_client[1:]))


# -- what happened at the reference hop --------------------------------------------------------------------------------


def _started(
    invites: pl.DataFrame,
    hop: pl.DataFrame,
    responses: pl.DataFrame,
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
) -> pl.DataFrame:
    """One row of facts per attempt whose INVITE was seen."""
    facts = hop.group_by("attempt", maintain_order=True).agg(
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
    facts = _with_final(facts, messages)
    # An INVITE that comes after what answers it is a copy, or out of order: when the call began is not known.
    answered_first = pl.min_horizontal("ring_ns", "media_ns", "ok_ns", "final_ns") < pl.col("start_ns")
    facts = facts.with_columns(start_ns=pl.when(~answered_first.fill_null(value=False)).then("start_ns"))
    cancelled = _cancels(messages, hop, responses, invites, transactions)
    facts = facts.join(cancelled, on="attempt", how="left", maintain_order="left")
    facts = facts.join(_turned_away(messages, invites, transactions), on="attempt", how="left", maintain_order="left")
    # What came when a branch was cancelled, or later, or is the refusal that the caller was told of, decided.
    facts = facts.with_columns(
        turned_away=(pl.col("away_ns") > pl.col("cancelled_until_ns") - outcomes.DECIDED_WITHIN)
        | pl.col("away_with").list.contains(pl.col("final"))
    )
    open_ended = facts.filter(pl.col("final").is_null())
    fates = transactions.filter(pl.col("transaction").is_in(open_ended["last_transaction"].implode()))
    fates = fates.select(last_transaction="transaction", fate="outcome")
    facts = facts.join(fates, on="last_transaction", how="left", maintain_order="left")
    first_row = invites.group_by("attempt").agg(first_row=pl.col("row").min())
    return facts.join(first_row, on="attempt", how="left", maintain_order="left").with_columns(
        joined=pl.lit(value=False)
    )


def _answers(responses: pl.DataFrame, by: str) -> pl.DataFrame:
    """Times of the responses to INVITE that matter, per ``by``. ``final_row`` is that of the last final."""
    status, at, row = pl.col("status"), pl.col("at"), pl.col("row")
    marked = responses.select(
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


def _with_answer(facts: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The facts with the 2xx of the branch that became the call as its answer; ``replied_ns`` is the first 2xx."""
    of_branch = pl.col("answered_row").is_not_null()
    facts = facts.with_columns(
        replied_ns="ok_ns",
        ok_ns=pl.when(of_branch).then("answered_ns").otherwise("ok_ns"),
        ok_row=pl.coalesce("answered_row", "ok_row"),
    )
    finals = ["final", "q850", "final_ns", "stale", "ims_body"]
    return _with_final(facts.drop(finals), messages)


def _with_final(facts: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The facts with those of the final response that decides: the 2xx of the answer, else the last final."""
    facts = facts.with_columns(final_row=pl.coalesce("ok_row", "final_row"))
    final = _fetch(messages, facts["final_row"], "status", "time", "_q850", "stale", "content_type")
    return facts.with_columns(
        final["status"].alias("final"),
        final["_q850"].alias("q850"),
        final["time"].to_physical().alias("final_ns"),
        final["stale"].alias("stale"),
        ims_body=final["content_type"].str.starts_with("application/3gpp-ims+xml"),
    )


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
        _rows(messages)
        .filter(pl.col("method") == "CANCEL", pl.col("status").is_null(), ~pl.col("retransmission"))
        .select(
            "row",
            "_leg",
            "_sip_cause",
            pl.col("cseq").fill_null(0),
            cancel="transaction",
            at=ns("time"),
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
        elsewhere=pl.col("_sip_cause") == 200, crossed=pl.col("transaction").is_in(answered.implode()) & could_cross
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
    sent = _rows(messages).filter(pl.col("method") == "CANCEL", pl.col("status").is_null())
    last = sent.group_by("_leg").agg(cancelled_until_ns=ns("time").max()).collect()
    concerned = invites.join(last, on="_leg", maintain_order="left")
    until = concerned.group_by("attempt", maintain_order=True).agg(pl.col("cancelled_until_ns").max())
    theirs = invites.filter(pl.col("attempt").is_in(until["attempt"].implode()))
    senders = theirs.select("attempt", dst_ip="src_ip").unique()
    ends = theirs.join(senders, on=["attempt", "dst_ip"], how="anti", maintain_order="left")
    status = pl.col("status")
    no_refusal = [487, *outcomes.RETRY_CAUSES, *(set(outcomes.OF_A_FAILED_HOP) - {480})]
    finals = transactions.filter(status >= 300, ~status.is_in(no_refusal)).select(
        "transaction", "status", at=ns("final_at")
    )
    refusals = ends.select("attempt", "transaction").join(finals, on="transaction", maintain_order="left")
    refusals = refusals.group_by("attempt", maintain_order=True).agg(away_ns=pl.col("at").max(), away_with="status")
    return until.join(refusals, on="attempt", how="left", maintain_order="left")


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
    others = _rows(messages.select(_OF_JOINED)).filter(
        pl.col("_call").is_not_null(), ~pl.col("_call").is_in(invites["_call"].unique().implode())
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
            "transaction", time=ns("time"), at=ns("time"), media=_early_media(),
        )
        .collect()
    )  # fmt: skip
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
    facts = rows.group_by("attempt", maintain_order=True).agg(pl.col("_call").first(), first_row=pl.col("row").first())
    legs = initial.group_by("attempt").agg(leg=pl.col("_leg").first(), response_row=pl.col("row").first())
    facts = facts.join(legs, on="attempt", how="left", maintain_order="left")
    facts = facts.join(_answers(initial, "attempt"), on="attempt", how="left", maintain_order="left")
    dialogs = rows.filter(pl.col("_dialog").is_not_null()).select("attempt", "_call", "_dialog")
    branches = dialogs.unique(maintain_order=True).join(
        _branches(initial), on=["attempt", "_dialog"], how="left", maintain_order="left"
    )
    facts = _with_final(facts, messages)
    hop = initial.unique("transaction", maintain_order=True)
    cancelled = _cancels(messages, hop, initial, initial.with_columns(pl.col("cseq").fill_null(0)), transactions)
    facts = facts.join(cancelled, on="attempt", how="left", maintain_order="left")
    return facts.with_columns(joined=pl.lit(value=True)), rows, branches


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


# -- how it ended ------------------------------------------------------------------------------------------------------


def _ends(branches: pl.DataFrame, facts: pl.DataFrame, messages: pl.DataFrame, dialogs: pl.DataFrame) -> pl.DataFrame:
    """Per attempt the end of the branch that lived: which that is, see :func:`_confirmed_branches`."""
    byes = (
        _rows(messages)
        .filter(pl.col("method") == "BYE", pl.col("status").is_null(), ~pl.col("retransmission"))
        .select(
            "row", "_call", "_leg", "_dialog", "src_ip", "src_port", "dst_ip", "dst_port",
            at=ns("time"), cleared=release.network_reason(),
        )
        .collect()
    )  # fmt: skip
    byes = in_dialog.standing(byes, messages)
    byes = byes.with_columns(gone=pl.col("row").is_in(in_dialog.cleared_away(byes, messages).implode()))
    hops = facts.select(
        "attempt", "_call", "ref_row", "response_row",
        near_ip="src_ip", near_port="src_port", far_ip="dst_ip", far_port="dst_port",
    )  # fmt: skip
    bye = {"row": "bye_row", "at": "bye_ns", "_leg": "bye_leg", "cleared": "cleared", "gone": "gone"}
    of_branches = byes.join(branches.select("attempt", "_dialog"), on="_dialog", maintain_order="left")
    of_branches = of_branches.join(hops.drop("_call"), on="attempt", maintain_order="left")
    of_branches = reference_hop.nearest(of_branches, "_dialog").rename(bye)
    branches_with_bye = branches.join(
        of_branches.select("_dialog", *bye.values()), on="_dialog", how="left", maintain_order="left"
    )
    confirmed_branch = _confirmed_branches(branches_with_bye, messages)
    # A peer of RFC 2543 has no tag, and a one-way capture no 2xx: then the Call-ID tells whose BYE it is. Not that of a
    # branch that only rang, where another answered: it ended that branch alone (RFC 3261 §15).
    unmatched = hops.join(
        confirmed_branch.filter(pl.col("bye_row").is_not_null()), on="attempt", how="anti", maintain_order="left"
    )
    unmatched = unmatched.with_columns(answered=pl.col("attempt").is_in(confirmed_branch["attempt"].implode()))
    strays = byes.join(branches, on="_dialog", how="anti", maintain_order="left")
    strays = strays.join(unmatched, on="_call", maintain_order="left")
    strays = strays.filter(pl.col("row") > pl.col("ref_row").fill_null(-1))
    early = messages.filter(
        pl.col("_dialog").is_in(strays.filter("answered")["_dialog"].drop_nulls().unique().implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(101, 199),
    )["_dialog"]
    strays = strays.filter(~(pl.col("answered") & pl.col("_dialog").is_in(early.implode()).fill_null(value=False)))
    strays = reference_hop.nearest(strays, "attempt").rename(bye).select("attempt", *bye.values())
    still_ringing = _ringing_without_bye(hops, strays, byes, messages)
    ends = hops.join(confirmed_branch, on="attempt", how="left", maintain_order="left")
    ends = ends.join(strays, on="attempt", how="left", suffix="_stray", maintain_order="left")
    ends = ends.with_columns(pl.coalesce(name, f"{name}_stray") for name in bye.values())
    ends = ends.with_columns(acked=_acked(messages))
    ends = ends.join(_refreshes(messages), on="_dialog", how="left", maintain_order="left")
    ends = ends.join(_of_dialogs(dialogs, messages).drop("_leg"), on="_dialog", how="left", maintain_order="left")
    opening = ends.select(pl.coalesce("answered_row", "ref_row", "response_row")).to_series()
    return ends.hstack(_fetch(messages, opening, "from_tag")).select(
        "attempt", "bye_row", "bye_ns", "bye_leg", "branch_leg", "answered_ns", "answered_row", "acked", "waited_ns",
        "lived_ns", "refreshed_ns", "interval", "ended_ns", "end_reason", "gone",
        still_ringing=pl.col("attempt").is_in(still_ringing.implode()),
        by_refresher=(pl.col("bye_leg") == pl.col("refresh_leg")) == (pl.col("refresher") == 0),
        cleared=pl.coalesce(pl.col("ended_by") == "network", "cleared"),
        ended_by=release.side(pl.col("ended_by"), pl.col("local_tag"), pl.col("from_tag")),
        confirmed_branch="_dialog",
    )  # fmt: skip


def _with_ends_between(
    ends: pl.DataFrame, invites: pl.DataFrame, dialogs: pl.DataFrame, messages: pl.DataFrame, links: pl.DataFrame | None
) -> pl.DataFrame:
    """The ends, by the network where a node between two legs sent BYE on both (:func:`release.between_legs`)."""
    if links is None or links.is_empty():
        return ends
    of_legs = invites.select("attempt", "_leg").unique()
    last = of_legs.filter(pl.len().over("attempt") > 1, ~pl.col("_leg").is_in(links["_leg_from"].implode()))
    confirmed = dialogs.filter(pl.col("confirmed_at").is_not_null())
    last = _of_dialogs(confirmed, messages).filter(pl.col("end_reason") == "bye").join(last, on="_leg")
    between = pl.col("attempt").is_in(release.between_legs(ends, last).implode())
    network = pl.when(between).then(pl.lit("network")).otherwise("ended_by")
    return ends.with_columns(ended_by=network, cleared=between | pl.col("cleared"))


def _ringing_without_bye(
    hops: pl.DataFrame, strays: pl.DataFrame, byes: pl.DataFrame, messages: pl.DataFrame
) -> pl.Series:
    """Of the attempts with a BYE that no 2xx goes with, those with an early dialog on which none was sent.

    A BYE ends its early dialog alone; the INVITE goes on in the others (RFC 3261 §15).
    """
    if strays.is_empty():
        return strays["attempt"]
    asked = hops.filter(pl.col("attempt").is_in(strays["attempt"].implode())).select("attempt", "_call")
    early = messages.filter(
        pl.col("_call").is_in(asked["_call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(101, 199),
        pl.col("_dialog").is_not_null(),
    ).select("_call", "_dialog")
    rest = early.join(byes, on="_dialog", how="anti")
    return asked.join(rest, on="_call", how="semi")["attempt"]


def _confirmed_branches(branches: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Per attempt the branch that is the call; ``branches`` with ``bye_row``.

    Of several 2xx the caller acknowledges each, keeps one and sends BYE on the others at once (RFC 3261 §13.2.2.4). So
    it is one whose 2xx was acknowledged; of these one with later requests in its dialog; of these that which ended
    last. Besides: how it was acknowledged (`acknowledgement.of_dialogs`), and ``lived_ns``, when the latest request
    that was accepted in it was sent, of branches where something hangs on it.
    """
    branches = branches.join(
        acknowledgement.of_dialogs(messages), on="_dialog", how="left", maintain_order="left"
    ).with_columns(heard=pl.col("acked") & ~pl.col("exhausted"))
    doubtful = branches.filter(pl.col("attempt").is_duplicated() | ~pl.col("heard").fill_null(value=False))
    lived = in_dialog.accepted(messages, doubtful["_dialog"].drop_nulls())
    lived = lived.group_by("_dialog").agg(lived_row=pl.col("asked").max())
    branches = branches.join(lived, on="_dialog", how="left", maintain_order="left")
    return (
        branches.with_columns(
            _fetch(messages, branches["lived_row"], "time").to_series().to_physical().alias("lived_ns"),
            unheard=~pl.col("heard").fill_null(value=False),
            idle=pl.col("lived_row").is_null(),
        )
        .sort(
            "unheard", "idle", "bye_row", "answered_row", descending=[False, False, True, False], nulls_last=False,
            maintain_order=True,
        )
        .unique("attempt", keep="first", maintain_order=True)
        .drop("_call", "unheard", "idle", "lived_row", strict=False)
    )  # fmt: skip


def _acked(messages: pl.DataFrame) -> pl.Expr:
    """Whether the 2xx of a dialog got its ACK; where tags are missing, any ACK of the Call-ID to a 2xx.

    An ACK without a CSeq came damaged, and may be one to another final: what tells which is not there.
    """
    acks = (
        _rows(messages)
        .filter(pl.col("method") == "ACK", pl.col("transaction").is_null(), pl.col("cseq").is_not_null())
        .select("_call")
        .unique()
        .collect()
    )
    by_call = pl.col("_call").is_in(acks["_call"].implode())
    by_dialog = pl.col("heard").fill_null(value=False)
    return pl.when(pl.col("_dialog").is_null()).then(by_call).otherwise(by_dialog)


def _refreshes(messages: pl.DataFrame) -> pl.DataFrame:
    """The last agreement on a session interval per dialog: the last 2xx to INVITE or UPDATE (RFC 4028 §9).

    ``interval`` is null where that 2xx has none, on whatever hop: then the session no longer expires (§7.2).
    ``refresh_leg`` is the side that sent the request, and ``refresher`` 0 if that side refreshes, 1 if the other does.
    """
    agreed = pl.col("status").is_between(200, 299) & pl.col("method").is_in(["INVITE", "UPDATE"])
    seconds = pl.col("session_expires")
    rows = (
        _rows(messages)
        .filter(agreed, pl.col("_dialog").is_not_null())
        .select("row", "_dialog", "_leg", "cseq", "method", "session_expires", "_refresher", at=ns("time"))
        .collect()
    )
    limited = rows.filter(seconds.is_not_null()).select("_dialog").unique()
    return (
        rows.lazy()
        .join(limited.lazy(), on="_dialog", how="semi")
        .group_by("_dialog", "_leg", "cseq", "method")
        .agg(
            row=pl.col("row").min(),
            refreshed_ns=pl.col("at").filter(seconds.is_not_null()).last(),
            interval=duration(seconds.drop_nulls().last()),
            refresher=pl.col("_refresher").drop_nulls().last(),
        )
        .sort("row")
        .unique("_dialog", keep="last", maintain_order=True)
        .select("_dialog", "refreshed_ns", "interval", "refresher", refresh_leg="_leg")
        .collect()
    )


def _of_dialogs(dialogs: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """How the dialogs of INVITEs ended, by the hash of the dialog."""
    ended = dialogs.filter(pl.col("usage") == "invite", pl.col("end_reason").is_in(["bye", "expired", "timeout"]))
    keys = messages.filter(pl.col("message").is_in(ended["dialog"].implode())).select(
        "_dialog", "_leg", dialog="message"
    )
    return ended.join(keys, on="dialog").select(
        "_dialog", "_leg", "end_reason", "ended_by", "local_tag", ended_ns=ns("ended_at")
    )


def _with_outcome(facts: pl.DataFrame, messages: pl.DataFrame, end: int) -> pl.DataFrame:
    """The facts with ``outcome``, ``outcome_detail``, ``released_by``, ``over_ns`` and the Reason of what ended it."""
    marks = ["rang", "stale", "ims_body", "elsewhere", "crossed", "cancelled", "acked", "cleared", "credentials"]
    marks += ["still_ringing", "given_up", "unreached", "gone", "turned_away"]
    facts = facts.with_columns(pl.col(*marks, "at_caller").fill_null(value=False)).with_columns(
        _fetch(messages, facts["bye_row"], "reason_header").to_series().alias("reason_of_bye"),
        _fetch(messages, facts["cancel_row"], "reason_header").to_series().alias("cancel_reason"),
        _fetch(messages, facts["final_row"], "reason_header").to_series().alias("final_reason"),
    )
    # A 2xx whose INVITE was not captured may have come from the one side whose packets were: no ACK is no sign there.
    unasked = pl.col("joined") & pl.col("provisional_ns").is_null()
    facts = facts.with_columns(acked=pl.col("acked") | unasked)
    answered = pl.col("ok_row").is_not_null() | pl.col("joined")
    names = ("outcome", "outcome_detail")
    either = zip(names, outcomes.of_answered(end), outcomes.of_unanswered(end), strict=True)
    facts = facts.with_columns(pl.when(answered).then(yes).otherwise(no).alias(name) for name, yes, no in either)
    facts = facts.with_columns(released_by=outcomes.released_by(answered))
    was_cancelled = pl.col("outcome").is_in(["cancelled", "answered_elsewhere"])
    ended_by_bye = pl.col("outcome").is_in(["answered", "joined", "cancelled"])
    refused_at = pl.when((pl.col("final") >= 300) & (pl.col("outcome") != "unfinished")).then("final_ns")
    return facts.with_columns(
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
    earliest = members.sort("row").filter(pl.col("time").eq_missing(pl.col("time").first().over("attempt")))
    return earliest.group_by("attempt").agg(call=pl.col("message").min())


def _spans(members: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    spans = members.sort("row").unique(["attempt", "_call"], keep="first", maintain_order=True)
    since = pl.when(pl.col("_call").is_first_distinct()).then(LONG_AGO).otherwise("time")
    spans = spans.select("attempt", "_call", "row", since=since)
    return spans.join(facts.select("attempt", "call"), on="attempt", maintain_order="left")


def _with_call_ids(spans: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The spans with the text of their Call-ID, which the first message may lack that was cut."""
    found = spans.with_columns(_fetch(messages, spans["row"], "call_id"))
    lacking = found.filter(pl.col("call_id").is_null())["_call"]
    if lacking.is_empty():
        return found
    others = messages.filter(pl.col("_call").is_in(lacking.implode()), pl.col("call_id").is_not_null())
    others = others.select("_call", other="call_id").unique("_call", keep="first", maintain_order=True)
    found = found.join(others, on="_call", how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("call_id", "other")).drop("other")


def _table(facts: pl.DataFrame, spans: pl.DataFrame, invites: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    resent = messages.select("_call", "time", again=pl.col("retransmission") & ~pl.col("duplicate")).filter("again")
    resent = resent.with_columns(_call_of(resent, spans).alias("call")).group_by("call").agg(retransmissions=pl.len())
    call_ids = _with_call_ids(spans, messages)
    counts = invites.join(facts.select("attempt", "leg"), on="attempt", maintain_order="left")
    ours = pl.col("_leg") == pl.col("leg")
    counts = counts.group_by("attempt").agg(
        legs=pl.col("_leg").n_unique(),
        icid_row=pl.when("has_icid").then("row").min(),
        asserted_row=pl.when(pl.col("asserted") & ours).then("row").min(),
        preferred_row=pl.when(pl.col("preferred") & ours).then("row").min(),
    )
    hops = invites.select("attempt", "own", "src_ip", "via_count", "dst_ip", "dst_port").unique().group_by("attempt")
    facts = (
        facts.join(counts, on="attempt", how="left", maintain_order="left")
        .join(hops.agg(hops=pl.len()), on="attempt", how="left", maintain_order="left")
        .join(
            call_ids.group_by("attempt", maintain_order=True).agg(call_ids="call_id"),
            on="attempt",
            maintain_order="left",
        )
        .join(resent, on="call", how="left", maintain_order="left")
    )
    named = _fetch(messages, facts["ref_row"], "request_uri", "from_uri", "to_uri")
    of_response = _fetch(messages, facts["response_row"], "from_uri", "to_uri")
    facts = facts.with_columns(
        named["request_uri"],
        _fetch(messages, facts["asserted_row"], "asserted_identity").to_series(),
        _fetch(messages, facts["preferred_row"], "preferred_identity").to_series(),
        _fetch(messages, facts["icid_row"], "icid").to_series(),
        _fetch(messages, facts["final_row"], "reason_phrase").to_series(),
        from_uri=pl.coalesce(named["from_uri"], of_response["from_uri"]),
        to_uri=named["to_uri"],
        called=pl.coalesce(named["request_uri"], of_response["to_uri"]),
    )
    callers = facts.select(identity.first_named(["asserted_identity", "preferred_identity", "from_uri"])).to_series()
    parties = identity.subscribers(pl.concat([callers, facts["called"]]))
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
    return typed(table, schema.CALLS, without=("hold_s", "codecs"))
