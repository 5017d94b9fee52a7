"""2xx that no ACK reached."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text


def _no_ack(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Calls that end as ``no_ack``: the 2xx goes on being sent, or nothing more comes for 64 T1."""
    hurt = calls.lazy().filter(pl.col("outcome") == "answered", pl.col("outcome_detail") == "no_ack")
    invites = transactions.lazy().filter(pl.col("method") == "INVITE", pl.col("status").is_between(200, 299))
    last = invites.sort("via_count").group_by("call", maintain_order=True).last()
    found = hurt.select("call", "answered_at", "ended_at", "talk_s").join(last, on="call", how="left")
    return found.select(
        "call",
        message="transaction",
        node=pl.format("{}:{}", "server_ip", "server_port"),
        copies="response_copies",
        after=pl.col("talk_s").round(1),
    ).collect()


NO_ACK = Rule(
    id="R39",
    code="ack_missing",
    severity="error",
    standard="RFC 3261 §13.3.1.4",
    find=_no_ack,
    texts={
        "en": Text(
            title="The answer was never acknowledged",
            explanation="The called side repeats its 200 OK until it gets an ACK and gives up after 32 s (64 T1): "
            "calls that drop half a minute after the answer.",
            causes=(
                "Contact or Record-Route of the 200 leads the ACK elsewhere (a private address, a wrong port)",
                "a border element or NAT drops the ACK",
                "the caller did not take the 200 for its own",
            ),
            confirm="sip-analyzer call {no}",
            remedy="Look at Contact and Record-Route of the 200 and at the node where the ACK was last seen; correct "
            "the address that this node writes there.",
            observed="The 200 to the INVITE was sent {copies} times by {node}, and no ACK reached it.",
        ),
        "zh": Text(
            title="应答始终没有得到确认(ACK)",
            explanation="被叫侧重复发送 200 OK 直到收到 ACK,32 秒(64 T1)后放弃:通话在接通约半分钟后中断。",
            causes=(
                "200 中的 Contact 或 Record-Route 把 ACK 引向别处(私网地址、错误端口)",
                "边界网元或 NAT 丢弃了 ACK",
                "主叫没有把该 200 认作自己的应答",
            ),
            confirm="sip-analyzer call {no}",
            remedy="检查 200 中的 Contact 与 Record-Route,以及最后看到 ACK 的节点;改正该节点写入的地址。",
            observed="{node} 对 INVITE 的 200 发送了 {copies} 次,没有 ACK 到达。",
        ),
    },
)
