"""What was asked beside SIP, and for which call or registration: exchanges of Diameter and DNS joined by evidence.

::

    messages of a call or registration -> in hand   a message that a node received, until it sent the next one on
    in hand, exchanges                 -> pairs     same key (identity, host, address of the UE), at that time
    pairs                              -> beside    enough points, and well ahead of any other call or registration

A node asks while it has the message in hand: the I-CSCF between the REGISTER that comes and the one that goes on (TS
29.228 §6.1.1), the P-CSCF when a session description passes (TS 29.214 §4.4.1), a proxy before it sends a request to a
host that it knows by name alone (RFC 3263 §4). Where two calls fit alike, neither gets it.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import identity, uri
from analyzer.columns.address import subscriber_networks
from analyzer.columns.durations import seconds
from analyzer.columns.times import SECOND, ns
from analyzer.columns.typed import typed
from analyzer.companion.dns import targets as targets_of

ENOUGH = 60
"""Points that an exchange needs to be joined."""
MARGIN = 20
"""Points that it must have more for one call or registration than for any other."""

ICID, IDENTITY, PRIVATE, FRAMED = 100, 60, 60, 60
LATER = -25
"""Of an exchange that begins after the message in hand was sent on."""
NEXT_HOST, HOST, ADDRESS, ASKER, STRANGER = 40, 30, 20, 30, -30

_LONGEST = 32 * SECOND
"""A node that never sends it on has it in hand no longer than its transaction lasts (RFC 3261 §17.1.2.2: 64 T1)."""
_BEHIND = SECOND // 2
"""A P-CSCF may tell the PCRF of a session description after it has sent it on."""
_BUCKET = 4 * SECOND
_CHAIN = 5 * SECOND
"""NAPTR, SRV and A of one resolution follow each other within a resolver's time-out."""
_MOST_OF_AN_ICID = 3
"""Calls that may share an icid (legs that are not one call); what more of them have says nothing."""
_GIVE_UP = 10 * SECOND
"""For so long an exchange without an answer counts as waited for."""

_OF_REGISTRATIONS = ("UAR", "MAR")
_OF_CALLS = ("LIR",)
#: Requests that the HSS or PCRF makes: nobody has a SIP message in hand.
_FROM_PEER = ("RAR", "ASR", "RTR", "PPR", "PNR")
_PEERS = {"Cx": "HSS", "Sh": "HSS", "Rx": "PCRF", "Gx": "PCRF", "Rf": "CDF", "Ro": "OCS"}


def related_transactions(
    messages: pl.DataFrame,
    ims_headers: pl.DataFrame,
    descriptions: pl.DataFrame,
    calls: pl.DataFrame,
    call_of: pl.Series,
    registration_of: pl.DataFrame,
    diameter: pl.DataFrame,
    dns: pl.DataFrame,
    dns_messages: pl.DataFrame,
) -> pl.DataFrame:
    """The table ``related_transactions``.

    ``messages``, ``ims_headers``, ``descriptions`` and ``dns_messages`` as the core gives them, with every column;
    ``call_of`` is the call of each message, ``registration_of`` has ``_leg cseq registration`` of each REGISTER;
    ``diameter`` are the rows of ``diameter_transactions``, ``dns`` those of ``dns``.
    """
    exchanges = _exchanges(diameter, dns)
    if exchanges.is_empty():
        return pl.DataFrame(schema=schema.RELATED_TRANSACTIONS.polars())
    seen = messages.with_columns(call=call_of)
    registers = pl.col("method") == "REGISTER"
    seen = seen.join(registration_of, on=["_leg", "cseq"], how="left", maintain_order="left", nulls_equal=True)
    seen = seen.with_columns(
        unit=pl.coalesce("call", pl.when(registers).then("registration")), is_call=pl.col("call").is_not_null()
    )
    seen = seen.filter(pl.col("unit").is_not_null(), ~pl.col("duplicate"))
    work = _in_hand(seen)
    said = _said(work, seen, ims_headers, descriptions)
    points = _points(_pairs(exchanges, work, said), exchanges, work, seen)
    points = pl.concat([points, _by_icid(exchanges, calls)])
    joined = _clear(points)
    joined = _by_chain(joined, dns, targets_of(dns_messages))
    joined = _by_session(joined, exchanges)
    return _table(joined, exchanges)


# ---- exchanges -------------------------------------------------------------------------------------------------------


def _exchanges(diameter: pl.DataFrame, dns: pl.DataFrame) -> pl.DataFrame:
    """Exchanges of both protocols, as far as ``related_transactions`` tells them, with what they are joined by."""
    asked = diameter.select(
        "exchange", "application", "command", "client_ip", "server_ip", "started_at", "answered_at", "delay_s",
        "outcome", "session_id", "icid", "framed_ip", "user_name", "public_identity", "msisdn",
        "file", "frame", "answer_frame",
        protocol=pl.lit("diameter"),
        detail=pl.concat_str("media", "said", separator="; ", ignore_nulls=True),
        what=pl.coalesce("command", pl.format("command {}", "command_code")),
        result=pl.coalesce("result", pl.col("result_code").cast(pl.String)),
        success=pl.col("result_code").is_between(2000, 2999),
    )  # fmt: skip
    looked_up = dns.select(
        "exchange", "client_ip", "server_ip", "started_at", "answered_at", "delay_s", "outcome", "number", "addresses",
        "file", "frame", "answer_frame",
        protocol=pl.lit("dns"),
        detail="answers",
        application=pl.when(pl.col("number").is_not_null()).then(pl.lit("ENUM")).otherwise(pl.lit("DNS")),
        name="name",
        what="type",
        result="rcode",
        success=pl.col("rcode") == "NOERROR",
        host=pl.col("name").str.to_lowercase().str.replace(r"^(?:_[^.]+\.)+", ""),
    )  # fmt: skip
    both = pl.concat([asked, looked_up], how="diagonal_relaxed")
    from_peer = pl.col("command").is_in(_FROM_PEER).fill_null(value=False)
    peers = pl.col("application").replace_strict(_PEERS, default=None, return_dtype=pl.String)
    return both.with_columns(
        start=pl.coalesce("started_at", "answered_at").to_physical(),
        peer=pl.when(pl.col("protocol") == "dns").then(pl.lit("DNS")).otherwise(peers),
        peer_ip=pl.when(from_peer).then("client_ip").otherwise("server_ip"),
        from_peer=from_peer,
    ).filter(pl.col("peer").is_not_null())


def _keys_of_exchanges(exchanges: pl.DataFrame) -> pl.DataFrame:
    """``exchange key``, one row for each thing that an exchange can be found by."""
    asked = exchanges.filter(~pl.col("from_peer"))
    number = pl.format("tel:{}", pl.col("msisdn").str.replace("^tel:", ""))
    sources = (
        ("i:", identity.subscribers(asked["public_identity"])),
        ("i:", identity.subscribers(asked.select(number).to_series())),
        ("i:", identity.subscribers(asked.select(pl.format("tel:{}", "number")).to_series())),
        ("p:", asked["user_name"].str.to_lowercase()),
        ("h:", asked["host"]),
        ("a:", subscriber_networks(asked["framed_ip"])),
    )
    keys = [asked.select("exchange", key=pl.lit(prefix) + values) for prefix, values in sources]
    return _also_without_context(pl.concat(keys).drop_nulls()).unique()


def _also_without_context(keys: pl.DataFrame) -> pl.DataFrame:
    """An HSS knows a local number by its digits, a SIP URI has the phone-context with it (RFC 3966 §5.1.5)."""
    local = keys.filter(pl.col("key").str.contains(";phone-context=", literal=True))
    return pl.concat([keys, local.with_columns(pl.col("key").str.replace(";phone-context=.*$", ""))])


# ---- what nodes have in hand -----------------------------------------------------------------------------------------


def _in_hand(seen: pl.DataFrame) -> pl.DataFrame:
    """``row unit is_call message ip since until next``: a message received, until the node sends the next of its unit.

    A host that talks to itself is several nodes, told apart by their ports. What is of one hop alone keeps nobody busy
    and is no sending on: 100 Trying, the ACK to a refusal, answers to CANCEL (RFC 3261 §16.7, §17.1.1.3, §9.2).
    """
    status, method = pl.col("status"), pl.col("method")
    of_hop = (status == 100) | ((method == "ACK") & pl.col("transaction").is_not_null())
    seen = seen.filter(~(of_hop | ((method == "CANCEL") & status.is_not_null())).fill_null(value=False))

    both_ways = seen.filter(pl.col("src_ip") == pl.col("dst_ip"))["src_ip"].unique()

    def node(side: str) -> pl.Expr:
        ip, port = pl.col(f"{side}_ip"), pl.col(f"{side}_port")
        return pl.when(ip.is_in(both_ways.implode())).then(pl.format("{}:{}", ip, port)).otherwise(ip)

    shared = ("unit", "is_call", "message", "status")
    received = seen.select(*shared, ip="dst_ip", node=node("dst"), at=ns("time"), sent=pl.lit(value=False))
    sent = seen.select(
        *shared,
        ip="src_ip",
        node=node("src"),
        at=pl.coalesce("first_byte_at", "time").to_physical(),
        sent=pl.lit(value=True),
    )
    events = pl.concat([received, sent]).drop_nulls(["ip", "at"]).sort("unit", "node", "at", "sent")
    one = ["unit", "node"]
    follows = pl.col("sent")
    events = events.with_columns(
        until=pl.when(follows).then("at").backward_fill().over(one),
        next=pl.when(follows).then("message").backward_fill().over(one),
    )
    latest = pl.col("at") + _LONGEST
    hand = events.filter(~follows).with_columns(until=pl.min_horizontal(pl.col("until").fill_null(latest), latest))
    return hand.select("unit", "is_call", "message", "status", "ip", "until", "next", since="at").with_row_index("row")


def _said(
    work: pl.DataFrame, seen: pl.DataFrame, ims_headers: pl.DataFrame, descriptions: pl.DataFrame
) -> pl.DataFrame:
    """``row key points word behind``: what exchanges can be joined to a message in hand by; ``behind`` in ns."""
    told = seen.select(
        "message", "method", "request_uri", "private_id", "_sdp", "dst_ip", "src_ip", "contact_uri", "to_uri",
        "from_uri", "asserted_identity",
    ).unique("message")  # fmt: skip
    routes = ims_headers.select("message", "_route").unique("message")
    told = told.join(routes, on="message", how="left", maintain_order="left")
    media = descriptions.select("_sdp", media_ip="connection").drop_nulls().unique("_sdp", keep="first")
    told = told.join(media, on="_sdp", how="left", maintain_order="left")
    told = told.with_columns(
        *(identity.subscribers(told[name]).alias(name) for name in ("to_uri", "from_uri", "asserted_identity")),
        called=identity.subscribers(told["request_uri"]),
        private_id=pl.col("private_id").str.to_lowercase(),
        uri_host=uri.host(pl.col("request_uri")),
        route_host=uri.host(pl.col("_route")),
        contact_ip=subscriber_networks(told.select(uri.host(pl.col("contact_uri")).str.strip_chars("[]")).to_series()),
        media_ip=subscriber_networks(told["media_ip"]),
        src_net=subscriber_networks(told["src_ip"]),
        dst_net=subscriber_networks(told["dst_ip"]),
    )
    here = work.select("row", "message").join(told, on="message", how="left", maintain_order="left")
    onward = work.select("row", message="next").drop_nulls().join(told, on="message", how="left", maintain_order="left")
    # A P-CSCF asks for what a session description says, and for the signalling of who registers (TS 29.214 §4.4.1,
    # §4.4.5).
    bears = pl.col("_sdp").is_not_null() | (pl.col("method") == "REGISTER")
    bearing, sent_bearing = here.filter(bears), onward.filter(bears)
    sources = (
        *(
            (here, name, "i:", IDENTITY, "identity", 0)
            for name in ("called", "to_uri", "from_uri", "asserted_identity")
        ),
        (here, "private_id", "p:", PRIVATE, "private identity", 0),
        *((here, name, "h:", HOST, "host", 0) for name in ("uri_host", "route_host")),
        *((onward, name, "h:", NEXT_HOST, "next host", 0) for name in ("uri_host", "route_host")),
        *((bearing, name, "a:", FRAMED, "framed address", _BEHIND) for name in ("media_ip", "contact_ip", "src_net")),
        (sent_bearing, "dst_net", "a:", FRAMED, "framed address", _BEHIND),
    )
    parts = [
        frame.select(
            "row",
            key=pl.lit(prefix) + pl.col(name),
            points=pl.lit(points),
            word=pl.lit(word),
            behind=pl.lit(behind, dtype=pl.Int64),
        )
        for frame, name, prefix, points, word, behind in sources
    ]
    return _also_without_context(pl.concat(parts).drop_nulls("key")).unique()


# ---- pairs -----------------------------------------------------------------------------------------------------------


def _pairs(exchanges: pl.DataFrame, work: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """``exchange row points word``: exchanges that begin while a message in hand says the same as they do.

    Both sides are cut into short intervals of time, so that what a busy number is asked for in a day is not compared
    with all its calls of that day.
    """
    keys = _keys_of_exchanges(exchanges).join(exchanges.select("exchange", "start"), on="exchange")
    keys = keys.with_columns(bucket=pl.col("start") // _BUCKET)
    hand = said.filter(pl.col("key").is_in(keys["key"].unique().implode()))
    hand = hand.join(work.select("row", "since", in_hand_until="until"), on="row").with_columns(
        until=pl.col("in_hand_until") + pl.col("behind")
    )
    hand = hand.with_columns(bucket=pl.int_ranges(pl.col("since") // _BUCKET, pl.col("until") // _BUCKET + 1)).explode(
        "bucket"
    )
    found = keys.join(hand, on=["key", "bucket"])
    found = found.filter(pl.col("start").is_between(pl.col("since"), pl.col("until")))
    # Who has it in hand comes before who had it.
    late = found.filter(pl.col("start") > pl.col("in_hand_until"))
    late = late.with_columns(points=pl.lit(LATER), word=pl.lit("later"))
    parts = [part.select("exchange", "row", "points", "word") for part in (found, late)]
    return pl.concat(parts, how="vertical_relaxed").unique()


def _points(pairs: pl.DataFrame, exchanges: pl.DataFrame, work: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """``exchange unit is_call message points evidence``: the best message in hand of each call or registration."""
    told = pairs.unique(["exchange", "row", "word"], keep="any").sort("exchange", "row", "word")
    told = told.group_by("exchange", "row", maintain_order=True).agg(
        pl.col("points").sum(), evidence=pl.format("{} {}", "word", "points").str.join(", ")
    )
    told = told.join(work, on="row", how="left", maintain_order="left")
    asked = exchanges.select(
        "exchange", "application", "command", "client_ip", addresses=pl.col("addresses").str.split(" ")
    )
    told = told.join(asked, on="exchange", how="left", maintain_order="left")
    reached = seen.select(next="message", next_ip="dst_ip").unique("next")
    told = told.join(reached, on="next", how="left", maintain_order="left")
    hosts = pl.concat([seen["src_ip"], seen["dst_ip"]]).unique()
    extras = (
        (pl.col("client_ip") == pl.col("ip"), ASKER, "asker"),
        (pl.col("client_ip").is_in(hosts.implode()) & (pl.col("client_ip") != pl.col("ip")), STRANGER, "other node"),
        (pl.col("addresses").list.contains(pl.col("next_ip")), ADDRESS, "address"),
    )
    for holds, points, word in extras:
        holds = holds.fill_null(value=False)
        told = told.with_columns(
            points=pl.col("points") + pl.when(holds).then(points).otherwise(0),
            evidence=pl.when(holds).then(pl.col("evidence") + f", {word} {points}").otherwise("evidence"),
        )
    command = pl.col("command").fill_null("")
    fits = pl.when("is_call").then(~command.is_in(_OF_REGISTRATIONS)).otherwise(~command.is_in(_OF_CALLS))
    # The HSS is asked for a request (TS 29.228 §6.1), and so is whose number it is (TS 24.229 §5.4.3.2).
    of_requests = command.is_in((*_OF_REGISTRATIONS, *_OF_CALLS, "SAR")) | (pl.col("application") == "ENUM")
    fits &= pl.col("status").is_null() | ~of_requests
    # A host may be several nodes: the latest that came is with the one that asks.
    order = ["exchange", "points", "since", "row"]
    best = told.filter(fits).sort(order, descending=[False, True, True, False])
    best = best.unique(["exchange", "unit"], keep="first", maintain_order=True)
    return best.select("exchange", "unit", "is_call", "message", "points", "evidence")


def _by_icid(exchanges: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The same for exchanges that tell the icid of a call (TS 29.214 §5.3.5)."""
    known = calls.filter(pl.col("icid").is_not_null(), pl.len().over("icid") <= _MOST_OF_AN_ICID)
    found = exchanges.filter(pl.col("icid").is_not_null()).join(known.select("icid", unit="call"), on="icid")
    return found.select(
        "exchange",
        "unit",
        is_call=pl.lit(value=True),
        message=pl.lit(None, dtype=pl.Int64),
        points=pl.lit(ICID),
        evidence=pl.lit(f"icid {ICID}"),
    )


def _clear(points: pl.DataFrame) -> pl.DataFrame:
    """The one call or registration of each exchange, where there is one with enough points and well ahead."""
    summed = points.group_by("exchange", "unit", "is_call", maintain_order=True).agg(
        pl.col("points").sum(), pl.col("message").drop_nulls().first(), evidence=pl.col("evidence").str.join(", ")
    )
    ranked = summed.sort("exchange", "points", descending=[False, True])
    second = pl.col("points").shift(-1).over("exchange").fill_null(0)
    first = pl.col("exchange").is_first_distinct()
    return ranked.filter(first, pl.col("points") >= ENOUGH, pl.col("points") - second >= MARGIN)


def _by_chain(joined: pl.DataFrame, dns: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """And lookups of names that the answer to a joined one gave, by the same client: NAPTR, SRV, A (RFC 3263)."""
    lookups = dns.select(
        "exchange",
        "client_ip",
        name=pl.col("name").str.to_lowercase(),
        start=ns("started_at"),
        answered=ns("answered_at"),
    )
    for _ in range(3):
        given = lookups.join(targets, on="exchange").join(joined.drop("message"), on="exchange").explode("targets")
        given = given.select(
            "client_ip", "unit", "is_call", "points", name="targets", start="answered", answered="answered"
        ).drop_nulls()
        # Two calls that were given the same name at one time leave it open which of them asked for it.
        one = ["client_ip", "name"]
        given = given.sort("start").with_columns(
            before=pl.col("answered").shift().over(one), other=pl.col("unit").shift().over(one)
        )
        open_ = lookups.join(joined, on="exchange", how="anti").drop_nulls("start").sort("start").drop("answered")
        found = open_.join_asof(given, on="start", by=one, tolerance=_CHAIN, check_sortedness=False).filter(
            pl.col("unit").is_not_null(),
            (pl.col("other").fill_null(pl.col("unit")) == pl.col("unit"))
            | (pl.col("start") - pl.col("before") > _CHAIN),
        )
        if found.is_empty():
            break
        more = found.select(
            "exchange", "unit", "is_call", "points", message=pl.lit(None, dtype=pl.Int64), evidence=pl.lit("chain")
        )
        joined = pl.concat([joined, more.select(joined.columns).cast(joined.schema)])
    return joined


def _by_session(joined: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """And the exchanges with the Session-Id of a joined one, if all of that session were joined alike."""
    sessions = exchanges.select("exchange", "session_id").drop_nulls()
    known = (
        joined.join(sessions, on="exchange")
        .group_by("session_id")
        .agg(pl.col("unit", "is_call").first(), pl.col("points").max(), several=pl.col("unit").n_unique())
    )
    others = sessions.join(joined, on="exchange", how="anti").join(
        known.filter(pl.col("several") == 1), on="session_id"
    )
    more = others.select(
        "exchange", "unit", "is_call", "points", message=pl.lit(None, dtype=pl.Int64), evidence=pl.lit("session")
    )
    return pl.concat([joined, more.select(joined.columns).cast(joined.schema)])


def _table(joined: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    table = exchanges.join(joined, on="exchange", maintain_order="left").with_columns(
        call=pl.when("is_call").then("unit"),
        registration=pl.when(~pl.col("is_call")).then("unit"),
        score=pl.col("points"),
        result=pl.coalesce(pl.when(pl.col("answered_at").is_not_null()).then("result"), "outcome"),
        detail=pl.when(pl.col("detail") != "").then("detail"),
        failed=~pl.col("success").fill_null(value=False) & (pl.col("outcome") != "pending"),
    )
    return typed(table.sort("start", "exchange"), schema.RELATED_TRANSACTIONS)


# ---- how long was waited ---------------------------------------------------------------------------------------------


def peer_delays(beside: pl.DataFrame, calls: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """The table ``peer_delays``: in how much of a call up to its 180, or of a registration, an exchange was open."""
    units = pl.concat(
        [
            calls.select(unit="call", since="started_at", until=pl.coalesce("ringing_at", "answered_at", "ended_at")),
            registrations.select(unit="registration", since="started_at", until="ended_at"),
        ]
    ).drop_nulls()
    units = units.with_columns(pl.col("since", "until").to_physical())
    open_ = beside.with_columns(
        unit=pl.coalesce("call", "registration"),
        start=pl.coalesce("started_at", "answered_at").to_physical(),
    )
    open_ = open_.with_columns(end=pl.coalesce(ns("answered_at"), pl.col("start") + _GIVE_UP))
    open_ = open_.join(units, on="unit", maintain_order="left").with_columns(
        start=pl.max_horizontal("start", "since"), end=pl.min_horizontal("end", "until")
    )
    open_ = open_.filter(pl.col("start") <= pl.col("end")).sort("unit", "peer", "peer_ip", "start", "end")
    one = ["unit", "peer", "peer_ip"]
    # What overlaps counts once: each begins where those before it ended.
    earlier = pl.col("end").cum_max().shift().over(one).fill_null(pl.col("start"))
    spent = (pl.col("end") - pl.max_horizontal(pl.col("start"), earlier)).clip(lower_bound=0)
    rows = (
        open_.with_columns(spent=spent)
        .group_by(one, maintain_order=True)
        .agg(
            pl.col("call", "registration", "protocol", "since", "until").first(),
            exchanges=pl.len(),
            failed=pl.col("failed").sum(),
            slowest_s=pl.col("delay_s").max(),
            waited=pl.col("spent").sum(),
        )
    )
    whole = pl.col("until") - pl.col("since")
    table = rows.with_columns(
        started_at=pl.col("since").cast(pl.Datetime("ns", "UTC")),
        waited_s=seconds(pl.col("waited")),
        of_s=seconds(whole),
        share=pl.when(whole > 0).then(pl.col("waited") / whole),
    )
    ordered = table.sort("since", "unit", "peer", "peer_ip")
    return typed(ordered, schema.PEER_DELAYS)
