"""3GPP TS 32.409 and TS 32.454: registration, session establishment, messaging."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import nanoseconds
from analyzer.kpi.attempts import ACTIVE, ANSWERED, ATTEMPT, DETAIL, END_UNKNOWN, OUTCOME, STATUS, UNDECIDED
from analyzer.kpi.record import Example, Excluded, Kpi

#: What the caller or the called user did, or the number that was dialled.
_OF_USERS = [404, 480, 484, 486, 487, 600, 603]
#: An answered call that nobody hung up: the network gave it up, its session timer ran out, or no ACK came.
_DROPPED = ["dropped", "timer_expiry", "no_ack"]

_PENDING = Excluded("unfinished", OUTCOME == "pending")


def _registration(name: str, kind: str, counters: str, en: str, zh: str, also: tuple[str, ...] = ()) -> Kpi:
    done = "deregistered" if kind == "deregister" else "registered"
    return Kpi(
        name=name,
        titles={"en": f"{en} success ratio", "zh": f"{zh}成功率"},
        texts={
            "en": f"Share of attempts of {en} that ended with a 200. Challenges are part of an attempt; one that the "
            "UE never answered is an attempt without success.",
            "zh": f"以 200 结束的{zh}尝试所占比例。鉴权挑战属于尝试的一部分；UE 未应答的挑战计为未成功的尝试。",
        },
        kind="share",
        of="registrations",
        standard=f"TS 32.409, TS 32.454 ({counters})",
        formula=(f"registrations of this kind that are {done}", "registrations of this kind"),
        about=pl.col("kind") == kind,
        excluded=(_PENDING,),
        top=OUTCOME.is_in(["registered", "deregistered"]),
        chosen="3GPP counts at the S-CSCF; here an attempt counts once over its hops, with its outcome at the "
        "reference hop. Group by rat for the access network.",
        example=Example(
            (
                (8, {"kind": kind, "outcome": done}),
                (1, {"kind": kind, "outcome": "failed", "status": 403}),
                (1, {"kind": kind, "outcome": "challenged", "status": 401}),
                (1, {"kind": kind, "outcome": "pending"}),
                (3, {"kind": "refresh" if kind == "initial" else "initial", "outcome": "failed", "status": 500}),
            ),
            numerator=8,
            denominator=10,
            value=0.8,
            excluded=1,
        ),
        also=also,
    )


KPIS = (
    _registration(
        "reg_initial", "initial", "UR.SuccInitReg / UR.AttInitReg", "initial registration", "初始注册", ("IRSR",)
    ),
    _registration("reg_refresh", "refresh", "UR.SuccReReg / UR.AttReReg", "re-registration", "重注册"),
    _registration("reg_deregister", "deregister", "UR.SuccDeRegUe / UR.AttDeRegUe", "de-registration", "注销"),
    _registration(
        "reg_third_party",
        "third_party",
        "UR.Succ3rdPartyReg / UR.Att3rdPartyReg",
        "third-party registration",
        "第三方注册",
    ),
    _registration("reg_emergency", "emergency", "by kind", "emergency registration", "紧急注册"),
    Kpi(
        name="reg_setup_s",
        titles={"en": "initial registration set-up time", "zh": "初始注册建立时长"},
        texts={
            "en": "Time from the first REGISTER of an initial registration to its 200.",
            "zh": "初始注册从第一个 REGISTER 到 200 的时间。",
        },
        kind="duration",
        of="registrations",
        standard="TS 32.409, TS 32.454 (UR.MeanInitRegSetupTime)",
        formula=("sum of registrations.delay_s", "successful initial registrations"),
        about=(pl.col("kind") == "initial") & (OUTCOME == "registered"),
        top=nanoseconds("delay_s"),
        missing="without the response of the hop",
        chosen="As rrd_s, of initial registrations alone.",
        example=Example(
            (
                (1, {"kind": "initial", "outcome": "registered", "delay_s": 0.3}),
                (1, {"kind": "initial", "outcome": "registered", "delay_s": 0.5}),
                (1, {"kind": "refresh", "outcome": "registered", "delay_s": 0.1}),
            ),
            numerator=0.8,
            denominator=2,
            value=0.4,
        ),
    ),
    Kpi(
        name="sesr",
        titles={"en": "session establishment success ratio (SESR)", "zh": "会话建立成功率（SESR）"},
        texts={
            "en": "Share of attempted sessions that were answered.",
            "zh": "被接听的会话尝试所占比例。",
        },
        kind="share",
        of="calls",
        standard="TS 32.409, TS 32.454",
        formula=("answered attempts", "attempts"),
        excluded=UNDECIDED,
        top=ANSWERED,
        chosen="Redirected attempts stand below, unlike in SER. 3GPP counts originating and terminating sessions "
        "apart, at their CSCF: group by node.",
        example=Example(
            (
                (7, {"outcome": "answered", "status": 200}),
                (2, {"outcome": "busy", "status": 486}),
                (1, {"outcome": "redirected", "status": 302}),
                (1, {"outcome": "joined", "outcome_detail": "normal"}),
            ),
            numerator=7,
            denominator=10,
            value=0.7,
            excluded=1,
        ),
        also=("SESR",),
    ),
    Kpi(
        name="sensr",
        titles={"en": "session establishment network success ratio (SENSR)", "zh": "会话建立网络成功率（SENSR）"},
        texts={
            "en": "Share of attempted sessions in which the network did its part: answered, or ended by a user or by "
            "the number that was dialled (404, 480, 484, 486, 487, 600, 603).",
            "zh": "网络正常完成的会话尝试所占比例：被接听，或由用户或所拨号码导致结束（404、480、484、486、487、600、"
            "603）。",
        },
        kind="share",
        of="calls",
        standard="TS 32.409, TS 32.454",
        formula=("attempts with 200, 404, 480, 484, 486, 487, 600, 603, or given up by the caller", "attempts"),
        excluded=UNDECIDED,
        top=ANSWERED | STATUS.is_in(_OF_USERS) | (OUTCOME == "cancelled"),
        chosen="The user's failures are added above; some take them away below instead, which gives another number.",
        example=Example(
            (
                (6, {"outcome": "answered", "status": 200}),
                (1, {"outcome": "busy", "status": 486}),
                (1, {"outcome": "unreachable", "outcome_detail": "not_found", "status": 404}),
                (1, {"outcome": "cancelled", "status": 487}),
                (1, {"outcome": "server_failure", "status": 500}),
            ),
            numerator=9,
            denominator=10,
            value=0.9,
        ),
        also=("SENSR",),
    ),
    Kpi(
        name="alert_s",
        titles={"en": "session set-up time to ringing", "zh": "会话建立时长（至振铃）"},
        texts={
            "en": "Time from the INVITE to the 180: the part of the set-up that is the network's.",
            "zh": "从 INVITE 到 180 的时间，即建立过程中属于网络的部分。",
        },
        kind="duration",
        of="calls",
        standard="TS 32.409, TS 32.454 (session set-up time)",
        formula=("sum of calls.alert_s", "attempts that rang"),
        about=ATTEMPT & pl.col("ringing_at").is_not_null(),
        top=nanoseconds("alert_s"),
        missing="without a time",
        chosen="Operators measure set-up to the 180 or to the 200: setup_s is the other one.",
        example=Example(
            (
                (1, {"outcome": "answered", "ringing_at": 2, "alert_s": 2.0}),
                (1, {"outcome": "no_answer", "ringing_at": 3, "alert_s": 3.0}),
                (1, {"outcome": "answered", "setup_s": 9.0}),
            ),
            numerator=5,
            denominator=2,
            value=2.5,
        ),
    ),
    Kpi(
        name="setup_s",
        titles={"en": "session set-up time to the answer", "zh": "会话建立时长（至应答）"},
        texts={
            "en": "Time from the INVITE to the 200, ringing included.",
            "zh": "从 INVITE 到 200 的时间，含振铃。",
        },
        kind="duration",
        of="calls",
        standard="TS 32.409, TS 32.454 (session set-up time)",
        formula=("sum of calls.setup_s", "answered attempts"),
        about=ANSWERED,
        top=nanoseconds("setup_s"),
        missing="without a time",
        chosen="It includes the time that the called user took to answer.",
        example=Example(
            (
                (1, {"outcome": "answered", "setup_s": 4.0}),
                (1, {"outcome": "answered", "setup_s": 8.0}),
                (1, {"outcome": "busy", "status": 486}),
            ),
            numerator=12,
            denominator=2,
            value=6,
        ),
    ),
    Kpi(
        name="call_drop",
        titles={"en": "call drop ratio", "zh": "掉话率"},
        texts={
            "en": "Share of answered calls that ended though nobody hung up: cleared by the network, its session timer "
            "expired, or no ACK came.",
            "zh": "无人挂机却结束的被接听呼叫所占比例：被网络拆线、会话定时器超时或未收到 ACK。",
        },
        kind="share",
        of="calls",
        standard="TS 32.409, TS 32.454 (call drop ratio)",
        formula=("answered calls that were dropped", "answered calls that ended"),
        about=ANSWERED,
        excluded=(ACTIVE, END_UNKNOWN),
        top=DETAIL.is_in(_DROPPED),
        chosen="A call that lasts at the end of the capture was neither dropped nor ended in order, so it does not "
        "count.",
        example=Example(
            (
                (8, {"outcome": "answered", "outcome_detail": "normal"}),
                (1, {"outcome": "answered", "outcome_detail": "dropped"}),
                (1, {"outcome": "answered", "outcome_detail": "no_ack"}),
                (2, {"outcome": "answered", "outcome_detail": "active"}),
            ),
            numerator=2,
            denominator=10,
            value=0.2,
            excluded=2,
        ),
        also=("CDR", "call drop rate"),
    ),
    Kpi(
        name="message_success",
        titles={"en": "immediate messaging success ratio (IMMSR)", "zh": "即时消息成功率（IMMSR）"},
        texts={
            "en": "Share of MESSAGE requests that were accepted with a 2xx. Whether a short message was delivered is "
            "in the table sms.",
            "zh": "以 2xx 接受的 MESSAGE 请求所占比例。短消息是否送达见表 sms。",
        },
        kind="share",
        of="requests",
        standard="TS 32.409, TS 32.454",
        formula=("MESSAGE requests with a 2xx", "MESSAGE requests"),
        about=pl.col("method") == "MESSAGE",
        excluded=(
            Excluded("unfinished", OUTCOME == "pending"),
            Excluded("whose request was not captured", OUTCOME == "orphan"),
            Excluded("challenged", STATUS.is_in([401, 407])),
        ),
        top=STATUS.is_between(200, 299),
        chosen="A request counts once over its hops. A challenged one does not count, the one that repeats it does.",
        example=Example(
            (
                (9, {"method": "MESSAGE", "outcome": "completed", "status": 202}),
                (1, {"method": "MESSAGE", "outcome": "timeout"}),
                (1, {"method": "MESSAGE", "outcome": "completed", "status": 407}),
                (4, {"method": "OPTIONS", "outcome": "completed", "status": 200}),
            ),
            numerator=9,
            denominator=10,
            value=0.9,
            excluded=1,
        ),
        also=("IMMSR",),
    ),
)
