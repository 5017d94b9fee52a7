"""The capture as people hold it."""

from __future__ import annotations

from pathlib import Path

import captures
import pytest
from places import SAMPLES

import analyzer
import analyzer.ims.nodes

ELSEWHERE = "told by `sip-analyzer nodes`"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> analyzer.Capture:
    """A capture of more messages than nodes are told of without being asked."""

    def costly(*_: object) -> None:
        pytest.fail("the nodes of a large capture are found though nobody asked")

    monkeypatch.setattr("analyzer.api.capture._NODES_TOLD", 5)
    monkeypatch.setattr(analyzer.ims.nodes, "find", costly)
    return captures.read(SAMPLES / "basic_call.pcap")


@pytest.mark.parametrize("masked", [False, True])
def test_the_summary_of_a_large_capture_says_where_its_nodes_are_told(large: analyzer.Capture, masked: bool) -> None:
    assert ELSEWHERE in (large.mask() if masked else large).summary()


@pytest.mark.parametrize("masked", [False, True])
def test_the_report_of_a_large_capture_leaves_its_nodes_out(
    large: analyzer.Capture, masked: bool, tmp_path: Path
) -> None:
    page = (large.mask() if masked else large).report(tmp_path / "page.html").read_text()
    assert '<section id="calls"' in page
    assert '<section id="nodes"' not in page


def test_the_summary_of_a_small_capture_tells_its_nodes() -> None:
    assert ELSEWHERE not in captures.read(SAMPLES / "basic_call.pcap").summary()
