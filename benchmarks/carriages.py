#!/usr/bin/env python3
"""How much slower reading is when the same messages come in a tunnel: each carriage beside plain UDP.

    python benchmarks/carriages.py [--capture benchmarks/captures/udp-100k.pcap] [--runs 5]

Every frame of the capture is put into each carriage (headers by hand, the same for all packets), and the core reads the
result with one parser thread. Printed is the least processor time of the runs, and its ratio to plain UDP; exit status
1 if one takes more than twice as long, or misses a message.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from analyzer import _core

HERE = Path(__file__).resolve().parent
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


CARRIAGES: dict[str, Callable[[bytes], bytes]] = {
    "udp": lambda frame: frame,
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


def write(path: Path, source: bytes, wrap: Callable[[bytes], bytes]) -> None:
    with path.open("wb") as file:
        file.write(source[:24])
        for stamp, frame in frames(source):
            carried = wrap(frame)
            file.write(stamp + struct.pack("<II", len(carried), len(carried)) + carried)


def measure(path: Path) -> tuple[float, int]:
    """Processor seconds, messages."""
    start = time.process_time()
    scan = _core.scan([(path.name, str(path), None)], 1)
    while not scan.wait(60):
        pass
    found = scan.result()["messages"].num_rows
    return time.process_time() - start, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", type=Path, default=HERE / "captures" / "udp-100k.pcap")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    source = options.capture.read_bytes()
    seconds: dict[str, float] = {}
    messages: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, wrap in CARRIAGES.items():
            path = Path(folder) / "carried.pcap"
            write(path, source, wrap)
            runs = [measure(path) for _ in range(options.runs)]
            seconds[name], messages[name] = min(took for took, _ in runs), runs[0][1]
            ratio = seconds[name] / seconds["udp"]
            print(f"{name:<10}{seconds[name]:8.3f} s  {ratio:5.2f}  {messages[name]:,} messages")
    slow = [name for name, took in seconds.items() if took > AT_MOST * seconds["udp"]]
    missed = [name for name, found in messages.items() if found != messages["udp"]]
    for name in slow:
        print(f"{name}: more than {AT_MOST} times plain UDP", file=sys.stderr)
    for name in missed:
        print(f"{name}: not the same messages", file=sys.stderr)
    return 1 if slow or missed else 0


if __name__ == "__main__":
    sys.exit(main())
