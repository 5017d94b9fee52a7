"""Captures that nobody sends in good faith: floods under one name, and clocks that run backwards."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import polars as pl
import pytest
from places import SAMPLES

import analyzer
from analyzer import schema

UE, AS = "10.0.0.1", "10.0.0.2"
REPORT, SUBMIT = bytes([3, 7]), bytes.fromhex("00070005914477581008010004912143000000")

# What one round of a flood says, as (sender, receiver, start line, lines of the header, body).
Said = Iterator[tuple[str, str, str, list[str], bytes]]


def tags(caller: str, callee: str = "") -> list[str]:
    return [f"From: <sip:a@e>;tag={caller}", f"To: <sip:b@e>{f';tag={callee}' if callee else ''}"]


def refused_invites(n: int) -> Said:
    """One Call-ID, a From tag each."""
    common = [*tags(f"f{n}"), "Call-ID: c", "CSeq: 1 INVITE", f"Via: SIP/2.0/UDP h;branch=z9hG4bK{n}"]
    yield UE, AS, "INVITE sip:b@e SIP/2.0", common, b""
    yield AS, UE, "SIP/2.0 486 Busy Here", [*common, "Reason: Q.850;cause=17"], b""


def subscriptions_anew(n: int) -> Said:
    """One Call-ID and From tag, a To tag each."""
    common = ["Call-ID: c", f"CSeq: {n + 1} SUBSCRIBE", f"Via: SIP/2.0/UDP h;branch=z9hG4bK{n}", "Expires: 600"]
    yield UE, AS, "SUBSCRIBE sip:b@e SIP/2.0", [*common, *tags("f"), "Event: presence"], b""
    yield AS, UE, "SIP/2.0 200 OK", [*common, *tags("f", f"t{n}")], b""


def publications_of_one_tag(n: int) -> Said:
    common = [*tags("f"), f"Call-ID: c{n}", "CSeq: 1 PUBLISH", f"Via: SIP/2.0/UDP h;branch=z9hG4bK{n}", "Expires: 600"]
    yield UE, AS, "PUBLISH sip:b@e SIP/2.0", [*common, "Event: presence", "SIP-If-Match: e"], b""
    yield AS, UE, "SIP/2.0 200 OK", [*common, "SIP-ETag: e"], b""


def short_messages(n: int, reply: str = "In-Reply-To: c") -> Said:
    """One Call-ID and one reference of the relay layer."""
    common = [f"CSeq: {n + 1} MESSAGE", "Content-Type: application/vnd.3gpp.sms"]
    out = [*common, *tags("f"), "Call-ID: c", f"Via: SIP/2.0/UDP h;branch=z9hG4bKo{n}"]
    yield UE, AS, "MESSAGE sip:b@e SIP/2.0", out, SUBMIT
    back = [*common, "From: <sip:b@e>;tag=g", "To: <sip:a@e>", "Call-ID: d", f"Via: SIP/2.0/UDP h;branch=z9hG4bKb{n}"]
    yield AS, UE, "MESSAGE sip:a@e SIP/2.0", [*back, reply], REPORT


def short_messages_without_a_name(n: int) -> Said:
    return short_messages(n, reply="Priority: normal")


def packet(source: str, target: str, text: bytes) -> bytes:
    ends = b"".join(bytes(map(int, address.split("."))) for address in (source, target))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(text), 0, 0, 64, 17, 0) + ends
    return ip + struct.pack(">HHHH", 5060, 5060, 8 + len(text), 0) + text


def flood(of: object, rounds: int) -> analyzer.Capture:
    """So many rounds, a message each millisecond."""
    assert callable(of)
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number in range(rounds):
        for source, target, start, lines, body in of(number):
            head = "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", ""])
            data = packet(source, target, head.encode() + body)
            second, rest = divmod(len(records), 1000)
            records.append(struct.pack("<IIII", second, rest * 1000, len(data), len(data)) + data)
    return analyzer.read(io.BytesIO(b"".join(records)))


@pytest.mark.parametrize(
    ("of", "table"),
    [
        (refused_invites, "cdrs"),
        (subscriptions_anew, "services"),
        (publications_of_one_tag, "publications"),
        (short_messages, "sms"),
        (short_messages_without_a_name, "sms"),
    ],
)
def test_a_flood_under_one_name_has_a_row_for_each(of: object, table: str) -> None:
    # So many that every row with every other would be told by the patience of whoever runs this.
    assert flood(of, 10_000).table(table).height == 10_000


DURATIONS = (
    *("calls", "registrations", "legs"),
    *("diameter_transactions", "dns", "beside", "waits", "phases", "waterfall", "publications", "sms", "cdrs"),
)


@pytest.mark.parametrize("name", ["ims_core", "services", "sms", "volte_failures"])
def test_no_duration_is_negative_where_the_clock_runs_backwards(name: str) -> None:
    data = (SAMPLES / f"{name}.pcap").read_bytes()
    records, at = [], 24
    while at < len(data):
        second, fraction, length, original = struct.unpack_from("<IIII", data, at)
        records.append((second, fraction, struct.pack("<II", length, original) + data[at + 16 : at + 16 + length]))
        at += 16 + length
    times = [record[:2] for record in reversed(records)]
    backwards = [struct.pack("<II", *when) + record[2] for when, record in zip(times, records, strict=True)]
    capture = analyzer.read(io.BytesIO(data[:24] + b"".join(backwards)))
    for table in DURATIONS:
        negative = capture.table(table).filter(pl.any_horizontal(pl.col(schema.TABLES[table].of_type("duration")) < 0))
        assert negative.is_empty(), table
