#!/usr/bin/env python3
"""How time and memory of every table, view and export grow with the capture, and what hostile captures cost.

    python benchmarks/growth.py [--sizes 10k,30k,100k] [--only calls,report] [--runs 1] [--hostile] [--json FILE]

Each command runs as a whole process on IMS calls over five hops (``write_captures.py``). The Markdown table has
processor seconds and peak memory at the largest size, the exponent of the growth of time from the smallest size to the
largest (1 is linear; what the command takes for six messages is taken off first), and the ratio to ``calls``. With
``--hostile`` the captures of ``hostile.py`` are read, and the ratio is that to a plain capture of the same size.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import hostile
import race
import write_captures

from analyzer import schema
from analyzer.cli import plot

SIZES = ("six", "10k", "30k", "100k", "300k", "1M")
HOSTILE_SIZE = "100k"
#: Commands that render pictures, of which the promise of three times ``calls`` is not made.
PICTURES = ("report", "plot")
LIMIT_S = 900.0
STEEP, DEAR = 1.1, 3.0


@dataclass(frozen=True)
class Cost:
    """Of one command over one capture: processor seconds, bytes at the peak, and why it failed."""

    cpu_s: float
    peak: int
    failure: str = ""


def commands() -> dict[str, list[str]]:
    """Every command by name, with {file} and {output} in it."""
    rows = ["--format", "csv", "-o", "{output}"]
    tables = [name.replace("_", "-") for name, table in schema.TABLES.items() if not table.asked]
    measured = [name.replace("_", "-") for name in schema.MEASURES]
    found = {name: [name, "{file}", *rows] for name in (*tables, *measured)}
    for name in ("calls", "messages"):
        found[f"{name} --mask"] = [name, "{file}", "--mask", *rows]
    found |= {
        "summary": ["summary", "{file}"],
        "call 3": ["call", "3", "{file}"],
        "ladder 3": ["ladder", "3", "{file}"],
        "message": ["message", "{message}", "{file}"],
        "headers": ["headers", "--name", "User-Agent", "{file}", *rows],
        "export": ["export", "{file}", "--outcome", "busy", "-o", "{output}"],
        "report": ["report", "{file}", "-o", "{output}"],
    }
    drawn = [name for name in plot.NAMES if name != "waterfall"]
    found |= {f"plot {name}": ["plot", name, "{file}", "-o", "{output}"] for name in drawn}
    return found


def measure(words: list[str], capture: Path, runs: int) -> Cost:
    """The median of processor time and the highest peak of whole processes."""
    suffix = {"export": ".pcapng", "report": ".html", "plot": ".svg"}.get(words[0], ".csv")
    costs: list[race.Run] = []
    if "{message}" in words:
        # By another process: the kernel counts what this one holds as the memory of those that it starts.
        asked = [sys.executable, "-m", "analyzer", "messages", str(capture), "--format", "csv"]
        first = subprocess.check_output(
            [*asked, "--columns", "message", "--limit", "1"], text=True, stderr=subprocess.DEVNULL
        ).split()[-1]
        words = [word.replace("{message}", first) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / f"output{suffix}")
        line = [word.replace("{file}", str(capture)).replace("{output}", output) for word in words]
        for _ in range(runs):
            costs.append(race.run([sys.executable, "-m", "analyzer", *line], LIMIT_S))
            Path(output).unlink(missing_ok=True)
    failure = next((cost.failure for cost in costs if cost.failure), "")
    return Cost(statistics.median(cost.cpu_s for cost in costs), max(cost.peak for cost in costs), failure)


def exponent(small: Cost, large: Cost, start: Cost, growth: float) -> float | None:
    """By how many powers time grows; None where it is too short to tell."""
    least, most = small.cpu_s - start.cpu_s, large.cpu_s - start.cpu_s
    return math.log(most / least) / math.log(growth) if least > 0.15 else None


def grow(asked: dict[str, list[str]], sizes: list[str], runs: int) -> dict[str, dict[str, Cost]]:
    """The cost of each command at each size."""
    found: dict[str, dict[str, Cost]] = {name: {} for name in asked}
    for size in ("six", *sizes):
        capture = write_captures.ensure(size, "udp")
        race.warm(capture)
        for name, words in asked.items():
            race.progress(f"{size}: {name}")
            words = [word if word != "3" or size != "six" else "1" for word in words]
            found[name][size] = measure(words, capture, runs)
    return found


def told_growth(found: dict[str, dict[str, Cost]], sizes: list[str]) -> list[str]:
    first, last = sizes[0], sizes[-1]
    growth = write_captures.SIZES[last] / write_captures.SIZES[first]
    of_calls = found["calls"][last].cpu_s
    lines = [
        f"| command | {' | '.join(f'{size} (s)' for size in sizes)} | peak (MB) | exponent | of `calls` |",
        f"|---|{'--:|' * (len(sizes) + 3)}",
    ]
    for name, costs in found.items():
        if failed := next((cost.failure for size, cost in costs.items() if size != "six" and cost.failure), ""):
            lines.append(f"| `{name}` | {failed} |{' |' * (len(sizes) + 2)}")
            continue
        power = exponent(costs[first], costs[last], costs["six"], growth) if len(sizes) > 1 else None
        ratio = costs[last].cpu_s / of_calls
        steep = " !" if power is not None and power > STEEP else ""
        dear = " !" if ratio > DEAR and not name.startswith(PICTURES) else ""
        times = " | ".join(f"{costs[size].cpu_s:.2f}" for size in sizes)
        power_text = "" if power is None else f"{power:.2f}"
        lines.append(f"| `{name}` | {times} | {costs[last].peak / 1e6:.0f} | {power_text}{steep} | {ratio:.2f}{dear} |")
    return lines


def attack(asked: dict[str, list[str]], kinds: list[str], runs: int) -> dict[str, dict[str, Cost]]:
    """The cost of each command over a plain capture and over each hostile one of the same number of messages."""
    captures = {"plain": write_captures.ensure(HOSTILE_SIZE, "udp")}
    captures |= {kind: hostile.ensure(kind, HOSTILE_SIZE) for kind in kinds}
    found: dict[str, dict[str, Cost]] = {name: {} for name in asked}
    for kind, capture in captures.items():
        race.warm(capture)
        for name, words in asked.items():
            race.progress(f"{kind}: {name}")
            words = [word if word != "3" or kind == "plain" else "1" for word in words]
            found[name][kind] = measure(words, capture, runs)
    return found


def told_attack(found: dict[str, dict[str, Cost]]) -> list[str]:
    kinds = list(next(iter(found.values())))
    lines = [
        f"| command | {' | '.join(f'{kind} (s)' for kind in kinds)} | worst |",
        f"|---|{'--:|' * (len(kinds) + 1)}",
    ]
    for name, costs in found.items():
        plain = costs["plain"].cpu_s
        worst = max(kinds[1:], key=lambda kind: costs[kind].cpu_s)
        ratio = costs[worst].cpu_s / plain
        cells = " | ".join(costs[kind].failure[:40] or f"{costs[kind].cpu_s:.2f}" for kind in kinds)
        lines.append(f"| `{name}` | {cells} | {ratio:.1f}x {worst}{' !' if ratio > DEAR else ''} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="How every command grows with the capture.")
    known = tuple(commands())
    parser.add_argument("--sizes", type=write_captures.chosen(SIZES[1:]), default=["10k", "30k", "100k"])
    parser.add_argument("--only", type=write_captures.chosen(known), help="commands, default: all")
    parser.add_argument("--runs", type=int, default=1, help="the median of so many (default 1)")
    parser.add_argument("--hostile", action="store_true", help="hostile captures instead of larger ones")
    parser.add_argument("--kinds", type=write_captures.chosen(tuple(hostile.KINDS)), default=list(hostile.KINDS))
    parser.add_argument("--json", type=Path, help="write the costs there, too")
    args = parser.parse_args()
    asked = {name: words for name, words in commands().items() if not args.only or name in args.only or name == "calls"}
    if args.hostile:
        found = attack(asked, args.kinds, args.runs)
        lines = told_attack(found)
    else:
        found = grow(asked, args.sizes, args.runs)
        lines = told_growth(found, args.sizes)
    print("\n".join(lines))
    if args.json:
        args.json.write_text(
            json.dumps({name: {key: vars(cost) for key, cost in costs.items()} for name, costs in found.items()})
        )


if __name__ == "__main__":
    main()
