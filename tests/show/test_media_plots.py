"""Figures of media: what the curves say of streams whose loss is known."""

from __future__ import annotations

import pytest

import analyzer
from analyzer.show import plots
from tests.media.talk import CALLEE, CALLER, heard, rtp


@pytest.fixture(scope="module")
def capture() -> analyzer.Capture:
    """Ten seconds of PCMA: the caller loses nothing, the callee every fifth packet of the last five seconds."""
    there = rtp(range(500), way=(CALLER, CALLEE), since=0.0, source=1)
    kept = [n for n in range(500) if n < 250 or n % 5 != 2]
    return heard(there, rtp(kept, way=(CALLEE, CALLER), since=0.0, source=2))


def test_loss_is_that_of_each_interval(capture: analyzer.Capture) -> None:
    """By hand: 50 of 450 packets that came, weighed by these: 200 of 450 at 20 %; the worst of two streams 20 %."""
    axes = capture.plot.media_over_time("loss", every="5s").axes[0]
    curves = {line.get_label(): [round(float(y), 2) for y in line.get_ydata()] for line in axes.lines}
    assert curves == {"mean": [0.0, round(20 * 200 / 450, 2)], "worst twentieth": [0.0, 20.0]}


def test_each_sender_has_a_curve(capture: analyzer.Capture) -> None:
    axes = capture.plot.media_over_time("mos", by="src_ip", every="5s").axes[0]
    assert {line.get_label() for line in axes.lines} == {CALLER[0], CALLEE[0]}
    first, last = next(line.get_ydata() for line in axes.lines if line.get_label() == CALLEE[0])
    assert first > 4.3 > 3.5 > last


def test_what_there_is_not_is_said(capture: analyzer.Capture) -> None:
    with pytest.raises(analyzer.AnalyzerError, match="loss, jitter, mos"):
        capture.plot.media_over_time("delay")
    with pytest.raises(analyzer.AnalyzerError, match="codec, src_ip"):
        plots.media_over_time(capture.table("stream_intervals"), by="colour")
