"""What the capture itself lacks (R01-R04): before any conclusion from what is missing."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text

_BYTES_MISSING = ["tcp_bytes_missing", "sctp_message_incomplete"]
_DOUBLED = 0.3
_SEEN_ONE_WAY = 10


def _loss(core_files: pl.DataFrame, core_problems: pl.DataFrame) -> pl.DataFrame:
    dropped = int(core_files["dropped"].sum() or 0)
    gaps = core_problems.filter(pl.col("code").is_in(_BYTES_MISSING)).height
    rows = pl.DataFrame({"dropped": [dropped], "gaps": [gaps]})
    return rows.filter((pl.col("dropped") > 0) | (pl.col("gaps") > 0)).with_columns(call=pl.lit(None, pl.Int64))


CAPTURE_LOSS = Rule(
    id="R01",
    code="capture_loss",
    severity="warning",
    standard="pcapng draft §4.2, §4.6 (isb_ifdrop, epb_dropcount); RFC 9293 §3.10",
    find=_loss,
    of_all=True,
    confidence=1.0,
    texts={
        "en": Text(
            title="The capture itself lost packets",
            explanation="A message that is missing here may have been on the wire all the same, so nothing is "
            "concluded from missing messages in this capture.",
            causes=("the tap or its interface was overloaded", "the buffer of the capture was too small"),
            confirm="sip-analyzer files CAPTURE; sip-analyzer problems CAPTURE",
            remedy="Capture again with a capture filter for signalling and a larger buffer (tcpdump -B).",
            observed="The capture reports {dropped} lost packets, and {gaps} gaps in streams.",
        ),
        "zh": Text(
            title="抓包自身丢失了报文",
            explanation="此处缺失的消息可能确实在线路上出现过，因此不会根据缺失的消息下结论。",
            causes=("分光器或抓包网口过载", "抓包缓冲区太小"),
            confirm="sip-analyzer files CAPTURE; sip-analyzer problems CAPTURE",
            remedy="用信令过滤条件和更大的缓冲区（tcpdump -B）重新抓包。",
            observed="抓包报告丢失 {dropped} 个报文，数据流中有 {gaps} 处缺口。",
        ),
    },
)


def _doubled(core_messages: pl.DataFrame) -> pl.DataFrame:
    # A packet that two capture points saw is no fault: only copies at the point that had it before.
    copies = core_messages.filter("duplicate").select("_point", "message", key="original")
    if copies.height < _DOUBLED * core_messages.height or core_messages.is_empty():
        return pl.DataFrame(schema={"call": pl.Int64})
    first = core_messages.filter(~pl.col("duplicate")).select(key="message", point="_point")
    same = copies.join(first, on="key").filter(pl.col("point") == pl.col("_point"))
    rows = pl.DataFrame({"copies": [same.height], "messages": [core_messages.height]})
    rows = rows.filter(pl.col("copies") >= _DOUBLED * pl.col("messages"))
    return rows.with_columns(call=pl.lit(None, pl.Int64))


DOUBLED = Rule(
    id="R02",
    code="capture_doubled",
    severity="info",
    standard="RFC 5470 §2 (observation point)",
    find=_doubled,
    of_all=True,
    looks_at={"core_messages": ("_point", "duplicate", "message", "original")},
    confidence=1.0,
    columns=("original",),
    texts={
        "en": Text(
            title="Packets were captured twice at one point",
            explanation="Duplicates are recognised and counted nowhere; figures are not affected.",
            causes=(
                "the mirror port copies both directions or two VLANs",
                "a packet is seen before and after it is forwarded (interface any)",
            ),
            confirm="sip-analyzer messages CAPTURE --where duplicate",
            remedy="Mirror one direction of each port, or capture one interface.",
            observed="{copies} of {messages} observations are copies of a packet captured before.",
        ),
        "zh": Text(
            title="同一抓包点把报文抓了两次",
            explanation="重复报文会被识别且不计入任何统计，数字不受影响。",
            causes=("镜像口同时复制了两个方向或两个 VLAN", "报文在转发前后各被看到一次（any 接口）"),
            confirm="sip-analyzer messages CAPTURE --where duplicate",
            remedy="每个端口只镜像一个方向，或只抓一个接口。",
            observed="{messages} 条观测中有 {copies} 条是已抓到报文的副本。",
        ),
    },
)


def _one_way(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """Links whose requests nobody answers, though their senders go on as if they had been: each is sent once."""
    asked = transactions.lazy().filter(pl.col("started_at").is_not_null(), pl.col("method") != "ACK")
    silent = asked.filter(pl.col("status").is_null(), pl.col("first_provisional_at").is_null())
    silent = silent.group_by("client_ip", "server_ip").len().filter(pl.col("len") >= _SEEN_ONE_WAY)
    concerned = silent.collect()
    if concerned.is_empty():
        return concerned
    links = (
        asked.join(concerned.lazy(), on=["client_ip", "server_ip"], how="semi", maintain_order="left")
        .group_by("client_ip", "server_ip", maintain_order=True)
        .agg(
            requests=pl.len(),
            answered=(pl.col("status").is_not_null() | pl.col("first_provisional_at").is_not_null()).sum(),
            copies=pl.col("request_copies").mean(),
            message=pl.col("transaction").first(),
            node=pl.format("{}:{}", pl.col("server_ip").first(), pl.col("server_port").first()),
        )
        .filter(pl.col("requests") >= _SEEN_ONE_WAY, pl.col("answered") == 0, pl.col("copies") < 1.2)
        .collect()
    )
    if links.is_empty():
        return links
    # Who got no response at all sends no ACK.
    acks = core_messages.filter(pl.col("method") == "ACK", pl.col("status").is_null())
    acks = acks.select(client_ip="src_ip", server_ip="dst_ip").unique()
    links = links.join(acks, on=["client_ip", "server_ip"], how="semi", maintain_order="left")
    return links.with_columns(call=pl.lit(None, pl.Int64), client=pl.col("client_ip"))


ONE_WAY = Rule(
    id="R03",
    code="capture_one_way",
    severity="warning",
    standard="RFC 3261 §17.1.1.2 (a request is sent again until it is answered)",
    find=_one_way,
    of_all=True,
    looks_at={
        "core_messages": ("src_ip", "dst_ip", "method", "status"),
        "transactions": (
            *("transaction", "method", "status", "client_ip", "server_ip", "server_port", "started_at"),
            *("first_provisional_at", "request_copies"),
        ),
    },
    only=lambda: (pl.col("method") == "ACK") & pl.col("status").is_null(),
    confidence=0.9,
    texts={
        "en": Text(
            title="Only one direction of a link was captured",
            explanation="The sender goes on as if it had been answered, so the responses were there and the capture "
            "does not show them. Delays and failures of this link cannot be known.",
            causes=("the mirror copies one direction only", "responses take another route past the tap"),
            confirm='sip-analyzer transactions CAPTURE --ip {ip} --where "status is null"',
            remedy="Mirror both directions, or capture at the other end too.",
            observed="{requests} requests from {client} to {node}, each sent once, and no response.",
        ),
        "zh": Text(
            title="某条链路只抓到了一个方向",
            explanation="发送方表现得像已收到响应，说明响应存在而抓包没有抓到。该链路的时延与失败无法判断。",
            causes=("镜像只复制了一个方向", "响应走了另一条不经过抓包点的路由"),
            confirm='sip-analyzer transactions CAPTURE --ip {ip} --where "status is null"',
            remedy="镜像两个方向，或在对端同时抓包。",
            observed="{client} 向 {node} 发了 {requests} 个请求，每个只发一次，没有任何响应。",
        ),
    },
)


def _sliced(core_files: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    sliced = int(core_files["sliced"].sum() or 0)
    cut = core_messages.filter(~pl.col("complete")) if sliced else core_messages.head(0)
    rows = pl.DataFrame({"packets": [sliced], "cut": [cut.height], "message": [cut["message"].first()]})
    rows = rows.filter(pl.col("cut") > 0).with_columns(pl.col("message").cast(pl.Int64))
    return rows.with_columns(call=pl.lit(None, pl.Int64))


SLICED = Rule(
    id="R04",
    code="packets_sliced",
    severity="warning",
    standard="pcapng draft §4.3 (captured and original packet length)",
    find=_sliced,
    of_all=True,
    looks_at={"core_messages": ("message", "complete")},
    only=lambda: ~pl.col("complete"),
    confidence=1.0,
    texts={
        "en": Text(
            title="The snap length cut SIP messages",
            explanation="What lies behind the cut, often the session description, cannot be known.",
            causes=("the capture was made with a snap length (tcpdump -s)",),
            confirm="sip-analyzer messages CAPTURE --where 'not complete'",
            remedy="Capture whole packets: tcpdump -s 0.",
            observed="{cut} messages are incomplete; the snap length cut {packets} packets.",
        ),
        "zh": Text(
            title="抓包长度限制截断了 SIP 消息",
            explanation="截断之后的内容（常常是 SDP）无法得知。",
            causes=("抓包时设置了 snaplen(tcpdump -s)",),
            confirm="sip-analyzer messages CAPTURE --where 'not complete'",
            remedy="抓取完整报文：tcpdump -s 0。",
            observed="{cut} 条消息不完整；snaplen 截断了 {packets} 个报文。",
        ),
    },
)
