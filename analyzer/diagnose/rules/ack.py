"""2xx that no ACK reached, and why (R12, R39, R40, R59)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.rule import Rule, Text
from analyzer.language import SPOKEN

# RFC 1918, RFC 6598, RFC 3927: addresses that mean nothing to a node elsewhere.
_PRIVATE = r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|169\.254\.)"


def _unacknowledged(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The INVITE with the 2xx at the called side of each call that ended as ``no_ack``.

    A 2xx that was sent once proves nothing: who got no ACK sends it again after T1, over any transport (RFC 3261
    §13.3.1.4), so its ACK came and was not captured, or the capture ends before.
    """
    hurt = calls.filter(pl.col("outcome").is_in(["answered", "joined"]), pl.col("outcome_detail") == "no_ack")
    if hurt.is_empty():
        return hurt.select("call")
    invites = transactions.filter(
        pl.col("call").is_in(hurt["call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(200, 299),
    )
    # The furthest hop is asked last; the number of Vias begins anew at a B2BUA.
    last = invites.sort("started_at", "via_count", nulls_last=False, maintain_order=True)
    last = last.unique("call", keep="last", maintain_order=True)
    hurt = hurt.join(last.filter(pl.col("response_copies") > 1), on="call", how="semi", maintain_order="left")
    return hurt.select("call", "talk_s").join(last, on="call", maintain_order="left")


def _answers(rows: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """With the first 2xx of each of these INVITEs: ``answer``, ``contact``, and the address that sent it."""
    own = messages.filter(
        pl.col("transaction").is_in(rows["transaction"].implode()),
        pl.col("status").is_between(200, 299),
        ~pl.col("duplicate"),
    ).unique("transaction", keep="first", maintain_order=True)
    own = own.select(
        "transaction", answer="message", contact="contact_uri", answered_from="src_ip", whole="complete", leg="_leg",
        number="cseq",
    )  # fmt: skip
    return rows.join(own, on="transaction", how="left", maintain_order="left")


def _no_ack(calls: pl.DataFrame, transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    rows = _unacknowledged(calls, transactions)
    if rows.is_empty():
        return rows
    rows = _answers(rows, core_messages)
    rows = rows.join(_ack_seen_at(rows, transactions, core_messages), on="call", how="left", maintain_order="left")
    arrived = pl.col("ack_at") == socket_of("server")
    says = _WHERE[SPOKEN.get()]
    where = (
        pl.when(pl.col("ack_at").is_null())
        .then(pl.format(says["nobody"], "asked_first"))
        .when(arrived)
        .then(pl.lit(says["in_vain"]))
        .otherwise(pl.format(says["on_the_way"], "ack_at"))
    )
    return rows.select(
        "call", message="answer", message2="transaction", node=pl.coalesce("ack_at", "asked_first"),
        server=socket_of("server"), copies="response_copies", where=where,
    )  # fmt: skip


def _ack_seen_at(rows: pl.DataFrame, transactions: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Of each call ``asked_first``, the node that sent its first INVITE in the capture, and ``ack_at``, to which node
    the last ACK was seen to go."""
    invites = transactions.filter(
        pl.col("call").is_in(rows["call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(200, 299),
    )
    first = invites.sort("started_at", nulls_last=True, maintain_order=True)
    first = first.unique("call", keep="first", maintain_order=True).select("call", asked_first=socket_of("client"))
    legs = messages.filter(pl.col("message").is_in(invites["transaction"].implode()))
    legs = legs.select("_leg", "cseq", transaction="message").join(
        invites.select("transaction", "call"), on="transaction"
    )
    found = messages.lazy().filter(
        pl.col("method") == "ACK", pl.col("transaction").is_null(), pl.col("_leg").is_in(legs["_leg"].implode())
    ).select("_leg", "cseq", "time", at=pl.format("{}:{}", "dst_ip", "dst_port"))  # fmt: skip
    acks = found.collect().join(legs.unique(["_leg", "cseq"]), on=["_leg", "cseq"], maintain_order="left")
    # The first ACK to each node: copies of it follow copies of the 2xx.
    acks = acks.unique(["call", "at"], keep="first", maintain_order=True).sort("time", maintain_order=True)
    last = acks.unique("call", keep="last", maintain_order=True).select("call", ack_at="at")
    return first.join(last, on="call", how="left", maintain_order="left")


_WHERE = {
    "en": {
        "nobody": "No ACK was seen, and {} was to send it",
        "on_the_way": "The ACK was last seen on its way to {}",
        "in_vain": "An ACK was sent to it, and it went on all the same",
    },
    "zh": {
        "nobody": "没有看到 ACK，本应由 {} 发送",
        "on_the_way": "最后看到 ACK 时它正发往 {}",
        "in_vain": "有 ACK 发给它，它却照样继续",
    },
}

NO_ACK = Rule(
    id="R39",
    code="ack_missing",
    severity="error",
    standard="RFC 3261 §13.3.1.4",
    find=_no_ack,
    confidence=0.95,
    explains=("bye_failed", "retransmissions", "retransmission_storm", "call_dropped", "cleared_by_network"),
    texts={
        "en": Text(
            title="The answer was never acknowledged",
            explanation="The called side repeats its 200 OK until it gets an ACK and gives up after 64 T1 (32 s): "
            "calls that drop half a minute after the answer.",
            causes=(
                "Contact or Record-Route of the 200 leads the ACK elsewhere (a private address, a wrong port)",
                "a border element or NAT drops the ACK",
                "the caller did not take the 200 for its own",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look at Contact and Record-Route of the 200 and at the node where the ACK was last seen; correct "
            "the address that this node writes there.",
            observed="{server} sent the 200 to the INVITE {copies} time(s), as without an ACK. {where}.",
        ),
        "zh": Text(
            title="应答始终没有得到确认（ACK）",
            explanation="被叫侧重复发送 200 OK 直到收到 ACK，64 T1（32 秒）后放弃：通话在接通约半分钟后中断。",
            causes=(
                "200 中的 Contact 或 Record-Route 把 ACK 引向别处（私网地址、错误端口）",
                "边界网元或 NAT 丢弃了 ACK",
                "主叫没有把该 200 认作自己的应答",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查 200 中的 Contact 与 Record-Route，以及最后看到 ACK 的节点；改正该节点写入的地址。",
            observed="{server} 对 INVITE 的 200 发送了 {copies} 次，如同没有收到 ACK。{where}。",
        ),
    },
)


def _host(uri: str) -> pl.Expr:
    return pl.col(uri).str.extract(r"^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]+)")


def _port(uri: str) -> pl.Expr:
    return pl.col(uri).str.extract(r"^sips?:(?:[^@]*@)?(?:\[[^\]]*\]|[^:;?>]+):([0-9]+)").cast(pl.Int64)


def _private(calls: pl.DataFrame, transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """No ACK came, and the 2xx names a private address that is not the one it came from."""
    rows = _unacknowledged(calls, transactions)
    if rows.is_empty():
        return rows
    rows = _answers(rows, core_messages).with_columns(host=_host("contact"))
    rows = rows.filter(
        pl.col("host").str.contains(_PRIVATE),
        pl.col("host") != pl.col("answered_from"),
        ~pl.col("answered_from").str.contains(_PRIVATE),
    )
    return rows.select(
        "call", "host", message="answer", message2="transaction", node=socket_of("server"), real="answered_from"
    )


PRIVATE = Rule(
    id="R12",
    code="private_contact",
    severity="error",
    standard="RFC 3261 §12.1.1, §13.2.2.4; RFC 1918; RFC 5626",
    find=_private,
    explains=("ack_missing", "ack_misaddressed", "bye_failed", "retransmissions", "retransmission_storm"),
    texts={
        "en": Text(
            title="The answer names a private address, and the ACK cannot get there",
            explanation="The ACK goes to the Contact of the 200. Behind a NAT that is an address of the inside, which "
            "nobody outside can reach.",
            causes=(
                "the device behind the NAT does not know its public address",
                "no border element rewrites Contact, or no proxy fixes it (Path, ob, received)",
            ),
            confirm='sip-analyzer headers CAPTURE --name Contact --where "status = 200"',
            remedy="Have the edge rewrite Contact (SBC, fix_nated_contact) or the device use outbound or STUN.",
            observed="{node} answered from {real} with Contact {host}.",
        ),
        "zh": Text(
            title="应答中写的是私网地址，ACK 无法到达",
            explanation="ACK 发往 200 的 Contact。NAT 后面那是内部地址，外部无人能到达。",
            causes=(
                "NAT 后的终端不知道自己的公网地址",
                "没有边界网元改写 Contact，也没有代理修正（Path、ob、received）",
            ),
            confirm='sip-analyzer headers CAPTURE --name Contact --where "status = 200"',
            remedy="让边缘网元改写 Contact（SBC），或让终端使用 outbound 或 STUN。",
            observed="{node} 从 {real} 应答，Contact 为 {host}。",
        ),
    },
)


def _misaddressed(calls: pl.DataFrame, transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """An ACK of the caller is there, and its Request-URI is not the Contact of the 2xx on the same hop."""
    rows = _unacknowledged(calls, transactions)
    if rows.is_empty():
        return rows
    first = transactions.filter(
        pl.col("call").is_in(rows["call"].implode()),
        pl.col("method") == "INVITE",
        pl.col("status").is_between(200, 299),
    ).unique("call", keep="first", maintain_order=True)
    near = _answers(first, core_messages)
    acks = core_messages.filter(
        pl.col("_leg").is_in(near["leg"].drop_nulls().implode()),
        pl.col("method") == "ACK",
        pl.col("transaction").is_null(),
        ~pl.col("duplicate"),
    ).select(leg="_leg", number="cseq", ack="message", target="request_uri")
    rows = near.join(acks.unique(["leg", "number"], keep="first", maintain_order=True), on=["leg", "number"])
    other = (_host("target") != _host("contact")) | (
        _port("target").fill_null(5060) != _port("contact").fill_null(5060)
    )
    return rows.filter(other).select(
        "call", "contact", "target", message="ack", message2="answer", node=socket_of("client")
    )


MISADDRESSED = Rule(
    id="R40",
    code="ack_misaddressed",
    severity="error",
    standard="RFC 3261 §12.2.1.1, §13.2.2.4",
    find=_misaddressed,
    explains=("ack_missing", "bye_failed", "retransmissions", "retransmission_storm"),
    texts={
        "en": Text(
            title="The ACK was sent to another address than the answer asked for",
            explanation="The Request-URI of an ACK must be the Contact of the 2xx; addressed otherwise it does not "
            "arrive, and the called side gives up after 32 s.",
            causes=("the caller keeps the address it dialled (strict old behaviour)", "a border element rewrites it"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Correct the node that sends this ACK; no route set can mend a wrong Request-URI.",
            observed="The 200 has Contact {contact}; {node} sent the ACK to {target}.",
        ),
        "zh": Text(
            title="ACK 发往了应答所要求之外的地址",
            explanation="ACK 的 Request-URI 必须是 2xx 的 Contact；否则无法到达，被叫侧 32 秒后放弃。",
            causes=("主叫沿用所拨的地址", "边界网元改写了地址"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="修正发送该 ACK 的节点；路由集无法弥补错误的 Request-URI。",
            observed="200 的 Contact 是 {contact}；{node} 却把 ACK 发往 {target}。",
        ),
    },
)


def _no_contact(calls: pl.DataFrame, transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    rows = _unacknowledged(calls, transactions)
    if rows.is_empty():
        return rows
    rows = _answers(rows, core_messages).filter(pl.col("contact").is_null(), pl.col("whole"))
    return rows.select("call", message="answer", message2="transaction", node=socket_of("server"))


NO_CONTACT = Rule(
    id="R59",
    code="contact_missing",
    severity="error",
    standard="RFC 3261 §12.1.1",
    find=_no_contact,
    explains=("ack_missing", "ack_misaddressed", "bye_failed", "retransmissions", "retransmission_storm"),
    texts={
        "en": Text(
            title="The answer has no Contact, so its ACK has no address",
            explanation="A 2xx to INVITE must carry a Contact: ACK and BYE go there.",
            causes=("a fault of the answering device", "a node on the way strips the header"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Correct the device, or the node that strips Contact.",
            observed="The 200 of {node} has none.",
        ),
        "zh": Text(
            title="应答没有 Contact，ACK 无处可发",
            explanation="INVITE 的 2xx 必须带 Contact：ACK 和 BYE 发往该处。",
            causes=("应答设备的缺陷", "途中节点删除了该头域"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="修正该设备，或删除 Contact 的节点。",
            observed="{node} 的 200 没有 Contact。",
        ),
    },
)
