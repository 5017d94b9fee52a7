"""Breaches of the rules of offer and answer (RFC 3264, 3261 §13.2.1, 3262 §5, 3311 §5) as rows.

What they mean is for a diagnosis to say. Each rule is a function below, and gives rows of ``_FOUND``. They are looked
for where offers and answers are read: at the reference hop of each dialog.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.nothing import once_of_nothing
from analyzer.columns.times import ns
from analyzer.columns.typed import typed
from analyzer.sip import offer_answer
from analyzer.sip.offer_answer import DIRECTIONS, flipped, lines, with_times

_FOUND = {
    "row": pl.UInt32,
    "_dialog": pl.Int64,
    "index": pl.Int64,
    **dict.fromkeys(("code", "detail", "standard"), pl.String),
}


@once_of_nothing
def offer_answer_violations(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    hops: pl.DataFrame,
    said: pl.DataFrame,
    found: pl.DataFrame,
    descriptions: pl.DataFrame,
) -> pl.DataFrame:
    """The ``offer_answer_violations`` table without ``call``; ``said`` and ``found`` are the spoken descriptions and
    the exchanges of the same messages."""
    said = _whole(said, messages, "row")
    found = _whole(found, messages, "offer_row", "answer_row")
    silent = _whole(_silent(messages, transactions, hops, found), messages, "row")
    described = descriptions.filter(~pl.col("early_session"))
    by_line = lines(
        found.filter(pl.col("answer_row").is_not_null()), described, "media", "proto", "port", "direction", "codecs"
    )
    used = by_line.filter(pl.col("offer_port") > 0, pl.col("answer_port") > 0)
    rows = pl.concat(
        [
            *_missing_answers(messages, found, silent),
            _missing_offers(found, silent),
            _unasked_answers(messages, found, said),
            _changed_answers(said),
            _different_counts(found, described),
            _different(by_line, "media", "media_type_differs", "RFC 3264 §6"),
            _different(by_line, "proto", "protocol_differs", "RFC 3264 §6"),
            _forbidden_directions(used),
            _without_common_format(used),
            _early_offers(messages, transactions, found),
            _accepted_crossings(messages, transactions, found),
            _versions(found, described),
            _dropped_lines(found, described),
        ],
        how="vertical_relaxed",
    )
    rows = rows.sort("row", "index", "code", nulls_last=False, maintain_order=True)
    rows = rows.join(hops.select("_dialog", "dialog"), on="_dialog", how="left", maintain_order="left")
    rows = rows.with_columns(messages["message"].gather(rows["row"]))
    return typed(rows, schema.OFFER_ANSWER_VIOLATIONS, without=("call",))


def _whole(frame: pl.DataFrame, messages: pl.DataFrame, *rows: str) -> pl.DataFrame:
    """Without messages that were cut: what they lack may not have been lacking."""
    cut = messages.select(pl.arg_where(~pl.col("complete"))).to_series().implode()
    return frame.filter(~pl.any_horizontal(pl.col(row).is_in(cut).fill_null(value=False) for row in rows))


def _silent(
    messages: pl.DataFrame, transactions: pl.DataFrame, hops: pl.DataFrame, found: pl.DataFrame
) -> pl.DataFrame:
    """The messages without SDP at the reference hops, of those legs in which one may have lacked it."""
    rows = offer_answer.carriers(messages, with_sdp=False)
    method, status = pl.col("method"), pl.col("status")
    invite, success = method == "INVITE", status.is_between(200, 299)
    answered = found.filter(pl.col("answer_row").is_not_null())
    asked = rows.filter(invite, status.is_null())["transaction"]
    exchanging = pl.concat([found["transaction"], asked]).unique()
    bare = rows.filter(success, pl.col("transaction").is_in(exchanging.implode()))
    bare = bare.join(answered, on=["transaction", "_dialog"], how="anti", nulls_equal=True)
    by_response = found.filter(pl.col("pattern").is_in([2, 4]))["_dialog"].drop_nulls().unique()
    acks = rows.filter(status.is_null(), method.is_in(["ACK", "PRACK"]), pl.col("_dialog").is_in(by_response.implode()))
    legs = pl.concat([bare["_leg"], acks["_leg"]]).unique()
    rows = rows.filter(pl.col("_leg").is_in(legs.implode(), nulls_equal=True))
    return offer_answer.at_reference(rows, messages, transactions, hops)


def _breach(
    frame: pl.DataFrame, code: str, detail: str | pl.Expr, standard: str, *, row: str = "row", index: bool = False
) -> pl.DataFrame:
    # Of most captures there are none of most kinds.
    if frame.is_empty():
        return pl.DataFrame(schema=_FOUND)
    return frame.select(
        pl.col(row).cast(pl.UInt32).alias("row"),
        "_dialog",
        index=pl.col("index").cast(pl.Int64) if index else pl.lit(None, dtype=pl.Int64),
        code=pl.lit(code),
        detail=pl.lit(detail) if isinstance(detail, str) else detail,
        standard=pl.lit(standard),
    ).select(*_FOUND)


def _missing_answers(messages: pl.DataFrame, found: pl.DataFrame, silent: pl.DataFrame) -> list[pl.DataFrame]:
    """What should have carried the answer, and carries nothing."""
    method, status, pattern = pl.col("method"), pl.col("status"), pl.col("pattern")
    open_ = found.filter(pl.col("answer_row").is_null())
    open_ = open_.with_columns(messages.select(pl.col("cseq", "rseq").gather(open_["offer_row"])))
    # An INVITE is answered in each dialog that it makes; PRACK and UPDATE are in one.
    answered = found.filter(pl.col("answer_row").is_not_null())
    success = silent.filter(status.is_between(200, 299))
    success = success.join(answered, on=["transaction", "_dialog"], how="anti", nulls_equal=True)
    offering = {"INVITE": [1, 3], "PRACK": [5], "UPDATE": [6]}
    standards = {"INVITE": "RFC 3261 §13.2.1", "PRACK": "RFC 3262 §5", "UPDATE": "RFC 3311 §5.2"}
    rows = []
    for name, patterns in offering.items():
        offers = found.filter(pattern.is_in(patterns))["transaction"].implode()
        bare = success.filter(method == name, pl.col("transaction").is_in(offers))
        detail = pl.format("{} without the answer to the offer of its {}", status, pl.lit(name))
        rows.append(_breach(bare, "answer_missing", detail, standards[name]))
    acks = silent.filter(method == "ACK").join(
        open_.filter(pattern == 2).select("_dialog", "cseq"), on=["_dialog", "cseq"], how="semi"
    )
    pracks = silent.filter(method == "PRACK", status.is_null()).join(
        open_.filter(pattern == 4).select("_dialog", acked="rseq"), on=["_dialog", "acked"], how="semi"
    )
    rows.append(_breach(acks, "answer_missing", "ACK without the answer to the offer of the 2xx", "RFC 3261 §13.2.2.4"))
    rows.append(_breach(pracks, "answer_missing", "PRACK without the answer to the offer of the 1xx", "RFC 3262 §5"))
    return rows


def _missing_offers(found: pl.DataFrame, silent: pl.DataFrame) -> pl.DataFrame:
    """A 2xx without an offer to an INVITE that has none."""
    invite = silent.filter(pl.col("method") == "INVITE")
    asked = invite.filter(pl.col("status").is_null())["transaction"].implode()
    bare = invite.filter(pl.col("status").is_between(200, 299), pl.col("transaction").is_in(asked))
    bare = bare.join(found, on=["transaction", "_dialog"], how="anti", nulls_equal=True)
    return _breach(bare, "offer_missing", "2xx without an offer to an INVITE without one", "RFC 3261 §13.2.1")


def _unasked_answers(messages: pl.DataFrame, found: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """A description in an ACK whose INVITE had the offer."""
    offers = found.filter(pl.col("pattern").is_in([1, 3]))
    offers = offers.with_columns(messages["cseq"].gather(offers["offer_row"])).select("_dialog", "cseq")
    acks = said.filter(pl.col("method") == "ACK", pl.col("role") == "unknown")
    acks = acks.join(offers, on=["_dialog", "cseq"], how="semi")
    return _breach(acks, "answer_not_asked", "SDP in the ACK to an INVITE that had the offer", "RFC 3261 §13.2.1")


def _changed_answers(said: pl.DataFrame) -> pl.DataFrame:
    """All answers to one INVITE in one dialog are the same, previews too."""
    answers = said.filter(pl.col("method") == "INVITE", pl.col("role") == "answer")
    answers = answers.sort("row")
    branch = ["transaction", "_dialog"]
    answers = answers.with_columns(
        first=pl.col("_sdp").first().over(branch), first_status=pl.col("status").first().over(branch)
    )
    changed = answers.filter(pl.col("_sdp") != pl.col("first"))
    detail = pl.format("{} has another answer than the {} before it", "status", "first_status")
    return _breach(changed, "answer_changed", detail, "RFC 3261 §13.2.1")


def _counts(found: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    """The exchanges with their numbers of m= lines, ``offer_lines`` and ``answer_lines``."""
    counts = described.group_by("_sdp").agg(count=pl.len().cast(pl.Int64))
    for side in ("offer", "answer"):
        of_side = counts.select(pl.col("_sdp").alias(f"{side}_sdp"), pl.col("count").alias(f"{side}_lines"))
        found = found.join(of_side, on=f"{side}_sdp", how="left", maintain_order="left")
    return found.with_columns(pl.col("offer_lines", "answer_lines").fill_null(0))


def _different_counts(found: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    counted = _counts(found.filter(pl.col("answer_row").is_not_null()), described)
    differing = counted.filter(pl.col("offer_lines") != pl.col("answer_lines"))
    detail = pl.format("{} m= lines answer {}", "answer_lines", "offer_lines")
    return _breach(differing, "media_count_differs", detail, "RFC 3264 §6", row="answer_row")


def _different(by_line: pl.DataFrame, name: str, code: str, standard: str) -> pl.DataFrame:
    offered, answered = pl.col(f"offer_{name}"), pl.col(f"answer_{name}")
    differing = by_line.filter(offered.str.to_lowercase() != answered.str.to_lowercase())
    return _breach(
        differing, code, pl.format("{} answers {}", answered, offered), standard, row="answer_row", index=True
    )


def _forbidden_directions(used: pl.DataFrame) -> pl.DataFrame:
    """The answer may send what the offer receives, and receive what it sends; no more."""
    offered, answered = (
        pl.col(f"{side}_direction").replace_strict(DIRECTIONS, return_dtype=pl.Int64) for side in ("offer", "answer")
    )
    more = used.filter(answered & flipped(offered) != answered)
    detail = pl.format("{} answers {}", "answer_direction", "offer_direction")
    return _breach(more, "direction_not_allowed", detail, "RFC 3264 §6.1", row="answer_row", index=True)


def _without_common_format(used: pl.DataFrame) -> pl.DataFrame:
    """An accepted stream has a format of the offer. Others beside it are legal, and so are other payload types."""
    offered, answered = (
        pl.col(f"{side}_codecs").str.to_lowercase().str.split(" ").list.unique(maintain_order=True)
        for side in ("offer", "answer")
    )
    clear = used.filter(
        ~pl.col("offer_codecs").str.contains(r"[?*]"), ~pl.col("answer_codecs").str.contains(r"[?*]")
    ).filter(offered.list.set_intersection(answered).list.len() == 0)
    detail = pl.format("{} answers {}", "answer_codecs", "offer_codecs")
    return _breach(clear, "no_common_format", detail, "RFC 3264 §6.1", row="answer_row", index=True)


def _early_offers(messages: pl.DataFrame, transactions: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """A second offer of the same side before the first was answered or refused. (Those of both sides may cross.)"""
    finals = transactions.select("transaction", final=ns("final_at"))
    timed = with_times(found.filter(pl.col("_dialog").is_not_null()), messages)
    timed = timed.join(finals, on="transaction", how="left", maintain_order="left")
    settled = pl.min_horizontal("answered_at", "final").fill_null(pl.col("offered_at"))
    side = ["_dialog", "local"]
    timed = timed.with_columns(settled=settled.cum_max().shift().over(side))
    early = timed.filter(pl.col("offered_at") < pl.col("settled"))
    return _breach(
        early, "offer_before_answer", "the side's last offer has no answer yet", "RFC 3264 §4", row="offer_row"
    )


def _accepted_crossings(messages: pl.DataFrame, transactions: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """An offer accepted while the answerer's own was open, by either side: 491 was due.

    The side that answers second has the answer to its own offer by then. But the other's offer, sent before that
    answer, came before it; it should have been refused when it came (or its own not been made). Not so where a copy
    was sent later: the first one may have been lost.
    """
    pairs = offer_answer.crossings(found, messages, transactions)
    first = pairs.select("_dialog", "method", "other_method", row="answer_row")
    copies = messages.lazy().filter(pl.col("status").is_null(), "retransmission")
    later = copies.select("transaction", copied_at=pl.col("first_byte_at").to_physical()).collect()
    second = pairs.filter(pl.col("other_answered_at") > pl.col("answered_at"))
    second = second.with_columns(messages["transaction"].gather(second["other_offer_row"]).alias("transaction"))
    repeated = second.join(later, on="transaction").filter(pl.col("copied_at") > pl.col("answered_at"))
    second = second.join(repeated, on="other_offer_row", how="anti").select(
        "_dialog", method="other_method", other_method="method", row="other_answer_row"
    )
    accepted = pl.concat([first, second]).unique(["_dialog", "row"], keep="first", maintain_order=True)
    detail = pl.format(
        "offer of the other side's {} accepted while the own in {} was open; 491 was due", "method", "other_method"
    )
    rows = _breach(accepted, "crossing_offer_accepted", detail, "RFC 3264 §4").drop("standard")
    # The clause of the request that was to be refused.
    clauses = {"INVITE": "RFC 3261 §14.2", "UPDATE": "RFC 3311 §5.2"}
    standard = accepted["method"].cast(pl.String).replace_strict(clauses, default="RFC 3264 §4", return_dtype=pl.String)
    return rows.with_columns(standard.alias("standard")).select(*_FOUND)


def _versions(found: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    """What a side says differs from what it said before, and its ``o=`` is the same."""
    words = ["origin_username", "session_id", "session_version", "origin_address"]
    origins = described.unique("_sdp", keep="first", maintain_order=True).select("_sdp", *words)
    # One number for each: four texts are dear to compare in windows.
    known = origins.select(words).unique(maintain_order=True).with_row_index("origin")
    origins = origins.join(known, on=words, nulls_equal=True, maintain_order="left")
    origins = origins.filter(pl.col("session_version").is_not_null()).select("_sdp", "session_version", "origin")
    offers = found.select("_dialog", "local", row="offer_row", _sdp="offer_sdp")
    answers = found.select("_dialog", ~pl.col("local"), row="answer_row", _sdp="answer_sdp")
    spoken = pl.concat([offers, answers]).filter(pl.col("row").is_not_null(), pl.col("_dialog").is_not_null())
    spoken = spoken.join(origins, on="_sdp", how="left", maintain_order="left").sort("_dialog", "local", "row")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ("_dialog", "local", "origin"))
    unchanged = spoken.filter(same, pl.col("_sdp") != pl.col("_sdp").shift())
    detail = pl.format("another description under the same version {}", "session_version")
    return _breach(unchanged, "version_not_raised", detail, "RFC 3264 §8")


def _dropped_lines(found: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    """A stream ends with port 0; its line stays for ever."""
    counted = _counts(found.filter(pl.col("_dialog").is_not_null()), described)
    agreed = pl.when(pl.col("answer_row").is_not_null()).then("offer_lines").cum_max().shift().over("_dialog")
    counted = counted.with_columns(before=agreed.forward_fill().over("_dialog"))
    fewer = counted.filter(pl.col("offer_lines") < pl.col("before"))
    detail = pl.format("{} m= lines after {}", "offer_lines", "before")
    return _breach(fewer, "media_lines_dropped", detail, "RFC 3264 §8", row="offer_row")
