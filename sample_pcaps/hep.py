"""The basic call as agents report it to a collector (HEP): versions 1, 2 and 3, over UDP and over TCP."""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any

import wire
from basic_call import stage
from lab import Capture
from scapy.layers.inet import UDP
from scapy.packet import Raw
from sip_messages import ALICE, BOB, Message, Millis, Node, Sighting, rfc3339

AGENT = Node("agent", "198.51.100.21", port=41_000)
OTHER_AGENT = Node("other", "198.51.100.22", port=41_000)
COLLECTOR = Node("homer", "203.0.113.90", port=9060)
LATE = 7  # ms from a message to the capture of its report

UDP_NUMBER, SECURE_NUMBER = 17, 22  # 22 is what Kamailio writes for TLS
SIP, RTCP, LOG = 1, 5, 100


def address(node: Node) -> bytes:
    return socket.inet_aton(node.ip)


def version_1(source: Node, target: Node, payload: bytes, version: int = 1, behind: bytes = b"") -> bytes:
    head = struct.pack("!BBBBHH", version, 16, socket.AF_INET, UDP_NUMBER, source.port, target.port)
    return head + address(source) + address(target) + behind + payload


def version_2(source: Node, target: Node, payload: bytes, at: int, capture_id: int) -> bytes:
    """Kamailio writes a C structure: the byte order is that of its machine, two bytes of padding."""
    seconds, microseconds = divmod(at // 1000, 1_000_000)
    stamp = struct.pack("<IIHxx", seconds, microseconds, capture_id)
    return version_1(source, target, payload, 2, stamp)


def version_3(
    source: Node,
    target: Node,
    payload: bytes,
    at: int,
    *,
    kind: int = SIP,
    protocol: int = UDP_NUMBER,
    ports: tuple[int, int] | None = None,
    compressed: bool = False,
    extra: tuple[tuple[int, bytes], ...] = (),
) -> bytes:
    seconds, microseconds = divmod(at // 1000, 1_000_000)
    source_port, target_port = ports or (source.port, target.port)
    chunks = [
        (0x01, bytes([socket.AF_INET])), (0x02, bytes([protocol])), (0x03, address(source)), (0x04, address(target)),
        (0x07, struct.pack("!H", source_port)), (0x08, struct.pack("!H", target_port)),
        (0x09, struct.pack("!I", seconds)), (0x0A, struct.pack("!I", microseconds)), (0x0B, bytes([kind])),
        *extra, (0x10, zlib.compress(payload)) if compressed else (0x0F, payload),
    ]  # fmt: skip
    body = b"".join(struct.pack("!HHH", 0, number, 6 + len(value)) + value for number, value in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def reported(lab: Capture, packet: Callable[[int, Node, Node, Message], bytes], states_time: bool = True) -> Any:
    """A way of sending for `stage`: what is captured is the report."""

    def send(at: Millis, source: Node, message: Message) -> Sighting:
        target = BOB if source is ALICE else ALICE
        data = packet(lab.moment(at), source, target, message)
        captured = lab.put(float(at) + LATE, AGENT, COLLECTOR, UDP(sport=AGENT.port, dport=9060) / Raw(data))
        return lab.see(message, captured, captured, "udp", reported_at=lab.moment(at) if states_time else None)

    return send


def carried(point: str, agent: Node = AGENT, **more: Any) -> Callable[[Sighting], dict[str, Any]]:
    """What the truth says of the report."""

    def of(seen: Sighting) -> dict[str, Any]:
        outer = {"outer_src_ip": agent.ip, "outer_dst_ip": COLLECTOR.ip}
        return {"tunnel": "hep", **outer, "point": point, "arrived_at": rfc3339(seen.last.time), **more}

    return of


def build() -> list[Capture]:
    return [one(), two(), three(), over_tcp(), two_agents()]


def one() -> Capture:
    lab = Capture("hep_v1", "The basic call in HEP version 1, which has no time and no capture id.",
                  carried=carried(f"hep:{AGENT.ip}", correlation_id=None))  # fmt: skip
    stage(
        lab, send=reported(lab, lambda _, source, target, message: version_1(source, target, message.encode()), False)
    )
    return lab


def two() -> Capture:
    what = "The basic call in HEP version 2: time and capture id as a little-endian machine writes them."
    lab = Capture("hep_v2", what,
                  carried=carried("hep:2001"))  # fmt: skip
    stage(lab, send=reported(lab, lambda at, *hop: version_2(*hop[:2], hop[2].encode(), at, 2001)))
    return lab


def three() -> Capture:
    lab = Capture(
        "hep_v3",
        "The basic call in HEP version 3 with agent name, VLAN and correlation id, bodies compressed; an RTCP "
        "report and a log line beside it.",
        carried=carried("sbc-west", vlan="210", correlation_id="basic-1"),
    )
    extra = ((0x0C, struct.pack("!I", 7)), (0x11, b"basic-1"), (0x12, struct.pack("!H", 210)), (0x13, b"sbc-west"))

    def packet(at: int, source: Node, target: Node, message: Message) -> bytes:
        return version_3(source, target, message.encode(), at, compressed=bool(message.body), extra=extra)

    stage(lab, send=reported(lab, packet))
    for at, kind, text in ((20_000, RTCP, b'{"type":200,"ssrc":1}'), (20_001, LOG, b"INFO: dialog created")):
        data = version_3(ALICE, BOB, text, lab.moment(at), kind=kind, extra=extra)
        lab.put(at, AGENT, COLLECTOR, UDP(sport=AGENT.port, dport=9060) / Raw(data))
    return lab


def over_tcp() -> Capture:
    """One connection to the collector; a long report comes in two segments, of which the second is sent twice."""
    lab = Capture(
        "hep_tcp", "The basic call, over TLS, in HEP version 3 over TCP; long reports come in pieces.",
        carried=carried("hep:2002", correlation_id=None),
    )  # fmt: skip
    tcp = wire.TcpConnection(lab, AGENT, COLLECTOR, port=41_000, client_isn=0x3000, server_isn=0x4000)
    tcp.open(-30, -20, -10)
    ports = {ALICE: 50_001, BOB: 5061}

    def send(at: Millis, source: Node, message: Message) -> Sighting:
        target = BOB if source is ALICE else ALICE
        moment = lab.moment(at)
        data = version_3(source, target, message.encode(), moment, protocol=SECURE_NUMBER,
                         ports=(ports[source], ports[target]), extra=((0x0C, struct.pack("!I", 2002)),))  # fmt: skip
        start, end = tcp.write(AGENT, data)
        ends = {"source": f"{source.host}:{ports[source]}", "target": f"{target.host}:{ports[target]}"}
        arrival = float(at) + LATE
        if message.body:
            # Cut in the header; the second piece is sent twice.
            first = tcp.segment(arrival, AGENT, start, start + 33)
            last = tcp.segment(arrival + 1, AGENT, start + 33, end)
            tcp.segment(arrival + 2, AGENT, start + 33, end)
        else:
            first = last = tcp.segment(arrival, AGENT, start, end)
        return lab.see(message, first, last, "tls", reported_at=moment, **ends)

    stage(lab, transport="tls", send=send)
    tcp.close(65_000, 65_010, 65_020)
    return lab


def two_agents() -> Capture:
    """The agent at Bob's side has a clock that is 0.7 s ahead."""
    ahead = 700

    def told(seen: Sighting) -> dict[str, Any]:
        return carried("bob-side", OTHER_AGENT)(seen) if seen.duplicate else carried("alice-side")(seen)

    lab = Capture(
        "hep_two_agents",
        "The basic call as two agents report it in HEP version 3, whose clocks differ by 0.7 s: each second report is "
        "a duplicate.",
        carried=told,
    )

    def send(at: Millis, source: Node, message: Message) -> Sighting:
        target = BOB if source is ALICE else ALICE
        seen = []
        for agent, name, later in ((AGENT, b"alice-side", 0), (OTHER_AGENT, b"bob-side", ahead)):
            moment = lab.moment(float(at) + later)
            data = version_3(source, target, message.encode(), moment, extra=((0x13, name),))
            port = UDP(sport=agent.port, dport=9060)
            captured = lab.put(float(at) + LATE + (1 if later else 0), agent, COLLECTOR, port / Raw(data))
            duplicate = later > 0
            seen.append(lab.see(message, captured, captured, "udp", reported_at=moment, duplicate=duplicate,
                                retransmission=False))  # fmt: skip
        return seen[0]

    stage(lab, send=send)
    return lab
