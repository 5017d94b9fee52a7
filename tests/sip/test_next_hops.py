"""Connections that a node could not open to its next hop."""

from __future__ import annotations

import io
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from pcaps import RAW_IP, pcap, udp
from places import shared

import analyzer
from analyzer.store import batch

SECOND = 1_000_000_000
PHONE, CORE, EDGE, CALLEE = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
SYN, RST, ACK = 2, 4, 16


def message(start: str, *, cseq: str = "1 INVITE", tag: str = "", branch: str = "c") -> bytes:
    return (
        f"{start}\r\nVia: SIP/2.0/UDP {CORE}:5060;branch=z9hG4bK{branch}\r\nFrom: <sip:a@example.com>;tag=x\r\n"
        f"To: <sip:b@example.com>{tag}\r\nCall-ID: call\r\nCSeq: {cseq}\r\nContact: <sip:a@{PHONE}>\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def segment(source: str, target: str, ports: tuple[int, int], flags: int, *, seq: int = 0, ack: int = 0) -> bytes:
    header = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 0xFFFF, 0, 0)
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends + header


def syn(port: int = 5060, to: str = CALLEE) -> bytes:
    return segment(EDGE, to, (40000, port), SYN, seq=100)


def recorded(uri: str, *middle: tuple[float, bytes], final: str = "408 Request Timeout", at: float = 32) -> bytes:
    """An INVITE that EDGE gets for ``uri``, what it does then, and its final response."""
    packets = [
        (0.0, udp(CORE, EDGE, message(f"INVITE {uri} SIP/2.0"))),
        (0.01, udp(EDGE, CORE, message("SIP/2.0 100 Trying"))),
        *middle,
        (at, udp(EDGE, CORE, message(f"SIP/2.0 {final}", tag=";tag=y"))),
        (at + 0.01, udp(CORE, EDGE, message(f"ACK {uri} SIP/2.0", cseq="1 ACK", tag=";tag=y"))),
    ]
    return pcap(RAW_IP, [(SECOND + round(time * 1e9), data) for time, data in packets])


def call(uri: str, *middle: tuple[float, bytes], **how: Any) -> analyzer.Capture:
    return analyzer.read(io.BytesIO(recorded(uri, *middle, **how)))


def outcome(capture: analyzer.Capture) -> tuple[str, str | None, str | None]:
    """Outcome, its detail and the node that failed."""
    row = capture.table("calls").row(0, named=True)
    failed = capture.table("call_failures").to_dicts()
    return row["outcome"], row["outcome_detail"], failed[0]["unresponsive_node"] if failed else None


URI = f"sip:b@{CALLEE}:5060;transport=tcp"
SILENT = [(0.02 + wait, syn()) for wait in (0, 1, 3, 7)]
REFUSED = [(0.02, syn()), (0.021, segment(CALLEE, EDGE, (5060, 40000), RST | ACK, ack=101))]
FAILED = ("unreachable", "transport_error", f"{CALLEE}:5060")


def test_the_address_that_nobody_answers_at_is_named() -> None:
    capture = analyzer.read(shared("cases", "next_hop_unreachable.pcap"))
    assert outcome(capture) == ("unreachable", "transport_error", "10.45.0.3:5060")


@pytest.mark.parametrize(
    ("middle", "final", "at"),
    [
        (SILENT, "408 Request Timeout", 32),
        (REFUSED, "477 Send failed", 0.03),
        (REFUSED, "503 Service Unavailable", 0.03),
        (REFUSED, "480 Temporarily Unavailable", 0.03),
    ],
)
def test_a_connection_that_fails_is_a_failed_hop(middle: list[tuple[float, bytes]], final: str, at: float) -> None:
    """RFC 3261 §17.1.4, §18.4: whoever cannot open it tells so, each server by its own status."""
    assert outcome(call(URI, *middle, final=final, at=at)) == FAILED


def test_the_port_of_tls_is_that_of_the_uri_without_one() -> None:
    uri = f"sip:b@{CALLEE};transport=tls"
    refused = [(0.02, syn(5061)), (0.021, segment(CALLEE, EDGE, (5061, 40000), RST | ACK, ack=101))]
    assert outcome(call(uri, *refused, final="477 Send failed", at=0.03))[2] == f"{CALLEE}:5061"


def test_a_connection_to_somebody_else_fails_no_call() -> None:
    """A data base, a phone that is pinged: the request was for another address."""
    database = [(0.02, syn(3306, "10.0.0.9")), (0.021, segment("10.0.0.9", EDGE, (3306, 40000), RST | ACK, ack=101))]
    assert outcome(call(URI, *database))[1] != "transport_error"


def test_what_the_called_user_says_is_no_failed_hop() -> None:
    assert outcome(call(URI, *REFUSED, final="486 Busy Here", at=5))[0] == "busy"


def test_a_request_that_went_on_by_udp_did_not_stop() -> None:
    """RFC 3261 §18.1.1: what cannot go by TCP may go by UDP."""
    on = udp(EDGE, CALLEE, message(f"INVITE sip:b@{CALLEE} SIP/2.0", branch="e"))
    assert outcome(call(URI, *REFUSED, (0.03, on), final="480 Temporarily Unavailable", at=5))[1] != "transport_error"


def test_a_connection_answered_late_did_not_fail() -> None:
    answer = segment(CALLEE, EDGE, (5060, 40000), SYN | ACK, seq=7, ack=101)
    assert outcome(call(URI, *SILENT[:2], (1.5, answer)))[1] != "transport_error"


def test_a_store_has_a_connection_that_nobody_answered(tmp_path: Path) -> None:
    """It is known behind the last packet, while the call is alive still."""
    (tmp_path / "trace.pcap").write_bytes(recorded(URI, *SILENT))
    batch.run([str(tmp_path / "trace.pcap")], tmp_path / "store")
    assert outcome(analyzer.open_store(tmp_path / "store")) == outcome(call(URI, *SILENT))
