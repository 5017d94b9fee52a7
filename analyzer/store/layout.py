"""What a store is on disk: folders of Parquet, partitioned by day and hour, and ``store.json``: what is valid.

A *part* is what one commit wrote of one hour: a file in each table's folder, with whole units
(:mod:`analyzer.store.units`). Parts have numbers; ``store.json`` lists those that are valid, and a file that it does
not list is none of the store's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from analyzer.errors import AnalyzerError
from analyzer.reading.written import replaced

NAME = "store.json"
FORMAT = "sip-analyzer store"
VERSION = 2

#: One step from each older version to the next: what was read from ``store.json``, as the next version writes it.
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    # Parts so far have no media.
    1: lambda told: told | {"version": 2, "media_from": told["next_part"], "media": False, "tls": []},
}

#: Tables of the store that are read as they are; the others are made of the core's when they are asked for.
DERIVED = ("calls", "transactions", "dialogs", "registrations", "streams")
#: Media as the core gives them, which ``streams`` and what rests on it are made of.
MEDIA = ("rtp_streams", "rtp_intervals", "rtp_events", "rtcp_reports", "msrp_sessions")
#: What is beside ``messages``, whose rows follow a message, a leg or a description; texts where they are kept.
BESIDE = ("descriptions", "evidence", "headers", "ims_headers", "parts", "via_tails", "links", "odd", "texts", *MEDIA)
#: Tables of the whole: a file each, written anew with each commit. ``inputs`` are the captures, as they were read.
WHOLE = ("files", "problems", "account", "inputs")
#: Broken transports, and TLS connections: a file for each commit that had some.
FAILURES, TLS = "failures", "tls_connections"
#: Where rows of units that are alive lie while a run goes on.
CHUNKS = "state/chunks"


@dataclass(frozen=True, slots=True)
class Part:
    """What one commit wrote of one hour. ``begin`` and ``last``: of its messages (ns since 1970, UTC); ``open``: its
    units may go on, so that the next run takes it back."""

    number: int
    hour: str
    messages: int
    begin: int
    last: int
    open: bool = False

    @property
    def folder(self) -> str:
        """``day=2026-11-21/hour=13``."""
        return f"day={self.hour[:10]}/hour={self.hour[11:13]}"

    @property
    def file(self) -> str:
        """Its name in each table's folder."""
        return f"{self.folder}/part-{self.number:08d}.parquet"


@dataclass
class Manifest:
    """``store.json``: the parts that are valid, and how the store is written."""

    parts: list[Part] = field(default_factory=list)
    #: Number of the last commit; the files of :data:`WHOLE` have it in their names.
    commit: int = 0
    next_part: int = 1
    #: Messages in all, and the time of the last packet (ns).
    messages: int = 0
    end: int | None = None
    #: The files of :data:`FAILURES`.
    failures: list[str] = field(default_factory=list)
    #: The files of :data:`TLS`.
    tls: list[str] = field(default_factory=list)
    #: Whether there are streams, and the first part that was written when stores took them in.
    media: bool = False
    media_from: int = 1
    #: What the next run goes on with: points, agents and time of the core (the rest is in the file of the same number),
    #: and counts of problems.
    state: dict[str, Any] = field(default_factory=dict)
    #: How it is written, the same from the first run on: ``keep_text``, ``masked``, ``max_idle_s`` ...
    options: dict[str, Any] = field(default_factory=dict)
    #: The names of header fields with rows in ``headers``.
    headers: list[str] = field(default_factory=list)
    version: int = VERSION

    def text(self) -> str:
        """As it is written."""
        rows = [[part.number, part.hour, part.messages, part.begin, part.last, part.open] for part in self.parts]
        told = {"format": FORMAT, "version": self.version, "commit": self.commit, "next_part": self.next_part}
        told |= {"messages": self.messages, "end": self.end, "options": self.options, "headers": self.headers}
        told |= {"failures": self.failures, "tls": self.tls, "media": self.media, "media_from": self.media_from}
        told |= {"state": self.state}
        return json.dumps(told | {"parts": rows}, indent=1) + "\n"

    def whole(self, table: str) -> str:
        """The file of a table of :data:`WHOLE`."""
        return f"{table}/{table}-{self.commit:08d}.parquet"

    @property
    def memory(self) -> str:
        """The file of what the core remembers."""
        return f"state/state-{self.commit:08d}.bin"


def gone(folder: Path, error: object) -> str:
    """What to do about a file of a store that cannot be read."""
    return f"{folder}: a file of the store is gone ({error}): copy it from a backup, or make the store anew"


def changed(folder: Path) -> str:
    """What to do where the files that were to be read are others by now."""
    return f"{folder}: another run wrote to this store while it was read: ask again"


def path_of(table: str, part: Part) -> str:
    """The file of a part in the store."""
    return f"core/{table}/{part.file}" if table in BESIDE else f"{table}/{part.file}"


def kept_path(path: str) -> str:
    """The path of a capture as a text of Parquet, which is UTF-8: one that is not is a URI (RFC 8089)."""
    return path if _is_unicode(path) else Path(path).as_uri()


def path_from(kept: str) -> str:
    """The path that :func:`kept_path` made it of."""
    return os.fsdecode(unquote_to_bytes(kept.removeprefix("file://"))) if kept.startswith("file://") else kept


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_store(path: object) -> bool:
    """Whether it is the folder of a store, by its own file."""
    return isinstance(path, (str, os.PathLike)) and os.path.isfile(os.path.join(os.fspath(path), NAME))


def manifest_of(folder: Path) -> Manifest:
    """What ``store.json`` says, of whichever version this program knows.

    Raises AnalyzerError: no store, half of one, one that another program wrote, or one of a newer version.
    """
    path = folder / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "is no store" if not folder.exists() else f"is no store: there is no {NAME} in it"
        raise AnalyzerError(f"{folder}: {what}; sip-analyzer batch CAPTURE... -o {folder} makes one") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise AnalyzerError(
            f"{path}: cannot be read ({error}): copy it from a backup, or make the store anew"
        ) from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise AnalyzerError(f"{path}: was not written by sip-analyzer")
    version = told.get("version")
    if not isinstance(version, int) or version < min(UPGRADES):
        raise AnalyzerError(f"{path}: has no version that there was: copy it from a backup, or make the store anew")
    if version > VERSION:
        raise AnalyzerError(
            f"{folder}: is a store of version {version}, and this sip-analyzer knows versions up to {VERSION}: install"
            " a newer one"
        )
    try:
        while told["version"] < VERSION:
            told = UPGRADES[told["version"]](told)
        names = [entry.name for entry in fields(Manifest) if entry.name != "parts"]
        return Manifest([Part(*row) for row in told["parts"]], **{name: told[name] for name in names})
    except (KeyError, TypeError) as error:
        raise AnalyzerError(f"{path}: lacks {error}: copy it from a backup, or make the store anew") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Puts ``store.json`` in its place at once."""
    with replaced(folder / NAME) as part, open(part, "w", encoding="utf-8") as file:
        file.write(manifest.text())
        file.flush()
        os.fsync(file.fileno())
