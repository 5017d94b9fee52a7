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
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from analyzer.errors import AnalyzerError, CaptureChanged, CaptureError
from analyzer.reading import address_space
from analyzer.reading.written import replaced

if TYPE_CHECKING:
    import tempfile

    import polars as pl

    from analyzer.reading.esp_keys import EspKey

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
        if address_space.limit() is not None and "map" in str(error):  # failed to map segment from shared object
            raise AnalyzerError(address_space.advice()) from error
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
    #: Paths of key logs of TLS and of private keys (PEM).
    keys: list[str] = field(default_factory=list)
    #: Copies of streams that can be read only once, and what an engine delivered; removed with the object.
    spooled: list[tempfile._TemporaryFileWrapper[bytes]] = field(default_factory=list)
    #: Of files in which the engine found no SIP: the name, and what it says about it.
    found_nothing: list[tuple[str, str]] = field(default_factory=list)
    #: What was not SIP to the engine is in the files as packets of this protocol number.
    filler: int | None = None
    #: Keys of IPsec, which nothing shows.
    esp_keys: list[EspKey] = field(default_factory=list, repr=False)
    #: SRTP is opened with the keys that session descriptions announce.
    srtp_keys: bool = False
    #: Of each path, as it was when it was first read.
    _known: dict[str, Fingerprint | None] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes of all files on disk."""
        return sum(os.path.getsize(path) for _, path, _ in self.files if os.path.exists(path))

    def arguments(self) -> list[tuple[str, str, str | None, int | None]]:
        """As the core takes them: of a file no more than it had when it was first read, for it may still be growing."""
        for _, path, _ in self.files:
            if path not in self._known:
                self._known[path] = fingerprint(path)
        sizes = {path: known.size if known is not None else None for path, known in self._known.items()}
        return [(name, path, point, sizes[path]) for name, path, point in self.files]

    def check(self) -> None:
        """Raises CaptureChanged where a file is no longer what was read: cut, replaced, shifted, gone."""
        for name, path, _ in self.files:
            known = self._known.get(path)
            if known is not None and not known.is_still(path):
                raise CaptureChanged(name)


def sources(
    origins: Origin | Iterable[Origin],
    capture_points: Iterable[str] = (),
    link_types: Iterable[str] = (),
    keylog: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    esp_keys: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    srtp_keys: str | None = None,
) -> Sources:
    """Expands what the user named: globs, directories (every file in it, recursively), ``-``, file objects.

    ``capture_points`` are ``name=glob`` words; a file whose name or path matches belongs to that point. ``link_types``
    are words such as ``USER0=ETHERNET``. ``keylog``: one or more files with keys of TLS; ``esp_keys``: of IPsec.
    ``srtp_keys``: ``sdp`` for those of SRTP that session descriptions announce.
    """
    single = isinstance(origins, (str, os.PathLike)) or hasattr(origins, "read")
    named: list[Origin] = [cast("Origin", origins)] if single else list(cast("Iterable[Origin]", origins))
    points = [_point(word) for word in capture_points]
    found = Sources([], [_link_type(word) for word in link_types], _keys(keylog))
    if srtp_keys not in (None, "sdp"):
        raise AnalyzerError(f"{srtp_keys!r}: keys of SRTP are taken from session descriptions alone: sdp")
    found.srtp_keys = srtp_keys is not None
    if esp_keys:
        from analyzer.reading import esp_keys as keys

        found.esp_keys = keys.read([esp_keys] if isinstance(esp_keys, (str, os.PathLike)) else esp_keys)
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
    taken: set[str] = set()
    found.files = [(_shown(name, taken), os.path.abspath(path), point) for name, path, point in seen.values()]
    return found


def capture_point(name: str, words: Iterable[str]) -> str | None:
    """The capture point of a file of this name by words ``name=glob``."""
    return _point_of(name, [_point(word) for word in words])


# So much of a file is compared where it has grown: at its ends, and in so many places between them.
_SAMPLE = 1 << 12
_SAMPLES = 16


@dataclass(frozen=True)
class Fingerprint:
    """What a file was when it was read."""

    size: int
    times: tuple[int, ...]
    content: int

    def is_still(self, path: str) -> bool:
        """Whether it has the same bytes, and perhaps more behind them: a capture goes on while it is looked at."""
        now = _status(path)
        if now is None or now.st_size < self.size:
            return False
        if now.st_size == self.size and _times(now) == self.times:
            return True
        # Written to since. Nothing but what was added may differ; where nothing was added, something else was done.
        grown = now.st_size > self.size and now.st_ino == self.times[0]
        whole = self.size <= _SAMPLE * _SAMPLES
        return (grown or whole) and _content(path, self.size) == self.content


def fingerprint(path: str) -> Fingerprint | None:
    """None for what is no file or cannot be opened: reading it says why."""
    status = _status(path)
    if status is None:
        return None
    try:
        return Fingerprint(status.st_size, _times(status), _content(path, status.st_size))
    except OSError:
        return None


def _status(path: str) -> os.stat_result | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    # What has no size, as in /proc, is read to its end.
    return status if stat.S_ISREG(status.st_mode) and status.st_size else None


def _times(status: os.stat_result) -> tuple[int, ...]:
    """ctime, too: mtime is what a tool says it is."""
    return status.st_ino, status.st_dev, status.st_mtime_ns, status.st_ctime_ns


def _content(path: str, size: int) -> int:
    """A checksum of its first ``size`` bytes, of a large file in samples."""
    if size <= _SAMPLE * _SAMPLES:
        places = [(0, size)]
    else:
        places = [((size - _SAMPLE) * number // (_SAMPLES - 1), _SAMPLE) for number in range(_SAMPLES)]
    found = 0
    try:
        with open(path, "rb") as file:
            for place, length in places:
                file.seek(place)
                found = zlib.crc32(file.read(length), found)
    except OSError:
        return -1
    return found


def _shown(name: str, taken: set[str]) -> str:
    """A file's name as text: a byte that is no UTF-8 as its code, and a number where another has this name."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    shown, number = text, 2
    while shown in taken:
        shown, number = f"{text} ({number})", number + 1
    taken.add(shown)
    return shown


def _expand(text: str) -> list[str]:
    if os.path.isdir(text):
        files = sorted(_captures_under(text))
        if not files:
            raise CaptureError(text, 0, "is a directory without captures (pcap, pcapng, also compressed)")
        return files
    if os.path.exists(text):
        return [text]
    if "://" in text:
        how = "copy the file here, or have sip-analyzer batch --workers 1 -o STORE read it into a store"
        raise CaptureError(text, 0, f"is an address, and no file: {how}")
    if not glob.has_magic(text):
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


def may_be_capture(path: str) -> bool:
    """Whether the native reader opens it, by its magic."""
    try:
        with open(path, "rb") as file:
            return file.read(6).startswith(_MAGIC)
    except OSError:
        return False


def _may_be_capture(path: Path) -> bool:
    """Whether a file found in a directory is one to read: by its name (damage is to be reported), or its magic."""
    if any(suffix in (".pcap", ".pcapng", ".cap") for suffix in path.suffixes):
        return True
    return may_be_capture(str(path))


def _spool(stream: IO[bytes], found: Sources) -> str:
    """A stream goes through a file: messages are read again when somebody asks for their text."""
    import tempfile

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


def _keys(given: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    paths = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    found = [os.path.abspath(path) for path in paths]
    for path, name in zip(found, paths, strict=True):
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            raise AnalyzerError(
                f"key log {os.fspath(name)}: {'cannot be read' if os.path.exists(path) else 'there is no such file'}; "
                "give the file that SSLKEYLOGFILE named at one of the two ends, or the server's RSA key (PEM)"
            )
    return found


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
PROBLEMS_PER_CODE = 1000

#: The process whose threads Polars computes with, once something was read.
_threads_of: list[int] = []


def check_threads() -> None:
    """Raises AnalyzerError in a fork of a process that has read: threads are not forked, and it would wait for them."""
    if not _threads_of:
        _threads_of.append(os.getpid())
    if _threads_of[0] != os.getpid():
        raise AnalyzerError(
            "this process was forked from one that had read a capture, and has none of its threads: start processes "
            "anew, as with multiprocessing.get_context('spawn')"
        )


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
        check_threads()
        address_space.prepare()
        found.check()
        self._scan = core().scan(
            found.arguments(),
            threads or address_space.threads(),
            self._limits,
            columns,
            found.link_types,
            self._clocks,
            self.headers,
            found.keys,
            found.esp_keys,
            found.srtp_keys,
        )

    @property
    def max_problems_per_code(self) -> int:
        """How many rows of one code the table ``problems`` has (docs/limits.md)."""
        return (self._limits or {}).get("max_problems_per_code", PROBLEMS_PER_CODE)

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
        files problems account failures tls_connections, and of media rtp_streams rtp_intervals rtp_events
        rtcp_reports."""
        import polars as pl

        total = self._sources.bytes if progress else 0
        # A wait with a bound, so that Ctrl-C is heard.
        while not self._scan.wait(0.1):
            if progress:
                done, messages = self._scan.progress()
                progress(done, total, messages)
        tables = {name: pl.DataFrame(table) for name, table in self._scan.result().items()}
        self._sources.check()
        if self._sources.found_nothing:
            tables["problems"] = _with_engine(tables["problems"], self._sources.found_nothing)
        if self._sources.filler is not None:
            reason = pl.col("reason").replace(f"protocol_{self._sources.filler}", NOT_BY_ENGINE)
            tables["account"] = tables["account"].with_columns(reason)
        spooled = {copy.name for copy in self._sources.spooled}
        if spooled:
            tables["files"] = tables["files"].with_columns(
                path=pl.when(~pl.col("path").is_in(list(spooled))).then("path")
            )
        return tables

    def companions(self) -> dict[str, pl.DataFrame]:
        """The messages of Diameter and DNS: tables ``diameter`` and ``dns``. Reads the captures again."""
        import polars as pl

        self._sources.check()
        given = (self._sources.arguments(), self._limits, self._sources.link_types, self._clocks)
        found = core().companion(*given, esp_keys=self._sources.esp_keys)
        self._sources.check()
        return {name: pl.DataFrame(table) for name, table in found.items()}

    def fetch(self, rows: list[tuple[str, int, int, int]]) -> list[bytes | None]:
        """The verbatim bytes of messages, by (file, frame, byte_offset, length) of their rows; reads the captures
        again."""
        self._sources.check()
        files, limits, link_types = self._sources.arguments(), self._limits, self._sources.link_types
        found: list[bytes | None] = core().fetch(
            files, rows, limits, link_types, self._sources.keys, self._sources.esp_keys
        )
        self._sources.check()
        return found

    def payloads(
        self, streams: list[tuple[str, int, str, int, int, bool]]
    ) -> list[list[tuple[int, int, int, int, bytes]]]:
        """The packets of streams of RTP, by (source, its port, receiver, its port, SSRC, whether over TCP): of each a
        list of (time, number, timestamp, payload type, payload); reads the captures again."""
        self._sources.check()
        files, limits, link_types = self._sources.arguments(), self._limits, self._sources.link_types
        found: list[list[tuple[int, int, int, int, bytes]]] = core().payloads(
            files, streams, limits, link_types, self._sources.keys, self._sources.esp_keys, self._sources.srtp_keys
        )
        self._sources.check()
        return found

    def export(
        self,
        rows: list[tuple[str, int, int, int]],
        flows: list[tuple[str, str, int, str, int]],
        media: list[tuple[str, int, int, int]],
        output: Output,
    ) -> int:
        """Writes as pcapng the packets of messages, by (file, frame, byte_offset, length) of their rows, the beginnings
        and ends of their TCP connections, by (transport, source, its port, receiver, its port), and the packets of
        media, by (address, port, since, until); reads the captures twice. Returns the number of packets."""
        self._sources.check()
        files, limits, link_types = self._sources.arguments(), self._limits, self._sources.link_types
        keys, esp_keys = self._sources.keys, self._sources.esp_keys
        packets = written_to(
            output,
            [source for _, source, _ in self._sources.files],
            lambda path: core().export(files, rows, flows, media, path, limits, link_types, keys, esp_keys),
        )
        self._sources.check()
        return packets

    def media_heads(self, flows: list[tuple[str, int, int, int]], points: list[str]) -> Any:
        """The headers of media packets of these capture points, by (address, port, since, until); reads the captures
        again."""
        self._sources.check()
        files, limits, link_types = self._sources.arguments(), self._limits, self._sources.link_types
        heads = core().media_heads(files, flows, points, limits, link_types, self._sources.esp_keys)
        self._sources.check()
        return heads


def written_to(output: Output, read: Iterable[str], write: Callable[[str], int]) -> int:
    """Has the core write a file to ``output``, which may be none of those that are being read; returns what it returns.

    Raises AnalyzerError where it is one of these, OSError where it cannot be written.
    """
    if not isinstance(output, (str, os.PathLike)):
        import tempfile

        with tempfile.NamedTemporaryFile(prefix="sip-analyzer-", suffix=".pcapng") as copy:
            written = _numbered(write, copy.name)
            shutil.copyfileobj(copy, output, 1 << 20)
        return written
    path = os.path.abspath(output)
    if os.path.exists(path) and any(os.path.exists(source) and os.path.samefile(path, source) for source in read):
        raise AnalyzerError(f"{os.fspath(output)}: is a capture that is being read; choose another name")
    with replaced(output) as part:
        return _numbered(write, part)


def _numbered(write: Callable[[str], int], path: str) -> int:
    """Writes; an error of the system gets its number back, which the core tells in words alone."""
    try:
        return write(path)
    except OSError as error:
        number = re.search(r"\(os error ([0-9]+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), path) from error


#: The reason in ``account`` of packets in which the engine that was chosen saw no SIP.
NOT_BY_ENGINE = "not_sip_to_engine"


def _with_engine(problems: pl.DataFrame, found_nothing: list[tuple[str, str]]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {"code": "engine_found_nothing", "layer": "container", "file": name, "detail": detail}
        for name, detail in found_nothing
    ]
    return pl.concat([problems, pl.DataFrame(rows, schema=problems.schema)])
