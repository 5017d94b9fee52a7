"""Calls that were answered and broke: RFC 3261 §13.3.1.4 and §12.1.1, RFC 3262, TS 24.229 §7.2A.18."""

from __future__ import annotations

from tests.diagnose.rules.diagnosed import named, told

ASKED = "A -> B  INVITE branch=a @0\nB -> A  180 INVITE branch=a to_tag=y @0.1\n"
TO_ITSELF = "header=Contact:<sip:b@10.0.0.2>"
SENT = (1.5, 2.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5, 32.5)
END = (
    "B -> A  BYE branch=m cseq=7 from_tag=y to_tag=x @33.1\nA -> B  200 BYE branch=m cseq=7 from_tag=y to_tag=x @33.2\n"
)


def answered(contact: str = TO_ITSELF, copies: tuple[float, ...] = SENT) -> str:
    times = (1.0, *copies)
    return ASKED + "".join(f"B -> A  200 INVITE branch=a to_tag=y '{contact}' @{time}\n" for time in times)


ACK = "A -> B  ACK branch=k to_tag=y uri=sip:b@10.0.0.2 @1.01\n"
HUNG_UP = "A -> B  BYE branch=n cseq=2 to_tag=y {} @20\nB -> A  {} BYE branch=n cseq=2 to_tag=y @20.1\n"


def test_a_2xx_that_goes_on_for_64_t1_was_not_acknowledged() -> None:
    found = told(answered() + END)["ack_missing"]
    assert (found["severity"], found["calls"], found["nodes"]) == ("error", 1, "10.0.0.1:5060")
    assert "10.0.0.2:5060 sent the 200 to the INVITE 11 time(s)" in found["explanation"]
    assert found["frames"][0].endswith(":3")


def test_the_last_node_that_had_the_ack_did_not_bring_it_on() -> None:
    """RFC 3261 §16.11: a proxy sends an ACK on as any request."""
    sent = "P -> B  INVITE branch=p,a @0.05\n" + answered().removeprefix(ASKED).replace("B -> A", "B -> P").replace(
        "branch=a", "branch=p,a"
    )
    on = sent + answered().removeprefix(ASKED).replace("B -> A", "P -> A")
    found = told("A -> P  INVITE branch=a @0\n" + on + "A -> P  ACK branch=k to_tag=y uri=sip:b@10.0.0.2 @1.01\n" + END)
    assert found["ack_missing"]["nodes"] == "10.0.0.2:5060"


def test_an_ack_that_arrives_is_no_finding() -> None:
    assert named(answered(copies=()) + ACK + HUNG_UP.format("", 200)) == []


def test_an_answer_without_contact_explains_the_missing_ack() -> None:
    assert named(answered("header=X-Not:contact") + END) == ["contact_missing"]


def test_an_ack_to_another_address_than_contact_explains_it() -> None:
    astray = "A -> C  ACK branch=k to_tag=y uri=sip:b@10.0.0.9 @1.01\n"
    assert named(answered() + astray + END) == ["ack_misaddressed"]


def test_a_bye_that_is_refused() -> None:
    assert named(answered(copies=()) + ACK + HUNG_UP.format("", 481)) == ["bye_failed"]


def test_a_bye_that_follows_its_refused_one_and_is_accepted_ends_the_call() -> None:
    again = "A -> B  BYE branch=o cseq=3 to_tag=y @21\nB -> A  200 BYE branch=o cseq=3 to_tag=y @21.1\n"
    assert named(answered(copies=()) + ACK + HUNG_UP.format("", 403) + again) == []


def test_a_bye_with_a_failure_cause_is_a_dropped_call() -> None:
    lost = "'header=Reason:FAILURE_CAUSE;cause=1;text=\"Media bearer loss\"'"
    found = told(answered(copies=()) + ACK + HUNG_UP.format(lost, 200))
    assert found["call_dropped"]["severity"] == "error"
    assert "cleared_by_network" not in found


def test_a_bye_with_a_cause_of_the_network_that_is_not_the_radio() -> None:
    cleared = "'header=Reason:Q.850;cause=38'"
    assert named(answered(copies=()) + ACK + HUNG_UP.format(cleared, 200)) == ["cleared_by_network"]


RELIABLE = "B -> A  183 INVITE branch=a to_tag=y rseq=1 @{}\n"
REFUSED = "B -> A  504 INVITE branch=a to_tag=y @33\nA -> B  ACK branch=a to_tag=y @33.1\n"


def test_a_reliable_response_that_goes_on_has_no_prack() -> None:
    copies = "".join(RELIABLE.format(at) for at in (0.1, 0.6, 1.6, 3.6, 7.6, 15.6, 31.6))
    found = told("A -> B  INVITE branch=a @0\n" + copies + REFUSED)
    assert next(iter(found)) == "prack_missing"
    assert "no PRACK was sent" in found["prack_missing"]["explanation"]
    assert "request_timeout" not in found


def test_one_copy_of_a_reliable_response_is_a_lost_packet() -> None:
    prack = "A -> B  PRACK branch=p cseq=2 to_tag=y rack=1 @0.7\nB -> A  200 PRACK branch=p cseq=2 to_tag=y @0.8\n"
    answer = "B -> A  200 INVITE branch=a to_tag=y @2\n" + ACK + HUNG_UP.format("", 200)
    assert named("A -> B  INVITE branch=a @0\n" + RELIABLE.format(0.1) + RELIABLE.format(0.6) + prack + answer) == []


def test_a_request_within_the_dialog_that_nobody_knows() -> None:
    lost = "A -> B  UPDATE branch=u cseq=2 to_tag=y @10\nB -> A  481 UPDATE branch=u cseq=2 to_tag=y @10.1\n"
    bye = "A -> B  BYE branch=n cseq=3 to_tag=y @10.5\nB -> A  481 BYE branch=n cseq=3 to_tag=y @10.6\n"
    assert named(answered(copies=()) + ACK + lost + bye) == ["dialog_unknown"]


def test_one_glare_is_no_warning_and_three_are() -> None:
    def glare(times: int) -> str:
        lines = (
            f"A -> B  INVITE branch=g{n} cseq={n + 2} to_tag=y @{5 + n}\n"
            f"B -> A  491 INVITE branch=g{n} cseq={n + 2} to_tag=y @{5 + n}.1\n"
            f"A -> B  ACK branch=g{n} cseq={n + 2} to_tag=y @{5 + n}.2\n"
            for n in range(times)
        )
        bye = "A -> B  BYE branch=n cseq=9 to_tag=y @20\nB -> A  200 BYE branch=n cseq=9 to_tag=y @20.1\n"
        return answered(copies=()) + ACK + "".join(lines) + bye

    assert told(glare(1))["glare"]["severity"] == "info"
    assert told(glare(3))["glare"]["severity"] == "warning"


def test_an_answer_that_is_sent_once_had_its_ack() -> None:
    """Over any transport it would be sent again (RFC 3261 §13.3.1.4): the capture lacks the ACK, not the call."""
    assert named(answered(copies=()) + END) == []


def test_a_node_that_answered_for_a_callee_who_is_busy_ends_the_call_rightly() -> None:
    """A queue or voice menu: Q.850 17 is of the user behind it, and 38 of the network."""
    busy = told(answered(copies=()) + ACK + HUNG_UP.format("'header=Reason:Q.850;cause=17'", 200))
    assert busy["cleared_by_network"]["severity"] == "info"
