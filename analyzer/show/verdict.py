"""Why a call ended, and which node said so, from its messages.

What is told is what the capture holds: the node that a response was *first seen from* is the one furthest from the
caller that was captured; whether it made the response itself, nobody can see from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.columns.address import socket

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

_MOST_NODES = 4
_GIVEN_UP = ("cancelled", "answered_elsewhere", "no_answer")


def verdict(call: dict[str, Any], messages: pl.DataFrame) -> list[str]:
    """Sentences for a row of ``calls`` and its rows of ``messages``; none while the call goes on."""
    import polars as pl

    ordered = messages.filter(~pl.col("duplicate")).sort("time", nulls_last=True, maintain_order=True)
    rows = ordered.select(*_COLUMNS).to_dicts()
    return _told(call, rows, several_files=len({row["file"] for row in rows}) > 1)


def verdicts(calls: pl.DataFrame, messages: pl.DataFrame) -> list[str | None]:
    """The sentences for each of many calls in one text, from the whole table ``messages``.

    None where there is nothing to tell, and for a call that was answered: how it was released is in its row.
    """
    import polars as pl

    open_or_failed = calls.with_row_index("story").filter(pl.col("outcome") != "answered")
    known = (
        messages.lazy()
        .filter(~pl.col("duplicate"))
        .select("call", *_COLUMNS)
        .join(open_or_failed.lazy().select("call", "story"), on="call")
        .with_columns(several_files=pl.col("file").n_unique().over("call") > 1)
        .filter(_matters())
        .sort("story", "time", nulls_last=True, maintain_order=True)
        .collect()
    )
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in known.iter_rows(named=True):
        rows.setdefault(row["story"], []).append(row)
    told: list[str | None] = [None] * calls.height
    for call in open_or_failed.select("story", "reference", "status", "outcome").iter_rows(named=True):
        seen = rows.get(call["story"], [])
        sentences = _told(call, seen, several_files=any(row["several_files"] for row in seen[:1]))
        told[call["story"]] = "; ".join(sentences) or None
    return told


def _matters() -> pl.Expr:
    """The messages that a verdict looks at."""
    import polars as pl

    request = pl.col("status").is_null() & pl.col("method").is_in(["INVITE", "BYE", "CANCEL"])
    return request | ((pl.col("method") == "INVITE") & (pl.col("status") >= 300))


def _told(call: dict[str, Any], rows: list[dict[str, Any]], *, several_files: bool) -> list[str]:
    def seen(row: dict[str, Any]) -> str:
        file = f"{row['file']}, " if several_files else ""
        return f"{_node(row, 'src')} ({file}frame {row['frame']})"

    told = []
    status = call["status"]
    if status is not None and status >= 300:
        told += _refusal(call, _last_attempt(call, rows), seen)
    elif status is None and call["outcome"] in ("timeout", "unreachable", "unfinished"):
        asked = [row for row in rows if row["status"] is None and row["method"] == "INVITE"]
        if asked:
            # The INVITE that got furthest is the one seen last on its way.
            last = next((row for row in reversed(asked) if not row["retransmission"]), asked[-1])
            told.append(f"no final response seen to the INVITE last sent by {seen(last)} to {_node(last, 'dst')}")
    # A CANCEL in an answered call ended a fork that lost, a BYE in another one an early dialog.
    method = "BYE" if call["outcome"] in ("answered", "joined") else "CANCEL"
    first = next((row for row in rows if row["status"] is None and row["method"] == method), None)
    if first is not None:
        reason = f": {first['reason_header']}" if first["reason_header"] else ""
        # The 487 of a call that was given up only follows from the CANCEL (RFC 3261 §9.2).
        at = 0 if call["outcome"] in _GIVEN_UP else len(told)
        told.insert(at, f"{method} first seen from {seen(first)}{reason}")
    return told


_COLUMNS = (
    *("message", "file", "frame", "time", "src_ip", "src_port", "dst_ip", "dst_port", "call_id", "to_tag", "cseq"),
    *("method", "status", "reason_phrase", "retransmission", "reason_header"),
)


def _refusal(call: dict[str, Any], rows: list[dict[str, Any]], seen: Callable[[dict[str, Any]], str]) -> list[str]:
    """Who sent the status that decided first, who after it, and other failures seen before."""
    finals = [row for row in rows if row["method"] == "INVITE" and (row["status"] or 0) >= 300]
    deciding = [row for row in finals if row["status"] == call["status"]]
    if not deciding:
        return []
    first = deciding[0]
    by_node = {_node(row, "src"): row for row in reversed(deciding)}
    others = [seen(row) for node, row in reversed(by_node.items()) if node != _node(first, "src")]
    more = f" and {len(others) - _MOST_NODES} more" if len(others) > _MOST_NODES else ""
    passed = f", passed on by {', '.join(others[:_MOST_NODES])}{more}" if others else ""
    told = [f"{first['status']} {first['reason_phrase'] or ''}".rstrip() + f" first seen from {seen(first)}{passed}"]
    before = {row["status"]: row for row in reversed(finals[: finals.index(first)]) if row["status"] != call["status"]}
    told += [f"before it {status} from {seen(row)}" for status, row in reversed(before.items())]
    return told


def _last_attempt(call: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What came after the last initial INVITE of the reference leg: a retry after a challenge is one more (§22.2)."""
    leg = next((row["call_id"] for row in rows if row["message"] == call["reference"]), None)
    asked = [
        (row["cseq"] or 0, -number)
        for number, row in enumerate(rows)
        if row["call_id"] == leg and row["method"] == "INVITE" and row["status"] is None and not row["to_tag"]
    ]
    return rows[-max(asked)[1] :] if asked else rows


def _node(row: dict[str, Any], side: str) -> str:
    return socket(row[f"{side}_ip"], row[f"{side}_port"])
