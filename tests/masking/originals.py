"""What is private in a capture, found by regular expressions alone, so that masking is not judged by its own eyes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2,}[0-9A-Fa-f](?![\w:.])")
_USER = re.compile(r"(?:sips?:|tel:|username=\")([^@\s<>;\":,/]+)", re.IGNORECASE)
_DISPLAY = re.compile(r"^(?:From|To|Contact|f|t|m)\s*:\s*\"?([^\"<\r\n]*?[A-Za-z][^\"<\r\n]*?)\"?\s*<", re.MULTILINE)
_PRODUCT = re.compile(r"^(?:User-Agent|Server)\s*:.*$", re.MULTILINE | re.IGNORECASE)
_CELL = re.compile(r"cell-id-3gpp=\"?[0-9]{5}([0-9A-Fa-f]+)")
_SECRET = re.compile(r"\b(?:response|ck|ik|cnonce)=\"([^\"]+)\"")

# Nobody: RFC 3323, TS 24.229.
_NOBODY = {"anonymous", "unavailable", "unknown", "orig", "term", "mo", "mt"}


def addresses(text: str) -> Iterator[re.Match[str]]:
    """Addresses of hosts; those of nobody (unspecified, loopback, multicast, broadcast) are left out."""
    for found in _IPV4.finditer(text):
        octets = [int(part) for part in found.group().split(".")]
        if max(octets) <= 255 and octets[0] not in (0, 127) and octets[0] < 224:
            yield found
    for found in _IPV6.finditer(text):
        try:
            address = ipaddress.IPv6Address(found.group())
        except ValueError:
            continue
        if not (address.is_unspecified or address.is_loopback or address.is_multicast):
            yield found


def spans(text: str) -> list[tuple[int, int]]:
    """Where in a message something private stands: addresses, users, numbers, display names, cells, secrets."""
    products = [found.span() for found in _PRODUCT.finditer(text)]
    found = [match.span() for match in addresses(text)]
    found += [user.span(1) for user in _USER.finditer(text) if _is_somebody(text, user)]
    found += [name.span(1) for name in _DISPLAY.finditer(text) if name[1].lower() not in _NOBODY]
    found += [match.span(1) for pattern in (_CELL, _SECRET) for match in pattern.finditer(text)]
    return [span for span in found if not any(start <= span[0] < end for start, end in products)]


def _is_somebody(text: str, user: re.Match[str]) -> bool:
    if user[1].lower() in _NOBODY or not re.search("[A-Za-z1-9]", user[1]):
        return False
    # ``sip:host`` has no user.
    return not user.group().lower().startswith("sip") or text[user.end() : user.end() + 1] == "@"


def telling(texts: list[str]) -> set[str]:
    """What may not be anywhere in any output: addresses, numbers of five digits or more, long names of users."""
    whole = "\n".join(_PRODUCT.sub("", text) for text in texts)
    numbers = {number for user in _USER.findall(whole) for number in re.findall(r"\d{5,}", user)}
    names = {user for user in _USER.findall(whole) if len(user) >= 5 and user.isalpha()} - _ORDINARY
    return {found.group() for found in addresses(whole)} | numbers | names


# Users of the samples and captures that are words anyone may say.
_ORDINARY = {"service", "anonymous", "conference", "sipvicious", "linphone", "localhost", "registrar", "mmtel"}
