"""Who released a call: ``dialogs`` and ``calls`` give one answer, whatever the BYE says and whoever sends it."""

from __future__ import annotations

import shlex

import pytest

from tests.sip import wire

ANSWERED = """
    UAC -> UAS  INVITE                                      @0
    UAS -> UAC  180 INVITE to_tag=y                         @1
    UAS -> UAC  200 INVITE to_tag=y                         @3
    UAC -> UAS  ACK to_tag=y                                @3.1
"""
# Alice, two proxies, Bob; what a proxy sends itself has one Via.
OVER_PROXIES = """
    UAC -> P    INVITE branch=a                             @0
    P   -> Q    INVITE branch=b,a                           @0.1
    Q   -> UAS  INVITE branch=c,b,a                         @0.2
    UAS -> Q    200 INVITE branch=c,b,a to_tag=y            @1
    Q   -> P    200 INVITE branch=b,a to_tag=y              @1.1
    P   -> UAC  200 INVITE branch=a to_tag=y                @1.2
    UAC -> P    ACK branch=k to_tag=y                       @1.3
"""


def released(dialogue: str) -> tuple[str, str]:
    """``dialogs.ended_by`` and ``calls.released_by`` of the one call in it."""
    capture = wire.read(dialogue)
    return capture.table("dialogs")["ended_by"].item(), capture.table("calls")["released_by"].item()


def bye(*reasons: str) -> str:
    """A BYE of the caller with these header fields Reason."""
    fields = " ".join(shlex.quote(f"header=Reason: {reason}") for reason in reasons)
    return ANSWERED + f"UAC -> UAS BYE cseq=2 to_tag=y {fields} @60\n"


@pytest.mark.parametrize(
    "reasons",
    [
        ('Q.850;cause=16;text="Normal call clearing", FAILURE_CAUSE;cause=1;text="Media bearer or QoS lost"',),
        ('SIP;cause=200;text="OK", RELEASE_CAUSE;cause=3;text="Media bearer loss"',),
        ('RELEASE_CAUSE;cause="3"',),
        ("Q.850;cause=16", "RELEASE_CAUSE;cause=3"),
        ("SIP;cause=200", "failure_cause ; Cause = 2"),
        ('SIP;text="lost, as we know; no";cause=503',),
        ("Q.850;cause=38",),
        ("Q.850;cause=17",),
    ],
)
def test_a_reason_that_only_the_network_gives(reasons: tuple[str, ...]) -> None:
    assert released(bye(*reasons)) == ("network", "network")


@pytest.mark.parametrize(
    "reasons",
    [
        (),
        ('SIP;cause=200;text="failure_cause was tested"',),
        ('Q.850;cause=16;text="a quote \\" , FAILURE_CAUSE;cause=1"',),
        ('SIP;text="x;cause=503";cause=200',),
        ('RELEASE_CAUSE;cause=1;text="User ends call"',),
        ("Q.850;cause=16", "RELEASE_CAUSE;cause=1"),
        ("Q.850;cause=31",),
        ("X.FAILURE_CAUSE;cause=1",),
    ],
)
def test_a_reason_of_a_user_who_hangs_up(reasons: tuple[str, ...]) -> None:
    assert released(bye(*reasons)) == ("local", "caller")


def test_a_proxy_that_ends_the_call_towards_both_sides() -> None:
    both = """
        P -> UAC  BYE branch=m from_tag=y to_tag=x cseq=5   @9
        P -> Q    BYE branch=n to_tag=y cseq=2              @9.5
    """
    assert released(OVER_PROXIES + both) == ("network", "network")


def test_a_proxy_that_ends_the_call_towards_one_side() -> None:
    assert released(OVER_PROXIES + "Q -> UAS BYE branch=n to_tag=y cseq=2 @9") == ("network", "network")


def test_byes_that_cross_are_of_the_users_and_the_first_counts() -> None:
    crossing = """
        UAS -> Q    BYE branch=m from_tag=y to_tag=x cseq=7          @9
        UAC -> P    BYE branch=n to_tag=y cseq=2                     @9.05
        Q   -> P    BYE branch=o,m from_tag=y to_tag=x cseq=7        @9.1
        P   -> UAC  BYE branch=p,o,m from_tag=y to_tag=x cseq=7      @9.2
    """
    assert released(OVER_PROXIES + crossing) == ("local", "caller")


def test_two_users_of_one_address_whose_byes_cross_are_no_network() -> None:
    same = ANSWERED.replace("UAS", "UAC")
    crossing = """
        UAC -> UAC  BYE branch=m from_tag=y to_tag=x cseq=7          @9
        UAC -> UAC  BYE branch=n to_tag=y cseq=2                     @9.05
    """
    assert released(same + crossing) == ("remote", "callee")


def test_the_response_alone_tells_of_a_bye() -> None:
    assert released(ANSWERED + "UAS -> UAC 200 BYE cseq=2 to_tag=y @60") == ("local", "caller")


def test_a_proxy_that_hides_the_other_leg_ends_the_call_towards_both_sides() -> None:
    """Of the INVITE's Call-ID only the way to the proxy was seen, as it masks it behind (Kamailio's topoh)."""
    byes = "UAS -> UAC BYE from_tag=y to_tag=x cseq=7 branch=p @60\nUAS -> B BYE to_tag=y cseq=2 branch=q @60.01\n"
    assert released(ANSWERED + byes) == ("network", "network")
