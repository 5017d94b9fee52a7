"""How calls end: which branch is the call, whose BYE ended it, and what its session interval and acknowledgement say.

What is made of it, the name of the outcome and who released the call: :mod:`analyzer.sip.outcomes`.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.hashed import hashed
from analyzer.columns.methods import method_is
from analyzer.columns.times import SECOND, duration, ns
from analyzer.sip import acknowledgement, in_dialog, reference_hop, release
from analyzer.sip.tries import counted, fetch

# A caller releases a branch that it does not want within so long after its 2xx: its ACK and its BYE may be sent again.
_RELEASED_WITHIN = 4 * SECOND


def of_branches(
    branches: pl.DataFrame, facts: pl.DataFrame, messages: pl.DataFrame, dialogs: pl.DataFrame
) -> pl.DataFrame:
    """Per attempt the end of the branch that lived: which that is, see :func:`_confirmed_branches`."""
    byes = (
        counted(messages)
        .filter(pl.col("method") == "BYE", pl.col("status").is_null(), ~pl.col("retransmission"))
        .select(
            "row", "_call", "_leg", "_dialog", "src_ip", "src_port", "dst_ip", "dst_port",
            at=ns("time"), cleared=release.network_reason(),
        )
        .collect()
    )  # fmt: skip
    byes = in_dialog.standing(byes, messages)
    byes = byes.with_columns(gone=pl.col("row").is_in(in_dialog.cleared_away(byes, messages).implode()))
    hops = facts.select(
        "attempt", "_call", "ref_row", "response_row",
        near_ip="src_ip", near_port="src_port", far_ip="dst_ip", far_port="dst_port",
    )  # fmt: skip
    bye = {"row": "bye_row", "at": "bye_ns", "_leg": "bye_leg", "cleared": "cleared", "gone": "gone"}
    of_branches = byes.lazy().join(branches.lazy().select("attempt", "_dialog"), on="_dialog", maintain_order="left")
    of_branches = of_branches.join(hops.lazy().drop("_call"), on="attempt", maintain_order="left")
    of_branches = reference_hop.nearest(of_branches, "_dialog").rename(bye).select("_dialog", *bye.values())
    branches_with_bye = branches.lazy().join(of_branches, on="_dialog", how="left", maintain_order="left")
    confirmed_branch = _confirmed_branches(branches_with_bye, messages)
    # A peer of RFC 2543 has no tag, and a one-way capture no 2xx: then the Call-ID tells whose BYE it is. Not that of a
    # branch that only rang, where another answered: it ended that branch alone (RFC 3261 §15).
    with_bye = confirmed_branch.lazy().filter(pl.col("bye_row").is_not_null())
    unmatched = hops.lazy().join(with_bye, on="attempt", how="anti", maintain_order="left")
    unmatched = unmatched.with_columns(answered=pl.col("attempt").is_in(confirmed_branch["attempt"].implode()))
    strays = (
        byes.lazy()
        .join(branches.lazy(), on="_dialog", how="anti", maintain_order="left")
        .join(unmatched, on="_call", maintain_order="left")
        .filter(pl.col("row") > pl.col("ref_row").fill_null(-1))
        .collect(engine="in-memory")
    )
    strays = _not_of_early_branches(strays, messages)
    strays = (
        reference_hop.nearest(strays.lazy(), "attempt")
        .rename(bye)
        .select("attempt", *bye.values())
        .collect(engine="in-memory")
    )
    still_ringing = _ringing_without_bye(hops, strays, byes, messages)
    ends = (
        hops.lazy()
        .join(confirmed_branch.lazy(), on="attempt", how="left", maintain_order="left")
        .join(strays.lazy(), on="attempt", how="left", suffix="_stray", maintain_order="left")
        .with_columns(pl.coalesce(name, f"{name}_stray") for name in bye.values())
        .with_columns(acked=_acked(messages), opening_row=pl.coalesce("answered_row", "ref_row", "response_row"))
        .join(_refreshes(messages).lazy(), on="_dialog", how="left", maintain_order="left")
        .join(_of_dialogs(dialogs, messages).lazy().drop("_leg"), on="_dialog", how="left", maintain_order="left")
        .collect(engine="in-memory")
    )
    return ends.hstack(fetch(messages, ends["opening_row"], "from_tag")).select(
        "attempt", "bye_row", "bye_ns", "bye_leg", "branch_leg", "answered_ns", "answered_row", "acked", "waited_ns",
        "exhausted", "lived_ns", "refreshed_ns", "interval", "ended_ns", "end_reason", "gone",
        still_ringing=pl.col("attempt").is_in(still_ringing.implode()),
        by_refresher=(pl.col("bye_leg") == pl.col("refresh_leg")) == (pl.col("refresher") == 0),
        cleared=pl.coalesce(pl.col("ended_by") == "network", "cleared"),
        ended_by=release.side(pl.col("ended_by"), pl.col("local_tag"), pl.col("from_tag")),
        confirmed_branch="_dialog",
    )  # fmt: skip


def _not_of_early_branches(strays: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The ``strays`` without those of a branch that only rang, of a call that another ``answered``."""
    of_answered = strays.filter("answered")["_dialog"].drop_nulls()
    if of_answered.is_empty():
        return strays
    early = messages.filter(
        pl.col("_dialog").is_in(of_answered.implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(101, 199),
    )["_dialog"]
    return strays.filter(~(pl.col("answered") & pl.col("_dialog").is_in(early.implode()).fill_null(value=False)))


def with_ends_between(
    ends: pl.DataFrame, invites: pl.DataFrame, dialogs: pl.DataFrame, messages: pl.DataFrame, links: pl.DataFrame | None
) -> pl.DataFrame:
    """The ends, by the network where a node between two legs sent BYE on both (:func:`release.between_legs`)."""
    if links is None or links.is_empty():
        return ends
    of_legs = invites.select("attempt", "_leg").unique()
    last = of_legs.filter(pl.len().over("attempt") > 1, ~pl.col("_leg").is_in(links["_leg_from"].implode()))
    confirmed = dialogs.filter(pl.col("confirmed_at").is_not_null())
    last = _of_dialogs(confirmed, messages).filter(pl.col("end_reason") == "bye").join(last, on="_leg")
    between = pl.col("attempt").is_in(release.between_legs(ends, last).implode())
    network = pl.when(between).then(pl.lit("network")).otherwise("ended_by")
    return ends.with_columns(ended_by=network, cleared=between | pl.col("cleared"))


def _ringing_without_bye(
    hops: pl.DataFrame, strays: pl.DataFrame, byes: pl.DataFrame, messages: pl.DataFrame
) -> pl.Series:
    """Of the attempts with a BYE that no 2xx goes with, those with an early dialog on which none was sent.

    A BYE ends its early dialog alone; the INVITE goes on in the others (RFC 3261 §15).
    """
    if strays.is_empty():
        return strays["attempt"]
    asked = hops.filter(pl.col("attempt").is_in(strays["attempt"].implode())).select("attempt", "_call")
    early = messages.filter(
        pl.col("_call").is_in(asked["_call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(101, 199),
        pl.col("_dialog").is_not_null(),
    ).select("_call", "_dialog")
    rest = early.join(byes, on="_dialog", how="anti")
    return asked.join(rest, on="_call", how="semi")["attempt"]


def _confirmed_branches(branches: pl.LazyFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Per attempt the branch that is the call; ``branches`` with ``bye_row``.

    Of several 2xx the caller acknowledges each, keeps one and sends BYE on the others at once (RFC 3261 §13.2.2.4). So
    it is one whose 2xx was acknowledged; of these one with later requests in its dialog, a BYE long after that of a
    side that had not waited for the ACK in vain (§13.3.1.4) among them; of these that which ended last. Besides: how it
    was acknowledged (`acknowledgement.of_dialogs`), and ``lived_ns``, when the latest request that was accepted in it
    was sent, of branches where something hangs on it.
    """
    acks = acknowledgement.of_dialogs(messages).lazy()
    with_acks = (
        branches.join(acks, on="_dialog", how="left", maintain_order="left")
        .with_columns(heard=pl.col("acked") & ~pl.col("exhausted"))
        .collect(engine="in-memory")
    )
    doubtful = with_acks.filter(pl.col("attempt").is_duplicated() | ~pl.col("heard").fill_null(value=False))
    lived = in_dialog.accepted(messages, doubtful["_dialog"].drop_nulls()).lazy()
    lived = lived.group_by("_dialog").agg(lived_row=pl.col("asked").max())
    found = with_acks.lazy().join(lived, on="_dialog", how="left", maintain_order="left").collect(engine="in-memory")
    return (
        found.hstack(messages.select(lived_ns=ns("time").gather(found["lived_row"])))
        .lazy()
        .with_columns(
            unheard=~pl.col("heard").fill_null(value=False),
            idle=pl.col("lived_row").is_null() & ~_hung_up_later().fill_null(value=False),
        )
        .sort(
            "unheard", "idle", "bye_row", "answered_row", descending=[False, False, True, False], nulls_last=False,
            maintain_order=True,
        )
        .unique("attempt", keep="first", maintain_order=True)
        .drop("_call", "unheard", "idle", "lived_row", strict=False)
        .collect(engine="in-memory")
    )  # fmt: skip


def _hung_up_later() -> pl.Expr:
    """Whether a BYE ended a conversation: a branch that the caller does not want gets its BYE at once."""
    in_vain = pl.col("exhausted").fill_null(value=False)
    return (pl.col("bye_ns") - pl.col("answered_ns") > _RELEASED_WITHIN) & ~in_vain


def _acked(messages: pl.DataFrame) -> pl.Expr:
    """Whether the 2xx of a dialog got its ACK; where tags are missing, any ACK of the Call-ID to a 2xx.

    An ACK without a CSeq came damaged, and may be one to another final: what tells which is not there.
    """
    acks = (
        counted(messages)
        .filter(pl.col("method") == "ACK", pl.col("transaction").is_null(), pl.col("cseq").is_not_null())
        .select(pl.col("_call").unique().implode())
        .collect()
    )
    by_call = pl.col("_call").is_in(acks["_call"])
    by_dialog = pl.col("heard").fill_null(value=False)
    return pl.when(pl.col("_dialog").is_null()).then(by_call).otherwise(by_dialog)


def _refreshes(messages: pl.DataFrame) -> pl.DataFrame:
    """The last agreement on a session interval per dialog: the last 2xx to INVITE or UPDATE (RFC 4028 §9).

    ``interval`` is null where that 2xx has none, on whatever hop: then the session no longer expires (§7.2).
    ``refresh_leg`` is the side that sent the request, and ``refresher`` 0 if that side refreshes, 1 if the other does.
    """
    agreed = pl.col("status").is_between(200, 299) & method_is("INVITE", "UPDATE")
    seconds = pl.col("session_expires")
    rows = (
        counted(messages)
        .filter(agreed, pl.col("_dialog").is_not_null())
        .select(
            "row", "_dialog", "_leg", "cseq", "session_expires", "_refresher",
            invite=pl.col("method") == "INVITE", at=ns("time"),
        )
        .collect()
    )  # fmt: skip
    limited = rows.filter(seconds.is_not_null())["_dialog"]
    return (
        rows.lazy()
        .filter(pl.col("_dialog").is_in(limited.implode()))
        .group_by(hashed("_dialog", "_leg", "cseq", "invite").alias("request"))
        .agg(
            pl.col("_dialog", "_leg").first(),
            row=pl.col("row").min(),
            refreshed_ns=pl.col("at").filter(seconds.is_not_null()).last(),
            interval=duration(seconds.drop_nulls().last()),
            refresher=pl.col("_refresher").drop_nulls().last(),
        )
        .sort("row")
        .unique("_dialog", keep="last", maintain_order=True)
        .select("_dialog", "refreshed_ns", "interval", "refresher", refresh_leg="_leg")
        .collect(engine="in-memory")
    )


def _of_dialogs(dialogs: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """How the dialogs of INVITEs ended, by the hash of the dialog."""
    ended = dialogs.filter(pl.col("usage") == "invite", pl.col("end_reason").is_in(["bye", "expired", "timeout"]))
    opens = pl.col("message").is_in(ended["dialog"].implode())
    keys = messages.lazy().filter(opens).select("_dialog", "_leg", dialog="message")
    found = ended.lazy().join(keys, on="dialog")
    found = found.select("_dialog", "_leg", "end_reason", "ended_by", "local_tag", ended_ns=ns("ended_at"))
    return found.collect(engine="in-memory")
