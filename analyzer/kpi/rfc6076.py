"""RFC 6076: basic telephony SIP end-to-end performance metrics."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import nanoseconds
from analyzer.columns.times import SECOND, ns
from analyzer.kpi.attempts import ACTIVE, ANSWERED, ATTEMPT, DETAIL, END_UNKNOWN, OUTCOME, REDIRECTED, STATUS, UNDECIDED
from analyzer.kpi.record import Example, Excluded, Kpi

#: Timer F with the default T1 (RFC 3261 §17.1.2.2).
_TIMER_F = 64 * SECOND // 2
#: §4.7: the user's doing, not that of the network.
_OF_USERS = [480, 486, 600, 603]
#: §4.8.
_INEFFECTIVE = [408, 500, 503, 504]
#: How a session ends that was set up and then ended by a BYE which was answered.
_COMPLETED = ["normal", "cancel_race", "replaced", "transferred"]

_OWN = pl.col("kind").is_in(["initial", "refresh", "emergency"])
_BYE_ANSWER = pl.col("_bye_accepted_at") - pl.col("_bye_at")

_ONCE = (
    "The RFC counts INVITE requests at the originating user agent. Here an attempt counts once, over all its hops, "
    "legs, challenges (401, 407) and retries, with its final status at the reference hop."
)

KPIS = (
    Kpi(
        name="rrd_s",
        titles={"en": "registration request delay (RRD)", "zh": "注册请求时延（RRD）"},
        texts={
            "en": "Time from the first REGISTER of a successful registration to its 200, the challenge included. A "
            "slow HSS, a slow answer of the UE to the challenge, or lost packets make it long.",
            "zh": "成功注册中，从第一个 REGISTER 到 200 的时间，含鉴权挑战。HSS 慢、UE 应答挑战慢或丢包都会使其变长。",
        },
        kind="duration",
        of="registrations",
        standard="RFC 6076 §4.1",
        formula=("sum of registrations.delay_s", "successful registrations"),
        about=_OWN & (OUTCOME == "registered"),
        top=nanoseconds("delay_s"),
        missing="without the response of the hop",
        chosen="Initial, refreshing and emergency registrations count together; group by kind to tell them apart. "
        "De-registrations and third-party registrations have no RRD. Retransmissions do not begin it anew.",
        example=Example(
            (
                (1, {"kind": "initial", "outcome": "registered", "delay_s": 0.3}),
                (1, {"kind": "refresh", "outcome": "registered", "delay_s": 0.1}),
                (1, {"kind": "initial", "outcome": "failed", "status": 403}),
            ),
            numerator=0.4,
            denominator=2,
            value=0.2,
        ),
        also=("RRD",),
    ),
    Kpi(
        name="ira",
        titles={"en": "ineffective registration attempts (IRA)", "zh": "无效注册尝试率（IRA）"},
        texts={
            "en": "Share of registrations that a node refused or left without an answer. A challenge is no failure.",
            "zh": "被节点拒绝或无应答的注册所占比例。鉴权挑战不算失败。",
        },
        kind="share",
        of="registrations",
        standard="RFC 6076 §4.2",
        formula=("registrations that failed: 4xx without 401, 402, 407; 5xx; 6xx; timer F", "registrations"),
        about=pl.col("kind").is_null() | (pl.col("kind") != "third_party"),
        excluded=(Excluded("unfinished", OUTCOME == "pending"),),
        top=OUTCOME == "failed",
        chosen="The RFC divides by REGISTER requests; here a challenged REGISTER and the one that answers the "
        "challenge are one attempt. A challenge that nobody answered stands below and not above; credentials that "
        "were refused with another 401 are a failure.",
        example=Example(
            (
                (7, {"kind": "initial", "outcome": "registered"}),
                (2, {"kind": "initial", "outcome": "failed", "status": 403}),
                (1, {"kind": "initial", "outcome": "challenged", "status": 401}),
                (1, {"kind": "initial", "outcome": "pending"}),
                (5, {"kind": "third_party", "outcome": "failed", "status": 500}),
            ),
            numerator=2,
            denominator=10,
            value=0.2,
            excluded=1,
        ),
        also=("IRA",),
    ),
    Kpi(
        name="srd_s",
        titles={"en": "session request delay (SRD), successful", "zh": "会话请求时延（SRD，成功）"},
        texts={
            "en": "Time from the INVITE of an answered call to the first response that tells of progress: 101-199, "
            "or the 200. The 100 does not count.",
            "zh": "被接听的呼叫中，从 INVITE 到第一个表示进展的响应（101-199，否则 200）的时间。100 不计。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.3.1",
        formula=("sum of calls.srd_s", "answered calls"),
        about=ANSWERED,
        top=nanoseconds("srd_s"),
        missing="without a time",
        chosen="It begins with the first INVITE, through challenges and redirections. Of several branches the first "
        "response counts.",
        example=Example(
            (
                (1, {"outcome": "answered", "srd_s": 0.2}),
                (1, {"outcome": "answered", "srd_s": 0.6}),
                (1, {"outcome": "busy", "status": 486, "srd_s": 5.0}),
            ),
            numerator=0.8,
            denominator=2,
            value=0.4,
        ),
        also=("SRD",),
    ),
    Kpi(
        name="srd_failed_s",
        titles={"en": "session request delay (SRD), failed", "zh": "会话请求时延（SRD，失败）"},
        texts={
            "en": "Time from the INVITE of a call that failed to the first 101-199 or to the failure, whichever came "
            "first.",
            "zh": "失败呼叫中，从 INVITE 到第一个 101-199 或失败响应（取先到者）的时间。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.3.2",
        formula=(
            "sum of the times to the first 101-199 or the failure",
            "calls with a 4xx (not 401, 402, 407), 5xx, 6xx",
        ),
        about=ATTEMPT & ~ANSWERED & (STATUS >= 400) & ~STATUS.is_in([401, 402, 407]),
        top=pl.coalesce(nanoseconds("srd_s"), ns("ended_at") - ns("started_at")),
        missing="without a time",
        chosen="As the RFC has it, ringing before a failure ends the delay, and a 487 after a CANCEL is a failure. "
        "Calls without any response have none.",
        example=Example(
            (
                (1, {"outcome": "busy", "status": 486, "srd_s": 0.5}),
                (1, {"outcome": "server_failure", "status": 500, "started_at": 10, "ended_at": 11.5}),
                (1, {"outcome": "timeout"}),
            ),
            numerator=2,
            denominator=2,
            value=1,
        ),
    ),
    Kpi(
        name="sdd_s",
        titles={"en": "session disconnect delay (SDD), successful", "zh": "会话断开时延（SDD，成功）"},
        texts={
            "en": "Time from the BYE of a call to the 2xx that answers it.",
            "zh": "从呼叫的 BYE 到应答它的 2xx 的时间。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.4",
        formula=("sum of the times from the first BYE to its 2xx", "calls whose BYE was accepted"),
        about=pl.col("_bye_at").is_not_null(),
        excluded=(
            Excluded("with an unanswered BYE", pl.col("_bye_unanswered")),
            Excluded("with a refused BYE", pl.col("_bye_refused_at").is_not_null() & _BYE_ANSWER.is_null()),
        ),
        top=pl.when(_BYE_ANSWER >= 0).then(_BYE_ANSWER),
        missing="without the response in the capture",
        point="hop where the BYE was first",
        chosen="The BYE is the first of the call over all its legs, measured where it was first: with the user who "
        "sent it. A BYE that was challenged and repeated with credentials ends with the 2xx to the repetition.",
        example=Example(
            (
                (1, {"outcome": "answered", "_bye_at": 10, "_bye_accepted_at": 10.2}),
                (1, {"outcome": "answered", "_bye_at": 20, "_bye_accepted_at": 20.4}),
                (1, {"outcome": "answered", "_bye_at": 30, "_bye_unanswered": True}),
                (1, {"outcome": "answered", "outcome_detail": "active"}),
            ),
            numerator=0.6,
            denominator=2,
            value=0.3,
            excluded=1,
        ),
        also=("SDD",),
    ),
    Kpi(
        name="sdd_failed_s",
        titles={"en": "session disconnect delay (SDD), failed", "zh": "会话断开时延（SDD，失败）"},
        texts={
            "en": "Time from the BYE of a call to the response that refused it, such as 481.",
            "zh": "从呼叫的 BYE 到拒绝它的响应（如 481）的时间。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.4",
        formula=("sum of the times from the first BYE to its refusal", "calls whose BYE was refused"),
        about=pl.col("_bye_refused_at").is_not_null() & pl.col("_bye_accepted_at").is_null(),
        top=pl.col("_bye_refused_at") - pl.col("_bye_at"),
        point="hop where the BYE was first",
        missing="without a time",
        chosen="A BYE without any response (timer F) has no delay: it is counted in sdt_failed_s.",
        example=Example(
            (
                (1, {"outcome": "answered", "_bye_at": 10, "_bye_refused_at": 10.5}),
                (1, {"outcome": "answered", "_bye_at": 20, "_bye_accepted_at": 20.4}),
            ),
            numerator=0.5,
            denominator=1,
            value=0.5,
        ),
    ),
    Kpi(
        name="sdt_s",
        titles={"en": "session duration time (SDT), successful", "zh": "会话持续时间（SDT，成功）"},
        texts={
            "en": "Time from the 200 to the BYE of calls whose BYE was answered. Many short calls hint at one-way "
            "audio or bad quality.",
            "zh": "BYE 得到应答的呼叫中，从 200 到 BYE 的时间。大量短呼叫提示单通或音质差。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.5.1",
        formula=("sum of calls.talk_s", "answered calls whose BYE was answered"),
        about=ANSWERED,
        excluded=(ACTIVE, Excluded("with an unanswered BYE", pl.col("_bye_unanswered"))),
        top=nanoseconds("talk_s"),
        missing="without a BYE",
        chosen="Repeated 200s and ACKs do not begin it anew. Early media is no part of it.",
        example=Example(
            (
                (1, {"outcome": "answered", "outcome_detail": "normal", "talk_s": 60.0}),
                (1, {"outcome": "answered", "outcome_detail": "normal", "talk_s": 120.0}),
                (1, {"outcome": "answered", "outcome_detail": "active"}),
                (1, {"outcome": "answered", "outcome_detail": "dropped", "talk_s": 30.0, "_bye_unanswered": True}),
            ),
            numerator=180,
            denominator=2,
            value=90,
            excluded=2,
        ),
        also=("SDT",),
    ),
    Kpi(
        name="sdt_failed_s",
        titles={"en": "session duration time (SDT), failed", "zh": "会话持续时间（SDT，失败）"},
        texts={
            "en": "Time from the 200 of a call to the end of timer F of a BYE that nobody answered.",
            "zh": "从呼叫的 200 到无人应答的 BYE 的定时器 F 超时的时间。",
        },
        kind="duration",
        of="calls",
        standard="RFC 6076 §4.5.2",
        formula=("sum of calls.talk_s and 32 s each", "answered calls with an unanswered BYE"),
        about=ANSWERED & pl.col("_bye_unanswered"),
        top=nanoseconds("talk_s") + _TIMER_F,
        missing="without a time",
        chosen="Timer F is 64 T1 with the default T1 of 500 ms, as its expiry cannot be captured.",
        example=Example(
            (
                (1, {"outcome": "answered", "talk_s": 28.0, "_bye_unanswered": True}),
                (1, {"outcome": "answered", "talk_s": 60.0}),
            ),
            numerator=60,
            denominator=1,
            value=60,
        ),
    ),
    Kpi(
        name="ser",
        titles={"en": "session establishment ratio (SER)", "zh": "会话建立率（SER）"},
        texts={
            "en": "Share of call attempts that were answered, redirections aside. Users who are busy or do not answer "
            "lower it as failures do; compare it with SEER.",
            "zh": "被接听的呼叫尝试所占比例（重定向除外）。用户忙或无应答与故障一样使其降低，应与 SEER 对照。",
        },
        kind="share",
        of="calls",
        standard="RFC 6076 §4.6",
        formula=("answered attempts", "attempts - redirected attempts (3xx)"),
        excluded=(*UNDECIDED, REDIRECTED),
        top=ANSWERED,
        chosen=_ONCE,
        example=Example(
            (
                (6, {"outcome": "answered", "status": 200}),
                (2, {"outcome": "busy", "status": 486}),
                (2, {"outcome": "server_failure", "status": 500}),
                (1, {"outcome": "redirected", "status": 302}),
                (1, {"outcome": "unfinished", "outcome_detail": "ringing"}),
            ),
            numerator=6,
            denominator=10,
            value=0.6,
            excluded=2,
        ),
        also=("SER",),
    ),
    Kpi(
        name="seer",
        titles={"en": "session establishment effectiveness ratio (SEER)", "zh": "会话建立有效率（SEER）"},
        texts={
            "en": "Share of call attempts that were answered or that the called user did not take (480, 486, 600 "
            "and 603), redirections aside. Failures of the network lower it.",
            "zh": "被接听或被叫用户未接（480、486、600、603）的呼叫尝试所占比例（重定向除外）。网络故障使其降低。",
        },
        kind="share",
        of="calls",
        standard="RFC 6076 §4.7",
        formula=("attempts with 200, 480, 486, 600, 603", "attempts - redirected attempts (3xx)"),
        excluded=(*UNDECIDED, REDIRECTED),
        top=ANSWERED | STATUS.is_in(_OF_USERS),
        chosen=f"{_ONCE} Only the statuses that the RFC lists are effective: a call that the caller gave up (487) is "
        "not.",
        example=Example(
            (
                (6, {"outcome": "answered", "status": 200}),
                (2, {"outcome": "busy", "status": 486}),
                (1, {"outcome": "cancelled", "status": 487}),
                (1, {"outcome": "server_failure", "status": 500}),
                (1, {"outcome": "redirected", "status": 302}),
            ),
            numerator=8,
            denominator=10,
            value=0.8,
            excluded=1,
        ),
        also=("SEER",),
    ),
    Kpi(
        name="isa",
        titles={"en": "ineffective session attempts (ISA)", "zh": "无效会话尝试率（ISA）"},
        texts={
            "en": "Share of call attempts that a node or agent gave up: 408, 500, 503, 504. Overload and unreachable "
            "next hops raise it.",
            "zh": "被节点或代理放弃的呼叫尝试（408、500、503、504）所占比例。过载与下一跳不可达使其升高。",
        },
        kind="share",
        of="calls",
        standard="RFC 6076 §4.8",
        formula=("attempts that end with 408, 500, 503, 504", "attempts"),
        excluded=UNDECIDED,
        top=STATUS.is_in(_INEFFECTIVE) | (STATUS.is_null() & ((OUTCOME == "timeout") | (DETAIL == "transport_error"))),
        chosen=f"{_ONCE} An attempt without a response counts as the 408 that its user agent makes of it, one "
        "without a connection as a 503 (RFC 3261 §8.1.3.1). Redirected attempts stand below: the RFC subtracts them "
        "in SER and SEER only.",
        example=Example(
            (
                (7, {"outcome": "answered", "status": 200}),
                (1, {"outcome": "server_failure", "status": 503}),
                (1, {"outcome": "timeout", "outcome_detail": "no_response"}),
                (1, {"outcome": "redirected", "status": 302}),
            ),
            numerator=2,
            denominator=10,
            value=0.2,
        ),
        also=("ISA",),
    ),
    Kpi(
        name="scr",
        titles={"en": "session completion ratio (SCR)", "zh": "会话完成率（SCR）"},
        texts={
            "en": "Share of call attempts that were set up and ended in order, with a BYE that was answered. Drops, "
            "lost ACKs and unanswered BYEs lower it beside failed set-ups.",
            "zh": "建立成功并以得到应答的 BYE 正常结束的呼叫尝试所占比例。除建立失败外，掉话、"
            "ACK 丢失与 BYE 无应答也会使其降低。",
        },
        kind="share",
        of="calls",
        standard="RFC 6076 §4.9",
        formula=("attempts that were answered and ended in order", "attempts"),
        excluded=(*UNDECIDED, ACTIVE, Excluded(END_UNKNOWN.why, ANSWERED & END_UNKNOWN.rows)),
        top=ANSWERED & DETAIL.is_in(_COMPLETED) & ~pl.col("_bye_unanswered"),
        chosen=f"{_ONCE} The RFC calls a session completed that does not fail for lack of a response; here it was also "
        "set up. A call that lasts at the end of the capture is not counted.",
        example=Example(
            (
                (5, {"outcome": "answered", "outcome_detail": "normal", "status": 200}),
                (1, {"outcome": "answered", "outcome_detail": "dropped", "status": 200}),
                (1, {"outcome": "answered", "outcome_detail": "normal", "status": 200, "_bye_unanswered": True}),
                (3, {"outcome": "busy", "status": 486}),
                (2, {"outcome": "answered", "outcome_detail": "active", "status": 200}),
            ),
            numerator=5,
            denominator=10,
            value=0.5,
            excluded=2,
        ),
        also=("SCR",),
    ),
)
