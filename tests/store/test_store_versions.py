"""Stores of other versions: columns that they lack."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from places import SAMPLES
from stored import batched

import analyzer

pytestmark = pytest.mark.xdist_group("stores")


def test_parts_that_lack_a_column_have_nothing_in_it(tmp_path: Path) -> None:
    whole = batched([SAMPLES / "busy.pcap"], tmp_path / "store").table("calls")
    batched([SAMPLES / "outcomes.pcap"], tmp_path / "store")
    older = sorted((tmp_path / "store" / "calls").rglob("*.parquet"))[0]
    pl.read_parquet(older, hive_partitioning=False).drop("setup_s").write_parquet(older)
    calls = analyzer.open_store(tmp_path / "store").table("calls")
    assert calls.height > whole.height
    assert calls.schema == whole.schema
    assert calls.filter(pl.col("outcome") == "answered_elsewhere").height == 1
