"""Bytes of Diameter (RFC 6733; Cx: TS 29.229, Rx: TS 29.214) and DNS (RFC 1035), as far as the laboratory speaks it."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

TGPP = 10415
CX, RX = 16777216, 16777236
COMMANDS = {"UAR": 300, "SAR": 301, "LIR": 302, "MAR": 303, "AAR": 265}
SUCCESS = 2001
A, SRV, NAPTR = 1, 33, 35

_VENDOR, _MANDATORY = 0x80, 0x40
_REQUEST, _PROXIABLE = 0x80, 0x40
_DNS = struct.Struct("!HHHHHH")


def avp(code: int, value: int | str | bytes | Iterable[bytes], vendor: int = 0) -> bytes:
    """One attribute; numbers have 32 bits, a list of attributes makes a grouped one (RFC 6733 §4.1, §4.4)."""
    if isinstance(value, int):
        data = value.to_bytes(4, "big")
    elif isinstance(value, str):
        data = value.encode()
    else:
        data = value if isinstance(value, bytes) else b"".join(value)
    flags = _MANDATORY | (_VENDOR if vendor else 0)
    head = struct.pack("!IB", code, flags) + (len(data) + (12 if vendor else 8)).to_bytes(3, "big")
    return head + (vendor.to_bytes(4, "big") if vendor else b"") + data + bytes(-len(data) % 4)


def tgpp(code: int, value: int | str | bytes | Iterable[bytes]) -> bytes:
    """The same of 3GPP (TS 29.230)."""
    return avp(code, value, TGPP)


def diameter(command: str, application: int, number: int, avps: Iterable[bytes], *, answer: bool = False) -> bytes:
    """One message; ``number`` is its hop-by-hop and end-to-end identifier (RFC 6733 §3)."""
    body = b"".join(avps)
    flags = _PROXIABLE | (0 if answer else _REQUEST)
    head = struct.pack("!I", 1 << 24 | 20 + len(body)) + struct.pack("!I", flags << 24 | COMMANDS[command])
    return head + struct.pack("!III", application, number, number) + body


def framed_address(ip: str) -> bytes:
    """Framed-IP-Address, or Framed-IPv6-Prefix with the /64 that a UE has (RFC 7155 §4.4.10.5)."""
    address = ipaddress.ip_address(ip)
    return avp(8, address.packed) if address.version == 4 else avp(97, b"\0\x40" + address.packed[:8])


def query(number: int, name: str, kind: int) -> bytes:
    return _DNS.pack(number, 0x0100, 1, 0, 0, 0) + _question(name, kind)


def response(number: int, name: str, kind: int, data: bytes) -> bytes:
    """The answer to `query`: one record with this data."""
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 3600, len(data))
    return _DNS.pack(number, 0x8180, 1, 1, 0, 0) + _question(name, kind) + record + data


def srv(host: str) -> bytes:
    return struct.pack("!HHH", 0, 0, 5060) + _name(host)


def naptr(number: str, domain: str) -> bytes:
    """The SIP URI of a number (RFC 6116 §3.4.1)."""
    texts = ("u", "E2U+sip", f"!^.*$!sip:{number}@{domain};user=phone!")
    return struct.pack("!HH", 100, 10) + b"".join(bytes([len(text)]) + text.encode() for text in texts) + b"\0"


def enum_name(number: str) -> str:
    """The domain of a number (RFC 6116 §3.2)."""
    return ".".join(reversed(number.lstrip("+"))) + ".e164.arpa"


def _question(name: str, kind: int) -> bytes:
    return _name(name) + struct.pack("!HH", kind, 1)


def _name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
