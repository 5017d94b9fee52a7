"""A command in a process of its own where memory is limited: someone must be left to say that it was too little.

Rust ends the whole process when memory cannot be had (``handle_alloc_error``), and Python has no say in it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from analyzer.errors import AnalyzerError
from analyzer.reading import address_space

EXIT_FAILED = 2

#: How a process ends that could not have the memory it asked for, in whichever library.
_ENDED = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP}
# What Rust's runtime, jemalloc and OpenBLAS say of it; OpenBLAS ends with status 1.
_NOISE = re.compile(
    rb"memory allocation of |thread '|note: .*RUST_BACKTRACE|skipping backtrace|stack backtrace|fatal runtime"
    rb"|called `Result::unwrap\(\)` on an `Err` value|failed to spawn thread|OpenBLAS|<jemalloc>|$"
)
_PANIC = re.compile(rb"memory allocation of |panicked")
_LONGEST_END_S = 20
_MOST_WITHHELD = 1 << 16


def run(work: Callable[[], int]) -> int:
    """The exit status of a command; where memory is limited and runs out, one line on stderr and 2."""
    if address_space.limit() is None:
        return work()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    behind, errors = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(errors, 2)
        os.close(behind)
        os._exit(_worked(work))
    os.close(errors)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    withheld = _pass_errors_on(behind, lambda: os.kill(child, signal.SIGABRT))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if -status in _ENDED or (status > 0 and b"OpenBLAS error" in withheld):
        ended = f"ended by {signal.Signals(-status).name}, " if status < 0 else ""
        _tell(f"{ended}{address_space.advice(_captures())}")
        return EXIT_FAILED
    if status != EXIT_FAILED:
        os.write(2, withheld)
    return status if status >= 0 else 128 - status


def _worked(work: Callable[[], int]) -> int:
    """In the process of its own: whatever goes wrong there may come from too little memory."""
    try:
        address_space.reserve_less()
        address_space.leave_no_core()
        return work()
    except AnalyzerError as error:
        _tell(str(error))
    except BaseException as error:  # a panic of Rust is no Exception
        said = "" if isinstance(error, MemoryError) else f"{type(error).__name__}: {str(error).strip()[:200]}; "
        _tell(f"{said}{address_space.advice(_captures())}")
    return EXIT_FAILED


def _pass_errors_on(source: int, end: Callable[[], None]) -> bytes:
    """What comes from there goes to stderr line by line, but for what Rust says of its end: that is returned.

    Threads may wait for ever for one that has panicked: ``end`` is called some time after it did.
    """
    withheld = b""
    late = threading.Timer(_LONGEST_END_S, end)
    late.daemon = True
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            if not _NOISE.match(line):
                os.write(2, line)
                continue
            withheld += line if len(withheld) < _MOST_WITHHELD else b""
            if late.ident is None and _PANIC.search(line):
                late.start()
    late.cancel()
    return withheld


def _captures() -> int:
    """The bytes of all files that were named; of those in directories too."""
    total = 0
    for word in sys.argv[1:]:
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(word) for name in names] or [word]
        total += sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
    return total


def _tell(sentence: str) -> None:
    os.write(2, f"sip-analyzer: {sentence}\n".encode("utf-8", "backslashreplace"))
