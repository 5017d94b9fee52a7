"""The capture as people hold it."""

from __future__ import annotations

import re
from pathlib import Path

import captures
import pytest
from places import SAMPLES
from report_data import data_of

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


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
def test_the_report_of_a_large_capture_has_every_section(
    monkeypatch: pytest.MonkeyPatch, masked: bool, tmp_path: Path
) -> None:
    """The summary does without nodes; a report tells who said no, the phases of set-ups and the roles of nodes."""
    monkeypatch.setattr("analyzer.api.capture._NODES_TOLD", 5)
    capture = analyzer.read([SAMPLES / "volte_call.pcap", SAMPLES / "busy.pcap"])
    page = (capture.mask() if masked else capture).report(tmp_path / "page.html").read_text()
    sections = re.findall(r'<section id="(\w+)"', page)
    assert {"calls", "call_failures", "phase_times", "setup_shares", "nodes"} <= set(sections)
    assert any("P-CSCF" in role for role, _ in data_of(page)["captions"].values())


def test_the_summary_of_a_small_capture_tells_its_nodes() -> None:
    assert ELSEWHERE not in captures.read(SAMPLES / "basic_call.pcap").summary()
