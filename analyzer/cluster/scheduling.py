"""Dask: tasks to workers of this machine or of a cluster, and what goes wrong there, in a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from analyzer.errors import AnalyzerError

_MISSING = (
    "--workers and --scheduler need Dask: pip install 'sip-analyzer[cluster]'; without them, one process reads"
    " with --threads N"
)
_KEPT = "what was done is kept, and the same command goes on from there"
#: Seconds that a scheduler has to answer.
_PATIENCE = 10
#: A task whose worker died so often is given up.
_DEATHS = 3
#: A worker is one thread: what is parallel is the tasks.
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "POLARS_ENGINE_AFFINITY": "in-memory", "MALLOC_TRIM_THRESHOLD_": "65536"}


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
        futures = [self.client.submit(task, *arguments, pure=False) for arguments in calls]
        numbers = {future.key: number for number, future in enumerate(futures)}
        try:
            for future in distributed.as_completed(futures):
                if future.status == "error":
                    raise _told(future.exception())
                if future.status != "finished":
                    raise AnalyzerError(f"the scheduler lost a task ({future.status}): {_KEPT}")
                done(numbers[future.key])
        except (TimeoutError, OSError, distributed.client.FutureCancelledError) as error:
            raise AnalyzerError(f"the scheduler does not answer any more ({_of(error)}): {_KEPT}") from error
        finally:
            with contextlib.suppress(Exception):
                self.client.cancel([future for future in futures if not future.done()])


def _told(error: BaseException) -> BaseException:
    """What a task raised, as it is told."""
    if isinstance(error, _distributed().KilledWorker):
        return AnalyzerError(
            f"several workers died of one task, most likely because it needs more memory than a worker has: {_KEPT};"
            " give fewer workers, or more memory to each"
        )
    if isinstance(error, (OSError, MemoryError)):
        return AnalyzerError(f"a worker cannot go on ({_of(error)}): {_KEPT}")
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
