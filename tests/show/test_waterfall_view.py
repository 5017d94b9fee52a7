"""The waterfall of one call as text and as a figure."""

from __future__ import annotations

import captures
import polars as pl
import pytest
from places import SAMPLES

from analyzer.show import plots
from analyzer.show.waterfall import lanes, text

PARTS = pl.DataFrame(
    {
        "part": [1, 2, 3, 4, 5],
        "kind": ["node", "far_end", "ringing", "node", "transit"],
        "address": ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1", "10.0.0.1"],
        "peer": [None, None, None, None, "10.0.0.2"],
        "duration_s": [0.1, 0.6, 8.0, 0.2, 0.1],
    }
)
ENDPOINTS = pl.DataFrame({"address": ["10.0.0.1", "10.0.0.2"], "role": ["P-CSCF", "unknown"]})


def test_a_lane_holds_all_times_of_a_node() -> None:
    first = lanes(PARTS, ENDPOINTS)[0]
    assert (first.name, first.total) == ("P-CSCF 10.0.0.1", 300_000_000)
    assert first.times == ((0, 100_000_000), (700_000_000, 900_000_000))


def test_ringing_takes_no_place_on_the_axis() -> None:
    """0.1 + 0.6 + 0.2 + 0.1 s on twenty cells."""
    lines = text(PARTS, ENDPOINTS, columns=68, ascii_only=True).splitlines()
    assert lines == [
        "node     P-CSCF 10.0.0.1             0.300 s  |##            ####  |",
        "far_end  10.0.0.2                    0.600 s  |  ############      |",
        "ringing  10.0.0.2                    8.000 s  not drawn",
        "transit  P-CSCF 10.0.0.1 - 10.0.0.2  0.100 s  |                  ##|",
    ]


@pytest.mark.parametrize("columns", [20, 60, 200])
def test_bars_have_one_width(columns: int) -> None:
    drawn = [line for line in text(PARTS, columns=columns).splitlines() if "│" in line]
    assert len({len(line) for line in drawn}) == 1


def test_what_took_no_time_is_still_to_be_seen() -> None:
    parts = PARTS.with_columns(duration_s=pl.Series([0.0, 1.0, 8.0, 0.0, 0.0]))
    assert text(parts, columns=70, ascii_only=True).splitlines()[0].count(":") == 2


def test_small_shares_are_one_line_and_keep_their_places() -> None:
    """Of 1.00 s in all 0.004 s are the node's and 0.004 s the link's: under 1 % each, 0.008 s together."""
    parts = PARTS.with_columns(duration_s=pl.Series([0.002, 0.992, 8.0, 0.002, 0.004]))
    told = text(parts, ENDPOINTS, columns=100, ascii_only=True, least=0.01).splitlines()
    assert [line.split()[0] for line in told] == ["far_end", "others", "ringing"]
    assert "2 nodes and links, each under 1%  0.008 s" in told[1]
    assert told[1].count(":") == 2
    # One alone is no crowd.
    assert "others" not in text(parts.filter(kind="far_end"), columns=100, least=0.01)


def test_nothing_makes_nothing() -> None:
    assert text(PARTS.clear()) == ""


def test_hostile_names_are_harmless() -> None:
    assert "\x1b" not in text(PARTS.with_columns(address=pl.lit("\x1b[2J")))


def test_the_figure_has_a_line_for_each_lane() -> None:
    axes = plots.waterfall(PARTS, endpoints=ENDPOINTS, title="A call").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "P-CSCF 10.0.0.1  0.300 s",
        "10.0.0.2  0.600 s",
        "P-CSCF 10.0.0.1 - 10.0.0.2  0.100 s",
    ]


def test_the_figure_of_no_parts_says_so() -> None:
    axes = plots.waterfall(PARTS.clear()).axes[0]
    assert [text.get_text() for text in axes.texts][-1] == "no final response"


def test_a_call_has_both() -> None:
    capture = captures.read(SAMPLES / "volte_call.pcap")
    assert capture.call(1).waterfall().startswith("node     P-CSCF 10.46.0.1:5060  0.015 s")
    assert capture.plot.waterfall(1).axes[0].get_title("left").startswith("Call 1: ")
