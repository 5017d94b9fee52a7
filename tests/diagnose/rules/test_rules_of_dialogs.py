"""Requests within and around a dialog: RFC 3261 §9, §12.2.2, §17; RFC 3262 §3; RFC 4028 §8.1; RFC 6086 §4.2.2."""

from __future__ import annotations

import pytest

from tests.diagnose.rules.diagnosed import named, told

ASKED = "A -> B  INVITE branch=a @0\nB -> A  180 INVITE branch=a to_tag=y @0.1\n"
ANSWERED = (
    ASKED
    + "B -> A  200 INVITE branch=a to_tag=y 'header=Contact:<sip:b@10.0.0.2>' @1\n"
    + "A -> B  ACK branch=k to_tag=y uri=sip:b@10.0.0.2 @1.01\n"
)
BYE = "A -> B  BYE branch=n cseq=99 to_tag=y @60\nB -> A  200 BYE branch=n cseq=99 to_tag=y @60.1\n"


def within(method: str, cseq: int, status: int, at: float, more: str = "") -> str:
    ask = f"A -> B  {method} branch=i{cseq}{at} cseq={cseq} to_tag=y {more} @{at}\n"
    return ask + f"B -> A  {status} {method} branch=i{cseq}{at} cseq={cseq} to_tag=y @{at + 0.1:.1f}\n"


# -- INFO (R70)


@pytest.mark.parametrize("status", [405, 415, 469, 501])
def test_info_of_a_kind_that_is_not_taken(status: int) -> None:
    assert named(ANSWERED + within("INFO", 2, status, 5) + BYE) == ["info_refused"]


def test_info_that_is_taken_or_challenged_is_no_finding() -> None:
    assert named(ANSWERED + within("INFO", 2, 200, 5) + BYE) == []
    assert named(ANSWERED + within("INFO", 2, 407, 5) + within("INFO", 3, 200, 6) + BYE) == []


# -- PRACK (R46)

RELIABLE = "A -> B  INVITE branch=a @0\nB -> A  183 INVITE branch=a to_tag=y rseq=1 @0.1\n"
THEN = ANSWERED.removeprefix(ASKED)


def test_a_prack_that_is_refused() -> None:
    assert named(RELIABLE + within("PRACK", 2, 481, 0.2, "rack=7") + THEN + BYE) == ["prack_refused"]


def test_a_prack_whose_refusal_ends_the_call_is_an_error_and_none_is_missing() -> None:
    again = "".join(f"B -> A  183 INVITE branch=a to_tag=y rseq=1 @{at}\n" for at in (0.6, 1.6, 3.6, 7.6))
    failed = "B -> A  504 INVITE branch=a to_tag=y @33\nA -> B  ACK branch=a to_tag=y @33.1\n"
    found = told(RELIABLE + within("PRACK", 2, 481, 0.2, "rack=7") + again + failed)
    assert {code: row["severity"] for code, row in found.items()} == {"prack_refused": "error"}


def test_a_prack_that_is_taken_or_challenged_is_no_finding() -> None:
    assert named(RELIABLE + within("PRACK", 2, 200, 0.2, "rack=1") + THEN + BYE) == []
    challenged = within("PRACK", 2, 407, 0.2, "rack=1") + within("PRACK", 3, 200, 0.5, "rack=1")
    assert named(RELIABLE + challenged + THEN + BYE) == []


def test_a_prack_that_crosses_the_final_response_is_no_finding() -> None:
    """RFC 3262 §3: the transaction of the INVITE is over, and no reliable response waits any more."""
    late = "A -> B  PRACK branch=p cseq=2 to_tag=y rack=1 @1.05\nB -> A  481 PRACK branch=p cseq=2 to_tag=y @1.1\n"
    assert named(RELIABLE + THEN + late + BYE) == []


# -- CSeq (R47)


def test_a_cseq_number_that_goes_back_is_refused_with_500() -> None:
    found = told(ANSWERED + within("UPDATE", 7, 200, 5) + within("INFO", 6, 500, 9) + BYE)
    assert "cseq_disorder" in found
    assert "CSeq 6 after 7" in found["cseq_disorder"]["explanation"]


def test_500_to_a_request_in_order_is_no_matter_of_numbers() -> None:
    assert "cseq_disorder" not in told(ANSWERED + within("UPDATE", 6, 200, 5) + within("INFO", 7, 500, 9) + BYE)


# -- session interval (R74)


def too_small(number: int) -> str:
    lines = (
        f"A -> B  INVITE branch=s{number} cseq={number} @{number}",
        f"B -> A  422 INVITE branch=s{number} cseq={number} to_tag=r{number} header=Min-SE:{900 + number} @{number}.1",
        f"A -> B  ACK branch=s{number} cseq={number} to_tag=r{number} @{number}.2",
    )
    return "\n".join(lines) + "\n"


def test_422_three_times_is_a_loop() -> None:
    assert named("".join(map(too_small, (1, 2, 3)))) == ["session_interval_loop"]


def test_422_once_and_then_an_answer_is_the_way_of_rfc_4028() -> None:
    answered = ANSWERED.replace("branch=a", "branch=a cseq=2").replace("branch=k", "branch=k cseq=2")
    later = "".join(line.rpartition("@")[0] + f"@{5 + n}\n" for n, line in enumerate(answered.splitlines()))
    assert named(too_small(1) + later + BYE) == []


# -- CANCEL (R100)


def cancelled(answer: int, *, final: bool) -> str:
    cancel = f"A -> B  CANCEL branch=a @5\nB -> A  {answer} CANCEL branch=a to_tag=y @5.1\n"
    before = "B -> A  486 INVITE branch=a to_tag=y @4.9\nA -> B  ACK branch=a to_tag=y @5.05\n"
    return ASKED + (before if final else "") + cancel


def test_a_cancel_that_matches_no_invite() -> None:
    gone = "B -> A  480 INVITE branch=a to_tag=y @60\nA -> B  ACK branch=a to_tag=y @60.1\n"
    assert "cancel_unmatched" in named(cancelled(481, final=False) + gone)


def test_a_cancel_that_crosses_the_final_response_matched_too_late() -> None:
    """RFC 3261 §9.2: after a final response a CANCEL has no effect."""
    assert named(cancelled(481, final=True)) == []


# -- retransmissions (R36, R37, R41)

COPIES = (0, 0.5, 1.5, 3.5, 7.5)


def refusal(copies: tuple[float, ...]) -> str:
    sent = "".join(f"B -> A  404 INVITE branch=a to_tag=y @{1 + at}\n" for at in copies)
    return "A -> B  INVITE branch=a @0\n" + sent + "A -> B  ACK branch=a to_tag=y @40\n"


def test_a_refusal_that_goes_on_was_not_acknowledged() -> None:
    assert "failure_not_acknowledged" in named(refusal(COPIES))
    assert "failure_not_acknowledged" not in named(refusal(COPIES[:2]))


def late(copies: tuple[float, ...], method: str = "OPTIONS") -> str:
    sent = "".join(f"A -> B  {method} branch=o @{at}\n" for at in copies)
    return sent + f"B -> A  200 {method} branch=o to_tag=y @9\n"


def test_a_request_that_is_sent_five_times_before_its_answer() -> None:
    assert named(late(COPIES)) == ["retransmission_storm"]
    assert named(late(COPIES[:2])) == []


def link(resent: int, calls: int = 20) -> str:
    lines = []
    for n in range(calls):
        own, at = f"call_id=c{n} from_tag=x{n} branch=a{n}", 10.0 * n
        lines += [f"A -> B  INVITE {own} @{at}"] + [f"A -> B  INVITE {own} @{at + 0.5}"] * (n < resent)
        lines += [f"B -> A  486 INVITE {own} to_tag=y{n} @{at + 1}", f"A -> B  ACK {own} to_tag=y{n} @{at + 1.1}"]
    return "\n".join(lines) + "\n"


def test_invites_that_are_sent_again_often() -> None:
    found = told(link(6))
    assert found["retransmissions"]["calls"] == 6
    assert "6 of 20 INVITEs (30.0 %)" in found["retransmissions"]["explanation"]


def test_a_few_invites_that_are_sent_again_are_no_finding() -> None:
    assert named(link(4)) == []
