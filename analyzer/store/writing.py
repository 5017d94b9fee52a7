"""Commits: parts and tables of the whole are written beside the valid ones, and become valid together.

A file is written under its name with ``.new`` behind it. ``commit.json`` then says which of them take their places,
which files go, and what ``store.json`` is to say. It is carried out by renaming, and may be carried out twice: a run
that was killed leaves either no ``commit.json``, and what lies about is removed, or one, which the next carries out.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError
from analyzer.reading.written import replaced
from analyzer.store.core_tables import none_of
from analyzer.store.disk import full_disk_told
from analyzer.store.layout import (
    BESIDE,
    CHUNKS,
    DERIVED,
    FAILURES,
    MEDIA,
    NAME,
    TLS,
    WHOLE,
    Manifest,
    Part,
    gone,
    path_of,
)

if TYPE_CHECKING:
    import polars as pl

    from analyzer.store.settling import Settled

JOURNAL = "commit.json"
NEW = ".new"
#: What queries filter by and sort by is found by row groups of so many rows.
ROWS = 50_000


#: Puts a file at a path.
Fetch = Callable[[Path], None]


class Commit:
    """What is to become valid together."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._written: list[str] = []
        self._removed: list[str] = []
        self.parts = list(manifest.parts)
        self._next = manifest.next_part
        self._failures, self._tls = list(manifest.failures), list(manifest.tls)
        self._media = manifest.media
        self.held: list[str] = []
        #: It says how the files of this commit are called.
        self._new = Manifest(commit=manifest.commit + 1)

    def add(self, settled: Settled) -> Part:
        """Writes the tables of units that began in one hour as a part."""
        messages = settled.tables["messages"]
        begin, last = settled.span
        part = Part(self._next, settled.hour, messages.height, begin, last, settled.open)
        self._media = self._media or settled.tables["streams"].height > 0
        self._next += 1
        for name, rows in settled.tables.items():
            # One without rows tells readers of the whole folder its columns.
            self._write(rows, path_of(name, part))
        self.parts.append(part)
        return part

    def adopt(
        self, hour: str, rows: int, begin: int, last: int, *, open_: bool, media: bool, fetch: Mapping[str, Fetch]
    ) -> Part:
        """Takes in a part whose tables somebody else has written: by name, what puts the file at a path. ``media``: it
        has streams."""
        part = Part(self._next, hour, rows, begin, last, open_)
        self._next += 1
        self._media = self._media or media
        for name, put in fetch.items():
            path = self._folder / path_of(name, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            with full_disk_told(self._folder):
                put(Path(f"{path}{NEW}"))
            self._written.append(path_of(name, part))
        self.parts.append(part)
        return part

    def tables(self, part: Part) -> dict[str, pl.DataFrame]:
        """The tables of a part, valid or about to be."""
        import polars as pl

        found = {}
        for name in ("messages", *DERIVED, *BESIDE):
            path = path_of(name, part)
            file = self._folder / (f"{path}{NEW}" if path in self._written else path)
            if part.number < self._manifest.media_from and (name in MEDIA or name == "streams"):
                found[name] = none_of(name)
            elif name != "texts" or file.exists():
                try:
                    found[name] = pl.read_parquet(file)
                except (OSError, pl.exceptions.PolarsError) as error:
                    raise AnalyzerError(gone(self._folder, error)) from error
        return found

    def remove(self, part: Part) -> None:
        """Takes a part out: its units were taken back."""
        self.parts.remove(part)
        for name in ("messages", *DERIVED, *BESIDE):
            if (path := path_of(name, part)) in self._written:
                self._written.remove(path)
                (self._folder / f"{path}{NEW}").unlink()
            else:
                self._removed.append(path)

    def put(self, name: str, rows: pl.DataFrame) -> None:
        """Writes a table of the whole."""
        self._write(rows, self._new.whole(name))

    def put_failures(self, rows: pl.DataFrame) -> None:
        """Writes broken transports."""
        if rows.height:
            self._failures.append(self._new.whole(FAILURES))
            self._write(rows, self._failures[-1])

    def put_tls(self, rows: pl.DataFrame) -> None:
        """Writes TLS connections."""
        if rows.height:
            self._tls.append(self._new.whole(TLS))
            self._write(rows, self._tls[-1])

    def put_tls_anew(self, rows: pl.DataFrame) -> None:
        """Writes all TLS connections in the place of those that are there."""
        self._removed += self._tls
        self._tls = []
        self.put_tls(rows)

    def put_held(self, tables: dict[str, pl.DataFrame], chunks: list[str]) -> None:
        """Writes what is known of units that are alive, for a run that goes on from here, beside the files that their
        rows are in; readers do not see them."""
        self.held += [f"{CHUNKS}/{name}" for name in chunks]
        for name, rows in tables.items():
            self.held.append(f"state/{name}-{self._new.commit:08d}.parquet")
            self._write(rows, self.held[-1])

    def put_memory(self, memory: bytes) -> None:
        """Writes what the core remembers."""
        path = self._folder / f"{self._new.memory}{NEW}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with full_disk_told(self._folder):
            path.write_bytes(memory)
        self._written.append(self._new.memory)

    def _write(self, rows: pl.DataFrame, name: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with full_disk_told(self._folder):
            rows.write_parquet(f"{path}{NEW}", compression="zstd", statistics=True, row_group_size=ROWS)
        self._written.append(name)

    def done(self, *, messages: int, end: int | None, state: dict[str, Any]) -> Manifest:
        """Makes it valid."""
        old = self._manifest
        new = replace(
            old, parts=self.parts, commit=self._new.commit, next_part=self._next, messages=messages, end=end,
            failures=self._failures, tls=self._tls, media=self._media, state={**state, "held": self.held},
        )  # fmt: skip
        if old.commit:
            self._removed += [*(old.whole(name) for name in WHOLE), old.memory]
            self._removed += sorted({*old.state.get("held", [])} - {*self.held})
        told = {"written": self._written, "removed": self._removed, "store": json.loads(new.text())}
        with (
            full_disk_told(self._folder),
            replaced(self._folder / JOURNAL) as part,
            open(part, "w", encoding="utf-8") as file,
        ):
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        _carry_out(self._folder, told)
        return new


def recover(folder: Path) -> None:
    """Carries out a commit that was begun, and removes what one that was not left."""
    journal = folder / JOURNAL
    if journal.exists():
        _carry_out(folder, json.loads(journal.read_text(encoding="utf-8")))
    for left in folder.rglob(f"*{NEW}"):
        left.unlink()


def _carry_out(folder: Path, told: dict[str, Any]) -> None:
    """What the journal says."""
    for name in told["written"]:
        if (new := Path(f"{folder / name}{NEW}")).exists():
            os.replace(new, folder / name)
    with replaced(folder / NAME) as part:
        Path(part).write_text(json.dumps(told["store"], indent=1) + "\n", encoding="utf-8")
    _remove(folder, told["removed"])
    (folder / JOURNAL).unlink()


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
        for parent in list((folder / name).parents)[:2]:
            if parent == folder:
                break
            with contextlib.suppress(OSError):  # not empty
                parent.rmdir()
