"""sess-version and sess-id are digits without a bound (RFC 8866 §5.2, §9); NTP time stamps fill 64 bits."""

from __future__ import annotations

import subprocess
from pathlib import Path

import polars as pl
import pytest
from pcaps import RAW_IP, pcap, udp
from places import shared

import analyzer

START = 1_740_988_800 * 10**9


def invite(number: int, session: str, version: str, port: int = 4000) -> bytes:
    sdp = f"v=0\r\no=- {session} {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    sdp += f"m=audio {port} RTP/AVP 0\r\n"
    lines = (
        *("INVITE sip:bob@192.0.2.2 SIP/2.0", f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{number}"),
        *("Max-Forwards: 70", "From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>;tag=2"),
        *("Call-ID: 1@192.0.2.1", f"CSeq: {number} INVITE", "Contact: <sip:alice@192.0.2.1>"),
        *("Content-Type: application/sdp", f"Content-Length: {len(sdp)}"),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + sdp.encode()


def capture(path: Path, *sessions: tuple[str, str]) -> analyzer.Capture:
    packets = [udp("192.0.2.1", "192.0.2.2", invite(at, *session)) for at, session in enumerate(sessions, 1)]
    path.write_bytes(pcap(RAW_IP, [(START + at * 10**9, packet) for at, packet in enumerate(packets)]))
    return analyzer.read(path)


VERSIONS = ["0", "1", str(2**63 - 1), str(2**63), str(2**64 - 1), str(2**64), "9" * 40, "00000000000000000007"]


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_of_any_length_are_kept_as_written(tmp_path: Path, version: str) -> None:
    cap = capture(tmp_path / "a.pcap", (version, version))
    assert cap.table("sdp").select("session_id", "session_version").rows() == [(version, version)]
    assert cap.table("problems").is_empty()


@pytest.mark.parametrize("version", ["-1", "1.5", "0x10", "1e9", "one"])
def test_what_is_no_number_is_told(tmp_path: Path, version: str) -> None:
    """The control: 1*DIGIT has digits alone."""
    cap = capture(tmp_path / "a.pcap", ("1", version))
    assert cap.table("sdp")["session_version"].to_list() == [None]
    assert cap.table("problems")["code"].to_list() == ["sdp_line_malformed"]


@pytest.mark.tshark
def test_tshark_shows_the_same_numbers(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", *((version, version) for version in VERSIONS))
    words = ["tshark", "-n", "-r", str(tmp_path / "a.pcap"), "-T", "fields", "-e", "sdp.owner.version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert cap.table("sdp")["session_version"].to_list() == done.stdout.split()


def test_the_case() -> None:
    cap = analyzer.read(shared("cases", "sdp_long_version.pcap"))
    assert cap.table("problems").is_empty()
    versions = [int(version) for version in cap.table("sdp")["session_version"]]
    assert versions == [16987654321098765432, 16987654321098765433]
    assert cap.table("offer_answer_violations").filter(pl.col("code").str.contains("version")).is_empty()
