"""Calls through real exchanges and proxies (sample_pcaps/real_nodes), with the truth from the logs of their ends."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from typing import Any

import pytest
from places import SAMPLES

import analyzer

# What the module reads once, one worker reads.
pytestmark = pytest.mark.xdist_group("real_nodes")

DIRECTORY = SAMPLES / "real_nodes"
TRUTH: dict[str, Any] = json.loads((DIRECTORY / "truth.json").read_text())
everywhere = pytest.mark.parametrize("name", TRUTH)


@cache
def owners(name: str) -> dict[str, str]:
    """The call that a Call-ID is of; a leg that a transfer made is of the call that was transferred."""
    return {
        call_id: call["name"]
        for call in TRUTH[name]["calls"]
        for call_id in (
            call["call_id"], *call["between"], *(leg["call_id"] for leg in call["called"]), *call["transferred_to"],
        )
    }  # fmt: skip


@cache
def calls(name: str) -> list[list[str]]:
    """The Call-IDs of each call that we find."""
    found: list[list[str]] = (
        analyzer.read(DIRECTORY / f"{name}.pcap.gz", tables=["calls"]).table("calls")["call_ids"].to_list()
    )
    return found


@everywhere
def test_the_truth_knows_every_call_id_of_the_capture(name: str) -> None:
    data = gzip.decompress((DIRECTORY / f"{name}.pcap.gz").read_bytes())
    seen = {
        match[1].decode()
        for invite in re.findall(rb"INVITE sip:.*?\r\n\r\n", data, re.DOTALL)
        if (match := re.search(rb"^Call-ID: (.*?)\r$", invite, re.MULTILINE))
    }
    assert seen == set(owners(name))


@everywhere
def test_no_two_calls_are_told_as_one(name: str) -> None:
    told = [{owners(name)[call_id] for call_id in row} for row in calls(name)]
    assert [names for names in told if len(names) > 1] == []


@pytest.mark.parametrize("part", ["fit", "check"])
def test_calls_through_boxes_nobody_wrote_for_us_are_one_row_each(part: str) -> None:
    """`fit` captures are for setting thresholds, `check` captures hold them to it."""
    whole = made = 0
    for name, entry in TRUTH.items():
        if entry["part"] != part:
            continue
        together = {frozenset(owners(name)[call_id] for call_id in row) for row in calls(name)}
        parts = [owners(name)[call_id] for row in calls(name) for call_id in row[:1]]
        transferred = {call["name"] for call in entry["calls"] if call["transferred_to"]}
        for call in entry["calls"]:
            made += 1
            # The call that a transfer makes may have a row of its own.
            whole += parts.count(call["name"]) <= 1 + (call["name"] in transferred) and {call["name"]} in together
    assert whole / made >= 0.98
