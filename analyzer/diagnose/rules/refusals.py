"""Calls that a node refused, by what its status says: each refusal is of one rule, the first of `_KINDS` that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from analyzer.columns.rules import first_of
from analyzer.diagnose.rule import Rule, Text

_CONGESTION = [34, 38, 41, 42, 44, 47, 49, 58]  # Q.850 causes of class "resource unavailable"
_NO_NUMBER = [1, 2, 3, 5, 22, 25, 28]


def _kind() -> pl.Expr:
    """What kind of refusal it is: the code of its rule; null where a user or a timer ended the call."""
    status, q850 = pl.col("status"), pl.col("q850")
    return first_of(
        [
            (pl.col("of_user") | status.is_null() | (pl.col("outcome_detail") == "transport_error"), None),
            (pl.col("no_word") & pl.col("silent").is_not_null(), None),
            (status.is_in([408, 430, 504, 380, 494]), None),
            (status.is_in([401, 407, 486, 487]), None),
            (status.is_in([482, 483]), None),
            (status == 580, "precondition_refused"),
            (status.is_in([420, 421]), "extension_refused"),
            (pl.col("failure_cause").is_not_null(), "resources_refused"),
            (status.is_in([488, 606, 415, 406]), "media_refused"),
            (status.is_in([428, 436, 437, 438, 433]), "identity_refused"),
            (q850.is_in(_NO_NUMBER) | status.is_in([404, 410, 416, 484, 485, 604]), "no_route_to_number"),
            (q850.is_in(_CONGESTION) | (status == 503), "overload"),
            (status == 502, "no_route_to_number"),
            (status == 403, "forbidden"),
            (status == 480, None),
            (status >= 600, None),
            (status >= 500, "server_error"),
            (status >= 400, "request_refused"),
        ],
        None,
    )


def _of(code: str) -> Callable[..., pl.DataFrame]:
    def find(failed_calls: pl.DataFrame) -> pl.DataFrame:
        rows = failed_calls.filter(_kind() == code)
        # No words of the wire: a mask could not know them from ours.
        cause = pl.format("{} {}", "status", pl.col("node").fill_null(""))
        return rows.select("call", "message", "node", "status", said=pl.col("status"), cause=cause)

    return find


def _rule(id: str, code: str, standard: str, en: Text, zh: Text, **more: Any) -> Rule:
    return Rule(id, code, "error", standard, {"en": en, "zh": zh}, find=_of(code), of="calls_that_failed", **more)


NO_ROUTE = _rule(
    "R55", "no_route_to_number", "RFC 3261 §21.4.5, §21.4.22; RFC 3398 §7.2.4.1; RFC 6116",
    Text(
        title="No route to the dialled number",
        explanation="The node says that the number or user does not exist, or that nothing leads there.",
        causes=(
            "the caller dialled a wrong or incomplete number",
            "dial plan, ENUM or number portability lacks the number",
            "the node rewrote the number wrongly",
        ),
        confirm="sip-analyzer call {no} CAPTURE",
        remedy="Compare the Request-URI that reached this node with its dial plan, ENUM and subscriber data.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="没有到被叫号码的路由",
        explanation="该节点表示号码或用户不存在，或没有通向它的路由。",
        causes=("主叫拨错或少拨号码", "拨号方案、ENUM 或携号转网数据缺少该号码", "该节点错误地改写了号码"),
        confirm="sip-analyzer call {no} CAPTURE",
        remedy="把到达该节点的 Request-URI 与其拨号方案、ENUM 和用户数据对比。",
        observed="{node} 返回 {said}。",
    ),
)  # fmt: skip

OVERLOAD = _rule(
    "R56", "overload", "RFC 3261 §21.5.4; RFC 7339; ITU-T Q.850 (class resource unavailable)",
    Text(
        title="A node is overloaded or out of service",
        explanation="503 (or a congestion cause) refuses the call for lack of capacity; a Retry-After says how long.",
        causes=(
            "the node is overloaded or in maintenance",
            "all circuits or licences behind it are in use",
            "what it depends on is down, so that it refuses everything",
        ),
        confirm="sip-analyzer failures CAPTURE --ip {node}",
        remedy="Look at load and alarms of this node; send calls elsewhere until Retry-After has passed.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="某节点过载或停止服务",
        explanation="503（或拥塞原因值）因能力不足拒绝呼叫；Retry-After 给出时长。",
        causes=("节点过载或在维护", "其后的电路或许可已用尽", "它依赖的对象宕机，于是拒绝一切"),
        confirm="sip-analyzer failures CAPTURE --ip {node}",
        remedy="查看该节点的负载与告警；在 Retry-After 到期前把呼叫送往别处。",
        observed="{node} 返回 {said}。",
    ),
)  # fmt: skip

MEDIA_REFUSED = _rule(
    "R60", "media_refused", "RFC 3264 §6; RFC 3261 §21.4.26, §21.4.13",
    Text(
        title="The called side accepts none of the offered media",
        explanation="No codec, media type or profile of the offer suits the answerer (488, 606, 415), so there is no "
        "session to agree on.",
        causes=(
            "no common codec, and no transcoder between the two",
            "SRTP is offered where only RTP is taken, or the reverse",
            "a border element strips or rewrites the offer",
        ),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer sdp CAPTURE",
        remedy="Compare the m= lines of the offer with what this node takes; add a common codec or transcoding.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="被叫侧不接受任何所提供的媒体",
        explanation="offer 中没有应答方可接受的编解码、媒体类型或配置（488、606、415），因此无法建立会话。",
        causes=("没有共同的编解码，且两者之间没有转码", "提供 SRTP 而对方只接受 RTP，或相反", "边界网元删改了 offer"),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer sdp CAPTURE",
        remedy="把 offer 的 m= 行与该节点支持的内容对比；增加共同编解码或转码。",
        observed="{node} 返回 {said}。",
    ),
    explains=("offer_answer_illegal",),
    seen=frozenset({488, 606, 415, 406}),
)  # fmt: skip

PRECONDITION = _rule(
    "R63", "precondition_refused", "RFC 3312 §8; RFC 4032; TS 24.229 §6.1",
    Text(
        title="Resources for the call could not be reserved (580)",
        explanation="A side that made resources a precondition learnt that it will not get them.",
        causes=(
            "the dedicated bearer was refused (no QCI 1 / 5QI 1, no coverage, policy)",
            "PCRF or PCF rejected the session",
            "the far side does not support preconditions",
        ),
        confirm="sip-analyzer setups CAPTURE; sip-analyzer related-transactions CAPTURE",
        remedy="Look at Rx/Gx (or N5/N7) and the radio side of this subscriber at that time.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="无法为呼叫预留资源（580）",
        explanation="把资源作为前提条件的一方得知不会获得资源。",
        causes=("专用承载被拒绝（无 QCI 1/5QI 1、无覆盖、策略）", "PCRF 或 PCF 拒绝了会话", "对端不支持前提条件"),
        confirm="sip-analyzer setups CAPTURE; sip-analyzer related-transactions CAPTURE",
        remedy="检查该用户当时的 Rx/Gx（或 N5/N7）与无线侧。",
        observed="{node} 返回 {said}。",
    ),
    explains=("precondition_stall",),
    seen=frozenset({580}),
)  # fmt: skip

RESOURCES = _rule(
    "R64", "resources_refused", "TS 24.229 §5.2.7, §7.2A.18.12; TS 29.214",
    Text(
        title="The network got no bearer for the call",
        explanation="The Reason has a FAILURE_CAUSE: the P-CSCF was told that the resources were refused or lost.",
        causes=(
            "PCRF or PCF rejected the session (AAA with an error, no policy)",
            "the radio could not set up the bearer",
            "admission control: the cell is full",
        ),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer related-transactions CAPTURE",
        remedy="Look at the Rx answer to this P-CSCF and at the cell of the subscriber.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="网络没有为呼叫取得承载",
        explanation="Reason 含 FAILURE_CAUSE：P-CSCF 被告知资源被拒绝或丢失。",
        causes=("PCRF 或 PCF 拒绝会话（AAA 带错误、无策略）", "无线侧无法建立承载", "接纳控制：小区已满"),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer related-transactions CAPTURE",
        remedy="检查发给该 P-CSCF 的 Rx 应答以及用户所在小区。",
        observed="{node} 返回 {said}。",
    ),
    explains=("precondition_stall",),
)  # fmt: skip

IDENTITY = _rule(
    "R86", "identity_refused", "RFC 8224 §6.2.2; RFC 5079",
    Text(
        title="The caller's identity was refused",
        explanation="The called network demands a signed (STIR) or shown identity and does not get a valid one.",
        causes=(
            "Identity is missing, or a border element removed it",
            "the signature does not fit the numbers as they were rewritten",
            "the certificate cannot be fetched or has expired",
            "the callee takes no anonymous calls (433)",
        ),
        confirm="sip-analyzer headers CAPTURE --name Identity; sip-analyzer call {no} CAPTURE",
        remedy="Check signing at the originating border, and who changes From or To behind it.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="主叫身份被拒绝",
        explanation="被叫网络要求带签名（STIR）或显示的身份，但没有得到有效身份。",
        causes=("缺少 Identity，或被边界网元删除", "签名与被改写后的号码不符", "证书无法获取或已过期",
                "被叫不接受匿名呼叫（433）"),
        confirm="sip-analyzer headers CAPTURE --name Identity; sip-analyzer call {no} CAPTURE",
        remedy="检查发端边界的签名，以及其后谁改动了 From 或 To。",
        observed="{node} 返回 {said}。",
    ),
    seen=frozenset({428, 436, 437, 438, 433}),
)  # fmt: skip

SERVER_ERROR = _rule(
    "R101", "server_error", "RFC 3261 §21.5",
    Text(
        title="A node failed on the call (5xx)",
        explanation="The node itself reports a fault: the request was fine, its processing was not.",
        causes=(
            "an error in the service logic or configuration of the node",
            "a database or service behind it failed",
            "it does not support what was asked (501, 505, 513)",
        ),
        confirm="sip-analyzer failures CAPTURE --ip {node}; sip-analyzer call {no} CAPTURE",
        remedy="Look into the log of this node for this Call-ID.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="某节点处理呼叫时出错（5xx）",
        explanation="该节点自己报告故障：请求没有问题，处理出了问题。",
        causes=("节点的业务逻辑或配置出错", "其后的数据库或业务失败", "不支持所请求的内容（501、505、513）"),
        confirm="sip-analyzer failures CAPTURE --ip {node}; sip-analyzer call {no} CAPTURE",
        remedy="在该节点日志中查找此 Call-ID。",
        observed="{node} 返回 {said}。",
    ),
    confidence=0.8,
)  # fmt: skip

FORBIDDEN = _rule(
    "R102", "forbidden", "RFC 3261 §21.4.4, §21.6.2",
    Text(
        title="The network does not allow the call",
        explanation="403 is a decision: the caller is barred, unknown, or lacks the service.",
        causes=(
            "call barring, no credit, or a service that is not subscribed",
            "the caller is not registered, or its identity is not its own",
            "an access list of this node (address, trunk, country) refuses it",
            "a wrong password: some servers answer 403 to it",
        ),
        confirm="sip-analyzer call {no} CAPTURE",
        remedy="Look at the subscriber's profile and at the access lists of this node.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="网络不允许该呼叫",
        explanation="403 是一种决定：主叫被限制、未知或未签约该业务。",
        causes=("呼叫限制、欠费或未签约业务", "主叫未注册，或身份不属于它", "该节点的访问列表（地址、中继、国家）拒绝",
                "密码错误：有些服务器对此返回 403"),
        confirm="sip-analyzer call {no} CAPTURE",
        remedy="检查用户签约数据和该节点的访问列表。",
        observed="{node} 返回 {said}。",
    ),
)  # fmt: skip

EXTENSION = _rule(
    "R104", "extension_refused", "RFC 3261 §8.2.2.3, §21.4.15, §21.4.16",
    Text(
        title="An extension is required that one side does not support",
        explanation="420 refuses an option tag of Require; 421 demands one that the request does not offer.",
        causes=(
            "a user agent requires 100rel, precondition, timer or sec-agree of one that lacks it",
            "a proxy strips Supported or Require on the way",
        ),
        confirm="sip-analyzer headers CAPTURE --name Require --name Supported --name Unsupported",
        remedy="Compare Require and Supported of the INVITE with Unsupported or Require of the response.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="要求了一方不支持的扩展",
        explanation="420 拒绝 Require 中的选项标签；421 要求请求没有提供的选项。",
        causes=("一方要求 100rel、precondition 或 sec-agree 而另一方不支持", "途中代理删除了 Supported 或 Require"),
        confirm="sip-analyzer headers CAPTURE --name Require --name Supported --name Unsupported",
        remedy="把 INVITE 的 Require、Supported 与响应的 Unsupported 或 Require 对比。",
        observed="{node} 返回 {said}。",
    ),
)  # fmt: skip

REFUSED = _rule(
    "R105", "request_refused", "RFC 3261 §21.4",
    Text(
        title="A node refuses the request as wrong (4xx)",
        explanation="The response says that the request itself cannot be accepted as it was sent.",
        causes=(
            "a malformed or missing header (400)",
            "the method, size or version is not allowed there (405, 413, 414)",
            "the session it belongs to is unknown (481)",
        ),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer problems CAPTURE",
        remedy="Read the reason phrase and Warning, and compare the INVITE on this hop with RFC 3261 §8.1.1.",
        observed="{node} answered {said}.",
    ),
    Text(
        title="某节点认为请求有误而拒绝（4xx）",
        explanation="响应表明请求以其发送的形式不能被接受。",
        causes=("头域格式错误或缺失（400）", "该处不允许此方法、大小或版本（405、413、414）", "所属会话未知（481）"),
        confirm="sip-analyzer call {no} CAPTURE; sip-analyzer problems CAPTURE",
        remedy="阅读原因短语和 Warning，并按 RFC 3261 §8.1.1 检查该跳上的 INVITE。",
        observed="{node} 返回 {said}。",
    ),
    confidence=0.8,
)  # fmt: skip
