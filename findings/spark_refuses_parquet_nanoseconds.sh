#!/bin/bash
# PySpark 4.3.0: a Parquet file with timestamps in nanoseconds is refused, unless a legacy option turns them into integers.
#
# TIMESTAMP(unit=NANOS, isAdjustedToUTC=true) is a logical type of the Parquet format since 2.6; pandas, Polars, PyArrow
# and DuckDB read it. Spark ends with PARQUET_TYPE_ILLEGAL, also where a query does not name the column; with
# spark.sql.legacy.parquet.nanosAsLong the column is a 64-bit integer, exact to the nanosecond. Microseconds, as a control,
# are read as they are. Known as SPARK-40819. docs/store.md says what a user of Spark does.
#
# Needs Java 17 or newer. Installs pinned packages from PyPI into a temporary folder; traffic on 127.0.0.1 alone.
# Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pyspark==4.3.0 pyarrow==26.0.1
cat > "$work/reads.py" <<'PY'
"""Writes one time in nanoseconds and in microseconds, and prints what Spark makes of each."""

import sys

import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession

at = 1_767_268_800_123_456_789
for unit, value in (("ns", at), ("us", at // 1000)):
    column = pyarrow.array([value], pyarrow.int64()).cast(pyarrow.timestamp(unit, "UTC"))
    pyarrow.parquet.write_table(pyarrow.table({"no": [1], "at": column}), f"{sys.argv[1]}/{unit}.parquet")
spark = (
    SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC").getOrCreate()
)
for unit, option in (("us", "false"), ("ns", "false"), ("ns", "true")):
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", option)
    try:
        read = spark.read.parquet(f"{sys.argv[1]}/{unit}.parquet")
        print(unit, option, dict(read.dtypes)["at"], read.selectExpr("cast(at as string)").first()[0])
    except Exception as error:
        print(unit, option, str(error).split("]")[0].lstrip("["))
PY
"$work/venv/bin/python" "$work/reads.py" "$work" 2> /dev/null | tee "$work/told"
diff "$work/told" - <<'TOLD' || { echo "changed"; exit 1; }
us false timestamp 2026-01-01 12:00:00.123456
ns false PARQUET_TYPE_ILLEGAL
ns true bigint 1767268800123456789
TOLD
