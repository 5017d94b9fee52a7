"""Requests within a dialog: which dialog a damaged one belongs to, and which of them show that a dialog lives.

A request that should have ended a dialog, or a response, is a sign and no more (RFC 5057 §5 says what its sender should
do, not what it did): where a later request of the same dialog is accepted, the dialog had not ended.
"""

from __future__ import annotations

import polars as pl

# Requests that are sent within the dialog of an INVITE (RFC 3261, 3262, 3311, 6086). The same method without a To tag
# is never a request outside of one, as a REFER or an INFO to a stranger could be.
_NEEDS_DIALOG = ["ACK", "BYE", "PRACK", "UPDATE", "INFO"]
#: Requests that speak of the usage of an INVITE, and of that of a subscription (RFC 5057 §5.1).
OF_SUBSCRIPTION = ["SUBSCRIBE", "NOTIFY", "REFER"]


def tied(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with the ``_dialog`` of requests whose tags are broken, where only one dialog is in question.

    A request within a dialog has its two tags (RFC 3261 §12.2.1.1). One that lacks a tag, or has one that nobody gave,
    belongs to the dialog of its Call-ID whose side its From tag is (its To tag, where that is all there is); an ACK to
    the dialog whose 2xx has its CSeq number, too. Of several dialogs none is chosen. A tag that is there and wrong
    needs a peer that took the request for its own: a 2xx. Responses go with their request.
    """
    request, response = pl.col("status").is_null(), pl.col("status").is_not_null()
    # ``_call`` and ``_dialog`` are hashes: only what is broken is looked at as text.
    to_2xx = (pl.col("method") != "ACK") | pl.col("transaction").is_null()
    within = (
        messages.lazy()
        .with_row_index("row")
        .filter(request, pl.col("method").is_in(_NEEDS_DIALOG), to_2xx, pl.col("_call").is_not_null())
        .select("row", "_call", "_dialog")
    )
    made = (
        messages.lazy()
        .filter(
            response & pl.col("status").is_between(101, 299),
            pl.col("method") == "INVITE",
            pl.col("_dialog").is_not_null(),
        )
        .select("_call", "_dialog")
        .unique()
    )
    broken = (
        within.join(made, on="_dialog", how="anti")
        .join(made.select("_call").unique(), on="_call", how="semi")
        .select("row")
        .collect()["row"]
    )
    if broken.is_empty():
        return messages
    found = _of_broken(broken, messages)
    if found.is_empty():
        return messages
    responses = (
        messages.lazy()
        .with_row_index("row")
        .filter(response, pl.col("transaction").is_in(found["transaction"].drop_nulls().implode()))
        .select("row", "transaction")
        .join(found.lazy().select("transaction", "tied").unique("transaction"), on="transaction")
        .select("row", "tied")
        .collect()
    )
    rows = pl.concat([found.select("row", "tied"), responses]).unique("row", keep="first")
    return messages.with_columns(messages["_dialog"].scatter(rows["row"], rows["tied"]))


def _of_broken(broken: pl.Series, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``row`` of each of these that belongs to one dialog, its ``transaction``, and the dialog: ``tied``."""
    facts = ("_call", "transaction", "method", "cseq", "from_tag", "to_tag", "_dialog")
    requests = messages.select(pl.col(facts).gather(broken)).with_columns(row=broken)
    accepted = messages.filter(
        pl.col("transaction").is_in(requests["transaction"].drop_nulls().implode()),
        pl.col("status").is_between(200, 299),
    )["transaction"]
    dialogs = (
        messages.lazy()
        .with_row_index("since")
        .filter(
            pl.col("_call").is_in(requests["_call"].unique().implode()),
            pl.col("method") == "INVITE",
            pl.col("status").is_between(101, 299),
            pl.col("_dialog").is_not_null(),
        )
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
    by_from = (ours == pl.col("from_tag_made")) | (~ack & (ours == pl.col("to_tag_made")))
    by_to = (theirs == pl.col("to_tag_made")) | (~ack & (theirs == pl.col("from_tag_made")))
    missing = ours.is_null() | theirs.is_null()
    candidates = (
        requests.join(dialogs, on="_call", suffix="_made")
        .filter(
            pl.when(ack).then(cseq & (pl.col("confirmed") < pl.col("row"))).otherwise(pl.col("since") < pl.col("row")),
            pl.when(ours.is_not_null()).then(by_from).otherwise(by_to),
            missing | ack | pl.col("transaction").is_in(accepted.implode()),
        )
        .unique(["row", "tied"], keep="first", maintain_order=True)
    )
    # What a 2xx confirmed has outlived its early rivals (RFC 3261 §13.2.2.4).
    confirmed = (pl.col("confirmed") < pl.col("row")).fill_null(value=False)
    candidates = candidates.filter(confirmed | ~confirmed.any().over("row"))
    return candidates.filter(pl.len().over("row") == 1).select("row", "transaction", "tied")


def accepted(messages: pl.DataFrame, of: pl.Series) -> pl.DataFrame:
    """The requests within the dialogs ``of`` that were answered 2xx, but BYE: ``_dialog method asked``, a row number.

    The initial INVITE, which is no request within a dialog, is none of them.
    """
    theirs = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("_dialog").is_in(of.unique().implode()),
            ~pl.col("duplicate"),
            pl.col("transaction").is_not_null(),
            ~pl.col("method").is_in(["ACK", "BYE", "CANCEL"]),
        )
        .select("row", "_dialog", "method", "status", "transaction")
        .collect()
    )
    successes = theirs.filter(pl.col("status").is_between(200, 299)).select("transaction", "_dialog").unique()
    requests = theirs.filter(pl.col("status").is_null())
    requests = requests.group_by("transaction", "_dialog", "method", maintain_order=True).agg(asked=pl.col("row").min())
    return requests.join(successes, on=["transaction", "_dialog"], how="semi", maintain_order="left")


def standing(byes: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Those ``byes`` (rows with ``_dialog`` and ``row``) that ended their dialog.

    A BYE did not, if a request that was sent after it and after all its responses was accepted in the dialog; nor if it
    was refused, but for a challenge (RFC 3261 §22.2), and a later BYE was accepted.
    """
    byes = _not_refused(byes, messages)
    first = byes.group_by("_dialog").agg(bye=pl.col("row").min())
    later = (
        messages.lazy()
        .with_row_index("asked")
        .filter(pl.col("status").is_null() & pl.col("to_tag").is_not_null(), ~pl.col("method").is_in(["ACK", "BYE"]))
        .select("_dialog", "asked")
        .join(first.lazy(), on="_dialog")
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
    responses = (
        messages.lazy()
        .with_row_index("answered")
        .filter(pl.col("method") == "BYE", pl.col("status") >= 200, pl.col("_dialog").is_in(byes["_dialog"].implode()))
        .select("_dialog", "transaction", "status", "answered")
        .collect()
    )
    status = pl.col("status")
    refused = responses.filter(status >= 300, ~status.is_in([401, 407]))
    if refused.is_empty():
        return byes
    accepted = responses.filter(status < 300)
    asked = byes.select("_dialog", "row").hstack(messages.select(pl.col("transaction").gather(byes["row"])))
    later = asked.join(accepted.select("transaction").unique(), on="transaction", how="semi")
    later = later.group_by("_dialog").agg(later=pl.col("row").max())
    refused = refused.filter(~pl.col("transaction").is_in(accepted["transaction"].implode()))
    refused = refused.group_by("transaction").agg(pl.col("answered").min())
    doubted = (
        asked.join(refused, on="transaction").join(later, on="_dialog").filter(pl.col("later") > pl.col("answered"))
    )
    return byes.filter(~pl.col("row").is_in(doubted["row"].implode()))
