"""Which part holds which Call-ID: what comes late is of a unit that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from analyzer.store.layout import Part


class Index:
    """The Call-IDs of parts of which nothing more is expected, for as long as something may come all the same."""

    def __init__(self, max_idle: int) -> None:
        self.max_idle = max_idle
        self._known: dict[Part, pl.Series] = {}

    def add(self, part: Part, messages: pl.DataFrame) -> None:
        """Takes in a part that was written."""
        self._known[part] = messages["_call"].drop_nulls().unique().sort()

    def forget(self, part: Part) -> None:
        """A part is no more."""
        self._known.pop(part, None)

    def touched(self, messages: pl.DataFrame, end: int | None) -> list[tuple[Part, pl.Series]]:
        """The parts that these messages go on with, and the Call-IDs. Parts silent for too long are forgotten."""
        for part in [part for part in self._known if end is not None and part.last < end - self.max_idle]:
            del self._known[part]
        calls = messages["_call"].drop_nulls().unique()
        found = ((part, known.filter(known.is_in(calls.implode()))) for part, known in self._known.items())
        return [(part, both) for part, both in found if both.len()]
