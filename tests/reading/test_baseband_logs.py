"""What scat sends of a phone's baseband: GSMTAP with radio messages, and IP packets as they are in UDP."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ip_packets import START, ether, frame, ipv4, ipv6, options, udp
from pcaps import pcap
from places import shared

import analyzer

#: Version and length of the header in words (GSMTAP version 2); version 3 has 16 bits for the length.
GSMTAP = {2: b"\x02\x04\x0d\x00" + bytes(40), 3: b"\x03\x00\x00\x07" + bytes(40)}


def capture(path: Path, packets: list[bytes]) -> analyzer.Capture:
    found = [(START + at * 10**9, frame(ether(packet))) for at, packet in enumerate(packets)]
    path.write_bytes(pcap(1, found))
    return analyzer.read(path)


def sent(packet: bytes, port: int = 47290) -> bytes:
    return udp(packet, 13_337, port)


@pytest.mark.parametrize("port", [47290, 47291, 9999])
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_ip_packets_of_a_phone_are_read_on_any_port(tmp_path: Path, port: int, v6: bool) -> None:
    cap = capture(tmp_path / "a.pcap", [sent(udp(options("1"), v6=v6), port)])
    (message,) = cap.table("messages").rows(named=True)
    assert (message["tunnel"], message["outer_dst_ip"]) == ("ip_in_udp", "192.0.2.2")
    assert message["src_ip"] == ("2001:db8::1" if v6 else "192.0.2.1")


@pytest.mark.tshark
def test_tshark_reads_them_when_it_is_told_the_port(tmp_path: Path) -> None:
    packets = [sent(udp(options(call_id), v6=v6)) for call_id, v6 in (("1", False), ("2", True), ("3", False))]
    cap = capture(tmp_path / "a.pcap", packets)
    words = ["tshark", "-n", "-r", str(tmp_path / "a.pcap"), "-d", "udp.port==47290,ip", "-Y", "sip"]
    done = subprocess.run([*words, "-T", "fields", "-e", "sip.Call-ID"], capture_output=True, text=True, check=True)
    assert cap.table("messages")["call_id"].to_list() == done.stdout.split()


def test_esp_of_a_phone_is_named(tmp_path: Path) -> None:
    closed = bytes.fromhex("0000100100000001") + bytes(range(64))
    cap = capture(tmp_path / "a.pcap", [sent(ipv4(50, closed)), sent(ipv6(50, closed), 9999)])
    assert {row[:2] for row in cap.table("account").rows()} == {("esp", "encrypted_spi_0x00001001")}


def damaged(packet: bytes) -> dict[str, bytes]:
    flipped = bytearray(packet)
    flipped[10] ^= 1
    return {"longer": packet + b"x", "shorter": packet[:-1], "another checksum": bytes(flipped)}


@pytest.mark.parametrize("how", ["longer", "shorter", "another checksum"])
def test_what_is_no_whole_packet_is_none(tmp_path: Path, how: str) -> None:
    cap = capture(tmp_path / "a.pcap", [sent(damaged(udp(b"\x01\x02\x03" * 9))[how], 9999)])
    assert cap.table("account").rows() == [("udp", "not_sip_unknown", 1)]


@pytest.mark.parametrize("version", GSMTAP)
def test_radio_messages_alone_are_named_a_baseband_log(tmp_path: Path, version: int) -> None:
    cap = capture(tmp_path / "a.pcap", [udp(GSMTAP[version], 13_337, 4729)] * 3)
    assert cap.table("account").rows() == [("udp", "not_sip_gsmtap", 3)]
    (sentence, *_) = cap.blind_spots()
    assert sentence.startswith("a phone's baseband log: 3 packets of GSMTAP")
    assert "47290" in sentence
    assert "interface" not in sentence


def test_sip_on_the_port_of_the_log_stays_sip(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [sent(options("1")), sent(options("2"), 4729)])
    assert cap.table("messages")["call_id"].to_list() == ["1", "2"]
    assert cap.table("messages")["tunnel"].to_list() == [None, None]


def test_the_case() -> None:
    cap = analyzer.read(shared("cases", "scat_user_plane.pcap"))
    assert cap.table("messages").select("method", "status").rows() == [("REGISTER", None), ("REGISTER", 401)]
    assert set(cap.table("messages")["tunnel"]) == {"ip_in_udp"}
    assert sorted(cap.table("account").rows()) == [
        ("esp", "encrypted_spi_0x00001001", 1), ("sip", "message", 2), ("udp", "not_sip_gsmtap", 2),
    ]  # fmt: skip
    assert cap.table("registrations")["outcome"].to_list() == ["challenged"]
    assert not any("interface" in sentence for sentence in cap.blind_spots())
