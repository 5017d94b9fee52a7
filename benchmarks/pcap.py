"""Packets of a pcap file, made fast: Ethernet, IPv4, UDP and TCP around payloads that come in time order.

Frames are collected in a list and written in blocks of a few megabytes. The IPv4 header checksum is right; UDP says "no
checksum" (RFC 768) and TCP's is zero, as where a network card computes it after the tap. Datagrams above 1472 bytes go
in one jumbo frame, not in IP fragments; TCP segments hold at most 1448 bytes (1500 less IPv4, TCP, its time stamps).
"""

from __future__ import annotations

import heapq
import itertools
import struct
from typing import BinaryIO, Protocol

SEGMENT = 1448
HOLD_US = 8_000  # how long a part-filled segment waits for more to send (Nagle, RFC 1122 §4.2.3.4, in small)
BLOCK_FRAMES = 4_000

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_RECORD = struct.Struct("<IIII14s")
_IPV4_UDP = struct.Struct("!BBHHHBBH4s4sHHHH")
_IPV4_TCP = struct.Struct("!BBHHHBBH4s4sHHIIHHHH")
_TIMES = struct.Struct("!II")
_TIME_STAMPED = b"\x01\x01\x08\x0a"  # two NOPs, then the head of a time stamp option (RFC 7323 §3)
_MSS_1460 = b"\x02\x04\x05\xb4"
_SYN, _ACK, _PSH = 0x02, 0x10, 0x08


class Endpoint:
    """A host on the wire; `ip_id` counts the packets it has sent."""

    __slots__ = ("address", "ip_id", "mac")

    def __init__(self, address: str, mac: bytes) -> None:
        self.address = bytes(map(int, address.split(".")))
        self.mac = mac
        self.ip_id = self.address[3] * 251  # any start will do, but the same in every run


class Route(Protocol):
    """One direction between two hosts, on which a message can be sent."""

    def send(self, at_us: int, payload: bytes) -> None: ...


class Writer:
    """The file being written: a clock that never stands still, frames not yet on disk, segments held back."""

    def __init__(self, file: BinaryIO) -> None:
        self.packets = 0
        self.size = len(_FILE_HEADER)
        self._file = file
        self._frames = [_FILE_HEADER]
        self._now = 0
        self._held: list[tuple[int, int, TcpRoute]] = []
        self._order = itertools.count()

    def play(self, events: list[tuple[int, int, Route, bytes]]) -> None:
        """Send the payload of each (time, order, route, payload); the list is in time order."""
        held = self._held
        for at_us, _, route, payload in events:
            while held and held[0][0] <= at_us:
                self._release()
            route.send(at_us, payload)

    def close(self) -> None:
        while self._held:
            self._release()
        self._write()

    def tick(self, at_us: int) -> tuple[int, int]:
        """The time stamp of the next packet: `at_us`, or a microsecond after the packet before."""
        self._now = at_us if at_us > self._now else self._now + 1
        return divmod(self._now, 1_000_000)

    def add(self, frame: bytes) -> None:
        self.packets += 1
        self.size += len(frame)
        self._frames.append(frame)
        if len(self._frames) >= BLOCK_FRAMES:
            self._write()

    def hold(self, until_us: int, route: TcpRoute) -> None:
        heapq.heappush(self._held, (until_us, next(self._order), route))

    def _release(self) -> None:
        until_us, _, route = heapq.heappop(self._held)
        route.flush(until_us)

    def _write(self) -> None:
        self._file.write(b"".join(self._frames))
        self._frames.clear()


class _IPv4:
    """The parts of a frame that stay the same in one direction."""

    def __init__(self, sender: Endpoint, receiver: Endpoint, protocol: int) -> None:
        self.sender, self.receiver = sender, receiver
        self.ethernet = receiver.mac + sender.mac + b"\x08\x00"
        addresses = struct.unpack("!4H", sender.address + receiver.address)
        self._sum = 0x4500 + 0x4000 + (64 << 8 | protocol) + sum(addresses)

    def identify(self, length: int) -> tuple[int, int]:
        """The next identification of the sender, and the header checksum (RFC 1071) with it."""
        sender = self.sender
        sender.ip_id = ip_id = (sender.ip_id + 1) & 0xFFFF
        total = self._sum + length + ip_id
        total = (total & 0xFFFF) + (total >> 16)
        return ip_id, ~(total + (total >> 16)) & 0xFFFF


class UdpRoute(_IPv4):
    def __init__(self, writer: Writer, sender: Endpoint, receiver: Endpoint, port: int = 5060) -> None:
        super().__init__(sender, receiver, 17)
        self._writer, self._port = writer, port

    def send(self, at_us: int, payload: bytes) -> None:
        size = len(payload)
        ip_id, checksum = self.identify(size + 28)
        second, micro = self._writer.tick(at_us)
        source, target = self.sender.address, self.receiver.address
        header = _IPV4_UDP.pack(
            0x45, 0, size + 28, ip_id, 0x4000, 64, 17, checksum, source, target, self._port, self._port, size + 8, 0
        )
        self._writer.add(_RECORD.pack(second, micro, size + 42, size + 42, self.ethernet) + header + payload)


class TcpRoute(_IPv4):
    """One direction of a connection; `connect` joins it to the other and shakes hands when it is first used."""

    def __init__(self, writer: Writer, sender: Endpoint, receiver: Endpoint, ports: tuple[int, int], isn: int) -> None:
        super().__init__(sender, receiver, 6)
        self._writer, self._ports = writer, ports
        self._sequence = isn
        self._waiting = b""
        self._open = False
        self.peer = self

    def send(self, at_us: int, payload: bytes) -> None:
        if not self._open:
            self._shake_hands(at_us)
        waiting = self._waiting
        if not waiting:
            self._writer.hold(at_us + HOLD_US, self)
        waiting += payload
        if len(waiting) >= SEGMENT:
            whole = len(waiting) - len(waiting) % SEGMENT
            for start in range(0, whole, SEGMENT):
                self._segment(at_us, waiting[start : start + SEGMENT], _ACK)
            self.peer.acknowledge(at_us)
            waiting = waiting[whole:]
        self._waiting = waiting

    def flush(self, at_us: int) -> None:
        if self._waiting:
            self._segment(at_us, self._waiting, _ACK | _PSH)
            self.peer.acknowledge(at_us)
            self._waiting = b""

    def acknowledge(self, at_us: int) -> None:
        self._segment(at_us, b"", _ACK)

    def _shake_hands(self, at_us: int) -> None:
        client, server = (self, self.peer) if self._ports[1] == 5060 else (self.peer, self)
        client._segment(at_us, b"", _SYN, _MSS_1460 + _TIME_STAMPED)
        client._sequence += 1
        server._segment(at_us, b"", _SYN | _ACK, _MSS_1460 + _TIME_STAMPED)
        server._sequence += 1
        client._segment(at_us, b"", _ACK)
        client._open = server._open = True

    def _segment(self, at_us: int, payload: bytes, flags: int, options: bytes = _TIME_STAMPED) -> None:
        size = len(payload)
        header_size = 28 + len(options)
        length = 20 + header_size + size
        ip_id, checksum = self.identify(length)
        second, micro = self._writer.tick(at_us)
        clock = (second * 1000 + micro // 1000) & 0xFFFFFFFF
        header = _IPV4_TCP.pack(
            0x45, 0, length, ip_id, 0x4000, 64, 6, checksum, self.sender.address, self.receiver.address,
            *self._ports, self._sequence, self.peer._sequence if flags & _ACK else 0,
            header_size << 10 | flags, 0xFFFF, 0, 0,
        )  # fmt: skip
        self._sequence = (self._sequence + size) & 0xFFFFFFFF
        record = _RECORD.pack(second, micro, length + 14, length + 14, self.ethernet)
        self._writer.add(b"".join((record, header, options, _TIMES.pack(clock, clock if flags & _ACK else 0), payload)))


def connect(writer: Writer, client: Endpoint, server: Endpoint, port: int, isn: int) -> tuple[TcpRoute, TcpRoute]:
    """The two directions of one connection from `port` of the client to 5060 of the server."""
    forth = TcpRoute(writer, client, server, (port, 5060), isn)
    back = TcpRoute(writer, server, client, (5060, port), isn ^ 0x5A5A5A5A)
    forth.peer, back.peer = back, forth
    return forth, back
