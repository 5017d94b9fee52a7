"""Authentication by AKA and by digest, and its security agreement: RFC 3310 §3, RFC 3329 §2.3.1, RFC 7616 §3.3."""

from __future__ import annotations

import base64

from pcaps import udp

from tests.diagnose.rules.diagnosed import named, told
from tests.diagnose.rules.test_rules_of_registrations import CONTACT, CREDENTIALS, END, challenged, of, register
from tests.ims import test_security_associations as security_associations

NONCE = base64.b64encode(bytes(range(32))).decode()
AKA = f'\'header=WWW-Authenticate:Digest realm="e",nonce="{NONCE}",algorithm=AKAv1-MD5\''
ANSWER = '\'header=Authorization:Digest username="a",realm="e",nonce="{}",uri="sip:e",response="{}"{}\''
GRANTED = f"{CONTACT} header=Expires:600"
RIGHT = ANSWER.format(NONCE, "ab" * 16, ",algorithm=AKAv1-MD5")
AUTS = ',algorithm=AKAv1-MD5,auts="' + base64.b64encode(bytes(14)).decode() + '"'


def aka(number: int, at: float, credentials: str = "", more: str = "") -> str:
    return register(number, at, of(401, number, f"{AKA} {more}"), credentials)


def ok(number: int, at: float, credentials: str = RIGHT, more: str = "") -> str:
    return register(number, at, of(200, number, f"{GRANTED} {more}"), credentials)


def test_aka_that_succeeds_is_no_finding() -> None:
    assert named(aka(1, 0) + ok(2, 0.2) + END.format(300.0)) == []


# -- sync and MAC failure (R20, R21)


def test_one_resynchronisation_is_a_warning_and_one_without_success_an_error() -> None:
    once = aka(1, 0) + aka(2, 0.2, ANSWER.format(NONCE, "", AUTS))
    saved = told(once + ok(3, 0.4) + END.format(300.0))["aka_sync_failure"]
    assert (saved["severity"], saved["cases"]) == ("warning", 1)
    assert told(once + END.format(300.0))["aka_sync_failure"]["severity"] == "error"


def test_an_answer_without_response_and_auts_is_a_mac_failure() -> None:
    """RFC 3310 §3.3: the UE that does not take AUTN sends an empty response."""
    empty = ANSWER.format(NONCE, "", ",algorithm=AKAv1-MD5")
    found = named(aka(1, 0) + register(2, 0.2, of(403, 2), empty) + END.format(300.0))
    assert found == ["aka_mac_failure"]


# -- stale nonces (R19)


def stale(turns: int) -> str:
    lines = ""
    for turn in range(turns):
        number, at = 10 * turn + 1, 100.0 * turn
        lines += challenged(number, at)
        lines += challenged(number + 1, at + 0.1, CREDENTIALS.format(number), ",stale=true")
        lines += register(number + 2, at + 0.2, of(200, number + 2, GRANTED), CREDENTIALS.format(number + 1))
    return lines + END.format(900.0)


def test_nonces_that_are_stale_each_time() -> None:
    # Each stale answer has one beside it that is accepted: half, and no more than half.
    assert "nonce_stale" not in told(stale(4))


def test_nonces_that_are_stale_more_often_than_not() -> None:
    lines = challenged(1, 0)
    lines += "".join(challenged(n, n / 10, CREDENTIALS.format(n - 1), ",stale=true") for n in (2, 3, 4, 5))
    lines += register(6, 0.6, of(200, 6, GRANTED), CREDENTIALS.format(5))
    found = told(lines + END.format(300.0))["nonce_stale"]
    assert "4 of 5 answers" in found["explanation"]


# -- security agreement (R22)

OFFERED = "'header=Security-Server:ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1;spi-s=2;port-c=5062;port-s=5064'"
OTHER = OFFERED.replace("Security-Server", "Security-Verify").replace("sha-1", "md5-")
SAME = OFFERED.replace("Security-Server", "Security-Verify")


def test_a_security_verify_that_differs_is_no_agreement() -> None:
    refused = register(2, 0.2, of(494, 2), f"{RIGHT} {OTHER}")
    assert named(aka(1, 0, more=OFFERED) + refused + END.format(300.0)) == ["security_agreement_failed"]


def test_a_security_verify_that_repeats_the_offer_is_no_finding() -> None:
    found = told(aka(1, 0, more=OFFERED) + ok(2, 0.2, f"{RIGHT} {SAME}") + END.format(300.0))
    assert "security_agreement_failed" not in found


def test_494_demands_the_agreement() -> None:
    assert named(register(1, 0, of(494, 1)) + END.format(300.0)) == ["security_agreement_failed"]


# -- beside the security association (R94)


def outside(*then: tuple[float, bytes]) -> list[str]:
    found = security_associations.read(*then).table("findings").filter(code="outside_security_association")
    return found["severity"].to_list()


def test_a_request_in_clear_to_the_port_of_the_association_is_outside_it() -> None:
    """TS 33.203 §7.1: what comes to a protected port outside its association is discarded."""
    ue, p_cscf = security_associations.UE, security_associations.PCSCF
    clear = udp(ue, p_cscf, security_associations.options(), (5060, 7000))
    assert outside((1.0, clear)) == ["warning"]


def test_a_registration_that_is_used_as_agreed_has_nothing_outside() -> None:
    assert outside() == []


# -- INVITEs with credentials (R18)

ASKED = '\'header=Proxy-Authenticate:Digest realm="e",nonce="n1"\''
GIVEN = '\'header=Proxy-Authorization:Digest username="a",realm="e",nonce="n1",uri="sip:e",response="ff"\''


def invited(status: int, more: str = "") -> str:
    return (
        f"A -> P  INVITE branch=a @0\nP -> A  407 INVITE branch=a to_tag=q {ASKED} @0.1\n"
        f"A -> P  ACK branch=a to_tag=q @0.2\nA -> P  INVITE branch=b cseq=2 {GIVEN} @0.3\n"
        f"P -> A  {status} INVITE branch=b cseq=2 to_tag=r {more} @0.4\nA -> P  ACK branch=b cseq=2 to_tag=r @0.5\n"
    ) + END.format(300.0)


def test_a_challenge_to_the_credentials_of_an_invite_rejects_them_and_403_bars_the_call() -> None:
    """RFC 3261 §21.4.4: the server understood the request, and authorization will not help."""
    assert named(invited(407, ASKED.replace("n1", "n2"))) == ["credentials_rejected"]
    assert named(invited(403)) == ["forbidden"]
