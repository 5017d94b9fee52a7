"""How many of the calls through real boxes the analyzer tells once and whole: ``python score.py [--calls] [NAME ...]``.

A call is told *once* where exactly one row of `calls` has all its Call-IDs and nobody else's, *in parts* where they are
in several rows or not all in any, and *merged* where a row of it has a Call-ID of another call, too. *Outcome* and
*released by* are those of the row that has the caller's own leg. ``fit`` captures are for setting thresholds, ``check``
captures for seeing whether they hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import analyzer

HERE = Path(__file__).parent
HEADS = ("calls", "rows", "once", "in parts", "merged", "outcome", "wrong", "released by", "wrong who")

Row = dict[str, Any]


def outcomes(call: Row) -> set[str]:
    """What a row may call the outcome, by what the caller got; several words where more than one is true."""
    status = call["final_status"]
    # Whoever it was that gave up: the exchange, where it cancelled every leg that was still ringing.
    timer = call["called"] and call["called"][-1]["cancelled"]
    gave_up = {"no_answer"} if timer else set()
    if call["cancelled"]:
        return {"cancelled"}
    if status < 300:
        return {"answered"}
    if status < 400:
        return {"redirected"}
    if status in (486, 600):
        return {"busy"} | gave_up
    if status in (404, 410, 480, 484, 604):
        return {"unreachable", "no_answer"}
    if status in (408, 487):
        # A proxy's timer: nobody took the call, or the next hop said nothing at all.
        return {"no_answer", "timeout", "server_failure"}
    if status in (488, 606):
        return {"negotiation_failed"}
    if 500 <= status < 600:
        return {"server_failure"} | gave_up
    return {"rejected", "client_error"} | gave_up


def released(call: Row) -> str | None:
    """Who ended it; None where that cannot be said by one word."""
    if call["how"] == "transfers" or not (call["answered"] or call["cancelled"]):
        return None
    if call["cancelled"] or call["released_by"] == "caller":
        return "caller"
    return "callee" if any(leg["bye"] == "sent" for leg in call["called"]) else "network"


def call_ids(call: Row) -> set[str]:
    return {call["call_id"], *call["between"], *(leg["call_id"] for leg in call["called"])}


def judged(calls: list[Row], rows: list[Row]) -> list[tuple[Row, str, Row]]:
    """Each call with its verdict, and the row with the Call-ID of its caller."""
    owner = {call_id: call["name"] for call in calls for call_id in call_ids(call)}
    for call in calls:
        for call_id in call["transferred_to"]:
            # A call that a transfer makes may stand in the row of the first or in one of its own.
            owner.setdefault(call_id, call["name"])
    shown = []
    for call in calls:
        mine = call_ids(call)
        touched = [row for row in rows if mine & set(row["call_ids"])]
        if any(owner.get(call_id) != call["name"] for row in touched for call_id in row["call_ids"]):
            verdict = "merged"
        elif len(touched) == 1 and mine <= set(touched[0]["call_ids"]):
            verdict = "once"
        else:
            verdict = "in parts"
        shown.append((call, verdict, next((row for row in touched if call["call_id"] in row["call_ids"]), {})))
    return shown


def read(name: str, directory: Path) -> list[Row]:
    calls = analyzer.read(directory / f"{name}.pcap.gz").table("calls")
    return calls.select("call_ids", "outcome", "released_by").to_dicts()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", action="store_true", help="also every call that is not told once and right")
    parser.add_argument("--directory", type=Path, default=HERE)
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    truth = json.loads((options.directory / "truth.json").read_text())
    print(f"{'capture':26}" + "".join(f"{head:>12}" for head in HEADS))
    sums: dict[str, Counter[str]] = {part: Counter() for part in ("fit", "check", "all")}
    for name in options.name or truth:
        entry = truth[name]
        rows = read(name, options.directory)
        count: Counter[str] = Counter(calls=len(entry["calls"]), rows=len(rows))
        lines = []
        for call, verdict, row in judged(entry["calls"], rows):
            told, who = row.get("outcome"), released(call)
            right = told in outcomes(call)
            count[verdict] += 1
            count["outcome" if right else "wrong"] += 1
            if who is not None:
                count["released by" if row.get("released_by") == who else "wrong who"] += 1
            if verdict != "once" or not right or who not in (None, row.get("released_by")):
                ends = ", ".join(f".{leg['end']} {leg['final_status']}" for leg in call["called"])
                status = "CANCEL" if call["cancelled"] else call["final_status"]
                asked = f"{call['caller']} > {call['dialled']} {call['how']}"
                said = f"{verdict}, {told}, released by {row.get('released_by')} (was {who})"
                lines.append(f"    {call['name']} {asked} {status} ({ends}): {said}")
        for part in (entry["part"], "all"):
            sums[part] += count
        print(f"{name:26}" + "".join(f"{count[head]:>12}" for head in HEADS))
        if options.calls:
            print("\n".join(lines))
    for part, count in sums.items():
        print(f"{part:26}" + "".join(f"{count[head]:>12}" for head in HEADS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
