"""One call: its row in ``calls`` and everything that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.frames import to_pandas

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from analyzer.capture import Capture


class Call:
    """A call of a :class:`~analyzer.capture.Capture`; ``row`` is its row in ``calls`` as a dict."""

    def __init__(self, capture: Capture, row: dict[str, Any]) -> None:
        self._capture = capture
        self.row = row

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of ``messages``, ``transactions``, ``dialogs`` or ``calls``, as a ``polars.DataFrame``."""
        import polars as pl

        return self._capture.table(name).filter(pl.col("call") == self.row["call"])

    @property
    def messages(self) -> pd.DataFrame:
        """Every sighting of its messages, on all hops, in time order."""
        return to_pandas(self.table("messages"))

    @property
    def transactions(self) -> pd.DataFrame:
        """Its transactions, one row per hop."""
        return to_pandas(self.table("transactions"))

    @property
    def dialogs(self) -> pd.DataFrame:
        """Its dialogs."""
        return to_pandas(self.table("dialogs"))

    def ladder(self, width: int = 100, *, ascii_only: bool = False) -> str:
        """Its sequence chart as text: a lane per node, an arrow per message, retransmissions folded."""
        from analyzer.show.ladder import ladder

        return ladder(self.table("messages"), width=width, ascii_only=ascii_only)

    def __repr__(self) -> str:
        row = self.row
        return f"<Call {row['no']}: {row['caller']!r} -> {row['callee']!r}, {row['outcome']}>"
