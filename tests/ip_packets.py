"""IP packets and Ethernet frames around a SIP message, written after the RFCs: checksums are right."""

from __future__ import annotations

import struct

START = 1_740_988_800 * 10**9
MACS = bytes.fromhex("020000000002020000000001")
HERE, THERE = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
HERE6, THERE6 = (bytes.fromhex("20010db8") + bytes(11) + bytes((host,)) for host in (1, 2))


def options(call_id: str) -> bytes:
    lines = (
        *("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "Max-Forwards: 70"),
        *("From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>", f"Call-ID: {call_id}"),
        *("CSeq: 1 OPTIONS", "Content-Length: 0"),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def total(data: bytes) -> int:
    """The ones' complement sum of RFC 1071."""
    value = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2])) + (data[-1] << 8) * (len(data) % 2)
    while value > 0xFFFF:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def ipv4(protocol: int, payload: bytes) -> bytes:
    ends = bytes((198, 51, 100, 1, 198, 51, 100, 2)) if protocol != 17 else HERE + THERE
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0) + ends
    return head[:10] + struct.pack("!H", 0xFFFF - total(head)) + head[12:] + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + HERE6 + THERE6 + payload


def udp(payload: bytes, source: int = 5060, target: int = 5060, *, v6: bool = False) -> bytes:
    """An IP packet with a datagram, whose checksum is right: IPv6 asks for it (RFC 8200 §8.1)."""
    head = struct.pack("!HHH", source, target, 8 + len(payload))
    ends = HERE6 + THERE6 if v6 else HERE + THERE
    value = 0xFFFF - total(ends + struct.pack("!HH", 17, 8 + len(payload)) + head + payload)
    return (ipv6 if v6 else ipv4)(17, head + struct.pack("!H", value or 0xFFFF) + payload)


def ether(packet: bytes) -> bytes:
    """What follows the addresses of a frame: ethertype and packet."""
    return (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def frame(rest: bytes) -> bytes:
    return MACS + rest
