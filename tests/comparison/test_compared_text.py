"""Two captures side by side in a terminal: what has no room is the interval, never the verdict."""

from __future__ import annotations

import captures
import pytest
from places import SAMPLES

import analyzer


@pytest.mark.parametrize(("columns", "with_interval"), [(80, False), (140, True)])
def test_a_narrow_terminal_keeps_the_verdict_and_loses_the_interval(columns: int, *, with_interval: bool) -> None:
    sides = (captures.read(SAMPLES / name) for name in ("basic_call.pcap", "volte_failures.pcap"))
    told = analyzer.compare(*sides).text(columns).splitlines()
    heading = told[told.index("KPIs") + 1]
    assert ("95 % interval" in heading, heading.endswith("verdict")) == (with_interval, True)
    (row,) = (line for line in told if line.startswith("ser "))
    assert ("…" in row, row.endswith("not comparable")) == (with_interval, True)
    assert max(map(len, told)) <= columns
