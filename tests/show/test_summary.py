"""The summary: what is counted, and over how many."""

from __future__ import annotations

import re

import polars as pl
import pytest
from flow import frame, messages
from places import SAMPLES

import analyzer
from analyzer import schema
from analyzer.show.summary import summary


def tables(**given: list[dict[str, object]] | pl.DataFrame) -> dict[str, pl.DataFrame]:
    made = {name: cells if isinstance(cells, pl.DataFrame) else frame(name, cells) for name, cells in given.items()}
    return {name: made.get(name, frame(name, [])) for name in schema.TABLES}


def line(name: str, text: str) -> str:
    """The line of that name, blanks made single."""
    return next(" ".join(row.split()) for row in text.splitlines() if row.strip().startswith(name))


FLOW = """
    0   10.0.0.1 -> 10.0.0.2 INVITE
    0.1 10.0.0.1 -> 10.0.0.2 INVITE | retransmission
    0.1 10.0.0.1 -> 10.0.0.2 INVITE | duplicate original=2
    0.2 10.0.0.2 -> 10.0.0.1 100 Trying
    0.3 10.0.0.2 -> 10.0.0.1 404 Not Found
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("messages", "messages 4 udp 4, sent again 1 (25.0 %), and 1 duplicates not counted"),
        ("requests", "requests 2 INVITE 2"),
        ("responses", "responses 2 1xx 1, 4xx 1"),
    ],
)
def test_messages(name: str, says: str) -> None:
    assert line(name, summary(tables(messages=messages(FLOW)))) == says


def calls(*outcomes: str, **cells: object) -> list[dict[str, object]]:
    return [{"call": n, "no": n, "outcome": outcome, **cells} for n, outcome in enumerate(outcomes, 1)]


def test_the_answer_ratio_leaves_out_what_the_capture_did_not_see() -> None:
    # RFC 6076 §4: attempts whose end is not known are in no ratio.
    text = summary(tables(messages=messages(FLOW), calls=calls("answered", "busy", "busy", "unfinished", "joined")))
    assert line("answered", text) == "answered 33.3 %: 1 of 3 (2 unfinished or joined left out)"


def test_no_ratio_over_nothing() -> None:
    assert "  answered" not in summary(tables(messages=messages(FLOW), calls=calls("unfinished")))


def test_percentiles_are_nearest_rank() -> None:
    # Of 1..20: the 10th is the median, the 19th the 95th percentile (⌈0.95·20⌉).
    given = [{"call": n, "outcome": "answered", "pdd_s": float(n)} for n in range(20, 0, -1)]
    text = summary(tables(messages=messages(FLOW), calls=[*given, {"call": 99, "outcome": "busy"}]))
    assert line("post-dial", text) == "post-dial median 10.000 s, p95 19.000 s (n 20)"


def test_failures_most_frequent_first() -> None:
    failed = calls("timeout", "timeout", status=408, reason_phrase="Request Timeout") + calls("unreachable", status=404)
    assert line("failed calls", summary(tables(messages=messages(FLOW), calls=failed))) == (
        "failed calls 3 408 Request Timeout 2, 404 1"
    )


def test_calls_that_people_ended_did_not_fail() -> None:
    """RFC 6076 §4.9: a busy line, a call given up, a decline are no failures of the network."""
    ended = calls("busy", status=486) + calls("cancelled", status=487) + calls("rejected", status=603)
    assert "failed calls" not in summary(tables(messages=messages(FLOW), calls=ended))


def test_requests_outside_calls_that_failed_are_told_with_node_and_time() -> None:
    capture = analyzer.read(SAMPLES / "outside_calls.pcap")
    failed = capture.measure("failures", by="method,status,node").filter(pl.col("calls") == 0)
    text = capture.summary(width=120)
    others = failed.filter(pl.col("method") != "REGISTER").to_dicts()
    assert others
    for row in others[:4]:
        assert re.search(rf"{row['method']} {row['status']} .*{row['node']} since ..:..:..Z {row['requests']}", text)


def test_no_sip_is_said_and_where_packets_went() -> None:
    text = summary(
        tables(
            files=[{"file": "a.pcap", "packets": 7}],
            account=[{"layer": "udp", "reason": "not_sip_rtp", "packets": 7}],
        ),
        width=200,
    )
    assert (line("SIP", text), line("packets", text)) == (
        "SIP no SIP message in 7 packets: media without signalling; the signalling "
        "uses another path or interface: RTP (7)",
        "packets 7 udp not_sip_rtp 7",
    )


def test_without_sip_the_first_thing_said_is_why() -> None:
    # L2TPv3 and IPComp carry IP; ARP carries none.
    reasons = {"protocol_115_l2tp": 3, "protocol_108_ipcomp": 1, "ethertype_arp": 9}
    account = [{"layer": "any", "reason": reason, "packets": packets} for reason, packets in reasons.items()]
    text = summary(tables(files=[{"file": "a.pcap", "packets": 13}], account=account), width=200)
    assert line("SIP", text) == (
        "SIP no SIP message in 13 packets: SIP may be inside L2TP (3 packets) or IPComp (1 packet), which this "
        "version does not decode"
    )


def test_encrypted_gm_is_one_sentence() -> None:
    rows = [("esp", "encrypted_spi_0x00001001", 5), ("esp", "encrypted_spi_0x00001002", 4), ("wlan", "signalling", 3)]
    account = [{"layer": layer, "reason": reason, "packets": packets} for layer, reason, packets in rows]
    assert line("encrypted", summary(tables(messages=messages(FLOW), account=account), width=160)) == (
        "encrypted 9 packets of IPsec (ESP) of 2 security associations: SIP inside cannot be read without keys: "
        "bring them with --esp-keys FILE"
    )


def test_packets_with_sip_are_told_from_messages() -> None:
    given = tables(messages=messages(FLOW), account=[{"layer": "sip", "reason": "message", "packets": 7}])
    assert "7 with SIP\n               a packet with SIP may hold a part of a message" in summary(given)


def test_answered_calls_that_did_not_go_well_are_named() -> None:
    rows = [
        {"call": n, "outcome": "answered", "outcome_detail": detail}
        for n, detail in enumerate(("normal", "no_ack", "no_ack", "active"), 1)
    ]
    assert line("of these", summary(tables(messages=messages(FLOW), calls=rows))) == (
        "of these 3 answered no_ack 2, answered active 1"
    )


def registrations() -> dict[str, pl.DataFrame]:
    ends = (("failed", 403, "a"), ("failed", None, "b"), ("failed", None, "c"), ("challenged", 407, "d"))
    rows = [
        {"registration": n, "outcome": outcome, "status": status, "challenges": 2, "call_id": call_id}
        for n, (outcome, status, call_id) in enumerate(ends, 1)
    ]
    refused = [{"transaction": 1, "method": "REGISTER", "outcome": "transport_error", "call_id": "b"}]
    return tables(messages=messages(FLOW), registrations=rows, transactions=refused)


def test_a_registration_that_failed_without_a_status_says_how() -> None:
    assert line("failed regs", summary(registrations())) == "failed regs 3 403 1, no response 1, transport error 1"


def test_challenged_registrations_are_shown() -> None:
    assert line("challenged", summary(registrations())) == (
        "challenged 1 407 1, asked for credentials more than once 1, no other final answer seen"
    )


def test_a_call_that_failed_without_a_status_says_how() -> None:
    text = summary(tables(messages=messages(FLOW), calls=calls("timeout", "answered", outcome_detail="no_response")))
    assert line("failed calls", text) == "failed calls 1 no response 1"


def test_short_delays_keep_their_digits() -> None:
    text = summary(tables(messages=messages(FLOW), calls=calls("answered", pdd_s=0.000385)))
    assert line("post-dial", text) == "post-dial median 385 us, p95 385 us (n 1)"


def test_a_cut_file_is_said() -> None:
    assert line("capture", summary(tables(files=[{"file": "a", "cut": True, "dropped": 5}]))) == (
        "capture 5 lost by the capture itself, 1 file cut or corrupt in part"
    )


def test_the_time_is_in_the_zone_asked_for() -> None:
    text = summary(
        tables(files=[{"file": "a", "first_at": 1_714_557_600_000_000_000, "last_at": 1_714_557_690_000_000_000}]),
        tz="Europe/Berlin",
    )
    assert line("time", text) == "time 2024-05-01 12:00:00.000+02:00 to 2024-05-01 12:01:30.000+02:00, 1 min 30 s"


def test_one_screen() -> None:
    many = [{"problem": n, "code": f"code_{n}"} for n in range(100)]
    text = summary(tables(messages=messages(FLOW), problems=many), width=80)
    assert (len(text.splitlines()) < 30, max(map(len, text.splitlines())) <= 80) == (True, True)
