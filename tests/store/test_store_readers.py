"""The Parquet of a store is read by other programs as it is: the same rows, times in UTC, keys of 63 bits whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest
from places import SAMPLES
from stored import batched

from analyzer import Capture

pytestmark = pytest.mark.xdist_group("stores")

#: What is compared: a key beyond 53 bits, a text, a time, a duration, a truth, the hour of the partition.
COLUMNS = ["call", "caller", "started_at", "setup_s", "emergency"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    batched([SAMPLES / "basic_call.pcap", SAMPLES / "volte_call.pcap", SAMPLES / "busy.pcap"], path)
    return path


@pytest.fixture(scope="module")
def calls(folder: Path) -> pl.DataFrame:
    import analyzer

    store: Capture = analyzer.open_store(folder)
    return store.table("calls").sort("call")


def with_pandas(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "calls")


def with_polars(folder: Path) -> pd.DataFrame:
    return pl.scan_parquet(folder / "calls", hive_partitioning=True).collect().to_pandas()


def with_pyarrow(folder: Path) -> pd.DataFrame:
    return pyarrow.dataset.dataset(folder / "calls", partitioning="hive").to_table().to_pandas()


def with_duckdb(folder: Path) -> pd.DataFrame:
    query = "select * from read_parquet(?, hive_partitioning = true)"
    return duckdb.connect().execute(query, [f"{folder}/calls/*/*/*.parquet"]).df()


@pytest.mark.parametrize("read", [with_pandas, with_polars, with_pyarrow, with_duckdb])
def test_others_read_the_calls_of_a_store(
    read: Callable[[Path], pd.DataFrame], folder: Path, calls: pl.DataFrame
) -> None:
    found = read(folder).sort_values("call")
    ours = calls.select(COLUMNS)
    assert found["call"].tolist() == ours["call"].to_list()
    assert found["caller"].tolist() == ours["caller"].to_list()
    assert (
        found["setup_s"].astype(float).round(9).equals(pd.Series(ours["setup_s"].to_list(), index=found.index).round(9))
    )
    # DuckDB has no type for nanoseconds with a zone: it gives the same times in UTC without one.
    zone = None if read is with_duckdb else "UTC"
    assert str(found["started_at"].dt.tz) == str(zone)
    times = pd.to_datetime(found["started_at"], utc=True)
    assert [time.value for time in times] == ours["started_at"].cast(pl.Int64).to_list()
    assert {str(hour)[:13] for hour in times} == {
        f"{str(day)[:10]} {int(hour):02}" for day, hour in zip(found["day"], found["hour"], strict=True)
    }


def test_every_table_of_a_store_has_the_columns_of_the_catalogue(folder: Path) -> None:
    from analyzer import schema

    for name in ("messages", "transactions", "dialogs", "calls", "registrations", "files", "problems", "account"):
        found: dict[str, Any] = dict(pl.scan_parquet(f"{folder}/{name}/**/*.parquet").collect_schema())
        ours = schema.TABLES[name].polars()
        assert {column: found[column] for column in ours} == ours, name
