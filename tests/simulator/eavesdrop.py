"""Reads the laboratory's UDP captures with nothing but `struct` and regular expressions."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Heard:
    """One SIP message as it was heard."""

    frame: int
    time: int
    start: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0")

    @property
    def status(self) -> int | None:
        return None if self.is_request else int(self.start.split()[1])

    @property
    def method(self) -> str:
        return self.one("CSeq").split()[1]

    @property
    def cseq(self) -> int:
        return int(self.one("CSeq").split()[0])

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name]

    def one(self, name: str) -> str:
        values = self.all(name)
        assert len(values) == 1, f"frame {self.frame} has {len(values)} {name}"
        return values[0]

    def tag(self, name: str) -> str | None:
        found = re.search(r">;tag=([0-9a-f]+)$", self.one(name))
        return found.group(1) if found else None

    @property
    def vias(self) -> list[tuple[str, str]]:
        """(sent-by, branch) of each Via, newest first."""
        found = (
            re.fullmatch(r"SIP/2\.0/(?:UDP|TCP) ([^;]+);.*branch=(z9hG4bK[0-9a-f]+)", via) for via in self.all("Via")
        )
        return [via.groups() for via in found if via]  # type: ignore[misc]


def records(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(frame number, time in ns, frame) of a little-endian nanosecond pcap."""
    data = path.read_bytes()
    assert struct.unpack_from("<IHH", data) == (0xA1B23C4D, 2, 4)
    at, number = 24, 0
    while at < len(data):
        seconds, ns, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length
        number += 1
        yield number, seconds * 1_000_000_000 + ns, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def listen(path: Path) -> dict[int, Heard]:
    """Every message of a capture of unfragmented IPv4 and UDP, by frame number."""
    return {number: read(number, time, frame[42:]) for number, time, frame in records(path)}


def read(number: int, time: int, payload: bytes) -> Heard:
    head, _, body = payload.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    return Heard(number, time, start, headers, body)  # type: ignore[arg-type]
