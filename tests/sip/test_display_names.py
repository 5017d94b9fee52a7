"""Display names of From and To (RFC 3261 §20.10, §25.1): as a person reads them, in `messages` and of the call."""

from __future__ import annotations

import io

import pytest
from pcaps import RAW_IP, pcap, udp

import analyzer

_INVITE = (
    "INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: {0}\r\nTo: {1}\r\n"
    "Call-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def _read(sender: str, target: str = "<sip:b@example.com>") -> analyzer.Capture:
    packet = udp("10.0.0.1", "10.0.0.2", _INVITE.format(sender, target).encode(), ident=1)
    return analyzer.read(io.BytesIO(pcap(RAW_IP, [(1_767_225_600_000_000_000, packet)])))


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('"王小明" <sip:a@example.com>;tag=x', "王小明"),
        ("Alice Smith <sip:a@example.com>;tag=x", "Alice Smith"),
        (r'"J. \"Bob\" \\ Dobbs" <sip:a@example.com>;tag=x', r'J. "Bob" \ Dobbs'),
        ("<sip:a@example.com>;tag=x", None),
        ("sip:a@example.com;tag=x", None),
        ('"" <sip:a@example.com>;tag=x', None),
        ('"  " <sip:a@example.com>;tag=x', None),
    ],
)
def test_name_of_from(sent: str, name: str | None) -> None:
    capture = _read(sent)
    assert capture.table("messages")["from_name"].to_list() == [name]
    assert capture.table("calls")["caller_name"].to_list() == [name]


def test_name_of_to_is_what_the_caller_calls_the_callee() -> None:
    capture = _read("<sip:a@example.com>;tag=x", '"Bob" <sip:b@example.com>')
    assert capture.table("messages")["to_name"].to_list() == ["Bob"]
    assert capture.table("calls").select("caller_name", "callee_name").rows() == [(None, "Bob")]


def test_a_call_is_found_by_the_name_of_its_caller() -> None:
    capture = _read('"王小明" <sip:a@example.com>;tag=x')
    assert capture.filter(from_="王小明").table("calls").height == 1
    assert capture.filter(to="王小明").table("calls").height == 0


def test_a_mask_gives_the_name_that_the_message_has() -> None:
    capture = _read('"Alice Smith" <sip:a@example.com>;tag=x', "Bob <sip:b@example.com>").mask(
        "an example, not a secret"
    )
    (row,) = capture.table("messages").rows(named=True)
    text = capture.message(row["message"]).text.decode()
    assert f'From: "{row["from_name"]}" <' in text
    assert f"To: {row['to_name']} <" in text
    assert {"Alice", "Smith", "Bob"}.isdisjoint(f"{row['from_name']} {row['to_name']}".split())
    assert capture.table("calls")["caller_name"][0] == row["from_name"]


def test_who_withholds_a_name_is_shown_to() -> None:
    capture = _read('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=x').mask("an example, not a secret")
    assert capture.table("calls")["caller_name"].to_list() == ["Anonymous"]
