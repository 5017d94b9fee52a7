"""Messages that break the grammar so that peers may not understand them (R08, R09), and times that cannot be (R93).

The table ``problems`` judges messages; a finding names its codes where they can hurt, not those that peers forgive."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import polars as pl

from analyzer.diagnose.rule import Rule, Text
from analyzer.language import SPOKEN
from analyzer.schema.column import words

_GRAMMAR = words(
    "sip_start_line_malformed sip_request_uri_malformed sip_status_invalid sip_cseq_invalid sip_cseq_method_mismatch "
    "sip_via_malformed sip_header_line_malformed sip_nul sip_via_changed sip_dialog_tag_wrong sip_to_tag_missing "
    "sip_cancel_branch_differs sip_cancel_differs sdp_unreadable sip_multipart_malformed"
)
_LENGTH = words("sip_content_length_exceeds_datagram sip_content_length_invalid sip_content_length_conflict")


@cache
def _sentences(language: str) -> dict[str, str]:
    """What each code of ``problems`` means, from the files of the explanations."""
    texts = files("analyzer") / "explain"
    if language == "en":
        return dict(tomllib.loads((texts / "problems_en.toml").read_text(encoding="utf-8")))
    others = tomllib.loads((texts / "problems.toml").read_text(encoding="utf-8"))
    return _sentences("en") | {code: row[language] for code, row in others.items() if language in row}


def _what() -> pl.Expr:
    """The code in plain words, in the language that is spoken."""
    return pl.col("code").cast(pl.String).replace(_sentences(SPOKEN.get()))


def _of_codes(problems: pl.DataFrame, core_messages: pl.DataFrame, codes: tuple[str, ...]) -> pl.DataFrame:
    rows = problems.filter(pl.col("code").is_in(codes), pl.col("frame").is_not_null()).select("code", "file", "frame")
    if rows.is_empty():
        return rows.select(call=pl.lit(None, pl.Int64).filter(pl.lit(False)))
    rows = rows.unique(maintain_order=True)
    sent = core_messages.filter(
        pl.col("frame").is_in(rows["frame"].implode()), "complete", ~pl.col("duplicate")
    ).select("file", "frame", "message", node=pl.format("{}:{}", "src_ip", pl.col("src_port").fill_null(0)))
    rows = rows.join(sent.unique(["file", "frame"], keep="first", maintain_order=True), on=["file", "frame"])
    return rows.select(pl.lit(None, pl.Int64).alias("call"), "message", "node", "code", what=_what(), cause="code")


def _grammar(problems: pl.DataFrame, core_messages: pl.DataFrame) -> pl.DataFrame:
    return _of_codes(problems, core_messages, _GRAMMAR)


GRAMMAR = Rule(
    id="R08",
    code="message_malformed",
    severity="info",
    standard="RFC 3261 §7, §25.1; RFC 4475",
    find=_grammar,
    of_all=True,
    columns=("file", "frame", "byte_offset"),
    texts={
        "en": Text(
            title="Messages break the grammar or the dialog rules of SIP",
            explanation="They were read all the same; a stricter peer may discard or refuse them.",
            causes=("a fault of the device that sent them", "a node on the way rewrites them", "a scanner"),
            confirm="sip-analyzer problems CAPTURE --where \"code = '{code}'\"",
            remedy="Report it to the maker of the node, with the frames.",
            observed="{cases} messages: {what}",
        ),
        "zh": Text(
            title="消息违反 SIP 语法或会话规则",
            explanation="这里仍然读出了它们；更严格的对端可能丢弃或拒绝。",
            causes=("发送设备的缺陷", "途中节点改写了消息", "扫描器"),
            confirm="sip-analyzer problems CAPTURE --where \"code = '{code}'\"",
            remedy="把帧号连同情况报告给该节点的厂商。",
            observed="{cases} 条消息：{what}",
        ),
    },
)


def _length(
    problems: pl.DataFrame, core_messages: pl.DataFrame, core_files: pl.DataFrame, transactions: pl.DataFrame
) -> pl.DataFrame:
    # A message that the capture cut looks the same.
    if int(core_files["sliced"].sum() or 0):
        problems = problems.clear()
    rows = problems.filter(pl.col("code").is_in(_LENGTH)).select("code", "file", "frame")
    if rows.is_empty():
        return rows.select(call=pl.lit(None, pl.Int64).filter(pl.lit(False)))
    sent = core_messages.filter(pl.col("frame").is_in(rows["frame"].implode()), ~pl.col("duplicate")).select(
        "file", "frame", "message", node=pl.format("{}:{}", "src_ip", pl.col("src_port").fill_null(0))
    )
    rows = rows.join(sent.unique(["file", "frame"], keep="first", maintain_order=True), on=["file", "frame"])
    calls = transactions.select("transaction", "call", "status")
    own = core_messages.filter(pl.col("message").is_in(rows["message"].implode())).select("message", "transaction")
    own = own.join(calls, on="transaction", how="left")
    rows = rows.join(own, on="message", how="left", maintain_order="left")
    refused = pl.when(pl.col("status") == 400).then(pl.lit("error")).otherwise(pl.lit("warning"))
    return rows.select("call", "message", "node", "code", what=_what(), severity=refused)


LENGTH = Rule(
    id="R09",
    code="content_length_wrong",
    severity="warning",
    standard="RFC 3261 §18.3, §20.14",
    find=_length,
    of_all=True,
    explains=("request_refused",),
    columns=("file", "frame", "byte_offset"),
    texts={
        "en": Text(
            title="Content-Length does not fit the body",
            explanation="A body shorter than stated must be refused with 400; over TCP the next message is misread.",
            causes=("a NAT (ALG) rewrites addresses in SDP and leaves the length", "characters counted, not bytes"),
            confirm="sip-analyzer problems CAPTURE --where \"code = '{code}'\"",
            remedy="Switch the SIP ALG off, or correct the node.",
            observed="{node}, {cases} time(s): {what}",
        ),
        "zh": Text(
            title="Content-Length 与消息体不符",
            explanation="消息体短于声明必须以 400 拒绝；在 TCP 上会误读下一条消息。",
            causes=("NAT（ALG）改写 SDP 中的地址却没有改长度", "按字符而不是按字节计数"),
            confirm="sip-analyzer problems CAPTURE --where \"code = '{code}'\"",
            remedy="关闭 SIP ALG，或修正该节点。",
            observed="{node}，{cases} 次：{what}",
        ),
    },
)


def _clocks(transactions: pl.DataFrame) -> pl.DataFrame:
    rows = transactions.filter(pl.min_horizontal("first_provisional_at", "final_at") < pl.col("started_at"))
    early = (pl.col("started_at") - pl.min_horizontal("first_provisional_at", "final_at")).dt.total_microseconds()
    return rows.select("call", message="transaction", early=(early / 1e6).round(3), cause=pl.lit(""))


CLOCKS = Rule(
    id="R93",
    code="response_before_request",
    severity="info",
    standard="RFC 5905 §8",
    find=_clocks,
    texts={
        "en": Text(
            title="Responses were stamped before their requests",
            explanation="Clocks of the capture points differ, or a clock was set: delays between them mean nothing.",
            causes=("taps without a common clock", "a clock step during the capture", "files merged by arrival"),
            confirm="sip-analyzer clocks CAPTURE",
            remedy="Read again with --align-clocks, or synchronise the taps.",
            observed="{cases} transactions, the first by {early} s.",
        ),
        "zh": Text(
            title="响应的时间戳早于其请求",
            explanation="抓包点的时钟不同，或时钟被调整：它们之间的时延没有意义。",
            causes=("各抓包点没有共同时钟", "抓包期间时钟跳变", "文件按到达顺序合并"),
            confirm="sip-analyzer clocks CAPTURE",
            remedy="用 --align-clocks 重新读取，或同步各抓包点。",
            observed="{cases} 个事务，第一个早 {early} 秒。",
        ),
    },
)
