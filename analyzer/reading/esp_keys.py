"""Keys of IPsec from a file: as Wireshark keeps them, as Linux prints them, or one association a line.

What is wrong with a line is said by its number, and no message quotes any of it: a key may stand anywhere.
"""

from __future__ import annotations

import csv
import ipaddress
import os
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from analyzer.errors import AnalyzerError

#: Source, destination and SPI, None for any; encryption and its key, integrity and its key: as the core takes them.
EspKey: TypeAlias = tuple[str | None, str | None, int | None, str, bytes, str, bytes]

# By the names of TS 33.203 Annex H: lengths of the keys in bytes; of GCM and GMAC with their salt of four.
_CIPHERS = {"null": (0,), "aes-cbc": (16, 24, 32), "des-ede3-cbc": (24,), "aes-gcm": (20, 28, 36)}
_CHECKS: dict[str, Iterable[int]] = {
    "null": (0,), "hmac-md5-96": (16,), "hmac-sha-1-96": (20,), "hmac-sha-256-128": range(1, 65),
    "hmac-sha-384-192": range(1, 129), "hmac-sha-512-256": range(1, 129), "aes-gmac": (20, 28, 36),
}  # fmt: skip
_WIRESHARK = {
    "null": "null", "tripledes-cbc [rfc2451]": "des-ede3-cbc", "aes-cbc [rfc3602]": "aes-cbc",
    "aes-gcm [rfc4106]": "aes-gcm", "aes-gcm with 16 octet icv [rfc4106]": "aes-gcm",
    "hmac-md5-96 [rfc2403]": "hmac-md5-96", "hmac-sha-1-96 [rfc2404]": "hmac-sha-1-96",
    "hmac-sha-256-128 [rfc4868]": "hmac-sha-256-128", "hmac-sha-384-192 [rfc4868]": "hmac-sha-384-192",
    "hmac-sha-512-256 [rfc4868]": "hmac-sha-512-256", "aes-gmac [rfc4543]": "aes-gmac",
}  # fmt: skip
_ANY = re.compile(r"any (64|96|128|192|256) bit authentication \[no checking\]")
_LINUX = {
    "cbc(aes)": "aes-cbc", "cbc(des3_ede)": "des-ede3-cbc", "ecb(cipher_null)": "null", "cipher_null": "null",
    "rfc4106(gcm(aes))": "aes-gcm", "hmac(md5)": "hmac-md5-96", "hmac(sha1)": "hmac-sha-1-96",
    "hmac(sha256)": "hmac-sha-256-128", "hmac(sha384)": "hmac-sha-384-192", "hmac(sha512)": "hmac-sha-512-256",
    "digest_null": "null",
}  # fmt: skip
_FORMS = (
    'a line of Wireshark\'s esp_sa ("IPv4","SRC","DST","SPI","AES-CBC [RFC3602]","KEY","HMAC-SHA-1-96 [RFC2404]",'
    '"KEY"), what `ip xfrm state` prints, or [SRC DST] SPI EALG KEY ALG KEY'
)


class _Wrong(Exception):
    """What is wrong with a line."""


def read(paths: Iterable[str | os.PathLike[str]]) -> list[EspKey]:
    """The associations in these files, in their order.

    Raises AnalyzerError with the file and the line that cannot be read.
    """
    return [key for path in paths for key in _file(path)]


def _file(path: str | os.PathLike[str]) -> Iterator[EspKey]:
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8", errors="strict") as file:
            lines = file.read().splitlines()
    except UnicodeDecodeError:
        raise AnalyzerError(f"{name}: holds no keys of ESP, for it is no text; give {_FORMS}") from None
    except OSError as error:
        raise AnalyzerError(f"{name}: {error.strerror}: the keys of ESP cannot be read") from None
    number, found = 0, False
    try:
        for first, block in _blocks(lines):
            number, found = first, True
            yield _checked(_read(block))
    except _Wrong as wrong:
        raise AnalyzerError(f"{name}, line {number}: {wrong}; give {_FORMS}") from None
    if not found:
        raise AnalyzerError(f"{name}: holds no keys of ESP; give {_FORMS}")


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """An association each: a line, or what Linux indents below it; by the number of its first line."""
    block: list[str] = []
    first = 0
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if line[:1] in " \t" and block and block[0].startswith("src "):
            block.append(text)
            continue
        if block:
            yield first, block
        block, first = [text], number
    if block:
        yield first, block


def _read(block: list[str]) -> EspKey:
    line = block[0]
    if line.startswith('"'):
        return _of_wireshark(next(csv.reader([line])))
    if line.startswith("src "):
        return _of_linux(block)
    return _plain(line.split())


def _of_wireshark(fields: list[str]) -> EspKey:
    if len(fields) not in (8, 9):
        raise _Wrong(f"8 fields make an association, and there are {len(fields)}")
    _, src, dst, spi, cipher, cipher_key, check, check_key = fields[:8]
    any_check = _ANY.fullmatch(check.strip().lower())
    integrity = f"any-{any_check[1]}" if any_check else _named(_WIRESHARK, check, "integrity")
    encryption = _named(_WIRESHARK, cipher, "encryption")
    return (
        _address(src), _address(dst), _spi(spi), encryption, _key(cipher_key), integrity,
        b"" if any_check else _key(check_key),
    )  # fmt: skip


def _of_linux(block: list[str]) -> EspKey:
    words = block[0].split()
    if len(words) < 4 or words[2] != "dst":
        raise _Wrong("`src ADDRESS dst ADDRESS` begins an association")
    encryption, cipher_key, integrity, check_key = "null", b"", "null", b""
    spi: int | None = None
    for line in block[1:]:
        match line.split():
            case ["proto", "esp", "spi", text, *_]:
                spi = _spi(text)
            case ["enc", name, *key]:
                encryption, cipher_key = _named(_LINUX, name, "encryption"), _key(key[0] if key else "")
            case ["auth" | "auth-trunc", name, key, *bits]:
                integrity, check_key = _named(_LINUX, name, "integrity"), _key(key)
                if bits and integrity != "null" and not integrity.endswith(f"-{bits[0]}"):
                    raise _Wrong("an integrity check of that length is not known")
            case ["aead", "rfc4543(gcm(aes))", key, *_]:
                integrity, check_key = "aes-gmac", _key(key)
            case ["aead", name, key, *bits]:
                encryption, cipher_key = _named(_LINUX, name, "encryption"), _key(key)
                integrity = f"any-{bits[0]}" if bits and bits[0] in ("96", "128") else "null"
    if spi is None:
        raise _Wrong("no SPI of ESP follows")
    return _address(words[1]), _address(words[3]), spi, encryption, cipher_key, integrity, check_key


def _plain(words: list[str]) -> EspKey:
    if len(words) not in (5, 7):
        raise _Wrong("that is no association")
    src, dst = (_address(words[0]), _address(words[1])) if len(words) == 7 else (None, None)
    spi, cipher, cipher_key, check, check_key = words[-5:]
    known = {name: name for name in (*_CIPHERS, *_CHECKS)}
    return (
        src, dst, _spi(spi), _named(known, cipher, "encryption"), _key(cipher_key),
        _named(known, check, "integrity"), _key(check_key),
    )  # fmt: skip


def _named(names: dict[str, str], text: str, what: str) -> str:
    """The name of the standard. A name that is not known is not quoted: it may be a key in the wrong place."""
    found = names.get(text.strip().lower())
    if found is None or found not in (_CIPHERS if what == "encryption" else _CHECKS):
        of = [name for name, meant in names.items() if meant in (_CIPHERS if what == "encryption" else _CHECKS)]
        raise _Wrong(f"no {what} of that name is known, but {', '.join(of)}")
    return found


def _address(text: str) -> str | None:
    if text.strip() in ("*", ""):
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise _Wrong("an address is an IP address, or * for any") from None


def _spi(text: str) -> int | None:
    if text.strip() == "*":
        return None
    try:
        spi = int(text.strip(), 0)
    except ValueError:
        spi = -1
    if not 0 <= spi < 1 << 32:
        raise _Wrong("an SPI is a number up to 0xffffffff, or * for any")
    return spi


def _key(text: str) -> bytes:
    """Hexadecimal with or without 0x, or text in quotes that Wireshark takes as it stands."""
    text = text.strip()
    if text in ("", "-", '""'):
        return b""
    try:
        return bytes.fromhex(text[2:] if text[:2] in ("0x", "0X") else text)
    except ValueError:
        raise _Wrong("a key is written in hexadecimal digits") from None


def _checked(key: EspKey) -> EspKey:
    _, _, _, cipher, cipher_key, check, check_key = key
    for what, name, found, lengths in (
        ("encryption", cipher, cipher_key, _CIPHERS[cipher]),
        ("integrity", check, check_key, _CHECKS.get(check, (0,))),
    ):
        # What has no key may stand with one.
        if name != "null" and len(found) not in lengths:
            wanted = " or ".join(str(length) for length in lengths) if not isinstance(lengths, range) else "some"
            raise _Wrong(f"the key of {what} has {len(found)} bytes, and {name} takes {wanted}")
    return key
