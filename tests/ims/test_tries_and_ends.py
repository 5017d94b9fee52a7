"""What a B2BUA does of itself: it tries one gateway after another, gives up, and hangs up on both sides."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from ims_wire import read
from places import shared

import analyzer

# G and H are gateways of the exchange N, which calls both by the same Request-URI.
TO = "from=sip:+442079460001@a to=sip:+442079460999@n"
BY = "from=sip:02079460001@n to=sip:02079460999@t"
ASKED = f"A -> N INVITE call=a {TO} @0\n"
REFUSED_BY_G = f"N -> G INVITE call=b {BY} @0.01\nG -> N 503 INVITE call=b to_tag=y @0.05\n"
G, H = "10.0.0.3:5060", "10.0.0.4:5060"


def tried(last: int) -> str:
    """G refuses with 503, H with ``last``, and so does the exchange."""
    to_h = f"N -> H INVITE call=c {BY} @0.06\nH -> N {last} INVITE call=c to_tag=w @1\n"
    return ASKED + REFUSED_BY_G + to_h + f"N -> A {last} INVITE call=a to_tag=z @1.01"


def call(dialogue: str) -> dict[str, Any]:
    return read(dialogue).table("calls").row(0, named=True)


# -- tries -------------------------------------------------------------------------------------------------------------


def test_the_same_number_over_another_gateway_is_a_try_of_the_same_call() -> None:
    dialogue = tried(486)
    assert call(dialogue)["call_ids"] == ["a", "b", "c"]


def test_of_several_tries_that_were_refused_the_last_is_passed_on() -> None:
    dialogue = tried(503)
    assert read(dialogue).table("call_failures")["address"].to_list() == [H]


# A node that waits before it tries the next gateway, under another number.
LATER = f"""
A -> N   INVITE call=a {TO}                                   @0
N -> G   INVITE call=b from=sip:02079460001@n to=sip:201@t    @0.01
G -> N   503 INVITE call=b to_tag=y                           @0.05
N -> H   INVITE call=c from=sip:02079460001@n to=sip:205@t    @1.55
"""
ANSWERED_BY_H = """
H -> N   180 INVITE call=c to_tag=w      @2
{to}     180 INVITE call={call} to_tag=z @2.01
H -> N   200 INVITE call=c to_tag=w      @5
{to}     200 INVITE call={call} to_tag=z @5.01
"""


def test_the_try_before_one_that_is_known_is_of_its_call_however_long_the_node_took() -> None:
    dialogue = LATER + ANSWERED_BY_H.format(to="N -> A", call="a")
    assert call(dialogue)["call_ids"] == ["a", "b", "c"]


def test_a_new_call_after_a_refusal_proves_nothing_of_what_was_refused() -> None:
    """The node was asked for another call of the same caller, and to that one the answer goes."""
    other = f"Z -> N INVITE call=d {TO} @1.54\n"
    dialogue = LATER.replace("N -> H", other + "N -> H") + ANSWERED_BY_H.format(to="N -> Z", call="d")
    dialogue += "N -> A 480 INVITE call=a to_tag=x @9"
    rows = read(dialogue).table("calls")["call_ids"].to_list()
    assert not [ids for ids in rows if "c" in ids and {"a", "b"} & set(ids)]


def test_a_call_that_ends_of_itself_after_a_refusal_is_no_try() -> None:
    """What became of it did not become of the caller, who is refused later: it may be anybody's."""
    dialogue = LATER + "H -> N 486 INVITE call=c to_tag=w @3\nN -> A 480 INVITE call=a to_tag=z @9"
    assert read(dialogue).table("calls")["legs"].to_list() == [1, 1, 1]


def test_a_call_after_a_refusal_that_was_passed_on_is_another() -> None:
    dialogue = LATER.replace("N -> H", "N -> A 503 INVITE call=a to_tag=z @0.06\nN -> H")
    dialogue += "H -> N 200 INVITE call=c to_tag=w @5"
    assert read(dialogue).table("calls")["call_ids"].to_list() == [["a", "b"], ["c"]]


def silent(refused_at: float) -> str:
    """G never answers; N sends its INVITE again until Timer B, and refuses the call then."""
    copies = "".join(f"N -> G INVITE call=b {BY} @{at}\n" for at in (0.01, 0.51, 1.51, 3.51, 7.51, 15.51, 31.51))
    return ASKED + copies + f"N -> A 480 INVITE call=a to_tag=z @{refused_at}\n"


def test_a_gateway_that_was_silent_until_the_node_refused_the_call_is_a_leg_of_it() -> None:
    """RFC 3261 §17.1.1.2: Timer B."""
    capture = read(silent(32.02))
    assert capture.table("calls")["call_ids"].to_list() == [["a", "b"]]
    assert capture.table("call_failures")["unresponsive_node"].to_list() == [G]


def test_a_gateway_that_is_asked_again_after_the_call_was_refused_is_not() -> None:
    assert read(silent(20.0)).table("calls")["legs"].to_list() == [1, 1]


SAME_CALL_ID = f"""
A -> N   INVITE call=a tag=t1 {TO}                   @0
N -> B   INVITE call=a tag=t2 {BY} via=n             @0.01
B -> N   603 INVITE call=a tag=t2 to_tag=y via=n     @1
N -> A   403 INVITE call=a tag=t1 to_tag=z           @1.01
"""


def test_a_refusal_is_followed_over_a_node_that_keeps_the_call_id() -> None:
    """A border controller that changes the tags alone is a B2BUA like any other."""
    row = read(SAME_CALL_ID).table("call_failures").row(0, named=True)
    assert (row["address"], row["first_status"], row["status"]) == (G, 603, 403)


# -- ends --------------------------------------------------------------------------------------------------------------

ANSWERED = f"""
A -> N   INVITE call=a {TO}              @0
N -> B   INVITE call=b {BY}              @0.01
B -> N   180 INVITE call=b to_tag=y      @1
N -> A   180 INVITE call=a to_tag=z      @1.01
B -> N   200 INVITE call=b to_tag=y      @2
N -> B   ACK call=b to_tag=y             @2.01
N -> A   200 INVITE call=a to_tag=z      @2.01
A -> N   ACK call=a to_tag=z             @2.02
"""
TO_CALLER = "N -> A   BYE call=a tag=z to_tag=xa cseq=2 @60\n"


@pytest.mark.parametrize(
    ("byes", "side", "detail"),
    [
        # The exchange hangs up on both, as its time limit for a call has run out.
        (TO_CALLER + "N -> B BYE call=b to_tag=y cseq=2 @60.01", "network", "dropped"),
        ("B -> N BYE call=b tag=y to_tag=xb cseq=2 @59.99\n" + TO_CALLER, "callee", "normal"),
        ("A -> N BYE call=a to_tag=z cseq=2 @60\nN -> B BYE call=b to_tag=y cseq=2 @60.01", "caller", "normal"),
        # Both users hang up at once.
        (
            "A -> N BYE call=a to_tag=z cseq=2 @60\nB -> N BYE call=b tag=y to_tag=xb cseq=2 @60.01\n"
            "N -> B BYE call=b to_tag=y cseq=2 @60.02\nN -> A BYE call=a tag=z to_tag=xa cseq=2 @60.02",
            "caller",
            "normal",
        ),
    ],
    ids=["node", "callee", "caller", "both"],
)
def test_who_ended_a_call_over_an_exchange(byes: str, side: str, detail: str) -> None:
    """Two BYEs of one node to both sides, and none of a user (RFC 3261 §15)."""
    ended = call(ANSWERED + byes)
    assert (ended["legs"], ended["released_by"], ended["outcome_detail"]) == (2, side, detail)


def test_the_dialogs_of_a_call_that_a_node_ended_were_ended_by_the_network() -> None:
    dialogs = read(ANSWERED + TO_CALLER + "N -> B BYE call=b to_tag=y cseq=2 @60.01").table("dialogs")
    assert dialogs["ended_by"].to_list() == ["network", "network"]


def test_a_proxy_behind_an_exchange_that_ends_its_dialog_ends_the_call() -> None:
    """K, a proxy behind the exchange, sends BYE to both sides of its dialog."""
    dialogue = f"""
    A -> N   INVITE call=a {TO}                    @0
    N -> K   INVITE call=b {BY} via=n              @0.01
    K -> B   INVITE call=b {BY} via=k,n            @0.02
    B -> K   180 INVITE call=b to_tag=y via=k,n    @1
    K -> N   180 INVITE call=b to_tag=y via=n      @1.01
    N -> A   180 INVITE call=a to_tag=z            @1.02
    B -> K   200 INVITE call=b to_tag=y via=k,n    @2
    K -> N   200 INVITE call=b to_tag=y via=n      @2.01
    N -> A   200 INVITE call=a to_tag=z            @2.02
    N -> K   ACK call=b to_tag=y via=n2            @2.03
    K -> B   ACK call=b to_tag=y via=k2,n2         @2.04
    A -> N   ACK call=a to_tag=z                   @2.05
    K -> N   BYE call=b tag=y to_tag=xb cseq=9 via=k3 @8
    K -> B   BYE call=b to_tag=y cseq=9 via=k4        @8.001
    N -> A   BYE call=a tag=z to_tag=xa cseq=2        @8.01
    """
    assert call(dialogue)["released_by"] == "network"


def given_up(final: int, of_callee: str) -> str:
    """B rings; N gives up after 4 s, of itself, and tells the caller ``final``."""
    return f"""
    A -> N   INVITE call=a {TO}                 @0
    N -> B   INVITE call=b {BY} via=n           @0.01
    B -> N   180 INVITE call=b to_tag=y via=n   @1
    N -> A   180 INVITE call=a to_tag=z         @1.01
    {of_callee}
    N -> A   {final} INVITE call=a to_tag=z     @5.03
    """


BY_CANCEL = """
    N -> B   CANCEL call=b via=n                @5.01
    B -> N   200 CANCEL call=b via=n            @5.02
    B -> N   487 INVITE call=b to_tag=y via=n   @5.02
"""


def test_busy_that_a_node_says_when_it_gives_up_is_not_of_the_callee() -> None:
    """Asterisk says 486 when the time for ringing is over."""
    ended = call(given_up(486, BY_CANCEL))
    assert (ended["legs"], ended["released_by"]) == (2, "network")


def test_busy_that_the_callee_says_is_of_the_callee() -> None:
    assert call(given_up(486, "B -> N 486 INVITE call=b to_tag=y via=n @5.01"))["released_by"] == "callee"


# -- cases -------------------------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("topoh_masked_callid", ["caller", "callee", "caller", "unknown", "unknown", "caller", "network"]),
        ("b2bua_refusals", ["callee", "unknown", "unknown", "network"]),
        ("b2bua_attempts", ["caller"] * 4),
        ("b2bua_numbers_rewritten", ["caller", "caller", "callee", "caller", "unknown"]),
        ("b2bua_challenged", ["caller"]),
        ("b2bua_names", ["caller"]),
    ],
)
def test_who_ended_the_calls_over_real_exchanges(name: str, sides: list[str]) -> None:
    calls = analyzer.read(shared("cases", f"{name}.pcap")).table("calls")
    assert calls["released_by"].to_list() == sides


# -- refusals that a node passes on ------------------------------------------------------------------------------------


def refused(far: int, near: int) -> str:
    rings = f"N -> B INVITE call=b {BY} @0.01\nB -> N 180 INVITE call=b to_tag=y @1\n"
    rings += "N -> A 180 INVITE call=a to_tag=z @1.01\n"
    return ASKED + rings + f"B -> N {far} INVITE call=b to_tag=y @3\nN -> A {near} INVITE call=a to_tag=z @3.01"


@pytest.mark.parametrize(
    ("far", "near", "outcome", "side"),
    [
        (603, 403, "rejected", "callee"),
        (486, 487, "busy", "callee"),  # nobody sent a CANCEL
        (404, 500, "server_failure", "unknown"),
        (503, 403, "rejected", "unknown"),
    ],
)
def test_who_refused_is_told_by_the_status_that_was_said_first(far: int, near: int, outcome: str, side: str) -> None:
    """RFC 3398 §7.2.6.1, and what exchanges make of it; 486, 600, 603 and 607 are of the called side."""
    row = call(refused(far, near))
    assert (row["legs"], row["outcome"], row["released_by"]) == (2, outcome, side)


def test_a_bye_on_the_early_dialog_of_which_an_exchange_makes_a_cancel_is_the_callers() -> None:
    """RFC 3261 §15."""
    ringing = refused(487, 487).replace("B -> N 487", "N -> B CANCEL call=b via=INVITE1b @2.02\nB -> N 487")
    capture = read(ringing + "\nA -> N BYE call=a to_tag=z cseq=2 @2\nN -> A 200 BYE call=a to_tag=z cseq=2 @2.01")
    row = capture.table("calls").row(0, named=True)
    assert (row["legs"], row["outcome"], row["released_by"]) == (2, "cancelled", "caller")
    assert capture.table("call_failures")["on_behalf_of"].to_list() == ["user"]
    assert capture.table("dialogs").filter(pl.col("end_reason") == "bye")["ended_by"].to_list() == ["local"]
