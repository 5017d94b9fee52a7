"""ITU-T: answers, network effectiveness, holding time and traffic."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import nanoseconds
from analyzer.kpi.attempts import ACTIVE, ANSWERED, ATTEMPT, DETAIL, OUTCOME, REDIRECTED, UNDECIDED
from analyzer.kpi.record import Example, Excluded, Kpi

#: A terminal that took note of the call and refused it.
_TERMINAL_REJECTION = ["declined", "unwanted", "anonymity_disallowed"]
_NOT_SEIZED = (*UNDECIDED, REDIRECTED, Excluded("refused for its credentials", OUTCOME == "auth_failed"))

_SEIZURE = (
    "SIP has no seizure. Here it is an attempt that was sent on to be answered: all but redirected attempts (3xx) and "
    "those refused for their credentials (401, 407, 403)."
)

_SOME_CALLS = (
    (6, {"outcome": "answered"}),
    (1, {"outcome": "busy", "status": 486}),
    (1, {"outcome": "no_answer", "status": 480}),
    (1, {"outcome": "server_failure", "status": 500}),
    (1, {"outcome": "unreachable", "outcome_detail": "not_found", "status": 404}),
    (1, {"outcome": "auth_failed", "status": 407}),
    (1, {"outcome": "redirected", "status": 302}),
    (1, {"outcome": "unfinished", "outcome_detail": "ringing"}),
)

KPIS = (
    Kpi(
        name="asr",
        titles={"en": "answer-seizure ratio (ASR)", "zh": "接通率（ASR）"},
        texts={
            "en": "Share of seizures that were answered: attempts without redirected ones and those refused for their "
            "credentials. Ringing, or a 183, is no answer. Busy users and users who do not answer lower it; NER tells "
            "them from failures of the network.",
            "zh": "被应答的占用（除去重定向与鉴权被拒的呼叫尝试）所占比例。振铃或 183 不算应答。"
            "用户忙与无应答使其降低，NER 可将其与网络故障区分。",
        },
        kind="share",
        of="calls",
        standard="ITU-T E.411, E.425",
        formula=("answered attempts", "seizures"),
        excluded=_NOT_SEIZED,
        top=ANSWERED,
        chosen=_SEIZURE,
        example=Example(_SOME_CALLS, numerator=6, denominator=10, value=0.6, excluded=3),
        also=("ASR",),
    ),
    Kpi(
        name="abr",
        titles={"en": "answer-bid ratio (ABR)", "zh": "应答试呼比（ABR）"},
        texts={
            "en": "Share of bids that were answered: every attempt is one, also a refused or redirected one.",
            "zh": "被应答的试呼所占比例；每次呼叫尝试都计一次，包括被拒绝或重定向的。",
        },
        kind="share",
        of="calls",
        standard="ITU-T E.411, E.425",
        formula=("answered attempts", "attempts"),
        excluded=UNDECIDED,
        top=ANSWERED,
        chosen="A bid is an attempt, over all its hops, legs and retries: a challenge and its answer are one.",
        example=Example(_SOME_CALLS, numerator=6, denominator=12, value=0.5, excluded=1),
        also=("ABR",),
    ),
    Kpi(
        name="ner",
        titles={"en": "network effectiveness ratio (NER)", "zh": "网络有效率（NER）"},
        texts={
            "en": "Share of seizures that the network brought to the called terminal: answered, busy, rung without an "
            "answer, or refused by the user. Failures of the network alone lower it.",
            "zh": "网络成功送达被叫终端的占用所占比例：被应答、用户忙、振铃无应答或被用户拒绝。仅网络故障使其降低。",
        },
        kind="share",
        of="calls",
        standard="ITU-T E.425",
        formula=("answered + user busy + ring no answer + rejected by the terminal", "seizures"),
        excluded=_NOT_SEIZED,
        top=ANSWERED
        | OUTCOME.is_in(["busy", "no_answer"])
        | ((OUTCOME == "cancelled") & (DETAIL == "while_ringing"))
        | ((OUTCOME == "rejected") & DETAIL.is_in(_TERMINAL_REJECTION)),
        chosen=f"{_SEIZURE} A caller who hangs up while it rings is a ring no answer. 603, 607 and 433 are "
        "rejections by the terminal; 403 and 608 come from the network. A 480 without ringing is not effective, as "
        "it does not tell an absent user from a network that lost them.",
        example=Example(_SOME_CALLS, numerator=8, denominator=10, value=0.8, excluded=3),
        also=("NER",),
    ),
    Kpi(
        name="acd_s",
        titles={"en": "average call duration, mean holding time (ACD, MHT)", "zh": "平均通话时长（ACD、MHT）"},
        texts={
            "en": "Mean time from the answer to the BYE of answered calls that ended. A drop without other reason "
            "hints at bad audio.",
            "zh": "已结束的被接听呼叫从应答到 BYE 的平均时间。无其他原因的下降提示音质问题。",
        },
        kind="duration",
        of="calls",
        standard="ITU-T E.425, E.600",
        formula=("sum of calls.talk_s", "answered calls that ended with a BYE"),
        about=ANSWERED,
        excluded=(ACTIVE,),
        top=nanoseconds("talk_s"),
        missing="without a BYE",
        chosen="E.600 holds a circuit from its seizure; here the time begins with the answer, as in billing. Calls "
        "that last at the end of the capture, or whose BYE was not captured, are left out: their length is not known.",
        example=Example(
            (
                (2, {"outcome": "answered", "outcome_detail": "normal", "talk_s": 60.0}),
                (1, {"outcome": "answered", "outcome_detail": "dropped", "talk_s": 30.0}),
                (1, {"outcome": "answered", "outcome_detail": "active"}),
            ),
            numerator=150,
            denominator=3,
            value=50,
            excluded=1,
        ),
        also=("ACD", "MHT"),
    ),
    Kpi(
        name="pdd_s",
        titles={"en": "post-dial delay (PDD)", "zh": "拨号后时延（PDD）"},
        texts={
            "en": "Time from the INVITE to the first thing that the caller hears: 180, authorised early media, or the "
            "answer. A 183 by itself is silent.",
            "zh": "从 INVITE 到主叫听到第一个声音（180、被授权的早期媒体或应答）的时间。单独的 183 是无声的。",
        },
        kind="duration",
        of="calls",
        standard="ITU-T E.721 (post-selection delay)",
        formula=("sum of calls.pdd_s", "attempts that rang, played early media or were answered"),
        about=ATTEMPT & (pl.col("ringing_at").is_not_null() | pl.col("early_media_at").is_not_null() | ANSWERED),
        top=nanoseconds("pdd_s"),
        missing="without a time",
        chosen="E.721 speaks of exchanges; here the delay ends with a message of SIP after which the caller's device "
        "plays something. Attempts that the caller never heard anything of have none.",
        example=Example(
            (
                (1, {"outcome": "answered", "pdd_s": 1.0}),
                (1, {"outcome": "no_answer", "ringing_at": 3, "pdd_s": 3.0}),
                (1, {"outcome": "server_failure", "status": 500}),
            ),
            numerator=4,
            denominator=2,
            value=2,
        ),
        also=("PDD",),
    ),
    Kpi(
        name="erlang",
        titles={"en": "traffic intensity (erlang)", "zh": "话务量（爱尔兰）"},
        texts={
            "en": "Mean number of calls connected at a time: seconds of all calls within the time captured, divided by "
            "that time.",
            "zh": "同时接通的平均呼叫数：抓包时段内所有呼叫的秒数除以该时段长度。",
        },
        kind="load",
        of="calls",
        standard="ITU-T E.600",
        formula=("seconds from the answer to the end of all calls, within the time captured", "seconds captured"),
        about=(ANSWERED | (OUTCOME == "joined")) & DETAIL.ne_missing("rejected"),
        excluded=(Excluded("whose end is not known", pl.col("_until").is_null() | pl.col("_since").is_null()),),
        chosen="Occupation counts from the answer, without ringing. A call that was there when the capture began "
        "counts from then, one that lasts at its end until then.",
        example=Example(
            (
                (1, {"outcome": "answered", "_since": 0, "_until": 30}),
                (1, {"outcome": "answered", "_since": 10, "_until": 55}),
                (1, {"outcome": "answered", "outcome_detail": "expired", "_since": 0}),
            ),
            numerator=75,
            denominator=60,
            value=1.25,
            excluded=1,
        ),
    ),
)
