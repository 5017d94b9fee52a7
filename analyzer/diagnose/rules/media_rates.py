"""Bit rates of speech codecs against what was agreed (R130)."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text
from analyzer.media import amr, announced

_ENOUGH = 100
"""Packets of a stream that is judged: two seconds of telephony."""
_INTEROPERABLE = "io-"


def _rates(streams: pl.DataFrame, announced_media: pl.DataFrame) -> pl.DataFrame:
    """Streams of AMR with modes outside of mode-set, of EVS with bit rates outside of br, as their receiver stated it.

    Of EVS 5.9 kbit/s is sent as 2.8, 7.2 and 8; and what br says concerns EVS Primary alone (TS 26.445 A.3.1).
    """
    own = streams.filter(
        pl.col("call").is_not_null(),
        pl.col("modes").is_not_null(),
        pl.col("joined_by") == "receiver",
        pl.col("packets") >= _ENOUGH,
    )
    said = announced.codecs_of(announced_media).unique(["call", "message", "payload_type"], keep="first")
    rows = own.join(
        said.select("call", "payload_type", "fmtp", announced_by="message"),
        on=["call", "announced_by", "payload_type"],
        maintain_order="left",
    )
    name = pl.col("codec").str.split("/").list.first().str.to_uppercase()
    found = []
    for key, codec in (("amr", "AMR"), ("amr_wb", "AMR-WB")):
        numbers = amr.parameter("mode-set").str.split(",")
        rates = numbers.list.eval(
            pl.element().replace_strict({str(at): rate for at, rate in enumerate(amr.RATES[key])}, default=None)
        )
        found.append(rows.filter(name == codec).with_columns(asked=rates.list.drop_nulls()))
    low, high = (amr.parameter("br").str.split("-").list.get(at).cast(pl.Float64, strict=False) for at in (0, -1))
    listed = [pl.when(pl.lit(float(rate)).is_between(low, high)).then(pl.lit(rate)) for rate in amr.EVS_PRIMARY]
    variable = [pl.when(low <= 5.9).then(pl.lit(rate)) for rate in ("2.8", "7.2", "8")]
    of_evs = rows.filter(name == "EVS").with_columns(
        asked=pl.concat_list(*listed, *variable).list.drop_nulls(),
        modes=pl.col("modes")
        .str.split(" ")
        .list.eval(pl.element().filter(~pl.element().str.starts_with(_INTEROPERABLE)))
        .list.join(" "),
    )
    told = pl.concat([*found, of_evs]).filter(pl.col("asked").list.len() > 0, pl.col("modes") != "")
    told = told.with_columns(beyond=pl.col("modes").str.split(" ").list.set_difference("asked").list.join(" "))
    return told.filter(pl.col("beyond") != "").select(
        "call",
        "sent_by",
        "beyond",
        "codec",
        message="announced_by",
        asked=pl.col("asked").list.unique(maintain_order=True).list.join(" "),
        node=pl.format("{}:{}", "src_ip", "src_port"),
    )


RATE = Rule(
    id="R130",
    code="bit_rate_not_agreed",
    severity="warning",
    standard="RFC 4867 §8.1; TS 26.445 A.3.1",
    find=_rates,
    of="streams",
    confidence=0.85,
    texts={
        "en": Text(
            title="AMR or EVS at a bit rate that was not agreed on",
            explanation="The receiver stated which bit rates it takes (mode-set, br). Another one may not fit into the "
            "bearer or through a gateway without transcoding: parts of the speech are missing.",
            causes=(
                "mode-set or br was lost or changed on the way",
                "a gateway that passes on requests for bit rates (CMR) of its other side",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare mode-set or br in offer and answer on each hop with the bit rates of the stream.",
            observed="The {sent_by} sends {codec} at {beyond} kbit/s from {node}; the other side takes {asked}.",
        ),
        "zh": Text(
            title="AMR 或 EVS 使用了未协商的比特率",
            explanation="接收方声明了可接受的比特率（mode-set、br）。其他比特率可能超出承载，或无法不经转码通过网关：语音会缺失。",
            causes=("mode-set 或 br 在途中丢失或被改写", "网关转发了另一侧的比特率请求（CMR）"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把每一跳上 offer 与 answer 的 mode-set 或 br 同流的比特率比较。",
            observed="{sent_by} 从 {node} 以 {beyond} kbit/s 发送 {codec}；对侧接受 {asked}。",
        ),
    },
)
