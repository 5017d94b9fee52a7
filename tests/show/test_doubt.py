"""A role of an IMS that one hint alone supports has a question mark where people read it, and in no table."""

from __future__ import annotations

import captures
import polars as pl
from places import SAMPLES

import analyzer
from analyzer.show.doubt import with_doubt
from analyzer.show.timeline.messages import known_nodes


def test_little_confidence_is_a_question_mark() -> None:
    roles = ["S-CSCF", "S-CSCF", "registrar", "unknown", "UE"]
    seen = pl.DataFrame({"role": roles, "confidence": [0.6, 1.0, 0.6, 0.0, 0.65]})
    assert with_doubt(seen)["role"].to_list() == ["S-CSCF?", "S-CSCF", "registrar", "unknown", "UE?"]


def test_lanes_have_it_and_tables_do_not() -> None:
    # The tap at the P-CSCF alone: of the I-CSCF it sees what came back by way of it.
    capture: analyzer.Capture = captures.read(SAMPLES / "kamailio" / "pcscf.pcap.gz")
    endpoints = capture.table("endpoints").filter(ip="10.51.0.3")
    assert set(endpoints["role"]) == {"I-CSCF"}
    assert {row["role"] for row in known_nodes(endpoints).values()} == {"I-CSCF?"}
    assert "I-CSCF? 10.51.0.3" in capture.summary()
