"""Diameter (RFC 6733) and DNS (RFC 1035) for the laboratory: messages built from their grammar, byte by byte."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any

from lab import Asked
from scapy.layers.inet import UDP
from scapy.packet import Raw
from sip_messages import digest

if TYPE_CHECKING:
    from lab import Capture, Captured, Millis, Node
    from wire import SctpAssociation, TcpConnection

TGPP = 10415
CX, RX = 16777216, 16777236

# -- Diameter ----------------------------------------------------------------------------------------------------------

REQUEST, PROXIABLE = 0x80, 0x40
Value = str | bytes | int | list[bytes]


def avp(code: int, value: Value, vendor: int = 0) -> bytes:
    """An AVP (RFC 6733 §4.1), padded; a list is a group, a number 32 bits."""
    if isinstance(value, str):
        data = value.encode()
    elif isinstance(value, int):
        data = struct.pack("!I", value)
    else:
        data = b"".join(value) if isinstance(value, list) else value
    flags, head = (0xC0, struct.pack("!I", vendor)) if vendor else (0x40, b"")
    length = 8 + len(head) + len(data)
    return struct.pack("!IB", code, flags) + length.to_bytes(3, "big") + head + data + bytes(-length % 4)


def tgpp(code: int, value: Value) -> bytes:
    return avp(code, value, TGPP)


def message(flags: int, code: int, application: int, ids: tuple[int, int], *avps: bytes) -> bytes:
    """A message (RFC 6733 §3)."""
    body = b"".join(avps)
    head = b"\x01" + (20 + len(body)).to_bytes(3, "big") + bytes([flags]) + code.to_bytes(3, "big")
    return head + struct.pack("!III", application, *ids) + body


class Peer:
    """A Diameter client and its connection to a server: requests with their answers."""

    def __init__(
        self, lab: Capture, link: TcpConnection | SctpAssociation, host: str, server: str, application: int
    ) -> None:
        self.lab, self.link, self.host, self.server, self.application = lab, link, host, server, application
        self.realm = host.partition(".")[2]
        self.numbers = count(int(digest("diameter", host)[:4], 16) << 4)

    def ask(
        self,
        at: Millis,
        answered_at: Millis | None,
        command: tuple[int, str],
        request: list[bytes],
        answer: list[bytes],
        *,
        asked_for: str | None,
        session: str | None = None,
        cut: int | None = None,
        **row: Any,
    ) -> Asked:
        """A request and its answer, the answer in two segments where `cut` says where. `row`: what the truth says."""
        code, name = command
        number = next(self.numbers)
        session = session or f"{self.host};1;{number}"
        ids = (0x0A000000 + number, 0x0B000000 + number)
        vendor = avp(260, [avp(266, TGPP), avp(258, self.application)])
        head = [avp(263, session), avp(264, self.host), avp(296, self.realm)]
        whole = message(REQUEST | PROXIABLE, code, self.application, ids, *head, avp(283, self.realm), vendor, *request)
        sent = self._send(at, self.link.client, whole)
        replied = None
        if answered_at is not None:
            head = [avp(263, session), avp(264, self.server), avp(296, self.realm)]
            whole = message(PROXIABLE, code, self.application, ids, *head, vendor, *answer)
            replied = self._send(answered_at, self.link.server, whole, cut)
        told = {
            "application": {CX: "Cx", RX: "Rx"}[self.application], "command": name, "command_code": code,
            "client_ip": self.link.client.ip, "server_ip": self.link.server.ip, "session_id": session,
            "client_host": self.host, "server_host": self.server if replied else None,
            "outcome": "answered" if replied else "unanswered", "request_copies": 1,
            "result_code": None, "result": None, "experimental_vendor": None, **row,
        }  # fmt: skip
        asked = Asked("diameter_transactions", sent, replied, told, asked_for)
        self.lab.asked.append(asked)
        return asked

    def _send(self, at: Millis, side: Node, data: bytes, cut: int | None = None) -> Captured:
        link: Any = self.link
        if not hasattr(link, "write"):
            return link.put(at, side, *link.chunks(side, data))
        start, end = link.write(side, data)
        if cut is not None:
            link.segment(at, side, start, start + cut)
            start += cut
        return link.segment(at, side, start, end)


# -- DNS ---------------------------------------------------------------------------------------------------------------

TYPES = {"A": 1, "SRV": 33, "NAPTR": 35}


def name(text: str) -> bytes:
    """A domain name (RFC 1035 §3.1); the root is empty."""
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner: bytes, kind: str, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", TYPES[kind], 1, 300, len(data)) + data


def srv(priority: int, weight: int, port: int, target: str) -> bytes:
    """The data of an SRV record (RFC 2782)."""
    return struct.pack("!HHH", priority, weight, port) + name(target)


def naptr(order: int, preference: int, flags: str, services: str, regexp: str, replacement: str = "") -> bytes:
    """The data of a NAPTR record (RFC 3403 §4.1)."""
    texts = b"".join(bytes([len(text)]) + text.encode() for text in (flags, services, regexp))
    return struct.pack("!HH", order, preference) + texts + name(replacement)


class Resolver:
    """One client of a DNS server."""

    def __init__(self, lab: Capture, client: Node, server: Node) -> None:
        self.lab, self.client, self.server = lab, client, server
        self.numbers = count(0x1000 + int(client.ip.rpartition(".")[2]) * 16)

    def ask(
        self,
        at: Millis,
        answered_at: Millis,
        kind: str,
        domain: str,
        answers: list[bytes],
        said: str | None,
        *,
        asked_for: str | None,
        additional: dict[str, str] | None = None,
        rcode: int = 0,
        number: str | None = None,
    ) -> Asked:
        """A query and its response; `said` is what the truth has for `answers`, the owner a pointer to the question."""
        identifier = next(self.numbers)
        question = name(domain) + struct.pack("!HH", TYPES[kind], 1)
        extra = [record(name(host), "A", ip_address(ip).packed) for host, ip in (additional or {}).items()]
        query = struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + question
        counts = (1, len(answers), 0, len(extra))
        response = struct.pack("!HHHHHH", identifier, 0x8580 | rcode, *counts) + question
        response += b"".join(record(b"\xc0\x0c", kind, data) for data in answers) + b"".join(extra)
        port = 40_000 + identifier
        sent = self.lab.put(at, self.client, self.server, UDP(sport=port, dport=53) / Raw(query))
        replied = self.lab.put(answered_at, self.server, self.client, UDP(sport=53, dport=port) / Raw(response))
        row = {
            "client_ip": self.client.ip, "server_ip": self.server.ip, "transport": "udp", "name": domain, "type": kind,
            "number": number, "outcome": "answered", "query_copies": 1,
            "rcode": {0: "NOERROR", 3: "NXDOMAIN"}[rcode], "answers": said, "truncated": False,
        }  # fmt: skip
        asked = Asked("dns", sent, replied, row, asked_for)
        self.lab.asked.append(asked)
        return asked
