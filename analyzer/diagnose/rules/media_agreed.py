"""Media against what was agreed: address, direction, time, framing, and legs (R122 to R127, R129)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.sound import is_audio
from analyzer.columns.times import SECOND, ns
from analyzer.diagnose.rule import Rule, Text
from analyzer.media import amr, announced

_ENOUGH = 100
"""Packets of a stream that is judged: two seconds of telephony."""
_INTERVAL = 5 * SECOND
_IN_FLIGHT = 2 * SECOND
"""After a hold begins: packets on their way, and a device that takes its time."""
_EARLY_S = 0.5
_GAP_S = 3.0
_NEVER_SILENT = ("PCMU", "PCMA", "G722", "GSM", "AMR", "AMR-WB", "EVS")
"""Codecs whose senders go on sending in silence: all packets, unless they have agreed on comfort noise, or a frame of
silence each 0.16 s (TS 26.093 §5.1.1, TS 26.193), of EVS a second at most (TS 26.450)."""


def _audio(streams: pl.DataFrame) -> pl.DataFrame:
    return streams.filter(
        pl.col("call").is_not_null(),
        pl.col("sent_by").is_not_null(),
        is_audio(),
        pl.col("packets") >= _ENOUGH,
    )


def _sender() -> pl.Expr:
    return pl.format("{}:{}", "src_ip", "src_port")


def _elsewhere(streams: pl.DataFrame, announced_media: pl.DataFrame, call_media: pl.DataFrame) -> pl.DataFrame:
    """Streams to an address that nobody announced and from which nothing comes, of calls whose other side is silent, or
    sends from the address that it announced: then it is the same host, and another port."""
    sources = streams.select("call", dst_ip="src_ip", dst_port="src_port").unique()
    odd = _audio(streams).filter(pl.col("joined_by") == "sender")
    odd = odd.join(sources, on=["call", "dst_ip", "dst_port"], how="anti", maintain_order="left")
    wanted = announced_media.filter(pl.col("media") == "audio").unique(
        ["call", "side"], keep="last", maintain_order=True
    )
    wanted = wanted.with_columns(sent_by=pl.col("side").replace({"caller": "callee", "callee": "caller"}))
    odd = odd.join(
        wanted.select(
            "call", "sent_by", "message", wanted_ip="ip", wanted_port="port", wanted=pl.format("{}:{}", "ip", "port")
        ),
        on=["call", "sent_by"],
        maintain_order="left",
    )
    heard = call_media.filter(pl.col("media") == "both_ways").select("call", heard=True)
    uses = sources.select("call", wanted_ip="dst_ip", wanted_port="dst_port", in_use=True)
    odd = odd.join(heard, on="call", how="left", maintain_order="left")
    odd = odd.join(uses, on=["call", "wanted_ip", "wanted_port"], how="left", maintain_order="left")
    # Somebody may be at that address, if both are heard: a border element that latches on to it.
    other_port = pl.col("in_use").fill_null(value=False) & (pl.col("dst_ip") == pl.col("wanted_ip"))
    odd = odd.filter(pl.col("heard").is_null() | other_port)
    return odd.select(
        "call", "message", "sent_by", "wanted", node=_sender(), to=pl.format("{}:{}", "dst_ip", "dst_port")
    )


ELSEWHERE = Rule(
    id="R122",
    code="media_elsewhere",
    severity="error",
    standard="RFC 3264 §5.1; RFC 4961",
    find=_elsewhere,
    of="streams",
    explains=("one_way_audio",),
    confidence=0.8,
    texts={
        "en": Text(
            title="Audio goes to an address that nobody announced",
            explanation="The stream comes from the announced port of its sender and goes to another place than the "
            "receiver asked for; nothing comes back from there, so that it is no NAT that was learnt.",
            causes=(
                "a node changed the session description on its way, and the media relay was not told",
                "the sender goes on with the address of an earlier description",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare c= and m= of the last description of the receiver on each hop with where the stream goes.",
            observed="The {sent_by} sends from {node} to {to}; the other side announced {wanted}.",
        ),
        "zh": Text(
            title="音频发往无人宣告的地址",
            explanation="该流来自发送方宣告的端口，却发往接收方所要求之外的地方；那里没有回送，因此不是学习到的 NAT。",
            causes=("某网元在途中改写了会话描述，而媒体中继没有得知", "发送方沿用此前描述的地址"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把接收方最后的描述在每一跳的 c= 与 m= 同流的去向比较。",
            observed="{sent_by} 从 {node} 发往 {to}；对侧宣告的是 {wanted}。",
        ),
    },
)


def _while_held(streams: pl.DataFrame, stream_intervals: pl.DataFrame, holds: pl.DataFrame) -> pl.DataFrame:
    """Audio in holds that have ended, of either side: ``call sent_by held_by direction node message packets at``, a row
    for each sender; intervals of five seconds that lie in the hold and are full of packets."""
    held = holds.filter(
        pl.col("media") == "audio",
        pl.col("held_by").is_in(["caller", "callee", "both"]),
        pl.col("ended_at").is_not_null(),
    )
    held = held.select(
        "call", "held_by", "direction", begin=ns("started_at") + _IN_FLIGHT, end=ns("ended_at") - _INTERVAL
    )
    sent = _audio(streams).select("stream", "call", "sent_by", "announced_by", node=_sender())
    spans = stream_intervals.select("stream", "packets", at=ns("started_at"))
    rows = (
        held.join(sent, on="call")
        .join(spans, on="stream")
        .filter(pl.col("packets") >= _ENOUGH, pl.col("at").is_between(pl.col("begin"), pl.col("end")))
    )
    found = rows.group_by("call", "sent_by", "held_by", "direction", "node", message="announced_by").agg(
        packets=pl.col("packets").sum(), at=pl.col("at").min()
    )
    return found.sort("at", "call", "node", "direction", "held_by", "message")


def _against_hold(streams: pl.DataFrame, stream_intervals: pl.DataFrame, holds: pl.DataFrame) -> pl.DataFrame:
    """Five seconds and more of audio of the side that was put on hold."""
    found = _while_held(streams, stream_intervals, holds)
    return found.filter(pl.col("held_by") != "both", pl.col("sent_by") != pl.col("held_by")).drop("at", "direction")


AGAINST_HOLD = Rule(
    id="R123",
    code="audio_against_hold",
    severity="warning",
    standard="RFC 3264 §5.1, §8.4",
    find=_against_hold,
    of="streams",
    confidence=0.85,
    texts={
        "en": Text(
            title="A side on hold goes on sending audio",
            explanation="The other side had asked for silence (a=sendonly or inactive): it hears what it should not, "
            "or mixes it with the music.",
            causes=(
                "the device does not stop for a hold",
                "the offer of the hold, or its answer, did not reach the media relay",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at the answer to the hold: it should be recvonly or inactive; then at the device.",
            observed="On hold by the {held_by}, the {sent_by} sent {packets} packets from {node}.",
        ),
        "zh": Text(
            title="被保持的一侧仍在发送音频",
            explanation="另一侧已要求静音（a=sendonly 或 inactive）：它会听到不该听到的，或与音乐混在一起。",
            causes=("设备在保持时不停止发送", "保持的 offer 或其 answer 没有到达媒体中继"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="查看对保持的 answer：应为 recvonly 或 inactive；再检查设备。",
            observed="被 {held_by} 保持期间，{sent_by} 从 {node} 发送了 {packets} 个分组。",
        ),
    },
)


def _inactive(streams: pl.DataFrame, stream_intervals: pl.DataFrame, holds: pl.DataFrame) -> pl.DataFrame:
    """Five seconds and more of audio of a side that said itself that nothing is sent: inactive, and no music."""
    found = _while_held(streams, stream_intervals, holds).filter(pl.col("direction") == "inactive")
    return found.filter((pl.col("held_by") == "both") | (pl.col("sent_by") == pl.col("held_by"))).drop(
        "at", "direction"
    )


INACTIVE = Rule(
    id="R129",
    code="audio_while_inactive",
    severity="warning",
    standard="RFC 3264 §5.1, §6.1",
    find=_inactive,
    of="streams",
    confidence=0.85,
    texts={
        "en": Text(
            title="A side sends audio although it made the session inactive",
            explanation="After a=inactive nobody sends; who wants to play music on hold says sendonly. A network that "
            "goes by the description drops it, and the other side does not listen.",
            causes=(
                "music on hold behind an offer that a node on its way changed from sendonly to inactive",
                "a media relay that was not told of the hold",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare the direction of the offer of the hold on each hop; then look at who plays the music.",
            observed="While the session was inactive, by the {held_by}, the {sent_by} sent {packets} packets from "
            "{node}.",
        ),
        "zh": Text(
            title="会话已置为 inactive，一侧仍在发送音频",
            explanation="a=inactive 之后双方都不发送；要播放保持音乐应使用 sendonly。"
            "按描述放行的网络会丢弃它，对侧也不接收。",
            causes=("途中某网元把保持的 offer 由 sendonly 改成 inactive，而保持音乐照放", "媒体中继没有得知保持"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="比较保持的 offer 在每一跳上的方向；再检查播放音乐的一方。",
            observed="会话被 {held_by} 置为 inactive 期间，{sent_by} 从 {node} 发送了 {packets} 个分组。",
        ),
    },
)


def _early(streams: pl.DataFrame, calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Audio of the callee well before the answer, on whatever hop that came first, of a call in which nothing
    authorised any."""
    quiet = calls.filter(pl.col("answered_at").is_not_null(), pl.col("early_media_at").is_null())
    answers = transactions.filter(pl.col("method") == "INVITE", pl.col("status").is_between(200, 299))
    answers = answers.group_by("call").agg(first=ns("final_at").min())
    quiet = quiet.join(answers, on="call", how="left", maintain_order="left")
    quiet = quiet.select("call", answered=pl.min_horizontal(ns("answered_at"), "first"))
    early = _audio(streams).filter(pl.col("sent_by") == "callee").join(quiet, on="call", maintain_order="left")
    before = (pl.col("answered") - ns("first_at")) / SECOND
    early = (
        early.filter(before > _EARLY_S)
        .sort("first_at", maintain_order=True)
        .unique("call", keep="first", maintain_order=True)
    )
    return early.select("call", message="announced_by", node=_sender(), seconds=before.round(1))


EARLY = Rule(
    id="R124",
    code="early_audio_not_signalled",
    severity="info",
    standard="RFC 5009 §8; RFC 3960 §3.2",
    find=_early,
    of="streams",
    confidence=0.75,
    texts={
        "en": Text(
            title="The callee sends audio before the answer, and nothing announced it",
            explanation="No 18x had a session description that authorises early media: networks that gate it drop "
            "announcements and ring-back tones.",
            causes=(
                "a gateway that sends in-band tones without SDP in its 183",
                "P-Early-Media was left out or taken away on the way",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Have the gateway send SDP and P-Early-Media in its 183, or ring without tones.",
            observed="Audio came from {node} {seconds} s before the answer.",
        ),
        "zh": Text(
            title="被叫在应答前发送音频，却没有任何信令说明",
            explanation="没有 18x 带有授权早期媒体的会话描述：设有闸门的网络会丢弃录音通知与回铃音。",
            causes=("网关发送带内音，而其 183 没有 SDP", "P-Early-Media 缺失或在途中被去掉"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="让网关在 183 中带 SDP 与 P-Early-Media，或不发带内音。",
            observed="应答前 {seconds} 秒，音频来自 {node}。",
        ),
    },
)


def _between_legs(streams: pl.DataFrame) -> pl.DataFrame:
    """Of calls that pass here on several legs: a leg on which one side is silent, that is heard on another at the same
    time."""
    way = pl.concat_str(
        pl.format("{}:{}", "src_ip", "src_port"), pl.format("{}:{}", "dst_ip", "dst_port"), separator=" "
    )
    back = pl.concat_str(
        pl.format("{}:{}", "dst_ip", "dst_port"), pl.format("{}:{}", "src_ip", "src_port"), separator=" "
    )
    sent = _audio(streams).with_columns(
        hop=pl.min_horizontal(way, back), begin=ns("first_at"), end=ns("last_at"), node=_sender()
    )
    hops = sent.group_by("call", "hop", maintain_order=True).agg(
        sides=pl.col("sent_by").n_unique(),
        heard=pl.col("sent_by").first(),
        node=pl.col("node").first(),
        message=pl.col("announced_by").first(),
        begin=pl.col("begin").min(),
        end=pl.col("end").max(),
    )
    silent = hops.filter(pl.col("sides") == 1).with_columns(
        silent_side=pl.col("heard").replace({"caller": "callee", "callee": "caller"})
    )
    whole = hops.filter(pl.col("sides") == 2).select("call", other="hop")
    seen = sent.join(whole, left_on=["call", "hop"], right_on=["call", "other"], how="semi", maintain_order="left")
    seen = seen.select(
        "call", silent_side="sent_by", last_seen=pl.format("{}:{}", "dst_ip", "dst_port"),
        seen_begin="begin", seen_end="end",
    )  # fmt: skip
    rows = silent.join(seen, on=["call", "silent_side"], maintain_order="left")
    together = pl.min_horizontal("end", "seen_end") - pl.max_horizontal("begin", "seen_begin")
    rows = rows.filter(together >= 3 * SECOND).unique(["call", "hop"], keep="first", maintain_order=True)
    return rows.select("call", "message", "silent_side", "last_seen", node="last_seen", beyond="node")


BETWEEN_LEGS = Rule(
    id="R125",
    code="audio_lost_between_legs",
    severity="error",
    standard="RFC 3264 §5.1; RFC 7092",
    find=_between_legs,
    of="streams",
    absence=True,
    explains=("one_way_audio",),
    confidence=0.8,
    texts={
        "en": Text(
            title="A relay forwards the audio of one side only",
            explanation="On one leg both sides are heard, on another leg of the same call one of them is not: its "
            "audio reaches the relay and does not leave it.",
            causes=(
                "the media relay waits for packets of the other leg before it forwards (latching), or from elsewhere",
                "the relay was not told of a new address after a re-INVITE or UPDATE",
                "a codec that the relay would have to change",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at the relay at {node}: which address and codec it has for either leg.",
            observed="Audio of the {silent_side} was last seen on its way to {last_seen}; where {beyond} sends, it "
            "does not arrive.",
        ),
        "zh": Text(
            title="中继只转发一侧的音频",
            explanation="在一段上双方都听得到，在同一呼叫的另一段上其中一侧听不到：其音频到达中继，却没有离开。",
            causes=(
                "媒体中继要先等到另一段的分组才转发（锁定），或等待来自别处的分组",
                "re-INVITE 或 UPDATE 之后中继没有得知新地址",
                "中继需要转换的编解码",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查 {node} 处的中继：它对每一段所用的地址与编解码。",
            observed="{silent_side} 的音频最后见于去往 {last_seen} 的途中；在 {beyond} 发送之处没有它。",
        ),
    },
)


def _gaps(
    streams: pl.DataFrame, calls: pl.DataFrame, holds: pl.DataFrame, announced_media: pl.DataFrame
) -> pl.DataFrame:
    """A sender that pauses for seconds in the middle of a conversation, in a codec that has packets of silence too,
    nobody being on hold. Of one side alone nothing is said: a hold that the other side asks for is not seen then."""
    both = _audio(streams).group_by("call").agg(sides=pl.col("sent_by").n_unique()).filter(pl.col("sides") == 2)
    noise = announced_media.filter(pl.col("formats").str.split(" ").list.contains("13")).select("call").unique()
    named = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    # Packets that were lost in a row are a gap of the network's.
    lost_s = pl.col("longest_loss") * pl.col("packet_s").fill_null(0.02)
    quiet = _audio(streams).filter(
        named.is_in(_NEVER_SILENT),
        pl.col("silence_s") > _GAP_S,
        pl.col("pauses") > 0,
        lost_s < pl.col("silence_s") / 2,
    )
    quiet = quiet.join(both, on="call", how="semi", maintain_order="left")
    quiet = quiet.join(noise, on="call", how="anti", maintain_order="left")
    talked = calls.select("call", answered=ns("answered_at"), over=ns("ended_at")).filter(
        pl.col("answered").is_not_null()
    )
    quiet = quiet.join(talked, on="call", maintain_order="left").with_columns(at=ns("silence_at"))
    until = pl.col("at") + (pl.col("silence_s") * SECOND).cast(pl.Int64)
    quiet = quiet.filter(pl.col("at") >= pl.col("answered"), until <= pl.coalesce("over", until))
    quiet = quiet.join(holds.select("call").unique(), on="call", how="anti", maintain_order="left")
    return quiet.select("call", "sent_by", message="announced_by", node=_sender(), seconds=pl.col("silence_s").round(1))


GAP = Rule(
    id="R126",
    code="audio_gap",
    severity="warning",
    standard="RFC 3551 §4.1",
    find=_gaps,
    of="streams",
    absence=True,
    confidence=0.7,
    texts={
        "en": Text(
            title="A side stops sending audio in the middle of the call",
            explanation="For seconds no packet came, and the next one had the next number: the sender itself stopped. "
            "The other side hears nothing, not even noise, of which AMR sends a frame every 0.16 s.",
            causes=(
                "the device suspends its audio: another call, a handover, an application in the background",
                "silence suppression that was not agreed on (no comfort noise in the session description)",
                "an overloaded media relay or host",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look what happened at the sender at that time; agree on comfort noise (RFC 3389) or switch silence "
            "suppression off.",
            observed="The {sent_by} sent nothing from {node} for {seconds} s.",
        ),
        "zh": Text(
            title="一侧在通话中途停止发送音频",
            explanation="数秒没有分组，而下一个分组的序号相接：是发送方自己停止的。对侧听不到任何声音，"
            "连舒适噪声也没有（AMR 每 0.16 秒发一帧）。",
            causes=(
                "设备暂停了音频：另一通呼叫、切换、应用在后台",
                "未协商的静音抑制（会话描述中没有舒适噪声）",
                "媒体中继或主机过载",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="查看当时发送方发生了什么；协商舒适噪声（RFC 3389）或关闭静音抑制。",
            observed="{sent_by} 有 {seconds} 秒没有从 {node} 发送任何分组。",
        ),
    },
)


def _framing(streams: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    """AMR or EVS whose form of payload is not the one that its receiver asked for."""
    own = _audio(streams).filter(pl.col("framing").is_not_null(), pl.col("joined_by") == "receiver")
    rows = own.join(
        announced.codecs_of(announced_media).unique(["call", "message", "payload_type"], keep="first"),
        left_on=["call", "announced_by", "payload_type"],
        right_on=["call", "message", "payload_type"],
        maintain_order="left",
    )
    # Without the parameter it is 0 (RFC 4867 §8.1); EVS may then have either form (TS 26.445 A.3.1).
    aligned = amr.parameter("octet-align") == "1"
    of_amr = pl.when(aligned).then(pl.lit("octet_aligned")).otherwise(pl.lit("bandwidth_efficient"))
    of_evs = pl.when(amr.parameter("hf-only") == "1").then(pl.lit("header_full")).otherwise("framing")
    is_evs = pl.col("framing").is_in(["compact", "header_full"])
    rows = rows.with_columns(asked=pl.when(is_evs).then(of_evs).otherwise(of_amr))
    odd = rows.filter(pl.col("asked") != pl.col("framing"))
    return odd.select("call", "sent_by", "framing", "asked", message="announced_by", node=_sender())


FRAMING = Rule(
    id="R127",
    code="amr_framing",
    severity="error",
    standard="RFC 4867 §4, §8.1; TS 26.445 A.3.1",
    find=_framing,
    of="streams",
    explains=("one_way_audio",),
    texts={
        "en": Text(
            title="AMR or EVS in another form of payload than was agreed",
            explanation="One side packs the bits without gaps, the other expects them at bytes (octet-align, of EVS "
            "hf-only): it hears noise, or nothing.",
            causes=(
                "octet-align or hf-only was lost or changed on the way, or two payload types that differ by it were "
                "confused",
                "a device that knows one form alone",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare octet-align or hf-only in the fmtp lines of offer and answer on each hop with what is "
            "sent.",
            observed="The {sent_by} sends {framing} from {node}; the other side asked for {asked}.",
        ),
        "zh": Text(
            title="AMR 或 EVS 的载荷形式与协商不符",
            explanation="一侧逐位相接，另一侧期望按字节对齐（octet-align；EVS 为 hf-only）：它听到噪声或什么也听不到。",
            causes=(
                "octet-align 或 hf-only 在途中丢失或被改写，或仅此不同的两个载荷类型被混淆",
                "只支持一种形式的设备",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把每一跳上 offer 与 answer 的 fmtp 行中的 octet-align 或 hf-only 与实际发送的比较。",
            observed="{sent_by} 从 {node} 以 {framing} 发送；对侧要求 {asked}。",
        ),
    },
)
