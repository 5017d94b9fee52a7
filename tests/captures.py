"""Every sample and every capture of other people is read once by each worker, whichever tests look at it.

A capture keeps the tables that it has made, and making all of them costs over a second. Tests that change how a capture
reads, or that count what it makes, read their own with ``analyzer.read``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from places import SAMPLES, SHARED

import analyzer
from analyzer.api.capture import Capture

#: The samples: each is made by a script beside it, which also writes its truth.
SAMPLE_FILES = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".pcap", ".pcapng"))
#: Those with a call flow of their own. The others have the call of one of these in another link layer, tunnel or
#: protocol of agents: they are for what reads bytes, and say nothing new to what reads tables.
FLOWS = [
    path for path in SAMPLE_FILES if not path.stem.startswith(("exported_pdu", "hep_", "ipsec_", "link_", "tunnel_"))
]
#: Captures of other people; none where the folder is not beside the project.
REAL_FILES = sorted(
    path for path in (SHARED / "captures").glob("*") if path.is_file() and path.suffix not in (".md", ".tsv")
)

ALL_FILES = [*SAMPLE_FILES, *REAL_FILES]
#: Those that `make check` does not leave out of the tests over all captures.
FEW = {"basic_call.pcap", "hostile.pcap", "tcp_ugly.pcap", "volte_call.pcap"}

#: The key of every masked capture here.
KEY = "an example, not a secret"


def name_of(path: Path) -> str:
    """What a case about a capture is called."""
    return path.name


@cache
def read(path: Path) -> Capture:
    """The whole capture."""
    return analyzer.read(path)


#: The group of tests that look at :func:`together`: one worker makes its tables.
TOGETHER = "all samples together"


@cache
def together() -> Capture:
    """All samples in one reading, also those that folders of their own hold."""
    return analyzer.read(path for path in sorted(SAMPLES.rglob("*")) if ".pcap" in path.name)


@cache
def masked(path: Path) -> Capture:
    """The same capture, masked with :data:`KEY`."""
    return read(path).mask(KEY)


def group_of(value: object) -> str | None:
    """The name of the capture that a parameter of a test stands for, or None."""
    name = getattr(value, "name", value)
    return _NAMES.get(name) if isinstance(name, str) else None


# By the name of the capture and by that of its truth.
_NAMES = {name: path.name for path in ALL_FILES for name in (path.name, f"{path.stem}.json")}
