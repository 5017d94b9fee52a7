"""Challenges that nobody can answer, for they contain none (R110)."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.evidence import with_attempts
from analyzer.diagnose.rule import Rule, Text

_SAYS_HOW = r"^(WWW-Authenticate|Proxy-Authenticate) \((\d{3}) to ([A-Z]+)"


def _empty(
    problems: pl.DataFrame,
    core_messages: pl.DataFrame,
    transactions: pl.DataFrame,
    registrations: pl.DataFrame,
    calls: pl.DataFrame,
) -> pl.DataFrame:
    """Those of calls and registrations that came to nothing; of others peers made do without."""
    rows = problems.filter(pl.col("code") == "sip_header_missing", pl.col("detail").str.contains(_SAYS_HOW))
    if rows.is_empty():
        return rows.select(call=pl.lit(None, pl.Int64).filter(pl.lit(False)))
    lacks = {
        name: pl.col("detail").str.extract(_SAYS_HOW, n) for n, name in enumerate(("header", "status", "method"), 1)
    }
    rows = rows.select("file", "frame", **lacks)
    sent = core_messages.filter(pl.col("frame").is_in(rows["frame"].implode()), ~pl.col("duplicate")).select(
        "file", "frame", "message", "transaction", "call_id", "time", node=pl.format("{}:{}", "src_ip", "src_port")
    )
    rows = rows.join(sent, on=["file", "frame"], maintain_order="left")
    rows = rows.join(transactions.select("transaction", "call"), on="transaction", how="left", maintain_order="left")
    rows = with_attempts(rows, registrations)
    in_vain = registrations.filter(pl.col("outcome").is_in(["failed", "challenged"]))["registration"]
    failed = calls.filter(pl.col("status") >= 300)["call"]
    rows = rows.filter(pl.col("call").is_in(failed.implode()) | pl.col("case").is_in(in_vain.implode()))
    # Who sends it on had it from somebody.
    return rows.unique(["call", "case"], keep="first", maintain_order=True).select(
        "call", "case", "message", "node", "header", "status", "method"
    )


EMPTY = Rule(
    id="R110",
    code="challenge_empty",
    severity="error",
    standard="RFC 3261 §20.27, §20.44, §22.1",
    find=_empty,
    of_all=True,
    columns=("file", "frame", "byte_offset"),
    seen=frozenset({401, 407}),
    explains=("challenge_not_answered", "challenge_unanswered", "request_refused"),
    texts={
        "en": Text(
            title="A challenge does not contain a challenge",
            explanation="A 401 or 407 must have WWW-Authenticate or Proxy-Authenticate with realm and nonce; without "
            "it no credentials can be made, and the sender gives up.",
            causes=("a fault of the node that challenges", "a node on the way strips the header field"),
            confirm="sip-analyzer problems CAPTURE --where \"code = 'sip_header_missing'\"",
            remedy="Correct the node that challenges, or the one that strips the header field.",
            observed="{node} answered {status} to {method} without {header}.",
        ),
        "zh": Text(
            title="质询响应中没有质询",
            explanation="401 或 407 必须带有 WWW-Authenticate 或 Proxy-Authenticate（含 realm 与 nonce）；"
            "缺少它就无法生成凭证，发送方只能放弃。",
            causes=("发出质询的节点有缺陷", "途中节点删除了该头域"),
            confirm="sip-analyzer problems CAPTURE --where \"code = 'sip_header_missing'\"",
            remedy="修正发出质询的节点，或删除该头域的节点。",
            observed="{node} 对 {method} 返回 {status}，却没有 {header}。",
        ),
    },
)
