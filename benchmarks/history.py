#!/usr/bin/env python3
"""Keeps what `race.py` measured, run by run, and says whether it got worse.

    python benchmarks/history.py add RACE.json    # appends a record to history/MACHINE.jsonl; `make bench` does so
    python benchmarks/history.py compare          # the last record beside the one before; exit status 1 if it is worse

A record holds the commit, the date, our medians, and how many times longer each rival took. Times compare only on one
kind of machine, so there is a file for each kind: system, architecture, number and model of its processors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HISTORY = HERE / "history"
WORSE_BY = 0.10
"""More than this less throughput, or more start-up, is worse: about what medians of three runs differ by themselves."""

Record = dict[str, Any]


def record_of(raced: dict[str, Any], commit: str, date: str) -> Record:
    """One run of `race.py --json`: our start-up and throughput, and what rivals took in multiples of our time.

    `start_up_s` is the median wall time for a file of six messages. `messages_per_s` is by wall time,
    `messages_per_cpu_s` by the processor time of all threads; both include start-up. Runs that failed are left out.
    """
    results = [result for result in raced["results"] if result["wall_s"] and not result["failure"]]
    ours = {key(result): result for result in results if result["command"] == "ours"}
    record: Record = {"commit": commit, "date": date, "throughput": {}, "rivals": {}}
    for name, result in ours.items():
        wall_s, cpu_s = statistics.median(result["wall_s"]), statistics.median(result["cpu_s"])
        if result["size"] == "six":
            record |= {"start_up_s": round(wall_s, 4), "start_up_cpu_s": round(cpu_s, 4)}
            continue
        record["throughput"][name] = {
            "messages_per_s": round(result["messages"] / wall_s),
            "messages_per_cpu_s": round(result["messages"] / cpu_s),
            "peak_bytes": max(result["peak_bytes"]),
        }
        record["rivals"][name] = {
            other["command"]: round(statistics.median(other["wall_s"]) / wall_s, 2)
            for other in results
            if key(other) == name and other is not result
        }
    return record


def key(result: dict[str, Any]) -> str:
    return f"{result['transport']} {result['size']}"


def changes(before: Record, now: Record) -> list[tuple[str, float, bool]]:
    """What both records have: its name, the change as a share of before, and whether that is worse than allowed.

    Wall time that got worse while processor time did not: the machine was busy, or less runs at the same time.
    """
    found = []
    for name in ("start_up_s", "start_up_cpu_s"):
        if name in before and name in now:
            change = now[name] / before[name] - 1
            found.append((name, change, change > WORSE_BY))
    for raced, figures in before["throughput"].items():
        for name in ("messages_per_s", "messages_per_cpu_s"):
            if raced in now["throughput"]:
                change = now["throughput"][raced][name] / figures[name] - 1
                found.append((f"{name}, {raced}", change, change < -WORSE_BY))
    return found


def machine_class() -> str:
    """Such as `linux-x86_64-2-intel-xeon-platinum-8370c`; a file name."""
    model = platform.processor() or "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        line = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        model = line[1] if line else model
    model = re.sub(r"\((R|TM)\)| CPU| Processor|@.*", "", model, flags=re.IGNORECASE)
    words = (platform.system(), platform.machine(), str(os.cpu_count()), *model.split())
    return re.sub(r"[^a-z0-9_]+", "-", " ".join(words).lower()).strip("-")


def load(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def add(path: Path, raced: Path) -> None:
    described = subprocess.run(
        ("git", "describe", "--always", "--dirty"), cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    record = record_of(json.loads(raced.read_text()), described.stdout.strip(), datetime.now(UTC).date().isoformat())
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def compare(path: Path) -> bool:
    """Prints each change between the last two records; whether none is worse than allowed."""
    records = load(path)
    if len(records) < 2:
        print(f"{len(records)} record for {path.stem}: nothing to compare")
        return True
    before, now = records[-2:]
    print(f"{path.stem}: {now['commit']} ({now['date']}) beside {before['commit']} ({before['date']})")
    found = changes(before, now)
    for name, change, is_worse in found:
        print(f"  {name}: {change:+.1%}{'  WORSE' if is_worse else ''}")
    return not any(is_worse for _, _, is_worse in found)


def main() -> None:
    parser = argparse.ArgumentParser(description="Keeps what race.py measured, and says whether it got worse.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("add").add_argument("raced", type=Path, metavar="RACE.json")
    actions.add_parser("compare")
    arguments = parser.parse_args()
    path = HISTORY / f"{machine_class()}.jsonl"
    if arguments.action == "add":
        add(path, arguments.raced)
    elif not compare(path):
        sys.exit(1)


if __name__ == "__main__":
    main()
