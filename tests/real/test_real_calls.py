"""Captures of other people with a call or a few, whose every table was read by hand."""

from __future__ import annotations

from collections import Counter

import answered_calls
import polars as pl
import pytest
import registrations_and_refusals
from seen import Seen, compare, in_nanoseconds, read

pytestmark = pytest.mark.shared

ALL = [*answered_calls.ALL, *registrations_and_refusals.ALL]


@pytest.mark.parametrize("seen", ALL, ids=lambda seen: seen.name)
def test_calls(seen: Seen) -> None:
    compare(in_nanoseconds(read(seen.name), "calls").sort("no"), seen.calls)


@pytest.mark.parametrize("seen", ALL, ids=lambda seen: seen.name)
def test_dialogs(seen: Seen) -> None:
    dialogs = in_nanoseconds(read(seen.name), "dialogs")
    compare(dialogs.sort(pl.coalesce("early_at", "confirmed_at")), seen.dialogs)


@pytest.mark.parametrize("seen", [seen for seen in ALL if seen.registrations is not None], ids=lambda seen: seen.name)
def test_registrations(seen: Seen) -> None:
    assert seen.registrations is not None
    compare(in_nanoseconds(read(seen.name), "registrations").sort("started_at"), seen.registrations)


@pytest.mark.parametrize("seen", [seen for seen in ALL if seen.transactions is not None], ids=lambda seen: seen.name)
def test_transactions(seen: Seen) -> None:
    assert Counter(read(seen.name).table("transactions")["outcome"]) == seen.transactions
