"""Streams of RTP: what was lost, doubled and late, of which call, and what was pressed, against what was sent."""

from __future__ import annotations

import itertools
import random
import struct

import pytest
from pcaps import udp

import analyzer
from tests.media.talk import CALL, CALLEE, CALLER, Ended, delayed, heard, ns, packet, rtp
from tests.sip import wire


def one(capture: analyzer.Capture) -> dict[str, object]:
    (row,) = capture.table("streams").to_dicts()
    return row


def talk(n: int = 100, **options: object) -> list[tuple[int, bytes]]:
    return rtp(range(n), **options)  # type: ignore[arg-type]


# -- counts ------------------------------------------------------------------------------------------------------------


def lost_by_chance(chance: random.Random, n: int) -> list[int]:
    return [number for number in range(n) if chance.random() > 0.05 or number in (0, n - 1)]


def lost_in_bursts(chance: random.Random, n: int) -> list[int]:
    """Gilbert: into the bad state with 2 %, out of it with 30 %, and all is lost in it."""
    kept, bad = [], False
    for number in range(n):
        bad = chance.random() > 0.3 if bad else chance.random() < 0.02
        if not bad or number in (0, n - 1):
            kept.append(number)
    return kept


@pytest.mark.parametrize("model", [lost_by_chance, lost_in_bursts])
@pytest.mark.parametrize("start", [0, 65_000])
def test_lost_packets_are_those_that_were_not_sent_on(model: object, start: int) -> None:
    numbers = model(random.Random(7), 1_000)  # type: ignore[operator]
    row = one(heard(rtp([start + n for n in numbers], first=start)))
    runs = [after - before - 1 for before, after in itertools.pairwise(numbers)]
    told = {name: row[name] for name in ("packets", "expected", "lost", "doubled", "reordered", "longest_loss")}
    assert told == {
        "packets": len(numbers),
        "expected": 1_000,
        "lost": 1_000 - len(numbers),
        "doubled": 0,
        "reordered": 0,
        "longest_loss": max(runs),
    }
    assert row["loss"] == (1_000 - len(numbers)) / 1_000


def test_a_mirrored_capture_has_no_loss() -> None:
    """A switch that mirrors both ports shows each packet twice."""
    sent = talk()
    row = one(heard(sent, [(time + 1_000, data) for time, data in sent]))
    assert (row["packets"], row["doubled"], row["lost"], row["reordered"]) == (200, 100, 0, 0)
    assert row["jitter_max_s"] == 0


def test_packets_behind_later_ones_are_not_lost() -> None:
    order = list(range(100))
    for at in range(10, 90, 8):
        order[at], order[at + 1] = order[at + 1], order[at]
    row = one(heard(rtp(order, late=[0.02 if order[n] < n else 0 for n in range(100)])))
    assert (row["lost"], row["reordered"], row["doubled"]) == (0, 10, 0)


def test_silence_that_the_sender_chose_is_no_loss() -> None:
    """Discontinuous transmission: the numbers go on, the timestamps and the time jump."""
    before = rtp(range(50))
    after = [
        (
            ns(3.0 + n * 0.02),
            udp("10.0.0.1", "10.0.0.2", packet(50 + n, 8_000 + 160 * (50 + n), bytes(160)), (4000,) * 2),
        )
        for n in range(50)
    ]
    row = one(heard(before, after))
    assert (row["lost"], row["pauses"], row["expected"]) == (0, 1, 100)
    assert row["silence_s"] == pytest.approx(1.02)


def test_a_sender_that_begins_anew_is_another_stream() -> None:
    rows = heard(rtp(range(50)), rtp(range(30_000, 30_050), since=2.1, first=30_000)).table("streams")
    # The first packet after the jump proves nothing yet.
    assert rows.select("restarted", "lost", "packets", "stray").rows() == [(False, 0, 51, 1), (True, 0, 49, 0)]


def test_two_packets_are_no_stream() -> None:
    assert heard(rtp([1, 2])).table("streams").is_empty()


def test_a_burst_has_its_density_and_length() -> None:
    """RFC 3611 §4.7.2, by hand: 20 packets, then two lost, three received, one lost, and 40 received.

    The burst is of six packets with three lost: half of it, 120 ms. No packet is lost between bursts.
    """
    row = one(heard(rtp([n for n in range(66) if n not in (20, 21, 25)])))
    assert (row["lost"], row["longest_loss"]) == (3, 2)
    assert row["burst_loss"] == pytest.approx(0.5, abs=0.15)
    assert row["gap_loss"] == 0


# -- jitter ------------------------------------------------------------------------------------------------------------


def by_rfc_3550(late: list[float], packet_s: float = 0.02) -> list[float]:
    """§6.4.1 and A.8, of packets sent every ``packet_s``, each so late."""
    jitter, found = 0.0, []
    for before, after in itertools.pairwise(late):
        jitter += (abs(after - before) - jitter) / 16
        found.append(jitter)
    return found


@pytest.mark.parametrize(
    ("kind", "units", "clock"), [(8, 160, 8_000), (9, 160, 8_000), (96, 320, 16_000), (97, 960, 48_000)]
)
def test_jitter_is_that_of_rfc_3550(kind: int, units: int, clock: int) -> None:
    chance = random.Random(5)
    late = [0.0, *(chance.randrange(0, 9_000) / 1e6 for _ in range(499))]
    row = one(heard(rtp(range(500), kind=kind, units=units, late=late)))
    found = by_rfc_3550(late)
    assert row["clock_hz"] == clock
    assert row["jitter_s"] == pytest.approx(sum(found) / len(found), rel=1e-4)
    assert row["jitter_max_s"] == pytest.approx(max(found), rel=1e-4)
    assert row["jitter_p95_s"] == pytest.approx(sorted(found)[int(len(found) * 0.95)], rel=0.04)
    assert row["packet_s"] == 0.02


# -- the call ----------------------------------------------------------------------------------------------------------


def test_a_stream_is_of_the_call_whose_receiver_announced_it() -> None:
    capture = heard(talk(way=(CALLER, CALLEE), source=1), talk(way=(CALLEE, CALLER), source=2))
    call = capture.table("calls")["call"].item()
    rows = capture.table("streams").select("call", "sent_by", "joined_by", "media", "codec", "ssrc").rows()
    assert sorted(rows, key=lambda row: row[-1]) == [
        (call, "caller", "receiver", "audio", "PCMA/8000", 1),
        (call, "callee", "receiver", "audio", "PCMA/8000", 2),
    ]


def test_a_stream_to_an_address_that_nobody_announced_is_of_its_sender() -> None:
    elsewhere: Ended = ("10.0.0.9", 9000)
    row = one(heard(talk(way=(CALLER, elsewhere))))
    assert (row["sent_by"], row["joined_by"]) == ("caller", "sender")


def test_what_comes_back_from_there_is_of_the_other_side() -> None:
    """The callee sits behind a NAT: neither its address nor its port are those that it announced."""
    outside: Ended = ("203.0.113.7", 9000)
    there, back = talk(way=(CALLER, outside), source=1), talk(way=(outside, CALLER), source=2)
    rows = heard(there, back).table("streams").sort("ssrc").select("sent_by", "joined_by").rows()
    assert rows == [("caller", "sender"), ("callee", "receiver")]
    alone = heard(talk(way=(outside, ("203.0.113.8", 1))), talk(way=(("203.0.113.8", 1), outside))).table("streams")
    assert alone["call"].is_null().all()


def test_a_port_that_is_used_again_is_of_the_later_call() -> None:
    later = CALL.replace("sdp=", "call_id=second from_tag=z sdp=").replace("to_tag=y", "to_tag=w")
    later = "\n".join(delayed(line, 20) for line in later.splitlines())
    later = later.replace("UAC -> UAS  ACK", "UAC -> UAS  ACK call_id=second from_tag=z")
    later = later.replace("BYE to_tag", "BYE call_id=second from_tag=z to_tag")
    capture = heard(talk(), talk(since=21.0, source=8), dialogue=CALL + later)
    calls = capture.table("calls")["call"].to_list()
    assert len(calls) == 2
    assert capture.table("streams").sort("first_at")["call"].to_list() == calls


def test_media_of_no_call_are_streams_of_none() -> None:
    row = one(heard(talk(way=(("192.0.2.1", 1), ("192.0.2.2", 2)))))
    assert (row["call"], row["sent_by"], row["codec"]) == (None, None, "PCMA/8000")


def test_the_receiver_says_what_a_payload_type_is() -> None:
    """RFC 3264 §5.1: the numbers of dynamic payload types are those of who receives."""
    bodies = {
        "offer": wire.audio(1, formats="96") + "a=rtpmap:96 AMR-WB/16000\n",
        "answer": wire.audio(2, formats="104") + "a=rtpmap:104 AMR-WB/16000\n",
    }
    row = one(heard(talk(kind=104, units=320), bodies=bodies))
    assert (row["codec"], row["clock_hz"]) == ("AMR-WB/16000", 16_000)


# -- intervals ---------------------------------------------------------------------------------------------------------


def test_intervals_add_up_to_their_stream() -> None:
    capture = heard(rtp([n for n in range(900) if n % 7 != 3]))
    row, parts = one(capture), capture.table("stream_intervals")
    assert parts.height == 4
    assert parts["packets"].sum() == row["packets"]
    assert parts["lost"].sum() == row["lost"]
    assert parts["bytes"].sum() == row["bytes"]
    assert (parts["started_at"].dt.epoch("s") % 5 == 0).all()


# -- digits ------------------------------------------------------------------------------------------------------------

EVENTS = {
    side: wire.audio(number, formats="8 101") + "a=rtpmap:101 telephone-event/8000\n"
    for number, side in ((1, "offer"), (2, "answer"))
}


def digit(event: int, first: int, at: float, kind: int = 101) -> list[tuple[int, bytes]]:
    """RFC 4733 §2.5.1: four packets of 20 ms, of which the last is sent three times with the end bit."""
    found = []
    for n in range(6):
        duration = 160 * min(n + 1, 4)
        payload = struct.pack(">BBH", event, 10 | (0x80 if n > 2 else 0), duration)
        data = packet(first + n, first * 160, payload, kind, marker=n == 0)
        found.append((ns(at + n * 0.02), udp("10.0.0.1", "10.0.0.2", data, (4000, 4000))))
    return found


def pressed(kind: int = 101, **options: object) -> analyzer.Capture:
    parts = (rtp(range(50)), digit(5, 50, 2.0, kind), digit(11, 56, 2.12, kind), rtp(range(62, 80), since=1.0))
    return heard(*parts, bodies=EVENTS, **options)  # type: ignore[arg-type]


def test_a_digit_is_one_however_many_packets_repeat_it() -> None:
    rows = pressed(digits=True).table("dtmf")
    assert rows.select("event", "duration_s", "volume_dbm0", "ended", "packets", "sent_by").rows() == [
        ("5", 0.08, -10, True, 6, "caller"),
        ("#", 0.08, -10, True, 6, "caller"),
    ]


def test_which_digit_it_was_is_not_told_unasked() -> None:
    assert pressed().table("dtmf")["event"].to_list() == ["digit", "digit"]


def test_a_payload_type_that_the_call_does_not_call_an_event_is_none() -> None:
    assert pressed(kind=102, digits=True).table("dtmf").is_empty()


def test_events_are_no_jitter() -> None:
    assert one(pressed())["jitter_max_s"] == 0


# -- RTCP --------------------------------------------------------------------------------------------------------------


def rtcp(at: float, way: tuple[Ended, Ended], data: bytes) -> tuple[int, bytes]:
    (source, port), (target, target_port) = way
    return ns(at), udp(source, target, data, (port + 1, target_port + 1))


def test_reports_are_of_the_stream_that_they_speak_of() -> None:
    """RFC 3550 §6.4.1, by hand: a quarter lost since the last report, 40 in all, 80 units of jitter at 8000 a second,
    and 700 ms behind the sender report, of which the receiver had it for 500."""
    sender = struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 0xAAAA1111, 0x22220000, 0, 100, 16_000)
    block = struct.pack(">IIIIII", 7, 64 << 24 | 40, 200, 80, 0x11112222, 1 << 15)
    receiver = struct.pack(">BBHI", 0x81, 201, 7, 9) + block
    capture = heard(talk(), [rtcp(2.0, (CALLER, CALLEE), sender), rtcp(2.7, (CALLEE, CALLER), receiver)])
    row = one(capture)
    assert (row["rtcp_loss"], row["rtcp_lost"], row["rtcp_jitter_s"]) == (0.25, 40, 0.01)
    assert row["rtcp_round_trip_s"] == pytest.approx(0.2)
    (report,) = capture.table("rtcp_reports").to_dicts()
    assert (report["stream"], report["call"], report["reporter"]) == (row["stream"], row["call"], 9)
    assert (report["loss_max"], report["reports"]) == (0.25, 1)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_packets_of_more_streams_than_the_limit_are_a_problem() -> None:
    parts = [rtp(range(5), source=source) for source in range(4)]
    capture = heard(*parts, limits={"max_streams": 2})
    assert capture.table("streams").height == 2
    (problem,) = capture.table("problems").filter(code="stream_limit").to_dicts()
    assert problem["detail"].startswith("10 packets")
