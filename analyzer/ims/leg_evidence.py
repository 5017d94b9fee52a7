"""Evidence that one leg was made from another: each function gives points to pairs of legs, `POINTS` says how many.

A *pair* is two numbers of legs, ``parent`` and ``child``. Pairs are looked for among legs that share something a
fixed time of each other, and only among so many neighbours: never all with all. docs/hops_and_legs.md tells it in
words.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND, ns
from analyzer.sip import outcomes

POINTS = {
    "session": 100, "same_call_id": 100, "icid": 90, "route": 90, "vendor": 80, "call_id": 60, "tags": 50,
    "identity": 40, "number": 30, "caller": 20, "callee": 20, "names": 20, "history": 40, "timing": 25, "alone": 20,
    "sdp": 40, "mirror": 20, "in_step": 20, "try": 20, "user_to_user": 10, "from_tag": 10, "strangers": -40,
    "late": -60,
}  # fmt: skip

# A leg may begin as long as the INVITE that it is made of is pending: where nobody answers and the call is forwarded,
# up to Timer C (RFC 3261 §16.6 item 11). The clocks of capture points are in it.
PENDING = 190 * SECOND
# Of the legs that share something so many are compared; what more than `_CROWD` share within the window tells nothing.
NEIGHBOURS = 12
_CROWD = 24
# How long a node takes from one leg to the next; an application server may ask a data base first.
PROMPT, DECISION = SECOND // 2, 5 * SECOND
# What a B2BUA gets on one leg it gives on the other within this time; what it changes on the way, within half of it.
_ECHO = SECOND // 2
_CHANGED = _ECHO // 2
# An event is one pair's alone if nothing of its kind happens at the node for so many times as long as the node took,
# and this in addition: so a node that is slow needs a quiet time, and one that is quick needs little of it.
_CLEAR, _CLEAR_AT_LEAST = 3, SECOND // 10
# Several callees are tried at once within this time.
_AT_ONCE = SECOND // 10
# A shorter tag is no random one (RFC 3261 §19.3: 32 bits at least).
_TAG = 6
# Of legs of one call that are both answered the answers come within this time; losses are in it.
_SAME_ANSWER = 2 * SECOND
# The two legs of one call end within this time.
_SAME_END = 5 * SECOND
# One capture point may write packets this much out of order.
OUT_OF_ORDER = SECOND // 20

# What is the same in two legs of a call, by the kind of the core's evidence.
_SHARED = {
    "icid": "icid", "related_icid": "icid", "session": "session", "session_pair": "session", "route": "route",
    "vendor": "vendor", "call_id_stem": "call_id", "sdp_origin": "sdp", "sdp_media": "sdp", "ice_ufrag": "sdp",
    "user_to_user": "user_to_user", "from_tag": "from_tag",
}  # fmt: skip
PAIR = ["parent", "child"]


# -- what two legs share -----------------------------------------------------------------------------------------------


def shared(evidence: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """Pairs, the lower number first, and the ``kind`` of what they share. Legs of one Call-ID share that alone: it is
    one call, whatever else is in it, and what is asked is the node that gave it another From tag.
    """
    kinds = list(_SHARED)
    items = evidence.filter(pl.col("kind").is_in(kinds), pl.col("value").is_duplicated())
    items = items.select("leg", "value", kind=pl.col("kind").replace_strict(_SHARED, return_dtype=pl.String))
    items = items.unique(maintain_order=True).join(
        legs.select("leg", "start", "_call"), on="leg", maintain_order="left"
    )
    items = items.sort("kind", "value", "start", "leg")
    found = neighbours(items, ["kind", "value"], PENDING).unique(["parent", "child", "kind"], maintain_order=True)
    of_call = legs.filter(pl.col("_call").is_duplicated()).sort("_call", "start", "leg")
    of_call = of_call.select("leg", "start", "_call", kind=pl.lit("same_call_id"))
    of_call = neighbours(of_call, ["_call"], PENDING, of_one_call=True)
    return pl.concat([found, _quoting(evidence, legs, ["vendor"], "vendor").select(found.columns), of_call])


def neighbours(items: pl.DataFrame, by: list[str], within: int, *, of_one_call: bool = False) -> pl.DataFrame:
    """Pairs of rows, equal in ``by``, in order of ``start``, that begin ``within`` ns of each other and are not in a
    crowd; of two Call-IDs, or ``of_one_call``."""

    def near(distance: int) -> pl.Expr:
        same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(distance) for name in by)
        return (same & (pl.col("start") - pl.col("start").shift(distance) <= within)).fill_null(value=False)

    # In a crowd are all from the one that many come after within the window to the last of them.
    last_of_crowd = items.select(near(_CROWD)).to_series()
    if last_of_crowd.any():
        crowded = pl.any_horizontal(last_of_crowd.shift(-step).fill_null(value=False) for step in range(_CROWD + 1))
        items = items.filter(~crowded)
    found = []
    for distance in range(1, min(NEIGHBOURS, items.height - 1) + 1):
        pairs = items.with_columns(other=pl.col("leg").shift(distance), other_call=pl.col("_call").shift(distance))
        pairs = pairs.filter(near(distance))
        if pairs.is_empty():
            # Who has no neighbour so near has none further off.
            break
        pairs = pairs if of_one_call else pairs.filter(pl.col("_call") != pl.col("other_call"))
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
    near = (pl.col("start") - pl.col("start_quoted")).abs() <= PENDING
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


# -- how the pairs of a node compare -----------------------------------------------------------------------------------


def of_tries(
    near: pl.DataFrame, alone: pl.DataFrame, callers: pl.DataFrame, heads: pl.DataFrame, ended: pl.DataFrame
) -> pl.DataFrame:
    """Points for the tries of one caller that a node makes one as soon as another is over, or at once.

    Of two that follow each other both get them where the first is ``alone``, and so do several at once that are.
    """
    silent = pl.col("before").is_in(ended.filter("silent")["leg"].implode())
    soon = _in_turn(near.filter((pl.col("delay") <= PROMPT) | silent), alone, callers)
    firsts = soon.select("parent", child="before")
    begun = heads.drop_nulls("at").group_by("leg").agg(pl.col("at").min())
    both = alone.select(PAIR).join(begun, left_on="child", right_on="leg")
    both = both.join(callers, left_on="child", right_on="leg", how="left", maintain_order="left")
    both = both.sort("parent", "caller", "at", "child")
    group = ["parent", "caller"]
    since = pl.col("at").diff().over(group)
    at_once = both.filter((pl.min_horizontal(since, since.shift(-1).over(group)) <= _AT_ONCE).fill_null(value=False))
    tries = pl.concat([soon.select(PAIR), firsts.select(PAIR), at_once.select(PAIR)]).unique(maintain_order=True)
    return tries.with_columns(kind=pl.lit("try"))


def of_late_tries(
    near: pl.DataFrame, alone: pl.DataFrame, callers: pl.DataFrame, ended: pl.DataFrame, proved: pl.DataFrame
) -> pl.DataFrame:
    """Points for the tries after which a node took its time for the next: where the next is ``alone`` too, and what
    became of it is what became of the parent (``proved``), or it is such a try itself. The next gets none for it: it
    may be another call.
    """
    silent = pl.col("before").is_in(ended.filter("silent")["leg"].implode())
    late = _in_turn(near.filter(pl.col("delay").is_between(PROMPT, DECISION, closed="right"), ~silent), alone, callers)
    late = late.join(alone, on=PAIR, how="semi", maintain_order="left")
    found, known = late.select(PAIR).clear(), proved.select(PAIR)
    while known.height:
        known = (
            late.join(known, on=PAIR, how="semi", maintain_order="left")
            .select("parent", child="before")
            .unique(maintain_order=True)
            .join(found, on=PAIR, how="anti", maintain_order="left")
        )
        found = pl.concat([found, known])
    return found.with_columns(kind=pl.lit("try"))


def _in_turn(near: pl.DataFrame, alone: pl.DataFrame, callers: pl.DataFrame) -> pl.DataFrame:
    """Those of ``near`` that come after an earlier try of the same caller that is ``alone``."""
    later = near.filter(pl.col("before").is_not_null())
    for leg in ("child", "before"):
        of_leg = callers.rename({"leg": leg, "caller": f"of_{leg}"})
        later = later.join(of_leg, on=leg, how="left", maintain_order="left")
    later = later.filter(pl.col("of_child").eq_missing(pl.col("of_before")))
    firsts = alone.select("parent", before="child")
    return later.join(firsts, on=["parent", "before"], how="semi", maintain_order="left")


def of_timing(pairs: pl.DataFrame) -> pl.DataFrame:
    """Points for the time that the node ``waited``, fewer the longer it is."""
    delay = pl.col("waited")
    late = (delay - PROMPT).clip(0) / (DECISION - PROMPT)
    points = (POINTS["timing"] * (1 - late)).round().cast(pl.Int64)
    timed = pairs.filter(delay.is_between(-OUT_OF_ORDER, DECISION))
    return timed.select(*PAIR, kind=pl.lit("timing"), points=points)


def fits(pairs: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """How well who calls whom agrees in each of ``pairs``: ``fit``, the points that it gives."""
    found = parties.select(*PAIR, fit=pl.col("kind").replace_strict(POINTS, return_dtype=pl.Int64))
    found = pairs.select(PAIR).join(found, on=PAIR, how="left", maintain_order="left")
    return found.with_columns(pl.col("fit").fill_null(0))


def of_being_alone(near: pl.DataFrame, fits: pl.DataFrame) -> pl.DataFrame:
    """Points where at the node nobody else whose numbers fit as well comes in question, on either side.

    ``fits`` are the pairs with ``fit``, how well who calls whom agrees. Legs that the same leg alone can have made are
    tries of it, not rivals: one after another, or several at once.
    """
    ranked = near.select(PAIR).join(fits, on=PAIR, how="inner", maintain_order="left")
    best_child = ranked.group_by("child").agg(
        best=pl.col("fit").max(), as_good=(pl.col("fit") == pl.col("fit").max()).sum()
    )
    ranked = ranked.join(best_child, on="child", maintain_order="left")
    sole = ranked.filter(pl.col("fit") == pl.col("best"), pl.col("as_good") == 1).select(*PAIR, "fit")
    # A child of another parent that fits this one as well is a rival of it.
    open_ = ranked.join(sole.select(PAIR), on=PAIR, how="anti").group_by("parent").agg(other=pl.col("fit").max())
    alone = sole.join(open_, on="parent", how="left", maintain_order="left")
    alone = alone.filter((pl.col("other") < pl.col("fit")).fill_null(value=True))
    return alone.select(*PAIR, kind=pl.lit("alone"))


# -- what became of them -----------------------------------------------------------------------------------------------


def responses(messages: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """The responses to the INVITEs of some legs, at every point: ``leg``, ``status``, ``at``, where from and where to.

    Final ones only of the try that decided: who is challenged tries again on the same leg (RFC 3261 §22.2; 422, 491 and
    what else is answered so), and the attempt goes on.
    """
    return (
        messages.lazy()
        .filter(pl.col("method") == "INVITE", pl.col("status") >= 180, pl.col("_leg").is_in(legs["_leg"].implode()))
        .select(
            "_leg", "status", "src_ip", "dst_ip", "_point", "from_tag", "to_tag", pl.col("cseq").fill_null(0),
            at=ns("time"),
        )
        .join(legs.lazy().select("_leg", "leg", last="cseq"), on="_leg")
        .filter((pl.col("status") < 300) | (pl.col("cseq") >= pl.col("last")))
        .collect()
    )  # fmt: skip


def of_lateness(
    pairs: pl.DataFrame,
    decided: pl.DataFrame,
    starts: pl.DataFrame,
    identical: pl.DataFrame,
    requests: pl.DataFrame,
) -> pl.DataFrame:
    """Points against a child that began when the parent was over or answered: a transfer, a conference, another
    call.

    An exchange may answer first and call then (a greeting, call recording, early charging): legs in ``identical``, of
    one callee by one number, of which the second begins soon behind the answer, are no worse for it, unless somebody
    had hung up: ``requests`` has BYEs of legs, whoever sent them (``leg``, ``_point``, ``method``, ``at``).
    """
    over = decided.select("leg", "_point", over="at", final="status")
    both = pairs.join(over, left_on="parent", right_on="leg")
    both = both.join(starts, left_on=["child", "_point"], right_on=["leg", "_point"])
    late = both.filter(pl.col("at") > pl.col("over") + OUT_OF_ORDER)
    soon = late.filter(pl.col("final") < 300, pl.col("at") - pl.col("over") <= DECISION)
    byes = requests.filter(pl.col("method") == "BYE").group_by("leg", "_point").agg(bye=pl.col("at").min())
    soon = soon.join(byes, left_on=["parent", "_point"], right_on=["leg", "_point"], how="left")
    soon = soon.filter(pl.col("bye").is_null() | (pl.col("at") < pl.col("bye")))
    soon = soon.join(identical, on=PAIR, how="semi")
    late = late.join(soon, on=PAIR, how="anti", maintain_order="left")
    return late.select(PAIR).unique(maintain_order=True).with_columns(kind=pl.lit("late"))


def of_tags(pairs: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Points for dialogs of one From tag and one To tag with one CSeq: a node that hides the Call-ID keeps them."""
    given = answers.filter(pl.col("to_tag").str.len_bytes() >= _TAG, pl.col("from_tag").is_not_null())
    given = given.select("leg", "from_tag", "to_tag", "cseq").unique()
    both = pairs.join(given, left_on="parent", right_on="leg").join(
        given,
        left_on=["child", "from_tag", "to_tag", "cseq"],
        right_on=["leg", "from_tag", "to_tag", "cseq"],
        how="semi",
    )
    return both.select(PAIR).unique(maintain_order=True).with_columns(kind=pl.lit("tags"))


def mirrored(
    pairs: pl.DataFrame,
    answers: pl.DataFrame,
    requests: pl.DataFrame,
    starts: pl.DataFrame,
    begun: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Points for what came in on the one leg and soon went out on the other: INVITE, ringing, the final response,
    CANCEL, BYE; and the pairs that cannot be one call: one answered and the other refused, or their ends far apart
    though nobody was transferred.

    ``pairs`` have ``node_in`` and ``node_out``; ``requests`` the times of BYEs, CANCELs and REFERs: ``leg``,
    ``_point``, ``at``, ``method``; ``starts`` the points that saw a leg; ``begun`` the times of
    the INVITEs of pairs at their node: ``at_parent``, ``at_child``, that of the next try, ``next_at``, if there is one,
    and of a child that is silent the last copy, ``silent_at``.

    ``in_step`` counts events that no other pair can have had: nothing of the kind happened there at that time.
    """
    far = pairs.join(answers.rename({"leg": "parent"}), left_on=["parent", "node_in"], right_on=["parent", "src_ip"])
    near = pairs.join(answers.rename({"leg": "child"}), left_on=["child", "node_out"], right_on=["child", "dst_ip"])
    given, got = _steps(far), _steps(near)
    ends = [
        requests.filter(pl.col("method") == method).group_by("leg", "_point").agg(pl.col("at").min().alias(name))
        for method, name in (("BYE", "bye"), ("CANCEL", "cancel"))
    ]
    seen = pl.concat([*(part.select("leg", "_point") for part in ends), starts.select("leg", "_point")])
    told = pl.concat([pairs.join(seen, left_on=end, right_on="leg").select(*PAIR, "_point") for end in PAIR]).unique(
        maintain_order=True
    )
    given_names, got_names = ["ring_at", "final_at", "final"], ["ring_at_child", "final_at_child", "final_child"]
    told = told.join(
        given.select(*PAIR, "_point", *given_names), on=[*PAIR, "_point"], how="left", maintain_order="left"
    )
    got = got.rename(dict(zip(given_names, got_names, strict=True)))
    told = told.join(got.select(*PAIR, "_point", *got_names), on=[*PAIR, "_point"], how="left", maintain_order="left")
    for part in ends:
        told = told.join(
            part, left_on=["parent", "_point"], right_on=["leg", "_point"], how="left", maintain_order="left"
        )
        told = told.join(part, left_on=["child", "_point"], right_on=["leg", "_point"], how="left", suffix="_child",
                         maintain_order="left")  # fmt: skip
    told = told.join(begun, on=[*PAIR, "_point"], how="left", maintain_order="left")
    told = told.with_columns(
        over_child=pl.coalesce("cancel_child", pl.when(pl.col("final_child") >= 300).then("final_at_child"))
    )
    events = _events(told)
    places = pairs.select(*PAIR, "node_in").drop_nulls()
    clear = _clear(events.join(places, on=PAIR), told.join(places, on=PAIR))
    counted = events.filter(pl.col("step") > 0).select(*PAIR, "step").unique()
    points = counted.group_by(PAIR, maintain_order=True).agg(points=pl.len().clip(0, 2))
    points = points.select(*PAIR, kind=pl.lit("mirror"), points=pl.col("points").cast(pl.Int64) * POINTS["mirror"])
    steps = (
        clear.select(*PAIR, "step")
        .unique()
        .group_by(PAIR, maintain_order=True)
        # Who is in step from the beginning to the end has no need of a first to count from.
        .agg(points=(pl.len() - 1) + (pl.len() == _STEPS))
    )
    steps = steps.filter(pl.col("points") > 0)
    steps = steps.select(*PAIR, kind=pl.lit("in_step"), points=pl.col("points").cast(pl.Int64) * POINTS["in_step"])

    refused = told.filter(pl.col("final_child").is_between(200, 299), pl.col("final") >= 300, pl.col("final") != 487)
    # Who is transferred stays when who transfers goes (RFC 3515).
    referring = requests.filter(pl.col("method") == "REFER")["leg"].implode()
    transferred = pl.col("parent").is_in(referring) | pl.col("child").is_in(referring)
    apart = told.filter((pl.col("bye") - pl.col("bye_child")).abs() > _SAME_END, ~transferred)
    # Both were answered: the one because the other was, unless the node had answered before it called.
    answered = told.filter(
        pl.col("final").is_between(200, 299),
        pl.col("final_child").is_between(200, 299),
        pl.col("final_at") > pl.col("at_child"),
        (pl.col("final_at") - pl.col("final_at_child")).abs() > _SAME_ANSWER,
    )
    vetoed = pl.concat([refused.select(PAIR), apart.select(PAIR), answered.select(PAIR)]).unique()
    return pl.concat([points, steps]), vetoed


def _steps(responses: pl.DataFrame) -> pl.DataFrame:
    """The first responses in time, in whatever order the rows are."""
    status, at = pl.col("status"), pl.col("at")
    return (
        responses.sort("at", "status", nulls_last=True)
        .group_by(*PAIR, "_point")
        .agg(
            ring_at=at.filter(status < 200).min(),
            final_at=at.filter(status >= 200).min(),
            final=status.filter(status >= 200).first(),
        )
    )


# What of the child goes with what of the parent, the step that it is of, and which of both the node does in answer.
# Step 0 is the beginning, which `timing` has counted.
_ECHOES = [
    (0, "at_parent", "at_child", "child"),
    (1, "ring_at", "ring_at_child", "parent"),
    (2, "final_at", "final_at_child", "parent"),
    (3, "bye", "bye_child", "either"),
    (3, "cancel", "cancel_child", "child"),
    # A try that is over for its node: the caller is refused, or, where the node had answered, hung up on.
    (3, "bye", "final_at_child", "parent"),
    (3, "final_at", "cancel_child", "either"),
    (3, "final_at", "silent_at", "parent"),
    # ... or somebody else is tried.
    (3, "next_at", "over_child", "parent"),
]


_STEPS = 1 + max(step for step, *_ in _ECHOES)


def _events(told: pl.DataFrame) -> pl.DataFrame:
    """The events that went over: pair, ``step``, ``given`` and ``got`` (names), ``at`` in and ``out`` of the node."""
    found = []
    for step, given, got, answering in _ECHOES:
        way = pl.col(given) - pl.col(got) if answering == "parent" else pl.col(got) - pl.col(given)
        within = way.is_between(-OUT_OF_ORDER, _ECHO) if answering != "either" else way.abs() <= _ECHO
        if (given, got) == ("final_at", "final_at_child"):
            # Exchanges map one refusal on another (RFC 3398 §7.2.6.1 and what they really do), never an answer on one.
            refused = (pl.col("final") >= 300) & (pl.col("final_child") >= 300)
            within &= (pl.col("final") == pl.col("final_child")) | (refused & (way <= _CHANGED))
        elif got == "final_at_child":
            within &= (pl.col("final_child") >= 300) & (pl.col("final") < 300)
        elif got == "silent_at":
            # It stopped before the next copy was due (RFC 3261 §17.1.1.2), for it gave up.
            due = 2 * (pl.col(got) - pl.col("at_child")) + SECOND // 2
            given_up = pl.min_horizontal(due, outcomes.TIMER_64T1) + pl.col("at_child")
            within = (pl.col("final") >= 300) & pl.col(given).is_between(pl.col(got), given_up + _ECHO)
        first, second = (given, got) if answering == "child" else (got, given)
        rows = told.filter(within.fill_null(value=False)).select(
            *PAIR, "_point", step=pl.lit(step), given=pl.lit(given), got=pl.lit(got),
            into=pl.min_horizontal(given, got) if answering == "either" else pl.col(first),
            out=pl.max_horizontal(given, got) if answering == "either" else pl.col(second),
        )  # fmt: skip
        found.append(rows)
    return pl.concat(found)


def _clear(events: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Those of ``events`` around which no other leg has one of the kind at the node, on either side."""
    place = ["node_in", "_point"]
    of_parents, of_children = (dict.fromkeys(name) for name in zip(*(echo[1:3] for echo in _ECHOES), strict=True))
    happened = pl.concat(
        told.select(*place, name=pl.lit(name), leg=side, when=name)
        for side, names in (("parent", of_parents), ("child", of_children))
        for name in names
    )
    happened = happened.drop_nulls().unique().sort(*place, "name", "when", "leg")
    since = pl.col("when").diff().over(*place, "name")
    gap = pl.min_horizontal(since, since.shift(-1).over(*place, "name"))
    happened = happened.select(*place, "name", "leg", gap=gap)
    room = _CLEAR * (pl.col("out") - pl.col("into")).abs() + _CLEAR_AT_LEAST
    clear = events
    for leg, name in (("parent", "given"), ("child", "got")):
        of_leg = happened.rename({"leg": leg, "name": name})
        clear = clear.join(of_leg, on=[*place, leg, name], maintain_order="left")
        clear = clear.filter((pl.col("gap") >= room).fill_null(value=True)).drop("gap")
    return clear
