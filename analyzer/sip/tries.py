"""INVITEs to tries and attempts: which of them a caller's wish to speak to somebody took, and where they are measured.

What a try and an attempt are: :mod:`analyzer.sip.calls`. The big frame is cut down to a few rows a call here.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import NEVER, SECOND, ns
from analyzer.sip import acknowledgement, outcomes

# A user agent that changes the Call-ID when it answers a challenge does so within this time.
_RETRY_WITHIN = 2 * SECOND

_FARTHEST = 256  # legs one after the other in one call


def counted(messages: pl.DataFrame) -> pl.LazyFrame:
    """The messages that count, with their numbers in the whole frame."""
    return messages.lazy().with_row_index("row").filter(~pl.col("duplicate"))


def fetch(messages: pl.DataFrame, rows: pl.Series, *columns: str) -> pl.DataFrame:
    """Columns of the big frame at some rows; null where the row number is null."""
    return messages.select(pl.col(columns).gather(rows))


def initial_invites(messages: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs that ask for a new dialog, first copies on every hop, with the number of their ``try``."""
    invites = (
        counted(messages)
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


def responses_of(messages: pl.DataFrame, hop: pl.DataFrame) -> pl.DataFrame:
    """The responses of the INVITE transactions of ``hop``."""
    of_hop = hop.lazy().select("transaction", "try")
    return (
        counted(messages)
        .filter(pl.col("method") == "INVITE", pl.col("status").is_not_null())
        .join(of_hop, on="transaction", maintain_order="left")
        .select(
            "row", "transaction", "status", "_dialog", "_leg", "retransmission", "try",
            at=ns("time"), media=early_media(),
        )
        .collect()
    )  # fmt: skip


def with_borrowed(
    responses: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    """The responses, with those of the next hop for INVITEs whose final was not captured on their own hop, as where
    that was captured in one direction only.

    Times of another hop are of another node, yet of the same clock: where there are several, nothing is borrowed.
    """
    silent = acknowledgement.unheard(messages, transactions)
    if silent.is_empty():
        return responses
    silent = silent.join(hop.select("transaction", "try"), on="transaction", maintain_order="left")
    silent = silent.drop_nulls("try").unique(["_leg", "cseq"], keep="none", maintain_order=True)
    if silent.is_empty() or messages["_point"].n_unique() > 1:
        return responses
    others = (
        counted(messages)
        .filter(pl.col("method") == "INVITE", pl.col("status") > 100, pl.col("_leg").is_in(silent["_leg"].implode()))
        .select(
            "row", "transaction", "status", "_dialog", "_leg", "retransmission", "cseq", "via_count", at=ns("time"),
            media=early_media(),
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
    rung = responses.filter(pl.col("status") > 100)["try"]
    borrowed = borrowed.filter((pl.col("status") >= 200) | ~pl.col("try").is_in(rung.implode()))
    borrowed = borrowed.with_columns(transaction="asked").select(responses.columns)
    return pl.concat([responses, borrowed]).sort("row")


def with_unasked(
    responses: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    """The responses, with those to another INVITE of the same attempt that was not captured: it has a later CSeq, and
    was sent after a refusal that asks for it, or at once (:func:`in_attempts`)."""
    invite = pl.col("method") == "INVITE"
    orphans = transactions.filter(invite, pl.col("outcome") == "orphan")["transaction"]
    if orphans.is_empty():
        return responses
    last = hop.sort("_leg", "cseq", "row").unique("_leg", keep="last", maintain_order=True)
    last = last.select("_leg", "try", asked="transaction", asked_cseq="cseq")
    by_try = responses.filter(pl.col("status") >= 200).sort("row").group_by("try")
    answered = (pl.col("status") < 300).any()
    finals = by_try.agg(answered=answered, refusal=pl.col("status").last(), over=pl.col("at").last())
    found = (
        counted(messages)
        .filter(invite, pl.col("status") > 100, pl.col("transaction").is_in(orphans.implode()))
        .select(
            "row", "transaction", "status", "_dialog", "_leg", "retransmission", "cseq", "via_count", at=ns("time"),
            media=early_media(),
        )
        .join(last.lazy(), on="_leg", maintain_order="left")
        .filter(pl.col("cseq") > pl.col("asked_cseq"))
        .join(finals.filter(~pl.col("answered")).lazy(), on="try", maintain_order="left")
        .collect()
    )  # fmt: skip
    soon = pl.col("at").min().over("try") - pl.col("over") <= outcomes.RETRY_AT_ONCE
    found = found.filter(pl.col("refusal").is_in(outcomes.RETRY_CAUSES) | soon)
    via = pl.col("via_count").fill_null(0)
    found = found.filter(via == via.min().over("try", "cseq")).with_columns(transaction="asked")
    return pl.concat([responses, found.select(responses.columns)]).sort("row")


def early_media() -> pl.Expr:
    """Whether an 18x carries SDP that lets media flow (RFC 5009 §8; without that header, no preconditions in play).

    SDP all of whose streams are rejected, inactive or recvonly brings nothing to the caller's ear (RFC 3264 §5.1).
    """
    header = pl.col("p_early_media").str.to_lowercase()
    authorised = header.str.contains(r"\b(?:sendrecv|sendonly|recvonly)\b") & ~header.str.contains(r"\bgated\b")
    refused = header.str.contains(r"\b(?:sendrecv|sendonly|recvonly|inactive|gated)\b")
    allowed = authorised | (~refused.fill_null(value=False) & ~pl.col("_qos"))
    return pl.col("status").is_between(180, 189) & pl.col("_sends") & allowed.fill_null(value=False)


def tries_of(invites: pl.DataFrame, responses: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """One row per try: its first row over all hops, and at its hop of the fewest Vias the final that decides."""
    final = pl.when(pl.col("status") >= 200, ~pl.col("retransmission")).then("row")
    finals = (
        responses.lazy()
        .group_by("try")
        .agg(final_row=pl.coalesce(pl.when(pl.col("status").is_between(200, 299)).then("row").min(), final.max()))
    )
    tries = (
        invites.lazy()
        .group_by("try", maintain_order=True)
        .agg(pl.col("_call", "_leg", "cseq", "at").first(), first_row=pl.col("row").first())
    )
    found = tries.join(finals, on="try", how="left", maintain_order="left").collect(engine="in-memory")
    last = found["final_row"]
    return found.hstack(messages.select(pl.col("status").gather(last), final_ns=ns("time").gather(last)))


def in_attempts(tries: pl.DataFrame, hop: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The tries with the number of their ``attempt``.

    A try begins a new attempt in its Call-ID only when every try before it is over, and not where the same attempt goes
    on: after a status that asks for another INVITE (RFC 3261 §8.1.3.4-5, §22.2; RFC 4028 §7.4), and after any refusal
    where the same client sent the next at once, as it does with the contacts of a redirection (§8.1.3.4).
    """
    # Most Call-IDs hold one try; windows over all of them would cost more than the rest of the stage.
    several = tries.lazy().filter(pl.col("_call").is_duplicated()).sort("_call", "first_row")
    all_over = pl.col("final_row").fill_null(NEVER).cum_max().shift().over("_call") < pl.col("first_row")
    last_status = pl.coalesce(pl.col("status").shift().over("_leg"), pl.col("status").shift().over("_call"))
    again = several.filter(all_over & ~last_status.is_in(outcomes.RETRY_CAUSES) & ~_sent_at_once()).select("try")
    begins = pl.col("begins") | pl.col("try").is_in(again.collect(engine="in-memory")["try"].implode())
    tries = (
        tries.lazy()
        .with_columns(begins=pl.col("_call").is_first_distinct())
        .sort("_call", "first_row")
        .with_columns(attempt=begins.cum_sum() - 1)
        .drop("begins")
        .collect(engine="in-memory")
    )
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
    of_attempts = tries.lazy().group_by("attempt", maintain_order=True)
    of_tries = hop.lazy().group_by("try", maintain_order=True).first()
    challenged = of_attempts.last().filter(pl.col("status").is_in([401, 407]))
    refused = challenged.join(of_tries, on="try", maintain_order="left").collect(engine="in-memory")
    if refused.is_empty():
        return tries
    again = of_attempts.first().join(of_tries, on="try").filter("credentials").collect(engine="in-memory")
    if again.is_empty():
        return tries
    challenge = fetch(messages, refused["final_row"], "_nonce", "time")
    refused = refused.drop("_nonce").with_columns(challenge["_nonce"], challenged=challenge["time"].to_physical())
    acks = (
        counted(messages)
        .filter(pl.col("method") == "ACK", pl.col("transaction").is_in(refused["transaction"].implode()))
        .group_by("transaction")
        .agg(acked=ns("time").min())
        .collect()
    )
    refused = refused.join(acks, on="transaction", how="left")
    same = ["_nonce", "src_ip", "from_uri", "request_uri"]
    refused = refused.with_columns(fetch(messages, refused["row"], "from_uri", "request_uri"))
    again = again.with_columns(fetch(messages, again["row"], "from_uri", "request_uri"))
    pairs = (
        refused.select(*same, "challenged", "acked", parent="attempt")
        .join(again.select(*same, "at", "attempt"), on=same)
        .filter(pl.col("at") > pl.col("challenged"))
        .filter(pl.col("at") <= pl.max_horizontal("challenged", "acked") + _RETRY_WITHIN)
        .sort("at", "challenged", "attempt", "parent")
        .unique("attempt", keep="last", maintain_order=True)
        .unique("parent", keep="first", maintain_order=True)
        .select("attempt", "parent")
    )
    # A retry may be challenged and retried in turn under yet another Call-ID. A parent is the earlier: this ends.
    while tries["attempt"].is_in(pairs["attempt"].implode()).any():
        tries = tries.with_columns(pl.col("attempt").replace(pairs["attempt"], pairs["parent"]))
    return tries


def linked(tries: pl.DataFrame, links: pl.DataFrame | None) -> pl.DataFrame:
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


def at_reference_hop(hop: pl.DataFrame, tries: pl.DataFrame) -> pl.DataFrame:
    """Of each attempt the INVITEs at its reference hop, in time order.

    Those of its first leg; and those of a retry with another From tag that the same client sent as far from the caller.
    """
    # The stamp of a leg that was made of another may be the earlier, by the clock of another capture point.
    own = hop.lazy().filter(pl.col("own") == pl.col("attempt"))
    first = tries.lazy().filter(pl.col("own") == pl.col("attempt")).unique("attempt", keep="first", maintain_order=True)
    reference = own.join(first, on="try", how="semi", maintain_order="left").unique(
        "attempt", keep="first", maintain_order=True
    )
    ours = ["_leg", "via_count", "src_ip", "via_sent_by"]
    same_client = [pl.col(name).eq_missing(pl.col(f"{name}_of_reference")) for name in ours]
    return (
        own.join(reference.select("attempt", *ours), on="attempt", suffix="_of_reference", maintain_order="left")
        .filter(same_client[0] | pl.all_horizontal(same_client[1:]))
        .collect(engine="in-memory")
    )
