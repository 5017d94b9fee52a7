"""Subscriptions and publications that a server refuses for what they ask: R122."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text

_STATUSES = [404, 489]


def _refused(transactions: pl.DataFrame, subscriptions: pl.DataFrame, publications: pl.DataFrame) -> pl.DataFrame:
    """Refused with 489 or 404, but for `reg`, which is that of reg_event_trouble; at the node that said so first."""
    status = pl.col("status").is_in(_STATUSES)
    asked = pl.concat(
        [
            subscriptions.filter(status, pl.col("call").is_null()).select(
                "package", "status", key="subscription", asks=pl.lit("SUBSCRIBE")
            ),
            publications.filter(status).select("package", "status", key="publish", asks=pl.lit("PUBLISH")),
        ]
    ).filter(pl.col("package").ne_missing("reg"))
    tries = transactions.filter(pl.col("method").is_in(["SUBSCRIBE", "PUBLISH"]))
    # The request may have gone again with credentials: what counts is its last status.
    opened = tries.select("call_id", key="transaction").join(asked, on="key", maintain_order="left")
    refusals = tries.filter(status).select("call_id", "status", "final_at", "server_ip", "server_port", asks="method")
    hops = opened.join(refusals, on=["call_id", "asks", "status"], maintain_order="left_right")
    hops = hops.sort("final_at", nulls_last=True, maintain_order=True)
    said = hops.group_by("key", maintain_order=True).agg(
        pl.col("package", "asks", "status", "server_ip", "server_port").first()
    )
    ip = pl.when(pl.col("server_ip").str.contains(":")).then(pl.format("[{}]", "server_ip")).otherwise("server_ip")
    return said.with_columns(node=pl.format("{}:{}", ip, "server_port")).select(
        pl.lit(None, pl.Int64).alias("call"), "node", "package", "asks", message="key", case="key", said="status",
        cause=pl.format("{} {}", "status", "node"),
    )  # fmt: skip


REFUSED = Rule(
    id="R128",
    code="event_package_refused",
    severity="warning",
    standard="RFC 6665 §8.3.2 (489), §4.1.3; RFC 3903 §6; RFC 3261 §21.4.5",
    find=_refused,
    seen=frozenset({"SUBSCRIBE", "PUBLISH"}),
    texts={
        "en": Text(
            title="A server does not serve what a device subscribes to or publishes",
            explanation="489: it does not know the event package; 404: it has no such resource, such as a mailbox. The "
            "device asks again and again, and has neither presence, lamps nor waiting messages.",
            causes=(
                "the device has a feature switched on that the network does not offer",
                "the server for this package is not reached: wrong route or domain",
                "the mailbox or the list of the subscriber was not set up",
            ),
            confirm="sip-analyzer subscriptions CAPTURE; sip-analyzer publications CAPTURE",
            remedy="Switch the feature off in the device, or route the package to a server that has it (Allow-Events).",
            observed="{node} answered {said} to {asks} of the package {package}.",
        ),
        "zh": Text(
            title="服务器不提供终端所订阅或发布的事件",
            explanation="489：服务器不认识该事件包；404：没有该资源，例如语音信箱。终端会反复请求，且没有呈现、"
            "指示灯或留言通知。",
            causes=("终端启用了网络不提供的功能", "未到达该事件包的服务器：路由或域名错误", "未为用户开通信箱或列表"),
            confirm="sip-analyzer subscriptions CAPTURE; sip-analyzer publications CAPTURE",
            remedy="在终端关闭该功能，或把该事件包路由到支持它的服务器（Allow-Events）。",
            observed="{node} 对事件包 {package} 的 {asks} 返回 {said}。",
        ),
    },
)
