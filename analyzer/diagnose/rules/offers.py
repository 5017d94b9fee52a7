"""Breaches of offer and answer (R61): the table ``offer_answer_violations`` judges, this names it."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text
from analyzer.schema.column import words

# Both sides then understand the media differently; the others are breaches that most peers forgive.
_HARMFUL = words("answer_missing no_common_format media_count_differs media_type_differs protocol_differs")


def _violations(
    offer_answer_violations: pl.DataFrame, core_messages: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    rows = offer_answer_violations.filter(pl.col("call").is_not_null())
    rows = rows.unique(["call", "code"], keep="first", maintain_order=True)
    if rows.is_empty():
        return rows.select("call")
    sent = core_messages.filter(pl.col("message").is_in(rows["message"].implode()))
    sent = sent.select("message", node=pl.format("{}:{}", "src_ip", "src_port"))
    rows = rows.join(sent, on="message", how="left", maintain_order="left")
    what = pl.col("code").str.replace_all("_", " ")
    # An answer may have been in a reliable 1xx that the capture lacks: a PRACK tells of one.
    reliable = transactions.filter(pl.col("method") == "PRACK")["call"].drop_nulls().unique()
    unsure = (pl.col("code") == "answer_missing") & pl.col("call").is_in(reliable.implode())
    severity = pl.when(pl.col("code").is_in(_HARMFUL) & ~unsure).then(pl.lit("warning")).otherwise(pl.lit("info"))
    return rows.select("call", "message", "node", "detail", severity.alias("severity"), what=what, cause="code")


VIOLATIONS = Rule(
    id="R61",
    code="offer_answer_illegal",
    severity="warning",
    standard="RFC 3264 §5, §6, §8; RFC 6337",
    find=_violations,
    columns=("src_ip", "src_port"),
    texts={
        "en": Text(
            title="A session description breaks the rules of offer and answer",
            explanation="The two sides may understand the media differently: silence, one-way audio or a refused call.",
            causes=("a border element rewrites SDP wrongly", "a fault of the device that sent it"),
            confirm="sip-analyzer offer-answer-violations CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="Compare this description with the offer it answers, on the hop before and behind this node.",
            observed="{node}: {what} ({detail}).",
        ),
        "zh": Text(
            title="会话描述违反 offer/answer 规则",
            explanation="双方对媒体的理解可能不同：无声、单通或呼叫被拒。",
            causes=("边界网元错误改写了 SDP", "发送设备的缺陷"),
            confirm="sip-analyzer offer-answer-violations CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="在该节点前后两跳上，把此描述与其应答的 offer 对比。",
            observed="{node}：{what}（{detail}）。",
        ),
    },
)
