"""Where requests went and what became of them: RFC 3263 §4.3, RFC 3581 §4, RFC 3261 §10.3, §18; and services on top."""

from __future__ import annotations

import pytest

from tests.diagnose.rules.diagnosed import named, told
from tests.diagnose.rules.test_rules_of_registrations import CONTACT, END, of, register

# -- failover (R57)


def tried(first: str, second: str, *, via: str = "C") -> str:
    return (
        "A -> P  INVITE branch=a @0\n"
        f"P -> B  INVITE branch=p1,a @0.1\nB -> P  {first} INVITE branch=p1,a to_tag=f @0.2\n"
        "P -> B  ACK branch=p1 to_tag=f @0.3\n"
        f"P -> {via}  INVITE branch=p2,a @0.4\n"
        f"{via} -> P  {second} INVITE branch=p2,a to_tag=y 'header=Contact:<sip:b@10.0.0.4>' @0.5\n"
        f"P -> A  {second} INVITE branch=a to_tag=y 'header=Contact:<sip:b@10.0.0.4>' @0.6\n"
        "A -> P  ACK branch=k to_tag=y uri=sip:b@10.0.0.4 @0.7\n"
        f"P -> {via}  ACK branch=l,k to_tag=y uri=sip:b@10.0.0.4 @0.8\n"
        f"A -> {via}  BYE branch=n cseq=2 to_tag=y @60\n{via} -> A  200 BYE branch=n cseq=2 to_tag=y @60.1\n"
    )


def test_a_call_that_a_second_node_saved() -> None:
    found = told(tried("503", "200"))["failover"]
    assert (found["severity"], found["nodes"]) == ("warning", "10.0.0.3:5060")


def test_a_second_branch_after_busy_is_forwarding_and_no_failover() -> None:
    assert named(tried("486", "200")) == []


def test_a_second_target_after_503_is_a_fork_and_no_failover() -> None:
    """RFC 3263 §4.3: another server gets the same request. A proxy that tries the next contact puts it in (§16.6)."""
    forked = tried("503", "200").replace("P -> C  INVITE branch=p2,a", "P -> C  INVITE branch=p2,a uri=sip:b2@10.0.0.4")
    assert "failover" not in told(forked)


# -- called subscribers (R26, R84)


def called(at: float, status: int, *, rang: bool = False) -> str:
    own = "call_id=c branch=i from_tag=c uri=sip:a@example.com to=sip:a@example.com"
    ringing = f"R -> C  180 INVITE {own} to_tag=y @{at + 0.1}\n" if rang else ""
    return (
        f"C -> R  INVITE {own} @{at}\n{ringing}R -> C  {status} INVITE {own} to_tag=y @{at + 1}\n"
        f"C -> R  ACK {own} to_tag=y @{at + 1.1}\n"
    )


BOUND = register(1, 0, of(200, 1, f"{CONTACT} header=Expires:600"))


def test_a_call_after_the_binding_expired() -> None:
    found = told(BOUND + called(700, 480) + END.format(900.0))
    assert "registration_lapsed" in found
    assert "subscriber_unreachable" not in found


def test_a_call_to_a_subscriber_whose_binding_is_valid() -> None:
    assert named(BOUND + called(300, 480) + END.format(900.0)) == ["subscriber_unreachable"]


@pytest.mark.parametrize("at", [300, 700])
def test_a_subscriber_who_rang_was_reached(at: float) -> None:
    assert named(BOUND + called(at, 480, rang=True) + END.format(900.0)) == []


def test_a_subscriber_who_was_never_seen_to_register_has_no_lapse() -> None:
    assert named(called(300, 480) + END.format(900.0)) == []


# -- emergency calls (R81, R82)

SOS = "A -> P  INVITE branch=e call_id=e uri=urn:service:sos to=urn:service:sos @{0}\n"
NO = "P -> A  {1} INVITE branch=e call_id=e to=urn:service:sos to_tag=y @{0}.1\n"
NO += "A -> P  ACK branch=e call_id=e to=urn:service:sos to_tag=y @{0}.2\n"


@pytest.mark.parametrize("status", [403, 404, 503])
def test_an_emergency_call_that_is_refused(status: int) -> None:
    assert named(SOS.format(5) + NO.format(5, status)) == ["emergency_call_failed"]


def test_an_emergency_call_that_its_caller_cancels_did_not_fail() -> None:
    cancel = "A -> P  CANCEL branch=e call_id=e uri=urn:service:sos to=urn:service:sos @5.05\n"
    cancel += "P -> A  200 CANCEL branch=e call_id=e to=urn:service:sos to_tag=y @5.06\n"
    assert named(SOS.format(5) + cancel + NO.format(5, 487)) == []


# -- transfers (R92)

ANSWERED = (
    "A -> B  INVITE branch=a @0\nB -> A  200 INVITE branch=a to_tag=y 'header=Contact:<sip:b@10.0.0.2>' @1\n"
    "A -> B  ACK branch=k to_tag=y uri=sip:b@10.0.0.2 @1.01\n"
)
BYE = "A -> B  BYE branch=n cseq=99 to_tag=y @60\nB -> A  200 BYE branch=n cseq=99 to_tag=y @60.1\n"
REFER = "A -> B  REFER branch=r cseq=2 to_tag=y header=Refer-To:<sip:c@example.com> @5\n"


def test_a_refer_that_is_refused_is_a_failed_transfer() -> None:
    found = told(ANSWERED + REFER + "B -> A  603 REFER branch=r cseq=2 to_tag=y @5.1\n" + BYE)
    assert "refused with 603" in found["transfer_failed"]["explanation"]


def test_a_refer_that_is_challenged_first_is_none() -> None:
    again = REFER.replace("branch=r cseq=2", "branch=s cseq=3").replace("@5", "@5.2")
    ok = "B -> A  202 REFER branch=s cseq=3 to_tag=y @5.3\n"
    assert named(ANSWERED + REFER + "B -> A  407 REFER branch=r cseq=2 to_tag=y @5.1\n" + again + ok + BYE) == []


# -- drops at one time (R79), session timer (R73)


def conversations(lengths: list[float]) -> str:
    lines = []
    for n, length in enumerate(lengths):
        own, at = f"call_id=c{n} from_tag=x{n} to_tag=y{n}", 5000.0 * n
        lines += [
            f"A -> B  INVITE call_id=c{n} from_tag=x{n} branch=a{n} @{at}",
            f"B -> A  200 INVITE {own} branch=a{n} 'header=Contact:<sip:b@10.0.0.2>' @{at + 1}",
            f"A -> B  ACK {own} branch=k{n} uri=sip:b@10.0.0.2 @{at + 1.1}",
            f"A -> B  BYE {own} branch=b{n} cseq=2 @{at + 1 + length}",
            f"B -> A  200 BYE {own} branch=b{n} cseq=2 @{at + 1.1 + length}",
        ]
    return "\n".join(lines) + "\n"


def test_conversations_that_end_after_the_same_time() -> None:
    found = told(conversations([300.0] * 12 + [40.0 + 7 * n for n in range(10)]))["fixed_time_drops"]
    assert (found["severity"], found["calls"]) == ("warning", 12)
    assert "ended after 300 s" in found["explanation"]


def test_conversations_without_an_ack_end_after_32_s_for_that() -> None:
    """RFC 3261 §13.3.1.4: 64*T1, and the 2xx again and again until then; the missing ACK is the finding."""
    lines = conversations([32.0] * 12).splitlines()
    unacknowledged = [line for line in lines if " ACK " not in line]
    answers = [line.rpartition("@") for line in lines if "200 INVITE" in line]
    waits = (0.5, 1.5, 3.5, *(7.5 + 4 * n for n in range(7)))
    again = [f"{said}@{float(at) + wait}" for said, _, at in answers for wait in waits]
    found = named("\n".join([*unacknowledged, *again]) + "\n")
    assert found == ["ack_missing"]


def test_conversations_of_people_end_at_any_time() -> None:
    assert named(conversations([40.0 + 7 * n for n in range(30)])) == []


# -- UDP: too large (R06), wrong length (R09)

BULK = "header=X-Bulk:" + "x" * 1400
AGAIN = (0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
SMALL = "A -> B  OPTIONS call_id=s branch=s @{0}\nB -> A  200 OPTIONS call_id=s branch=s to_tag=s @{0}1\n"


def silent(more: str) -> str:
    return "".join(f"A -> B  MESSAGE call_id=m branch=m {more} @{at}\n" for at in AGAIN)


def test_large_requests_that_get_no_answer_where_small_ones_do() -> None:
    assert named(SMALL.format(50.0) + silent(BULK) + END.format(300.0)) == ["udp_request_too_big"]


def test_small_requests_without_an_answer_or_large_ones_that_arrive_refute_it() -> None:
    assert "udp_request_too_big" not in named(SMALL.format(50.0) + silent("") + END.format(300.0))
    large = SMALL.format(50.0).replace("branch=s @", f"branch=s {BULK} @")
    assert "udp_request_too_big" not in named(large + silent(BULK) + END.format(300.0))


# -- stamps (R93)


def test_a_response_stamped_before_its_request_is_worth_knowing() -> None:
    late = "B -> A  486 INVITE branch=a to_tag=y @1\nA -> B  INVITE branch=a @1.2\nA -> B  ACK branch=a to_tag=y @1.3\n"
    assert told(late)["response_before_request"]["severity"] == "info"
    assert "response_before_request" not in told(late.replace("@1.2", "@0.9"))


# -- enumeration (R98)


def asked(users: int, status: int) -> str:
    own = "REGISTER call_id=u{0} from_tag=x{0} branch=u{0} to=sip:1{0}@example.com"
    turn = f"A -> R  {own} @{{0}}\nR -> A  {status} {own} to_tag=y @{{0}}.1\n"
    return "".join(map(turn.format, range(users)))


def test_one_source_that_asks_for_many_users_in_vain() -> None:
    assert "user_enumeration" in named(asked(25, 404))


def test_a_trunk_that_registers_many_users_is_none() -> None:
    once = asked(1, 200).replace("u0", "v0").replace("@0", "@40")
    assert "user_enumeration" not in named(asked(25, 404) + once)
    assert "user_enumeration" not in named(asked(15, 404))
