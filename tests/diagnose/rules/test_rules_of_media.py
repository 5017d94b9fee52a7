"""What was heard: RFC 3264 §5.1, RFC 3550, G.107. The media of calls are those of ``tests.media.talk``."""

from __future__ import annotations

import pytest

from tests.media.talk import CALL, CALLEE, CALLER, delayed, heard, rtp
from tests.sip import wire

OF_MEDIA = {"one_way_audio", "no_audio", "late_media", "media_quality", "codec_not_agreed", "media_after_end"}
Packets = list[tuple[int, bytes]]


def named(*media: Packets, **options: object) -> list[str]:
    codes = heard(*media, **options).table("findings")["code"].to_list()  # type: ignore[arg-type]
    return [code for code in codes if code in OF_MEDIA]


def there(numbers: object = range(450), **options: object) -> Packets:
    return rtp(numbers, way=(CALLER, CALLEE), source=1, **options)  # type: ignore[arg-type]


def back(numbers: object = range(450), **options: object) -> Packets:
    return rtp(numbers, way=(CALLEE, CALLER), source=2, **options)  # type: ignore[arg-type]


def test_a_call_that_both_heard_has_no_finding() -> None:
    assert named(there(), back()) == []


def test_a_side_that_was_not_heard() -> None:
    capture = heard(there())
    (row,) = (row for row in capture.table("findings").to_dicts() if row["code"] == "one_way_audio")
    assert row["nodes"] == "10.0.0.2:4000"


def test_a_side_on_hold_is_no_one_way_audio() -> None:
    bodies = {"offer": wire.audio(1, direction="sendonly"), "answer": wire.audio(2, direction="recvonly")}
    assert named(there(), bodies=bodies) == []


def test_a_call_without_audio_beside_one_with_it() -> None:
    """A second call of the same ends: their RTP passes here, and this call has none."""
    other = CALL.replace(" sdp=", " call_id=second from_tag=z sdp=").replace("to_tag=y", "to_tag=w")
    other = other.replace("UAC -> UAS  ACK", "UAC -> UAS  ACK call_id=second from_tag=z")
    other = other.replace("BYE to_tag", "BYE call_id=second from_tag=z to_tag")
    other = "\n".join(delayed(line, 20) for line in other.splitlines())
    assert named(there(), back(), dialogue=CALL + other) == ["no_audio"]
    assert named(dialogue=CALL + other) == []


def test_audio_that_begins_after_the_first_words() -> None:
    assert named(there(), back(since=2.5)) == ["late_media"]
    assert named(there(), back(since=1.5)) == []


@pytest.mark.parametrize("every", [20, 40])
def test_loss_that_people_hear(every: int) -> None:
    lossy = [n for n in range(450) if n % every != 7]
    assert named(there(), back(lossy)) == ["media_quality"]


def test_loss_that_nobody_hears_is_none() -> None:
    assert named(there(), back([n for n in range(450) if n % 300 != 7])) == []


def test_jitter_that_people_hear() -> None:
    late = [0.09 * (n % 2) for n in range(450)]
    assert named(there(), back(late=late), in_order=True) == ["media_quality"]


def test_a_payload_type_that_nobody_announced() -> None:
    assert "codec_not_agreed" in named(there(kind=18), back())
    assert named(there(kind=0), back()) == []


def test_audio_that_goes_on_after_the_end() -> None:
    """The BYE comes at 11 s."""
    assert named(there(range(800)), back()) == ["media_after_end"]
    assert named(there(range(550)), back()) == []
