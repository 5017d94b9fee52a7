"""Media of real telephones over a line of known loss (sample_pcaps/real_media): the line's log has the truth."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import polars as pl
import pytest
from places import SAMPLES

import analyzer

DIRECTORY = SAMPLES / "real_media"
TRUTH: dict[str, Any] = json.loads((DIRECTORY / "truth.json").read_text())
everywhere = pytest.mark.parametrize("name", TRUTH)


@cache
def read(name: str) -> analyzer.Capture:
    return analyzer.read(DIRECTORY / f"{name}.pcap.gz")


def row(name: str, way: str, ssrc: int | None = None) -> dict[str, Any]:
    """Our stream of a way, and the one of the truth beside it."""
    truth = next(it for it in TRUTH[name]["streams"] if it["way"] == way and ssrc in (None, it["ssrc"]))
    return read(name).table("streams").row(by_predicate=of(truth), named=True) | {"truth": truth}


def of(truth: dict[str, Any]) -> pl.Expr:
    ends = zip(("src_ip", "src_port", "dst_ip", "dst_port"), truth["ends"], strict=True)
    return pl.all_horizontal(pl.col("ssrc") == truth["ssrc"], *(pl.col(name) == value for name, value in ends))


@everywhere
def test_what_was_lost_doubled_and_overtaken_is_what_the_line_did(name: str) -> None:
    counts = ("packets", "expected", "lost", "doubled", "reordered", "longest_loss")
    streams = read(name).table("streams")
    told = [streams.row(by_predicate=of(it), named=True) for it in TRUTH[name]["streams"]]
    assert [[it[count] for count in counts] for it in told] == [
        [it[count] for count in counts] for it in TRUTH[name]["streams"]
    ]
    # And nothing else is one.
    assert streams.height == len(TRUTH[name]["streams"])


@everywhere
def test_both_are_heard_and_joined_to_the_call(name: str) -> None:
    capture = read(name)
    assert capture.table("calls").select("outcome", "media").rows() == [("answered", "both_ways")]
    told = capture.table("streams").filter(pl.col("codec") != "telephone-event/8000")
    assert sorted(told.select("sent_by", "joined_by").rows()) == [("callee", "receiver"), ("caller", "receiver")]
    assert set(told["codec"]) <= set(TRUTH[name]["codecs"])


@everywhere
def test_digits_are_those_that_were_pressed(name: str) -> None:
    dtmf = read(name).table("dtmf").filter(event="digit", sent_by="caller")
    assert dtmf.height == TRUTH[name]["digits"]
    assert dtmf["ended"].all()


@everywhere
def test_jitter_is_no_more_than_what_the_line_makes(name: str) -> None:
    """Delay varies by 10 ms, and behind two packets is 40 ms: J stays below the greatest difference (RFC 3550 §6.4.1).
    Events whose timestamp stands still, in clear or encrypted, would make it more."""
    there = row(name, "there")
    assert 0.002 < there["jitter_s"] < there["jitter_max_s"] < 0.03
    assert row(name, "back")["jitter_s"] < 0.005


def test_hold_is_a_pause_and_no_loss() -> None:
    caller, callee = row("baresip", "there"), row("baresip", "back")
    assert (caller["pauses"], callee["pauses"]) == (1, 1)
    assert callee["silence_s"] == pytest.approx(2.0, abs=0.3)
    assert callee["lost"] == 0


def test_the_receiver_tells_of_loss_behind_the_capture() -> None:
    """Alice reports what was lost on the way to her, until her last report; nothing of that is lost at the capture."""
    there, back = row("baresip", "there"), row("baresip", "back")
    assert 0 < back["rtcp_lost"] <= TRUTH["baresip"]["lost_behind"]
    # Bob sits where the capture is; he subtracts the doubled ones (RFC 3550 A.3).
    assert 0 < there["rtcp_lost"] <= there["lost"]
    assert there["rtcp_jitter_s"] == pytest.approx(there["jitter_s"], rel=0.5)


def test_encrypted_reports_are_not_read() -> None:
    """RFC 3711 §3.4: of SRTCP the first eight bytes are clear, the reports are not."""
    assert read("baresip_srtp").table("rtcp_reports").is_empty()


def test_events_of_their_own_are_no_sound_that_was_lost() -> None:
    """SIPp plays a digit with a source of its own: it has no jitter, and no part in how the call sounded."""
    events = read("sipp").table("streams").row(by_predicate=pl.col("codec") == "telephone-event/8000", named=True)
    assert (events["jitter_s"], events["late"], events["mos"]) == (None, 0, None)
    assert read("sipp").table("calls")["loss"].to_list() == [row("sipp", "there")["loss"]]


def test_a_codec_that_changes_is_one_stream() -> None:
    there = row("sipp", "there")
    assert (sorted(there["payload_types"].split()), there["restarted"]) == (["0", "8"], False)
