"""Messages to registrations: one row per attempt to bind, refresh or remove a contact (RFC 3261 §10, TS 24.229 §5.1.1).

An attempt is all REGISTERs of one address of record, Call-ID and Contact until a 2xx, or a final that is no challenge,
nor a 423 that is answered by asking for longer (RFC 3261 §10.2.8); one that answers a challenge belongs to the
challenged one whatever its Contact: the contact address of a UE has another port once the security associations are set
up (TS 24.229 §5.1.1.5.1). It is seen on every hop between the user agent and its registrar; its figures are those of
the reference hop: the fewest Vias, then the earliest.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import contact_values, identity, uri
from analyzer.columns.address import socket_of
from analyzer.columns.durations import delay
from analyzer.columns.times import LONG_AGO, SECOND, duration, ns
from analyzer.columns.typed import typed

# A challenge not answered by then is forgotten (TS 24.229 §5.4.1.2: timer reg-await-auth): what follows starts anew.
_AWAIT_AUTH = 240 * SECOND
# Until then a REGISTER waits for an answer at the least (RFC 3261 §17.1.2.2: Timer F).
_TIMER_F = 32 * SECOND
_BINDING = ["_call", "aor", "contact_key"]
_CHALLENGED = pl.col("status").is_in([401, 407])
_READ = {
    "registration": pl.Int64, "message": pl.Int64, "final": pl.Int64, "_leg": pl.Int64, "cseq": pl.Int64,
    "via_count": pl.Int64, "status": pl.Int64, "start_ns": pl.Int64, "final_ns": pl.Int64, "credentials": pl.Boolean,
    "contact_key": pl.String,
}  # fmt: skip


def registrations(
    messages: pl.DataFrame, transactions: pl.DataFrame, ims_headers: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The ``registrations`` table, by start.

    ``messages`` as the core gives them, in time order; ``transactions`` of the same capture tell a REGISTER that was
    never answered (``failed``) from one whose time to be answered the capture's end cut off (``pending``). Answers to a
    REGISTER before the capture make no row. ``ims_headers`` (``message _contact _auts``) has every value of Contact;
    without it the first one of each message is all that is known.
    """
    return with_requests(messages, transactions, ims_headers)[0]


def with_requests(
    messages: pl.DataFrame, transactions: pl.DataFrame, ims_headers: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The table, and what each of its rows was read from: the REGISTERs at their reference hop, in order of time.

    ``registration message final _leg cseq via_count status start_ns final_ns credentials contact_key``, one row per
    transaction; ``message`` and ``final`` are the request and its final response there, or where none was captured
    there, at the next hop that has one. ``contact_key`` is equal for the contacts of one binding.
    """
    requests = _requests(messages)
    if requests.is_empty():
        return pl.DataFrame(schema=schema.REGISTRATIONS.polars()), pl.DataFrame(schema=_READ)
    requests = _with_final(requests, messages)
    fates = transactions.filter(pl.col("transaction").is_in(requests["transaction"].implode()))
    requests = requests.join(
        fates.select("transaction", fate="outcome"), on="transaction", how="left", maintain_order="left"
    )
    requests = _answered_further_in(requests, messages)
    requests = _numbered(_with_contacts(requests, ims_headers))
    attempts = _with_kind(_attempts(requests))
    table = typed(attempts.sort("row"), schema.REGISTRATIONS)
    read = requests.join(attempts.select("attempt", "registration"), on="attempt", maintain_order="left").sort("row")
    return table, read.select(*_READ)


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
            "request_uri", "contact_expires", "expires", "credentials", "private_id", "dst_ip", "dst_port", "_nonce",
            aor="to_uri", contact="contact_uri", start_ns=ns("first_byte_at"), time=ns("time"), cut=~pl.col("complete"),
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
    return requests.join(
        _finals(messages).select("transaction", *_FINAL).unique("transaction", keep="first", maintain_order=True),
        on="transaction", how="left", maintain_order="left",
    )  # fmt: skip


_FINAL = ["status", "final", "granted_to", "contact_granted", "granted", "final_ns", "stale", "challenge_nonce"]


def _finals(messages: pl.DataFrame) -> pl.DataFrame:
    """The final responses to REGISTERs, on all hops, in order of time."""
    return (
        messages.lazy()
        .filter(pl.col("method") == "REGISTER", pl.col("status") >= 200, ~pl.col("duplicate"))
        .select(
            "transaction", "_leg", "cseq", "via_count", "status", "stale", final="message", granted_to="contact_uri",
            contact_granted="contact_expires", granted="expires", final_ns=ns("time"), challenge_nonce="_nonce",
        )
        .collect()
    )  # fmt: skip


def _answered_further_in(requests: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The REGISTERs with the final response of a hop further in, where their own hop shows none.

    The registrar did what its response says, and the one who asked seems content: it did not send its REGISTER again
    after it (RFC 3261 §17.1.2.2). A challenge has not reached it by that: only an answer to it would tell.
    """
    silent = requests.filter(pl.col("status").is_null() & pl.col("fate").ne_missing("transport_error"))
    if silent.is_empty():
        return requests.with_columns(further_in=pl.lit(value=False))
    inner = (
        _finals(messages)
        .filter(~_CHALLENGED)
        .join(silent.select("_leg", "cseq").unique(), on=["_leg", "cseq"], how="semi", maintain_order="left")
        .select("_leg", "cseq", *_FINAL, inner_vias="via_count")
    )
    asked = (
        messages.lazy()
        .filter(pl.col("method") == "REGISTER", pl.col("status").is_null())
        .join(silent.lazy().select("transaction"), on="transaction", how="semi")
        .group_by("transaction")
        .agg(last_asked=ns("time").max())
        .collect()
    )
    found = (
        silent.select("transaction", "_leg", "cseq", "via_count")
        .join(inner, on=["_leg", "cseq"], maintain_order="right")
        .join(asked, on="transaction", maintain_order="left")
        .filter((pl.col("last_asked") <= pl.col("final_ns")) & (pl.col("via_count") < pl.col("inner_vias")))
        .unique("transaction", keep="first", maintain_order=True)
        .drop("_leg", "cseq", "last_asked", "via_count", "inner_vias")
    )
    requests = requests.join(found, on="transaction", how="left", suffix="_inner", maintain_order="left")
    return requests.with_columns(
        *(pl.coalesce(name, f"{name}_inner") for name in _FINAL), further_in=pl.col("status_inner").is_not_null()
    )


def _with_contacts(requests: pl.DataFrame, ims_headers: pl.DataFrame | None) -> pl.DataFrame:
    """The REGISTERs with ``instance reg_id contact_key _auts``, and ``granted_contacts``: all the response lists."""
    if ims_headers is None:
        none = pl.lit(None, pl.String)
        requests = requests.with_columns(instance=none, reg_id=none, _auts=none, granted_contacts=none)
    else:
        said = pl.col("_contact").is_not_null() | pl.col("_auts").is_not_null()
        texts = ims_headers.lazy().filter(said).select("message", "_contact", "_auts").collect()
        requests = requests.join(texts, on="message", how="left", maintain_order="left").join(
            texts.select(final="message", granted_contacts="_contact"), on="final", how="left", maintain_order="left"
        )
        requests = _with_contact_in_question(requests)
        requests = requests.with_columns(
            instance=contact_values.instance(pl.col("_contact")), reg_id=contact_values.reg_id(pl.col("_contact"))
        )
    # RFC 5626 §6: a flow of an instance is one binding, whatever its URI; two instances are two, though of one URI.
    flow = pl.concat_str("instance", pl.lit(" "), pl.col("reg_id").fill_null(""))
    written = requests.select("contact").unique().with_columns(_key=contact_values.key(pl.col("contact")))
    return (
        requests.join(written, on="contact", how="left", nulls_equal=True, maintain_order="left")
        .with_columns(contact_key=pl.coalesce(pl.when(pl.col("contact") != "*").then(flow), "_key"))
        .drop("_key")
    )


def _with_contact_in_question(requests: pl.DataFrame) -> pl.DataFrame:
    """Of REGISTERs with several contacts the one that is to be bound, instead of the first.

    A phone whose address has changed removes the old contact and binds the new one in one REGISTER (RFC 3261 §10.2).
    """
    several = requests.filter(pl.col("_contact").str.contains(",", literal=True)).select(
        "row", "expires", value=contact_values.values(pl.col("_contact"))
    )
    asked = pl.coalesce("contact_expires", "expires")
    values = several.explode("value", empty_as_null=True).with_columns(
        contact=contact_values.uri_of(pl.col("value")), contact_expires=contact_values.expires(pl.col("value"))
    )
    bound = values.filter(asked.ne_missing(0)).unique("row", keep="first", maintain_order=True)
    requests = requests.join(
        bound.select("row", _contact_bound="value", contact_bound="contact", expires_bound="contact_expires"),
        on="row", how="left", maintain_order="left",
    )  # fmt: skip
    chosen = pl.col("_contact_bound").is_not_null()
    return requests.with_columns(
        _contact=pl.coalesce("_contact_bound", "_contact"),
        contact=pl.coalesce("contact_bound", "contact"),
        contact_expires=pl.when(chosen).then("expires_bound").otherwise("contact_expires"),
    ).drop("_contact_bound", "contact_bound", "expires_bound")


def _numbered(requests: pl.DataFrame) -> pl.DataFrame:
    """The REGISTERs, those of one ``attempt`` together and in time order, with its number and their ``binding``."""
    bindings = requests.select(_BINDING).unique(maintain_order=True).with_row_index("binding")
    requests = requests.join(bindings, on=_BINDING, nulls_equal=True, maintain_order="left")
    chained = _chained(requests)
    requests = requests.join(chained, on="row", how="left", maintain_order="left").sort("binding", "row")
    requests = requests.with_columns(asked=pl.coalesce("contact_expires", "expires"))
    status = _before("status")
    lapsed = pl.col("start_ns") - _before("final_ns") > _AWAIT_AUTH
    gave_up = _before("fate").is_in(["timeout", "transport_error"]) & status.is_null()
    # One that has credentials for it, and comes in time, was answered, though that was not captured.
    answers = pl.col("credentials") & (pl.col("cseq") > _before("cseq"))
    gave_up &= ~(answers & (pl.col("start_ns") - _before("start_ns") < _TIMER_F)).fill_null(value=False)
    challenged = status.is_in([401, 407])
    # A registrar that thinks the interval too brief is asked at once for a longer one (RFC 3261 §10.2.8).
    longer = (pl.col("asked") > _before("asked")) & (pl.col("start_ns") - _before("final_ns") < _TIMER_F)
    longer = (longer & (status == 423)).fill_null(value=False)
    over = (status.is_not_null() & ~challenged & ~longer) | (challenged & lapsed) | gave_up
    first = pl.col("binding").is_first_distinct() | pl.col("challenged_row").is_not_null()
    requests = requests.with_columns(attempt=(first | over.fill_null(value=False)).cum_sum())
    if chained.is_empty():
        return requests
    return _joined(requests).sort("attempt", "row")


def _chained(requests: pl.DataFrame) -> pl.DataFrame:
    """The REGISTERs that answer the challenge to one with another Contact: ``row challenged_row``.

    So does a UE whose Contact has the port of its security association from the second one on. Of the same Call-ID and
    address of record the one before, and its challenge is what is answered: by the nonce, or where no response to it
    was captured, by credentials in a next CSeq from the same host.
    """
    ordered = requests.sort("_call", "aor", "row")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in ("_call", "aor"))
    other = pl.col("binding") != pl.col("binding").shift()
    by_nonce = (
        pl.col("status").shift().is_in([401, 407])
        & (pl.col("_nonce") == pl.col("challenge_nonce").shift())
        & (pl.col("start_ns") - pl.col("final_ns").shift() <= _AWAIT_AUTH)
    )
    host = uri.host(pl.col("contact"))
    unseen = (
        pl.col("status").shift().is_null()
        & pl.col("credentials")
        & (pl.col("cseq") == pl.col("cseq").shift() + 1)
        & (host == host.shift())
        & (uri.user(pl.col("contact")).eq_missing(uri.user(pl.col("contact")).shift()))
        & (pl.col("start_ns") - pl.col("start_ns").shift() < _TIMER_F)
    )
    return ordered.select(
        "row", challenged_row=pl.when(same & other & (by_nonce | unseen)).then(pl.col("row").shift())
    ).filter(pl.col("challenged_row").is_not_null())


def _joined(requests: pl.DataFrame) -> pl.DataFrame:
    """The REGISTERs with the ``attempt`` of the challenged one where they answer a challenge to another Contact."""
    numbers = requests.select(challenged_row="row", before="attempt")
    joined = requests.filter(pl.col("challenged_row").is_not_null()).join(numbers, on="challenged_row")
    parents = joined.select("attempt", root="before")
    while True:  # a chain of n contacts is followed in log n steps
        further = parents.join(parents.rename({"attempt": "root", "root": "further"}), on="root", how="left")
        if further["further"].null_count() == further.height:
            break
        parents = further.select("attempt", root=pl.coalesce("further", "root"))
    return (
        requests.join(parents, on="attempt", how="left", maintain_order="left")
        .with_columns(attempt=pl.coalesce("root", "attempt"))
        .drop("root")
    )


def _before(column: str) -> pl.Expr:
    """A column's value in the row before, of the same binding: a window over each binding is many times slower."""
    return pl.when(pl.col("binding") == pl.col("binding").shift()).then(pl.col(column).shift())


def _attempts(requests: pl.DataFrame) -> pl.DataFrame:
    """One row per attempt, with what its first and its last REGISTER say."""
    # Credentials that answer the challenge before are challenged again, not for their age (RFC 7616 §3.3) nor for
    # a sequence number (RFC 3310 §3.4): they were wrong. Another's challenge (a proxy's, 407) says nothing of them.
    again = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ("attempt", "status"))
    rejected = (
        again & pl.col("credentials") & (pl.col("_nonce") == pl.col("challenge_nonce").shift())
        & _CHALLENGED & ~pl.col("stale").fill_null(value=False) & pl.col("_auts").is_null()
    )  # fmt: skip
    requests = requests.with_columns(rejected=rejected.fill_null(value=False))
    # A failed-over REGISTER has several transactions: one that succeeded decides.
    attempts = requests.group_by("attempt", maintain_order=True).agg(
        pl.col("row", "call_id", "aor", "from_uri", "request_uri", "start_ns").first(),
        pl.col("binding").first().alias("first_binding"),
        # What is bound in the end is the Contact of the last one.
        pl.col("binding", "contact", "instance", "reg_id", "granted_contacts").last(),
        pl.col("fate", "granted_to", "contact_granted", "granted", "dst_ip", "dst_port", "rejected", "cut").last(),
        pl.col("further_in").last(),
        pl.col("private_id").drop_nulls().last(),
        pl.col("credentials").any(),
        pl.col("key", "message").first(),
        challenges=_CHALLENGED.sum(),
        asked=pl.col("asked").last(),
        status=pl.col("status").drop_nulls().last(),
        last_status=pl.col("status").last(),
        final_ns=pl.col("final_ns").last(),
    )
    status = pl.col("last_status")
    # The capture ends before the expiry, in the request and in what was granted: bound or removed, nobody knows.
    unknown = pl.col("cut") & pl.coalesce("asked", "contact_granted", "granted").is_null()
    attempts = attempts.with_columns(
        # Tried again with the CSeq of an attempt that came to nothing: which copies on other hops are whose is unknown.
        registration=pl.when(pl.col("key").is_duplicated()).then("message").otherwise("key"),
        removes=((pl.col("contact") == "*") | (pl.col("asked") == 0)).fill_null(value=False),
        accepted=status.is_between(200, 299).fill_null(value=False),
        registrar=pl.when(status.is_not_null()).then(socket_of("dst")),
        started_at=pl.col("start_ns"),
        ended_at=pl.col("final_ns"),
    ).with_columns(
        outcome=pl.when("accepted")
        .then(pl.when("removes").then(pl.lit("deregistered")).when(~unknown).then(pl.lit("registered")))
        .when("rejected")
        .then(pl.lit("failed"))
        .when(status.is_in([401, 407]))
        .then(pl.lit("challenged"))
        .when(status.is_not_null() | pl.col("fate").is_in(["timeout", "transport_error"]))
        .then(pl.lit("failed"))
        .otherwise(pl.lit("pending")),
        # When the response of a hop further in came to the user agent is not known.
        delay_s=pl.when(pl.col("accepted") & ~pl.col("further_in")).then(
            delay(pl.col("final_ns") - pl.col("start_ns"))
        ),
    )
    return _with_expiry(attempts)


def _with_expiry(attempts: pl.DataFrame) -> pl.DataFrame:
    """The attempts with ``expires_s``: what the registrar granted this contact (RFC 3261 §10.3 item 8).

    Its 200 lists every contact of the address of record, other devices' too; a user agent looks for its own by the
    comparison of §19.1.4 (§10.2.4). What its value does not say, the header Expires does, else what was asked for. One
    contact alone in it that is not spelt as ours is ours, rewritten on the way; of several that are all others' only
    what they have in common is known, and of a contact that was removed they say nothing.
    """
    plain = (pl.col("granted_to") == pl.col("contact")) & ~pl.col("granted_contacts").str.contains(
        ",", literal=True
    ).fill_null(value=False)
    listed = attempts.filter("accepted", ~plain.fill_null(value=False), pl.col("granted_contacts").is_not_null())
    listed = listed.select("attempt", "granted_contacts", "contact", "instance", "reg_id")
    attempts = attempts.join(_own_values(listed), on="attempt", how="left", maintain_order="left")
    own = pl.col("own").fill_null(plain).fill_null(value=False)
    value = pl.when(pl.col("own").is_null()).then("contact_granted").otherwise("own_expires")
    alone = ~pl.col("several").fill_null(value=False)
    said = pl.coalesce(value, "granted")
    return attempts.with_columns(
        expires_s=pl.when("accepted").then(
            pl.when(pl.col("removes") & ~own)
            .then("asked")
            .when(own | alone)
            .then(pl.coalesce(said, "asked"))
            .otherwise(pl.coalesce("common_expires", "granted"))
        )
    )


def _own_values(listed: pl.DataFrame) -> pl.DataFrame:
    """Of the contacts in each 200 our own: ``attempt own own_expires common_expires several``."""
    values = (
        listed.with_columns(theirs=contact_values.values(pl.col("granted_contacts")))
        .drop("granted_contacts")
        .explode("theirs", empty_as_null=True)
    )
    theirs = pl.col("theirs")
    values = values.with_columns(
        their_uri=contact_values.uri_of(theirs),
        their_expires=contact_values.expires(theirs),
        their_instance=contact_values.instance(theirs),
        their_reg_id=contact_values.reg_id(theirs),
    )
    same_uri, same_place = contact_values.equal(pl.col("contact"), pl.col("their_uri"))
    flows = pl.col("instance") == pl.col("their_instance")
    flow = flows & pl.col("reg_id").eq_missing(pl.col("their_reg_id"))
    values = values.with_columns(
        # The surer the smaller: by the flow (RFC 5626 §6), by the URI unless it is another instance's, by the place.
        rank=pl.when(flow.fill_null(value=False))
        .then(0)
        .when((~flows | (pl.col("reg_id") != pl.col("their_reg_id"))).fill_null(value=False))
        .then(None)
        .when(same_uri)
        .then(1)
        .when(same_place)
        .then(2)
    )
    ranked = values.sort("attempt", "rank", nulls_last=True, maintain_order=True)
    best = pl.col("rank").drop_nulls().min()
    return ranked.group_by("attempt", maintain_order=True).agg(
        # Two that are only at our place may both be ours, or neither.
        own=((best < 2) | ((pl.col("rank") == 2).sum() == 1)).fill_null(value=False),
        own_expires=pl.col("their_expires").first(),
        common_expires=pl.when(pl.col("their_expires").n_unique() == 1).then(pl.col("their_expires").first()),
        several=pl.len() > 1,
    )


def _with_kind(attempts: pl.DataFrame) -> pl.DataFrame:
    """The attempts with ``kind``: what the REGISTER is for, and whether its binding was known when it was sent."""
    # What an attempt leaves behind: a refusal leaves what was there, and before the first there was nothing.
    attempts = attempts.sort("row")
    left = attempts.filter("accepted").select(
        "row",
        "binding",
        bound_at="final_ns",
        bound_until=pl.when("removes").then(LONG_AGO).otherwise(pl.col("final_ns") + duration(pl.col("expires_s"))),
    )
    attempts = attempts.join_asof(
        left, on="row", by_left="first_binding", by_right="binding", allow_exact_matches=False, check_sortedness=False
    )
    # `Contact: *` removes every binding of the address of record (RFC 3261 §10.2.2).
    cleared = attempts.filter(pl.col("accepted") & (pl.col("contact") == "*"))
    attempts = attempts.join_asof(
        cleared.select("row", "aor", cleared_at="final_ns"),
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
