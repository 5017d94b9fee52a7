"""Signalling load: rates, peaks, retransmissions."""

from __future__ import annotations

import polars as pl

from analyzer.kpi.attempts import ANSWERED, ATTEMPT, DETAIL, OUTCOME
from analyzer.kpi.record import Example, Excluded, Kpi

_COPIES = pl.col("request_copies") + pl.col("response_copies")
_RESENT = sum(((pl.col(f"{side}_copies") - 1).clip(lower_bound=0) for side in ("request", "response")), start=pl.lit(0))

KPIS = (
    Kpi(
        name="caps",
        titles={"en": "call attempts per second (CAPS)", "zh": "每秒呼叫尝试数（CAPS）"},
        texts={"en": "Mean number of call attempts that begin in a second.", "zh": "每秒开始的呼叫尝试的平均数。"},
        kind="rate",
        of="calls",
        standard="TS 32.409",
        formula=("attempts", "seconds captured"),
        about=ATTEMPT,
        chosen="Seconds captured are those that the files cover, gaps between them left out. A filter takes calls "
        "away, but no time.",
        example=Example(
            ((30, {"outcome": "answered"}), (1, {"outcome": "joined"})), numerator=30, denominator=60, value=0.5
        ),
        also=("CAPS",),
    ),
    Kpi(
        name="caps_peak",
        titles={"en": "peak of call attempts in a second", "zh": "每秒呼叫尝试数的峰值"},
        texts={"en": "The most call attempts that begin in one second.", "zh": "一秒内开始的呼叫尝试的最大数。"},
        kind="peak_rate",
        of="calls",
        standard="TS 32.409",
        formula=("the most attempts in a full second of the clock", "1 s"),
        about=ATTEMPT,
        chosen="Seconds are those of the clock, not any 1,000 ms. Peaks do not add up: that of the whole is less "
        "than or equal to the sum of those of the groups.",
        example=Example(
            (
                (3, {"outcome": "answered", "started_at": 10.2}),
                (1, {"outcome": "busy", "started_at": 10.9}),
                (2, {"outcome": "answered", "started_at": 11}),
            ),
            numerator=None,
            denominator=None,
            value=4,
        ),
    ),
    Kpi(
        name="concurrent_calls",
        titles={"en": "peak of concurrent calls", "zh": "并发呼叫数峰值"},
        texts={"en": "The most calls that are connected at one time.", "zh": "同时接通的呼叫的最大数。"},
        kind="peak_load",
        of="calls",
        standard="TS 32.409",
        formula=("the most calls between answer and end at one time", "1"),
        about=(ANSWERED | (OUTCOME == "joined")) & DETAIL.ne_missing("rejected"),
        excluded=(Excluded("whose end is not known", pl.col("_until").is_null() | pl.col("_since").is_null()),),
        chosen="As erlang. A call that ends when another is answered is not concurrent with it. Peaks do not add up.",
        example=Example(
            (
                (1, {"outcome": "answered", "_since": 0, "_until": 30}),
                (1, {"outcome": "answered", "_since": 10, "_until": 55}),
                (1, {"outcome": "answered", "_since": 30, "_until": 40}),
            ),
            numerator=None,
            denominator=None,
            value=2,
        ),
    ),
    Kpi(
        name="registration_rate",
        titles={"en": "registrations per second", "zh": "每秒注册数"},
        texts={
            "en": "Mean number of registrations of any kind that begin in a second.",
            "zh": "每秒开始的各类注册的平均数。",
        },
        kind="rate",
        of="registrations",
        standard="TS 32.409",
        formula=("registrations", "seconds captured"),
        chosen="As caps.",
        example=Example(((6, {"kind": "initial", "outcome": "registered"}),), numerator=6, denominator=60, value=0.1),
    ),
    Kpi(
        name="message_rate",
        titles={"en": "SIP messages per second", "zh": "每秒 SIP 消息数"},
        texts={
            "en": "Mean number of SIP messages in a second, on all hops captured, retransmissions included and "
            "duplicates of the capture left out.",
            "zh": "所有已抓取的跳上每秒 SIP 消息的平均数，含重传，不含抓包造成的重复。",
        },
        kind="rate",
        of="messages",
        standard="TS 32.409",
        formula=("messages", "seconds captured"),
        about=~pl.col("duplicate"),
        chosen="A message that a proxy forwards is a message on each hop.",
        example=Example(
            ((120, {"duplicate": False}), (5, {"duplicate": True})), numerator=120, denominator=60, value=2
        ),
    ),
    Kpi(
        name="resent_share",
        titles={"en": "retransmission ratio", "zh": "重传率"},
        texts={
            "en": "Share of requests and final responses that were sent again. Loss and slow servers raise it.",
            "zh": "被重发的请求与最终响应所占比例。丢包与服务器慢使其升高。",
        },
        kind="share",
        of="transactions",
        standard="RFC 3261 §17",
        formula=(
            "copies of requests and final responses beyond the first",
            "all copies of requests and final responses",
        ),
        top=_RESENT,
        bottom=_COPIES,
        chosen="As resent_share of links, over all hops.",
        example=Example(
            (
                (8, {"request_copies": 1, "response_copies": 1}),
                (1, {"request_copies": 3, "response_copies": 1}),
            ),
            numerator=2,
            denominator=20,
            value=0.1,
        ),
    ),
)
