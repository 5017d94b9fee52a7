"""The native engine: the Rust core reads, this module waits for it and takes its tables over.

The only visitor of ``analyzer._core``. Reading runs on threads of the core with the GIL released; it is started before
Polars is imported, so that the import costs nothing on a machine with two processors.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from analyzer.errors import AnalyzerError, CaptureError

if TYPE_CHECKING:
    import polars as pl

#: What :func:`analyzer.read` takes: a path, a glob, a directory, ``-``, a binary file object, or a list of these.
Origin = str | os.PathLike[str] | IO[bytes]
#: Where a capture is written to: a path, or a binary file object.
Output = str | os.PathLike[str] | IO[bytes]
#: Called with (bytes read, bytes in all or 0 if unknown, messages) while reading takes longer than a moment.
Progress = Callable[[int, int, int], None]


def core() -> Any:
    """The compiled core, or what to do where it was not built."""
    try:
        from analyzer import _core
    except ImportError as error:
        raise AnalyzerError(
            "the compiled core analyzer._core is missing or does not load "
            f"({error}). In a source tree build it with `make install` or `pip install .` (needs Rust's cargo)."
        ) from error
    return _core


@dataclass
class Sources:
    """The captures of one reading, expanded to files: name as given, path on disk, capture point or None."""

    files: list[tuple[str, str, str | None]]
    #: Link types to be read as others: (of the file, read as), by name or number.
    link_types: list[tuple[str, str]] = field(default_factory=list)
    #: Copies of streams that can be read only once, and what an engine delivered; removed with the object.
    spooled: list[tempfile._TemporaryFileWrapper[bytes]] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Bytes of all files on disk."""
        return sum(os.path.getsize(path) for _, path, _ in self.files if os.path.exists(path))


def sources(
    origins: Origin | Iterable[Origin], capture_points: Iterable[str] = (), link_types: Iterable[str] = ()
) -> Sources:
    """Expands what the user named: globs, directories (every file in it, recursively), ``-``, file objects.

    ``capture_points`` are ``name=glob`` words; a file whose name or path matches belongs to that point. ``link_types``
    are words such as ``USER0=ETHERNET``.
    """
    single = isinstance(origins, (str, os.PathLike)) or hasattr(origins, "read")
    named: list[Origin] = [cast("Origin", origins)] if single else list(cast("Iterable[Origin]", origins))
    points = [_point(word) for word in capture_points]
    found = Sources([], [_link_type(word) for word in link_types])
    for origin in named:
        if not isinstance(origin, (str, os.PathLike)):
            name = str(getattr(origin, "name", "stream"))
            found.files.append((name, _spool(origin, found), _point_of(name, points)))
        elif os.fspath(origin) == "-":
            if sys.stdin is None:  # by whoever called: <&-
                raise CaptureError("-", 0, "standard input is closed")
            found.files.append(("-", _spool(sys.stdin.buffer, found), _point_of("-", points)))
        else:
            found.files.extend((path, path, _point_of(path, points)) for path in _expand(os.fspath(origin)))
    if not found.files:
        raise CaptureError("no capture", 0, "the list of captures is empty")
    seen: dict[str, tuple[str, str, str | None]] = {}
    for entry in found.files:
        seen.setdefault(os.path.abspath(entry[1]), entry)
    found.files = [(name, os.path.abspath(path), point) for name, path, point in seen.values()]
    return found


def _expand(text: str) -> list[str]:
    if os.path.isdir(text):
        files = sorted(_captures_under(text))
        if not files:
            raise CaptureError(text, 0, "is a directory without captures (pcap, pcapng, also compressed)")
        return files
    if os.path.exists(text) or not glob.has_magic(text):
        return [text]
    files = sorted(path for path in glob.glob(text, recursive=True) if os.path.isfile(path))
    if not files:
        raise CaptureError(text, 0, "no file matches this pattern")
    return files


def _captures_under(folder: str) -> Iterator[str]:
    """The captures in it and the folders in it; a folder that may not be listed is named too: opening it says why."""
    refused: list[str] = []
    for parent, _, names in os.walk(folder, onerror=lambda error: refused.append(error.filename)):
        paths = (Path(parent, name) for name in names)
        yield from (str(path) for path in paths if path.is_file() and _may_be_capture(path))
    yield from refused


#: First bytes of what the core can open: pcap, pcapng, gzip, zstd, lz4, xz, bzip2.
_MAGIC = tuple(
    bytes.fromhex(magic)
    for magic in (
        *("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1", "0a0d0d0a"),
        *("1f8b", "28b52ffd", "04224d18", "fd377a58", "425a68"),
    )
)


def _may_be_capture(path: Path) -> bool:
    """Whether a file found in a directory is one to read: by its name (damage is to be reported), or its magic."""
    if any(suffix in (".pcap", ".pcapng", ".cap") for suffix in path.suffixes):
        return True
    try:
        with path.open("rb") as file:
            return file.read(6).startswith(_MAGIC)
    except OSError:
        return False


def _spool(stream: IO[bytes], found: Sources) -> str:
    """A stream goes through a file: messages are read again when somebody asks for their text."""
    # It lives as long as the capture.
    copy = tempfile.NamedTemporaryFile(prefix="sip-analyzer-", suffix=".capture")  # noqa: SIM115
    shutil.copyfileobj(stream, copy, 1 << 20)
    copy.flush()
    found.spooled.append(copy)
    return copy.name


def _point(word: str) -> tuple[str, str]:
    name, equals, pattern = word.partition("=")
    if not (name and equals and pattern):
        raise AnalyzerError(f"capture point {word!r}: give it as NAME=GLOB, such as pcscf='p1-*.pcap'")
    return name, pattern


def _link_type(word: str) -> tuple[str, str]:
    given, _, read_as = (part.strip().upper() for part in word.partition("="))
    for name in (given, read_as):
        if core().link_type(name) is None:
            raise AnalyzerError(
                f"link type {word!r}: {name!r} is none; give it as USER0=ETHERNET, USER0=RAW or 147=101"
            )
    return given, read_as


def _point_of(path: str, points: list[tuple[str, str]]) -> str | None:
    names = (path, os.path.basename(path))
    return next((name for name, glob_ in points if any(fnmatch.fnmatch(text, glob_) for text in names)), None)


# token (RFC 3261 §25.1): what a header field's name is.
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


def header_names(names: Iterable[str]) -> list[str]:
    """Names of header fields, each once, in their long forms as registered; any other as given.

    Raises AnalyzerError for what cannot be one.
    """
    found: dict[str, str] = {}
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise AnalyzerError(f"header {name!r}: give the name of a header field, such as Warning or X-Vendor-Info")
        known = core().header_name(name) or name
        found.setdefault(known.lower(), known)
    return list(found.values())


# The core's own, where the user set no other.
_PROBLEMS_PER_CODE = 1000


class Reading:
    """A reading under way; :meth:`tables` waits for it."""

    def __init__(
        self,
        found: Sources,
        threads: int,
        limits: Mapping[str, int] | None,
        columns: list[str] | None = None,
        clocks: Sequence[tuple[int, int, int, int]] = (),
        headers: Sequence[str] = (),
    ) -> None:
        self._sources = found
        self._threads = threads
        self._limits = dict(limits) if limits else None
        #: The columns that are made, None for all.
        self.columns = columns
        #: What is taken off the times of capture points: number, offset (ns), drift (ns a second), since.
        self._clocks = list(clocks)
        #: The names of header fields that have rows in the table ``headers``, as :func:`header_names` gives them.
        self.headers = list(headers)
        self._scan = core().scan(
            found.files, threads, self._limits, columns, found.link_types, self._clocks, self.headers
        )

    @property
    def max_problems_per_code(self) -> int:
        """How many rows of one code the table ``problems`` has (docs/limits.md)."""
        return (self._limits or {}).get("max_problems_per_code", _PROBLEMS_PER_CODE)

    def again(self, clocks: Sequence[tuple[int, int, int, int]] | None = None) -> Reading:
        """The same captures with every column, and with the clocks of capture points set right where given."""
        known = self._clocks if clocks is None else clocks
        return Reading(self._sources, self._threads, self._limits, None, known, self.headers)

    def more_headers(self, names: list[str]) -> pl.DataFrame:
        """Reads the captures again for header fields of these names and of all read before, so that rows of a message
        stand in its order: message name ordinal value."""
        self.headers += names
        reading = Reading(self._sources, self._threads, self._limits, ["message"], self._clocks, self.headers)
        return reading.tables()["headers"]

    def tables(self, progress: Progress | None = None) -> dict[str, pl.DataFrame]:
        """The core's tables as Polars frames, zero copy: messages descriptions ims_headers evidence via_tails headers
        files problems account failures."""
        import polars as pl

        total = self._sources.bytes if progress else 0
        # A wait with a bound, so that Ctrl-C is heard.
        while not self._scan.wait(0.1):
            if progress:
                done, messages = self._scan.progress()
                progress(done, total, messages)
        tables = {name: pl.DataFrame(table) for name, table in self._scan.result().items()}
        spooled = {copy.name for copy in self._sources.spooled}
        if spooled:
            tables["files"] = tables["files"].with_columns(
                path=pl.when(~pl.col("path").is_in(list(spooled))).then("path")
            )
        return tables

    def companions(self) -> dict[str, pl.DataFrame]:
        """The messages of Diameter and DNS: tables ``diameter`` and ``dns``. Reads the captures again."""
        import polars as pl

        found = core().companion(self._sources.files, self._limits, self._sources.link_types, self._clocks)
        return {name: pl.DataFrame(table) for name, table in found.items()}

    def fetch(self, rows: list[tuple[str, int, int, int]]) -> list[bytes | None]:
        """The verbatim bytes of messages, by (file, frame, byte_offset, length) of their rows; reads the captures
        again."""
        found: list[bytes | None] = core().fetch(self._sources.files, rows, self._limits, self._sources.link_types)
        return found

    def export(
        self, rows: list[tuple[str, int, int, int]], media: list[tuple[str, int, int, int]], output: Output
    ) -> int:
        """Writes the packets of messages, by (file, frame, byte_offset, length) of their rows, as pcapng, and those of
        media by (address, port, since, until); reads the captures twice. Returns the number of packets."""
        if not isinstance(output, (str, os.PathLike)):
            with tempfile.NamedTemporaryFile(prefix="sip-analyzer-", suffix=".pcapng") as copy:
                written = self.export(rows, media, copy.name)
                shutil.copyfileobj(copy, output, 1 << 20)
            return written
        path = os.path.abspath(output)
        if os.path.exists(path) and any(os.path.samefile(path, source) for _, source, _ in self._sources.files):
            raise AnalyzerError(f"{os.fspath(output)}: is a capture that is being read; choose another name")
        packets: int = core().export(self._sources.files, rows, media, path, self._limits, self._sources.link_types)
        return packets
