"""Messages and transactions to dialogs: RFC 3261 §12, RFC 6665 (subscriptions), RFC 3515 (REFER).

A dialog is a Call-ID and an unordered pair of tags, over all its hops. It is there because a message made it
(`_created`), or, where the capture began too late for that, because a request was sent within it (`_joined`). What
happened in it is read at its reference hop: the hop with the fewest Vias among those that saw it made, the earliest of
these. A request from the other side has other Vias there, so later requests are known by the two nodes between which
they were sent; where none was seen between these, the earliest copy elsewhere stands for it.

Rows are numbers into ``messages``; a dialog is the core's hash ``_dialog`` until text is fetched at the end.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import events
from analyzer.columns.rules import first_of
from analyzer.columns.times import duration, ns
from analyzer.columns.typed import typed
from analyzer.sip import cancels, in_dialog, outcomes, reference_hop, release, states
from analyzer.sip.identities import MAX_IDLE

# Requests that only a party of an INVITE's dialog sends (RFC 3261, 3262, 3311, 6086).
_OF_INVITE = ["INVITE", "ACK", "BYE", "UPDATE", "PRACK", "INFO"]
_OF_SUBSCRIPTION = ["SUBSCRIBE", "NOTIFY"]

# The IANA registry of methods. A number for each, for comparing text is what would take the time; any other is null.
_METHODS = pl.Enum(
    [
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
    ]
)

_ELSEWHERE = 1 << 33  # above any row number
_ADDRESSES = ("src_ip", "src_port", "dst_ip", "dst_port")


def dialogs(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    *,
    end: int | None = None,
    timers: dict[str, int] = states.RFC_3261,
    max_idle: int = MAX_IDLE,
) -> pl.DataFrame:
    """The ``dialogs`` table without ``call``; arguments as of :func:`with_hops`."""
    return with_reference_hops(messages, transactions, end=end, timers=timers, max_idle=max_idle)[0]


def with_reference_hops(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    *,
    end: int | None = None,
    timers: dict[str, int] = states.RFC_3261,
    max_idle: int = MAX_IDLE,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The ``dialogs`` table without ``call``, in the order of each dialog's earliest message; and where it was read.

    The second frame has a row for each dialog: the core's hash ``_dialog``, its key ``dialog``, ``_leg`` of its local
    side, whether its beginning was ``created`` in the capture, and where its reference hop lies: ``near_ip near_port``
    of its client, ``far_ip far_port`` of its server.

    ``messages`` as the core gives them, in time order; ``transactions`` of the same messages; ``end`` the time of the
    capture's last packet in ns since 1970 (the last message's where not given). A dialog silent for ``max_idle`` ns has
    expired.
    """
    if end is None:
        end = messages["time"].to_physical().max()  # type: ignore[assignment]
    rows = _rows(messages)
    found = _found(rows, messages, transactions)
    found = _with_progress(found, rows, messages, transactions)
    found = _with_ends(found, rows, messages)
    found = _with_expiry(found, rows, messages, max_idle)
    found = _complete(found, messages, end, timers["M"])
    table = typed(found, schema.DIALOGS, without=("call",))
    return table, found.select("_dialog", "dialog", "_leg", "created", *reference_hop.ENDS)


def of_messages(messages: pl.DataFrame, dialogs: pl.DataFrame) -> pl.Series:
    """The ``dialog`` of each message: null outside one, for an initial INVITE, for CANCEL, and where none was made."""
    keys = (
        messages.lazy()
        .select("_dialog", dialog="message")
        .filter(pl.col("dialog").is_in(dialogs["dialog"].implode()), pl.col("_dialog").is_not_null())
    )
    return (
        messages.lazy()
        .select(_dialog=pl.when(pl.col("method") != "CANCEL").then("_dialog"))
        .join(keys, on="_dialog", how="left", maintain_order="left")
        .select("dialog")
        .collect()
        .to_series()
    )


def _rows(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages with both tags, but CANCEL, whose response may have a tag of the INVITE's (RFC 3261 §9.2)."""
    return (
        messages.lazy()
        .select(
            "_dialog", "_leg", "transaction", "method", "status", "via_count", "duplicate",
            row=pl.int_range(pl.len(), dtype=pl.Int64),
        )
        .filter(pl.col("_dialog").is_not_null(), ~pl.col("duplicate"), pl.col("method") != "CANCEL")
        .with_columns(pl.col("method").cast(_METHODS, strict=False))
        .drop("duplicate")
        .collect()
    )  # fmt: skip


# -- which dialogs there are -------------------------------------------------------------------------------------------


def _found(rows: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """One row per dialog: the message that made it (``row``), its usage, its first and last message."""
    spans = rows.group_by("_dialog", maintain_order=True).agg(first=pl.col("row").first(), last=pl.col("row").last())
    unasked = transactions.filter(pl.col("outcome") == "orphan")["transaction"]
    created = _created(rows, spans, messages, transactions).with_columns(created=pl.lit(value=True))
    joined = _joined(rows, created["_dialog"]).with_columns(created=pl.lit(value=False))
    found = _at_client(pl.concat([created, joined]), unasked)
    said = ("method", "event", "status", "transaction", "_leg", *_ADDRESSES)
    found = found.hstack(messages.select(pl.col(said).gather(found["row"])))
    # What goes to the client: a response, but a NOTIFY.
    to_client = pl.col("status").is_not_null() != (pl.col("method") == "NOTIFY")
    # A subscription within the dialog of an INVITE shares it (RFC 5057 §2), and REFER starts one without a word.
    doubtful = found.filter(~pl.col("method").is_in(_OF_INVITE))["_dialog"]
    shared = rows.filter(pl.col("_dialog").is_in(doubtful.implode()), _within_invite())["_dialog"]
    refer = (pl.col("method") == "REFER") | pl.col("event").str.contains(r"(?i)^\s*refer\b").fill_null(value=False)
    return (
        found.lazy()
        .with_columns(shared=pl.col("_dialog").is_in(shared.implode()))
        .with_columns(
            usage=pl.when(pl.col("shared") | pl.col("method").is_in(_OF_INVITE))
            .then(pl.lit("invite"))
            .when(refer)
            .then(pl.lit("refer"))
            .otherwise(pl.lit("subscribe")),
            created=pl.col("created") & ~pl.col("shared"),
        )
        .with_columns(reversed=(pl.col("usage") != "invite") & (pl.col("method") == "NOTIFY"))  # it goes to the creator
        .join(spans.lazy(), on="_dialog")
        .select(
            "_dialog", "row", "first", "last", "created", "usage", "reversed", "transaction", "_leg",
            *reference_hop.ends(~to_client),
        )
        .sort("first")
        .collect(engine="in-memory")
    )  # fmt: skip


def _within_invite() -> pl.Expr:
    """A request within the dialog of an INVITE. An ACK to a non-2xx, which has a transaction, is no sign of one."""
    to_2xx = (pl.col("method") != "ACK") | pl.col("transaction").is_null()
    return pl.col("status").is_null() & pl.col("method").is_in(_OF_INVITE) & to_2xx


def _created(
    rows: pl.DataFrame, spans: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    """The messages that make a dialog: 101-199 and 2xx to INVITE (RFC 3261 §12.1), 2xx to SUBSCRIBE or REFER, NOTIFY.

    A response to a request that has a To tag makes none. Where the request was not captured, a 2xx to INVITE may
    answer a re-INVITE: it makes one only after a 101-199. A NOTIFY makes one where it comes first (RFC 6665 §4.4.1), if
    the request that asked for it was captured; else the subscription is older than the capture.
    """
    method, status, transaction = pl.col("method"), pl.col("status"), pl.col("transaction")
    makers = rows.filter(
        ((method == "INVITE") & status.is_between(101, 299))
        | (method.is_in(["SUBSCRIBE", "REFER"]) & status.is_between(200, 299))
    )
    within = rows.filter(status.is_null(), method.is_in(["INVITE", "SUBSCRIBE", "REFER"]))["transaction"].implode()
    orphans = transactions.filter(method == "INVITE", pl.col("outcome") == "orphan")["transaction"]
    progress = makers.filter(status < 200)["transaction"]
    unclear = transaction.is_in(orphans.implode()) & ~transaction.is_in(progress.implode())
    makers = makers.filter(~transaction.is_in(within), ~unclear)
    notifies = rows.filter(method == "NOTIFY", status.is_null())
    if notifies.is_empty():
        return makers
    asked = transactions.filter(
        method.is_in(["SUBSCRIBE", "REFER"]), pl.col("outcome") != "orphan", ~transaction.is_in(within)
    )["call_id"]
    notifies = notifies.filter(messages["call_id"].gather(notifies["row"]).is_in(asked.implode()))
    return pl.concat([makers, notifies.join(spans, left_on="row", right_on="first", how="semi")])


def _joined(rows: pl.DataFrame, created: pl.Series) -> pl.DataFrame:
    """The messages within a dialog that is none of the ``created``: it ran when the capture began."""
    method, status = pl.col("method"), pl.col("status")
    subscription = status.is_null() & method.is_in(["SUBSCRIBE", "REFER"])
    answer = (method == "INVITE") & status.is_between(200, 299)
    notify = (method == "NOTIFY") & status.is_null()
    return rows.filter(
        ~pl.col("_dialog").is_in(created.implode()),
        _within_invite() | subscription | notify | answer | (method == "BYE"),
    )


def _at_client(rows: pl.DataFrame, unasked: pl.Series) -> pl.DataFrame:
    """Per dialog the row with the fewest Vias, the earliest of these; a NOTIFY only where there is nothing else.

    ``unasked`` are the transactions without a request: a hop that has it goes before one that has not, on which half of
    what happened was not captured.
    """
    last_choice = (pl.col("method") == "NOTIFY").cast(pl.Int64) * (1 << 60)
    last_choice += pl.col("transaction").is_in(unasked.implode()).fill_null(value=False).cast(pl.Int64) * (1 << 50)
    rank = last_choice + pl.col("via_count").fill_null(0) * _ELSEWHERE + pl.col("row")
    ranked = rows.select("_dialog", "created", rank=rank).group_by("_dialog", maintain_order=True)
    return ranked.agg(pl.col("created").first(), row=pl.col("rank").min() % _ELSEWHERE)


def _at_reference(
    rows: pl.DataFrame, found: pl.DataFrame, messages: pl.DataFrame, name: str, *, latest: bool = False
) -> pl.DataFrame:
    """Per dialog the number of that of ``rows`` which is nearest to its reference hop, the first or the ``latest``."""
    if rows.is_empty():
        return rows.select("_dialog", pl.col("row").alias(name))
    placed = rows["_dialog", "row"].hstack(messages.select(pl.col(_ADDRESSES).gather(rows["row"]))).lazy()
    hops = found.lazy().select("_dialog", *reference_hop.ENDS)
    nearest = reference_hop.nearest(placed.join(hops, on="_dialog", maintain_order="left"), "_dialog", latest=latest)
    return nearest.select("_dialog", pl.col("row").alias(name)).collect(engine="in-memory")


def _joined_on_dialog(found: pl.DataFrame, *others: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    joined = found.lazy()
    for other in others:
        joined = joined.join(other.lazy(), on="_dialog", how="left", maintain_order="left")
    return joined


# -- what happened in them ---------------------------------------------------------------------------------------------


def _with_progress(
    found: pl.DataFrame, rows: pl.DataFrame, messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    """``early``, ``gone`` (199) and ``confirmed`` as rows; how the INVITE that made the dialog came out."""
    method, status, row = pl.col("method"), pl.col("status"), pl.col("row")
    here = pl.col("transaction") == pl.col("maker")
    progress = (
        rows.lazy()
        .filter(status.is_between(101, 299), method.is_in(["INVITE", "SUBSCRIBE", "REFER"]))
        .join(found.lazy().filter("created").select("_dialog", maker="transaction"), on="_dialog")
        .group_by("_dialog")
        .agg(
            early=pl.when(here & (status < 200)).then(row).min(),
            gone=pl.when(here & (status == 199)).then(row).min(),  # RFC 6228: this branch alone has ended
            accepted=(
                pl.when(status < 200).then(None).when(here).then(row).otherwise(row + _ELSEWHERE).min() % _ELSEWHERE
            ),
        )
    )
    notifies = rows.filter(method == "NOTIFY", status.is_null())
    subscriptions = found.filter(pl.col("usage") != "invite")
    notified = _at_reference(notifies, subscriptions, messages, "notified")
    # The branch of a fork that another branch won says so on its own hop (487 after the proxy's CANCEL).
    declined = rows.lazy().filter(method == "INVITE", status >= 300).group_by("_dialog").agg(declined=row.min())
    invites = (
        transactions.lazy()
        .filter(method == "INVITE", pl.col("transaction").is_in(found["transaction"].implode()))
        .select("transaction", "outcome", invite_status="status", invite_final=ns("final_at"))
        .join(_cancelled(messages, transactions), on="transaction", how="left")
    )
    with_progress = _joined_on_dialog(found, progress, notified, declined).with_columns(
        # RFC 6665 §4.1.2.4: a 2xx to SUBSCRIBE or a NOTIFY; REFER, which may ask for no subscription at all: a NOTIFY.
        confirmed=pl.when(pl.col("usage") == "refer")
        .then("notified")
        .otherwise(pl.min_horizontal("accepted", "notified"))
    )
    return with_progress.join(invites, on="transaction", how="left", maintain_order="left").collect(engine="in-memory")


def _cancelled(messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.LazyFrame:
    """The INVITEs (``transaction``) that were cancelled: since when (``cancelled``, ``cancel_sent``), by whom."""
    cancel = pl.col("method") == "CANCEL"
    cancelled = (
        transactions.lazy()
        .filter(cancel)
        .select(
            "transaction",
            cancelled=pl.coalesce("final_at", "started_at").to_physical(),
            cancel_sent=pl.coalesce("started_at", "final_at").to_physical(),
        )
        .join(cancels.of_transactions(transactions).lazy(), on="transaction", maintain_order="left")
        .unique("invite", keep="first", maintain_order=True)
        .select("cancelled", "cancel_sent", cancel="transaction", transaction="invite")
    )
    reasons = messages.lazy().filter(cancel, pl.col("status").is_null(), ~pl.col("duplicate"))
    reasons = reasons.select(cancel="transaction", cancelled_by_network=release.cancelled_by_network()).unique(
        "cancel", keep="first"
    )
    return cancelled.join(reasons, on="cancel", how="left", maintain_order="left").drop("cancel")


def _with_ends(found: pl.DataFrame, rows: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The rows that end a dialog, whatever comes of them: ``bye``, ``failed``, ``terminated``, ``unsubscribed``."""
    method, status = pl.col("method"), pl.col("status")
    byes = rows.filter(method == "BYE")
    sent = byes.filter(status.is_null())
    # In a one-way capture the response alone may tell of the BYE.
    byes = pl.concat([sent, byes.filter(~pl.col("_dialog").is_in(sent["_dialog"].implode()))])
    byes = in_dialog.standing(byes, messages)
    bye = _at_reference(byes, found, messages, "bye")
    failed = _at_reference(_not_outlived(_failed(rows, found), found, messages), found, messages, "failed")

    subscriptions = found.filter(pl.col("usage") != "invite")
    if subscriptions.is_empty():
        never = pl.lit(None, pl.Int64)
        ended = _joined_on_dialog(found, bye, failed).with_columns(terminated=never, unsubscribed=never)
        return ended.collect(engine="in-memory")
    theirs = rows.filter(pl.col("_dialog").is_in(subscriptions["_dialog"].implode()), method.is_in(_OF_SUBSCRIPTION))
    theirs = theirs.hstack(messages.select(pl.col("subscription_state", "expires").gather(theirs["row"])))
    over = theirs.filter(
        method == "NOTIFY",
        status.is_null(),
        pl.col("subscription_state").str.contains(r"(?i)^\s*terminated\b"),
    )
    zero = theirs.filter(method == "SUBSCRIBE", status.is_null() | status.is_between(200, 299), pl.col("expires") == 0)
    terminated = _at_reference(over, found, messages, "terminated")
    unsubscribed = _at_reference(zero, found, messages, "unsubscribed")
    return _joined_on_dialog(found, bye, failed, terminated, unsubscribed).collect(engine="in-memory")


def _failed(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The responses that end the dialog or the usage of the request within it that they answer.

    Not to PRACK: there 481 speaks of the provisional response (RFC 3262 §3). A NOTIFY's speaks of its subscription.
    """
    method, status = pl.col("method"), pl.col("status")
    responses = rows.filter(status.is_in(in_dialog.ENDS_DIALOG + in_dialog.ENDS_USAGE), ~method.is_in(["BYE", "PRACK"]))
    if responses.is_empty():
        return responses
    within = rows.filter(
        status.is_null(), method != "ACK", pl.col("transaction").is_in(responses["transaction"].implode())
    )
    return (
        responses.join(within, on="transaction", how="semi")
        .join(found.select("_dialog", "usage"), on="_dialog")
        .filter(status.is_in(in_dialog.ENDS_DIALOG) | (method.is_in(_OF_SUBSCRIPTION) != (pl.col("usage") == "invite")))
    )


def _not_outlived(failed: pl.DataFrame, found: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Those of the ``failed`` responses after which nothing shows that the usage went on.

    A request within the dialog that was sent later and accepted shows it; of an INVITE's also its 2xx or an ACK, first
    copies: what the response should have ended (RFC 5057 §5.1), both sides went on with.
    """
    if failed.is_empty():
        return failed
    usages = found.filter(pl.col("_dialog").is_in(failed["_dialog"].implode())).select("_dialog", "usage", "confirmed")
    invite = pl.col("usage") == "invite"
    later = in_dialog.accepted(messages, failed["_dialog"]).join(usages, on="_dialog")
    later = later.filter(pl.col("method").is_in(in_dialog.OF_SUBSCRIPTION) != invite)
    acks = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("method") == "ACK",
            pl.col("transaction").is_null() & ~pl.col("duplicate"),
            pl.col("_dialog").is_in(usages.filter(invite)["_dialog"].implode()),
        )
        .group_by("_dialog", "cseq")
        .agg(sign=pl.col("row").min().cast(pl.Int64))
        .collect()
    )
    signs = [
        later.select("_dialog", sign=pl.col("asked").cast(pl.Int64)),
        usages.filter(invite).select("_dialog", sign=pl.col("confirmed").cast(pl.Int64)),
        acks.select("_dialog", "sign"),
    ]
    lived = pl.concat(signs).group_by("_dialog").agg(lived=pl.col("sign").max())
    failed = failed.join(lived, on="_dialog", how="left", maintain_order="left")
    return failed.filter(pl.col("row") > pl.col("lived").fill_null(-1)).drop("lived")


def _with_expiry(found: pl.DataFrame, rows: pl.DataFrame, messages: pl.DataFrame, max_idle: int) -> pl.DataFrame:
    """``expiry``: when a dialog that nothing ended runs out, in ns.

    That is after the interval that was last agreed on (RFC 4028 §10, RFC 6665 §4.1.2), if nothing was heard in it
    afterwards, for then a refresh was missed by the capture; or after a long silence.
    """
    method, status = pl.col("method"), pl.col("status")
    invite = pl.col("usage") == "invite"
    alive = found.lazy().filter(pl.all_horizontal(pl.col("bye", "failed", "terminated", "unsubscribed").is_null()))
    refreshes = (
        rows.lazy()
        .filter(
            (method.is_in(["INVITE", "UPDATE", "SUBSCRIBE"]) & status.is_between(200, 299))
            | ((method == "NOTIFY") & status.is_null()),
        )
        .join(alive.select("_dialog", "usage"), on="_dialog", maintain_order="left")
        .filter(invite == method.is_in(["INVITE", "UPDATE"]))
        .collect(engine="in-memory")
    )
    told = messages.select(pl.col("session_expires", "expires", "subscription_state").gather(refreshes["row"]))
    in_state = events.left_s(pl.col("subscription_state"))
    refreshes = (
        refreshes.hstack(told)
        .lazy()
        .with_columns(seconds=pl.when(invite).then("session_expires").otherwise(pl.coalesce(in_state, "expires")))
        .filter(invite | pl.col("seconds").is_not_null())
        .collect(engine="in-memory")
    )
    latest = _at_reference(refreshes, found, messages, "refreshed", latest=True).lazy()
    latest = latest.join(refreshes.lazy().select(refreshed="row", seconds="seconds"), on="refreshed")
    found = _joined_on_dialog(found, latest).collect(engine="in-memory")
    last, refreshed = messages.select(ns("time").gather(found[row]).alias(row) for row in ("last", "refreshed"))
    runs_out = refreshed + duration(pl.col("seconds"))
    return found.with_columns(expiry=pl.min_horizontal(pl.when(runs_out >= last).then(runs_out), last + max_idle))


# -- how they ended ----------------------------------------------------------------------------------------------------


def _rules(end: int | None, linger: int) -> list[tuple[pl.Expr, str, pl.Expr, pl.Expr]]:
    """How a dialog ended, the first that holds: condition, ``end_reason``, time in ns, ``ended_by``.

    A BYE comes first, for a party that gets a 408 or 481 sends one (RFC 3261 §12.2.1.2), and that is when it was over.
    """
    invite = pl.col("usage") == "invite"
    early = invite & pl.col("created") & pl.col("confirmed").is_null()
    status, final = pl.col("invite_status"), pl.col("invite_final")
    local, remote, unknown, network = (pl.lit(who) for who in ("local", "remote", "unknown", "network"))

    def seen(event: str) -> pl.Expr:
        return pl.col(event).is_not_null()

    def at(event: str) -> pl.Expr:
        return pl.col(f"{event}_at")

    def sender(event: str) -> pl.Expr:
        of_creator = (pl.col(f"{event}_leg") == pl.col("_leg")) != pl.col("reversed")
        return pl.when(of_creator).then(local).otherwise(remote)

    by_bye = pl.when(pl.col("by_network")).then(network).otherwise(sender("bye"))
    by_cancel = pl.when("cancelled_by_network").then(network).when(seen("cancelled")).then(local).otherwise(unknown)
    by_final = (
        pl.when(status == 408).then(network).otherwise(remote)
    )  # the phone that rings does not time out; a proxy does
    # Without a final within 64*T1 of its CANCEL the caller takes the INVITE for cancelled (RFC 3261 §9.1).
    given_up = final.is_null() & (pl.lit(end) - pl.col("cancel_sent") >= outcomes.TIMER_64T1)
    return [
        # A BYE on an early dialog and the 2xx may cross (RFC 3261 §15): it was over when both had come.
        (seen("bye"), "bye", pl.max_horizontal(at("bye"), pl.when(invite).then(at("confirmed"))), by_bye),
        # An early dialog ends with the INVITE that made it, whatever becomes of other requests within it.
        (invite & ~early & seen("failed"), "timeout", at("failed"), unknown),
        (early & seen("gone"), "rejected", at("gone"), remote),
        (early & (status == 487), "cancelled", final, by_cancel),
        (early & (status >= 300), "rejected", final, by_final),
        (early & ((pl.col("outcome") == "cancelled") | given_up), "cancelled", pl.col("cancelled"), by_cancel),
        (early & (status < 300) & seen("declined"), "forked_away", final, network),
        (early & (status < 300) & (final + linger <= pl.lit(end)), "forked_away", final + linger, unknown),
        (seen("terminated"), "notify_terminated", at("terminated"), sender("terminated")),
        (seen("unsubscribed"), "expired", at("unsubscribed"), sender("unsubscribed")),
        (~invite & seen("failed"), "timeout", at("failed"), unknown),
        (pl.col("expiry") <= pl.lit(end), "expired", pl.col("expiry"), unknown),
    ]


def _complete(found: pl.DataFrame, messages: pl.DataFrame, end: int | None, linger: int) -> pl.DataFrame:
    """The dialogs with every column of the table."""
    # Delays and ends run from the first byte of a request, and to the last byte of a response.
    requests, responses = ("bye", "terminated", "unsubscribed"), ("failed", "gone", "confirmed", "early")
    of_events = messages.select(
        *(ns("first_byte_at").gather(found[event]).alias(f"{event}_at") for event in requests),
        *(ns("time").gather(found[event]).alias(f"{event}_at") for event in responses),
        *(pl.col("_leg").gather(found[event]).alias(f"{event}_leg") for event in requests),
        pl.col("message").gather(found["first"]).alias("dialog"),
        pl.col("call_id", "from_tag", "to_tag", "from_uri", "to_uri").gather(found["row"]),
    )
    rules = _rules(end, linger)
    alive = pl.when("created").then(pl.lit("open")).otherwise(pl.lit("joined"))
    nothing = pl.lit(None)
    found = found.hstack([*of_events, _released_by_network(found, messages)]).with_columns(
        end_reason=first_of([(holds, reason) for holds, reason, _, _ in rules], alive),
        ended_at=first_of([(holds, at) for holds, _, at, _ in rules], nothing),
        ended_by=first_of([(holds, by) for holds, _, _, by in rules], nothing),
    )
    local = {"local_tag": "from_tag", "local_uri": "from_uri", "remote_tag": "to_tag", "remote_uri": "to_uri"}
    remote = {"local_tag": "to_tag", "local_uri": "to_uri", "remote_tag": "from_tag", "remote_uri": "from_uri"}
    return found.with_columns(
        *(pl.when("reversed").then(remote[name]).otherwise(local[name]).alias(name) for name in local),
        state=pl.when(~pl.col("end_reason").is_in(["open", "joined"]))
        .then(pl.lit("terminated"))
        .when(pl.col("confirmed").is_not_null() | ~pl.col("created"))
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("early")),
    )


def _released_by_network(found: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    """Whether the network sent the ``bye`` of each dialog, or says so in it."""
    byes = (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("method") == "BYE", pl.col("status").is_null() & ~pl.col("duplicate"))
        .select("_dialog", "_leg", "row", "via_count")
        .drop_nulls("_dialog")
        .collect()
    )
    by_nodes = release.sent_by_nodes(byes, messages, found)
    of_bye = messages.select(pl.col(release.REASONS).gather(found["bye"])).with_columns(found["_dialog"])
    sent_by_nodes = pl.col("_dialog").is_in(by_nodes.implode())
    return of_bye.select(by_network=sent_by_nodes | release.network_reason()).to_series()
