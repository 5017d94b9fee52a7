"""A comparison as plain data, and as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from analyzer.comparison.calls import ComparedCalls, Difference
from analyzer.comparison.captures import ComparedCaptures
from analyzer.comparison.sides import Sent, Side
from analyzer.explain.phrases import phrases
from analyzer.show.comparison import sentences, verdicts
from analyzer.show.text import not_shown


def as_json(data: object) -> str:
    """JSON that may reach a terminal: DEL, C1 and format characters are in its own notation."""

    def escaped(found: re.Match[str]) -> str:
        return json.dumps(found.group())[1:-1] if ord(found.group()) > 0x7F else "\\u007f"

    return not_shown().sub(escaped, json.dumps(data, ensure_ascii=False, indent=1)) + "\n"


def of_calls(calls: ComparedCalls, *, language: str = "en") -> dict[str, Any]:
    """Two calls side by side as ``dict`` and ``list``: times are seconds, keys are text."""
    say = phrases(language)

    def told(one: Difference | None) -> dict[str, Any] | None:
        return None if one is None else {**_difference(one), "sentence": sentences.sentence(calls, one, say)}

    found: dict[int, list[Difference]] = {}
    for one in calls.differences:
        found.setdefault(one.row, []).append(one)
    rows = [
        {
            "row": number + 1,
            "a": _sent(row.a, calls.a),
            "b": _sent(row.b, calls.b),
            "captured_in_both": number not in calls.not_captured,
            "differences": [_difference(one) for one in found.get(number, [])],
        }
        for number, row in enumerate(calls.rows)
    ]
    times = [
        {"group": one.group, "name": one.name, "a_s": one.a_s, "b_s": one.b_s, "more_s": one.more_s}
        for one in calls.timings
    ]
    return {
        "a": _call(calls.a),
        "b": _call(calls.b),
        "sentences": list(sentences.sentences(calls, say, language)),
        "first": told(calls.first),
        "parting": told(calls.parting),
        "headers_not_compared": calls.no_texts or None,
        "rows": rows,
        "times": times,
    }


def of_captures(captures: ComparedCaptures, *, language: str = "en") -> dict[str, Any]:
    """Two captures side by side as ``dict`` and ``list``: durations are seconds, shares 0 to 1."""
    say = phrases(language)
    return {
        "a": captures.a.label,
        "b": captures.b.label,
        "verdict": list(verdicts.sentences(captures, say, language)),
        "doubts": [{"kind": doubt.kind, **doubt.facts} for doubt in captures.doubts],
        "kpis": captures.kpis.to_dicts(),
        "failures": captures.failures.to_dicts(),
        "failing_nodes": captures.failing_nodes.to_dicts(),
        "parts": captures.parts.to_dicts(),
    }


def _call(side: Side) -> dict[str, Any]:
    row = side.row
    names = ("no", "caller", "callee", "outcome", "outcome_detail", "status", "reason_phrase")
    nodes = [{"node": one.node, "role": one.role} for one in side.nodes.values()]
    return {"label": side.label, "call": str(row["call"]), **{name: row[name] for name in names}, "nodes": nodes}


def _sent(one: Sent | None, side: Side) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "message": str(one.message),
        "after_s": None if one.at is None else one.at / 1e9,
        "sender": one.sender,
        "receiver": one.receiver,
        "method": one.method,
        "status": one.status,
        "what": one.what,
        "copies": one.copies,
        "has_sdp": one.has_sdp,
    }


def _difference(one: Difference) -> dict[str, Any]:
    told: dict[str, Any] = {"row": one.row + 1, "kind": one.kind, "matters": one.matters}
    if one.field is not None:
        field = one.field
        told |= {"field": field.name, "a": field.a, "b": field.b, "a_only": [*field.lacks], "b_only": [*field.gains]}
    return told
