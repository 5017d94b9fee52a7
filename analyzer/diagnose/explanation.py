"""Why a call ended, and which node said so, in sentences with the frames to look at.

Which node refused a call, and who passed it on, is what :mod:`~analyzer.diagnose.call_failures` found. It was *first
seen from* there: whether that node made the response itself, nobody can see from a capture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from analyzer.columns.address import socket
from analyzer.diagnose import after_the_answer
from analyzer.sip import next_hops

if TYPE_CHECKING:
    import polars as pl

Say = Callable[[str], str]
Seen = Callable[[dict[str, Any]], str]  # the node that sent a message, with the frame

_MOST_NODES = 4
_GIVEN_UP = ("cancelled", "answered_elsewhere", "no_answer")


def explain(
    call: dict[str, Any], messages: pl.DataFrame, steps: pl.DataFrame | None = None, *, say: Say = str
) -> list[str]:
    """Sentences for a row of ``calls``, its rows of ``messages`` and of ``failure_path``; none while it goes on.

    Without ``steps`` (they rest on all messages) a refusal is told in the order of its captured copies; ``say`` is the
    lookup of the language.
    """
    way = _ways(steps).get(call.get("call", 0), [])
    return explain_rows(call, looked_at(messages).to_dicts(), way, say=say)


def looked_at(messages: pl.DataFrame) -> pl.DataFrame:
    """Of rows of ``messages`` what :func:`explain_rows` is told from: those that matter, those of each call in time
    order, and whether its messages are in ``several_files``."""
    import polars as pl

    columns = dict.fromkeys(("call", *_COLUMNS, *after_the_answer.COLUMNS))
    methods = (*after_the_answer.METHODS, "CANCEL")
    known = messages.lazy().filter(~pl.col("duplicate")).select(*columns)
    known = known.with_columns(several_files=pl.col("file").n_unique().over("call") > 1)
    return known.filter(pl.col("method").is_in(methods)).sort("time", nulls_last=True, maintain_order=True).collect()


def explain_rows(
    call: dict[str, Any], rows: list[dict[str, Any]], way: list[dict[str, Any]], *, say: Say = str
) -> list[str]:
    """As :func:`explain`, from rows of :func:`looked_at` and of ``failure_path``, the first that was sent first."""
    told = _told(call, rows, way, several_files=any(row["several_files"] for row in rows[:1]), say=say)
    return told + after_the_answer.sentences_of_rows(call, rows, say=say)


def silent(failure: dict[str, Any], *, say: Say = str) -> str | None:
    """For a row of ``call_failures``: who was asked and did not answer, or could not be, where that is known."""
    node = failure["unresponsive_node"]
    if node and (failure["rule"] == next_hops.NOT_REACHED or failure["on_behalf_of"] == "network"):
        return say("{node} could not be reached").format(node=node)
    return say("{node} received the request and did not answer").format(node=node) if node else None


def on_behalf(failure: dict[str, Any], *, say: Say = str) -> str:
    """For a row of ``call_failures``: whose refusal it was, and by which rule."""
    behalf = {
        "unknown": say("side unknown"),
        "timer": say("a timer expired"),
        "user": say("on behalf of the user"),
        "node": say("on behalf of the node"),
        "network": say("on behalf of the network"),
    }
    return say("{side}: {rule}").format(side=behalf[failure["on_behalf_of"]], rule=say(failure["rule"]))


def explanations(
    calls: pl.DataFrame,
    messages: pl.DataFrame,
    steps: pl.DataFrame | None = None,
    failures: pl.DataFrame | None = None,
    *,
    say: Say = str,
) -> list[str | None]:
    """The sentences for each of many calls in one text, from the whole tables; ``failures`` is ``call_failures``.

    None where there is nothing to tell, and for a call that was answered and went as it should: how it was released is
    in its row.
    """
    import polars as pl

    refused: dict[int, dict[str, Any]] = {}
    if failures is not None:
        columns = failures.select("call", "unresponsive_node", "on_behalf_of", "rule")
        refused = {row["call"]: row for row in columns.iter_rows(named=True)}
    broke = pl.col("outcome_detail").is_in(BROKE) if "outcome_detail" in calls.columns else False
    answered = pl.col("outcome") == "answered"
    open_or_failed = calls.with_row_index("story").filter(~answered | broke)
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
    ways = _ways(steps)
    after = _after_the_answer(open_or_failed.filter(answered), messages, say)
    for call in open_or_failed.select("story", "call", "reference", "status", "outcome").iter_rows(named=True):
        seen = rows.get(call["story"], [])
        way = ways.get(call["call"], [])
        sentences = _told(call, seen, way, several_files=any(row["several_files"] for row in seen[:1]), say=say)
        failure = refused.get(call["call"])
        if failure is not None:
            nobody = silent(failure, say=say)
            sentences = [*([nobody] if nobody else []), *sentences, on_behalf(failure, say=say)]
        told[call["story"]] = say("; ").join([*sentences, *after.get(call["call"], [])]) or None
    return told


#: ``outcome_detail`` of calls that were answered and did not go as they should.
BROKE = ("no_ack", "timer_expiry", "expired", "dropped")


def _after_the_answer(calls: pl.DataFrame, messages: pl.DataFrame, say: Say) -> dict[int, list[str]]:
    """What broke each of these calls, which were answered."""
    import polars as pl

    rows = messages.filter(pl.col("call").is_in(calls["call"].implode()))
    by_call = rows.partition_by("call", as_dict=True, maintain_order=True)
    return {
        call["call"]: after_the_answer.sentences(call, by_call[call["call"],], say=say)
        for call in calls.iter_rows(named=True)
        if (call["call"],) in by_call
    }


def _matters() -> pl.Expr:
    """The messages that an explanation looks at."""
    import polars as pl

    request = pl.col("status").is_null() & pl.col("method").is_in(["INVITE", "BYE", "CANCEL"])
    return request | (pl.col("method").is_in(["INVITE", "CANCEL"]) & (pl.col("status") >= 300))


def _ways(steps: pl.DataFrame | None) -> dict[int, list[dict[str, Any]]]:
    """The steps of each call, the first that was sent first."""
    ways: dict[int, list[dict[str, Any]]] = {}
    if steps is not None:
        for row in steps.sort("call", "step").select("call", "message", "address").iter_rows(named=True):
            ways.setdefault(row["call"], []).append(row)
    return ways


def _told(
    call: dict[str, Any], rows: list[dict[str, Any]], way: list[dict[str, Any]], *, several_files: bool, say: Say
) -> list[str]:
    addresses = {step["message"]: step["address"] for step in way}

    def seen(row: dict[str, Any]) -> str:
        node = addresses.get(row["message"]) or _node(row, "src")
        if several_files:
            return say("{node} ({file}, frame {frame})").format(node=node, file=row["file"], frame=row["frame"])
        return say("{node} (frame {frame})").format(node=node, frame=row["frame"])

    by_key = {row["message"]: row for row in rows}
    path = [by_key[step["message"]] for step in way if step["message"] in by_key]

    told = []
    status = call["status"]
    if status is not None and status >= 300:
        told += _refusal(call, path, _last_attempt(call, rows), seen, say)
    elif status is None and call["outcome"] in ("timeout", "unreachable", "unfinished"):
        asked = [row for row in rows if row["status"] is None and row["method"] == "INVITE"]
        if asked:
            # The INVITE that got furthest is the one seen last on its way.
            last = next((row for row in reversed(asked) if not row["retransmission"]), asked[-1])
            text = say("no final response seen to the INVITE last sent by {sender} to {receiver}")
            told.append(text.format(sender=seen(last), receiver=_node(last, "dst")))
    told += _without_contact(call, rows, seen, say)
    # A CANCEL in an answered call ended a fork that lost, a BYE in another one an early dialog.
    method = "BYE" if call["outcome"] in ("answered", "joined") else "CANCEL"
    first = next((row for row in [*path, *rows] if row["status"] is None and row["method"] == method), None)
    if first is None and call["outcome"] == "cancelled":
        method = "BYE"  # the caller's, on the early dialog (RFC 3261 §15)
        first = next((row for row in rows if row["status"] is None and row["method"] == method), None)
    if first is not None:
        # The 487 of a call that was given up only follows from the CANCEL (RFC 3261 §9.2).
        at = 0 if call["outcome"] in _GIVEN_UP else len(told)
        text = say("{what} first seen from {node}").format(what=method, node=seen(first))
        told.insert(at, say(": ").join(filter(None, (text, first["reason_header"]))))
        if method == "CANCEL" and status is None:
            told += _refused_cancel(rows, seen, say)
    return told


def _refused_cancel(rows: list[dict[str, Any]], seen: Seen, say: Say) -> list[str]:
    """A CANCEL that was refused ended nothing (RFC 3261 §9.2): 481, its receiver knew no such INVITE."""
    refused = next((row for row in rows if row["method"] == "CANCEL" and (row["status"] or 0) >= 300), None)
    if refused is None:
        return []
    words = f"{refused['status']} {refused['reason_phrase'] or ''}".rstrip()
    text = say("the CANCEL was refused: {answer} from {node}; no final response to the INVITE was seen")
    return [text.format(answer=words, node=seen(refused))]


_COLUMNS = (
    *("message", "file", "frame", "time", "src_ip", "src_port", "dst_ip", "dst_port", "call_id", "to_tag", "cseq"),
    *("method", "status", "reason_phrase", "retransmission", "reason_header", "contact_uri", "complete"),
)


def _without_contact(call: dict[str, Any], rows: list[dict[str, Any]], seen: Seen, say: Say) -> list[str]:
    """Why no ACK came, where the 2xx has no address for it: it goes to the remote target (RFC 3261 §13.2.2.4)."""
    if call.get("outcome_detail") != "no_ack":
        return []
    answers = [row for row in rows if row["method"] == "INVITE" and 200 <= (row["status"] or 0) < 300]
    bare = [row for row in answers if row["complete"] and row["contact_uri"] is None]
    if not bare or len(bare) < len(answers):
        return []
    text = say("the {status} from {node} has no Contact (RFC 3261 §12.1.1): its ACK has no address to go to")
    return [text.format(status=bare[0]["status"], node=seen(bare[0]))]


def _refusal(
    call: dict[str, Any],
    path: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    seen: Seen,
    say: Say,
) -> list[str]:
    """Who sent the status that decided first, who after it, and other failures seen before."""
    finals = [row for row in rows if row["method"] == "INVITE" and (row["status"] or 0) >= 300]
    responses = [row for row in path if row["status"] is not None]
    deciding = responses if any(row["status"] == call["status"] for row in responses) else []
    deciding = deciding or [row for row in finals if row["status"] == call["status"]]
    if not deciding:
        return []
    by_node: dict[str, tuple[str, bool]] = {}
    status = deciding[0]["status"]
    for row in deciding:
        # Who made another status of it is named with that (RFC 3261 §16.7 item 6).
        changed = row["status"] != status
        text = say("as {status} by {node}").format(status=row["status"], node=seen(row)) if changed else seen(row)
        by_node.setdefault(_node(row, "src"), (text, changed))
        status = row["status"]
    (origin, _), *others = by_node.values()
    passed = ""
    if others:
        more = say(" and {n} more").format(n=len(others) - _MOST_NODES) if len(others) > _MOST_NODES else ""
        nodes = say(", ").join(text for text, _ in others[:_MOST_NODES]) + more
        _, changed = others[0]
        passed = say(", passed on {nodes}" if changed else ", passed on by {nodes}").format(nodes=nodes)
    first = deciding[0]
    answer = f"{first['status']} {first['reason_phrase'] or ''}".rstrip()
    told = [say("{what} first seen from {node}").format(what=answer, node=origin) + passed]
    before: dict[int, str] = {}
    before_it = say("before it {status} from {node}")
    for row in finals[: finals.index(first)] if first in finals else []:
        if row["status"] not in (call["status"], first["status"]):
            before.setdefault(row["status"], before_it.format(status=row["status"], node=seen(row)))
    return [*told, *before.values()]


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
