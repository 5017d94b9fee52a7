"""Attacks, and what looks like one and is none."""

from __future__ import annotations

from tests.diagnose.rules.diagnosed import named, told


def test_a_scanner_that_names_itself() -> None:
    dialogue = "S -> P  OPTIONS branch=o 'header=User-Agent:friendly-scanner' @0\n"
    assert named(dialogue) == ["scanner"]


def test_a_phone_with_another_name_is_none() -> None:
    dialogue = (
        "S -> P  OPTIONS branch=o 'header=User-Agent:Friendly Phone 3' @0\nP -> S  200 OPTIONS branch=o to_tag=y @1\n"
    )
    assert named(dialogue) == []


def tries(number: int, *, right: bool = False, every: int = 1) -> str:
    credentials = '\'header=Authorization:Digest username="u",realm="e",nonce="{0}",uri="sip:e",response="{0}f"\''
    lines = []
    for n in range(1, number + 1):
        status = 200 if right and n == number else 403
        lines.append(
            f"S -> P  REGISTER call_id=c{n} branch=r{n} uri=sip:e header=Contact:<sip:u@10.0.0.1> "
            f"{credentials.format(n)} @{n * every}\n"
            f"P -> S  {status} REGISTER call_id=c{n} branch=r{n} to_tag=t{n} header=Contact:<sip:u@10.0.0.1> "
            f"@{n * every}.1\n"
        )
    return "".join(lines)


def test_ten_wrong_passwords_are_guesses() -> None:
    assert "password_guessing" in named(tries(10))
    assert "password_guessing" not in named(tries(9))


def test_a_phone_with_an_old_password_that_tries_every_two_minutes_does_not_guess() -> None:
    assert "password_guessing" not in told(tries(12, every=120))


def test_an_attack_is_told_once() -> None:
    assert named(tries(12)) == ["password_guessing"]


def test_a_login_after_ten_wrong_passwords_is_a_break_in() -> None:
    found = told(tries(11, right=True))
    assert next(iter(found)) == "password_guessed"
    assert "password_guessing" not in found


def dialled(*numbers: str, status: int = 404) -> str:
    return "".join(
        f"S -> P  INVITE call_id=c{n} branch=i{n} uri=sip:{number}@example.com @{n}\n"
        f"P -> S  {status} INVITE call_id=c{n} branch=i{n} to_tag=t{n} @{n}.1\n"
        f"S -> P  ACK call_id=c{n} branch=i{n} to_tag=t{n} @{n}.2\n"
        for n, number in enumerate(numbers, start=1)
    )


NUMBER = "97259512345"


def test_one_number_behind_one_prefix_after_the_other_is_toll_fraud() -> None:
    prefixed = [prefix + NUMBER for prefix in ("", "0", "00", "900", "011")]
    assert named(dialled(*prefixed)) == ["toll_fraud"]


def test_one_number_dialled_again_and_again_is_none() -> None:
    assert named(dialled(*[NUMBER] * 5)) == ["no_route_to_number"]
