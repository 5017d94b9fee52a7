"""The name of a file that nobody named: that of the capture, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: Suffixes that say how a capture is packed.
_PACKED = (".gz", ".zst", ".xz", ".bz2", ".lz4")


def default(captures: Sequence[str], kind: str) -> str:
    """A file in the directory where the command runs, which is not there yet.

    >>> default(["captures/trace.pcap.gz"], "report.html"), default(["-"], "outcomes.svg")
    ('trace.report.html', 'sip.outcomes.svg')
    """
    path = Path(captures[0])
    name = path.name if len(captures) == 1 else ""
    for suffix in (*_PACKED, path.with_suffix("").suffix if path.suffix in _PACKED else path.suffix):
        name = name.removesuffix(suffix) if suffix else name
    stem = name if name and name.strip("*?-.") else "sip"
    made = f"{stem}.{kind}"
    number = 1
    while Path(made).exists():
        number += 1
        begin, _, end = kind.rpartition(".")
        made = f"{stem}.{begin}-{number}.{end}"
    return made
