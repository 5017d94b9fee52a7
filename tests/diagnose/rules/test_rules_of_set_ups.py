"""Set-ups that wait for a bearer (RFC 3312 §6, TS 24.229 §5.1.3), and sessions that a timer ends (RFC 4028 §10)."""

from __future__ import annotations

import pytest

from tests.diagnose.rules.diagnosed import named
from tests.ims.ims_wire import read

VOLTE = """
UE -> P   INVITE via=i sdp=1 qos=none,none                               @0.000
P -> UE   100 INVITE via=i                                               @0.010
P -> UE   183 INVITE via=i to_tag=y sdp=2 qos=none,none header=RSeq:1    @1.000
UE -> P   PRACK via=p cseq=2 to_tag=y "header=RAck:1 1 INVITE"           @1.100
P -> UE   200 PRACK via=p cseq=2 to_tag=y                                @1.150
UE -> P   UPDATE via=u cseq=3 to_tag=y sdp=1 qos=sendrecv,none           @1.600
P -> UE   200 UPDATE via=u cseq=3 to_tag=y sdp=2 qos={0},sendrecv        @1.700
"""
CANCEL = """
UE -> P   CANCEL via=i                 @{0}.0
P -> UE   200 CANCEL via=i             @{0}.1
P -> UE   487 INVITE via=i to_tag=y    @{0}.2
"""


def stalls(lines: int, cancelled: int, callee: str = "none") -> list[str]:
    """What is said of a call that was cancelled after so many of its lines."""
    begun = "\n".join(VOLTE.format(callee).strip().splitlines()[:lines])
    found = read(begun + CANCEL.format(cancelled)).table("findings").filter(code="precondition_stall")
    return found["explanation"].str.extract(r"The (\w+) had not").to_list()


def test_a_set_up_waits_for_the_side_that_never_confirms() -> None:
    assert stalls(5, 30) == ["caller"]
    # RFC 3312 §6: the answer to the UPDATE says whether the callee has its resources.
    assert stalls(7, 30) == ["callee"]


def test_a_caller_who_hangs_up_at_once_shows_no_stall() -> None:
    assert stalls(5, 3) == []


def test_a_call_in_which_both_sides_confirmed_waits_for_something_else() -> None:
    assert stalls(7, 30, "sendrecv") == []


# -- session timer (R73)

TIMED = "'header=Session-Expires:90;refresher=uac' 'header=Supported:timer'"
CALL = (
    f"A -> B  INVITE branch=a {TIMED} @0\n"
    f"B -> A  200 INVITE branch=a to_tag=y 'header=Contact:<sip:b@10.0.0.2>' {TIMED} header=Require:timer @1\n"
    "A -> B  ACK branch=k to_tag=y uri=sip:b@10.0.0.2 @1.01\n"
)
BYE = "B -> A  BYE branch=n from_tag=y to_tag=x @{0}\nA -> B  200 BYE branch=n from_tag=y to_tag=x @{0}.1\n"
REFRESH = (
    f"A -> B  UPDATE branch=u cseq=2 to_tag=y {TIMED} @46\nB -> A  200 UPDATE branch=u cseq=2 to_tag=y {TIMED} @46.1\n"
)


def test_a_bye_before_the_session_would_expire_is_of_the_timer() -> None:
    """The side that does not refresh sends it min(32 s, 90 s / 3) before."""
    assert named(CALL + BYE.format(62)) == ["session_timer_expired"]


@pytest.mark.parametrize("call", [CALL + BYE.format(40), CALL + REFRESH + BYE.format(80)])
def test_a_bye_earlier_or_after_a_refresh_is_of_a_user(call: str) -> None:
    assert named(call) == []
