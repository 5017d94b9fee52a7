"""Streams of media beside the messages of a ladder."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.media.talk import CALLEE, CALLER, heard, rtp


@pytest.fixture(scope="module")
def call() -> object:
    """The caller sends from 1 s to 10 s, the callee from 2 s on for 3 s: between ACK and BYE."""
    there = rtp(range(450), way=(CALLER, CALLEE), since=1.0, source=1)
    back = rtp(range(150), way=(CALLEE, CALLER), since=2.0, source=2)
    return heard(there, back).call(1)


def test_a_bar_is_as_long_as_its_stream(call: object) -> None:
    """By the marks of its beginning and end and the messages between them."""
    lines = call.ladder().text(ascii_only=True).splitlines()  # type: ignore[attr-defined]

    def bars(word: str) -> str:
        return next(line[:2] for line in lines if word in line)

    # The callee's begins during the caller's, and ends before it.
    assert [bars("of the caller begins"), bars("of the callee begins")] == ["# ", "##"]
    assert [bars("of the callee ends"), bars("of the caller ends"), bars("BYE")] == ["##", "# ", "  "]
    assert "#  audio PCMA/8000 of the caller: 450 packets, 0.0% lost, MOS 4.4" in lines
    assert " # audio PCMA/8000 of the callee: 150 packets, 0.0% lost, MOS 4.4" in lines


def test_the_picture_has_a_bar_for_each(call: object) -> None:
    svg = ET.fromstring(call.ladder().svg())  # type: ignore[attr-defined]
    titles = [title.text for title in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert [text for text in titles if text and "packets" in text and " ends " not in text] == [
        "audio PCMA/8000 of the caller: 450 packets, 0.0% lost, MOS 4.4",
        "audio PCMA/8000 of the callee: 150 packets, 0.0% lost, MOS 4.4",
    ]


def test_without_media_a_ladder_is_as_wide_as_ever() -> None:
    lines = heard().call(1).ladder().text(ascii_only=True).splitlines()
    assert not any("#" in line for line in lines)


def test_of_many_streams_those_of_most_packets_are_drawn() -> None:
    streams = [rtp(range(10 * (n + 1)), way=(CALLER, CALLEE), source=n) for n in range(6)]
    drawn = heard(*streams).call(1).timeline().streams
    assert sorted(stream.came.split()[0] for stream in drawn) == ["30", "40", "50", "60"]
