#!/usr/bin/env python3
"""How much slower reading is when the same messages come in a tunnel: each next to plain UDP.

    python benchmarks/tunnels.py [--size 100k] [--runs 5]

Every frame of the UDP capture is put into each tunnel (headers by hand, the same for all packets), and the core reads
the result with one parser thread, in turn with the plain capture. Printed are the medians of the processor times and
their ratio; exit status 1 if one takes more than twice as long, or misses a message.
"""

from __future__ import annotations

import argparse
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import write_captures

from analyzer import _core

ETHERNET = bytes.fromhex("020000000001020000000002")
AT_MOST = 2.0


def ip(protocol: int, payload: bytes) -> bytes:
    """An IPv4 packet between the tunnel's ends."""
    ends = bytes((198, 51, 100, 1, 203, 0, 113, 9))
    header = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, ends)
    return header + payload


def udp(port: int, payload: bytes) -> bytes:
    return ip(17, struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload)


def over_ip(wrap: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """From frame to frame, by what happens to the IP packet in it."""
    return lambda frame: ETHERNET + b"\x08\x00" + wrap(frame[14:])


def esp_null(packet: bytes) -> bytes:
    """Transport mode with an ICV of 12 bytes; each of 256 associations by the last byte of the destination."""
    payload = packet[20:]
    padding = -(len(payload) + 2) % 4
    inside = payload + bytes(range(1, padding + 1)) + bytes((padding, packet[9])) + b"\xa5" * 12
    body = struct.pack("!II", 0x1000 + packet[19], 1) + inside
    return packet[:2] + struct.pack("!H", 20 + len(body)) + packet[4:9] + b"\x32" + packet[10:20] + body


def summed(packet: bytes) -> bytes:
    """With its header checksum (RFC 791 §3.1)."""
    head = packet[:10] + b"\0\0" + packet[12:20]
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + head[12:] + packet[20:]


def gtpu(packet: bytes) -> bytes:
    return udp(2152, struct.pack("!BBHIHBB4s", 0x34, 255, len(packet) + 8, 9, 1, 0, 0x85, b"\1\0\5\0") + packet)


def hep_3(frame: bytes) -> bytes:
    """What an agent reports of a UDP datagram in IPv4."""
    packet, payload = frame[14:], frame[42:]
    chunks = (
        *((1, b"\2"), (2, b"\x11"), (3, packet[12:16]), (4, packet[16:20]), (7, packet[20:22]), (8, packet[22:24])),
        *((9, b"\0\0\0\0"), (10, b"\0\0\0\0"), (11, b"\1"), (12, b"\0\0\7\xd1"), (15, payload)),
    )
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


class HepOverTcp:
    """All reports in one stream, each in a segment of its own."""

    def __init__(self) -> None:
        self.seq = 1

    def __call__(self, frame: bytes) -> bytes:
        report = hep_3(frame)
        header = struct.pack("!HHIIBBHHH", 41_000, 9060, self.seq % (1 << 32), 0, 0x50, 0x18, 65_535, 0, 0)
        self.seq += len(report)
        return ETHERNET + b"\x08\x00" + ip(6, header + report)


def fragments(frame: bytes) -> tuple[bytes, ...]:
    """The datagram in two pieces, whose identification is that of the packet."""
    packet = frame[14:]
    head, tail = packet[20:532], packet[532:]
    if not tail:
        return (frame,)

    def piece(field: int, data: bytes) -> bytes:
        return frame[:14] + packet[:2] + struct.pack("!H2sH", 20 + len(data), packet[4:6], field) + packet[8:20] + data

    return piece(1 << 13, head), piece(64, tail)


Wrap = Callable[[bytes], bytes | tuple[bytes, ...]]

CARRIAGES: dict[str, Wrap] = {
    "fragments": fragments,
    "vlan": lambda frame: frame[:12] + b"\x81\x00\x00\x64" + frame[12:],
    "gtpu": over_ip(gtpu),
    "gre": over_ip(lambda packet: ip(47, struct.pack("!HHII", 0x3000, 0x0800, 7, 1) + packet)),
    "ipip": over_ip(lambda packet: ip(4, packet)),
    "vxlan": lambda frame: ETHERNET + b"\x08\x00" + udp(4789, b"\x08\0\0\0\0\0\x2a\0" + frame),
    "geneve": lambda frame: ETHERNET + b"\x08\x00" + udp(6081, b"\0\0\x65\x58\0\0\x2a\0" + frame),
    "erspan": lambda frame: (
        ETHERNET + b"\x08\x00" + ip(47, struct.pack("!HHIHHI", 0x1000, 0x88BE, 1, 0x112C, 1, 0) + frame)
    ),
    "mpls": lambda frame: ETHERNET + b"\x88\x47\x00\x3e\x81\x3c" + frame[14:],
    "pppoe": lambda frame: ETHERNET + struct.pack("!HBBHHH", 0x8864, 0x11, 0, 1, len(frame) - 12, 0x21) + frame[14:],
    "vntag": lambda frame: frame[:12] + b"\x89\x26\x80\x0a\x00\x2a" + frame[12:],
    "fabricpath": lambda frame: ETHERNET + b"\x89\x03\x10\x3f" + frame,
    "macsec": lambda frame: frame[:12] + b"\x88\xe5\0\0\0\0\0\5" + frame[12:] + bytes(16),
    "lisp": over_ip(lambda packet: udp(4341, b"\x80\0\0\1\0\0\0\1" + packet)),
    "capwap": lambda frame: ETHERNET + b"\x08\x00" + udp(5247, b"\0\x10\2\0\0\0\0\0" + frame),
    "ip in udp": over_ip(lambda packet: udp(47290, summed(packet))),
    "esp": over_ip(esp_null),
    "hep3": lambda frame: ETHERNET + b"\x08\x00" + udp(9060, hep_3(frame)),
    "hep3+tcp": HepOverTcp(),
    "gtpu+esp": over_ip(lambda packet: gtpu(esp_null(packet))),
}


def frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(the time, the frame) of each record of a little-endian pcap."""
    at = 24
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        yield data[at : at + 8], data[at + 16 : at + 16 + length]
        at += 16 + length


def write(path: Path, source: bytes, wrap: Wrap) -> None:
    with path.open("wb") as file:
        file.write(source[:24])
        for stamp, frame in frames(source):
            carried = wrap(frame)
            for data in carried if isinstance(carried, tuple) else (carried,):
                file.write(stamp + struct.pack("<II", len(data), len(data)) + data)


def measure(path: Path) -> tuple[float, int]:
    """Processor seconds, messages."""
    start = time.process_time()
    scan = _core.scan([(path.name, str(path), None, None)], 1)
    while not scan.wait(60):
        pass
    found = pl.DataFrame(scan.result()["messages"]).height
    return time.process_time() - start, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("10k", "100k"), default="100k", help="messages (default: 100k)")
    parser.add_argument("--runs", type=int, default=5, help="of each (default: 5)")
    options = parser.parse_args()
    plain = write_captures.ensure(options.size, "udp")
    source = plain.read_bytes()
    faults: list[str] = []
    print(f"{'tunnel':<10} {'CPU':>7}   {'plain UDP':>9}  ratio")
    with tempfile.TemporaryDirectory() as folder:
        for name, wrap in CARRIAGES.items():
            path = Path(folder) / "carried.pcap"
            write(path, source, wrap)
            runs = [(measure(path), measure(plain)) for _ in range(options.runs)]
            took, beside = (statistics.median(run[which][0] for run in runs) for which in (0, 1))
            print(f"{name:<10} {took:6.3f} s   {beside:7.3f} s  {took / beside:5.2f}", flush=True)
            if took > AT_MOST * beside:
                faults.append(f"{name}: more than {AT_MOST} times plain UDP")
            if runs[0][0][1] != runs[0][1][1]:
                faults.append(f"{name}: {runs[0][0][1]:,} messages of {runs[0][1][1]:,}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
