"""What was heard (R67, R68, R69, R71, R120, R121); without RTP in the capture nothing is said."""

from __future__ import annotations

import polars as pl

from analyzer.columns.sound import is_audio
from analyzer.diagnose.rule import Rule, Text

_ENOUGH = 100
"""Packets of a stream that is judged: two seconds of telephony."""
_LOSS, _JITTER_S, _MOS = 0.01, 0.03, 3.6
_LATE_S = 1.0
_AFTER_END_S = 2.0


def _announced(call_media: pl.DataFrame, announced_media: pl.DataFrame, side: str) -> pl.DataFrame:
    """With the message in which each call's ``side`` first announced audio, and the address: ``message node``."""
    audio = announced_media.filter(pl.col("media") == "audio").unique(
        ["call", "side"], keep="first", maintain_order=True
    )
    known = audio.select("call", "message", side="side", node=pl.format("{}:{}", "ip", "port"))
    return call_media.join(known, left_on=["call", side], right_on=["call", "side"], how="left", maintain_order="left")


def _one_way(call_media: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    hurt = call_media.filter(pl.col("media").is_in(["from_caller", "from_callee"]))
    heard = pl.max_horizontal("caller_packets", "callee_packets")
    return _announced(hurt, announced_media, "silent_side").select(
        "call", "message", "node", "silent_side", heard=heard
    )


ONE_WAY = Rule(
    id="R67",
    code="one_way_audio",
    severity="error",
    standard="RFC 3264 §5.1; RFC 4961",
    find=_one_way,
    of="streams",
    absence=True,
    confidence=0.85,
    explains=("late_media",),
    texts={
        "en": Text(
            title="One side was not heard",
            explanation="Audio of one side passes here, of the other side nothing, though both had agreed to send and "
            "other packets of the silent side pass here.",
            causes=(
                "a NAT or firewall: the address in the session description is not the one that packets can go to",
                "the media relay or border element does not forward one direction",
                "the silent device sends to another address, or has no microphone",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare c= and m= of both descriptions with where RTP really went; look at the NAT and at the "
            "media "
            "relay of the silent side.",
            observed="The {silent_side}, who announced {node}, was not heard; the other side sent {heard} packets.",
        ),
        "zh": Text(
            title="有一侧听不到",
            explanation="此处经过一侧的音频，另一侧则没有，尽管双方都同意发送，且静音一侧的其他分组经过此处。",
            causes=(
                "NAT 或防火墙：会话描述中的地址不是分组可以到达的地址",
                "媒体中继或边界网元没有转发其中一个方向",
                "静音一侧的设备发往别处，或没有麦克风",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="比较双方描述中的 c= 与 m= 和 RTP 的实际去向；检查静音一侧的 NAT 与媒体中继。",
            observed="{silent_side}（宣告了 {node}）没有被听到；另一侧发送了 {heard} 个分组。",
        ),
    },
)


def _none(call_media: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    hurt = call_media.filter(pl.col("media") == "none").with_columns(asked=pl.lit("callee"))
    return _announced(hurt, announced_media, "asked").select("call", "message", "node")


NO_AUDIO = Rule(
    id="R68",
    code="no_audio",
    severity="error",
    standard="RFC 3264 §5.1",
    find=_none,
    of="streams",
    absence=True,
    confidence=0.7,
    texts={
        "en": Text(
            title="Nobody was heard",
            explanation="The call was answered with audio both ways, and no RTP of it passes here, though other RTP "
            "between the same ends does.",
            causes=(
                "the media relay was not told of the call, or gave up",
                "both sides wait for the other to send first (latching on both sides)",
                "media keys or bearer were not set up",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at the media relay (or bearer) of this call at the time of the answer.",
            observed="No RTP of this call was captured; the callee announced {node}.",
        ),
        "zh": Text(
            title="双方都听不到",
            explanation="呼叫已应答，双向音频已协商，但此处没有它的任何 RTP，尽管双方的其他 RTP 经过此处。",
            causes=(
                "媒体中继没有得知该呼叫，或已放弃",
                "双方都等待对方先发送（两侧都在锁定）",
                "媒体密钥或承载没有建立",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查应答时刻该呼叫的媒体中继（或承载）。",
            observed="没有捕获到该呼叫的 RTP；被叫宣告了 {node}。",
        ),
    },
)


def _late(call_media: pl.DataFrame, announced_media: pl.DataFrame, streams: pl.DataFrame) -> pl.DataFrame:
    hurt = call_media.filter(pl.col("delay_s") > _LATE_S, pl.col("media") == "both_ways")
    first = streams.filter(pl.col("call").is_not_null(), pl.col("sent_by").is_not_null())
    first = first.group_by("call", "sent_by").agg(pl.col("first_at").min())
    later = (
        first.sort("first_at", "sent_by")
        .unique("call", keep="last", maintain_order=True)
        .select("call", late_side="sent_by")
    )
    hurt = hurt.join(later, on="call", maintain_order="left")
    seconds = pl.col("delay_s").round(1)
    return _announced(hurt, announced_media, "late_side").select(
        "call", "message", "node", "late_side", seconds=seconds
    )


LATE = Rule(
    id="R69",
    code="late_media",
    severity="warning",
    standard="RFC 3960; RFC 5009",
    find=_late,
    of="streams",
    absence=True,
    confidence=0.8,
    texts={
        "en": Text(
            title="The first words are lost: audio begins late",
            explanation="After the answer one side took more than a second to send its first audio: its hello is not "
            "heard.",
            causes=(
                "the bearer or media relay is switched through after the answer",
                "a gate for early media opens late (P-Early-Media)",
                "the device waits for keys (DTLS) or for the other side",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at what the late side waits for between its 200 or ACK and its first RTP.",
            observed="The first audio of the {late_side} came {seconds} s after the answer.",
        ),
        "zh": Text(
            title="开头几个字丢失：音频开始过晚",
            explanation="应答后一侧过了一秒以上才发送首个音频：它的开头听不到。",
            causes=(
                "承载或媒体中继在应答之后才接通",
                "早期媒体的闸门打开过晚（P-Early-Media）",
                "设备在等待密钥（DTLS）或对方",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查较晚的一侧在其 200 或 ACK 与首个 RTP 之间等待什么。",
            observed="{late_side} 的首个音频在应答后 {seconds} 秒才到。",
        ),
    },
)


def _poor(streams: pl.DataFrame) -> pl.DataFrame:
    """Streams with loss, jitter or a score that people complain of; of each call the worst."""
    loss, jitter, mos = pl.col("loss"), pl.col("jitter_s"), pl.col("mos")
    own = streams.filter(
        pl.col("call").is_not_null(),
        is_audio(),
        pl.col("expected") >= _ENOUGH,
        (loss > _LOSS) | (jitter > _JITTER_S) | (mos < _MOS),
    )
    worst = own.sort("mos", "loss", descending=[False, True], nulls_last=True, maintain_order=True)
    worst = worst.unique("call", keep="first", maintain_order=True)
    return worst.select(
        "call",
        message="announced_by",
        node=pl.format("{}:{}", "src_ip", "src_port"),
        cause=pl.col("src_ip"),
        sent_by="sent_by",
        percent=(loss * 100).round(1),
        jitter=(jitter * 1000).round(0).cast(pl.Int64),
        score=mos.round(1),
    )


QUALITY = Rule(
    id="R71",
    code="media_quality",
    severity="warning",
    standard="RFC 3550 §6.4.1; ITU-T G.107",
    find=_poor,
    of="streams",
    of_all=True,
    absence=True,
    confidence=0.8,
    texts={
        "en": Text(
            title="Audio is poor: loss or jitter on the way to the place of the capture",
            explanation="More than 1 % of the packets are missing, or they come more than 30 ms irregularly, or the "
            "E-model "
            "rates the stream below 3.6: people hear gaps or ask again.",
            causes=(
                "congestion, or a radio link at its edge, between the sender and the place of the capture",
                "no priority for media (DSCP) on a loaded link",
                "an overloaded media relay or host",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="See when it was lost (stream-intervals) and on which side; compare with other streams of this "
            "sender.",
            observed="Of the audio of the {sent_by} from {node} {percent} % are lost, jitter {jitter} ms, MOS {score}.",
        ),
        "zh": Text(
            title="音频质量差：到采集处的路上有丢包或抖动",
            explanation="缺失超过 1% 的分组，或抖动超过 30 毫秒，或 E-model 评分低于 3.6：人会听到断续或要求重复。",
            causes=(
                "发送方与采集处之间拥塞，或处于无线覆盖边缘",
                "繁忙链路上媒体没有优先级（DSCP）",
                "媒体中继或主机过载",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="查看何时丢失（stream-intervals）及哪一侧；与该发送方的其他流比较。",
            observed="{sent_by} 来自 {node} 的音频丢失 {percent}%，抖动 {jitter} 毫秒，MOS {score}。",
        ),
    },
)


def _not_agreed(streams: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    """Streams whose payload type neither side has announced, while the receiver announced others."""
    formats = announced_media.select("call", pl.col("formats").str.split(" ")).explode("formats")
    said = formats.select("call", payload_type=pl.col("formats").cast(pl.Int64, strict=False)).drop_nulls().unique()
    known = streams.filter(pl.col("joined_by") == "receiver", pl.col("expected") >= _ENOUGH)
    odd = known.join(said, on=["call", "payload_type"], how="anti", maintain_order="left")
    odd = odd.join(said.select("call").unique(), on="call", how="semi", maintain_order="left")
    return odd.select(
        "call",
        "payload_type",
        "sent_by",
        message="announced_by",
        node=pl.format("{}:{}", "src_ip", "src_port"),
    )


NOT_AGREED = Rule(
    id="R120",
    code="codec_not_agreed",
    severity="error",
    standard="RFC 3264 §5.1, §6.1",
    find=_not_agreed,
    of="streams",
    confidence=0.85,
    explains=("one_way_audio",),
    texts={
        "en": Text(
            title="Audio in a codec that nobody agreed on",
            explanation="The receiver cannot decode a payload type that no session description of the call has: it is "
            "silent "
            "or noise.",
            causes=(
                "a border element changes payload types in one direction only",
                "the sender goes on with the codec of an earlier offer",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare the payload types of the last offer and answer with the stream; correct the node that "
            "maps them.",
            observed="The {sent_by} sends payload type {payload_type} from {node}, which no description of the call "
            "has.",
        ),
        "zh": Text(
            title="使用了未协商的编解码",
            explanation="接收方无法解码会话描述中没有的载荷类型：结果是静音或噪声。",
            causes=(
                "边界网元只在一个方向上改写载荷类型",
                "发送方沿用此前 offer 的编解码",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把最后的 offer 与 answer 的载荷类型与流比较；改正作映射的节点。",
            observed="{sent_by} 从 {node} 发送载荷类型 {payload_type}，该呼叫的描述中没有它。",
        ),
    },
)


def _after_end(call_media: pl.DataFrame, streams: pl.DataFrame) -> pl.DataFrame:
    hurt = call_media.filter(pl.col("after_end_s") > _AFTER_END_S)
    last = (
        streams.filter(pl.col("call").is_not_null())
        .sort("last_at", maintain_order=True)
        .unique("call", keep="last", maintain_order=True)
    )
    rows = hurt.join(
        last.select("call", "announced_by", "src_ip", "src_port", "sent_by"), on="call", maintain_order="left"
    )
    return rows.select(
        "call",
        "sent_by",
        message="announced_by",
        node=pl.format("{}:{}", "src_ip", "src_port"),
        seconds=pl.col("after_end_s").round(1),
    )


AFTER_END = Rule(
    id="R121",
    code="media_after_end",
    severity="warning",
    standard="RFC 3261 §15.1",
    find=_after_end,
    of="streams",
    confidence=0.85,
    texts={
        "en": Text(
            title="Audio goes on after the end of the call",
            explanation="One side still sends after the BYE: it did not get it or did not take it, and may go on "
            "charging and "
            "holding ports.",
            causes=(
                "the BYE did not reach this side, or it refused it",
                "a media relay that is not told of the end",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look whether the BYE reached the side that goes on, and at the time-out of the media relay.",
            observed="The {sent_by} went on sending from {node} for {seconds} s after the end.",
        ),
        "zh": Text(
            title="呼叫结束后音频仍在继续",
            explanation="一侧在 BYE 之后仍在发送：它没有收到或没有接受，可能继续计费并占用端口。",
            causes=(
                "BYE 没有到达该侧，或被其拒绝",
                "媒体中继没有得知呼叫结束",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查 BYE 是否到达仍在发送的一侧，以及媒体中继的超时。",
            observed="{sent_by} 在结束后仍从 {node} 发送了 {seconds} 秒。",
        ),
    },
)
