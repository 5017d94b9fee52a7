"""Header fields by name: which rows there are, what stands in them, and that they are the same whoever reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import captures
import merged
import polars as pl
import pytest
from places import SAMPLES
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet

import analyzer
from analyzer import schema
from analyzer.errors import AnalyzerError

VOLTE = SAMPLES / "volte_call.pcap"
NAMES = ("Via", "P-Charging-Vector", "Authorization", "X-Nobody")


def packet(*lines: str, call_id: str = "1", at: float = 0.0, port: int = 5060) -> Packet:
    head = (
        "OPTIONS sip:b@example.com SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}",
        "From: <sip:a@example.com>;tag=1",
        "To: <sip:b@example.com>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
    )
    text = "\r\n".join((*head, *lines, "", ""))
    made = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=port, dport=5060) / text.encode("utf-8", "surrogateescape")
    made.time = 1_767_225_600 + at
    return made


def values(lines: tuple[str, ...], *names: str) -> list[tuple[str, int, str | None]]:
    found = analyzer.Capture.from_packets([packet(*lines)]).headers_of(*names)
    return found.select("name", "ordinal", "value").rows()


def test_compact_and_long_forms_are_one_header() -> None:
    """RFC 3261 §7.3.3: whichever form was asked for, the long one is told; the n-th counts over both."""
    rows = [("Supported", 1, "path"), ("Supported", 2, "gruu, 100rel")]
    assert values(("k: path", "SUPPORTED : gruu, 100rel"), "K") == rows


def test_a_vendors_header_is_named_as_asked_for() -> None:
    assert values(("x-vendor-info: a=1",), "X-Vendor-Info") == [("X-Vendor-Info", 1, "a=1")]


def test_a_vendors_header_may_be_asked_for_in_another_case_later() -> None:
    cap = analyzer.Capture.from_packets([packet("X-Vendor: 1")])
    found = [cap.headers_of(name).select("name", "value").row(0) for name in ("x-vendor", "X-VENDOR")]
    assert found == [("x-vendor", "1"), ("X-VENDOR", "1")]


def test_a_folded_value_is_on_one_line() -> None:
    """RFC 3261 §7.3.1."""
    assert values(("Subject: I know you're there,", "\t pick up"), "Subject") == [
        ("Subject", 1, "I know you're there, pick up")
    ]


def test_a_header_without_value_has_a_row_without_value() -> None:
    """`Supported:` is legal (RFC 3261 §20.37) and says something."""
    assert values(("Supported:",), "Supported") == [("Supported", 1, None)]


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert values(("Subject: caf\udce9",), "Subject") == [("Subject", 1, "caf\ufffd")]


def test_digest_responses_and_keys_are_hidden() -> None:
    """TS 33.203 §6.1: IK and CK go no further than to the P-CSCF, and not into a table."""
    lines = (
        'Authorization: Digest username="u", nonce="n", response="6629fae4", auts="CjkyMDUy"',
        'WWW-Authenticate: Digest realm="r", nonce="n", ik="00112233", ck="44556677", algorithm=AKAv1-MD5',
    )
    assert [value for _, _, value in values(lines, "Authorization", "WWW-Authenticate")] == [
        'Digest username="u", nonce="n", response="(hidden)", auts="(hidden)"',
        'Digest realm="r", nonce="n", ik="(hidden)", ck="(hidden)", algorithm=AKAv1-MD5',
    ]


def test_rows_are_in_the_order_of_messages_then_of_names() -> None:
    """Whatever the order of packets in the file."""
    late, early = (packet("Subject: s", "Warning: w", call_id=str(at), at=at) for at in (2, 1))
    found = analyzer.Capture.from_packets([late, early]).headers_of("Warning", "Subject")
    assert found.select("call_id", "name").rows() == [
        *(("1", "Warning"), ("1", "Subject")),
        *(("2", "Warning"), ("2", "Subject")),
    ]


def test_a_duplicate_counts_once() -> None:
    """The same packet seen again by a mirror is no second message."""
    twice = [packet("Warning: w", at=at) for at in (0, 0.000_001)]
    cap = analyzer.Capture.from_packets(twice)
    assert cap.table("messages")["duplicate"].to_list() == [False, True]
    assert cap.headers_of("Warning").height == 1


def test_what_a_message_says_is_in_its_rows() -> None:
    """Every header of the sample as the complete parse of each message gives it."""
    cap = captures.read(VOLTE)
    names = ("Via", "From", "Contact", "P-Access-Network-Info", "Content-Length")
    expected = [
        (row["message"], name, number, header.value)
        for row in cap.table("messages").remove("duplicate").iter_rows(named=True)
        for name in names
        for number, header in enumerate(cap.message(row["message"]).parsed.header(name), start=1)
    ]
    assert cap.headers_of(*names).select("message", "name", "ordinal", "value").rows() == expected


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_the_number_of_threads_and_when_they_are_read_make_no_difference(origin: str, tmp_path: Path) -> None:
    path = merged.write(tmp_path / "all.pcapng", merged.packets(origin))
    one = analyzer.read(path, threads=1, headers=NAMES).headers_of(*NAMES)
    assert analyzer.read(path, threads=2).headers_of(*NAMES).equals(one)


@pytest.mark.parametrize("engine", ["scapy", pytest.param("pyshark", marks=pytest.mark.tshark)])
def test_every_engine_gives_the_same(engine: str) -> None:
    assert analyzer.read(VOLTE, engine=engine).headers_of(*NAMES).equals(captures.read(VOLTE).headers_of(*NAMES))


def test_the_types_are_those_of_the_schema() -> None:
    for names in (NAMES, ("X-Nobody",)):
        assert dict(captures.read(VOLTE).headers_of(*names).schema) == schema.FIELDS.polars()


def test_a_message_of_a_call_says_which() -> None:
    cap = captures.read(SAMPLES / "basic_call.pcap")
    assert cap.headers("Call-ID").call.unique().tolist() == cap.calls.call.tolist()


@pytest.mark.parametrize("name", ["", "a b", "Via:", "Vi\r\na", "Überschrift"])
def test_what_can_be_no_name_is_an_error(name: str) -> None:
    with pytest.raises(AnalyzerError, match="header"):
        captures.read(VOLTE).headers(name)


def test_no_name_at_all_is_an_error() -> None:
    with pytest.raises(AnalyzerError, match="name the header fields"):
        captures.read(VOLTE).headers()


def test_a_filter_keeps_the_headers_of_its_messages() -> None:
    cap = captures.read(SAMPLES / "outcomes.pcap")
    busy = cap.filter(analyzer.Filter(outcome="busy"))
    keys = busy.table("messages").remove("duplicate")["message"]
    assert busy.headers_of("Call-ID")["message"].to_list() == keys.to_list()


def test_masked_values_are_those_of_the_masked_message() -> None:
    """Headers of an identity, an address, a cell, credentials, and one that nobody knows."""
    cap = captures.read(VOLTE).mask("an example, not a secret")
    names = ("From", "Via", "P-Access-Network-Info", "P-Charging-Vector", "User-Agent")
    for message, name, ordinal, value in cap.headers_of(*names).select("message", "name", "ordinal", "value").rows():
        assert cap.message(message).parsed.header(name)[ordinal - 1].value == value


def test_the_command_prints_values_whole(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "analyzer", "headers", str(VOLTE), "--name", "p-charging-vector", "--limit", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "icid-value=AyretyU0dm+6O2IrT5tAFrbHLso=0123456789;icid-generated-at=10.46.0.1" in done.stdout


def test_the_command_filters_rows_by_message() -> None:
    words = [sys.executable, "-m", "analyzer", "headers", str(VOLTE), "--name", "v", "--method", "BYE"]
    done = subprocess.run([*words, "--format", "csv"], capture_output=True, text=True, check=True)
    found = pl.read_csv(done.stdout.encode())
    assert found["method"].unique().to_list() == ["BYE"]
