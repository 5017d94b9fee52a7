"""One run at a time writes to a store."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from analyzer.errors import AnalyzerError

NAME = "store.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[str | None]:
    """Holds the store; gives what is known of a run that held it and did not end, or None.

    The system takes the lock from a process that dies. Raises AnalyzerError while another holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise AnalyzerError(
                f"{folder}: another run writes to this store ({file.read().strip() or 'unknown'}): wait until it has"
                " ended, or stop it; what it has written up to then stays"
            ) from None
        file.seek(0)
        left = file.read().strip() or None
        file.seek(0)
        file.truncate()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
        file.flush()
        try:
            yield left
        finally:
            file.seek(0)
            file.truncate()
