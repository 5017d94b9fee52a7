"""The media of simulated calls against their truth, and the rules that they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import analyzer
from analyzer.diagnose.rules import ALL
from analyzer.simulator import Truth, make, talks

#: Calls have a thousand packets each, and a fault is to be seen in some of them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulated_media")]

OF_MEDIA = {rule.code for rule in ALL if rule.find.__module__.rpartition(".")[2].startswith("media")}
OF_TALKS = {scenario.name: scenario for scenario in (*talks.HEALTHY, *talks.FAULTS)}


def played(directory: Path, names: list[str], calls: int, seed: int) -> tuple[Truth, analyzer.Capture]:
    truth = make(directory, calls=calls, seed=seed, mix=dict.fromkeys(names, 1.0), subscribers=2_000)
    assert {row["scenario"] for row in truth.calls} == set(names)
    return truth, analyzer.read(directory / "all.pcap", srtp_keys="sdp")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, analyzer.Capture]:
    return played(tmp_path_factory.mktemp("talks"), [one.name for one in talks.HEALTHY], 28, 1)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, analyzer.Capture]:
    """The most of the time of this module goes into these 55,000 packets."""
    return played(tmp_path_factory.mktemp("faults"), [one.name for one in talks.FAULTS], 50, 45)


def compared(truth: Truth, capture: analyzer.Capture) -> list[tuple[Any, Any]]:
    """Of each stream what happened and what is said of it, where these differ."""
    named = {(row["ssrc"], row["src"]): row for row in truth.streams}
    odd = []
    for row in capture.table("streams").to_dicts():
        true = named.pop((row["ssrc"], f"{row['src_ip']}:{row['src_port']}"))
        told = {
            "sent_by": row["sent_by"], "dst": f"{row['dst_ip']}:{row['dst_port']}", "expected": row["expected"],
            "received": row["expected"] - row["lost"], "reordered": row["reordered"], "srtp": row["srtp"],
            "comfort_noise": row["comfort_noise"],
        }  # fmt: skip
        odd += [(name, value, true[name]) for name, value in told.items() if value != true[name]]
    return odd + [("missing", one) for one in named]


def test_streams_are_what_was_sent(healthy: tuple[Truth, analyzer.Capture]) -> None:
    assert compared(*healthy) == []


def test_healthy_media_have_no_finding(healthy: tuple[Truth, analyzer.Capture]) -> None:
    """Hold with music and without, inactive, early media, transcoding, pauses, comfort noise, EVS in both forms."""
    _, capture = healthy
    told = capture.table("findings").filter(pl.col("code").is_in(OF_MEDIA))
    assert told.select("code", "nodes").rows() == []


def test_a_mirror_of_one_direction_makes_nobody_silent(healthy: tuple[Truth, analyzer.Capture], tmp_path: Path) -> None:
    """Of each link the packets that go up in address, as a mirror of one port has them."""
    path = Path(healthy[1].table("files")["path"][0])
    data = path.read_bytes()
    kept, at = [data[:24]], 24
    while at < len(data):
        end = at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        # Behind Ethernet (14 bytes) source and destination stand in the bytes 12 to 19 of IPv4 (RFC 791 §3.1).
        packet = data[at + 16 : end]
        if packet[26:30] < packet[30:34]:
            kept.append(data[at:end])
        at = end
    (tmp_path / "up.pcap").write_bytes(b"".join(kept))
    told = analyzer.read(tmp_path / "up.pcap").table("findings")["code"]
    assert set(told) & {"one_way_audio", "no_audio", "audio_lost_between_legs"} == set()


def test_rtcp_tells_what_was_lost(faulty: tuple[Truth, analyzer.Capture]) -> None:
    """RFC 3550 §6.4.1: of the calls whose callee loses packets, what the caller reported at last."""
    truth, capture = faulty
    lossy = {row["play"] for row in truth.calls if row["scenario"] == "fault_lossy"}
    sources = {row["ssrc"] for row in truth.streams if row["play"] in lossy and row["sent_by"] == "callee"}
    rows = capture.table("streams").filter(pl.col("ssrc").is_in(list(sources)), pl.col("rtcp_lost").is_not_null())
    assert rows.height
    assert rows.filter((pl.col("rtcp_lost") <= 0) | (pl.col("rtcp_lost") > pl.col("lost"))).is_empty()
    assert rows.filter(~pl.col("rtcp_round_trip_s").is_between(0.01, 0.1)).is_empty()


@pytest.mark.parametrize("name", [one.name for one in talks.FAULTS])
def test_a_fault_of_media_is_found_by_its_rule(faulty: tuple[Truth, analyzer.Capture], name: str) -> None:
    """In every call that has it, and in no call of other faults; a call with two parts shows it in one."""
    truth, capture = faulty
    rule = OF_TALKS[name].rule
    plays = {row.call_id: row.play for row in truth.messages}
    ids = capture.table("messages").select("message", "call_id")
    told = capture.table("finding_cases").filter(code=rule).join(ids, on="message")["call_id"]
    found = {plays[call_id] for call_id in told}
    about = {row["play"] for row in truth.calls if OF_TALKS[row["scenario"]].rule == rule}
    assert found == about


def test_sip_is_the_same_with_media_and_without(tmp_path: Path) -> None:
    texts = []
    for media in (False, True):
        make(tmp_path / str(media), calls=3, seed=4, media=media)
        capture = analyzer.read(tmp_path / str(media) / "all.pcap", tables=["messages"])
        texts.append(capture.table("messages").select("time", "call_id", "cseq", "method", "status", "length").rows())
    assert texts[0] == texts[1]
