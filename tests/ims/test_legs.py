"""Legs: what joins them, what does not, and what stays apart, each worked by hand (docs/hops_and_legs.md)."""

from __future__ import annotations

from typing import Any

import pytest
from ims_wire import read

# A calls; N, a B2BUA, makes the leg 2 of the leg 1 after 20 ms; B answers and hangs up. `one` and `two` are said by the
# INVITEs.
CALL = """
A -> N   INVITE call=1 {one}                          @0.000
N -> B   INVITE call=2 {two}                          @0.020
B -> N   180 INVITE call=2 to_tag=y                   @0.500
N -> A   180 INVITE call=1 to_tag=z                   @0.510
B -> N   200 INVITE call=2 to_tag=y                   @3.000
N -> A   200 INVITE call=1 to_tag=z                   @3.010
B -> N   BYE call=2 tag=y to_tag=x2                   @9.000
N -> A   BYE call=1 tag=z to_tag=x1                   @9.010
"""
# The same of which only the INVITEs are in the capture: who calls whom, where and when, is 20 + 20 + 25 points.
OPENING = "A -> N INVITE call=1 {one} @0\nN -> B INVITE call=2 {two} @0.02"
STRANGERS = OPENING.replace("{one}", "from=sip:a@e to=sip:b@e {one}").replace("{two}", "from=sip:c@e to=sip:d@e {two}")


def legs(dialogue: str, clocks: dict[str, float] | None = None) -> dict[str, dict[str, Any]]:
    """The best row of each leg by its Call-ID."""
    rows = read(dialogue, clocks).table("legs").to_dicts()
    return {row["call_id"]: row for row in reversed(rows)}


def link(dialogue: str, child: str = "2") -> tuple[str | None, str | None]:
    row = legs(dialogue)[child]
    return row["parent_call_id"], row["strength"]


def said(one: str, two: str, dialogue: str = OPENING) -> str:
    return dialogue.format(one=one, two=two)


def points(dialogue: str, child: str = "2") -> dict[str, int]:
    evidence = legs(dialogue)[child]["evidence"] or ""
    return {kind: int(value) for kind, value in (item.split() for item in evidence.split(", ") if item)}


def call_ids(dialogue: str, clocks: dict[str, float] | None = None) -> list[list[str]]:
    return sorted(sorted(ids) for ids in read(dialogue, clocks).table("calls")["call_ids"].to_list())


# -- evidence ----------------------------------------------------------------------------------------------------------

WITHHELD = "from=sip:anonymous@anonymous.invalid"
UUID = "ab30317f1a784dc48ff824d0d3715d86"
NIL = "0" * 32


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("icid=q", "icid=q", "icid"),
        ("icid=q", "header='P-Charging-Vector:icid-value=r;related-icid=q'", "icid"),
        (f"header=Session-ID:{UUID};remote={NIL}", f"header=Session-ID:{UUID};remote={NIL}", "session"),
        ("header='Route:<sip:n;lr>,<sip:odi-5f1c@s.e;lr>'", "header='Route:<sip:odi-5f1c@s.e;lr>'", "route"),
        ("", "header=X-Call-ID:1", "vendor"),
        ("header=Cisco-Guid:7-8-9", "header=Cisco-Guid:7-8-9", "vendor"),
        ("sdp=4000", "sdp=4000", "sdp"),
        ("header=User-to-User:56a3", "header=User-to-User:56a3", "user_to_user"),
        ("tag=same", "tag=same", "from_tag"),
    ],
)  # fmt: skip
def test_what_a_b2bua_hands_on_counts(one: str, two: str, kind: str) -> None:
    assert kind in points(said(one, two))


def test_a_call_id_made_of_the_other_counts() -> None:
    one = "f81d4fae7dec11d0"
    dialogue = f"A -> N INVITE call={one}@n @0\nN -> B INVITE call={one}-leg2@n @0.02"
    assert "call_id" in points(dialogue, f"{one}-leg2@n")


@pytest.mark.parametrize("value", ["header='Route:<sip:n;lr>,<sip:orig@s.e;lr>'", "header=Session-ID:" + NIL, "sdp=0"])
def test_what_is_the_same_in_all_calls_does_not_count(value: str) -> None:
    assert {"route", "session"} & set(points(said(value, value))) == set()


def test_a_diversion_names_whom_the_first_leg_called() -> None:
    two = "to=sip:c@e header='History-Info:<sip:b@e?Reason=SIP%3Bcause%3D486>;index=1,<sip:c@e>;index=1.1'"
    assert points(said("to=sip:b@e", two))["history"] == 40


def test_a_diversion_is_looked_at_where_the_node_was_not_seen_to_make_it() -> None:
    """Nothing but who called and whom leads from the one to the other: N's INVITE to S was not captured."""
    two = "via=s,n to=sip:c@e header='History-Info:<sip:b@e>;index=1,<sip:c@e>;index=1.1'"
    dialogue = f"A -> N INVITE call=1 to=sip:b@e @0\nS -> C INVITE call=2 {two} @20"
    assert (link(dialogue), points(dialogue)) == (("1", "possible"), {"history": 40, "caller": 20})


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("to=tel:+442079460000", "to=sip:+442079460000@e;user=phone", "identity"),
        ("to=tel:02079460000;phone-context=e", "to=tel:+442079460000", "identity"),
        ("to=tel:7001;phone-context=e", "to=tel:+442079460000", "caller"),
        (WITHHELD, WITHHELD, None),
        (f"{WITHHELD} pai=tel:+1", f"{WITHHELD} pai=tel:+1", "identity"),
        ("from=sip:a@e to=sip:b@e", "from=sip:c@e to=sip:d@e icid=1", None),
        ("from=sip:7001@e", "from=sip:4930555@e header='Remote-Party-ID:<sip:7001@e>;party=calling'", "identity"),
        ("from=sip:7001@e", f"{WITHHELD} header='Remote-Party-ID:<sip:7001@e>;privacy=full'", "identity"),
        ("from=sip:7001@e", "from=sip:4930555@e header='Remote-Party-ID:<sip:7001@e>;party=called'", None),
        ("from=sip:7001@e", "from=sip:4930555@e header='P-Preferred-Identity:<sip:7001@e>'", "identity"),
    ],
)  # fmt: skip
def test_who_calls_whom(one: str, two: str, kind: str | None) -> None:
    """The identity that the network asserts goes before From; numbers are compared, not their spellings."""
    found = points(said(one + " icid=1", two + ("" if "icid" in two else " icid=1")))
    assert ({"identity", "caller"} & set(found)) == ({kind} if kind else set())


@pytest.mark.parametrize(("delay", "expected"), [(0.02, 25), (0.5, 25), (2.75, 12), (4.99, 0)])
def test_the_sooner_the_second_leg_the_more(delay: float, expected: int) -> None:
    """25 points up to 0.5 s, from there in a line down to none at 5 s."""
    dialogue = f"A -> N INVITE call=1 icid=q @0\nN -> B INVITE call=2 icid=q @{delay}"
    assert points(dialogue)["timing"] == expected


def test_ringing_answer_and_end_that_pass_on_at_once_count_up_to_40() -> None:
    assert points(said("", "", CALL))["mirror"] == 40


# -- what is a fact ----------------------------------------------------------------------------------------------------


def test_a_session_id_alone_is_a_fact() -> None:
    one = f"header=Session-ID:{UUID};remote={NIL}"
    assert link(said(one, one)) == ("1", "strong")


ELSEWHERE = """
A -> N   INVITE call=1 from={who} to=sip:b@e icid=q      @0.00
M -> B   INVITE call=2 from={who} to=sip:b@e icid=q      @0.02
"""


@pytest.mark.parametrize(("who", "strength"), [("sip:a@e", "strong"), ("sip:anonymous@anonymous.invalid", "possible")])
def test_an_icid_needs_the_parties_or_the_place(who: str, strength: str) -> None:
    """A B2BUA with an address on each side: nothing tells that N and M are one node."""
    assert link(ELSEWHERE.format(who=who)) == ("1", strength)


@pytest.mark.slow
def test_the_same_parties_at_one_node_are_a_fact_only_with_what_became_of_them() -> None:
    assert link(said("", "")) == ("1", "possible")
    assert link(said("", "", CALL)) == ("1", "strong")


def test_strong_legs_are_one_call_measured_at_the_first() -> None:
    call = read(said("icid=q", "icid=q", CALL)).table("calls").row(0, named=True)
    figures = [call[name] for name in ("legs", "hops", "call_ids", "icid", "alert_s", "setup_s")]
    assert figures == [2, 2, ["1", "2"], "q", 0.51, 3.01]


def test_possible_legs_are_two_calls() -> None:
    assert call_ids(said("", "")) == [["1"], ["2"]]


def test_the_first_leg_is_the_reference_whatever_the_clocks_say() -> None:
    """Leg 2 was captured by a clock 2 s behind, so that it seems to begin first."""
    dialogue = """
    A -> N   INVITE call=1 icid=q on=one                     @0.000
    N -> B   INVITE call=2 icid=q on=two                     @0.020
    B -> N   486 INVITE call=2 to_tag=y on=two               @1.000
    N -> A   480 INVITE call=1 to_tag=z on=one               @1.010
    """
    call = read(dialogue, {"one": 0.0, "two": -2.0}).table("calls").row(0, named=True)
    assert (call["legs"], call["status"]) == (2, 480)


@pytest.mark.slow
def test_a_chain_of_three_is_one_call() -> None:
    dialogue = "A -> N INVITE call=1 icid=q @0\nN -> M INVITE call=2 icid=q @0.02\nM -> B INVITE call=3 icid=q @0.04"
    assert call_ids(dialogue) == [["1", "2", "3"]]
    assert [legs(dialogue)[child]["parent_call_id"] for child in ("2", "3")] == ["1", "2"]


@pytest.mark.slow
def test_one_server_may_serve_both_sides() -> None:
    """The leg 2 begins and ends at the same application server."""
    dialogue = """
    A -> N   INVITE call=1 icid=q               @0.00
    N -> S   INVITE call=2 icid=q via=n         @0.02
    S -> N   INVITE call=2 icid=q via=s,n       @0.03
    N -> B   INVITE call=3 icid=q               @0.05
    """
    assert [legs(dialogue)[child]["parent_call_id"] for child in ("2", "3")] == ["1", "2"]


@pytest.mark.slow
def test_a_forwarded_call_has_a_leg_to_each_callee() -> None:
    dialogue = """
    A -> N   INVITE call=1 to=sip:b@e icid=q         @0.00
    N -> B   INVITE call=2 to=sip:b@e icid=q         @0.02
    B -> N   408 INVITE call=2 to_tag=y              @25.0
    N -> C   INVITE call=3 to=sip:c@e icid=q         @25.1
    """
    assert call_ids(dialogue) == [["1", "2", "3"]]
    assert [legs(dialogue)[child]["parent_call_id"] for child in ("2", "3")] == ["1", "1"]


def test_messages_go_over_from_leg_to_leg() -> None:
    """The way of the INVITE, and of what comes back."""
    rows = read(said("icid=q", "icid=q", CALL)).table("hops").to_dicts()
    number = {row["message"]: line for line, row in enumerate(rows, start=1)}
    assert {number[row["message"]]: number[row["previous"]] for row in rows if row["linked_by"] == "leg"} == {
        2: 1, 4: 3, 6: 5, 8: 7
    }  # fmt: skip


# -- what must stay apart ----------------------------------------------------------------------------------------------


def test_a_second_leg_that_was_there_first_is_none() -> None:
    dialogue = "N -> B INVITE call=2 icid=q @0\nA -> N INVITE call=1 icid=q @0.2"
    assert call_ids(dialogue) == [["1"], ["2"]]


def test_two_calls_of_one_caller_to_one_node_are_no_legs_of_each_other() -> None:
    """Same icid, same parties, and both go from A to N."""
    assert call_ids("A -> N INVITE call=1 icid=q @0\nA -> N INVITE call=2 icid=q @0.02") == [["1"], ["2"]]


def test_a_leg_after_the_answer_is_another_call() -> None:
    """A conference server that dials out for a caller it has long answered uses the same icid for all."""
    dialogue = """
    A -> F   INVITE call=1 to=sip:conf@e icid=q                       @0.0
    F -> A   200 INVITE call=1 to_tag=z                               @0.1
    F -> B   INVITE call=2 from=sip:conf@e to=sip:b@e icid=q          @5.0
    F -> C   INVITE call=3 from=sip:conf@e to=sip:c@e icid=q          @5.1
    D -> F   INVITE call=4 from=sip:d@e to=sip:conf@e icid=q          @6.0
    """
    assert call_ids(dialogue) == [["1"], ["2"], ["3"], ["4"]]


def trunk(calls: int, icid: str, gap: float) -> str:
    """Calls from one number to another through N, each with two legs, all alike; the second legs after half a gap."""
    lines = []
    for number in range(calls):
        at = number * gap
        lines += [
            f"A -> N INVITE call=a{number} {icid} @{at:.3f}",
            f"N -> B INVITE call=b{number} {icid} @{at + gap / 2:.3f}",
            f"B -> N 486 INVITE call=b{number} to_tag=y @{at + 1:.3f}",
            f"N -> A 486 INVITE call=a{number} to_tag=z @{at + 1.01:.3f}",
        ]
    return "\n".join(lines)


@pytest.mark.parametrize("icid", ["", "icid=fixed"])
@pytest.mark.parametrize("calls", [2, 5, 40])
def test_a_busy_trunk_between_two_numbers_never_merges_strangers(calls: int, icid: str) -> None:
    """Each could be of each: none is told, with or without an icid that a broken node gives to all."""
    for ids in read(trunk(calls, icid, 0.1)).table("calls")["call_ids"].to_list():
        assert len({call_id[1:] for call_id in ids}) == 1, ids


def test_the_next_try_of_a_known_one_is_of_its_call_though_it_only_was_refused() -> None:
    """Three gateways one after the other: the second says nothing but no, and the number called is the node's own."""
    dialogue = """
    A -> N   INVITE call=1 tag=a from=sip:+4930111@e to=sip:+4940222@e  @0.000
    N -> B   INVITE call=2 tag=b from=sip:+4989000@e to=sip:+4940222@e  @0.003
    B -> N   503 INVITE call=2 tag=b to_tag=y                           @1.000
    N -> C   INVITE call=3 tag=c from=sip:+4989000@e to=sip:+4977333@e  @1.004
    C -> N   486 INVITE call=3 tag=c to_tag=y                           @2.000
    N -> D   INVITE call=4 tag=d from=sip:+4989000@e to=sip:+4988444@e  @2.004
    D -> N   180 INVITE call=4 tag=d to_tag=y                           @2.500
    N -> A   180 INVITE call=1 tag=a to_tag=z                           @2.503
    D -> N   200 INVITE call=4 tag=d to_tag=y                           @5.000
    N -> A   200 INVITE call=1 tag=a to_tag=z                           @5.003
    """
    assert call_ids(dialogue) == [["1", "2", "3", "4"]]
    # One that another calls with is a call of its own.
    other = dialogue.replace("tag=c from=sip:+4989000@e", "tag=c from=sip:+4955555@e")
    assert ["3"] in call_ids(other)


def test_a_fixed_icid_does_not_join_different_people() -> None:
    lines = []
    for number in range(6):
        who = f"from=sip:a{number}@e to=sip:b{number}@e icid=fixed"
        lines += [
            f"A{number} -> N INVITE call=a{number} {who} @{number * 0.3:.2f}",
            f"N -> B{number} INVITE call=b{number} {who} @{number * 0.3 + 0.02:.2f}",
        ]
    assert call_ids("\n".join(lines)) == sorted([f"a{number}", f"b{number}"] for number in range(6))


def test_strangers_with_an_icid_in_common_are_not_acted_on() -> None:
    row = legs(said("icid=q", "icid=q", STRANGERS))["2"]
    assert row["strength"] == "possible"


def test_of_two_that_could_be_the_origin_neither_is() -> None:
    dialogue = """
    A -> N   INVITE call=1 icid=q       @0.00
    C -> N   INVITE call=2 icid=q       @0.01
    N -> B   INVITE call=3 icid=q       @0.03
    """
    assert call_ids(dialogue) == [["1"], ["2"], ["3"]]
    assert link(dialogue, "3")[1] == "possible"


def test_two_second_legs_to_one_callee_are_not_both_of_one_first() -> None:
    dialogue = """
    A -> N   INVITE call=1 icid=q       @0.00
    N -> B   INVITE call=2 icid=q       @0.02
    N -> B   INVITE call=3 icid=q       @0.03
    """
    assert call_ids(dialogue) == [["1"], ["2"], ["3"]]


def test_one_answered_and_the_other_refused_are_no_legs_of_one_call() -> None:
    dialogue = OPENING.format(one="", two="") + (
        "\nB -> N 200 INVITE call=2 to_tag=y @1.00\nN -> A 486 INVITE call=1 to_tag=z @1.01"
    )
    assert link(dialogue) == (None, None)


def test_ends_far_apart_are_of_two_calls() -> None:
    dialogue = said("", "", CALL).replace("@9.010", "@19.010")
    assert link(dialogue) == (None, None)


@pytest.mark.parametrize(
    ("header", "relation"),
    [
        ("Replaces:1;to-tag=z;from-tag=x1", "replaces"),
        ("Join:1;to-tag=z;from-tag=x1", "join"),
        ("Target-Dialog:1;local-tag=z;remote-tag=x1", "target_dialog"),
        ("In-Reply-To:1", "in_reply_to"),
    ],
)
def test_a_call_that_names_another_is_told_and_stays_a_call_of_its_own(header: str, relation: str) -> None:
    dialogue = (
        f"A -> B INVITE call=1 @0\nB -> A 200 INVITE call=1 to_tag=z @1\nC -> B INVITE call=2 header='{header}' @9"
    )
    row = legs(dialogue)["2"]
    assert (row["parent_call_id"], row["relation"], row["strength"]) == ("1", relation, "strong")
    assert call_ids(dialogue) == [["1"], ["2"]]


def test_a_call_id_that_comes_back_makes_no_ring() -> None:
    """N takes up the Call-ID of the first leg again for a third."""
    one = f"header=Session-ID:{UUID};remote={NIL}"
    dialogue = (
        f"A -> N INVITE call=1 {one} @0\nN -> M INVITE call=2 {one} @0.02\nM -> B INVITE call=1 tag=other {one} @0.04"
    )
    together = [call_id for ids in call_ids(dialogue) for call_id in ids]
    assert sorted(together) == ["1", "2"]


def test_one_message_is_in_one_call() -> None:
    capture = read(said("icid=q", "icid=q", CALL))
    assert capture.table("messages")["call"].unique().to_list() == capture.table("calls")["call"].to_list()


# -- nodes that hand on ------------------------------------------------------------------------------------------------

NUMBER = "+13105550100"
# N has the address X for who calls and Y for who is called.
TWO_ADDRESSES = (
    CALL.replace("-> N", "-> X").replace("N -> A", "X -> A").replace("B -> X", "B -> Y").replace("N ->", "Y ->")
)
WHO = {"one": f"from=sip:a@e to=sip:{NUMBER}@e", "two": f"from=sip:trunk@f to=sip:{NUMBER}@f"}


def test_a_node_with_an_address_on_each_side_makes_one_call() -> None:
    assert call_ids(TWO_ADDRESSES.format(**WHO)) == [["1", "2"]]


def test_two_addresses_are_of_two_nodes_where_nothing_went_over() -> None:
    """The first of the callers is refused while the callee of the second rings."""
    dialogue = f"""
        A -> X INVITE call=1 from=sip:a@e to=sip:{NUMBER}@e   @0.000
        Y -> B INVITE call=2 from=sip:c@e to=sip:{NUMBER}@f   @0.020
        X -> A 486 INVITE call=1 to_tag=z                     @0.400
        B -> Y 180 INVITE call=2 to_tag=y                     @2.000
        B -> Y 200 INVITE call=2 to_tag=y                     @3.000
        """
    assert call_ids(dialogue) == [["1"], ["2"]]


def test_who_takes_calls_and_makes_others_hands_none_on() -> None:
    """Of the calls to X none but the last has its like at Y, and of those of Y only the last."""
    others = "\n".join(
        f"A{n} -> X INVITE call=in{n} from=sip:a{n}@e to=sip:+1310555020{n}@e @{n * 5 - 40}\n"
        f"Y -> B INVITE call=out{n} from=sip:c{n}@e to=sip:+1310555030{n}@f @{n * 5 - 38}"
        for n in range(4)
    )
    late = TWO_ADDRESSES.format(**WHO)
    assert ["1", "2"] not in call_ids(others + late)


SILENT = f"""
    A -> N INVITE call=1 from=sip:a@e to=sip:{NUMBER}@e        @0.00
    N -> B INVITE call=2 from=sip:a@e to=sip:{NUMBER}@f        @0.02
    N -> B INVITE call=2 from=sip:a@e to=sip:{NUMBER}@f {{again}} @0.52
    N -> C INVITE call=3 from=sip:a@e to=sip:{NUMBER}@g        @1.60
    C -> N 180 INVITE call=3 to_tag=y                          @1.80
    N -> A 180 INVITE call=1 to_tag=z                          @1.81
    C -> N 200 INVITE call=3 to_tag=y                          @3.00
    N -> A 200 INVITE call=1 to_tag=z                          @3.01
    """


def test_a_second_trunk_after_one_that_is_silent_is_a_try_of_the_same_call() -> None:
    assert call_ids(SILENT.format(again="")) == [["1", "2", "3"]]


TRANSFERRED = CALL.replace(
    "N -> A   BYE call=1 tag=z to_tag=x1                   @9.010",
    """
N -> A   BYE call=1 tag=z to_tag=x1                   @29.0""",
)
REFERS = "B -> N   REFER call=2 tag=y to_tag=x2 @8.9\n"


@pytest.mark.parametrize(("refers", "together"), [(REFERS, True), ("", False)])
def test_who_transfers_may_leave_long_before_who_is_transferred(refers: str, together: bool) -> None:
    dialogue = TRANSFERRED.format(one="", two="") + "\n" + refers
    assert (["1", "2"] in call_ids(dialogue)) == together
