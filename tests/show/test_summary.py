"""The summary: what is counted, and over how many."""

from __future__ import annotations

import polars as pl
import pytest
from flow import frame, messages

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
    failed = calls("busy", "busy", status=486, reason_phrase="Busy Here") + calls("unreachable", status=404)
    assert line("failed calls", summary(tables(messages=messages(FLOW), calls=failed))) == (
        "failed calls 3 486 Busy Here 2, 404 1"
    )


def test_no_sip_is_said_and_where_packets_went() -> None:
    text = summary(
        tables(
            files=[{"file": "a.pcap", "packets": 7}],
            account=[{"layer": "udp", "reason": "not_sip_rtp", "packets": 7}],
        )
    )
    assert (line("SIP", text), line("packets", text)) == (
        "SIP none: no SIP message in 7 packets; where they went is below",
        "packets 7 udp not_sip_rtp 7",
    )


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
