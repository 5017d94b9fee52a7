"""Captures that nobody sends in good faith: floods under one name, and clocks that run backwards."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl
import pytest
from pcaps import RAW_IP, Packet, packets, pcap, udp
from places import SAMPLES

import analyzer
from analyzer import schema

pytestmark = pytest.mark.slow

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


def flood(of: object, rounds: int) -> analyzer.Capture:
    """So many rounds, a message each millisecond."""
    assert callable(of)
    said: list[Packet] = []
    for number in range(rounds):
        for source, target, start, lines, body in of(number):
            head = "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", ""])
            said.append(((len(said) + 1) * 1_000_000, udp(source, target, head.encode() + body)))
    return analyzer.read(io.BytesIO(pcap(RAW_IP, said)))


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
    *(
        "diameter_transactions",
        "dns",
        "related_transactions",
        "peer_delays",
        "phases",
        "waterfall",
        "publications",
        "sms",
        "cdrs",
    ),
)


@pytest.mark.parametrize("name", ["ims_core", "services", "sms", "volte_failures"])
def test_no_duration_is_negative_where_the_clock_runs_backwards(name: str) -> None:
    ((link, found),) = packets(SAMPLES / f"{name}.pcap").items()
    backwards = [(time, data) for (time, _), (_, data) in zip(reversed(found), found, strict=True)]
    capture = analyzer.read(io.BytesIO(pcap(link, backwards)))
    for table in DURATIONS:
        negative = capture.table(table).filter(pl.any_horizontal(pl.col(schema.TABLES[table].of_type("duration")) < 0))
        assert negative.is_empty(), table
