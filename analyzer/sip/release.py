"""Who ended an answered call: one of its users, or the network. The one answer for ``dialogs`` and ``calls``.

The network ended it where the BYE says so in its Reason (:func:`network_reason`), or began its way at a node that is no
user agent of the dialog (:func:`sent_by_nodes`). Otherwise the side did whose tag is the From tag of the BYE.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns import causes
from analyzer.columns.times import SECOND, ns

# A node that releases a call towards both sides does both within this time.
_TOGETHER = SECOND
#: The columns of ``messages`` that :func:`network_reason` reads.
REASONS = ("_q850", "_sip_cause", "_release_cause", "_failure_cause", "reason_header")
# A value of this protocol among those of a Reason (RFC 3326 §2), whose texts may hold commas.
_PREEMPTED = r'(?i)^(?:(?:[^",]|"(?:[^"\\]|\\.)*")*,)*\s*preemption\s*;'


def network_reason() -> pl.Expr:
    """Whether the Reason of a BYE says that no user hung up, by the columns :data:`REASONS`; false without a Reason.

    A BYE may have several values, each of another protocol, in one header field or in several (RFC 3326 §2). One that
    tells of the network decides, whatever the others say: they report how the call is cleared, as ``SIP;cause=200`` and
    ``Q.850;cause=16`` do in any release.

    - FAILURE_CAUSE, any: the bearer, its quality or the signalling bearer was lost (TS 24.229 §7.2A.18.12).
    - RELEASE_CAUSE but 1 "user ends call": a time-out or the loss of the media bearer (TS 24.229 §7.2A.18.11).
    - preemption, any: a call of higher priority took its place (RFC 4411 §5).
    - SIP 300 to 699: a request failed or a timer expired, as 503 of a P-CSCF or S-CSCF that lost the bearer (TS 24.229
      §5.2.8.1.2). 200 says that a call was answered elsewhere (RFC 3326 §3.1).
    - Q.850 but those with which users clear a call (`causes.of_a_user`).
    """
    q850, sip, release, failure, header = (pl.col(name) for name in REASONS)
    signs = (
        failure.is_not_null(),
        header.str.contains(_PREEMPTED),
        release != 1,
        sip.is_between(300, 699),
        _of_q850(~causes.of_a_user(q850, answered=True)),
    )
    return pl.any_horizontal(sign.fill_null(value=False) for sign in signs)


def network_reason_of_cancel() -> pl.Expr:
    """The same of a CANCEL: of a call that was not answered, Q.850 causes of a called user are a user's, too.

    So is SIP 487: a node that passes a user's CANCEL on to another leg says that the request was terminated.
    """
    q850, sip, release, failure, header = (pl.col(name) for name in REASONS)
    of_a_user = causes.of_a_user(q850, answered=False) | causes.of_a_user(q850, answered=True)
    signs = (
        failure.is_not_null(),
        header.str.contains(_PREEMPTED),
        release != 1,
        sip.is_between(300, 699) & (sip != 487),
        _of_q850(~of_a_user),
    )
    return pl.any_horizontal(sign.fill_null(value=False) for sign in signs)


def _of_q850(holds: pl.Expr) -> pl.Expr:
    """What holds of a cause that Q.850 has: 0, which exchanges write where they know none, is no cause (table 1)."""
    return holds & pl.col("_q850").is_between(1, 127)


def cancelled_by_network() -> pl.Expr:
    """Whether no user gave up with this CANCEL: for its Reason, or as another branch had answered (RFC 3326 §3.1)."""
    return network_reason_of_cancel() | answered_elsewhere()


def answered_elsewhere() -> pl.Expr:
    """Whether the Reason of a CANCEL says that another took the call.

    That is SIP 200 (RFC 3326 §3.1), and Q.850 26 without a SIP cause: the call was not awarded to this user.
    """
    sip, q850 = pl.col("_sip_cause"), pl.col("_q850")
    return ((sip == 200) | (sip.is_null() & (q850 == 26))).fill_null(value=False)


def sent_by_nodes(byes: pl.DataFrame, messages: pl.DataFrame, legs: pl.DataFrame) -> pl.Series:
    """The dialogs (``_dialog``) with a BYE that began its way at a node that is no user agent of it.

    It has one Via and comes from an address that forwarded the INVITE; or one node sent BYE to each side at about the
    same time. Two that cross are of the users. The caller's address and the last that the INVITE was sent to may share
    a machine with a proxy: what is sent from there proves nothing, unless it goes to both sides and the other end is
    elsewhere.

    ``byes`` are rows with ``_dialog _leg row via_count``, ``legs`` the ``_leg`` that opened each ``_dialog``.
    """
    sent = (
        byes.lazy()
        .filter(pl.col("via_count") == 1)
        .sort("row")
        .unique(["_dialog", "_leg"], keep="first")
        .join(legs.lazy().select("_dialog", opened="_leg"), on="_dialog")
        .select("_dialog", "row", "opened")
        .collect(engine="in-memory")
    )
    sent = sent.hstack(messages.select(pl.col("src_ip", "time").gather(sent["row"])))
    invites = (
        messages.lazy()
        .filter(
            pl.col("method") == "INVITE",
            pl.col("status").is_null() & pl.col("to_tag").is_null() & ~pl.col("duplicate") & ~pl.col("retransmission"),
            pl.col("_leg").is_in(sent["opened"].implode()),
        )
        .select("src_ip", "dst_ip", pl.col("via_count").fill_null(0), opened="_leg")
        .collect()
        .lazy()
        .sort("via_count", maintain_order=True)
    )
    ends = invites.group_by("opened").agg(
        caller_ip=pl.when(pl.col("via_count") == 1).then("src_ip").first(), callee_ip=pl.col("dst_ip").last()
    )
    origins = sent.lazy().join(ends, on="opened", how="left")
    not_of_caller, not_of_callee = (pl.col("src_ip").ne_missing(pl.col(end)) for end in ("caller_ip", "callee_ip"))
    proxies = invites.filter(pl.col("via_count") > 1).select("opened", "src_ip").unique()
    forwarded = origins.filter(not_of_caller, not_of_callee).join(proxies, on=["opened", "src_ip"], how="semi")
    both = origins.filter(not_of_caller | not_of_callee)
    both = both.group_by("_dialog", "src_ip").agg(pl.len(), spread=pl.col("time").max() - pl.col("time").min())
    both = both.filter(pl.col("len") > 1, ns("spread") <= _TOGETHER)
    found = pl.concat([forwarded.select("_dialog"), both.select("_dialog")])
    return found.collect(engine="in-memory").to_series()


def between_legs(ends: pl.DataFrame, last: pl.DataFrame) -> pl.Series:
    """The attempts that a node between their legs ended: it sent BYE to the caller and, on the last leg, to the called
    side, and no user did.

    ``ends`` have ``attempt bye_ns ended_by`` (of the call), ``last`` the dialogs of the last legs that BYE ended, each
    with its ``attempt``, ``ended_ns`` and ``ended_by`` (``local``: the node that made the leg).
    """
    both = ends.filter(pl.col("ended_by") == "callee").select("attempt", "bye_ns").join(last, on="attempt")
    both = both.filter((pl.col("ended_ns") - pl.col("bye_ns")).abs() <= _TOGETHER)
    of_nodes = both.group_by("attempt").agg((pl.col("ended_by") != "remote").all())
    return of_nodes.filter("ended_by")["attempt"]


def of_legs(dialogs: pl.DataFrame, cleared: pl.DataFrame) -> pl.DataFrame:
    """The table ``dialogs``; those that BYE ended when their call was over, and the network ended that, are the
    network's too. ``cleared`` are such calls: ``call over_at``.
    """
    together = (ns("ended_at") - ns("over_at")).abs() <= _TOGETHER
    of_call = (pl.col("end_reason") == "bye") & together.fill_null(value=False)
    found = dialogs.join(cleared, on="call", how="left", maintain_order="left")
    ended_by = pl.when(of_call).then(pl.lit("network")).otherwise("ended_by")
    return found.with_columns(ended_by=ended_by.cast(dialogs.schema["ended_by"])).drop("over_at")


def side(ended_by: pl.Expr, local_tag: pl.Expr, caller_tag: pl.Expr) -> pl.Expr:
    """``released_by`` of a call from ``ended_by`` of its dialog; unknown where it is not known who called."""
    opener = local_tag == caller_tag
    of_users = party((ended_by == "local") == opener)
    return pl.when(ended_by.is_in(["local", "remote"])).then(of_users).otherwise(ended_by)


def party(caller: pl.Expr) -> pl.Expr:
    """The caller or the callee; unknown where it is not known who called."""
    return pl.when(caller).then(pl.lit("caller")).when(~caller).then(pl.lit("callee")).otherwise(pl.lit("unknown"))
