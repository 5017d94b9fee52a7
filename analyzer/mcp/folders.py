"""Which captures may be opened: files below the folders that were named, whatever path is asked and wherever links
lead."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analyzer.errors import AnalyzerError
from analyzer.reading.native import may_be_capture

_SUFFIXES = (".pcap", ".pcapng", ".cap")
#: The identity of a file: device, inode, size, time of change.
Identity = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture that may be opened: its path, its name below the folder, and what it is at the moment."""

    path: Path
    name: str
    identity: tuple[Identity, ...]


class Folders:
    """The folders; each must be there.

    Raises :class:`~analyzer.errors.AnalyzerError` for one that is not.
    """

    def __init__(self, named: Iterable[str]) -> None:
        self._roots = [Path(os.path.realpath(name)) for name in named]
        for root in self._roots:
            if not root.is_dir():
                raise AnalyzerError(f"{root}: is no folder; name folders with captures")

    def captures(self) -> Iterator[tuple[str, int]]:
        """Names and sizes of the captures, in order."""
        for root in self._roots:
            for parent, folders, names in os.walk(root):
                folders.sort()
                for name in sorted(names):
                    path = Path(parent, name)
                    suffixed = any(suffix in _SUFFIXES for suffix in path.suffixes)
                    if self._is_file_inside(path) and (suffixed or may_be_capture(str(path))):
                        yield str(path.relative_to(root)), path.stat().st_size

    def find(self, name: str) -> Capture:
        """The capture, or the folder of captures, of that name.

        Raises :class:`~analyzer.errors.AnalyzerError` for everything that is not below the folders, and for what is
        not there, in the same words: what there is elsewhere is nobody's business.
        """
        unknown = AnalyzerError(f"no capture {name[:200]!r} below the folders of this server: captures() lists them")
        if "\0" in name or not name:
            raise unknown
        for root in self._roots:
            try:
                path = Path(os.path.realpath(root / name))
            except OSError:
                continue
            if not path.is_relative_to(root) or not os.access(path, os.R_OK):
                continue
            if path.is_file():
                return Capture(path, str(path.relative_to(root)), (self._identity(path),))
            if path.is_dir():
                return self._folder(path, root)
        raise unknown

    def _folder(self, path: Path, root: Path) -> Capture:
        """All of a folder as one capture; none of it may lead outside."""
        found = []
        for parent, _, names in os.walk(path):
            for name in sorted(names):
                file = Path(parent, name)
                if not self._is_file_inside(file):
                    raise AnalyzerError(
                        f"{file.relative_to(root)} is a link that leads outside, or no file: name the files one by one"
                    )
                found.append(self._identity(file))
        return Capture(path, str(path.relative_to(root)), tuple(sorted(found)))

    def hidden(self, sentence: str) -> str:
        """A sentence without the paths of the folders."""
        for root in sorted(map(str, self._roots), key=len, reverse=True):
            if root != os.sep:
                sentence = re.sub(rf"(?<![\w./-]){re.escape(root)}/", "", sentence)
        return sentence

    def _is_file_inside(self, path: Path) -> bool:
        """A file and no pipe or device; links are followed."""
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(root) for root in self._roots) and real.is_file()

    @staticmethod
    def _identity(path: Path) -> Identity:
        found = path.stat()
        assert stat.S_ISREG(found.st_mode)
        return (str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
