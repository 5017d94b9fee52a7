"""Dialogs: RFC 3261 §12, RFC 6665, RFC 3515, worked by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer import schema
from analyzer.sip.dialogs import dialogs, of_messages
from analyzer.sip.transactions import transactions
from tests.sip import frames

# The usual call at the caller: ringing, answered, acknowledged.
ANSWERED = """
    UAC -> P  INVITE session_expires=1800                @0
    P -> UAC  180 INVITE to_tag=y                        @1
    P -> UAC  200 INVITE to_tag=y                        @5
    UAC -> P  ACK branch=k to_tag=y                      @5.1
"""


def table(dialogue: str, *, end: float = 1000.0) -> pl.DataFrame:
    messages = frames.messages(dialogue)
    found = transactions(messages, frames.failures(), end=frames.at(end))
    return dialogs(messages, found, end=frames.at(end))


def rows(dialogue: str, **options: Any) -> list[dict[str, Any]]:
    return [_relative(row) for row in table(dialogue, **options).to_dicts()]


def only(dialogue: str, **options: Any) -> dict[str, Any]:
    (row,) = rows(dialogue, **options)
    return row


def ended(dialogue: str, **options: Any) -> tuple[Any, ...]:
    """Why, when and by whom the one dialog ended."""
    row = only(dialogue, **options)
    return row["end_reason"], row["ended_at"], row["ended_by"]


def keys(dialogue: str) -> list[int | None]:
    """The ``dialog`` of each message."""
    return of_messages(frames.messages(dialogue), table(dialogue)).to_list()


def _relative(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times in seconds after the capture's start."""
    start = frames.messages("A -> B INVITE @0")["time"][0]
    return {
        name: (value - start).total_seconds() if name.endswith("_at") and value is not None else value
        for name, value in row.items()
    }


def test_columns_and_types_are_those_of_the_schema() -> None:
    expected = {name: kind for name, kind in schema.DIALOGS.polars().items() if name != "call"}
    assert dict(table(ANSWERED).schema) == expected
    assert dict(table("").schema) == expected


# -- what makes one ----------------------------------------------------------------------------------------------------


def test_a_101_to_199_with_a_to_tag_makes_an_early_dialog() -> None:
    row = only("UAC -> P INVITE @0\nP -> UAC 180 INVITE to_tag=y @1", end=2)
    assert (row["state"], row["early_at"], row["confirmed_at"], row["end_reason"]) == ("early", 1, None, "open")


@pytest.mark.parametrize("response", ["100 INVITE to_tag=y", "180 INVITE", "404 INVITE to_tag=y"])
def test_100_a_response_without_a_tag_and_a_refusal_make_none(response: str) -> None:
    assert rows(f"UAC -> P INVITE @0\nP -> UAC {response} @1") == []


@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE", "REGISTER"])
def test_other_methods_make_none(method: str) -> None:
    assert rows(f"UAC -> P {method} @0\nP -> UAC 200 {method} to_tag=y @1") == []


def test_a_2xx_confirms_it() -> None:
    row = only(ANSWERED)
    assert (row["usage"], row["state"], row["early_at"], row["confirmed_at"]) == ("invite", "confirmed", 1, 5)


def test_local_is_the_side_that_made_it() -> None:
    row = only(ANSWERED)
    names = ("local_tag", "remote_tag", "local_uri", "remote_uri")
    assert [row[name] for name in names] == ["x", "y", "sip:a@example.com", "sip:b@example.com"]


def test_it_is_known_by_its_earliest_message() -> None:
    dialogue = "UAC -> P INVITE @0\nP -> UAC 100 INVITE to_tag=y @1\nP -> UAC 200 INVITE to_tag=y @2"
    assert only(dialogue)["dialog"] == 2


def test_a_refused_invite_ack_makes_none() -> None:
    assert rows("UAC -> P INVITE @0\nP -> UAC 486 INVITE to_tag=y @1\nUAC -> P ACK to_tag=y @2") == []


def test_duplicates_make_none() -> None:
    assert only(ANSWERED + "P -> UAC 180 INVITE to_tag=q original=2 @1")["dialog"] == 2


# -- the reference hop -------------------------------------------------------------------------------------------------

TWO_HOPS = """
    UAC -> P    INVITE branch=a                          @0
    P   -> UAS  INVITE branch=b,a                        @0.1
    UAS -> P    180 INVITE branch=b,a to_tag=y           @1
    P   -> UAC  180 INVITE branch=a to_tag=y             @1.1
    UAS -> P    200 INVITE branch=b,a to_tag=y           @5
    P   -> UAC  200 INVITE branch=a to_tag=y             @5.1
    UAC -> P    ACK branch=c to_tag=y                    @5.2
    P   -> UAS  ACK branch=d,c to_tag=y                  @5.3
"""
# The called side hangs up: at the caller's hop its BYE has two Vias.
BYE_OF_THE_CALLED = """
    UAS -> P    BYE cseq=1 branch=e from_tag=y to_tag=x    @9
    P   -> UAC  BYE cseq=1 branch=f,e from_tag=y to_tag=x  @9.1
"""


def test_it_is_one_dialog_over_all_hops_timed_where_the_vias_are_fewest() -> None:
    row = only(TWO_HOPS)
    assert (row["early_at"], row["confirmed_at"]) == (1.1, 5.1)


def test_a_bye_of_the_called_side_is_timed_at_the_hop_of_the_caller() -> None:
    assert ended(TWO_HOPS + BYE_OF_THE_CALLED) == ("bye", 9.1, "remote")


def test_a_bye_that_goes_another_way_is_timed_where_it_was_seen() -> None:
    assert ended(TWO_HOPS + "UAC -> UAS BYE cseq=2 branch=g to_tag=y @8") == ("bye", 8, "local")


def test_a_dialog_that_the_first_hop_did_not_see_is_timed_at_the_next() -> None:
    found = rows(TWO_HOPS + "UAS -> P 183 INVITE branch=b,a to_tag=z @6")
    assert [(row["remote_tag"], row["early_at"]) for row in found] == [("y", 1.1), ("z", 6)]


# -- its end -----------------------------------------------------------------------------------------------------------


def test_bye_ends_it_with_its_first_byte() -> None:
    assert ended(ANSWERED + "UAC -> P BYE cseq=2 to_tag=y @8..8.5") == ("bye", 8, "local")


def test_bye_of_the_other_side_is_remote() -> None:
    assert ended(ANSWERED + "P -> UAC BYE cseq=7 from_tag=y to_tag=x @8") == ("bye", 8, "remote")


def test_what_bye_ended_is_terminated() -> None:
    assert only(ANSWERED + "UAC -> P BYE cseq=2 to_tag=y @8")["state"] == "terminated"


def test_the_response_tells_of_a_bye_that_was_not_captured() -> None:
    assert ended(ANSWERED + "P -> UAC 200 BYE cseq=2 to_tag=y @8") == ("bye", 8, "local")


def test_byes_to_both_sides_from_one_node_are_of_the_network() -> None:
    both = """
        P -> UAC  BYE cseq=3 branch=m from_tag=y to_tag=x   @8
        P -> UAS  BYE cseq=4 branch=n to_tag=y              @8.2
    """
    assert ended(TWO_HOPS + both) == ("bye", 8, "network")


def test_byes_that_cross_are_of_the_users() -> None:
    both = """
        UAC -> P  BYE cseq=3 branch=m to_tag=y              @8
        UAS -> P  BYE cseq=4 branch=n from_tag=y to_tag=x   @8.2
    """
    assert ended(TWO_HOPS + both) == ("bye", 8, "local")


@pytest.mark.parametrize(
    ("reason", "by"),
    [
        ("_q850=16", "local"),
        ("_q850=31", "local"),
        ("_q850=38", "network"),
        ("_sip_cause=503", "network"),
        ("_sip_cause=200", "local"),
        ("_release_cause=1", "local"),
        ("_release_cause=3", "network"),
        ("_failure_cause=1", "network"),
    ],
)
def test_the_reason_of_a_bye_tells_who(reason: str, by: str) -> None:
    assert ended(ANSWERED + f"UAC -> P BYE cseq=2 to_tag=y {reason} @8") == ("bye", 8, by)


def test_a_refusal_ends_all_early_dialogs_of_the_invite() -> None:
    found = rows("""
        UAC -> P  INVITE                  @0
        P -> UAC  180 INVITE to_tag=y     @1
        P -> UAC  180 INVITE to_tag=z     @2
        P -> UAC  486 INVITE to_tag=z     @3
    """)
    assert [(row["remote_tag"], row["end_reason"], row["ended_at"], row["ended_by"]) for row in found] == [
        ("y", "rejected", 3, "remote"),
        ("z", "rejected", 3, "remote"),
    ]


def test_487_after_cancel_is_cancelled_by_the_caller() -> None:
    dialogue = """
        UAC -> P  INVITE                  @0
        P -> UAC  180 INVITE to_tag=y     @1
        UAC -> P  CANCEL                  @2
        P -> UAC  200 CANCEL to_tag=y     @2.1
        P -> UAC  487 INVITE to_tag=y     @2.2
    """
    assert ended(dialogue) == ("cancelled", 2.2, "local")


def test_487_without_cancel_is_cancelled_by_somebody() -> None:
    dialogue = "UAC -> P INVITE @0\nP -> UAC 180 INVITE to_tag=y @1\nP -> UAC 487 INVITE to_tag=y @2"
    assert ended(dialogue) == ("cancelled", 2, "unknown")


def test_an_accepted_cancel_ends_it_without_the_487() -> None:
    dialogue = """
        UAC -> P  INVITE                  @0
        P -> UAC  180 INVITE to_tag=y     @1
        UAC -> P  CANCEL                  @2
        P -> UAC  200 CANCEL to_tag=y     @2.1
    """
    assert ended(dialogue) == ("cancelled", 2.1, "local")


def test_199_ends_its_branch_alone() -> None:
    found = rows(
        """
        UAC -> P  INVITE                  @0
        P -> UAC  180 INVITE to_tag=y     @1
        P -> UAC  180 INVITE to_tag=z     @2
        P -> UAC  199 INVITE to_tag=y     @3
        """,
        end=4,
    )
    assert [(row["end_reason"], row["ended_at"]) for row in found] == [("rejected", 3), ("open", None)]


FORKED = """
    UAC -> P  INVITE                  @0
    P -> UAC  180 INVITE to_tag=y     @1
    P -> UAC  180 INVITE to_tag=z     @2
    P -> UAC  200 INVITE to_tag=z     @3
    UAC -> P  ACK branch=k to_tag=z   @3.1
"""


@pytest.mark.parametrize(("end", "reason", "at"), [(34.9, "open", None), (35, "forked_away", 35)])
def test_a_branch_that_lost_lives_64_t1_after_the_2xx_of_another(end: float, reason: str, at: float | None) -> None:
    lost, won = rows(FORKED, end=end)
    assert (lost["end_reason"], lost["ended_at"], won["end_reason"]) == (reason, at, "open")


def test_a_branch_that_is_answered_too_and_released_ends_with_its_bye() -> None:
    late = "P -> UAC 200 INVITE to_tag=y @3.2\nUAC -> P BYE cseq=2 branch=l to_tag=y @3.3"
    lost, won = rows(FORKED + late)
    assert (lost["end_reason"], lost["confirmed_at"], won["end_reason"]) == ("bye", 3.2, "open")


@pytest.mark.parametrize("status", [408, 481])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO"])
def test_408_and_481_to_a_request_within_it_end_it(method: str, status: int) -> None:
    within = f"UAC -> P {method} cseq=2 to_tag=y @8\nP -> UAC {status} {method} cseq=2 to_tag=y @9"
    assert ended(ANSWERED + within) == ("timeout", 9, "unknown")


@pytest.mark.parametrize(
    ("method", "status"), [("INVITE", 488), ("INVITE", 491), ("UPDATE", 501), ("PRACK", 481), ("NOTIFY", 481)]
)
def test_other_failures_within_it_do_not_end_it(method: str, status: int) -> None:
    within = f"UAC -> P {method} cseq=2 to_tag=y @8\nP -> UAC {status} {method} cseq=2 to_tag=y @9"
    assert ended(ANSWERED + within) == ("open", None, None)


def test_a_bye_after_481_is_its_end() -> None:
    within = """
        UAC -> P  UPDATE cseq=2 to_tag=y        @8
        P -> UAC  481 UPDATE cseq=2 to_tag=y    @9
        UAC -> P  BYE cseq=3 to_tag=y           @9.1
    """
    assert ended(ANSWERED + within) == ("bye", 9.1, "local")


TIMED = ANSWERED.replace("200 INVITE", "200 INVITE session_expires=90")


@pytest.mark.parametrize(("end", "expected"), [(94.9, ("open", None, None)), (95, ("expired", 95, "unknown"))])
def test_a_session_that_is_not_refreshed_expires(end: float, expected: tuple[Any, ...]) -> None:
    assert ended(TIMED, end=end) == expected


def test_a_refresh_counts_from_its_2xx() -> None:
    refresh = "UAC -> P UPDATE cseq=2 to_tag=y @50\nP -> UAC 200 UPDATE cseq=2 to_tag=y session_expires=90 @51"
    assert ended(TIMED + refresh) == ("expired", 141, "unknown")


def test_a_session_heard_of_after_its_interval_was_refreshed_unseen() -> None:
    later = "UAC -> P INFO cseq=2 to_tag=y @200\nP -> UAC 200 INFO cseq=2 to_tag=y @200.1"
    assert ended(TIMED + later) == ("open", None, None)


def test_a_day_of_silence_ends_it() -> None:
    assert ended(ANSWERED, end=86_406)[:2] == ("expired", 86_405.1)


# -- within it ---------------------------------------------------------------------------------------------------------


def test_prack_and_update_belong_to_the_early_dialog() -> None:
    dialogue = """
        UAC -> P  INVITE                            @0
        P -> UAC  183 INVITE to_tag=y rseq=1        @1
        UAC -> P  PRACK cseq=2 to_tag=y             @1.1
        P -> UAC  200 PRACK cseq=2 to_tag=y         @1.2
        UAC -> P  UPDATE cseq=3 to_tag=y            @1.3
        P -> UAC  200 UPDATE cseq=3 to_tag=y        @1.4
    """
    assert (only(dialogue, end=2)["state"], keys(dialogue)) == ("early", [None, 2, 2, 2, 2, 2])


def test_a_reinvite_is_no_new_dialog_and_its_refusal_no_end() -> None:
    again = """
        P -> UAC  INVITE cseq=1 from_tag=y to_tag=x branch=r      @20
        UAC -> P  488 INVITE cseq=1 from_tag=y to_tag=x branch=r  @21
    """
    assert ended(ANSWERED + again) == ("open", None, None)


def test_an_ack_to_a_2xx_and_a_bye_have_the_dialog_and_the_invite_has_not() -> None:
    assert keys(ANSWERED + "P -> UAC BYE cseq=7 from_tag=y to_tag=x @8") == [None, 2, 2, 2, 2]


def test_cancel_and_its_response_have_none() -> None:
    dialogue = """
        UAC -> P  INVITE                  @0
        P -> UAC  180 INVITE to_tag=y     @1
        UAC -> P  CANCEL                  @2
        P -> UAC  200 CANCEL to_tag=y     @2.1
    """
    assert keys(dialogue) == [None, 2, None, None]


def test_messages_whose_tags_made_no_dialog_have_none() -> None:
    assert keys("UAC -> P OPTIONS @0\nP -> UAC 200 OPTIONS to_tag=y @1") == [None, None]


# -- joined ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "PRACK", "ACK"])
def test_a_request_within_a_dialog_that_nothing_made_joins_it(method: str) -> None:
    row = only(f"UAC -> P {method} cseq=2 to_tag=y @0")
    assert (row["state"], row["end_reason"], row["ended_at"]) == ("confirmed", "joined", None)


def test_a_joined_dialog_that_ends_has_that_end() -> None:
    assert ended("UAC -> P BYE cseq=2 to_tag=y @3") == ("bye", 3, "local")


def test_a_reinvite_makes_no_dialog_that_it_is_sent_in() -> None:
    row = only("UAC -> P INVITE cseq=2 to_tag=y @0\nP -> UAC 200 INVITE cseq=2 to_tag=y @1")
    assert (row["end_reason"], row["confirmed_at"]) == ("joined", None)


def test_a_2xx_whose_invite_was_not_captured_may_answer_a_reinvite() -> None:
    assert only("P -> UAC 200 INVITE to_tag=y @0")["end_reason"] == "joined"


def test_ringing_whose_invite_was_not_captured_makes_the_dialog() -> None:
    row = only("P -> UAC 180 INVITE to_tag=y @0\nP -> UAC 200 INVITE to_tag=y @1", end=2)
    assert (row["end_reason"], row["early_at"], row["confirmed_at"]) == ("open", 0, 1)


# -- subscriptions -----------------------------------------------------------------------------------------------------

SUBSCRIBED = """
    UAC -> P  SUBSCRIBE event=presence expires=600                                             @0
    P -> UAC  200 SUBSCRIBE to_tag=y expires=600                                               @1
    P -> UAC  NOTIFY cseq=5 from_tag=y to_tag=x event=presence subscription_state=active       @2
    UAC -> P  200 NOTIFY cseq=5 from_tag=y to_tag=x                                            @2.1
"""
OVER = "P -> UAC NOTIFY cseq=6 from_tag=y to_tag=x event=presence subscription_state='terminated;reason=timeout' @9"


def test_subscribe_makes_a_dialog_of_its_own_kind() -> None:
    row = only(SUBSCRIBED, end=10)
    assert (row["usage"], row["state"], row["confirmed_at"], row["end_reason"]) == ("subscribe", "confirmed", 1, "open")


def test_a_notify_may_come_before_the_2xx() -> None:
    row = only("""
        UAC -> P  SUBSCRIBE event=presence expires=600                                             @0
        P -> UAC  NOTIFY cseq=5 from_tag=y to_tag=x event=presence subscription_state=active       @1
        P -> UAC  200 SUBSCRIBE to_tag=y expires=600                                               @2
    """)
    assert (row["dialog"], row["local_tag"], row["confirmed_at"]) == (2, "x", 1)


def test_a_notify_alone_has_the_subscriber_as_its_local_side() -> None:
    row = only("P -> UAC NOTIFY from_tag=y to_tag=x event=presence subscription_state=active @1")
    assert (row["usage"], row["local_tag"], row["end_reason"]) == ("subscribe", "x", "joined")


def test_notify_terminated_ends_it() -> None:
    assert ended(SUBSCRIBED + OVER) == ("notify_terminated", 9, "remote")


def test_expires_0_ends_it_where_no_notify_follows() -> None:
    leave = """
        UAC -> P  SUBSCRIBE cseq=2 to_tag=y event=presence expires=0   @8
        P -> UAC  200 SUBSCRIBE cseq=2 to_tag=y expires=0              @8.1
    """
    assert ended(SUBSCRIBED + leave) == ("expired", 8, "local")


def test_a_notify_after_expires_0_is_the_end() -> None:
    leave = "UAC -> P SUBSCRIBE cseq=2 to_tag=y event=presence expires=0 @8\n"
    assert ended(SUBSCRIBED + leave + OVER) == ("notify_terminated", 9, "remote")


def test_a_subscription_that_is_not_refreshed_expires() -> None:
    assert ended(SUBSCRIBED, end=700) == ("expired", 601, "unknown")


def test_a_notify_may_shorten_it() -> None:
    shorter = SUBSCRIBED.replace("state=active", "'subscription_state=active;expires=60'").replace(
        "subscription_'", "'"
    )
    assert ended(shorter, end=700) == ("expired", 62, "unknown")


def test_481_to_notify_ends_a_subscription() -> None:
    assert ended(SUBSCRIBED.replace("200 NOTIFY", "481 NOTIFY")) == ("timeout", 2.1, "unknown")


def test_a_refresh_of_a_subscription_that_nothing_made_joins_it() -> None:
    row = only("UAC -> P SUBSCRIBE cseq=2 to_tag=y event=presence expires=600 @0")
    assert (row["usage"], row["end_reason"]) == ("subscribe", "joined")


def test_refer_outside_a_dialog_makes_one() -> None:
    row = only("""
        UAC -> P  REFER                                                                          @0
        P -> UAC  202 REFER to_tag=y                                                             @1
        P -> UAC  NOTIFY cseq=5 from_tag=y to_tag=x event=refer subscription_state=active        @2
        P -> UAC  NOTIFY cseq=6 from_tag=y to_tag=x event=refer subscription_state=terminated    @3
    """)
    assert (row["usage"], row["local_tag"], row["end_reason"], row["ended_at"]) == (
        "refer",
        "x",
        "notify_terminated",
        3,
    )


def test_the_notify_of_a_refer_is_of_its_kind() -> None:
    assert only("P -> UAC NOTIFY from_tag=y to_tag=x event=refer subscription_state=active @1")["usage"] == "refer"


def test_a_refer_within_a_call_shares_its_dialog() -> None:
    transfer = """
        UAC -> P  REFER cseq=2 to_tag=y                                                          @6
        P -> UAC  202 REFER cseq=2 to_tag=y                                                      @6.1
        P -> UAC  NOTIFY cseq=6 from_tag=y to_tag=x event=refer subscription_state=terminated    @7
    """
    assert (only(ANSWERED + transfer)["usage"], ended(ANSWERED + transfer)) == ("invite", ("open", None, None))


def test_a_call_joined_by_a_notify_is_a_call() -> None:
    dialogue = """
        P -> UAC  NOTIFY cseq=6 from_tag=y to_tag=x event=refer subscription_state=terminated    @0
        UAC -> P  INFO cseq=2 to_tag=y                                                           @1
    """
    row = only(dialogue)
    assert (row["usage"], row["end_reason"]) == ("invite", "joined")


# -- odd captures ------------------------------------------------------------------------------------------------------


def test_a_capture_without_times_has_its_dialogs() -> None:
    messages = frames.messages("UAC -> P INVITE @-\nP -> UAC 180 INVITE to_tag=y @-\nP -> UAC 200 INVITE to_tag=y @-")
    (row,) = dialogs(messages, transactions(messages, frames.failures(), end=None)).to_dicts()
    assert (row["state"], row["end_reason"], row["early_at"]) == ("confirmed", "open", None)


def test_rows_stand_in_the_order_of_their_earliest_messages() -> None:
    found = rows("""
        UAC -> P  INVITE call_id=one                   @0
        UAC -> P  INVITE call_id=two                   @1
        P -> UAC  180 INVITE call_id=two to_tag=z      @2
        P -> UAC  180 INVITE call_id=one to_tag=y      @3
    """)
    assert [row["dialog"] for row in found] == [3, 4]
