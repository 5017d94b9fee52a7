"""A store of another version, which lacks a column of today: a sentence on what to do."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES
from stored import batched

import analyzer
from analyzer import AnalyzerError

pytestmark = pytest.mark.xdist_group("stores")


def test_a_store_that_lacks_a_column_is_to_be_made_anew(tmp_path: Path) -> None:
    batched([SAMPLES / "busy.pcap"], tmp_path / "store")
    for part in (tmp_path / "store" / "calls").rglob("*.parquet"):
        pl.read_parquet(part, hive_partitioning=False).drop("caller_name").write_parquet(part)
    with pytest.raises(AnalyzerError, match=r"another version .*caller_name.* make it anew"):
        analyzer.open_store(tmp_path / "store").table("calls")
