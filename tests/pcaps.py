"""Captures taken apart into packets and put together of packets, in as few lines as the tests need."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path

#: Time in nanoseconds since 1970, bytes.
Packet = tuple[int, bytes]

#: The link type of packets that begin with their IP header.
RAW_IP = 101


def packets(path: Path, most: int | None = None) -> dict[int, list[Packet]]:
    """Packets of a pcap or pcapng file, which may be packed with gzip, by link type; of each not more than ``most``."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    found = _of_pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else _of_pcap(data)
    return {link: of_link[:most] for link, of_link in found.items()}


def _of_pcap(data: bytes) -> dict[int, list[Packet]]:
    order = "<" if data[0] in (0xD4, 0x4D) else ">"
    to_ns = 1 if 0x4D in (data[0], data[3]) else 1000
    (link,) = struct.unpack_from(f"{order}I", data, 20)
    found, at = [], 24
    while at + 16 <= len(data):
        second, fraction, length, _ = struct.unpack_from(f"{order}IIII", data, at)
        found.append((second * 10**9 + fraction * to_ns, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return {link & 0xFFFF: found}


def _of_pcapng(data: bytes) -> dict[int, list[Packet]]:
    """Enhanced packet blocks."""
    found: dict[int, list[Packet]] = {}
    interfaces: list[tuple[int, int]] = []
    order, at = "<", 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order, interfaces = "<" if data[at + 8] == 0x4D else ">", []
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind == 1:
            (link,) = struct.unpack_from(f"{order}H", data, at + 8)
            interfaces.append((link, _per_second(data[at + 16 : at + length - 4], order)))
        elif kind == 6:
            interface, high, low, size = struct.unpack_from(f"{order}IIII", data, at + 8)
            link, per_second = interfaces[interface]
            time = (high << 32 | low) * 10**9 // per_second
            found.setdefault(link, []).append((time, data[at + 28 : at + 28 + size]))
        at += max(length, 12)
    return found


def _per_second(options: bytes, order: str) -> int:
    """Units of time in a second, by the option if_tsresol (9) of an interface; without it microseconds."""
    at = 0
    while at + 4 < len(options):
        code, length = struct.unpack_from(f"{order}HH", options, at)
        if code == 9:
            exponent = options[at + 4]
            return 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
        at += 4 + length + -length % 4
    return 10**6


def pcap(link: int, found: Iterable[Packet], snap: int = 65535) -> bytes:
    """A classic little-endian pcap file with times in nanoseconds; of each packet at most ``snap`` bytes."""
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, link)]
    for time, data in found:
        kept = data[:snap]
        records.append(struct.pack("<IIII", time // 10**9 % 2**32, time % 10**9, len(kept), len(data)) + kept)
    return b"".join(records)


def udp(source: str, target: str, payload: bytes, ports: tuple[int, int] = (5060, 5060), ident: int = 0) -> bytes:
    """IPv4 and UDP without checksums (0 = none in UDP; the reader does not look at that of IP)."""
    ends = b"".join(bytes(map(int, address.split("."))) for address in (source, target))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), ident, 0, 64, 17, 0) + ends
    return ip + struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload


def pcapng(found: Iterable[tuple[int, Packet]]) -> bytes:
    """A pcapng file of (link type, packet): an interface for each link type, times in nanoseconds."""
    found = list(found)
    links = sorted({link for link, _ in found})
    blocks = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    # Option 9 is if_tsresol: 10^-9 s.
    blocks += [_block(1, struct.pack("<HHIHHB3xHH", link, 0, 0, 9, 1, 9, 0, 0)) for link in links]
    for link, (time, data) in found:
        head = struct.pack("<IIIII", links.index(link), time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        blocks.append(_block(6, head + data + bytes(-len(data) % 4)))
    return b"".join(blocks)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
