"""Identities that the senders of a capture broke: mended before anything is grouped by them.

The core groups messages by hashes of what RFC 3261 makes unique: Call-ID, tags, CSeq, and the branch and sent-by of the
top Via. Two things happen in real networks that these hashes alone do not bear:

- A *response with a changed Via*. A client matches by branch and CSeq, and not by sent-by (§17.1.3), and broken proxies
  and application gateways touch Vias on the way. Where a response matches no request, it belongs to the one request of
  the same Call-ID, From tag, CSeq and method that waits on the same pair of addresses. So does one that lost its top
  Via, and has that of the hop before on top. Its ``via_count`` is that of its request: the hop it was sent on; the
  number that it has itself is kept in ``_via_count``.
- An *identity used again* (§8.1.1.4 and §19.3 forbid it). A name ends with what it named: an INVITE without a To tag,
  of a new transaction, after the dialogs and transactions of the same Call-ID, From tag and CSeq are over, opens
  another call (§15, §17.2.3). So does one that a caller sends when it has acknowledged the answer to the one before, if
  it makes a dialog of its own: the end of the first was not captured. So does one of the same branch, as a capture that
  is replayed has it, where its server answers anew. From it on the hashes of the Call-ID are others.

A *Call-ID that was silent for a day* is over too: its dialogs have expired, and what comes later is read as if nothing
had been before it, in a capture of a month as in one of an hour (:data:`MAX_IDLE`).

And what captures do (snap length, lost tail). A *response that was cut* before its CSeq: its branch and its
way are those of the request that it answers (§17.1.3), whose method, CSeq, Call-ID and From tag it has (§8.2.6.2); so
it knows the Call-ID of a request that was cut itself. The same holds for a *CSeq that cannot be read*. A *request that
was cut* before its To: whether it has a To tag, and so whether it opens a dialog or lies within one (§12.2.1.1), its
responses tell, or nobody: then its ``to_tag`` is :data:`UNKNOWN_TAG`. What was cut before its Call-ID and has both tags
is of the dialog with these tags (§19.3).

A *CANCEL with another branch*, CSeq number or tag than its INVITE (§9.1) is marked here, and read as
:mod:`~analyzer.sip.cancels` says; *requests within a dialog whose tags are broken* are read as
:mod:`~analyzer.sip.in_dialog` says.

Each message that was mended says so in ``_mended``, whose values are codes of the table ``problems``.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND, ns
from analyzer.sip import cancels, in_dialog, outcomes

#: The response has another top Via than the request it answers.
VIA_CHANGED = "sip_via_changed"
#: The capture lacks the CSeq of the response: its branch and its way are those of one request.
RESPONSE_CUT = "sip_response_cut"
#: The CANCEL has another branch than the INVITE that its client sent to the same server.
CANCEL_BRANCH_DIFFERS = "sip_cancel_branch_differs"
#: The CANCEL has the branch of an INVITE, and another CSeq number or tag.
CANCEL_DIFFERS = "sip_cancel_differs"
#: The INVITE opens a second call under the Call-ID, From tag and CSeq of one that is over, or whose end was not seen.
IDENTITY_REUSED = "sip_call_identity_reused"

#: The To tag of a request whose To the capture lacks: neither a tag nor none. No sender can write it.
UNKNOWN_TAG = ""

#: What was silent for so long (ns) is over, whatever became of it; what comes later begins anew.
MAX_IDLE = 24 * 3600 * SECOND

_REQUEST = ["_leg", "cseq", "method"]
_NEVER = 1 << 62
_T4 = 5 * SECOND  # RFC 3261 table 4
# A number that no other use shares, so that hashes stay apart; odd, so that it is another for each time of use.
_EPOCH = 0x1E3779B97F4A7C15
_HASH_BITS = (1 << 63) - 1


def mended(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages as the core gives them, in time order, ``transaction``, ``via_count`` and hashes mended; with
    ``_mended`` and ``_via_count``."""
    messages = messages.with_columns(_mended=pl.lit(None, pl.String), _via_count="via_count")
    messages = _with_stray_responses(_with_cut_responses(messages))
    if not messages["complete"].all():
        messages = _with_cut_copies(_with_cut_dialogs(_with_cut_openings(messages)))
    return in_dialog.tied(_with_odd_cancels(_with_epochs(messages)))


def as_captured(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages without what a cut response was given of its request, or a request of its dialog: what the capture
    does not hold is null."""
    cut, tagless = (pl.col("_mended").eq_missing(code) for code in (RESPONSE_CUT, in_dialog.TO_TAG_MISSING))
    known = ~tagless & pl.col("to_tag").ne_missing(UNKNOWN_TAG)
    return messages.with_columns(
        pl.when(~cut).then(pl.col("method", "cseq")), pl.when(known).then("to_tag"), via_count="_via_count"
    )


# -- what was cut ------------------------------------------------------------------------------------------------------


def _with_cut_openings(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages, where requests of which it is not known whether they have a To tag have :data:`UNKNOWN_TAG`.

    An INVITE has none where a response has none, which would have it (§8.2.6.2), or where it was rung (a 101-199).
    """
    without = pl.col("to_uri").is_null() & pl.col("to_tag").is_null()
    unknown = (
        messages.lazy()
        .with_row_index("row")
        .filter(~pl.col("complete"), pl.col("status").is_null(), without)
        .select("row", "transaction", "method")
        .collect()
    )
    if unknown.is_empty():
        return messages
    untagged = pl.col("to_uri").is_not_null() & pl.col("to_tag").is_null()
    opened = messages.filter(
        pl.col("transaction").is_in(unknown["transaction"].drop_nulls().implode()),
        (untagged & pl.col("status").is_not_null()) | pl.col("status").is_between(101, 199),
        pl.col("method") == "INVITE",
    )["transaction"]
    opens = (pl.col("method") == "INVITE") & pl.col("transaction").is_in(opened.implode()).fill_null(value=False)
    rows = unknown.filter(~opens)["row"]
    return messages.with_columns(messages["to_tag"].scatter(rows, UNKNOWN_TAG))


def _with_cut_dialogs(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages, where those that were cut before their Call-ID are in the dialog with their tags.

    A response to an INVITE that was cut before its To is of the one dialog that the INVITE made.
    """
    messages = _with_cut_answers(messages)
    tags = (pl.col("from_tag"), pl.col("to_tag"))
    tagged = pl.all_horizontal(tag.is_not_null() & (tag != UNKNOWN_TAG) for tag in tags)
    pair = ["low", "high"]
    tagged_rows = (
        messages.lazy()
        .with_row_index("row")
        .filter(tagged)
        .select(
            "row", "from_tag", "_call", "_leg", "_dialog", low=pl.min_horizontal(tags), high=pl.max_horizontal(tags),
            cut=~pl.col("complete") & pl.col("_dialog").is_null(),
        )
    )  # fmt: skip
    if tagged_rows.filter("cut").select("row").head(1).collect().is_empty():
        return messages
    seen = tagged_rows.filter(pl.col("cut").any().over(pair)).collect()
    calls = seen.group_by(pair).agg(pl.col("_call").drop_nulls().unique())
    calls = calls.filter(pl.col("_call").list.len() == 1).with_columns(pl.col("_call").list.first())
    legs = seen.drop_nulls("_leg").unique(["_call", "from_tag"], keep="first", maintain_order=True)
    found = (
        seen.filter("cut")
        .drop("_call", "_dialog", "_leg")
        .join(calls, on=pair)
        .join(legs.select("_call", "from_tag", "_leg"), on=["_call", "from_tag"], how="left")
        .join(seen.drop_nulls("_dialog").unique(pair, keep="first").select(*pair, "_dialog"), on=pair, how="left")
    )
    # No message has all of it whole: any number that is the same for all of them.
    made = (pl.struct("_call", *pair).hash() & _HASH_BITS).cast(pl.Int64)
    found = found.with_columns(pl.coalesce("_dialog", made))
    hashes = ("_call", "_leg", "_dialog")
    return messages.with_columns(messages[name].scatter(found["row"], found[name]) for name in hashes)


def _with_cut_responses(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the responses in the transactions they answer where the capture lacks the CSeq of either, or it
    cannot be read."""
    cut = pl.col("cseq").is_null() | pl.col("method").is_null()
    found = pl.col("via_branch").is_not_null() & ~pl.col("duplicate")
    branches = messages.lazy().filter(found, cut).select("via_branch").unique().collect()["via_branch"]
    if branches.is_empty():
        return messages
    near = (
        messages.lazy()
        .with_row_index("row")
        .filter(found, pl.col("via_branch").is_in(branches.implode()))
        .select("row", "via_branch", "src_ip", "dst_ip", "status", "transaction", "method", "cseq", "_call", cut=cut)
        .collect()
    )
    asked = near.filter(pl.col("status").is_null(), pl.col("transaction").is_not_null(), pl.col("method") != "ACK")
    asked = asked.unique("transaction", keep="first", maintain_order=True).rename(
        {"src_ip": "dst_ip", "dst_ip": "src_ip"}
    )
    pairs = near.filter(pl.col("status").is_not_null())
    pairs = pairs.join(asked, on=["via_branch", "src_ip", "dst_ip"], suffix="_asked").filter(
        pl.col("row_asked") < pl.col("row"),
        pl.col("cut") | pl.col("cut_asked"),
        *((pl.col(name) == pl.col(f"{name}_asked")).fill_null(value=True) for name in ("method", "cseq", "_call")),
    )
    # A CANCEL has the branch of its INVITE (§9.1): which of them is answered is not known.
    pairs = pairs.filter(pl.len().over("row") == 1)
    if pairs.is_empty():
        return messages
    messages = _with_requests_named(messages, pairs)
    rows, asked_rows = pairs["row"], pairs["row_asked"]
    given = messages.select(
        pl.col("transaction").gather(asked_rows),
        *(
            pl.coalesce(pl.col(name).gather(way) for way in (rows, asked_rows))
            for name in ("method", "cseq", "_call", "_leg")
        ),
    )
    without = pairs.filter(pl.col("cut") & ~messages["complete"].gather(pairs["row"]))["row"]
    return messages.with_columns(
        *(messages[name].scatter(rows, given[name]) for name in given.columns),
        messages["_mended"].scatter(without, RESPONSE_CUT),
    )


def _with_requests_named(messages: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The messages, where requests that were cut have the Call-ID and From tag that all their responses agree on."""
    names = ["_call", "_leg"]
    known = pairs.select(asked="transaction_asked").hstack(messages.select(pl.col(names).gather(pairs["row"])))
    agreed = known.group_by("asked").agg(
        pl.when(pl.col(name).drop_nulls().n_unique() == 1).then(pl.col(name).drop_nulls().first()) for name in names
    )
    unnamed = (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("transaction").is_in(agreed["asked"].implode()), pl.col("status").is_null())
        .select("row", "transaction", *names)
        .collect()
    )
    unnamed = unnamed.join(agreed, left_on="transaction", right_on="asked", suffix="_agreed")
    return messages.with_columns(
        messages[name].scatter(unnamed["row"], unnamed.select(pl.coalesce(name, f"{name}_agreed")).to_series())
        for name in names
    )


def _with_cut_copies(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages, where one is not sent again that was cut before all that tells it from others (§17.2.3)."""
    cut = ~pl.col("complete") & pl.col("via_branch").is_null() & pl.col("cseq").is_null()
    return messages.with_columns(pl.col("retransmission") & ~cut)


def _with_cut_answers(messages: pl.DataFrame) -> pl.DataFrame:
    lacks = pl.col("to_uri").is_null() & pl.col("to_tag").is_null() & pl.col("_dialog").is_null()
    invite = ["_leg", "cseq"]
    cut = (
        messages.lazy()
        .with_row_index("row")
        .filter(~pl.col("complete"), lacks, pl.col("method") == "INVITE", pl.col("status") > 100)
        .select("row", *invite)
        .drop_nulls()
        .collect()
    )
    if cut.is_empty():
        return messages
    made = (
        messages.filter(
            pl.col("_leg").is_in(cut["_leg"].unique().implode()),
            pl.col("_dialog").is_not_null(),
            ((pl.col("method") == "INVITE") & (pl.col("status") > 100)) | (pl.col("method") == "ACK"),
        )
        .select("_dialog", *invite)
        .unique()
        .unique(invite, keep="none")
    )
    found = cut.join(made, on=invite)
    return messages.with_columns(messages["_dialog"].scatter(found["row"], found["_dialog"]))


# -- responses with another Via ----------------------------------------------------------------------------------------


def _with_stray_responses(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the responses of changed Vias, and the ACKs to them, in the transactions they belong to."""
    response = pl.col("status").is_not_null()
    strays = pl.concat([_legs_of_headless(messages), _legs_of_unanswered(messages)]).unique()
    if strays.is_empty():
        return messages
    near = (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("_leg").is_in(strays.implode()), ~pl.col("duplicate"), pl.col("cseq").is_not_null())
        .select("row", "transaction", "status", "src_ip", "dst_ip", *_REQUEST)
        .collect()
    )
    requests = near.filter(~response & (pl.col("method") != "ACK") & pl.col("transaction").is_not_null())
    answers = near.filter(response)
    back_to = {"src_ip": "dst_ip", "dst_ip": "src_ip"}
    on_way = requests.select("transaction", **back_to, on_way=pl.lit(value=True)).unique()
    silent = requests.filter(~pl.col("transaction").is_in(answers["transaction"].implode()))
    silent = silent.select(*_REQUEST, **back_to, asked_there=pl.lit(value=True)).unique()
    answers = answers.join(on_way, on=["transaction", "src_ip", "dst_ip"], how="left", maintain_order="left")
    answers = answers.join(silent, on=[*_REQUEST, "src_ip", "dst_ip"], how="left", maintain_order="left")
    headless = ~pl.col("transaction").is_in(requests["transaction"].unique().implode())
    # That of another hop on top, and the way of a request that nothing answers.
    astray = headless | (pl.col("on_way").is_null() & pl.col("asked_there").is_not_null())
    answers = answers.with_columns(headless=headless, astray=astray)
    # One that got a final of its own waits for none.
    ended = answers.filter(pl.col("status") >= 200, ~pl.col("astray"))["transaction"].unique()
    waiting = requests.filter(~pl.col("transaction").is_in(ended.implode()))
    waiting = waiting.unique("transaction", keep="first", maintain_order=True)
    waiting = waiting.select(*_REQUEST, came_to="dst_ip", came_from="src_ip", asked_row="row", asked_by="transaction")
    pairs = answers.filter("astray").join(waiting, on=_REQUEST).filter(pl.col("asked_row") < pl.col("row"))
    branches = messages["via_branch"]
    back = (pl.col("src_ip") == pl.col("came_to")) & (pl.col("dst_ip") == pl.col("came_from"))
    same_branch = branches.gather(pairs["row"]) == branches.gather(pairs["asked_row"])
    pairs = pairs.filter(back | (pl.col("headless") & same_branch.fill_null(value=False)))
    pairs = pairs.filter(pl.col("asked_by").n_unique().over("row") == 1)
    if pairs.is_empty():
        return messages
    acks = _acks(near, pairs)
    rows = pl.concat([pairs["row"], acks["row"]])
    # A Via that was cut did not change, nor one of a capture that was read too late to be matched by it.
    there = messages.select(pl.col("complete") | pl.col("via_branch").is_not_null()).to_series()
    changed = pairs.filter(there.gather(pairs["row"]) & _differ(messages, pairs))
    vias = messages["via_count"]
    return messages.with_columns(
        messages["transaction"].scatter(rows, pl.concat([pairs["asked_by"], acks["asked_by"]])),
        vias.scatter(changed["row"], vias.gather(changed["asked_row"])),
        messages["_mended"].scatter(changed["row"], VIA_CHANGED),
    )


def _legs_of_headless(messages: pl.DataFrame) -> pl.Series:
    """The legs with responses whose transactions have no request."""
    response = pl.col("status").is_not_null()
    seen = messages.lazy().filter(pl.col("transaction").is_not_null(), ~pl.col("duplicate"))
    # The key of a transaction is that of its first message: few begin with a response.
    headless = seen.filter(response, pl.col("message") == pl.col("transaction")).select("transaction").collect()
    if headless.is_empty():
        return messages["_leg"].clear()
    of_these = seen.filter(pl.col("transaction").is_in(headless["transaction"].implode()))
    asked = of_these.filter(~response, pl.col("method") != "ACK").select("transaction").unique()
    return of_these.filter(response).join(asked, on="transaction", how="anti").select("_leg").unique().collect()["_leg"]


def _legs_of_unanswered(messages: pl.DataFrame) -> pl.Series:
    """The legs with INVITEs that were sent on with one more Via and that no response answers."""
    request, opens = pl.col("status").is_null(), pl.col("message") == pl.col("transaction")
    asked = messages.lazy().filter(opens, request, pl.col("via_count") > 1, pl.col("method") == "INVITE")
    asked_legs = asked.select("transaction", "_leg").drop_nulls().collect()
    if asked_legs.is_empty():
        return asked_legs["_leg"]
    answered = messages.lazy().filter(~request).select("transaction").collect()["transaction"]
    return asked_legs.filter(~pl.col("transaction").is_in(answered.implode()))["_leg"]


def _differ(messages: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """Whether the top Vias of ``row`` are others than those of ``asked_row``, as far as they are at hand."""
    differ = pl.repeat(value=False, n=pairs.height, eager=True)
    for via in (messages[name] for name in ("via_branch", "via_sent_by") if name in messages.columns):
        differ |= via.gather(pairs["row"]).ne_missing(via.gather(pairs["asked_row"]))
    return differ


def _acks(near: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The ACKs to non-2xx finals among the responses: they belong to the INVITE's transaction (§17.1.1.3)."""
    refused = pairs.filter(pl.col("status") >= 300, pl.col("method") == "INVITE")
    refused = refused.select("_leg", "cseq", "asked_by", "row", src_ip="dst_ip", dst_ip="src_ip")
    acks = near.filter(pl.col("method") == "ACK", pl.col("status").is_null())
    return (
        acks.select("_leg", "cseq", "src_ip", "dst_ip", "row")
        .join(refused, on=["_leg", "cseq", "src_ip", "dst_ip"], suffix="_final")
        .filter(pl.col("row") > pl.col("row_final"))
        .unique("row", keep="first", maintain_order=True)
    )


# -- identities used again ---------------------------------------------------------------------------------------------


def _with_epochs(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with other hashes from each INVITE on that uses the identity of a call that is over, and from each
    message on before which its Call-ID was silent for too long."""
    reused = pl.concat([_openings(messages), _replays(messages)])
    opening = pl.concat([reused, _resumed(messages).select(reused.columns)])
    if opening.is_empty():
        return messages
    opening = opening.unique("row").sort("row").with_columns(epoch=pl.int_range(1, pl.len() + 1).over("_call"))
    later = (
        messages.lazy()
        .with_row_index("row")
        .select("row", "_call")
        .filter(pl.col("_call").is_in(opening["_call"].unique().implode()))
        .collect()
        .join_asof(opening, on="row", by="_call", check_sortedness=False)
        .filter(pl.col("epoch").is_not_null())
    )
    salt = (later["epoch"].cast(pl.Int64) * _EPOCH) & _HASH_BITS
    names = [name for name in ("_call", "_leg", "_dialog") if name in messages.columns]
    anew = _anew(later.select("row", "epoch"), messages)
    return messages.with_columns(
        *(messages[name].scatter(later["row"], messages[name].gather(later["row"]) ^ salt) for name in names),
        messages["_mended"].scatter(reused["row"], IDENTITY_REUSED),
        messages["transaction"].scatter(anew["row"], anew["transaction"]),
        messages["retransmission"].scatter(anew["row"], anew["retransmission"]),
    )


def _resumed(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages (``row _call``) before which there was none of the same Call-ID for :data:`MAX_IDLE`."""
    rows = messages.lazy().with_row_index("row").select("row", "_call", "duplicate", at=ns("time"))
    span = messages["time"].to_physical()
    if span.is_empty() or (span.max() or 0) - (span.min() or 0) < MAX_IDLE:  # type: ignore[operator]
        return rows.select("row", "_call").limit(0).collect()
    # A packet that is captured once more says nothing new, whenever its copy comes.
    ends = pl.col("_call").is_not_null() & pl.col("at").is_not_null() & ~pl.col("duplicate")
    long = rows.filter(ends).filter((pl.col("at").max() - pl.col("at").min()).over("_call") >= MAX_IDLE)
    before = pl.col("at").shift().over("_call")
    return long.filter(pl.col("at") - before >= MAX_IDLE).select("row", "_call").collect()


def _anew(later: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``transaction`` and ``retransmission`` of the messages ``later``, those of an earlier ``epoch`` forgotten."""
    said = ["message", "transaction", "retransmission", "method", "status", "_dialog", "src_ip", "dst_ip", "rseq"]
    rows = later.hstack(messages.select(pl.col(said).gather(later["row"])))
    content = ["epoch", "transaction", "method", "status", "_dialog", "src_ip", "dst_ip", "rseq"]
    return rows.select(
        "row",
        # The key of a transaction is that of its first message.
        transaction=pl.when(pl.col("transaction").is_not_null()).then(
            pl.col("message").first().over("epoch", "transaction")
        ),
        retransmission=pl.col("retransmission") & ~pl.struct(content).is_first_distinct(),
    )


def _openings(messages: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs that use an identity again: ``row`` and ``_call``.

    Where only the INVITEs of proxies were captured, another branch after a refusal is a fork of the same request, and
    after an answer none.
    """
    same = "request"
    invites = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("method") == "INVITE",
            pl.col("status").is_null() & pl.col("to_tag").is_null(),
            ~pl.col("duplicate") & ~pl.col("retransmission"),
            pl.col("_call").is_not_null() & pl.col("transaction").is_not_null(),
        )
        .select(
            "row", "_call", "transaction", "src_ip", pl.col("via_count").fill_null(0), at=ns("first_byte_at"),
            request=pl.col("_leg") ^ pl.col("cseq").fill_null(0),
        )
        .collect()
    )  # fmt: skip
    invites = invites.filter(pl.col(same).is_duplicated())
    invites = invites.filter(pl.col("via_count") == pl.col("via_count").min().over(same))
    invites = invites.unique("transaction", keep="first", maintain_order=True).filter(pl.col(same).is_duplicated())
    if invites.is_empty():
        return invites.select("row", "_call")
    found = invites.join(_overs(messages, invites), on="transaction", how="left", maintain_order="left")
    found = found.sort(same, "row").with_columns(
        all_over=pl.col("over").fill_null(_NEVER).cum_max().shift().over(same),
        last_status=pl.col("status").shift().over(same),
        last_at=pl.col("over_at").shift().over(same),
    )
    another = (pl.col("last_status") < 300) | (
        (pl.col("via_count") == 1)
        & ~pl.col("last_status").is_in(outcomes.RETRY_CAUSES)
        & (pl.col("at") - pl.col("last_at") > outcomes.RETRY_AT_ONCE)
    )
    over = (pl.col("all_over") < pl.col("row")).fill_null(value=False) & another
    settled = found["row"].is_in(_after_answers(found, messages).implode())
    return found.filter(over | settled).select("row", "_call")


def _after_answers(found: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """The INVITEs (``row``) that a caller sent when it had acknowledged the answers to those before, and that made
    dialogs of their own: the end of the first call was not captured.

    ``found`` are sorted by ``request``. Forks and another server are tried before the answer (§13.2.2.4, RFC 3263).
    """
    asked = found.select("row", "request", "transaction", "src_ip", "via_count")
    asked = asked.with_columns(
        first=pl.col("request").ne_missing(pl.col("request").shift()),
        same_client=(pl.col("src_ip") == pl.col("src_ip").shift()) & (pl.col("via_count") == 1),
    )
    if not asked.select((~pl.col("first") & pl.col("same_client")).any()).item():
        return found["row"].clear()
    theirs = (
        messages.lazy()
        .with_row_index("place")
        .filter(pl.col("_call").is_in(found["_call"].unique().implode()), ~pl.col("duplicate"))
        .filter((pl.col("method") == "ACK") | ((pl.col("method") == "INVITE") & (pl.col("status") > 100)))
        .select("place", "transaction", "method", "status", "_dialog")
        .collect()
    )
    made = theirs.filter(pl.col("method") == "INVITE", pl.col("_dialog").is_not_null())
    own = made.select("transaction", "_dialog").unique().filter(pl.col("_dialog").is_unique())["transaction"]
    to_2xx = theirs.filter(pl.col("method") == "ACK", pl.col("transaction").is_null())
    answers = made.filter(pl.col("status").is_between(200, 299)).select("transaction", "_dialog").unique()
    acks = answers.join(to_2xx.select("_dialog", "place"), on="_dialog", how="left")
    acks = acks.group_by("transaction").agg(
        acked=pl.when(pl.col("place").null_count() == 0).then(pl.col("place").max())
    )
    asked = asked.join(acks, on="transaction", how="left", maintain_order="left").with_columns(
        settled=pl.col("acked").fill_null(_NEVER).cum_max().shift().over("request")
    )
    again = ~pl.col("first") & pl.col("same_client") & (pl.col("settled") < pl.col("row"))
    return asked.filter(again, pl.col("transaction").is_in(own.implode()))["row"]


def _overs(messages: pl.DataFrame, invites: pl.DataFrame) -> pl.DataFrame:
    """When the transactions of these INVITEs, and the dialogs that they made, were over: ``over`` as a row, ``over_at``
    (ns), and the ``status`` that decided; null while they are not."""
    rows = (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("_call").is_in(invites["_call"].unique().implode()), ~pl.col("duplicate"))
        .select("row", "transaction", "method", "status", "_dialog", at=ns("time"))
        .collect()
    )
    finals = rows.filter(
        pl.col("method") == "INVITE",
        pl.col("status") >= 200,
        pl.col("transaction").is_in(invites["transaction"].implode()),
    )
    refused = finals.filter(pl.col("status") >= 300).group_by("transaction").agg(pl.col("row", "at", "status").last())
    byes = rows.filter(pl.col("method") == "BYE").group_by("_dialog").agg(bye="row", bye_at="at")
    answered = (
        finals.filter(pl.col("status") < 300)
        .group_by("transaction", "_dialog", maintain_order=True)
        .agg(pl.col("row", "status").first())
        .join(byes, on="_dialog", how="left")
        .explode("bye", "bye_at")
        .with_columns(pl.when(pl.col("bye") > pl.col("row")).then(pl.col("bye", "bye_at")))
        .group_by("transaction", "_dialog")
        .agg(pl.col("bye", "bye_at").min(), pl.col("status").first())
        .group_by("transaction")
        .agg(
            row=pl.when(pl.col("bye").null_count() == 0).then(pl.col("bye").max()),
            at=pl.col("bye_at").max(),
            status=pl.col("status").first(),
        )
    )
    refused = refused.filter(~pl.col("transaction").is_in(answered["transaction"].implode()))
    return pl.concat([answered.select(refused.columns), refused]).select(
        "transaction", "status", over="row", over_at="at"
    )


def _replays(messages: pl.DataFrame) -> pl.DataFrame:
    """The INVITEs that open another call with the very branch of one that is over: ``row`` and ``_call``.

    A copy within the call is one sent again. It is none where a BYE has ended every dialog that was made, or T4 has
    passed since the ACK to a refusal (Timer I, §17.2.1), and the server answers it anew.
    """
    request, response = pl.col("status").is_null(), pl.col("status").is_not_null()
    seen = messages.lazy().with_row_index("row").filter(~pl.col("duplicate"), pl.col("transaction").is_not_null())
    copies = (
        seen.filter(pl.col("method") == "INVITE", request, pl.col("to_tag").is_null(), pl.col("_call").is_not_null())
        .select(
            "row", "_call", "transaction", pl.col("via_count").fill_null(0), at=ns("first_byte_at"),
            request=pl.col("_leg") ^ pl.col("cseq").fill_null(0),
        )
        .filter(pl.col("transaction").is_duplicated())
        .filter(pl.col("via_count") == pl.col("via_count").min().over("request"))
        .sort("row")
        .with_columns(before=pl.col("row").shift().over("transaction"))
        .filter(pl.col("before").is_not_null())
        .collect()
    )  # fmt: skip
    finals = seen.filter(
        pl.col("method") == "INVITE",
        pl.col("status") >= 200,
        pl.col("transaction").is_in(copies["transaction"].implode()),
    )
    final = finals.group_by("transaction").agg(final=pl.col("row").min()).collect()
    copies = copies.join(final, on="transaction", maintain_order="left").filter(pl.col("final") < pl.col("row"))
    if copies.is_empty():
        return copies.select("row", "_call")
    theirs = (
        messages.lazy()
        .with_row_index("place")
        .filter(pl.col("_call").is_in(copies["_call"].unique().implode()), ~pl.col("duplicate"))
        .select("place", "_call", "transaction", "method", "status", "_dialog", place_at=ns("time"))
        .collect()
    )
    invite, success = pl.col("method") == "INVITE", pl.col("status").is_between(200, 299)
    answers, place = theirs.filter(invite & response), pl.col("place")
    of_transactions = answers.group_by("transaction").agg(
        place.max().alias("last_answer"),
        first_success=place.filter(success).min(),
        first_refusal=place.filter(pl.col("status") >= 300).min(),
    )
    copies = copies.join(of_transactions, on="transaction").filter(pl.col("last_answer") > pl.col("row"))
    answered = (pl.col("first_success") < pl.col("row")).fill_null(value=False)
    found = pl.concat([_after_byes(copies.filter(answered), theirs), _after_acks(copies.filter(~answered), theirs)])
    # Of several copies after the end the first opens the call.
    return copies.join(found, on="row", how="semi", maintain_order="left").select("row", "_call")


def _after_byes(copies: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """The copies (``row``) before which, and after the copy ``before``, a BYE ended the last of the dialogs made."""
    byes = theirs.filter(pl.col("method") == "BYE", pl.col("status").is_null()).sort("place")
    byes = byes.select("_call", "_dialog", bye="place")
    soonest = copies.sort("before").join_asof(
        byes.select("_call", "bye"), left_on="before", right_on="bye", by="_call", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    soonest = soonest.filter(pl.col("bye") < pl.col("row")).select("row", "before", "transaction")
    made = theirs.filter(pl.col("method") == "INVITE", pl.col("status").is_between(200, 299)).sort("place")
    made = made.select("transaction", "_dialog", made="place")
    of_dialogs = soonest.join(made.select("transaction", "_dialog").unique(), on="transaction").sort("row")
    of_dialogs = of_dialogs.join_asof(
        made, left_on="row", right_on="made", by=["transaction", "_dialog"], check_sortedness=False
    )
    of_dialogs = of_dialogs.filter(pl.col("made").is_not_null() | pl.col("_dialog").is_null())
    of_dialogs = of_dialogs.join_asof(
        byes.select("_dialog", "bye"), left_on="row", right_on="bye", by="_dialog", check_sortedness=False
    )
    ended = (pl.col("bye") >= pl.col("made")).fill_null(value=False)
    over = of_dialogs.group_by("row").agg(ended.all(), over=pl.col("bye").max(), before=pl.col("before").first())
    return over.filter(pl.col("bye") & (pl.col("over") > pl.col("before"))).select("row")


def _after_acks(copies: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """The copies (``row``) more than T4 before which, and after the copy ``before``, an ACK to a refusal came."""
    acks = theirs.filter(pl.col("method") == "ACK").sort("place").select("transaction", ack="place", ack_at="place_at")
    since = pl.max_horizontal("before", "first_refusal")
    refused = copies.filter(pl.col("first_refusal") < pl.col("row")).with_columns(since=since).sort("since")
    refused = refused.join_asof(
        acks, left_on="since", right_on="ack", by="transaction", strategy="forward", check_sortedness=False
    )
    return refused.filter(pl.col("ack") < pl.col("row"), pl.col("at") - pl.col("ack_at") > _T4).select("row")


# -- CANCELs with another branch --------------------------------------------------------------------------------------


def _with_odd_cancels(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with a mark at each CANCEL that has another branch, CSeq number or tag than its INVITE (§9.1)."""
    said = ["row", "transaction", "_call", "cseq", "via_branch", "src_ip", "dst_ip"]
    request = pl.col("status").is_null() & ~pl.col("duplicate") & ~pl.col("retransmission")
    seen = messages.lazy().with_row_index("row")
    sent = seen.filter(pl.col("method") == "CANCEL", request).select(said).collect()
    if sent.is_empty():
        return messages
    theirs = pl.col("_call").is_in(sent["_call"].implode()), pl.col("method") == "INVITE"
    invites = seen.filter(*theirs, request).unique("transaction", keep="first").select(said).collect()
    names = {"via_branch": "branch", "src_ip": "client_ip", "dst_ip": "server_ip"}
    found = cancels.pairs(sent.rename(names), invites.drop("row").rename(names), "_call")
    rows = sent.select("row", "transaction").join(found, on="transaction")
    rows = rows.join(invites.select(invite="transaction", of="row"), on="invite")

    def differs(*columns: str) -> pl.Series:
        pairs = zip(*(messages.select(pl.col(columns).gather(rows[place])) for place in ("row", "of")), strict=True)
        return (
            pl.DataFrame([one.ne_missing(other).alias(one.name) for one, other in pairs])
            .select(pl.any_horizontal(pl.all()))
            .to_series()
        )

    marks = rows.select(
        "row",
        code=pl.when(differs("via_branch"))
        .then(pl.lit(CANCEL_BRANCH_DIFFERS))
        .when(differs("cseq", "from_tag", "to_tag"))
        .then(pl.lit(CANCEL_DIFFERS)),
    ).drop_nulls("code")
    return messages.with_columns(messages["_mended"].scatter(marks["row"], marks["code"])) if marks.height else messages


# -- what was mended ---------------------------------------------------------------------------------------------------

_DETAIL = {
    RESPONSE_CUT: "the capture ends before the CSeq; it is read as the response to the request of its branch",
    VIA_CHANGED: "the response matches no request by branch; it is read as that to the one request that waits",
    CANCEL_BRANCH_DIFFERS: "the branch is that of no INVITE; it is read as the CANCEL of the one to the same server",
    CANCEL_DIFFERS: "its CSeq number or a tag is not that of the INVITE of its branch; it is read as its CANCEL",
    in_dialog.TO_TAG_MISSING: "the request lacks a To tag; it is read as of the one dialog that it can belong to",
    in_dialog.DIALOG_TAG_WRONG: "the tags are not those of its sender; its dialog and sender are told by its way",
    IDENTITY_REUSED: "the call of this Call-ID, From tag and CSeq is over, or was acknowledged and its end was not "
    "captured; it is read as another call",
}


def odd_messages(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages that were mended: ``row code detail``."""
    odd = messages.select(code="_mended").with_row_index("row").drop_nulls("code")
    return odd.with_columns(detail=pl.col("code").replace(_DETAIL))
