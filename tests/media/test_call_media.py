"""Who was not heard: a dialogue with the media of one side, both, or none."""

from __future__ import annotations

import pytest

from tests.media.talk import CALL, CALLEE, CALLER, delayed, heard, rtp
from tests.sip import wire

SECONDS = 50  # packets


def told(*media: list[tuple[int, bytes]], **options: object) -> tuple[str, str | None]:
    (row,) = heard(*media, **options).table("call_media").to_dicts()  # type: ignore[arg-type]
    return row["media"], row["silent_side"]


def there(seconds: float = 9, since: float = 1.0) -> list[tuple[int, bytes]]:
    return rtp(range(round(seconds * SECONDS)), way=(CALLER, CALLEE), since=since, source=1)


def back(seconds: float = 9, since: float = 1.0) -> list[tuple[int, bytes]]:
    return rtp(range(round(seconds * SECONDS)), way=(CALLEE, CALLER), since=since, source=2)


def test_a_stream_that_goes_on_into_the_next_call_is_no_silence_of_it() -> None:
    """The same ends and ports half a second later, and a sender that never stopped: whom it is of nobody knows."""
    again = "\n".join(delayed(line, 11.5).replace(" @", " call_id=again @") for line in CALL.splitlines())
    rows = heard(rtp(range(1_075)), dialogue=CALL + again).table("call_media")
    assert rows["media"].to_list() == ["from_caller", "unknown"]


def test_both_sides_were_heard() -> None:
    assert told(there(), back()) == ("both_ways", None)


def test_a_side_whose_other_packets_pass_here_was_not_heard() -> None:
    """Its SIP comes from the address that it announced for media."""
    assert told(there()) == ("from_caller", "callee")
    assert told(back()) == ("from_callee", "caller")


def test_a_side_whose_packets_may_go_another_way_is_not_called_silent() -> None:
    """Media of the callee come from an address of which nothing passes here."""
    elsewhere = wire.audio(2).replace("10.0.0.2", "10.0.0.77")
    media = rtp(range(450), way=(CALLER, ("10.0.0.77", 4000)), source=1)
    assert told(media, bodies={"offer": wire.audio(1), "answer": elsewhere}) == ("unknown", None)


def test_a_capture_without_media_says_nothing() -> None:
    assert told() == ("unknown", None)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_who_was_asked_to_be_silent_is_not_called_so(direction: str) -> None:
    bodies = {"offer": wire.audio(1, direction=direction), "answer": wire.audio(2)}
    assert told(there(), bodies=bodies) == ("unknown", None)


def test_too_little_is_no_one_way() -> None:
    assert told(there(seconds=2)) == ("unknown", None)


def test_when_audio_began_and_ended() -> None:
    """The callee begins 2 s after its answer and goes on for 3 s behind the BYE."""
    row = heard(there(), back(seconds=11, since=3.0)).table("call_media").row(0, named=True)
    assert row["delay_s"] == pytest.approx(2.0)
    assert row["after_end_s"] == pytest.approx(2.98)


@pytest.mark.parametrize(
    ("media", "captured"),
    [((there(), back()), "both_ways"), ((there(2),), "caller_only"), ((back(2),), "callee_only")],
)
def test_calls_have_what_was_captured_of_them(media: tuple[list[tuple[int, bytes]], ...], captured: str) -> None:
    """Of 100 packets every tenth lost, the last not: G.711 is rated below its best."""
    lossy = [[packet for number, packet in enumerate(part) if number % 10 != 5] for part in media]
    (row,) = heard(*lossy).table("calls").to_dicts()
    (stream,) = {stream["mos"] for stream in heard(*lossy).table("streams").to_dicts()}
    assert row["media"] == captured
    assert row["loss"] == pytest.approx(0.1)
    assert (row["mos"], stream < 4.0) == (stream, True)


def test_calls_of_which_no_media_were_captured() -> None:
    """Other media pass; a capture without any says nothing of media."""
    elsewhere = rtp(range(50), way=(("10.9.0.1", 5000), ("10.9.0.2", 5000)))
    assert heard(elsewhere).table("calls")["media"].to_list() == ["not_captured"]
    assert heard().table("calls")["media"].to_list() == [None]


def test_a_call_that_was_not_answered_has_no_row() -> None:
    refused = """
        UAC -> UAS  INVITE sdp=offer          @0.000
        UAS -> UAC  486 INVITE to_tag=y       @1.000
        UAC -> UAS  ACK to_tag=y              @1.010
    """
    assert heard(dialogue=refused).table("call_media").is_empty()
    assert not heard(dialogue=CALL).table("call_media").is_empty()
