"""Requests within a dialog: which dialog a damaged one belongs to, and which of them show that a dialog lives.

A request that should have ended a dialog, or a response, is a sign and no more (RFC 5057 §5 says what its sender should
do, not what it did): where a later request of the same dialog is accepted, the dialog had not ended.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.hashed import is_one_of
from analyzer.columns.methods import method_is
from analyzer.columns.times import SECOND, ns

#: Requests that are sent within the dialog of an INVITE (RFC 3261, 3262, 3311, 6086). The same method without a To tag
#: is never a request outside of one, as a REFER or an INFO to a stranger could be.
OF_INVITE = ["ACK", "BYE", "PRACK", "UPDATE", "INFO"]
# Requests that open a dialog, or are sent within that of an INVITE.
_MAY_OPEN = ["INVITE", "REFER"]
#: Requests that speak of the usage of an INVITE, and of that of a subscription (RFC 5057 §5.1).
OF_SUBSCRIPTION = ["SUBSCRIBE", "NOTIFY", "REFER"]

#: Final responses to a request within a dialog that end it, or its usage (RFC 5057 §5.1; RFC 3261 §12.2.1.2 for 408).
#: 405, 489 and 501 are not among them: they speak of a method or an event package, and sessions go on after them.
ENDS_DIALOG = [404, 410, 416, 482, 483, 484, 485, 502, 604]
ENDS_USAGE = [408, 480, 481]
# A user agent that clears away a dialog that was gone asks nobody.
_AT_ONCE = 2 * SECOND

#: The request within a dialog has no To tag.
TO_TAG_MISSING = "sip_to_tag_missing"
#: The request within a dialog has a tag that is not the dialog's, or has its tags in the order of the other side.
DIALOG_TAG_WRONG = "sip_dialog_tag_wrong"

_SOCKETS = ["src_ip", "src_port", "dst_ip", "dst_port"]
_OTHER = 0x2A6D_57C3_91E8_0B75  # a number that no leg shares with the dialog it is of


def tied(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the dialog and the sender of requests whose tags are broken, as far as these are beyond doubt.

    A request within a dialog has its two tags, that of its sender as From tag (RFC 3261 §12.2.1.1). What lacks that is
    read as what its peers took it for: ``_dialog`` and ``_leg`` are those of the dialog and of the side that sent it,
    an absent ``to_tag`` is that of the other side. Responses, and ACKs to refusals, go with their request. ``_mended``
    says of which requests.
    """
    messages = _with_tagless(messages)
    made = _made(messages)
    unbroken = _with_broken(messages, made)
    return _with_senders(unbroken, made if unbroken is messages else _made(unbroken))


def _with_dialogs(found: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the requests ``found`` in their dialogs: ``row transaction tied``, ``given``, their To tag."""
    if found.is_empty():
        return messages
    others = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("transaction").is_in(found["transaction"].drop_nulls().implode()),
            pl.col("status").is_not_null() | (pl.col("method") == "ACK"),
        )
        .select("row", "transaction")
        .join(found.lazy().select("transaction", "tied").unique("transaction", keep="first"), on="transaction")
        .select("row", "tied")
        .collect()
    )
    rows = pl.concat([found.select("row", "tied"), others]).unique("row", keep="first")
    lacking = found.filter(messages["to_tag"].gather(found["row"]).is_null())
    wrong = found.filter(~pl.col("row").is_in(lacking["row"].implode()))
    return messages.with_columns(
        messages["_dialog"].scatter(rows["row"], rows["tied"]),
        messages["to_tag"].scatter(lacking["row"], lacking["given"]),
        messages["_mended"].scatter(lacking["row"], TO_TAG_MISSING).scatter(wrong["row"], DIALOG_TAG_WRONG),
    )


# -- a To tag that is missing where another call could begin -----------------------------------------------------------


def _with_tagless(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the re-INVITEs and REFERs that lack their To tag in the dialog that stands.

    Without a To tag they ask for a new dialog (RFC 3261 §12.1.1), and where the peer made one, that is what they did.
    Where it answered with the tag that it has in the dialog, it took them for requests within (§12.2.2); so it is where
    no dialog came of them, which were sent in a dialog that stood, with its tag, its next CSeq, and to its peer.
    """
    status, method, row = pl.col("status"), pl.col("method"), pl.col("row")
    rows = messages.lazy().with_row_index("row").filter(pl.col("_call").is_not_null())
    success = rows.filter(method == "INVITE", status.is_between(200, 299), pl.col("_dialog").is_not_null())
    late = (
        rows.filter(status.is_null(), method_is(*_MAY_OPEN), pl.col("to_tag").is_null())
        .filter(pl.col("transaction").is_not_null() & pl.col("from_tag").is_not_null())
        .select("row", "_call", "_leg", "method", "cseq", "transaction", "from_tag", "to_uri", "src_ip", "dst_ip")
        .join(success.group_by("_call").agg(answered=row.min()), on="_call")
        .filter(row > pl.col("answered"))
        .collect()
    )
    if late.is_empty():
        return messages
    ours = rows.filter(pl.col("_call").is_in(late["_call"].unique().implode()))
    said = ours.filter(method == "INVITE", status.is_between(200, 299), pl.col("_dialog").is_not_null())
    made = (
        said.group_by("_call", "_dialog", maintain_order=True)
        .agg(pl.col("from_tag", "to_tag", "from_uri", "to_uri", "cseq", "transaction").first(), confirmed=row.min())
        .collect()
    )
    passed = said.join(made.lazy().select("_dialog", "cseq"), on=["_dialog", "cseq"], how="semi")
    there = passed.select("_dialog", src_ip="dst_ip", dst_ip="src_ip", there=pl.lit(value=True)).unique().collect()
    back = there.select("_dialog", src_ip="dst_ip", dst_ip="src_ip", back="there")
    byes = ours.filter(method == "BYE", status.is_null()).select("_call", "_dialog", bye="row").collect()
    # A BYE of no dialog that is known, with broken tags itself, may have ended any.
    of_any = byes.join(made, on="_dialog", how="anti").select("_call", "bye")
    byes = byes.select("_dialog", "bye").drop_nulls()
    ends = pl.concat([byes, made.select("_call", "_dialog").join(of_any, on="_call").select("_dialog", "bye")])

    one = ["_leg", "method", "cseq"]
    caller = pl.col("from_tag") == pl.col("from_tag_made")
    other = pl.when(caller).then("to_tag").otherwise("from_tag_made")
    way = ["_dialog", "src_ip", "dst_ip"]
    pairs = (
        late.join(made, on="_call", suffix="_made", maintain_order="left")
        .filter(caller | (pl.col("from_tag") == pl.col("to_tag")), pl.col("confirmed") < row)
        .join(there, on=way, how="left", maintain_order="left")
        .join(back, on=way, how="left", maintain_order="left")
        .with_columns(pl.col("there", "back").fill_null(value=False))
        .filter(pl.col("there") | pl.col("back"))
        # Of the side that opened the dialog its INVITE has the CSeq, but for one that the other side sent in its name.
        .filter(~caller | (pl.col("cseq") > pl.col("cseq_made")) | (pl.col("back") & ~pl.col("there")))
        .filter(pl.col("transaction") != pl.col("transaction_made"))
        .with_columns(
            given=other, to_peer=pl.col("to_uri") == pl.when(caller).then("to_uri_made").otherwise("from_uri")
        )
    )
    over = pairs.select("row", "_dialog").join(ends, on="_dialog").filter(pl.col("bye") < row)
    pairs = pairs.join(over, on=["row", "_dialog"], how="anti", maintain_order="left")
    answers = (
        ours.filter(status > 100, pl.col("transaction").is_in(late["transaction"].unique().implode()))
        .select("transaction", "status", answered_by="to_tag")
        .unique()
        .collect()
    )
    answers = (
        late.select("transaction", *one).unique().join(answers, on="transaction").select(*one, "status", "answered_by")
    )
    tags = answers.group_by(one).agg(pl.col("answered_by").unique(), opened=pl.col("status").is_between(101, 299).any())
    pairs = pairs.join(tags, on=one, how="left", maintain_order="left").with_columns(
        of_peer=pl.col("answered_by").list.contains(pl.col("given")).fill_null(value=False)
    )
    elsewhere = pairs.filter(pl.col("opened") & ~pl.col("of_peer").any().over(one))["_leg"].unique()
    doubted = ~pl.col("to_peer").fill_null(value=False) | pl.col("_leg").is_in(elsewhere.implode())
    pairs = pairs.filter(pl.col("of_peer") | (~pl.col("of_peer").any().over(one) & ~doubted))
    pairs = pairs.filter(pl.col("_dialog").n_unique().over(one) == 1)
    which = pairs.select(*one, "given", tied="_dialog").unique(one, keep="first", maintain_order=True)
    return _with_dialogs(late.join(which, on=one).select("row", "transaction", "tied", "given"), messages)


# -- tags that are those of no dialog ----------------------------------------------------------------------------------


def _with_broken(messages: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """The messages with the ``_dialog`` of requests whose tags are those of none, where only one is in question.

    ``made`` as of :func:`_made`.

    One that lacks a tag, or has one that nobody gave, belongs to the dialog of its Call-ID whose side its From tag is,
    or whose other side its To tag; an ACK to the dialog whose 2xx has its CSeq number, too. Of several dialogs none is
    chosen. A tag that is there and wrong needs a peer that took the request for its own: a 2xx.
    """
    request, method = pl.col("status").is_null(), pl.col("method")
    # ``_call`` and ``_dialog`` are hashes: only what is broken is looked at as text.
    to_2xx = (method != "ACK") | pl.col("transaction").is_null()
    within = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            request,
            method_is(*OF_INVITE) | (method_is(*_MAY_OPEN) & pl.col("to_tag").is_not_null()),
            to_2xx,
            pl.col("_call").is_not_null(),
        )
        .select("row", "_call", "_dialog", ack=method == "ACK")
        .collect()
    )
    in_one = pl.col("_dialog").is_in(made["_dialog"].implode()).fill_null(value=False)
    broken = within.filter(~in_one)
    broken = broken.filter(pl.col("_call").is_in(made["_call"].implode())).select("row", "ack")
    if broken.is_empty():
        return messages
    # An ACK goes with the 2xx that it answers: that of a re-INVITE with broken tags is of its dialog by now.
    for ack in (False, True):
        of_kind = broken.filter(pl.col("ack") == ack)["row"]
        if not of_kind.is_empty():
            messages = _with_dialogs(_of_broken(of_kind, messages), messages)
    return messages


def _made(messages: pl.DataFrame) -> pl.DataFrame:
    """The responses that make dialogs of INVITEs: ``_call _leg _dialog cseq duplicate``, and from where to where they
    went.

    Those to a request with a To tag make none (RFC 3261 §12.1).
    """
    invites = messages.lazy().filter(pl.col("method") == "INVITE")
    within = invites.filter(pl.col("status").is_null(), pl.col("to_tag").is_not_null()).select("transaction").collect()
    of_within = pl.col("transaction").is_in(within["transaction"].drop_nulls().implode()).fill_null(value=False)
    responses = invites.filter(pl.col("status").is_between(101, 299), pl.col("_dialog").is_not_null())
    told = responses.select("transaction", "_call", "_leg", "_dialog", "cseq", "duplicate", *_SOCKETS).collect()
    return told.filter(~of_within).drop("transaction")


def _of_broken(broken: pl.Series, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``row`` of each of these that belongs to one dialog, its ``transaction``, the dialog ``tied``, and ``given``,
    the To tag that it has there."""
    facts = ("_call", "transaction", "method", "cseq", "from_tag", "to_tag", "_dialog")
    requests = messages.select(pl.col(facts).gather(broken)).with_columns(row=broken)
    accepted = messages.filter(
        pl.col("transaction").is_in(requests["transaction"].drop_nulls().implode()),
        pl.col("status").is_between(200, 299),
    )["transaction"]
    calls = requests["_call"].unique().implode()
    responses = (
        messages.lazy()
        .with_row_index("since")
        .filter(
            pl.col("_call").is_in(calls),
            pl.col("method") == "INVITE",
            pl.col("status").is_between(101, 299),
            pl.col("_dialog").is_not_null(),
        )
    )
    dialogs = (
        responses.filter(pl.col("_dialog").is_in(_made(messages)["_dialog"].implode()))
        .group_by("_call", "cseq", tied="_dialog")
        .agg(
            # The caller's and the callee's, in either order: a re-INVITE may come from the other side.
            pl.col("from_tag", "to_tag").first(),
            since=pl.col("since").min(),
            confirmed=pl.when(pl.col("status") >= 200).then("since").min(),
        )
        .collect()
    )
    ack, cseq = pl.col("method") == "ACK", pl.col("cseq") == pl.col("cseq_made")
    ours, theirs = pl.col("from_tag"), pl.col("to_tag")
    made_by, made_with = pl.col("from_tag_made"), pl.col("to_tag_made")
    # The side whose tags they are; a tag alone names it as well as both, and From goes before To.
    opener = (ours == made_by).fill_null(value=False)
    other = ((ours == made_with) & ~ack).fill_null(value=False)
    opener_by_to = (theirs == made_with).fill_null(value=False)
    other_by_to = ((theirs == made_by) & ~ack).fill_null(value=False)
    missing = ours.is_null() | theirs.is_null()
    candidates = (
        requests.join(dialogs, on="_call", suffix="_made")
        .filter(
            pl.when(ack).then(cseq & (pl.col("confirmed") < pl.col("row"))).otherwise(pl.col("since") < pl.col("row")),
            opener | other | opener_by_to | other_by_to,
            missing | ack | pl.col("transaction").is_in(accepted.implode()),
        )
        .with_columns(given=pl.when(opener | (opener_by_to & ~other)).then(made_with).otherwise(made_by))
        .unique(["row", "tied"], keep="first", maintain_order=True)
    )
    # What a 2xx confirmed has outlived its early rivals (RFC 3261 §13.2.2.4).
    confirmed = (pl.col("confirmed") < pl.col("row")).fill_null(value=False)
    candidates = candidates.filter(confirmed | ~confirmed.any().over("row"))
    return candidates.filter(pl.len().over("row") == 1).select("row", "transaction", "tied", "given")


# -- tags in the order of the other side -------------------------------------------------------------------------------


def _with_senders(messages: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """The messages with the ``_leg`` of the side that sent them, where that is not whose tag their From tag is.

    ``made`` as of :func:`_made`.

    A request within a dialog came from the side of the caller, if it went where the INVITE went, and from the other, if
    it came back from there; nothing is known where the INVITE passed between two nodes in both directions, or went the
    way of its own response, as in captures that were made of a log without directions.
    """
    ips, sockets = _SOCKETS[::2], _SOCKETS
    seen = made.filter(~pl.col("duplicate"))
    first = seen.unique("_dialog", keep="first", maintain_order=True).drop_nulls(["_leg", "cseq"])
    opening = seen.filter(is_one_of(first, "_dialog", "_leg", "cseq"))
    requests = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("status").is_null() & pl.col("to_tag").is_not_null(),
            pl.col("_dialog").is_not_null() & (pl.col("method") != "CANCEL"),
            (pl.col("method") != "ACK") | pl.col("transaction").is_null(),
        )
        .select("row", "_dialog", "_leg", "transaction", *sockets)
        .collect()
    )
    # A request of the opener that came the way of the responses, or one of another that went the way of the INVITE. Few
    # are left to be compared as text.
    there = opening.select("_dialog", src_ip="dst_ip", src_port="dst_port", dst_ip="src_ip", dst_port="src_port")
    of_other = ~is_one_of(first, "_dialog", "_leg") & is_one_of(there, "_dialog", *ips)
    like_swapped = requests.filter(is_one_of(opening, "_dialog", "_leg", *ips) | of_other)
    if not like_swapped.is_empty():
        invites = messages.filter(
            pl.col("method") == "INVITE",
            pl.col("status").is_null() & pl.col("to_tag").is_null(),
            pl.col("_leg").is_in(first["_leg"].implode()),
        )
        of_no_way = opening.filter(is_one_of(invites, "_leg", "cseq", *ips))["_dialog"]
        like_swapped = like_swapped.filter(~pl.col("_dialog").is_in(of_no_way.implode()))
    if like_swapped.is_empty():
        return messages
    first = first.select("_dialog", of_opener="_leg")
    back = opening.select(there.columns)
    ways = pl.concat([there.with_columns(opener=pl.lit(value=True)), back.with_columns(opener=pl.lit(value=False))])
    # ``opener`` is here whose they would be by their way, were their tags wrong.
    requests, like_swapped = (
        rows.join(first, on="_dialog").with_columns(opener=pl.col("_leg") != pl.col("of_opener"))
        for rows in (requests, like_swapped)
    )
    swapped = like_swapped.sort("row").join(ways, on=["_dialog", "opener", *ips], how="semi", maintain_order="left")
    if swapped.is_empty():
        return messages
    by_socket = swapped.join(ways, on=["_dialog", "opener", *sockets], how="semi")["row"]
    ways = ways.with_columns(~pl.col("opener"))
    right, right_by_socket = (
        swapped.join(ways, on=["_dialog", "opener", *names], how="semi")["row"] for names in (ips, sockets)
    )
    row = pl.col("row")
    doubted = row.is_in(right.implode()) & (~row.is_in(by_socket.implode()) | row.is_in(right_by_socket.implode()))
    swapped = swapped.filter(~doubted)
    if swapped.is_empty():
        return messages
    others = requests.filter(pl.col("opener") & ~row.is_in(swapped["row"].implode()))
    others = others.sort("row").select("_dialog", of_other="_leg").unique("_dialog", keep="first", maintain_order=True)
    swapped = swapped.join(others, on="_dialog", how="left", maintain_order="left").with_columns(
        # Where the other side never sent its own tag, its leg has a number that is nobody else's.
        side=pl.when("opener")
        .then("of_opener")
        .otherwise(pl.coalesce("of_other", pl.col("_dialog") ^ pl.lit(_OTHER, pl.UInt64)))
    )
    responses = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("transaction").is_in(swapped["transaction"].drop_nulls().implode()), pl.col("status").is_not_null()
        )
        .select("row", "transaction")
        .join(swapped.lazy().select("transaction", "side").unique("transaction", keep="first"), on="transaction")
        .select("row", "side")
        .collect()
    )
    rows = pl.concat([swapped.select("row", "side"), responses]).unique("row", keep="first")
    marks = messages["_mended"].gather(swapped["row"]).fill_null(DIALOG_TAG_WRONG)
    return messages.with_columns(
        messages["_leg"].scatter(rows["row"], rows["side"]), messages["_mended"].scatter(swapped["row"], marks)
    )


def accepted(messages: pl.DataFrame, of: pl.Series) -> pl.DataFrame:
    """The requests within the dialogs ``of`` that were answered 2xx, but BYE: ``_dialog method asked``, a row number.

    The initial INVITE, which is no request within a dialog, is none of them.
    """
    if of.is_empty():
        return messages.clear().select("_dialog", "method", asked=pl.lit(None, pl.UInt32))
    theirs = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("_dialog").is_in(of.implode()),
            ~pl.col("duplicate"),
            pl.col("transaction").is_not_null(),
            ~method_is("ACK", "BYE", "CANCEL"),
        )
        .select("row", "_dialog", "method", "status", "transaction")
        .collect()
    )
    successes = theirs.filter(pl.col("status").is_between(200, 299)).select("transaction", "_dialog").unique()
    requests = theirs.filter(pl.col("status").is_null())
    requests = requests.group_by("transaction", "_dialog", "method", maintain_order=True).agg(asked=pl.col("row").min())
    return requests.join(successes, on=["transaction", "_dialog"], how="semi", maintain_order="left")


def cleared_away(byes: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """The ``row`` of those ``byes`` (``_dialog row _leg``) sent at once when a request of their sender had failed.

    They tell of no wish: the dialog was gone at the other side, or the way to it (RFC 3261 §12.2.1.2). No answer at all
    is such a failure, too. A request that was accepted in between shows that it was not.
    """
    if byes.is_empty():
        return byes["row"].clear()
    sent = byes.select("_dialog", "_leg", "row").hstack(messages.select(sent_ns=ns("time").gather(byes["row"])))
    near = pl.concat([_refused_before(sent, messages), _unanswered_before(sent, messages)])
    if near.is_empty():
        return byes["row"].clear()
    near = near.group_by("_dialog", "row").agg(pl.col("failed").max())
    life = accepted(messages, near["_dialog"]).select("_dialog", "asked")
    lived = near.join(life, on="_dialog").filter(pl.col("asked").is_between("failed", "row"))["row"]
    return near.filter(~pl.col("row").is_in(lived.implode()))["row"]


def _refused_before(sent: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Of ``sent`` (BYEs: ``_dialog _leg row sent_ns``) those behind a refused request: ``_dialog row failed``."""
    status, method = pl.col("status"), pl.col("method")
    # Few are: what they are is asked of them alone.
    refusals = (
        messages.lazy()
        .select("_dialog", "_leg", "method", "status", "time")
        .with_row_index("failed")
        .filter(status.is_in(ENDS_DIALOG + ENDS_USAGE))
        .collect(engine="in-memory")
    )
    failed = (
        refusals.lazy()
        .filter(
            pl.col("_dialog").is_in(sent["_dialog"].drop_nulls().implode()),
            status.is_in(ENDS_DIALOG) | ~method.is_in(OF_SUBSCRIPTION),
            ~method.is_in(["BYE", "PRACK", "CANCEL"]),
        )
        .select("_dialog", "_leg", "failed", failed_ns=ns("time"))
        .collect()
    )
    near = sent.join(failed, on=["_dialog", "_leg"]).filter(
        pl.col("failed") < pl.col("row"), pl.col("sent_ns") - pl.col("failed_ns") <= _AT_ONCE
    )
    return near.select("_dialog", "row", "failed")


def _unanswered_before(sent: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The same, behind a request that its sender repeated until it gave up: 64*T1 after it sent it first (RFC 3261
    §17.1.1.2, §17.1.2.2).

    How long it waited before it sent it again is its T1 (500 ms; 2 s on Gm, TS 24.229 §7.7). A single request without a
    response may as well have had one that was not captured.
    """
    status, method = pl.col("status"), pl.col("method")
    key = ["_dialog", "_leg", "method", "cseq"]
    theirs = (
        messages.lazy()
        .with_row_index("asked")
        .filter(
            pl.col("to_tag").is_not_null(),
            ~method.is_in([*OF_SUBSCRIPTION, "ACK", "BYE", "PRACK", "CANCEL"]),
            pl.col("_dialog").is_in(sent["_dialog"].drop_nulls().implode()),
        )
        .select("asked", *key, "status", "transaction", "duplicate", at=ns("time"))
    )
    requests = theirs.filter(status.is_null(), ~pl.col("duplicate"))
    repeated = (
        # Few are: the rest is asked of them alone.
        requests.filter(pl.len().over("transaction") > 2)
        .group_by("transaction", *key)
        .agg(
            pl.len(),
            failed=pl.col("asked").max(),
            first=pl.col("at").min(),
            t1=pl.col("at").sort().diff().get(1, null_on_oob=True),
        )
        .filter(pl.col("len") > 2)
        .collect()
    )
    if repeated.is_empty():
        return sent.clear().select("_dialog", "row", failed=pl.lit(None, pl.UInt32))
    answered = theirs.filter(status.is_not_null()).select(key).unique().collect()
    waited = pl.col("sent_ns") - pl.col("first") - 64 * pl.col("t1")
    silent = repeated.join(answered, on=key, how="anti").join(sent, on=["_dialog", "_leg"])
    silent = silent.filter(pl.col("failed") < pl.col("row"), waited.is_between(-_AT_ONCE, _AT_ONCE))
    return silent.select("_dialog", "row", "failed")


def standing(byes: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Those ``byes`` (rows with ``_dialog`` and ``row``) that ended their dialog.

    A BYE did not, if a request that was sent after it and after all its responses was accepted in the dialog; nor if it
    was refused, but for a challenge (RFC 3261 §22.2), and a later BYE was accepted.
    """
    byes = _not_refused(byes, messages)
    first = byes.lazy().group_by("_dialog").agg(bye=pl.col("row").min())
    later = (
        messages.lazy()
        .with_row_index("asked")
        .filter(pl.col("status").is_null() & pl.col("to_tag").is_not_null(), ~method_is("ACK", "BYE"))
        .select("_dialog", "asked")
        .join(first, on="_dialog")
        .filter(pl.col("asked") > pl.col("bye"))
        .select("_dialog")
        .unique()
        .collect()["_dialog"]
    )
    if later.is_empty():
        return byes
    life = accepted(messages, later)
    life = life.filter(~pl.col("method").is_in(OF_SUBSCRIPTION)).group_by("_dialog").agg(lived=pl.col("asked").max())
    of_byes = messages.lazy().with_row_index("row")
    of_byes = of_byes.filter(pl.col("method") == "BYE", pl.col("_dialog").is_in(life["_dialog"].implode()))
    over = of_byes.group_by("transaction").agg(over=pl.col("row").max()).collect()
    doubted = byes.select("_dialog", "row").join(life, on="_dialog")
    doubted = doubted.with_columns(messages.select(pl.col("transaction").gather(doubted["row"])))
    doubted = doubted.join(over, on="transaction", how="left")
    refuted = doubted.filter(pl.col("lived") > pl.col("over").fill_null(pl.col("row")))["row"]
    return byes.filter(~pl.col("row").is_in(refuted.implode()))


def _not_refused(byes: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``byes`` without those that were refused before another was sent that was accepted."""
    status = pl.col("status")
    finals = messages.lazy().select("method", "_dialog", "transaction", "status").with_row_index("answered")
    # Nearly none is.
    refusals = finals.filter(status >= 300).collect(engine="in-memory")
    if refusals.is_empty():
        return byes
    of_byes = (pl.col("method") == "BYE") & pl.col("_dialog").is_in(byes["_dialog"].implode())
    refused = refusals.filter(of_byes, ~status.is_in([401, 407]))
    if refused.is_empty():
        return byes
    accepted = finals.filter(status.is_between(200, 299)).filter(of_byes).collect(engine="in-memory")
    asked = byes.select("_dialog", "row").hstack(messages.select(pl.col("transaction").gather(byes["row"])))
    later = asked.join(accepted.select("transaction").unique(), on="transaction", how="semi")
    later = later.group_by("_dialog").agg(later=pl.col("row").max())
    refused = refused.filter(~pl.col("transaction").is_in(accepted["transaction"].implode()))
    refused = refused.group_by("transaction").agg(pl.col("answered").min())
    doubted = (
        asked.join(refused, on="transaction").join(later, on="_dialog").filter(pl.col("later") > pl.col("answered"))
    )
    return byes.filter(~pl.col("row").is_in(doubted["row"].implode()))
