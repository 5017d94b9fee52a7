"""What was asked of HSS, PCRF and DNS in ladders: lanes of its own, arrows that are told from those of SIP."""

from __future__ import annotations

import re
from functools import cache

import captures
from places import SAMPLES

from analyzer.show.timeline import Timeline


@cache
def story(*, sip_only: bool = False) -> Timeline:
    return captures.read(SAMPLES / "ims_core.pcap").call(1).timeline(sip_only=sip_only)


def test_peers_have_lanes_behind_those_of_sip() -> None:
    lanes = dict(zip(story().lanes, story().roles, strict=True))
    assert list(lanes.items())[-3:] == [("10.46.0.53", "DNS"), ("10.46.0.10", "HSS"), ("10.46.0.11", "PCRF")]


def test_each_exchange_is_two_events_of_its_protocol() -> None:
    counted = [event.protocol for event in story().events if event.protocol]
    assert (counted.count("diameter"), counted.count("dns")) == (8, 6)


def test_sip_only_is_the_ladder_without_them() -> None:
    assert story(sip_only=True).lanes == story().lanes[:-3]
    assert not any(event.protocol for event in story(sip_only=True).events)


def test_arrows_are_dotted_and_say_what_was_answered() -> None:
    drawn = captures.read(SAMPLES / "ims_core.pcap").call(1).ladder()
    (line,) = [line for line in drawn.text(width=240).splitlines() if "LIA" in line]
    assert "┄ LIA SUCCESS ┄" in line
    assert "-)L" in drawn.mermaid()


def test_they_have_a_colour_of_their_own_and_a_place_in_the_legend() -> None:
    drawn = captures.read(SAMPLES / "ims_core.pcap").call(1).ladder()
    svg = drawn.svg()
    assert re.search(r"\.companion\{stroke:#\w+\}", svg)
    assert re.search(r'class="line companion dotted"[^>]*/>(?:(?!<g).)*Diameter, DNS', svg)
    assert svg.count('class="line companion dotted"') == 8 + 6 + 1, "each message, and the legend"
    assert re.search(r"-\[#7A6A00\]", drawn.plantuml())
