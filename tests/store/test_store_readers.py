"""The Parquet of a store is read by other programs as it is: the same rows, times in UTC, keys of 63 bits whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest
from places import SAMPLES
from stored import batched

from analyzer import Capture

pytestmark = pytest.mark.xdist_group("stores")

#: What is compared beside times: keys beyond 53 bits, texts, durations, integers, truths, lists, and what is missing.
COLUMNS = ["call", "caller", "setup_s", "status", "emergency", "call_ids", "talk_s", "continued_by"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    names = ("basic_call", "volte_call", "busy", "outcomes", "blind_transfer")
    batched([SAMPLES / f"{name}.pcap" for name in names], path)
    return path


@pytest.fixture(scope="module")
def calls(folder: Path) -> pl.DataFrame:
    import analyzer

    store: Capture = analyzer.open_store(folder)
    return store.table("calls").sort("call")


def with_pandas(folder: Path) -> pd.DataFrame:
    # Else it makes floats of integers of which some are missing, and rounds keys.
    return pd.read_parquet(folder / "calls", dtype_backend="numpy_nullable")


def with_polars(folder: Path) -> pd.DataFrame:
    return as_pandas(pl.scan_parquet(folder / "calls", hive_partitioning=True).collect().to_arrow())


def with_pyarrow(folder: Path) -> pd.DataFrame:
    return as_pandas(pyarrow.dataset.dataset(folder / "calls", partitioning="hive").to_table())


def with_duckdb(folder: Path) -> pd.DataFrame:
    query = f"select * from read_parquet('{folder}/calls/*/*/*.parquet', hive_partitioning = true)"
    return as_pandas(duckdb.connect().sql(query).to_arrow_table())


def with_fastparquet(folder: Path) -> pd.DataFrame:
    found = pytest.importorskip("fastparquet", reason="fastparquet is not installed")
    files = [str(path) for path in sorted((folder / "calls").rglob("*.parquet"))]
    rows: pd.DataFrame = found.ParquetFile(files, root=str(folder / "calls"), pandas_nulls=True).to_pandas()
    return rows


def with_datafusion(folder: Path) -> pd.DataFrame:
    found = pytest.importorskip("datafusion", reason="DataFusion is not installed")
    context, text = found.SessionContext(), pyarrow.string()
    context.register_parquet("calls", f"{folder}/calls", table_partition_cols=[("day", text), ("hour", text)])
    # PyArrow cannot sort views of text.
    return as_pandas(pl.DataFrame(context.sql("select * from calls").to_arrow_table()).to_arrow())


def with_clickhouse(folder: Path) -> pd.DataFrame:
    found = pytest.importorskip("chdb", reason="ClickHouse (chdb) is not installed", exc_type=ImportError)
    query = f"select * from file('{folder}/calls/*/*/*.parquet') settings use_hive_partitioning = 1"
    return as_pandas(found.query(query, "ArrowTable"))


def as_pandas(table: Any) -> pd.DataFrame:
    """An Arrow table, nothing of which is rounded."""
    found: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return found


def values(column: Any) -> list[Any]:
    """What is missing is None; lists are lists, texts text, times nanoseconds since 1970, seconds to the nanosecond."""
    return [_value(value) for value in column]


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        return values(value)
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.value
    if isinstance(value, bytes):
        return value.decode()
    return round(value, 9) if isinstance(value, float) else value


#: It gives times in UTC without a zone, and a list of one text as the text where all of a file are.
LENIENT = with_fastparquet


@pytest.mark.parametrize(
    "read", [with_pandas, with_polars, with_pyarrow, with_duckdb, with_fastparquet, with_datafusion, with_clickhouse]
)
def test_others_read_the_calls_of_a_store(
    read: Callable[[Path], pd.DataFrame], folder: Path, calls: pl.DataFrame
) -> None:
    found = read(folder).sort_values("call")
    times = [name for name, kind in calls.schema.items() if isinstance(kind, pl.Datetime)]
    ours = calls.with_columns(pl.col(times).cast(pl.Int64))
    for name in (*COLUMNS, *times):
        if (read, name) != (LENIENT, "call_ids"):
            assert values(found[name]) == values(ours[name].to_list()), name
    assert ours.select(pl.col(COLUMNS).null_count()).sum_horizontal().item() > 0
    begun = pd.to_datetime(pd.Series(found["started_at"].tolist()))
    assert str(begun.dt.tz) in (("None",) if read is LENIENT else ("UTC", "Etc/UTC"))
    assert {str(hour)[:13] for hour in begun} == {
        f"{str(day)[:10]} {int(hour):02}" for day, hour in zip(found["day"], found["hour"], strict=True)
    }


def test_every_table_of_a_store_has_the_columns_of_the_catalogue(folder: Path) -> None:
    from analyzer import schema

    for name in ("messages", "transactions", "dialogs", "calls", "registrations", "files", "problems", "account"):
        found: dict[str, Any] = dict(pl.scan_parquet(f"{folder}/{name}/**/*.parquet").collect_schema())
        ours = schema.TABLES[name].polars()
        assert {column: found[column] for column in ours} == ours, name
