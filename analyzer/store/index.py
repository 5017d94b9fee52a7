"""Which part holds which Call-ID: what comes late is of a unit that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from analyzer.store.layout import Part

#: Look-ups go through so many pieces of a column at most.
_PIECES = 32


class Index:
    """The Call-IDs of parts of which nothing more is expected, for as long as something may come all the same: 12 bytes
    each."""

    def __init__(self, max_idle: int) -> None:
        import polars as pl

        self.max_idle = max_idle
        self._parts: dict[int, Part] = {}
        self._known = pl.DataFrame(schema={"call": pl.Int64, "part": pl.UInt32})

    def add(self, part: Part, messages: pl.DataFrame) -> None:
        """Takes in a part that was written."""
        import polars as pl

        self._parts[part.number] = part
        calls = messages.select(call="_call").drop_nulls().unique().with_columns(part=pl.lit(part.number, pl.UInt32))
        self._known = pl.concat([self._known, calls], rechunk=self._known.n_chunks() >= _PIECES)

    def forget(self, *parts: Part) -> None:
        """These are no more."""
        import polars as pl

        if gone := [part.number for part in parts if self._parts.pop(part.number, None)]:
            self._known = self._known.filter(~pl.col("part").is_in(gone))

    def touched(self, messages: pl.DataFrame, end: int | None) -> list[tuple[Part, pl.Series]]:
        """The parts that these messages go on with, and the Call-IDs. Parts silent for too long are forgotten."""
        import polars as pl

        if end is not None:
            self.forget(*(part for part in self._parts.values() if part.last < end - self.max_idle))
        calls = messages["_call"].drop_nulls().unique()
        found = self._known.filter(pl.col("call").is_in(calls.implode())).sort("part")
        return [
            (self._parts[int(str(part))], rows["call"]) for (part,), rows in found.group_by("part", maintain_order=True)
        ]
