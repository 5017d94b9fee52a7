"""One thread that asks the capture, so that keys are answered meanwhile.

Tables are made once and kept by a source that knows no threads: whoever asks, asks here, one after the other. Who asks
for something else before it is there is told the last alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from analyzer.errors import AnalyzerError

Told = Callable[[Any], None]


class Lookups:
    """``tell`` is called in the thread of the application with what shall be run there.

    The thread ends with the process: who leaves does not wait for a table that nobody will see.
    """

    def __init__(self, tell: Callable[[Callable[[], None]], object]) -> None:
        self._tell = tell
        self._asked: queue.SimpleQueue[tuple[int, Callable[[], Any], Told, Told]] = queue.SimpleQueue()
        self._latest = 0
        #: How many are not answered yet.
        self.waiting = 0
        threading.Thread(target=self._work, daemon=True, name="lookups").start()

    def ask(self, what: Callable[[], Any], then: Told, failed: Told, *, aside: bool = False) -> None:
        """Runs ``what``; what comes of it goes to ``then``, and the sentence of an error to ``failed``.

        ``aside``: it is told whatever is asked later.
        """
        self.waiting += 1
        if not aside:
            self._latest += 1
        self._asked.put((0 if aside else self._latest, what, then, failed))

    def forget(self) -> None:
        """Nobody waits for what was asked last."""
        self._latest += 1

    def _work(self) -> None:
        while True:
            number, what, then, failed = self._asked.get()
            if number and number != self._latest:
                self._answer(number, None, None)
                continue
            try:
                found = what()
            except AnalyzerError as error:
                self._answer(number, failed, str(error))
            except OSError as error:
                self._answer(number, failed, f"{error.filename or 'output'}: {error.strerror or error}")
            except MemoryError:
                self._answer(number, failed, "there is too little memory for this")
            except BaseException as error:  # a fault of ours ends the application, as it would without a thread
                self._tell(partial(_raise, error))
                return
            else:
                self._answer(number, then, found)

    def _answer(self, number: int, then: Told | None, value: Any) -> None:
        def told() -> None:
            self.waiting -= 1
            if then is not None and number in (0, self._latest):
                then(value)

        self._tell(told)


def _raise(error: BaseException) -> NoReturn:
    raise error
