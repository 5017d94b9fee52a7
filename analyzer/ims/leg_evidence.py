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
from analyzer.sip import outcomes

POINTS = {
    "session": 100, "same_call_id": 100, "icid": 90, "route": 90, "vendor": 80, "call_id": 60, "tags": 50,
    "identity": 40, "number": 30, "caller": 20, "callee": 20, "names": 20, "history": 40, "timing": 25, "alone": 20,
    "sdp": 40, "mirror": 20, "in_step": 20, "try": 20, "user_to_user": 10, "from_tag": 10, "strangers": -40,
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
# What a B2BUA gets on one leg it gives on the other within this time; what it changes on the way, within half of it.
_ECHO = SECOND // 2
_CHANGED = _ECHO // 2
# An event is one pair's alone if nothing of its kind happens at the node for so many times as long as the node took,
# and this in addition: so a node that is slow needs a quiet time, and one that is quick needs little of it.
_CLEAR, _CLEAR_AT_LEAST = 3, SECOND // 10
# Where no number leads from one leg to the other, those that come next to each other are looked at.
_NEXT = 4
# A node tries no more callees one after another than this.
_TRIES = 16
# A border controller takes no longer from the one of its addresses to the other.
_ACROSS = SECOND // 20
# What a node does as a rule is seen in so long before and after.
_USUAL = 60 * SECOND
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
# Numbers with this many equal digits at their ends are one, written nationally or not.
_SUFFIX = 7

# What is the same in two legs of a call, by the kind of the core's evidence.
_SHARED = {
    "icid": "icid", "related_icid": "icid", "session": "session", "session_pair": "session", "route": "route",
    "vendor": "vendor", "call_id_stem": "call_id", "sdp_origin": "sdp", "sdp_media": "sdp", "ice_ufrag": "sdp",
    "user_to_user": "user_to_user", "from_tag": "from_tag",
}  # fmt: skip
PAIR = ["parent", "child"]
_PLACE = ["ip", "_point"]


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
    found = _neighbours(items, ["kind", "value"], _PENDING).unique(["parent", "child", "kind"], maintain_order=True)
    of_call = legs.filter(pl.col("_call").is_duplicated()).sort("_call", "start", "leg")
    of_call = of_call.select("leg", "start", "_call", kind=pl.lit("same_call_id"))
    of_call = _neighbours(of_call, ["_call"], _PENDING, of_one_call=True)
    return pl.concat([found, _quoting(evidence, legs, ["vendor"], "vendor").select(found.columns), of_call])


def _neighbours(items: pl.DataFrame, by: list[str], within: int, *, of_one_call: bool = False) -> pl.DataFrame:
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
    for distance in range(1, min(_NEIGHBOURS, items.height - 1) + 1):
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
    """Who calls (``leg``, ``caller``; none where that is withheld) and who is called (``leg``, ``called``, several;
    ``long`` where that is the end of a whole number).

    ``texts`` has the keys of both as text: ``leg``, ``called`` (or the caller), ``key``.
    """

    callers: pl.DataFrame
    called: pl.DataFrame
    texts: pl.DataFrame


def called(legs: pl.DataFrame, openings: pl.DataFrame, messages: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Who is called, by all that the hops of a leg say: ``leg``, ``key``, several."""
    last = openings.group_by("leg").agg(row=pl.col("row").get(pl.col("via_count").arg_max()))
    party = evidence.lazy().filter(pl.col("kind") == "called_party").select("leg", uri="text")
    said = [
        rows.select("leg", uri=messages[uri].gather(rows["row"]))
        for rows, uri in ((legs, "request_uri"), (last, "request_uri"), (legs, "to_uri"))
    ]
    uris = pl.concat([*(part.lazy() for part in said), party]).unique().collect()
    return uris.select("leg", key=identity.subscribers(uris["uri"])).drop_nulls("key").unique()


def parties(openings: pl.DataFrame, messages: pl.DataFrame, evidence: pl.DataFrame, called: pl.DataFrame) -> Parties:
    """Who calls, by the INVITEs of some legs, and who is ``called`` of them."""
    rows = openings.group_by("leg").agg(
        pl.col("row").min(),
        asserted=pl.when("asserted").then("row").min(),
        preferred=pl.when("preferred").then("row").min(),
    )
    remote = evidence.filter(pl.col("kind") == "remote_party").unique("leg", keep="first", maintain_order=True)
    remote = rows.select("leg").join(remote.select("leg", "text"), on="leg", how="left", maintain_order="left")
    texts = messages.select(
        pl.col("from_uri").gather(rows["row"]),
        pl.col("asserted_identity").gather(rows["asserted"]),
        pl.col("preferred_identity").gather(rows["preferred"]),
    ).with_columns(remote["text"].alias("remote_party"))
    # From is what a B2BUA rewrites; who called stays in one of these.
    said = ["asserted_identity", "preferred_identity", "remote_party", "from_uri"]
    caller = texts.select(identity.first_named(said)).to_series()
    callers = rows.select("leg", key=identity.subscribers(caller)).drop_nulls("key")
    callers = callers.filter(~identity.is_anonymous("key"))
    called = called.join(rows, on="leg", how="semi")
    whole = called.select("leg", called=pl.col("key").hash(), long=pl.lit(value=False))
    return Parties(
        callers.select("leg", caller=pl.col("key").hash()),
        pl.concat([whole, _by_suffix(called)]),
        pl.concat(
            part.select("leg", "key", called=pl.lit(is_called))
            for part, is_called in ((callers, False), (called, True))
        ),
    )


def _by_suffix(called: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("key").str.extract(r"^(\d{7,})(?:;|$)").str.slice(-_SUFFIX)
    ends = called.select("leg", called=number).drop_nulls().unique()
    return ends.with_columns(pl.format("...{}", "called").hash(), long=pl.lit(value=True))


def of_parties(pairs: pl.DataFrame, who: Parties) -> pl.DataFrame:
    """Points for the same caller and the same callee; the contrary where both differ.

    ``pairs`` as `fitting` gives them, with ``later``: whether it is a later try of the parent.
    """
    one = pairs.join(who.callers, left_on="parent", right_on="leg", how="left", maintain_order="left")
    one = one.join(who.callers, left_on="child", right_on="leg", how="left", suffix="_child", maintain_order="left")
    callee = pairs.join(who.called, left_on="parent", right_on="leg").join(
        who.called, left_on=["child", "called"], right_on=["leg", "called"], how="semi"
    )
    callee = callee.group_by(PAIR).agg(pl.col("long").any(), called=pl.lit(value=True))
    one = one.join(callee, on=PAIR, how="left", maintain_order="left")
    calling = (pl.col("caller") == pl.col("caller_child")) | pl.col("caller_ends")
    known = pl.col("caller").is_not_null() & pl.col("caller_child").is_not_null()
    calling = pl.when(known).then(calling)
    called = pl.col("called").fill_null(value=False) | pl.col("callee_ends")
    names = pl.col("caller_name") | pl.col("callee_name")
    kind = (
        pl.when(calling & called)
        .then(pl.lit("identity"))
        .when(calling)
        .then(pl.lit("caller"))
        .when(pl.col("long") & pl.col("hands_on"))
        .then(pl.lit("number"))
        # Whom everybody calls leads from nobody to nobody, unless they call by one node.
        .when(called & pl.col("met"))
        .then(pl.lit("callee"))
        .when(names)
        .then(pl.lit("names"))
        # A later try goes to somebody else, for a number of the node's own (call forwarding).
        .when(~calling & ~called & ~pl.col("later"))
        .then(pl.lit("strangers"))
    )
    return one.select(*PAIR, kind=kind).drop_nulls()


_FITS = ["caller_ends", "callee_ends", "caller_name", "callee_name"]


def fitting(pairs: pl.DataFrame, who: Parties, near: pl.DataFrame) -> pl.DataFrame:
    """Pairs with ``met`` and `_FITS`: whether the numbers of both sides end alike, whether users with names are called
    alike.

    Exchanges put a prefix before a number or take one off, and name users by a host of their own (RFC 3261 §6: a B2BUA
    is a user agent on either side). That is asked only where both legs meet, of the pairs in ``near``.
    """
    asked = pairs.select(PAIR).join(near.select(PAIR), on=PAIR, how="semi", maintain_order="left")
    texts = who.texts
    both = asked.join(texts, left_on="parent", right_on="leg").join(
        texts, left_on=["child", "called"], right_on=["leg", "called"], suffix="_child"
    )
    found = both.select(
        *PAIR, "called", ends=_end_alike("key", "key_child"),
        name=pl.col("key").str.contains("@") & (_user("key") == _user("key_child")),
    )  # fmt: skip
    found = found.group_by(PAIR).agg(
        (pl.col(what) & (pl.col("called") == called)).any().alias(f"{side}_{what}")
        for side, called in (("caller", False), ("callee", True))
        for what in ("ends", "name")
    )
    pairs = pairs.join(found, on=PAIR, how="left", maintain_order="left")
    asked = asked.with_columns(met=True).join(near.select(*PAIR, "hands_on"), on=PAIR, maintain_order="left")
    pairs = pairs.join(asked, on=PAIR, how="left", maintain_order="left")
    return pairs.with_columns(pl.col(*_FITS, "met", "hands_on").fill_null(value=False))


def _user(key: str) -> pl.Expr:
    return pl.col(key).str.extract(r"^([^@]+)@.")


def _end_alike(one: str, other: str) -> pl.Expr:
    """Whether one number is the end of the other, or both are so but for a digit or two before it."""
    first, second = (pl.col(key).str.extract(r"^(\d{3,})(?:;|$)") for key in (one, other))
    length = pl.min_horizontal(first.str.len_bytes(), second.str.len_bytes()).cast(pl.Int64)

    def common(digits: pl.Expr) -> pl.Expr:
        return first.str.tail(digits) == second.str.tail(digits)

    alike = common(length) | ((length >= 5) & common(length - 1)) | ((length >= 6) & common(length - 2))
    return alike.fill_null(value=False)


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
    calling = who.called.select("leg", "called").join(past, on="called", how="semi")
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


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """Where legs begin (``heads``) and end (``arrivals``), as far as times are known, and of these those that come in
    question for another: `at_node` finds its pairs among them.

    ``begun`` are heads where, soon before, a leg ended or a try was over, ``come`` and ``over`` those; ``across`` the
    heads and the arrivals at whatever address, near in time, to numbers that are alike by ``endings``: all of them have
    ``leg``, ``ip``, ``_point``, ``at``, the latter with ``key``. ``legs`` are those that have another near.
    """

    heads: pl.DataFrame
    arrivals: pl.DataFrame
    begun: pl.DataFrame
    come: pl.DataFrame
    over: pl.DataFrame
    across: tuple[pl.DataFrame, pl.DataFrame]
    endings: pl.DataFrame
    legs: pl.Series


def in_sight(heads: pl.DataFrame, arrivals: pl.DataFrame, ended: pl.DataFrame, called: pl.DataFrame) -> Sight:
    """What begins where, soon before, something ended, by place or by who is ``called``."""
    heads, arrivals, ended = (ends.drop_nulls("at").select("leg", *_PLACE, "at") for ends in (heads, arrivals, ended))
    begun, come = _close(heads, arrivals, _PLACE, _DECISION)
    again, over = _close(heads, ended, _PLACE, _DECISION)
    endings = _endings(called)
    across = _close(heads.join(endings, on="leg"), arrivals.join(endings, on="leg"), ["_point", "key"], _ACROSS)
    # A leg comes to its own end soon after its beginning, too.
    alike = _following(*across, ["_point", "key"], _ACROSS, _NEIGHBOURS)
    numbers = [begun["leg"], again["leg"], come["leg"], over["leg"], alike["parent"], alike["child"]]
    legs = pl.concat(series.rename("leg") for series in numbers).unique()
    return Sight(heads, arrivals, pl.concat([begun, again]).unique(), come, over, across, endings, legs)


def _close(head: pl.DataFrame, tail: pl.DataFrame, same: list[str], within: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each ``head`` that one of ``tail`` comes before, by at most ``within`` ns, and each tail that comes so before.

    What begins at one time as another ends comes after it; what a capture point wrote out of order, too.
    """
    columns = tail.columns
    if head.is_empty() or tail.is_empty():
        return head.clear(), tail.clear()
    ends = tail.sort("at").with_columns(_at="at")
    head = (
        head.with_columns(_until=pl.col("at") + OUT_OF_ORDER)
        .sort("_until")
        .join_asof(
            ends.select(*same, "at", "_at"), left_on="_until", right_on="at", by=same, strategy="backward",
            tolerance=within + OUT_OF_ORDER, check_sortedness=False,
        )
        .filter(pl.col("_at").is_not_null())
        .select(*columns, "_until")
    )  # fmt: skip
    if head.is_empty():
        return head.drop("_until"), tail.clear()
    tail = ends.join_asof(
        head.select(*same, "_until"), left_on="at", right_on="_until", by=same, strategy="forward",
        tolerance=within + OUT_OF_ORDER, check_sortedness=False,
    )  # fmt: skip
    return head.drop("_until"), tail.filter(pl.col("_until").is_not_null()).select(columns)


def decided(messages: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """The first final response to each leg at each point, of the try that decided: ``leg``, ``_point``, ``at``,
    ``status``.
    """
    found = (
        messages.lazy()
        .filter(pl.col("method") == "INVITE", pl.col("status") >= 200)
        .select("_leg", "_point", "status", pl.col("cseq").fill_null(0), at=ns("time"))
        .join(legs.lazy().select("_leg", "leg", last="cseq"), on="_leg")
        .filter((pl.col("status") < 300) | (pl.col("cseq") >= pl.col("last")))
        .collect()
    )
    found = found.sort("at", "leg", maintain_order=True)
    return found.group_by("leg", "_point", maintain_order=True).agg(pl.col("at", "status").first())


def over(messages: pl.DataFrame, legs: pl.DataFrame, openings: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """When tries were over for the nodes that made them: ``leg``, ``ip``, ``_point``, ``at``, ``silent``.

    A try is over when its INVITE is refused, and no other follows on the same leg, or when its node gives it up by a
    CANCEL. One that is ``silent``, sent again and answered by nothing, is over some time after the last INVITE:
    exchanges wait for less than Timer B (RFC 3261 §17.1.1.2).
    """
    invite, status = pl.col("method") == "INVITE", pl.col("status")
    heads = heads.select("leg", "ip").unique()
    ends = (
        messages.lazy()
        .filter((invite & (status >= 300)) | ((pl.col("method") == "CANCEL") & status.is_null()))
        .select(
            "_leg", "_point", pl.col("cseq").fill_null(0),
            ip=pl.when(status.is_null()).then("src_ip").otherwise("dst_ip"), at=ns("time"),
        )
        .join(legs.lazy().select("_leg", "leg", "cseq"), on="_leg", suffix="_last")
        .filter(pl.col("cseq") >= pl.col("cseq_last"))
        .join(heads.lazy(), on=["leg", "ip"], how="semi")
        .group_by("leg", "ip", "_point", maintain_order=True)
        .agg(pl.col("at").min())
        .with_columns(silent=pl.lit(value=False))
        .collect()
    )  # fmt: skip
    return pl.concat([ends, _silent(messages, openings, heads)])


def _silent(messages: pl.DataFrame, openings: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    again = openings.lazy().filter("retransmission").select("_leg", "leg", "_point", "at", ip="client")
    sent = again.join(heads.lazy(), on=["leg", "ip"], how="semi").collect()
    if sent.height:
        answered = messages.lazy().filter(
            pl.col("_leg").is_in(sent["_leg"].unique().implode()),
            pl.col("method") == "INVITE",
            pl.col("status").is_not_null(),
        )
        sent = sent.join(answered.select("_leg").collect(), on="_leg", how="anti", maintain_order="left")
    sent = sent.group_by("leg", "ip", "_point", maintain_order=True).agg(pl.col("at").max())
    return sent.with_columns(silent=pl.lit(value=True))


def at_node(sight: Sight, decided: pl.DataFrame, who: Parties) -> pl.DataFrame:
    """Pairs of which one ends where, soon after, the other begins: with the same caller, to the same callee, or next to
    each other while the first still waits.

    ``delay`` is the time from what the node waited for to the INVITE of the child: that of the parent, or that an
    earlier try for the parent, ``before``, was over. ``ip`` is where the child begins;
    ``hands_on``, whether calls as a rule go on there (`_hands_on`).

    A node may have one address for those who call and another for those who are called: legs that lead nowhere, and
    come from nowhere, by where they end and begin are looked at with each other.
    """
    found = [_following(sight.begun, sight.come, _PLACE, _DECISION, _NEXT)]
    after_tries = [_following(sight.begun, sight.over, _PLACE, _DECISION, _NEXT)]
    for keys in (who.callers.rename({"caller": "key"}), sight.endings):
        begun, come, over = (ends.join(keys, on="leg") for ends in (sight.begun, sight.come, sight.over))
        found.append(_following(begun, come, [*_PLACE, "key"], _DECISION, _NEIGHBOURS))
        after_tries.append(_following(begun, over, [*_PLACE, "key"], _DECISION, _NEIGHBOURS))
    here = _handed_on(found[-1], sight)
    met = pl.concat(part.select(PAIR) for part in found[1:])
    across = _across(sight, met)
    if across.height:
        heads = sight.begun.join(across.select(_PLACE).unique(), on=_PLACE, how="semi")
        after_tries.append(_following(heads, sight.over, _PLACE, _DECISION, _NEXT))
    if not any(part.height for part in (*found, across)):
        return pl.DataFrame(schema=_NEAR)
    pair = [*PAIR, *_PLACE]
    over_at = decided.select("_point", parent="leg", over="at")

    def waiting(pairs: pl.DataFrame) -> pl.DataFrame:
        """With ``waits``: where the parent had no final response yet when the child began."""
        both = pairs.join(over_at, on=["parent", "_point"], how="left", maintain_order="left")
        waits = (pl.col("over") >= pl.col("at") - OUT_OF_ORDER).fill_null(value=True)
        return both.with_columns(waits=waits).drop("over")

    sooner = pl.col("delay", "at").sort_by(pl.col("delay") < 0, "delay").first()
    told = [part.with_columns(keyed=pl.lit(place in (1, 2))) for place, part in enumerate((*found, across))]
    first = pl.concat(told).group_by(pair, maintain_order=True).agg(sooner, pl.col("keyed").any())
    first = waiting(first).filter(pl.col("waits") | pl.col("keyed")).drop("keyed", "waits", "at")
    known = first.with_columns(before=pl.lit(None, pl.UInt32))
    # Of the legs that a node makes one after another the second is made of what the first was made of.
    tries = pl.concat(after_tries).group_by(pair, maintain_order=True).agg(sooner).filter(pl.col("delay") >= 0)
    tries = tries.rename({"parent": "before"})
    new = first.select(pair)
    for _ in range(_TRIES if tries.height else 0):
        new = new.rename({"child": "before"}).join(tries, on=["before", *_PLACE])
        new = new.filter(pl.col("parent") != pl.col("child"))
        new = waiting(new).filter("waits")
        new = new.join(known.filter(pl.col("before").is_not_null()), on=pair, how="anti", maintain_order="left")
        if new.is_empty():
            break
        new = new.sort("delay", "before").unique(pair, keep="first", maintain_order=True)
        known = pl.concat([known, new.select(known.columns)])
        new = new.select(pair)
    known = known.sort(pl.col("delay") < 0, "delay", "before", nulls_last=True)
    hands_on = pl.concat([part.select("parent", *_PLACE) for part in (here, across)]).unique()
    hands_on = hands_on.with_columns(hands_on=pl.lit(value=True))
    known = known.join(hands_on, on=["parent", *_PLACE], how="left", maintain_order="left")
    known = known.group_by(PAIR, maintain_order=True).agg(pl.col("delay", "before", "ip", "hands_on").first())
    return known.with_columns(pl.col("hands_on").fill_null(value=False)).sort(PAIR)


_NEAR = {
    "parent": pl.UInt32, "child": pl.UInt32, "delay": pl.Int64, "before": pl.UInt32, "ip": pl.String,
    "hands_on": pl.Boolean,
}  # fmt: skip


def _handed_on(alike: pl.DataFrame, sight: Sight) -> pl.DataFrame:
    """Of pairs that meet at one address, to numbers that are ``alike``, those at addresses where that is the rule."""
    here = alike.filter(pl.col("delay").is_between(0, _PROMPT)).unique([*PAIR, *_PLACE])
    if here.is_empty():
        return here
    there = here.select(_PLACE).unique()
    head, tail = (ends.join(there, on=_PLACE, how="semi") for ends in (sight.heads, sight.arrivals))
    head, tail = (ends.join(sight.endings, on="leg") for ends in (head, tail))
    later = _before(head, tail, [*_PLACE, "key"], _PROMPT)
    came = pl.col("ip").alias("came")
    return here.filter(_hands_on(here.with_columns(came), later.with_columns(came), sight))


def _across(sight: Sight, met: pl.DataFrame) -> pl.DataFrame:
    """Pairs as `_following` gives them, but of legs to one callee that end and begin at different addresses of which
    the one hands on what comes to the other; ``ip`` is where the child begins. Legs in ``met`` have their like at
    one address.
    """
    same = ["_point", "key"]

    def unmet(head: pl.DataFrame, tail: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        return (
            head.filter(~pl.col("leg").is_in(met["child"].implode())),
            tail.filter(~pl.col("leg").is_in(met["parent"].implode())),
        )

    pairs = _following(*unmet(*sight.across), same, _ACROSS, _NEIGHBOURS)
    pairs = _at_both(pairs, sight)
    pairs = pairs.join(
        sight.arrivals.select(*_PLACE, parent="leg"), on=["parent", *_PLACE], how="anti", maintain_order="left"
    )
    if pairs.height:
        head, tail = (ends.join(sight.endings, on="leg") for ends in unmet(sight.heads, sight.arrivals))
        later = _at_both(_before(head, tail, same, _ACROSS), sight)
        pairs = pairs.filter(_hands_on(pairs, later, sight))
    return pairs.select(_FOLLOWING.columns)


def _before(head: pl.DataFrame, tail: pl.DataFrame, same: list[str], within: int) -> pl.DataFrame:
    """Pairs of which the one begins within that time before the other ends: chance brings as many as of those that
    `_following` gives."""
    head, tail = (ends.with_columns(-pl.col("at")) for ends in (head, tail))
    return _following(head, tail, same, within, _NEIGHBOURS).filter(pl.col("delay") >= 0)


def _at_both(pairs: pl.DataFrame, sight: Sight) -> pl.DataFrame:
    """The pairs, wherever one of each ends (``came``) and the other begins (``ip``)."""
    if pairs.is_empty():
        return pairs.with_columns(came="ip")
    pairs = pairs.drop("ip").filter(pl.col("delay") >= 0).unique([*PAIR, "_point"], maintain_order=True)
    heads, tails = sight.heads.select(*_PLACE, child="leg"), sight.arrivals.select("_point", parent="leg", came="ip")
    pairs = pairs.join(heads, on=["child", "_point"], maintain_order="left")
    return pairs.join(tails.unique(maintain_order=True), on=["parent", "_point"], maintain_order="left")


def _hands_on(pairs: pl.DataFrame, later: pl.DataFrame, sight: Sight) -> pl.Series:
    """Whether what comes to ``came`` is as a rule what begins at ``ip``, by what is near in time to each of ``pairs``.

    Half at least of what begins there has been called there just before, and more than by chance: what is called just
    after (``later``) is taken off. A third at least of what comes there goes on; the rest is refused or answered there.
    """
    way = ["came", *_PLACE]
    heads = sight.heads.join(pairs.select(_PLACE), on=_PLACE, how="semi")
    arrivals = sight.arrivals.rename({"ip": "came"}).join(pairs, on=["came", "_point"], how="semi")
    child = heads.group_by("leg", *_PLACE).agg(pl.col("at").min())
    parent = arrivals.group_by("leg", "_point", "came").agg(pl.col("at").min())
    at = {"child": child.rename({"leg": "child"}), "parent": parent.rename({"leg": "parent"})}

    def legs(some: pl.DataFrame, side: str) -> pl.DataFrame:
        on = [side, "_point", "ip" if side == "child" else "came"]
        return some.select(side, *way).unique().join(at[side], on=on).select(*way, "at")

    asked = pairs.drop("at").join(at["child"], on=["child", *_PLACE], how="left", maintain_order="left")
    asked = asked.select(*way, "at")
    begun = _count(asked, child.select(*_PLACE, "at"), _PLACE)
    come = _count(asked, parent.select("came", "_point", "at"), ["came", "_point"])
    handed = _count(asked, legs(pairs, "child"), way) - _count(asked, legs(later, "child"), way)
    on = _count(asked, legs(pairs, "parent"), way) - _count(asked, legs(later, "parent"), way)
    return (2 * handed >= begun) & (3 * on >= come) & (handed > 0)


def _count(asked: pl.DataFrame, events: pl.DataFrame, by: list[str]) -> pl.Series:
    """How many ``events`` there are within `_USUAL` of each row, equal in ``by``."""
    events = events.join(asked.select(by).unique(), on=by, how="semi")
    events = events.sort("at").with_columns(so_far=pl.int_range(1, pl.len() + 1).over(by))
    rows = asked.with_row_index("_row")
    counts = []
    for shift in (_USUAL, -_USUAL - 1):
        until = rows.with_columns(pl.col("at") + shift).sort("at")
        found = until.join_asof(
            events.select(*by, "at", "so_far"), on="at", by=by, strategy="backward", check_sortedness=False
        )
        counts.append(found.sort("_row")["so_far"].fill_null(0).cast(pl.Int64))
    return counts[0] - counts[1]


def _endings(called: pl.DataFrame) -> pl.DataFrame:
    """The ends of the numbers called, by which legs are looked for whose numbers may end alike, and names."""
    number = pl.col("key").str.extract(r"^(\d{3,})(?:;|$)").str.tail(3)
    ends = called.select("leg", known=pl.coalesce(number, _user("key"))).drop_nulls().unique()
    return ends.select("leg", key=pl.col("known").hash())


def _following(head: pl.DataFrame, tail: pl.DataFrame, same: list[str], within: int, neighbours: int) -> pl.DataFrame:
    """For each ``head`` those of ``tail`` that come at most ``within`` ns before it, among its neighbours in time."""
    # Most have nobody there, or nobody of their key, to follow.
    head, tail = _close(head, tail, same, within)
    if head.is_empty():
        return _FOLLOWING.clone()
    tails = tail.sort(*same, "at", "leg").with_row_index("place").cast({"place": pl.Int64})
    tails = tails.with_columns(first=pl.col("place").min().over(same))
    # What begins at one time as another ends comes after it; what a capture point wrote out of order, too.
    heads = head.with_columns(_until=pl.col("at") + OUT_OF_ORDER).sort("_until", "leg")
    nearest = heads.join_asof(
        tails.sort("at", "place").select(*same, "place", "first", _at="at"), left_on="_until", right_on="_at", by=same,
        strategy="backward", check_sortedness=False,
    )  # fmt: skip
    pairs = nearest.join(pl.DataFrame({"further": range(neighbours)}), how="cross")
    pairs = pairs.with_columns(pl.col("place") - pl.col("further")).filter(pl.col("place") >= pl.col("first"))
    before = tails.select(pl.col("leg", "at").gather(pairs["place"]))
    pairs = pairs.with_columns(parent=before["leg"], delay=pl.col("at") - before["at"])
    pairs = pairs.filter(pl.col("delay") <= within, pl.col("parent") != pl.col("leg"))
    return pairs.sort("further", maintain_order=True).select(
        "parent", "ip" if "ip" in same else pl.lit(None, pl.String).alias("ip"), "_point", "delay", "at", child="leg"
    ).select(_FOLLOWING.columns)  # fmt: skip


_FOLLOWING = pl.DataFrame(
    schema={"parent": pl.UInt32, "child": pl.UInt32, "ip": pl.String, "_point": pl.Int64, "delay": pl.Int64,
            "at": pl.Int64}
)  # fmt: skip


def of_tries(
    near: pl.DataFrame, alone: pl.DataFrame, who: Parties, heads: pl.DataFrame, ended: pl.DataFrame
) -> pl.DataFrame:
    """Points for the tries of one caller that a node makes one as soon as another is over, or at once.

    Of two that follow each other both get them where the first is ``alone``, and so do several at once that are.
    """
    callers = who.callers
    silent = pl.col("before").is_in(ended.filter("silent")["leg"].implode())
    soon = near.filter(pl.col("before").is_not_null(), (pl.col("delay") <= _PROMPT) | silent)
    for leg in ("child", "before"):
        soon = soon.join(callers.rename({"leg": leg, "caller": f"of_{leg}"}), on=leg, how="left", maintain_order="left")
    soon = soon.filter(pl.col("of_child").eq_missing(pl.col("of_before")))
    soon = soon.join(alone.select("parent", before="child"), on=["parent", "before"], how="semi", maintain_order="left")
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


def of_timing(pairs: pl.DataFrame) -> pl.DataFrame:
    """Points for the time that the node ``waited``, fewer the longer it is."""
    delay = pl.col("waited")
    late = (delay - _PROMPT).clip(0) / (_DECISION - _PROMPT)
    points = (POINTS["timing"] * (1 - late)).round().cast(pl.Int64)
    timed = pairs.filter(delay.is_between(-OUT_OF_ORDER, _DECISION))
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
    soon = late.filter(pl.col("final") < 300, pl.col("at") - pl.col("over") <= _DECISION)
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
    status, at = pl.col("status"), pl.col("at")
    return responses.group_by(*PAIR, "_point").agg(
        ring_at=at.filter(status < 200).min(),
        final_at=at.filter(status >= 200).min(),
        final=status.filter(status >= 200).first(),
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
