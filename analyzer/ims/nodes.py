"""Messages to nodes: which nodes there are, and what role each has. An estimate over the whole capture.

::

    messages -> ends      one row per address and port
             -> hops      one row per request on one hop, beside the copy its sender received and its answer
             -> nodes     the ports that are one speaker
    hops     -> evidence  every rule of `roles` on every hop, summed up per node; then those that need neighbours' roles
    evidence -> nodes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import address, identity, uri
from analyzer.columns.times import ns
from analyzer.columns.typed import typed
from analyzer.ims import node_grouping, roles
from analyzer.ims import node_overrides as overrides
from analyzer.ims.node_overrides import Entry
from analyzer.ims.reference_points import reference_points
from analyzer.ims.roles import RELATED, RULES, UNKNOWN, Rule

_ROUNDS = 3
"""How often roles of neighbours are looked at: a border is known by a gateway that is known by a server."""
_SOON = 1_000_000_000  # ns between the two calls of a B2BUA
_WITHIN_DIALOGS = 5_000
"""About so many requests within dialogs are looked at, with all their hops: they say the same over and over."""

_REQUEST = (
    *("message", "transaction", "method", "request_uri", "from_uri", "to_uri", "contact_uri", "to_tag", "via_count"),
    *("via_sent_by", "src_ip", "src_port", "dst_ip", "dst_port", "event", "content_type", "require", "user_agent"),
    *("_via", "_via_rest"),
)
_IMS_HEADERS = (
    *("_route", "_route_next", "_record_route", "_path", "_visited_network", "_served_user", "_access_network"),
    *("_feature_caps", "_protected", "_tokenized", "_features", "_contact"),
)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The tables ``endpoints``, ``node_evidence`` and ``reference_points``."""

    endpoints: pl.DataFrame
    evidence: pl.DataFrame
    reference_points: pl.DataFrame


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What nodes are told from, of some messages: the ends, requests with their headers, the final responses to these,
    and how many requests went each way."""

    ends: pl.DataFrame
    requests: pl.DataFrame
    finals: pl.DataFrame
    ways: pl.DataFrame


def find(
    messages: pl.DataFrame,
    ims_headers: pl.DataFrame,
    given: tuple[Entry, ...] = (),
    beside: pl.DataFrame | None = None,
) -> Nodes:
    """The nodes of a capture and what speaks for their roles.

    ``messages`` and ``ims_headers`` as the core gives them. ``given`` is what the user knows: it wins, and neighbours
    are judged by it. ``beside`` are rows of ``related_transactions``: what nodes asked the HSS and the PCRF.
    """
    seen = without_duplicates(messages)
    within = seen.select(within_dialogs()).item()
    return of_looked_at([looked_at(seen, ims_headers, every(within))], given, _asked_with(beside, seen))


def without_duplicates(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages that count. A copy of a million rows of text is dear: none where there is nothing to leave out."""
    return messages.filter(~pl.col("duplicate")) if messages["duplicate"].any() else messages


def of_looked_at(
    parts: Sequence[LookedAt], given: tuple[Entry, ...] = (), asked: tuple[pl.DataFrame, pl.DataFrame] | None = None
) -> Nodes:
    """The same of what was taken from the messages of one or several parts, its requests in the order of the whole."""
    asked_to, asked_back = asked or _asked_with(None, pl.DataFrame())
    found = node_grouping.together([part.ends for part in parts])
    found, hops, addresses = _hops(
        pl.concat(part.requests for part in parts), pl.concat(part.finals for part in parts), found
    )
    hops = hops.join(asked_to, on="message", how="left", maintain_order="left")
    hops = hops.join(asked_back, on="transaction", how="left", maintain_order="left")
    hops = _resolved(hops, addresses)
    direct = _evidence(hops, RULES)
    ways = _ways(hops)
    points = _points(direct)
    called = node_grouping.names(found, hops)
    said = overrides.of_nodes(given, found, called)
    related = direct.clear()
    for _ in range(_ROUNDS):
        known = _with_given(_roles(points), said)
        before, related = related, _related(ways, known)
        points = _points(pl.concat([direct, related]))
        if related.equals(before):
            break
    evidence = pl.concat([direct, related])
    told = found.join(_with_given(_roles(points), said), on="node_id", how="left")
    for extra in (called, said, _halves(hops), _domains(hops), _products(hops)):
        told = told.join(extra, on="node_id", how="left")
    table = _endpoints_table(told)
    asks = _asked(pl.concat(part.ways for part in parts), table)
    return Nodes(table, _evidence_table(evidence, told), reference_points(asks, table))


# ---- hops ------------------------------------------------------------------------------------------------------------


def _hops(
    requests: pl.DataFrame, finals: pl.DataFrame, found: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The ends with their nodes, the requests on each hop, and which node each ``host:port`` is.

    CANCEL and ACK are no evidence: each hop makes its own (RFC 3261 §9.1, §17.1.1.3).
    """
    for side in ("src", "dst"):
        requests = node_grouping.with_end(requests, found, side)
    requests = requests.filter(pl.col("src_end").is_not_null() & pl.col("dst_end").is_not_null())
    requests = requests.join(
        _copies(requests), left_on="_via_rest", right_on="p_via", how="left", maintain_order="left"
    )
    # It is what its sender received only where the sender is who received it.
    ours = (
        (pl.col("p_dst_ip") == pl.col("src_ip")) & (pl.col("via_count") > 1) & (pl.col("p_method") == pl.col("method"))
    )
    received = [name for name in requests.columns if name.startswith("p_")]
    requests = requests.with_columns(pl.when(ours).then(pl.col(name)).alias(name) for name in received)
    answers = _answers(finals, found, requests)
    found = node_grouping.with_nodes(found, requests, answers)
    node_id = found.select("end", "node_id")
    for name in ("src", "dst", "p_src"):
        requests = requests.join(
            node_id.rename({"end": f"{name}_end", "node_id": f"{name}_node_id"}),
            on=f"{name}_end",
            how="left",
            maintain_order="left",
        )
    onward = requests.filter(pl.col("p_headers").is_not_null()).select("_via_rest", n_dst_node_id="dst_node_id")
    onward = onward.unique("_via_rest", keep="first", maintain_order=True)
    requests = requests.join(onward, left_on="_via", right_on="_via_rest", how="left", maintain_order="left")
    requests = requests.join(
        answers.drop("src_end", "dst_end", "r_src_end", "r_dst_end"),
        on="transaction",
        how="left",
        maintain_order="left",
    )
    requests = requests.with_columns(
        route=pl.col("_route"),
        record_route=pl.col("_record_route"),
        route_at=uri.host_port(pl.col("_route")),
        records=_adds_own_record_route(),
        forwarded=pl.col("n_dst_node_id").is_not_null(),
    )
    return found, requests, node_grouping.addresses(found, requests)


def _asked_with(beside: pl.DataFrame | None, seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What was asked beside SIP while a message was in hand, by application and command.

    ``message asked`` of requests, which their receiver had in hand, and ``transaction asked_back`` of responses, which
    had who sent the request.
    """
    kinds = {"message": pl.Int64, "asked": pl.String}, {"transaction": pl.Int64, "asked_back": pl.String}
    if beside is None or beside["message"].null_count() == beside.height:
        return pl.DataFrame(schema=kinds[0]), pl.DataFrame(schema=kinds[1])
    known = beside.filter(pl.col("message").is_not_null(), pl.col("protocol") == "diameter")
    known = known.select("message", "application", "client_ip", asked=pl.format("{} {}", "application", "what"))
    in_hand = seen.filter(pl.col("message").is_in(known["message"].unique().implode()))
    in_hand = in_hand.select("message", "transaction", "status", "dst_ip").unique("message", keep="first")
    known = known.join(in_hand, on="message").sort("message", "asked")
    # Requests of Cx tell by themselves whose turn it was. Any other may be of each node of a host that is several.
    of_several = seen.filter(pl.col("src_ip") == pl.col("dst_ip"))["src_ip"].unique()
    alone = (pl.col("client_ip") == pl.col("dst_ip")) & ~pl.col("dst_ip").is_in(of_several.implode())
    known = known.filter((pl.col("application") == "Cx") | alone)
    words = pl.col("asked").unique(maintain_order=True).str.join(", ")
    requests = known.filter(pl.col("status").is_null()).group_by("message").agg(asked=words)
    responses = known.filter(pl.col("status").is_not_null(), pl.col("transaction").is_not_null())
    return requests, responses.group_by("transaction").agg(asked_back=words)


def _requests() -> pl.Expr:
    return pl.col("status").is_null() & ~pl.col("retransmission") & ~pl.col("method").is_in(["ACK", "CANCEL"])


def within_dialogs() -> pl.Expr:
    """How many requests within dialogs there are, without duplicates."""
    return (_requests() & ~_begins() & ~pl.col("duplicate")).fill_null(value=False).sum()


def every(within: int) -> int:
    """Of how many calls one is looked at for its requests within dialogs, of which there are so many."""
    return within // _WITHIN_DIALOGS + 1 if within > _WITHIN_DIALOGS else 1


def _begins() -> pl.Expr:
    return pl.col("to_tag").is_null() | pl.col("method").is_in(["REGISTER", "NOTIFY"])


def looked_at(seen: pl.DataFrame, ims_headers: pl.DataFrame, every: int) -> LookedAt:
    """What nodes are told from of these messages, which are no duplicates: of requests within dialogs those of one call
    of so many."""
    kinds = seen.select(request=_requests(), begins=_begins()).with_columns(pl.all().fill_null(value=False))
    chosen = kinds["request"]
    if every > 1:
        chosen = chosen & (kinds["begins"] | (seen["_call"] % every == 0).fill_null(value=False))
    requests = seen.select(*_REQUEST, headers="_headers", at=ns("first_byte_at")).filter(chosen)
    requests = requests.join(
        ims_headers.select("message", *_IMS_HEADERS), on="message", how="left", maintain_order="left"
    )
    finals = _finals(seen, ims_headers, requests["transaction"])
    return LookedAt(node_grouping.ends(seen), requests, finals, _ways_of(seen))


def _copies(requests: pl.DataFrame) -> pl.DataFrame:
    """Each request as the one that its receiver may have sent on, by its Via stack."""
    return requests.select(
        p_via="_via",
        p_method="method",
        p_headers="headers",
        p_request_uri="request_uri",
        p_via_count="via_count",
        p_src_end="src_end",
        p_dst_end="dst_end",
        p_dst_ip="dst_ip",
        p_path="_path",
        p_record_route="_record_route",
        p_protected="_protected",
        p_feature_caps="_feature_caps",
        p_tokenized="_tokenized",
        p_served_user="_served_user",
    ).unique("p_via", keep="first", maintain_order=True)


def _finals(seen: pl.DataFrame, ims_headers: pl.DataFrame, transactions: pl.Series) -> pl.DataFrame:
    """The first final response of each of these transactions."""
    finals = (
        seen.select(
            "message", "transaction", "src_ip", "src_port", "dst_ip", "dst_port", a_status="status",
            a_headers="_headers", a_contact="contact_uri", a_q850="_q850", a_agent="user_agent",
        )
        .filter(pl.col("a_status") >= 200, pl.col("transaction").is_in(transactions.implode()))
        .unique("transaction", keep="first", maintain_order=True)
    )  # fmt: skip
    said = ims_headers.select("message", a_service_route="_service_route", a_keys="_keys")
    return finals.join(said, on="message", how="left")


def _answers(finals: pl.DataFrame, found: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """The first final response of each transaction, with its ends and those of the request."""
    finals = finals.filter(pl.col("transaction").is_in(requests["transaction"].implode()))
    for side in ("src", "dst"):
        finals = node_grouping.with_end(finals, found, side)
    ends = requests.select("transaction", r_src_end="src_end", r_dst_end="dst_end").drop_nulls()
    ends = ends.unique("transaction", keep="first")
    finals = finals.join(ends, on="transaction", how="left")
    return finals.drop("message", "src_ip", "src_port", "dst_ip", "dst_port")


def _adds_own_record_route() -> pl.Expr:
    """The topmost Record-Route is not the one that was topmost before; where that was not seen, whoever sends a request
    of others has written it if it names what stands in its Via."""
    top = pl.col("_record_route")
    by_sender = uri.host_port(top) == uri.host_port_of_sent_by(pl.col("via_sent_by"))
    linked = pl.col("p_headers").is_not_null()
    added = pl.when(linked).then(top.ne_missing(pl.col("p_record_route"))).otherwise(by_sender)
    return (top.is_not_null() & added).fill_null(value=False)


def _resolved(hops: pl.DataFrame, addresses: pl.DataFrame) -> pl.DataFrame:
    """The columns that the rules speak of."""
    # The Service-Route that names the S-CSCF is the last (RFC 3608 §6.1): what is before it leads there.
    service_route = pl.col("a_service_route").str.extract(r".*<([^>]*)>")
    hops = hops.with_columns(
        route_next_at=uri.host_port(pl.col("_route_next")),
        service_route_at=uri.host_port(service_route),
        a_contact_at=uri.host_port(pl.col("a_contact")),
        route_key=_route_key(pl.col("_route")),
    )
    for name in ("route_next", "service_route", "a_contact"):
        known = addresses.select(pl.col("at").alias(f"{name}_at"), pl.col("node_id").alias(f"{name}_node_id"))
        hops = hops.join(known, on=f"{name}_at", how="left", maintain_order="left")
    # What a UE has second in Route is the Service-Route that it was given (TS 24.229 §5.1.1.2, §5.1.2A.1.1).
    of_ues = (pl.col("via_count") == 1) & roles.has("P-Access-Network-Info", "P-Preferred-Identity", "Security-Verify")
    told = [
        hops.select(key=_route_key(service_route)),
        hops.filter(of_ues).select(key=_route_key(pl.col("_route_next"))),
    ]
    service_routes = pl.concat(told)["key"].drop_nulls().unique()
    paths = hops.select(key=_route_key(pl.col("_path").str.extract(r"<([^>]*)>")))["key"].drop_nulls().unique()
    return hops.with_columns(
        count=pl.lit(1, pl.Int64),
        initial=pl.col("to_tag").is_null(),
        path=pl.col("_path"),
        one_path=~pl.col("_path").str.contains(",", literal=True),
        access=pl.col("_access_network"),
        protected=pl.col("_protected"),
        feature_caps=pl.col("_feature_caps"),
        contact=pl.col("_contact"),
        served_user=pl.col("_served_user"),
        tokenized=pl.col("_tokenized").fill_null(value=False),
        features=pl.col("_features").fill_null(value=False),
        to_service_route=pl.col("route_key").is_in(service_routes.implode()).fill_null(value=False),
        to_path=pl.col("route_key").is_in(paths.implode()).fill_null(value=False),
        orig_route=pl.col("_route").str.contains(r"(?i)^sips?:orig@|;orig(?:;|=|$)").fill_null(value=False),
        own_host=pl.coalesce(
            pl.when("records").then(_name(uri.host(pl.col("_record_route")))),
            _name(uri.host_of_sent_by(pl.col("via_sent_by"))),
        ),
        route_host=_name(uri.host(pl.col("_route"))),
        third_party=_third_party(),
        uri_is_receiver=_names(uri.host(pl.col("request_uri")), "dst_ip"),
        a_contact_is_receiver=pl.col("a_contact_node_id") == pl.col("dst_node_id"),
        begins_another=pl.col("message").is_in(_beginning_another(hops).implode()),
    )


def _name(host: pl.Expr) -> pl.Expr:
    return pl.when(~address.is_literal(host)).then(host)


def _route_key(route: pl.Expr) -> pl.Expr:
    """User, host and port of a Route: by its user an S-CSCF knows which half of a call it is asked for."""
    return route.str.extract(r"(?i)^sips?:([^;?>]+)").str.to_lowercase()


def _third_party() -> pl.Expr:
    """A REGISTER in which From and Contact are its maker, not the user (TS 24.229 §5.4.1.7)."""
    host = uri.host(pl.col("from_uri"))
    others = (pl.col("from_uri") != pl.col("to_uri")) & ~roles.has("Authorization", "Proxy-Authorization")
    return ((pl.col("method") == "REGISTER") & others & (uri.host(pl.col("contact_uri")) == host)).fill_null(
        value=False
    )


def _names(host: pl.Expr, ip: str) -> pl.Expr:
    """The host is that address; so is one in another spelling of IPv6, as nearly all are written the short way."""
    return (host.str.strip_chars("[]") == pl.col(ip)).fill_null(value=False)


def _beginning_another(hops: pl.DataFrame) -> pl.Series:
    """INVITEs that a node got and did not send on, within a second before it made one for the same subscriber."""
    calls = hops.filter((pl.col("method") == "INVITE") & pl.col("to_tag").is_null() & pl.col("at").is_not_null())
    got = calls.filter(~pl.col("forwarded")).select("message", "at", "from_uri", "request_uri", node_id="dst_node_id")
    made = calls.filter(pl.col("via_count") == 1).select("at", "from_uri", "request_uri", node_id="src_node_id")
    got = got.filter(pl.col("node_id").is_in(made["node_id"].unique().implode()))
    made = made.filter(pl.col("node_id").is_in(got["node_id"].unique().implode()))
    if got.is_empty():
        return got["message"]
    matches = []
    for party in ("from_uri", "request_uri"):
        # Whom: the user part of an address is what is left when a proxy turns it to another host.
        sides = [
            frame.select(
                pl.exclude("from_uri", "request_uri"), who=identity.subscribers(frame[party]).str.extract(r"^([^@;]*)")
            )
            .filter(~identity.is_anonymous("who") & pl.col("who").is_not_null())
            .sort("at")
            for frame in (got, made.with_columns(made_at="at"))
        ]
        matches.append(
            sides[0]
            .join_asof(
                sides[1], on="at", by=["node_id", "who"], strategy="forward", tolerance=_SOON, check_sortedness=False
            )
            .filter(pl.col("made_at").is_not_null())["message"]
        )
    return pl.concat(matches).unique()


# ---- evidence --------------------------------------------------------------------------------------------------------


_EVIDENCE = {
    "node_id": pl.Int64, "role": pl.String, "name": pl.String, "points": pl.Int64, "count": pl.Int64,
    "message": pl.Int64,
}  # fmt: skip


def _evidence(hops: pl.DataFrame, rules: tuple[Rule, ...]) -> pl.DataFrame:
    """One row per node and rule that was met: ``node_id role name points count message``.

    ``hops`` has ``src_node_id dst_node_id count message``, and what the rules speak of.
    """
    met_by = (rule.when.fill_null(value=False).alias(str(number)) for number, rule in enumerate(rules))
    held = hops.select("src_node_id", "dst_node_id", "count", "message", *met_by)
    # Most rules hold nowhere.
    somewhere = held.select(pl.col(pl.Boolean).any()).row(0)
    met = [
        held.lazy()
        .filter(str(number))
        .group_by(node_id="src_node_id" if rule.of == "sender" else "dst_node_id")
        .agg(pl.col("count").sum(), pl.col("message").first())
        .with_columns(rule=pl.lit(number, pl.Int64))
        for number, rule in enumerate(rules)
        if somewhere[number]
    ]
    about = pl.DataFrame(
        [(number, rule.role, rule.name, rule.points) for number, rule in enumerate(rules)],
        schema={"rule": pl.Int64, "role": pl.String, "name": pl.String, "points": pl.Int64},
        orient="row",
    )
    if not met:
        return pl.DataFrame(schema=_EVIDENCE)
    found = pl.concat(pl.collect_all(met, engine="in-memory")).drop_nulls("node_id")
    return found.join(about, on="rule").select(*_EVIDENCE).sort("node_id", "role", "name")


def _points(evidence: pl.DataFrame) -> pl.DataFrame:
    return evidence.group_by("node_id", "role").agg(pl.col("points").sum())


def _roles(points: pl.DataFrame) -> pl.DataFrame:
    """The roles of each node: ``node_id role points confidence``. Nodes with equal evidence are looked at once."""
    by_node_id = points.sort("role").group_by("node_id").agg(key=pl.format("{}={}", "role", "points").str.join(","))
    kinds = by_node_id.select("key").unique(maintain_order=True)
    decided = [
        roles.chosen({role: int(number) for role, _, number in (part.partition("=") for part in key.split(","))})
        for key in kinds["key"]
    ]
    kinds = kinds.with_columns(
        pl.Series("role", ["+".join(found) for found, _, _ in decided], dtype=pl.String),
        pl.Series("points", [number for _, number, _ in decided], dtype=pl.Int64),
        pl.Series("confidence", [sure for _, _, sure in decided], dtype=pl.Float64),
    )
    return by_node_id.join(kinds, on="key").select("node_id", "role", "points", "confidence")


def _with_given(known: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The roles with those that the user gave in their place, of which nobody need be sure."""
    roles_given = said.drop_nulls("given_role").select("node_id", role="given_role")
    as_given = roles_given.with_columns(points=pl.lit(None, pl.Int64), confidence=pl.lit(1.0))
    return pl.concat([known.join(roles_given, on="node_id", how="anti"), as_given])


def _ways(hops: pl.DataFrame) -> pl.DataFrame:
    """What the rules on neighbours look at, once for each way that requests took."""
    kinds = ["invite", "registers", "linked", "records", "uri_is_receiver", "forwarded", "called_party", "to_number"]
    # Who registers users with others, and who passes a REGISTER on, is no matter of neighbours.
    registers = roles.register & roles.made & ~roles.has("Path")
    return (
        hops.lazy()
        .filter((pl.col("method") != "REGISTER") | registers)
        .with_columns(
            invite=(pl.col("method") == "INVITE") & pl.col("initial"),
            registers=registers,
            linked=pl.col("p_headers").is_not_null(),
            called_party=roles.has("P-Called-Party-ID"),
            to_number=roles.to_number.fill_null(value=False),
        )
        .group_by("p_src_node_id", "src_node_id", "dst_node_id", *kinds, maintain_order=True)
        .agg(count=pl.len().cast(pl.Int64), message=pl.col("message").first())
        .collect()
    )


def _related(ways: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    of_node_id = known.select("node_id", "role")
    for side, node_id in (("before", "p_src_node_id"), ("sender", "src_node_id"), ("receiver", "dst_node_id")):
        ways = ways.join(
            of_node_id.rename({"node_id": node_id, "role": f"{side}_role"}),
            on=node_id,
            how="left",
            maintain_order="left",
        )
    ways = ways.with_columns(pl.col("sender_role", "receiver_role").fill_null(UNKNOWN))
    return _evidence(ways, RELATED)


# ---- what else is known of a node ------------------------------------------------------------------------------------


def _halves(hops: pl.DataFrame) -> pl.DataFrame:
    """The session case of the calls that each node serves: ``node_id session_case``.

    What tells it on a hop: the S-CSCF is asked as ``orig`` or ``term`` by the user part or a parameter of its Route, by
    ``sescase`` of P-Served-User (RFC 5502); a UE calls (P-Preferred-Identity), or is called (P-Called-Party-ID).
    """
    route = pl.col("_route")
    served = pl.when(roles.tells_served_user).then("_served_user")
    originating = (
        route.str.contains(r"(?i)^sips?:orig@|;orig(?:;|$)")
        | served.str.contains(r"(?i);sescase=orig(?:;|$|\s)")
        | ((pl.col("via_count") == 1) & roles.has("P-Preferred-Identity"))
    )
    terminating = (
        route.str.contains(r"(?i)^sips?:term@")
        | served.str.contains(r"(?i);sescase=term")
        | roles.has("P-Called-Party-ID")
    )
    calls = hops.filter((pl.col("method") == "INVITE") & pl.col("initial"))
    sides = calls.select(
        "src_node_id", "dst_node_id", orig=originating.fill_null(value=False), term=terminating.fill_null(value=False)
    )
    # Who is called by his own address is on the half of the callee; a gateway is called by it for any number.
    ended = ~pl.col("forwarded") & pl.col("uri_is_receiver") & ~roles.to_number.fill_null(value=False)
    called = calls.filter(ended).select(orig=pl.lit(value=False), term=pl.lit(value=True), node_id="dst_node_id")
    both = pl.concat([*(sides.select("orig", "term", node_id=side) for side in ("src_node_id", "dst_node_id")), called])
    counted = both.group_by("node_id").agg(pl.col("orig").any(), pl.col("term").any())
    half = (
        pl.when(pl.col("orig") & pl.col("term"))
        .then(pl.lit("both"))
        .when("orig")
        .then(pl.lit("originating"))
        .when("term")
        .then(pl.lit("terminating"))
    )
    return counted.select("node_id", session_case=half)


def _domains(hops: pl.DataFrame) -> pl.DataFrame:
    """The network of each node: ``node_id domain``. A P-CSCF names its own; a UE registers in its home."""
    visited = pl.col("_visited_network").str.strip_chars('" ').str.to_lowercase()
    registers = (pl.col("method") == "REGISTER") & ~pl.col("third_party")
    home = pl.coalesce(uri.host(pl.col("to_uri")), uri.host(pl.col("request_uri")))
    said = [
        hops.filter((pl.col("via_count") == 1) & registers).select(
            node_id="src_node_id", domain=home, weight=pl.lit(1)
        ),
        hops.filter(registers & ~pl.col("forwarded") & roles.answer_has("Service-Route")).select(
            node_id="dst_node_id", domain=home, weight=pl.lit(1)
        ),
        hops.filter((pl.col("via_count") == 2) & (pl.col("method") == "REGISTER")).select(
            node_id="src_node_id", domain=visited, weight=pl.lit(1000)
        ),
    ]
    counted = pl.concat(said).drop_nulls().filter(~address.is_literal(pl.col("domain")))
    ranked = counted.group_by("node_id", "domain").agg(pl.col("weight").sum())
    return (
        ranked.sort(["weight", "domain"], descending=[True, False])
        .unique("node_id", keep="first")
        .select("node_id", "domain")
    )


def _products(hops: pl.DataFrame) -> pl.DataFrame:
    """What each node says that it is: User-Agent of what it made (RFC 3261 §20.41), else Server of what it answered."""
    made = hops.filter(pl.col("via_count") == 1).select(node_id="src_node_id", product="user_agent", rank=pl.lit(1))
    # What else comes back may be of whom it was sent on to, unseen.
    own = pl.col("a_contact_is_receiver") | pl.col("method").is_in(["REGISTER", "OPTIONS"])
    answered = hops.filter(~pl.col("forwarded") & own).select(node_id="dst_node_id", product="a_agent", rank=pl.lit(0))
    counted = pl.concat([made, answered]).drop_nulls().group_by("node_id", "rank", "product").len()
    ranked = counted.sort(["rank", "len", "product"], descending=[True, True, False])
    return ranked.unique("node_id", keep="first", maintain_order=True).select("node_id", "product")


def nodes(endpoints: pl.DataFrame) -> pl.DataFrame:
    """The table ``nodes``: the endpoints of each node in one row, by the first message of the node."""
    own = [name for name in schema.NODES.names if name in ("node", *schema.ENDPOINTS.names)]
    totals = {"sent": pl.col("sent").sum(), "received": pl.col("received").sum()}
    spans = {"first_at": pl.col("first_at").min(), "last_at": pl.col("last_at").max()}
    figures = totals | spans
    firsts = [pl.col(name).first() for name in own if name not in ("node", *figures)]
    table = endpoints.group_by("node", maintain_order=True).agg(*firsts, endpoints=pl.len(), **figures)
    return typed(table.sort("first_at", "node"), schema.NODES)


# ---- tables ----------------------------------------------------------------------------------------------------------


def _endpoints_table(told: pl.DataFrame) -> pl.DataFrame:
    of_node_id = told.select(node_id="end", node=address.sockets("ip", "port"))
    # 3GPP names tell the network (TS 23.003 §13.2); of any other the first label is the host's own.
    of_name = pl.coalesce(
        pl.col("name").str.extract(r"((?:ims\.)?mnc[0-9]{2,3}\.mcc[0-9]{3}\.3gppnetwork\.org)$"),
        pl.col("name").str.extract(r"^[^.]+\.([^.]+\..+)$"),
    )
    table = told.join(of_node_id, on="node_id", how="left").with_columns(
        address=address.sockets("ip", "port"),
        role=_shown(told["role"].fill_null(UNKNOWN)),
        confidence=pl.col("confidence").fill_null(0.0),
        points=pl.when(pl.col("given_role").is_null()).then(pl.col("points").fill_null(0)),
        name=pl.coalesce("given_name", "name"),
        domain=pl.coalesce("given_domain", "domain", of_name),
        source=pl.when(pl.col("given_role").is_null()).then(pl.lit("evidence")).otherwise(pl.lit("given")),
    )
    return typed(table.sort("first_at", "ip", "port"), schema.ENDPOINTS)


def _shown(column: pl.Series) -> pl.Series:
    names = {role: roles.shown(role.split("+")) for role in column.unique()}
    return column.replace_strict(names, return_dtype=pl.String)


def _ways_of(seen: pl.DataFrame) -> pl.DataFrame:
    """How many requests each end sent to which: ``src_ip src_port dst_ip dst_port requests first_at last_at``."""
    return (
        seen.lazy()
        .filter(_requests())
        .group_by("src_ip", "src_port", "dst_ip", "dst_port")
        .agg(
            requests=pl.len().cast(pl.Int64),
            first_at=pl.col("first_byte_at").min().to_physical(),
            last_at=pl.col("first_byte_at").max().to_physical(),
        )
        .collect()
    )


def _asked(ways: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Which node sent how many requests to which: ``src_node dst_node requests first_at last_at``."""
    nodes = told.select("ip", "port", "node")
    for side in ("src", "dst"):
        ways = node_grouping.with_end(ways, nodes, side, name="node")
    return (
        ways.group_by("src_node", "dst_node")
        .agg(pl.col("requests").sum(), pl.col("first_at").min(), pl.col("last_at").max())
        .drop_nulls(["src_node", "dst_node"])
    )


def _evidence_table(evidence: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    of_node_id = told.filter(pl.col("end") == pl.col("node_id")).select(
        "node_id", "first_at", node=address.sockets("ip", "port")
    )
    rows = evidence.join(of_node_id, on="node_id").rename({"name": "rule"})
    order = pl.col("points").sum().over("node_id", "role")
    rows = rows.sort(
        ["first_at", "node", order, "role", "points", "rule"], descending=[False, False, True, False, True, False]
    )
    return typed(rows, schema.NODE_EVIDENCE)
