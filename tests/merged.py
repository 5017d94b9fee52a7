"""One capture of all samples, for what compares a reading with a reading.

Such a test needs no truth, and making all tables costs a second however small the capture: so that one capture of
everything is the better input, in which traffic of many kinds meets too.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pcaps
import pytest
from captures import REAL_FILES, SAMPLE_FILES
from pcaps import Packet

import analyzer

#: Of whose captures: the second is there where those of other people are. One worker reads each and makes its tables.
ORIGINS = [
    pytest.param("samples", marks=pytest.mark.xdist_group("merged samples")),
    pytest.param("real", marks=[pytest.mark.xdist_group("merged real"), pytest.mark.shared]),
]

#: Nanoseconds between two captures: no transaction, registration or call left open by one reaches the next.
APART = 12 * 3600 * 10**9

#: A link type and a packet.
Linked = tuple[int, Packet]


@cache
def packets(origin: str) -> list[Linked]:
    """All packets of these captures."""
    return packets_of(SAMPLE_FILES if origin == "samples" else REAL_FILES)


def packets_of(paths: Iterable[Path]) -> list[Linked]:
    """The packets of captures, one capture after the other in time."""
    found: list[Linked] = []
    end = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z
    for path in paths:
        if own := _of_one(path):
            shift = end + APART - own[0][1][0]
            found += [(link, (time + shift, data)) for link, (time, data) in own]
            end = found[-1][1][0]
    return found


@cache
def capture(origin: str) -> analyzer.Capture:
    """All packets of these captures as one capture, read by two threads."""
    return analyzer.read(io.BytesIO(pcaps.pcapng(packets(origin))), threads=2)


def _of_one(path: Path) -> list[Linked]:
    """The packets of a capture in the order of their times; none of one that itself has a long pause."""
    by_link = pcaps.packets(path)
    own = sorted(((link, packet) for link, of_link in by_link.items() for packet in of_link), key=lambda one: one[1][0])
    steps = (later - earlier for (_, (earlier, _)), (_, (later, _)) in pairwise(own))
    return own if all(step < APART for step in steps) else []


def write(path: Path, found: Iterable[Linked]) -> Path:
    """The packets as a pcapng file, in their order here."""
    path.write_bytes(pcaps.pcapng(found))
    return path
