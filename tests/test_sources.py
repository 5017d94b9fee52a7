"""Sources around sources: what a filter picks, a mask around it, one call."""

from __future__ import annotations

import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer import Capture, Filter
from analyzer.api.source import CallSource, FilteredSource
from analyzer.masking.source import MaskedSource

KEY = "an example, not a secret"
NOT_FOUND = Filter(status="4xx")


def capture() -> Capture:
    return analyzer.read([SAMPLES / "busy.pcap", SAMPLES / "basic_call.pcap"])


@pytest.mark.parametrize("name", ["calls", "messages", "transactions", "endpoints", "hops"])
def test_a_filter_and_a_mask_give_the_same_in_either_order(name: str) -> None:
    """The filter looks at the original both times, and the mask comes last."""
    one = capture().filter(NOT_FOUND).mask(KEY).table(name)
    other = capture().mask(KEY).filter(NOT_FOUND).table(name)
    assert one.equals(other)


def test_the_mask_is_the_outermost() -> None:
    source = capture().mask(KEY).filter(NOT_FOUND).source
    assert isinstance(source, MaskedSource)
    assert isinstance(source._original, FilteredSource)


def test_a_mask_knows_the_names_that_a_filter_left_out() -> None:
    """They may be spoken of in what it kept."""
    cap = capture()
    kept = cap.filter(Filter(call_id=cap.table("calls")["call_ids"][0][0]))
    assert kept.source.lean_messages().height < cap.source.lean_messages().height
    assert kept.source.whole.lean_messages().equals(cap.source.lean_messages())


def test_a_filter_in_a_filter_picks_what_both_pick() -> None:
    cap = capture()
    assert cap.filter(NOT_FOUND).filter(Filter(outcome="busy")).table("calls")["outcome"].to_list() == ["busy"]
    assert cap.filter(NOT_FOUND).filter(Filter(outcome="answered")).table("calls").is_empty()


@pytest.mark.parametrize("name", ["messages", "sdp", "transactions", "dialogs", "hops", "phases"])
def test_the_calls_of_a_source_share_its_rows_out(name: str) -> None:
    source = capture().source
    calls = source.table("calls")["call"].to_list()
    parts = [CallSource(source, call).table(name) for call in calls]
    whole = source.table(name)
    if "call" in whole.columns:
        whole = whole.filter(pl.col("call").is_not_null())
    assert sum(part.height for part in parts) == whole.height


def test_what_is_said_of_a_capture_says_that_it_is_masked() -> None:
    assert repr(capture().filter(NOT_FOUND).mask(KEY)) == "<Capture: 2 files, 11 messages, masked>"
