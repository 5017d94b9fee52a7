"""Where packets come from: a program that captures, a pipe, or agents that send them (HEP); one stream of pcap each."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from typing import IO, Protocol

from analyzer.errors import AnalyzerError

_READ = 1 << 20
#: LINKTYPE_RAW: packets that begin with their IP header.
_RAW = 101
_DROPPED = re.compile(r"(\d+) packets? dropped by (?:kernel|interface)|dropped on interface '[^']*': \d+/(\d+)")


class Wire(Protocol):
    """A source of packets."""

    #: Its packets are of now: silence is silence, and no gap in what was captured at another time.
    now: bool

    def read(self, seconds: float) -> bytes | None:
        """What came within this time, b"" if nothing did, None at the end."""

    def dropped(self) -> int | None:
        """Packets that were lost before they could be captured, as far as that is known."""

    def close(self) -> None:
        """Ends it."""


class Pipe:
    """A stream that somebody else writes."""

    now = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, seconds: float) -> bytes | None:
        """The next bytes."""
        ready, _, _ = select.select([self._stream.fileno()], [], [], seconds)
        return (os.read(self._stream.fileno(), _READ) or None) if ready else b""

    def dropped(self) -> int | None:
        """Nobody says."""
        return None

    def close(self) -> None:
        """Leaves it to its owner."""


class Program(Pipe):
    """tcpdump or dumpcap, which may capture where we may not.

    Raises AnalyzerError where neither is installed, or where it ends at once.
    """

    now = True

    def __init__(self, interface: str, condition: str = "") -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        command = _command(interface, condition)
        self._can_be_asked = command[0].endswith("tcpdump")
        self._program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors)
        assert self._program.stdout is not None
        super().__init__(self._program.stdout)

    def read(self, seconds: float) -> bytes | None:
        """The next bytes."""
        found = super().read(seconds)
        if found is None and (self._program.wait(5) or self.said()):
            raise AnalyzerError(f"the capture ended: {self.said() or f'status {self._program.returncode}'}")
        return found

    def said(self) -> str:
        """What it said last, but for how it began."""
        self._errors.seek(0)
        lines = self._errors.read()[-4096:].decode("utf-8", "replace").splitlines()
        return next((line for line in reversed(lines) if line.strip() and "listening on" not in line), "")

    def dropped(self) -> int | None:
        """What it says; tcpdump when it is asked, dumpcap at its end."""
        if self._program.poll() is None and self._can_be_asked:
            self._program.send_signal(signal.SIGUSR1)
        self._errors.seek(0)
        told = _DROPPED.findall(self._errors.read().decode("utf-8", "replace"))
        return int(next(filter(None, told[-1]))) if told else None

    def close(self) -> None:
        """Ends it."""
        self._program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(5)
        self._program.kill()


def _command(interface: str, condition: str) -> list[str]:
    if interface.startswith("-"):
        raise AnalyzerError(f"{interface!r} is no name of an interface")
    if tcpdump := shutil.which("tcpdump"):
        return [tcpdump, "-i", interface, "-U", "-n", "-s", "0", "-w", "-", *(["--", condition] if condition else [])]
    if dumpcap := shutil.which("dumpcap"):
        return [dumpcap, "-q", "-P", "-i", interface, "-w", "-", *(["-f", condition] if condition else [])]
    raise AnalyzerError("neither tcpdump nor dumpcap is installed; install one, or pipe packets in: ... | live -")


class Agents:
    """A port that agents of HEP send to (Homer, Kamailio, heplify): their datagrams as packets.

    Raises AnalyzerError where the port is taken.
    """

    now = True

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self._socket.bind((host, port))
        except OSError as error:
            raise AnalyzerError(f"UDP port {port} of {host or 'any address'}: {error.strerror}") from error
        self._begun = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    def read(self, seconds: float) -> bytes | None:
        """What came within this time, as pcap with times in nanoseconds."""
        told = b"" if self._begun else struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 0xFFFF, _RAW)
        self._begun = True
        packets = [told]
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and select.select([self._socket], [], [], left)[0]:
            data, sender = self._socket.recvfrom(0xFFFF)
            packets.append(_packet(data, sender, self._socket.getsockname(), time.time_ns()))
        return b"".join(packets)

    def dropped(self) -> int | None:
        """Datagrams for which there was no room, of the port, as Linux counts them."""
        with contextlib.suppress(OSError), open("/proc/net/udp") as table:
            for line in table.readlines()[1:]:
                words = line.split()
                if words[1].endswith(f":{self.port:04X}"):
                    return int(words[-1])
        return None

    def close(self) -> None:
        """Closes the port."""
        self._socket.close()


def _packet(data: bytes, sender: tuple[str, int], receiver: tuple[str, int], now: int) -> bytes:
    """A record of pcap: the datagram in UDP and IP. Longer ones than IPv4 has room for are cut by their sender."""
    udp = struct.pack("!HHHH", sender[1], receiver[1], 8 + len(data), 0) + data
    if ":" in sender[0]:
        ip = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64)
        ip += b"".join(socket.inet_pton(socket.AF_INET6, end[0].partition("%")[0]) for end in (sender, receiver))
    else:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, min(20 + len(udp), 0xFFFF), 0, 0, 64, 17, 0)
        ip += b"".join(socket.inet_aton(end[0]) for end in (sender, receiver))
    packet = ip + udp
    seconds, ns = divmod(now, 1_000_000_000)
    return struct.pack("<IIII", seconds, ns, len(packet), len(packet)) + packet
