"""The contract of the tables: columns, types and keys, in Polars and at the pandas edge, over all samples."""

from __future__ import annotations

import io

import captures
import merged
import pandas as pd
import polars as pl
import pytest
from pcaps import pcapng
from places import SAMPLES
from polars.testing import assert_frame_equal

import analyzer
from analyzer import schema

PANDAS = {
    "key": "Int64",
    "int": "Int64",
    "time": "datetime64[ns, UTC]",
    "duration": "float64",
    "share": "float64",
    "number": "float64",
    "bool": "bool",
    "text": "str",
    "texts": "object",
}


@pytest.mark.xdist_group(captures.TOGETHER)
def test_tables_are_as_the_schema_says() -> None:
    capture = captures.together()
    for name, table in schema.TABLES.items():
        assert dict(capture.table(name).schema) == table.polars()


@pytest.mark.xdist_group(captures.TOGETHER)
def test_missing_is_null_never_empty_and_booleans_are_never_null() -> None:
    capture = captures.together()
    for name, table in schema.TABLES.items():
        frame = capture.table(name)
        for text in table.of_type("text"):
            assert not frame[text].eq("").any(), (name, text)
        for boolean in table.of_type("bool"):
            assert frame[boolean].null_count() == 0, (name, boolean)


@pytest.mark.parametrize("name", ["volte_call.pcap", "format_cut.pcap", "outside_calls.pcap"])
def test_pandas_types(name: str) -> None:
    capture = captures.read(SAMPLES / name)
    for table in schema.TABLES.values():
        frame = capture.account() if table.name == "account" else getattr(capture, table.name)
        assert isinstance(frame, pd.DataFrame)
        assert {column: str(kind) for column, kind in frame.dtypes.items()} == {
            column.name: PANDAS[column.type] for column in table.columns
        }


@pytest.mark.xdist_group(captures.TOGETHER)
def test_keys_are_positive_63_bit_numbers_that_lead_to_rows() -> None:
    capture = captures.together()
    messages = capture.table("messages")
    assert messages["message"].n_unique() == messages.height
    assert messages["message"].ge(0).all()
    for name in ("transaction", "dialog", "call"):
        known = capture.table(f"{name}s")[name]
        assert known.is_in(messages["message"].implode()).all(), "a key is that of the earliest message"
        assert messages[name].drop_nulls().is_in(known.implode()).all()


@pytest.mark.slow
@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_a_reading_for_calls_alone_gives_the_same_calls(origin: str) -> None:
    """And the messages, with every column, are read when they are asked for."""
    names = (
        "calls",
        "holds",
        "transactions",
        "dialogs",
        "registrations",
        "messages",
        "sdp",
        "offers",
        "offer_answer_violations",
    )
    names += ("capabilities", "services", "subscriptions", "publications", "sms")
    whole = merged.capture(origin)
    lean = analyzer.read(io.BytesIO(pcapng(merged.packets(origin))), tables=["calls"])
    for name in names:
        assert_frame_equal(lean.table(name), whole.table(name))


@pytest.mark.slow
def test_a_table_is_the_same_whichever_was_asked_for_first() -> None:
    """Services and capabilities rest on header fields of their own, which are read when one of the two is asked for."""
    names = ("services", "capabilities")
    one, other = (analyzer.read(SAMPLES / "services.pcap") for _ in range(2))
    first = {name: one.table(name) for name in names}
    second = {name: other.table(name) for name in reversed(names)}
    for name in names:
        assert_frame_equal(first[name], second[name])


def test_an_initial_invite_and_a_cancel_have_no_dialog() -> None:
    messages = captures.read(SAMPLES / "cancel.pcap").table("messages")
    opening = (pl.col("method") == "INVITE") & pl.col("to_tag").is_null()
    assert (
        messages.filter(opening | (pl.col("method") == "CANCEL"))["dialog"].null_count()
        == messages.filter(opening | (pl.col("method") == "CANCEL")).height
    )


def test_an_ack_to_a_2xx_has_a_dialog_and_no_transaction() -> None:
    """RFC 3261 §13.2.2.4."""
    messages = captures.read(SAMPLES / "basic_call.pcap").table("messages")
    ack = messages.row(by_predicate=pl.col("method") == "ACK", named=True)
    assert ack["transaction"] is None
    assert ack["dialog"] is not None


def test_an_ack_to_a_failure_is_in_the_transaction_of_the_invite() -> None:
    """RFC 3261 §17.1.1.3."""
    messages = captures.read(SAMPLES / "busy.pcap").table("messages")
    by_method = dict(messages.filter(pl.col("status").is_null()).select("method", "transaction").iter_rows())
    assert by_method["ACK"] == by_method["INVITE"]
