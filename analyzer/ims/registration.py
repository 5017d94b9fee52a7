"""Registration in an IMS (TS 24.229 §5.1.1, §5.2.2, §5.4.1): authentication, security agreement, routes, bindings.

Each table is a function of the attempts of ``sip.registrations`` and of what the core tells of REGISTERs
(``ims_headers``). Keys and digest responses never leave the core; RAND, AUTN and AUTS are no secrets, they are sent in
clear.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed
from analyzer.ims import security_associations

_ACCEPTED = pl.col("status").is_between(200, 299)
_CHALLENGED = pl.col("status").is_in([401, 407])


# ---- challenges ------------------------------------------------------------------------------------------------------


def challenges(requests: pl.DataFrame, messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """The table ``challenges``. ``requests`` as ``sip.registrations.with_requests`` gives them.

    A nonce of AKA is RAND and AUTN, 16 bytes each, and whatever the server likes (RFC 3310 §3.2).
    """
    if requests.is_empty():
        return pl.DataFrame(schema=schema.CHALLENGES.polars())
    said = ims_headers.select("message", "_algorithm", "_realm", "_aka_nonce", "_auts")
    keys = pl.concat([requests["message"], requests["final"]]).drop_nulls().unique()
    told = messages.select("message", "stale", "_nonce", "_headers").filter(pl.col("message").is_in(keys.implode()))
    asked = 1 << schema.HEADERS.index("Authorization")
    rows = requests.join(said.drop("_auts").rename({"message": "final"}), on="final", how="left", maintain_order="left")
    rows = rows.join(told.select(final="message", stale="stale"), on="final", how="left", maintain_order="left")
    answers = (
        rows.select("message")
        .join(said.select("message", "_auts"), on="message", how="left", maintain_order="left")
        .join(told.select("message", "_nonce", "_headers"), on="message", how="left", maintain_order="left")
    )
    rows = rows.with_columns(
        auts=answers["_auts"], answers=answers["_nonce"].is_not_null() & ((answers["_headers"] & asked) != 0)
    )
    following = ("message", "start_ns", "status", "credentials", "auts", "answers", "stale")
    rows = rows.with_columns(pl.col(name).shift(-1).over("registration").alias(f"next_{name}") for name in following)
    raw = pl.col("_aka_nonce").str.decode("base64", strict=False).bin.encode("hex")
    table = (
        rows.filter(_CHALLENGED)
        .with_columns(
            nonce=pl.when(raw.str.len_bytes() >= 64).then(raw),
            auts=pl.col("next_auts").str.decode("base64", strict=False).bin.encode("hex"),
        )
        .with_columns(rand=pl.col("nonce").str.slice(0, 32), autn=pl.col("nonce").str.slice(32, 32))
    )
    table = table.sort("final_ns", maintain_order=True).with_columns(
        challenge="final",
        answer="next_message",
        challenged_at="final_ns",
        answered_at="next_start_ns",
        outcome=_outcome(),
        status="next_status",
        algorithm="_algorithm",
        realm="_realm",
        amf=pl.col("autn").str.slice(12, 4),
        rand_seen=pl.col("rand").is_not_null() & ~pl.col("rand").is_first_distinct(),
    )  # fmt: skip
    return typed(table, schema.CHALLENGES)


def _outcome() -> pl.Expr:
    """What the next REGISTER of the attempt says of a challenge, and what it was answered."""
    status = pl.col("next_status")
    again = status.is_in([401, 407])
    return (
        pl.when(pl.col("next_message").is_null())
        .then(pl.lit("unanswered"))
        .when(pl.col("next_auts").is_not_null())
        .then(pl.lit("sync_failure"))
        .when(~pl.col("next_credentials") & pl.col("next_answers"))
        .then(pl.lit("mac_failure"))
        .when(~pl.col("next_credentials"))
        .then(pl.lit("begun_anew"))
        .when(again & pl.col("next_stale"))
        .then(pl.lit("stale_nonce"))
        .when(again)
        .then(pl.lit("wrong_response"))
        .when(status.is_between(200, 299))
        .then(pl.lit("accepted"))
        .when(status.is_not_null())
        .then(pl.lit("rejected"))
        .otherwise(pl.lit("pending"))
    )


# ---- what an attempt says over all hops ------------------------------------------------------------------------------


def ims_registrations(
    registrations: pl.DataFrame,
    requests: pl.DataFrame,
    challenged: pl.DataFrame,
    messages: pl.DataFrame,
    ims_headers: pl.DataFrame,
) -> pl.DataFrame:
    """The table ``ims_registrations``: what is written inside the network is read there, where it was captured."""
    if registrations.is_empty():
        return pl.DataFrame(schema=schema.IMS_REGISTRATIONS.polars())
    copies = _copies(requests, messages, ims_headers)
    service_route, contact = pl.col("_service_route"), pl.col("_contact")
    granted = copies.filter(_ACCEPTED)
    facts = [
        copies.group_by("registration").agg(
            _first("_algorithm").alias("algorithm"),
            _last("_protected").alias("protected"),
            contact.str.extract(r'(?i)\+sip\.instance="<([^>"]*)>"').drop_nulls().first().alias("instance"),
            _last("_access_network").alias("access_network"),
            pl.col("_visited_network").str.strip_chars('" ').drop_nulls().last().alias("visited_network"),
            _last("_path").alias("path"),
        ),
        granted.group_by("registration").agg(
            service_route.drop_nulls().last().alias("service_route"),
            _last("_associated_uris").alias("public_ids"),
            # A GRUU in a parameter is a URI as well.
            contact.drop_nulls()
            .last()
            .str.replace_all(r'"[^"]*"', "")
            .str.count_matches(r"(?i)\b(?:sips?|tel):")
            .alias("contacts"),
            contact.str.extract(r'(?i)pub-gruu="([^"]*)"').drop_nulls().last().alias("public_gruu"),
            contact.str.extract(r'(?i)temp-gruu="([^"]*)"').drop_nulls().last().alias("temporary_gruu"),
        ),
        _security(copies),
        _associations(requests, messages, ims_headers),
        _details(registrations, challenged, copies),
    ]
    table = registrations
    for found in facts:
        table = table.join(found, on="registration", how="left", maintain_order="left")
    return typed(table, schema.IMS_REGISTRATIONS)


def _first(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls().first()


def _last(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls().last()


def _copies(requests: pl.DataFrame, messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """Every REGISTER of each attempt and every response to it, on all hops, in order of time."""
    of_attempt = requests.select("registration", "_leg", "cseq").unique(["_leg", "cseq"], keep="first")
    seen = messages.filter((pl.col("method") == "REGISTER") & ~pl.col("duplicate")).select(
        "message", "_leg", "cseq", "status", "via_count"
    )
    return seen.join(of_attempt, on=["_leg", "cseq"], maintain_order="left").join(
        ims_headers, on="message", how="left", maintain_order="left"
    )


def _security(copies: pl.DataFrame) -> pl.DataFrame:
    """The security agreement: ``registration security security_check``.

    A UE sends back what it was offered, word for word, so that nobody between can have taken the better part out (RFC
    3329 §2.3.1). Security-Verify belongs to the hop next to the UE; so does Security-Server.
    """

    def plain(column: str) -> pl.Expr:
        return pl.col(column).str.replace_all(r"[\s\"]", "").str.to_lowercase().drop_nulls().last()

    words = [
        pl.col("_security_server").str.extract(rf"(?i){name}\s*=\s*([\w.\-]+)") for name in (r";\s*alg", r";\s*ealg")
    ]
    mechanism = pl.concat_str(
        pl.col("_security_server").str.extract(r"^\s*([\w.\-]+)"), *words, separator=" ", ignore_nulls=True
    )
    agreed = copies.group_by("registration").agg(
        pl.when(pl.col("_security_server").is_not_null()).then(mechanism).drop_nulls().last().alias("security"),
        offered=plain("_security_server"),
        verified=plain("_security_verify"),
        answered=(pl.col("status").is_null() & pl.col("_aka_nonce").is_not_null()).any(),
    )
    check = (
        pl.when(pl.col("offered").is_null())
        .then(None)
        .when(pl.col("offered") == pl.col("verified"))
        .then(pl.lit("verified"))
        .when(pl.col("verified").is_not_null())
        .then(pl.lit("mismatch"))
        .when("answered")
        .then(pl.lit("not_verified"))
    )
    return agreed.select("registration", "security", security_check=check)


def _associations(requests: pl.DataFrame, messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """What was agreed for IPsec, and what was sent beside it: ``registration spis outside``."""
    agreed = security_associations.agreements(messages, ims_headers)
    of_attempt = requests.select("registration", "_leg", "cseq").unique(["_leg", "cseq"], keep="first")
    sent = security_associations.outside(messages, agreed).group_by("_leg", "cseq").agg(outside=pl.len())
    named = security_associations.spis(agreed).unique(["_leg", "cseq"], keep="last")
    found = named.join(sent, on=["_leg", "cseq"], how="left").join(of_attempt, on=["_leg", "cseq"])
    return found.group_by("registration").agg(pl.col("spis").last(), pl.col("outside").sum())


def _details(registrations: pl.DataFrame, challenged: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """What is likely behind an outcome: ``registration outcome_detail``."""
    last = challenged.group_by("registration", maintain_order=True).agg(
        pl.col("outcome").last().alias("last"), (pl.col("outcome") == "sync_failure").any().alias("sync")
    )
    nearest = copies.group_by("registration").agg(
        asked=pl.col("via_count").filter(pl.col("status").is_null()).min(),
        came=pl.col("via_count").filter(_CHALLENGED).min(),
        ipsec=pl.col("_security_server").str.contains("(?i)ipsec").any(),
    )
    status = pl.col("status")
    silent = (
        pl.when(pl.col("asked") > 1)
        .then(pl.lit("ue_not_seen"))
        .when("ipsec")
        .then(pl.lit("ue_silent_or_ipsec"))
        .otherwise(pl.lit("ue_silent"))
    )
    told = registrations.join(last, on="registration", how="left").join(nearest, on="registration", how="left")
    detail = (
        pl.when(status.is_null() & (pl.col("came") > pl.col("asked")))
        .then(pl.lit("challenge_lost"))
        .when((pl.col("outcome") == "challenged") & (pl.col("last") == "unanswered"))
        .then(silent)
        # An attempt that ends with a challenge and has failed: its credentials were challenged again.
        .when((pl.col("outcome") == "failed") & _CHALLENGED)
        .then(pl.lit("wrong_response"))
        .when(
            pl.col("last").is_in(["mac_failure", "wrong_response", "stale_nonce"]) & (pl.col("outcome") != "registered")
        )
        .then("last")
        .when(pl.col("sync"))
        .then(pl.lit("sync_failure"))
        .when(status == 494)
        .then(pl.lit("security_refused"))
        .when(status == 423)
        .then(pl.lit("interval_too_brief"))
    )
    return told.select("registration", outcome_detail=detail)


# ---- bindings --------------------------------------------------------------------------------------------------------


def bindings(
    registrations: pl.DataFrame, requests: pl.DataFrame, events: pl.DataFrame, *, end: int | None
) -> pl.DataFrame:
    """The table ``bindings``: what registrations and NOTIFYs leave behind, until ``end`` (ns), the capture's.

    A 200 begins a binding or carries it on until it expires anew; Expires 0, ``Contact: *`` and a NOTIFY that tells the
    contact terminated end it. ``requests`` as ``sip.registrations.with_requests`` gives them: contacts of one
    ``contact_key`` are one, however they are spelt.
    """
    if registrations.is_empty():
        return pl.DataFrame(schema=schema.BINDINGS.polars())
    keys = requests.select("registration", "contact_key").unique("registration", keep="last", maintain_order=True)
    registrations = registrations.join(keys, on="registration", how="left", maintain_order="left")
    steps = _steps(registrations, events).sort("aor", "contact_key", "at", "ends", maintain_order=True)
    same = pl.struct("aor", "contact_key").eq_missing(pl.struct("aor", "contact_key").shift()).fill_null(value=False)
    before = [pl.when(same).then(pl.col(name).shift()).alias(f"p_{name}") for name in ("ends", "until")]
    steps = steps.with_columns(before).with_columns(
        begins=~pl.col("ends") & (pl.col("p_ends").fill_null(value=True) | (pl.col("p_until") < pl.col("at")))
    )
    # What ends nothing that was seen to begin is no binding of this capture.
    steps = steps.with_columns(
        number=pl.col("begins").cum_sum(), group=pl.col("begins").cum_sum().over("aor", "contact_key")
    )
    steps = steps.filter(pl.col("group") > 0)
    found = steps.group_by("number", maintain_order=True).agg(
        pl.col("aor", "contact", "contact_key").first(),
        pl.col("registration").first().alias("binding"),
        pl.col("private_id").drop_nulls().last(),
        pl.col("at").first().alias("started_at"),
        pl.col("until").filter(~pl.col("ends")).last().alias("expires_at"),
        pl.col("at").filter(pl.col("ends")).first().alias("stopped"),
        pl.col("event").filter(pl.col("ends")).first(),
        pl.col("by").filter(pl.col("ends")).first(),
        ((~pl.col("ends")).sum() - 1).alias("refreshes"),
    )
    stopped = pl.col("stopped").is_not_null() & (pl.col("stopped") <= pl.col("expires_at"))
    lapsed = pl.col("expires_at") < pl.lit(end, pl.Int64)
    found = found.with_columns(
        ended_at=pl.when(stopped).then("stopped").when(lapsed).then("expires_at"),
        end_reason=pl.when(stopped)
        .then("by")
        .when(lapsed.fill_null(value=False))
        .then(pl.lit("expired"))
        .otherwise(pl.lit("open")),
        event=pl.when(stopped).then("event"),
    )
    again = found["started_at"].shift(-1)
    follows = (found["aor"] == found["aor"].shift(-1)) & (found["contact_key"] == found["contact_key"].shift(-1))
    found = found.with_columns(
        lapse_s=pl.when(follows.fill_null(value=False) & (pl.col("end_reason") == "expired")).then(
            seconds(again - pl.col("ended_at"))
        )
    )
    return typed(found.sort("started_at", "aor", "contact"), schema.BINDINGS)


def _steps(registrations: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """What changes a binding, one row each: ``aor contact at until ends by event registration private_id``."""
    own = registrations.filter(pl.col("kind") != "third_party").with_columns(at=ns("ended_at"))
    kept = ["aor", "contact", "contact_key", "at", "registration", "private_id"]
    bound = own.filter(pl.col("outcome") == "registered").select(
        *kept, until=pl.col("at") + pl.col("expires_s").fill_null(3600) * SECOND, ends=pl.lit(value=False)
    )
    removed = own.filter(pl.col("outcome") == "deregistered")
    # `Contact: *` removes every binding of the address of record (RFC 3261 §10.2.2).
    contacts = bound.select("aor", "contact", "contact_key").unique()
    flows = contacts.unique(["aor", "contact_key"], maintain_order=True)
    star = removed.filter(pl.col("contact") == "*").drop("contact", "contact_key").join(flows, on="aor")
    ended = pl.concat([removed.filter(pl.col("contact") != "*").select(kept), star.select(kept)])
    # A UE that deregisters is told so: that the network says it too is no second end. It may speak of any identity of
    # the implicit set, and of the contact with parameters of the P-CSCF: user, host and port are the same.
    gone = events.filter((pl.col("contact_state") == "terminated") & pl.col("event").ne_missing("unregistered")).select(
        "event",
        at=ns("time"),
        by=pl.lit("network"),
        ends=pl.lit(value=True),
        where=_without_parameters("contact"),
    )
    gone = gone.unique(["at", "where"], maintain_order=True).join(
        contacts.with_columns(where=_without_parameters("contact")), on="where", maintain_order="left"
    )
    ended = ended.with_columns(by=pl.lit("deregistered"), ends=pl.lit(value=True))
    return pl.concat([bound, ended, gone.drop("where")], how="diagonal")


def _without_parameters(uri: str) -> pl.Expr:
    return pl.col(uri).str.extract(r"^([^;?]*)").str.to_lowercase()


# ---- the event package reg -------------------------------------------------------------------------------------------


def reg_events(messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """The table ``reg_events``: what NOTIFYs of the package reg say (RFC 3680 §5), each once over all its hops.

    The documents are read by their tags and attributes, with and without a prefix of the namespace; entities other than
    ``&amp;`` stay as they are.
    """
    documents = ims_headers.filter(pl.col("_reginfo").is_not_null()).select("message", xml="_reginfo")
    if documents.is_empty():
        return pl.DataFrame(schema=schema.REG_EVENTS.polars())
    seen = messages.filter(~pl.col("duplicate") & (pl.col("method") == "NOTIFY")).select(
        "message", "time", "_leg", "cseq"
    )
    seen = seen.join(documents, on="message", maintain_order="left").unique(
        ["_leg", "cseq"], keep="first", maintain_order=True
    )
    document = pl.col("xml").str.extract(r"(?s)(<(?:[\w.\-]+:)?reginfo\b[^>]*>)")
    rows = seen.select(
        "message",
        "time",
        version=_attribute(document, "version").cast(pl.Int64, strict=False),
        document=_attribute(document, "state"),
        registration=pl.col("xml").str.extract_all(
            r"(?s)<(?:[\w.\-]+:)?registration\b.*?(?:</(?:[\w.\-]+:)?registration>|$)"
        ),
    ).explode("registration")
    head = pl.col("registration").str.extract(r"(?s)^(<[^>]*>)")
    rows = rows.with_columns(
        aor=_attribute(head, "aor"),
        state=_attribute(head, "state"),
        each=pl.col("registration").str.extract_all(r"(?s)<(?:[\w.\-]+:)?contact\b.*?</(?:[\w.\-]+:)?contact>"),
    ).explode("each", empty_as_null=True)
    contact = pl.col("each").str.extract(r"(?s)^(<[^>]*>)")
    rows = rows.with_columns(
        contact=pl.col("each")
        .str.extract(r"(?s)<(?:[\w.\-]+:)?uri\b[^>]*>\s*(.*?)\s*</")
        .str.replace_all("&amp;", "&", literal=True),
        contact_state=_attribute(contact, "state"),
        event=_attribute(contact, "event"),
        expires_s=_attribute(contact, "expires").cast(pl.Int64, strict=False),
    )
    return typed(rows.filter(pl.col("aor").is_not_null()), schema.REG_EVENTS)


def _attribute(tag: pl.Expr, name: str) -> pl.Expr:
    value = tag.str.extract(rf"""\s{name}\s*=\s*["']([^"'<]*)["']""")
    return pl.when(value.str.len_bytes() > 0).then(value.str.replace_all("&amp;", "&", literal=True))
