"""SRTP opened with the keys of session descriptions: RFC 3711, RFC 4568.

The sender is that of the simulator, which stands on another implementation of AES (the package cryptography).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pcaps import udp

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.simulator.rtp_wire import SUITES, Srtp, crypto_line, master_key
from tests.media.talk import CALLEE, CALLER, heard, ns, packet
from tests.sip import wire

pytest.importorskip("cryptography")

SUITE = "AES_CM_128_HMAC_SHA1_80"
Packets = list[tuple[int, bytes]]


def bodies(suite: str = SUITE, callee: str = "callee", version: int = 1) -> dict[str, str]:
    """Offer and answer with keys."""
    offer, answer = (wire.audio(side, version, formats="8 0 101") for side in (1, 2))
    events = "a=rtpmap:101 telephone-event/8000\n"
    said = {
        "offer": offer + events + crypto_line(suite, "caller"),
        "answer": answer + events + crypto_line(suite, callee),
    }
    return {name: text.replace("RTP/AVP", "RTP/SAVP") for name, text in said.items()}


def sealed(numbers: Iterable[int], suite: str = SUITE, *, kind: int = 8, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """What the callee sends: packets of 20 ms with 160 bytes, each one's number over and over."""
    srtp = Srtp(suite, master_key(suite, "callee"))
    for number in numbers:
        clear = packet(number, number * 160, bytes([number % 251]) * 160, kind, 2)
        data = srtp.rtp(clear)
        yield ns(1 + (number - first) / 50), udp(CALLEE[0], CALLER[0], data, (CALLEE[1], CALLER[1]))


def stream(capture: analyzer.Capture) -> dict[str, Any]:
    (row,) = capture.table("streams").to_dicts()
    return row


def refused(capture: analyzer.Capture) -> list[int]:
    """The first packets of streams that no key opens."""
    return capture.table("problems").filter(code="srtp_not_authenticated")["frame"].to_list()


def sound(capture: analyzer.Capture) -> bytes:
    written = io.BytesIO()
    capture.call(1).audio(written)
    return written.getvalue()[44:]


@pytest.mark.parametrize("suite", SUITES)
def test_every_packet_is_authentic_and_in_clear(suite: str) -> None:
    capture = heard(list(sealed(range(100), suite)), bodies=bodies(suite), srtp_keys="sdp")
    row = stream(capture)
    assert (row["srtp"], row["unauthenticated"], row["packets"]) == (suite, 0, 100)
    # The callee is on the right: of the first packet each sample is that of byte 0.
    samples = [struct.unpack_from("<hh", sound(capture), 4 * at)[1] for at in (0, 159, 160)]
    assert samples[0] == samples[1] != samples[2]
    assert refused(capture) == []


def test_without_being_asked_nothing_is_opened() -> None:
    capture = heard(list(sealed(range(100))), bodies=bodies())
    row = stream(capture)
    assert (row["srtp"], row["unauthenticated"], row["lost"]) == (None, None, 0)
    with pytest.raises(AnalyzerError, match="--srtp-keys sdp decrypts it"):
        sound(capture)


def test_a_wrong_key_is_told_and_gives_no_noise() -> None:
    capture = heard(list(sealed(range(100))), bodies=bodies(callee="somebody else"), srtp_keys="sdp")
    row = stream(capture)
    assert (row["srtp"], row["unauthenticated"], row["lost"]) == (None, 100, 0)
    assert refused(capture) == [row["frame"]]
    with pytest.raises(AnalyzerError, match="no key in its session descriptions is right"):
        sound(capture)


def test_numbers_roll_over() -> None:
    """RFC 3711 §3.3.1: the roll-over counter is part of what is authenticated."""
    numbers = range(65_500, 65_600)
    capture = heard(list(sealed(numbers, first=65_500)), bodies=bodies(), srtp_keys="sdp")
    row = stream(capture)
    assert (row["unauthenticated"], row["lost"], row["packets"]) == (0, 0, 100)


def test_a_capture_that_began_after_numbers_rolled_over() -> None:
    """Of a sender whose first packets were not captured, lost ones and late ones in between."""
    sent = list(sealed(range(65_000, 66_000), first=65_000))[600:]
    del sent[50:60]
    sent[100], sent[101] = sent[101], sent[100]
    capture = heard(sent, bodies=bodies(), in_order=False, srtp_keys="sdp")
    row = stream(capture)
    assert (row["unauthenticated"], row["lost"], row["reordered"]) == (0, 10, 1)


def test_packets_that_somebody_changed_are_left_out() -> None:
    sent = list(sealed(range(100)))
    changed = [
        (at, data[:-1] + bytes([data[-1] ^ 1])) if number % 10 == 5 else (at, data)
        for number, (at, data) in enumerate(sent)
    ]
    capture = heard(changed, bodies=bodies(), srtp_keys="sdp")
    row = stream(capture)
    assert (row["srtp"], row["unauthenticated"], row["lost"]) == (SUITE, 10, 0)
    silent = struct.unpack_from("<hh", sound(capture), 4 * (5 * 160 + 80))[1]
    assert silent == 0


def test_keys_that_were_renewed() -> None:
    """A second offer and answer with other keys; the numbers of the sender go on, and so do its roll-overs."""
    dialogue = """
    UAC -> UAS  INVITE sdp=offer                              @0.000
    UAS -> UAC  200 INVITE to_tag=y sdp=answer                @1.000
    UAC -> UAS  ACK to_tag=y                                  @1.010
    UAC -> UAS  INVITE cseq=5 to_tag=y sdp=offer2             @1.900
    UAS -> UAC  200 INVITE cseq=5 to_tag=y sdp=answer2        @1.990
    UAC -> UAS  ACK cseq=5 to_tag=y                           @2.000
    UAC -> UAS  BYE to_tag=y cseq=6                           @11.000
    UAS -> UAC  200 BYE to_tag=y cseq=6                       @11.010
    """
    old, new = Srtp(SUITE, master_key(SUITE, "callee")), Srtp(SUITE, master_key(SUITE, "renewed"))
    sent = []
    for number in range(100):
        clear = packet(number, number * 160, bytes(160), 8, 2)
        data = (old if number < 50 else new).rtp(clear)
        sent.append((ns(1 + number / 50), udp(CALLEE[0], CALLER[0], data, (CALLEE[1], CALLER[1]))))
    renewed = bodies(callee="renewed", version=2)
    said = bodies() | {"offer2": renewed["offer"], "answer2": renewed["answer"]}
    row = stream(heard(sent, dialogue=dialogue, bodies=said, srtp_keys="sdp"))
    assert (row["srtp"], row["unauthenticated"]) == (SUITE, 0)


def test_digits_are_read_in_clear() -> None:
    """A telephone event (RFC 4733) between packets of audio."""
    srtp = Srtp(SUITE, master_key(SUITE, "callee"))
    sent: Packets = []
    for number in range(60):
        event = 20 <= number < 25
        payload = struct.pack(">BBH", 7, 0x8A if number == 24 else 0x0A, 160 * (number - 19)) if event else bytes(160)
        clear = packet(number, (20 if event else number) * 160, payload, 101 if event else 8, 2)
        sent.append((ns(1 + number / 50), udp(CALLEE[0], CALLER[0], srtp.rtp(clear), (CALLEE[1], CALLER[1]))))
    (row,) = heard(sent, bodies=bodies(), srtp_keys="sdp", digits=True).table("dtmf").to_dicts()
    assert (row["event"], row["packets"], row["ended"]) == ("7", 5, True)
    assert heard(sent, bodies=bodies()).table("dtmf").is_empty()


def test_reports_are_read_where_they_are_in_clear_alone() -> None:
    """SRTCP (RFC 3711 §3.4): behind the first eight bytes all is encrypted."""
    report = struct.pack(">BBHIIIIIIIIIIII", 0x81, 200, 12, 2, 0, 0, 0, 0, 0, 1, 64 << 24 | 9, 0, 0, 0, 0)
    data = Srtp(SUITE, master_key(SUITE, "callee")).rtcp(report)
    sent = [*sealed(range(100)), (ns(2.005), udp(CALLEE[0], CALLER[0], data, (CALLEE[1] + 1, CALLER[1] + 1)))]
    sent.sort()
    (row,) = heard(sent, bodies=bodies(), srtp_keys="sdp").table("rtcp_reports").to_dicts()
    assert (row["ssrc"], row["reporter"], row["lost"], row["loss"]) == (1, 2, 9, 0.25)
    assert heard(sent, bodies=bodies()).table("rtcp_reports").is_empty()


def test_keys_are_in_no_table_and_in_nothing_masked() -> None:
    capture = heard(list(sealed(range(20))), bodies=bodies(), srtp_keys="sdp")
    key = crypto_line(SUITE, "callee").split("inline:")[1].strip()
    for name in ("messages", "sdp", "streams", "problems"):
        assert key not in str(capture.table(name).to_dicts())
    masked = capture.mask()
    texts = [masked.message(message).text for message in masked.table("messages")["message"]]
    assert any(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in text for text in texts)
    assert not any(key.encode() in text for text in texts)


def test_another_place_of_keys_is_refused() -> None:
    with pytest.raises(AnalyzerError, match="session descriptions alone"):
        heard(srtp_keys="file")
