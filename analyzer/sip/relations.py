"""What calls have to do with each other: a call that took the place of another, joined it, or that another asked for.

Four signs, each a request that names a dialog which is not its own:

- Replaces: whoever accepts the INVITE ends the dialog it names (RFC 3891 §3). An early dialog so ended was picked up, a
  confirmed one handed over, as in an attended transfer (RFC 5589 §7) or between accesses (TS 24.237).
- Target-Dialog in an INVITE: an access transfer moves the session it names (TS 24.237 §9, RFC 4538). It may say no more
  than that its sender knows of the dialog, so it counts only where that dialog then ended.
- Join in an INVITE: whoever accepts it adds the call to the dialog it names, which stays as it is (RFC 3911 §4).
- REFER within a dialog, or outside of one with Target-Dialog for it (RFC 4538 §3): its receiver calls whom Refer-To
  names (RFC 3515 §2.4), which is the call after the transfer.

A call that nobody accepted takes nobody's place: 481 to a Replaces, or a target that says no, leave the other as it is.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns import identity
from analyzer.columns.times import SECOND, ns

# Who accepts ends the other dialog at once (RFC 3891 §3); lost packets, and a network that keeps the old access for a
# while until it knows that the new one holds, are in it.
_ENDED_WITHIN = 10 * SECOND
# The receiver of a REFER may ask its user first (RFC 3515 §2.4.2), not for longer than the REFER lives.
_CALLED_WITHIN = 32 * SECOND

_NAMING = ["replaces", "target_dialog", "join"]
_SCHEMA = {
    "attempt": pl.UInt32, "later": pl.UInt32, "sign": pl.String, "named": pl.UInt64, "since": pl.Int64,
    "until": pl.Int64,
}  # fmt: skip


def found(
    messages: pl.DataFrame,
    evidence: pl.DataFrame | None,
    members: pl.DataFrame,
    invites: pl.DataFrame,
    facts: pl.DataFrame,
) -> pl.DataFrame:
    """Pairs of attempts: ``attempt``, the ``later`` one that has to do with it, and the ``sign``.

    ``evidence`` is what the core found in INVITEs, ``members`` the rows of each attempt (``attempt _call row``),
    ``invites`` those that open one (``attempt _leg``), ``facts`` has ``attempt ref_row start_ns ok_ns``. ``named`` is
    the Call-ID (its hash) of the dialog; where that ends from ``since`` to ``until`` (ns), it ended for that sign. Null
    in ``until``: the later call was not answered.
    """
    none = pl.DataFrame(schema=_SCHEMA | {"named": messages.schema["_call"]})
    pairs = [_naming(evidence, members, invites, facts)] if evidence is not None else []
    pairs.append(_referred(messages, evidence, members, facts))
    if all(part.is_empty() for part in pairs):
        return none
    pairs = [part.select(pl.col(name).cast(kind) for name, kind in none.schema.items()) for part in pairs]
    return pl.concat([none, *pairs]).filter(pl.col("attempt") != pl.col("later")).unique(maintain_order=True)


def _naming(evidence: pl.DataFrame, members: pl.DataFrame, invites: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Attempts whose INVITE names a dialog of another and was accepted."""
    naming = evidence.filter(pl.col("kind").is_in(_NAMING)).select("_leg", sign="kind", named="value")
    if naming.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    of_legs = invites.select("_leg", later="attempt").unique(maintain_order=True)
    accepted = facts.filter(pl.col("ok_ns").is_not_null())
    accepted = accepted.select(later="attempt", asked="ref_row", since="start_ns", until=pl.col("ok_ns"))
    naming = naming.join(of_legs, on="_leg", maintain_order="left").join(accepted, on="later", maintain_order="left")
    return _named(naming, members).with_columns(until=pl.col("until") + _ENDED_WITHIN)


def _named(naming: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """With the ``attempt`` that has the Call-ID ``named``, of several the last that had begun at row ``asked``."""
    own = members.filter(pl.col("_call").is_in(naming["named"].implode()))
    own = own.group_by("attempt", named="_call").agg(asked=pl.col("row").min()).sort("asked")
    naming = naming.filter(pl.col("asked").is_not_null()).sort("asked", maintain_order=True)
    found = naming.join_asof(own, on="asked", by="named", allow_exact_matches=False, check_sortedness=False)
    return found.filter(pl.col("attempt").is_not_null())


# -- REFER -------------------------------------------------------------------------------------------------------------


def _referred(
    messages: pl.DataFrame, evidence: pl.DataFrame | None, members: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """Attempts that a REFER within another call, or for it, asked for."""
    none = pl.DataFrame(schema=_SCHEMA)
    meant = pl.LazyFrame(schema={"_leg": messages.schema["_leg"], "meant": messages.schema["_call"]})
    if evidence is not None:
        named = evidence.lazy().filter(pl.col("kind") == "target_dialog")
        named = named.unique("_leg", keep="first", maintain_order=True)
        meant = named.select("_leg", meant=pl.col("value").cast(messages.schema["_call"]))
    refer = pl.col("method") == "REFER"
    rows = messages.lazy().with_row_index("row").filter(refer, ~pl.col("duplicate"))
    refused = rows.filter(pl.col("status") >= 300).select("_leg", "cseq")
    asked = (
        rows.filter(pl.col("status").is_null() & ~pl.col("retransmission"))
        .join(refused, on=["_leg", "cseq"], how="anti", maintain_order="left")
        .join(meant, on="_leg", how="left", maintain_order="left")
        .filter(pl.col("to_tag").is_not_null() | pl.col("meant").is_not_null())
        .select(
            "_leg", "cseq", "refer_to", asked="row", named=pl.coalesce("meant", "_call"), src_ip="dst_ip", at=ns("time")
        )
        .collect()
    )
    if asked.is_empty():
        return none
    asked = _named(asked, members)
    asked = asked.with_columns(who=_who(_target(asked))).drop_nulls(["who", "at"])
    opened = facts.filter(pl.col("ref_row").is_not_null() & pl.col("src_ip").is_in(asked["src_ip"].unique().implode()))
    opened = opened.select("ok_ns", "src_ip", later="attempt", start="start_ns", row="ref_row").drop_nulls("start")
    opened = opened.with_columns(who=_who(messages["request_uri"].gather(opened["row"])))
    # The next call from there to the target. Where two were asked for it, nobody knows whose it was.
    both = asked.sort("at", maintain_order=True).join_asof(
        opened.sort("start", maintain_order=True), left_on="at", right_on="start", by=["src_ip", "who"],
        strategy="forward", tolerance=_CALLED_WITHIN, check_sortedness=False,
    )  # fmt: skip
    both = both.filter(pl.col("later").is_not_null() & (pl.col("later") != pl.col("attempt")))
    both = both.sort("start", maintain_order=True).unique(["_leg", "cseq"], keep="first", maintain_order=True)
    both = both.filter(pl.col("later").is_unique())
    return both.select(
        "attempt", "later", "named", sign=pl.lit("refer"), since="at", until=pl.col("ok_ns") + _ENDED_WITHIN
    )


def may_be_asked_for(messages: pl.DataFrame) -> pl.DataFrame:
    """What :func:`found` may join by a REFER, and more: ``node`` of a REFER, and ``near``, that of an INVITE to its
    target which its receiver sent soon after. ``messages`` have ``node``."""
    request = pl.col("status").is_null() & ~pl.col("duplicate")
    refers = messages.filter(request, pl.col("method") == "REFER").select(
        "node", "refer_to", src_ip="dst_ip", at=ns("time")
    )
    if refers.is_empty():
        return refers.select("node", near="node")
    refers = refers.with_columns(who=_who(_target(refers))).drop_nulls(["who", "at"])
    sent = messages.filter(
        request, pl.col("method") == "INVITE", pl.col("src_ip").is_in(refers["src_ip"].unique().implode())
    )
    opened = sent.select("src_ip", near="node", start=ns("time"), who=_who(sent["request_uri"]))
    both = refers.join(opened, on=["src_ip", "who"])
    soon = (pl.col("start") - pl.col("at")).is_between(-_CALLED_WITHIN, 2 * _CALLED_WITHIN)
    return both.filter(soon).select("node", "near").unique()


def _target(refers: pl.DataFrame) -> pl.Series:
    """The URIs in ``refer_to``, without the header fields in them."""
    target = pl.coalesce(pl.col("refer_to").str.extract(r"<([^>]*)>"), pl.col("refer_to"))
    return refers.select(target.str.extract(r"^([^?]*)")).to_series()


def _who(uris: pl.Series) -> pl.Series:
    """Whom URIs name, without the host: who answers for the target may write it with a host of its own."""
    key = identity.subscribers(uris).alias("key")
    return key.to_frame().select(pl.coalesce(pl.col("key").str.extract(r"^([^@]+)@."), "key")).to_series()


# -- what they explain -------------------------------------------------------------------------------------------------


def with_ends(facts: pl.DataFrame, pairs: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The facts with ``taken``, the sign for which the attempt ended (null: for none), and the attempts ``after`` and
    ``before`` it.

    ``facts`` has besides: cancel_ns, bye_row, bye_ns, ok_ns. An answered call ends so by a BYE in the dialog that was
    named, one that was not answered by CANCEL, or by BYE on its early dialog.
    """
    if pairs.is_empty():
        nothing = pl.lit(None, pl.UInt32)
        return facts.with_columns(taken=pl.lit(None, pl.String), after=nothing, before=nothing)
    named = messages.select(bye_call=pl.col("_call").gather(facts["bye_row"]))
    answered = pl.col("ok_ns").is_not_null() | pl.col("joined")
    ends = facts.hstack(named).select(
        "attempt", "bye_call", "start_ns", "first_row",
        is_answered=answered,
        over=pl.when(answered).then("bye_ns").otherwise(pl.coalesce("cancel_ns", "bye_ns")),
    )  # fmt: skip
    both = pairs.join(ends, on="attempt", maintain_order="left").with_columns(
        took=(
            (pl.col("sign") != "join")
            & pl.col("over").is_between("since", "until")
            & (~pl.col("is_answered") | (pl.col("bye_call") == pl.col("named")))
        ).fill_null(value=False)
    )
    # Target-Dialog alone says only that its sender knows of the dialog.
    both = both.filter((pl.col("sign") != "target_dialog") | pl.col("took"))
    both = both.sort(~pl.col("took"), pl.col("until"), nulls_last=True, maintain_order=True)
    after = both.filter(pl.col("until").is_not_null(), pl.col("sign") != "join")
    after = after.unique("attempt", keep="first", maintain_order=True)
    before = both.sort("first_row", maintain_order=True).unique("later", keep="first", maintain_order=True)
    facts = facts.join(
        after.select("attempt", after="later", taken=pl.when("took").then("sign")),
        on="attempt", how="left", maintain_order="left",
    )  # fmt: skip
    return facts.join(before.select(attempt="later", before="attempt"), on="attempt", how="left", maintain_order="left")
