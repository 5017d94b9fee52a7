"""What carries the messages: Ethernet, IPv4 and IPv6, UDP with fragments, TCP. Bytes only; no clock, no file.

Checksums are right everywhere. The one's complement sum over 16-bit words (RFC 1071) of a byte string is its value as
one big number modulo 0xFFFF, which Python computes at the speed of C.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from analyzer.simulator.network import Node

ICMP, UDP, TCP = 1, 17, 6
SYN, ACK, PSH = 0x02, 0x10, 0x08

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")
_TCP = struct.Struct("!HHIIBBHHH")
_FRAGMENT = struct.Struct("!BBHI")


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    return -int.from_bytes(data, "big") % 0xFFFF


class Route:
    """One direction between two nodes: gives the frames that carry a payload."""

    def __init__(self, sender: Node, receiver: Node, mtu: int) -> None:
        self.sender, self.receiver, self.mtu = sender, receiver, mtu
        self.ipv6 = len(sender.address) == 16
        self.ethernet = receiver.mac + sender.mac + (b"\x86\xdd" if self.ipv6 else b"\x08\x00")

    def frames(self, payload: bytes) -> list[bytes]:
        raise NotImplementedError

    def _pseudo(self, protocol: int, length: int) -> bytes:
        return self.sender.address + self.receiver.address + struct.pack("!IHH", length, 0, protocol)

    def _packet(self, protocol: int, data: bytes, fragment: int = 0) -> bytes:
        """One frame; `fragment` is the IPv4 flags and offset."""
        sender = self.sender
        if self.ipv6:
            return (
                self.ethernet
                + _IPV6.pack(0x60000000, len(data), protocol, 64, sender.address, self.receiver.address)
                + data
            )
        head = _IPV4.pack(
            0x45, 0, len(data) + 20, sender.ip_id, fragment, 64, protocol, 0, sender.address, self.receiver.address
        )
        return self.ethernet + head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + data


class UdpRoute(Route):
    def frames(self, payload: bytes) -> list[bytes]:
        sender, length = self.sender, len(payload) + 8
        sender.ip_id = (sender.ip_id + 1) & 0xFFFF
        head = _UDP.pack(sender.port, self.receiver.port, length, 0)
        value = checksum(self._pseudo(UDP, length) + head + payload) or 0xFFFF  # 0 would say "none" (RFC 768)
        datagram = head[:6] + value.to_bytes(2, "big") + payload
        room = (self.mtu - (48 if self.ipv6 else 20)) & ~7
        if length + (40 if self.ipv6 else 20) <= self.mtu:
            return [self._packet(UDP, datagram)]
        frames = []
        for start in range(0, length, room):
            data, more = datagram[start : start + room], start + room < length
            if self.ipv6:  # RFC 8200 §4.5
                header = _FRAGMENT.pack(UDP, 0, start | more, sender.ip_id)
                frames.append(self._packet(44, header + data))
            else:
                frames.append(self._packet(UDP, data, start >> 3 | more << 13))
        return frames


class TcpRoute(Route):
    """One side of a connection that stays open; `peer` is the other side. Each segment acknowledges all before it."""

    peer: TcpRoute

    def __init__(self, sender: Node, receiver: Node, mtu: int, ports: tuple[int, int], isn: int) -> None:
        super().__init__(sender, receiver, mtu)
        self.ports, self.seq = ports, isn

    def frames(self, payload: bytes) -> list[bytes]:
        room = self.mtu - (60 if self.ipv6 else 40)
        return [
            self.segment(payload[start : start + room], ACK | (PSH if start + room >= len(payload) else 0))
            for start in range(0, len(payload), room)
        ]

    def segment(self, data: bytes, flags: int) -> bytes:
        self.sender.ip_id = (self.sender.ip_id + 1) & 0xFFFF
        ack = self.peer.seq if flags & ACK else 0
        head = _TCP.pack(*self.ports, self.seq, ack, 5 << 4, flags, 64_240, 0, 0)
        value = checksum(self._pseudo(TCP, 20 + len(data)) + head + data)
        self.seq = (self.seq + len(data) + (flags & SYN > 0)) & 0xFFFFFFFF
        return self._packet(TCP, head[:16] + value.to_bytes(2, "big") + head[18:] + data)


def connect(client: Node, server: Node, mtu: int, port: int, isn: int) -> tuple[TcpRoute, TcpRoute]:
    """The two sides of a new connection; the caller sends `handshake` before anything else."""
    here = TcpRoute(client, server, mtu, (port, server.port), isn)
    there = TcpRoute(server, client, mtu, (server.port, port), isn ^ 0x55555555)
    here.peer, there.peer = there, here
    return here, there


def handshake(here: TcpRoute) -> list[tuple[TcpRoute, bytes]]:
    """SYN, SYN+ACK, ACK with the side that sends each."""
    there = here.peer
    return [(here, here.segment(b"", SYN)), (there, there.segment(b"", SYN | ACK)), (here, here.segment(b"", ACK))]


@dataclass(frozen=True, slots=True)
class Carriage:
    """How the datagrams of one message travel otherwise than usual; over IPv4.

    ``from_port`` and ``to_port`` stand for those of the nodes. ``fragments``: as many come through, of a path with an
    MTU of 1500. ``refused``: the other side answers with an ICMP port unreachable (RFC 792).
    """

    from_port: int | None = None
    to_port: int | None = None
    fragments: int | None = None
    refused: bool = False

    def frames(self, sender: Node, receiver: Node, payload: bytes) -> list[bytes]:
        here = replace(sender, port=self.from_port or sender.port)
        there = replace(receiver, port=self.to_port or receiver.port)
        frames = UdpRoute(here, there, 1500 if self.fragments else 9000).frames(payload)[: self.fragments]
        if self.refused:
            data = struct.pack("!BBHI", 3, 3, 0, 0) + frames[0][14:42]
            data = data[:2] + checksum(data).to_bytes(2, "big") + data[4:]
            frames.append(UdpRoute(there, here, 9000)._packet(ICMP, data))
        return frames
