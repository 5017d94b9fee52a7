"""Calls that were refused: what each status says (RFC 3261 §21, RFC 3312 §8, RFC 8224, RFC 3398)."""

from __future__ import annotations

import pytest

from analyzer.api.filters import Filter
from tests.diagnose.rules.diagnosed import named, told
from tests.sip import wire

CALL = """
A -> P  INVITE branch=a{0} cseq=1 call_id={1} @{2}
P -> A  100 INVITE branch=a{0} call_id={1} @{2}1
P -> B  INVITE branch=p{0},a{0} call_id={1} @{2}2
B -> P  {3} INVITE branch=p{0},a{0} call_id={1} to_tag=y{0} {4} @{2}3
P -> B  ACK branch=p{0} call_id={1} to_tag=y{0} @{2}4
P -> A  {3} INVITE branch=a{0} call_id={1} to_tag=y{0} {4} @{2}5
A -> P  ACK branch=a{0} call_id={1} to_tag=y{0} @{2}6
"""


def refused(status: int, more: str = "", *, number: int = 1) -> str:
    return CALL.format(number, f"call{number}", f"{10 * number}.0", status, more)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "request_refused"),
        (403, "forbidden"),
        (404, "no_route_to_number"),
        (410, "no_route_to_number"),
        (415, "media_refused"),
        (420, "extension_refused"),
        (438, "identity_refused"),
        (482, "loop_or_merged"),
        (483, "too_many_hops"),
        (484, "no_route_to_number"),
        (488, "media_refused"),
        (500, "server_error"),
        (503, "overload"),
        (504, "request_timeout"),
        (580, "precondition_refused"),
        (604, "no_route_to_number"),
        (606, "media_refused"),
    ],
)
def test_a_status_and_its_rule(status: int, code: str) -> None:
    found = told(refused(status))
    assert [name for name, row in found.items() if row["severity"] == "error"] == [code]
    assert found[code]["nodes"] == "10.0.0.3:5060"


@pytest.mark.parametrize("status", [486, 600, 603])
def test_a_user_who_does_not_want_the_call_is_no_fault(status: int) -> None:
    dialogue = (
        "A -> B  INVITE branch=a @0\nB -> A  180 INVITE branch=a to_tag=y @0.1\n"
        f"B -> A  {status} INVITE branch=a to_tag=y @3\nA -> B  ACK branch=a to_tag=y @3.1\n"
    )
    assert named(dialogue) == []


def test_a_cause_of_congestion_decides_over_the_status() -> None:
    assert named(refused(500, "header=Reason:Q.850;cause=34")) == ["overload"]


def test_a_cause_of_an_unknown_number_decides_over_the_status() -> None:
    assert named(refused(500, "header=Reason:Q.850;cause=1")) == ["no_route_to_number"]


def test_a_failure_cause_is_of_the_bearer() -> None:
    assert named(refused(503, "header=Reason:FAILURE_CAUSE;cause=3")) == ["resources_refused"]


def test_calls_with_one_cause_are_one_finding() -> None:
    found = told("".join(refused(503, number=number) for number in (1, 2, 3)))["overload"]
    assert (found["calls"], found["call_numbers"]) == (3, "1 2 3")


def test_the_fault_that_hurt_more_calls_comes_first() -> None:
    dialogue = refused(404, number=1) + refused(500, number=2) + refused(500, number=3)
    assert named(dialogue) == ["server_error", "no_route_to_number"]


SILENT = """
A -> P  INVITE branch=a @0
P -> A  100 INVITE branch=a @0.01
P -> B  INVITE branch=p,a @0.02
P -> B  INVITE branch=p,a @0.52
P -> B  INVITE branch=p,a @1.52
P -> B  INVITE branch=p,a @3.52
P -> B  INVITE branch=p,a @7.52
P -> B  INVITE branch=p,a @15.52
P -> B  INVITE branch=p,a @31.52
P -> A  408 INVITE branch=a to_tag=z @32.1
A -> P  ACK branch=a to_tag=z @32.2
"""


def test_a_silent_node_explains_the_408_of_its_neighbour() -> None:
    found = told(SILENT)
    assert list(found) == ["next_hop_silent"]
    assert found["next_hop_silent"]["nodes"] == "10.0.0.3:5060"


def test_a_408_of_a_node_behind_which_nothing_was_captured_names_that_node_alone() -> None:
    behind = "".join(line + "\n" for line in SILENT.splitlines() if "P -> B" not in line)
    assert list(told(behind)) == ["request_timeout"]


def test_an_invite_sent_once_without_a_response_proves_nothing() -> None:
    """UDP would send it again (RFC 3261 §17.1.1.2): its answer was not captured."""
    found = told("A -> B  INVITE branch=a @0\nC -> D  OPTIONS branch=o call_id=o @60\n")
    assert [row["severity"] for row in found.values()] == ["info"]
    assert list(found) == ["nothing_seen"]


def test_a_filter_picks_the_findings_of_its_calls() -> None:
    """Whichever of its calls is picked; the finding and its figures stay those of the whole capture."""
    dialogue = "".join(refused(status, number=number) for number, status in enumerate((500, 500, 404), start=1))
    capture = wire.read(dialogue)
    second = capture.filter(Filter(call_id="call2")).table("findings")
    assert second.select("code", "calls").rows() == [("server_error", 2)]
    assert capture.filter(Filter(status="404")).table("finding_cases")["code"].to_list() == ["no_route_to_number"]


def test_a_condition_on_findings_picks_all_their_calls() -> None:
    dialogue = "".join(refused(status, number=number) for number, status in enumerate((500, 404, 500), start=1))
    picked = wire.read(dialogue).filter(Filter(table="findings", where="code = 'server_error'"))
    assert picked.table("calls")["no"].to_list() == [1, 3]
    assert picked.table("findings")["code"].to_list() == ["server_error"]
