"""How call attempts end, and who ended them (RFC 3261, RFC 6076), worked by hand."""

from __future__ import annotations

import pytest

from analyzer.sip.dialogs import dialogs
from analyzer.sip.transactions import transactions
from tests.sip import frames
from tests.sip.call_rows import ANSWERED, BASIC, INVITE, RINGING, call, ending, facts


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, ("redirected", None)),
        (400, ("client_error", None)),
        (403, ("rejected", "forbidden")),
        (404, ("unreachable", "not_found")),
        (405, ("client_error", None)),
        (406, ("negotiation_failed", None)),
        (407, ("auth_failed", "not_retried")),
        (408, ("server_failure", None)),
        (410, ("unreachable", "gone")),
        (415, ("negotiation_failed", None)),
        (420, ("client_error", None)),
        (433, ("rejected", "anonymity_disallowed")),
        (480, ("unreachable", "not_registered")),
        (482, ("client_error", None)),
        (484, ("unreachable", "bad_number")),
        (486, ("busy", None)),
        (488, ("negotiation_failed", None)),
        (500, ("server_failure", None)),
        (502, ("unreachable", "bad_gateway")),
        (503, ("server_failure", None)),
        (580, ("negotiation_failed", None)),
        (600, ("busy", None)),
        (603, ("rejected", "declined")),
        (604, ("unreachable", "not_found")),
        (606, ("negotiation_failed", None)),
        (607, ("rejected", "unwanted")),
        (608, ("rejected", "screened")),
        (699, ("server_failure", None)),
    ],
)
def test_a_final_at_once(status: int, expected: tuple[str, str | None]) -> None:
    row = call(INVITE + f"P -> UAC {status} INVITE to_tag=y @0.2\n")
    assert facts(row, "outcome", "outcome_detail", "status", "ended_at") == (*expected, status, 0.2)


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("480 INVITE to_tag=y", ("no_answer", None)),
        ("480 INVITE to_tag=y _q850=20", ("unreachable", "not_registered")),
        ("480 INVITE to_tag=y _q850=21", ("rejected", "declined")),
        ("408 INVITE to_tag=y", ("no_answer", None)),
        ("403 INVITE to_tag=y", ("rejected", "forbidden")),
        ("486 INVITE to_tag=y", ("busy", None)),
        ("487 INVITE to_tag=y", ("no_answer", None)),
    ],
)
def test_a_final_after_ringing(final: str, expected: tuple[str, str | None]) -> None:
    assert facts(call(RINGING + f"P -> UAC {final} @20\n"), "outcome", "outcome_detail") == expected


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("480 INVITE to_tag=y _q850=19", ("no_answer", None)),
        ("480 INVITE to_tag=y _q850=21", ("rejected", "declined")),
        ("500 INVITE to_tag=y _q850=17", ("busy", None)),
        ("503 INVITE to_tag=y _q850=3", ("unreachable", "no_route")),
        ("380 INVITE to_tag=y content_type=application/3gpp-ims+xml", ("redirected", "emergency")),
    ],
)
def test_other_signs_in_a_final(final: str, expected: tuple[str, str | None]) -> None:
    assert facts(call(INVITE + f"P -> UAC {final} @1\n"), "outcome", "outcome_detail") == expected


def test_the_reason_of_a_final_is_given() -> None:
    row = call(INVITE + "P -> UAC 503 INVITE to_tag=y reason_header='Q.850;cause=3' _q850=3 @1\n")
    assert facts(row, "reason_phrase", "reason_header") == ("Service Unavailable", "Q.850;cause=3")


CREDENTIALS = """
UAC -> P  INVITE cseq=1                               @0.0
P -> UAC  407 INVITE cseq=1 to_tag=p challenge        @0.1
UAC -> P  INVITE cseq=2 credentials                   @0.2
"""


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("407 INVITE cseq=2 to_tag=q challenge", ("auth_failed", "credentials_rejected")),
        ("407 INVITE cseq=2 to_tag=q challenge stale", ("auth_failed", "not_retried")),
        ("403 INVITE cseq=2 to_tag=q", ("auth_failed", "forbidden")),
        ("404 INVITE cseq=2 to_tag=q", ("unreachable", "not_found")),
    ],
)
def test_a_final_after_credentials(final: str, expected: tuple[str, str | None]) -> None:
    assert facts(call(CREDENTIALS + f"P -> UAC {final} @0.3\n"), "outcome", "outcome_detail") == expected


def test_credentials_not_yet_judged_are_unfinished() -> None:
    assert ending(call(CREDENTIALS, end=1.0)) == ("unfinished", "waiting", None, None)


def test_a_challenge_as_the_capture_ends_is_unfinished() -> None:
    assert ending(call(INVITE + "P -> UAC 407 INVITE to_tag=y @1\n", end=1.5))[:2] == ("unfinished", "challenged")


@pytest.mark.parametrize(("before", "expected"), [(INVITE, "before_ringing"), (RINGING, "while_ringing")])
def test_a_cancelled_call(before: str, expected: str) -> None:
    row = call(before + "UAC -> P CANCEL reason_header='Q.850;cause=16' @8\nP -> UAC 487 INVITE to_tag=y @8.1\n")
    assert ending(row) == ("cancelled", expected, 487, "caller")
    assert facts(row, "ended_at", "reason_header") == (8.1, "Q.850;cause=16")


def test_a_cancel_answered_by_silence_is_cancelled_after_64_t1() -> None:
    text = RINGING + "UAC -> P CANCEL @8\n"
    assert [call(text, end=end)["outcome"] for end in (39.9, 40.0)] == ["unfinished", "cancelled"]


def test_a_487_that_the_caller_did_not_ask_for_is_no_cancel() -> None:
    """The INVITE expired (RFC 3261 §13.3.1), or a node behind gave up: the caller's own hop shows no CANCEL."""
    assert ending(call(RINGING + "P -> UAC 487 INVITE to_tag=y @8.1\n")) == ("no_answer", None, 487, "unknown")


def test_a_487_at_once_that_nobody_asked_for_is_no_cancel() -> None:
    """An exchange makes 487 of a redirection that it does not follow."""
    ended = call("UAC -> P INVITE @0\nP -> UAC 100 INVITE @0.01\nP -> UAC 487 INVITE to_tag=y @0.1\n")
    assert ending(ended) == ("client_error", None, 487, "unknown")


NETWORK_CANCEL = """
UAC -> P  INVITE branch=a                  @0
P -> UAS  INVITE branch=b,a                @0.1
UAS -> P  180 INVITE branch=b,a to_tag=y   @1
P -> UAC  180 INVITE branch=a to_tag=y     @1
P -> UAS  CANCEL branch=b                  @{0}
UAS -> P  487 INVITE branch=b,a to_tag=y   @{0}
P -> UAC  487 INVITE branch=a to_tag=y     @{0}
"""


def test_the_networks_own_no_reply_timer() -> None:
    assert ending(call(NETWORK_CANCEL.format(26))) == ("no_answer", "network_timer", 487, "network")


def test_the_network_gives_up_early() -> None:
    assert ending(call(NETWORK_CANCEL.format(20))) == ("cancelled", "while_ringing", 487, "network")


@pytest.mark.parametrize("reason", ["_sip_cause=200", "_q850=26", "_sip_cause=200 _q850=26"])
def test_a_fork_that_lost_was_answered_elsewhere(reason: str) -> None:
    """RFC 3326 §3.1; Q.850 cause 26, non-selected user clearing: another user was awarded the call."""
    row = call(RINGING + f"UAC -> P CANCEL {reason} @8\nP -> UAC 487 INVITE to_tag=y @8.1\n")
    assert ending(row) == ("answered_elsewhere", None, 487, "network")


def test_a_call_still_up_at_the_end() -> None:
    row = call(ANSWERED)
    assert ending(row) == ("answered", "active", 200, None)
    assert facts(row, "ended_at", "talk_s") == (None, None)


def test_an_answer_never_acknowledged() -> None:
    row = call(RINGING + "P -> UAC 200 INVITE to_tag=y @5\nP -> UAC BYE from_tag=y to_tag=x branch=m @37\n")
    assert ending(row)[:2] == ("answered", "no_ack")


def test_an_answer_just_before_the_end_has_time_for_its_ack() -> None:
    assert call(RINGING + "P -> UAC 200 INVITE to_tag=y @5\n", end=6)["outcome_detail"] == "active"


def test_a_cancel_that_crossed_the_answer() -> None:
    row = call(
        RINGING
        + """
    UAC -> P  CANCEL                        @4.9
    P -> UAC  200 INVITE to_tag=y           @5
    UAC -> P  ACK branch=k to_tag=y         @5.1
    UAC -> P  BYE branch=m to_tag=y cseq=2  @5.2
    """
    )
    assert ending(row) == ("answered", "cancel_race", 200, "caller")


def test_the_dropped_call_of_a_proxy_that_sends_bye() -> None:
    row = call("""
    UAC -> P  INVITE branch=a                             @0
    P -> Q    INVITE branch=b,a                           @0.1
    Q -> UAS  INVITE branch=c,b,a                         @0.2
    P -> UAC  200 INVITE branch=a to_tag=y                @1
    UAC -> P  ACK branch=k to_tag=y                       @1.1
    P -> UAC  BYE branch=m from_tag=y to_tag=x            @9
    P -> Q    BYE branch=n from_tag=x to_tag=y cseq=2     @9
    """)
    assert ending(row) == ("answered", "dropped", 200, "network")


def test_a_bye_that_a_proxy_forwards_is_not_the_proxys() -> None:
    assert call(BASIC)["released_by"] == "callee"


@pytest.mark.parametrize(
    "reason",
    [
        "_sip_cause=503 reason_header=SIP;cause=503",
        "_q850=41 reason_header=Q.850;cause=41",
        "_release_cause=3",
        "_failure_cause=1",
        # RFC 4411 §5: for a call of higher priority.
        'reason_header="preemption;cause=1"',
        "'reason_header=Q.850;cause=16;text=\"a, b\", Preemption ;cause=5'",
    ],
)
def test_a_reason_that_no_user_gives(reason: str) -> None:
    row = call(ANSWERED + f"P -> UAC BYE from_tag=y to_tag=x branch=m {reason} @9\n")
    assert facts(row, "outcome_detail", "released_by") == ("dropped", "network")


@pytest.mark.parametrize(
    "reason",
    ["_q850=16", "_q850=31", "_release_cause=1", "'reason_header=SIP;cause=200;text=\"no, preemption;\"'"],
)
def test_a_reason_that_users_give(reason: str) -> None:
    row = call(ANSWERED + f"P -> UAC BYE from_tag=y to_tag=x branch=m {reason} @9\n")
    assert facts(row, "outcome_detail", "released_by") == ("normal", "callee")


@pytest.mark.parametrize(("at", "expected"), [(5 + 90 - 30, "timer_expiry"), (5 + 90 - 32, "normal")])
def test_a_session_that_was_not_refreshed(at: float, expected: str) -> None:
    row = call(
        RINGING
        + f"""
    P -> UAC  200 INVITE to_tag=y session_expires=90  @5
    UAC -> P  ACK branch=k to_tag=y                   @5.1
    UAC -> P  BYE branch=m to_tag=y cseq=2            @{at}
    """
    )
    assert row["outcome_detail"] == expected


def test_a_dialog_that_the_other_side_has_forgotten() -> None:
    row = call(
        ANSWERED + "UAC -> P UPDATE branch=u to_tag=y cseq=2 @20\nP -> UAC 481 UPDATE branch=u to_tag=y cseq=2 @21\n"
    )
    assert facts(row, "outcome_detail", "ended_at", "talk_s") == ("dropped", 21.0, None)


def test_a_session_that_lapsed_without_bye() -> None:
    row = call(RINGING + "P -> UAC 200 INVITE to_tag=y session_expires=90 @5\nUAC -> P ACK branch=k to_tag=y @5.1\n")
    assert facts(row, "outcome_detail", "ended_at", "talk_s") == ("timer_expiry", 95.0, None)


def test_a_call_silent_for_a_day_is_closed() -> None:
    assert call(ANSWERED, end=90000)["outcome_detail"] == "expired"


def test_a_peer_without_tags() -> None:
    row = call("""
    UAC -> P  INVITE                @0
    P -> UAC  200 INVITE            @1
    UAC -> P  ACK branch=k          @1.1
    UAC -> P  BYE branch=m cseq=2   @9
    """)
    assert facts(row, "outcome_detail", "talk_s", "released_by") == ("normal", 8.0, "caller")


def test_a_one_way_capture_shows_that_it_was_answered() -> None:
    row = call(INVITE + "UAC -> P ACK branch=k to_tag=y @3\nUAC -> P BYE branch=m to_tag=y cseq=2 @9\n")
    assert ending(row) == ("answered", "final_unseen", None, "caller")
    assert facts(row, "answered_at", "setup_s", "ended_at") == (None, None, 9.0)


def test_no_response_within_timer_b() -> None:
    assert ending(call(INVITE, end=33)) == ("timeout", "no_response", None, "unknown")


def test_no_response_yet() -> None:
    assert ending(call(INVITE, end=31)) == ("unfinished", "waiting", None, None)


def test_no_final_within_timer_c() -> None:
    assert ending(call(RINGING, end=182)) == ("timeout", "no_final", None, "unknown")


def test_still_ringing() -> None:
    assert ending(call(RINGING, end=100)) == ("unfinished", "ringing", None, None)


def test_a_transport_error() -> None:
    row = call(INVITE, failed="UAC -> P icmp_unreachable @0.01", end=1)
    assert ending(row) == ("unreachable", "transport_error", None, "network")


@pytest.mark.parametrize(
    ("cause", "detail", "released_by"),
    [
        *((cause, "dropped", "network") for cause in (300, 408, 488, 500, 503, 600)),
        (200, "normal", "caller"),
    ],
)
def test_a_bye_with_the_cause_of_a_failure_is_no_users(cause: int, detail: str, released_by: str) -> None:
    row = call(ANSWERED + f"UAC -> P BYE branch=m cseq=2 to_tag=y _sip_cause={cause} @9\n")
    assert facts(row, "outcome_detail", "released_by") == (detail, released_by)


@pytest.mark.parametrize(
    ("reason", "released_by"),
    [
        ("_sip_cause=408", "network"), ("_sip_cause=500", "network"), ("_q850=41", "network"), ("_q850=102", "network"),
        ("_q850=16", "caller"), ("_q850=19", "caller"), ("_q850=31", "caller"), ("", "caller"),
    ],
)  # fmt: skip
def test_a_cancel_with_the_cause_of_a_failure_is_no_users(reason: str, released_by: str) -> None:
    row = call(RINGING + f"UAC -> P CANCEL {reason} @6\nP -> UAC 487 INVITE to_tag=y @6.1\n")
    assert ending(row) == ("cancelled", "while_ringing", 487, released_by)


OTHER_BRANCH = """
    UAC -> P  INVITE branch=a                  @0
    P -> UAC  180 INVITE branch=a to_tag=y     @1
    UAC -> P  CANCEL branch=w                  @6
    P -> UAC  {answer} CANCEL branch=w to_tag=s     @6.1
    P -> UAC  {final} INVITE branch=a to_tag=y @{at}
    UAC -> P  ACK branch=a to_tag=y            @61
"""


def test_a_cancel_of_another_branch_that_its_server_took_is_the_callers() -> None:
    row = call(OTHER_BRANCH.format(answer=200, final=487, at=6.2))
    assert ending(row) == ("cancelled", "while_ringing", 487, "caller")


def test_a_cancel_of_another_branch_that_matched_nothing_is_not_the_networks() -> None:
    row = call(OTHER_BRANCH.format(answer=481, final=480, at=60))
    assert ending(row) == ("no_answer", None, 480, "callee")


def test_dialogs_agree_on_who_cancelled_with_another_branch() -> None:
    messages = frames.messages(OTHER_BRANCH.format(answer=200, final=487, at=6.2))
    table = dialogs(messages, transactions(messages, frames.failures(), end=None), end=frames.at(99))
    assert table.select("end_reason", "ended_by").rows() == [("cancelled", "local")]


def test_a_cancel_between_other_nodes_is_not_the_callers() -> None:
    """The caller's hop was captured, and nothing was cancelled there."""
    row = call("""
    UAC -> P  INVITE branch=a                  @0
    P -> UAS  INVITE branch=b,a                @0.1
    UAS -> P  180 INVITE branch=b,a to_tag=y   @1
    P -> UAC  180 INVITE branch=a to_tag=y     @1.1
    P -> UAS  CANCEL branch=w                  @6
    UAS -> P  487 INVITE branch=b,a to_tag=y   @6.1
    P -> UAC  487 INVITE branch=a to_tag=y     @6.2
    """)
    assert ending(row) == ("cancelled", "while_ringing", 487, "network")
