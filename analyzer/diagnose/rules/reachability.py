"""Called subscribers that could not be reached (R26, R84, R103)."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.rule import Rule, Text

_UNREACHABLE = [404, 408, 430, 480, 504]


def _user(uri: str) -> pl.Expr:
    """User part of a URI or number, without a leading +."""
    return pl.col(uri).str.extract(r"^(?:sips?:|tel:)?\+?([^@;]+)")


def _called(failed_calls: pl.DataFrame, bindings: pl.DataFrame) -> pl.DataFrame:
    """Calls that did not reach their callee, with the last binding of the callee that had begun before."""
    rows = failed_calls.filter(
        pl.col("status").is_in(_UNREACHABLE), ~pl.col("of_user"), ~pl.col("rang"), pl.col("started_at").is_not_null()
    ).with_columns(user=_user("callee"))
    if rows.is_empty() or bindings.is_empty():
        return rows.with_columns(state=pl.lit(None, pl.String), expired_at=pl.lit(None, pl.Datetime("ns", "UTC")))
    known = bindings.select(
        "end_reason", "ended_at", "expires_at", bound_at="started_at", user=_user("aor")
    ).drop_nulls(["user", "bound_at"])
    rows = rows.sort("started_at", maintain_order=True).join_asof(
        known.sort("bound_at", maintain_order=True),
        left_on="started_at",
        right_on="bound_at",
        by="user",
        check_sortedness=False,
    )
    over = pl.col("ended_at") <= pl.col("started_at")
    state = pl.when(pl.col("bound_at").is_null()).then(None).when(over.fill_null(value=False)).then("end_reason")
    return rows.with_columns(state=state.otherwise(pl.lit("bound")), expired_at="ended_at")


def _lapsed(failed_calls: pl.DataFrame, bindings: pl.DataFrame) -> pl.DataFrame:
    rows = _called(failed_calls, bindings).filter(pl.col("state") == "expired")
    late = (pl.col("started_at") - pl.col("expired_at")).dt.total_seconds()
    return rows.select("call", "message", "node", "status", late=late, cause=pl.lit(""))


LAPSED = Rule(
    id="R26",
    code="registration_lapsed",
    severity="error",
    standard="RFC 3261 §10.2.4, §10.3",
    find=_lapsed,
    of="calls_that_failed",
    of_all=True,
    absence=True,
    seen=frozenset({"REGISTER"}),
    explains=("subscriber_absent", "no_route_to_number", "request_timeout", "subscriber_unreachable"),
    texts={
        "en": Text(
            title="The called subscriber's registration had expired",
            explanation="No refresh came before the expiry, so the network no longer knows where the subscriber is.",
            causes=(
                "the device slept, lost coverage or was switched off",
                "the refresh was lost or refused",
                "the granted expiry is shorter than the device believes",
            ),
            confirm="sip-analyzer bindings CAPTURE; sip-analyzer registrations CAPTURE",
            remedy="Look for the refresh that should have come; compare Expires of the 200 with the device's timer.",
            observed="The call came {late} s after the binding had expired; {node} answered {status}.",
        ),
        "zh": Text(
            title="被叫用户的注册已过期",
            explanation="到期前没有刷新注册，网络不再知道用户在何处。",
            causes=("终端休眠、失去覆盖或关机", "刷新丢失或被拒绝", "授予的有效期比终端认为的短"),
            confirm="sip-analyzer bindings CAPTURE; sip-analyzer registrations CAPTURE",
            remedy="查找本应到来的刷新；把 200 的 Expires 与终端定时器对比。",
            observed="呼叫在绑定过期 {late} 秒后到达；{node} 返回 {status}。",
        ),
    },
)


def _unreachable(failed_calls: pl.DataFrame, bindings: pl.DataFrame) -> pl.DataFrame:
    rows = _called(failed_calls, bindings).filter(pl.col("state") == "bound", pl.col("status") != 404)
    return rows.select("call", "message", "node", "status")


UNREACHABLE = Rule(
    id="R84",
    code="subscriber_unreachable",
    severity="error",
    standard="TS 23.380 §5; RFC 3261 §21.4.18",
    find=_unreachable,
    of="calls_that_failed",
    of_all=True,
    seen=frozenset({"REGISTER"}),
    confidence=0.8,
    explains=("subscriber_absent", "request_timeout"),
    texts={
        "en": Text(
            title="A registered subscriber could not be reached",
            explanation="The binding is valid, yet the call did not arrive: the way from the core to the device is "
            "broken, not the registration.",
            causes=(
                "paging failed, or the device is out of coverage",
                "the P-CSCF that holds the security association was restarted",
                "a NAT binding or IPsec association on the way to the device has expired",
            ),
            confirm="sip-analyzer bindings CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="Follow the INVITE to the last node that had it; check P-CSCF restoration and keep-alives.",
            observed="{node} answered {status} while the callee was registered.",
        ),
        "zh": Text(
            title="已注册的用户无法到达",
            explanation="绑定有效但呼叫没有到达：断的是核心网到终端的路径，而不是注册。",
            causes=("寻呼失败，或终端不在覆盖区", "持有安全关联的 P-CSCF 重启过", "途中的 NAT 绑定或 IPsec 关联已过期"),
            confirm="sip-analyzer bindings CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="沿 INVITE 找到最后拥有它的节点；检查 P-CSCF 恢复机制与保活。",
            observed="被叫已注册，而 {node} 返回 {status}。",
        ),
    },
)


def _absent(failed_calls: pl.DataFrame) -> pl.DataFrame:
    rows = failed_calls.filter(pl.col("status") == 480, ~pl.col("of_user"), ~pl.col("rang"))
    rows = rows.filter(pl.col("failure_cause").is_null())
    return rows.select("call", "message", "node", "status")


ABSENT = Rule(
    id="R103",
    code="subscriber_absent",
    severity="info",
    standard="RFC 3261 §21.4.18",
    find=_absent,
    of="calls_that_failed",
    confidence=0.6,
    texts={
        "en": Text(
            title="The called subscriber was not available",
            explanation="480 without ringing: switched off, out of coverage, not registered, or a service said no. "
            "The capture does not show which.",
            causes=("the device is off or not registered", "a service (do not disturb) refuses calls"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer bindings CAPTURE",
            remedy="Look whether the callee was registered at that time.",
            observed="{node} answered {status}.",
        ),
        "zh": Text(
            title="被叫用户不可用",
            explanation="未振铃即返回 480：关机、无覆盖、未注册或业务拒绝。抓包中看不出是哪一种。",
            causes=("终端关机或未注册", "业务（免打扰）拒接"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer bindings CAPTURE",
            remedy="查看被叫当时是否已注册。",
            observed="{node} 返回 {status}。",
        ),
    },
)
