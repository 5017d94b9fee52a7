"""Messages to registrations: one row per attempt to bind, refresh or remove a contact (RFC 3261 §10, TS 24.229 §5.1.1).

An attempt is all REGISTERs of one address of record, Contact and Call-ID until a 2xx, or a final that is no challenge.
It is seen on every hop between the user agent and its registrar; its figures are those of the reference hop: the fewest
Vias, then the earliest.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import identity, uri
from analyzer.columns.address import socket_of
from analyzer.columns.durations import delay
from analyzer.columns.times import LONG_AGO, SECOND, duration, ns
from analyzer.columns.typed import typed

# A challenge not answered by then is forgotten (TS 24.229 §5.4.1.2: timer reg-await-auth): what follows starts anew.
_AWAIT_AUTH = 240 * SECOND
_BINDING = ["_call", "aor", "contact"]


def registrations(messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The ``registrations`` table, by start.

    ``messages`` as the core gives them, in time order; ``transactions`` of the same capture tell a REGISTER that was
    never answered (``failed``) from one whose time to be answered the capture's end cut off (``pending``). Answers to a
    REGISTER before the capture make no row.
    """
    return with_requests(messages, transactions)[0]


def with_requests(messages: pl.DataFrame, transactions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The table, and what each of its rows was read from: the REGISTERs at their reference hop, in order of time.

    ``registration message final _leg cseq via_count status start_ns final_ns credentials``, one row per transaction;
    ``message`` and ``final`` are the request and its final response there.
    """
    requests = _with_final(_requests(messages), messages)
    fates = transactions.filter(pl.col("transaction").is_in(requests["transaction"].implode()))
    requests = requests.join(
        fates.select("transaction", fate="outcome"), on="transaction", how="left", maintain_order="left"
    )
    requests = _numbered(requests)
    attempts = _with_kind(_attempts(requests))
    table = typed(attempts.sort("row"), schema.REGISTRATIONS)
    read = requests.join(attempts.select("attempt", "registration"), on="attempt", maintain_order="left").sort("row")
    return table, read.select(
        "registration", "message", "final", "_leg", "cseq", "via_count", "status", "start_ns", "final_ns", "credentials"
    )


def _requests(messages: pl.DataFrame) -> pl.DataFrame:
    """First copies of the REGISTERs at their reference hop, and the key and row of the earliest observation of each."""
    copies = (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("method") == "REGISTER",
            pl.col("status").is_null(),
            ~pl.col("duplicate"),
            ~pl.col("retransmission"),
        )
        .select(
            "row", "message", "transaction", "_call", "_leg", "cseq", "via_count", "call_id", "from_uri",
            "request_uri", "contact_expires", "expires", "credentials", "private_id", "dst_ip", "dst_port",
            aor="to_uri", contact="contact_uri", start_ns=ns("first_byte_at"), time=ns("time"),
        )
        .collect()
    )  # fmt: skip
    one = ["_leg", "cseq"]
    first = copies.filter(pl.col("time").eq_missing(pl.col("time").first().over(one)))
    first = first.group_by(one).agg(key=pl.col("message").min())
    at_hop = copies.filter(pl.col("via_count").eq_missing(pl.col("via_count").min().over(one)))
    at_hop = at_hop.unique("transaction", keep="first", maintain_order=True)
    return at_hop.join(first, on=one, how="left", nulls_equal=True, maintain_order="left")


def _with_final(requests: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    finals = (
        messages.lazy()
        .filter(pl.col("method") == "REGISTER", pl.col("status") >= 200, ~pl.col("duplicate"))
        .select(
            "transaction", "status", final="message", granted_to="contact_uri", contact_granted="contact_expires",
            granted="expires", final_ns=ns("time"),
        )
        .unique("transaction", keep="first", maintain_order=True)
        .collect()
    )  # fmt: skip
    return requests.join(finals, on="transaction", how="left", maintain_order="left")


def _numbered(requests: pl.DataFrame) -> pl.DataFrame:
    """The REGISTERs, those of one ``binding`` together and in time order, with the number of their ``attempt``."""
    bindings = requests.select(_BINDING).unique(maintain_order=True).with_row_index("binding")
    requests = requests.join(bindings, on=_BINDING, nulls_equal=True, maintain_order="left").sort("binding", "row")
    status = _before("status")
    lapsed = pl.col("start_ns") - _before("final_ns") > _AWAIT_AUTH
    gave_up = _before("fate").is_in(["timeout", "transport_error"]) & status.is_null()
    challenged = status.is_in([401, 407])
    over = (status.is_not_null() & ~challenged) | (challenged & lapsed) | gave_up
    first = pl.col("binding").is_first_distinct()
    return requests.with_columns(attempt=(first | over.fill_null(value=False)).cum_sum())


def _before(column: str) -> pl.Expr:
    """A column's value in the row before, of the same binding: a window over each binding is many times slower."""
    return pl.when(pl.col("binding") == pl.col("binding").shift()).then(pl.col(column).shift())


def _attempts(requests: pl.DataFrame) -> pl.DataFrame:
    """One row per attempt, with what its first and its last REGISTER say."""
    challenge = pl.col("status").is_in([401, 407])
    ask = pl.coalesce("contact_expires", "expires")
    # A failed-over REGISTER has several transactions: one that succeeded decides.
    attempts = requests.group_by("attempt", maintain_order=True).agg(
        pl.col("row", "binding", "call_id", "aor", "contact", "from_uri", "request_uri", "start_ns").first(),
        pl.col("fate", "granted_to", "contact_granted", "granted", "dst_ip", "dst_port").last(),
        pl.col("private_id").drop_nulls().last(),
        pl.col("credentials").any(),
        pl.col("key", "message").first(),
        challenges=challenge.sum(),
        asked=ask.last(),
        status=pl.col("status").drop_nulls().last(),
        last_status=pl.col("status").last(),
        final_ns=pl.col("final_ns").last(),
    )
    status = pl.col("last_status")
    return attempts.with_columns(
        # Tried again with the CSeq of an attempt that came to nothing: which copies on other hops are whose is unknown.
        registration=pl.when(pl.col("key").is_duplicated()).then("message").otherwise("key"),
        removes=((pl.col("contact") == "*") | (pl.col("asked") == 0)).fill_null(value=False),
        accepted=status.is_between(200, 299).fill_null(value=False),
        registrar=pl.when(status.is_not_null()).then(socket_of("dst")),
        started_at=pl.col("start_ns"),
        ended_at=pl.col("final_ns"),
    ).with_columns(
        outcome=pl.when("accepted")
        .then(pl.when("removes").then(pl.lit("deregistered")).otherwise(pl.lit("registered")))
        .when(status.is_in([401, 407]))
        .then(pl.lit("challenged"))
        .when(status.is_not_null() | pl.col("fate").is_in(["timeout", "transport_error"]))
        .then(pl.lit("failed"))
        .otherwise(pl.lit("pending")),
        expires_s=_expiry(),
        delay_s=pl.when("accepted").then(delay(pl.col("final_ns") - pl.col("start_ns"))),
    )


def _expiry() -> pl.Expr:
    """What the registrar granted this contact (RFC 3261 §10.3 item 8): said in its 200, else what was asked for.

    The core gives the first Contact of the 200. One that is another's says nothing of a contact that was removed.
    """
    ours = pl.when(pl.col("granted_to") == pl.col("contact")).then("contact_granted")
    others = pl.when(~pl.col("removes")).then(pl.coalesce("granted", "contact_granted"))
    return pl.when("accepted").then(pl.coalesce(ours, others, "asked"))


def _with_kind(attempts: pl.DataFrame) -> pl.DataFrame:
    """The attempts with ``kind``: what the REGISTER is for, and whether its binding was known when it was sent."""
    # What each attempt leaves behind: a refusal leaves what was there, and before the first there was nothing.
    begins = pl.when(pl.col("binding").is_first_distinct()).then(LONG_AGO)
    expiry = pl.col("final_ns") + duration(pl.col("expires_s"))
    attempts = attempts.with_columns(
        bound_until=pl.coalesce(
            pl.when("accepted").then(pl.when("removes").then(LONG_AGO).otherwise(expiry)), begins
        ).forward_fill(),
        bound_at=pl.coalesce(pl.when("accepted").then("final_ns"), begins).forward_fill(),
    ).with_columns(_before("bound_until").alias("bound_until"), _before("bound_at").alias("bound_at"))
    # `Contact: *` removes every binding of the address of record (RFC 3261 §10.2.2).
    cleared = attempts.filter(pl.col("accepted") & (pl.col("contact") == "*"))
    attempts = attempts.sort("row").join_asof(
        cleared.sort("row").select("row", "aor", cleared_at="final_ns"),
        on="row", by="aor", allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
    bound = (pl.col("start_ns") <= pl.col("bound_until")) & (
        pl.col("cleared_at").is_null() | (pl.col("cleared_at") < pl.col("bound_at"))
    )
    # TS 23.003 §13.2: the emergency realm; TS 24.229 §5.1.6.2: the URI parameter sos in Contact.
    emergency = pl.col("contact").str.contains(r"(?i);sos(?:[;=?]|$)") | pl.any_horizontal(
        pl.col(name).str.contains(r"(?i)[:@]sos\.ims\.") for name in ("request_uri", "aor")
    )
    return attempts.with_columns(
        kind=pl.when(pl.col("row").is_in(_third_party(attempts).implode()))
        .then(pl.lit("third_party"))
        .when(emergency)
        .then(pl.lit("emergency"))
        .when("removes")
        .then(pl.lit("deregister"))
        .when(bound)
        .then(pl.lit("refresh"))
        .otherwise(pl.lit("initial"))
    )


def _third_party(attempts: pl.DataFrame) -> pl.Series:
    """The ``row`` of attempts by somebody else than the user: From is not To, and no credentials or a foreign Contact.

    So the S-CSCF tells application servers of its users (TS 24.229 §5.4.1.7).
    """
    others = attempts.filter(pl.col("from_uri") != pl.col("aor"))
    others = others.filter(identity.subscribers(others["from_uri"]) != identity.subscribers(others["aor"]))
    own_contact = uri.user(pl.col("contact")).eq_missing(uri.user(pl.col("aor")))
    return others.filter(~pl.col("credentials") | ~own_contact)["row"]
