"""Pseudonyms keep the form, differ from what they stand for and from one another, and depend on the key."""

from __future__ import annotations

import hashlib
import ipaddress
import itertools
import string

import pytest

from analyzer.masking.pseudonyms import Pseudonyms

KEY = b"an example, not a secret"


@pytest.fixture(scope="module")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.mark.parametrize("digits", ["7", "42", "112", "4711", "491701234567", "1" * 30])
def test_a_number_becomes_another_number_of_as_many_digits(pseudonyms: Pseudonyms, digits: str) -> None:
    other = pseudonyms.number(digits)
    assert other.isdigit()
    assert len(other) == len(digits)
    assert other != digits


def test_the_end_of_a_number_is_ciphered_by_a_feistel_network_with_keyed_blake2b(pseudonyms: Pseudonyms) -> None:
    """The method of FF1 (NIST SP 800-38G) by hashlib, RFC 7693: encipher, add one, decipher."""
    key, sizes = hashlib.sha256(b"sip-analyzer pseudonyms 1\0" + KEY).digest(), (1000, 10_000)

    def drawn(number: int, half: int) -> int:
        asked = f"round {number} end of number {'0a' * 7}\0".encode() + half.to_bytes(16)
        return int.from_bytes(hashlib.blake2b(asked, key=key, digest_size=32).digest())

    halves = list(divmod(2345678, sizes[1]))
    for number in range(10):
        halves[number % 2] = (halves[number % 2] + drawn(number, halves[1 - number % 2])) % sizes[number % 2]
    halves = list(divmod((halves[0] * sizes[1] + halves[1] + 1) % 10**7, sizes[1]))
    for number in reversed(range(10)):
        halves[number % 2] = (halves[number % 2] - drawn(number, halves[1 - number % 2])) % sizes[number % 2]
    assert pseudonyms.number("491702345678")[-7:] == f"{halves[0] * sizes[1] + halves[1]:07d}"


@pytest.mark.parametrize(("digits", "zeros"), [("0170123", 1), ("0049170123", 2), ("491701", 0), ("000", 3)])
def test_zeros_in_front_are_prefixes_and_stay(pseudonyms: Pseudonyms, digits: str, zeros: int) -> None:
    other = pseudonyms.number(digits)
    assert len(other) - len(other.lstrip("0")) == zeros


def test_numbers_of_three_digits_have_each_their_own_pseudonym_and_none_its_own(pseudonyms: Pseudonyms) -> None:
    numbers = [str(number) for number in range(100, 1000)]
    others = [pseudonyms.number(number) for number in numbers]
    assert sorted(others) == numbers
    assert not any(number == other for number, other in zip(numbers, others, strict=True))


def test_numbers_too_many_to_list_have_each_their_own_pseudonym(pseudonyms: Pseudonyms) -> None:
    numbers = [str(491700000000 + number) for number in range(2000)]
    assert len({pseudonyms.number(number) for number in numbers}) == len(numbers)


@pytest.mark.parametrize("word", ["bob", "Alice", "McDonald", "alice01", "Müller", "田中", "z" * 100])
def test_a_word_keeps_length_in_bytes_capitals_and_digits(pseudonyms: Pseudonyms, word: str) -> None:
    other = pseudonyms.word(word)
    assert len(other.encode()) == len(word.encode())
    assert [(c.isdigit(), "A" <= c <= "Z") for c in other] == [(c.isdigit(), "A" <= c <= "Z") for c in word]
    assert other != word


def test_words_of_two_letters_have_each_their_own_pseudonym(pseudonyms: Pseudonyms) -> None:
    words = ["".join(pair) for pair in itertools.product(string.ascii_lowercase, repeat=2)]
    assert sorted(pseudonyms.word(word) for word in words) == words


def test_capitals_do_not_change_who_it_is(pseudonyms: Pseudonyms) -> None:
    """Hosts are compared without regard to case (RFC 3261 §19.1.4)."""
    assert pseudonyms.word("ALICE").lower() == pseudonyms.word("alice")


def test_a_hash_stays_hexadecimal(pseudonyms: Pseudonyms) -> None:
    assert set(pseudonyms.word("f81d4fae7dec11d0a76500a0c91e6bf6")) <= set("0123456789abcdef")


def test_the_capitals_of_a_random_identifier_are_not_told(pseudonyms: Pseudonyms) -> None:
    """A Base64 text could be guessed from where its capitals and digits are."""
    word = "MzEwMmYyYWRiYTUxYTBhODY3ZjFkZDA2YmU2ZTk2NGI"
    other = pseudonyms.word(word, opaque=True)
    assert [c.isupper() for c in other] != [c.isupper() for c in word]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("172.16.98.1", "172.16.0.0/12"),
        ("192.168.1.1", "192.168.0.0/16"),
        ("100.64.0.9", "100.64.0.0/10"),
        ("169.254.7.7", "169.254.0.0/16"),
        ("fe80::a1", "fe80::/10"),
        ("fd00:1::1", "fc00::/7"),
        ("2a02:8071::17", "2000::/3"),
    ],
)
def test_the_kind_of_network_stays(pseudonyms: Pseudonyms, address: str, network: str) -> None:
    """RFC 6890: private, shared and link-local addresses; global unicast (RFC 4291 §2.4)."""
    other = pseudonyms.address(address)
    assert other is not None
    assert other != address
    assert ipaddress.ip_address(other) in ipaddress.ip_network(network)


@pytest.mark.parametrize("address", ["8.8.8.8", "200.57.7.195", "11.0.0.34", "172.217.1.1", "192.0.2.1"])
def test_a_public_address_stays_public_and_unicast(pseudonyms: Pseudonyms, address: str) -> None:
    other = ipaddress.IPv4Address(pseudonyms.address(address) or "0.0.0.0")
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
    assert not any(other in ipaddress.ip_network(network) for network in private)
    assert not other.is_multicast
    assert not other.is_unspecified


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "224.2.1.1", "255.255.255.255", "::", "::1", "ff02::1"])
def test_an_address_of_no_host_stays(pseudonyms: Pseudonyms, address: str) -> None:
    assert pseudonyms.address(address) == address


def test_hosts_of_a_subnet_stay_together_and_apart(pseudonyms: Pseudonyms) -> None:
    others = [pseudonyms.address(f"203.0.113.{host}") or "" for host in range(256)]
    assert len({other.rpartition(".")[0] for other in others}) == 1
    assert len(set(others)) == 256
    assert (pseudonyms.address("203.0.114.1") or "").rpartition(".")[0] != others[0].rpartition(".")[0]


@pytest.mark.parametrize(
    "writing", ["2001:db8::9:1", "2001:DB8::9:1", "2001:0db8::0009:0001", "2001:db8:0:0:0:0:9:1", "2001:0db8::9:1"]
)
def test_an_ipv6_address_is_the_same_host_in_every_writing(pseudonyms: Pseudonyms, writing: str) -> None:
    other = pseudonyms.address(writing)
    assert other is not None
    assert len(other) == len(writing)
    assert ipaddress.ip_address(other) == ipaddress.ip_address(pseudonyms.address("2001:db8::9:1") or "")


def test_an_ipv4_address_in_ipv6_is_the_same_host(pseudonyms: Pseudonyms) -> None:
    """RFC 4291 §2.5.5.2."""
    assert pseudonyms.address("::ffff:192.0.2.7") == f"::ffff:{pseudonyms.address('192.0.2.7')}"


@pytest.mark.parametrize(
    "text", ["300.1.1.1", "1.2.3", "1.2.3.4.5", "2001:db8:::1", "12:30:45", "fe80::1%eth0", "a.b.c.d"]
)
def test_what_is_no_address_has_none(pseudonyms: Pseudonyms, text: str) -> None:
    assert pseudonyms.address(text) is None


def test_another_key_gives_other_pseudonyms() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(KEY + b"!")
    assert one.number("491701234567") != other.number("491701234567")
    assert one.word("alice") != other.word("alice")
    assert one.address("203.0.113.77") != other.address("203.0.113.77")
