"""A line between two ends that spoils media by a plan: it loses, doubles, delays and reorders packets of RTP.

Each end has a TUN device in a network namespace of its own, and this process passes IP packets from one device to the
other. SIP, RTCP and all else pass unharmed. What was done with each packet of RTP is kept: that is the truth.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000


@dataclass
class Impairment:
    """What happens to the packets of one way. Shares are of all packets of RTP; times are seconds."""

    seed: int = 1
    loss: float = 0.0
    #: Gilbert: into the state in which all is lost, and out of it.
    into_burst: float = 0.0
    out_of_burst: float = 1.0
    doubled: float = 0.0
    #: Kept until two more packets passed.
    behind: float = 0.0
    delay: float = 0.0
    #: More delay, evenly spread; packets stay in order.
    spread: float = 0.0


@dataclass
class Sent:
    """A packet of RTP that an end sent."""

    way: str
    source: int
    number: int
    timestamp: int
    kind: int
    marker: bool
    ends: tuple[str, int, str, int]
    payload: bytes


@dataclass
class _Way:
    name: str
    impairment: Impairment
    random: random.Random = field(init=False)
    bad: bool = False
    free: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.impairment.seed)

    def fate(self) -> str:
        """Of the next packet: passed, lost, doubled or behind."""
        it, chance = self.impairment, self.random.random
        self.bad = chance() >= it.out_of_burst if self.bad else chance() < it.into_burst
        lost, doubled, behind = chance() < it.loss, chance() < it.doubled, chance() < it.behind
        if self.bad or lost:
            return "lost"
        return "doubled" if doubled else "behind" if behind else "passed"

    def due(self, now: float) -> float:
        self.free = max(self.free, now + self.impairment.delay + self.random.random() * self.impairment.spread)
        return self.free


class Relay:
    """Passes packets between the devices of two namespaces, by their names, until it is closed."""

    def __init__(self, spaces: tuple[str, str], impairments: tuple[Impairment, Impairment]) -> None:
        self.devices = [device(space) for space in spaces]
        self.ways = [_Way(name, it) for name, it in zip(("there", "back"), impairments, strict=True)]
        self.sent: list[Sent] = []
        #: Packets in the order in which they reached the other end, by their place in ``sent``.
        self.arrived: list[tuple[float, int]] = []
        self._queue: list[tuple[float, int, int, bytes, int | None]] = []
        self._held: list[tuple[int, int, bytes, int]] = []
        self._order = itertools.count()
        self._open = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join(5)
        for descriptor in self.devices:
            os.close(descriptor)

    def _run(self) -> None:
        while self._open:
            wait = min(self._queue[0][0] - time.monotonic(), 0.2) if self._queue else 0.2
            readable, _, _ = select.select(self.devices, [], [], max(wait, 0))
            for descriptor in readable:
                side = self.devices.index(descriptor)
                self._take(side, os.read(descriptor, 65536))
            while self._queue and self._queue[0][0] <= time.monotonic():
                _, _, side, data, place = heapq.heappop(self._queue)
                os.write(self.devices[1 - side], data)
                if place is not None:
                    self.arrived.append((time.time(), place))

    def _take(self, side: int, data: bytes) -> None:
        if data[0] >> 4 != 4:
            return
        now, way = time.monotonic(), self.ways[side]
        packet = rtp(data, way.name)
        if packet is None:
            self._put(now, side, data, None)
            return
        self.sent.append(packet)
        place, fate = len(self.sent) - 1, way.fate()
        if fate == "behind":
            self._held.append((side, 2, data, place))
            return
        for _ in range({"lost": 0, "doubled": 2}.get(fate, 1)):
            self._put(way.due(now), side, data, place)
        held, self._held = self._held, []
        for of, left, kept, number in held:
            if of != side or left > 1:
                self._held.append((of, left - (of == side), kept, number))
            else:
                self._put(way.due(now), side, kept, number)

    def _put(self, at: float, side: int, data: bytes, place: int | None) -> None:
        heapq.heappush(self._queue, (at, next(self._order), side, data, place))


def rtp(data: bytes, way: str) -> Sent | None:
    """The header of RTP (RFC 3550 §5.1) in an IP packet, if it is one."""
    head = (data[0] & 15) * 4
    if data[9] != 17 or int.from_bytes(data[6:8]) & 0x3FFF:
        return None
    source, target = struct.unpack_from(">HH", data, head)
    payload = data[head + 8 :]
    if 5060 in (source, target) or len(payload) < 12 or payload[0] >> 6 != 2 or 192 <= payload[1] <= 223:
        return None
    kind, number, timestamp, ssrc = struct.unpack_from(">xBHII", payload)
    ends = (".".join(map(str, data[12:16])), source, ".".join(map(str, data[16:20])), target)
    return Sent(way, ssrc, number, timestamp, kind & 127, kind > 127, ends, payload)


def truth(sent: list[Sent], arrived: list[tuple[float, int]]) -> list[dict[str, Any]]:
    """Of each stream, as it was behind the line: by the sets of its numbers (RFC 3550 A.3)."""
    rows = []
    streams = {(it.way, it.source, it.ends) for it in sent}
    place_of = {key: min(n for n, it in enumerate(sent) if (it.way, it.source, it.ends) == key) for key in streams}
    for key in sorted(streams, key=place_of.__getitem__):
        whole = _unwrapped([(n, it.number) for n, it in enumerate(sent) if (it.way, it.source, it.ends) == key])
        came = [whole[place] for _, place in arrived if place in whole]
        if not came:
            continue
        highest, doubled, reordered, seen = came[0], 0, 0, set()
        for number in came:
            doubled += number in seen
            reordered += number < highest and number not in seen
            seen.add(number)
            highest = max(highest, number)
        missing = [number not in seen for number in range(min(seen), max(seen) + 1)]
        runs = [len(list(run)) for lost, run in itertools.groupby(missing) if lost]
        of_types: dict[int, int] = {}
        for place in whole:
            of_types[sent[place].kind] = of_types.get(sent[place].kind, 0) + 1
        rows.append({
            "way": key[0], "ssrc": key[1], "ends": list(key[2]), "sent": len(whole), "packets": len(came),
            "expected": len(missing), "lost": sum(missing), "doubled": doubled, "reordered": reordered,
            "longest_loss": max(runs, default=0), "payload_types": of_types,
        })  # fmt: skip
    return rows


def _unwrapped(numbers: list[tuple[int, int]]) -> dict[int, int]:
    """The numbers of one sender by their places, without their jumps back to 0."""
    found: dict[int, int] = {}
    before = numbers[0][1]
    for place, number in numbers:
        before += (number - before + 0x8000) % 0x10000 - 0x8000
        found[place] = before
    return found


def enter(space: str) -> None:
    """Takes the calling thread into a network namespace: that is a thread's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{space}") as there:
        if libc.setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def device(space: str) -> int:
    """A TUN device ``line`` in a network namespace."""
    made: list[int] = []

    def make() -> None:
        enter(space)
        descriptor = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", b"line", _IFF_TUN | _IFF_NO_PI))
        made.append(descriptor)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise SystemExit(f"no TUN device in {space}")
    return made[0]
