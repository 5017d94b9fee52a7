"""Calls as sound: what a decoder of G.711 gives, where timestamps put it."""

from __future__ import annotations

import io
import math
import wave
from array import array
from pathlib import Path

import pytest
from click.testing import CliRunner
from pcaps import udp

import analyzer
from analyzer.cli import group
from analyzer.media.audio import TABLES
from tests.media.talk import CALL, CALLEE, CALLER, heard, ns, packet, rtp
from tests.sip import wire


def tone(n: int, hertz: int, law: int) -> bytes:
    """20 ms of a tone, packet number n, each sample coded as the nearest value of the code."""
    samples = [int(8_000 * math.sin(2 * math.pi * hertz * (n * 160 + place) / 8_000)) for place in range(160)]
    return bytes(min(range(256), key=lambda byte: abs(TABLES[law][byte] - sample)) for sample in samples)


def sound(capture: analyzer.Capture) -> tuple[array[int], array[int]]:
    written = io.BytesIO()
    capture.call(1).audio(written)
    with wave.open(io.BytesIO(written.getvalue())) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8_000, 2)
        both = array("h", file.readframes(file.getnframes()))
    return both[::2], both[1::2]


def test_the_code_is_that_of_the_standard() -> None:
    """ITU-T G.711 tables 1a, 1b, 2a, 2b: extremes and the smallest values, in 16 bits."""
    ulaw, alaw = TABLES[0], TABLES[8]
    assert [ulaw[byte] for byte in (0x80, 0x00, 0xFF, 0x7F, 0xFE)] == [32_124, -32_124, 0, 0, 8]
    assert [alaw[byte] for byte in (0xAA, 0x2A, 0xD5, 0x55)] == [32_256, -32_256, 8, -8]
    assert sorted(alaw) == sorted(-value for value in alaw)


def test_each_side_is_a_channel_and_lost_packets_are_silence() -> None:
    """The caller says 440 Hz and loses a tenth of a second, the callee begins half a second later."""
    payload = {n: tone(n, 400, 8) for n in range(50)}
    there = [
        (ns(1 + n / 50), udp(CALLER[0], CALLEE[0], packet(n, n * 160, payload[n]), (4000, 4000)))
        for n in range(50)
        if not 20 <= n < 25
    ]
    back = [
        (ns(1.5 + n / 50), udp(CALLEE[0], CALLER[0], packet(n, n * 160, payload[n], source=9), (4000, 4000)))
        for n in range(50)
    ]
    left, right = sound(heard(there, back))
    assert len(left) == len(right) == 12_000
    assert set(left[20 * 160 : 25 * 160]) == {0}
    assert set(right[:4_000]) == {0}
    said = array("h", [TABLES[8][byte] for byte in payload[30]])
    assert left[30 * 160 : 31 * 160] == said
    assert right[4_000 + 30 * 160 : 4_000 + 31 * 160] == said


def test_jitter_reordering_and_copies_do_not_change_the_sound() -> None:
    payload = [tone(n, 400, 8) for n in range(30)]
    order = [*range(10), 11, 10, 12, 12, *range(13, 30)]
    sent = [
        (ns(1 + place / 50 + place % 3 / 200), udp(CALLER[0], CALLEE[0], packet(n, n * 160, payload[n]), (4000, 4000)))
        for place, n in enumerate(order)
    ]
    left, _ = sound(heard(sent))
    assert left == array("h", [TABLES[8][byte] for part in payload for byte in part])


def test_a_sender_that_begins_anew_goes_on_when_it_was_heard() -> None:
    """Its timestamps jump by a day; by the clock a second passed."""
    parts = ((0, 1.0), (10_000_000, 3.0))
    sent = [
        (ns(since + n / 50), udp(CALLER[0], CALLEE[0], packet(first + n, (first + n) * 160, bytes(160)), (4000, 4000)))
        for first, since in parts
        for n in range(50)
    ]
    left, _ = sound(heard(sent))
    assert len(left) == 3 * 8_000


@pytest.mark.parametrize(
    ("bodies", "media", "reason"),
    [
        ({}, False, "no audio of this call"),
        ({side: wire.audio(n, formats="18") for n, side in ((1, "offer"), (2, "answer"))}, True, "its audio is G729"),
        (
            {side: wire.audio(n).replace("RTP/AVP", "RTP/SAVP") for n, side in ((1, "offer"), (2, "answer"))},
            True,
            "encrypted",
        ),
    ],
)
def test_what_cannot_be_played_is_said(bodies: dict[str, str], media: bool, reason: str) -> None:
    kind = 18 if "18" in bodies.get("offer", "") else 8
    capture = heard(*([rtp(range(50), kind=kind)] if media else []), bodies=bodies, dialogue=CALL)
    with pytest.raises(analyzer.AnalyzerError, match=reason):
        capture.call(1).audio(io.BytesIO())
    with pytest.raises(analyzer.AnalyzerError, match="masked"):
        heard(rtp(range(50))).mask().call(1).audio(io.BytesIO())


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    capture, out = tmp_path / "a.pcap", tmp_path / "call.wav"
    assert heard(rtp(range(100))).export(str(capture), media=True) == 105
    done = CliRunner().invoke(group, ["audio", "1", str(capture), "-o", str(out)])
    assert (done.exit_code, done.stderr.splitlines()[0]) == (0, f"sip-analyzer: 2.0 s of audio written to {out}")
    assert out.stat().st_size == 44 + 2 * 8_000 * 4
