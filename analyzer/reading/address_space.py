"""Limits on the memory of this process (``ulimit -v``, ``ulimit -d``): whether a reading can be done, and what to say.

Polars and the core reserve address space for each of their threads, a stack and an arena of the allocator, long before
they use it. Rust ends a process that cannot have what it asks for, in whichever thread this happens.
"""

from __future__ import annotations

import os
import sys

from analyzer.errors import AnalyzerError

# Bytes of address space that Polars, the core and the packages take with one thread, nothing read.
_LEAST = 450_000_000
# Reading takes so much with two threads, so much more with each other, and so much for a byte of captures.
_ENOUGH = 1_500_000_000
_OF_A_THREAD = 250_000_000
_OF_A_BYTE = 3

# <malloc.h>
_MALLOPT_TRIM_THRESHOLD, _MALLOPT_MMAP_THRESHOLD, _MALLOPT_ARENA_MAX = -1, -3, -8
# What is larger is given back at once, where a process is to hold no more than it needs.
_GIVEN_BACK = 1 << 18


def limit() -> int | None:
    """The bytes of memory that this process may have; None where it is not limited."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    limits = [soft for soft, _ in map(resource.getrlimit, kinds) if soft != resource.RLIM_INFINITY]
    return min(limits, default=None)


def threads() -> int:
    """As many threads as the limit has room for; 0 where there is none: one for each processor."""
    most = limit()
    if most is None:
        return 0
    return max(1, min(os.cpu_count() or 1, (most - _ENOUGH) // _OF_A_THREAD + 2))


def prepare() -> None:
    """Has Polars compute with no more threads than the limit has room for, unless someone said with how many.

    Raises AnalyzerError where not even one thread can read anything.
    """
    most = limit()
    if most is None:
        return
    if most < _LEAST:
        raise AnalyzerError(advice())
    if "polars" not in sys.modules:
        os.environ.setdefault("POLARS_MAX_THREADS", str(threads()))


def reserve_less() -> None:
    """For a process that is ours alone: its threads share the arenas of the C library (glibc), which take 64 MB of
    address space each, and OpenBLAS, which plots load, has as few as Polars."""
    import ctypes

    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads()))
    try:
        ctypes.CDLL(None).mallopt(_MALLOPT_ARENA_MAX, 1)
    except (AttributeError, OSError):  # another C library
        return


def give_back() -> None:
    """For a process that runs for long: the allocators of Polars and of the C library (glibc) give back memory that
    they have no use for, instead of keeping it, and Polars' has few arenas, each of which keeps some. For Polars it has
    no effect once that is imported."""
    import ctypes

    os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:500,muzzy_decay_ms:0")
    try:
        for what in (_MALLOPT_MMAP_THRESHOLD, _MALLOPT_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(what, _GIVEN_BACK)
    except (AttributeError, OSError):  # another C library
        return


def leave_no_core() -> None:
    """Where this process is ended for want of memory, no image of it is written, which takes long."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def advice(captures: int = 0) -> str:
    """What to do where memory ran out; ``captures``: the bytes of what was to be read."""
    most = limit()
    if most is None:
        return "out of memory: read fewer captures at a time, or use a machine with more memory"
    enough = max(_ENOUGH + _OF_A_BYTE * captures, 2 * most if most >= _ENOUGH else 0)
    step = 500_000
    wanted = -(-enough // 1024 // step) * step
    return (
        f"out of memory: this process may have {most / 1e6:,.0f} MB of address space (ulimit -v {most // 1024}). Raise"
        f" the limit to {wanted * 1024 / 1e9:.1f} GB or more (ulimit -v {wanted}, or unlimited), or read fewer captures"
        " at a time; fewer threads need less (--threads 1)"
    )
