"""Where and when legs begin and end, and which meet at a node: pairs for :mod:`~analyzer.ims.leg_evidence`."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer.columns.times import SECOND, ns
from analyzer.ims.leg_evidence import DECISION, NEIGHBOURS, OUT_OF_ORDER, PAIR, PROMPT
from analyzer.ims.leg_parties import Parties, user

# Where no number leads from one leg to the other, those that come next to each other are looked at.
_NEXT = 4
# A node tries no more callees one after another than this.
_TRIES = 16
# A border controller takes no longer from the one of its addresses to the other.
_ACROSS = SECOND // 20
# What a node does as a rule is seen in so long before and after.
_USUAL = 60 * SECOND
_PLACE = ["ip", "_point"]


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
    begun, come = _close(heads, arrivals, _PLACE, DECISION)
    again, over = _close(heads, ended, _PLACE, DECISION)
    endings = _endings(called)
    across = _close(heads.join(endings, on="leg"), arrivals.join(endings, on="leg"), ["_point", "key"], _ACROSS)
    # A leg comes to its own end soon after its beginning, too.
    alike = _following(*across, ["_point", "key"], _ACROSS, NEIGHBOURS)
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
    ends = tail.lazy().sort("at").with_columns(_at="at")
    head = (
        head.lazy()
        .with_columns(_until=pl.col("at") + OUT_OF_ORDER)
        .sort("_until")
        .join_asof(
            ends.select(*same, "at", "_at"), left_on="_until", right_on="at", by=same, strategy="backward",
            tolerance=within + OUT_OF_ORDER, check_sortedness=False,
        )
        .filter(pl.col("_at").is_not_null())
        .select(*columns, "_until")
        .collect(engine="in-memory")
    )  # fmt: skip
    if head.is_empty():
        return head.drop("_until"), tail.clear()
    followed = ends.join_asof(
        head.lazy().select(*same, "_until"), left_on="at", right_on="_until", by=same, strategy="forward",
        tolerance=within + OUT_OF_ORDER, check_sortedness=False,
    )  # fmt: skip
    followed = followed.filter(pl.col("_until").is_not_null()).select(columns)
    return head.drop("_until"), followed.collect(engine="in-memory")


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
    found = [_following(sight.begun, sight.come, _PLACE, DECISION, _NEXT)]
    after_tries = [_following(sight.begun, sight.over, _PLACE, DECISION, _NEXT)]
    for keys in (who.callers.rename({"caller": "key"}), sight.endings):
        begun, come, over = (ends.join(keys, on="leg") for ends in (sight.begun, sight.come, sight.over))
        found.append(_following(begun, come, [*_PLACE, "key"], DECISION, NEIGHBOURS))
        after_tries.append(_following(begun, over, [*_PLACE, "key"], DECISION, NEIGHBOURS))
    here = _handed_on(found[-1], sight)
    met = pl.concat(part.select(PAIR) for part in found[1:])
    across = _across(sight, met)
    if across.height:
        heads = sight.begun.join(across.select(_PLACE).unique(), on=_PLACE, how="semi")
        after_tries.append(_following(heads, sight.over, _PLACE, DECISION, _NEXT))
    if not any(part.height for part in (*found, across)):
        return pl.DataFrame(schema=_NEAR)
    pair = [*PAIR, *_PLACE]
    over_at = decided.select("_point", parent="leg", over="at")

    def waiting(pairs: pl.DataFrame) -> pl.DataFrame:
        """With ``waits``: where the parent had no final response yet when the child began."""
        both = pairs.join(over_at, on=["parent", "_point"], how="left", maintain_order="left")
        waits = (pl.col("over") >= pl.col("at") - OUT_OF_ORDER).fill_null(value=True)
        return both.with_columns(waits=waits).drop("over")

    sooner = pl.col("delay", "at").sort_by(pl.col("delay") < 0, "delay", "at").first()
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
    known = known.sort(pl.col("delay") < 0, "delay", "before", "ip", nulls_last=True)
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
    here = alike.filter(pl.col("delay").is_between(0, PROMPT)).unique([*PAIR, *_PLACE])
    if here.is_empty():
        return here
    there = here.select(_PLACE).unique()
    head, tail = (ends.join(there, on=_PLACE, how="semi") for ends in (sight.heads, sight.arrivals))
    head, tail = (ends.join(sight.endings, on="leg") for ends in (head, tail))
    later = _before(head, tail, [*_PLACE, "key"], PROMPT)
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

    pairs = _following(*unmet(*sight.across), same, _ACROSS, NEIGHBOURS)
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
    return _following(head, tail, same, within, NEIGHBOURS).filter(pl.col("delay") >= 0)


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
    rows = asked.lazy().with_row_index("_row")
    there = events.lazy().join(rows.select(by).unique(), on=by, how="semi").sort("at")
    there = there.select(*by, "at", so_far=pl.int_range(1, pl.len() + 1).over(by)).collect(engine="in-memory").lazy()

    def so_far(shift: int) -> pl.Series:
        until = rows.with_columns(pl.col("at") + shift).sort("at")
        found = until.join_asof(there, on="at", by=by, strategy="backward", check_sortedness=False).sort("_row")
        counts = found.select(pl.col("so_far").fill_null(0).cast(pl.Int64)).collect(engine="in-memory")
        return counts.to_series()

    return so_far(_USUAL) - so_far(-_USUAL - 1)


def _endings(called: pl.DataFrame) -> pl.DataFrame:
    """The ends of the numbers called, by which legs are looked for whose numbers may end alike, and names."""
    number = pl.col("key").str.extract(r"^(\d{3,})(?:;|$)").str.tail(3)
    ends = called.select("leg", known=pl.coalesce(number, user("key"))).drop_nulls().unique()
    return ends.select("leg", key=pl.col("known").hash())


def _following(head: pl.DataFrame, tail: pl.DataFrame, same: list[str], within: int, neighbours: int) -> pl.DataFrame:
    """For each ``head`` those of ``tail`` that come at most ``within`` ns before it, among its neighbours in time."""
    # Most have nobody there, or nobody of their key, to follow.
    head, tail = _close(head, tail, same, within)
    if head.is_empty():
        return _FOLLOWING.clone()
    tails = tail.lazy().sort(*same, "at", "leg").with_columns(place=pl.int_range(pl.len()))
    tails = tails.with_columns(first=pl.col("place").min().over(same)).collect(engine="in-memory").lazy()
    # What begins at one time as another ends comes after it; what a capture point wrote out of order, too.
    heads = head.lazy().with_columns(_until=pl.col("at") + OUT_OF_ORDER).sort("_until", "leg")
    nearest = heads.join_asof(
        tails.sort("at", "place").select(*same, "place", "first", _at="at"), left_on="_until", right_on="_at", by=same,
        strategy="backward", check_sortedness=False,
    )  # fmt: skip
    pairs = nearest.join(pl.LazyFrame({"further": range(neighbours)}), how="cross", maintain_order="left_right")
    pairs = pairs.with_columns(pl.col("place") - pl.col("further")).filter(pl.col("place") >= pl.col("first"))
    before = tails.select("place", parent="leg", ended="at")
    pairs = pairs.join(before, on="place", maintain_order="left").with_columns(delay=pl.col("at") - pl.col("ended"))
    pairs = pairs.filter(pl.col("delay") <= within, pl.col("parent") != pl.col("leg"))
    ip = pl.col("ip") if "ip" in same else pl.lit(None, pl.String).alias("ip")
    pairs = pairs.sort("further", maintain_order=True).select("parent", ip, "_point", "delay", "at", child="leg")
    return pairs.select(_FOLLOWING.columns).collect(engine="in-memory")


_FOLLOWING = pl.DataFrame(
    schema={"parent": pl.UInt32, "child": pl.UInt32, "ip": pl.String, "_point": pl.Int64, "delay": pl.Int64,
            "at": pl.Int64}
)  # fmt: skip
