"""The rows of a table as lines: cells are made in columns at once, lines when they come to the screen."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING

import polars as pl

from analyzer.show import text
from analyzer.tui.lines import Plain

if TYPE_CHECKING:
    from analyzer.tui.lines import Content
_GAP = 2
_NARROWEST = 8  # columns that a text keeps where there is little room
_WIDEST = 30  # columns of a text beside others
_BAD = frozenset({"failed", "timeout", "unreachable", "negotiation_failed", "auth_failed", "server_failure"})
_BAD |= {"client_error"}


class Rows(Plain):
    """Rows of a frame with the columns ``shown``; ``last``, one of them, takes the room that others leave.

    Cells are made once for all rows; :meth:`only` is some of them in another order, at no cost but that of finding out
    which. ``frame`` stays at hand: :meth:`row` is what stands behind a line.
    """

    def __init__(self, frame: pl.DataFrame, shown: Sequence[str], *, tz: str, last: str = "") -> None:
        self.frame = frame
        self._shown = frame.select(name for name in shown if name in frame.columns)
        self._headings, cells = text.cells(self._shown, tz)
        times = [name for name, kind in self._shown.schema.items() if isinstance(kind, pl.Datetime)]
        # To the second: a list is for finding, the ladder has the rest.
        self._cells = cells.with_columns(pl.col(times).str.replace(r"\.\d+", ""))
        self._times = frozenset(times)
        self._last = last
        self._natural = self._measured()
        self._plan: tuple[int, list[int]] = (-1, [])
        #: Which rows of the frame are to be seen, in their order.
        self.places = pl.int_range(frame.height, eager=True)

    def only(self, places: pl.Series) -> Rows:
        """The rows at these places of the frame, in this order."""
        found = copy(self)
        found.places = places
        return found

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self.places.len()

    def row(self, number: int) -> dict[str, object]:
        """The row behind a line."""
        return self.frame.row(self.places[number], named=True)

    def heading(self, columns: int) -> Sequence[str]:
        """The names of the columns."""
        said = [name for name, _ in self._headings]
        return [self._laid_out(said, columns)]

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """One row."""
        place = self.places[number]
        bad = "outcome" in self.frame.columns and self.frame["outcome"][place] in _BAD
        return self._laid_out(self._cells.row(place), columns), "bad" if bad else ""

    def _laid_out(self, cells: Sequence[str], columns: int) -> str:
        parts = []
        for cell, wide, (_, right) in zip(cells, self._widths(columns), self._headings, strict=True):
            fitted = text.fit(cell, wide)
            blank = " " * (wide - text.width(fitted))
            parts.append(f"{blank}{fitted}" if right else f"{fitted}{blank}")
        return (" " * _GAP).join(parts).rstrip()

    def _measured(self) -> list[int]:
        """The columns that the widest cell of each takes; a first look, for wide letters take two."""
        if not self._cells.columns:
            return []
        characters = self._cells.select(pl.all().str.len_chars().max().fill_null(0)).row(0)
        wide = self._cells.select((pl.all().str.len_bytes() > pl.all().str.len_chars()).any()).row(0)
        # The day in the heading of times may be cut.
        said = [
            len(name.split()[0]) if column in self._times else text.width(name)
            for (name, _), column in zip(self._headings, self._cells.columns, strict=True)
        ]
        return [
            max(least, most * (2 if letters else 1))
            for least, most, letters in zip(said, characters, wide, strict=True)
        ]

    def _widths(self, columns: int) -> list[int]:
        """How wide each column is on a screen of so many."""
        if self._plan[0] != columns:
            self._plan = (columns, self._planned(columns))
        return self._plan[1]

    def _planned(self, columns: int) -> list[int]:
        names = self._cells.columns
        texts = [self._shown.schema[name] == pl.String for name in names]
        widths = [min(wide, _WIDEST) if is_text else wide for wide, is_text in zip(self._natural, texts, strict=True)]
        over = sum(widths) + _GAP * (len(widths) - 1) - columns
        for place in sorted(range(len(names)), key=lambda place: -widths[place]):
            if over > 0 and texts[place]:
                less = min(over, max(widths[place] - max(_NARROWEST, len(self._headings[place][0])), 0))
                widths[place] -= less
                over -= less
        if over < 0 and self._last in names:
            place = names.index(self._last)
            widths[place] = min(self._natural[place], widths[place] - over)
        return widths


if TYPE_CHECKING:
    _: type[Content] = Rows
