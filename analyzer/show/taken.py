"""What figures are drawn of: the columns of a pandas or Polars frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from analyzer.errors import AnalyzerError

if TYPE_CHECKING:
    import pandas as pd

    Table = pl.DataFrame | pd.DataFrame


def taken(frame: Table, *names: str) -> pl.DataFrame:
    """These columns of a pandas or Polars frame, as Polars."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise AnalyzerError(f"a table with {', '.join(names)} is wanted: this one has no {', '.join(missing)}")
    return frame.select(names) if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame[list(names)])
