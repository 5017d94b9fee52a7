"""Captures in windows: one reading by the core, whose state goes on from file to file, and its tables bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analyzer.reading import address_space, native

if TYPE_CHECKING:
    import polars as pl

#: Number of each host of a file and of its capture point.
Hosts = list[tuple[int, int]]
#: What another reading goes on with, as a window has it.
State = tuple[list[tuple[str | None, str, int, int]], list[str], int | None, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: name as told, path, capture point or None, bytes to read.

    ``hosts`` and ``packets`` are of one that was read another time, and is again for what goes on in others or in it.
    """

    name: str
    path: str
    point: str | None
    size: int | None
    hosts: Hosts | None = None
    packets: int = 0

    def argument(self) -> tuple[str, str, str | None, int | None, tuple[Hosts, int] | None]:
        """As the core takes it."""
        known = None if self.hosts is None else (self.hosts, self.packets)
        return self.name, self.path, self.point, self.size, known


@dataclass(frozen=True, slots=True)
class Window:
    """Tables of the core, as far as all that comes is later.

    ``until``   messages before this time (ns) were handed out; None where all were that were read.
    ``latest``  the latest message that was read (ns), handed out or not.
    ``hosts``   of each file in ``core["files"]``, all of which were read to their end.
    ``state``   where a file has ended and the next is not begun: what another reading goes on with.
    ``last``    what was held back is given up; another reading takes no account of it.
    """

    core: dict[str, pl.DataFrame]
    until: int | None = None
    latest: int | None = None
    hosts: list[Hosts] = field(default_factory=list)
    state: State | None = None
    last: bool = False


class Windows:
    """A reading under way: iterate over its windows."""

    def __init__(
        self,
        sources: Sequence[Source],
        size: int,
        *,
        threads: int = 0,
        limits: Mapping[str, int] | None = None,
        link_types: Sequence[tuple[str, str]] = (),
        headers: Sequence[str] = (),
        state: State | None = None,
        texts: bool = False,
        observed: bool = False,
        keys: Sequence[str] = (),
        esp_keys: Sequence[Any] = (),
    ) -> None:
        self._texts = texts
        self._observed = observed
        native.check_threads()
        address_space.prepare()
        self._windows = native.core().windows(
            [source.argument() for source in sources],
            (size, texts, observed),
            threads or address_space.threads(),
            dict(limits) if limits else None,
            list(link_types),
            list(headers),
            state,
            list(keys),
            list(esp_keys),
        )

    def progress(self) -> tuple[int, int]:
        """Bytes and messages read so far."""
        found: tuple[int, int] = self._windows.progress()
        return found

    def through(self, waiting: Callable[[], Any] = lambda: None) -> Iterator[Window]:
        """The windows; ``waiting`` is called now and then while one is waited for."""
        import polars as pl

        while True:
            # A wait with a bound, so that Ctrl-C is heard.
            while not self._windows.wait(0.1):
                waiting()
            if (found := self._windows.take()) is None:
                return
            told = {name: found.pop(name) for name in ("hosts", "until", "latest", "state", "last")}
            if not self._texts:
                del found["texts"]
            if not self._observed:
                del found["observed"]
            window = Window({name: pl.DataFrame(table) for name, table in found.items()}, **told)
            # Nothing of it is held while the next is waited for.
            del found, told
            yield window
            del window
