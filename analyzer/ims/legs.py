"""Legs to calls: which leg a back-to-back user agent made from which, by scored evidence (docs/hops_and_legs.md).

A *leg* is a Call-ID and a From tag. A B2BUA (application server, session border controller, media gateway) ends one and
begins another. What the two have in common gives points (`leg_evidence`); from `STRONG` on a link is a fact and its
legs are one call, from `POSSIBLE` on it is told, and nothing rests on it.

Strong links are local: they depend on messages of their two legs and on legs that began within a fixed time of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns.durations import delay
from analyzer.columns.hashed import hashed, is_one_of
from analyzer.columns.methods import method_is
from analyzer.columns.times import ns
from analyzer.columns.typed import typed
from analyzer.ims import leg_evidence, leg_meetings, leg_parties
from analyzer.ims.leg_evidence import PAIR, POINTS

STRONG = 100
POSSIBLE = 60
# A rival within so many points makes a link doubtful, unless it is of the same call anyway.
_MARGIN = 20
# A chain of B2BUAs is followed link by link; no network has as many in one call.
_LONGEST_CHAIN = 16
# A leg that quotes a Call-ID so replaces, joins or answers another call; it is no part of it.
_QUOTING = ["replaces", "join", "target_dialog", "in_reply_to"]

_LINKS = {
    "parent": pl.UInt32, "child": pl.UInt32, "score": pl.Int64, "strong": pl.Boolean, "relation": pl.String,
    "evidence": pl.String, "node_in": pl.String, "node_out": pl.String, "delay": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Legs:
    """The legs of a capture.

    ``table``     a row per leg by its first INVITE: ``leg`` (its number), ``_leg``, ``_call``, ``row``, ``start`` (ns),
                  ``cseq`` of its last, for who is challenged tries again on the same leg
    ``openings``  the INVITEs without To tag, every observation
    ``heads``     where they begin: ``leg``, ``ip``, ``_point``, ``at`` (null where that INVITE was not seen)
    ``tails``     where they end, the same
    ``arrivals``  when their INVITEs arrive there, each try: ``leg``, ``ip``, ``_point``, ``at``
    ``evidence``  what the core found in them
    """

    table: pl.DataFrame
    openings: pl.DataFrame
    heads: pl.DataFrame
    tails: pl.DataFrame
    arrivals: pl.DataFrame
    evidence: pl.DataFrame


def find(messages: pl.DataFrame, evidence: pl.DataFrame) -> Legs:
    """The legs whose INVITE was seen; ``messages`` and ``evidence`` as the core gives them."""
    openings = _openings(messages)
    table = (
        openings.lazy()
        .filter(~pl.col("duplicate"))
        .group_by("_leg", maintain_order=True)
        .agg(pl.col("_call", "row").first(), pl.col("cseq").max(), start=pl.col("at").min())
        .with_row_index("leg")
        .collect(engine="in-memory")
    )
    numbers = table["_leg", "leg"]
    openings = openings.join(numbers, on="_leg", maintain_order="left")
    items = (
        evidence.lazy()
        .filter(hashed("_leg", "kind", "value").is_first_distinct())
        .join(numbers.lazy(), on="_leg", maintain_order="left")
        .collect(engine="in-memory")
    )
    hops = pl.concat([openings[_HOP], _answered_only(messages, openings, numbers)])
    tails = _tails(hops)
    return Legs(table, openings, _heads(openings, items), tails, _arrivals(openings, tails), items)


_HOP = ["leg", "via_count", "client", "server", "_point", "at"]


def _openings(messages: pl.DataFrame) -> pl.DataFrame:
    return (
        messages.lazy()
        .with_row_index("row")
        .filter(
            pl.col("method") == "INVITE",
            pl.col("status").is_null(),
            pl.col("to_tag").is_null(),
            pl.col("_leg").is_not_null(),
        )
        .select(
            "row", "message", "duplicate", "retransmission", "_leg", "_call", "_point",
            pl.col("cseq", "via_count").fill_null(0),
            client=pl.col("src_ip"), server=pl.col("dst_ip"), at=ns("time"),
            asserted=pl.col("asserted_identity").is_not_null(), preferred=pl.col("preferred_identity").is_not_null(),
        )
        .collect()
    )  # fmt: skip


def _answered_only(messages: pl.DataFrame, openings: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """The hops of these INVITEs of which only responses were seen."""
    tries = openings.lazy().select("_leg", "cseq")
    return (
        messages.lazy()
        .filter(
            pl.col("method") == "INVITE", pl.col("status").is_not_null(), pl.col("message") == pl.col("transaction")
        )
        .select(
            "_leg", "cseq", pl.col("via_count").fill_null(0), "_point", client="dst_ip", server="src_ip",
            at=pl.lit(None, pl.Int64),
        )
        .join(tries, on=["_leg", "cseq"], how="semi")
        .join(numbers.lazy(), on="_leg")
        .select(_HOP)
        .collect()
    )  # fmt: skip


def _heads(openings: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    known = openings.lazy().filter(pl.col("client").is_not_null())
    first = pl.col("via_count") == 1
    unseen = ~pl.col("leg").is_in(known.filter(first).select("leg").collect()["leg"].implode())
    # The bottom Via says where the others began: an address that sends or receives here. Else a node made it up, to
    # hide what is behind it, and the leg begins for us where its packets come from.
    told = evidence.filter(pl.col("kind") == "origin", unseen)
    if not told.is_empty():
        speaking = pl.concat([openings["client"], openings["server"].alias("client")]).unique()
        told = told.filter(pl.col("text").is_in(speaking.implode()))
    hidden = known.filter(unseen, ~pl.col("leg").is_in(told["leg"].implode()))
    hidden = hidden.filter(pl.col("via_count") == pl.col("via_count").min().over("leg"))
    seen = pl.concat([known.filter(first), hidden])
    seen = seen.group_by("leg", "client", "_point", maintain_order=True).agg(pl.col("at").min())
    seen = seen.select("leg", "_point", "at", ip="client")
    named = told.lazy().select("leg", _point=pl.lit(None, pl.Int64), at=pl.lit(None, pl.Int64), ip="text")
    return pl.concat([seen, named]).collect(engine="in-memory")


def _arrivals(openings: pl.DataFrame, tails: pl.DataFrame) -> pl.DataFrame:
    there = openings.select("leg", "_point", "at", "cseq", ip="server").filter(is_one_of(tails, "leg", "ip", "_point"))
    tries = there.group_by("leg", "ip", "_point", "cseq", maintain_order=True).agg(pl.col("at").min())
    return tries.select("leg", "_point", "at", "ip")


def _tails(hops: pl.DataFrame) -> pl.DataFrame:
    """The servers that no request of the leg leaves with one Via more."""
    further = hops.select("leg", pl.col("via_count") - 1, server="client")
    last = hops.filter(pl.col("server").is_not_null(), ~is_one_of(further, "leg", "via_count", "server"))
    last = last.group_by("leg", "server", "_point", maintain_order=True).agg(pl.col("at").min())
    return last.select("leg", "_point", "at", ip="server")


# -- links -------------------------------------------------------------------------------------------------------------


def links(legs: Legs, messages: pl.DataFrame, *, possible: bool = False) -> pl.DataFrame:
    """Links from each leg to the one it was made from, by child and score: columns `_LINKS`.

    The strong ones; with ``possible`` also the weaker, and those to legs that a leg quotes without being part of their
    call (``relation``).
    """
    if legs.table.height < 2:
        return pl.DataFrame(schema=_LINKS)
    shared = leg_evidence.shared(legs.evidence, legs.table)
    found = _placed(shared.select(PAIR).unique(maintain_order=True), legs)
    openings, table = legs.openings, legs.table
    ended = leg_meetings.over(messages, table, openings, legs.heads)
    called = leg_parties.called(table, openings, messages, legs.evidence)
    sight = leg_meetings.in_sight(legs.heads, legs.arrivals, ended, called)
    if not possible:
        # Who calls is dear to find out, and wanted only of legs that may have to do with another.
        concerned = [found["parent"], found["child"], sight.legs, leg_parties.with_history(legs.evidence)]
        numbers = pl.concat(series.rename("leg") for series in concerned).unique()
        if numbers.is_empty():
            return pl.DataFrame(schema=_LINKS)
        openings, table = (frame.filter(pl.col("leg").is_in(numbers.implode())) for frame in (openings, table))
    who = leg_parties.parties(openings, messages, legs.evidence, called)
    # What became of them is asked several times, and of few: their messages are looked for once.
    of_them = messages.select(_OF_LEGS).filter(pl.col("_call").is_in(table["_call"].unique().implode()))
    decided = leg_meetings.decided(of_them, table)
    near = leg_meetings.at_node(sight, decided, who)
    pairs = [near.select(_unordered()), leg_parties.diverted(who, legs.evidence, legs.table)]
    if possible:
        pairs.append(leg_parties.same_parties(who, table))
    others = pl.concat(pairs).unique(maintain_order=True)
    others = others.join(shared, on=PAIR, how="anti", maintain_order="left")
    if others.height:
        found = pl.concat([found, _placed(others, legs)]).sort(PAIR)
    if found.is_empty() and not possible:
        return pl.DataFrame(schema=_LINKS)
    scored = _scored(found, shared, near, decided, ended, who, legs, of_them)
    strong = _strong(scored, legs.table, messages)
    if not possible:
        return strong.select(_columns())
    told = scored.filter(pl.col("score") >= POSSIBLE).join(
        strong.select(*PAIR, "strong"), on=PAIR, how="left", maintain_order="left"
    )
    told = told.with_columns(pl.col("strong").fill_null(value=False), relation=pl.lit("leg"))
    quotes = _quotes(legs)
    told = pl.concat([told.select(_columns()), quotes.select(_columns())])
    return told.sort("child", "strong", "score", "parent", descending=[False, True, True, False])


_OF_LEGS = [
    "_leg", "_call", "_point", "method", "status", "cseq", "src_ip", "dst_ip", "from_tag", "to_tag", "time",
]  # fmt: skip


def _columns() -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in _LINKS.items()]


def _unordered() -> list[pl.Expr]:
    return [pl.min_horizontal(PAIR).alias("parent"), pl.max_horizontal(PAIR).alias("child")]


def _placed(pairs: pl.DataFrame, legs: Legs) -> pl.DataFrame:
    """The pairs with the parent first, and where and how soon the child begins after it: node_in, node_out, delay.

    Left out are pairs that cannot be parent and child: that begin, or end, at the same place and do not meet, that meet
    the other way round only, and those of which the child was there first.
    """
    if pairs.is_empty():
        return pl.DataFrame(schema=_PLACED)
    meeting = (
        _both_ways(pairs)
        .join(legs.tails, left_on="parent", right_on="leg")
        .join(legs.heads, left_on=["child", "ip"], right_on=["leg", "ip"], suffix="_head")
    )
    meeting = meeting.with_columns(
        delay=pl.when(pl.col("_point") == pl.col("_point_head")).then(pl.col("at_head") - pl.col("at"))
    )
    meeting = meeting.sort("parent", "child", pl.col("delay").abs(), "ip", "delay", nulls_last=True)
    meeting = meeting.unique(PAIR, keep="first", maintain_order=True).select(*PAIR, "ip", "delay")
    apart = _not_beside(pairs.join(meeting.select(_unordered()), on=PAIR, how="anti"), legs)
    ways = pl.concat([meeting.with_columns(meet=True), _both_ways(apart)], how="diagonal")
    if ways.is_empty():
        return pl.DataFrame(schema=_PLACED)

    starts = _starts(legs, ways)
    order = ways.select(PAIR).join(starts, left_on="parent", right_on="leg")
    order = order.join(starts, left_on=["child", "_point"], right_on=["leg", "_point"], suffix="_child")
    order = order.group_by(PAIR).agg(after=(pl.col("at_child") - pl.col("at")).max())
    ways = ways.join(order, on=PAIR, how="left", maintain_order="left")
    rows = legs.table.select("leg", "row", "start")
    ways = ways.join(rows, left_on="parent", right_on="leg", maintain_order="left")
    ways = ways.join(rows, left_on="child", right_on="leg", suffix="_child", maintain_order="left")
    after = pl.coalesce(
        "after", pl.col("start_child") - pl.col("start"), pl.col("row_child").cast(pl.Int64) - pl.col("row")
    )
    ways = ways.filter(pl.col("after").fill_null(0) >= -leg_evidence.OUT_OF_ORDER)
    ways = ways.with_columns(pl.col("meet").fill_null(value=False), after=after, pair=pl.struct(_unordered()))
    # Where legs meet tells which way; where it does not, or both ways, what came first.
    ways = ways.sort("meet", pl.col("after") >= 0, "after", "parent", descending=[True, True, False, False])
    ways = ways.unique("pair", keep="first", maintain_order=True)
    return ways.select(*PAIR, "delay", "after", node_in="ip", node_out="ip").sort(PAIR)


_PLACED = {
    "parent": pl.UInt32, "child": pl.UInt32, "delay": pl.Int64, "after": pl.Int64, "node_in": pl.String,
    "node_out": pl.String,
}  # fmt: skip


def _both_ways(pairs: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pairs, pairs.select(parent="child", child="parent")])


def _not_beside(pairs: pl.DataFrame, legs: Legs) -> pl.DataFrame:
    """Without the pairs that begin at the same address, or end at the same."""
    for ends in (legs.heads, legs.tails):
        ends = ends.select("leg", "ip").unique()
        both = pairs.join(ends, left_on="parent", right_on="leg")
        both = both.join(ends, left_on=["child", "ip"], right_on=["leg", "ip"], how="semi")
        pairs = pairs.join(both, on=PAIR, how="anti", maintain_order="left")
    return pairs


def _starts(legs: Legs, pairs: pl.DataFrame) -> pl.DataFrame:
    """When each point saw first of the legs in ``pairs``: ``leg``, ``_point``, ``at``."""
    concerned = pl.concat([pairs["parent"], pairs["child"]]).unique()
    openings = legs.openings.lazy().filter(pl.col("leg").is_in(concerned.implode()), pl.col("at").is_not_null())
    return openings.group_by("leg", "_point").agg(pl.col("at").min()).collect()


def _scored(
    pairs: pl.DataFrame,
    shared: pl.DataFrame,
    near: pl.DataFrame,
    decided: pl.DataFrame,
    ended: pl.DataFrame,
    who: leg_parties.Parties,
    legs: Legs,
    messages: pl.DataFrame,
) -> pl.DataFrame:
    """The pairs with ``score`` and ``evidence``; those that what became of them forbids are left out."""
    of_shared = pairs.select(PAIR).join(
        pl.concat([shared, shared.select("kind", parent="child", child="parent").select(shared.columns)]), on=PAIR
    )
    near = near.join(pairs.select(PAIR), on=PAIR, how="semi", maintain_order="left")
    # The time at the node is counted from the last that it waited for.
    pairs = pairs.join(near.drop("hands_on").rename({"delay": "waited"}), on=PAIR, how="left", maintain_order="left")
    pairs = pairs.with_columns(pl.coalesce("waited", "delay").alias("waited"), later=pl.col("before").is_not_null())
    pairs = _both_addresses(pairs, legs)
    parties = leg_parties.of_parties(leg_parties.fitting(pairs.select(*PAIR, "later"), who, near), who)
    alone = leg_evidence.of_being_alone(near, leg_evidence.fits(pairs, parties))
    points = [
        of_shared.select(*PAIR, "kind").unique(maintain_order=True),
        parties,
        leg_parties.of_history(pairs.select(PAIR), who, legs.evidence),
        leg_evidence.of_timing(pairs),
        alone,
        leg_evidence.of_tries(near, alone, who.callers, legs.heads, ended),
    ]
    involved = pl.concat([pairs["parent"], pairs["child"]]).unique()
    some = legs.table.filter(pl.col("leg").is_in(involved.implode()))
    answers = leg_evidence.responses(messages, some)
    identical = parties.filter(pl.col("kind").is_in(["identity", "number"]))
    requests = _requests(messages, some)
    starts = _starts(legs, pairs)
    late = leg_evidence.of_lateness(pairs.select(PAIR), decided, starts, identical, requests)
    points.append(late)
    points.append(leg_evidence.of_tags(pairs.select(PAIR), answers))
    # What begins when the other is over is another call, whoever calls whom from where, unless it bears its mark.
    marked = [part.filter(pl.col("kind").is_in(_MARKS)).select(PAIR) for part in points]
    another = late.select(PAIR).join(pl.concat(marked), on=PAIR, how="anti")
    pairs = pairs.join(another, on=PAIR, how="anti", maintain_order="left")
    scored = _sum(pairs, points)
    # What became of both is asked only where it can change the verdict.
    most = 2 * POINTS["mirror"] + 4 * POINTS["in_step"]
    doubtful = scored.filter(pl.col("score").is_between(POSSIBLE - most, STRONG + _MARGIN) | pl.col("across"))
    exact = of_shared.filter(pl.col("kind") == "session")
    doubtful = doubtful.join(exact, on=PAIR, how="anti", maintain_order="left")
    if doubtful.is_empty():
        return scored
    begun = _begun(doubtful, pairs, legs, ended)
    echoes, vetoed = leg_evidence.mirrored(doubtful, answers, requests, starts, begun)
    given = pl.concat([part.select(*PAIR, "kind") for part in points]).filter(pl.col("kind") == "try")
    proved = echoes.filter(pl.col("kind") == "mirror").join(vetoed, on=PAIR, how="anti")
    late_tries = leg_evidence.of_late_tries(near, alone, who.callers, ended, proved)
    points = [*points, echoes, late_tries.join(given, on=PAIR, how="anti", maintain_order="left")]
    # Two addresses are those of one node where something went over, or where it tried one after another.
    over = [part.filter(pl.col("kind").is_in(["mirror", "try"])).select(PAIR) for part in points]
    unproved = pairs.filter("across").join(pl.concat(over), on=PAIR, how="anti")
    at_one = unproved.select(PAIR).join(pl.DataFrame({"kind": _AT_ONE_NODE}), how="cross")
    points = [part.join(at_one, on=[*PAIR, "kind"], how="anti", maintain_order="left") for part in points]
    return _sum(pairs, points).join(vetoed, on=PAIR, how="anti", maintain_order="left")


# What one call alone bears; Route, SDP and numbers may be the same in the next call of one telephone.
_MARKS = ["session", "icid", "vendor", "call_id", "tags", "history", "try"]
# What says something only of legs that meet at one node.
_AT_ONE_NODE = ["timing", "alone", "number", "callee", "names"]


def _both_addresses(pairs: pl.DataFrame, legs: Legs) -> pl.DataFrame:
    """The pairs, of which those that meet at two addresses of one node have both: ``node_in`` and ``node_out``."""
    ends = legs.tails.drop_nulls("at").unique("leg", keep="first", maintain_order=True).select("leg", ended="ip")
    pairs = pairs.join(ends, left_on="parent", right_on="leg", how="left", maintain_order="left")
    apart = pl.col("node_in").is_null() & pl.col("ip").is_not_null()
    return pairs.with_columns(
        across=apart,
        node_in=pl.when(apart).then("ended").otherwise("node_in"),
        node_out=pl.when(apart).then("ip").otherwise("node_out"),
    ).drop("ended", "ip")


def _sum(pairs: pl.DataFrame, points: list[pl.DataFrame]) -> pl.DataFrame:
    given = pl.concat(
        part.select(
            *PAIR,
            "kind",
            points=pl.col("points")
            if "points" in part.columns
            else pl.col("kind").replace_strict(POINTS, return_dtype=pl.Int64),
        )
        for part in points
    )
    given = given.sort("points", "kind", descending=[True, False])
    summed = given.group_by(PAIR, maintain_order=True).agg(
        score=pl.col("points").sum(),
        evidence=pl.format("{} {}", "kind", "points").str.join(", "),
        tried=(pl.col("kind") == "try").any(),
    )
    summed = pairs.join(summed, on=PAIR, how="left", maintain_order="left")
    return summed.with_columns(pl.col("score").fill_null(0), pl.col("tried").fill_null(value=False))


def _begun(pairs: pl.DataFrame, tries: pl.DataFrame, legs: Legs, ended: pl.DataFrame) -> pl.DataFrame:
    """When the INVITEs of each pair come to the node and leave it, and when the next of ``tries`` leaves it; of a child
    that nobody answers, when its last INVITE does."""
    heads = legs.heads.drop_nulls("at").select("leg", "ip", "_point", at_child="at")
    both = pairs.join(heads, left_on=["child", "node_out"], right_on=["leg", "ip"])
    both = both.with_columns(at_parent=pl.when(~pl.col("later")).then(pl.col("at_child") - pl.col("waited")))
    following = tries.filter("later").select("parent", next="child", child="before")
    following = following.join(heads, left_on="next", right_on="leg").rename({"ip": "node_out", "at_child": "next_at"})
    following = following.group_by(*PAIR, "node_out", "_point").agg(pl.col("next_at").min())
    both = both.join(following, on=[*PAIR, "node_out", "_point"], how="left", maintain_order="left")
    silent = ended.filter("silent").select("_point", child="leg", node_out="ip", silent_at="at")
    both = both.join(silent, on=["child", "node_out", "_point"], how="left", maintain_order="left")
    return both.select(*PAIR, "_point", "at_child", "at_parent", "next_at", "silent_at")


def _requests(messages: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    requests = messages.filter(pl.col("status").is_null(), method_is("BYE", "CANCEL", "REFER"))
    return requests.select("_call", "_point", "method", at=ns("time")).join(legs.select("_call", "leg"), on="_call")


def _strong(scored: pl.DataFrame, table: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The links that are facts: of each leg the best, unless a rival from another call is as good.

    From the beginning of each call on, for which candidates are of one call is known only link by link. The try next to
    one that is known needs less, where nobody else comes in question for it.
    """
    open_pairs = scored.filter(pl.col("score") >= POSSIBLE)
    open_pairs = open_pairs.sort("score", "after", *PAIR, descending=[True, False, False, False])
    calls = table.select("leg", root="leg")
    accepted = open_pairs.clear()
    for _ in range(_LONGEST_CHAIN):
        rivals = open_pairs.join(calls, left_on="parent", right_on="leg", maintain_order="left")
        best = rivals.unique("child", keep="first", maintain_order=True)
        last = accepted.select("parent", before="child", last=pl.lit(value=True))
        best = best.join(last, on=["parent", "before"], how="left", maintain_order="left")
        later = accepted.drop_nulls("before").select("parent", child="before", next=pl.lit(value=True)).unique()
        best = best.join(later, on=PAIR, how="left", maintain_order="left")
        in_turn = pl.any_horizontal(pl.col("last", "next").fill_null(value=False))
        of_known = in_turn & pl.col("tried") & (pl.col("score") >= STRONG - _MARGIN)
        best = best.filter((pl.col("score") >= STRONG) | of_known)
        others = rivals.join(best.select("child", best_root="root", best_score="score"), on="child")
        doubtful = others.filter(
            pl.col("root") != pl.col("best_root"), pl.col("score") > pl.col("best_score") - _MARGIN
        )
        new = best.join(doubtful.select("child"), on="child", how="anti", maintain_order="left")
        if new.is_empty():
            break
        accepted = pl.concat([accepted, new.select(accepted.columns)])
        open_pairs = open_pairs.join(new.select("child"), on="child", how="anti", maintain_order="left")
        calls = _roots(accepted, table)
    accepted = _one_to_one(accepted, table, messages)
    return accepted.with_columns(strong=pl.lit(value=True), relation=pl.lit("leg"))


def _roots(accepted: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """For each leg the first leg of its call: parents of parents, twice as far each time."""
    up = table.select("leg").join(
        accepted.select(leg="child", root="parent"), on="leg", how="left", maintain_order="left"
    )
    up = up.with_columns(pl.coalesce("root", "leg").alias("root"))
    for _ in range(_LONGEST_CHAIN.bit_length()):
        further = up.select(root="leg", next="root")
        up = up.join(further, on="root", maintain_order="left").select("leg", root="next")
    return up


def _one_to_one(chosen: pl.DataFrame, table: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Without children of one parent that call the same URI from the same node at a time, for one of them is of another
    call; one that is better by the margin stays."""
    # What begins when another is over is the next try of the same call: the same number over another gateway.
    earlier = chosen.select("parent", before="child")
    together = chosen.join(earlier, on=["parent", "before"], how="anti", maintain_order="left")
    several = together.filter(pl.struct("parent", "node_out").is_duplicated())
    if several.is_empty():
        return chosen
    uris = table.select(child="leg", uri=messages["request_uri"].gather(table["row"]))
    several = several.join(uris, on="child", maintain_order="left").sort("score", descending=True, maintain_order=True)
    same = ["parent", "node_out", "uri"]
    second = pl.col("score").sort(descending=True).get(1, null_on_oob=True).over(same)
    first = pl.col("score").max().over(same)
    clear = second.is_null() | ((pl.col("score") == first) & (first - second >= _MARGIN))
    dropped = several.filter(~clear).select(PAIR)
    return chosen.join(dropped, on=PAIR, how="anti", maintain_order="left")


def _quotes(legs: Legs) -> pl.DataFrame:
    """Legs that name the Call-ID of another: they replace, join or answer it, and are calls of their own."""
    found = leg_evidence.quoted(legs.evidence, legs.table, _QUOTING)
    return found.select(
        parent="other", child="leg", score=pl.lit(100), strong=pl.lit(value=True), relation="kind",
        evidence=pl.format("{} 100", "kind"), node_in=pl.lit(None), node_out=pl.lit(None), delay=pl.lit(None),
    )  # fmt: skip


# -- what others make of them ------------------------------------------------------------------------------------------


def joined(legs: Legs, found: pl.DataFrame) -> pl.DataFrame:
    """The strong links as attempts and hops want them: ``_leg`` and ``_call`` of both, and the node between."""
    strong = found.lazy().filter("strong", pl.col("relation") == "leg")
    names = legs.table.lazy().select("leg", "_leg", "_call")
    both = strong.join(names, left_on="child", right_on="leg", maintain_order="left")
    both = both.join(names, left_on="parent", right_on="leg", suffix="_from", maintain_order="left")
    both = both.select("_leg", "_leg_from", "_call", "_call_from", "node_in", "node_out")
    return both.collect(engine="in-memory")


def table(legs: Legs, found: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``legs`` table without ``call``, by start; ``found`` with what is possible."""
    hops = legs.openings.select("leg", "client", "server", "via_count").unique().group_by("leg").agg(hops=pl.len())
    first = legs.heads.unique("leg", keep="first", maintain_order=True).select("leg", first_node="ip")
    last = legs.tails.unique("leg", keep="first", maintain_order=True).select("leg", last_node="ip")
    said = messages.select(pl.col("message", "call_id", "first_byte_at").gather(legs.table["row"]))
    named = pl.concat([legs.table.select("leg"), said], how="horizontal")
    for more in (hops, first, last):
        named = named.join(more, on="leg", how="left", maintain_order="left")
    of_parents = named.select(parent="leg", parent_key="message", parent_call_id="call_id")
    both = found.rename({"child": "leg"}).join(of_parents, on="parent", how="left", maintain_order="left")
    rows = named.join(both, on="leg", how="left", maintain_order="left")
    rows = rows.with_columns(
        leg="message",
        parent="parent_key",
        started_at="first_byte_at",
        strength=pl.when("strong").then(pl.lit("strong")).when(pl.col("score").is_not_null()).then(pl.lit("possible")),
        node=pl.coalesce("node_out", "node_in"),
        delay_s=delay(pl.col("delay")),
    )
    return typed(rows, schema.LEGS, without=("call",))
