"""Requests within a dialog that failed (R43, R44, R46, R47, R48, R49, R70, R74, R100)."""

from __future__ import annotations

import polars as pl

from analyzer.columns.address import socket_of
from analyzer.diagnose.evidence import OF_USERS, with_finals
from analyzer.diagnose.rule import Rule, Text

_CHALLENGES = [401, 407]
_COPIES = 4  # of a reliable provisional response: no PRACK reached its sender


def _bye(transactions: pl.DataFrame, core_messages: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Calls that somebody wanted to end and no BYE was accepted: refused, or sent again and again without a word."""
    byes = transactions.lazy().filter(pl.col("method") == "BYE", pl.col("call").is_not_null()).collect()
    fine = byes.filter(pl.col("status").is_between(200, 299))["call"]
    silent = pl.col("status").is_null() & (pl.col("outcome") == "timeout") & (pl.col("request_copies") > 1)
    refused = (pl.col("status") >= 400) & ~pl.col("status").is_in(_CHALLENGES)
    rows = byes.filter(~pl.col("call").is_in(fine.implode()), refused | silent)
    # BYE on an early dialog, or one that crosses the failure of its call, ends nothing that lives.
    lived = calls.filter(pl.col("outcome").is_in(["answered", "joined"]))["call"]
    rows = rows.filter(pl.col("call").is_in(lived.implode())).unique("call", keep="last", maintain_order=True)
    rows = with_finals(rows, core_messages)
    answer = pl.coalesce(pl.col("status").cast(pl.String), pl.lit("nothing"))
    return rows.select("call", "message", "message2", node=socket_of("server"), answer=answer)


BYE = Rule(
    id="R43",
    code="bye_failed",
    severity="error",
    standard="RFC 3261 §15.1.1, §12.2.1.2",
    find=_bye,
    absence=True,
    seen=frozenset({"BYE"}),
    texts={
        "en": Text(
            title="The BYE did not end the call at the other side",
            explanation="The other side refused the BYE or never answered it: it may go on sending media and charging.",
            causes=(
                "the other side has lost the dialog (restart, failover, already ended)",
                "the BYE went to the wrong node (Contact, Record-Route)",
                "tags of the BYE do not fit",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare Request-URI, Route and tags of the BYE with Contact, Record-Route and tags of the 200.",
            observed="{node} answered {answer} to the BYE.",
        ),
        "zh": Text(
            title="BYE 没有在对端结束通话",
            explanation="对端拒绝或从未应答 BYE：它可能继续发送媒体并继续计费。",
            causes=(
                "对端已丢失该会话（重启、切换、已结束）",
                "BYE 去了错误的节点（Contact、Record-Route）",
                "BYE 的 tag 不匹配",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把 BYE 的 Request-URI、Route、tag 与 200 的 Contact、Record-Route、tag 对比。",
            observed="{node} 对 BYE 返回 {answer}。",
        ),
    },
)


def _prack(core_messages: pl.DataFrame, transactions: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Reliable provisional responses that go on being sent, three times or more: no PRACK reached their sender."""
    reliable = core_messages.lazy().filter(
        pl.col("rseq").is_not_null(), pl.col("status").is_between(101, 199), ~pl.col("duplicate")
    )
    again = (
        reliable.filter(pl.len().over("transaction") >= _COPIES)
        .group_by("transaction", "_dialog", "rseq", maintain_order=True)
        .agg(
            copies=pl.len(), message=pl.col("message").first(), message2=pl.col("message").last(),
            status=pl.col("status").first(), leg=pl.col("_leg").first(), until=pl.col("time").last(),
        )
        .filter(pl.col("copies") >= _COPIES)
        .collect()
    )  # fmt: skip
    if again.is_empty():
        return again.select(call="transaction")
    pracks = core_messages.filter(
        pl.col("method") == "PRACK", pl.col("status").is_null(), pl.col("_dialog").is_in(again["_dialog"].implode())
    ).select("_dialog", rseq=pl.col("rack").str.extract(r"^\s*(\d+)").cast(pl.Int64), sent=pl.lit("yes"))
    again = again.join(pracks.unique(["_dialog", "rseq"]), on=["_dialog", "rseq"], how="left", maintain_order="left")
    of = transactions.select("transaction", "call", "started_at", "via_count", "server_ip", "server_port")
    rows = again.join(of, on="transaction").sort("started_at", "via_count", nulls_last=False, maintain_order=True)
    rows = rows.filter(pl.col("call").is_not_null()).unique("call", keep="last", maintain_order=True)
    answered = calls.select("call", fine=pl.col("outcome") == "answered")
    rows = rows.join(answered, on="call", how="left", maintain_order="left")
    return rows.select(
        "call", "message", "message2", "copies", "status", node=socket_of("server"),
        seen=pl.when(pl.col("sent").is_null()).then(pl.lit("no PRACK was sent")).otherwise(
            pl.lit("the PRACK that was sent did not reach it")
        ),
        severity=pl.when(pl.col("fine")).then(pl.lit("warning")).otherwise(pl.lit("error")),
    )  # fmt: skip


PRACK = Rule(
    id="R44",
    code="prack_missing",
    severity="error",
    standard="RFC 3262 §3, §4",
    find=_prack,
    seen=frozenset({180, 183, 181, 182, 199}),
    explains=(
        *("precondition_stall", "server_error", "request_timeout", "no_final_response", "retransmissions"),
        *("retransmission_storm", "overload"),
    ),
    texts={
        "en": Text(
            title="A reliable provisional response was not acknowledged (PRACK)",
            explanation="The called side repeats its 18x and must refuse the call with 5xx when no PRACK comes for "
            "64 T1; preconditions cannot go on either.",
            causes=(
                "the caller or a border element does not support 100rel",
                "a node strips Require or RSeq on the way back",
                "the PRACK takes a wrong route (Record-Route, Contact of the 18x)",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Follow RSeq hop by hop to the caller, and the PRACK back.",
            observed="{node} sent the {status} {copies} times: {seen}.",
        ),
        "zh": Text(
            title="可靠临时响应没有得到确认（PRACK）",
            explanation="被叫侧重复发送 18x，64 T1 内没有 PRACK 时必须以 5xx 拒绝呼叫；前提条件也无法继续。",
            causes=(
                "主叫或边界网元不支持 100rel",
                "返回途中某节点删除了 Require 或 RSeq",
                "PRACK 路由错误（18x 的 Record-Route、Contact）",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="逐跳跟踪 RSeq 到主叫，再跟踪返回的 PRACK。",
            observed="{node} 发送了 {copies} 次 {status}：{seen}。",
        ),
    },
)


def _rack(transactions: pl.DataFrame, core_messages: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """PRACKs refused while their INVITE waited for its final response: afterwards none is due any more (§3)."""
    rows = transactions.filter(
        pl.col("method") == "PRACK",
        pl.col("status") >= 400,
        ~pl.col("status").is_in(_CHALLENGES),
        pl.col("call").is_not_null(),
    )
    if rows.is_empty():
        return rows.select("call")
    hop = ["call", "client_ip", "server_ip"]
    invites = transactions.filter(pl.col("method") == "INVITE", pl.col("started_at").is_not_null())
    invites = invites.select(*hop, "started_at", over=pl.col("final_at")).sort("started_at", maintain_order=True)
    rows = rows.drop_nulls("started_at").sort("started_at", maintain_order=True)
    rows = rows.join_asof(invites, on="started_at", by=hop, check_sortedness=False)
    rows = rows.filter(pl.col("over").is_null() | (pl.col("over") > pl.col("final_at")))
    rows = with_finals(rows.unique("call", keep="last", maintain_order=True), core_messages)
    failed = calls.filter(~pl.col("outcome").is_in(["answered", "joined", *OF_USERS]))["call"]
    hurt = pl.col("call").is_in(failed.implode())
    return rows.select(
        "call", "message", "message2", "status", node=socket_of("server"),
        severity=pl.when(hurt).then(pl.lit("error")).otherwise(pl.lit("warning")),
    )  # fmt: skip


RACK = Rule(
    id="R46",
    code="prack_refused",
    severity="warning",
    standard="RFC 3262 §3",
    find=_rack,
    seen=frozenset({"PRACK"}),
    explains=("prack_missing", "server_error", "request_timeout", "request_refused", "precondition_stall"),
    texts={
        "en": Text(
            title="A PRACK was refused",
            explanation="The PRACK matches no reliable response that is waiting (481), or could not be accepted.",
            causes=(
                "RSeq or RAck changed on the way (B2BUA)",
                "reliable responses were sent out of order",
            ),
            confirm="sip-analyzer headers CAPTURE --name RSeq --name RAck",
            remedy="Compare RAck with RSeq and CSeq of the response on the same hop.",
            observed="{node} answered {status}.",
        ),
        "zh": Text(
            title="PRACK 被拒绝",
            explanation="PRACK 与等待确认的可靠响应不匹配（481），或无法接受。",
            causes=("RSeq 或 RAck 在途中被改动（B2BUA）", "可靠响应乱序发送"),
            confirm="sip-analyzer headers CAPTURE --name RSeq --name RAck",
            remedy="在同一跳上把 RAck 与响应的 RSeq、CSeq 对比。",
            observed="{node} 返回 {status}。",
        ),
    },
)


def _disorder(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """In-dialog requests refused with 500 whose CSeq number is not above that of the sender's request before."""
    rows = transactions.filter(
        pl.col("status") == 500, pl.col("call").is_not_null(), ~pl.col("method").is_in(["ACK", "CANCEL"])
    )
    if rows.is_empty():
        return rows.select("call")
    asked = core_messages.filter(
        pl.col("message").is_in(rows["transaction"].implode()), pl.col("to_tag").is_not_null()
    ).select("_dialog", "from_tag", "cseq", "time", "dst_ip", transaction="message")
    before = core_messages.filter(
        pl.col("_dialog").is_in(asked["_dialog"].implode()), pl.col("status").is_null(),
        ~pl.col("method").is_in(["ACK", "CANCEL"]), ~pl.col("retransmission"), ~pl.col("duplicate"),
    ).select("_dialog", "from_tag", "dst_ip", earlier="cseq", at="time")  # fmt: skip
    late = asked.join(before, on=["_dialog", "from_tag", "dst_ip"]).filter(
        pl.col("at") < pl.col("time"), pl.col("earlier") >= pl.col("cseq")
    )
    late = late.group_by("transaction").agg(pl.col("cseq").first(), pl.col("earlier").max())
    # Every hop of the request shows it; the first is that of its sender.
    rows = rows.join(late, on="transaction", suffix="_own", maintain_order="left")
    rows = rows.sort("started_at", nulls_last=True, maintain_order=True)
    rows = with_finals(rows.unique("call", keep="first", maintain_order=True), core_messages)
    return rows.select("call", "message", "message2", "method", "cseq", "earlier", node=socket_of("client"))


DISORDER = Rule(
    id="R47",
    code="cseq_disorder",
    severity="warning",
    standard="RFC 3261 §12.2.2",
    find=_disorder,
    seen=frozenset({500}),
    explains=("server_error",),
    texts={
        "en": Text(
            title="CSeq numbers go backwards within the dialog",
            explanation="A request with a CSeq number not above the last must be refused with 500.",
            causes=("two nodes send for one side (failover, B2BUA)", "requests overtook each other on the way"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Look which node numbers the requests of this side.",
            observed="{node} sent {method} with CSeq {cseq} after {earlier}.",
        ),
        "zh": Text(
            title="会话内的 CSeq 倒退",
            explanation="CSeq 不大于上一个的请求必须以 500 拒绝。",
            causes=("两个节点代表同一侧发送（切换、B2BUA）", "请求在途中超越"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="查看由哪个节点为这一侧的请求编号。",
            observed="{node} 在 {earlier} 之后发送了 CSeq 为 {cseq} 的 {method}。",
        ),
    },
)


def _glare(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    rows = transactions.filter(pl.col("status") == 491, pl.col("call").is_not_null())
    # Legs of one call have other CSeq numbers.
    hops = rows.group_by("call", "client_ip", "server_ip").agg(times=pl.col("cseq").n_unique())
    times = hops.group_by("call").agg(pl.col("times").max())
    rows = with_finals(rows.unique("call", keep="first", maintain_order=True), core_messages)
    rows = rows.join(times, on="call", maintain_order="left")
    return rows.select(
        "call", "message", "message2", "method", "times", node=socket_of("server"), cause=pl.lit(""),
        severity=pl.when(pl.col("times") >= 3).then(pl.lit("warning")).otherwise(pl.lit("info")),
    )  # fmt: skip


GLARE = Rule(
    id="R48",
    code="glare",
    severity="info",
    standard="RFC 3261 §14.1, §14.2; RFC 3311 §5.2",
    find=_glare,
    seen=frozenset({491}),
    texts={
        "en": Text(
            title="Both sides wanted to change the session at once (491)",
            explanation="Harmless where each side waits its own random time and tries again; three times in a call "
            "means that they do not.",
            causes=("both ends renegotiate after the answer (codec, hold, T.38)", "the retry timers are equal"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Check the waiting times of RFC 3261 §14.1: 2.1-4 s for the owner of the Call-ID, 0-2 s else.",
            observed="{method} met 491 {times} time(s).",
        ),
        "zh": Text(
            title="双方同时要修改会话（491）",
            explanation="若双方各自等待随机时间后重试则无害；一次通话中出现三次说明没有这样做。",
            causes=("应答后双方同时重协商（编解码、保持、T.38）", "重试定时器相同"),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="检查 RFC 3261 §14.1 的等待时间：Call-ID 所有者 2.1-4 秒，另一方 0-2 秒。",
            observed="{method} 遇到 491 共 {times} 次。",
        ),
    },
)


def _gone(transactions: pl.DataFrame, core_messages: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """In-dialog requests of a call that lives, refused with 481."""
    rows = transactions.filter(
        pl.col("status") == 481,
        pl.col("call").is_not_null(),
        ~pl.col("method").is_in(["BYE", "PRACK", "CANCEL", "NOTIFY", "SUBSCRIBE"]),
    )
    if rows.is_empty():
        return rows.select("call")
    own = calls.filter(pl.col("outcome").is_in(["answered", "joined"])).select("call", "ended_at", "outcome_detail")
    rows = rows.join(own, on="call", maintain_order="left")
    before = pl.col("ended_at").is_null() | (pl.col("started_at") < pl.col("ended_at"))
    rows = rows.filter(before, pl.col("started_at").is_not_null()).unique("call", keep="first", maintain_order=True)
    rows = with_finals(rows, core_messages)
    dropped = pl.col("outcome_detail").is_in(["dropped", "expired", "timer_expiry"]).fill_null(value=False)
    return rows.select(
        "call", "message", "message2", "method", node=socket_of("server"),
        severity=pl.when(dropped).then(pl.lit("error")).otherwise(pl.lit("warning")),
    )  # fmt: skip


GONE = Rule(
    id="R49",
    code="dialog_unknown",
    severity="error",
    standard="RFC 3261 §12.2.2; RFC 5057 §5.1",
    find=_gone,
    seen=frozenset({481}),
    explains=("call_dropped", "cleared_by_network", "bye_failed", "session_timer_expired"),
    texts={
        "en": Text(
            title="One side no longer knows the call (481)",
            explanation="A request within the dialog was refused as unknown. If the node lost the session, the "
            "call is over there; if the call went on, only this request was taken for another dialog's.",
            causes=(
                "the node was restarted or failed over without its sessions",
                "tags or Call-ID were changed by a B2BUA",
                "the dialog had ended there before, unnoticed by the other side",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="Compare the tags of the request with those of the 200; look for a restart of this node.",
            observed="{node} answered 481 to {method}.",
        ),
        "zh": Text(
            title="一侧已不认识该通话（481）",
            explanation="会话内的请求被当作未知而拒绝。若该节点丢失了会话，通话在那里已结束；若通话仍在继续，则只是该请求被当作别的会话。",
            causes=(
                "该节点重启或切换时没有带上会话",
                "B2BUA 改动了 tag 或 Call-ID",
                "会话早已在那里结束，而另一侧不知道",
            ),
            confirm="sip-analyzer call {no} CAPTURE",
            remedy="把请求的 tag 与 200 的对比；查找该节点的重启。",
            observed="{node} 对 {method} 返回 481。",
        ),
    },
)


def _info(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    rows = transactions.filter(
        pl.col("method") == "INFO", pl.col("status").is_in([405, 415, 469, 501]), pl.col("call").is_not_null()
    )
    rows = with_finals(rows.unique("call", keep="first", maintain_order=True), core_messages)
    return rows.select("call", "message", "message2", "status", node=socket_of("server"))


INFO = Rule(
    id="R70",
    code="info_refused",
    severity="warning",
    standard="RFC 6086 §4.2.2",
    find=_info,
    seen=frozenset({"INFO"}),
    texts={
        "en": Text(
            title="INFO was refused: keys pressed in the call may get lost",
            explanation="INFO carries DTMF or other events of the call; the receiver does not take this kind.",
            causes=("the receiver expects DTMF in RTP (telephone-event)", "its Recv-Info lacks this package"),
            confirm="sip-analyzer headers CAPTURE --name Content-Type --name Info-Package --name Recv-Info",
            remedy="Agree on one way of DTMF: telephone-event in SDP, or INFO with a package both support.",
            observed="{node} answered {status} to INFO.",
        ),
        "zh": Text(
            title="INFO 被拒绝：通话中的按键可能丢失",
            explanation="INFO 携带 DTMF 或其他通话事件；接收方不接受这种类型。",
            causes=("接收方期望 RTP 中的 DTMF(telephone-event)", "其 Recv-Info 缺少该包"),
            confirm="sip-analyzer headers CAPTURE --name Content-Type --name Info-Package --name Recv-Info",
            remedy="统一 DTMF 方式：SDP 中的 telephone-event，或双方都支持的 INFO 包。",
            observed="{node} 对 INFO 返回 {status}。",
        ),
    },
)


def _interval(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    rows = transactions.filter(pl.col("status") == 422, pl.col("call").is_not_null())
    times = rows.group_by("call", "client_ip", "server_ip").agg(times=pl.len()).group_by("call").agg(
        pl.col("times").max()
    )  # fmt: skip
    rows = rows.unique("call", keep="last", maintain_order=True).join(times, on="call", maintain_order="left")
    rows = with_finals(rows.filter(pl.col("times") >= 3), core_messages)
    return rows.select("call", "message", "message2", "times", node=socket_of("server"))


INTERVAL = Rule(
    id="R74",
    code="session_interval_loop",
    severity="error",
    standard="RFC 4028 §7.3, §8.1",
    find=_interval,
    seen=frozenset({422}),
    explains=("request_refused",),
    texts={
        "en": Text(
            title="Session-Expires is refused again and again (422)",
            explanation="The caller should have taken Min-SE from the 422; it asks for the same or too little again.",
            causes=("Min-SE of two nodes contradicts the caller's limit", "the caller ignores Min-SE"),
            confirm="sip-analyzer headers CAPTURE --name Session-Expires --name Min-SE",
            remedy="Raise Session-Expires of the caller above the largest Min-SE on the way.",
            observed="{node} answered 422 {times} times.",
        ),
        "zh": Text(
            title="Session-Expires 一再被拒绝（422）",
            explanation="主叫本应采用 422 中的 Min-SE；它却一再请求相同或过小的值。",
            causes=("两个节点的 Min-SE 与主叫上限矛盾", "主叫忽略 Min-SE"),
            confirm="sip-analyzer headers CAPTURE --name Session-Expires --name Min-SE",
            remedy="把主叫的 Session-Expires 提高到途中最大 Min-SE 之上。",
            observed="{node} 返回 422 共 {times} 次。",
        ),
    },
)


def _cancel(transactions: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    """CANCELs answered with 481 while the INVITE that they mean had no final response on the same hop."""
    rows = transactions.filter(
        pl.col("method") == "CANCEL",
        pl.col("status") == 481,
        pl.col("call").is_not_null(),
        pl.col("started_at").is_not_null(),
    )
    if rows.is_empty():
        return rows.select("call")
    invites = transactions.filter(pl.col("call").is_in(rows["call"].implode()), pl.col("method") == "INVITE")
    invites = invites.select("call", "client_ip", "server_ip", "cseq", invited=pl.col("final_at"))
    rows = rows.join(invites, on=["call", "client_ip", "server_ip", "cseq"], maintain_order="left")
    rows = rows.filter(pl.col("invited").is_null() | (pl.col("invited") > pl.col("final_at")))
    rows = with_finals(rows.unique("call", keep="first", maintain_order=True), core_messages)
    return rows.select("call", "message", "message2", node=socket_of("server"), client=socket_of("client"))


CANCEL = Rule(
    id="R100",
    code="cancel_unmatched",
    severity="warning",
    standard="RFC 3261 §9.1, §9.2",
    find=_cancel,
    seen=frozenset({"CANCEL"}),
    texts={
        "en": Text(
            title="A CANCEL matched no INVITE: the phone goes on ringing",
            explanation="The CANCEL must have the Request-URI, Call-ID, CSeq number and branch of the INVITE; the "
            "receiver found none like that.",
            causes=("the sender gave the CANCEL another branch or CSeq", "the CANCEL took another way than the INVITE"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer problems CAPTURE",
            remedy="Correct the node that makes this CANCEL.",
            observed="{node} answered 481 to the CANCEL of {client}.",
        ),
        "zh": Text(
            title="CANCEL 没有匹配任何 INVITE：电话继续振铃",
            explanation="CANCEL 必须与 INVITE 的 Request-URI、Call-ID、CSeq 和 branch 一致；"
            "接收方没有找到这样的 INVITE。",
            causes=("发送方给 CANCEL 用了别的 branch 或 CSeq", "CANCEL 与 INVITE 走了不同的路"),
            confirm="sip-analyzer call {no} CAPTURE; sip-analyzer problems CAPTURE",
            remedy="修正产生该 CANCEL 的节点。",
            observed="{node} 对 {client} 的 CANCEL 返回 481。",
        ),
    },
)
