"""Evidence that one leg was made from another: each function gives points to pairs of legs, `POINTS` says how many.

A *pair* is two numbers of legs, ``parent`` and ``child``. Pairs are looked for among legs that share something a
fixed time of each other, and only among so many neighbours: never all with all. docs/hops_and_legs.md tells it in
words.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer.columns import identity
from analyzer.columns.times import SECOND, ns

POINTS = {
    "session": 100, "icid": 90, "route": 90, "vendor": 80, "call_id": 60, "identity": 40, "caller": 20, "history": 40,
    "timing": 25, "alone": 20, "sdp": 40, "mirror": 20, "user_to_user": 10, "from_tag": 10, "strangers": -40,
    "late": -60,
}  # fmt: skip

# A leg may begin as long as the INVITE that it is made of is pending: where nobody answers and the call is forwarded,
# up to Timer C (RFC 3261 §16.6 item 11). The clocks of capture points are in it.
_PENDING = 190 * SECOND
# What rests on names alone.
_SOON = 15 * SECOND
# Of the legs that share something so many are compared; what more than `_CROWD` share within the window tells nothing.
_NEIGHBOURS = 12
_CROWD = 24
# How long a node takes from one leg to the next; an application server may ask a data base first.
_PROMPT, _DECISION = SECOND // 2, 5 * SECOND
# What a B2BUA gets on one leg it gives on the other within this time.
_ECHO = SECOND // 2
# The two legs of one call end within this time.
_SAME_END = 5 * SECOND
# One capture point may write packets this much out of order.
OUT_OF_ORDER = SECOND // 20
# Numbers with this many equal digits at their ends are one, written nationally or not.
_SUFFIX = 7

# What is the same in two legs of a call, by the kind of the core's evidence.
_SHARED = {
    "icid": "icid", "related_icid": "icid", "session": "session", "session_pair": "session", "route": "route",
    "vendor": "vendor", "call_id_stem": "call_id", "sdp_origin": "sdp", "sdp_media": "sdp", "ice_ufrag": "sdp",
    "user_to_user": "user_to_user", "from_tag": "from_tag",
}  # fmt: skip
PAIR = ["parent", "child"]


# -- what two legs share -----------------------------------------------------------------------------------------------


def shared(evidence: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """Pairs, the lower number first, and the ``kind`` of what they share. Legs of one Call-ID are no pair."""
    kinds = list(_SHARED)
    items = evidence.filter(pl.col("kind").is_in(kinds), pl.col("value").is_duplicated())
    items = items.select("leg", "value", kind=pl.col("kind").replace_strict(_SHARED, return_dtype=pl.String))
    items = items.unique(maintain_order=True).join(
        legs.select("leg", "start", "_call"), on="leg", maintain_order="left"
    )
    items = items.sort("kind", "value", "start", "leg")
    found = _neighbours(items, ["kind", "value"], _PENDING).unique(["parent", "child", "kind"], maintain_order=True)
    return pl.concat([found, _quoting(evidence, legs, ["vendor"], "vendor").select(found.columns)])


def _neighbours(items: pl.DataFrame, by: list[str], within: int) -> pl.DataFrame:
    """Pairs of rows, equal in ``by``, in order of ``start``, that begin ``within`` ns of each other and are not in a
    crowd."""

    def near(distance: int) -> pl.Expr:
        same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(distance) for name in by)
        return (same & (pl.col("start") - pl.col("start").shift(distance) <= within)).fill_null(value=False)

    # In a crowd are all from the one that many come after within the window to the last of them.
    last_of_crowd = items.select(near(_CROWD)).to_series()
    if last_of_crowd.any():
        crowded = pl.any_horizontal(last_of_crowd.shift(-step).fill_null(value=False) for step in range(_CROWD + 1))
        items = items.filter(~crowded)
    found = []
    for distance in range(1, min(_NEIGHBOURS, items.height - 1) + 1):
        pairs = items.with_columns(other=pl.col("leg").shift(distance), other_call=pl.col("_call").shift(distance))
        pairs = pairs.filter(near(distance))
        if pairs.is_empty():
            # Who has no neighbour so near has none further off.
            break
        pairs = pairs.filter(pl.col("_call") != pl.col("other_call"))
        found.append(pairs.select(_lower("leg", "other"), _higher("leg", "other"), "kind"))
    if not found:
        return pl.DataFrame(schema={"parent": pl.UInt32, "child": pl.UInt32, "kind": pl.String})
    return pl.concat(found)


def _lower(one: str, other: str) -> pl.Expr:
    return pl.min_horizontal(one, other).alias("parent")


def _higher(one: str, other: str) -> pl.Expr:
    return pl.max_horizontal(one, other).alias("child")


def _quoting(evidence: pl.DataFrame, legs: pl.DataFrame, kinds: list[str], name: str) -> pl.DataFrame:
    """Pairs of legs of which one says the Call-ID of the other, near in time."""
    quotes = quoted(evidence, legs, kinds)
    near = (pl.col("start") - pl.col("start_quoted")).abs() <= _PENDING
    found = quotes.filter(near).select(_lower("leg", "other"), _higher("leg", "other"), kind=pl.lit(name))
    return found.unique(maintain_order=True)


def quoted(evidence: pl.DataFrame, legs: pl.DataFrame, kinds: list[str]) -> pl.DataFrame:
    """Legs (``leg``, ``kind``, ``start``) that quote the Call-ID of another (``other``, ``start_quoted``)."""
    quotes = evidence.filter(pl.col("kind").is_in(kinds)).select("leg", "kind", "value")
    if quotes.is_empty():
        kind = {"leg": pl.UInt32, "kind": pl.String, "start": pl.Int64, "other": pl.UInt32, "start_quoted": pl.Int64}
        return pl.DataFrame(schema=kind)
    others = legs.select(other="leg", value="_call", start_quoted="start")
    found = quotes.join(others, on="value").join(legs.select("leg", "start"), on="leg")
    return found.filter(pl.col("leg") != pl.col("other")).select("leg", "kind", "start", "other", "start_quoted")


# -- who calls whom ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class Parties:
    """Who calls (``leg``, ``caller``; none where that is withheld) and who is called (``leg``, ``called``, several)."""

    callers: pl.DataFrame
    called: pl.DataFrame


def parties(openings: pl.DataFrame, messages: pl.DataFrame, evidence: pl.DataFrame) -> Parties:
    """Who calls and who is called, by all that the hops of a leg say."""
    rows = openings.group_by("leg", maintain_order=True).agg(
        first=pl.col("row").first(),
        last=pl.col("row").get(pl.col("via_count").arg_max()),
        asserted=pl.col("row").filter("asserted").first(),
        preferred=pl.col("row").filter("preferred").first(),
    )
    texts = messages.select(
        pl.col("from_uri", "to_uri", "request_uri").gather(rows["first"]),
        pl.col("request_uri").gather(rows["last"]).alias("last_uri"),
        pl.col("asserted_identity").gather(rows["asserted"]),
        pl.col("preferred_identity").gather(rows["preferred"]),
    )
    caller = texts.select(identity.first_named(["asserted_identity", "preferred_identity", "from_uri"])).to_series()
    party = evidence.filter(pl.col("kind") == "called_party")
    uris = [caller, texts["request_uri"], texts["last_uri"], texts["to_uri"], party["text"]]
    legs = pl.concat([rows["leg"]] * 4 + [party["leg"]])
    known = identity.subscribers(pl.concat(series.rename("uri") for series in uris))
    keys = pl.DataFrame({"leg": legs, "key": known}).with_row_index("place").drop_nulls("key")
    callers = keys.filter(pl.col("place") < rows.height, ~identity.is_anonymous("key"))
    called = keys.filter(pl.col("place") >= rows.height)
    return Parties(
        callers.select("leg", caller=pl.col("key").hash()),
        pl.concat([called.select("leg", called=pl.col("key").hash()), _by_suffix(called)]).unique(maintain_order=True),
    )


def _by_suffix(called: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("key").str.extract(r"^(\d{7,})(?:;|$)").str.slice(-_SUFFIX)
    return called.select("leg", called=number).drop_nulls().with_columns(pl.format("...{}", "called").hash())


def of_parties(pairs: pl.DataFrame, who: Parties) -> pl.DataFrame:
    """Points for the same caller and the same callee; the contrary where both differ."""
    one = pairs.join(who.callers, left_on="parent", right_on="leg", how="left", maintain_order="left")
    one = one.join(who.callers, left_on="child", right_on="leg", how="left", suffix="_child", maintain_order="left")
    callee = pairs.join(who.called, left_on="parent", right_on="leg").join(
        who.called, left_on=["child", "called"], right_on=["leg", "called"], how="semi"
    )
    one = one.join(callee.select(*PAIR, called=True).unique(), on=PAIR, how="left", maintain_order="left")
    calling, called = pl.col("caller") == pl.col("caller_child"), pl.col("called").fill_null(value=False)
    kind = (
        pl.when(calling & called)
        .then(pl.lit("identity"))
        .when(calling)
        .then(pl.lit("caller"))
        .when(~calling & ~called)
        .then(pl.lit("strangers"))
    )
    return one.select(*PAIR, kind=kind).drop_nulls()


def of_history(pairs: pl.DataFrame, who: Parties, evidence: pl.DataFrame) -> pl.DataFrame:
    """Points for a child that says it was diverted from whom the parent called, to somebody else (RFC 7044)."""
    past = evidence.filter(pl.col("kind") == "history").select("leg", "text")
    past = past.join(pairs, left_on="leg", right_on="child", how="semi")
    if past.is_empty():
        return pairs.clear().with_columns(kind=pl.lit("history"))
    keys = past.select(child="leg", called=identity.subscribers(past["text"]).hash()).unique()
    diverted = pairs.join(keys, on="child")
    return (
        diverted.join(who.called, left_on=["parent", "called"], right_on=["leg", "called"], how="semi")
        .join(who.called.with_columns(to=pl.lit(value=True)), left_on=["child", "called"], right_on=["leg", "called"],
              how="left")
        .group_by(PAIR).agg(pl.col("to").any())
        .filter(~pl.col("to").fill_null(value=False))
        .select(*PAIR, kind=pl.lit("history"))
    )  # fmt: skip


def with_history(evidence: pl.DataFrame) -> pl.Series:
    """The legs that say they were diverted (RFC 7044, RFC 5806)."""
    return evidence.filter(pl.col("kind") == "history")["leg"].unique(maintain_order=True)


def diverted(who: Parties, evidence: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of which one says that it was diverted from whom the other called, with the same caller."""
    past = evidence.filter(pl.col("kind") == "history").select("leg", "text")
    if past.is_empty():
        return pl.DataFrame(schema={"parent": pl.UInt32, "child": pl.UInt32})
    past = past.select("leg", called=identity.subscribers(past["text"]).hash()).unique(maintain_order=True)
    calling = who.called.join(past, on="called", how="semi")
    both = pl.concat([calling, past]).unique(maintain_order=True).join(who.callers, on="leg")
    both = both.join(legs.select("leg", "start", "_call"), on="leg").with_columns(kind=pl.lit("history"))
    both = both.sort("caller", "called", "start", "leg")
    return _neighbours(both, ["caller", "called"], _PENDING).select(PAIR).unique(maintain_order=True)


def same_parties(who: Parties, legs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the same caller and the same callee, wherever they begin and end."""
    both = who.called.join(who.callers, on="leg").join(legs.select("leg", "start", "_call"), on="leg")
    both = both.with_columns(kind=pl.lit("identity")).sort("caller", "called", "start", "leg")
    return _neighbours(both, ["caller", "called"], _SOON).select(PAIR).unique(maintain_order=True)


# -- where and when ----------------------------------------------------------------------------------------------------


def in_sight(heads: pl.DataFrame, tails: pl.DataFrame) -> pl.Series:
    """The legs that begin where, soon before, another ended, and those others: `at_node` finds its pairs among them."""
    place = ["ip", "_point"]
    head, tail = (ends.drop_nulls("at").select("leg", *place, "at").sort("at", "leg") for ends in (heads, tails))
    begun = head.join_asof(
        tail, on="at", by=place, strategy="backward", tolerance=_DECISION, check_sortedness=False
    ).drop_nulls("leg_right")
    ended = tail.join_asof(
        head, on="at", by=place, strategy="forward", tolerance=_DECISION, check_sortedness=False
    ).drop_nulls("leg_right")
    return pl.concat([begun["leg"], ended["leg"]]).unique(maintain_order=True)


def at_node(heads: pl.DataFrame, tails: pl.DataFrame, who: Parties) -> pl.DataFrame:
    """Pairs of which one ends where, soon after, the other begins, with the same caller."""
    both = []
    for name, ends in (("head", heads), ("tail", tails)):
        ends = ends.filter(pl.col("at").is_not_null()).join(who.callers, on="leg")
        both.append(ends.select("leg", "ip", "_point", "caller", "at", head=pl.lit(name == "head")))
    head, tail = both
    same = ["ip", "_point", "caller"]
    head, tail = head.join(tail, on=same, how="semi"), tail.join(head, on=same, how="semi")
    # What begins at one time as another ends comes after it.
    events = pl.concat([head, tail]).sort(*same, "at", "head", "leg")
    found = []
    for distance in range(1, min(_NEIGHBOURS, events.height - 1) + 1):
        before = {name: pl.col(name).shift(distance) for name in (*same, "at", "head", "leg")}
        near = pl.all_horizontal(pl.col(name) == before[name] for name in same)
        near &= pl.col("head") & ~before["head"] & (pl.col("at") - before["at"] <= _DECISION)
        pairs = events.select(parent=before["leg"], child="leg", near=near & (pl.col("leg") != before["leg"]))
        found.append(pairs.filter("near").select(PAIR))
    if not found:
        return pl.DataFrame(schema={"parent": pl.UInt32, "child": pl.UInt32})
    return pl.concat(found).unique(maintain_order=True)


def of_timing(pairs: pl.DataFrame) -> pl.DataFrame:
    """Points for a ``delay`` at the node, fewer the longer it is."""
    delay = pl.col("delay")
    late = (delay - _PROMPT).clip(0) / (_DECISION - _PROMPT)
    points = (POINTS["timing"] * (1 - late)).round().cast(pl.Int64)
    timed = pairs.filter(delay.is_between(-OUT_OF_ORDER, _DECISION))
    return timed.select(*PAIR, kind=pl.lit("timing"), points=points)


def of_being_alone(pairs: pl.DataFrame, near: pl.DataFrame) -> pl.DataFrame:
    """Points where at the node nobody else with that caller comes in question, on either side."""
    once = near.filter(~pl.col("parent").is_duplicated(), ~pl.col("child").is_duplicated())
    return pairs.select(PAIR).join(once, on=PAIR, how="semi").with_columns(kind=pl.lit("alone"))


# -- what became of them -----------------------------------------------------------------------------------------------


def responses(messages: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """The responses to the INVITEs of some legs, at every point: ``leg``, ``status``, ``at``, where from and where
    to."""
    return (
        messages.lazy()
        .filter(pl.col("method") == "INVITE", pl.col("status") >= 180, pl.col("_leg").is_in(legs["_leg"].implode()))
        .select("_leg", "status", "src_ip", "dst_ip", "via_count", "_point", at=ns("time"))
        .join(legs.lazy().select("_leg", "leg"), on="_leg")
        .collect()
    )


def of_lateness(pairs: pl.DataFrame, answers: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    """Points against a child that began when the parent was over or answered: a transfer, a conference, another
    call."""
    over = answers.filter(pl.col("status") >= 200).group_by("leg", "_point").agg(over=pl.col("at").min())
    both = pairs.join(over, left_on="parent", right_on="leg")
    both = both.join(starts, left_on=["child", "_point"], right_on=["leg", "_point"])
    late = both.filter(pl.col("at") > pl.col("over") + OUT_OF_ORDER)
    return late.select(PAIR).unique(maintain_order=True).with_columns(kind=pl.lit("late"))


def mirrored(pairs: pl.DataFrame, answers: pl.DataFrame, byes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Points for what came in on the child and soon went out on the parent: ringing, the final response, BYE; and the
    pairs that cannot be one call: one answered and the other refused, or their ends far apart.

    ``pairs`` have ``node_in`` and ``node_out``; ``byes`` the times of BYEs: ``leg``, ``_point``, ``at``.
    """
    far = pairs.join(answers.rename({"leg": "parent"}), left_on=["parent", "node_in"], right_on=["parent", "src_ip"])
    near = pairs.join(
        answers.filter(pl.col("via_count") == 1).rename({"leg": "child"}),
        left_on=["child", "node_out"],
        right_on=["child", "dst_ip"],
    )
    given, got = _steps(far), _steps(near)
    both = given.join(got, on=[*PAIR, "_point"], suffix="_child")

    def echoed(step: str) -> pl.Expr:
        return (pl.col(step) - pl.col(f"{step}_child")).is_between(-OUT_OF_ORDER, _ECHO)

    same_final = echoed("final_at") & (pl.col("final") == pl.col("final_child"))
    ends = byes.group_by("leg", "_point").agg(bye=pl.col("at").min())
    of_pairs = pairs.select(PAIR).join(ends, left_on="parent", right_on="leg")
    of_pairs = of_pairs.join(ends, left_on=["child", "_point"], right_on=["leg", "_point"], suffix="_child")
    apart = (pl.col("bye") - pl.col("bye_child")).abs()
    echoes = [
        both.filter(echoed("ring_at")).select(*PAIR, step=pl.lit(1)),
        both.filter(same_final).select(*PAIR, step=pl.lit(2)),
        of_pairs.filter(apart <= _ECHO).select(*PAIR, step=pl.lit(3)),
    ]
    points = pl.concat(echoes).unique().group_by(PAIR, maintain_order=True).agg(points=pl.len().clip(0, 2))
    points = points.select(*PAIR, kind=pl.lit("mirror"), points=pl.col("points").cast(pl.Int64) * POINTS["mirror"])
    refused = both.filter(pl.col("final_child").is_between(200, 299), pl.col("final") >= 300)
    vetoed = pl.concat([refused.select(PAIR), of_pairs.filter(apart > _SAME_END).select(PAIR)]).unique()
    return points, vetoed


def _steps(responses: pl.DataFrame) -> pl.DataFrame:
    status, at = pl.col("status"), pl.col("at")
    return responses.group_by(*PAIR, "_point").agg(
        ring_at=at.filter(status < 200).min(),
        final_at=at.filter(status >= 200).min(),
        final=status.filter(status >= 200).first(),
    )
