"""Emergency calls, short messages, transfers (R81, R82, R91, R92)."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text


def _redirected(calls: pl.DataFrame) -> pl.DataFrame:
    """380 with the emergency of 3GPP, and no emergency call of the same caller within 30 s."""
    rows = calls.filter(pl.col("outcome") == "redirected", pl.col("outcome_detail") == "emergency")
    again = calls.filter("emergency").select("caller", at="started_at")
    after = (
        rows.select("call", "caller", "started_at")
        .join(again, on="caller")
        .filter(pl.col("at").is_between(pl.col("started_at"), pl.col("started_at") + pl.duration(seconds=30)))
    )
    fine = pl.col("call").is_in(after["call"].implode())
    return rows.select(
        "call", "caller", message="reference", cause=pl.lit(""),
        then=pl.when(fine).then(pl.lit("an emergency call followed")).otherwise(
            pl.lit("no emergency call was seen within 30 s")
        ),
        severity=pl.when(fine).then(pl.lit("info")).otherwise(pl.lit("warning")),
    )  # fmt: skip


REDIRECTED = Rule(
    id="R81",
    code="emergency_redirected",
    severity="warning",
    standard="TS 24.229 §5.1.6.8, §5.2.10",
    find=_redirected,
    of_all=True,
    seen=frozenset({380}),
    texts={
        "en": Text(
            title="The network recognised an emergency call that the device had not (380)",
            explanation="The device must now call urn:service:sos, over IMS or circuits; circuits are not in this "
            "capture.",
            causes=("a local emergency number that the device does not know", "the device called the number as usual"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Check that the device got the local emergency numbers, and where it called next.",
            observed="After the 380 {then}.",
        ),
        "zh": Text(
            title="网络识别出终端未识别的紧急呼叫（380）",
            explanation="终端此后必须通过 IMS 或电路域呼叫 urn:service:sos；电路域不在此抓包中。",
            causes=("终端不知道的本地紧急号码", "终端按普通号码呼叫"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查终端是否获得本地紧急号码，以及随后呼叫到何处。",
            observed="380 之后：{then}。",
        ),
    },
)


def _emergency(failed_calls: pl.DataFrame) -> pl.DataFrame:
    rows = failed_calls.filter(
        pl.col("emergency"), ~pl.col("outcome").is_in(["cancelled", "answered_elsewhere", "redirected"])
    )
    answer = pl.coalesce(pl.col("status").cast(pl.String), pl.col("outcome"))
    return rows.select("call", "message", "node", answer=answer, cause=pl.coalesce("node", pl.lit("")))


EMERGENCY = Rule(
    id="R82",
    code="emergency_call_failed",
    severity="error",
    standard="TS 23.167 §6, §7; TS 24.229 §5.1.6; RFC 5031",
    find=_emergency,
    of="calls_that_failed",
    explains=(
        *("no_route_to_number", "overload", "forbidden", "server_error", "request_refused", "request_timeout"),
        *("no_final_response", "media_refused", "resources_refused", "subscriber_absent", "nothing_seen"),
        *("credentials_rejected", "challenge_not_answered"),
    ),
    texts={
        "en": Text(
            title="An emergency call failed",
            explanation="A call to urn:service:sos must reach a PSAP; this one was refused or not answered.",
            causes=("no route to the PSAP (LRF, E-CSCF)", "emergency calls without registration are not allowed",
                    "the location is missing or wrong"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer headers CAPTURE --name Geolocation",
            remedy="Follow it to {node}; check E-CSCF, LRF and the trunk to the PSAP at once.",
            observed="{node}: {answer}.",
        ),
        "zh": Text(
            title="紧急呼叫失败",
            explanation="发往 urn:service:sos 的呼叫必须到达 PSAP；该呼叫被拒绝或无人应答。",
            causes=("没有到 PSAP 的路由（LRF、E-CSCF）", "不允许未注册的紧急呼叫", "位置缺失或错误"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer headers CAPTURE --name Geolocation",
            remedy="立即检查 E-CSCF、LRF 以及到 PSAP 的中继。",
            observed="{node}：{answer}。",
        ),
    },
)  # fmt: skip


def _sms(sms: pl.DataFrame) -> pl.DataFrame:
    rows = sms.filter(pl.col("outcome").is_in(["rejected", "refused", "unanswered"]))
    cause = pl.coalesce("rp_cause_text", pl.col("status").cast(pl.String))
    how = pl.concat_str(pl.col("outcome"), cause, separator=", ", ignore_nulls=True)
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), message="sms", message2="report", case="sms", how=how,
        way=pl.col("direction"), cause=how,
    )  # fmt: skip


SMS = Rule(
    id="R91",
    code="sms_failed",
    severity="error",
    standard="TS 24.341 §5.3; TS 24.011 §6, §8.2.5.4; RFC 3428 §7",
    find=_sms,
    absence=True,
    seen=frozenset({"MESSAGE"}),
    texts={
        "en": Text(
            title="A short message was not delivered",
            explanation="200 or 202 only say that SIP carried it; the relay layer (RP-ACK, RP-ERROR) says whether it "
            "arrived.",
            causes=("the service centre refuses it (no credit, unknown number)", "memory of the UE is full",
                    "the IP-SM-GW or service centre does not answer"),
            confirm="sip-analyzer sms CAPTURE",
            remedy="Read rp_cause and tp_failure of the row, and the log of the IP-SM-GW.",
            observed="{cases} {way}: {how}.",
        ),
        "zh": Text(
            title="短信未送达",
            explanation="200 或 202 只表示 SIP 传送了它；是否到达由中继层（RP-ACK、RP-ERROR）说明。",
            causes=("短信中心拒绝（欠费、号码未知）", "UE 存储已满", "IP-SM-GW 或短信中心无响应"),
            confirm="sip-analyzer sms CAPTURE",
            remedy="查看该行的 rp_cause 与 tp_failure，以及 IP-SM-GW 日志。",
            observed="{cases} 条 {way}：{how}。",
        ),
    },
)  # fmt: skip


def _refer(subscriptions: pl.DataFrame) -> pl.DataFrame:
    refused = pl.col("status").is_between(300, 699) & ~pl.col("status").is_in([401, 407])
    failed = pl.col("result") >= 300
    rows = subscriptions.filter(pl.col("kind") == "refer", refused | failed)
    how = (
        pl.when(refused)
        .then(pl.format("the REFER was refused with {}", "status"))
        .otherwise(pl.format("the call it asked for ended with {}", "result"))
    )
    return rows.select("call", message="subscription", case="subscription", how=how, cause=how)


REFER = Rule(
    id="R92",
    code="transfer_failed",
    severity="error",
    standard="RFC 3515 §2.4; RFC 5589 §6",
    find=_refer,
    seen=frozenset({"REFER"}),
    texts={
        "en": Text(
            title="A transfer failed",
            explanation="The REFER was refused, or the new call that it asked for did not succeed.",
            causes=("the target is busy, wrong or not allowed", "the other side or a border element forbids REFER"),
            confirm="sip-analyzer subscriptions CAPTURE --where \"kind = 'refer'\"",
            remedy="Look at Refer-To and at the call that followed.",
            observed="{how}.",
        ),
        "zh": Text(
            title="呼叫转移失败",
            explanation="REFER 被拒绝，或其要求的新呼叫没有成功。",
            causes=("目标忙、错误或不被允许", "对端或边界网元禁止 REFER"),
            confirm="sip-analyzer subscriptions CAPTURE --where \"kind = 'refer'\"",
            remedy="查看 Refer-To 以及随后的呼叫。",
            observed="{how}。",
        ),
    },
)
