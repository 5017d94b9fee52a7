"""What the capture lacks: one direction of a hop, or single messages; others tell what it was."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pcaps import RAW_IP, pcap

import analyzer
from tests.sip import wire
from tests.sip.dialogues import ACK, ANSWERED, LATER, OK, RINGING, bye_of_the_callee, bye_of_the_caller, ending, endings

# -- one direction of a hop --------------------------------------------------------------------------------------------

OVER_A_PROXY = """
    UAC -> P    INVITE branch=a sdp=offer                       @0
    P   -> UAS  INVITE branch=b,a sdp=offer                     @0.01
    UAS -> P    180 INVITE branch=b,a to_tag=y                  @0.5
    P   -> UAC  180 INVITE branch=a to_tag=y                    @0.51
    UAS -> P    200 INVITE branch=b,a to_tag=y sdp=answer       @2
    P   -> UAC  200 INVITE branch=a to_tag=y sdp=answer         @2.01
    UAC -> P    ACK branch=k to_tag=y                           @2.1
    P   -> UAS  ACK branch=l,k to_tag=y                         @2.11
    UAC -> P    BYE branch=m cseq=2 to_tag=y                    @12
    P   -> UAS  BYE branch=n,m cseq=2 to_tag=y                  @12.01
    UAS -> P    200 BYE branch=n,m cseq=2 to_tag=y              @12.02
    P   -> UAC  200 BYE branch=m cseq=2 to_tag=y                @12.03
"""
OFFERS = {"offer": wire.audio(1), "answer": wire.audio(2, formats="0")}


def without(dialogue: str, *ways: str) -> str:
    """The dialogue without the messages that went these ways."""
    lines = dialogue.strip().splitlines()
    return "\n".join(line for line in lines if not any(" ".join(line.split()).startswith(way) for way in ways)) + "\n"


@pytest.mark.parametrize("ways", [("P -> UAC",), ("P -> UAC", "P -> UAS"), ("UAC -> P", "UAS -> P")])
def test_a_call_of_which_hops_were_captured_in_one_direction_was_answered(ways: tuple[str, ...]) -> None:
    (row,) = wire.read(without(OVER_A_PROXY, *ways), **OFFERS).table("calls").to_dicts()
    assert (row["outcome"], row["outcome_detail"], row["status"], row["setup_s"]) == ("answered", "normal", 200, 2.0)
    assert row["talk_s"] == pytest.approx(10.0, abs=0.02)


def test_the_set_up_of_a_hop_that_was_captured_in_one_direction_has_its_answer() -> None:
    capture = wire.read(without(OVER_A_PROXY, "P -> UAC"), **OFFERS)
    phases = capture.table("phases").select("phase", "begins", "ends", "duration_s").rows()
    assert phases == [("routing", "INVITE", "180", 0.5), ("ringing", "180", "200", 1.5), ("ack", "200", "ACK", 0.1)]


def test_requests_of_no_known_dialog_are_no_services() -> None:
    stray = "UAC -> UAS BYE cseq=5 @30\nUAC -> UAS INFO cseq=6 @31\nUAC -> UAS OPTIONS cseq=7 @32\n"
    services = wire.read(stray).table("services").select("method", "service").rows()
    assert services == [("OPTIONS", "options")]


def test_the_offer_is_read_where_both_directions_were_captured() -> None:
    capture = wire.read(without(OVER_A_PROXY, "P -> UAC"), **OFFERS)
    assert capture.table("calls")["codecs"].item() == "PCMU/8000"
    assert capture.table("offers")["state"].to_list() == ["agreed"]


# Left out: the offer lies on one hop and the answer on the other, or the final of a hop was lost.
HALVES = [
    ("UAC -> P", "UAS -> P"),
    ("P -> UAC", "P -> UAS"),
    ("P -> UAC 200 INVITE",),
    ("P -> UAC 200 INVITE", "P -> UAS INVITE"),
    ("UAC -> P INVITE", "UAS -> P 200 INVITE"),
]


@pytest.mark.parametrize("lost", HALVES)
def test_offer_and_answer_of_two_hops_are_one_exchange(lost: tuple[str, ...]) -> None:
    capture = wire.read(without(OVER_A_PROXY, *lost), **OFFERS)
    calls = capture.table("calls").select("outcome_detail", "status", "setup_s", "codecs")
    assert calls.rows() == [("normal", 200, 2.0, "PCMU/8000")]
    assert capture.table("offers")["state"].to_list() == ["agreed"]
    assert capture.table("offer_answer_violations").is_empty()


AGAIN = """
    UAC -> UAS  INVITE branch=a                     @0
    UAS -> UAC  {refusal} INVITE branch=a to_tag=v  @0.1
    UAC -> UAS  ACK branch=a to_tag=v               @0.11
    UAS -> UAC  180 INVITE cseq=2 branch=b to_tag=y @{at}
    UAS -> UAC  {final} INVITE cseq=2 branch=b to_tag=y @{at}5
"""


@pytest.mark.parametrize("refusal", [302, 401, 407, 422, 486])
@pytest.mark.parametrize(("final", "expected"), [(200, ("answered", "active")), (486, ("busy", None))])
def test_an_invite_that_was_sent_again_and_not_captured(refusal: int, final: int, expected: tuple[Any, ...]) -> None:
    assert ending(AGAIN.format(refusal=refusal, final=final, at=0.5))[:2] == expected


@pytest.mark.parametrize("refusal", [486, 603])
def test_what_was_answered_long_after_a_refusal_was_another_call(refusal: int) -> None:
    assert ending(AGAIN.format(refusal=refusal, final=200, at=40.2))[0] in ("busy", "rejected")


def one_way(packets: list[tuple[int, bytes]]) -> analyzer.Capture:
    """The packets as text2pcap writes them that does not know the direction: all from one address to the other."""
    ends = bytes((10, 1, 1, 1, 10, 2, 2, 2))
    return analyzer.read(io.BytesIO(pcap(RAW_IP, [(at, data[:12] + ends + data[20:]) for at, data in packets])))


@pytest.mark.parametrize(("bye", "side"), [(bye_of_the_caller, "caller"), (bye_of_the_callee, "callee")])
def test_the_way_of_messages_without_a_direction_says_nothing(bye: Any, side: str) -> None:
    capture = one_way(wire.packets(ANSWERED + bye(12)))
    assert capture.table("calls")["released_by"].item() == side
    assert "sip_dialog_tag_wrong" not in capture.table("problems")["code"].to_list()


def test_a_refusal_that_was_acknowledged_came_though_it_was_captured_further_on_alone() -> None:
    busy = without(OVER_A_PROXY, "P -> UAC").replace("200 INVITE", "486 INVITE").replace(" sdp=answer", "")
    busy = busy.replace("branch=l,k", "branch=b").replace("branch=k", "branch=a").split("UAC -> P    BYE")[0]
    assert ending(busy.replace(" sdp=offer", ""))[:3] == ("busy", None, "callee")


def test_an_answer_that_nobody_acknowledged_may_not_have_come() -> None:
    call = without(OVER_A_PROXY, "P -> UAC").split("UAC -> P    ACK")[0].replace(" sdp=offer", "")
    assert ending(call.replace(" sdp=answer", ""))[:2] == ("unfinished", "waiting")


def test_of_two_forks_the_one_whose_answer_was_passed_on_is_the_final() -> None:
    call = without(OVER_A_PROXY, "P -> UAC").replace(" sdp=offer", "").replace(" sdp=answer", "")
    other = "P -> C INVITE branch=c,a @0.02\nC -> P 486 INVITE branch=c,a to_tag=c @0.3\n"
    lines = (call + other).strip().splitlines()
    call = "\n".join(sorted(lines, key=lambda line: float(line.rsplit("@", 1)[1])))
    assert ending(call)[:2] == ("answered", "normal")


def test_a_cancel_that_matched_nothing_crossed_no_answer() -> None:
    refused = "UAC -> UAS CANCEL branch=other @1\nUAS -> UAC 481 CANCEL branch=other to_tag=y @1.1\n"
    assert ending(RINGING + refused + OK + ACK + bye_of_the_caller(20))[:3] == ("answered", "normal", "caller")


# -- one direction alone was captured ----------------------------------------------------------------------------------


def test_an_ack_of_the_branch_of_the_invite_tells_of_a_refusal_that_was_not_captured() -> None:
    """RFC 3261 §17.1.1.3: that to a 2xx has a branch of its own."""
    dialogue = "UAC -> UAS INVITE @0\nUAC -> UAS ACK to_tag=y branch=zINVITE1x @3\n" + LATER.format(900)
    capture = wire.read(dialogue)
    assert endings(capture.table("calls").to_dicts()) == [("rejected", "final_unseen", "unknown", None)]
    assert capture.table("call_failures")["rule"].to_list() == ["the refusal was not captured"]
