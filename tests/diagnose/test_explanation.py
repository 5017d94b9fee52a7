"""Which node ended a call, as far as the capture shows it."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer.diagnose.explanation import explain
from tests.show.flow import messages

BUSY = """
    0     192.0.2.1  -> 192.0.2.10 INVITE
    0.001 192.0.2.10 -> 192.0.2.20 INVITE | via_branch=b2
    0.5   192.0.2.20 -> 192.0.2.10 486 Busy Here | via_branch=b2
    0.501 192.0.2.10 -> 192.0.2.1  486 Busy Here
"""


def told(flow: str, status: int | None = None, outcome: str = "rejected") -> list[str]:
    return explain({"reference": 1, "status": status, "outcome": outcome}, messages(flow))


def test_the_node_furthest_from_the_caller_said_it_first() -> None:
    assert told(BUSY, 486) == [
        "486 Busy Here first seen from 192.0.2.20:5060 (frame 3), passed on by 192.0.2.10:5060 (frame 4)"
    ]


def test_what_a_proxy_made_of_another_status_is_its_own() -> None:
    # RFC 3261 §16.7 item 6: a proxy does not forward a 503; it answers 500 itself.
    flow = BUSY.replace("486 Busy Here | via_branch=b2", "503 Down | via_branch=b2").replace(
        "486 Busy Here", "500 Oops"
    )
    assert told(flow, 500) == [
        "500 Oops first seen from 192.0.2.10:5060 (frame 4)",
        "before it 503 from 192.0.2.20:5060 (frame 3)",
    ]


def test_a_challenge_that_was_answered_decided_nothing() -> None:
    # RFC 3261 §22.2: credentials rejected are challenged again.
    flow = """
        0 a -> b INVITE
        1 b -> a 407 Auth | to_tag=t1
        2 a -> b INVITE | cseq=2
        3 b -> a 407 Auth | cseq=2 to_tag=t2
    """
    assert told(flow, 407) == ["407 Auth first seen from b:5060 (frame 4)"]


def test_a_refusal_sent_again_and_a_duplicate_are_no_other_node() -> None:
    flow = """
        0 a -> b INVITE
        1 b -> a 404 No
        1 b -> a 404 No | duplicate original=2
        2 b -> a 404 No | retransmission
    """
    assert told(flow, 404) == ["404 No first seen from b:5060 (frame 2)"]


def test_where_nobody_answered_the_last_node_asked_is_named() -> None:
    assert told(
        "0 a -> b INVITE\n1 b -> [2001:db8::1]:5060 INVITE\n2 a -> b INVITE | retransmission", None, "timeout"
    ) == ["no final response seen to the INVITE last sent by b:5060 (frame 2) to [2001:db8::1]:5060"]


@pytest.mark.parametrize(("method", "outcome"), [("BYE", "answered"), ("CANCEL", "no_answer")])
def test_who_ended_it(method: str, outcome: str) -> None:
    flow = f"0 a -> b INVITE\n1 b -> a {method} | reason_header=Q.850;cause=16\n2 a -> c {method}"
    assert told(flow, 200, outcome) == [f"{method} first seen from b:5060 (frame 2): Q.850;cause=16"]


def test_a_call_that_was_given_up_names_the_cancel_before_the_487() -> None:
    flow = "0 a -> b INVITE\n1 a -> b CANCEL\n2 b -> a 487 Request Terminated"
    assert told(flow, 487, "cancelled") == [
        "CANCEL first seen from a:5060 (frame 2)",
        "487 Request Terminated first seen from b:5060 (frame 3)",
    ]


def test_the_cancel_of_a_fork_that_lost_ended_no_call() -> None:
    assert told("0 a -> b INVITE\n1 b -> c CANCEL\n2 b -> a 200 OK", 200, "answered") == []


def test_a_call_that_goes_on_has_none() -> None:
    assert told("0 a -> b INVITE\n1 b -> a 200 OK", 200, "answered") == []


UNACKNOWLEDGED = """
    0   a -> b INVITE
    0.1 b -> c INVITE | via_branch=b2
    1   c -> b 200 OK | via_branch=b2 frame=7
    1.1 b -> a 200 OK
    2   b -> a 200 OK | retransmission
    33  a -> b BYE | cseq=2
"""


def of_no_ack(flow: str) -> list[str]:
    return explain({"reference": 1, "status": 200, "outcome": "answered", "outcome_detail": "no_ack"}, messages(flow))


def test_a_200_without_contact_tells_why_no_ack_came() -> None:
    """RFC 3261 §13.2.2.4: the ACK goes to the remote target, which is the Contact of the 200."""
    told = of_no_ack(UNACKNOWLEDGED)
    assert told[0] == "the 200 from c:5060 (frame 7) has no Contact (RFC 3261 §12.1.1): its ACK has no address to go to"


def test_a_200_with_contact_tells_nothing_of_it() -> None:
    told = of_no_ack(UNACKNOWLEDGED.replace("200 OK", "200 OK | contact_uri=sip:c").replace("sip:c |", "sip:c"))
    assert not any("Contact" in sentence for sentence in told)


def test_of_a_200_that_was_cut_no_absence_is_told() -> None:
    call = {"reference": 1, "status": 200, "outcome": "answered", "outcome_detail": "no_ack"}
    assert explain(call, messages("0 a -> b INVITE\n1 b -> a 200 OK", complete=False)) == [
        "no ACK was seen to the 200 (frame 2)"
    ]


def test_a_path_is_told_from_the_node_that_made_the_first_status() -> None:
    """B says 503, the proxy makes 500 of it (RFC 3261 §16.7 item 6): on its path it is B's refusal."""
    flow = BUSY.replace("486 Busy Here | via_branch=b2", "503 Down | via_branch=b2").replace(
        "486 Busy Here", "500 Oops"
    )
    rows = messages(flow)
    call = {"call": 1, "reference": 1, "status": 500, "outcome": "server_failure"}
    path = pl.DataFrame({"call": 1, "step": [1, 2], "message": rows["message"][2:], "address": ["b:1", "p:1"]})
    assert explain(call, rows, path) == ["503 Down first seen from b:1 (frame 3), passed on as 500 by p:1 (frame 4)"]


CANCELLED = "0 a -> b INVITE\n1 b -> a 180 Ringing\n3 a -> b CANCEL\n"


def test_a_cancel_that_was_refused_ended_nothing() -> None:
    """RFC 3261 §9.2: 481, its receiver knew no such INVITE; nobody knows what became of the call there."""
    assert told(CANCELLED + "3.1 b -> a 481 Gone | method=CANCEL", None, "cancelled") == [
        "CANCEL first seen from a:5060 (frame 3)",
        "the CANCEL was refused: 481 Gone from b:5060 (frame 4); no final response to the INVITE was seen",
    ]


def test_a_cancel_that_was_accepted_needs_no_word() -> None:
    flow = CANCELLED + "3.1 b -> a 200 OK | method=CANCEL"
    assert told(flow, None, "cancelled") == ["CANCEL first seen from a:5060 (frame 3)"]
