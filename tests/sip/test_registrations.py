"""Registration attempts (RFC 3261 §10, RFC 6076 §4.1, TS 24.229 §5.1.1), worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import schema
from analyzer.sip.registrations import registrations
from analyzer.sip.transactions import transactions
from tests.sip import frames

WHO = "from_uri=sip:alice@example.com to_uri=sip:alice@example.com contact_uri=sip:alice@192.0.2.10"


def rows(dialogue: str, end: float = 1000.0) -> list[dict[str, Any]]:
    dialogue = dialogue.replace("WHO", WHO)
    messages = frames.messages(dialogue)
    found = transactions(messages, frames.failures(), end=frames.at(end))
    return registrations(messages, found).to_dicts()


CHALLENGED = """
UE -> P  REGISTER cseq=1 WHO contact_expires=600                        @0.000..0.001
P -> UE  401 REGISTER cseq=1 challenge                                  @0.050
UE -> P  REGISTER cseq=2 WHO contact_expires=600 credentials private_id=alice@example.com  @0.100
"""
ACCEPTED = CHALLENGED + "P -> UE  200 REGISTER cseq=2 contact_uri=sip:alice@192.0.2.10 contact_expires=500  @0.180\n"


def test_the_columns_are_those_of_the_schema() -> None:
    messages = frames.messages(ACCEPTED.replace("WHO", WHO))
    table = registrations(messages, transactions(messages, frames.failures(), end=frames.at(9)))
    assert dict(table.schema) == schema.REGISTRATIONS.polars()


def test_no_registers_no_rows() -> None:
    assert rows("UE -> P INVITE @0.0") == []


def test_a_challenge_and_its_answer_are_one_attempt() -> None:
    (row,) = rows(ACCEPTED)
    facts = {name: row[name] for name in ("registration", "outcome", "kind", "challenges", "status", "private_id")}
    assert facts == {
        "registration": 1,
        "outcome": "registered",
        "kind": "initial",
        "challenges": 1,
        "status": 200,
        "private_id": "alice@example.com",
    }


TOO_BRIEF = """
UE -> P  REGISTER cseq=1 WHO contact_expires=60                         @0
P -> UE  401 REGISTER cseq=1 challenge                                  @0.05
UE -> P  REGISTER cseq=2 WHO contact_expires=60 credentials             @0.10
P -> UE  423 REGISTER cseq=2                                            @0.15
UE -> P  REGISTER cseq=3 WHO contact_expires={expires} credentials      @{at}
P -> UE  200 REGISTER cseq=3 contact_uri=sip:alice@192.0.2.10 contact_expires={expires}  @{at}
"""


def test_an_interval_that_is_too_brief_and_its_longer_successor_are_one_attempt() -> None:
    (row,) = rows(TOO_BRIEF.format(expires=3600, at=0.5))
    assert (row["outcome"], row["status"], row["expires_s"], row["delay_s"]) == ("registered", 200, 3600, 0.5)


@pytest.mark.parametrize(("expires", "at"), [(60, 0.5), (30, 0.5), (3600, 60)])
def test_what_follows_an_interval_too_brief_and_is_no_longer_or_late_is_another_attempt(
    expires: int, at: float
) -> None:
    assert [row["outcome"] for row in rows(TOO_BRIEF.format(expires=expires, at=at))] == ["failed", "registered"]


def test_delay_runs_from_the_first_byte_of_the_first_register_to_the_200() -> None:
    assert rows(ACCEPTED)[0]["delay_s"] == 0.18


def test_expiry_is_what_the_registrar_granted() -> None:
    assert rows(ACCEPTED)[0]["expires_s"] == 500


def test_expiry_granted_by_the_header() -> None:
    text = CHALLENGED + "P -> UE  200 REGISTER cseq=2 contact_uri=sip:alice@192.0.2.10 expires=300  @0.180\n"
    assert rows(text)[0]["expires_s"] == 300


def test_a_refused_registration_was_granted_no_expiry() -> None:
    assert rows(CHALLENGED + "P -> UE  503 REGISTER cseq=2  @0.180\n")[0]["expires_s"] is None


def test_the_registrar_is_who_answered() -> None:
    assert rows(ACCEPTED)[0]["registrar"] == "P:5060"


def test_a_refresh_within_the_binding() -> None:
    text = (
        ACCEPTED
        + """
    UE -> P  REGISTER cseq=3 WHO contact_expires=600 credentials  @300
    P -> UE  200 REGISTER cseq=3 contact_uri=sip:alice@192.0.2.10 contact_expires=600  @300.030
    """
    )
    assert [(row["kind"], row["delay_s"]) for row in rows(text)] == [("initial", 0.18), ("refresh", 0.03)]


def test_after_the_binding_lapsed_it_is_initial_again() -> None:
    text = ACCEPTED + "UE -> P  REGISTER cseq=3 WHO contact_expires=600  @501\n"
    assert [row["kind"] for row in rows(text)] == ["initial", "initial"]


def test_a_refused_refresh_leaves_the_binding() -> None:
    text = (
        ACCEPTED
        + """
    UE -> P  REGISTER cseq=3 WHO contact_expires=600  @300
    P -> UE  503 REGISTER cseq=3                      @300.1
    UE -> P  REGISTER cseq=4 WHO contact_expires=600  @330
    """
    )
    assert [(row["kind"], row["outcome"]) for row in rows(text)][1:] == [("refresh", "failed"), ("refresh", "failed")]


@pytest.mark.parametrize("asked", ["contact_expires=0", "expires=0", "contact_uri=* expires=0"])
def test_expiry_zero_or_a_star_removes_the_binding(asked: str) -> None:
    text = (
        ACCEPTED
        + f"""
    UE -> P  REGISTER cseq=3 WHO {asked} credentials  @300
    P -> UE  200 REGISTER cseq=3                      @300.02
    """
    )
    row = rows(text)[1]
    assert (row["kind"], row["outcome"], row["expires_s"]) == ("deregister", "deregistered", 0)


@pytest.mark.parametrize("contact", ["", "contact_uri=*"])
def test_after_a_removal_it_is_initial_again(contact: str) -> None:
    text = (
        ACCEPTED
        + f"""
    UE -> P  REGISTER cseq=3 WHO {contact} expires=0  @300
    P -> UE  200 REGISTER cseq=3                      @300.02
    UE -> P  REGISTER cseq=4 WHO contact_expires=600  @310
    """
    )
    assert rows(text)[2]["kind"] == "initial"


def test_a_challenge_that_nothing_follows() -> None:
    row = rows("""
    UE -> P  REGISTER cseq=1 WHO  @0
    P -> UE  401 REGISTER cseq=1  @0.05
    """)[0]
    assert (row["outcome"], row["status"], row["challenges"], row["delay_s"]) == ("challenged", 401, 1, None)


def test_a_final_that_is_no_challenge_fails_and_ends_the_attempt() -> None:
    text = (
        CHALLENGED
        + """
    P -> UE  403 REGISTER cseq=2                @0.2
    UE -> P  REGISTER cseq=3 WHO                @5
    P -> UE  401 REGISTER cseq=3                @5.1
    """
    )
    assert [(row["outcome"], row["status"]) for row in rows(text)] == [("failed", 403), ("challenged", 401)]


def test_attempts_that_share_a_cseq_have_keys_of_their_own() -> None:
    # The first registrar is silent; the other is asked with the same CSeq on a new branch (RFC 3263 §4.3).
    text = "UE -> P REGISTER branch=z9hG4bK1 WHO @0\nUE -> Q REGISTER branch=z9hG4bK2 WHO @40\n"
    text += "Q -> UE 200 REGISTER branch=z9hG4bK2 @40.1"
    assert [(row["registration"], row["outcome"]) for row in rows(text)] == [(1, "failed"), (2, "registered")]


def test_the_delay_of_a_failed_attempt_is_null() -> None:
    assert rows(CHALLENGED + "P -> UE  403 REGISTER cseq=2 @0.2\n")[0]["delay_s"] is None


def test_unanswered_at_the_end_is_pending() -> None:
    row = rows("UE -> P  REGISTER WHO  @0", end=5)[0]
    assert (row["outcome"], row["status"], row["ended_at"]) == ("pending", None, None)


def test_unanswered_for_longer_than_timer_f_failed() -> None:
    assert rows("UE -> P  REGISTER WHO  @0", end=40)[0]["outcome"] == "failed"


def test_a_challenge_forgotten_for_four_minutes_begins_a_new_attempt() -> None:
    text = """
    UE -> P  REGISTER cseq=1 WHO  @0
    P -> UE  401 REGISTER cseq=1  @0.05
    UE -> P  REGISTER cseq=2 WHO  @600
    P -> UE  200 REGISTER cseq=2  @600.05
    """
    assert [row["outcome"] for row in rows(text)] == ["challenged", "registered"]


def test_all_hops_are_one_registration_measured_at_the_user_agent() -> None:
    (row,) = rows("""
    UE -> P    REGISTER WHO branch=a    @0.000
    P -> S     REGISTER WHO branch=b,a  @0.010
    S -> P     200 REGISTER branch=b,a  @0.050
    P -> UE    200 REGISTER branch=a    @0.060
    """)
    assert (row["delay_s"], row["registrar"]) == (0.06, "P:5060")


def test_resent_registers_are_not_counted() -> None:
    (row,) = rows("""
    UE -> P  REGISTER cseq=1 WHO  @0
    UE -> P  REGISTER cseq=1 WHO  @0.5
    P -> UE  401 REGISTER cseq=1  @0.6
    P -> UE  401 REGISTER cseq=1  @0.7
    """)
    assert (row["challenges"], row["registration"]) == (1, 1)


def test_a_registration_by_the_network_for_a_user_is_third_party() -> None:
    row = rows("""
    S -> AS  REGISTER from_uri=sip:scscf.example.com to_uri=sip:alice@example.com contact_uri=sip:scscf.example.com @0
    AS -> S  200 REGISTER @0.01
    """)[0]
    assert (row["kind"], row["outcome"]) == ("third_party", "registered")


@pytest.mark.parametrize(
    "sign", ["contact_uri=sip:alice@192.0.2.10;sos", "request_uri=sip:sos.ims.mnc001.mcc001.3gppnetwork.org"]
)
def test_an_emergency_registration(sign: str) -> None:
    assert rows(f"UE -> P  REGISTER WHO {sign} @0")[0]["kind"] == "emergency"


def test_duplicates_count_nowhere() -> None:
    text = """
    UE -> P  REGISTER cseq=1 WHO  @0
    UE -> P  REGISTER cseq=1 WHO original=1 @0.0001
    P -> UE  401 REGISTER cseq=1  @0.6
    P -> UE  401 REGISTER cseq=1  original=3 @0.6001
    """
    assert [row["challenges"] for row in rows(text)] == [1]


def test_a_delay_is_the_same_alone_and_among_others() -> None:
    alone = "UE -> P REGISTER cseq=1 call_id=a WHO @0\nP -> UE 200 REGISTER cseq=1 call_id=a @0.18\n"
    other = "UE -> P REGISTER cseq=1 call_id=b WHO @1\nP -> UE 200 REGISTER cseq=1 call_id=b @1.03\n"
    assert [row["delay_s"] for row in rows(alone + other)] == [rows(alone)[0]["delay_s"], rows(other)[0]["delay_s"]]


# ---- one attempt, whatever port the Contact has (TS 24.229 §5.1.1.5.1) -----------------------------------------------

IPSEC = """
UE -> P  REGISTER cseq=1 WHO:5060 contact_expires=600                                     @0.000
P -> UE  401 REGISTER cseq=1 challenge _nonce=7                                           @0.050
UE:6101 -> P:6000  REGISTER cseq=2 WHO:6100 contact_expires=600 credentials _nonce=7      @0.100
P:6000 -> UE:6101  200 REGISTER cseq=2 contact_uri=sip:alice@192.0.2.10:6100 contact_expires=600 @0.180
"""


def test_a_contact_with_the_port_of_the_security_association_is_the_same_attempt() -> None:
    (row,) = rows(IPSEC)
    facts = (row["outcome"], row["kind"], row["challenges"], row["status"], row["delay_s"], row["contact"])
    assert facts == ("registered", "initial", 1, 200, 0.18, "sip:alice@192.0.2.10:6100")


def test_a_refresh_over_the_association_whose_answer_has_a_new_port_is_a_refresh() -> None:
    text = (
        IPSEC
        + """
    UE:6101 -> P:6000  REGISTER cseq=3 WHO:6100 contact_expires=600 credentials _nonce=7  @300
    P:6000 -> UE:6101  401 REGISTER cseq=3 challenge _nonce=8                             @300.05
    UE:6103 -> P:6000  REGISTER cseq=4 WHO:6102 contact_expires=600 credentials _nonce=8  @300.1
    P:6000 -> UE:6103  200 REGISTER cseq=4                                                @300.15
    """
    )
    assert [(row["kind"], row["outcome"], row["challenges"]) for row in rows(text)] == [
        ("initial", "registered", 1),
        ("refresh", "registered", 1),
    ]


def test_each_answer_may_have_a_port_of_its_own() -> None:
    text = IPSEC.replace("200 REGISTER cseq=2", "401 REGISTER cseq=2 challenge stale _nonce=8")
    text += "UE:6103 -> P:6000  REGISTER cseq=3 WHO:6102 contact_expires=600 credentials _nonce=8  @0.2\n"
    text += "P:6000 -> UE:6103  200 REGISTER cseq=3  @0.3\n"
    assert [(row["challenges"], row["outcome"], row["delay_s"]) for row in rows(text)] == [(2, "registered", 0.3)]


def test_a_challenge_that_was_not_captured_is_answered_by_credentials_in_the_next_cseq() -> None:
    text = "\n".join(line for line in IPSEC.splitlines() if " 401 " not in line)
    assert [(row["outcome"], row["delay_s"]) for row in rows(text)] == [("registered", 0.18)]


@pytest.mark.parametrize(
    "change",
    [("credentials _nonce=7", "credentials _nonce=9"), ("WHO:6100", "WHO:6100 call_id=other"), ("@0.100", "@300")],
)
def test_what_does_not_answer_the_challenge_is_an_attempt_of_its_own(change: tuple[str, str]) -> None:
    text = IPSEC.replace(*change)
    if "call_id" in change[1]:
        text = text.replace("200 REGISTER", "200 REGISTER call_id=other")
    assert [row["outcome"] for row in rows(text.replace("@0.180", "@300.2"))] == ["challenged", "registered"]


def test_two_contacts_of_one_call_id_that_take_turns_are_two_attempts() -> None:
    (one, other) = rows("""
    UE -> P  REGISTER cseq=1 WHO:5060  @0.00
    UE -> P  REGISTER cseq=2 WHO:5062  @0.01
    P -> UE  401 REGISTER cseq=1 challenge _nonce=7  @0.02
    P -> UE  401 REGISTER cseq=2 challenge _nonce=8  @0.03
    UE -> P  REGISTER cseq=3 WHO:5060 credentials _nonce=7  @0.04
    UE -> P  REGISTER cseq=4 WHO:5062 credentials _nonce=8  @0.05
    P -> UE  200 REGISTER cseq=3  @0.06
    P -> UE  200 REGISTER cseq=4  @0.07
    """)
    assert [(row["contact"][-4:], row["challenges"], row["outcome"]) for row in (one, other)] == [
        ("5060", 1, "registered"),
        ("5062", 1, "registered"),
    ]


# ---- rejected credentials (RFC 3261 §22.2) ---------------------------------------------------------------------------


def tries(number: int, more: str = "") -> str:
    text = "UE -> P  REGISTER cseq=1 WHO  @0\nP -> UE  401 REGISTER cseq=1 challenge _nonce=1  @0.05\n"
    for cseq in range(2, number + 2):
        text += f"UE -> P  REGISTER cseq={cseq} WHO credentials _nonce={cseq - 1}  @{cseq}\n"
        text += f"P -> UE  401 REGISTER cseq={cseq} challenge _nonce={cseq} {more}  @{cseq}.05\n"
    return text


@pytest.mark.parametrize("number", [1, 5])
def test_rejected_passwords_are_a_failure(number: int) -> None:
    (row,) = rows(tries(number))
    assert (row["outcome"], row["status"], row["challenges"]) == ("failed", 401, number + 1)


def test_the_right_password_after_five_wrong_ones_registers() -> None:
    text = tries(5) + "UE -> P  REGISTER cseq=7 WHO credentials _nonce=6  @8\nP -> UE  200 REGISTER cseq=7  @8.1\n"
    assert [(row["outcome"], row["challenges"], row["delay_s"]) for row in rows(text)] == [("registered", 6, 8.1)]


def test_a_nonce_that_was_too_old_is_no_rejection() -> None:
    assert rows(tries(1, "stale"))[0]["outcome"] == "challenged"


def test_a_challenge_by_a_proxy_behind_the_first_is_no_rejection() -> None:
    assert rows(tries(1).replace("401 REGISTER cseq=2", "407 REGISTER cseq=2"))[0]["outcome"] == "challenged"


def test_credentials_of_an_earlier_nonce_that_are_challenged_anew_are_no_rejection() -> None:
    text = "UE -> P  REGISTER cseq=9 WHO credentials _nonce=3  @0\nP -> UE  401 REGISTER cseq=9 challenge _nonce=4  @1"
    assert rows(text)[0]["outcome"] == "challenged"


# ---- answered further in ---------------------------------------------------------------------------------------------

INNER = """
UE -> P    REGISTER WHO branch=a contact_expires=600 @0.000
P -> S     REGISTER WHO branch=b,a contact_expires=600 @0.010
S -> P     200 REGISTER branch=b,a contact_uri=sip:alice@192.0.2.10 contact_expires=60 @0.050
"""


@pytest.mark.parametrize("end", [1, 100])
def test_the_200_of_the_inner_hop_ends_an_attempt_that_its_own_hop_shows_no_answer_to(end: float) -> None:
    (row,) = rows(INNER, end=end)
    facts = (row["outcome"], row["status"], row["ended_at"] is not None, row["expires_s"], row["delay_s"])
    assert facts == ("registered", 200, True, 60, None)


def test_a_refusal_of_the_inner_hop_ends_it_too() -> None:
    assert rows(INNER.replace("200 REG", "403 REG"), end=1)[0]["outcome"] == "failed"


def test_a_challenge_of_the_inner_hop_does_not() -> None:
    assert rows(INNER.replace("200 REG", "401 REG"), end=1)[0]["outcome"] == "pending"


def test_who_asks_again_afterwards_was_not_answered() -> None:
    text = INNER + "UE -> P    REGISTER WHO branch=a contact_expires=600 @0.500\n"
    assert rows(text, end=100)[0]["outcome"] == "failed"
