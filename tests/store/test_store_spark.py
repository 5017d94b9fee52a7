"""Spark reads the Parquet of a store: times as exact nanoseconds in UTC, keys of 63 bits, the days as partitions.

It needs pyspark and Java, which the tests do without: then these are skipped.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from places import SAMPLES
from stored import batched

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
if shutil.which("java") is None:
    pytest.skip("no Java", allow_module_level=True)

# A Java virtual machine takes seconds to start.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("stores")]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Spark in this process, on loopback alone."""
    session = pyspark_sql.SparkSession.builder.master("local[1]")
    for name, value in {
        "spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC", "spark.sql.legacy.parquet.nanosAsLong": "true",
    }.items():  # fmt: skip
        session = session.config(name, value)
    found = session.getOrCreate()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    batched([SAMPLES / "media.pcap", SAMPLES / "volte_call.pcap", SAMPLES / "busy.pcap"], path)
    return path


@pytest.mark.parametrize("table", ["calls", "messages", "transactions", "dialogs", "registrations", "streams"])
def test_spark_has_the_types_of_the_contract(table: str, folder: Path, spark: Any) -> None:
    """Integers, durations, truths, texts and lists as they are; a time is a 64-bit integer, in nanoseconds."""
    from analyzer import schema

    kinds = {pl.Int64: "bigint", pl.Float64: "double", pl.Boolean: "boolean", pl.String: "string"}
    expected = {
        name: "array<string>" if kind == pl.List(pl.String) else kinds.get(type(kind), kinds.get(kind, "bigint"))
        for name, kind in schema.TABLES[table].polars().items()
    }
    found = dict(spark.read.parquet(str(folder / table)).dtypes)
    assert {name: found[name] for name in expected} == expected


def test_spark_has_the_rows_to_the_nanosecond(folder: Path, spark: Any) -> None:
    import analyzer

    calls = analyzer.open_store(folder).table("calls").sort("call")
    columns = ["call", "caller", "setup_s", "emergency", "call_ids", "media", "mos"]
    rows = spark.read.parquet(str(folder / "calls")).orderBy("call").select(*columns, "started_at").collect()
    assert [tuple(row) for row in rows] == calls.select(
        *columns, pl.col("started_at").dt.epoch("ns")
    ).rows()  # fmt: skip


def test_spark_makes_timestamps_of_microseconds_in_utc(folder: Path, spark: Any) -> None:
    """As docs/store.md says; a partition is a date."""
    import analyzer

    calls = analyzer.open_store(folder).table("calls").sort("call")
    shown = spark.read.parquet(str(folder / "calls")).orderBy("call")
    rows = shown.selectExpr("cast(timestamp_micros(started_at div 1000) as string) as at", "day", "hour").collect()
    begun = calls.select(pl.col("started_at").dt.replace_time_zone(None).dt.cast_time_unit("us"))["started_at"]
    assert [datetime.datetime.fromisoformat(row["at"]) for row in rows] == begun.to_list()
    assert [(row["day"], row["hour"]) for row in rows] == [(at.date(), at.hour) for at in begun]
