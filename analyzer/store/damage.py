"""Which files of a store can be read: what is left out of an answer, and why."""

from __future__ import annotations

import os
from pathlib import Path

from analyzer.errors import AnalyzerError
from analyzer.store.layout import DERIVED, Manifest, Part, changed, manifest_of, path_of

#: A file of Parquet begins and ends with it; what is cut does not.
_MAGIC = b"PAR1"


def unreadable() -> tuple[type[BaseException], ...]:
    """What reading a damaged file raises: Polars stops at some of them with a panic, which is no error of its own."""
    from polars import exceptions

    return (OSError, exceptions.PolarsError, exceptions.PanicException)


class Damage:
    """The files that cannot be read, found when they are asked for. A part of which a public table cannot be read is
    left out of all, so that tables agree with each other."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self._known: dict[str, str] = {}
        self._left_out: dict[int, Part] = {}

    def is_sound(self, part: Part) -> bool:
        """Whether its messages, and the tables made of them, can be read."""
        streams = part.number >= self._manifest.media_from
        names = ("messages", *(name for name in DERIVED if streams or name != "streams"))
        if all(self.is_readable(path_of(name, part)) for name in names):
            return True
        self._left_out[part.number] = part
        return False

    def is_readable(self, file: str) -> bool:
        """Whether that file of the store is there and whole.

        Raises AnalyzerError where it is not there because another run wrote to the store.
        """
        if file not in self._known:
            self._known[file] = self._reason(file)
        return not self._known[file]

    def leave_out(self, part: Part, file: str) -> None:
        """A file of the part turned out to be damaged, though its end is there. Raises as :meth:`is_readable`."""
        self._known[file] = self._reason(file) or "is damaged"
        self._left_out[part.number] = part

    def has(self, part: Part) -> bool:
        """Whether this part is left out."""
        return part.number in self._left_out

    def _reason(self, file: str) -> str:
        try:
            opened = os.open(self._folder / file, os.O_RDONLY)
        except FileNotFoundError:
            if manifest_of(self._folder).commit != self._manifest.commit:
                raise AnalyzerError(changed(self._folder)) from None
            return "is gone"
        except OSError as error:
            return f"cannot be opened ({error.strerror})"
        try:
            size = os.fstat(opened).st_size
            whole = size >= 3 * len(_MAGIC) and os.pread(opened, len(_MAGIC), size - len(_MAGIC)) == _MAGIC
            return "" if whole else "is cut"
        finally:
            os.close(opened)

    def __bool__(self) -> bool:
        return any(self._known.values())

    def __str__(self) -> str:
        """What is left out, in a sentence; nothing where nothing is."""
        wrong = [(file, reason) for file, reason in self._known.items() if reason]
        if not wrong:
            return ""
        file, reason = wrong[0]
        more = f" and {len(wrong) - 1} more files of the store" if len(wrong) > 1 else ""
        told = f"{file} {reason}{more}: copy the store from a backup, or make it anew"
        messages = sum(part.messages for part in self._left_out.values())
        parts = "1 part" if len(self._left_out) == 1 else f"{len(self._left_out)} parts"
        return f"{parts} with {messages:,} messages left out, for {told}" if self._left_out else told
