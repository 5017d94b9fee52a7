"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name to write to, of a file beside ``path`` that takes its place at the end.

    Two processes that write the same file leave what one of them wrote, and one that fails leaves what was there. A
    device or pipe is written to as it is, and so is a file in a directory that takes no other.

    Raises OSError that names ``path``, whatever was written to.
    """
    given = os.fspath(path)
    target = os.path.realpath(given)
    beside = os.path.join(os.path.dirname(target), f".{os.urandom(6).hex()}.part")
    try:
        mode = _mode(target)
        made = mode is not None and _make(beside, mode)
        try:
            yield beside if made else given
            if made:
                os.replace(beside, target)
        except BaseException:
            if made:
                with contextlib.suppress(OSError):
                    os.unlink(beside)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename in (None, beside, given) and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), given) from error
        raise


def _mode(target: str) -> int | None:
    """The permissions that the file is to have; None where it is written in place."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return 0o666
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        return None
    # Who may not write to it may not replace it either.
    return stat.S_IMODE(status.st_mode) if os.access(target, os.W_OK) else None


def _make(beside: str, mode: int) -> bool:
    try:
        made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o666)
    except PermissionError:
        return False
    os.close(made)
    return True
