"""Loops, failover and long ringing (R51, R52, R54, R57)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.rule import Rule, Text


def _refused_with(status: int, failed_calls: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """Calls and registrations that ended with this status."""
    calls = failed_calls.filter(pl.col("status") == status).select("call", "message", "node", method=pl.lit("INVITE"))
    others = registrations.filter(pl.col("status") == status, pl.col("outcome") == "failed").select(
        pl.lit(None, pl.Int64).alias("call"), message="registration", case="registration", node="registrar",
        method=pl.lit("REGISTER"),
    )  # fmt: skip
    return pl.concat([calls, others], how="diagonal")


def _hops(failed_calls: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    return _refused_with(483, failed_calls, registrations).with_columns(cause="method")


HOPS = Rule(
    id="R51",
    code="too_many_hops",
    severity="error",
    standard="RFC 3261 §16.3 item 3, §21.4.21; RFC 5393",
    find=_hops,
    seen=frozenset({483}),
    explains=("request_refused", "no_route_to_number", "request_timeout", "retransmissions"),
    texts={
        "en": Text(
            title="A request went in circles until Max-Forwards ran out (483)",
            explanation="A node sends the request to itself, or nodes to each other, without end; each turn costs one "
            "Max-Forwards.",
            causes=(
                "two routing tables point at each other (number portability, ENUM)",
                "forwarding of one subscriber to another and back",
                "a node does not recognise its own domain or address",
            ),
            confirm="sip-analyzer transactions CAPTURE --status 483",
            remedy="Find the pair of nodes that repeats on the way of this request, and correct the route of one.",
            observed="{node} answered 483 to the {method}.",
        ),
        "zh": Text(
            title="请求兜圈直到 Max-Forwards 耗尽（483）",
            explanation="节点之间无休止地互相转发该请求；每转一圈 Max-Forwards 减少。",
            causes=("两个路由表互指（携号转网、ENUM）", "用户之间互相前转", "某节点不认识自己的域名或地址"),
            confirm="sip-analyzer transactions CAPTURE --status 483",
            remedy="在该请求经过的路径上找出重复出现的一对节点，改正其中一个的路由。",
            observed="{node} 对 {method} 返回 483。",
        ),
    },
)


def _loop(failed_calls: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    return _refused_with(482, failed_calls, registrations)


LOOP = Rule(
    id="R52",
    code="loop_or_merged",
    severity="error",
    standard="RFC 3261 §8.2.2.2, §16.3 item 4; RFC 5393 §4",
    find=_loop,
    seen=frozenset({482}),
    explains=("request_refused", "retransmissions"),
    texts={
        "en": Text(
            title="A request came to a node that already had it (482)",
            explanation="A proxy found itself in Via with the same request, or a node got one request over two ways.",
            causes=("a routing loop", "a fork that sends both branches to one contact"),
            confirm="sip-analyzer transactions CAPTURE --status 482",
            remedy="Look where the two ways part; correct the forward or the duplicate binding.",
            observed="{node} answered 482 to the {method}.",
        ),
        "zh": Text(
            title="请求到达了已经拥有它的节点（482）",
            explanation="代理在 Via 中发现了自己和同一请求，或节点从两条路收到同一请求。",
            causes=("路由环路", "分叉的两个分支到达同一联系地址"),
            confirm="sip-analyzer transactions CAPTURE --status 482",
            remedy="查看两条路在何处分开；改正前转或重复的绑定。",
            observed="{node} 对 {method} 返回 482。",
        ),
    },
)

_TIMER_C = 180


def _ringing(calls: pl.DataFrame) -> pl.DataFrame:
    rows = calls.filter(pl.col("answered_at").is_null(), pl.col("ringing_at").is_not_null()).with_columns(
        rang=(pl.col("ended_at") - pl.col("ringing_at")).dt.total_seconds()
    )
    rows = rows.filter(pl.col("rang") >= _TIMER_C)
    return rows.select("call", "rang", message="reference", cause=pl.lit(""))


RINGING = Rule(
    id="R54",
    code="long_ringing",
    severity="info",
    standard="RFC 3261 §16.6 item 11, §16.8 (Timer C)",
    find=_ringing,
    texts={
        "en": Text(
            title="Calls rang for three minutes and were then given up",
            explanation="Nobody answered, and no service took the call: a proxy ends it after Timer C (180 s).",
            causes=("no voice mail or no-reply forwarding", "the device rings although nobody can hear it"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Set a no-reply timer with forwarding, or accept it.",
            observed="The first rang for {rang} s.",
        ),
        "zh": Text(
            title="呼叫振铃三分钟后被放弃",
            explanation="无人应答，也没有业务接管：代理在 Timer C（180 秒）后结束呼叫。",
            causes=("没有语音信箱或无应答前转", "终端在振铃但无人能听到"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="设置无应答前转定时器，或接受现状。",
            observed="第一个呼叫振铃 {rang} 秒。",
        ),
    },
)


def _failover(transactions: pl.DataFrame, calls: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """Answered calls for which a node was tried before that failed: 503, 408, a broken transport, or silence."""
    invites = transactions.lazy().filter(pl.col("method") == "INVITE", pl.col("call").is_not_null())
    bad = invites.filter(
        pl.col("status").is_in([500, 503, 504, 408])
        | (pl.col("outcome") == "transport_error")
        | ((pl.col("outcome") == "timeout") & (pl.col("request_copies") > 1))
    ).collect()
    if bad.is_empty():
        return bad.select("call")
    good = invites.filter(pl.col("status").is_between(200, 299)).select(
        "call", "client_ip", "via_count", later="started_at", other="server_ip", chosen="transaction"
    )
    rows = bad.join(good.collect(), on=["call", "client_ip", "via_count"]).filter(
        pl.col("later") > pl.col("started_at"), pl.col("other") != pl.col("server_ip")
    )
    # To another server goes the same request (RFC 3263 §4.3); a fork or forwarding puts another target into it.
    targets = core_messages.filter(pl.col("message").is_in(pl.concat([rows["transaction"], rows["chosen"]]).implode()))
    targets = targets.select("message", target="request_uri")
    rows = rows.join(targets, left_on="transaction", right_on="message", maintain_order="left")
    rows = rows.join(targets, left_on="chosen", right_on="message", suffix="_chosen", maintain_order="left")
    rows = rows.filter(pl.col("target") == pl.col("target_chosen"))
    rows = rows.unique("call", keep="first", maintain_order=True)
    answered = calls.filter(pl.col("outcome") == "answered").select("call")
    rows = rows.join(answered, on="call", how="semi", maintain_order="left")
    how = pl.coalesce(pl.col("status").cast(pl.String), pl.col("outcome"))
    delay = (pl.col("later") - pl.col("started_at")).dt.total_milliseconds() / 1000
    return rows.select(
        "call",
        "other",
        message="transaction",
        node=socket_of("server"),
        client="client_ip",
        how=how,
        delay=delay.round(2),
    )


FAILOVER = Rule(
    id="R57",
    code="failover",
    severity="warning",
    standard="RFC 3263 §4.3; RFC 3261 §16.7",
    find=_failover,
    explains=("retransmissions",),
    texts={
        "en": Text(
            title="Calls were saved by a second node, after the first had failed",
            explanation="The calls went through, but the first node refused or missed its share: it is out of order or "
            "overloaded, and the spare capacity is in use.",
            causes=("the first node is down or overloaded", "it is still in DNS or the routing table"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer transactions CAPTURE --ip {node} --method INVITE",
            remedy="Take the node out of service until it is mended.",
            observed="{client} tried {node} first ({how}) and went to {other} after {delay} s.",
        ),
        "zh": Text(
            title="首个节点失败后，呼叫由第二个节点挽救",
            explanation="呼叫接通了，但首个节点拒绝或没有处理它那一份：它故障或过载，备用能力正被占用。",
            causes=("首个节点宕机或过载", "它仍在 DNS 或路由表中"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer transactions CAPTURE --ip {node} --method INVITE",
            remedy="在修复前将该节点退出服务。",
            observed="{client} 先尝试 {node}（{how}），{delay} 秒后转向 {other}。",
        ),
    },
)
