"""Hold and resume: RFC 3264 §8.4, RFC 6337 §5.3, worked by hand."""

from __future__ import annotations

from typing import Any

import captures
import polars as pl
import pytest
from places import SAMPLES

from tests.sip.wire import audio, read

OPENING = """
    A -> B  INVITE sdp=a             @0
    B -> A  200 INVITE to_tag=y sdp=b @1
    A -> B  ACK to_tag=y             @1.1
"""
BYE = "A -> B BYE cseq=99 to_tag=y @100\nB -> A 200 BYE cseq=99 to_tag=y @100.1\n"


def exchange(number: int, side: str, offer: str, answer: str) -> str:
    """A re-INVITE of caller or callee at ten times its number, answered a second later."""
    there, back, tags = ("A -> B", "B -> A", "to_tag=y")
    if side == "callee":
        there, back, tags = back, there, "from_tag=y to_tag=x"
    at, cseq = 10 * number, number + 1
    return (
        f"{there} INVITE cseq={cseq} {tags} sdp={offer} @{at}\n"
        f"{back} 200 INVITE cseq={cseq} {tags} sdp={answer} @{at + 1}\n"
        f"{there} ACK cseq={cseq} {tags} @{at + 1.1}\n"
    )


# Descriptions by side, version and direction: a2s is what the caller says second, sendonly.
LETTER = {"b": "sendrecv", "s": "sendonly", "r": "recvonly", "i": "inactive"}
BODIES = {
    f"{side}{version}{letter}": audio("ab".index(side) + 1, version, direction)
    for side in "ab"
    for version in range(2, 7)
    for letter, direction in LETTER.items()
} | {"a": audio(1), "b": audio(2)}


def holds(*steps: tuple[str, str, str], end: str = BYE, **bodies: str) -> tuple[list[Any], float | None]:
    """The holds of a call with these re-INVITEs, in seconds after its start, and its hold_s."""
    dialogue = OPENING + "".join(exchange(number, *step) for number, step in enumerate(steps, 1)) + end
    capture = read(dialogue, **BODIES | bodies)
    start = capture.table("messages")["time"].min()
    frame = capture.table("holds").with_columns((pl.col("started_at", "ended_at") - start).dt.total_seconds())
    return frame.select("held_by", "started_at", "ended_at").rows(), capture.table("calls")["hold_s"][0]


def test_a_call_that_nobody_holds() -> None:
    assert holds() == ([], 0.0)


@pytest.mark.parametrize(("side", "mine", "other"), [("caller", "a", "b"), ("callee", "b", "a")])
def test_hold_and_resume(side: str, mine: str, other: str) -> None:
    hold = (side, f"{mine}2s", f"{other}2r")
    assert holds(hold, (side, f"{mine}3b", f"{other}3b")) == ([(side, 11, 21)], 10.0)


def test_inactive_holds_too() -> None:
    assert holds(("caller", "a2i", "b2i"), ("caller", "a3b", "b3b")) == ([("caller", 11, 21)], 10.0)


def test_an_address_of_zeros_holds_as_rfc_2543_had_it() -> None:
    zeros = audio(1, 2).replace("c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0")
    assert holds(("caller", "zeros", "b2b"), ("caller", "a3b", "b3b"), zeros=zeros) == ([("caller", 11, 21)], 10.0)


def test_both_hold() -> None:
    """Whoever is held and holds says inactive (RFC 3264 §8.4)."""
    steps = [("caller", "a2s", "b2r"), ("callee", "b3i", "a3i"), ("caller", "a4r", "b4s"), ("callee", "b5b", "a5b")]
    assert holds(*steps) == ([("caller", 11, 21), ("both", 21, 31), ("callee", 31, 41)], 30.0)


def test_a_refresh_of_the_side_that_is_held_is_no_hold_of_its_own() -> None:
    steps = [("caller", "a2i", "b2i"), ("callee", "b2i", "a2i"), ("caller", "a3b", "b3b")]
    assert holds(*steps) == ([("caller", 11, 31)], 20.0)


def test_the_side_that_is_held_cannot_resume_alone() -> None:
    """It offers to send and receive; who holds answers sendonly again."""
    steps = [("caller", "a2s", "b2r"), ("callee", "b3b", "a2s"), ("caller", "a4b", "b4b")]
    assert holds(*steps) == ([("caller", 11, 31)], 20.0)


def test_who_holds_may_resume_in_an_answer() -> None:
    assert holds(("caller", "a2s", "b2r"), ("callee", "b3b", "a3b")) == ([("caller", 11, 21)], 10.0)


def test_the_end_of_the_call_ends_the_hold() -> None:
    assert holds(("caller", "a2s", "b2r")) == ([("caller", 11, 100)], 89.0)


def test_a_hold_that_outlasts_the_capture_has_no_end_and_no_sum() -> None:
    assert holds(("caller", "a2s", "b2r"), end="") == ([("caller", 11, None)], None)


def test_a_call_that_opens_one_way_is_not_on_hold() -> None:
    """An announcement answers sendonly, a bearer that is not there yet is inactive."""
    assert holds(a=audio(1), b=audio(2, 1, "sendonly")) == ([], 0.0)
    assert holds(("caller", "a2b", "b2b"), a=audio(1, 1, "inactive"), b=audio(2, 1, "inactive")) == ([], 0.0)


def test_a_stream_taken_out_of_use_is_not_on_hold() -> None:
    gone = audio(1, 3, "sendonly", port=0), audio(2, 3, "recvonly", port=0)
    steps = [("caller", "a2s", "b2r"), ("caller", "goneA", "goneB")]
    assert holds(*steps, goneA=gone[0], goneB=gone[1]) == ([("caller", 11, 21)], 10.0)


def test_two_streams_on_hold_at_one_time_count_once() -> None:
    two = {
        name: text + text.partition("t=0 0\n")[2].replace("audio 4000", "video 5000") for name, text in BODIES.items()
    }
    found, seconds = holds(("caller", "a2s", "b2r"), ("caller", "a3b", "b3b"), **two)
    assert (found, seconds) == ([("caller", 11, 21), ("caller", 11, 21)], 10.0)


def test_a_refused_hold_is_none() -> None:
    refused = "A -> B INVITE cseq=2 to_tag=y sdp=a2s @10\nB -> A 488 INVITE cseq=2 to_tag=y @11\n"
    assert holds(end=refused + BYE) == ([], 0.0)


def test_an_unanswered_call_has_no_hold_time() -> None:
    assert read("A -> B INVITE sdp=a @0\nB -> A 486 INVITE to_tag=y @1", **BODIES).table("calls")["hold_s"][0] is None


def test_of_a_dialog_older_than_the_capture_nobody_is_the_caller() -> None:
    capture = read(exchange(1, "callee", "b2s", "a2r") + exchange(2, "callee", "b3b", "a3b"), **BODIES)
    assert capture.table("holds").select("held_by", "duration_s").rows() == [("unknown", 10.0)]


def test_the_sample_of_hold_and_resume() -> None:
    """Bob's hold is answered at 10.030 s, his resume at 30.033 s."""
    capture = captures.read(SAMPLES / "hold_resume.pcap")
    assert capture.table("holds").select("held_by", "duration_s").rows() == [("callee", 20.003)]
    assert capture.table("calls")["hold_s"].to_list() == [20.003]
