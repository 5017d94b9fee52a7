"""A call that took another's place, or that another asked for, explains how that one ended (RFC 3891, RFC 3515)."""

from __future__ import annotations

from typing import Any

import pytest
from places import shared

import analyzer
from tests.sip import wire


def told(capture: analyzer.Capture) -> list[tuple[Any, ...]]:
    """Of each call ``outcome``, ``outcome_detail``, and the numbers of the calls that it goes on in and from."""
    rows = capture.table("calls").to_dicts()
    number = {row["call"]: row["no"] for row in rows} | {None: None}
    return [
        (row["outcome"], row["outcome_detail"], number[row["continued_by"]], number[row["continues"]]) for row in rows
    ]


RINGING = """
ALICE -> BOB  INVITE call_id=ring from_tag=a1                        @0
BOB -> ALICE  180 INVITE call_id=ring from_tag=a1 to_tag=b1          @0.5
"""
PICKING = """
CAROL -> ALICE  INVITE call_id=pick from_tag=k1 uri=sip:a@10.0.0.1 'header=Replaces: {}'  @6
"""
PICKED = """
ALICE -> CAROL  200 INVITE call_id=pick from_tag=k1 to_tag=ax        @6.05
CAROL -> ALICE  ACK call_id=pick from_tag=k1 to_tag=ax               @6.07
"""
REPLACES = "ring;to-tag=a1;from-tag=b1;early-only"
CANCELLED = """
ALICE -> BOB  CANCEL call_id=ring from_tag=a1 branch=zINVITE1a1      @{0}
BOB -> ALICE  200 CANCEL call_id=ring from_tag=a1 branch=zINVITE1a1 to_tag=b1  @{0}1
BOB -> ALICE  487 INVITE call_id=ring from_tag=a1 to_tag=b1          @{0}2
ALICE -> BOB  ACK call_id=ring from_tag=a1 branch=zINVITE1a1 to_tag=b1  @{0}3
"""
BYE_OF_CAROL = """
CAROL -> ALICE  BYE call_id=pick from_tag=k1 to_tag=ax cseq=2        @60
ALICE -> CAROL  200 BYE call_id=pick from_tag=k1 to_tag=ax cseq=2    @60.01
"""


def test_the_case() -> None:
    capture = analyzer.read(shared("cases", "picked_up.pcap"))
    assert told(capture) == [("answered_elsewhere", "picked_up", 2, None), ("answered", "normal", None, 1)]
    assert capture.call(1).title.endswith("answered_elsewhere (487 Request Terminated), picked up by call 2")
    assert capture.call(2).title.endswith(", goes on from call 1")
    assert "stalled" not in str(capture.call(1).story())


@pytest.mark.parametrize(
    "replaces",
    [
        REPLACES,
        "ring;to-tag=b1;from-tag=a1",
        "ring ; from-tag = a1 ; to-tag = b1",
    ],
    ids=["as the receiver sees it", "tags the other way round", "spaces"],
)
def test_a_ringing_call_that_was_replaced_was_picked_up(replaces: str) -> None:
    capture = wire.read(RINGING + PICKING.format(replaces) + PICKED + CANCELLED.format("6.1") + BYE_OF_CAROL)
    assert told(capture) == [("answered_elsewhere", "picked_up", 2, None), ("answered", "normal", None, 1)]
    services = capture.table("services").filter(evidence="Replaces")["service"].to_list()
    assert services == ["call_pickup"]


def test_one_that_was_cancelled_before_the_other_was_accepted_was_picked_up_too() -> None:
    dialogue = RINGING + PICKING.format(REPLACES) + CANCELLED.format("6.02") + PICKED + BYE_OF_CAROL
    assert told(wire.read(dialogue))[0] == ("answered_elsewhere", "picked_up", 2, None)


def test_its_early_dialog_may_be_ended_by_bye() -> None:
    bye = """
    ALICE -> BOB  BYE call_id=ring from_tag=a1 to_tag=b1 cseq=2          @6.1
    BOB -> ALICE  200 BYE call_id=ring from_tag=a1 to_tag=b1 cseq=2      @6.11
    BOB -> ALICE  487 INVITE call_id=ring from_tag=a1 to_tag=b1          @6.12
    """
    assert told(wire.read(RINGING + PICKING.format(REPLACES) + PICKED + bye))[0][:3] == (
        "answered_elsewhere", "picked_up", 2
    )  # fmt: skip


def test_a_plain_cancel_stays_the_callers() -> None:
    row = wire.read(RINGING + CANCELLED.format("6.1")).table("calls").row(0, named=True)
    assert (row["outcome"], row["outcome_detail"], row["released_by"]) == ("cancelled", "while_ringing", "caller")
    assert row["continued_by"] is None


@pytest.mark.parametrize("status", [481, 486])
def test_a_replaces_that_was_refused_explains_nothing(status: int) -> None:
    refused = f"""
    ALICE -> CAROL  {status} INVITE call_id=pick from_tag=k1 to_tag=ax    @6.05
    CAROL -> ALICE  ACK call_id=pick from_tag=k1 to_tag=ax branch=zINVITE1k1  @6.07
    """
    first, second = told(wire.read(RINGING + PICKING.format(REPLACES) + refused + CANCELLED.format("6.1")))
    assert first == ("cancelled", "while_ringing", None, None)
    assert second[2:] == (None, None)


def test_a_replaces_of_a_dialog_that_was_not_captured_explains_no_other() -> None:
    dialogue = RINGING + PICKING.format("gone;to-tag=1;from-tag=2") + PICKED + CANCELLED.format("6.1")
    assert [row[1:] for row in told(wire.read(dialogue))] == [("while_ringing", None, None), ("active", None, None)]


def test_a_cancel_long_after_the_other_was_accepted_is_the_callers() -> None:
    dialogue = RINGING + PICKING.format(REPLACES) + PICKED + CANCELLED.format("40.1")
    assert told(wire.read(dialogue))[0][:2] == ("cancelled", "while_ringing")


# -- transfer ----------------------------------------------------------------------------------------------------------

TALKING = """
ALICE -> BOB  INVITE call_id=first from_tag=a1                       @0
BOB -> ALICE  200 INVITE call_id=first from_tag=a1 to_tag=b1         @1
ALICE -> BOB  ACK call_id=first from_tag=a1 to_tag=b1                @1.01
"""
REFER = """
BOB -> ALICE  REFER call_id=first from_tag=b1 to_tag=a1 cseq=5 'header=Refer-To: {}'  @20
ALICE -> BOB  {} REFER call_id=first from_tag=b1 to_tag=a1 cseq=5    @20.01
"""
TO_CAROL = "<sip:carol@example.com>"
TARGET = """
ALICE -> CAROL  INVITE call_id=second from_tag=a2 uri=sip:carol@example.com {} @20.2
"""
TARGET_ANSWERS = """
CAROL -> ALICE  200 INVITE call_id=second from_tag=a2 to_tag=c1      @22
ALICE -> CAROL  ACK call_id=second from_tag=a2 to_tag=c1             @22.01
"""
TARGET_REFUSES = """
CAROL -> ALICE  486 INVITE call_id=second from_tag=a2 to_tag=c1      @22
ALICE -> CAROL  ACK call_id=second from_tag=a2 to_tag=c1 branch=zINVITE1a2  @22.01
"""
BOB_LEAVES = """
BOB -> ALICE  BYE call_id=first from_tag=b1 to_tag=a1 cseq=6         @{0}
ALICE -> BOB  200 BYE call_id=first from_tag=b1 to_tag=a1 cseq=6     @{0}1
"""


@pytest.mark.parametrize("leaves", ["20.1", "22.1"], ids=["at once", "when it was answered"])
def test_the_call_after_a_blind_transfer_is_tied_to_the_first(leaves: str) -> None:
    parts = [REFER.format(TO_CAROL, 202), TARGET.format(""), TARGET_ANSWERS, BOB_LEAVES.format(leaves)]
    capture = wire.read(TALKING + "".join(parts))
    assert told(capture) == [("answered", "transferred", 2, None), ("answered", "active", None, 1)]
    assert capture.call(1).title.endswith("transferred to call 2")


OUTSIDE = """
BOB -> ALICE  REFER call_id=outside from_tag=o1 'header=Refer-To: <sip:carol@example.com>' {}  @20
ALICE -> BOB  202 REFER call_id=outside from_tag=o1 to_tag=o2        @20.01
"""


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("'header=Target-Dialog: first;local-tag=b1;remote-tag=a1'", 2),
        ("'header=Target-Dialog: another;local-tag=b1;remote-tag=a1'", None),
        ("", None),
    ],
)
def test_a_refer_outside_the_dialog_that_it_names_transfers_it(header: str, after: int | None) -> None:
    capture = wire.read(
        TALKING + OUTSIDE.format(header) + TARGET.format("") + TARGET_ANSWERS + BOB_LEAVES.format("22.1")
    )
    assert told(capture)[0][1:3] == ("transferred" if after else "normal", after)


def test_a_target_that_refuses_is_tied_but_took_no_place() -> None:
    capture = wire.read(
        TALKING + REFER.format(TO_CAROL, 202) + TARGET.format("") + TARGET_REFUSES + BOB_LEAVES.format("30")
    )
    assert told(capture) == [("answered", "normal", None, None), ("busy", None, None, 1)]


def test_a_call_after_a_refused_refer_is_none_of_it() -> None:
    capture = wire.read(
        TALKING + REFER.format(TO_CAROL, 603) + TARGET.format("") + TARGET_ANSWERS + BOB_LEAVES.format("30")
    )
    assert told(capture) == [("answered", "normal", None, None), ("answered", "active", None, None)]


def test_a_call_to_somebody_else_is_none_of_it() -> None:
    capture = wire.read(
        TALKING + REFER.format("<sip:dave@example.com>", 202) + TARGET.format("") + TARGET_ANSWERS
        + BOB_LEAVES.format("30")
    )  # fmt: skip
    assert [row[2:] for row in told(capture)] == [(None, None), (None, None)]


CONSULT = """
BOB -> CAROL  INVITE call_id=consult from_tag=b2                     @10
CAROL -> BOB  200 INVITE call_id=consult from_tag=b2 to_tag=c2       @11
BOB -> CAROL  ACK call_id=consult from_tag=b2 to_tag=c2              @11.01
"""
ATTENDED = "<sip:carol@example.com?Replaces=consult%3Bto-tag%3Dc2%3Bfrom-tag%3Db2>"
CONSULT_ENDS = """
CAROL -> BOB  BYE call_id=consult from_tag=c2 to_tag=b2 cseq=9       @22.05
BOB -> CAROL  200 BYE call_id=consult from_tag=c2 to_tag=b2 cseq=9   @22.06
"""


def test_an_attended_transfer_ends_both_calls_of_the_transferor() -> None:
    replaces = "'header=Replaces: consult;to-tag=c2;from-tag=b2'"
    parts = [CONSULT, REFER.format(ATTENDED, 202), TARGET.format(replaces), TARGET_ANSWERS, CONSULT_ENDS]
    capture = wire.read(TALKING + "".join(parts) + BOB_LEAVES.format("22.5"))
    assert told(capture) == [
        ("answered", "transferred", 3, None),
        ("answered", "replaced", 3, None),
        ("answered", "active", None, 1),
    ]


@pytest.mark.parametrize(("status", "continues"), [(200, 1), (481, None)])
def test_a_call_that_joined_another_took_no_place(status: int, continues: int | None) -> None:
    """RFC 3911 §4: Carol is mixed into the call, and hangs up, or Alice does, whenever they like."""
    joining = f"""
    CAROL -> BOB  INVITE call_id=join from_tag=k1 'header=Join: first;to-tag=b1;from-tag=a1'  @21
    BOB -> CAROL  {status} INVITE call_id=join from_tag=k1 to_tag=bx     @21.5
    CAROL -> BOB  ACK call_id=join from_tag=k1 to_tag=bx                 @21.6
    """
    first, second = told(wire.read(TALKING + joining + BOB_LEAVES.format("22.5")))
    assert first == ("answered", "normal", None, None)
    assert second[3] == continues


# -- between accesses (TS 24.237) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("released", "ending"),
    [("22.1", ("answered", "replaced", 2, None)), ("300", ("answered", "dropped", None, None))],
    ids=["then", "much later"],
)
def test_a_session_named_by_target_dialog_moved_if_it_then_ended(released: str, ending: tuple[Any, ...]) -> None:
    """The network clears the old access with a cause of its own; it lost nothing."""
    moved = """
    MSC -> AS  INVITE call_id=cs from_tag=m1 uri=tel:+15551 'header=Target-Dialog: first;remote-tag=a1;local-tag=b1' @21
    AS -> MSC  200 INVITE call_id=cs from_tag=m1 to_tag=s1               @21.5
    MSC -> AS  ACK call_id=cs from_tag=m1 to_tag=s1                      @21.6
    """
    cleared = f"""
    BOB -> ALICE  BYE call_id=first from_tag=b1 to_tag=a1 cseq=6 'header=Reason: SIP;cause=503'  @{released}
    ALICE -> BOB  200 BYE call_id=first from_tag=b1 to_tag=a1 cseq=6     @{released}1
    """
    assert told(wire.read(TALKING + moved + cleared))[0] == ending
