"""Requests held against the security associations that UE and P-CSCF agreed on (TS 33.203 §7)."""

from __future__ import annotations

import io
import socket
import struct

import pytest
from pcaps import RAW_IP, pcap, udp
from places import shared

import analyzer

UE, PCSCF, USER = "10.0.0.9", "10.0.0.1", "sip:a@ims.example"
CLIENT = "ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1001;spi-s=1002;port-c=6001;port-s=6000"
SERVER = "ipsec-3gpp;q=0.5;alg=hmac-sha-1-96;spi-c=2001;spi-s=2002;port-c=7001;port-s=7000"
CODE = "sip_outside_security_association"


def text(start: str, call_id: str, cseq: str, *more: str, user: str = USER) -> bytes:
    lines = [
        start,
        f"Via: SIP/2.0/UDP {UE};branch=z9hG4bK{call_id}{cseq.replace(' ', '')}",
        f"From: <{user}>;tag=x",
        f"To: <{USER}>" + (";tag=y" if start.startswith("SIP") else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq}",
        f"Contact: <sip:a@{UE}:6000>",
        *more,
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def esp(source: str, target: str, spi: int, payload: bytes, ports: tuple[int, int]) -> bytes:
    """ESP without encryption (RFC 2410) and with the hash of HMAC-SHA-1-96, in transport mode."""
    inner = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    pad = -(len(inner) + 2) % 4
    body = struct.pack("!II", spi, 1) + inner + bytes(range(1, pad + 1)) + bytes([pad, 17])
    body += bytes((number * 151 + 0x9D) % 256 for number in range(12))
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 50, 0) + ends + body


REGISTER = text("REGISTER sip:ims.example SIP/2.0", "r", "1 REGISTER", f"Security-Client: {CLIENT}", "Expires: 600")
CHALLENGE = text(
    "SIP/2.0 401 Unauthorized", "r", "1 REGISTER", f"Security-Server: {SERVER}", "WWW-Authenticate: Digest realm=x"
)
AGAIN = text("REGISTER sip:ims.example SIP/2.0", "r", "2 REGISTER", f"Security-Verify: {SERVER}", "Expires: 600")
ACCEPTED = text("SIP/2.0 200 OK", "r", "2 REGISTER", "Expires: 600")
REGISTERED = [
    (0.0, udp(UE, PCSCF, REGISTER)),
    (0.1, udp(PCSCF, UE, CHALLENGE)),
    (0.2, esp(UE, PCSCF, 2002, AGAIN, (6001, 7000))),
    (0.3, esp(PCSCF, UE, 1001, ACCEPTED, (7000, 6001))),
]


def read(*then: tuple[float, bytes]) -> analyzer.Capture:
    packets = [(10**9 + round(time * 1e9), data) for time, data in (*REGISTERED, *then)]
    return analyzer.read(io.BytesIO(pcap(RAW_IP, packets)))


def told(capture: analyzer.Capture) -> list[str]:
    return [row["detail"] for row in capture.table("problems").iter_rows(named=True) if row["code"] == CODE]


def options(*, to: str = f"sip:a@{UE}:6000", call_id: str = "o") -> bytes:
    return text(f"OPTIONS {to} SIP/2.0", call_id, "1 OPTIONS", user="sip:pcscf@ims.example")


def message(user: str = USER, to: str = "sip:b@ims.example") -> bytes:
    return text(f"MESSAGE {to} SIP/2.0", "m", "1 MESSAGE", user=user)


def test_pings_in_clear_to_a_protected_port_are_told_once_each() -> None:
    capture = analyzer.read(shared("cases", "outside_the_sa.pcap"))
    assert len(told(capture)) == 3
    assert "172.22.0.21:5060 to 10.45.0.2:6100" in told(capture)[0]
    assert capture.table("ims_registrations")["outside"].to_list() == [3]


def test_a_reading_for_problems_alone_tells_them_too() -> None:
    path = shared("cases", "outside_the_sa.pcap")
    assert told(analyzer.read(path, tables=["problems"])) == told(analyzer.read(path))


def test_a_reading_for_another_table_counts_them() -> None:
    capture = analyzer.read(shared("cases", "outside_the_sa.pcap"), tables=["calls"])
    assert capture.source.problem_count() == capture.table("problems").height == 3


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (udp(PCSCF, UE, options(), (5060, 6000)), "in clear from 10.0.0.1:5060 to 10.0.0.9:6000, a port that"),
        (udp(UE, PCSCF, message(), (6001, 7000)), "in clear from 10.0.0.9:6001 to 10.0.0.1:7000, where"),
        (udp(UE, PCSCF, message()), "in clear from 10.0.0.9:5060 to 10.0.0.1:5060, beside"),
        (udp(PCSCF, UE, options()), "in clear from 10.0.0.1:5060 to 10.0.0.9:5060, beside"),
        (esp(UE, PCSCF, 2009, message(), (6001, 7000)), "with SPI 0x000007d9, not 0x000007d2 as agreed"),
    ],
)
def test_a_request_outside_what_was_agreed_is_told(packet: bytes, said: str) -> None:
    capture = read((60.0, packet))
    assert [said in detail for detail in told(capture)] == [True]
    assert capture.table("ims_registrations")["outside"].to_list() == [1]


@pytest.mark.parametrize(
    "packet",
    [
        esp(UE, PCSCF, 2002, message(), (6001, 7000)),
        esp(PCSCF, UE, 1002, options(), (7001, 6000)),
        # Another user of the same host, who agreed on nothing.
        udp(UE, PCSCF, message("sip:other@ims.example")),
        udp("10.0.0.7", PCSCF, message("sip:other@ims.example")),
        udp(UE, PCSCF, message(to="urn:service:sos")),
    ],
)
def test_what_is_inside_or_of_others_is_not_told(packet: bytes) -> None:
    assert told(read((60.0, packet))) == []


def test_behind_the_end_of_the_tunnel_everything_is_in_clear() -> None:
    """A capture on the P-CSCF itself has the same message twice, in ESP and opened."""
    opened = [(0.21, udp(UE, PCSCF, AGAIN, (6001, 7000))), (60.0, udp(UE, PCSCF, message(), (6001, 7000)))]
    assert told(read(*opened)) == []


def test_an_association_ends_with_the_registration() -> None:
    """600 s and 30 s more (TS 24.229 §5.2.2)."""
    assert len(told(read((620.0, udp(PCSCF, UE, options(), (5060, 6000)))))) == 1
    assert told(read((640.0, udp(PCSCF, UE, options(), (5060, 6000))))) == []


def test_encrypted_packets_are_told_with_the_user_whose_association_it_is() -> None:
    def secret(spi: int, number: int) -> bytes:
        noise = bytes((number * 31 + at * at * 7 + at * 151) % 251 for at in range(120))
        body = struct.pack("!II", spi, number) + noise
        ends = socket.inet_aton(PCSCF) + socket.inet_aton(UE)
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 50, 0) + ends + body

    spots = read(*((60.0 + number, secret(1002, number)) for number in range(5))).blind_spots()
    assert any("0x000003ea to the UE of sip:a@ims.example" in spot for spot in spots), spots
