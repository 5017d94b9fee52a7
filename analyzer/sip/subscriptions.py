"""SUBSCRIBE, NOTIFY and REFER to subscriptions (RFC 6665, RFC 3515); PUBLISH to event state (RFC 3903).

A subscription is an event package (and its ``id``) between the tag of a subscriber and that of a notifier. A SUBSCRIBE
that forks makes several, one in a dialog of an INVITE is one there, and a REFER makes one without a word (RFC 3515
§2.4.4), told from others of its dialog by its CSeq. Requests count once over all their hops, at the hop next to the
subscriber, where it was captured.

An *attempt* is what asks for subscriptions without a To tag: a request and those sent again for it (with credentials, a
longer interval), until one is answered for good. What comes without a To tag after that asks anew. A subscription is of
the attempt that its notifier accepted; one that is known by its NOTIFYs alone, of the latest before the first of them.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import events, identity, linked_rows
from analyzer.columns.durations import elapsed
from analyzer.columns.rules import first_of
from analyzer.columns.times import LONG_AGO, duration, ns
from analyzer.columns.typed import typed
from analyzer.sip import outcomes, states

_ASKS = ["SUBSCRIBE", "REFER"]
_CHALLENGES = [401, 407]
# After these the same is asked for again; 423: for longer (RFC 6665 §4.1.2.1).
_ASKED_AGAIN = [*outcomes.RETRY_CAUSES, 423]
# Refusals of a refresh that end the subscription; 423 and 503 do not (RFC 6665 §4.1.2.2, RFC 5057 §5.1).
_ENDS = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]
_WHO = ["_call", "subscriber_tag", "package", "id"]


def subscriptions(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    hops: pl.DataFrame,
    parts: pl.DataFrame,
    *,
    end: int | None = None,
    timers: dict[str, int] = states.RFC_3261,
) -> pl.DataFrame:
    """The table ``subscriptions`` without ``call``, by start.

    ``hops`` as ``dialogs.with_hops`` gives them, ``parts`` as the core does; ``end`` the time of the last packet (ns).
    """
    requests = _requests(messages, transactions, parts)
    accepted, notifies = _accepted(messages), _notifies(requests)
    asks = _asks(requests, accepted)
    groups = _groups(asks, notifies, accepted)
    table = _what_was_asked(groups, asks)
    told = _what_was_told(groups, notifies)
    table = table.join(told, on="group", how="left", maintain_order="left")
    keys = hops.select("_dialog", "dialog").unique("_dialog", keep="first", maintain_order=True)
    table = _ended(table, end, timers["F"]).join(keys, on="_dialog", how="left", maintain_order="left")
    table = _named(table)
    table = table.sort(pl.min_horizontal("started_ns", "first_notify_ns"), "subscription")
    return typed(table, schema.SUBSCRIPTIONS, without=("call",))


def _requests(messages: pl.DataFrame, transactions: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Each request once, at the hop next to the subscriber: a NOTIFY has the most Vias there, any other the fewest."""
    seen = messages.filter(
        pl.col("method").is_in([*_ASKS, "NOTIFY"])
        & pl.col("status").is_null()
        & ~pl.col("duplicate")
        & ~pl.col("retransmission")
    ).select(
        "message", "_call", "_leg", "_dialog", "method", "transaction", "cseq", "via_count", "from_tag", "to_tag",
        "expires", "subscription_state", "refer_to", "from_uri", "to_uri", "request_uri", "asserted_identity",
        start_ns=ns("first_byte_at"),
        time_ns=ns("time"),
        package=events.package(pl.col("event")),
        id=pl.col("event").str.extract(r"(?i);\s*id\s*=\s*([^\s;]+)"),
    )  # fmt: skip
    one = ["_call", "from_tag", "cseq", "method"]
    first = seen.unique(one, keep="first", maintain_order=True).select(*one, key="message")
    notify = pl.col("method") == "NOTIFY"
    nearest = pl.when(notify).then(-pl.col("via_count").cast(pl.Int64)).otherwise("via_count")
    seen = seen.sort(nearest, maintain_order=True).unique(one, keep="first", maintain_order=True)
    seen = seen.join(first, on=one, how="left", nulls_equal=True, maintain_order="left")
    finals = transactions.select("transaction", "status", fate="outcome", final_ns=ns("final_at"))
    fragments = (
        parts.filter(pl.col("fragment_status").is_not_null())
        .unique("message", keep="first", maintain_order=True)
        .select("message", "fragment_status")
    )
    seen = seen.join(finals, on="transaction", how="left", maintain_order="left").join(
        fragments, on="message", how="left", maintain_order="left"
    )
    refer = pl.col("method") == "REFER"
    seen = seen.with_columns(
        package=pl.when(refer).then(pl.lit("refer")).otherwise(pl.coalesce("package", pl.lit("?"))),
        subscriber_tag=pl.when(notify).then("to_tag").otherwise("from_tag"),
        notifier_tag=pl.when(notify).then("from_tag").otherwise("to_tag"),
    )
    seen = seen.drop("from_tag", "to_tag").sort("start_ns", maintain_order=True)
    # A REFER that is sent again with credentials is known by the CSeq of the last.
    same = ["_call", "subscriber_tag", "method"]
    again = pl.col("status").is_in(_CHALLENGES) & (pl.col("refer_to") == pl.col("refer_to").shift(-1).over(same))
    number = pl.when(~again.fill_null(value=False)).then(pl.col("cseq").cast(pl.String))
    return seen.with_columns(id=pl.when(refer).then(number.backward_fill().over(same)).otherwise("id"))


def _accepted(messages: pl.DataFrame) -> pl.DataFrame:
    """Who accepted each SUBSCRIBE and REFER, and what they grant: ``_leg cseq method accepted_by granted accepted
    accepted_dialog``, a row for each To tag of a 2xx, that nearest to the subscriber first.

    Where the proxy that forks was captured, so were the 2xx that it keeps for itself (RFC 3261 §16.7, item 5).
    """
    said = messages.filter(
        pl.col("method").is_in(_ASKS) & pl.col("status").is_between(200, 299) & ~pl.col("duplicate")
    ).select(
        "_leg", "cseq", "method", "via_count", accepted_by="to_tag", granted="expires", accepted="message",
        accepted_dialog="_dialog",
    )  # fmt: skip
    said = said.sort("via_count", maintain_order=True).drop("via_count")
    return said.unique(["_leg", "cseq", "method", "accepted_by"], keep="first", maintain_order=True)


def _asks(requests: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """The SUBSCRIBEs and REFERs, with what their final response grants and the tag of who sent it.

    ``attempt`` is the number of the attempt that one is of, null within a dialog.
    """
    asks = requests.filter(pl.col("method").is_in(_ASKS)).with_columns(pl.col("id").fill_null(""))
    of = ["_leg", "cseq", "method"]
    nearest = accepted.unique(of, keep="first", maintain_order=True).drop("accepted")
    asks = asks.join(nearest, on=of, how="left", maintain_order="left").with_row_index("attempt")
    initial = pl.col("notifier_tag").is_null()
    after = pl.col("status").shift().over([*_WHO, initial])
    # A final response that is not asked again after; the first of all has none before it.
    begins = ~after.is_in(_ASKED_AGAIN) | (pl.int_range(pl.len()).over([*_WHO, initial]) == 0)
    asks = asks.with_columns(
        attempt=pl.when(initial & begins).then("attempt").forward_fill().over([*_WHO, initial]),
    )
    # Who accepted it has accepted an earlier one: that is a refresh without a To tag.
    by = pl.col("accepted_by").drop_nulls().first().over([*_WHO, "attempt"])
    asks = asks.with_columns(_by=pl.when(pl.col("attempt").is_not_null()).then(by))
    known = pl.col("_by").is_not_null() & (pl.col("attempt") > pl.col("attempt").min().over([*_WHO, "_by"]))
    return asks.with_columns(
        attempt=pl.when(~known).then("attempt"),
        notifier_tag=pl.when(known).then("_by").otherwise("notifier_tag"),
        _dialog=pl.coalesce("_dialog", "accepted_dialog"),
    ).drop("_by", "accepted_by", "accepted_dialog")


def _notifies(requests: pl.DataFrame) -> pl.DataFrame:
    """The NOTIFYs; one of the package refer that names no id is of the last REFER before it (RFC 3515 §2.4.6)."""
    notifies = requests.filter(pl.col("method") == "NOTIFY")
    by = ["_call", "subscriber_tag", "package"]
    refers = requests.filter(pl.col("method") == "REFER").select(*by, "start_ns", refer_id="id")
    notifies = notifies.join_asof(refers, on="start_ns", by=by, check_sortedness=False)
    state = pl.col("subscription_state").str.extract(r"^\s*([\w-]+)").str.to_lowercase()
    return notifies.with_columns(
        id=pl.coalesce("id", "refer_id", pl.lit("")),
        state=state,
        reason=pl.col("subscription_state").str.extract(r"(?i);\s*reason\s*=\s*([\w.-]+)").str.to_lowercase(),
        left_s=events.left_s(pl.col("subscription_state")),
    )


def _groups(asks: pl.DataFrame, notifies: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """One row a subscription: ``group _call subscriber_tag notifier_tag package id _dialog attempt``, and of the 2xx
    that made it ``accepted granted``.

    What nobody accepted and nobody notified of has no tag of a notifier.
    """
    columns = [*_WHO, "notifier_tag", "_dialog"]
    tried = asks.filter(pl.col("attempt").is_not_null())
    made = tried.drop("granted", "_dialog", "notifier_tag").join(
        accepted.filter(pl.col("accepted_by").is_not_null()), on=["_leg", "cseq", "method"], maintain_order="left"
    )
    made = made.rename({"accepted_by": "notifier_tag", "accepted_dialog": "_dialog"})
    made = made.select(*columns, "attempt", "accepted", "granted", "start_ns")
    within = asks.filter(pl.col("attempt").is_null()).select(*columns, "start_ns")
    known = pl.concat([made, within, notifies.select(*columns, "start_ns")], how="diagonal")
    known = known.with_columns(pl.col("start_ns").fill_null(0))
    known = known.unique([*_WHO, "notifier_tag"], keep="first", maintain_order=True).with_row_index("group")
    # What was told before anybody asked is told of the first: the clocks of two capture points differ.
    begun = tried.unique("attempt", keep="first", maintain_order=True)
    first = pl.struct(_WHO).is_first_distinct()
    begun = begun.select(
        *_WHO, "_dialog", "notifier_tag", latest="attempt", start_ns=pl.when(~first).then("start_ns").otherwise(0)
    )
    known = (
        known.sort("start_ns", maintain_order=True)
        .join_asof(begun.drop("_dialog", "notifier_tag"), on="start_ns", by=_WHO, check_sortedness=False)
        .sort("group")
    )
    known = known.with_columns(attempt=pl.coalesce("attempt", "latest"))
    alone = begun.rename({"latest": "attempt"}).join(known, on="attempt", how="anti", maintain_order="left")
    known = pl.concat([known.drop("group", "latest", "start_ns"), alone.drop("start_ns")], how="diagonal")
    return known.with_row_index("group")


def _what_was_asked(groups: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """The groups with what was asked: by their attempt, and then within their dialog."""
    zero, accepted = pl.col("expires") == 0, pl.col("status").is_between(200, 299)
    ever = ~zero.fill_null(value=False)
    said = ("method", "refer_to", "from_uri", "to_uri", "request_uri", "asserted_identity", "start_ns", "key")
    first = [pl.col(name).first().alias(f"ask_{name}") for name in said]
    answered = ~pl.col("status").is_in(_CHALLENGES)
    # A 2xx that says nothing grants what was asked for (RFC 6665 §4.2.1.1 forbids that; it is seen).
    granted = pl.coalesce("granted", "expires")
    common = (
        *first,
        pl.col("expires").first().alias("asked_s"),
        granted.filter(accepted).first().alias("granted_s"),
        pl.col("fate").last().alias("last_fate"),
        pl.col("final_ns").last().alias("asked_final_ns"),
        pl.col("final_ns").filter(accepted).first().alias("accepted_ns"),
        pl.col("start_ns").filter(zero).first().alias("zero_start_ns"),
    )
    opened = asks.filter(pl.col("attempt").is_not_null())
    opened = opened.group_by("attempt", maintain_order=True).agg(
        *common,
        status=pl.coalesce(pl.col("status").filter(answered).last(), pl.col("status").last()),
        fetch=zero.any(),
        lasts=(accepted & ever).any(),
    )
    numbers = groups.select("group", *_WHO, "notifier_tag", of="attempt")
    later = asks.filter(pl.col("attempt").is_null()).join(
        numbers, on=[*_WHO, "notifier_tag"], nulls_equal=True, maintain_order="left"
    )
    # Of what is older than the capture, and of what a REFER makes, the first that was seen is no refresh.
    later = later.with_columns(first=pl.col("of").is_null() & pl.col("group").is_first_distinct())
    refused = pl.col("status").is_in(_ENDS) & ~pl.col("first")
    later = later.group_by("group", maintain_order=True).agg(
        *common,
        status=pl.coalesce(pl.col("status").filter(answered).first(), pl.col("status").last()),
        refreshes=(accepted & ever & ~pl.col("first")).sum(),
        zero_ns=pl.coalesce("final_ns", "start_ns").filter(zero).first(),
        refused_ns=pl.col("final_ns").filter(refused).last(),
        renewed_ns=pl.col("final_ns").filter(accepted & ever).last(),
        prolonged_ns=(pl.col("final_ns") + duration(granted)).filter(accepted & ever).last(),
    )
    both = [name for name in opened.columns if name in later.columns]
    groups = groups.join(opened, on="attempt", how="left", maintain_order="left")
    groups = groups.join(later, on="group", how="left", maintain_order="left", suffix="_later")
    groups = groups.with_columns(
        *(pl.coalesce(name, f"{name}_later").alias(name) for name in both if name != "granted_s"),
        granted_s=pl.coalesce("granted", "granted_s", "granted_s_later"),
        seen_asked=pl.col("attempt").is_not_null() | (pl.col("ask_method_later") == "REFER"),
    )
    until = pl.col("accepted_ns") + duration(pl.col("granted_s"))
    return groups.with_columns(granted_until_ns=pl.coalesce("prolonged_ns", pl.when("lasts").then(until)))


def _what_was_told(groups: pl.DataFrame, notifies: pl.DataFrame) -> pl.DataFrame:
    numbers = groups.select("group", *_WHO, "notifier_tag")
    rows = notifies.join(numbers, on=[*_WHO, "notifier_tag"], nulls_equal=True, maintain_order="left")
    over = pl.col("state") == "terminated"
    changed = pl.col("state").ne_missing(pl.col("state").shift().over("group"))
    rows = rows.with_columns(changed=changed)
    said = ("from_uri", "to_uri", "key")
    return rows.group_by("group", maintain_order=True).agg(
        *(pl.col(name).first().alias(f"notify_{name}") for name in said),
        notifies=pl.len(),
        first_notify_ns=pl.col("time_ns").first(),
        states=pl.col("state").filter("changed").drop_nulls().str.join(" "),
        last_state=pl.col("state").drop_nulls().last(),
        over_ns=pl.col("time_ns").filter(over).first(),
        reason=pl.col("reason").filter(over).first(),
        result=pl.col("fragment_status").drop_nulls().last(),
        undelivered_ns=pl.col("final_ns").filter(pl.col("status").is_in(_ENDS)).last(),
        delivered_ns=pl.col("final_ns").filter(pl.col("status").is_between(200, 299)).last(),
        told_until_ns=(pl.col("time_ns") + duration(pl.col("left_s"))).filter(~over).last(),
    )


def _ended(table: pl.DataFrame, end: int | None, longest_answer: int) -> pl.DataFrame:
    """``ended_ns``, ``ended_by`` and ``end_reason``: the first that holds."""
    until = pl.coalesce("told_until_ns", "granted_until_ns")
    until = pl.max_horizontal(until, "granted_until_ns")
    unsubscribed = pl.col("zero_start_ns").is_not_null() & (pl.col("zero_start_ns") <= pl.col("over_ns"))
    over, subscriber, notifier = pl.col("over_ns"), pl.lit("subscriber"), pl.lit("notifier")
    unknown, last = pl.lit("unknown"), pl.lit(end, pl.Int64)
    # What both sides accepted later shows that a refusal ended nothing (RFC 5057 §5.1).
    lived_ns = pl.max_horizontal("renewed_ns", "delivered_ns").fill_null(LONG_AGO)
    # Timer N (RFC 6665 §4.1.2.4): 64 T1 after the request.
    silent = pl.col("notifies").is_null() & (pl.col("accepted_ns") + longest_answer <= last)
    rules = [
        (over.is_not_null() & pl.col("fetch"), pl.lit("fetched"), over, subscriber),
        (over.is_not_null() & unsubscribed, pl.lit("unsubscribed"), over, subscriber),
        (over.is_not_null(), pl.coalesce("reason", pl.lit("terminated")), over, notifier),
        (pl.col("zero_ns").is_not_null(), pl.lit("unsubscribed"), pl.col("zero_ns"), subscriber),
        (pl.col("refused_ns") > lived_ns, pl.lit("refresh_refused"), pl.col("refused_ns"), notifier),
        (pl.col("undelivered_ns") > lived_ns, pl.lit("notify_refused"), pl.col("undelivered_ns"), subscriber),
        (
            pl.col("accepted_ns").is_null() & (pl.col("status") >= 300) & pl.col("notifies").is_null(),
            pl.lit("refused"),
            pl.col("asked_final_ns"),
            notifier,
        ),
        (
            pl.col("status").is_null() & (pl.col("last_fate") == "timeout") & pl.col("notifies").is_null(),
            pl.lit("unanswered"),
            pl.lit(None, pl.Int64),
            unknown,
        ),
        (until <= last, pl.lit("expired"), until, unknown),
        (silent, pl.lit("no_notify"), pl.lit(None, pl.Int64), unknown),
    ]
    begun = pl.col("seen_asked").fill_null(value=False)
    reason = pl.when(begun).then(pl.lit("open")).otherwise(pl.lit("joined"))
    table = table.with_columns(
        end_reason=first_of([(holds, why) for holds, why, _, _ in rules], reason),
        ended_ns=first_of([(holds, when) for holds, _, when, _ in rules], pl.lit(None, pl.Int64)),
        ended_by=first_of([(holds, who) for holds, _, _, who in rules], None),
    )
    alive = pl.col("end_reason").is_in(["open", "joined", "no_notify"])
    return table.with_columns(
        state=pl.when(alive).then("last_state").otherwise(pl.lit("terminated")),
    )


def _named(table: pl.DataFrame) -> pl.DataFrame:
    """The subscriptions with every column of the table but ``call``."""
    uris = (
        "ask_asserted_identity",
        "ask_from_uri",
        "ask_to_uri",
        "ask_request_uri",
        "notify_to_uri",
        "notify_from_uri",
    )
    table = table.with_columns(identity.subscribers(table[name]).alias(name) for name in uris)
    refer = pl.col("package") == "refer"
    return table.with_columns(
        # Who forks makes several of one request: of all but the first the NOTIFY is the earliest of their own.
        subscription=pl.when(pl.col("ask_key").is_first_distinct())
        .then(pl.coalesce("ask_key", "notify_key"))
        .otherwise(pl.coalesce("notify_key", "accepted", "ask_key_later", "ask_key")),
        kind=pl.when(refer).then(pl.lit("refer")).otherwise(pl.lit("subscribe")),
        package=pl.when(pl.col("package") != "?").then("package"),
        event_id=pl.when(~refer & (pl.col("id") != "")).then("id"),
        subscriber=pl.coalesce("ask_asserted_identity", "ask_from_uri", "notify_to_uri"),
        resource=pl.coalesce("ask_to_uri", "ask_request_uri", "notify_from_uri"),
        refer_to="ask_refer_to",
        started_at="ask_start_ns",
        started_ns="ask_start_ns",
        notifies=pl.col("notifies").fill_null(0),
        refreshes=pl.col("refreshes").fill_null(0),
        first_notify_at="first_notify_ns",
        notify_delay_s=elapsed("ask_start_ns", "first_notify_ns"),
        states=pl.when(pl.col("states").str.len_bytes() > 0).then("states"),
        ended_at="ended_ns",
    )


def publications(
    messages: pl.DataFrame, transactions: pl.DataFrame, fields: pl.DataFrame, *, end: int | None = None
) -> pl.DataFrame:
    """The table ``publications``: PUBLISH requests (RFC 3903), each once over all hops, by time.

    ``fields``: the header fields ``SIP-ETag`` and ``SIP-If-Match``, ``message name ordinal value``. What was published
    is known to its compositor by the entity-tag of the last 2xx, which the next PUBLISH names: so they form chains.
    """
    seen = messages.filter(
        (pl.col("method") == "PUBLISH") & pl.col("status").is_null() & ~pl.col("duplicate") & ~pl.col("retransmission")
    ).select(
        "message", "_leg", "cseq", "via_count", "transaction", "event", "expires", "from_uri", "to_uri", "request_uri",
        "asserted_identity", "body_length", start_ns=ns("first_byte_at"),
    )  # fmt: skip
    one = ["_leg", "cseq"]
    first = seen.unique(one, keep="first", maintain_order=True).select(*one, publish="message")
    seen = seen.sort("via_count", maintain_order=True).unique(one, keep="first", maintain_order=True)
    seen = seen.join(first, on=one, how="left", nulls_equal=True, maintain_order="left").sort(
        "start_ns", maintain_order=True
    )
    finals = transactions.select("transaction", "status", final_ns=ns("final_at"))
    accepted = messages.filter((pl.col("method") == "PUBLISH") & pl.col("status").is_between(200, 299))
    accepted = accepted.unique("transaction", keep="first", maintain_order=True)
    tags = {
        name: fields.filter(pl.col("name") == header).unique("message", keep="first").select("message", value)
        for name, header, value in (
            ("etag", "SIP-ETag", pl.col("value").alias("etag")),
            ("if_match", "SIP-If-Match", pl.col("value").alias("if_match")),
        )
    }
    accepted = accepted.select("transaction", "message", granted_s="expires").join(
        tags["etag"], on="message", how="left", maintain_order="left"
    )
    for other, on in (
        (finals, "transaction"),
        (accepted.drop("message"), "transaction"),
        (tags["if_match"], "message"),
    ):
        seen = seen.join(other, on=on, how="left", maintain_order="left")
    seen = seen.with_row_index("number")
    of = ["if_match", "request_uri"]
    granted = seen.select("number", "request_uri", if_match="etag", before="number").drop_nulls()
    later = seen.select("number", *of).drop_nulls()
    before = later.join_asof(granted, on="number", by=of, allow_exact_matches=False, check_sortedness=False)
    seen = seen.join(before.select("number", "before"), on="number", how="left", maintain_order="left")
    root = linked_rows.roots(seen["before"])
    removes = pl.col("expires") == 0
    named = {name: identity.subscribers(seen[name]) for name in ("asserted_identity", "from_uri", "to_uri")}
    seen = seen.with_columns(
        publication=seen["publish"].gather(root),
        action=pl.when(removes)
        .then(pl.lit("remove"))
        .when(pl.col("if_match").is_null())
        .then(pl.lit("publish"))
        .when(pl.col("body_length") > 0)
        .then(pl.lit("modify"))
        .otherwise(pl.lit("refresh")),
        publisher=pl.coalesce(named["asserted_identity"], named["from_uri"]),
        resource=named["to_uri"],
        package=events.package(pl.col("event")),
        asked_s="expires",
        granted_s=pl.when(pl.col("status").is_between(200, 299)).then(pl.coalesce("granted_s", "expires")),
        published_at="start_ns",
        delay_s=elapsed("start_ns", "final_ns"),
    )
    expires = pl.col("final_ns") + duration(pl.col("granted_s"))
    replaced = pl.col("number").is_in(seen["before"].drop_nulls().implode())
    accepted_one = pl.col("status").is_between(200, 299)
    seen = seen.with_columns(
        end_reason=pl.when(~accepted_one.fill_null(value=False) | (pl.col("action") == "remove"))
        .then(None)
        .when(replaced)
        .then(pl.lit("replaced"))
        .when(expires <= pl.lit(end, pl.Int64))
        .then(pl.lit("expired"))
        .otherwise(pl.lit("open"))
    )
    return typed(seen, schema.PUBLICATIONS)
