"""PDUs that Wireshark exported, of any layer: each message once, whatever carried it before."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import captures
import pytest
from pcaps import pcap
from places import SAMPLES, shared

import analyzer

START = 1_740_988_800 * 10**9
UPPER_PDU = 252
UDP, TCP = 3, 2


def message(call_id: str, *, transport: str = "UDP", body: bytes = b"") -> bytes:
    lines = (
        *("MESSAGE sip:bob@192.0.2.2 SIP/2.0", f"Via: SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bK{call_id}"),
        *("From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>", f"Call-ID: {call_id}"),
        *("CSeq: 1 MESSAGE", f"Content-Length: {len(body)}"),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tag(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def pdu(payload: bytes, *, kind: int = UDP, ports: tuple[int, int] = (5060, 5060), table: int | None = None,
        dissector: bytes = b"", place: tuple[int, int] | None = None) -> bytes:  # fmt: skip
    """As Wireshark writes them (epan/exported_pdu.h): who dissected it, addresses, ports; where in TCP it was."""
    tags = tag(12, dissector) if dissector else tag(14, b"udp.port" if kind == UDP else b"tcp.port")
    tags += tag(20, bytes((192, 0, 2, 1))) + tag(21, bytes((192, 0, 2, 2)))
    tags += tag(24, struct.pack("!I", kind)) + b"".join(
        tag(25 + number, struct.pack("!I", port)) for number, port in enumerate(ports)
    )
    if table is not None:
        tags += tag(32, struct.pack("!I", table))
    if place is not None:
        seq, together = place
        tags += tag(34, struct.pack("!HIIIBHH", 1, seq, seq + len(payload), 1, together, 0x18, 0))
    return tags + bytes(4) + payload


def capture(path: Path, pdus: list[bytes]) -> analyzer.Capture:
    path.write_bytes(pcap(UPPER_PDU, [(START + at * 10**6, data) for at, data in enumerate(pdus)]))
    return analyzer.read(path)


def call_ids(cap: analyzer.Capture) -> list[str]:
    return cap.table("messages")["call_id"].to_list()


def ip(payload: bytes, protocol: int = 17) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0)
    return head + bytes((192, 0, 2, 1, 192, 0, 2, 2)) + payload


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 5060, 5060, 8 + len(payload), 0) + payload


def esp_null(payload: bytes) -> bytes:
    """ESP that does not encrypt (RFC 2410), with an ICV of 12 bytes."""
    padding = -(len(payload) + 2) % 4
    return struct.pack("!II", 9, 1) + payload + bytes(range(1, padding + 1)) + bytes((padding, 17)) + b"\xa5" * 12


def gtpu(packet: bytes) -> bytes:
    return struct.pack("!BBHI", 0x30, 255, len(packet), 5) + packet


def test_a_tunnel_is_passed_over_and_the_packet_inside_is_told_once(tmp_path: Path) -> None:
    pdus = [pdu(message("1")), pdu(gtpu(ip(udp(message("1")))), table=2152), pdu(message("2"))]
    cap = capture(tmp_path / "a.pcap", pdus)
    assert call_ids(cap) == ["1", "2"]
    assert set(cap.table("messages")["tunnel"]) == {None}
    assert sorted(cap.table("account").rows()) == [("gtpu", "repeated", 1), ("sip", "message", 2)]
    assert not any("GTP-U" in sentence for sentence in cap.blind_spots())


def test_esp_in_a_tunnel_was_not_exported_and_is_read_there(tmp_path: Path) -> None:
    protected = gtpu(ip(esp_null(udp(message("1"))), 50))
    cap = capture(tmp_path / "a.pcap", [pdu(protected, table=2152), pdu(esp_null(udp(message("2"))), table=4500)])
    assert call_ids(cap) == ["1", "2"]
    assert cap.table("messages")["tunnel"].to_list() == ["gtpu/esp", "esp"]


def test_sip_on_the_port_of_a_tunnel_is_sip(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [pdu(message("1"), table=2152), pdu(message("2"), ports=(5060, 4789))])
    assert call_ids(cap) == ["1", "2"]


@pytest.mark.parametrize("dissector", [b"sip", b"sip.tcp\0", b"SIP\0\0", b"some.other_name\0", b""])
def test_a_message_is_known_by_its_bytes_not_by_the_name_of_its_dissector(tmp_path: Path, dissector: bytes) -> None:
    for kind in (UDP, TCP, 1):
        assert call_ids(capture(tmp_path / "a.pcap", [pdu(message("1"), kind=kind, dissector=dissector)])) == ["1"]


def test_bytes_of_tcp_that_were_exported_twice_are_read_once(tmp_path: Path) -> None:
    """Wireshark exports a segment, and again with the next when a message goes on in it."""
    first, second = message("1", transport="TCP", body=b"x" * 50), message("2", transport="TCP")
    pdus = [
        pdu(first[:100], kind=TCP, place=(1, 0)),
        pdu(first[:250], kind=TCP, place=(1, 1)),
        pdu(first + second, kind=TCP, place=(1, 1)),
        pdu(second, kind=TCP, place=(1 + len(first), 0)),
    ]
    cap = capture(tmp_path / "a.pcap", pdus)
    assert call_ids(cap) == ["1", "2"]
    assert cap.table("messages")["complete"].all()


def hep(payload: bytes) -> bytes:
    chunks = ((1, b"\2"), (2, b"\x11"), (3, bytes((192, 0, 2, 1))), (4, bytes((192, 0, 2, 2))), (7, b"\x13\xc4"))
    chunks = (*chunks, (8, b"\x13\xc4"), (9, struct.pack("!I", 1_740_988_800)), (11, b"\1"), (15, payload))
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def test_reports_of_agents(tmp_path: Path) -> None:
    """Over UDP; and over TCP in segments that Wireshark took for data."""
    report = hep(message("2"))
    parts = [pdu(part, kind=TCP, ports=(41_000, 9060), dissector=b"data") for part in (report[:40], report[40:])]
    cap = capture(tmp_path / "a.pcap", [pdu(hep(message("1")), ports=(9060, 9060), table=9060), *parts])
    assert call_ids(cap) == ["1", "2"]


def test_the_case(tmp_path: Path) -> None:
    cap = analyzer.read(shared("cases", "exported_pdu_layer4.pcap"))
    assert cap.table("messages").height == 7
    assert set(cap.table("messages")["tunnel"]) == {None}
    assert cap.table("calls")["outcome"].to_list() == ["answered"]
    assert cap.blind_spots() == []


NAMES = (
    *("basic_call.pcap", "hep_v3.pcap", "hep_tcp.pcap", "tcp_ugly.pcap", "websocket_call.pcap", "ipsec_esp_udp.pcap"),
    *("tunnel_doubly.pcap", "tunnel_gtpu.pcap", "tunnel_vxlan.pcap", "tunnel_fragments.pcap", "ims_core.pcap"),
)


@pytest.mark.tshark
@pytest.mark.parametrize("name", NAMES)
def test_what_tshark_exports_has_the_messages_of_the_capture(tmp_path: Path, name: str) -> None:
    exported = tmp_path / "exported.pcap"
    words = ["tshark", "-r", str(SAMPLES / name), "-U", "OSI layer 4", "-F", "pcap", "-w", str(exported)]
    subprocess.run(words, capture_output=True, check=True, timeout=120)
    what = ("call_id", "method", "status", "cseq", "from_tag", "to_tag")
    ours = analyzer.read(exported).table("messages").select(what).rows()
    assert sorted(ours, key=str) == sorted(captures.read(SAMPLES / name).table("messages").select(what).rows(), key=str)
