"""Session descriptions to offers and answers: RFC 3264, and its use in SIP as RFC 6337 table 1 has it.

==========  ===============  ============  ==========================
pattern     offer in         answer in     standard
==========  ===============  ============  ==========================
1           INVITE           2xx           RFC 3261 §13.2.1
2           2xx of INVITE    ACK           RFC 3261 §13.2.1
3           INVITE           reliable 1xx  RFC 3262 §5
4           reliable 1xx     PRACK         RFC 3262 §5
5           PRACK            2xx           RFC 3262 §5
6           UPDATE           2xx           RFC 3311 §5
==========  ===============  ============  ==========================

What a description *is* follows from the message alone and from that to which it belongs, on whatever hop
(`with_roles`). An *exchange* is an offer with its answer in one dialog (of a forked INVITE there is one in each early
dialog), read at the reference hop of the dialog: the hop nearest to its local side. An unreliable 18x may carry a copy
of the answer to come; it is a *preview*, and the answer is that of the first reliable response. Where the 2xx has none,
against §13.2.1, the same clause has the caller take the first description it got: then the preview is what was used.

Rows are numbers into ``messages``; a description is the core's hash ``_sdp`` until its lines are fetched from
``descriptions``.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.methods import method_is
from analyzer.columns.times import sent_at
from analyzer.columns.typed import typed
from analyzer.sip import acknowledgement, reference_hop

# The methods whose descriptions are offers or answers. Any other is null: there they tell capabilities, or nothing.
_METHODS = pl.Enum(["ACK", "INVITE", "PRACK", "UPDATE"])
_LAST = 1 << 40  # above any rank among hops

#: What a direction says, as two bits: send 1, receive 2 (RFC 3264 §5.1).
DIRECTIONS = {"inactive": 0, "sendonly": 1, "recvonly": 2, "sendrecv": 3}


# -- what each description is ------------------------------------------------------------------------------------------


def described(messages: pl.DataFrame, *which: pl.Expr, with_sdp: bool = True) -> pl.DataFrame:
    """The messages with a session description (or those without), duplicates of the capture left out, by their number
    ``row``; with ``which`` those of them for which that holds."""
    return (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("_sdp").is_not_null() == with_sdp, ~pl.col("duplicate"), *which)
        .select(
            "row", "transaction", "_dialog", "_leg", "_sdp", "status", "cseq", "via_count", "rseq", "retransmission",
            method=pl.col("method").cast(_METHODS, strict=False),
            acked=pl.when(pl.col("method") == "PRACK").then(pl.col("rack").str.extract(r"^\s*(\d+)").cast(pl.Int64)),
        )
        .collect()
    )  # fmt: skip


def with_roles(rows: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The rows of :func:`described` with their ``role`` and whether they are a ``preview``."""
    method, status, transaction = pl.col("method"), pl.col("status"), pl.col("transaction")
    request, success = status.is_null(), status.is_between(200, 299)
    to_invite = (method == "INVITE") & status.is_between(101, 299)
    reliable = success | pl.col("rseq").is_not_null()
    offering = rows.filter(method == "INVITE", request)["transaction"].implode()

    later = rows.filter(to_invite, reliable, ~transaction.is_in(offering))
    rows = _with_later_offers(rows, later, transactions)

    answer = (
        (to_invite & transaction.is_in(offering))
        | ((method == "ACK") & request & pl.col("closes_ack"))
        | ((method == "PRACK") & request & pl.col("closes_prack"))
        | (method.is_in(["PRACK", "UPDATE"]) & success)
    ).fill_null(value=False)
    offer = pl.col("opens") | (method.is_in(["INVITE", "PRACK", "UPDATE"]) & request)
    role = pl.when(answer).then(pl.lit("answer")).when(offer).then(pl.lit("offer")).otherwise(pl.lit("unknown"))
    preview = (answer & to_invite & ~reliable).fill_null(value=False)
    return rows.with_columns(role=role, preview=preview).drop("opens", "closes_ack", "closes_prack")


def _with_later_offers(rows: pl.DataFrame, later: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The rows with what concerns INVITEs without an offer: ``opens`` (this response has it), ``closes_ack`` and
    ``closes_prack`` (this request has the answer). ``later`` are the reliable responses to such INVITEs, if any.

    RFC 3261 §13.2.1: the first reliable response has the offer, and every copy of that one.
    """
    flags = ("opens", "closes_ack", "closes_prack")
    if later.is_empty():
        return rows.with_columns(pl.lit(None, dtype=pl.Boolean).alias(flag) for flag in flags)
    success = pl.col("status") >= 200
    seen = transactions.filter(
        pl.col("started_at").is_not_null(), pl.col("transaction").is_in(later["transaction"].implode())
    )["transaction"]
    same = ["transaction", "_dialog", "status", "rseq"]
    opening = (
        later.filter(pl.col("transaction").is_in(seen.implode()))
        .unique(["transaction", "_dialog"], keep="first", maintain_order=True)
        .select(*same, "cseq", opens=pl.lit(value=True))
    )
    rows = rows.join(opening.drop("cseq"), on=same, how="left", nulls_equal=True, maintain_order="left")
    # The hop does not matter here: a dialog has one ACK to its 2xx, and one PRACK to each RSeq, on all of them.
    by_ack = opening.filter(success).select("_dialog", "cseq", closes_ack=pl.lit(value=True)).unique()
    by_prack = opening.filter(~success).select("_dialog", acked="rseq", closes_prack=pl.lit(value=True)).unique()
    rows = rows.join(by_ack, on=["_dialog", "cseq"], how="left", maintain_order="left")
    return rows.join(by_prack, on=["_dialog", "acked"], how="left", maintain_order="left")


def sdp(messages: pl.DataFrame, transactions: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """The ``sdp`` table: the ``descriptions`` of all messages, on all hops, line by line."""
    rows = with_roles(described(messages), transactions)
    rows = rows.with_columns(messages["message"].gather(rows["row"]))
    lines = rows.join(descriptions, on="_sdp", maintain_order="left_right")
    # RFC 3959 §5: an early session has offers and answers of its own.
    ours = ~pl.col("early_session")
    lines = lines.with_columns(
        role=pl.when(ours).then("role").otherwise(pl.lit("unknown")), preview=pl.col("preview") & ours
    )
    return typed(lines, schema.SDP)


# -- offers with their answers -----------------------------------------------------------------------------------------


def spoken(messages: pl.DataFrame, transactions: pl.DataFrame, hops: pl.DataFrame) -> pl.DataFrame:
    """The descriptions at the reference hops, with their roles (:func:`with_roles`).

    ``hops`` as :func:`analyzer.sip.dialogs.with_hops` gives them.
    """
    rows = at_reference(carriers(messages, with_sdp=True), messages, transactions, hops)
    return with_roles(rows, transactions)


def exchanges(rows: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """One row per offer and dialog, in the order of the offers.

    ``rows`` are those of :func:`spoken`. Columns: ``offer_row``, ``answer_row``,
    ``preview_row`` (null where there is none), their ``offer_sdp``, ``answer_sdp`` and ``preview_sdp``, ``pattern``,
    the ``transaction`` that carries the offer, ``_dialog``, ``local``: the side that created the dialog offers, and
    ``crossed``: see :func:`crossings`.
    """
    every = pl.concat([_of_invites(rows), *_of_responses(rows), *_of_requests(rows)])
    known = pl.col("_dialog").is_not_null()
    # Two transactions of one request at the same distance (a node talks to itself): the dialog has one exchange.
    again = known & ~pl.struct("_dialog", "_leg", "cseq", "method").is_first_distinct()
    found = (
        every.sort("offer_row", "answer_row", nulls_last=True)
        .filter(~again)
        .select(
            "offer_row", "answer_row", "preview_row", "offer_sdp", "answer_sdp", "preview_sdp", "pattern",
            "transaction", "_dialog",
            local=pl.col("from_local") == (pl.col("by_request")),
        )
        .collect(engine="in-memory")
    )  # fmt: skip
    both = crossings(found, messages, transactions).filter(pl.col("other_answer_row").is_not_null())
    pairs = both["offer_row"].append(both["other_offer_row"])
    return found.with_columns(crossed=pl.col("offer_row").is_in(pairs.implode()))


def in_use(found: pl.DataFrame, transactions: pl.DataFrame, accepted: pl.Series) -> pl.DataFrame:
    """The :func:`exchanges` with the preview as answer where the 2xx to the INVITE has none (RFC 3261 §13.2.1).

    ``accepted`` are the dialogs (``_dialog``) that a 2xx confirmed: of a forked INVITE those of the other branches have
    agreed on nothing.
    """
    success = transactions.filter(pl.col("method") == "INVITE", pl.col("status").is_between(200, 299))["transaction"]
    open_ = pl.col("answer_row").is_null() & pl.col("preview_row").is_not_null()
    taken = open_ & pl.col("transaction").is_in(success.implode()) & pl.col("_dialog").is_in(accepted.implode())
    return found.with_columns(
        pl.when(taken.fill_null(value=False))
        .then(f"preview_{what}")
        .otherwise(f"answer_{what}")
        .alias(f"answer_{what}")
        for what in ("row", "sdp")
    )


def carriers(messages: pl.DataFrame, *, with_sdp: bool) -> pl.DataFrame:
    """First copies of what may carry offers and answers: with SDP or without."""
    of_offers = method_is(*_METHODS.categories)
    return described(messages, ~pl.col("retransmission"), of_offers, with_sdp=with_sdp)


def at_reference(
    rows: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame, hops: pl.DataFrame
) -> pl.DataFrame:
    """The rows at the reference hop of their dialog, with ``from_local``: whether the request, or that to which a
    response belongs, is one of the dialog's local side.

    A request of the local side has its fewest Vias there. One of the remote side has its most, unless it came between
    the two nodes of the hop: then that is the place. A hop that has only the responses is none where another has the
    request: an answer without its offer tells nothing. Nor is one that has only the request.
    """
    ours = pl.col("_leg").is_in(hops["_leg"].implode()) | pl.col("_dialog").is_null()
    via = pl.col("via_count").fill_null(0)
    rows = rows.with_columns(from_local=ours, rank=via)
    theirs = rows.filter(~pl.col("from_local"))
    if not theirs.is_empty():
        addresses = ("src_ip", "src_port", "dst_ip", "dst_port")
        theirs = theirs.hstack(messages.select(pl.col(addresses).gather(theirs["row"])))
        theirs = theirs.join(hops.select("_dialog", *reference_hop.ENDS), on="_dialog", how="left")
        here = reference_hop.distance() <= 1
        rank = theirs.select("row", rank=reference_hop.depth(pl.col("from_local"), via, here))
        rows = rows.update(rank, on="row", maintain_order="left")
    unasked = transactions.filter(pl.col("outcome") == "orphan")["transaction"]
    silent = acknowledgement.unheard(messages, transactions)
    for halves, last in ((unasked, 2 * _LAST), (silent["transaction"], _LAST)):
        if not halves.is_empty():
            behind = pl.col("transaction").is_in(halves.implode()).fill_null(value=False)
            rows = rows.with_columns(rank=pl.col("rank") + behind.cast(pl.Int64) * last)
    if not silent.is_empty():
        rows = _with_answers_of_others(rows, silent, transactions)
    # One number for what makes a request: the hash of its sender's leg is random, so that the rest may be mixed in.
    request = pl.col("_leg") ^ (pl.col("cseq").fill_null(0) * 8 + pl.col("method").to_physical().cast(pl.Int64))
    with_request = rows.lazy().with_columns(request=request)
    nearest = with_request.with_columns(nearest=pl.col("rank").min().over("request"))
    return nearest.filter(pl.col("rank") == pl.col("nearest")).collect(engine="in-memory")


def _with_answers_of_others(rows: pl.DataFrame, silent: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The rows, where the responses to an INVITE that came nearest to a ``silent`` one are its own, and at its rank:
    they are read where no hop has both."""
    via = transactions.select("transaction", rank=pl.col("via_count").fill_null(0) + _LAST)
    asked = silent.join(via, on="transaction").sort("rank", maintain_order=True)
    asked = asked.unique(["_leg", "cseq"], keep="first", maintain_order=True).rename({"transaction": "asked"})
    others = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_not_null(), ~pl.col("retransmission"))
    others = others.select("row", "transaction", "_leg", "cseq", own="rank").filter(
        ~pl.col("transaction").is_in(asked["asked"].implode())
    )
    nearest = others.join(asked, on=["_leg", "cseq"]).filter(
        pl.col("own") == pl.col("own").min().over("asked"), pl.col("own") > pl.col("rank")
    )
    one = pl.col("transaction").n_unique().over("asked") == 1
    found = nearest.filter(one).select("row", "rank", transaction="asked")
    return rows.update(found, on="row", maintain_order="left") if found.height else rows


_OFFER = ("transaction", "_leg", "cseq", "method", "from_local")


def _exchange(found: pl.LazyFrame, *, by_request: bool) -> pl.LazyFrame:
    kinds = {"offer_row": pl.UInt32, "answer_row": pl.UInt32, "preview_row": pl.UInt32}
    return found.select(
        *(pl.col(name).cast(kind) for name, kind in kinds.items()),
        *("offer_sdp", "answer_sdp", pl.col("preview_sdp").cast(pl.Int64), pl.col("pattern").cast(pl.Int64)),
        *("_dialog", *_OFFER),
        by_request=pl.lit(by_request),
    )


def _of_invites(rows: pl.DataFrame) -> pl.LazyFrame:
    """Patterns 1 and 3: each early dialog of a forked INVITE answers its offer."""
    method, status = pl.col("method"), pl.col("status")
    invites = rows.lazy().filter(method == "INVITE", status.is_null())
    answers = rows.lazy().filter(method == "INVITE", status.is_not_null(), pl.col("role") == "answer")
    reliable = answers.filter(~pl.col("preview")).unique(["transaction", "_dialog"], keep="first", maintain_order=True)
    previews = answers.filter("preview").unique(["transaction", "_dialog"], keep="first", maintain_order=True)
    branch = ["transaction", "_dialog"]
    answered = reliable.select(*branch, "status", answer_row="row", answer_sdp="_sdp").join(
        previews.select(*branch, preview_row="row", preview_sdp="_sdp"),
        on=branch,
        how="full",
        coalesce=True,
        nulls_equal=True,
    )
    found = invites.select(*_OFFER, own="_dialog", offer_row="row", offer_sdp="_sdp").join(
        answered, on="transaction", how="left"
    )
    return _exchange(
        found.with_columns(
            pl.coalesce("_dialog", "own"), pattern=pl.when(status < 200).then(3).otherwise(1)
        ),
        by_request=True,
    )  # fmt: skip


def _of_responses(rows: pl.DataFrame) -> list[pl.LazyFrame]:
    """Patterns 2 and 4: an INVITE without an offer asks for one. Few do."""
    method, status = pl.col("method"), pl.col("status")
    offers = rows.filter(method == "INVITE", status.is_not_null(), pl.col("role") == "offer")
    if offers.is_empty():
        return []
    asking = offers.lazy().select(*_OFFER, "_dialog", "status", "rseq", offer_row="row", offer_sdp="_sdp")
    answers = rows.lazy().filter(status.is_null(), pl.col("role") == "answer")
    in_ack = answers.filter(method == "ACK").unique(["_dialog", "cseq"], keep="first", maintain_order=True)
    in_prack = answers.filter(method == "PRACK").unique(["_dialog", "acked"], keep="first", maintain_order=True)
    taken = {"answer_row": "row", "answer_sdp": "_sdp"}
    ours = [pl.lit(None, dtype=pl.UInt32).alias("preview_row"), pl.lit(None, dtype=pl.Int64).alias("preview_sdp")]
    confirmed = asking.filter(status >= 200).join(
        in_ack.select("_dialog", "cseq", **taken), on=["_dialog", "cseq"], how="left"
    )
    early = asking.filter(status < 200).join(
        in_prack.select("_dialog", rseq="acked", **taken), on=["_dialog", "rseq"], how="left"
    )
    return [
        _exchange(confirmed.with_columns(*ours, pattern=pl.lit(2)), by_request=False),
        _exchange(early.with_columns(*ours, pattern=pl.lit(4)), by_request=False),
    ]


def _of_requests(rows: pl.DataFrame) -> list[pl.LazyFrame]:
    """Patterns 5 and 6: PRACK and UPDATE within a dialog. Few are sent with an offer."""
    method, status = pl.col("method"), pl.col("status")
    within = rows.filter(method.is_in(["PRACK", "UPDATE"]))
    if within.is_empty():
        return []
    offers = within.lazy().filter(status.is_null(), pl.col("role") == "offer")
    answers = within.lazy().filter(pl.col("role") == "answer", status.is_not_null())
    answers = answers.unique("transaction", keep="first", maintain_order=True)
    found = offers.select(*_OFFER, "_dialog", offer_row="row", offer_sdp="_sdp").join(
        answers.select("transaction", answer_row="row", answer_sdp="_sdp"), on="transaction", how="left"
    )
    requests = found.with_columns(
        pl.lit(None, dtype=pl.UInt32).alias("preview_row"),
        pl.lit(None, dtype=pl.Int64).alias("preview_sdp"),
        pattern=pl.when(method == "PRACK").then(5).otherwise(6),
    )
    return [_exchange(requests, by_request=True)]


# -- offers of both sides ----------------------------------------------------------------------------------------------

# An offer that nothing answers or refuses is forgotten when its transaction would be: 64*T1 (RFC 3261 §17.1.2.2), ns.
_FORGOTTEN = 32_000_000_000


def crossings(found: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Pairs of exchanges of one dialog in which a side answered while its own offer was open: ``offer_row`` and
    ``answer_row`` of the exchange that it answered, and of its own ``other_offer_row``, ``other_answer_row`` (null
    where its offer was refused or never answered), ``other_method``, ``other_answered_at`` (ns).

    RFC 3264 §4 lets one offer be open between two sides; of two that crossed, both are to be refused with 491 (RFC 3261
    §14.2, RFC 3311 §5.2). Where both were answered, what the sides then use is not certain (``exchanges.crossed``).

    That the answerer had not yet received the answer to its own offer is certain wherever the two are seen in this
    order: its own messages arrive there late, those to it are seen early.
    """
    known = found.lazy().filter(pl.col("_dialog").is_not_null())
    sides = known.group_by("_dialog").agg(sides=pl.col("local").n_unique())
    mixed = known.join(sides.filter(pl.col("sides") > 1), on="_dialog", how="semi", maintain_order="left")
    offers = with_times(mixed.collect(engine="in-memory"), messages)
    finals = transactions.lazy().filter(pl.col("transaction").is_in(offers["transaction"].implode()))
    finals = finals.select("transaction", "method", final=pl.col("final_at").to_physical())
    timed = offers.lazy().join(finals, on="transaction", how="left", maintain_order="left")
    # The final response of patterns 2 and 4 is, or follows, the offer: it settles nothing.
    refused = pl.when(pl.col("pattern").is_in([1, 3, 5, 6])).then("final")
    own = timed.select(
        "_dialog",
        local=~pl.col("local"),
        other_offer_row="offer_row",
        other_answer_row="answer_row",
        other_method="method",
        other_offered_at="offered_at",
        other_answered_at="answered_at",
        settled=pl.coalesce("answered_at", refused, pl.col("offered_at") + _FORGOTTEN),
    )
    pairs = timed.filter(pl.col("answer_row").is_not_null()).join(
        own, on=["_dialog", "local"], maintain_order="left_right"
    )
    open_ = (pl.col("other_offered_at") < pl.col("answered_at")) & (pl.col("answered_at") < pl.col("settled"))
    return pairs.filter(open_).select(
        "_dialog", "offer_row", "answer_row", "method", "transaction", "offered_at", "answered_at", "^other_.*$"
    ).collect(engine="in-memory")  # fmt: skip


# -- line by line ------------------------------------------------------------------------------------------------------


def bits(column: str) -> pl.Expr:
    """A direction as bits; one whose address is none (RFC 3264 §8.4) does not receive, whatever it says."""
    stated = pl.col(f"{column}_direction").replace_strict(DIRECTIONS, return_dtype=pl.Int64)
    return pl.when(f"{column}__receives").then(stated).otherwise(stated & 1)


def flipped(direction: pl.Expr) -> pl.Expr:
    """The same as the other side sees it."""
    return (direction & 1) * 2 + (direction & 2) // 2


def lines(found: pl.DataFrame, descriptions: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """The exchanges line by line (``index``): columns of both descriptions as ``offer_...`` and ``answer_...``.

    A line of the answer that the offer does not have is left out: there is nothing it could answer.
    """
    ours = descriptions.filter(~pl.col("early_session"))
    found = found.with_row_index("exchange")
    offered = ours.select("index", offer_sdp="_sdp", **{f"offer_{name}": name for name in columns})
    answered = ours.select("index", answer_sdp="_sdp", **{f"answer_{name}": name for name in columns})
    return (
        found.join(offered, on="offer_sdp", maintain_order="left_right")
        .join(answered, on=["answer_sdp", "index"], how="left", maintain_order="left")
        .sort("exchange", "index")
    )


def with_times(found: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The exchanges with ``offered_at`` and ``answered_at`` (ns)."""
    return found.with_columns(
        sent_at(messages, found["offer_row"]).alias("offered_at"),
        sent_at(messages, found["answer_row"]).alias("answered_at"),
    )


def offers(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    dialogs: pl.DataFrame,
    hops: pl.DataFrame,
    found: pl.DataFrame,
    descriptions: pl.DataFrame,
) -> pl.DataFrame:
    """The ``offers`` table without ``call``; ``found`` are the :func:`exchanges` of the same messages."""
    columns = (
        "media",
        "port",
        "direction",
        "_receives",
        "connection",
        "codecs",
        "qos_local",
        "qos_remote",
        "qos_pending",
    )
    confirmed = dialogs.filter(pl.col("confirmed_at").is_not_null())["dialog"]
    accepted = hops.filter(pl.col("dialog").is_in(confirmed.implode()))["_dialog"]
    table = lines(with_times(in_use(found, transactions, accepted), messages), descriptions, *columns)
    table = table.join(hops.select("_dialog", "dialog"), on="_dialog", how="left", maintain_order="left")
    table = table.join(
        transactions.select("transaction", "status", "outcome"), on="transaction", how="left", maintain_order="left"
    ).with_columns(
        messages["message"].gather(table["offer_row"]).alias("offer"),
        messages["message"].gather(table["answer_row"]).alias("answer"),
    )
    over = dialogs.filter(pl.col("end_reason").is_in(["open", "joined"]).not_())["dialog"]
    table = table.with_columns(_state(over).alias("state"))
    local, agreed, answered = pl.col("local"), pl.col("state") == "agreed", pl.col("answer_row").is_not_null()
    by_offerer = flipped(bits("answer")) & bits("offer")
    direction = pl.when(agreed).then(pl.when(local).then(by_offerer).otherwise(flipped(by_offerer)))
    names = {value: name for name, value in DIRECTIONS.items()}

    def of_side(side: pl.Expr, name: str) -> pl.Expr:
        return pl.when(side).then(f"offer_{name}").otherwise(f"answer_{name}")

    def resources(ours: str, theirs: str) -> pl.Expr:
        """Of the side that wrote ``ours`` in the offer; the answer, where there is one, knows better."""
        return pl.when(answered).then(pl.coalesce(f"answer_{theirs}", f"offer_{ours}")).otherwise(f"offer_{ours}")

    offerer, answerer = resources("qos_local", "qos_remote"), resources("qos_remote", "qos_local")
    table = table.with_columns(
        media=pl.col("offer_media"),
        offered_by=pl.when(local).then(pl.lit("local")).otherwise(pl.lit("remote")),
        offered_codecs=pl.col("offer_codecs"),
        codecs=pl.when(agreed).then("answer_codecs"),
        direction=direction.replace_strict(names, return_dtype=pl.String),
        local_connection=of_side(local, "connection"),
        local_port=of_side(local, "port"),
        remote_connection=of_side(~local, "connection"),
        remote_port=of_side(~local, "port"),
        qos_local=pl.when(local).then(offerer).otherwise(answerer),
        qos_remote=pl.when(local).then(answerer).otherwise(offerer),
        qos_pending=pl.coalesce("answer_qos_pending", "offer_qos_pending"),
    )
    return typed(table, schema.OFFERS, without=("call",))


def _state(over: pl.Series) -> pl.Expr:
    """What became of a line of an offer. ``over``: the dialogs that have ended."""
    waits = (pl.col("pattern").is_in([2, 4]) | pl.col("outcome").is_in(["pending", "provisional_only"])) & ~pl.col(
        "dialog"
    ).is_in(over.implode()).fill_null(value=False)
    answered = pl.col("answer_row").is_not_null()
    refused = (pl.col("status") >= 300) & pl.col("pattern").is_in([1, 3, 5, 6])
    return (
        pl.when(answered & pl.col("crossed"))
        .then(pl.lit("uncertain"))
        .when(answered & (pl.col("answer_port") != 0))
        .then(pl.lit("agreed"))
        .when(pl.col("offer_port") == 0)
        .then(pl.lit("removed"))
        .when(answered & (pl.col("answer_port") == 0))
        .then(pl.lit("rejected"))
        .when(~answered & refused)
        .then(pl.lit("rejected"))
        .when(~answered & waits)
        .then(pl.lit("pending"))
        .otherwise(pl.lit("unanswered"))
    )


def agreed_codecs(
    confirmed_branch: pl.DataFrame, found: pl.DataFrame, transactions: pl.DataFrame, descriptions: pl.DataFrame
) -> pl.DataFrame:
    """``call`` and its ``codecs``: of all streams that the last answer in the dialog that ``confirmed_branch`` accepts.

    ``found`` are the :func:`exchanges`. A format that is no codec (the ``*`` of MSRP, RFC 4975 §8) is left out.
    """
    last = (
        in_use(found, transactions, confirmed_branch["_dialog"])
        .lazy()
        .filter(pl.col("answer_sdp").is_not_null(), pl.col("_dialog").is_not_null())
        .unique("_dialog", keep="last", maintain_order=True)
        .select("_dialog", _sdp="answer_sdp")
    )
    of_calls = (
        confirmed_branch.lazy()
        .join(last, on="_dialog")
        .join(
            descriptions.lazy().filter(pl.col("port") > 0, ~pl.col("early_session")).select("_sdp", "codecs"),
            on="_sdp",
            maintain_order="left_right",
        )
        .group_by("call", maintain_order=True)
        .agg(pl.col("codecs").str.join(" "))
        .collect(engine="in-memory")
        .lazy()
    )
    # Few combinations are in use: words are told apart once for each.
    known = of_calls.select("codecs").unique()
    words = known.select("codecs", word=pl.col("codecs").str.split(" ")).explode("word").unique(maintain_order=True)
    words = words.filter(~pl.col("word").is_in(["*", ""])).group_by("codecs").agg(pl.col("word").str.join(" "))
    return of_calls.join(words, on="codecs").select("call", codecs="word").collect(engine="in-memory")
