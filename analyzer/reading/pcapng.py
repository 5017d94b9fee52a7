"""What an engine delivers becomes a capture for the one reader: a writer of pcapng, one interface a link type."""

from __future__ import annotations

import struct
from typing import IO

RAW = 101  # LINKTYPE_RAW: the packet begins with its IPv4 or IPv6 header

_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_NANOSECONDS = struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)  # if_tsresol 10^-9


class Writer:
    """Packets into a binary file, times in ns since 1970."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._links: dict[int, int] = {}
        self._section()

    def _section(self) -> None:
        self._links.clear()
        self._file.write(_SECTION)

    def packet(self, link: int, data: bytes, time: int | None, wire_length: int | None = None) -> None:
        """One packet; ``wire_length`` where the capture sliced it."""
        original = max(wire_length or 0, len(data))
        if time is None:
            # A simple packet has no time, and belongs to the first interface of its section.
            if next(iter(self._links), link) != link or original > len(data):
                self._section()
            self._interface(link, len(data) if original > len(data) else 0)
            self._block(3, struct.pack("<I", original), data)
            return
        head = struct.pack("<IIIII", self._interface(link), time >> 32, time & 0xFFFFFFFF, len(data), original)
        self._block(6, head, data)

    def cut(self) -> None:
        """Ends as the source did: in the middle of a packet."""
        self._file.write(struct.pack("<II", 6, 32))

    def _interface(self, link: int, snap_length: int = 0) -> int:
        if link not in self._links:
            self._links[link] = len(self._links)
            self._block(1, struct.pack("<HHI", link, 0, snap_length), _NANOSECONDS)
        return self._links[link]

    def _block(self, kind: int, head: bytes, data: bytes) -> None:
        body = head + data + bytes(-len(data) % 4)
        self._file.write(struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12))
