"""Messages sent again (R36, R37, R41)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.rule import Rule, Text

_MANY = 5
_LINK_SHARE = 0.05
_LINK_LEAST = 5


def _answered_udp(transactions: pl.DataFrame) -> pl.LazyFrame:
    return transactions.lazy().filter(
        pl.col("transport") == "udp", pl.col("status").is_not_null(), pl.col("request_copies") > 0
    )


def _links(transactions: pl.DataFrame) -> pl.DataFrame:
    """INVITEs that were answered and had been sent again, on links on which that happens often.

    INVITEs alone: 100 answers them hop by hop. Another request waits for the far end, and is sent again on every hop
    where that takes longer than T1 (RFC 3261 §17.1.2.2), which is nobody's fault on these hops.
    """
    link = ["client_ip", "server_ip"]
    invites = _answered_udp(transactions).filter(pl.col("method") == "INVITE")
    busy = (
        invites.group_by(link)
        .agg(sent=pl.len(), again=(pl.col("request_copies") > 1).sum())
        .filter(pl.col("again") >= _LINK_LEAST, pl.col("again") > _LINK_SHARE * pl.col("sent"))
    )
    rows = invites.filter(pl.col("request_copies") > 1)
    rows = rows.join(busy, on=link, maintain_order="left")
    return rows.select(
        "call", message="transaction", node=socket_of("server"), client="client_ip", again="again", sent="sent",
        percent=(100 * pl.col("again") / pl.col("sent")).round(1), cause=pl.format("{} {}", "client_ip", "server_ip"),
    ).collect()  # fmt: skip


LINKS = Rule(
    id="R36",
    code="retransmissions",
    severity="warning",
    standard="RFC 3261 §17.1.1.2, §17.1.2.2 (Timers A, E)",
    find=_links,
    of_all=True,
    looks_at={
        "transactions": (
            *("transaction", "call", "method", "status", "transport", "client_ip", "server_ip", "server_port"),
            "request_copies",
        )
    },
    confidence=0.8,
    texts={
        "en": Text(
            title="INVITEs on a link are sent again often",
            explanation="They were answered in the end, so packets are lost on this link or the receiver is slow to "
            "answer; every repetition costs half a second or more.",
            causes=("packet loss between the two nodes", "the receiver takes longer than T1 for its first response"),
            confirm="sip-analyzer links CAPTURE; sip-analyzer node-delays CAPTURE",
            remedy="Measure loss on this link; if there is none, look at the load of the receiver.",
            observed="{client} sent {again} of {sent} INVITEs ({percent} %) to {node} more than once.",
        ),
        "zh": Text(
            title="某链路上的 INVITE 经常重发",
            explanation="请求最终得到响应，说明该链路丢包或接收方响应慢；每次重发至少多花半秒。",
            causes=("两节点之间丢包", "接收方首个响应超过 T1"),
            confirm="sip-analyzer links CAPTURE; sip-analyzer node-delays CAPTURE",
            remedy="测量该链路的丢包；若无丢包，查看接收方负载。",
            observed="{client} 发往 {node} 的 {sent} 个 INVITE 中有 {again} 个（{percent} %）发送不止一次。",
        ),
    },
)


def _storm(transactions: pl.DataFrame) -> pl.DataFrame:
    rows = _answered_udp(transactions).filter(pl.col("request_copies") >= _MANY)
    # All but INVITE wait for the far end on every hop: the furthest one is where the answer lacks.
    unit = pl.coalesce(pl.col("call").cast(pl.String), "call_id")
    furthest = pl.col("started_at") == pl.col("started_at").max().over(unit, "method")
    rows = rows.filter((pl.col("method") == "INVITE") | furthest)
    return rows.select(
        "call", "method", message="transaction", node=socket_of("server"), client="client_ip", copies="request_copies"
    ).collect()


STORM = Rule(
    id="R37",
    code="retransmission_storm",
    severity="warning",
    standard="RFC 3261 §17; RFC 7339 §1; RFC 6357",
    find=_storm,
    explains=("retransmissions",),
    texts={
        "en": Text(
            title="Requests were sent five times or more before they were answered",
            explanation="The receiver is alive and very late, or nearly everything is lost: retransmissions then add "
            "to the overload.",
            causes=("the receiver is overloaded", "heavy loss on the link", "responses do not reach the sender"),
            confirm='sip-analyzer transactions CAPTURE --ip {ip} --where "request_copies >= 5"',
            remedy="Look at load and queues of the receiver, and whether its responses arrive.",
            observed="{client} sent {method} to {node} {copies} times.",
        ),
        "zh": Text(
            title="请求发送五次或更多才得到响应",
            explanation="接收方仍在但极慢，或几乎全部丢失：重发又加剧过载。",
            causes=("接收方过载", "链路严重丢包", "响应没有到达发送方"),
            confirm='sip-analyzer transactions CAPTURE --ip {ip} --where "request_copies >= 5"',
            remedy="查看接收方的负载与队列，以及其响应是否到达。",
            observed="{client} 向 {node} 发送了 {copies} 次 {method}。",
        ),
    },
)


def _no_ack(transactions: pl.DataFrame) -> pl.DataFrame:
    rows = transactions.filter(
        pl.col("method") == "INVITE", pl.col("status") >= 300, pl.col("response_copies") >= _MANY
    )
    return rows.select(
        "call", "status", message="transaction", node=socket_of("client"), server=socket_of("server"),
        copies="response_copies",
    )  # fmt: skip


NO_ACK = Rule(
    id="R41",
    code="failure_not_acknowledged",
    severity="warning",
    standard="RFC 3261 §17.2.1 (Timers G, H)",
    find=_no_ack,
    seen=frozenset({"INVITE"}),
    texts={
        "en": Text(
            title="A refusal of an INVITE was not acknowledged",
            explanation="The server repeats its final response until an ACK of the same branch comes.",
            causes=("the ACK has another branch or top Via", "the response does not reach the client", "ACKs are lost"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare branch and addresses of the ACK with those of the INVITE on this hop.",
            observed="{server} sent {status} to {node} {copies} times.",
        ),
        "zh": Text(
            title="对 INVITE 的拒绝没有得到确认",
            explanation="服务端重复发送最终响应，直到收到相同 branch 的 ACK。",
            causes=("ACK 的 branch 或首个 Via 不同", "响应没有到达客户端", "ACK 丢失"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="在该跳上把 ACK 的 branch 和地址与 INVITE 对比。",
            observed="{server} 向 {node} 发送了 {copies} 次 {status}。",
        ),
    },
)


def _wrong_port(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """Requests over UDP sent again and again although answered: the responses went to another port than they came
    from. Where both sides use other ports on purpose (IPsec) nothing is repeated."""
    rows = transactions.filter(
        pl.col("transport") == "udp", pl.col("request_copies") >= 3,
        pl.col("status").is_not_null() | pl.col("first_provisional_at").is_not_null(),
    )  # fmt: skip
    if rows.is_empty():
        return rows.select("call")
    back = core_messages.filter(
        pl.col("transaction").is_in(rows["transaction"].implode()), pl.col("status").is_not_null(), ~pl.col("duplicate")
    )
    back = back.group_by("transaction").agg(
        ports=pl.col("dst_port").unique(), message2=pl.col("message").first(), to=pl.col("dst_port").first()
    )
    rows = rows.join(back, on="transaction", maintain_order="left")
    rows = rows.filter(~pl.col("ports").list.contains(pl.col("client_port")))
    return rows.select(
        "call", "method", "message2", "to", message="transaction", node=socket_of("server"), copies="request_copies",
        port_of_request="client_port",
    )  # fmt: skip


WRONG_PORT = Rule(
    id="R13",
    code="response_to_wrong_port",
    severity="error",
    standard="RFC 3581 §4; RFC 3261 §18.2.2",
    find=_wrong_port,
    explains=(
        *("retransmissions", "retransmission_storm", "next_hop_silent", "no_final_response", "request_timeout"),
        *("ack_missing", "failure_not_acknowledged", "register_unanswered", "challenge_unanswered"),
    ),
    texts={
        "en": Text(
            title="Responses go to another port than the request came from",
            explanation="The client repeats its request because the responses never come through its NAT: the server "
            "answers to the port in Via instead of the one it saw.",
            causes=("the client does not ask for rport", "the server ignores rport"),
            confirm="sip-analyzer headers CAPTURE --name Via",
            remedy="Switch rport on at the client, or force it at the server (NAT setting, force_rport).",
            observed="{method} came from port {port_of_request} {copies} times; {node} answered to port {to}.",
        ),
        "zh": Text(
            title="响应发往的端口不是请求的来源端口",
            explanation="客户端因响应无法穿过其 NAT 而重发请求：服务器应答到 Via 中的端口而不是所见端口。",
            causes=("客户端没有请求 rport", "服务器忽略 rport"),
            confirm="sip-analyzer headers CAPTURE --name Via",
            remedy="在客户端启用 rport，或在服务器强制启用（NAT 设置、force_rport）。",
            observed="{method} 从端口 {port_of_request} 来了 {copies} 次；{node} 却应答到端口 {to}。",
        ),
    },
)
