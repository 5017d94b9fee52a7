"""Authentication and security agreement (R17-R23, R94)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.evidence import time_to_retry
from analyzer.diagnose.rule import Rule, Text

_REGISTER: frozenset[str | int] = frozenset({"REGISTER"})
_SO_MANY = 3


def _with_details(registrations: pl.DataFrame, ims_registrations: pl.DataFrame) -> pl.DataFrame:
    details = ims_registrations.select("registration", "outcome_detail", "security_check", "algorithm")
    rows = registrations.join(details, on="registration", how="left", maintain_order="left")
    return rows.with_columns(call=pl.lit(None, pl.Int64), message="registration", case="registration", node="registrar")


def _answered_in_vain(challenges: pl.DataFrame) -> pl.Series:
    """The registrations of which so many challenges but one were answered: the last may have come too late for it."""
    answered = (
        challenges.filter(pl.col("answer").is_not_null(), pl.col("outcome") != "begun_anew")
        .group_by("registration")
        .len()
    )
    return answered.filter(pl.col("len") >= _SO_MANY - 1)["registration"]


def _loop(registrations: pl.DataFrame, ims_registrations: pl.DataFrame, challenges: pl.DataFrame) -> pl.DataFrame:
    rows = _with_details(registrations, ims_registrations).filter(
        pl.col("challenges") >= _SO_MANY,
        pl.col("registration").is_in(_answered_in_vain(challenges).implode()),
        pl.col("outcome").is_in(["failed", "challenged"]),
        pl.col("outcome_detail").is_null() | ~pl.col("outcome_detail").is_in(["sync_failure", "mac_failure"]),
    )
    return rows.select("call", "message", "case", "node", "aor", "challenges")


LOOP = Rule(
    id="R17",
    code="authentication_loop",
    severity="error",
    standard="RFC 3261 §22.1; RFC 7616 §3.3",
    find=_loop,
    seen=_REGISTER,
    explains=("credentials_rejected", "nonce_stale", "challenge_unanswered"),
    texts={
        "en": Text(
            title="Challenge follows challenge, and no registration comes of it",
            explanation="The device answers each challenge and is challenged again: its answer is never accepted.",
            causes=(
                "wrong password or key",
                "the realm or user name in the credentials is not the one expected",
                "a node changes what the digest covers, or several servers share no nonce",
            ),
            confirm="sip-analyzer challenges CAPTURE; sip-analyzer headers CAPTURE --name Authorization",
            remedy="Compare realm and user name with the subscriber's data, then set the password again.",
            observed="{aor} was challenged {challenges} times by {node}.",
        ),
        "zh": Text(
            title="质询接连不断，始终没有注册成功",
            explanation="终端每次都应答质询，却又被再次质询：其应答从未被接受。",
            causes=(
                "密码或密钥错误",
                "凭证中的 realm 或用户名与期望不符",
                "某节点改动了摘要覆盖的内容，或多台服务器不共享 nonce",
            ),
            confirm="sip-analyzer challenges CAPTURE; sip-analyzer headers CAPTURE --name Authorization",
            remedy="把 realm 和用户名与用户数据对比，然后重新设置密码。",
            observed="{aor} 被 {node} 质询了 {challenges} 次。",
        ),
    },
)


def _rejected(
    registrations: pl.DataFrame, ims_registrations: pl.DataFrame, calls: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    rows = _with_details(registrations, ims_registrations).filter(
        pl.col("outcome") == "failed",
        pl.col("challenges") > 0,
        pl.col("status").is_in([401, 403, 407]),
        pl.col("outcome_detail").is_null()
        | ~pl.col("outcome_detail").is_in(["sync_failure", "mac_failure", "stale_nonce", "security_refused"]),
    )
    rows = rows.select("call", "message", "case", "node", "status", who="aor")
    # 403 to a REGISTER with credentials is of them (TS 24.229 §5.4.1.2.3); to an INVITE it bars the call (RFC 3261
    # §21.4.4), whose credentials may have been right.
    refused = calls.filter(pl.col("outcome") == "auth_failed", pl.col("outcome_detail") == "credentials_rejected")
    refused = refused.select("call", "status", message="reference", who="caller")
    servers = transactions.filter(pl.col("transaction").is_in(refused["message"].implode())).select(
        message="transaction", node=socket_of("server")
    )
    refused = refused.join(servers, on="message", how="left", maintain_order="left")
    rows = pl.concat([rows, refused], how="diagonal")
    return rows.with_columns(cause=pl.format("{} {}", "status", pl.col("node").fill_null("")))


REJECTED = Rule(
    id="R18",
    code="credentials_rejected",
    severity="error",
    standard="RFC 3261 §22.1, §22.2; RFC 3310 §3.3; TS 24.229 §5.4.1.2.3",
    find=_rejected,
    seen=frozenset({401, 403, 407}),
    explains=("forbidden", "request_refused", "challenge_not_answered"),
    texts={
        "en": Text(
            title="The credentials were rejected",
            explanation="The challenge was answered, and the answer was wrong: challenged anew without stale, or 403.",
            causes=("wrong password (or Ki, OPc of the SIM)", "user name or realm differ", "the account is locked"),
            confirm="sip-analyzer challenges CAPTURE; sip-analyzer registrations CAPTURE",
            remedy="Set the password on both sides again; for a SIM compare the keys in the HSS.",
            observed="{node} answered {status} to the credentials.",
        ),
        "zh": Text(
            title="凭证被拒绝",
            explanation="质询得到了应答，但应答是错的：在没有 stale 的情况下再次被质询，或返回 403。",
            causes=("密码错误（或 SIM 的 Ki、OPc 错误）", "用户名或 realm 不一致", "账号被锁定"),
            confirm="sip-analyzer challenges CAPTURE; sip-analyzer registrations CAPTURE",
            remedy="在两侧重新设置密码；若是 SIM，核对 HSS 中的密钥。",
            observed="{node} 对凭证返回 {status}。",
        ),
    },
)


def _not_answered(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    rows = calls.filter(pl.col("outcome") == "auth_failed", pl.col("outcome_detail") == "not_retried")
    rows = rows.select("call", "status", "caller", message="reference")
    servers = transactions.filter(pl.col("transaction").is_in(rows["message"].implode())).select(
        message="transaction", node=socket_of("server")
    )
    return rows.join(servers, on="message", how="left", maintain_order="left")


NOT_ANSWERED = Rule(
    id="R108",
    code="challenge_not_answered",
    severity="error",
    standard="RFC 3261 §22.2, §22.3",
    find=_not_answered,
    absence=True,
    seen=frozenset({401, 407}),
    confidence=0.8,
    texts={
        "en": Text(
            title="The caller does not answer the challenge",
            explanation="The INVITE was challenged (401 or 407) and never sent again with credentials.",
            causes=(
                "the device has no credentials for this realm",
                "it should not have been challenged: the peer is a trunk known by its address",
                "somebody without credentials tries to call",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Configure credentials for this realm, or trust the peer's address at the server.",
            observed="{node} answered {status}, and no INVITE with credentials followed.",
        ),
        "zh": Text(
            title="主叫没有应答质询",
            explanation="INVITE 受到质询（401 或 407），却没有带凭证重发。",
            causes=("终端没有该 realm 的凭证", "本不该质询：对端是按地址识别的中继", "没有凭证的人试图呼叫"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="为该 realm 配置凭证，或在服务器上信任对端地址。",
            observed="{node} 返回 {status}，之后没有带凭证的 INVITE。",
        ),
    },
)


def _stale(challenges: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    rows = challenges.join(registrations.select("registration", "registrar"), on="registration", how="left")
    of_node = rows.group_by("registrar", maintain_order=True).agg(
        answered=pl.col("outcome").is_in(["accepted", "stale_nonce", "wrong_response", "rejected"]).sum(),
        stale=(pl.col("outcome") == "stale_nonce").sum(),
        message=pl.col("challenge").filter(pl.col("outcome") == "stale_nonce").first(),
    )
    found = of_node.filter(pl.col("stale") >= _SO_MANY, pl.col("stale") * 2 > pl.col("answered"))
    return found.with_columns(call=pl.lit(None, pl.Int64), node="registrar")


STALE = Rule(
    id="R19",
    code="nonce_stale",
    severity="warning",
    standard="RFC 7616 §3.3",
    find=_stale,
    of="challenges",
    of_all=True,
    seen=_REGISTER,
    texts={
        "en": Text(
            title="Nonces are stale before they can be used",
            explanation="More than half of the answers come too late for the nonce, so every request takes one round "
            "trip more.",
            causes=("the nonce lives shorter than a round trip", "several servers without a shared nonce store"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'stale_nonce'\"",
            remedy="Lengthen the nonce lifetime, or share nonces between the servers.",
            observed="{node}: {stale} of {answered} answers met a stale nonce.",
        ),
        "zh": Text(
            title="nonce 在使用前就已过期",
            explanation="一半以上的应答对 nonce 而言来得太迟，每个请求都多一个往返。",
            causes=("nonce 寿命短于一个往返", "多台服务器之间没有共享 nonce"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'stale_nonce'\"",
            remedy="延长 nonce 寿命，或在服务器间共享 nonce。",
            observed="{node}：{answered} 个应答中有 {stale} 个遇到过期 nonce。",
        ),
    },
)


def _sync(challenges: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    often = challenges.filter(pl.col("outcome") == "sync_failure").group_by("registration", maintain_order=True)
    rows = often.agg(times=pl.len(), message=pl.col("challenge").first(), message2=pl.col("answer").first())
    rows = rows.join(registrations.select("registration", "aor", "outcome", node="registrar"), on="registration")
    bad = (pl.col("times") > 1) | pl.col("outcome").is_in(["failed", "challenged"])
    return rows.with_columns(
        call=pl.lit(None, pl.Int64), case="registration", cause=pl.lit(""),
        severity=pl.when(bad).then(pl.lit("error")).otherwise(pl.lit("warning")),
    )  # fmt: skip


SYNC = Rule(
    id="R20",
    code="aka_sync_failure",
    severity="warning",
    standard="RFC 3310 §3.4; TS 33.102 §6.3.3, §6.3.5",
    find=_sync,
    of="challenges",
    seen=_REGISTER,
    explains=("authentication_loop", "credentials_rejected"),
    texts={
        "en": Text(
            title="The SIM and the HSS disagree on the sequence number (AUTS)",
            explanation="The USIM has seen a higher SQN than the HSS used; one resynchronisation costs a round trip, "
            "several mean that it does not help.",
            causes=(
                "the HSS or AuC was restored from a backup",
                "two HSS serve one subscriber without a common SQN",
                "vectors were used out of order, or the SIM was cloned",
            ),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'sync_failure'\"",
            remedy="Check that the HSS takes the SQN of AUTS; look for a restore or a second HSS.",
            observed="{aor} reported a synchronisation failure {times} time(s).",
        ),
        "zh": Text(
            title="SIM 与 HSS 的序列号不一致（AUTS）",
            explanation="USIM 见过比 HSS 更高的 SQN；一次重同步多一个往返，多次则说明重同步无效。",
            causes=("HSS 或 AuC 从备份恢复", "两个 HSS 服务同一用户而没有共同 SQN", "鉴权向量乱序使用，或 SIM 被复制"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'sync_failure'\"",
            remedy="检查 HSS 是否采用 AUTS 中的 SQN；查找恢复操作或第二个 HSS。",
            observed="{aor} 报告同步失败 {times} 次。",
        ),
    },
)


def _mac(challenges: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    rows = challenges.filter(pl.col("outcome") == "mac_failure")
    rows = rows.join(registrations.select("registration", "aor", node="registrar"), on="registration")
    return rows.select(
        pl.lit(None, pl.Int64).alias("call"), "aor", "node", message="challenge", message2="answer", case="registration"
    )


MAC = Rule(
    id="R21",
    code="aka_mac_failure",
    severity="error",
    standard="TS 33.203 §6.1.2.2; RFC 3310 §3.3",
    find=_mac,
    of="challenges",
    seen=_REGISTER,
    explains=("authentication_loop", "credentials_rejected", "challenge_unanswered"),
    texts={
        "en": Text(
            title="The SIM does not recognise the network (MAC failure)",
            explanation="The UE answers the AKA challenge with an empty response: AUTN does not fit its key.",
            causes=("Ki, OPc or AMF differ between SIM and HSS", "the challenge is of another subscriber"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'mac_failure'\"",
            remedy="Compare Ki, OPc and AMF of this IMSI in the HSS with the SIM.",
            observed="{aor} answered without a response and without AUTS.",
        ),
        "zh": Text(
            title="SIM 不认可网络（MAC 失败）",
            explanation="UE 以空响应应答 AKA 质询：AUTN 与其密钥不符。",
            causes=("SIM 与 HSS 的 Ki、OPc 或 AMF 不同", "质询属于另一用户"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'mac_failure'\"",
            remedy="核对该 IMSI 在 HSS 与 SIM 中的 Ki、OPc 和 AMF。",
            observed="{aor} 的应答既无 response 也无 AUTS。",
        ),
    },
)


def _sec_agree(registrations: pl.DataFrame, ims_registrations: pl.DataFrame) -> pl.DataFrame:
    rows = _with_details(registrations, ims_registrations).filter(
        (pl.col("security_check") == "mismatch") | (pl.col("status") == 494)
    )
    how = pl.when(pl.col("security_check") == "mismatch").then(pl.lit("Security-Verify differs from Security-Server"))
    return rows.select("call", "message", "case", "node", "aor", how=how.otherwise(pl.lit("494")))


SEC_AGREE = Rule(
    id="R22",
    code="security_agreement_failed",
    severity="error",
    standard="RFC 3329 §2.3.1; TS 33.203 §7.2",
    find=_sec_agree,
    seen=_REGISTER,
    explains=("credentials_rejected", "authentication_loop", "register_refused", "register_extension_refused"),
    texts={
        "en": Text(
            title="UE and P-CSCF do not agree on the security of their link",
            explanation="What the UE repeats in Security-Verify is not what the P-CSCF offered: a downgrade attempt, "
            "or lists that were changed on the way.",
            causes=(
                "the UE repeats an old Security-Server after the P-CSCF changed",
                "a node in between edits the security headers",
                "no common algorithm (494)",
            ),
            confirm="sip-analyzer headers CAPTURE --name Security-Client --name Security-Server --name Security-Verify",
            remedy="Compare the three headers of this attempt; enable a common algorithm.",
            observed="{aor}: {how}.",
        ),
        "zh": Text(
            title="UE 与 P-CSCF 未就链路安全达成一致",
            explanation="UE 在 Security-Verify 中重复的内容与 P-CSCF 提供的不同：可能是降级攻击，或列表在途中被改动。",
            causes=("P-CSCF 更换后 UE 仍重复旧的 Security-Server", "中间节点修改了安全头域", "没有共同算法（494）"),
            confirm="sip-analyzer headers CAPTURE --name Security-Client --name Security-Server --name Security-Verify",
            remedy="对比该次注册的三个头域；启用共同算法。",
            observed="{aor}：{how}。",
        ),
    },
)


def _silent(
    registrations: pl.DataFrame,
    ims_registrations: pl.DataFrame,
    transactions: pl.DataFrame,
    last_message_at: int | None,
    challenges: pl.DataFrame,
) -> pl.DataFrame:
    """A challenge that was delivered to the UE, and nothing after it. Where the answer goes through an IPsec that is
    not read, only a hop behind the P-CSCF can show that there was none."""
    rows = _with_details(registrations, ims_registrations).filter(
        pl.col("outcome") == "challenged",
        pl.col("outcome_detail").is_in(["ue_silent", "ue_silent_or_ipsec"]),
        ~pl.col("registration").is_in(_answered_in_vain(challenges).implode()),
        time_to_retry("ended_at", last_message_at),
    )
    inside = transactions.filter(
        pl.col("method") == "REGISTER", pl.col("call_id").is_in(rows["call_id"].implode()), pl.col("via_count") > 1
    )
    proved = (pl.col("outcome_detail") == "ue_silent") | pl.col("call_id").is_in(inside["call_id"].implode())
    return rows.select(
        "call", "message", "case", "node", "aor", cause=pl.lit(""),
        severity=pl.when(proved).then(pl.lit("error")).otherwise(pl.lit("info")),
        confidence=pl.when(proved).then(0.8).otherwise(0.4),
    )  # fmt: skip


SILENT = Rule(
    id="R23",
    code="challenge_unanswered",
    severity="error",
    standard="TS 24.229 §5.1.1.5.1, §5.4.1.2 (reg-await-auth)",
    find=_silent,
    absence=True,
    seen=_REGISTER,
    confidence=0.7,
    texts={
        "en": Text(
            title="The device falls silent after the challenge",
            explanation="The 401 reached the hop next to the device and no REGISTER with credentials followed.",
            causes=(
                "the SIM refuses the challenge (AUTN) and the device gives up",
                "the IPsec association that the challenge sets up failed",
                "radio loss, or the 401 was dropped for its size",
            ),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'unanswered'\"",
            remedy="Look at the device's log for the 401; check ports and algorithms of Security-Server.",
            observed="{aor} did not answer the challenge of {node}.",
        ),
        "zh": Text(
            title="终端在质询之后沉默",
            explanation="401 已到达终端的相邻一跳，但没有带凭证的 REGISTER。",
            causes=("SIM 拒绝质询（AUTN），终端放弃", "质询建立的 IPsec 关联失败", "无线丢失，或 401 因过大被丢弃"),
            confirm="sip-analyzer challenges CAPTURE --where \"outcome = 'unanswered'\"",
            remedy="在终端日志中查找 401；检查 Security-Server 的端口与算法。",
            observed="{aor} 没有应答 {node} 的质询。",
        ),
    },
)


def _outside(problems: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """The requests, by their sender: it may be either side."""
    rows = problems.filter(pl.col("code") == "sip_outside_security_association", pl.col("frame").is_not_null())
    if rows.is_empty():
        return rows.select(call=pl.lit(None, pl.Int64).filter(pl.lit(False)))
    sent = core_messages.filter(pl.col("frame").is_in(rows["frame"].implode()), pl.col("status").is_null())
    sent = sent.select("file", "frame", "message", "method", node=pl.format("{}:{}", "src_ip", "src_port"), to="dst_ip")
    rows = rows.select("file", "frame").unique(maintain_order=True)
    rows = rows.join(sent, on=["file", "frame"], maintain_order="left")
    return rows.select(pl.lit(None, pl.Int64).alias("call"), "message", "node", "method", "to")


OUTSIDE = Rule(
    id="R94",
    code="outside_security_association",
    severity="warning",
    standard="TS 33.203 §7.1; RFC 3329",
    find=_outside,
    of_all=True,
    seen=_REGISTER,
    columns=("file", "frame", "byte_offset"),
    texts={
        "en": Text(
            title="Requests in clear, outside the agreed security association",
            explanation="UE and P-CSCF agreed on IPsec, and requests went beside it: the receiver must discard them, "
            "and one that does not lets anybody speak in the name of the other.",
            causes=("the device did not install the association, or uses the wrong ports", "somebody forges requests"),
            confirm="sip-analyzer problems CAPTURE --where \"code = 'sip_outside_security_association'\"",
            remedy="Check the ports of Security-Server in the device, and that the P-CSCF refuses such requests.",
            observed="{node} sent {cases} request(s) outside the association, {method} to {to} first.",
        ),
        "zh": Text(
            title="请求以明文发送，未走约定的安全关联",
            explanation="UE 与 P-CSCF 约定了 IPsec，却有请求未使用：接收方必须丢弃它们，否则任何人都能冒充对方。",
            causes=("终端未安装该关联，或使用了错误端口", "有人伪造请求"),
            confirm="sip-analyzer problems CAPTURE --where \"code = 'sip_outside_security_association'\"",
            remedy="检查终端使用的 Security-Server 端口，以及 P-CSCF 是否拒绝此类请求。",
            observed="{node} 在关联之外发送了 {cases} 个请求，首个是发往 {to} 的 {method}。",
        ),
    },
)
