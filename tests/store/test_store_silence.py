"""A Call-ID that is silent for a day is over, with a reason in its rows: in a whole reading, in a store and live."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pcaps import RAW_IP, pcap
from stored import batched, same

import analyzer
from analyzer.live.following import Following
from tests.sip import wire

pytestmark = pytest.mark.xdist_group("stores")

DAY = 86_400
#: A call that nobody hangs up, one that rings for ever, a subscription without an end; a call a day and two hours later
#: (nothing of the first has come for so long then), and an hour later the BYE of the first.
BEGINS = """
    A -> B  INVITE call_id=talk sdp=offer                    @0
    B -> A  200 INVITE call_id=talk to_tag=y sdp=answer      @1
    A -> B  ACK call_id=talk to_tag=y                        @1.1
    A -> B  INVITE call_id=ring branch=r                     @2
    B -> A  180 INVITE call_id=ring branch=r to_tag=q        @2.1
    A -> B  SUBSCRIBE call_id=watch branch=w header=Event:presence              @3
    B -> A  200 SUBSCRIBE call_id=watch branch=w to_tag=v header=Expires:999999 @3.1
"""
LATER = f"""
    A -> B  INVITE call_id=late branch=l                     @{DAY + 7200}
    B -> A  486 INVITE call_id=late branch=l to_tag=m        @{DAY + 7200.1}
    A -> B  ACK call_id=late branch=l to_tag=m               @{DAY + 7200.2}
"""
BYE = f"""
    A -> B  BYE call_id=talk to_tag=y cseq=2                 @{DAY + 10800}
    B -> A  200 BYE call_id=talk to_tag=y cseq=2             @{DAY + 10800.1}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    bodies = {"offer": wire.audio(1), "answer": wire.audio(2)}
    paths = []
    for number, dialogue in enumerate((BEGINS, LATER, BYE)):
        paths.append(folder / f"part{number}.pcap")
        paths[-1].write_bytes(pcap(RAW_IP, wire.packets(dialogue, **bodies)))
    return paths


def test_what_is_given_up_has_a_reason_in_its_row(files: list[Path]) -> None:
    whole = analyzer.read(files)
    calls = whole.table("calls").sort("call_ids", "outcome")
    assert sorted(calls.select(pl.col("call_ids").list.first(), "outcome", "outcome_detail").rows()) == [
        ("late", "busy", None), ("ring", "timeout", "no_final"), ("talk", "answered", "expired"),
        ("talk", "joined", "normal"),
    ]  # fmt: skip
    ended = whole.table("dialogs").select("usage", "end_reason", (pl.col("ended_at") - pl.col("ended_at").min()))
    assert [row[:2] for row in ended.rows()] == [
        ("invite", "expired"), ("invite", "expired"), ("subscribe", "expired"), ("invite", "bye"),
    ]  # fmt: skip


@pytest.mark.parametrize("runs", [1, 3])
def test_a_store_gives_up_as_a_whole_reading_does(files: list[Path], runs: int, tmp_path: Path) -> None:
    for origins in [files] if runs == 1 else [[file] for file in files]:
        store = batched(origins, tmp_path, size=3)
    whole = analyzer.read(files)
    for name in ("messages", "calls", "dialogs", "transactions", "subscriptions", "problems"):
        assert same(whole.table(name), store.table(name)), name


def test_a_call_that_is_given_up_is_told_live(files: list[Path]) -> None:
    following = Following()
    told = following.take(files[0], "a").calls
    told += following.passed(wire.START + (DAY + 60) * 10**9).calls
    assert [(row["outcome"], row["outcome_detail"]) for row in told if row["answered_at"]] == [("answered", "expired")]
