"""Charging: what P-Charging-Vector and the identities of a leg say, as a charging data record (TS 32.260, TS 32.298).

A record is of a leg, for a node on it has nothing but that leg; it is that of the node which TS 32.260 has write one.
Values that hops tell apart (identities, inter-operator identifiers) are those of all hops of the INVITE; times are
those of the leg's first hop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import identity
from analyzer.columns.durations import elapsed
from analyzer.columns.typed import typed
from analyzer.ims import access, networks, roles

# What a node is to write records as (TS 32.260 §5.1, TS 32.299 Node-Functionality). Who serves the subscriber comes
# before gateways and borders, these before who only passes on.
_WRITERS = {
    roles.S_CSCF: "S-CSCF",
    **dict.fromkeys((roles.AS, *roles.KINDS_OF_AS), "AS"),
    **{role: role for role in (roles.MGCF, roles.IBCF, roles.E_CSCF, roles.ATCF, roles.BGCF, roles.MRFC)},
    roles.P_CSCF: "P-CSCF",
    roles.I_CSCF: "I-CSCF",
}
_USER_SIDE = {roles.UE, roles.P_CSCF, roles.ATCF}
_SERVICES = ("P-Asserted-Service", "P-Preferred-Service", "Accept-Contact")


@dataclass(frozen=True, eq=False, slots=True)
class Records:
    """The records without the node that writes them, which rests on roles of nodes; and the ``invites`` of their legs,
    with the responses to them, on all hops."""

    bare: pl.DataFrame
    invites: pl.DataFrame


def cdrs(records: Records, endpoints: pl.DataFrame) -> pl.DataFrame:
    """The table ``cdrs``: a row per leg whose INVITE was seen, by start; ``endpoints`` is the table of that name."""
    writers = _writers(records.invites, endpoints)
    table = records.bare.join(writers, on="leg", how="left", maintain_order="left")
    return typed(table, schema.CDRS)


def records(
    messages: pl.DataFrame,
    fields: pl.DataFrame,
    openings: pl.DataFrame,
    legs: pl.DataFrame,
    calls: pl.DataFrame,
    dialogs: pl.DataFrame,
    offers: pl.DataFrame,
    ims_registrations: pl.DataFrame,
    access_networks: pl.DataFrame,
    homes: pl.DataFrame,
) -> Records:
    """All of the records that is told without roles of nodes.

    ``fields`` are header fields as the core gives them; ``openings`` the opening INVITEs of legs (``ims.legs``): number
    of the ``leg``, ``row`` in ``messages``, ``_leg``; ``homes`` as ``access.home_networks`` gives them; the others are
    the tables of these names.
    """
    records = _records(openings, legs, messages)
    invites = _invites(records, openings, messages)
    said = _values(invites, fields)
    records = records.join(_first_hop(invites), on="leg", how="left", maintain_order="left")
    records = _delivered(records, dialogs, calls)
    for more in (
        _parties(invites, said),
        _charged(invites, said, messages, records),
        _service(said),
        _reasons(records, messages),
        _media(records, offers, messages),
        _visited(said),
    ):
        records = records.join(more, on="leg", how="left", maintain_order="left")
    records = records.join(calls.select("call", "no", "caller", "callee"), on="call", how="left", maintain_order="left")
    for side, party in (("calling", "caller"), ("called", "callee")):
        records = _located(records, side, party, access_networks, ims_registrations, homes)
    # The first orig-ioi of a leg that was captured from its beginning is of the network that the caller is in (TS
    # 24.229 §5.2.6.3.3); one of the callee's is of a leg whose origin was not seen.
    sender = networks.domain(pl.col("_orig_ioi"))
    own = pl.col("position").is_in(["first", "only"]) & (pl.col("_first_via") == 1)
    others = ~networks.differ(sender, pl.col("called_home_network"))
    away = own & networks.differ(sender, pl.col("calling_home_network")) & ~others.fill_null(value=False)
    records = records.with_columns(
        calling_roaming=_roaming("calling", pl.when(away).then(pl.lit("orig-ioi is not of the home network"))),
        called_roaming=_roaming("called"),
    )
    return Records(records, invites)


# ---- legs and their INVITEs ------------------------------------------------------------------------------------------


def _records(openings: pl.DataFrame, legs: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The legs in order, each once, with its strong parent, and what finds its messages and dialogs."""
    fact = (pl.col("strength") == "strong") & (pl.col("relation") == "leg")
    # A leg with several possible origins has a row for each; a fact comes first.
    one = legs.unique("leg", keep="first", maintain_order=True)
    one = one.with_columns(parent=pl.when(fact).then("parent"))
    made = pl.col("leg").is_in(one["parent"].drop_nulls().implode())
    came = pl.col("parent").is_not_null()
    position = (
        pl.when(came & made)
        .then(pl.lit("middle"))
        .when(came)
        .then(pl.lit("last"))
        .when(made)
        .then(pl.lit("first"))
        .otherwise(pl.lit("only"))
    )
    first = openings.filter(~pl.col("duplicate")).unique("_leg", keep="first", maintain_order=True)
    known = messages.select(pl.col("message", "from_tag").gather(first["row"])).rename({"message": "leg"})
    known = known.with_columns(first["_leg"], first["_call"])
    kept = one.select("leg", "call", "parent", "first_node", "last_node", session_id="call_id", position=position)
    return kept.join(known, on="leg", maintain_order="left")


def _invites(records: pl.DataFrame, openings: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The opening INVITEs of each leg and all responses to them, on all hops, in order of time."""
    tries = openings.select("_leg", "cseq").unique()
    rows = messages.filter(pl.col("method") == "INVITE").select(
        *("_leg", "message", "transaction", "status", "via_count", "cseq", "request_uri", "time", "first_byte_at"),
        *("src_ip", "src_port", "dst_ip", "dst_port", "duplicate"),
    )
    rows = rows.filter(~pl.col("duplicate")).drop("duplicate")
    rows = rows.join(tries, on=["_leg", "cseq"], how="semi", maintain_order="left")
    return rows.join(records.select("leg", "_leg"), on="_leg", maintain_order="left").drop("_leg")


def _first_hop(invites: pl.DataFrame) -> pl.DataFrame:
    """What the leg's first hop tells: the fewest Vias, then the earliest."""
    asked = invites.filter(pl.col("status").is_null())
    nearest = asked.filter(pl.col("via_count").eq_missing(pl.col("via_count").min().over("leg")))
    started = nearest.group_by("leg", maintain_order=True).agg(
        requested_party_address=pl.col("request_uri").first(),
        service_request_at=pl.col("first_byte_at").min(),
        _first_via=pl.col("via_count").first(),
    )
    ends = invites.join(nearest.select("transaction"), on="transaction", how="semi", maintain_order="left")
    ends = ends.filter(pl.col("status") >= 200)
    answered = pl.col("status").is_between(200, 299)
    final = ends.group_by("leg", maintain_order=True).agg(
        service_delivery_start_at=pl.col("time").filter(answered).first(),
        # Who forks may get a failure after the answer of another branch.
        service_reason_return_code=pl.coalesce(pl.col("status").filter(answered).first(), pl.col("status").last()),
    )
    return started.join(final, on="leg", how="left", maintain_order="left")


def _delivered(records: pl.DataFrame, dialogs: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The end of the dialog that the leg's answer confirmed, and the cause for closing the record.

    Of several that is the one that became the call, else the first.
    """
    confirmed = dialogs.filter(
        pl.col("usage") == "invite",
        pl.col("confirmed_at").is_not_null(),
        pl.col("end_reason").ne_missing("forked_away"),
    ).join(calls.select("call", "answered_at"), on="call", how="left", maintain_order="left")
    the_call = (pl.col("confirmed_at") == pl.col("answered_at")).fill_null(value=False)
    confirmed = confirmed.with_columns(the_call=the_call).sort(~pl.col("the_call"), "confirmed_at", "dialog")
    confirmed = confirmed.unique(["call_id", "local_tag"], keep="first", maintain_order=True).select(
        "dialog", "end_reason", "the_call", "confirmed_at",
        session_id="call_id", from_tag="local_tag", service_delivery_end_at="ended_at",
    )  # fmt: skip
    records = records.join(
        confirmed, on=["session_id", "from_tag"], how="left", nulls_equal=True, maintain_order="left"
    )
    answered_at = pl.when("the_call").then("confirmed_at").otherwise("service_delivery_start_at")
    answered = pl.col("service_delivery_start_at").is_not_null()
    records = records.with_columns(service_delivery_start_at=pl.when(answered).then(answered_at))
    end = pl.col("service_delivery_end_at")
    cause = (
        pl.when(answered & end.is_not_null() & (pl.col("end_reason") == "bye"))
        .then(pl.lit("service_delivery_end_successfully"))
        .when(answered & end.is_not_null())
        .then(pl.lit("unsuccessful_service_delivery"))
        .when(~answered & (pl.col("service_reason_return_code") >= 300))
        .then(pl.lit("unsuccessful_service_delivery"))
    )
    return records.with_columns(
        service_delivery_end_at=pl.when(answered).then(end),
        duration_s=elapsed("service_delivery_start_at", "service_delivery_end_at"),
        cause_for_record_closing=cause,
    )


def _writers(invites: pl.DataFrame, endpoints: pl.DataFrame) -> pl.DataFrame:
    """``leg node node_functionality role_of_node``: of the nodes that the INVITE goes over, who would write the record;
    of several of one kind the first."""
    order = list(_WRITERS)
    named = {role: roles.split(role) for role in endpoints["role"].unique().drop_nulls()}
    ranks = {role: min((order.index(part) for part in parts if part in _WRITERS), default=None)
             for role, parts in named.items()}  # fmt: skip
    users = [role for role, parts in named.items() if _USER_SIDE.issuperset(parts)]
    asked = invites.filter(pl.col("status").is_null()).select(
        "leg", "via_count", "src_ip", "src_port", "dst_ip", "dst_port"
    )
    for side in ("src", "dst"):
        known = endpoints.select(pl.col("ip", "port", "node", "role", "session_case").name.prefix(f"{side}_"))
        asked = asked.join(known, on=[f"{side}_ip", f"{side}_port"], how="left", maintain_order="left")
    asked = asked.filter(pl.col("src_node") != pl.col("dst_node")).unique(
        ["leg", "via_count", "src_node", "dst_node"], keep="first", maintain_order=True
    )
    from_user, to_user = pl.col("src_role").is_in(users), pl.col("dst_role").is_in(users)
    passed = pl.concat([
        asked.select("leg", place=2 * pl.col("via_count"), node="src_node", role="src_role",
                     session_case="src_session_case", orig=pl.lit(value=False), term=to_user),
        asked.select("leg", place=2 * pl.col("via_count") + 1, node="dst_node", role="dst_role",
                     session_case="dst_session_case", orig=from_user, term=pl.lit(value=False)),
    ])  # fmt: skip
    passed = passed.with_columns(
        rank=pl.col("role").replace_strict(ranks, default=None, return_dtype=pl.Int64)
    ).drop_nulls("rank")
    passed = passed.group_by("leg", "node", "rank", maintain_order=True).agg(
        pl.col("place").min(), pl.col("orig", "term").any(), pl.col("session_case").first()
    )
    # Who serves both sides writes a record for each; which of them the leg's is, nothing says.
    half = pl.when(pl.col("session_case") != "both").then("session_case")
    role = (
        pl.when(pl.col("orig") & ~pl.col("term"))
        .then(pl.lit("originating"))
        .when(pl.col("term") & ~pl.col("orig"))
        .then(pl.lit("terminating"))
        .when(~pl.col("orig"))
        .then(half)
    )
    functionality = dict(enumerate(_WRITERS.values()))
    return (
        passed.sort("rank", "place", maintain_order=True)
        .unique("leg", keep="first", maintain_order=True)
        .select(
            "leg",
            "node",
            node_functionality=pl.col("rank").replace_strict(functionality, return_dtype=pl.String),
            role_of_node=role,
        )
    )


# ---- what header fields say ------------------------------------------------------------------------------------------


def _values(invites: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """The header fields of the INVITEs and their responses: ``leg message status name value``, in order of time."""
    said = fields.filter(pl.col("value").is_not_null()).select("message", "name", "ordinal", "value")
    return invites.select("leg", "message", "status", "via_count").join(said, on="message", maintain_order="left_right")


def _joined(values: str) -> pl.Expr:
    """Distinct values in order, as one text; null if there is none."""
    found = pl.col(values).drop_nulls().unique(maintain_order=True)
    return pl.when(found.len() > 0).then(found.str.join(", "))


def _parties(invites: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """``leg calling_party_address called_asserted_identity called_party_address``."""
    asserted = said.filter(pl.col("name") == "P-Asserted-Identity").with_columns(uri=access.uris("value"))
    asserted = asserted.explode("uri", empty_as_null=True)
    asks = pl.col("status").is_null()
    callers, callees = (
        asserted.filter(whose).group_by("leg", maintain_order=True).agg(_joined("uri").alias(name))
        for whose, name in ((asks, "calling_party_address"), (~asks, "called_asserted_identity"))
    )
    told = said.filter((pl.col("name") == "P-Called-Party-ID") & asks).sort("via_count", maintain_order=True)
    told = told.with_columns(uri=access.uris("value").list.first())
    told = told.group_by("leg", maintain_order=True).agg(told=pl.col("uri").last())
    # A UE is called at its Contact, which is at an address; who was called has a name or a number (RFC 7315 §4.2).
    last = invites.filter(asks).sort("via_count", maintain_order=True)
    named = (
        pl.col("request_uri").str.contains(r"(?i)^(?:tel|urn):") | networks.of_uri(pl.col("request_uri")).is_not_null()
    )
    last = last.group_by("leg", maintain_order=True).agg(
        called=pl.coalesce(pl.col("request_uri").filter(named).last(), pl.col("request_uri").last())
    )
    parties = last.join(told, on="leg", how="left", maintain_order="left")
    parties = parties.select("leg", called_party_address=pl.coalesce("told", "called"))
    for more in (callers, callees):
        parties = parties.join(more, on="leg", how="left", maintain_order="left")
    return parties


_VECTOR = ("icid-value", "icid-generated-at", "related-icid", "orig-ioi", "term-ioi", "transit-ioi")


def vectors(fields: pl.DataFrame) -> pl.DataFrame:
    """P-Charging-Vector taken apart (RFC 7315 §5.6): ``message`` and a column for each parameter, ``_`` for ``-``."""
    rows = fields.filter((pl.col("name") == "P-Charging-Vector") & (pl.col("ordinal") == 1)).select("message", "value")
    # Most of a call's messages say the same.
    values = rows.select("value").unique()
    value = pl.col("value")
    values = values.with_columns(networks.parameter(value, name).alias(name.replace("-", "_")) for name in _VECTOR)
    return rows.join(values, on="value", how="left", maintain_order="left").drop("value")


def _charged(invites: pl.DataFrame, said: pl.DataFrame, messages: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """``leg icid icid_node related_icid orig_ioi term_ioi transit_iois charging_gap`` and the first ``_orig_ioi``."""
    charged = vectors(said)
    rows = invites.join(charged, on="message", how="left", maintain_order="left")
    found = rows.group_by("leg", maintain_order=True).agg(
        icid=pl.col("icid_value").drop_nulls().first(),
        icid_node=pl.col("icid_generated_at").drop_nulls().first(),
        related_icid=pl.col("related_icid").drop_nulls().first(),
        orig=pl.col("orig_ioi").drop_nulls().first(),
        orig_ioi=_joined("orig_ioi"),
        term_ioi=_joined("term_ioi"),
        transit_iois=pl.col("transit_ioi").drop_nulls().last(),
        icids=pl.col("icid_value").drop_nulls().n_unique(),
    )
    # Each hop by itself: who told its orig-ioi is to be told the term-ioi (RFC 7315 §4.6.2).
    hops = rows.group_by("leg", "transaction", maintain_order=True).agg(
        asked=(pl.col("status").is_null() & pl.col("orig_ioi").is_not_null()).any(),
        answered=pl.col("status").is_between(200, 299).any(),
        told=(pl.col("status").is_between(200, 299) & pl.col("term_ioi").is_not_null()).any(),
    )
    untold = hops.filter(pl.col("asked") & pl.col("answered") & ~pl.col("told"))["leg"].unique()
    gaps = [
        pl.when(pl.col("leg").is_in(untold.implode())).then(pl.lit("2xx without term-ioi")),
        pl.when(pl.col("icids") > 1).then(pl.lit("icid changes")),
    ]
    return found.with_columns(charging_gap=_words(gaps), _orig_ioi=pl.col("orig")).drop("orig", "icids")


def _words(parts: Sequence[pl.Expr]) -> pl.Expr:
    text = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    return pl.when(text.str.len_bytes() > 0).then(text)


def _service(said: pl.DataFrame) -> pl.DataFrame:
    """``leg service_id``: what the network asserts comes before what the UE prefers, that before what it accepts."""
    asked = said.filter(pl.col("status").is_null(), pl.col("name").is_in(_SERVICES))
    value = pl.col("value")
    accepted = value.str.extract(r'(?i)\+g\.3gpp\.icsi-ref="([^",]+)').str.replace_all("(?i)%3a", ":")
    plain = value.str.split(",").list.first().str.strip_chars()
    asked = asked.with_columns(
        service=pl.when(pl.col("name") == "Accept-Contact").then(accepted).otherwise(plain),
        rank=pl.col("name").replace_strict(dict(zip(_SERVICES, range(3), strict=True)), return_dtype=pl.Int8),
    ).drop_nulls("service")
    asked = asked.sort("rank", maintain_order=True).unique("leg", keep="first", maintain_order=True)
    return asked.select("leg", service_id="service")


def _visited(said: pl.DataFrame) -> pl.DataFrame:
    rows = said.filter((pl.col("name") == "P-Visited-Network-ID") & pl.col("status").is_null())
    # vnetwork-spec = ( token / quoted-string ) *( SEMI vnetwork-param ) (RFC 7315 §5.3)
    value = pl.col("value").first()
    name = pl.coalesce(value.str.extract(r'^"([^"]*)"'), value.str.extract(r'^([^",;\s]+)'))
    return rows.group_by("leg", maintain_order=True).agg(visited=name)


# ---- what else is known of the leg -----------------------------------------------------------------------------------


def _reasons(records: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """``leg reason_header``: of the first BYE of an answered leg that has one, else of the first CANCEL or failure."""
    asks, bye, cancel = pl.col("status").is_null(), pl.col("method") == "BYE", pl.col("method") == "CANCEL"
    failed = (pl.col("method") == "INVITE") & (pl.col("status") >= 300)
    rows = messages.filter(pl.col("reason_header").is_not_null(), ((bye | cancel) & asks) | failed)
    # One each before they meet the legs: a flood may have thousands of both under one Call-ID.
    rows = rows.select("_call", "reason_header", answered=bye).unique(["_call", "answered"], keep="first")
    legs = records.select("leg", "_call", answered=pl.col("service_delivery_start_at").is_not_null())
    return legs.join(rows, on=["_call", "answered"], maintain_order="left").select("leg", "reason_header")


def _media(records: pl.DataFrame, offers: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """``leg sdp_media``: of the answered dialog each m= line as last agreed, else as last offered."""
    # Of an answered leg by its dialog, of another by who asked: a flood may have thousands of both under one Call-ID.
    answered = records.select("leg", _dialog="dialog").drop_nulls()
    of_answered = offers.join(answered, left_on="dialog", right_on="_dialog", maintain_order="left")
    others = records.filter(pl.col("dialog").is_null()).select("leg", "_leg")
    asked = messages.select("message", "_leg").join(others, on="_leg").select("leg", offer="message")
    of_others = offers.join(asked, on="offer", maintain_order="left")
    rows = pl.concat([
        of_answered.with_columns(confirmed_branch=pl.lit(value=True)),
        of_others.with_columns(confirmed_branch=pl.lit(value=False)),
    ])  # fmt: skip
    rows = rows.sort(pl.col("state") == "agreed", maintain_order=True)
    rows = rows.unique(["leg", "index"], keep="last", maintain_order=True).sort("leg", "index")
    line = pl.concat_str(
        "media", pl.coalesce("codecs", "offered_codecs"), "direction", separator=" ", ignore_nulls=True
    )
    # A failure rejects every stream of an offer; that leg tells what it was offered.
    gone = (pl.col("state") == "removed") | ((pl.col("state") == "rejected") & pl.col("confirmed_branch"))
    return rows.filter(~gone).group_by("leg", maintain_order=True).agg(sdp_media=line.str.join("; "))


def _located(
    records: pl.DataFrame,
    side: str,
    party: str,
    access_networks: pl.DataFrame,
    ims_registrations: pl.DataFrame,
    homes: pl.DataFrame,
) -> pl.DataFrame:
    """Access network, home and visited network of the party on one side."""
    of_party = access_networks.filter(
        pl.col("party") == party, pl.col("header") == "P-Access-Network-Info", pl.col("call").is_not_null()
    )
    of_party = of_party.sort(~pl.col("network_provided"), "first_at", maintain_order=True)
    of_party = of_party.unique("call", keep="first", maintain_order=True).select(
        "call",
        pl.col("value").alias(f"{side}_access_network_info"),
        pl.col("rat").alias(f"{side}_rat"),
        (pl.col("mcc") + pl.col("mnc")).alias(f"{side}_plmn"),
        pl.col("roaming").alias(f"_{side}_cell"),
    )
    records = records.join(of_party, on="call", how="left", maintain_order="left")
    home = homes.filter(pl.col("party") == party).select("call", pl.col("home_network").alias(f"{side}_home_network"))
    records = records.join(home, on="call", how="left", maintain_order="left")
    visits = _visits(ims_registrations)
    last = (
        records.select("leg", user=party, at="service_request_at")
        .drop_nulls()
        .sort("at")
        .join_asof(visits, left_on="at", right_on="ended_at", by="user", check_sortedness=False)
        .select("leg", "registered")
    )
    records = records.join(last, on="leg", how="left", maintain_order="left")
    visited = pl.coalesce("visited", "registered") if side == "calling" else pl.col("registered")
    return records.with_columns(visited.alias(f"{side}_visited_network")).drop("registered")


def _visits(ims_registrations: pl.DataFrame) -> pl.DataFrame:
    """Where each subscriber was registered through, by time: ``user ended_at registered``."""
    accepted = ims_registrations.filter(
        pl.col("outcome") == "registered", pl.col("visited_network").is_not_null(), pl.col("started_at").is_not_null()
    )
    own = accepted.select("started_at", "visited_network", uri="aor")
    others = accepted.select("started_at", "visited_network", uri=access.uris("public_ids")).explode(
        "uri", empty_as_null=True
    )
    rows = pl.concat([own, others]).drop_nulls("uri")
    rows = rows.with_columns(user=identity.subscribers(rows["uri"])).drop_nulls("user")
    return rows.select("user", ended_at="started_at", registered="visited_network").sort("ended_at", "registered")


def _roaming(side: str, *more: pl.Expr) -> pl.Expr:
    """What speaks for the party being away from home: words, for its columns tell the rest."""
    home = pl.col(f"{side}_home_network")
    visited = networks.domain(pl.col(f"{side}_visited_network"))
    elsewhere = pl.when(networks.differ(visited, home)).then(pl.lit("visited network is not the home network"))
    return _words([elsewhere, pl.col(f"_{side}_cell"), *more])
