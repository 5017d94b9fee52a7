"""The disk that a store is written to: what it refuses is told in a sentence."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from analyzer.errors import AnalyzerError


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """A full disk is told in a sentence; what was valid before is valid still."""
    from polars.exceptions import PolarsError

    try:
        yield
    # Polars has errors of its own for what the system says.
    except (OSError, PolarsError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        what = "the disk is full" if full else f"it cannot be written ({error})"
        raise AnalyzerError(
            f"{folder}: {what}; the store is as it was after the last commit. {'Make room' if full else 'Mend that'}"
            " and run the same command again: it goes on from there"
        ) from error
