"""Transport that fails (R07), and datagrams that are too large (R05, R06)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.rule import Rule, Text
from analyzer.sip.outcomes import OF_A_FAILED_HOP

_CONSEQUENCES = (
    *("next_hop_silent", "no_final_response", "request_timeout", "retransmissions", "retransmission_storm"),
    *("no_route_to_number", "server_error", "overload", "register_unanswered", "core_failure", "subscriber_absent"),
    *("subscriber_unreachable", "ack_missing", "bye_failed", "request_refused", "call_dropped", "nothing_seen"),
)


def _broken(failed_calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    calls = failed_calls.filter(pl.col("outcome_detail") == "transport_error").select(
        "call", "message", node=pl.coalesce("silent", "node")
    )
    broken = transactions.filter(pl.col("outcome") == "transport_error")
    others = broken.filter(pl.col("call").is_null())
    others = others.select("call", message="transaction", node=socket_of("server"), method="method")
    # Over UDP an ICMP error ends the INVITE on its hop, and the node before it answers for it (RFC 3261 §16.9).
    failed = failed_calls.filter(pl.col("status").is_null() | pl.col("status").is_in(OF_A_FAILED_HOP))["call"]
    hops = broken.filter(
        pl.col("method") == "INVITE",
        pl.col("call").is_in(failed.implode()),
        ~pl.col("call").is_in(calls["call"].implode()),
    ).unique("call", keep="last", maintain_order=True)
    hops = hops.select("call", message="transaction", node=socket_of("server"))
    rows = pl.concat([calls, hops, others], how="diagonal")
    return rows.with_columns(pl.col("method").fill_null("INVITE"))


BROKEN = Rule(
    id="R07",
    code="transport_broken",
    severity="error",
    standard="RFC 3261 §8.1.3.1, §18.4",
    find=_broken,
    of="calls_that_failed",
    confidence=0.95,
    explains=_CONSEQUENCES,
    texts={
        "en": Text(
            title="The connection to the next hop was refused or failed",
            explanation="ICMP, a TCP reset, an unanswered SYN or an SCTP ABORT answered instead of SIP; the sender "
            "has to fail the request as if it had got 503.",
            causes=(
                "nothing listens on this address and port",
                "a firewall rejects it, or dropped an idle connection",
                "the address comes from a stale registration or wrong DNS",
            ),
            confirm='Wireshark: (ip.host == "{ip}" || ipv6.host == "{ip}") && (icmp || icmpv6 || tcp.flags.reset == 1)',
            remedy="Check that the node listens there with this transport, and the firewall in between.",
            observed="The {method} to {node} could not be delivered.",
        ),
        "zh": Text(
            title="到下一跳的连接被拒绝或失败",
            explanation="返回的是 ICMP、TCP 复位、无人应答的 SYN 或 SCTP ABORT，而不是 SIP；"
            "发送方只能像收到 503 一样处理。",
            causes=("该地址和端口上没有监听", "防火墙拒绝，或丢弃了空闲连接", "地址来自过期注册或错误的 DNS"),
            confirm='Wireshark: (ip.host == "{ip}" || ipv6.host == "{ip}") && (icmp || icmpv6 || tcp.flags.reset == 1)',
            remedy="检查该节点是否以该传输协议监听，以及中间的防火墙。",
            observed="发往 {node} 的 {method} 无法送达。",
        ),
    },
)


def _fragments(core_problems: pl.DataFrame, core_messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Requests of which fragments are missing and that were sent again: they did not arrive either."""
    places = core_problems.filter(pl.col("code") == "ip_fragment_incomplete").select("file", "frame").drop_nulls()
    if places.is_empty():
        return transactions.select("call").clear()
    cut = core_messages.join(places, on=["file", "frame"], how="semi").filter(pl.col("status").is_null())
    rows = transactions.filter(pl.col("transaction").is_in(cut["transaction"].drop_nulls().implode()))
    rows = rows.filter(pl.col("request_copies") > 1)
    return rows.select("call", "method", message="transaction", node=socket_of("server"), copies="request_copies")


FRAGMENTS = Rule(
    id="R05",
    code="fragments_missing",
    severity="error",
    standard="RFC 791 §3.2; RFC 3261 §18.1.1",
    find=_fragments,
    absence=True,
    confidence=0.8,
    explains=_CONSEQUENCES,
    texts={
        "en": Text(
            title="Fragments of a large UDP request are missing",
            explanation="Only the first fragment is there, and the sender repeats the request: a firewall or NAT drops "
            "the others, which have no ports.",
            causes=("a firewall or NAT drops IP fragments", "the path MTU is smaller than the sender believes"),
            confirm="Wireshark: ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
            remedy="Let fragments pass, make the message smaller, or use TCP for requests above 1300 bytes.",
            observed="{method} to {node}, sent {copies} times, is incomplete.",
        ),
        "zh": Text(
            title="大 UDP 请求的分片丢失",
            explanation="只有第一个分片，且发送方重发请求：防火墙或 NAT 丢弃了不带端口的后续分片。",
            causes=("防火墙或 NAT 丢弃 IP 分片", "路径 MTU 小于发送方的认知"),
            confirm="Wireshark: ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
            remedy="放行分片、减小消息，或对超过 1300 字节的请求使用 TCP。",
            observed="发往 {node} 的 {method} 发送了 {copies} 次，不完整。",
        ),
    },
)

_MTU_LIMIT = 1300


def _too_big(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """Large requests over UDP that stay without a word, to a node that answers small ones of the same sender."""
    udp = transactions.lazy().filter(pl.col("transport") == "udp", pl.col("started_at").is_not_null())
    silent = udp.filter(
        pl.col("status").is_null(), pl.col("first_provisional_at").is_null(), pl.col("request_copies") > 1
    ).collect()
    if silent.is_empty():
        return silent.select("call")
    lengths = core_messages.filter(pl.col("message").is_in(silent["transaction"].implode()))
    silent = silent.join(lengths.select(transaction="message", length="length"), on="transaction")
    silent = silent.filter(pl.col("length") > _MTU_LIMIT)
    answered = udp.filter(pl.col("status").is_not_null()).join(
        silent.lazy().select("client_ip", "server_ip").unique(), on=["client_ip", "server_ip"], how="semi"
    )
    there = answered.select("transaction", "client_ip", "server_ip").collect()
    sizes = core_messages.filter(pl.col("message").is_in(there["transaction"].implode()))
    sizes = there.join(sizes.select(transaction="message", length="length"), on="transaction")
    # What came through and was as large refutes it.
    sizes = sizes.group_by("client_ip", "server_ip").agg(largest=pl.col("length").max())
    rows = silent.join(sizes, on=["client_ip", "server_ip"], maintain_order="left")
    rows = rows.filter(pl.col("largest") <= _MTU_LIMIT)
    return rows.select(
        "call", "method", "length", "largest", message="transaction", node=socket_of("server"), copies="request_copies"
    )


TOO_BIG = Rule(
    id="R06",
    code="udp_request_too_big",
    severity="error",
    standard="RFC 3261 §18.1.1",
    find=_too_big,
    of_all=True,
    looks_at={
        "core_messages": ("message", "length"),
        "transactions": (
            *("transaction", "call", "method", "status", "transport", "client_ip", "server_ip", "server_port"),
            *("started_at", "first_provisional_at", "request_copies"),
        ),
    },
    absence=True,
    confidence=0.8,
    explains=(*_CONSEQUENCES, "fragments_missing"),
    columns=("length",),
    texts={
        "en": Text(
            title="Large requests over UDP are lost, small ones arrive",
            explanation="Above 1300 bytes a request must go over a congestion-controlled transport; over UDP it is "
            "fragmented, and fragments are dropped on the way.",
            causes=("a firewall, NAT or tunnel drops IP fragments", "the sender does not switch to TCP"),
            confirm="sip-analyzer messages CAPTURE --ip {ip} --where \"length > 1300 and transport = 'udp'\"",
            remedy="Have the sender use TCP for large requests, or let fragments pass.",
            observed="{method} of {length} bytes to {node} was sent {copies} times without a response; the largest "
            "that was answered there has {largest} bytes.",
        ),
        "zh": Text(
            title="UDP 上的大请求丢失，小请求可达",
            explanation="超过 1300 字节的请求必须使用有拥塞控制的传输；走 UDP 会被分片，而分片在途中被丢弃。",
            causes=("防火墙、NAT 或隧道丢弃 IP 分片", "发送方没有切换到 TCP"),
            confirm="sip-analyzer messages CAPTURE --ip {ip} --where \"length > 1300 and transport = 'udp'\"",
            remedy="让发送方对大请求使用 TCP，或放行分片。",
            observed="发往 {node} 的 {length} 字节 {method} 发送了 {copies} 次无响应；该处得到响应的最大请求为 "
            "{largest} 字节。",
        ),
    },
)
