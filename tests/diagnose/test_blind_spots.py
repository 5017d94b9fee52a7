"""A person whose file shows no SIP, or half of it, learns why in one sentence: each with a capture made for it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import captures
import pytest
from click.testing import CliRunner
from pcaps import pcap
from places import SAMPLES

import analyzer
from analyzer.cli import group

START = 1_740_988_800 * 10**9
ETHERNET = bytes.fromhex("020000000002020000000001")
LINE = b"OPTIONS sip:b@192.0.2.2 SIP/2.0"
ASK = LINE + b"\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
OK = ASK.replace(LINE, b"SIP/2.0 200 OK")


def rtp(number: int) -> bytes:
    """One of a stream: its numbers rise (RFC 3550 §5.1)."""
    return bytes((0x80, 0, 0, number, 0, 0, 0, 160, 1, 2, 3, 4)) + bytes(160)


def ip(protocol: int, payload: bytes, source: int = 1, target: int = 2) -> bytes:
    ends = bytes((192, 0, 2, source, 192, 0, 2, target))
    header = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(payload), source, 0, 64, protocol, 0, ends)
    return ETHERNET + b"\x08\x00" + header + payload


def udp(payload: bytes, source_port: int = 40_000, target_port: int = 40_002, **ends: int) -> bytes:
    return ip(17, struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload, **ends)


def tcp(payload: bytes, target_port: int, seq: int = 1) -> bytes:
    return ip(6, struct.pack("!HHIIBBHHH", 40_000, target_port, seq, 0, 0x50, 0x18, 65_535, 0, 0) + payload)


def capture(path: Path, packets: Sequence[bytes], *, link: int = 1, snap: int = 65_535) -> analyzer.Capture:
    path.write_bytes(pcap(link, [(START + second * 10**9, packet) for second, packet in enumerate(packets)], snap))
    return analyzer.read(path)


ARP = ETHERNET + b"\x08\x06" + bytes(46)
DNS = udp(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03sip\x07example\x03org\x00\x00\x01\x00\x01", 40_000, 53)
HELLO = tcp(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 5061)
TLS_DATA = tcp(b"\x17\x03\x03\x00\x05abcde", 5061, seq=11)
SIGCOMP = udp(b"\xf9" + bytes(range(6)) + b"x" * 40, 5060, 5060)
UPGRADE = tcp(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n", 80)
DHCP = udp(b"\x01\x01\x06\x00" + bytes(240), 68, 67)

SENTENCES = {
    "empty": ([], "the capture is empty: nothing passed its interface, or its filter let nothing pass"),
    "wrong interface": (
        [ARP, ARP, ARP, DNS, DNS, DHCP],
        "no traffic like SIP on any port; check the interface and the capture filter: ARP (3), DNS (2) and DHCP (1)",
    ),
    "media": (
        [*(udp(rtp(number)) for number in range(1, 5)), ARP],
        "media without signalling; the signalling uses another path or interface: RTP (4) and ARP (1)",
    ),
    "signalling of Skinny": (
        [*(udp(rtp(number)) for number in range(1, 5)), tcp(bytes((4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), 2000)],
        "media, and signalling that is not SIP: RTP (4) and SCCP (1)",
    ),
    "requests alone": (
        [udp(ASK)] * 2,
        "only requests, no response: the peer does not answer, or only one direction was captured",
    ),
    "responses alone": ([udp(OK)], "only responses, no request: only one direction was captured"),
    "session_case": (
        [udp(ASK), udp(OK, source=2, target=1), udp(ASK, source=5, target=6)],
        "between 1 of 2 pairs of hosts only requests, no response: the peer does "
        "not answer, or only one direction was captured",
    ),
    "sips": (
        [HELLO, TLS_DATA],
        "2 packets of TLS on port 5061, that of SIP, 1 handshake: SIP inside cannot be read without keys: bring a "
        "key log of either end (SSLKEYLOGFILE) with --keylog FILE",
    ),
    "sigcomp": (
        [SIGCOMP],
        "SIP may be inside SigComp (1 packet), whose messages refer to earlier ones: start the capture before the "
        "phone registers; `problems` says what was missing",
    ),
    "websocket": (
        [UPGRADE, tcp(b"\xc1\xc8" + bytes(76), 80, seq=len(UPGRADE) - 53)],
        "SIP may be inside WebSocket, compressed (1 packet), which this version does not decode",
    ),
    "port 5060": (
        [udp(b"\xff\xff\xff\xffgetstatus", 40_000, 5060)],
        "no traffic like SIP on any port; check the interface and the capture filter: something on port 5060 (1)",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_first_sentence_says_why(tmp_path: Path, name: str) -> None:
    packets, sentence = SENTENCES[name]
    assert capture(tmp_path / "a.pcap", packets).blind_spots()[0] == sentence


def test_cut_by_the_snap_length(tmp_path: Path) -> None:
    cut = capture(tmp_path / "a.pcap", [udp(ASK), udp(OK, source=2, target=1)], snap=96)
    assert cut.blind_spots() == [
        "the snap length of the capture cut 2 of 2 packets: tcpdump -s 0 keeps them whole",
    ]
    assert cut.table("files")["sliced"].to_list() == [2]
    assert not cut.table("messages")["complete"].any()


def test_so_short_that_no_sip_is_left(tmp_path: Path) -> None:
    cut = capture(tmp_path / "a.pcap", [udp(ASK)] * 3, snap=40)
    assert cut.blind_spots()[0] == "the snap length of the capture cut 3 of 3 packets: tcpdump -s 0 keeps them whole"
    assert cut.table("account").rows() == [("udp", "cut", 3)]


def test_a_link_type_that_is_not_decoded(tmp_path: Path) -> None:
    assert capture(tmp_path / "a.pcap", [b"abc"] * 2, link=147).blind_spots() == [
        "link type 147 (2 packets) is not decoded: `problems` says how to have it read"
    ]


def test_encrypted_gm() -> None:
    assert captures.read(SAMPLES / "ipsec_encrypted.pcap").blind_spots() == [
        "7 packets of IPsec (ESP) of 2 security associations: SIP inside cannot be read without keys: "
        "bring them with --esp-keys FILE"
    ]


def test_a_compressed_websocket_is_not_told_twice(tmp_path: Path) -> None:
    packets, _ = SENTENCES["websocket"]
    assert len(capture(tmp_path / "a.pcap", packets).blind_spots()) == 1


def test_a_handshake_for_sip_alone_is_told(tmp_path: Path) -> None:
    assert capture(tmp_path / "a.pcap", [UPGRADE]).blind_spots() == [
        "a WebSocket was opened for SIP, but none of its messages was captured"
    ]


def test_a_capture_of_which_nothing_is_hidden_says_nothing() -> None:
    assert captures.read(SAMPLES / "basic_call.pcap").blind_spots() == []


def test_the_account_and_the_summary_say_it(tmp_path: Path) -> None:
    capture(tmp_path / "a.pcap", [ARP])
    account = CliRunner().invoke(group, ["account", str(tmp_path / "a.pcap")])
    summary = CliRunner().invoke(group, ["summary", "-w", "300", str(tmp_path / "a.pcap")])
    sentence = "no traffic like SIP on any port; check the interface and the capture filter: ARP (1)"
    assert sentence in account.stderr
    assert f"no SIP message in 1 packet: {sentence}" in summary.stdout


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (udp(b"\x00" * 30, 40_000, 1812), "not_sip_radius"),
        (udp(b"\x48\x01" + bytes(30), 40_000, 2123), "not_sip_gtp_c"),
        (udp(b"\x21\x01" + bytes(30), 40_000, 8805), "not_sip_pfcp"),
        (DHCP, "not_sip_dhcp"),
        (tcp(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 443), "not_sip_https"),
        (tcp(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 8443), "not_sip_tls_client_hello"),
        (tcp(b"\x01\x00\x00\x14\x80\x00\x01\x18" + bytes(12), 3868), "not_sip_diameter"),
        (udp(b"hello"), "not_sip_unknown"),
    ],
)
def test_the_account_names_protocols(tmp_path: Path, packet: bytes, reason: str) -> None:
    assert capture(tmp_path / "a.pcap", [packet]).table("account")["reason"].to_list() == [reason]
