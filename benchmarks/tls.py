#!/usr/bin/env python3
"""How much slower reading is when the same messages come over TLS: each cipher next to plain TCP.

    python benchmarks/tls.py [--size 100k] [--runs 5]

The TCP capture's segments become records of OpenSSL (Python's ssl), a connection for each of its connections, and the
core reads the result with one parser thread, in turn with the plain capture. Printed are the medians of the processor
times and their ratio; exit status 1 if one takes more than two and a half times as long, or misses a message.
"""

from __future__ import annotations

import argparse
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import write_captures

from analyzer import _core

AT_MOST = 2.5
SUITES = {
    "TLS 1.3, AES-256-GCM": (ssl.TLSVersion.TLSv1_3, ""),
    "TLS 1.2, AES-128-GCM": (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    "TLS 1.2, ChaCha20-Poly1305": (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    "TLS 1.2, AES-256-CBC": (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA384"),
}


class Connection:
    """Both ends, in memory."""

    def __init__(self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        self.into = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self.out = (ssl.MemoryBIO(), ssl.MemoryBIO())
        client, server = contexts
        self.ends = (
            client.wrap_bio(self.into[0], self.out[0], server_hostname="sip.example.com"),
            server.wrap_bio(self.into[1], self.out[1], server_side=True),
        )

    def handshake(self) -> Iterator[tuple[int, bytes]]:
        """What client (0) and server (1) write, until both have finished."""
        done = [False, False]
        while not all(done):
            for side, end in enumerate(self.ends):
                try:
                    end.do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                if written := self.out[side].read():
                    self.into[1 - side].write(written)
                    yield side, written

    def sealed(self, side: int, message: bytes) -> bytes:
        self.ends[side].write(message)
        return self.out[side].read()


def contexts(folder: Path, version: ssl.TLSVersion, ciphers: str, keys: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.num_tickets = 0
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
    client.keylog_filename = str(keys)
    return client, server


def over_tls(frames: list[tuple[bytes, bytes]], ends: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[bytes]:
    """The records of the file, each TCP payload sealed; headers of records, then frames."""
    found: dict[frozenset[bytes], tuple[Connection, bytes]] = {}
    sent: dict[tuple[bytes, bytes], int] = {}
    for head, frame in frames:
        v6 = frame[12:14] == b"\x86\xdd"
        if frame[20 if v6 else 23] == 17:
            yield head + frame
            continue
        tcp, size = (54, 16) if v6 else (14 + (frame[14] & 15) * 4, 4)
        end = 54 + int.from_bytes(frame[18:20], "big") if v6 else 14 + int.from_bytes(frame[16:18], "big")
        payload = frame[tcp + (frame[tcp + 12] >> 4) * 4 : end]
        if not payload:
            continue
        at = 22 if v6 else 26
        source = frame[at : at + size] + frame[tcp : tcp + 2]
        target = frame[at + size : at + 2 * size] + frame[tcp + 2 : tcp + 4]
        key = frozenset((source, target))
        pieces = []
        if key not in found:
            found[key] = (Connection(ends), source)
            pieces = list(found[key][0].handshake())
        connection, client = found[key]
        side = 0 if source == client else 1
        pieces.append((side, connection.sealed(side, payload)))
        for of, data in pieces:
            way = (source, target) if of == side else (target, source)
            seq = sent.setdefault(way, 1000)
            sent[way] = seq + len(data)
            addresses = way[0][:size] + way[1][:size]
            if v6:
                ip = struct.pack("!IHBB", 6 << 28, 20 + len(data), 6, 64) + addresses
            else:
                ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(data), 1, 0, 64, 6, 0) + addresses
            segment = (
                way[0][size:] + way[1][size:] + struct.pack("!IIHHHH", seq & 0xFFFFFFFF, 0, 0x5018, 8192, 0, 0) + data
            )
            packet = frame[:14] + ip + segment
            yield head[:8] + struct.pack("<II", len(packet), len(packet)) + packet


def records(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        found.append((data[at : at + 16], data[at + 16 : at + 16 + length]))
        at += 16 + length
    return found


def scanned(path: Path, keys: list[str]) -> tuple[float, int]:
    """Processor time (s) and messages."""
    begun = time.process_time()
    scan = _core.scan([(str(path), str(path), None, None)], 1, keys=keys)
    while not scan.wait(1.0):
        pass
    _, messages = scan.progress()
    scan.result()
    return time.process_time() - begun, messages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="100k")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = write_captures.ensure(chosen.size, "tcp")
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=sip.example.com -days 9"
        subprocess.run(
            ["openssl", *words.split(), "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        data = plain.read_bytes()
        for suite, (version, ciphers) in SUITES.items():
            keys, path = folder / "keys.txt", folder / "tls.pcap"
            keys.unlink(missing_ok=True)
            ends = contexts(folder, version, ciphers, keys)
            with path.open("wb") as file:
                file.write(data[:24])
                file.writelines(over_tls(records(data), ends))
            pairs = [(scanned(plain, []), scanned(path, [str(keys)])) for _ in range(chosen.runs)]
            tcp, tls = (statistics.median(time for time, _ in each) for each in zip(*pairs, strict=True))
            (_, wanted), (_, found) = pairs[0]
            missing = "" if found == wanted else f"; {found} of {wanted} messages"
            print(f"{suite:28} {tls:6.2f} s, TCP {tcp:6.2f} s: {tls / tcp:.2f}{missing}")
            status |= tls > AT_MOST * tcp or found != wanted
    return status


if __name__ == "__main__":
    sys.exit(main())
