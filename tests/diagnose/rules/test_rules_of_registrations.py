"""Registrations that failed: RFC 3261 §10, §22, RFC 3310, TS 24.229 §5.4.1."""

from __future__ import annotations

from tests.diagnose.rules.diagnosed import named, told

CHALLENGE = '\'header=WWW-Authenticate:Digest realm="e",nonce="n{0}"{1}\''
CREDENTIALS = '\'header=Authorization:Digest username="a",realm="e",nonce="n{0}",uri="sip:e",response="{0}f"\''
CONTACT = "'header=Contact:<sip:a@10.0.0.1>'"


def register(number: int, at: float, answer: str, credentials: str = "") -> str:
    """A REGISTER and its final response; the branch is of its CSeq number."""
    start = f"A -> R  REGISTER cseq={number} uri=sip:e to=sip:a@example.com {CONTACT} {credentials} @{at}\n"
    return f"{start}R -> A  {answer} to=sip:a@example.com to_tag=r{number} @{at + 0.01:.3f}\n"


def of(status: int, number: int, more: str = "") -> str:
    return f"{status} REGISTER cseq={number} {more}"


def challenged(number: int, at: float, credentials: str = "", stale: str = "") -> str:
    return register(number, at, of(401, number, CHALLENGE.format(number, stale)), credentials)


END = "C -> D  OPTIONS call_id=o branch=o @{0}\nD -> C  200 OPTIONS call_id=o branch=o to_tag=o @{0}1\n"


def test_a_registration_with_the_right_password_is_no_finding() -> None:
    right = register(2, 0.1, of(200, 2, f"{CONTACT} header=Expires:600"), CREDENTIALS.format(1))
    assert named(challenged(1, 0) + right + END.format(300.0)) == []


def test_403_to_credentials_is_a_wrong_password() -> None:
    found = told(challenged(1, 0) + register(2, 0.1, of(403, 2), CREDENTIALS.format(1)) + END.format(300.0))
    assert found["credentials_rejected"]["severity"] == "error"
    assert "registration_forbidden" not in found


def test_403_without_a_challenge_is_no_matter_of_passwords() -> None:
    assert named(register(1, 0, of(403, 1)) + END.format(300.0)) == ["registration_forbidden"]


def test_a_challenge_after_each_answer_is_a_loop() -> None:
    turns = "".join(challenged(n, n / 10, CREDENTIALS.format(n - 1)) for n in (2, 3, 4))
    assert named(challenged(1, 0) + turns + END.format(300.0)) == ["authentication_loop"]


def test_5xx_and_480_are_of_the_core() -> None:
    for status in (480, 500, 503, 504):
        assert named(register(1, 0, of(status, 1)) + END.format(300.0)) == ["core_failure"]


def test_423_that_the_device_does_not_heed() -> None:
    assert named(register(1, 0, of(423, 1, "header=Min-Expires:3600")) + END.format(300.0)) == ["interval_too_brief"]


UNANSWERED = "".join(
    f"A -> R  REGISTER cseq=1 uri=sip:e to=sip:a@example.com {CONTACT} @{at}\n"
    for at in (0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
)


def test_a_register_that_is_sent_until_timer_f_has_no_answer() -> None:
    found = told(UNANSWERED + END.format(300.0))
    assert [name for name, row in found.items() if row["severity"] == "error"] == ["register_unanswered"]
    assert found["register_unanswered"]["nodes"] == "10.0.0.2:5060"


def test_a_register_that_was_sent_once_proves_nothing() -> None:
    """One direction of a link, or an answer that took another way (RFC 3261 §17.1.2.2: it would be sent again)."""
    assert named(UNANSWERED.splitlines()[0] + "\n" + END.format(300.0)) == []


def test_423_or_a_challenge_at_the_end_of_the_capture_proves_nothing() -> None:
    """The device had no time to ask again."""
    assert named(register(1, 0, of(423, 1, "header=Min-Expires:3600")) + END.format(1.0)) == []
    assert named(challenged(1, 0) + END.format(1.0)) == []
    assert named(challenged(1, 0) + END.format(300.0)) == ["challenge_unanswered"]


def test_a_register_without_credentials_again_and_again_answers_no_challenge() -> None:
    found = told("".join(challenged(n, n / 10) for n in (1, 2, 3, 4)) + END.format(300.0))
    assert "authentication_loop" not in found


def test_a_register_that_ran_out_of_hops_went_in_circles() -> None:
    assert named(register(1, 0, of(483, 1)) + END.format(300.0)) == ["too_many_hops"]


def third_party(answer: str) -> str:
    """TS 24.229 §5.4.1.7: From is the S-CSCF, To the subscriber."""
    ask = "S -> T  REGISTER cseq=1 uri=sip:as.e to=sip:s@home.example header=Expires:600 @0\n"
    return ask + f"T -> S  {answer} REGISTER cseq=1 to=sip:s@home.example to_tag=t @0.1\n" + END.format(300.0)


def test_a_third_party_register_that_an_as_fails_on_is_a_warning_and_one_that_it_refuses_none() -> None:
    """TS 24.229 §5.4.1.7: 408 and 5xx set the default handling to work; a 4xx only says that the AS does not care."""
    severity = {
        status: told(third_party(str(status)))["third_party_register_failed"]["severity"] for status in (403, 500)
    }
    assert severity == {403: "info", 500: "warning"}
    assert told(third_party("200")) == {}


def test_who_registers_for_others_and_is_challenged_is_no_s_cscf() -> None:
    first = (
        third_party("401")
        .replace(END.format(300.0), "")
        .replace("401 REGISTER", f"401 REGISTER {CHALLENGE.format(1, '')}")
    )
    given = f"uri=sip:as.e to=sip:s@home.example {CREDENTIALS.format(1)}"
    again = f"S -> T  REGISTER cseq=2 {given} @0.2\nT -> S  403 REGISTER cseq=2 to=sip:s@home.example to_tag=t @0.3\n"
    found = named(first + again + END.format(300.0))
    assert found == ["credentials_rejected"]


def test_a_challenge_without_a_challenge_is_of_the_server_and_not_of_the_silent_device() -> None:
    """RFC 3261 §20.44: a 401 has WWW-Authenticate, or there is nothing to answer."""
    bare = told(register(1, 0, of(401, 1)) + END.format(300.0))
    assert list(bare) == ["challenge_empty"]
    assert "without WWW-Authenticate" in bare["challenge_empty"]["explanation"]
    assert named(register(1, 0, of(401, 1, CHALLENGE.format(1, ""))) + END.format(300.0)) == ["challenge_unanswered"]


# -- storms (R27), headers (R28), extensions (R29)


def test_more_than_ten_registrations_a_minute_are_a_storm() -> None:
    def times(often: int, start: int = 0) -> str:
        each = (
            register(n, start + 2 * n, of(200, n, f"{CONTACT} header=Expires:600")).replace(
                "cseq=", f"call_id=r{n} cseq="
            )
            for n in range(1, often + 1)
        )
        return "".join(each) + END.format(300.0)

    assert "registration_storm" in named(times(12))
    assert "registration_storm" not in named(times(8))
    assert "registration_storm" in named(times(12, start=45)), "a minute of the clock ends among them"


def test_420_and_439_are_of_extensions() -> None:
    for status in (420, 421, 439):
        assert named(register(1, 0, of(status, 1)) + END.format(300.0)) == ["register_extension_refused"]


PATH = "header=Path:<sip:p.example>"
AKA = '\'header=WWW-Authenticate:Digest realm="e",nonce="n1",algorithm=AKAv1-MD5\''
BOTH = "header=Service-Route:<sip:s.example> header=P-Associated-URI:<sip:a@example.com>"


def granted(headers: str, path: str = PATH) -> str:
    asked = register(1, 0, of(401, 1, AKA), path)
    right = CREDENTIALS.format(1).replace("username", "algorithm=AKAv1-MD5,username")
    ok = of(200, 2, f"{CONTACT} header=Expires:600 {headers}")
    return asked + register(2, 0.1, ok, f"{right} {path}") + END.format(300.0)


def test_a_200_of_ims_without_service_route() -> None:
    found = told(granted("header=P-Associated-URI:<sip:a@example.com>"))["service_route_missing"]
    assert "no Service-Route." in found["explanation"]


def test_a_200_that_has_both_or_is_not_of_ims_is_no_finding() -> None:
    assert named(granted(BOTH)) == []
    assert named(granted("", path="")) == []


# -- reg event (R33)

SUBSCRIBE = "A -> R  SUBSCRIBE call_id=s branch=s header=Event:reg header=Expires:600 @0\n"


def subscribed(status: int) -> str:
    return f"R -> A  {status} SUBSCRIBE call_id=s branch=s to_tag=y header=Expires:600 @0.1\n"


def notified(state: str) -> str:
    own = "NOTIFY call_id=s branch=f from_tag=y to_tag=x cseq=1"
    sent = f"R -> A  {own} header=Event:reg 'header=Subscription-State:{state}' @0.2\n"
    return f"{sent}A -> R  200 {own} @0.3\n"


def test_a_subscription_to_the_registration_state_that_is_refused_or_rejected() -> None:
    assert named(SUBSCRIBE + subscribed(403) + END.format(300.0)) == ["reg_event_trouble"]
    rejected = notified("terminated;reason=rejected")
    assert named(SUBSCRIBE + subscribed(200) + rejected + END.format(300.0)) == ["reg_event_trouble"]


def test_a_subscription_that_is_active_or_ends_with_the_registration_is_no_finding() -> None:
    """RFC 6665 §4.1.3: noresource, of a state that no longer exists."""
    for state in ("active;expires=600", "terminated;reason=noresource", "terminated;reason=timeout"):
        assert named(SUBSCRIBE + subscribed(200) + notified(state) + END.format(300.0)) == []
