"""Registrations that failed, but for authentication (R16, R24, R25, R27, R28, R29, R30, R32, R33)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.evidence import time_to_retry
from analyzer.diagnose.rule import Rule, Text

_REGISTER: frozenset[str | int] = frozenset({"REGISTER"})


def _failed(registrations: pl.DataFrame, *conditions: pl.Expr) -> pl.DataFrame:
    """Attempts of a subscriber that failed, with what every rule here returns."""
    return _what_failed(registrations.filter(pl.col("kind") != "third_party"), *conditions)


def _what_failed(registrations: pl.DataFrame, *conditions: pl.Expr) -> pl.DataFrame:
    rows = registrations.filter(pl.col("outcome") == "failed", *conditions)
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), "aor", "status", "call_id", "kind", "challenges",
        message="registration", case="registration", node="registrar",
        cause=pl.format("{} {}", pl.col("status").fill_null(0), pl.col("registrar").fill_null("")),
    )  # fmt: skip


def _unanswered(registrations: pl.DataFrame, transactions: pl.DataFrame, sip_ways: pl.DataFrame) -> pl.DataFrame:
    rows = _failed(registrations, pl.col("status").is_null())
    if rows.is_empty():
        return rows
    tried = transactions.filter(
        pl.col("method") == "REGISTER",
        pl.col("call_id").is_in(rows["call_id"].implode()),
        pl.col("status").is_null(),
        pl.col("outcome") == "timeout",
    )
    again = pl.col("request_copies") > 1
    tried = tried.filter(
        again | ((pl.col("transport") != "udp") & pl.col("server_ip").is_in(sip_ways["src_ip"].implode()))
    )
    tried = tried.select("call_id", asked=socket_of("server"), copies="request_copies")
    rows = rows.join(tried.unique("call_id", keep="first", maintain_order=True), on="call_id", maintain_order="left")
    return rows.with_columns(node="asked", cause="asked")


UNANSWERED = Rule(
    id="R16",
    code="register_unanswered",
    severity="error",
    standard="RFC 3261 §17.1.2.2 (Timer F), §10.2.7",
    find=_unanswered,
    absence=True,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="REGISTER is not answered",
            explanation="Without a registration the subscriber can neither call nor be called. Several subscribers "
            "at one node: the node is down.",
            causes=(
                "the registrar or P-CSCF is down",
                "a firewall or route drops the packets",
                "wrong address or port",
            ),
            confirm="sip-analyzer transactions CAPTURE --ip {node} --method REGISTER",
            remedy="Check the node and the way to it.",
            observed="{node} left {cases} registrations without an answer, the first sent {copies} times.",
        ),
        "zh": Text(
            title="REGISTER 没有得到响应",
            explanation="没有注册，用户既不能主叫也不能被叫。同一节点上有多个用户时，说明该节点宕机。",
            causes=("注册服务器或 P-CSCF 宕机", "防火墙或路由丢弃报文", "地址或端口错误"),
            confirm="sip-analyzer transactions CAPTURE --ip {node} --method REGISTER",
            remedy="检查该节点及到它的路径。",
            observed="{node} 对 {cases} 次注册没有响应，第一次发送了 {copies} 次。",
        ),
    },
)


def _forbidden(registrations: pl.DataFrame) -> pl.DataFrame:
    return _failed(registrations, pl.col("status").is_in([403, 404, 604]), pl.col("challenges") == 0)


FORBIDDEN = Rule(
    id="R24",
    code="registration_forbidden",
    severity="error",
    standard="RFC 3261 §10.3; TS 29.228 §6.1.1; TS 24.229 §5.3.1.2",
    find=_forbidden,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="The registration was refused before authentication",
            explanation="The network knows at once that this subscriber may not register here; no password was asked.",
            causes=(
                "the subscriber (IMPI, IMPU) is not known to the HSS or registrar",
                "roaming is not allowed in this visited network",
                "the realm or domain is wrong",
            ),
            confirm="sip-analyzer registrations CAPTURE --status {status}",
            remedy="Check subscriber data, roaming agreement and the domain that the device registers at.",
            observed="{aor}: {node} answered {status} without a challenge.",
        ),
        "zh": Text(
            title="注册在鉴权之前就被拒绝",
            explanation="网络立即知道该用户不能在此注册，没有要求密码。",
            causes=("HSS 或注册服务器不认识该用户（IMPI、IMPU）", "不允许在该拜访网络漫游", "realm 或域名错误"),
            confirm="sip-analyzer registrations CAPTURE --status {status}",
            remedy="检查用户数据、漫游协议和终端注册所用的域名。",
            observed="{aor}：{node} 未发起质询即返回 {status}。",
        ),
    },
)


def _too_brief(registrations: pl.DataFrame, last_message_at: int | None) -> pl.DataFrame:
    return _failed(registrations, pl.col("status") == 423, time_to_retry("ended_at", last_message_at))


TOO_BRIEF = Rule(
    id="R25",
    code="interval_too_brief",
    severity="error",
    standard="RFC 3261 §10.2.8",
    find=_too_brief,
    absence=True,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="The device does not accept a longer registration interval (423)",
            explanation="The registrar demands at least Min-Expires; the device should have asked again with it.",
            causes=("the device ignores Min-Expires", "its expiry is configured too small"),
            confirm="sip-analyzer headers CAPTURE --name Min-Expires --name Expires",
            remedy="Set a longer expiry in the device, or a smaller minimum at the registrar.",
            observed="{aor}: {node} answered 423 and nothing longer followed.",
        ),
        "zh": Text(
            title="终端不接受更长的注册周期（423）",
            explanation="注册服务器要求至少 Min-Expires；终端本应以该值重新请求。",
            causes=("终端忽略 Min-Expires", "终端配置的有效期太短"),
            confirm="sip-analyzer headers CAPTURE --name Min-Expires --name Expires",
            remedy="在终端设置更长的有效期，或在注册服务器降低最小值。",
            observed="{aor}：{node} 返回 423，之后没有更长周期的请求。",
        ),
    },
)

_STORM = 10  # registration attempts of one address of record in a minute


def _storm(registrations: pl.DataFrame) -> pl.DataFrame:
    rows = registrations.filter(pl.col("kind") != "third_party", pl.col("started_at").is_not_null())
    rows = rows.sort("started_at", maintain_order=True)
    # The minute that begins with each.
    often = rows.rolling("started_at", period="1m", offset="0s", closed="left", group_by="aor").agg(often=pl.len())
    often = often.unique(["aor", "started_at"], keep="first")
    rows = rows.join(often, on=["aor", "started_at"], how="left", maintain_order="left")
    rows = rows.filter(pl.col("often") > _STORM)
    rows = rows.sort("often", descending=True, maintain_order=True).unique("aor", keep="first", maintain_order=True)
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), "aor", "often", message="registration", case="registration",
        node="registrar", cause=pl.lit(""),
    )  # fmt: skip


STORM = Rule(
    id="R27",
    code="registration_storm",
    severity="warning",
    standard="RFC 3261 §10.2.4; RFC 5626 §4.5 (back-off)",
    find=_storm,
    of_all=True,
    seen=_REGISTER,
    confidence=0.8,
    texts={
        "en": Text(
            title="A subscriber registers over and over",
            explanation="More than ten attempts a minute load the registrar for nothing; a device backs off after a "
            "failure.",
            causes=(
                "the registration succeeds but the device believes it did not",
                "the granted expiry is seconds long",
                "several devices fight over one identity, or somebody guesses passwords",
            ),
            confirm="sip-analyzer registrations CAPTURE",
            remedy="Look at what the device gets as an answer, and at the expiry granted.",
            observed="{aor} began {often} registrations within a minute.",
        ),
        "zh": Text(
            title="某用户反复注册",
            explanation="每分钟超过十次的注册白白加重注册服务器负担；终端失败后应退避。",
            causes=("注册成功但终端认为失败", "授予的有效期只有几秒", "多个终端争用同一身份，或有人在猜密码"),
            confirm="sip-analyzer registrations CAPTURE",
            remedy="查看终端得到的应答以及授予的有效期。",
            observed="{aor} 在一分钟内发起了 {often} 次注册。",
        ),
    },
)


def _no_service_route(ims_registrations: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """AKA over a P-CSCF (Path), and a 200 without what the UE and P-CSCF route by afterwards."""
    rows = ims_registrations.filter(
        pl.col("outcome") == "registered",
        pl.col("kind").is_in(["initial", "refresh"]),
        pl.col("path").is_not_null(),
        pl.col("algorithm").str.to_uppercase().str.starts_with("AKA"),
        pl.col("service_route").is_null() | pl.col("public_ids").is_null(),
    )
    lacks = pl.concat_str(
        pl.when(pl.col("service_route").is_null()).then(pl.lit("Service-Route")),
        pl.when(pl.col("public_ids").is_null()).then(pl.lit("P-Associated-URI")),
        separator=", ", ignore_nulls=True,
    )  # fmt: skip
    rows = rows.with_columns(lacks=lacks).join(
        registrations.select("registration", "registrar"), on="registration", how="left", maintain_order="left"
    )
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), "aor", "lacks", message="registration", case="registration",
        node="registrar",
    )  # fmt: skip


NO_SERVICE_ROUTE = Rule(
    id="R28",
    code="service_route_missing",
    severity="warning",
    standard="RFC 3608 §5; RFC 7315 §4.1; TS 24.229 §5.4.1.2.2",
    find=_no_service_route,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="The 200 to REGISTER lacks what IMS routes by",
            explanation="Without Service-Route calls of the UE miss its S-CSCF; without P-Associated-URI the UE does "
            "not know its public identities.",
            causes=("S-CSCF misconfigured", "a node on the way back strips the header"),
            confirm="sip-analyzer headers CAPTURE --name Service-Route --name P-Associated-URI --name Path",
            remedy="Correct the S-CSCF (or the node that strips it) so that the 200 carries both.",
            observed="{aor}: the 200 has no {lacks}.",
        ),
        "zh": Text(
            title="REGISTER 的 200 缺少 IMS 路由所需的头域",
            explanation="没有 Service-Route，UE 的呼叫会绕过其 S-CSCF；没有 P-Associated-URI，它不知道自己的公有标识。",
            causes=("S-CSCF 配置错误", "返回途中的节点删除了头域"),
            confirm="sip-analyzer headers CAPTURE --name Service-Route --name P-Associated-URI --name Path",
            remedy="修正 S-CSCF（或删除头域的节点），使 200 携带两者。",
            observed="{aor}：200 中没有 {lacks}。",
        ),
    },
)


def _path(registrations: pl.DataFrame) -> pl.DataFrame:
    return _failed(registrations, pl.col("status").is_in([420, 421, 439]))


PATH = Rule(
    id="R29",
    code="register_extension_refused",
    severity="error",
    standard="RFC 3327 §5.3; RFC 5626 §11.6; RFC 3329 §2.3",
    find=_path,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="The registrar and the access do not agree on an extension",
            explanation="420 refuses an extension (often path), 421 demands one (sec-agree, path), 439 says that the "
            "first hop lacks outbound.",
            causes=(
                "the REGISTER bypassed the P-CSCF or edge proxy",
                "the registrar does not support Path or outbound",
            ),
            confirm="sip-analyzer headers CAPTURE --name Require --name Unsupported --name Supported",
            remedy="Route REGISTER over the edge that adds Path; enable the extension at the registrar.",
            observed="{aor}: {node} answered {status}.",
        ),
        "zh": Text(
            title="注册服务器与接入侧在扩展上不一致",
            explanation="420 拒绝某扩展（常为 path），421 要求某扩展（sec-agree、path），439 表示首跳不支持 outbound。",
            causes=("REGISTER 绕过了 P-CSCF 或边缘代理", "注册服务器不支持 Path 或 outbound"),
            confirm="sip-analyzer headers CAPTURE --name Require --name Unsupported --name Supported",
            remedy="让 REGISTER 经过添加 Path 的边缘节点；在注册服务器启用该扩展。",
            observed="{aor}：{node} 返回 {status}。",
        ),
    },
)


def _core(registrations: pl.DataFrame) -> pl.DataFrame:
    return _failed(
        registrations,
        (pl.col("status") >= 500) | pl.col("status").is_in([408, 480]),
    )


CORE = Rule(
    id="R30",
    code="core_failure",
    severity="error",
    standard="TS 29.228 §6.1; TS 24.229 §5.3.1, §5.4.1; RFC 3261 §21.5",
    find=_core,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="The core failed on the registration",
            explanation="5xx, 480 or 408 to REGISTER is no verdict on the subscriber: a node or database did not do "
            "its work, and everybody who registers there is hurt.",
            causes=("the HSS or subscriber database does not answer", "no S-CSCF could be assigned", "overload"),
            confirm="sip-analyzer registrations CAPTURE --status {status}; sip-analyzer peer-delays CAPTURE",
            remedy="Look at Cx (UAR, MAR, SAR) or the database behind this node.",
            observed="{node} answered {status} to {cases} registrations.",
        ),
        "zh": Text(
            title="核心网处理注册失败",
            explanation="对 REGISTER 返回 5xx、480 或 408 不是针对用户的结论：某节点或数据库没有完成工作，"
            "在此注册的人都受影响。",
            causes=("HSS 或用户数据库无响应", "无法分配 S-CSCF", "过载"),
            confirm="sip-analyzer registrations CAPTURE --status {status}; sip-analyzer peer-delays CAPTURE",
            remedy="检查 Cx（UAR、MAR、SAR）或该节点后面的数据库。",
            observed="{node} 对 {cases} 次注册返回 {status}。",
        ),
    },
)


def _refused(registrations: pl.DataFrame) -> pl.DataFrame:
    known = [401, 403, 404, 407, 408, 420, 421, 423, 439, 480, 482, 483, 494, 604]
    return _failed(registrations, pl.col("status").is_between(400, 499), ~pl.col("status").is_in(known))


REFUSED = Rule(
    id="R107",
    code="register_refused",
    severity="error",
    standard="RFC 3261 §10.3, §21.4",
    find=_refused,
    seen=_REGISTER,
    confidence=0.8,
    texts={
        "en": Text(
            title="The registrar refuses the REGISTER as wrong",
            explanation="The response says that the request itself cannot be accepted as it was sent.",
            causes=("a malformed header", "the server is no registrar (405)", "the domain is not served there"),
            confirm="sip-analyzer registrations CAPTURE --status {status}",
            remedy="Compare the REGISTER with RFC 3261 §10.2 and the address it was sent to.",
            observed="{aor}: {node} answered {status}.",
        ),
        "zh": Text(
            title="注册服务器认为 REGISTER 有误而拒绝",
            explanation="响应表明请求以其发送的形式不能被接受。",
            causes=("头域格式错误", "该服务器不是注册服务器（405）", "该处不服务此域"),
            confirm="sip-analyzer registrations CAPTURE --status {status}",
            remedy="按 RFC 3261 §10.2 检查 REGISTER 及其发往的地址。",
            observed="{aor}：{node} 返回 {status}。",
        ),
    },
)


def _third_party(registrations: pl.DataFrame) -> pl.DataFrame:
    """Refusals of the REGISTER of an S-CSCF, which is never challenged: one that was is of somebody else who registers
    for others. 408 and 5xx set the default handling of the filter criteria to work, 4xx only say that the server does
    not care for this user (TS 24.229 §5.4.1.7)."""
    rows = _what_failed(
        registrations,
        pl.col("kind") == "third_party",
        pl.col("status").is_not_null() & ~pl.col("status").is_in([401, 407]),
        pl.col("challenges") == 0,
    )
    failed = (pl.col("status") >= 500) | (pl.col("status") == 408)
    return rows.with_columns(severity=pl.when(failed).then(pl.lit("warning")).otherwise(pl.lit("info")))


THIRD_PARTY = Rule(
    id="R32",
    code="third_party_register_failed",
    severity="warning",
    standard="TS 24.229 §5.4.1.7",
    find=_third_party,
    seen=_REGISTER,
    explains=("credentials_rejected",),
    texts={
        "en": Text(
            title="An application server did not accept the third-party REGISTER",
            explanation="The subscriber lacks the services of this server; with default handling SESSION_TERMINATED "
            "the network even deregisters the subscriber.",
            causes=("the application server is down or overloaded", "it does not know the subscriber", "iFC wrong"),
            confirm="sip-analyzer registrations CAPTURE --where \"kind = 'third_party'\"",
            remedy="Check the application server and the default handling in the iFC.",
            observed="{node} answered {status} for {aor}.",
        ),
        "zh": Text(
            title="应用服务器未接受第三方注册",
            explanation="用户缺少该服务器的业务；若默认处理为 SESSION_TERMINATED，网络甚至会注销用户。",
            causes=("应用服务器宕机或过载", "它不认识该用户", "iFC 配置错误"),
            confirm="sip-analyzer registrations CAPTURE --where \"kind = 'third_party'\"",
            remedy="检查应用服务器以及 iFC 中的默认处理。",
            observed="{node} 对 {aor} 返回 {status}。",
        ),
    },
)


def _reg_event(subscriptions: pl.DataFrame) -> pl.DataFrame:
    refused = pl.col("status").is_between(300, 699) & ~pl.col("status").is_in([401, 407])
    ended = pl.col("end_reason").is_in(["no_notify", "rejected", "notify_refused"])
    rows = subscriptions.filter(pl.col("package") == "reg", refused | ended)
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), "subscriber", message="subscription", case="subscription",
        how=pl.coalesce(pl.when(refused).then(pl.col("status").cast(pl.String)), "end_reason"),
        cause=pl.coalesce(pl.when(refused).then(pl.col("status").cast(pl.String)), "end_reason"),
    )  # fmt: skip


REG_EVENT = Rule(
    id="R33",
    code="reg_event_trouble",
    severity="warning",
    standard="RFC 3680; RFC 6665 §4; TS 24.229 §5.1.1.3",
    find=_reg_event,
    absence=True,
    seen=frozenset({"SUBSCRIBE"}),
    texts={
        "en": Text(
            title="The subscription to the registration state failed",
            explanation="The UE or P-CSCF will not learn when the network ends the registration or wants it renewed.",
            causes=("the S-CSCF has no data of this subscriber", "the SUBSCRIBE took a wrong route (Service-Route)"),
            confirm="sip-analyzer subscriptions CAPTURE --where \"package = 'reg'\"",
            remedy="Check Service-Route and the S-CSCF that answered.",
            observed="The subscription ended with {how}.",
        ),
        "zh": Text(
            title="注册状态订阅失败",
            explanation="UE 或 P-CSCF 将无法得知网络何时结束注册或要求重新注册。",
            causes=("S-CSCF 没有该用户数据", "SUBSCRIBE 路由错误（Service-Route）"),
            confirm="sip-analyzer subscriptions CAPTURE --where \"package = 'reg'\"",
            remedy="检查 Service-Route 以及应答的 S-CSCF。",
            observed="订阅以 {how} 结束。",
        ),
    },
)
