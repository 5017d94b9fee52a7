"""Call attempts: what makes one, and where it is measured (RFC 3261, RFC 6076), worked by hand."""

from __future__ import annotations

import captures
import polars as pl
import pytest
from places import shared

from analyzer import schema
from analyzer.sip.dialogs import dialogs
from analyzer.sip.transactions import transactions
from tests.sip import frames
from tests.sip.call_rows import BASIC, INVITE, attempts_of, call, calls, ending, facts, read

# -- the table ---------------------------------------------------------------------------------------------------------


# What is agreed, held and heard comes from other stages.
OF_OTHERS = {"hold_s", "codecs", "media", "loss", "mos"}
EXPECTED = {name: kind for name, kind in schema.CALLS.polars().items() if name not in OF_OTHERS}


def test_the_columns_are_those_of_the_schema() -> None:
    assert dict(read(BASIC).calls.schema) == EXPECTED


@pytest.mark.parametrize("dialogue", ["", "A -> B OPTIONS @0", "A -> B REGISTER @0"])
def test_no_call_no_row(dialogue: str) -> None:
    assert dict(read(dialogue).calls.schema) == EXPECTED
    assert calls(dialogue) == []


def test_a_capture_without_any_time_has_calls_without_times() -> None:
    messages = frames.messages("UAC -> P INVITE @-\nP -> UAC 200 INVITE to_tag=y @-")
    (row,) = attempts_of(messages, "", None).calls.to_dicts()
    assert facts(row, "outcome", "started_at", "setup_s") == ("answered", None, None)


def test_a_call_over_two_hops_is_one_row() -> None:
    row = call(BASIC)
    assert facts(row, "call", "no", "reference", "legs", "hops", "call_ids") == (1, 1, 1, 1, 2, ["call"])


def test_times_are_those_of_the_hop_with_the_fewest_vias() -> None:
    row = call(BASIC)
    names = (
        "started_at",
        "ringing_at",
        "answered_at",
        "ended_at",
        "srd_s",
        "pdd_s",
        "alert_s",
        "setup_s",
        "ring_s",
        "talk_s",
    )
    assert facts(row, *names) == (0.0, 0.51, 3.51, 63.53, 0.51, 0.51, 0.51, 3.51, 3.0, 60.02)


def test_an_answered_call_that_the_callee_ended() -> None:
    assert ending(call(BASIC)) == ("answered", "normal", 200, "callee")


def test_calls_are_numbered_by_start() -> None:
    rows = calls("UAC -> P INVITE call_id=b @0\nUAC -> P INVITE call_id=a @1")
    assert [facts(row, "no", "call_ids") for row in rows] == [(1, ["b"]), (2, ["a"])]


def test_the_key_is_the_lower_of_two_messages_at_one_time() -> None:
    messages = frames.messages("UAC -> P INVITE branch=a @0\nP -> UAS INVITE branch=b,a @0")
    messages = messages.with_columns(message=pl.Series([9, 4]))
    assert attempts_of(messages, "", frames.at(1)).calls["call"].to_list() == [4]


def test_delays_run_from_the_first_byte_of_the_invite_to_the_last_of_the_response() -> None:
    row = call("UAC -> P INVITE @0.0..0.2\nP -> UAC 180 INVITE to_tag=y @0.9..1.0")
    assert facts(row, "started_at", "alert_s") == (0.0, 1.0)


def test_retransmissions_count_on_all_hops() -> None:
    row = call("""
    UAC -> P    INVITE branch=a                @0.0
    UAC -> P    INVITE branch=a                @0.5
    P   -> UAS  INVITE branch=b,a              @0.6
    P   -> UAS  INVITE branch=b,a              @1.1
    P   -> UAS  INVITE branch=b,a original=4   @1.2
    """)
    assert row["retransmissions"] == 2


def test_duplicates_count_nowhere() -> None:
    row = call("""
    UAC -> P    INVITE branch=a                      @0.0
    UAC -> Q    INVITE branch=a original=1           @0.1
    P   -> UAC  180 INVITE branch=a to_tag=y         @1.0
    """)
    assert facts(row, "hops", "retransmissions") == (1, 0)


# -- who ---------------------------------------------------------------------------------------------------------------


def test_the_caller_is_who_the_network_asserts() -> None:
    row = call("""
    UAC -> P  INVITE branch=a from_uri=sip:anonymous@anonymous.invalid preferred_identity=sip:al@x @0
    P -> UAS  INVITE branch=b,a from_uri=sip:anonymous@anonymous.invalid asserted_identity=tel:+49301 @0.1
    """)
    assert row["caller"] == "49301"


def test_the_caller_is_whom_the_user_agent_prefers() -> None:
    assert call("UAC -> P INVITE preferred_identity=sip:al@x @0")["caller"] == "al@x"


def test_the_caller_is_from() -> None:
    assert call("UAC -> P INVITE from_uri=sip:al@X.org:5070 @0")["caller"] == "al@x.org"


def test_the_callee_is_the_first_request_uri() -> None:
    row = call("""
    UAC -> P INVITE branch=a   request_uri=tel:+49-30-1 to_uri=sip:other@x @0
    P -> UAS INVITE branch=b,a request_uri=sip:bob@192.0.2.1               @0.1
    """)
    assert facts(row, "callee", "request_uri") == ("49301", "tel:+49-30-1")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("urn:service:sos", True),
        ("URN:service:sos.police", True),
        ("urn:service:test.sos", False),
        ("sip:sos@x", False),
    ],
)
def test_emergency(uri: str, expected: bool) -> None:
    assert call(f"UAC -> P INVITE request_uri={uri} @0")["emergency"] is expected


def test_icid_is_that_of_the_first_invite_that_has_one() -> None:
    assert call("UAC -> P INVITE branch=a @0\nP -> UAS INVITE branch=b,a icid=i @0.1")["icid"] == "i"


# -- what is one attempt -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 401, 406, 407, 408, 415, 420, 421, 422, 488, 491, 494, 503])
def test_a_retry_continues_the_attempt(status: int) -> None:
    row = call(
        f"""
    UAC -> P  INVITE cseq=1           @0.0
    P -> UAC  {status} INVITE cseq=1 to_tag=p  @0.1
    UAC -> P  ACK cseq=1 to_tag=p     @0.11
    UAC -> P  INVITE cseq=2           @0.2
    P -> UAC  180 INVITE cseq=2 to_tag=y       @1.0
    """,
        end=9,
    )
    assert facts(row, "outcome", "started_at", "alert_s") == ("unfinished", 0.0, 1.0)


@pytest.mark.parametrize("status", [404, 486, 480, 603, 500])
def test_after_another_final_a_new_invite_is_a_new_attempt(status: int) -> None:
    rows = calls(f"""
    UAC -> P  INVITE cseq=1             @0.0
    P -> UAC  {status} INVITE cseq=1 to_tag=p  @0.1
    UAC -> P  ACK cseq=1 to_tag=p       @0.2
    UAC -> P  INVITE cseq=2             @9.0
    P -> UAC  486 INVITE cseq=2 to_tag=q  @9.1
    """)
    assert [facts(row, "call", "status", "call_ids") for row in rows] == [(1, status, ["call"]), (4, 486, ["call"])]


REFUSED_THEN_ANSWERED = """
    UAC -> P  INVITE cseq=1             @0.0
    P -> UAC  {status} INVITE cseq=1 to_tag=p  @5.0
    UAC -> P  ACK cseq=1 to_tag=p       @5.01
    UAC -> P  INVITE cseq={cseq} branch=n {more} @{at}
    P -> UAC  200 INVITE cseq={cseq} branch=n {more} to_tag=q  @9.0
"""


@pytest.mark.parametrize("status", [403, 404, 480, 486, 487, 500, 502, 600, 603])
def test_a_retry_that_was_sent_at_once_continues_the_attempt_after_any_refusal(status: int) -> None:
    row = call(REFUSED_THEN_ANSWERED.format(status=status, cseq=2, more="", at=5.1))
    assert facts(row, "outcome", "setup_s", "started_at") == ("answered", 9.0, 0.0)


@pytest.mark.parametrize(
    ("cseq", "more", "at"),
    [
        pytest.param(2, "", 7.1, id="not at once"),
        pytest.param(2, "from_tag=z", 5.1, id="another From tag"),
    ],
)
def test_another_invite_after_a_refusal_is_a_new_attempt(cseq: int, more: str, at: float) -> None:
    rows = calls(REFUSED_THEN_ANSWERED.format(status=486, cseq=cseq, more=more, at=at))
    assert [row["outcome"] for row in rows] == ["busy", "answered"]


def test_the_contacts_of_a_redirection_are_tried_in_one_attempt() -> None:
    row = call("""
    UAC -> R   INVITE cseq=1                     @0.0
    R -> UAC   300 INVITE cseq=1 to_tag=r        @0.1
    UAC -> R   ACK cseq=1 to_tag=r               @0.11
    UAC -> S   INVITE cseq=2 request_uri=sip:c@x @0.2
    S -> UAC   503 INVITE cseq=2 to_tag=s        @0.3
    UAC -> S   ACK cseq=2 to_tag=s               @0.31
    UAC -> T   INVITE cseq=3 request_uri=sip:d@x @0.4
    T -> UAC   404 INVITE cseq=3 to_tag=t        @0.5
    UAC -> T   ACK cseq=3 to_tag=t               @0.51
    UAC -> U   INVITE cseq=4 request_uri=sip:e@x @0.6
    U -> UAC   200 INVITE cseq=4 to_tag=u        @0.9
    """)
    assert facts(row, "outcome", "callee", "setup_s", "hops") == ("answered", "b@example.com", 0.9, 4)


def test_an_invite_at_once_after_an_answered_call_is_a_new_attempt() -> None:
    rows = calls("""
    UAC -> P  INVITE cseq=1                     @0
    P -> UAC  200 INVITE cseq=1 to_tag=p        @1
    UAC -> P  ACK cseq=1 branch=k to_tag=p      @1.1
    UAC -> P  BYE cseq=2 branch=m to_tag=p      @5
    P -> UAC  200 BYE cseq=2 branch=m to_tag=p  @5.1
    UAC -> P  INVITE cseq=3 branch=n            @5.2
    P -> UAC  486 INVITE cseq=3 branch=n to_tag=q  @5.3
    """)
    assert [row["outcome"] for row in rows] == ["answered", "busy"]


def test_a_redirection_to_another_server_is_one_call_with_two_hops() -> None:
    row = call("""
    UAC -> R   INVITE cseq=1                     @0.0
    R -> UAC   302 INVITE cseq=1 to_tag=r        @0.1
    UAC -> R   ACK cseq=1 to_tag=r               @0.2
    UAC -> S   INVITE cseq=2 request_uri=sip:c@x @0.3
    S -> UAC   486 INVITE cseq=2 to_tag=s        @0.4
    """)
    assert facts(row, "outcome", "hops", "callee", "status") == ("busy", 2, "b@example.com", 486)


def test_failover_to_another_server_with_the_same_cseq() -> None:
    row = call("""
    UAC -> P  INVITE branch=a                 @0.0
    P -> UAC  503 INVITE branch=a to_tag=p    @0.1
    UAC -> P  ACK branch=a to_tag=p           @0.11
    UAC -> Q  INVITE branch=b                 @0.2
    Q -> UAC  200 INVITE branch=b to_tag=q    @1.0
    """)
    assert facts(row, "outcome", "status", "hops", "setup_s") == ("answered", 200, 2, 1.0)


def test_legs_of_a_back_to_back_user_agent_under_one_call_id() -> None:
    row = call("""
    UAC -> B    INVITE branch=a                             @0.00
    B -> UAS    INVITE branch=b from_tag=xx                 @0.01
    UAS -> B    180 INVITE branch=b from_tag=xx to_tag=yy   @0.50
    B -> UAC    180 INVITE branch=a to_tag=y                @0.51
    UAS -> B    486 INVITE branch=b from_tag=xx to_tag=yy   @2.00
    B -> UAC    486 INVITE branch=a to_tag=y                @2.01
    """)
    assert facts(row, "legs", "hops", "alert_s", "ended_at") == (2, 2, 0.51, 2.01)


def test_hunting_of_a_back_to_back_user_agent_is_not_a_new_attempt() -> None:
    row = call("""
    UAC -> B    INVITE branch=a                                     @0.00
    B -> S1     INVITE branch=b from_tag=xx cseq=101                @0.01
    S1 -> B     486 INVITE branch=b from_tag=xx to_tag=s1 cseq=101  @0.50
    B -> S2     INVITE branch=c from_tag=xy cseq=102                @0.60
    S2 -> B     200 INVITE branch=c from_tag=xy to_tag=s2 cseq=102  @2.00
    B -> UAC    200 INVITE branch=a to_tag=y                        @2.01
    """)
    assert facts(row, "legs", "outcome", "setup_s") == (3, "answered", 2.01)


NONCE = """
UAC -> P  INVITE call_id=one from_tag=x                              @0.0
P -> UAC  407 INVITE call_id=one from_tag=x to_tag=p challenge _nonce=7  @0.1
UAC -> P  ACK call_id=one from_tag=x to_tag=p                        @0.2
UAC -> P  INVITE call_id=two from_tag=xx credentials _nonce={nonce} {more}  @{at}
P -> UAC  200 INVITE call_id=two from_tag=xx to_tag=y cseq=1          @9.0
"""


def test_a_retry_under_another_call_id_is_joined_by_the_nonce() -> None:
    row = call(NONCE.format(nonce=7, more="", at=0.5))
    names = ("outcome", "call_ids", "legs", "started_at", "setup_s", "reference")
    assert facts(row, *names) == ("answered", ["one", "two"], 2, 0.0, 9.0, 1)


def test_its_messages_are_those_of_both_call_ids() -> None:
    text = NONCE.format(nonce=7, more="", at=0.5)
    assert read(text).of_messages(frames.messages(text)).to_list() == [1] * 5


@pytest.mark.parametrize(
    ("nonce", "more", "at"),
    [
        (8, "", 0.5),
        (7, "from_uri=sip:other@example.com", 0.5),
        (7, "request_uri=sip:other@example.com", 0.5),
        (7, "", 2.3),
    ],
    ids=["another nonce", "another caller", "another callee", "two seconds after the ACK"],
)
def test_two_call_ids_stay_two_calls(nonce: int, more: str, at: float) -> None:
    rows = calls(NONCE.format(nonce=nonce, more=more, at=at))
    assert [row["outcome"] for row in rows] == ["auth_failed", "answered"]


def test_a_retry_from_another_address_is_another_call() -> None:
    text = NONCE.format(nonce=7, more="", at=0.5).replace("UAC -> P  INVITE call_id=two", "UA2 -> P INVITE call_id=two")
    assert len(calls(text)) == 2


def test_two_challenges_answered_under_three_call_ids() -> None:
    row = call("""
    UAC -> P  INVITE call_id=a                                         @0.0
    P -> UAC  407 INVITE call_id=a to_tag=p _nonce=1                   @0.1
    UAC -> P  INVITE call_id=b credentials _nonce=1                    @0.2
    P -> UAC  407 INVITE call_id=b to_tag=p _nonce=2 stale             @0.3
    UAC -> P  INVITE call_id=c credentials _nonce=2                    @0.4
    P -> UAC  486 INVITE call_id=c to_tag=p                            @0.5
    """)
    assert facts(row, "call_ids", "outcome") == (["a", "b", "c"], "busy")


# -- ringing and early media -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("183 INVITE to_tag=y has_sdp", 1.0),
        ("183 INVITE to_tag=y has_sdp _qos", None),
        ("183 INVITE to_tag=y has_sdp _qos p_early_media=sendrecv", 1.0),
        ("183 INVITE to_tag=y has_sdp p_early_media=sendonly", 1.0),
        ("183 INVITE to_tag=y has_sdp p_early_media=inactive", None),
        ("183 INVITE to_tag=y has_sdp p_early_media=sendrecv,gated", None),
        ("183 INVITE to_tag=y has_sdp p_early_media=supported", 1.0),
        ("183 INVITE to_tag=y", None),
        ("199 INVITE to_tag=y has_sdp", None),
    ],
)
def test_early_media_is_18x_with_sdp_that_lets_media_flow(response: str, expected: float | None) -> None:
    assert facts(call(INVITE + f"P -> UAC {response} @1"), "early_media_at", "pdd_s") == (expected, expected)


def test_a_183_with_preconditions_is_a_response_but_no_ringing() -> None:
    row = call(INVITE + "P -> UAC 183 INVITE to_tag=y has_sdp _qos qos_pending @1\nP -> UAC 180 INVITE to_tag=y @4\n")
    assert facts(row, "srd_s", "pdd_s", "alert_s", "ringing_at") == (1.0, 4.0, 4.0, 4.0)


def test_100_is_no_answer_to_the_caller() -> None:
    assert call(INVITE + "P -> UAC 100 INVITE @0.1\n")["srd_s"] is None


def test_an_answer_without_ringing() -> None:
    row = call(INVITE + "P -> UAC 200 INVITE to_tag=y @2\n")
    assert facts(row, "srd_s", "pdd_s", "alert_s", "ring_s") == (2.0, 2.0, None, None)


# -- forks -------------------------------------------------------------------------------------------------------------


def test_the_branch_ended_at_once_by_the_caller_is_not_the_one_that_lived() -> None:
    row = call("""
    UAC -> P  INVITE branch=a               @0
    P -> UAC  200 INVITE branch=a to_tag=y  @2.0
    UAC -> P  ACK branch=k to_tag=y         @2.1
    P -> UAC  200 INVITE branch=a to_tag=z  @2.2
    UAC -> P  ACK branch=l to_tag=z         @2.3
    UAC -> P  BYE branch=m to_tag=y cseq=2  @2.4
    UAC -> P  BYE branch=n to_tag=z cseq=3  @62.2
    """)
    assert facts(row, "answered_at", "talk_s", "ended_at", "released_by") == (2.2, 60.0, 62.2, "caller")


def test_a_fork_still_talking_lives() -> None:
    row = call("""
    UAC -> P  INVITE branch=a               @0
    P -> UAC  200 INVITE branch=a to_tag=y  @2.0
    UAC -> P  ACK branch=k to_tag=y         @2.1
    P -> UAC  200 INVITE branch=a to_tag=z  @2.2
    UAC -> P  ACK branch=l to_tag=z         @2.3
    UAC -> P  BYE branch=n to_tag=z cseq=3  @2.4
    """)
    assert facts(row, "outcome_detail", "talk_s", "ended_at", "released_by") == ("active", None, None, None)


def test_a_cancelled_fork_does_not_cancel_the_call() -> None:
    row = call("""
    UAC -> P  INVITE branch=a                   @0
    P -> S1   INVITE branch=b,a                 @0.1
    P -> S2   INVITE branch=c,a                 @0.1
    S1 -> P   200 INVITE branch=b,a to_tag=s1   @3
    P -> UAC  200 INVITE branch=a to_tag=s1     @3.1
    P -> S2   CANCEL branch=c                   @3.1
    S2 -> P   487 INVITE branch=c,a to_tag=s2   @3.2
    UAC -> P  ACK branch=k to_tag=s1            @3.2
    """)
    assert facts(row, "outcome", "outcome_detail", "hops") == ("answered", "active", 3)


# -- calls that ran already --------------------------------------------------------------------------------------------


def test_a_call_joined_at_its_bye() -> None:
    row = call("UAC -> P BYE to_tag=y cseq=7 branch=m @3\nP -> UAC 200 BYE to_tag=y cseq=7 branch=m @3.1\n")
    assert ending(row) == ("joined", "normal", None, "unknown")
    names = ("call", "reference", "caller", "callee", "started_at", "ended_at", "hops", "legs")
    assert facts(row, *names) == (1, None, None, None, None, 3.0, None, 1)


@pytest.mark.parametrize(
    "message",
    ["INVITE to_tag=y cseq=3", "UPDATE to_tag=y cseq=3", "INFO to_tag=y cseq=3", "ACK to_tag=y"],
)
def test_a_call_joined_and_still_up(message: str) -> None:
    assert ending(call(f"UAC -> P {message} @1")) == ("joined", "active", None, None)


def test_an_ack_whose_cseq_came_damaged_proves_no_2xx() -> None:
    messages = frames.messages(INVITE + "UAC -> P ACK branch=k @3\n")
    damaged = messages.with_columns(cseq=pl.when(pl.col("method") != "ACK").then("cseq"))
    outcomes = [attempts_of(of, "", None).calls["outcome"].item() for of in (messages, damaged)]
    assert (outcomes[0], outcomes[1] != "answered") == ("answered", True)


def test_a_call_joined_while_it_rang() -> None:
    row = call("""
    P -> UAC  180 INVITE to_tag=y               @1
    P -> UAC  200 INVITE to_tag=y               @4
    UAC -> P  ACK branch=k to_tag=y             @4.1
    P -> UAC  BYE from_tag=y to_tag=x branch=m  @9
    """)
    assert ending(row) == ("joined", "normal", 200, "callee")
    assert facts(row, "caller", "ringing_at", "answered_at", "ring_s", "talk_s", "setup_s") == (
        "a@example.com", 1.0, 4.0, 3.0, 5.0, None,
    )  # fmt: skip


def test_a_call_joined_while_it_rang_and_refused() -> None:
    row = call("P -> UAC 180 INVITE to_tag=y @1\nP -> UAC 486 INVITE to_tag=y @4\n")
    assert facts(row, "outcome", "outcome_detail", "status", "ended_at") == ("joined", "rejected", 486, 4.0)


def test_a_2xx_whose_invite_was_not_captured_says_who_called_and_when_it_was_answered() -> None:
    row = call("P -> UAC 200 INVITE to_tag=y @1\nUAC -> P BYE to_tag=y cseq=2 branch=m @9\n")
    assert ending(row) == ("joined", "normal", 200, "caller")
    assert facts(row, "caller", "callee", "answered_at", "talk_s", "setup_s") == (
        "a@example.com", "b@example.com", 1.0, 8.0, None,
    )  # fmt: skip


def test_a_lone_2xx_is_not_taken_for_one_that_nobody_acknowledged() -> None:
    assert ending(call("P -> UAC 200 INVITE to_tag=y @1")) == ("joined", "active", 200, None)


@pytest.mark.parametrize(
    ("status", "released_by"), [(603, "callee"), (486, "callee"), (404, "unknown"), (503, "unknown")]
)
def test_a_refusal_whose_invite_was_not_captured_ends_the_call(status: int, released_by: str) -> None:
    row = call(f"P -> UAC {status} INVITE to_tag=y @1\nUAC -> P ACK to_tag=y @1.1\n")
    assert ending(row) == ("joined", "rejected", status, released_by)
    assert facts(row, "caller", "callee", "ended_at") == ("a@example.com", "b@example.com", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "P -> UAC 488 INVITE cseq=3 to_tag=y @1\nUAC -> P INFO to_tag=y cseq=4 branch=m @9\n", id="used after it"
        ),
        pytest.param("UAC -> P INFO to_tag=y cseq=2 @1\nP -> UAC 488 INVITE cseq=3 to_tag=y @9\n", id="used before it"),
        pytest.param("P -> UAC 491 INVITE cseq=3 to_tag=y @1\n", id="glare"),
    ],
)
def test_a_refused_reinvite_that_was_not_captured_ends_nothing(text: str) -> None:
    assert ending(call(text)) == ("joined", "active", None, None)


def test_a_2xx_within_a_session_tells_no_answer() -> None:
    row = call("UAC -> P INFO to_tag=y cseq=2 @1\nP -> UAC 200 INVITE cseq=3 to_tag=y @9\n")
    assert facts(row, "outcome", "status", "answered_at") == ("joined", None, None)


def test_a_subscription_is_no_call() -> None:
    assert (
        calls("A -> B SUBSCRIBE event=reg @0\nB -> A 200 SUBSCRIBE to_tag=y @0.1\nB -> A NOTIFY to_tag=x from_tag=y @1")
        == []
    )


# -- which messages are whose ------------------------------------------------------------------------------------------


TWO = """
UAC -> P  INVITE cseq=1               @0.0
P -> UAC  486 INVITE cseq=1 to_tag=p  @0.1
UAC -> P  ACK cseq=1 to_tag=p         @0.2
UAC -> P  INVITE cseq=2               @9.0
P -> UAC  200 INVITE cseq=2 to_tag=q  @9.1
UAC -> P  ACK cseq=2 branch=k to_tag=q  @9.2
UAC -> P  OPTIONS call_id=other       @9.3
"""


def test_messages_of_two_attempts_in_one_call_id() -> None:
    assert read(TWO).of_messages(frames.messages(TWO)).to_list() == [1, 1, 1, 4, 4, 4, None]


def test_transactions_of_two_attempts_in_one_call_id() -> None:
    messages = frames.messages(TWO)
    table = transactions(messages, frames.failures(), end=frames.at(20))
    found = read(TWO).of_transactions(table)
    assert found.select("transaction", "call").rows() == [(1, 1), (4, 4), (7, None)]


def test_dialogs_are_in_the_call_of_their_first_message() -> None:
    messages = frames.messages(TWO)
    table = dialogs(messages, transactions(messages, frames.failures(), end=frames.at(20)), end=frames.at(20))
    assert read(TWO).of_dialogs(table)["call"].to_list() == [4]


def test_a_figure_is_the_same_alone_and_among_others() -> None:
    alone = "UAC -> P INVITE call_id=a @0\nP -> UAC 200 INVITE call_id=a to_tag=y @0.18\n"
    other = "UAC -> P INVITE call_id=b @1\nP -> UAC 200 INVITE call_id=b to_tag=y @1.03\n"
    assert [row["setup_s"] for row in calls(alone + other)] == [call(alone)["setup_s"], call(other)["setup_s"]]


def test_every_value_of_reason_is_kept() -> None:
    """Several lines, one value for each protocol (RFC 3326 §2): what decided may stand in the second."""
    told = captures.read(shared("cases") / "bye_reason_not_a_user.pcap").table("calls")["reason_header"].to_list()
    assert 'SIP;cause=200;text="OK", Q.850;cause=102' in str(told[3])
    assert str(told[6]).startswith("SIP;cause=480, Q.850;cause=17")
