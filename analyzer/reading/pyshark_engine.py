"""Engine ``pyshark``: tshark dissects, reassembles and decrypts; the SIP it finds goes to the one parser.

Each frame in which tshark shows SIP becomes one packet, of IP and UDP, TCP or SCTP, that carries these bytes; what was
in other frames stays behind, and an empty packet keeps their number. pyshark runs in a child process: see ``_tshark``.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from analyzer.errors import AnalyzerError, CaptureError
from analyzer.reading.pcapng import RAW, Writer

_CHILD = Path(__file__).with_name("_tshark.py")
_PROTOCOLS = {"udp": 17, "tcp": 6, "sctp": 132}
#: The IP protocol of what was not SIP. RFC 3692: of no meaning, as what it stands for.
FILLER = 253


def check(options: Iterable[str]) -> None:
    """Raises AnalyzerError where tshark is missing, or a preference is not NAME:VALUE."""
    for option in options:
        if not all(option.partition(":")):
            raise AnalyzerError(f"tshark option {option!r}: give it as NAME:VALUE, such as tls.keylog_file:keys.txt")
    if shutil.which("tshark") is None:
        raise AnalyzerError("engine pyshark needs tshark, which is not here: install the Debian package tshark")


def deliver(name: str, path: str, output: IO[bytes], *, options: Iterable[str] = ()) -> tuple[int, int]:
    """Writes the SIP that tshark finds in a capture for the one reader; ``options`` are preferences NAME:VALUE, and
    what is to be decoded as what: ``decode_as:tls.port==25061,sip``. Returns the frames with SIP, and all frames.

    Raises :class:`~analyzer.errors.CaptureError` where tshark cannot read it.
    """
    packets = _Packets(Writer(output))
    error = None
    with tempfile.TemporaryFile() as complaints:
        # -P: the folder of the child is no place to import from.
        command = [sys.executable, "-P", str(_CHILD), path, *options]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints) as child:
            assert child.stdout is not None
            for line in child.stdout:
                found = json.loads(line)
                error = found.get("error")
                if error is None:
                    packets.frame(found)
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().splitlines()
    if error is None and child.returncode:
        error = said[-1] if said else f"its process ended with status {child.returncode}"
    if error is not None and not packets.frames and "cut short" not in error:
        raise CaptureError(name, 0, f"engine pyshark: {error}")
    packets.end(*_extent(path))
    if error is not None:
        packets.writer.cut()
    return packets.with_sip, packets.frames


def _extent(path: str) -> tuple[int, int | None]:
    """Number of frames, and time of the last (ns), as capinfos of the same package tells; (0, None) where it cannot."""
    command = ["capinfos", "-T", "-r", "-m", "-N", "-c", "-e", "-S", path]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    _, *found = done.stdout.decode(errors="replace").strip().rsplit(",", 2)
    if len(found) != 2 or not found[0].isdigit() or not found[1].replace(".", "").isdigit():
        return 0, None
    return int(found[0]), _nanoseconds(found[1])


def _nanoseconds(text: str) -> int:
    """Of frame.time_epoch: seconds with nine digits, from Wireshark 4.2 on RFC 3339 with nine digits."""
    whole, _, fraction = text.partition(".")
    if "T" in whole:
        whole = str(int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()))
    return int(whole) * 10**9 + int(fraction.rstrip("Z").ljust(9, "0")[:9])


class _Packets:
    """Frames of tshark as packets, each under its own number."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.frames = 0
        self.with_sip = 0
        self._time: int | None = None
        #: Where each flow is: sequence number of the next byte or chunk.
        self._next: dict[tuple[Any, ...], int] = {}
        #: Verification tags of SCTP.
        self._tags: dict[tuple[Any, ...], int] = {}

    def frame(self, found: dict[str, Any]) -> None:
        """One frame with SIP."""
        time = _nanoseconds(found["time"])
        self._fill(found["frame"] - 1, time)
        self._time = time
        (source, source_port), (target, target_port) = found["src"], found["dst"]
        messages = [bytes.fromhex(text) for text in found["sip"]]
        transport = found["transport"]
        ends = struct.pack(">HH", source_port, target_port)
        flow = (transport, source, source_port, target, target_port)
        missing = 0
        if transport == "udp":
            payload = bytes.fromhex(found["payload"])
            # Decrypted by tshark, it is not what the datagram carried.
            datagram = payload if messages[0] in payload else b"".join(messages)
            missing = found["length"] - len(payload) if datagram is payload else 0
            data = ends + struct.pack(">HH", len(datagram) + missing + 8, 0) + datagram
        elif transport == "tcp":
            data = b"".join(map(_websocket, messages) if found["websocket"] else messages)
            sequence = self._advance(flow, len(data))
            data = ends + struct.pack(">IIBBHHH", sequence, 0, 5 << 4, 0x18, 0xFFFF, 0, 0) + data
        else:
            chunks = [chunk for message in messages for chunk in _chunks(message)]
            number = self._advance(flow, len(chunks))
            tag = self._tags.setdefault(flow, len(self._tags) + 1)
            data = ends + struct.pack(">II", tag, 0)
            data += b"".join(_data(number + index, *chunk) for index, chunk in enumerate(chunks))
        ip = _ip(source, target, _PROTOCOLS[transport], found["ident"], len(data) + missing)
        self.writer.packet(RAW, ip + data, time, len(ip) + len(data) + missing)
        self.frames += 1
        self.with_sip += 1

    def end(self, frames: int, time: int | None) -> None:
        """The capture has so many frames, and ends then."""
        self._fill(frames, time if time is not None else self._time)

    def _advance(self, flow: tuple[Any, ...], by: int) -> int:
        here = self._next.setdefault(flow, 1)
        self._next[flow] = (here + by) & 0xFFFFFFFF
        return here

    def _fill(self, until: int, time: int | None) -> None:
        """Empty packets up to that frame."""
        while self.frames < until:
            self.writer.packet(RAW, _ip("0.0.0.0", "0.0.0.0", FILLER, 0, 0), time)
            self.frames += 1


def _websocket(message: bytes) -> bytes:
    """A message in a frame (RFC 6455 §5.2)."""
    size = len(message)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
    return b"\x81" + (length if size < 1 << 16 else b"\x7f" + struct.pack(">Q", size)) + message


def _chunks(message: bytes) -> list[tuple[int, bytes]]:
    """A message in parts that a chunk can hold, each with its flags: beginning, end (RFC 9260 §3.3.1)."""
    most = 0xF000
    parts = [message[at : at + most] for at in range(0, len(message), most)]
    return [(2 * (part is parts[0]) + (part is parts[-1]), part) for part in parts]


def _data(number: int, flags: int, part: bytes) -> bytes:
    """A DATA chunk."""
    return struct.pack(">BBHIHHI", 0, flags, len(part) + 16, number, 0, 0, 0) + part + bytes(-len(part) % 4)


def _ip(source: str, target: str, protocol: int, ident: int, length: int) -> bytes:
    """An IPv4 or IPv6 header without a checksum, which nobody looks at; a length of 0 stands for one that is too large,
    as in a capture of segments before they are cut for the wire."""
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    if len(addresses) == 8:
        total = length + 20 if length + 20 <= 0xFFFF else 0
        return struct.pack(">BBHHHBBH", 0x45, 0, total, ident, 0, 64, protocol, 0) + addresses
    return struct.pack(">IHBB", 6 << 28, length if length <= 0xFFFF else 0, protocol, 64) + addresses
