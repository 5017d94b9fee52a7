"""Commands, and processes that are ended when they are no longer needed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)


def until(holds: Callable[[], bool], what: str, log: Path | None = None, seconds: float = 20) -> None:
    """Waits for what another process does. Ends the program where that takes longer, with the end of the log."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            told = f"\n{log.read_text(errors='replace')[-4000:]}" if log else ""
            raise SystemExit(f"not within {seconds} s: {what}{told}")
        time.sleep(0.05)


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended with those that it started: asked first, and after ten seconds forced."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
