"""How an attempt ended: final status, ringing, cause codes and CANCEL to ``calls.outcome`` and ``outcome_detail``.

The first rule that holds decides; a status alone decides, by `BY_STATUS`, where no other sign says better:

====================  ===========================================================================================
outcome               outcome_detail (stable words; null where the outcome says all)
====================  ===========================================================================================
answered              normal active no_ack timer_expiry expired (silent for too long) dropped cancel_race final_unseen
                      replaced transferred (another call took its place: `relations`)
answered_elsewhere    picked_up replaced (another call took its place, RFC 3891 §3); none where a fork lost: CANCEL with
                      Reason SIP;cause=200 (RFC 3326 §3.1) or Q.850;cause=26
redirected            emergency (380 with 3GPP IMS XML, TS 24.229 §5.1.6.8)
cancelled             before_ringing while_ringing
no_answer             network_timer (the network, not the caller, gave up)
rejected              declined unwanted screened anonymity_disallowed forbidden final_unseen (the ACK alone was seen)
unreachable           not_registered not_found gone bad_number bad_gateway no_route transport_error
auth_failed           not_retried credentials_rejected forbidden
timeout               no_response (Timer B) no_final (Timer C)
unfinished            challenged cancelling ringing progressing waiting
joined                normal active no_ack timer_expiry expired dropped rejected replaced transferred
busy, negotiation_failed, server_failure, client_error: none
====================  ===========================================================================================

RFC 3261 §21, RFC 3398 §8.2.6.1 (Q.850 causes), RFC 5407 (crossing CANCEL and 2xx), RFC 6076.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.rules import first_of
from analyzer.columns.times import SECOND
from analyzer.sip import release

_T1 = SECOND // 2  # RFC 3261 table 4
TIMER_64T1 = 32 * SECOND  # RFC 3261 §17.1.1.2 Timer B, with the default T1
TIMER_C = 180 * SECOND  # RFC 3261 §16.6 item 11
NETWORK_NO_REPLY = 25 * SECOND  # a CANCEL of the network after this much ringing is its no-reply timer
RETRY_AT_ONCE = 2 * SECOND  # a user agent answers a challenge without asking anybody
# A node that fails the call for a refusal of one fork gives the others up, and waits no longer than for their 487s (RFC
# 3261 §16.7).
DECIDED_WITHIN = 5 * SECOND
# A node passes a refusal on to the caller, by the same or another status, within this time.
PASSED_ON_WITHIN = SECOND
# Room behind 64*T1: a sender that looks at its timers when it sends again gives up at the next turn, T2 later.
_TIMER_ROOM = 4 * SECOND
_TIMER_JITTER = SECOND  # how much earlier than RFC 4028 §10 says a BYE of the session timer may be seen at a tap

# The final statuses after which the same attempt goes on with another INVITE.
RETRY_CAUSES = [401, 407, 422, 420, 421, 415, 406, 488, 494, 503, 408, 491, *range(300, 400)]

# Finals that a node gives of itself when it cannot send a request on (RFC 3261 §16.9, §21.5; 477 of Kamailio, 430 of
# RFC 5626 §11.4).
OF_A_FAILED_HOP = [408, 430, 477, 480, 500, 502, 503, 504]

BY_STATUS: dict[int, tuple[str, str | None]] = {
    401: ("auth_failed", "not_retried"),
    403: ("rejected", "forbidden"),
    404: ("unreachable", "not_found"),
    406: ("negotiation_failed", None),
    407: ("auth_failed", "not_retried"),
    410: ("unreachable", "gone"),
    415: ("negotiation_failed", None),
    433: ("rejected", "anonymity_disallowed"),
    480: ("unreachable", "not_registered"),
    484: ("unreachable", "bad_number"),
    485: ("unreachable", "bad_number"),
    486: ("busy", None),
    487: ("cancelled", None),
    488: ("negotiation_failed", None),
    502: ("unreachable", "bad_gateway"),
    580: ("negotiation_failed", None),
    600: ("busy", None),
    603: ("rejected", "declined"),
    604: ("unreachable", "not_found"),
    606: ("negotiation_failed", None),
    607: ("rejected", "unwanted"),
    608: ("rejected", "screened"),
}

# Outcomes of calls that nobody refused.
_NOT_FAILED = ["answered", "answered_elsewhere", "joined", "unfinished"]

# By their definitions the called side gives them (RFC 3261 §21.4.24, §21.6.1, §21.6.2; RFC 8197).
_OF_THE_CALLEE = [486, 600, 603, 607]


def has_failed() -> pl.Expr:
    """Whether a call has a row in ``call_failures``: it failed, or was refused before the capture saw its INVITE."""
    asked = ~pl.col("outcome").is_in(_NOT_FAILED) & pl.col("started_at").is_not_null()
    return asked | ((pl.col("outcome") == "joined") & (pl.col("outcome_detail") == "rejected"))


def of_the_callee(status: pl.Expr, *, reached: bool | pl.Expr) -> pl.Expr:
    """Whether the called side itself refused a call with this final status.

    480 (RFC 3261 §21.4.18) comes from the callee's end system, or from a proxy that has no address of the callee: it is
    the callee's only where its end system was ``reached``.
    """
    return status.is_in(_OF_THE_CALLEE) | ((status == 480) & reached)


def of_answered(end: int) -> tuple[pl.Expr, pl.Expr]:
    """``outcome`` and ``outcome_detail`` of attempts with a 2xx, and of calls joined.

    ``end`` is the time of the last packet in ns. Columns read: joined, final, leg, crossed (CANCEL crossed the 2xx); of
    the branch that lived: answered_ns, acked, waited_ns and exhausted (:mod:`~analyzer.sip.acknowledgement`), lived_ns
    (the latest request that was accepted in it), branch_leg, refreshed_ns and interval (RFC 4028); of its BYE: bye_row,
    bye_ns, bye_leg, by_refresher, cleared (by the network, :mod:`~analyzer.sip.release`) and gone (what it ended was
    gone, :func:`~analyzer.sip.in_dialog.cleared_away`); of its dialog, where that ended: end_reason; taken (the sign
    for which another call took its place, :mod:`~analyzer.sip.relations`).
    """
    bye, answered, interval = pl.col("bye_ns"), pl.col("answered_ns"), pl.col("interval")
    # In a one-way capture the response alone may tell of the BYE.
    by_bye = pl.col("bye_row").is_not_null() | (pl.col("end_reason") == "bye").fill_null(value=False)
    # The called side waits for the ACK, and ends the session when it has waited for 64*T1 (RFC 3261 §13.3.1.4). While
    # its 2xx still goes on no ACK has come, whatever T1 is and whoever hangs up.
    of_called = (pl.col("bye_leg") != pl.col("branch_leg")).fill_null(value=False)
    since = bye - answered
    gave_up = of_called & since.is_between(TIMER_64T1 - _TIMER_ROOM, TIMER_64T1 + _TIMER_ROOM)
    # A 2xx that is not sent again when T1 is over has its ACK, though the capture may not.
    waiting = (gave_up | (since <= _T1)).fill_null(value=False)
    went_on = (bye <= pl.col("waited_ns") + _TIMER_JITTER).fill_null(value=False)
    lived = (pl.col("lived_ns") > answered).fill_null(value=False)
    # The capture may end while the last copies are sent: no other was to come.
    until = pl.max_horizontal(pl.lit(end), "waited_ns")
    # Where copies stopped before 64*T1 were over, the ACK stopped them.
    to_the_end = pl.col("waited_ns").is_null() | pl.col("exhausted").fill_null(value=False)
    silent = ~by_bye & (until - answered >= TIMER_64T1) & ~lived & to_the_end
    unacked = went_on | (~pl.col("acked") & ((waiting & ~lived) | silent))
    # The side that does not refresh sends BYE min(32 s, interval / 3) before the session expires (RFC 4028 §10); a BYE
    # of the other side before then is its user's, and so is one long after, for then nobody minded the timer.
    grace = pl.min_horizontal(pl.lit(32 * SECOND), interval // 3)
    grace = pl.when(pl.col("by_refresher").fill_null(value=False)).then(0).otherwise(grace)
    lapsed = (bye - pl.col("refreshed_ns")).is_between(interval - grace - _TIMER_JITTER, interval + TIMER_64T1)
    detail = first_of(
        [
            (unacked, "no_ack"),
            # Before the cause in the BYE: what is left of a session that moved is cleared away, often by the network.
            (pl.col("taken") == "refer", "transferred"),
            (pl.col("taken").is_not_null(), "replaced"),
            (~by_bye & (pl.col("end_reason") == "expired") & interval.is_null(), "expired"),
            (lapsed | (~by_bye & (pl.col("end_reason") == "expired")), "timer_expiry"),
            (pl.col("cleared") | pl.col("gone") | (~by_bye & (pl.col("end_reason") == "timeout")), "dropped"),
            (pl.col("crossed"), "cancel_race"),
            (by_bye, "normal"),
            (pl.col("joined") & (pl.col("final") >= 300), "rejected"),
        ],
        "active",
    )
    return pl.when("joined").then(pl.lit("joined")).otherwise(pl.lit("answered")), detail


def of_unanswered(end: int) -> tuple[pl.Expr, pl.Expr]:
    """``outcome`` and ``outcome_detail`` of attempts without a 2xx.

    ``end`` is the time of the last packet in ns. Columns read: final, final_ns, q850, stale and ims_body (of the last
    final), rang (any 18x), ring_ns, media_ns, provisional_ns (last 1xx), credentials (in the last INVITE), cancel_ns,
    elsewhere (CANCEL at the reference hop), cancelled (CANCEL on any hop), at_caller (the reference hop is the caller's
    own), taken (another took its place), fate (outcome of the last INVITE's transaction), acked (an ACK to a 2xx was
    seen), bye_ns (of a BYE on the early dialog, with which a caller may give up, too: RFC 3261 §15), still_ringing
    (another has none), first_final (the refusal that nodes on the way passed on), unreached (a node could not open the
    connection to the next hop, :mod:`~analyzer.sip.next_hops`).
    """
    by_bye = (pl.col("provisional_ns") < pl.col("bye_ns")) & ~pl.col("still_ringing")
    given_up_ns = pl.coalesce("cancel_ns", pl.when(by_bye).then("bye_ns"))
    final, since_final, since_cancel = pl.col("final"), end - pl.col("final_ns"), end - given_up_ns
    taken = pl.col("taken").is_not_null()
    elsewhere = pl.col("elsewhere") | taken
    by_whom = pl.when(pl.col("taken") == "replaces").then(pl.lit("picked_up")).when(taken).then(pl.lit("replaced"))
    alerted = pl.min_horizontal("ring_ns", "media_ns")
    ring_state = pl.when(alerted.is_not_null()).then(pl.lit("while_ringing")).otherwise(pl.lit("before_ringing"))
    rung_out = pl.col("final_ns") - alerted >= NETWORK_NO_REPLY
    challenged = final.is_in([401, 407])
    stopped = pl.col("unreached") & ~pl.col("rang")
    # Of a transaction that waits although its timer has run out, a final may be one that was cut.
    timer_c = (end - pl.col("provisional_ns") >= TIMER_C) & pl.col("fate").ne_missing("pending")
    # The ACK to a 2xx is asked first: what is left is an ACK to a refusal (RFC 3261 §17.1.1.3).
    acknowledged = (pl.col("fate") == "completed").fill_null(value=False)
    table = {status: text for status, (text, _) in BY_STATUS.items()}
    words = {status: word for status, (_, word) in BY_STATUS.items() if word}
    first, told = pl.col("first_final"), [status for status in BY_STATUS if status not in (480, 487)]

    rules: list[tuple[pl.Expr, pl.Expr | str, pl.Expr | str | None]] = [
        ((final == 380) & pl.col("ims_body"), "redirected", "emergency"),
        (final.is_between(300, 399), "redirected", None),
        ((final == 487) & elsewhere, "answered_elsewhere", by_whom),
        ((final == 487) & _cancelled_by_network() & rung_out, "no_answer", "network_timer"),
        # A B2BUA made 487 of what it got (`first_final`), or the INVITE expired (§13.3.1): nobody cancelled it.
        (
            (final == 487) & _not_cancelled() & first.is_in(told),
            first.replace_strict(table, default=None),
            first.replace_strict(words, default=None),
        ),
        ((final == 487) & _not_cancelled() & (alerted.is_not_null()), "no_answer", None),
        ((final == 487) & _not_cancelled(), "client_error", None),
        (final == 487, "cancelled", ring_state),
        ((final >= 400) & (pl.col("q850") == 17), "busy", None),
        (final.is_in(OF_A_FAILED_HOP) & stopped, "unreachable", "transport_error"),
        # What the far end says of itself goes before what its ringing lets one guess: announcements come with 183, too.
        ((final == 480) & (pl.col("q850") == 21), "rejected", "declined"),
        ((final == 480) & pl.col("q850").is_in([20, 27]), "unreachable", "not_registered"),
        ((final == 480) & (pl.col("q850").is_in([18, 19]) | pl.col("rang")), "no_answer", None),
        ((final == 408) & pl.col("rang"), "no_answer", None),
        ((final == 403) & pl.col("credentials") & ~pl.col("rang"), "auth_failed", "forbidden"),
        ((final == 503) & pl.col("q850").is_in([3, 20, 27]), "unreachable", "no_route"),
        (challenged & (since_final < RETRY_AT_ONCE), "unfinished", "challenged"),
        (challenged & pl.col("credentials") & ~pl.col("stale"), "auth_failed", "credentials_rejected"),
        (
            final.is_in(list(table)),
            final.replace_strict(table, default=None),
            final.replace_strict(words, default=None),
        ),
        ((final >= 500) | (final == 408), "server_failure", None),
        (final >= 400, "client_error", None),
        (pl.col("acked"), "answered", "final_unseen"),
        (acknowledged & given_up_ns.is_not_null() & elsewhere, "answered_elsewhere", by_whom),
        (acknowledged & given_up_ns.is_not_null(), "cancelled", ring_state),
        (acknowledged, "rejected", "final_unseen"),
        (pl.col("fate") == "transport_error", "unreachable", "transport_error"),
        # Without a 487 within 64*T1 of the CANCEL the caller takes the INVITE for cancelled (RFC 3261 §9.1).
        ((since_cancel >= TIMER_64T1) & elsewhere, "answered_elsewhere", by_whom),
        (since_cancel >= TIMER_64T1, "cancelled", ring_state),
        (given_up_ns.is_not_null(), "unfinished", "cancelling"),
        (stopped & (pl.col("fate") == "timeout"), "unreachable", "transport_error"),
        (stopped & timer_c, "unreachable", "transport_error"),
        (pl.col("fate") == "timeout", "timeout", "no_response"),
        (timer_c, "timeout", "no_final"),
        (alerted.is_not_null(), "unfinished", "ringing"),
        (pl.col("provisional_ns").is_not_null(), "unfinished", "progressing"),
    ]
    outcome = first_of([(when, text) for when, text, _ in rules], "unfinished")
    detail = first_of([(when, word) for when, _, word in rules], "waiting")
    return outcome, detail


def released_by(answered: pl.Expr) -> pl.Expr:
    """``released_by``, from ``outcome`` and ``outcome_detail`` and what they were made of; ``answered``: with a 2xx.

    Columns read besides: bye_row, bye_leg, branch_leg, leg, given_up (the Reason of the CANCEL is no user's),
    turned_away (another branch than the cancelled one was refused, and that decided), first_final, and the ``ended_by``
    of its dialog as a side of the call.
    """
    outcome, final = pl.col("outcome"), pl.col("final")
    without_dialog = pl.when("cleared").then(pl.lit("network")).otherwise(_hung_up())
    by_bye = pl.coalesce("ended_by", pl.when(pl.col("bye_row").is_not_null()).then(without_dialog))
    rejected = pl.col("joined") & (final >= 300) & pl.col("bye_row").is_null()
    refused_by = first_of(
        [
            ((final == 487) & pl.col("given_up"), "network"),
            ((final == 487) & pl.col("cancel_ns").is_not_null(), "caller"),
            (of_the_callee(final, reached=False), "callee"),
        ],
        "unknown",
    )
    of_answered = pl.when(rejected).then(refused_by).otherwise(by_bye)
    return first_of(
        [
            (answered, of_answered),
            (outcome == "unfinished", None),
            (outcome == "answered", by_bye),
            (pl.col("outcome_detail") == "transport_error", "network"),
            # A node on the way cancelled what nobody had refused, and chose the status itself.
            (
                _cancelled_by_network()
                & ~pl.col("turned_away")
                & (outcome.is_in(["cancelled", "no_answer"]) | (final >= 300)),
                "network",
            ),
            ((outcome == "cancelled") & pl.col("given_up"), "network"),
            ((outcome == "cancelled") & pl.col("cancel_ns").is_not_null(), "caller"),
            ((outcome == "cancelled") & pl.col("cancel_ns").is_null() & pl.col("bye_row").is_not_null(), by_bye),
            (outcome == "answered_elsewhere", "network"),
            (of_the_callee(final, reached=outcome.is_in(["busy", "rejected", "no_answer"])), "callee"),
            # A node on the way told the caller of it by another status.
            (of_the_callee(pl.col("first_final"), reached=False), "callee"),
        ],
        "unknown",
    )


def _cancelled_by_network() -> pl.Expr:
    """Whether a CANCEL was seen on other hops only, where the capture would have shown the caller's own.

    A B2BUA makes one, too, of a BYE on the early dialog (RFC 3261 §15).
    """
    given_up = pl.col("cancel_ns").is_not_null() | (pl.col("bye_ns").is_not_null() & ~pl.col("still_ringing"))
    return pl.col("cancelled") & pl.col("at_caller") & ~given_up


def _not_cancelled() -> pl.Expr:
    """Whether no CANCEL was seen though the capture has the caller's own hop, and no BYE (RFC 3261 §15) either."""
    return ~pl.col("cancelled") & pl.col("at_caller") & pl.col("bye_ns").is_null()


def _hung_up() -> pl.Expr:
    """The side whose tag the BYE has as From tag; unknown where it is not known who called, null without a BYE."""
    side = release.party(pl.col("bye_leg") == pl.coalesce("branch_leg", "leg"))
    return pl.when(pl.col("bye_row").is_not_null()).then(side)
