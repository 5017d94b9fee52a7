"""Which service each dialog, and each request outside one, is for: voice, SMS, presence, conference, supplementary
services (TS 24.173), emergency, RCS; and what says so.

A row is a service of a unit: of a dialog, with the requests that opened it; or of a request outside dialogs over all
its hops. What names services stands in :mod:`~analyzer.ims.service_rules`; here are those that need more than one
field. A service is what somebody asked for or made use of; whether the other side took part, dialogs and calls say.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import events
from analyzer.columns.typed import typed
from analyzer.ims.service_rules import DETAIL, EVENT_RULES, HEADER_RULES, MEDIA_RULES, PART_RULES, Of
from analyzer.sip import in_dialog

_OPENS = ["INVITE", "SUBSCRIBE", "REFER"]
_USAGE = {"invite": "INVITE", "subscribe": "SUBSCRIBE", "refer": "REFER"}
_HIT = ["message", "service", "detail", "evidence", "standard"]
# A message has three times as many, which are dear to copy.
_COLUMNS = (
    *("message", "method", "status", "time", "first_byte_at", "duplicate", "retransmission", "transaction", "cseq"),
    *("via_count", "to_tag", "from_uri", "to_uri", "request_uri", "contact_uri", "event", "replaces", "refer_to"),
    *("content_type", "_leg", "_dialog", "_sdp", "_headers"),
)

_PICKUP = "RFC 3891 §6.1, RFC 5359 §2.16"
_REQUEST = pl.col("status").is_null()
_INVITE = pl.col("method") == "INVITE"
_OF: dict[Of, pl.Expr] = {
    "any": pl.lit(value=True),
    "invite": _INVITE,
    "invite_request": _INVITE & _REQUEST,
    "invite_response": _INVITE & ~_REQUEST,
}


def services(
    messages: pl.DataFrame,
    dialogs: pl.DataFrame,
    hops: pl.DataFrame,
    holds: pl.DataFrame,
    descriptions: pl.DataFrame,
    parts: pl.DataFrame,
    fields: pl.DataFrame,
) -> pl.DataFrame:
    """The table ``services`` without ``call``, by the start of each unit.

    ``messages``, ``descriptions``, ``parts`` and ``fields`` (header fields) as the core gives them; ``dialogs``
    and ``hops`` of :func:`analyzer.sip.dialogs.with_hops`, ``holds`` of the same dialogs.
    """
    seen = messages.select(_COLUMNS).filter(~pl.col("duplicate")).with_row_index("row")
    own, of_dialogs, of_requests = _units(seen, dialogs, hops)
    hits = pl.concat([
        _by_header(seen, fields),
        _by_part(seen, parts),
        _by_event(seen),
        _by_media(seen, descriptions),
        _by_message(seen, fields),
    ])  # fmt: skip
    placed = pl.concat([_placed(seen, hits, of_dialogs, of_requests), _held(holds, own)])
    placed = placed.unique(["subject", "service", "detail"], keep="first", maintain_order=True)
    placed = _without_doubt(placed)
    table = own.join(placed, on="subject", how="left", maintain_order="left")
    table = table.with_columns(
        service=pl.col("service").fill_null("unknown"), evidence=pl.col("evidence").fill_null("nothing says")
    )
    return typed(table, schema.SERVICES, without=("call",))


# ---- units -----------------------------------------------------------------------------------------------------------


def _units(
    seen: pl.DataFrame, dialogs: pl.DataFrame, hops: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The units in order of their start; of the dialogs their hash and how they were opened, ``_dialog _leg method
    unit``; of requests outside dialogs ``_leg method number unit``, where ``number`` is the CSeq of what opens none."""
    found = dialogs.select("dialog", method=pl.col("usage").replace_strict(_USAGE, return_dtype=pl.String))
    of_dialogs = hops.select("_dialog", "_leg", "dialog").join(found, on="dialog").rename({"dialog": "subject"})
    outside = (
        # Requests within the dialog of an INVITE are of it, known or not (RFC 3261, 3262, 3311, 6086).
        seen.filter(_REQUEST & ~pl.col("retransmission") & ~pl.col("method").is_in([*in_dialog.OF_INVITE, "CANCEL"]))
        .join(of_dialogs, on="_dialog", how="anti", maintain_order="left")
        .select("row", "message", "_leg", "method", "via_count", "transaction", number=_number())
    )
    opening = pl.col("method").is_in(_OPENS)
    outside = pl.concat([
        outside.filter(~opening),
        outside.filter(opening).join(of_dialogs, on=["_leg", "method"], how="anti", maintain_order="left"),
    ]).sort("row")  # fmt: skip
    one = ["_leg", "method", "number"]
    of_requests = outside.group_by(one, maintain_order=True).agg(
        subject=pl.col("message").first(), transaction=pl.col("transaction").sort_by("via_count", "row").first()
    )
    own = pl.concat(
        [
            of_dialogs.select("subject", "method", dialog="subject"),
            of_requests.select("subject", "method", "transaction"),
        ],
        how="diagonal",
    )
    starts = seen.select("row", subject="message", started_at=pl.coalesce("first_byte_at", "time"))
    own = own.join(starts, on="subject", how="left")
    # A dialog is there from the response that makes it; it was started by the request.
    asked = seen.filter(_REQUEST & opening & pl.col("to_tag").is_null()).unique(["_leg", "method"], keep="first")
    asked = asked.select("_leg", "method", asked_at="first_byte_at", asked_row="row")
    asked = of_dialogs.select("subject", "_leg", "method").join(asked, on=["_leg", "method"]).drop("_leg", "method")
    own = own.join(asked, on="subject", how="left").with_columns(
        pl.min_horizontal("row", "asked_row"), started_at=pl.min_horizontal("started_at", "asked_at")
    )
    own = own.sort("row", "subject").select("subject", "method", "dialog", "transaction", "started_at")
    return own, of_dialogs, of_requests.drop("transaction")


def _number() -> pl.Expr:
    """What tells requests of one Call-ID and From tag apart: one that opens a dialog is sent again, with credentials or
    a longer interval, until it does."""
    return pl.when(pl.col("method").is_in(_OPENS)).then(None).otherwise("cseq")


def _placed(
    seen: pl.DataFrame, hits: pl.DataFrame, of_dialogs: pl.DataFrame, of_requests: pl.DataFrame
) -> pl.DataFrame:
    """The hits with the units that their messages belong to, in order of the messages."""
    where = seen.select("row", "message", "_dialog", "_leg", "method", number=_number())
    # What one message says comes in the order of the rules.
    hits = hits.with_row_index("rank").join(where, on="message").sort("row", "rank")
    within = hits.join(of_dialogs.select("_dialog", "subject"), on="_dialog")
    rest = hits.join(of_dialogs, on="_dialog", how="anti", maintain_order="left")
    # Every dialog of a leg was opened by the same: what is said again says nothing new of any.
    said = rest.unique(["_leg", "method", "service", "detail"], keep="first", maintain_order=True)
    opened = said.join(of_dialogs.select("_leg", "method", "subject"), on=["_leg", "method"])
    outside = rest.join(of_requests, on=["_leg", "method", "number"], nulls_equal=True)
    columns = ["row", "rank", "subject", *_HIT]
    placed = pl.concat([found.select(columns) for found in (within, opened, outside)])
    return placed.sort("row", "rank", "subject").drop("row", "rank")


def _without_doubt(placed: pl.DataFrame) -> pl.DataFrame:
    """What one service explains is no sign of another: a REFER to a focus adds to a conference (RFC 4579 §5.5), and a
    MESSAGE with a body of a service is no chat beside."""
    explains = {
        "communication_transfer": ["conference"],
        "instant_message": ["sms", "rcs_chat", "delivery_notification"],
    }
    for service, others in explains.items():
        explained = placed.filter(pl.col("service").is_in(others))["subject"].unique()
        placed = placed.filter((pl.col("service") != service) | ~pl.col("subject").is_in(explained.implode()))
    return placed


# ---- what says so ----------------------------------------------------------------------------------------------------


def _hit(
    service: str | pl.Expr, evidence: pl.Expr, standard: str | pl.Expr, detail: pl.Expr | None = None
) -> list[pl.Expr]:
    return [
        pl.col("message"),
        (pl.lit(service) if isinstance(service, str) else service).alias("service"),
        (pl.lit(None, pl.String) if detail is None else detail).alias("detail"),
        evidence.alias("evidence"),
        (pl.lit(standard) if isinstance(standard, str) else standard).alias("standard"),
    ]


def _by_header(seen: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    # Contacts and histories are said again and again: each value is looked at once.
    values = fields.select("name", "value").drop_nulls().unique(maintain_order=True)
    found = [_nothing().rename({"message": "rule"}).with_columns(name=pl.lit(""), value=pl.lit(""))]
    for number, rule in enumerate(HEADER_RULES):
        named = values.filter((pl.col("name") == rule.header) & pl.col("value").str.contains(f"(?i){rule.pattern}"))
        if named.is_empty():
            continue
        # Without a group the pattern is its own detail.
        told = pl.col("value").str.extract_all(f"(?i){rule.pattern}")
        named = named.with_columns(matched=told).explode("matched")
        detail = pl.lit(None, pl.String)
        if "(" in rule.pattern.replace("(?", ""):
            group = pl.col("matched").str.extract(f"(?i){rule.pattern}").str.to_lowercase()
            detail = pl.coalesce(group.replace_strict(DETAIL, default=None, return_dtype=pl.String), group)
        named = named.with_columns(detail=detail).unique(["value", "detail"], maintain_order=True)
        said = (
            pl.col("name")
            if rule.pattern == r"\S"
            else pl.format("{}: {}", "name", pl.col("matched").str.strip_chars(" ;?&<"))
        )
        hit = _hit(rule.service, said, rule.standard, pl.col("detail"))[1:]
        found.append(named.select(pl.lit(number, pl.Int64).alias("rule"), *hit, "name", "value"))
    rows = fields.join(pl.concat(found), on=["name", "value"], maintain_order="left_right")
    rows = rows.join(seen.select("message", "method", "status"), on="message", maintain_order="left")
    meant = pl.any_horizontal(
        pl.col("rule").is_in([n for n, rule in enumerate(HEADER_RULES) if rule.of == of]) & holds
        for of, holds in _OF.items()
    )
    return rows.filter(meant).sort("rule", maintain_order=True).select(_HIT)


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"message": pl.Int64} | dict.fromkeys(_HIT[1:], pl.String))


def _of_word(column: pl.Expr, rules: dict[str, tuple[str, str]], place: int) -> pl.Expr:
    return column.replace_strict(
        list(rules), [rule[place] for rule in rules.values()], default=None, return_dtype=pl.String
    )


def _by_part(seen: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    named = parts.filter(pl.col("_media_type").is_in(list(PART_RULES)))
    named = named.join(seen, on="message", how="semi", maintain_order="left")
    kind = pl.col("_media_type")
    said = pl.format("body {}", kind)
    known = named.select(_hit(_of_word(kind, PART_RULES, 0), said, _of_word(kind, PART_RULES, 1)))
    # A list of recipients in an INVITE asks for a conference with them (RFC 5366).
    invites = seen.filter(_INVITE & _REQUEST)
    lists = parts.filter(kind == "application/resource-lists+xml").join(invites, on="message", how="semi")
    return pl.concat([known, lists.select(_hit("conference", said, "RFC 5366, TS 24.147"))])


def _by_event(seen: pl.DataFrame) -> pl.DataFrame:
    told = seen.filter(_REQUEST & pl.col("event").is_not_null())
    told = told.select("message", package=events.package(pl.col("event")))
    told = told.filter(pl.col("package").is_not_null() & (pl.col("package") != "refer"))
    # A package may be a template of another: presence.winfo, conference.winfo (RFC 6665 §4.3).
    plain = pl.col("package").str.replace(r"\.winfo$", "")
    service, standard = (
        pl.coalesce(_of_word(pl.col("package"), EVENT_RULES, place), _of_word(plain, EVENT_RULES, place))
        for place in (0, 1)
    )
    return told.select(
        _hit(
            pl.coalesce(service, pl.lit("subscription")),
            pl.format("Event: {}", "package"),
            pl.coalesce(standard, pl.lit("RFC 6665")),
            pl.col("package"),
        )
    )


def with_pickups(services: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """``services`` with the Replaces of a call that was picked up named so, where it does not say early-only itself."""
    taken = calls.filter((pl.col("outcome_detail") == "picked_up").fill_null(value=False))["continued_by"]
    picks = (pl.col("evidence") == "Replaces") & pl.col("call").is_in(taken.implode())
    pickup = pl.when(picks.fill_null(value=False))
    return services.with_columns(
        service=pickup.then(pl.lit("call_pickup")).otherwise("service"),
        standard=pickup.then(pl.lit(_PICKUP)).otherwise("standard"),
    )


def _by_media(seen: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """What streams a description has that are not refused."""
    channel = (pl.col("media") == "application") & pl.col("formats").str.contains(r"(?i)\bwebrtc-datachannel\b")
    offered = descriptions.filter(pl.col("port").ne_missing(0)).select(
        "_sdp",
        "early_session",
        media=pl.when(channel)
        .then(pl.lit("application webrtc-datachannel"))
        .otherwise(pl.col("media").str.to_lowercase()),
    )
    offered = offered.unique(maintain_order=True)
    # The first that says it is enough.
    told = seen.filter(pl.col("_sdp").is_not_null()).unique(
        ["_leg", "_dialog", "_sdp"], keep="first", maintain_order=True
    )
    rows = told.select("message", "_sdp").join(offered, on="_sdp", maintain_order="left_right")
    media = pl.col("media")
    known = rows.filter(media.is_in(list(MEDIA_RULES)))
    said = pl.format("SDP m={}", media)
    streams = known.select(_hit(_of_word(media, MEDIA_RULES, 0), said, _of_word(media, MEDIA_RULES, 1)))
    early = rows.filter("early_session").unique("message", keep="first", maintain_order=True)
    return pl.concat([streams, early.select(_hit("cat", pl.lit("SDP of an early session"), "TS 24.182, RFC 3959"))])


def _by_message(seen: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """What start lines, and identities, say."""
    method, status = pl.col("method"), pl.col("status")
    target = pl.coalesce("request_uri", "to_uri").str.to_lowercase()
    opens = seen.filter(_REQUEST & method.is_in(["INVITE", "MESSAGE", "REGISTER", "OPTIONS", "REFER", "PUBLISH"]))
    urn = r"(?i)^urn:service:((?:test\.)?sos(?:\.[a-z0-9.-]*)?)"
    # Behind the E-CSCF the Request-URI is that of whoever answers such calls; To stays (TS 24.229 §5.11.2).
    sos = pl.coalesce(pl.col(uri).str.extract(urn).str.to_lowercase() for uri in ("request_uri", "to_uri"))
    place = pl.when(pl.col("request_uri").str.contains(urn)).then(pl.lit("Request-URI")).otherwise(pl.lit("To"))
    emergency = opens.filter(sos.is_not_null() & method.is_in(["INVITE", "MESSAGE"]))
    registered = opens.filter((method == "REGISTER") & pl.col("contact_uri").str.contains(r"(?i);sos(?:[;=?]|$)"))
    ecall = emergency.filter(sos.str.contains(r"sos\.ecall\b"))
    plain = {
        "MESSAGE": ("instant_message", "RFC 3428"),
        "REGISTER": ("registration", "RFC 3261 §10"),
        "OPTIONS": ("options", "RFC 3261 §11"),
    }
    by_method = opens.filter(method.is_in(list(plain)))
    invites = opens.filter(method == "INVITE")
    factory = invites.filter(target.str.contains(r"@conf(?:erence)?-?factory\.|^sips?:(?:conf(?:erence)?-?factory)@"))
    replacing = invites.filter(pl.col("replaces").is_not_null())
    only_early = pl.col("replaces").str.contains(r"(?i);\s*early-only\b")
    anonymous = invites.filter(pl.col("from_uri").str.contains(r"(?i)@anonymous\.invalid"))
    named = (1 << schema.HEADERS.index("Privacy")) | (1 << schema.HEADERS.index("P-Asserted-Identity"))
    asserted = 1 << schema.HEADERS.index("P-Asserted-Identity")
    identified = seen.filter(
        _INVITE & pl.col("to_tag").is_null() & ((pl.col("_headers") & named) == asserted) & _REQUEST
    )
    answered = seen.filter(_INVITE & status.is_between(101, 299) & ((pl.col("_headers") & named) == asserted))
    refers = seen.filter(_REQUEST & (method == "REFER"))
    of_dialog = fields.filter(pl.col("name") == "Target-Dialog")
    transfers = refers.filter(
        (pl.col("to_tag").is_not_null() | pl.col("refer_to").str.contains(r"(?i)[?&]replaces="))
        | pl.col("message").is_in(of_dialog["message"].implode())
    )
    uri = pl.format("Request-URI {}", target)
    named_sos = pl.format("{} urn:service:{}", place, sos)
    return pl.concat([
        emergency.select(_hit("emergency", named_sos, "TS 24.229 §5.1.6, RFC 5031", sos)),
        ecall.select(_hit("ecall", named_sos, "RFC 8147, RFC 8148", sos.str.extract(r"ecall\.([a-z]+)"))),
        registered.select(_hit("emergency", pl.lit("Contact with sos"), "TS 24.229 §5.1.6.2")),
        by_method.select(_hit(_of_word(method, plain, 0), method, _of_word(method, plain, 1))),
        factory.select(_hit("conference", uri, "TS 23.003 §13.10, RFC 4579 §5.1")),
        replacing.filter(~only_early).select(
            _hit("communication_transfer", pl.lit("Replaces"), "TS 24.629, RFC 3891")
        ),
        replacing.filter(only_early).select(_hit("call_pickup", pl.lit("Replaces"), _PICKUP)),
        anonymous.select(_hit("oir", pl.lit("From: anonymous"), "TS 24.607, RFC 3323")),
        identified.select(_hit("oip", pl.lit("P-Asserted-Identity without Privacy"), "TS 24.607, RFC 3325")),
        answered.select(_hit("tip", pl.lit("P-Asserted-Identity of a response"), "TS 24.608, RFC 3325")),
        transfers.select(_hit("communication_transfer", pl.lit("REFER"), "TS 24.629, RFC 3515")),
        refers.join(transfers, on="message", how="anti").select(_hit("refer", pl.lit("REFER"), "RFC 3515")),
        seen.filter(_INVITE & (status == 181)).select(
            _hit("call_forwarding", pl.lit("181"), "TS 24.604, RFC 3261 §21.1.3")
        ),
        seen.filter(_INVITE & (status == 433)).select(_hit("acr", pl.lit("433"), "TS 24.611, RFC 5079")),
        seen.filter(_INVITE & (status == 380) & (pl.col("content_type") == "application/3gpp-ims+xml")).select(
            _hit("emergency", pl.lit("380 with application/3gpp-ims+xml"), "TS 24.229 §5.1.2.2.1")
        ),
        seen.filter(_INVITE & (status == 504) & (pl.col("content_type") == "application/3gpp-ims+xml")).select(
            _hit("restoration", pl.lit("504 with application/3gpp-ims+xml"), "TS 23.380 §4, TS 24.229 §7.6")
        ),
        # Busy, no reply, not logged in (CCBS, CCNR, CCNL).
        invites.filter(target.str.contains(r";m=(?:bs|nr|nl)\b")).select(
            _hit("call_completion", uri, "TS 24.642, RFC 6910 §4")
        ),
    ])  # fmt: skip


def _held(holds: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    rows = holds.filter(pl.col("dialog").is_not_null()).join(own, on="dialog", how="semi")
    said = pl.format("offer and answer: held by the {}", "held_by")
    found = rows.select("dialog", "held_by", message=pl.lit(None, pl.Int64))
    return found.select(
        pl.col("dialog").alias("subject"), *_hit("hold", said, "TS 24.610, RFC 3264 §8.4", pl.col("held_by"))
    )
