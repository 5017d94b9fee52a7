"""Lines of columns, of which one gives way where there is not room for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.show.text import fit, pad, safe, width

#: The least that is left of the column that gives way.
_LEAST = 16


def lines(rows: Sequence[Sequence[str]], columns: int, *, gives: int, right: Sequence[int] = ()) -> Iterator[str]:
    """Rows of cells, headings among them, as aligned lines of about so many columns.

    ``gives``: the column that is cut where there is not room for all; ``right``: those that stand on the right.
    """
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [max(width(row[place]) for row in cells) for place in range(len(cells[0]))]
    room = columns - sum(widths) + widths[gives] - 2 * (len(widths) - 1)
    widths[gives] = max(_LEAST, min(widths[gives], room))
    for row in cells:
        shown = [fit(cell, wide) for cell, wide in zip(row, widths, strict=True)]
        yield "  ".join(
            " " * (wide - width(cell)) + cell if place in right else pad(cell, wide)
            for place, (cell, wide) in enumerate(zip(shown, widths, strict=True))
        ).rstrip()
