"""Conversations that ended otherwise than by their users (R73, R75, R76, R79)."""

from __future__ import annotations

import polars as pl

from analyzer.columns import causes
from analyzer.diagnose.rule import Rule, Text


def _byes(rows: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """With the first BYE of each call, and who sent it."""
    byes = transactions.filter(pl.col("method") == "BYE", pl.col("call").is_in(rows["call"].implode()))
    byes = byes.unique("call", keep="first", maintain_order=True)
    byes = byes.select("call", message="transaction", node=pl.format("{}:{}", "client_ip", "client_port"))
    return rows.join(byes, on="call", how="left", maintain_order="left").with_columns(
        message=pl.coalesce("message", "reference"), message2="reference"
    )


def _answered(calls: pl.DataFrame, *details: str) -> pl.DataFrame:
    return calls.filter(pl.col("outcome").is_in(["answered", "joined"]), pl.col("outcome_detail").is_in(details))


def _timer(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    rows = _byes(_answered(calls, "timer_expiry"), transactions)
    return rows.select("call", "message", "message2", "node", talk=pl.col("talk_s").round(0).cast(pl.Int64))


TIMER = Rule(
    id="R73",
    code="session_timer_expired",
    severity="error",
    standard="RFC 4028 §10",
    find=_timer,
    explains=("call_dropped", "cleared_by_network"),
    texts={
        "en": Text(
            title="The session timer ended the call",
            explanation="No refresh (re-INVITE or UPDATE) came in time, so one side took the call for dead.",
            causes=(
                "both sides believe that the other refreshes (refresher lost or changed)",
                "the refresh was refused or blocked (UPDATE not allowed, wrong route)",
                "the refreshing side is gone",
            ),
            confirm="sip-analyzer headers CAPTURE --name Session-Expires --name Min-SE; sip-analyzer call {no} CAPTURE",
            remedy="Compare Session-Expires with its refresher on each hop of INVITE and 200.",
            observed="It ended after {talk} s without a refresh.",
        ),
        "zh": Text(
            title="会话定时器结束了通话",
            explanation="没有及时刷新（re-INVITE 或 UPDATE），一侧认为通话已死。",
            causes=(
                "双方都以为由对方刷新（refresher 丢失或被改）",
                "刷新被拒绝或阻断（不允许 UPDATE、路由错误）",
                "负责刷新的一侧已消失",
            ),
            confirm="sip-analyzer headers CAPTURE --name Session-Expires --name Min-SE; sip-analyzer call {no} CAPTURE",
            remedy="在每一跳上对比 INVITE 与 200 的 Session-Expires 及 refresher。",
            observed="通话在 {talk} 秒后因未刷新而结束。",
        ),
    },
)

_RADIO = (
    r"(?i)FAILURE_CAUSE|RELEASE_CAUSE\s*;\s*cause\s*=\s*\"?3|SIP\s*;\s*cause\s*=\s*\"?503|S1AP|NGAP|EMM|ESM|RAN|bearer"
)


def _dropped(calls: pl.DataFrame) -> pl.DataFrame:
    return _answered(calls, "dropped").with_columns(why=pl.col("reason_header").fill_null(""))


def _said() -> pl.Expr:
    """Protocol and cause of its Reason, without texts of the wire, which a mask could not know from ours."""
    said = pl.col("why").str.extract(r"([A-Za-z][A-Za-z0-9_.]*\s*;\s*cause\s*=\s*\"?[0-9]+)")
    return pl.when(pl.col("why") == "").then(pl.lit("no Reason")).otherwise(said.fill_null("Reason"))


def _bearer(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    rows = _byes(_dropped(calls).filter(pl.col("why").str.contains(_RADIO)), transactions)
    return rows.select(
        "call", "message", "message2", "node", why=_said(), talk=pl.col("talk_s").round(0).cast(pl.Int64),
        cause=pl.coalesce("node", pl.lit("")),
    )  # fmt: skip


BEARER = Rule(
    id="R75",
    code="call_dropped",
    severity="error",
    standard="TS 24.229 §5.2.8.1.2, §7.2A.18.11, §7.2A.18.12",
    find=_bearer,
    explains=("bye_failed", "cleared_by_network"),
    texts={
        "en": Text(
            title="The call dropped: the network lost the radio or the bearer",
            explanation="A node in the network, not a user, sent the BYE, with a Reason that says so.",
            causes=("loss of coverage or a failed handover", "the bearer was released (policy, congestion)"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer access-networks CAPTURE",
            remedy="Look at the radio of the subscriber at that time; group such calls by cell.",
            observed="{node} ended it after {talk} s: {why}.",
        ),
        "zh": Text(
            title="掉话：网络失去了无线或承载",
            explanation="发送 BYE 的是网络节点而不是用户，且 Reason 如此说明。",
            causes=("失去覆盖或切换失败", "承载被释放（策略、拥塞）"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer access-networks CAPTURE",
            remedy="检查该用户当时的无线；按小区汇总此类通话。",
            observed="{node} 在 {talk} 秒后结束通话：{why}。",
        ),
    },
)


def _cleared(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    rows = _byes(_dropped(calls).filter(~pl.col("why").str.contains(_RADIO)), transactions)
    # A node that had answered for the callee (queue, voice menu) and then met one who is busy or does not answer.
    of_callee = causes.of_a_user(causes.reason("why")["cause"], answered=False) & (
        causes.reason("why")["protocol"] == "Q.850"
    )
    return rows.select(
        "call", "message", "message2", "node", why=_said(),
        talk=pl.col("talk_s").round(0).cast(pl.Int64),
        severity=pl.when(of_callee).then(pl.lit("info")).otherwise(pl.lit("error")),
    )  # fmt: skip


CLEARED = Rule(
    id="R76",
    code="cleared_by_network",
    severity="error",
    standard="RFC 3261 §12.2.1.2, §15; RFC 3326; TS 24.229 §5.4.5",
    find=_cleared,
    confidence=0.8,
    texts={
        "en": Text(
            title="A node ended the conversation, not its users",
            explanation="The BYE came from a node in between, its Reason is none that a user gives, or a request "
            "before it had failed or was not answered at all.",
            causes=(
                "credit exhausted, a maximum duration, or an administrator",
                "the node lost the other side (media time-out, failed or unanswered request)",
                "a failure of a circuit behind a gateway",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Read the Reason, and the log of this node at that time.",
            observed="{node} ended it after {talk} s: {why}.",
        ),
        "zh": Text(
            title="结束通话的是某节点，而不是用户",
            explanation="BYE 来自中间节点，或其 Reason 不是用户会给出的，或之前的请求失败、始终无应答。",
            causes=("余额耗尽、最大时长或管理员操作", "该节点失去了另一侧（媒体超时、请求失败）", "网关后面的电路故障"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="阅读 Reason，并查看该节点当时的日志。",
            observed="{node} 在 {talk} 秒后结束通话：{why}。",
        ),
    },
)

_LEAST = 10
_SHARE = 0.3


def _fixed(calls: pl.DataFrame) -> pl.DataFrame:
    """Conversations that end within the same second again and again: ten or more, and three of ten of all that lasted
    20 s at least. Shorter ones are those of announcements and tests."""
    # Without an ACK they all end after 64*T1, which another rule says.
    told = pl.col("outcome_detail").is_in(["no_ack", "timer_expiry"]).fill_null(value=False)
    rows = calls.filter(pl.col("outcome") == "answered", pl.col("talk_s") >= 20, pl.col("ended_at").is_not_null())
    rows = rows.filter(~told)
    rows = rows.with_columns(at=pl.col("talk_s").round(0).cast(pl.Int64))
    rows = rows.with_columns(often=pl.len().over("at"), lasted=pl.lit(rows.height))
    rows = rows.filter(pl.col("often") >= _LEAST, pl.col("often") >= _SHARE * pl.col("lasted"))
    return rows.select("call", "at", "lasted", message="reference", cause=pl.col("at").cast(pl.String))


FIXED = Rule(
    id="R79",
    code="fixed_time_drops",
    severity="warning",
    standard="RFC 4028 §10; RFC 3261 §13.3.1.4",
    find=_fixed,
    of_all=True,
    confidence=0.7,
    texts={
        "en": Text(
            title="Conversations end after the same time again and again",
            explanation="People hang up at random; a timer does not. 32 s points to a lost ACK, 900 or 1800 s to the "
            "session timer, others to a firewall or a limit.",
            causes=("a session or media timer", "the idle time-out of a firewall or NAT", "a test or an announcement"),
            confirm="sip-analyzer calls CAPTURE --where \"outcome = 'answered'\" --format csv",
            remedy="Look who sends the BYE in these calls, and which timer there has this value.",
            observed="Of {lasted} conversations of 20 s or more, {calls} ended after {at} s.",
        ),
        "zh": Text(
            title="通话一再在相同时长后结束",
            explanation="人挂机是随机的，定时器不是。32 秒指向丢失的 ACK，900 或 1800 秒指向会话定时器，"
            "其余指向防火墙或限制。",
            causes=("会话或媒体定时器", "防火墙或 NAT 的空闲超时", "测试或录音通知"),
            confirm="sip-analyzer calls CAPTURE --where \"outcome = 'answered'\" --format csv",
            remedy="查看这些通话由谁发送 BYE，以及那里哪个定时器是该值。",
            observed="{lasted} 个 20 秒以上的通话中有 {calls} 个在 {at} 秒结束。",
        ),
    },
)
