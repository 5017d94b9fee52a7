"""What carries the messages of the laboratory: link layers, TCP, SCTP, fragments, capture files."""

from __future__ import annotations

import hashlib
import itertools
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import (
    SCTP,
    SCTPChunkCookieAck,
    SCTPChunkCookieEcho,
    SCTPChunkData,
    SCTPChunkInit,
    SCTPChunkInitAck,
    SCTPChunkParamStateCookie,
    SCTPChunkSACK,
)
from scapy.packet import Packet, Raw

if TYPE_CHECKING:
    from sip_messages import Captured, Message, Millis, Node, Sighting, Tap

# -- link layers: (source, target, IP packet) -> the bytes of a frame --------------------------------------------------


def ethernet(source: Node, target: Node, packet: Packet) -> bytes:
    return bytes(Ether(src=source.mac, dst=target.mac) / packet)


def vlan(source: Node, target: Node, packet: Packet) -> bytes:
    return bytes(Ether(src=source.mac, dst=target.mac) / Dot1Q(vlan=100) / packet)


def qinq(source: Node, target: Node, packet: Packet) -> bytes:
    return bytes(Ether(src=source.mac, dst=target.mac) / Dot1AD(vlan=200) / Dot1Q(vlan=100) / packet)


def raw(source: Node, target: Node, packet: Packet) -> bytes:
    return bytes(packet)


def null(source: Node, target: Node, packet: Packet) -> bytes:
    return struct.pack("<I", 2) + bytes(packet)  # AF_INET in the byte order of the capturing host


def linux_sll(source: Node, target: Node, packet: Packet) -> bytes:
    address = bytes.fromhex(source.mac.replace(":", ""))
    return struct.pack("!HHH8sH", 0, 1, 6, address, 0x0800) + bytes(packet)


def linux_sll2(source: Node, target: Node, packet: Packet) -> bytes:
    address = bytes.fromhex(source.mac.replace(":", ""))
    return struct.pack("!HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, address) + bytes(packet)


# -- TCP ---------------------------------------------------------------------------------------------------------------


class TcpConnection:
    """One TCP connection. Each side has a stream of bytes; segments are cut from it as the script says."""

    def __init__(
        self, capture: Tap, client: Node, server: Node, *, port: int, client_isn: int, server_isn: int
    ) -> None:
        self.capture, self.client, self.server = capture, client, server
        self.port = {client: port, server: server.port}  # the client's is ephemeral, not that of its Via
        self.isn = {client: client_isn, server: server_isn}
        self.stream = {client: bytearray(), server: bytearray()}
        self.sent = {client: 0, server: 0}  # bytes of the stream that have left the side, as far as the peer can tell

    def open(self, at: Millis, synack_at: Millis, ack_at: Millis) -> None:
        """The three-way handshake."""
        self._put(at, self.client, "S", self.isn[self.client], 0)
        self._put(synack_at, self.server, "SA", self.isn[self.server], self.isn[self.client] + 1)
        self._put(ack_at, self.client, "A", self.isn[self.client] + 1, self.isn[self.server] + 1)

    def write(self, side: Node, data: bytes) -> tuple[int, int]:
        """Append to the side's stream; the range of bytes it has there."""
        start = len(self.stream[side])
        self.stream[side] += data
        return start, len(self.stream[side])

    def segment(self, at: Millis, side: Node, start: int, end: int, flags: str = "PA") -> Captured:
        """A segment with the bytes `start` to `end` of the side's stream."""
        data = bytes(self.stream[side][start:end])
        packet = self._put(at, side, flags, self._seq(side, start), self._ack(side), data)
        self.sent[side] = max(self.sent[side], end)
        return packet

    def send(self, at: Millis, side: Node, message: Message) -> Sighting:
        """A message in one segment of its own."""
        packet = self.segment(at, side, *self.write(side, message.encode()))
        return self.see(message, side, packet, packet)

    def see(self, message: Message, side: Node, first: Captured, last: Captured) -> Sighting:
        """Say that `message` of `side` began in the packet `first` and was complete with the packet `last`."""
        source, target = (f"{node.host}:{self.port[node]}" for node in (side, self.peer(side)))
        return self.capture.see(message, first, last, "tcp", source=source, target=target)

    def peer(self, side: Node) -> Node:
        return self.server if side is self.client else self.client

    def ack(self, at: Millis, side: Node) -> Captured:
        return self._put(at, side, "A", self._seq(side, self.sent[side]), self._ack(side))

    def close(self, at: Millis, fin_at: Millis, ack_at: Millis) -> None:
        """FIN of the client, FIN of the server, last ACK."""
        self._put(at, self.client, "FA", self._seq(self.client, self.sent[self.client]), self._ack(self.client))
        self.sent[self.client] += 1
        self._put(fin_at, self.server, "FA", self._seq(self.server, self.sent[self.server]), self._ack(self.server))
        self.sent[self.server] += 1
        self.ack(ack_at, self.client)

    def reset(self, at: Millis, side: Node) -> Captured:
        return self._put(at, side, "RA", self._seq(side, self.sent[side]), self._ack(side))

    def _seq(self, side: Node, offset: int) -> int:
        return self.isn[side] + 1 + offset

    def _ack(self, side: Node) -> int:
        return self._seq(self.peer(side), self.sent[self.peer(side)])

    def _put(self, at: Millis, side: Node, flags: str, seq: int, ack: int, data: bytes = b"") -> Captured:
        peer, wrap = self.peer(side), 1 << 32
        ports: dict[str, Any] = {"sport": self.port[side], "dport": self.port[peer]}
        header = TCP(**ports, flags=flags, seq=seq % wrap, ack=ack % wrap, window=64240)
        return self.capture.put(at, side, peer, header / Raw(data) if data else header)


class WebSocketConnection(TcpConnection):
    """A TCP connection that becomes a WebSocket (RFC 6455) for SIP (RFC 7118): what the client sends is masked."""

    TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

    def upgrade(self, at: Millis, switched_at: Millis) -> None:
        """The handshake, with the example key and accept of RFC 6455 §1.3."""
        ask = "GET /sip HTTP/1.1", f"Host: {self.server.hostport}", "Sec-WebSocket-Version: 13"
        ask = (*ask, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        switch = "HTTP/1.1 101 Switching Protocols", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        for when, side, lines in ((at, self.client, ask), (switched_at, self.server, switch)):
            lines = (*lines, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Protocol: sip", "", "")
            self.segment(when, side, *self.write(side, "\r\n".join(lines).encode()))

    def frame(self, side: Node, data: bytes, opcode: int = TEXT, *, last: bool = True) -> bytes:
        """RFC 6455 §5.2. An opcode of 0 continues the message."""
        size = len(data)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
        head = bytes([opcode | last << 7])
        if side is not self.client:
            return head + length + data
        key = hashlib.md5(data).digest()[:4]
        masked = bytes(byte ^ key[place % 4] for place, byte in enumerate(data))
        return head + bytes([length[0] | 0x80]) + length[1:] + key + masked

    def send(self, at: Millis, side: Node, message: Message) -> Sighting:
        """A message in one frame, in one segment of its own."""
        packet = self.segment(at, side, *self.write(side, self.frame(side, message.encode())))
        return self.see(message, side, packet, packet)

    def see(self, message: Message, side: Node, first: Captured, last: Captured) -> Sighting:
        seen = super().see(message, side, first, last)
        seen.transport = "ws"
        return seen


# -- SCTP --------------------------------------------------------------------------------------------------------------


class SctpAssociation:
    """One SCTP association; SIP goes in DATA chunks of stream 0, payload protocol 0 (RFC 4168 §5), Diameter with 46."""

    def __init__(
        self,
        capture: Tap,
        client: Node,
        server: Node,
        tags: tuple[int, int],
        tsns: tuple[int, int],
        protocol: int = 0,
    ) -> None:
        self.capture, self.client, self.server = capture, client, server
        self.protocol = protocol  # payload protocol identifier
        self.tag = dict(zip((client, server), tags, strict=True))  # the tag that a side expects in what it receives
        self.tsn = dict(zip((client, server), tsns, strict=True))
        self.sequence = {client: 0, server: 0}

    def open(self, at: Millis, step: Millis) -> None:
        """INIT, INIT ACK, COOKIE ECHO, COOKIE ACK (RFC 9260 §5.1), `step` ms apart."""
        cookie = b"lab cookie".ljust(16, b"\0")
        limits: dict[str, Any] = {"a_rwnd": 106496, "n_out_streams": 10, "n_in_streams": 10}
        init = SCTPChunkInit(init_tag=self.tag[self.client], init_tsn=self.tsn[self.client], **limits)
        answer = SCTPChunkInitAck(init_tag=self.tag[self.server], init_tsn=self.tsn[self.server], **limits)
        answer.params = [SCTPChunkParamStateCookie(cookie=cookie)]
        self._put(at, self.client, init, tag=0)
        for number, (side, chunk) in enumerate(
            [
                (self.server, answer),
                (self.client, SCTPChunkCookieEcho(cookie=cookie)),
                (self.server, SCTPChunkCookieAck()),
            ],
            1,
        ):
            self._put(Decimal(at) + number * Decimal(step), side, chunk)

    def chunks(self, side: Node, data: bytes, *cuts: int, unordered: bool = True) -> list[Packet]:
        """The DATA chunks of one user message, fragmented at `cuts`: B marks the first, E the last."""
        edges = [0, *cuts, len(data)]
        made: list[Packet] = []
        for start, end in itertools.pairwise(edges):
            flags: dict[str, Any] = {"beginning": int(start == 0), "ending": int(end == len(data))}
            sequence = 0 if unordered else self.sequence[side]
            made.append(
                SCTPChunkData(
                    **flags,
                    unordered=int(unordered),
                    tsn=self.tsn[side],
                    stream_id=0,
                    stream_seq=sequence,
                    proto_id=self.protocol,
                    data=data[start:end],
                )
            )
            self.tsn[side] = (self.tsn[side] + 1) % (1 << 32)
        self.sequence[side] += 0 if unordered else 1
        return made

    def put(self, at: Millis, side: Node, *chunks: Packet) -> Captured:
        """One packet with these chunks bundled."""
        return self._put(at, side, *chunks)

    def sack(self, at: Millis, side: Node) -> Captured:
        peer = self.server if side is self.client else self.client
        return self._put(at, side, SCTPChunkSACK(cumul_tsn_ack=(self.tsn[peer] - 1) % (1 << 32), a_rwnd=106496))

    def send(self, at: Millis, side: Node, message: Message) -> Sighting:
        """A message in one chunk in one packet."""
        packet = self.put(at, side, *self.chunks(side, message.encode()))
        return self.see(message, packet, packet)

    def see(self, message: Message, first: Captured, last: Captured) -> Sighting:
        return self.capture.see(message, first, last, "sctp")

    def _put(self, at: Millis, side: Node, *chunks: Packet, tag: int | None = None) -> Captured:
        peer = self.server if side is self.client else self.client
        packet: Packet = SCTP(sport=side.port, dport=peer.port, tag=self.tag[peer] if tag is None else tag)
        for chunk in chunks:
            packet /= chunk
        return self.capture.put(at, side, peer, packet)


# -- IPv6 fragments ----------------------------------------------------------------------------------------------------


def ipv6_fragments(datagram: bytes, identification: int, *cuts: int) -> list[Packet]:
    """What follows the IPv6 header of each fragment of a UDP datagram (RFC 8200 §4.5); cuts are multiples of 8."""
    edges = [0, *cuts, len(datagram)]
    return [
        IPv6ExtHdrFragment(nh=17, id=identification, offset=start // 8, m=int(end < len(datagram)))
        / Raw(datagram[start:end])
        for start, end in itertools.pairwise(edges)
    ]


# -- capture files -----------------------------------------------------------------------------------------------------


class Pcap:
    """A libpcap file: byte order, resolution, link type and snap length as told; `cut` bytes missing at its end."""

    suffix = ".pcap"

    def __init__(
        self, *, order: str = "<", nano: bool = False, link_type: int = 1, snaplen: int = 262144, cut: int = 0
    ) -> None:
        self.order, self.nano, self.link_type, self.snaplen, self.cut = order, nano, link_type, snaplen, cut
        self.cut_packets = 1 if cut else 0

    def encode(self, packets: list[Captured]) -> bytes:
        magic = 0xA1B23C4D if self.nano else 0xA1B2C3D4
        out = struct.pack(self.order + "IHHiIII", magic, 2, 4, 0, 0, self.snaplen, self.link_type)
        for packet in packets:
            out += self.record(packet)
        return out[: len(out) - self.cut]

    def record(self, packet: Captured) -> bytes:
        seconds, ns = divmod(packet.time, 1_000_000_000)
        if not self.nano and ns % 1000:
            raise ValueError("the plan is finer than a microsecond and the file is not")
        data = packet.wire[: self.snaplen]
        fraction = ns if self.nano else ns // 1000
        return struct.pack(self.order + "IIII", seconds, fraction, len(data), len(packet.wire)) + data


def build_option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def build_block(order: str, kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


class Section:
    """One pcapng section: its byte order, and (link type, if_tsresol) of each interface."""

    def __init__(self, order: str, interfaces: list[tuple[int, int]]) -> None:
        self.order, self.interfaces = order, interfaces

    def encode(self, packets: list[Captured]) -> bytes:
        order = self.order
        header = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        out = build_block(order, 0x0A0D0D0A, header)
        for link_type, resolution in self.interfaces:
            options = build_option(order, 9, bytes([resolution])) + build_option(order, 0, b"")
            out += build_block(order, 1, struct.pack(order + "HHI", link_type, 0, 262144) + options)
        for packet in packets:
            ticks, rest = divmod(packet.time, 10 ** (9 - self.interfaces[packet.interface][1]))
            if rest:
                raise ValueError("the plan is finer than the interface's if_tsresol")
            length = len(packet.wire)
            body = struct.pack(order + "IIIII", packet.interface, ticks >> 32, ticks & 0xFFFFFFFF, length, length)
            out += build_block(order, 6, body + packet.wire + bytes(-length % 4))
        return out


class PcapNg:
    """A pcapng file; `split` says at which frame each section after the first begins."""

    suffix = ".pcapng"
    cut_packets = 0

    def __init__(self, sections: list[Section] | None = None, split: tuple[int, ...] = ()) -> None:
        self.sections, self.split = sections or [Section("<", [(1, 9)])], split

    def encode(self, packets: list[Captured]) -> bytes:
        edges = [0, *(frame - 1 for frame in self.split), len(packets)]
        parts = zip(self.sections, itertools.pairwise(edges), strict=True)
        return b"".join(section.encode(packets[start:end]) for section, (start, end) in parts)
