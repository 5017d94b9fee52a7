"""A stream of pcap or pcapng, cut into captures that can be read by themselves."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from analyzer.errors import AnalyzerError

#: Magic numbers of pcap: times in micro- and nanoseconds, in either byte order.
_PCAP = {
    b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">",
}  # fmt: skip
_SECTION = b"\x0a\x0d\x0d\x0a"
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_HEADER, _RECORD = 24, 16
#: Interface descriptions and what else stands before packets is repeated in each segment; packets are not.
_PACKETS = {2, 3, 6}
_INTERFACE = 1
#: A longer packet or block is damage.
_LONGEST = 64 << 20


class Segments:
    """Takes in bytes as they come, and gives away captures with the packets that are whole.

    Raises AnalyzerError for bytes that are no stream of pcap or pcapng: what came before them can still be cut off.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._order = ""
        self._begin = b""
        self._pcapng = False
        #: What stands before the packets at hand, these and what came among them, and how many they are.
        self._front = b""
        self._packets: list[bytes] = []
        self._whole = 0
        self._come = 0

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._rest += data
        self._come += len(data)
        for part, is_packet in self._parts():
            if part[:4] == _SECTION:
                # Its interfaces are counted anew.
                self._begin = b""
            if not is_packet:
                self._begin += part
            if not self._packets:
                self._front = self._begin
            if is_packet or self._packets:
                self._packets.append(part)
                self._whole += is_packet

    def cut(self, path: Path) -> int:
        """Writes the packets that came since the last cut to a file of their own, if any did; how many."""
        count, self._whole = self._whole, 0
        if count:
            path.write_bytes(b"".join([self._front, *self._packets]))
        self._packets, self._front = [], self._begin
        return count

    def end(self) -> None:
        """The stream has ended. Raises AnalyzerError where that was within a packet, or before there was any header."""
        if not self._come:
            raise AnalyzerError("nothing came: the stream ended before a capture began; look at what writes it")
        if self._rest or not self._order:
            raise AnalyzerError(
                f"the stream ended within a packet or header, of which {len(self._rest)} bytes came: what wrote it was"
                " cut off, and the packets behind are missing"
            )

    def _parts(self) -> Iterator[tuple[bytes, bool]]:
        """What is whole of the rest: headers and packets."""
        if not self._order and not self._recognised():
            return
        at = 0
        while (length := self._length(at)) is not None and at + length <= len(self._rest):
            part = bytes(self._rest[at : at + length])
            at += length
            if self._pcapng:
                (kind,) = struct.unpack_from(f"{self._order}I", part)
                if kind in _PACKETS or kind == _INTERFACE or part[:4] == _SECTION:
                    yield part, kind in _PACKETS
            else:
                yield part, True
        del self._rest[:at]

    def _recognised(self) -> bool:
        if len(self._rest) < _HEADER:
            return False
        magic = bytes(self._rest[:4])
        if magic in _PCAP:
            self._order, self._begin = _PCAP[magic], bytes(self._rest[:_HEADER])
            del self._rest[:_HEADER]
        elif magic == _SECTION and bytes(self._rest[8:12]) in _ORDERS:
            self._order, self._pcapng = _ORDERS[bytes(self._rest[8:12])], True
        else:
            raise AnalyzerError("what comes is no stream of pcap or pcapng; write it with tcpdump -w - or dumpcap -w -")
        return True

    def _length(self, at: int) -> int | None:
        """Of the record or block at this place; None while too little of it is there."""
        if self._pcapng:
            if len(self._rest) < at + 12:
                return None
            if self._rest[at : at + 4] == _SECTION:
                self._order = _ORDERS.get(bytes(self._rest[at + 8 : at + 12]), self._order)
            (length,) = struct.unpack_from(f"{self._order}I", self._rest, at + 4)
            found = int(length)
            if found < 12 or found % 4 or found > _LONGEST:
                raise AnalyzerError(f"the stream is damaged: a block of {found} bytes")
            return found
        if len(self._rest) < at + _RECORD:
            return None
        (length,) = struct.unpack_from(f"{self._order}I", self._rest, at + 8)
        if length > _LONGEST:
            raise AnalyzerError(f"the stream is damaged: a packet of {length} bytes")
        return _RECORD + int(length)
