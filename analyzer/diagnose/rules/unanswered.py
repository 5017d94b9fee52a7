"""INVITEs that nobody answered, or not to the end (R34, R35, R106)."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text

_TIMED_OUT = [408, 504]
_EVERYTHING_ELSE = (
    "request_timeout",
    "nothing_seen",
    "retransmissions",
    "retransmission_storm",
    "server_error",
    "bye_failed",
    "subscriber_unreachable",
)


def _gave_up() -> pl.Expr:
    """Ended by a timer, not by people."""
    timed_out = (pl.col("outcome") == "timeout") | (pl.col("status").is_in(_TIMED_OUT)) | pl.col("no_word")
    return timed_out.fill_null(value=False) & ~pl.col("of_user") & _connected()


def _connected() -> pl.Expr:
    return pl.col("outcome_detail").ne_missing("transport_error")


def _silent(failed_calls: pl.DataFrame, transactions: pl.DataFrame, sip_ways: pl.DataFrame) -> pl.DataFrame:
    """Calls whose INVITE a node left without any response: it was sent there again and again, or over a connection on
    which the node is heard otherwise. A request that is sent once, with the way back not captured, proves nothing."""
    nothing = pl.col("status").is_null() & ~pl.col("of_user") & _connected()
    rows = failed_calls.filter(_gave_up() | nothing, pl.col("silent").is_not_null())
    if rows.is_empty():
        return rows.select("call")
    tried = transactions.filter(
        pl.col("call").is_in(rows["call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("first_provisional_at").is_null(),
        pl.col("status").is_null(),
    ).with_columns(silent=pl.format("{}:{}", "server_ip", "server_port"))
    heard = pl.col("server_ip").is_in(sip_ways["src_ip"].implode())
    tried = tried.filter((pl.col("request_copies") > 1) | heard)
    tried = tried.filter((pl.col("request_copies") > 1) | (pl.col("transport") != "udp"))
    tried = tried.group_by("call", "silent", maintain_order=True).agg(
        asked=pl.col("transaction").first(), copies=pl.col("request_copies").max()
    )
    rows = rows.join(tried, on=["call", "silent"], maintain_order="left")
    return rows.select(
        "call", "copies", message="asked", message2="message", node="silent", status=pl.col("final_status")
    )


SILENT = Rule(
    id="R34",
    code="next_hop_silent",
    severity="error",
    standard="RFC 3261 §17.1.1.2 (Timer B)",
    find=_silent,
    of="calls_that_failed",
    absence=True,
    explains=(*_EVERYTHING_ELSE, "no_final_response"),
    texts={
        "en": Text(
            title="A node does not answer INVITEs at all",
            explanation="Its neighbour repeats the INVITE until its timer expires (64 T1, 32 s by default); the 408 or "
            "5xx that others see is only the consequence.",
            causes=(
                "the node is down, or not listening on this port",
                "a firewall or a route drops the packets",
                "the address is wrong (DNS, routing table, stale registration)",
            ),
            confirm='sip-analyzer transactions CAPTURE --ip {node} --where "status is null"',
            remedy="Check the node and the way to it (ping, OPTIONS), then what resolved this address.",
            observed="{node} was sent the INVITE {copies} times and sent nothing back.",
        ),
        "zh": Text(
            title="某节点完全不响应 INVITE",
            explanation="相邻节点重发 INVITE 直到定时器到期（64 T1，默认 32 秒）；其他节点看到的 408 或 5xx 只是后果。",
            causes=("该节点宕机，或没有在该端口监听", "防火墙或路由丢弃了报文", "地址错误（DNS、路由表、过期注册）"),
            confirm='sip-analyzer transactions CAPTURE --ip {node} --where "status is null"',
            remedy="检查该节点及到它的路径（ping、OPTIONS），再检查该地址由什么解析得到。",
            observed="向 {node} 发送了 {copies} 次 INVITE，没有任何返回。",
        ),
    },
)


def _no_final(failed_calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Calls that got a provisional response from a node and no final one, before somebody's timer expired."""
    rows = failed_calls.filter(_gave_up(), pl.col("silent").is_not_null(), ~pl.col("rang"))
    if rows.is_empty():
        return rows.select("call")
    tried = transactions.filter(
        pl.col("call").is_in(rows["call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("first_provisional_at").is_not_null(),
    ).select("call", silent=pl.format("{}:{}", "server_ip", "server_port"), asked="transaction")
    rows = rows.join(
        tried.unique(["call", "silent"], keep="first", maintain_order=True),
        on=["call", "silent"],
        maintain_order="left",
    )
    return rows.select("call", message="asked", message2="message", node="silent", status=pl.col("final_status"))


NO_FINAL = Rule(
    id="R35",
    code="no_final_response",
    severity="error",
    standard="RFC 3261 §16.6 item 11, §16.8 (Timer C)",
    find=_no_final,
    of="calls_that_failed",
    absence=True,
    explains=_EVERYTHING_ELSE,
    confidence=0.8,
    texts={
        "en": Text(
            title="A node took the INVITE and never finished it",
            explanation="It answered 100 (or another provisional response) and then nothing: it, or what it waits for "
            "behind it, hangs.",
            causes=(
                "what the node asks next does not answer (another hop, a database, DNS)",
                "the node lost the transaction (restart, overload)",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at this node: which INVITE it sent on, and what it waited for.",
            observed="{node} sent a provisional response and no final one.",
        ),
        "zh": Text(
            title="某节点接收了 INVITE 却没有给出最终响应",
            explanation="它回了 100（或其他临时响应）后再无消息：它自己或它后面等待的对象卡住了。",
            causes=("该节点下一步查询的对象没有回应（下一跳、数据库、DNS）", "该节点丢失了事务（重启、过载）"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查该节点：它向哪里转发了 INVITE，在等待什么。",
            observed="{node} 发了临时响应，但没有最终响应。",
        ),
    },
)


def _timeout(failed_calls: pl.DataFrame) -> pl.DataFrame:
    rows = failed_calls.filter(pl.col("status").is_in([*_TIMED_OUT, 430]), ~pl.col("of_user"))
    return rows.select("call", "message", "node", "status")


REQUEST_TIMEOUT = Rule(
    id="R106",
    code="request_timeout",
    severity="error",
    standard="RFC 3261 §21.4.9, §21.5.5",
    find=_timeout,
    of="calls_that_failed",
    confidence=0.7,
    texts={
        "en": Text(
            title="A node gave up waiting for somebody beyond it",
            explanation="Whom it waited for was not captured: the fault lies behind this node.",
            causes=("the next node is down or unreachable", "a database or DNS did not answer in time"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Capture on the far side of this node, or look into its log for the address it tried.",
            observed="{node} answered {status}.",
        ),
        "zh": Text(
            title="某节点等待其后方节点超时",
            explanation="它等待的对象没有被抓到：故障在该节点之后。",
            causes=("下一节点宕机或不可达", "数据库或 DNS 没有及时响应"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="在该节点的另一侧抓包，或在其日志中查看它尝试的地址。",
            observed="{node} 返回 {status}。",
        ),
    },
)


def _nothing(failed_calls: pl.DataFrame) -> pl.DataFrame:
    rows = failed_calls.filter(
        pl.col("status").is_null(),
        pl.col("outcome") == "timeout",
        pl.col("outcome_detail").ne_missing("transport_error"),
    )
    return rows.select("call", "message", node="silent", cause=pl.lit(""))


NOTHING = Rule(
    id="R109",
    code="nothing_seen",
    severity="info",
    standard="RFC 3261 §17.1.1.2; RFC 6076 §4",
    find=_nothing,
    of="calls_that_failed",
    confidence=0.5,
    texts={
        "en": Text(
            title="No response was captured, and it cannot be known why",
            explanation="The INVITE was not sent again as one without an answer would be, or the capture has gaps: "
            "the answer may have taken another way.",
            causes=("the capture saw one direction only, or lost packets", "the node did not answer"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer files CAPTURE",
            remedy="Capture both directions, next to the node that was asked.",
            observed="{node} was asked last.",
        ),
        "zh": Text(
            title="没有抓到响应，原因无法得知",
            explanation="INVITE 没有像无应答时那样重发，或抓包有缺口：响应可能走了另一条路。",
            causes=("抓包只看到一个方向或丢失了报文", "该节点没有响应"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer files CAPTURE",
            remedy="在被询问的节点旁抓取两个方向。",
            observed="最后询问的是 {node}。",
        ),
    },
)
