"""Keyed pseudonyms that keep the form: a number becomes a number, a word a word, an address an address.

A pseudonym depends on the key and the original alone: the same original has the same pseudonym in every message, table
and capture that is masked with that key, whoever masks it and in whatever order. Different originals of one form have
different pseudonyms, and no pseudonym is its original: each form is one keyed *cycle* through all its values.

- small forms (an octet, a short word) are listed, shuffled by the key;
- others are ciphered by a Feistel network over mixed radices (the method of FF1, NIST SP 800-38G) with keyed BLAKE2b
  (RFC 7693, half the time of HMAC-SHA256) as round function, in the compiled core: twenty hashes for each original;
- forms of more than 2^64 values take key stream: that two of them meet is a matter of one in 2^32 originals.

Addresses keep their prefixes apart by octet or group (as Crypto-PAn does by bit): hosts of one subnet stay together.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import itertools
import math
import re
import string
import struct
from collections.abc import Callable
from dataclasses import dataclass

from analyzer.reading.native import core

_LISTED = 4096
_WIDE = 1 << 64
_ROUNDS = 10
_REMEMBERED = 64
"""Letters of the longest word that is kept in memory."""

_END = 7
"""As many last digits tell a telephone number, however it is written: nationally, internationally, behind a prefix."""

_DIGITS = string.digits
_LOWER = string.ascii_lowercase
_HEX = string.digits + "abcdef"
_MIXED = string.digits + string.ascii_letters

_IS_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


class _Letters:
    """An alphabet of letters that follow each other in Unicode; any other letter is spelt as one of them."""

    def __init__(self, first: int, count: int) -> None:
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, value: int) -> str:
        return chr(self._first + value)

    def index(self, char: str) -> int:
        return ord(char) % self._count


_Alphabet = str | _Letters

# Characters that are not ASCII stay as long in UTF-8: Latin letters with marks, Han, Han of the second plane.
_TWO_BYTES = _Letters(0xC0, 0x17F - 0xC0)
_THREE_BYTES = _Letters(0x4E00, 0x9FA5 - 0x4E00)
_FOUR_BYTES = _Letters(0x20000, 0x2A6D6 - 0x20000)
_ALPHABETS: dict[str, _Alphabet] = {**dict.fromkeys(_DIGITS, _DIGITS), **dict.fromkeys(_LOWER, _LOWER)}

# Eight digits and letters or more: a hash or a random number, no name.
_IS_HEX = re.compile(r"(?=.*[0-9])(?:(?=.*[a-f])[0-9a-f]{8,}|(?=.*[A-F])[0-9A-F]{8,})")
_IS_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[0-9A-Za-z]{8,}")


@dataclass(frozen=True, slots=True)
class _Run:
    """Places of a form that follow each other and have one alphabet, whose letters are digits of a number.

    ``digits``: what Python writes for each letter in numbers of this base, None where it is that letter; ``pairs``: the
    two letters for each number of two places. ``size``: how many texts there are.
    """

    base: int
    length: int
    size: int
    digits: dict[int, str] | None
    pairs: tuple[str, ...]

    def number(self, text: str) -> int:
        return int(text if self.digits is None else text.translate(self.digits), self.base)

    def text(self, number: int) -> str:
        if self.digits is None:
            return f"{number:0{self.length}{'d' if self.base == 10 else 'x'}}"
        text, pairs = "", self.base**2
        for _ in range((self.length + 1) // 2):
            number, value = divmod(number, pairs)
            text = self.pairs[value] + text
        return text[-self.length :]


@dataclass(frozen=True, slots=True)
class _Form:
    """All texts of one form: how many letters each place has, and how the key goes through all ``size`` of them.

    ``cycle``: one step on the cycle of the core; none where the values are listed or take key stream (``streamed``).
    ``runs``: its places, where each run of them has an alphabet of digits or small letters.
    """

    label: str
    radices: list[int]
    size: int
    cycle: Callable[[int], int] | None = None
    streamed: bool = False
    runs: tuple[_Run, ...] = ()


class Pseudonyms:
    """Pseudonyms of one key (bytes)."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"sip-analyzer pseudonyms 1\0" + key).digest()
        # Bounded, for every subnet has orders of its own.
        self._order = functools.lru_cache(_LISTED)(self._made_order)
        self._form = functools.lru_cache(_LISTED)(self._made_form)
        self._network = functools.lru_cache(_LISTED)(self._made_network)
        self._keyed = functools.lru_cache(_LISTED)(self._made_keyed)
        self._words: dict[tuple[str, bool], str] = {}
        self._numbers: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._addresses: dict[str, str | None] = {}

    def word(self, text: str, *, opaque: bool = False) -> str:
        """Another word: letters for letters, digits for digits, capitals where there were capitals.

        ``opaque``: the word is part of an identifier that is compared byte by byte; one that looks random takes its
        characters from all letters and digits, for even the pattern of capitals of a Base64 text would tell of it.
        """
        if len(text) > _REMEMBERED:
            return self._word(text, opaque=opaque)
        known = self._words.get((text, opaque))
        if known is None:
            known = self._words[text, opaque] = self._word(text, opaque=opaque)
        return known

    def _word(self, text: str, *, opaque: bool) -> str:
        if text.isascii() and text.isdigit():
            return self.number(text)
        if opaque and _IS_MIXED.fullmatch(text):
            return self._spelt(text, (_MIXED,) * len(text), "mixed")
        if _IS_HEX.fullmatch(text):
            return self.hexadecimal(text)
        if text.isascii():
            small = text.lower()
            other = self._spelt(small, tuple(map(_ALPHABETS.__getitem__, small)), "word")
            if small == text:
                return other
        else:
            small = "".join(char.lower() if char.isascii() else char for char in text)
            other = self._spelt(small, tuple(map(_alphabet, small)), "word")
        return "".join(
            new.upper() if old.isascii() and old.isupper() else new for old, new in zip(text, other, strict=True)
        )

    def hexadecimal(self, digits: str) -> str:
        """Another text of as many hexadecimal digits; capitals where no letter was small."""
        other = self._spelt(digits.lower(), (_HEX,) * len(digits), "hex")
        return other.upper() if digits == digits.upper() != digits.lower() else other

    def number(self, digits: str) -> str:
        """Another number of as many digits; zeros in front stay, for they are prefixes (0, 00) and belong to no one.

        Numbers with the same last digits have pseudonyms with the same last digits: exchanges write one number in
        several ways.
        """
        if len(digits) > _REMEMBERED:
            return self._number(digits)
        known = self._numbers.get(digits)
        if known is None:
            known = self._numbers[digits] = self._number(digits)
        return known

    def _number(self, digits: str) -> str:
        significant = digits.lstrip("0")
        if not significant:
            return digits
        alphabets = ("123456789", *(_DIGITS,) * (len(significant) - 1))
        form = self._form("number", alphabets)
        if form.streamed:
            other = self._spelt(significant, alphabets, "number")
        elif len(significant) > _END:
            end = significant[-_END:]
            other_end = self._ends.get(end)
            if other_end is None:
                other_end = self._ends[end] = self._spelt(end, (_DIGITS,) * _END, "end of number")
            other = self._before(significant[:-_END], end) + other_end
        else:
            least = 10 ** (len(significant) - 1)
            other = str(least + self._cycled(int(significant) - least, form))
        return digits[: len(digits) - len(significant)] + other

    def _before(self, digits: str, end: str) -> str:
        """What stands before the last digits of a number, which they decide on."""
        least = 10 ** (len(digits) - 1)
        drawn = int.from_bytes(self._prf(f"before {len(digits)}", end.encode()))
        return str(least + (int(digits) - least + drawn) % (9 * least))

    def network_code(self, digits: str) -> str:
        """Another MCC or MNC of two or three digits; 01 is the network of 001 (TS 23.003 §13.2), and so are theirs."""
        three = digits.zfill(3)
        if three[0] == "0":
            other = "0" + self._spelt(three[1:], (_DIGITS, _DIGITS), "network")
        else:
            other = self._spelt(three, ("123456789", _DIGITS, _DIGITS), "network")
        return other[-len(digits) :]

    def address(self, text: str) -> str | None:
        """The pseudonym of an IPv4 or IPv6 address as long as the text, or None where it is none.

        An address that belongs to no host (unspecified, loopback, multicast, broadcast) stays, and so does the kind of
        the others: what tells private, shared and link-local networks apart (RFC 6890).
        """
        if text not in self._addresses:
            self._addresses[text] = self._address(text)
        return self._addresses[text]

    def _address(self, text: str) -> str | None:
        if ":" in text:
            return self._ipv6(text)
        if not _IS_QUAD.fullmatch(text):
            return None
        network, _, host = text.rpartition(".")
        masked = self._network(network)
        if masked is None or int(host) > 255:
            return None
        prefix, octets = masked
        # Some write 010.000.000.001: it is the same host as 10.0.0.1.
        last = str(self._octet(octets, int(host))).zfill(len(host)) if octets else host
        return f"{prefix}.{last}"

    def _made_network(self, text: str) -> tuple[str, tuple[int, ...]] | None:
        """Three octets masked, and as they are; without these where the address stays, None where it is none."""
        parts = text.split(".")
        octets = tuple(map(int, parts))
        if max(octets) > 255:
            return None
        if octets[0] in (0, 127) or octets[0] >= 224:
            return text, ()
        others = (self._octet(octets[:place], octet) for place, octet in enumerate(octets))
        return ".".join(str(new).zfill(len(old)) for old, new in zip(parts, others, strict=True)), octets

    def _octet(self, before: tuple[int, ...], octet: int) -> int:
        # The values it may take: those written in as many digits, in networks of the same kind. Behind the second octet
        # there are no kinds.
        kind = _kind(before, octet) if len(before) < 2 else ""
        like = _like(before if len(before) < 2 else None, kind, len(str(octet)))
        order, places = self._order(f"ipv4 {'.'.join(map(str, before))} {kind}", len(like))
        return like[order[(places[like.index(octet)] + 1) % len(like)]]

    def _ipv6(self, text: str) -> str | None:
        if text.count(":") < 2:
            return None
        try:
            value = ipaddress.IPv6Address(text)
        except ValueError:
            return None
        if value.scope_id is not None:
            return None
        if value.is_unspecified or value.is_loopback or value.is_multicast:
            return text
        front, _, quad = text.rpartition(":")
        if "." in quad:  # ::ffff:192.0.2.1 (RFC 4291 §2.5.5)
            # IPv4 in IPv6 stays so: the six groups in front are those of a mapped address or masked as any others.
            mapped = front if value.ipv4_mapped else (self._ipv6(f"{front}:0:0") or front)[: len(front)]
            return f"{mapped}:{self._address(quad) or quad}"
        groups = value.exploded.split(":")
        head, gap, tail = text.partition("::")
        behind = 8 - len(tail.split(":")) if tail else 8
        masked = ":".join(self._group(groups, place, old) for place, old in enumerate(head.split(":"))) if head else ""
        if gap:
            masked += gap
            masked += (
                ":".join(self._group(groups, behind + n, old) for n, old in enumerate(tail.split(":"))) if tail else ""
            )
        return masked.upper() if text == text.upper() != text.lower() else masked

    def _group(self, groups: list[str], place: int, written: str) -> str:
        """One group in as many digits as it was written with; a group of zeros stays, for :: may hide it."""
        significant = written.lstrip("0").lower()
        if not significant or (place == 0 and significant.startswith(("fc", "fd", "fe"))):
            return written.lower()
        leading = _HEX[1:]
        if place == 0 and len(significant) == 4:
            # Global unicast (2000::/3) stays so, and nothing becomes private, link-local or multicast.
            leading = "23" if significant[0] in "23" else "1456789abcde"
            leading = leading if significant[0] in leading else significant[0]
        alphabets = (leading, *(_HEX,) * (len(significant) - 1))
        return self._spelt(significant, alphabets, f"ipv6 {':'.join(groups[:place])}").zfill(len(written))

    # ---- the cycle -------------------------------------------------------------------------------------------------

    def _spelt(self, text: str, alphabets: tuple[_Alphabet, ...], label: str) -> str:
        form = self._form(label, alphabets)
        if form.streamed:
            return "".join(map(_letter, alphabets, self._streamed(text, form)))
        if form.runs:
            return self._spelt_in_runs(text, form)
        number = 0
        for radix, alphabet, char in zip(form.radices, alphabets, text, strict=True):
            number = number * radix + alphabet.index(char)
        number = self._cycled(number, form)
        letters = []
        for radix, alphabet in zip(form.radices[::-1], alphabets[::-1], strict=True):
            number, value = divmod(number, radix)
            letters.append(alphabet[value])
        return "".join(letters[::-1])

    def _spelt_in_runs(self, text: str, form: _Form) -> str:
        number = place = 0
        for run in form.runs:
            number = number * run.size + run.number(text[place : place + run.length])
            place += run.length
        number = self._cycled(number, form)
        parts = []
        for run in form.runs[::-1]:
            number, value = divmod(number, run.size)
            parts.append(run.text(value))
        return "".join(parts[::-1])

    def _streamed(self, text: str, form: _Form) -> list[int]:
        stream = hashlib.shake_256(self._prf(f"stream {form.label}", text.encode("utf-8", "surrogatepass")))
        drawn = struct.unpack(f">{len(form.radices)}I", stream.digest(4 * len(form.radices)))
        return [number % radix for number, radix in zip(drawn, form.radices, strict=True)]

    def _cycled(self, value: int, form: _Form) -> int:
        """The next value of the keyed cycle through all values below the product of the radices."""
        if form.cycle is not None:
            return form.cycle(value)
        order, places = self._order(form.label, form.size)
        return order[(places[value] + 1) % form.size]

    def _made_order(self, label: str, size: int) -> tuple[list[int], list[int]]:
        """The values in the order of the key, and the place of each."""
        drawn = hashlib.shake_256(self._prf(f"order {label}", size.to_bytes(4))).digest(8 * size)
        order = sorted(range(size), key=lambda value: drawn[8 * value : 8 * value + 8])
        places = [0] * size
        for place, value in enumerate(order):
            places[value] = place
        return order, places

    def _made_form(self, label: str, alphabets: tuple[_Alphabet, ...]) -> _Form:
        radices = list(map(len, alphabets))
        label = f"{label} {bytes(radices).hex() if max(radices) < 256 else radices}"
        size = math.prod(radices)
        if len(radices) > 64 or size > _WIDE:
            return _Form(label, radices, size, streamed=True)
        if size <= _LISTED:
            return _Form(label, radices, size)
        runs = _runs(alphabets)
        rounds = [f"round {number} {label}" for number in range(_ROUNDS)]
        cycle = core().Cycle(self._key, list(zip(rounds[::2], rounds[1::2], strict=True)), *_halves(radices))
        return _Form(label, radices, size, cycle.next, runs=runs)

    def _prf(self, label: str, data: bytes) -> bytes:
        drawn = self._keyed(label).copy()
        drawn.update(data)
        return drawn.digest()

    def _made_keyed(self, label: str) -> hashlib.blake2b:
        return hashlib.blake2b(b"%b\0" % label.encode(), key=self._key, digest_size=32)


def _runs(alphabets: tuple[_Alphabet, ...]) -> tuple[_Run, ...]:
    """The runs of these alphabets; none where one of them is no alphabet of digits or small letters."""
    found: list[_Run] = []
    for alphabet, same in itertools.groupby(alphabets):
        if alphabet not in (_DIGITS, _HEX, _LOWER):
            return ()
        base, length = len(alphabet), len(list(same))
        digits = {ord(letter): (_DIGITS + _LOWER)[value] for value, letter in enumerate(_LOWER)}
        pairs = tuple(map("".join, itertools.product(alphabet, repeat=2)))
        found.append(_Run(base, length, base**length, digits if alphabet == _LOWER else None, pairs))
    return tuple(found)


@functools.cache
def _like(before: tuple[int, ...] | None, kind: str, digits: int) -> list[int]:
    """The octets of so many digits that are of this kind behind ``before``; None: where every octet is."""
    octets = [octet for octet in range(256) if len(str(octet)) == digits]
    return octets if before is None else [octet for octet in octets if _kind(before, octet) == kind]


def _kind(before: tuple[int, ...], octet: int) -> str:
    """The kind of network that these octets and this one decide on (RFC 6890); "": an ordinary one."""
    prefix = (*before, octet)
    if not before:
        # The first octet of these networks stays: elsewhere it never becomes one of them.
        return str(octet) if octet in (0, 10, 100, 127, 169, 172, 192) or octet >= 224 else ""
    if len(prefix) == 2:
        first, second = prefix
        special = {
            100: 64 <= second <= 127,
            169: second == 254,
            172: 16 <= second <= 31,
            192: second == 168,
        }
        return "special" if special.get(first) else ""
    return ""


def _alphabet(char: str) -> _Alphabet:
    if char in _DIGITS:
        return _DIGITS
    if char in _LOWER:
        return _LOWER
    code = ord(char)
    return _TWO_BYTES if code < 0x800 else _THREE_BYTES if code < 0x10000 else _FOUR_BYTES


def _letter(alphabet: _Alphabet, value: int) -> str:
    return alphabet[value]


def _halves(radices: list[int]) -> tuple[int, int]:
    """How many values the two halves have, cut where both have about as many."""
    size = math.prod(radices)
    cuts = ((math.prod(radices[:cut]), math.prod(radices[cut:])) for cut in range(len(radices)))
    return min(cuts, key=lambda halves: abs(halves[0] ** 2 - size))
