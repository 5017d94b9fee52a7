"""What was heard: RFC 3264 §5.1, RFC 3550, G.107. The media of calls are those of ``tests.media.talk``."""

from __future__ import annotations

import pytest
from pcaps import udp

from tests.media.talk import CALL, CALLEE, CALLER, delayed, heard, ns, packet, rtp
from tests.sip import wire

OF_MEDIA = {"one_way_audio", "no_audio", "late_media", "media_quality", "codec_not_agreed", "media_after_end"}
OF_MEDIA |= {"media_elsewhere", "audio_against_hold", "early_audio_not_signalled", "audio_lost_between_legs"}
OF_MEDIA |= {"audio_gap", "amr_framing", "audio_while_inactive", "bit_rate_not_agreed"}
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


# -- against what was agreed -------------------------------------------------------------------------------------------

NAT = ("198.51.100.7", 61_000)


def test_audio_to_an_address_that_nobody_announced() -> None:
    assert "media_elsewhere" in named(rtp(range(450), way=(CALLER, ("10.0.0.99", 7_000)), source=1))
    # Something comes from there: a NAT whose address was learnt (RFC 4961).
    learnt = rtp(range(450), way=(CALLER, NAT), source=1), rtp(range(450), way=(NAT, CALLER), source=2)
    assert named(*learnt) == []


HELD = CALL.replace(
    "UAC -> UAS  BYE",
    """UAC -> UAS  INVITE cseq=5 to_tag=y sdp=hold   @3.000
    UAS -> UAC  200 INVITE cseq=5 to_tag=y sdp=held   @3.010
    UAC -> UAS  ACK cseq=5 to_tag=y                   @3.020
    UAC -> UAS  INVITE cseq=6 to_tag=y sdp=again      @23.000
    UAS -> UAC  200 INVITE cseq=6 to_tag=y sdp=taken  @23.010
    UAC -> UAS  ACK cseq=6 to_tag=y                   @23.020
    UAC -> UAS  BYE""",
).replace("@11.", "@31.")
HOLD = {
    "offer": wire.audio(1), "answer": wire.audio(2), "hold": wire.audio(1, 2, "sendonly"),
    "held": wire.audio(2, 2, "recvonly"), "again": wire.audio(1, 3), "taken": wire.audio(2, 3),
}  # fmt: skip


def test_who_is_on_hold_should_be_silent() -> None:
    """The caller plays music; the callee goes on for twenty seconds, or stops a second after the hold began."""
    music = there(range(1_400))
    assert named(music, back(range(1_400)), dialogue=HELD, bodies=HOLD) == ["audio_against_hold"]
    # The numbers go on behind the pause, and so do the timestamps with the clock.
    stopped = [
        (ns(1 + place / 50), udp(CALLEE[0], CALLER[0], packet(n, place * 160, bytes(160), 8, 2), (4000, 4000)))
        for n, place in enumerate([*range(150), *range(1_100, 1_400)])
    ]
    assert named(music, stopped, dialogue=HELD, bodies=HOLD) == []


def paused(one: tuple[str, int], other: tuple[str, int], source: int) -> Packets:
    """Without packets from 4 s to 23 s: numbers go on behind it, and timestamps with the clock."""
    return [
        (ns(1 + place / 50), udp(one[0], other[0], packet(n, place * 160, bytes(160), 8, source), (4000, 4000)))
        for n, place in enumerate([*range(150), *range(1_100, 1_400)])
    ]


def test_nobody_speaks_while_the_session_is_inactive() -> None:
    """Music is for who is held with sendonly; after inactive it is audio that nobody waits for."""
    music = there(range(1_400))
    silent, stopped = paused(CALLER, CALLEE, 1), paused(CALLEE, CALLER, 2)
    inactive = HOLD | {"hold": wire.audio(1, 2, "inactive"), "held": wire.audio(2, 2, "inactive")}
    assert named(music, stopped, dialogue=HELD, bodies=inactive) == ["audio_while_inactive"]
    # Silence on both sides is what was asked for, in either case.
    assert named(silent, stopped, dialogue=HELD, bodies=inactive) == []
    assert named(silent, stopped, dialogue=HELD, bodies=HOLD) == []


def test_audio_to_another_port_of_the_right_host() -> None:
    """The caller sends from the port that it announced, and the callee sends to another one of it."""
    other = rtp(range(450), way=(CALLEE, (CALLER[0], 9_000)), source=2)
    assert named(there(), other) == ["media_elsewhere"]
    # Another host may be a relay that was told elsewhere.
    assert named(there(), rtp(range(450), way=(CALLEE, ("10.0.0.77", 9_000)), source=2)) == []


def amr_of_callee(numbers: range, mode: int, speech_bits: int, since: float = 1.0) -> Packets:
    """AMR of the callee, octet-aligned, payload type 98."""
    payload = bytes((0xF0, mode << 3 | 4)) + bytes((speech_bits + 7) // 8)
    return [
        (ns(since + n / 50), udp(CALLEE[0], CALLER[0], packet(n, n * 160, payload, 98, 2), (4000, 4000)))
        for n in numbers
    ]


def test_a_bit_rate_that_was_not_agreed_on() -> None:
    """RFC 4867 §8.1: mode-set of the caller, who receives: 4.75, 5.9 and 7.4 kbit/s."""
    fmtp = "a=rtpmap:98 AMR/8000\na=fmtp:98 mode-set=0,2,4; octet-align=1\n"
    bodies = {"offer": wire.audio(1, formats="98") + fmtp, "answer": wire.audio(2, formats="98") + fmtp}
    assert named(there(kind=98), amr_of_callee(range(450), 7, 244), bodies=bodies) == ["bit_rate_not_agreed"]
    assert named(there(kind=98), amr_of_callee(range(450), 4, 148), bodies=bodies) == []
    anything = {name: text.replace("mode-set=0,2,4; ", "") for name, text in bodies.items()}
    assert named(there(kind=98), amr_of_callee(range(450), 7, 244), bodies=anything) == []


def test_audio_before_an_answer_that_a_node_kept_back() -> None:
    """The callee answers at 2 s and speaks; the B2BUA tells the caller at 3 s."""
    dialogue = """
    UAC -> B2B  INVITE sdp=offer                                          @0.000
    B2B -> UAS  INVITE call_id=second from_tag=z sdp=offer                @0.100
    UAS -> B2B  200 INVITE call_id=second from_tag=z to_tag=w sdp=answer  @2.000
    B2B -> UAS  ACK call_id=second from_tag=z to_tag=w                    @2.010
    B2B -> UAC  200 INVITE to_tag=y sdp=answer                            @3.000
    UAC -> B2B  ACK to_tag=y                                              @3.010
    UAC -> B2B  BYE to_tag=y cseq=2                                       @11.000
    B2B -> UAC  200 BYE to_tag=y cseq=2                                   @11.010
    """
    bodies = {"offer": wire.audio(1), "answer": wire.audio(3)}
    callee = ("10.0.0.3", 4000)
    media = rtp(range(450), way=(CALLER, callee), source=1, since=3.0)
    assert (
        named(media, rtp(range(450), way=(callee, CALLER), source=2, since=2.1), dialogue=dialogue, bodies=bodies) == []
    )


def test_audio_before_the_answer_that_nothing_announced() -> None:
    ringing = CALL.replace("@1.000", "@5.000").replace("@1.010", "@5.010").replace("@11.", "@15.")
    early = back(range(600), since=3.0)
    assert named(there(since=5.0), early, dialogue=ringing) == ["early_audio_not_signalled"]
    announced = ringing.replace(
        "    UAS -> UAC  200", "    UAS -> UAC  183 INVITE to_tag=y sdp=answer  @2.900\n    UAS -> UAC  200"
    )
    assert named(there(since=5.0), early, dialogue=announced) == []


def test_a_relay_that_forwards_one_side_only() -> None:
    """Both sides are heard between the caller and the relay; behind it the callee sends and hears nothing."""
    relay, behind = ("10.0.0.2", 4000), ("10.0.0.2", 5000)
    far = ("10.0.0.3", 4000)
    both = rtp(range(450), way=(CALLER, relay), source=1), rtp(range(450), way=(relay, CALLER), source=2)
    dialogue = (
        CALL
        + """
    UAS -> UA3  INVITE call_id=second from_tag=z sdp=offer2                @0.100
    UA3 -> UAS  200 INVITE call_id=second from_tag=z to_tag=w sdp=answer2  @0.900
    UAS -> UA3  ACK call_id=second from_tag=z to_tag=w                     @0.910
    """
    )
    bodies = {
        "offer": wire.audio(1), "answer": wire.audio(2), "offer2": wire.audio(2, port=5000), "answer2": wire.audio(3),
    }  # fmt: skip
    leg = rtp(range(450), way=(far, behind), source=3)
    capture = heard(*both, leg, dialogue=dialogue, bodies=bodies)
    if capture.table("calls").height == 2:  # nothing but times links the legs
        pytest.skip("the legs of this dialogue are calls of their own")
    assert "audio_lost_between_legs" in capture.table("findings")["code"].to_list()


def test_a_side_that_pauses_in_the_middle() -> None:
    """Four seconds without a packet, and the next number: not of a codec that agreed on comfort noise."""
    paused = [*range(200), *range(200, 350)]
    late = [0.0] * 200 + [4.0] * 150
    assert named(there(), back(paused, late=late)) == ["audio_gap"]
    noise = {"offer": wire.audio(1, formats="8 13"), "answer": wire.audio(2, formats="8 13")}
    assert named(there(), back(paused, late=late), bodies=noise) == []


@pytest.mark.parametrize(("aligned", "found"), [(0, ["amr_framing"]), (1, [])])
def test_amr_in_the_form_that_was_asked_for(aligned: int, found: list[str]) -> None:
    """12.2 kbit/s, octet-aligned (RFC 4867 §4.4), both ways."""
    described = f"m=audio 4000 RTP/AVP 97\na=rtpmap:97 AMR/8000\na=fmtp:97 octet-align={aligned}\na=sendrecv\n"
    bodies = {side: wire.SESSION.format(n, 1) + described for n, side in ((1, "offer"), (2, "answer"))}
    sent = [
        (at, data[:40] + b"\xf0\x3c" + bytes(31))
        for way, source in (((CALLER, CALLEE), 1), ((CALLEE, CALLER), 2))
        for at, data in amr(way, source)
    ]
    assert sorted(set(named(sent, bodies=bodies))) == found


def amr(way: tuple[tuple[str, int], tuple[str, int]], source: int) -> Packets:
    """Packets of 33 bytes."""
    return [
        (ns(1 + n / 50), udp(way[0][0], way[1][0], packet(n, n * 160, bytes(33), 97, source), (4000, 4000)))
        for n in range(300)
    ]
