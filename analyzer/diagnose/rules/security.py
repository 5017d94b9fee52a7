"""Attacks (R95-R99): thresholds are per source address, and need a pattern that no customer makes."""

from __future__ import annotations

import polars as pl

from analyzer.diagnose.evidence import with_attempts
from analyzer.diagnose.rule import Rule, Text

_TOOLS = r"(?i)friendly-scanner|sipvicious|sundayddr|sipcli|sip-scan|vaxsipuseragent|pplsip|^iwar"
_MANY_USERS = 20
_MANY_TRIES = 10
_MANY_PREFIXES = 5
_WITHIN_S = 600
_REFUSED = [401, 403, 407]
_CONSEQUENCES_OF_GUESSES = (
    *("authentication_loop", "credentials_rejected", "registration_storm", "challenge_not_answered", "forbidden"),
    *("challenge_unanswered", "request_refused", "nonce_stale"),
)


def _no_call() -> pl.Expr:
    return pl.lit(None, pl.Int64).alias("call")


def _scanner(core_messages: pl.DataFrame) -> pl.DataFrame:
    agents = core_messages["user_agent"].unique().drop_nulls()
    tools = agents.filter(agents.str.contains(_TOOLS))
    if tools.is_empty():
        return core_messages.select(call="message").clear()
    rows = core_messages.filter(
        pl.col("user_agent").is_in(tools.implode()), pl.col("status").is_null(), ~pl.col("duplicate")
    )
    rows = rows.group_by("src_ip", maintain_order=True).agg(
        pl.col("message").first(), pl.col("user_agent").first(), requests=pl.len(), to=pl.col("dst_ip").n_unique()
    )
    return rows.select(_no_call(), "message", "requests", "to", node="src_ip", agent="user_agent")


SCANNER = Rule(
    id="R95",
    code="scanner",
    severity="warning",
    standard="RFC 3261 §26.1.5",
    find=_scanner,
    of_all=True,
    looks_at={"core_messages": ("message", "user_agent", "status", "duplicate", "src_ip", "dst_ip")},
    only=lambda: pl.col("user_agent").str.contains(_TOOLS),
    columns=("user_agent",),
    texts={
        "en": Text(
            title="A scanner asks for SIP servers and extensions",
            explanation="It names itself by its User-Agent. Scans are constant on the Internet; what matters is "
            "whether it was answered.",
            causes=("the server is reachable from the Internet",),
            confirm="sip-analyzer messages CAPTURE --ip {node}",
            remedy="Drop this source at the firewall; answer unknown users and wrong passwords alike.",
            observed="{node} sent {requests} requests to {to} address(es).",
        ),
        "zh": Text(
            title="扫描器在探测 SIP 服务器和分机",
            explanation="它以 User-Agent 自报其名。互联网上的扫描从不间断；重要的是它是否得到应答。",
            causes=("服务器可从互联网访问",),
            confirm="sip-analyzer messages CAPTURE --ip {node}",
            remedy="在防火墙丢弃该来源；对未知用户和错误密码给出相同应答。",
            observed="{node} 向 {to} 个地址发送了 {requests} 个请求。",
        ),
    },
)


def _tries(core_messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Requests with credentials, each with its final status: ``src_ip user message status time``. Those that a proxy
    sent on are its client's; so only requests with one Via count."""
    asked = core_messages.lazy().filter(
        pl.col("status").is_null(), pl.col("credentials"), pl.col("method").is_in(["REGISTER", "INVITE"]),
        ~pl.col("retransmission"), ~pl.col("duplicate"), pl.col("via_count") == 1, pl.col("private_id").is_not_null(),
    ).select("src_ip", "message", "time", "transaction", "_nonce", user="private_id")  # fmt: skip
    ends = transactions.select("transaction", "status")
    return asked.collect().join(ends, on="transaction", how="left", maintain_order="left")


def _has_credentials(messages: pl.DataFrame, refused: pl.Series) -> bool:
    """Whether so many requests with credentials were refused at all."""
    rows = messages.filter(pl.col("message").is_in(refused.implode()), "credentials")
    return rows.height >= _MANY_TRIES


def _guessed(
    core_messages: pl.DataFrame, transactions: pl.DataFrame, registrations: pl.DataFrame, *, entered: bool
) -> pl.DataFrame:
    """Users for whom one source was refused so often within so short a time; ``entered``: and then was let in.

    A row for each registration and call that was refused, so that the finding explains what else is said of them.
    """
    asked = transactions.filter(
        pl.col("method").is_in(["REGISTER", "INVITE"]), pl.col("status").is_in(_REFUSED), pl.col("via_count") == 1
    )
    if not _has_credentials(core_messages, asked["transaction"]):
        return asked.clear()
    tries = _tries(core_messages, transactions).sort("time", nulls_last=True, maintain_order=True)
    wrong, who = pl.col("status").is_in(_REFUSED), ["src_ip", "user"]
    refused = tries.filter(wrong).with_columns(
        soon=pl.col("time") - pl.col("time").shift(_MANY_TRIES - 1).over(who) <= pl.duration(seconds=_WITHIN_S)
    )
    users = refused.group_by(who, maintain_order=True).agg(
        pl.col("soon").any(), tries=pl.len(), last_wrong=pl.col("time").max()
    )
    right = tries.filter(pl.col("status").is_between(200, 299)).select(*who, let_in="message", at="time")
    users = users.filter("soon").join(right, on=who, how="left", maintain_order="left")
    after = pl.col("at").is_between("last_wrong", pl.col("last_wrong") + pl.duration(seconds=_WITHIN_S))
    users = users.with_columns(message2=pl.when(after).then("let_in"))
    users = users.sort("message2", nulls_last=True, maintain_order=True).unique(who, keep="first", maintain_order=True)
    users = users.filter(pl.col("message2").is_not_null() if entered else pl.col("message2").is_null())
    rows = refused.join(users.select(*who, "tries", "message2"), on=who, maintain_order="left")
    calls = transactions.select("transaction", "call")
    rows = rows.join(calls, on="transaction", how="left", maintain_order="left")
    ids = core_messages.filter(pl.col("message").is_in(rows["message"].implode())).select("message", "call_id")
    rows = with_attempts(rows.join(ids, on="message", how="left", maintain_order="left"), registrations)
    rows = rows.unique([*who, "call", "case"], keep="first", maintain_order=True)
    return rows.select("call", "case", "message", "message2", "user", "tries", node="src_ip", cause="src_ip")


def _brute_force(core_messages: pl.DataFrame, transactions: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    return _guessed(core_messages, transactions, registrations, entered=False)


_OF_GUESSES = {
    "core_messages": (
        *("message", "status", "credentials", "method", "retransmission", "duplicate", "via_count", "private_id"),
        *("src_ip", "time", "transaction", "_nonce", "call_id"),
    ),
    "transactions": ("transaction", "call", "method", "status", "via_count"),
}

BRUTE_FORCE = Rule(
    id="R96",
    code="password_guessing",
    severity="warning",
    standard="RFC 3261 §22, §26.3; RFC 7616 §5.8",
    find=_brute_force,
    of_all=True,
    looks_at=_OF_GUESSES,
    only=lambda: pl.col("credentials"),
    seen=frozenset(_REFUSED),
    explains=_CONSEQUENCES_OF_GUESSES,
    texts={
        "en": Text(
            title="One source sends wrong passwords for one user again and again",
            explanation="One source sends credentials for one user again and again, and all are refused, ten or more "
            "within ten minutes: an attack, or a device with an old password.",
            causes=("a password-guessing tool", "a device that was left with an old password"),
            confirm="sip-analyzer registrations CAPTURE --ip {node}",
            remedy="Block the source; if it is a customer, set the password.",
            observed="{node} tried {tries} times for one user.",
        ),
        "zh": Text(
            title="同一来源一再为同一用户发送错误密码",
            explanation="同一来源反复为同一用户发送凭证且全部被拒，十分钟内十次以上：是攻击，或是留有旧密码的终端。",
            causes=("猜密码工具", "留有旧密码的终端"),
            confirm="sip-analyzer registrations CAPTURE --ip {node}",
            remedy="封锁该来源；若是客户，重设密码。",
            observed="{node} 为同一用户尝试了 {tries} 次。",
        ),
    },
)


def _entered(core_messages: pl.DataFrame, transactions: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    return _guessed(core_messages, transactions, registrations, entered=True)


ENTERED = Rule(
    id="R97",
    code="password_guessed",
    severity="error",
    standard="RFC 3261 §26.3; RFC 7616 §5.8",
    find=_entered,
    of_all=True,
    looks_at=_OF_GUESSES,
    only=lambda: pl.col("credentials"),
    seen=frozenset({401, 403, 407}),
    confidence=0.8,
    explains=_CONSEQUENCES_OF_GUESSES,
    texts={
        "en": Text(
            title="A login succeeded after many wrong passwords",
            explanation="Ten or more refused credentials and then an accepted one from the same source: the account is "
            "probably in foreign hands.",
            causes=("the password was guessed", "a user who set it right at last"),
            confirm="sip-analyzer registrations CAPTURE --ip {node}; sip-analyzer calls CAPTURE --ip {node}",
            remedy="Change the password now, and look at the calls of this account since.",
            observed="{node} was accepted after {tries} refusals.",
        ),
        "zh": Text(
            title="多次错误密码之后登录成功",
            explanation="同一来源十次或更多凭证被拒后有一次被接受：账号很可能已落入他人之手。",
            causes=("密码被猜中", "用户最终设置正确"),
            confirm="sip-analyzer registrations CAPTURE --ip {node}; sip-analyzer calls CAPTURE --ip {node}",
            remedy="立即更改密码，并检查该账号此后的呼叫。",
            observed="{node} 在 {tries} 次被拒后被接受。",
        ),
    },
)


def _enumeration(core_messages: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Sources (one Via: not a proxy or trunk with many customers) that ask for many users, all in vain."""
    asked = core_messages.lazy().filter(
        pl.col("status").is_null(), pl.col("method").is_in(["REGISTER", "INVITE", "SUBSCRIBE", "OPTIONS"]),
        pl.col("via_count") == 1, ~pl.col("retransmission"), ~pl.col("duplicate"), pl.col("to_tag").is_null(),
    ).select("src_ip", "to_uri", "message", "transaction")  # fmt: skip
    many = asked.group_by("src_ip").agg(users=pl.col("to_uri").n_unique()).filter(pl.col("users") >= _MANY_USERS)
    sources = many.collect()
    if sources.is_empty():
        return sources
    ends = transactions.lazy().select("transaction", "status")
    rows = asked.join(sources.lazy(), on="src_ip", nulls_equal=True, maintain_order="left")
    rows = rows.join(ends, on="transaction", how="left", maintain_order="left")
    found = (
        rows.group_by("src_ip", maintain_order=True)
        .agg(
            pl.col("users").first(),
            refused=pl.col("status").is_in([401, 403, 404, 407]).sum(),
            accepted=pl.col("status").is_between(200, 299).sum(),
            message=pl.col("message").first(),
        )
        .filter(pl.col("accepted") == 0, pl.col("refused") >= _MANY_USERS)
    )
    return found.select(_no_call(), "message", "users", "refused", node="src_ip").collect()


ENUMERATION = Rule(
    id="R98",
    code="user_enumeration",
    severity="warning",
    standard="RFC 3261 §26.1.5, §22.1",
    find=_enumeration,
    of_all=True,
    looks_at={
        "core_messages": (
            *("message", "status", "method", "via_count", "retransmission", "duplicate", "to_tag", "to_uri"),
            *("src_ip", "transaction"),
        ),
        "transactions": ("transaction", "status"),
    },
    only=lambda: pl.col("status").is_null() & pl.col("to_tag").is_null() & (pl.col("via_count") == 1),
    seen=frozenset({401, 403, 404, 407}),
    texts={
        "en": Text(
            title="One source tries user names one after the other",
            explanation="Twenty users or more and none accepted: it looks for accounts. Different answers for known "
            "and unknown users give them away.",
            causes=("a scanner", "a badly configured gateway that registers many lines"),
            confirm="sip-analyzer responses CAPTURE --ip {node}",
            remedy="Block the source; have the server answer unknown users as it answers known ones.",
            observed="{node} asked for {users} users; {refused} requests were refused.",
        ),
        "zh": Text(
            title="同一来源逐个尝试用户名",
            explanation="二十个或更多用户且无一被接受：它在寻找账号。对已知和未知用户的不同应答会泄露账号。",
            causes=("扫描器", "配置错误、注册多条线路的网关"),
            confirm="sip-analyzer responses CAPTURE --ip {node}",
            remedy="封锁该来源；让服务器对未知用户与已知用户给出相同应答。",
            observed="{node} 询问了 {users} 个用户；{refused} 个请求被拒。",
        ),
    },
)


def _prefixes(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """One source that dials the same number with one prefix after the other."""
    dialled = calls.select(
        "call", "outcome", "reference", digits=pl.col("request_uri").str.extract(r"^(?:sips?|tel):\+?([0-9*#]+)")
    ).filter(pl.col("digits").str.len_chars() >= 9)
    from_ = transactions.select("client_ip", "via_count", reference="transaction").filter(pl.col("via_count") == 1)
    rows = dialled.join(from_, on="reference", maintain_order="left")
    rows = rows.with_columns(number=pl.col("digits").str.tail(8))
    rows = rows.with_columns(tried=pl.col("digits").n_unique().over("client_ip", "number"))
    rows = rows.filter(pl.col("tried") >= _MANY_PREFIXES)
    through = (pl.col("outcome") == "answered").any().over("client_ip")
    return rows.select(
        "call", "tried", message="reference", node="client_ip",
        then=pl.when(through).then(pl.lit("and got through")).otherwise(pl.lit("and did not get through")),
        severity=pl.when(through).then(pl.lit("error")).otherwise(pl.lit("warning")),
    )  # fmt: skip


PREFIXES = Rule(
    id="R99",
    code="toll_fraud",
    severity="warning",
    standard="RFC 3261 §26; GSMA FS.11",
    find=_prefixes,
    of_all=True,
    looks_at={"transactions": ("transaction", "client_ip", "via_count")},
    confidence=0.85,
    explains=("no_route_to_number", "forbidden", "challenge_not_answered", "request_refused"),
    texts={
        "en": Text(
            title="One source tries prefixes to reach the same number: toll fraud",
            explanation="0, 00, 900, 011 ... before one number: somebody looks for the way out to expensive "
            "destinations on your account.",
            causes=("a hijacked account or an open trunk", "a scanner"),
            confirm="sip-analyzer calls CAPTURE --ip {node}",
            remedy="Block the source, demand authentication for every INVITE, limit international destinations.",
            observed="{node} dialled one number in {tried} ways {then}.",
        ),
        "zh": Text(
            title="同一来源用不同前缀拨同一号码：话费欺诈",
            explanation="在同一号码前试 0、00、900、011 等：有人在寻找用你的账号通向昂贵目的地的出口。",
            causes=("账号被盗或中继开放", "扫描器"),
            confirm="sip-analyzer calls CAPTURE --ip {node}",
            remedy="封锁该来源，对每个 INVITE 要求鉴权，限制国际目的地。",
            observed="{node} 用 {tried} 种方式拨了同一号码（{then}）。",
        ),
    },
)
