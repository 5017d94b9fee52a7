"""Messages that go one way alone: is the other direction not there, or was it written down the same way?"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from ip_packets import START, ipv6
from pcaps import RAW_IP, pcap, udp
from places import shared

import analyzer

A, B, C = "10.1.1.1", "10.2.2.2", "10.3.3.3"
TOLD = "requests and their responses alike: text2pcap -D tells the direction"


def message(start: str, branch: str = "1", method: str = "OPTIONS") -> bytes:
    lines = (
        *(start, f"Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK{branch}", "From: <sip:alice@example.com>;tag=1"),
        *("To: <sip:bob@example.com>;tag=2", "Call-ID: a1@192.0.2.1", f"CSeq: 1 {method}", "Content-Length: 0"),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


ASK, OK = message("OPTIONS sip:bob@example.com SIP/2.0"), message("SIP/2.0 200 OK")


def capture(path: Path, packets: Sequence[bytes]) -> analyzer.Capture:
    path.write_bytes(pcap(RAW_IP, [(START + at * 10**6, packet) for at, packet in enumerate(packets)]))
    return analyzer.read(path)


def test_both_go_the_same_way(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [udp(A, B, ASK), udp(A, B, OK)])
    assert cap.blind_spots() == [f"all messages go from {A} to {B}, {TOLD}"]
    assert cap.table("transactions")["outcome"].to_list() == ["completed"]


def test_the_same_over_ipv6(tmp_path: Path) -> None:
    packets = [ipv6(17, struct.pack("!HHHH", 5060, 5060, 8 + len(text), 0) + text) for text in (ASK, OK)]
    (sentence,) = capture(tmp_path / "a.pcap", packets).blind_spots()
    assert sentence == f"all messages go from 2001:db8::1 to 2001:db8::2, {TOLD}"


def test_several_pairs_of_hosts(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", [udp(A, B, ASK), udp(A, B, OK), udp(A, C, ASK), udp(A, C, OK)])
    assert cap.blind_spots() == [f"all messages go one way between each pair of hosts, {TOLD}"]


CONTROLS = {
    "each its own way": ([udp(A, B, ASK), udp(B, A, OK)], []),
    "no response": (
        [udp(A, B, ASK)] * 2,
        ["only requests, no response: the peer does not answer, or only one direction was captured"],
    ),
    "no request": ([udp(A, B, OK)], ["only responses, no request: only one direction was captured"]),
    # One host asks and answers another, whose messages were not captured: nothing is answered on its own way.
    "a host that asks and answers": (
        [udp(A, B, ASK), udp(A, B, message("SIP/2.0 200 OK", "other"))],
        ["only requests or only responses: only one direction was captured"],
    ),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_controls(tmp_path: Path, name: str) -> None:
    packets, expected = CONTROLS[name]
    assert capture(tmp_path / "a.pcap", packets).blind_spots() == expected


@pytest.mark.tshark
@pytest.mark.parametrize("options", [["-u", "5060,5060"], ["-6", "::1,::2", "-u", "5060,5060"], ["-T", "5060,5060"]])
def test_what_text2pcap_makes_of_a_log(tmp_path: Path, options: list[str]) -> None:
    """Without -D every packet goes one way; with it the direction is told, and nothing is odd."""

    def made(mark: Sequence[str], *more: str) -> analyzer.Capture:
        dump = "\n".join(
            f"{sign}\n" + "".join(f"{at:06x} {' '.join(f'{byte:02x}' for byte in text[at : at + 16])}\n"
                                  for at in range(0, len(text), 16))
            for sign, text in zip(mark, (ASK, OK), strict=True)
        )  # fmt: skip
        (tmp_path / "log.txt").write_text(dump)
        words = ["text2pcap", "-q", *more, *options, "-F", "pcap", str(tmp_path / "log.txt"), str(tmp_path / "a.pcap")]
        subprocess.run(words, capture_output=True, check=True, timeout=60)
        return analyzer.read(tmp_path / "a.pcap")

    cap = made(("", ""))
    assert cap.table("messages").height == 2
    assert [sentence.endswith(TOLD) for sentence in cap.blind_spots()] == [True]
    assert made(("O", "I"), "-D").blind_spots() == []


def test_the_case() -> None:
    cap = analyzer.read(shared("cases", "text2pcap_one_way.pcap"))
    assert cap.blind_spots() == [f"all messages go from {A} to {B}, {TOLD}"]
    assert cap.table("transactions")["outcome"].to_list() == ["completed"]
