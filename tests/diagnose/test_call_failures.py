"""Who said no, worked by hand (RFC 3261 §16.7, RFC 3326, TS 24.229 §7.2A.18), and against the laboratory's truth.

The figures of docs/phases.md are made by ``python tests/ims/test_refusals.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import captures
import polars as pl
import pytest
from places import shared

import analyzer
from analyzer.simulator import make
from tests.ims.ims_wire import read

pytestmark = pytest.mark.slow

# A over the proxies P and Q to B; so far it is the same always. In what follows Q is 10.0.0.3 and B 10.0.0.4.
ASKED = """
A -> P   INVITE via=a mf=70                   @0.00
P -> A   100 INVITE via=a                     @0.01
P -> Q   INVITE via=p,a mf=69                 @0.02
Q -> P   100 INVITE via=p,a                   @0.03
"""
TO_B = "Q -> B   INVITE via=q,p,a mf=68       @0.04\n"
BACK = """
B -> Q   {0} INVITE via=q,p,a to_tag=y {1}    @1.00
Q -> B   ACK via=q to_tag=y                   @1.01
Q -> P   {0} INVITE via=p,a to_tag=y {1}      @1.02
P -> A   {0} INVITE via=a to_tag=y {1}        @1.03
"""
# Another call, in which Q sends the INVITE on: so this capture shows what Q sends.
OTHER = """
A -> P   INVITE via=oa call=2 mf=70                        @9.00
P -> Q   INVITE via=op,oa call=2 mf=69                     @9.02
Q -> C   INVITE via=oq,op,oa call=2 mf=68 uri=sip:c@e      @9.04
C -> Q   200 INVITE via=oq,op,oa call=2 to_tag=z           @9.50
Q -> P   200 INVITE via=op,oa call=2 to_tag=z              @9.51
P -> A   200 INVITE via=oa call=2 to_tag=z                 @9.52
"""
Q, B = "10.0.0.3:5060", "10.0.0.4:5060"


def refusal(dialogue: str, roles: dict[str, str] | None = None) -> dict[str, Any]:
    """The row of ``call_failures`` of the first call; ``roles`` says what nodes are."""
    capture = read(dialogue, nodes=roles or {})
    return capture.table("call_failures").row(0, named=True)


def by_q(status: int, words: str = "") -> str:
    back = "Q -> P   {0} INVITE via=p,a to_tag=y {1}  @1.02\nP -> A   {0} INVITE via=a to_tag=y {1}  @1.03\n"
    return back.format(status, words)


# -- where it came from ------------------------------------------------------------------------------------------------


def test_the_refusal_is_followed_to_where_it_came_from_first() -> None:
    row = refusal(ASKED + TO_B + BACK.format(486, ""))
    assert (row["address"], row["first_status"], row["partial"]) == (B, 486, False)


def test_every_node_on_its_way_back() -> None:
    steps = read(ASKED + TO_B + BACK.format(486, "")).table("failure_path")
    assert steps.select("step", "address", "status", "changed").rows() == [
        (1, B, 486, False),
        (2, Q, 486, False),
        (3, "10.0.0.2:5060", 486, False),
    ]


def test_a_status_that_was_changed_on_the_way() -> None:
    """B is busy, Q makes 480 of it."""
    changed = "B -> Q   486 INVITE via=q,p,a to_tag=y  @1.00\n" + by_q(480)
    capture = read(ASKED + TO_B + changed)
    row = capture.table("call_failures").row(0, named=True)
    assert (row["address"], row["first_status"], row["status"]) == (B, 486, 480)
    assert capture.table("failure_path").select("address", "status", "changed").rows()[:2] == [
        (B, 486, False),
        (Q, 480, True),
    ]


def test_a_refusal_behind_a_b2bua_is_on_another_leg() -> None:
    """S makes a call of its own of the one that it got."""
    dialogue = """
    A -> S   INVITE via=a call=1 icid=i1 pai=sip:a@e header=Session-ID:11111111111111111111111111111111;remote=00000000000000000000000000000000 @0.00
    S -> B   INVITE via=s call=2 icid=i1 pai=sip:a@e header=Session-ID:11111111111111111111111111111111;remote=00000000000000000000000000000000 @0.02
    B -> S   603 INVITE via=s call=2 to_tag=y   @1.00
    S -> A   603 INVITE via=a call=1 to_tag=z   @1.01
    """  # noqa: E501
    row = refusal(dialogue)
    assert (row["address"], row["on_behalf_of"]) == ("10.0.0.3:5060", "user")


@pytest.mark.parametrize(("until", "side", "released"), [(29.1, "timer", "network"), (1.2, "user", "callee")])
def test_a_fork_refused_long_before_is_not_what_the_call_failed_for(until: float, side: str, released: str) -> None:
    """P rings B and C; C declines at once, and P gives B up when its own timer has run out, or at C's word."""
    capture = read(f"""
    A -> P   INVITE via=a                         @0.00
    P -> B   INVITE via=p,a                       @0.02
    P -> C   INVITE via=q,a uri=sip:c@e           @0.02
    B -> P   180 INVITE via=p,a to_tag=y          @0.50
    P -> A   180 INVITE via=a to_tag=y            @0.51
    C -> P   603 INVITE via=q,a to_tag=z          @1.00
    P -> B   CANCEL via=p                         @{until}
    P -> A   480 INVITE via=a to_tag=p            @{until + 0.01}
    B -> P   487 INVITE via=p,a to_tag=y          @{until + 0.02}
    """)
    assert capture.table("call_failures")["on_behalf_of"].item() == side
    assert capture.table("calls")["released_by"].item() == released


def test_a_node_that_was_not_captured_may_have_said_so() -> None:
    """Nobody saw Q send anything on."""
    row = refusal(ASKED + by_q(503), {Q: "S-CSCF"})
    assert (row["address"], row["partial"], row["on_behalf_of"]) == (Q, True, "node")


def test_a_node_that_sends_other_invites_on_said_it_itself() -> None:
    row = refusal(ASKED + by_q(403) + OTHER)
    assert (row["address"], row["partial"], row["on_behalf_of"]) == (Q, False, "node")


def test_a_response_that_the_capture_lost_leaves_it_open() -> None:
    """Q sent the INVITE on, and what came back to it was not captured."""
    row = refusal(ASKED + TO_B + by_q(480) + OTHER, {Q: "S-CSCF"})
    assert (row["partial"], row["on_behalf_of"], row["unresponsive_node"]) == (True, "unknown", B)


# -- on whose behalf ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [480, 486, 600, 603, 607])
def test_a_user_agent_speaks_for_its_user(status: int) -> None:
    assert refusal(ASKED + TO_B + BACK.format(status, ""))["on_behalf_of"] == "user"


@pytest.mark.parametrize("status", [404, 488, 500, 503])
def test_a_user_agent_may_speak_for_itself(status: int) -> None:
    assert refusal(ASKED + TO_B + BACK.format(status, ""))["on_behalf_of"] == "node"


def test_busy_is_of_the_called_side_though_its_node_was_not_captured() -> None:
    row = refusal(ASKED + by_q(486), {Q: "S-CSCF"})
    assert (row["on_behalf_of"], row["partial"]) == ("user", True)


def test_a_cause_of_a_gateway_is_the_networks() -> None:
    row = refusal(ASKED + by_q(404, '"header=Reason:Q.850;cause=1"'), {Q: "MGCF"})
    assert (row["on_behalf_of"], row["reason"], row["partial"]) == ("network", "unallocated (unassigned) number", False)


def test_busy_behind_a_gateway_is_the_users() -> None:
    assert refusal(ASKED + by_q(486, '"header=Reason:Q.850;cause=17"'), {Q: "MGCF"})["on_behalf_of"] == "user"


def test_a_branch_that_nobody_answers_is_a_timers() -> None:
    row = refusal(ASKED + TO_B + by_q(408))
    assert (row["on_behalf_of"], row["address"], row["unresponsive_node"]) == ("timer", Q, B)


def test_a_node_that_gave_up_what_it_had_sent_on() -> None:
    """No reply: Q cancels towards B, and says 480 to A."""
    dialogue = (
        ASKED
        + TO_B
        + """
    B -> Q   180 INVITE via=q,p,a to_tag=y    @0.50
    Q -> B   CANCEL via=q                     @20.0
    B -> Q   200 CANCEL via=q                 @20.1
    B -> Q   487 INVITE via=q,p,a to_tag=y    @20.2
    Q -> P   480 INVITE via=p,a to_tag=q      @20.3
    P -> A   480 INVITE via=a to_tag=q        @20.4
    """
    )
    row = refusal(dialogue)
    assert (row["on_behalf_of"], row["address"]) == ("timer", Q)


def test_the_caller_gave_up() -> None:
    dialogue = (
        ASKED
        + """
    A -> P   CANCEL via=a "header=Reason:RELEASE_CAUSE;cause=1"  @3.00
    P -> A   200 CANCEL via=a                                    @3.01
    P -> Q   CANCEL via=p                                        @3.02
    Q -> P   200 CANCEL via=p                                    @3.03
    Q -> P   487 INVITE via=p,a to_tag=y                         @3.04
    P -> A   487 INVITE via=a to_tag=y                           @3.05
    """
    )
    row = refusal(dialogue)
    assert (row["on_behalf_of"], row["address"], row["reason"]) == ("user", "10.0.0.1:5060", "user ends call")


def test_nobody_said_anything() -> None:
    dialogue = (
        "A -> P   INVITE via=a  @0.0\n" + "A -> P   INVITE via=a  @0.5\n" + "X -> Y   OPTIONS via=o call=9  @40.0\n"
    )
    row = refusal(dialogue)
    assert (row["on_behalf_of"], row["address"], row["unresponsive_node"]) == ("timer", None, "10.0.0.2:5060")


def test_a_warning_is_taken_apart() -> None:
    row = refusal(ASKED + by_q(403, "'header=Warning:399 s.example \"barred\"'"))
    assert (row["warning_code"], row["warning_agent"], row["warning_text"]) == (399, "s.example", "barred")


def test_who_answered_has_no_row() -> None:
    assert read(OTHER).table("call_failures").is_empty()


# -- others' captures, and the laboratory ------------------------------------------------------------------------------


@pytest.mark.shared
def test_a_proxy_that_knows_no_contact_by_hand() -> None:
    """goffinet: the proxy, which is the registrar too, sends other INVITEs on and answers these with 480."""
    capture = captures.read(shared("captures") / "goffinet__sip_captures__private-test-sip.pcapng")
    rows = capture.table("call_failures").select("address", "first_status", "on_behalf_of", "partial").unique()
    assert rows.rows() == [("172.16.98.102:5060", 480, "node", False)]


FAILING = {
    "busy": 1, "declined": 1, "no_answer": 1, "cancelled": 1, "forbidden": 1, "as_error": 1, "as_overload": 1,
    "unknown_user": 1, "no_resources": 1, "unallocated": 1, "silent": 0.5, "answered": 4, "breakout": 2, "initial": 4,
}  # fmt: skip


def against_the_truth(directory: Path, **settings: Any) -> tuple[int, int, int, int]:
    """Calls that failed, of how many the node and of how many the cause is right, and of how many it is another."""
    truth = make(directory, seed=5, mix=FAILING, **settings)
    capture = analyzer.read(
        [directory / point["file"] for point in truth.points],
        capture_points=[f"{point['name']}=*{point['file']}" for point in truth.points],
    )
    # Over TCP a UE is known by the port it opened the connection from.
    name = {node["address"].rpartition(":")[0]: node["name"] for node in truth.nodes}
    call_of = {one: row["call"] for row in capture.table("calls").to_dicts() for one in row["call_ids"]}
    told = {row["call"]: row for row in capture.table("call_failures").to_dicts()}
    failed = nodes = causes = wrong = 0
    for call in truth.calls:
        row = told.get(call_of.get(call["legs"][0]["call_id"], 0))
        if call["outcome"] != "answered" and row is not None:
            failed += 1
            nodes += name.get((row["address"] or "").rpartition(":")[0]) == call["refused_by"]
            causes += row["on_behalf_of"] == call["cause"]
            wrong += row["on_behalf_of"] not in (call["cause"], "unknown")
    return failed, nodes, causes, wrong


@pytest.mark.parametrize(
    "settings",
    [{}, {"proxying_as": 1.0}, {"transport": "tcp", "combined": "I+S"}],
    ids=["plain", "proxying AS", "tcp"],
)
def test_who_said_no_in_the_laboratory(settings: dict[str, Any], tmp_path: Path) -> None:
    failed, nodes, causes, _ = against_the_truth(tmp_path, calls=80, **settings)
    assert (nodes, causes, failed > 30) == (failed, failed, True)


def test_where_only_a_part_is_captured_the_side_is_still_right(tmp_path: Path) -> None:
    """Of the core alone no UE is seen: on whose behalf is told all the same."""
    failed, _, causes, _ = against_the_truth(tmp_path, calls=80, points=("core",))
    assert causes == failed


def test_with_losses_and_clocks_apart(tmp_path: Path) -> None:
    failed, nodes, _, wrong = against_the_truth(
        tmp_path, calls=150, points=("access", "core"), skew_s=2.0, loss=0.05, capture_loss=0.05
    )
    assert (wrong <= 0.03 * failed, nodes >= 0.85 * failed) == (True, True)


def test_partial_tells_what_was_not_captured(tmp_path: Path) -> None:
    """Seen from the access alone, whoever said no behind the S-CSCF is nobody's to know."""
    make(tmp_path, calls=40, seed=5, mix={"as_error": 1, "unknown_user": 1}, points=("access",))
    rows = analyzer.read(tmp_path / "access.pcap").table("call_failures")
    assert rows.select(pl.col("partial").all(), pl.len() > 30).row(0) == (True, True)


_DOCS = {
    "the mix": {},
    "proxying ASs": {"proxying_as": 1.0},
    "over TCP": {"transport": "tcp"},
    "I- and S-CSCF in one node": {"combined": "I+S"},
    "two points, 2 s apart, 5 % of the messages lost and 5 % of the packets not captured": {
        "points": ("access", "core"), "skew_s": 2.0, "loss": 0.05, "capture_loss": 0.05,
    },
    "captured only in the core": {"points": ("core",)},
    "captured only in the access network": {"points": ("access",)},
}  # fmt: skip

if __name__ == "__main__":
    for name, settings in _DOCS.items():
        with tempfile.TemporaryDirectory() as directory:
            failed, nodes, causes, wrong = against_the_truth(Path(directory), calls=250, **settings)
        print(f"| {name} | {failed} | {nodes} | {causes} | {failed - causes - wrong} | {wrong} |")


# -- who was waited for ------------------------------------------------------------------------------------------------


def far_ends(dialogue: str) -> list[tuple[str, str]]:
    """Whom the set-up waited on at the far end: kind and address."""
    frame = read(dialogue).table("waterfall").filter(pl.col("kind").is_in(["far_end", "ringing"]))
    return frame.select("kind", "address").rows()


CHANGED = ASKED + TO_B + "B -> Q   503 INVITE via=q,p,a to_tag=y  @1.00\n" + by_q(500)
SILENT = ASKED + TO_B + by_q(408)
GAVE_UP = (
    ASKED
    + TO_B
    + """
B -> Q   180 INVITE via=q,p,a to_tag=y    @0.50
Q -> B   CANCEL via=q                     @0.90
B -> Q   200 CANCEL via=q                 @0.91
B -> Q   487 INVITE via=q,p,a to_tag=y    @0.92
"""
    + by_q(480)
)


@pytest.mark.parametrize("dialogue", [CHANGED, SILENT])
def test_the_time_of_a_failure_goes_to_who_was_waited_for(dialogue: str) -> None:
    assert far_ends(dialogue) == [("far_end", B)]


def test_the_time_goes_to_the_phone_that_rang_in_vain() -> None:
    assert far_ends(GAVE_UP) == [("far_end", B), ("ringing", B)]


@pytest.mark.parametrize("dialogue", [CHANGED, SILENT])
def test_the_failing_node_is_who_was_waited_for(dialogue: str) -> None:
    assert refusal(dialogue)["failing_node"] == B


def test_a_node_that_gave_up_a_phone_that_rang_failed_itself() -> None:
    assert refusal(GAVE_UP)["failing_node"] == Q


def test_who_was_asked_after_a_refusal_is_waited_for() -> None:
    """B is busy, Q tries C, which says nothing."""
    dialogue = (
        ASKED
        + TO_B
        + "B -> Q   486 INVITE via=q,p,a to_tag=y  @0.20\n"
        + "Q -> C   INVITE via=r,p,a mf=68 uri=sip:c@e  @0.30\n"
        + by_q(408)
    )
    row = refusal(dialogue)
    assert (row["failing_node"], far_ends(dialogue)) == (row["unresponsive_node"], [("far_end", row["failing_node"])])


def test_who_was_waited_for_is_followed_over_several_nodes() -> None:
    """P gives up for B, which is silent two hops further."""
    dialogue = ASKED + TO_B + "Q -> P 100 INVITE via=p,a @0.05\nP -> A 408 INVITE via=a to_tag=y @6.0\n"
    assert refusal(dialogue)["failing_node"] == B


def test_what_came_after_the_refusal_did_not_cause_it() -> None:
    dialogue = SILENT + "B -> Q   503 INVITE via=q,p,a to_tag=y  @2.00\n"
    assert refusal(dialogue)["address"] == Q


def test_a_q850_cause_of_an_exchange_is_no_telephone_network() -> None:
    row = refusal(ASKED + by_q(404, '"header=Reason:Q.850;cause=1"'), {Q: "B2BUA"})
    assert row["on_behalf_of"] == "unknown"


@pytest.mark.parametrize(("case", "waited"), [("lab_fail_503", 0.1514), ("lab_noresponse_408", 5.997)])
def test_who_was_waited_for_in_a_real_network(case: str, waited: float) -> None:
    capture = captures.read(shared("cases") / f"{case}.pcap")
    node = "10.77.0.41:5060"
    shares = capture.measure("setup_shares").filter(pl.col("node") == node)
    assert shares["max_s"].to_list() == [pytest.approx(waited, abs=0.001)]
    assert capture.measure("failures", by="node").select("node", "requests", "calls").rows() == [(node, 1, 1)]
    assert capture.table("call_failures")["failing_node"].to_list() == [node]


def test_of_several_reasons_of_a_response_the_one_behind_its_status_counts() -> None:
    """SIP 480 in the first line, Q.850 17 in the second (RFC 3326 §2)."""
    failed = captures.read(shared("cases") / "bye_reason_not_a_user.pcap").table("call_failures")
    row = failed.filter(pl.col("status") == 480).row(0, named=True)
    assert (row["reason_protocol"], row["reason_cause"], row["reason"]) == ("Q.850", 17, "user busy")
