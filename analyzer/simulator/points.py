"""Capture points: what a tap sees, with its own clock, written as pcap or pcapng with nanosecond stamps."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import BinaryIO

from analyzer.simulator.network import Node
from analyzer.simulator.truth import Observation

_BLOCK = 4_000  # records written at once
_RECORD = struct.Struct("<IIII")


class Point:
    """One capture file. `tapped` are the nodes whose packets it sees, those they send and those they receive."""

    def __init__(
        self,
        name: str,
        tapped: set[Node],
        path: Path,
        rng: random.Random,
        *,
        start: int,
        offset: int,
        drift_ppm: float,
        loss: float,
        mirrored: bool,
    ) -> None:
        self.name, self.tapped, self.path = name, tapped, path
        self.start, self.offset, self.drift_ppm = start, offset, drift_ppm
        self.frames = self.lost = 0
        self._rng, self._loss, self._mirrored = rng, loss, mirrored
        self._drift = round(drift_ppm * 1000)  # in 1e-9: whole numbers keep the stamps exact
        self._pending: list[tuple[int, int, tuple[bytes, ...], int | None, bool]] = []
        self._order = 0
        self._now = 0
        self._records: list[bytes] = []
        self._file: BinaryIO = path.open("wb")
        self._pcapng = path.suffix == ".pcapng"
        self._records.append(_pcapng_head(name) if self._pcapng else _PCAP_HEAD)

    def see(
        self,
        sender: Node,
        receiver: Node,
        sent_at: int,
        received_at: int | None,
        frames: tuple[bytes, ...],
        number: int | None,
    ) -> None:
        """Packets pass. A tap at the sender sees them when they leave, one at the receiver when they arrive."""
        here, there = sender in self.tapped, receiver in self.tapped
        if here:
            self._add(sent_at, frames, number, False)
        if there and received_at is not None and (self._mirrored or not here):
            self._add(received_at, frames, number, here)

    def _add(self, at: int, frames: tuple[bytes, ...], number: int | None, again: bool) -> None:
        self._order += 1
        self._pending.append((at, self._order, frames, number, again))

    def flush(self, until: int, observations: list[Observation] | None) -> None:
        """Write what was seen before `until` (true time)."""
        pending = self._pending
        pending.sort()
        due = 0
        for at, _, frames, number, again in pending:
            if at >= until:
                break
            due += 1
            time, seen = 0, 0
            for serial, frame in enumerate(frames):
                if self._loss and self._rng.random() < self._loss:
                    self.lost += 1
                    continue
                seen += 1
                time = self._stamp(at + serial * 12_000)
                self._records.append(self._record(time, frame))
            if seen and number is not None and observations is not None:
                observations.append(Observation(number, self.name, self.frames, time, again, seen == len(frames)))
        del pending[:due]
        if len(self._records) >= _BLOCK:
            self._write()

    def close(self, observations: list[Observation] | None) -> None:
        self.flush(1 << 63, observations)
        self._write()
        self._file.close()

    def _stamp(self, at: int) -> int:
        """The point's clock at a true time; no two packets have one stamp."""
        time = at + self.offset + (at - self.start) * self._drift // 1_000_000_000
        self._now = time if time > self._now else self._now + 1
        return self._now

    def _record(self, time: int, frame: bytes) -> bytes:
        self.frames += 1
        size = len(frame)
        if self._pcapng:
            length = 32 + (size + 3 & ~3)
            head = struct.pack("<IIIIIII", 6, length, 0, time >> 32, time & 0xFFFFFFFF, size, size)
            return head + frame + bytes(-size % 4) + struct.pack("<I", length)
        return _RECORD.pack(*divmod(time, 1_000_000_000), size, size) + frame

    def _write(self) -> None:
        self._file.write(b"".join(self._records))
        self._records.clear()


_PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)


def _pcapng_head(name: str) -> bytes:
    """A section header and one Ethernet interface, with its name and nanosecond stamps."""
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    text = name.encode()
    options = struct.pack("<HH", 2, len(text)) + text + bytes(-len(text) % 4)
    options += struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)
    length = 20 + len(options)
    return section + struct.pack("<IIHHI", 1, length, 1, 0, 262_144) + options + struct.pack("<I", length)
