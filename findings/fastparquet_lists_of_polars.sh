#!/bin/bash
# fastparquet 2026.9.0: lists in a Parquet file of Polars are read as single items, or as nothing.
#
# The column is a LIST as the Parquet format defines it (an optional group with a repeated group `list` of `element`).
# PyArrow and DuckDB read [['a'], ['b']] and [['a', 'x'], ['b']]; fastparquet reads 'a' and 'b', and twice None. Of the
# same rows written by PyArrow it reads the lists.
#
# Installs pinned packages from PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet fastparquet==2026.9.0 polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
cat > "$work/reads.py" <<'PY'
"""Writes lists, and prints what each program reads."""

import sys

import duckdb
import fastparquet
import polars
import pyarrow.parquet

for name, lists in (("one", [["a"], ["b"]]), ("two", [["a", "x"], ["b"]])):
    frame, path = polars.DataFrame({"lists": lists}), f"{sys.argv[1]}/{name}.parquet"
    frame.write_parquet(path)
    print(name, "polars", pyarrow.parquet.read_table(path)["lists"].to_pylist())
    print(name, "polars", [row[0] for row in duckdb.sql(f"select lists from '{path}'").fetchall()])
    print(name, "polars", list(fastparquet.ParquetFile(path).to_pandas()["lists"]))
    pyarrow.parquet.write_table(frame.to_arrow(), path)
    print(name, "pyarrow", list(fastparquet.ParquetFile(path).to_pandas()["lists"]))
PY
"$work/venv/bin/python" "$work/reads.py" "$work" 2> /dev/null | tee "$work/told"
diff "$work/told" - <<'TOLD' || { echo "changed"; exit 1; }
one polars [['a'], ['b']]
one polars [['a'], ['b']]
one polars ['a', 'b']
one pyarrow [['a'], ['b']]
two polars [['a', 'x'], ['b']]
two polars [['a', 'x'], ['b']]
two polars [None, None]
two pyarrow [['a', 'x'], ['b']]
TOLD
