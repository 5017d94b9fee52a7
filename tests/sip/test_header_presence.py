"""Header fields that method or status makes mandatory."""

from __future__ import annotations

import pytest
from places import shared
from wire import audio, read

import analyzer

CONTACT = "header='Contact: <sip:a@10.0.0.1>'"
OFFER = {"offer": audio(1)}


def missing(capture: analyzer.Capture) -> list[str]:
    problems = capture.table("problems")
    return [row["detail"] for row in problems.iter_rows(named=True) if row["code"] == "sip_header_missing"]


def test_each_exchange_that_lacks_one_has_its_row() -> None:
    details = missing(analyzer.read(shared("cases", "conditional_headers_missing.pcap")))
    names = {name for detail in details for name in detail.replace(",", " ").split()}
    assert names >= {
        *("Contact", "RSeq", "RAck", "Refer-To", "Event", "Subscription-State", "SIP-ETag", "WWW-Authenticate"),
        *("Proxy-Authenticate", "Min-SE", "Min-Expires", "Unsupported", "Allow", "Content-Type"),
    }


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("INVITE", "Contact (INVITE, RFC 3261 §8.1.1.8)"),
        ("200 INVITE to_tag=y", "Contact (200 to INVITE, RFC 3261 §12.1.1)"),
        ("183 INVITE to_tag=y header='Require: 100rel' " + CONTACT, "RSeq (183 to INVITE, RFC 3262 §3)"),
        ("PRACK cseq=2 to_tag=y", "RAck (PRACK, RFC 3262 §4)"),
        ("423 REGISTER", "Min-Expires (423 to REGISTER, RFC 3261 §21.4.17)"),
        ("407 BYE cseq=2 to_tag=y", "Proxy-Authenticate (407 to BYE, RFC 3261 §20.27)"),
        ("415 MESSAGE", "Accept (415 to MESSAGE, RFC 3261 §21.4.13)"),
        ("489 SUBSCRIBE", "Allow-Events (489 to SUBSCRIBE, RFC 6665 §8.3.2)"),
    ],
)
def test_the_row_names_header_message_and_clause(line: str, name: str) -> None:
    assert missing(read(f"A -> B {line} @0")) == [name]


@pytest.mark.parametrize(
    "line",
    [
        f"INVITE sdp=offer {CONTACT}",
        # Compact forms are the same fields (RFC 3261 §7.3.3).
        "INVITE 'header=m: <sip:a@10.0.0.1>'",
        "180 INVITE to_tag=y",
        "486 INVITE to_tag=y",
        "BYE cseq=2 to_tag=y",
        "200 BYE cseq=2 to_tag=y",
        "200 REGISTER",
        "ACK to_tag=y",
        "415 MESSAGE 'header=Accept-Encoding: identity'",
        "OPTIONS",
        # 2xx to NOTIFY or MESSAGE need none.
        "200 NOTIFY",
        "MESSAGE",
    ],
)
def test_what_is_optional_is_not_missed(line: str) -> None:
    assert missing(read(f"A -> B {line} @0", **OFFER)) == []
