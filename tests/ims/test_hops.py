"""Hops: which message each was made from, worked by hand (RFC 3261 §16; TS 24.229 §5.10.4)."""

from __future__ import annotations

from typing import Any

import pytest
from ims_wire import read

# A, two proxies and B: the numbers of the lines are those of the comments below.
THROUGH = """
A -> P   INVITE via=a mf=70                          @0.000
P -> A   100 INVITE via=a                            @0.001
P -> Q   INVITE via=p,a mf=69                        @0.010
Q -> P   100 INVITE via=p,a                          @0.011
Q -> B   INVITE via=q,p,a mf=68                      @0.025
B -> Q   180 INVITE via=q,p,a to_tag=y               @0.500
Q -> P   180 INVITE via=p,a to_tag=y                 @0.503
P -> A   180 INVITE via=a to_tag=y                   @0.507
"""


def made(dialogue: str, clocks: dict[str, float] | None = None) -> dict[int, dict[str, Any]]:
    """The rows of ``hops`` by the number of their line in the order of time, and ``previous`` as such a number."""
    rows = read(dialogue, clocks).table("hops").to_dicts()
    number = {row["message"]: line for line, row in enumerate(rows, start=1)}
    return {number[row["message"]]: row | {"previous": number.get(row["previous"])} for row in rows}


def origins(dialogue: str, clocks: dict[str, float] | None = None) -> dict[int, int]:
    return {line: row["previous"] for line, row in made(dialogue, clocks).items() if row["previous"]}


def test_requests_gain_a_via_and_responses_lose_one() -> None:
    assert origins(THROUGH) == {3: 1, 5: 3, 7: 6, 8: 7}


def test_what_a_node_took_is_from_the_last_byte_in_to_the_first_out() -> None:
    rows = made(THROUGH)
    assert [rows[line]["delay_s"] for line in (3, 5, 7, 8)] == [0.01, 0.015, 0.003, 0.004]


def test_the_node_is_where_others_reach_it() -> None:
    """P asks from the port 33000, as over TCP, and is asked at 5060."""
    rows = made("""
    A -> P         INVITE via=a                      @0.00
    P:33000 -> B   INVITE via=p,a                    @0.01
    B -> P:33000   200 INVITE via=p,a to_tag=y       @1.00
    P -> A         200 INVITE via=a to_tag=y         @1.01
    """)
    assert [rows[line]["node"] for line in (2, 4)] == ["10.0.0.2:5060", "10.0.0.2:5060"]


def test_nodes_that_nobody_saw_are_counted() -> None:
    """Between P and R two more entries came on the stack."""
    rows = made("""
    A -> P   INVITE via=a                          @0.00
    R -> B   INVITE via=r,q,p,a                    @0.09
    B -> R   200 INVITE via=r,q,p,a to_tag=y       @1.00
    P -> A   200 INVITE via=a to_tag=y             @1.09
    """)
    assert [(rows[line]["previous"], rows[line]["unseen"]) for line in (2, 4)] == [(1, 2), (3, 2)]


def test_100_goes_no_further() -> None:
    """RFC 3261 §16.7 item 2: even one that came earlier from the next hop."""
    dialogue = """
    A -> P   INVITE via=a          @0.00
    P -> B   INVITE via=p,a        @0.01
    B -> P   100 INVITE via=p,a    @0.02
    P -> A   100 INVITE via=a      @0.03
    """
    assert origins(dialogue) == {2: 1}


def test_each_branch_of_a_fork_has_its_own_responses() -> None:
    dialogue = """
    A -> P   INVITE via=a                      @0.00
    P -> B   INVITE via=p1,a                   @0.01
    P -> C   INVITE via=p2,a                   @0.02
    C -> P   180 INVITE via=p2,a to_tag=c      @0.30
    B -> P   180 INVITE via=p1,a to_tag=b      @0.31
    P -> A   180 INVITE via=a to_tag=c         @0.32
    P -> A   180 INVITE via=a to_tag=b         @0.33
    """
    assert origins(dialogue) == {2: 1, 3: 1, 6: 4, 7: 5}


def test_a_cancel_is_made_from_the_cancel_of_the_hop_before() -> None:
    """A proxy makes its own, with the branch of its INVITE and nothing else on the stack (RFC 3261 §9.1, §16.10)."""
    rows = made("""
    A -> P   INVITE via=a       @0.00
    P -> B   INVITE via=p,a     @0.01
    A -> P   CANCEL via=a       @2.00
    P -> B   CANCEL via=p       @2.01
    """)
    assert (rows[4]["previous"], rows[4]["linked_by"]) == (3, "cancel")


def test_the_ack_to_a_failure_belongs_to_its_hop() -> None:
    """RFC 3261 §17.1.1.3."""
    dialogue = """
    A -> P   INVITE via=a                      @0.00
    P -> B   INVITE via=p,a                    @0.01
    B -> P   486 INVITE via=p,a to_tag=y       @0.50
    P -> B   ACK via=p to_tag=y                @0.51
    P -> A   486 INVITE via=a to_tag=y         @0.52
    A -> P   ACK via=a to_tag=y                @0.53
    """
    assert origins(dialogue) == {2: 1, 5: 3}


def test_hidden_topology_is_crossed_by_order() -> None:
    """X puts one token in place of all Vias (TS 24.229 §5.10.4)."""
    rows = made("""
    A -> S   INVITE via=a mf=70                   @0.000
    S -> X   INVITE via=s,a mf=69                 @0.010
    X -> Y   INVITE via=x,token mf=68             @0.015
    Y -> X   200 INVITE via=x,token to_tag=y      @1.000
    X -> S   200 INVITE via=s,a to_tag=y          @1.005
    S -> A   200 INVITE via=a to_tag=y            @1.010
    """)
    assert {line: (row["previous"], row["linked_by"]) for line, row in rows.items() if row["previous"]} == {
        2: (1, "via"), 3: (2, "order"), 5: (4, "order"), 6: (5, "via")
    }  # fmt: skip


@pytest.mark.slow
def test_order_does_not_go_against_max_forwards() -> None:
    """What leaves with more of them than came in is none of it, but for a B2BUA, which begins at 70."""
    assert origins("A -> P INVITE via=a mf=20 @0\nP -> B INVITE via=p mf=30 @0.01") == {}
    assert origins("A -> P INVITE via=a mf=20 @0\nP -> B INVITE via=p mf=70 @0.01") == {2: 1}


def test_roles_that_share_an_address_differ_by_port() -> None:
    """P-, I- and S-CSCF of one machine: the INVITE that came to 4060 left from there."""
    dialogue = """
    A -> P:5060       INVITE via=a                     @0.000
    P:5060 -> P:4060  INVITE via=hidden1 mf=69         @0.005
    P:4060 -> P:6060  INVITE via=hidden2 mf=68         @0.010
    P:6060 -> B       INVITE via=hidden3 mf=67         @0.015
    """
    assert origins(dialogue) == {2: 1, 3: 2, 4: 3}


def test_what_is_sent_again_by_a_timer_has_no_delay() -> None:
    rows = made("A -> P INVITE via=a @0\nP -> B INVITE via=p,a @0.01\nP -> B INVITE via=p,a @0.51")
    assert [(rows[line]["previous"], rows[line]["delay_s"]) for line in (2, 3)] == [(1, 0.01), (1, None)]


TWO_TAPS = """
A -> P   INVITE via=a on=access                    @0.000
P -> S   INVITE via=p,a on=access,core:0.001       @0.010
S -> B   INVITE via=s,p,a on=core                  @0.030
"""


@pytest.mark.parametrize("core_ahead", [0.0, 2.0, -2.0])
def test_delays_are_taken_at_one_point_whatever_the_other_clock_says(core_ahead: float) -> None:
    """P by the clock of access, S by that of core: 30 ms - 11 ms."""
    rows = read(TWO_TAPS, {"access": 0.0, "core": core_ahead}).table("hops")
    told = {row["node"]: (row["delay_s"], row["point"]) for row in rows.to_dicts() if row["previous"]}
    assert told == {"10.0.0.2:5060": (0.01, "access"), "10.0.0.3:5060": (0.019, "core")}


def test_where_no_point_saw_both_there_is_no_delay() -> None:
    dialogue = "A -> P INVITE via=a on=access @0\nP -> S INVITE via=p,a on=core @0.01"
    (row,) = (row for row in made(dialogue, {"access": 0.0, "core": 0.0}).values() if row["previous"])
    assert (row["previous"], row["delay_s"]) == (1, None)
