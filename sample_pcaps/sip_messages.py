"""What the sample captures are staged with: nodes, the messages they send, and packets as a tap sees them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol, TypeAlias

from scapy.packet import Packet

Headers: TypeAlias = "Sequence[tuple[str, str | bytes]]"
Millis: TypeAlias = "int | str | Decimal"  # a planned moment: "12.5" means 12.5 ms after the capture's start, exactly

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    407: "Proxy Authentication Required", 408: "Request Timeout", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 500: "Server Internal Error",
    503: "Service Unavailable",
}  # fmt: skip
ALLOW = "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, SUBSCRIBE, MESSAGE, UPDATE, PRACK, INFO"


def nanoseconds(at: Millis) -> int:
    """Milliseconds in integer nanoseconds; a fraction of a nanosecond is an error."""
    ns = Decimal(at) * 1_000_000
    if ns != int(ns):
        raise ValueError(f"{at} ms is not a whole number of nanoseconds")
    return int(ns)


def rfc3339(ns: int) -> str:
    """A moment in nanoseconds since 1970 as RFC 3339 with nine digits and Z."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def seconds_between(start: int | None, end: int | None) -> float | None:
    """The duration in seconds, divided once at the end; None when either end is missing."""
    return None if start is None or end is None else (end - start) / 1_000_000_000


def digest(*parts: object) -> str:
    """A token that looks random and is the same each time (branches, tags, nonces)."""
    return hashlib.md5(" ".join(map(str, parts)).encode()).hexdigest()


@dataclass(eq=False)
class Node:
    """A user agent or a proxy: one address and port that speaks SIP."""

    name: str
    ip: str
    uri: str = ""
    display: str = ""
    agent: str = "Labphone 2.1"
    port: int = 5060
    contact_params: str = ""

    def __post_init__(self) -> None:
        self.mac = "02:00:5e:" + ":".join(digest("mac", self.ip)[i : i + 2] for i in (0, 2, 4))

    @property
    def host(self) -> str:
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    @property
    def hostport(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def contact_uri(self) -> str:
        user = self.uri.removeprefix("sip:").removeprefix("tel:").partition("@")[0]
        return f"sip:{user}@{self.hostport}" if user else f"sip:{self.hostport}"

    @property
    def contact(self) -> str:
        return f"<{self.contact_uri}>{self.contact_params}"

    @property
    def name_addr(self) -> str:
        return f'"{self.display}" <{self.uri}>' if self.display else f"<{self.uri}>"


ALICE = Node("alice", "192.0.2.10", "sip:alice@example.com", "Alice")
BOB = Node("bob", "192.0.2.20", "sip:bob@example.com", "Bob")
CAROL = Node("carol", "192.0.2.30", "sip:carol@example.com", "Carol")
PROXY = Node("proxy", "198.51.100.5", agent="Labproxy 5.7")


@dataclass(eq=False)
class Message:
    """One SIP message as it is on one hop. `vias` has the top Via first."""

    start_line: str
    vias: list[str]
    headers: list[tuple[str, str | bytes]]
    body: bytes
    session: Session
    method: str
    cseq: int

    def encode(self) -> bytes:
        lines: list[tuple[str, str | bytes]] = [("Via", via) for via in self.vias] + self.headers
        lines.append(("Content-Length", str(len(self.body))))
        head = self.start_line.encode() + b"\r\n"
        for name, value in lines:
            head += name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
        return head + b"\r\n" + self.body

    def header(self, name: str) -> str:
        value = next(value for key, value in self.headers if key == name)
        return value if isinstance(value, str) else value.decode(errors="replace")

    def edited(self, add: Headers, drop: Iterable[str]) -> list[tuple[str, str | bytes]]:
        """The headers without those named in `drop`, and with `add` before the body's headers."""
        dropped = set(drop)
        kept = [(name, value) for name, value in self.headers if name not in dropped]
        body_at = next((i for i, (name, _) in enumerate(kept) if name == "Content-Type"), len(kept))
        return kept[:body_at] + list(add) + kept[body_at:]

    @property
    def branch(self) -> str:
        return self.vias[0].partition("branch=")[2].partition(";")[0]


def stamped(vias: list[str], source: Node) -> list[str]:
    """The Vias as the receiver passes them on: `rport` is filled in and `received` added (RFC 3581 §4)."""
    top = vias[0]
    if top.endswith(";rport"):
        top += f"={source.port};received={source.ip}"
    return [top, *vias[1:]]


@dataclass(eq=False)
class Request(Message):
    client: Node
    server: Node
    uri: str
    transport: str
    upstream: Request | None = None  # the copy that entered the proxy which sent this one
    transaction: Request | None = None  # the request that opened the transaction; None for an ACK to a 2xx
    outcome: str | None = None  # set by the script where no final response says it

    def reply(
        self,
        status: int,
        phrase: str | None = None,
        *,
        by: Node | None = None,
        add: Headers = (),
        body: bytes = b"",
        body_type: str = "application/sdp",
    ) -> Response:
        """The response of the server (its To tag is the one the session keeps for `by`, the server unless named)."""
        by = by or self.server
        to = self.header("To")
        if ";tag=" not in to and status > 100:  # a 100 of RFC 3261 §8.2.6.2 needs no tag
            to += f";tag={self.session.tag(by)}"
        headers: list[tuple[str, str | bytes]] = []
        if self.method in ("INVITE", "SUBSCRIBE", "REFER") and 100 < status < 300:
            headers += [item for item in self.headers if item[0] == "Record-Route"]
        headers += [("From", self.header("From")), ("To", to)]
        headers += [("Call-ID", self.session.call_id), ("CSeq", f"{self.cseq} {self.method}")]
        if by.uri and self.method in ("INVITE", "SUBSCRIBE", "REFER", "UPDATE", "NOTIFY") and 100 < status < 300:
            headers.append(("Contact", by.contact))
        if status > 100:
            headers.append(("Server", by.agent))
        headers += add
        if body:
            headers.append(("Content-Type", body_type))
        phrase = PHRASES[status] if phrase is None else phrase
        line = f"SIP/2.0 {status} {phrase}"
        vias = stamped(self.vias, self.client)
        return Response(line, vias, headers, body, self.session, self.method, self.cseq, status, self)

    def forward(
        self,
        to: Node,
        *,
        uri: str | None = None,
        record_route: bool = False,
        add: Headers = (),
        drop: Iterable[str] = (),
        transport: str | None = None,
        body: bytes | None = None,
    ) -> Request:
        """The copy that the server, a proxy, sends on: one more Via, Max-Forwards less one, its own Route removed."""
        proxy = self.server
        transport = transport or self.transport
        branch = self.session.capture.branch(proxy.name)
        via = f"SIP/2.0/{transport.upper()} {proxy.hostport};branch={branch}"
        headers = self.edited(add, drop)
        route = next((item for item in headers if item[0] == "Route"), None)
        if route is not None and proxy.hostport in str(route[1]):
            headers.remove(route)
        headers = [
            (name, str(int(str(value)) - 1)) if name == "Max-Forwards" else (name, value) for name, value in headers
        ]
        if record_route:
            headers.insert(0, ("Record-Route", f"<sip:{proxy.hostport};lr>"))
        forwarded = copy.copy(self)
        forwarded.uri = uri or self.uri
        forwarded.start_line = f"{self.method} {forwarded.uri} SIP/2.0"
        forwarded.vias = [via, *stamped(self.vias, self.client)]
        forwarded.headers = headers
        forwarded.body = self.body if body is None else body
        forwarded.client, forwarded.server, forwarded.transport = proxy, to, transport
        forwarded.upstream, forwarded.outcome = self, None
        forwarded.transaction = None if self.transaction is None else forwarded
        return forwarded

    def ack(self, response: Response) -> Request:
        """The ACK to a final response of 300-699: hop by hop, in the INVITE's transaction (RFC 3261 §17.1.1.3)."""
        return self._beside("ACK", response.header("To"), self)

    def cancel(self, add: Headers = ()) -> Request:
        """The CANCEL of this INVITE: same Via, a transaction of its own (RFC 3261 §9.1)."""
        request = self._beside("CANCEL", self.header("To"), None)
        request.headers += add
        request.transaction = request
        return request

    def _beside(self, method: str, to: str, transaction: Request | None) -> Request:
        headers: list[tuple[str, str | bytes]] = [item for item in self.headers if item[0] == "Route"]
        headers += [("Max-Forwards", "70"), ("From", self.header("From")), ("To", to)]
        headers += [("Call-ID", self.session.call_id), ("CSeq", f"{self.cseq} {method}")]
        line = f"{method} {self.uri} SIP/2.0"
        return Request(
            line, self.vias[:1], headers, b"", self.session, method, self.cseq, self.client, self.server, self.uri,
            self.transport, transaction=transaction,
        )  # fmt: skip


@dataclass(eq=False)
class Response(Message):
    status: int
    answers: Request

    def relay(self, add: Headers = (), drop: Iterable[str] = (), body: bytes | None = None) -> Response:
        """The copy that a proxy sends back: the top Via removed (RFC 3261 §16.7)."""
        relayed = copy.copy(self)
        if self.answers.upstream is None:
            raise ValueError("this response is already at the client")
        relayed.vias = self.vias[1:]
        relayed.headers = self.edited(add, drop)
        relayed.body = self.body if body is None else body
        relayed.answers = self.answers.upstream
        return relayed


class Session:
    """One Call-ID: the caller's and the callee's side, their tags and CSeq counters."""

    def __init__(
        self, capture: Tap, call_id: str, caller: Node, callee: Node, *, transport: str = "udp", cseq: int = 1
    ) -> None:
        self.capture, self.call_id, self.transport = capture, call_id, transport
        self.caller, self.callee = caller, callee
        self._cseq = {caller: cseq - 1}

    def tag(self, node: Node) -> str:
        return digest("tag", self.call_id, node.name)[:8]

    def request(
        self,
        method: str,
        by: Node,
        to: Node,
        *,
        uri: str | None = None,
        peer: Node | None = None,
        in_dialog: bool = False,
        cseq: int | None = None,
        routes: Sequence[str] = (),
        add: Headers = (),
        body: bytes = b"",
        body_type: str = "application/sdp",
        rport: bool = True,
    ) -> Request:
        """A new request of `by`, sent to the next hop `to`. `peer` is who answers (the other party unless named)."""
        peer = peer or (self.callee if by is self.caller else self.caller)
        if cseq is None:
            cseq = self._cseq.get(by, 0) + 1
            self._cseq[by] = cseq
        uri = uri or (peer.contact_uri if in_dialog else peer.uri)
        top = f"SIP/2.0/{self.transport.upper()} {by.hostport};branch={self.capture.branch(by.name)}"
        if rport and self.transport == "udp":
            top += ";rport"
        headers: list[tuple[str, str | bytes]] = [("Route", route) for route in routes]
        headers.append(("Max-Forwards", "70"))
        headers.append(("From", f"{by.name_addr};tag={self.tag(by)}"))
        headers.append(("To", peer.name_addr + (f";tag={self.tag(peer)}" if in_dialog else "")))
        headers += [("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}")]
        if method in ("INVITE", "SUBSCRIBE", "REFER", "UPDATE", "NOTIFY"):
            headers.append(("Contact", by.contact))
        if method == "INVITE":
            headers.append(("Allow", ALLOW))
        headers.append(("User-Agent", by.agent))
        headers += add
        if body:
            headers.append(("Content-Type", body_type))
        line = f"{method} {uri} SIP/2.0"
        request = Request(line, [top], headers, body, self, method, cseq, by, to, uri, self.transport)
        request.transaction = None if method == "ACK" else request
        return request


def sdp(
    node: Node,
    version: int = 1,
    *,
    port: int = 40000,
    payloads: str = "8 0 101",
    direction: str = "sendrecv",
    extra: Sequence[str] = (),
) -> bytes:
    """An audio description of `node` (RFC 8866): G.711 and telephone-event unless told otherwise."""
    family = "IP6" if ":" in node.ip else "IP4"
    rtpmap = {"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000", "96": "AMR-WB/16000/1"}
    lines = [
        "v=0", f"o=- {int(digest('sdp', node.name)[:7], 16)} {version} IN {family} {node.ip}", "s=-",
        f"c=IN {family} {node.ip}", "t=0 0", f"m=audio {port} RTP/AVP {payloads}",
    ]  # fmt: skip
    lines += [f"a=rtpmap:{payload} {rtpmap[payload]}" for payload in payloads.split()]
    lines += [*extra, f"a={direction}"]
    return "".join(line + "\r\n" for line in lines).encode()


@dataclass(eq=False)
class Captured:
    """One packet in the capture: when it passed the tap, and what it is from the IP header on."""

    time: int
    packet: Packet
    source: Node
    target: Node
    copy_of: Captured | None = None  # the tap saw this very packet twice
    seen_on: Callable[[Node, Node, Packet], bytes] | None = None  # and the second time on this link
    frame: int = 0
    wire: bytes = b""
    interface: int = 0
    link: Callable[[Node, Node, Packet], bytes] | None = None  # where the interface is not of the capture's link type
    quotes: Captured | None = None  # an ICMP error carries the beginning of the packet it is about (RFC 792)


@dataclass(eq=False)
class Sighting:
    """A message in the capture: from the packet with its first byte to the packet that completed it."""

    message: Message
    first: Captured
    last: Captured
    source: str
    target: str
    transport: str
    retransmission: bool = False
    duplicate: bool = False
    complete: bool = True
    order: int = 0  # among the messages of one frame
    reported_at: int | None = None  # the time that an agent states which reported it (HEP)

    @property
    def time(self) -> int:
        return self.last.time if self.reported_at is None else self.reported_at

    @property
    def request(self) -> Request:
        """The message, known to be a request."""
        assert isinstance(self.message, Request)
        return self.message

    @property
    def first_byte_at(self) -> int:
        return self.first.time if self.reported_at is None else self.reported_at


class Tap(Protocol):
    """A capture in the making, as connections see it that put packets and messages into it."""

    def branch(self, name: str) -> str:
        """The next branch of the node of that name."""

    def put(self, at: Millis, source: Node, target: Node, layers: Packet) -> Captured:
        """A packet passes the tap."""

    def see(
        self, message: Message, first: Captured, last: Captured, transport: str, *, source: str = ..., target: str = ...
    ) -> Sighting:
        """A message that these packets hold."""
