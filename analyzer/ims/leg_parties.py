"""Who calls whom on a leg, and how well that of two legs agrees: evidence as in :mod:`~analyzer.ims.leg_evidence`."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer.columns import identity
from analyzer.columns.times import SECOND
from analyzer.ims.leg_evidence import PAIR, PENDING, neighbours

# What rests on names alone.
_SOON = 15 * SECOND
# Numbers with this many equal digits at their ends are one, written nationally or not.
_SUFFIX = 7


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
        name=pl.col("key").str.contains("@") & (user("key") == user("key_child")),
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


def user(key: str) -> pl.Expr:
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
    return neighbours(both, ["caller", "called"], PENDING).select(PAIR).unique(maintain_order=True)


def same_parties(who: Parties, legs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the same caller and the same callee, wherever they begin and end."""
    both = who.called.join(who.callers, on="leg").join(legs.select("leg", "start", "_call"), on="leg")
    both = both.with_columns(kind=pl.lit("identity")).sort("caller", "called", "start", "leg")
    return neighbours(both, ["caller", "called"], _SOON).select(PAIR).unique(maintain_order=True)
