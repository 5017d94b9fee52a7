"""A run of `batch` is sent SIGKILL and goes on; a hundred times by hand: benchmarks/kills.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from places import ROOT, SAMPLES

_spec = importlib.util.spec_from_file_location("kills", ROOT / "benchmarks" / "kills.py")
assert _spec is not None
assert _spec.loader is not None
kills = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kills)


@pytest.mark.slow  # Each run is a process.
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("stores")
def test_a_run_that_was_killed_goes_on_to_the_same_store(tmp_path: Path) -> None:
    files = [SAMPLES / f"{name}.pcap" for name in ("services", "media", "volte_call")]
    command = kills.run(files, tmp_path / "killed", 20)
    kills.killed(command, 0.9)
    kills.killed(command, float("inf"))
    kills.killed(kills.run(files, tmp_path / "whole", 20), float("inf"))
    assert kills.different(tmp_path / "whole", tmp_path / "killed") == []
    assert list((tmp_path / "killed").rglob("*.new")) == []
