"""What carries media, and media that are no RTP: TCP, relays, fax, MSRP, keys in messages; class of service, AMR."""

from __future__ import annotations

import io
import socket
import struct

import pytest
from pcaps import RAW_IP, pcap, udp

import analyzer
from tests.media.talk import CALL, CALLEE, CALLER, Ended, heard, ns, packet, rtp
from tests.sip import wire

RELAY: Ended = ("10.0.0.9", 3478)
AUDIO_TCP = "m=audio {port} TCP/RTP/AVP 8\na=sendrecv\n"


def tcp(way: tuple[Ended, Ended], sequence: int, payload: bytes) -> bytes:
    """RFC 9293 §3.1, in IPv4; the checksums are left out."""
    (source, port), (target, target_port) = way
    segment = struct.pack(">HHIIBBHHH", port, target_port, sequence, 1, 5 << 4, 0x18, 65_535, 0, 0) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0)
    return head + socket.inet_aton(source) + socket.inet_aton(target) + segment


def in_tcp(payloads: list[bytes], way: tuple[Ended, Ended], cut: int = 1400) -> list[tuple[int, bytes]]:
    """The payloads one after the other, in segments of that length, 20 ms apart."""
    data, found = b"".join(payloads), []
    for place in range(0, len(data), cut):
        at = ns(1.0 + 0.02 * len(found))
        found.append((at, tcp(way, 1000 + place, data[place : place + cut])))
    return found


def with_length(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


# -- RTP in TCP (RFC 4571) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [174, 61, 1_400])
def test_rtp_in_tcp_is_a_stream(cut: int) -> None:
    """However segments divide the packets; every tenth was not sent."""
    payloads = [with_length(packet(n, n * 160, bytes(160))) for n in range(100) if n % 10 != 5]
    bodies = {
        side: wire.SESSION.format(n, 1) + AUDIO_TCP.format(port=4000) for n, side in ((1, "offer"), (2, "answer"))
    }
    (row,) = heard(in_tcp(payloads, (CALLER, CALLEE), cut), bodies=bodies).table("streams").to_dicts()
    told = {name: row[name] for name in ("carried_by", "sent_by", "codec", "packets", "lost")}
    assert told == {"carried_by": "tcp", "sent_by": "caller", "codec": "PCMA/8000", "packets": 90, "lost": 10}


def test_a_gap_in_tcp_loses_what_was_in_it() -> None:
    """20 segments of one packet each are not captured: the numbers behind them go on."""
    payloads = [with_length(packet(n, n * 160, bytes(160))) for n in range(100)]
    segments = in_tcp(payloads, (CALLER, CALLEE), 174)
    (row,) = heard(segments[:40] + segments[60:]).table("streams").to_dicts()
    assert (row["expected"], row["lost"]) == (100, 20)


# -- relays (RFC 8656) -------------------------------------------------------------------------------------------------

COOKIE, TRANSACTION = 0x2112A442, bytes(12)
GIVEN: Ended = ("10.0.0.1", 4000)  # what the caller announces
CLIENT: Ended = ("192.168.7.7", 50_000)


def address(place: Ended) -> bytes:
    """XOR-PEER-ADDRESS and XOR-RELAYED-ADDRESS (RFC 8489 §14.2)."""
    (number,) = struct.unpack(">I", socket.inet_aton(place[0]))
    return struct.pack(">BBHI", 0, 1, place[1] ^ (COOKIE >> 16), number ^ COOKIE)


def stun(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack(">HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in attributes)
    return struct.pack(">HHI", kind, len(body), COOKIE) + TRANSACTION + body


def sent(at: float, way: tuple[Ended, Ended], payload: bytes) -> tuple[int, bytes]:
    return ns(at), udp(way[0][0], way[1][0], payload, (way[0][1], way[1][1]))


def set_up() -> list[tuple[int, bytes]]:
    """The relay gives the client the address that the caller announces, and binds a channel to the callee's."""
    allocated = stun(0x0103, (0x0016, address(GIVEN)))
    bind = stun(0x0009, (0x000C, b"\x40\x01\x00\x00"), (0x0012, address(CALLEE)))
    return [sent(0.9, (RELAY, CLIENT), allocated), sent(0.95, (CLIENT, RELAY), bind)]


def in_channel(data: bytes) -> bytes:
    return struct.pack(">HH", 0x4001, len(data)) + data


def test_media_in_channels_of_a_relay_are_of_the_call_that_announced_the_relayed_address() -> None:
    there = [sent(1 + n / 50, (CLIENT, RELAY), in_channel(packet(n, n * 160, bytes(160)))) for n in range(50)]
    back = [sent(1 + n / 50, (RELAY, CLIENT), in_channel(packet(n, n * 160, bytes(160), source=8))) for n in range(40)]
    rows = heard(set_up(), there, back).table("streams").sort("sent_by")
    assert rows.select("sent_by", "carried_by", "joined_by", "packets", "src_ip").rows() == [
        ("callee", "turn", "receiver", 40, RELAY[0]),
        ("caller", "turn", "receiver", 50, CLIENT[0]),
    ]


def test_media_in_indications_of_a_relay() -> None:
    def data(kind: int, n: int) -> bytes:
        return stun(kind, (0x0012, address(CALLEE)), (0x0013, packet(n, n * 160, bytes(160), source=kind)))

    there = [sent(1 + n / 50, (CLIENT, RELAY), data(0x0016, n)) for n in range(10)]
    back = [sent(1 + n / 50, (RELAY, CLIENT), data(0x0017, n)) for n in range(20)]
    rows = heard(set_up(), there, back).table("streams").sort("sent_by")
    assert rows.select("sent_by", "packets").rows() == [("callee", 20), ("caller", 10)]


# -- fax and messages --------------------------------------------------------------------------------------------------


def fax(number: int, again: int = 2) -> bytes:
    """T.38 §9.1: a primary packet, and ``again`` earlier ones."""
    primary, earlier = bytes([3, 0xC0, 1, number % 256]), bytes([1, 6])
    return struct.pack(">H", number) + primary + bytes([0, again]) + earlier * again


def test_fax_is_counted_by_its_numbers() -> None:
    """Every tenth packet lost, one twice."""
    numbers = [n for n in range(100) if n % 10 != 5]
    packets = [sent(1 + n / 50, (CALLER, CALLEE), fax(n)) for n in (*numbers, 99)]
    image = "m=image 4000 udptl t38\na=T38FaxVersion:0\n"
    bodies = {side: wire.SESSION.format(n, 1) + image for n, side in ((1, "offer"), (2, "answer"))}
    (row,) = heard(packets, bodies=bodies).table("streams").to_dicts()
    told = {name: row[name] for name in ("carried_by", "codec", "media", "sent_by", "expected", "lost", "doubled")}
    assert told == {
        "carried_by": "udptl", "codec": "T38", "media": "image", "sent_by": "caller", "expected": 100, "lost": 10,
        "doubled": 1,
    }  # fmt: skip
    assert (row["redundancy"], row["ssrc"], row["mos"]) == (2.0, None, None)


@pytest.mark.parametrize("payload", [b"\x00\x01\x00\x00", bytes(60), b"\x12\x34\x01\x00\x00\x01" + bytes(30)])
def test_other_datagrams_are_no_fax(payload: bytes) -> None:
    packets = [sent(1 + n / 50, (CALLER, CALLEE), struct.pack(">H", n) + payload[2:]) for n in range(20)]
    assert heard(packets).table("streams").is_empty()


def test_messages_of_msrp_are_counted() -> None:
    send = b"MSRP a%d SEND\r\nTo-Path: msrp://b\r\nByte-Range: 1-2/2\r\n\r\nhi\r\n-------a%d$\r\n"
    answers = [b"MSRP a0 200 OK\r\n-------a0$\r\n", b"MSRP a1 481 No\r\n-------a1$\r\n"]
    ways = ((CALLER, CALLEE), (CALLEE, CALLER))
    there = in_tcp([send % (n, n) for n in range(3)], ways[0])
    bodies = {
        side: wire.SESSION.format(n, 1) + "m=message 4000 TCP/MSRP *\na=accept-types:text/plain\n"
        for n, side in ((1, "offer"), (2, "answer"))
    }
    rows = heard(there, in_tcp(answers, ways[1]), bodies=bodies).table("msrp").sort("sent_by")
    columns = ("sent_by", "sends", "responses", "failures")
    assert rows.select(columns).rows() == [("callee", 0, 2, 1), ("caller", 3, 0, 0)]


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [False, True])
def test_keys_in_messages_stand_beside_those_of_streams(digits: bool) -> None:
    """The INFO passes two hops, and counts once."""
    dialogue = f"""{CALL}
        UAC -> UAS  INFO to_tag=y cseq=3 sdp=five type=application/dtmf-relay branch=p,c  @2.000
        UAC -> UAS  INFO to_tag=y cseq=3 sdp=five type=application/dtmf-relay branch=c    @1.999
        UAS -> UAC  NOTIFY from_tag=y to_tag=x cseq=9 sdp=report type=application/kpml-response+xml  @3.000
    """
    bodies = {
        "offer": wire.audio(1), "answer": wire.audio(2), "five": "Signal=5\nDuration=160\n",
        "report": '<kpml-response version="1.0" code="200" text="OK" digits="1#"/>\n',
    }  # fmt: skip
    rows = heard(dialogue=dialogue, bodies=bodies, digits=digits).table("dtmf")
    keys = ["5", "1", "#"] if digits else ["digit"] * 3
    assert rows.select("told_by", "sent_by", "event", "duration_s").rows() == [
        ("info", "caller", keys[0], 0.16),
        ("kpml", "callee", keys[1], None),
        ("kpml", "callee", keys[2], None),
    ]


# -- class of service, late packets ------------------------------------------------------------------------------------


def test_the_class_of_service_and_its_changes() -> None:
    """Expedited forwarding (46) for 50 packets, then best effort, then again."""
    packets = [
        (at, data[:1] + bytes([46 << 2 if n < 50 or n >= 80 else 0]) + data[2:])
        for n, (at, data) in enumerate(rtp(range(100)))
    ]
    (row,) = heard(packets).table("streams").to_dicts()
    assert (row["dscp"], row["dscp_changes"]) == (46, 2)


def test_late_packets_are_those_that_a_jitter_buffer_drops() -> None:
    """Ten packets 0.15 s late, others up to 0.05 s."""
    late = [0.15 if n % 10 == 5 else n % 5 / 100 for n in range(100)]
    (row,) = heard(rtp(range(100), late=late)).table("streams").to_dicts()
    assert (row["late"], row["lost"]) == (10, 0)


# -- AMR ---------------------------------------------------------------------------------------------------------------


def test_amr_says_its_form_and_its_bit_rates() -> None:
    """RFC 4867 §4.4: octet-aligned, 12.2 asked for; 7.4, then 12.2 kbit/s, and comfort noise."""
    frames = [(b"\x70\x24", 19)] * 30 + [(b"\x70\x3c", 31)] * 30 + [(b"\x70\x44", 5)] * 4
    packets = [
        (ns(1 + n / 50), udp(CALLER[0], CALLEE[0], packet(n, n * 160, head + bytes(size), 97), (4000, 4000)))
        for n, (head, size) in enumerate(frames)
    ]
    described = "m=audio 4000 RTP/AVP 97\na=rtpmap:97 AMR/8000\na=fmtp:97 octet-align=1\n"
    bodies = {side: wire.SESSION.format(n, 1) + described for n, side in ((1, "offer"), (2, "answer"))}
    (row,) = heard(packets, bodies=bodies).table("streams").to_dicts()
    told = {name: row[name] for name in ("framing", "modes", "mode_changes", "requested_modes", "comfort_noise")}
    assert told == {
        "framing": "octet_aligned", "modes": "7.4 12.2", "mode_changes": 1, "requested_modes": "12.2",
        "comfort_noise": 4,
    }  # fmt: skip


def test_media_without_sip_are_read_all_the_same() -> None:
    capture = analyzer.read(io.BytesIO(pcap(RAW_IP, rtp(range(20)))))
    assert capture.table("streams")["carried_by"].to_list() == ["udp"]
