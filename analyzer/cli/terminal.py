"""The terminal: its width, colours and characters, and the line that shows progress."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from typing import Any

import click


def note(text: str) -> None:
    """One line to the user, on stderr."""
    from analyzer.show.text import safe

    sys.stdout.flush()
    click.echo(f"sip-analyzer: {safe(text)}", err=True)


# Our own signs, for terminals whose encoding lacks them; as wide as those, so that columns stay.
_PLAINER = str.maketrans("…→←─│┄█▏“”’×", '~><-|.#:""\'x')


def plainer(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written for characters that the encoding of a terminal lacks: the like of them, else their codes.

    A handler for :func:`codecs.register_error`.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_PLAINER)
    return lacking.encode(error.encoding, "backslashreplace"), error.end


def runs_on() -> None:
    """For a command that answers until it is told to end: cycles of objects are looked for again (``__main__`` does
    without), but not among what was read."""
    gc.freeze()
    gc.enable()


class Progress:
    """One line on the terminal that says how far reading has come, from the first second on."""

    AFTER_S = 1.0
    EVERY_S = 0.1

    def __init__(self) -> None:
        self._next = time.monotonic() + self.AFTER_S
        self._shown = False

    def __call__(self, bytes_done: int, bytes_total: int | None, messages: int) -> None:
        """Called by the reader as often as it likes."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self.EVERY_S
        self._shown = True
        share = (
            f"{min(100, bytes_done * 100 // bytes_total)} % of {bytes_total / 1e6:,.0f}"
            if bytes_total
            else f"{bytes_done / 1e6:,.0f}"
        )
        print(f"\r\x1b[Kreading: {share} MB, {messages:,} messages", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def coloured(stream: Any) -> bool:
    """Whether to colour: only on a terminal, and not against https://no-color.org."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns of the terminal; 100 where the output goes elsewhere."""
    return shutil.get_terminal_size((100, 50)).columns if sys.stdout.isatty() else 100


def draws_lines(encoding: str | None) -> bool:
    try:
        "│─…".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
