"""What went wrong behind an answer: where an ACK stopped, answers left alone, tags that lack."""

from __future__ import annotations

import pytest

from analyzer.diagnose import after_the_answer
from tests.sip import wire

ANSWERED = """
    UAC -> P    INVITE branch=a                     @0
    P   -> UAS  INVITE branch=b,a                   @0.01
    UAS -> P    200 INVITE branch=b,a to_tag=y      @2
    P   -> UAC  200 INVITE branch=a to_tag=y        @2.01
    UAC -> P    ACK branch=k to_tag=y               @2.02
"""
COPY = """
    UAS -> P    200 INVITE branch=b,a to_tag=y      @{0}
    P   -> UAC  200 INVITE branch=a to_tag=y        @{0}1
    UAC -> P    ACK branch=k to_tag=y               @{0}2
"""
GIVEN_UP = """
    UAS -> P    BYE branch=m cseq=7 from_tag=y to_tag=x     @34.02
    P   -> UAC  BYE branch=n,m cseq=7 from_tag=y to_tag=x   @34.03
"""
COPIES = "".join(COPY.format(at) for at in (2.5, 3.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5, 33.5))


def told(dialogue: str) -> list[str]:
    capture = wire.read(dialogue)
    (call,) = capture.table("calls").to_dicts()
    return after_the_answer.sentences(call, capture.table("messages"))


def test_a_node_that_kept_the_ack() -> None:
    (sentence,) = told(ANSWERED + COPIES + GIVEN_UP)
    assert sentence == (
        "the 200 (frame 3) was sent 11 times in 31.5 s, 10 of them after an ACK (frame 5): "
        "10.0.0.2:5060 had it and did not send it on to 10.0.0.3:5060"
    )


def test_a_node_that_sent_the_ack_elsewhere() -> None:
    elsewhere = "P -> Z ACK branch=l,k to_tag=y @2.03\n"
    (sentence,) = told(ANSWERED + elsewhere + COPIES + GIVEN_UP)
    assert sentence.endswith("10.0.0.2:5060 sent it to 10.0.0.4:5060, not to 10.0.0.3:5060")


def test_a_callee_that_does_not_take_it() -> None:
    arrives = "P -> UAS ACK branch=l,k to_tag=y @2.03\n"
    (sentence,) = told(ANSWERED + arrives + COPIES + GIVEN_UP)
    assert sentence.endswith("10.0.0.3:5060 took none of them for its own")


def test_an_ack_that_arrives_is_not_worth_a_word() -> None:
    assert told(ANSWERED + "P -> UAS ACK branch=l,k to_tag=y @2.03\n" + GIVEN_UP) == []


def test_no_ack_at_all() -> None:
    unheard = """
        UAC -> UAS  INVITE                      @0
        UAS -> UAC  200 INVITE to_tag=y         @2
        UAS -> UAC  BYE from_tag=y to_tag=x     @34.1
    """
    assert told(unheard) == ["no ACK was seen to the 200 (frame 2)"]


@pytest.mark.parametrize(
    ("ack", "what"),
    [("to_tag=z", "the To tag z, the 200 (frame 2) y"), ("to_tag=y cseq=2", "CSeq 2, the 200 (frame 2) 1")],
)
def test_an_ack_that_does_not_fit(ack: str, what: str) -> None:
    call = "UAC -> UAS INVITE @0\nUAS -> UAC 200 INVITE to_tag=y @2\n" + f"UAC -> UAS ACK {ack} @2.02\n"
    bye = "UAC -> UAS BYE cseq=3 to_tag=y @60\n"
    assert told(call + bye)[-1] == f"the ACK (frame 3) has {what} (RFC 3261 §13.2.2.4)"


def test_the_ack_of_another_invite_is_none_that_does_not_fit() -> None:
    call = "UAC -> UAS INVITE @0\nUAS -> UAC 200 INVITE to_tag=y @2\nUAC -> UAS INVITE cseq=2 to_tag=y @9\n"
    assert told(call + "UAC -> UAS ACK cseq=2 to_tag=y @9.2\nUAC -> UAS BYE cseq=3 to_tag=y @60\n") == []


@pytest.mark.parametrize(
    ("bye", "left"),
    [("", "neither acknowledged nor released"), ("UAC -> P BYE cseq=3 to_tag=z @5.2\n", "never acknowledged")],
)
def test_a_second_answer_left_alone(bye: str, left: str) -> None:
    forked = """
        UAC -> P  INVITE                    @0
        P -> UAC  200 INVITE to_tag=y       @5
        UAC -> P  ACK to_tag=y              @5.02
        P -> UAC  200 INVITE to_tag=z       @5.1
    """
    assert told(forked + bye) == [f"a second answer, the 200 (frame 4), was {left}"]


def test_requests_without_their_tags() -> None:
    bare = """
        UAC -> UAS  INVITE                      @0
        UAS -> UAC  200 INVITE to_tag=y         @2
        UAC -> UAS  ACK                         @2.02
        UAC -> UAS  BYE cseq=2                  @12
        UAS -> UAC  200 BYE cseq=2 to_tag=y     @12.1
    """
    assert told(bare) == [
        f"the {name} (frame {n}) has no To tag (RFC 3261 §12.2.1.1)" for name, n in (("ACK", 3), ("BYE", 4))
    ]


def test_a_reliable_response_that_goes_on_after_its_prack() -> None:
    ringing = (
        "UAC -> UAS INVITE @0\nUAS -> UAC 180 INVITE to_tag=y rseq=1 @1\nUAC -> UAS PRACK cseq=2 to_tag=y rack=1 @1.1\n"
    )
    again = "".join(f"UAS -> UAC 180 INVITE to_tag=y rseq=1 @{at}\n" for at in (1.5, 2.5, 4.5))
    (sentence,) = told(ringing + again)
    assert (
        sentence == "the 180 with RSeq 1 was sent 3 times more after its PRACK (frame 3): no PRACK reached its sender"
    )


def test_each_answer_of_a_fork_has_the_ack_with_its_own_tag() -> None:
    """RFC 3261 §13.2.2.4: an ACK to every 2xx; here a third branch got none, and no BYE."""
    fork = "UAC -> P INVITE branch=a @0\n"
    for at, tag in ((2, "x1"), (3, "x2"), (4, "x3")):
        fork += f"P -> UAC 200 INVITE branch=a to_tag={tag} @{at}\n"
    fork += "UAC -> P ACK branch=k to_tag=x2 @4.2\nUAC -> P ACK branch=l to_tag=x1 @4.3\n"
    fork += "UAC -> P BYE branch=m cseq=2 to_tag=x2 @5\nP -> UAC 200 BYE branch=m cseq=2 to_tag=x2 @5.1\n"
    assert told(fork) == ["a second answer, the 200 (frame 4), was neither acknowledged nor released"]


def test_an_ack_without_a_to_tag_is_for_any_answer_of_its_number() -> None:
    """Peers of RFC 2543 have no tags; the missing one is told, and no answer is called unacknowledged."""
    call = "UAC -> UAS INVITE @0\nUAS -> UAC 200 INVITE to_tag=y @2\nUAC -> UAS ACK @2.1\n"
    sentences = told(call + "UAC -> UAS BYE cseq=2 to_tag=y @9\nUAS -> UAC 200 BYE cseq=2 to_tag=y @9.1\n")
    assert sentences == ["the ACK (frame 3) has no To tag (RFC 3261 §12.2.1.1)"]
