"""A sentence about a protocol rests on a flow, its transport and its port, never on the marks of one packet."""

from __future__ import annotations

from pathlib import Path

import pytest
from pcaps import RAW_IP, pcap, udp
from places import shared
from test_blind_spots import ETHERNET, rtp, tcp

import analyzer

START = 1_740_988_800 * 10**9
A, B = "192.0.2.1", "192.0.2.2"


def capture(path: Path, packets: list[bytes], link: int = RAW_IP) -> analyzer.Capture:
    path.write_bytes(pcap(link, [(START + at * 10**7, packet) for at, packet in enumerate(packets)]))
    return analyzer.read(path)


def reasons(cap: analyzer.Capture) -> dict[str, int]:
    return {reason.removeprefix("not_sip_"): count for _, reason, count in cap.table("account").rows()}


def sentences(cap: analyzer.Capture) -> str:
    return " ".join(cap.blind_spots())


#: Five bits set (RFC 3320 §7): SigComp, or any random byte of 32.
MARK = b"\xfe\x93" + bytes(range(60))
STUN_3489 = b"\x00\x01\x00\x08" + bytes(16) + b"\x00\x03\x00\x04" + bytes(4)
IKE = b"\x81\x02\x03\x04\x05\x06\x07\x08" + bytes(8) + b"\x01\x10\x02\x00" + bytes(40)
BACNET = b"\x81\x0a\x00\x11\x01\x20\xff\xff\x00\xff\x10\x08" + bytes(20)

NOT_WHAT_THEY_LOOK_LIKE = {
    "SigComp over TCP from the port of HTTPS": ([tcp(MARK, 443)], "https"),
    "SigComp over TCP, many segments": ([tcp(MARK, 443, seq=1 + 62 * at) for at in range(9)], "https"),
    "RTP on the port of IKE": ([ETHERNET + b"\x08\x00" + udp(A, B, IKE, (500, 500))], "ike"),
    "RTP on the port of BACnet": ([ETHERNET + b"\x08\x00" + udp(A, B, BACNET, (47808, 47808))] * 5, "bacnet"),
    "RTP over TCP": ([tcp(rtp(number), 9042, seq=1 + 172 * number) for number in range(5)], "cassandra"),
}


@pytest.mark.parametrize("name", NOT_WHAT_THEY_LOOK_LIKE)
def test_marks_give_way_to_a_port_that_says_better(tmp_path: Path, name: str) -> None:
    packets, port = NOT_WHAT_THEY_LOOK_LIKE[name]
    cap = capture(tmp_path / "a.pcap", packets, link=1)
    assert reasons(cap) == {port: len(packets)}
    assert not any(word in sentences(cap) for word in ("SigComp", "media", "TLS"))


def test_tls_does_not_run_over_udp(tmp_path: Path) -> None:
    """STUN without a magic cookie (RFC 3489) on the port of SIP over TLS."""
    cap = capture(tmp_path / "a.pcap", [udp(A, B, STUN_3489, (5061, 5061))] * 2)
    assert "TLS" not in sentences(cap)
    assert reasons(cap) == {"stun": 2}


def test_one_datagram_is_no_media(tmp_path: Path) -> None:
    """RFC 3550 A.1: a source sends numbers that rise by one."""
    ports = (40_000, 40_002)
    numbers = {"one": [1], "jumps": [5, 900, 17, 33, 4], "the same again": [7, 7, 7, 7]}
    for name, found in numbers.items():
        cap = capture(tmp_path / f"{name}.pcap", [udp(A, B, rtp(number % 256), ports) for number in found])
        assert "media" not in sentences(cap), name
        assert "RTP" not in sentences(cap), name


def test_a_stream_is_media_from_its_first_packet_on(tmp_path: Path) -> None:
    """The control: also where packets of another stream lie between, and one is lost later."""
    numbers = [1, 2, 3, 4, 6, 7]
    packets = []
    for number in numbers:
        packets += [udp(A, B, rtp(number), (40_000, 40_002)), udp(B, A, rtp(100 + number), (40_002, 40_000))]
    cap = capture(tmp_path / "a.pcap", packets)
    assert reasons(cap) == {"rtp": 12}
    assert sentences(cap).startswith("media without signalling")


def test_sigcomp_on_the_port_of_sip_is_sigcomp(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [udp(A, B, MARK)] * 2)
    assert cap.blind_spots()[0].startswith("SIP may be inside SigComp (2 packets)")


def test_sigcomp_elsewhere_takes_both_ends(tmp_path: Path) -> None:
    ports = (40_000, 40_002)
    one_end = capture(tmp_path / "a.pcap", [udp(A, B, MARK, ports)] * 6)
    assert "SigComp" not in sentences(one_end)
    both = [udp(A, B, MARK, ports), udp(B, A, MARK, ports[::-1])] * 3
    assert "SigComp (6 packets)" in sentences(capture(tmp_path / "b.pcap", both))


def test_the_case() -> None:
    cap = analyzer.read(shared("cases", "named_without_ground.pcap"))
    assert not any(word in sentences(cap) for word in ("SigComp", "TLS", "media", "RTP"))
    assert reasons(cap) == {"stun": 2, "bacnet": 1, "cassandra": 1, "https": 1, "ike": 1}
