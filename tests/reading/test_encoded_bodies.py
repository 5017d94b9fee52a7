"""Bodies with a Content-Encoding (RFC 3261 §20.12): what is inside is read, bounded; what cannot be read is said."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from pcaps import RAW_IP, pcap, udp

import analyzer

SDP = (
    b"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
)
BARE = zlib.compressobj(wbits=-15)
DEFLATED = BARE.compress(SDP) + BARE.flush()


def invite(body: bytes, encoding: str, kind: str = "application/sdp") -> bytes:
    head = (
        "INVITE sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        "Contact: <sip:a@192.0.2.1>\r\n"
        f"To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: {kind}\r\n{encoding}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def capture(path: Path, text: bytes, kept: int | None = None, **limits: int) -> analyzer.Capture:
    packet = udp("192.0.2.1", "192.0.2.2", text, ident=7)
    path.write_bytes(pcap(RAW_IP, [(1_740_988_800 * 10**9, packet)], kept or 65535))
    return analyzer.read(path, limits=limits)


MULTIPART = b"--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (gzip.compress(SDP), "Content-Encoding: gzip", "application/sdp"),
        (gzip.compress(SDP), "e: x-gzip", "application/sdp"),
        (zlib.compress(SDP), "Content-Encoding: Deflate", "application/sdp"),
        (DEFLATED, "Content-Encoding: deflate", "application/sdp"),
        (gzip.compress(MULTIPART), "Content-Encoding: gzip", "multipart/mixed;boundary=b"),
        (SDP, "Content-Encoding: identity", "application/sdp"),
    ],
    ids=["gzip", "x-gzip", "zlib", "deflate", "multipart", "identity"],
)
def test_the_description_in_it_is_read(tmp_path: Path, body: bytes, encoding: str, kind: str) -> None:
    cap = capture(tmp_path / "a.pcap", invite(body, encoding, kind))
    assert cap.table("sdp").select("media", "port", "codecs", "connection").rows() == [
        ("audio", 4000, "PCMA/8000", "192.0.2.1")
    ]
    assert cap.table("messages")["has_sdp"].to_list() == [True]
    assert cap.table("problems").is_empty()


def test_a_bomb_is_bounded_and_said(tmp_path: Path) -> None:
    cap = capture(tmp_path / "a.pcap", invite(gzip.compress(bytes(5 << 20)), "Content-Encoding: gzip"))
    assert "inflated_limit" in cap.table("problems")["code"].to_list()


def test_the_limit_has_a_name(tmp_path: Path) -> None:
    text = invite(gzip.compress(SDP), "Content-Encoding: gzip")
    cap = capture(tmp_path / "a.pcap", text, max_inflated_bytes=len(SDP) - 1)
    assert "inflated_limit" in cap.table("problems")["code"].to_list()
    assert capture(tmp_path / "b.pcap", text, max_inflated_bytes=len(SDP)).table("problems").is_empty()


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(SDP)[:40], "gzip", "compressed_corrupt"),
        (b"\xff\xff\xff\xff", "deflate", "compressed_corrupt"),
        (SDP, "br", "sip_content_encoding_unknown"),
        (gzip.compress(SDP), "gzip, gzip", "sip_content_encoding_unknown"),
    ],
    # Not made of the bodies: gzip writes the time into them, and every worker has to collect the same tests.
    ids=["cut", "damaged", "br", "twice"],
)
def test_what_cannot_be_decoded_is_a_problem(tmp_path: Path, body: bytes, encoding: str, code: str) -> None:
    cap = capture(tmp_path / "a.pcap", invite(body, f"Content-Encoding: {encoding}"))
    assert code in cap.table("problems")["code"].to_list()


def test_cut_by_the_snap_length_is_not_corrupt(tmp_path: Path) -> None:
    text = invite(gzip.compress(SDP), "Content-Encoding: gzip")
    cap = capture(tmp_path / "a.pcap", text, kept=28 + len(text) - 9)
    assert cap.table("problems")["code"].to_list() == ["sip_message_cut"]


def test_parse_decodes_it_too() -> None:
    message = analyzer.parse(invite(gzip.compress(MULTIPART), "Content-Encoding: gzip", "multipart/mixed;boundary=b"))
    assert (message.decoded, message.body) == (MULTIPART, gzip.compress(MULTIPART))
    begin, end = message.parts[0]["content"]
    assert message.decoded[begin:end].strip() == SDP.strip()
    assert analyzer.parse(invite(SDP, "Subject: x")).decoded is None
    unknown = analyzer.parse(invite(SDP, "Content-Encoding: br"))
    assert (unknown.decoded, unknown.deviations) == (
        None,
        [("sip_content_encoding_unknown", "Content-Encoding: br")],
    )
