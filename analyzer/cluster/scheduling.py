"""Dask: tasks to workers of this machine or of a cluster, and what goes wrong there, in a sentence."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from analyzer.errors import AnalyzerError

_MISSING = (
    "--workers and --scheduler need Dask: pip install 'sip-analyzer[cluster]'; without them, one process reads"
    " with --threads N"
)
_KEPT = "what was done is kept, and the same command goes on from there"
#: Seconds that a scheduler has to answer, and between two looks whether somebody works.
_PATIENCE = 10
#: Seconds that nobody may work for a scheduler that has tasks.
_ALONE = 60
#: A task whose worker died so often is given up.
_DEATHS = 3
#: A worker is one thread: what is parallel is the tasks.
_ONE_THREAD = {
    "POLARS_MAX_THREADS": "1", "POLARS_ENGINE_AFFINITY": "in-memory", "MALLOC_TRIM_THRESHOLD_": "65536",
    # Free memory goes back to the system at once: that of Polars is a fifth of what a worker takes.
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
}  # fmt: skip


class Tasks(Protocol):
    """Whoever carries out tasks."""

    def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
        """Carries out a task with each of these arguments; ``done`` is called after each, with its number."""


class Workers:
    """The workers of a scheduler of Dask."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def each(self, task: Callable[..., None], calls: Sequence[tuple[Any, ...]], done: Callable[[int], Any]) -> None:
        """As :class:`Tasks` has it.

        Raises what a task raised, and AnalyzerError where workers or the scheduler are gone.
        """
        distributed = _distributed()
        version = _version()
        futures = [self.client.submit(_of_version, version, task, *arguments, pure=False) for arguments in calls]
        left = {future: number for number, future in enumerate(futures)}
        seen = time.monotonic()
        try:
            while left:
                try:
                    over = distributed.wait([*left], timeout=_PATIENCE, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    seen = self._worked(seen)
                    continue
                seen = time.monotonic()
                for future in over:
                    number = left.pop(future)
                    if future.status == "error":
                        raise _told(future.exception(), _what(task, calls[number]))
                    if future.status != "finished":
                        raise AnalyzerError(f"the scheduler lost a task ({future.status}): {_KEPT}")
                    done(number)
        except _lost() as error:
            raise AnalyzerError(f"the scheduler does not answer any more ({_of(error)}): {_KEPT}") from error
        finally:
            with contextlib.suppress(Exception):
                self.client.cancel([*left])

    def _worked(self, seen: float) -> float:
        """When somebody was last seen to work, so far ``seen`` (s). Raises AnalyzerError where that is long ago."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        if workers:
            return time.monotonic()
        if time.monotonic() - seen > _ALONE:
            raise AnalyzerError(f"nobody works for the scheduler any more, for {_ALONE} s: {_KEPT}")
        return seen


def _lost() -> tuple[type[BaseException], ...]:
    """What is raised where a scheduler is lost."""
    client = _distributed().client
    return TimeoutError, OSError, client.FutureCancelledError, client.FuturesCancelledError


def _of_version(version: str, task: Callable[..., None], *arguments: Any) -> None:
    """Carries out a task where this version of the package is. A worker may have joined lately."""
    if _version() != version:
        raise AnalyzerError(
            f"a worker has sip-analyzer {_version()}, and the run is of {version}: install the same version everywhere;"
            f" {_KEPT}"
        )
    task(*arguments)


def _what(task: Callable[..., None], arguments: tuple[Any, ...]) -> str:
    """What a task is about."""
    if task.__name__ != "extract":
        return f"the task {task.__name__}"
    names = [file.name for file in arguments[0].files]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more captures, read in sequence"


def _told(error: BaseException, what: str) -> BaseException:
    """What a task raised, as it is told; ``what`` it was about."""
    if isinstance(error, AnalyzerError):
        return error
    if isinstance(error, _distributed().KilledWorker):
        return AnalyzerError(
            f"{what}: several workers died of it, most likely because it needs more memory than a worker has: {_KEPT};"
            " give fewer workers, or more memory to each"
        )
    if isinstance(error, (OSError, MemoryError)):
        return AnalyzerError(f"{what}: a worker cannot go on ({_of(error)}): {_KEPT}")
    if isinstance(error, ImportError):
        return AnalyzerError(f"a worker lacks what the run needs ({_of(error)}): install the same everywhere; {_KEPT}")
    return error


@contextlib.contextmanager
def processes(count: int) -> Iterator[Workers]:
    """So many processes of this machine."""
    distributed = _distributed()
    import dask

    # Before the first import of Polars, which reads them.
    settings = {
        "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
        "distributed.scheduler.allowed-failures": _DEATHS - 1,
        "distributed.worker.use-file-locking": False,
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield Workers(client)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """The workers of a scheduler. Raises AnalyzerError where it cannot be reached, or nobody works for it."""
    distributed = _distributed()
    # What becomes of a connection is told in a sentence.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise AnalyzerError(
            f"{address}: no Dask scheduler answers there ({_of(error)}): start one with `dask scheduler`, or leave out"
            " --scheduler to use processes of this machine"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise AnalyzerError(
                f"{address}: nobody works for this scheduler: start workers with `dask worker {address}`"
            ) from None
        _check(client, address)
        yield Workers(client)


def _check(client: Any, address: str) -> None:
    """Raises AnalyzerError where a worker has another version of this package, or none."""
    import analyzer

    try:
        found = client.run(_version)
    except Exception as error:
        raise AnalyzerError(
            f"{address}: sip-analyzer cannot be used on its workers ({_of(error)}): install sip-analyzer"
            f" {analyzer.__version__} where they run"
        ) from error
    other = {worker: version for worker, version in found.items() if version != analyzer.__version__}
    for worker, version in other.items():
        raise AnalyzerError(
            f"{address}: the worker {worker} has sip-analyzer {version}, and this is {analyzer.__version__}: install"
            " the same version everywhere"
        )


def _version() -> str:
    import analyzer

    return analyzer.__version__


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise AnalyzerError(_MISSING) from None
    return distributed


def _of(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
