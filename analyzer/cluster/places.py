"""Files by path or address (``s3://bucket/key``): local ones as they are, others through fsspec."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError, CaptureError
from analyzer.store.whole import ENDS, Content

if TYPE_CHECKING:
    import polars as pl


def is_remote(place: str) -> bool:
    """Whether it is an address, and no path."""
    return "://" in place


def _opened(place: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises AnalyzerError where nothing can reach it."""
    try:
        fsspec: Any = importlib.import_module("fsspec")
    except ImportError:
        raise AnalyzerError(f"{place}: {_MISSING}") from None
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError, TypeError) as error:
        raise AnalyzerError(f"{place}: {error}") from None
    except Exception as error:  # of the library that the file system is made with: no connection, no such user
        raise AnalyzerError(f"{place}: cannot be reached: {_reason(error)}") from error
    return found


_MISSING = "needs fsspec: pip install 'sip-analyzer[cluster]'"


def captures(place: str) -> list[str]:
    """The files that an address names: itself, those that match it, or all below it."""
    system, path = _opened(place)
    try:
        if any(mark in path for mark in "*?["):
            found = [name for name in system.glob(path) if not system.isdir(name)]
        else:
            found = sorted(system.find(path)) if system.isdir(path) else [path]
    except Exception as error:
        raise CaptureError(place, 0, f"cannot be listed: {_reason(error)}") from error
    if not found:
        raise CaptureError(place, 0, "there is no file")
    # Some paths lack the host of their address.
    host = place.removesuffix(path) if place.endswith(path) else None
    return [str(system.unstrip_protocol(name)) if host is None else f"{host}{name}" for name in sorted(found)]


def content(place: str, size: int | None = None) -> Content:
    """What a file holds, or its first ``size`` bytes. Raises OSError."""
    if not is_remote(place):
        return Content.of(place, size)
    system, path = _opened(place)
    try:
        size = int(system.info(path)["size"]) if size is None else size
        head = system.cat_file(path, start=0, end=min(size, ENDS))
        tail = system.cat_file(path, start=max(0, size - ENDS), end=size)
    except FileNotFoundError as error:
        raise FileNotFoundError("there is no such file") from error
    except OSError:
        raise
    except Exception as error:  # of the library that the file system is made with
        raise OSError(_reason(error)) from error
    return Content(size, *(hashlib.blake2b(part, digest_size=16).hexdigest() for part in (head, tail)))


@contextmanager
def local(place: str, folder: str | None = None) -> Iterator[str]:
    """A path at which a file can be read: its own, or that of a copy that is removed."""
    if not is_remote(place):
        yield place
        return
    system, path = _opened(place)
    with tempfile.TemporaryDirectory(prefix="sip-analyzer-", dir=folder) as into:
        copy = os.path.join(into, "capture")
        try:
            system.get_file(path, copy)
        except Exception:
            # One that cannot be had is a row in `problems`, and the others are read; half of one is none.
            with suppress(FileNotFoundError):
                os.unlink(copy)
        yield copy


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


class Folder:
    """A folder by path or address. What is written is there whole or not at all."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self._system: Any
        self._system, self._path = _opened(place) if is_remote(place) else (None, self.place)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        if self._system is None:
            return os.path.exists(f"{self._path}/{name}")
        return bool(self._system.exists(f"{self._path}/{name}"))

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        if self._system is None:
            return Path(self._path, name).read_bytes()
        found: bytes = self._system.cat_file(f"{self._path}/{name}")
        return found

    def write(self, name: str, data: bytes) -> None:
        """Puts a file in its place."""
        if self._system is not None:
            self._system.makedirs(os.path.dirname(f"{self._path}/{name}"), exist_ok=True)
            self._system.pipe_file(f"{self._path}/{name}", data)
            return
        path = Path(self._path, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Two workers may write the same at once.
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
                part.write(data)
            os.replace(part.name, path)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} in the exchange {self.place}") from error

    def fetch(self, name: str, path: Path) -> None:
        """Puts a file at a local path, too: without a copy where both are of one file system."""
        if self._system is None:
            try:
                os.link(f"{self._path}/{name}", path)
            except OSError:
                shutil.copyfile(f"{self._path}/{name}", path)
        else:
            self._system.get_file(f"{self._path}/{name}", str(path))

    def remove(self) -> None:
        """Removes it with all that is in it."""
        if self._system is None:
            shutil.rmtree(self._path, ignore_errors=True)
        elif self._system.exists(self._path):
            self._system.rm(self._path, recursive=True)

    def write_table(self, name: str, rows: pl.DataFrame) -> int:
        """Writes a table (Arrow IPC, zstd); how many bytes it took."""
        import io

        buffer = io.BytesIO()
        rows.write_ipc(buffer, compression="zstd", compat_level=_newest())
        self.write(name, data := buffer.getvalue())
        return len(data)

    def table(self, name: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Reads one, or those of some columns."""
        import io

        import polars as pl

        if self._system is None:
            return pl.read_ipc(f"{self._path}/{name}", columns=columns)
        return pl.read_ipc(io.BytesIO(self.read(name)), columns=columns)


def _newest() -> Any:
    import polars as pl

    return pl.CompatLevel.newest()
