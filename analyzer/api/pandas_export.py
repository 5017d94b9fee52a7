"""The pandas edge: Polars frames become the DataFrames that users receive, in the types of ``analyzer.schema``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """A pandas copy: ``Int64`` (nullable), ``str``, ``bool``, ``float64``, ``datetime64[ns, UTC]``, lists as lists."""
    import pandas as pd
    import polars as pl

    columns: dict[str, object] = {}
    for column in frame.iter_columns():
        if column.dtype.is_integer():
            missing = column.is_null().to_numpy()
            values = column.fill_null(0).cast(pl.Int64).to_numpy()
            columns[column.name] = pd.arrays.IntegerArray(values.copy(), missing.copy())
        elif column.dtype == pl.Boolean and column.null_count() == 0:
            columns[column.name] = column.to_numpy()
        elif isinstance(column.dtype, pl.Datetime):
            naive = column.dt.replace_time_zone(None).to_numpy()
            columns[column.name] = pd.DatetimeIndex(naive).tz_localize("UTC")
        elif column.dtype == pl.String:
            columns[column.name] = pd.array(column.to_arrow(), dtype="str")
        elif isinstance(column.dtype, pl.List):
            columns[column.name] = pd.Series(column.to_list(), dtype=object)
        else:
            columns[column.name] = column.to_numpy()
    return pd.DataFrame(columns)
