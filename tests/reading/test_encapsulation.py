"""What only a user can say of a link, and what `messages` tells of where a packet was seen."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import captures
import polars as pl
import pytest
from pcaps import RAW_IP, packets, pcap, udp
from places import SAMPLES

import analyzer

START = 1_740_988_800 * 10**9
BASIC = SAMPLES / "basic_call.pcap"


def as_user0(path: Path) -> Path:
    """The basic call in a file that calls its Ethernet LINKTYPE_USER0 (147)."""
    data = BASIC.read_bytes()
    path.write_bytes(data[:20] + struct.pack("<I", 147) + data[24:])
    return path


def test_a_user_defined_link_type_is_read_as_told(tmp_path: Path) -> None:
    path = as_user0(tmp_path / "user0.pcap")
    assert analyzer.read(path, link_types=["USER0=ETHERNET"]).table("messages").height == 7
    assert analyzer.read(path, link_types=["147=1"]).table("messages").height == 7


def test_the_text_of_a_message_is_fetched_through_it(tmp_path: Path) -> None:
    cap = analyzer.read(as_user0(tmp_path / "user0.pcap"), link_types=["user0=ethernet"])
    assert cap.message(cap.table("messages")["message"][0]).text.startswith(b"INVITE sip:bob@example.com SIP/2.0\r\n")


def test_without_the_option_the_problem_says_what_to_type(tmp_path: Path) -> None:
    cap = analyzer.read(as_user0(tmp_path / "user0.pcap"))
    assert cap.table("account").rows() == [("link", "unknown_link_type_147", 7)]
    (detail,) = cap.table("problems").filter(pl.col("code") == "link_type_unknown")["detail"]
    (word,) = re.findall(r"--link-type (\S+=ETHERNET)", detail)
    assert word == "USER0=ETHERNET"


@pytest.mark.slow
def test_the_command_takes_it_and_says_what_is_no_link_type(tmp_path: Path) -> None:
    path = as_user0(tmp_path / "user0.pcap")
    words = [sys.executable, "-m", "analyzer", "calls", "--format", "csv", str(path), "--link-type"]
    done = subprocess.run([*words, "USER0=ETHERNET"], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    done = subprocess.run([*words, "USER0=TOKEN"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'TOKEN'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["USER16=ETHERNET", "USER0", "=1", "USER0=ETHERNET=1"])
def test_what_is_no_link_type_is_an_error(word: str) -> None:
    with pytest.raises(analyzer.AnalyzerError, match="link type"):
        analyzer.read(BASIC, link_types=[word])


def with_interface(path: Path, name: bytes) -> Path:
    """The first packet of the basic call in a pcapng with a named interface (if_name, option 2)."""
    data = BASIC.read_bytes()
    (length,) = struct.unpack_from("<I", data, 32)
    frame = data[40 : 40 + length]

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    options = struct.pack("<HH", 2, len(name)) + name + bytes(-len(name) % 4) + bytes(4)
    path.write_bytes(
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        + block(1, struct.pack("<HHI", 1, 0, 0) + options)
        + block(6, struct.pack("<IIIII", 0, 0, 1, length, length) + frame)
    )
    return path


def test_the_interface_of_a_pcapng_is_named(tmp_path: Path) -> None:
    path = with_interface(tmp_path / "named.pcapng", b"ens192")
    assert analyzer.read(path).table("messages")["interface"].to_list() == ["ens192"]


def test_an_any_capture_tells_the_index_of_the_interface() -> None:
    # Linux's second interface, in the header of each packet of this sample.
    assert set(captures.read(SAMPLES / "link_sll2.pcap").table("messages")["interface"]) == {"2"}


def test_sctp_without_ip_has_no_addresses(tmp_path: Path) -> None:
    ((_, found),) = packets(SAMPLES / "sctp_call.pcap").items()
    path = tmp_path / "sctp.pcap"
    path.write_bytes(pcap(248, [(time, data[34:]) for time, data in found]))  # behind Ethernet and IPv4
    messages = analyzer.read(path).table("messages")
    assert messages.height == captures.read(SAMPLES / "sctp_call.pcap").table("messages").height
    assert messages["src_ip"].null_count() == messages.height
    assert set(messages["src_port"]) == {5060}
    assert analyzer.read(path).table("calls")["outcome"].to_list() == ["answered"]


TRYING, RINGING, INFO = (
    (
        f"{line}\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag={own}\r\n"
        f"To: <sip:b@x>;tag={other}\r\nCall-ID: 1\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    for line, cseq, own, other in [
        ("SIP/2.0 100 Trying", "1 INVITE", 1, 2),
        ("SIP/2.0 180 Ringing", "1 INVITE", 1, 2),
        ("INFO sip:b@192.0.2.2 SIP/2.0", "2 INFO", 2, 1),
    ]
)


def exported(path: Path, *pdus: bytes, port_type: int = 2) -> analyzer.Capture:
    """What Wireshark exports of a connection from 192.0.2.1 to 192.0.2.2 (port type 2 is TCP, 3 is UDP)."""
    tags = [
        (12, b"sip\0"),
        (20, bytes((192, 0, 2, 1))),
        (21, bytes((192, 0, 2, 2))),
        (24, struct.pack("!I", port_type)),
    ]
    tags += [(25, struct.pack("!I", 5060)), (26, struct.pack("!I", 40_000)), (0, b"")]
    head = b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in tags)
    path.write_bytes(pcap(252, [(START + second * 10**9, head + pdu) for second, pdu in enumerate(pdus)]))
    return analyzer.read(path)


def shown(cap: analyzer.Capture) -> list[tuple[object, ...]]:
    return cap.table("messages").select("frame", "method", "status", "complete").rows()


def test_every_message_of_an_exported_segment_is_read(tmp_path: Path) -> None:
    cap = exported(tmp_path / "a.pcap", TRYING + b"\r\n\r\n" + RINGING + b"\r\n")
    assert shown(cap) == [(1, "INVITE", 100, True), (1, "INVITE", 180, True)]
    assert cap.table("problems").is_empty()
    assert [cap.message(message).text for message in cap.table("messages")["message"]] == [TRYING, RINGING]


def test_the_beginning_of_a_message_that_is_exported_again_is_no_message(tmp_path: Path) -> None:
    cap = exported(tmp_path / "a.pcap", RINGING + INFO[:60], INFO)
    assert shown(cap) == [(1, "INVITE", 180, True), (2, "INFO", None, True)]
    assert cap.table("problems")["code"].to_list() == ["sip_trailing_bytes"]


def test_every_message_that_an_agent_reports_of_a_connection_is_read(tmp_path: Path) -> None:
    """HEP 3 over UDP: an agent took a segment of TCP as it came."""
    chunks = [(1, b"\2"), (2, b"\6"), (3, bytes((192, 0, 2, 1))), (4, bytes((192, 0, 2, 2))), (7, b"\x13\xc4")]
    chunks += [(8, b"\x13\xc4"), (11, b"\1"), (12, b"\0\0\0\7"), (15, TRYING + RINGING)]
    report = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in chunks)
    report = b"HEP3" + struct.pack("!H", 6 + len(report)) + report
    packet = udp("10.0.0.1", "10.0.0.2", report, ports=(40_000, 9060))
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(RAW_IP, [(START, packet)]))
    cap = analyzer.read(path)
    assert shown(cap) == [(1, "INVITE", 100, True), (1, "INVITE", 180, True)]
    assert set(cap.table("messages")["point"]) == {"hep:7"}


def test_a_datagram_holds_one_message(tmp_path: Path) -> None:
    """RFC 3261 §18.3: what follows the body in a datagram is discarded."""
    cap = exported(tmp_path / "a.pcap", TRYING + RINGING, port_type=3)
    assert shown(cap) == [(1, "INVITE", 100, True)]
    assert cap.table("problems")["code"].to_list() == ["sip_trailing_bytes"]
