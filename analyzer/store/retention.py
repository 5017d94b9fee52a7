"""How long a store keeps what it has."""

from __future__ import annotations

import re
import time
from pathlib import Path

from analyzer.columns.times import SECOND
from analyzer.errors import AnalyzerError
from analyzer.store.kept import Kept
from analyzer.store.layout import WHOLE, manifest_of
from analyzer.store.writing import Commit

_UNITS = {"h": 3_600, "d": 86_400, "w": 604_800}


def seconds(text: str) -> int:
    """A length of time such as ``30d``, ``48h``, ``8w``. Raises AnalyzerError."""
    found = re.fullmatch(r"([1-9][0-9]*)([hdw])", text.strip())
    if found is None:
        raise AnalyzerError(f"length of time {text!r}: wanted is a number with h, d or w behind it: 48h, 30d, 8w")
    return int(found[1]) * _UNITS[found[2]]


def forget(folder: Path, keep_s: int) -> int:
    """Removes the hours that ended so long before the store's last packet; returns how many messages went.

    A packet from the future came by a wrong clock: then the time is now. The list of captures that were read stays, so
    that they are not read again.
    """
    import polars as pl

    manifest = manifest_of(folder)
    limit = min(manifest.end or 0, time.time_ns()) - keep_s * SECOND
    # A part has the units that began in an hour: it goes when the last of their messages is too old.
    old = [part for part in manifest.parts if part.last < limit]
    if not old:
        return 0
    commit, kept = Commit(folder, manifest), Kept(folder, manifest)
    for part in old:
        commit.remove(part)
    for name in WHOLE:
        commit.put(name, kept.whole(name))
    commit.put_tls_anew(kept.tls().filter(pl.col("last_at").cast(pl.Int64) >= limit))
    commit.put_memory((folder / manifest.memory).read_bytes())
    commit.done(messages=manifest.messages, end=manifest.end, state=manifest.state)
    return sum(part.messages for part in old)
