#!/usr/bin/env python3
"""Where the time of a table goes: the reading, and each stage of the graph below it.

    python benchmarks/stages.py [--table calls] [--runs 3] CAPTURE...

Each run is a process of its own. Processor time (s, all threads) is that of a stage without the stages that it asks
for, the median of the runs; the memory is the peak of the process when the stage was done. Of the reading it also says
what each thread of the core took, the slowest first: the one that takes packets apart, those that parse messages (on
Linux only).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class CoreThreads:
    """Processor seconds of the threads of the core, which end with the reading: looked at while they run."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self._done = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> CoreThreads:
        self._looker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._looker.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            for task in Path("/proc/self/task").glob("*"):
                try:
                    name = (task / "comm").read_text().strip()
                    if name in ("sip-read", "sip-parse"):
                        self.seconds[name, task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
                except OSError:
                    continue

    def slowest_first(self) -> list[tuple[str, float]]:
        return sorted(((name, took) for (name, _), took in self.seconds.items()), key=lambda one: -one[1])


def measured(table: str, captures: list[str]) -> list[tuple[str, float, float]]:
    """One reading: name, processor seconds and peak of the import, the reading and each stage that took time."""
    import polars  # noqa: F401

    import analyzer.api.graph_source
    from analyzer.graph.graph import Graph

    found = [("import", processor_seconds(), peak_mib())]
    inner: list[float] = []

    class Timed(Graph):
        def _make(self, node: Any, name: str) -> Any:
            began = processor_seconds()
            inner.append(0.0)
            value = super()._make(node, name)
            took = processor_seconds() - began
            found.append((name, took - inner.pop(), peak_mib()))
            if inner:
                inner[-1] += took
            return value

    setattr(analyzer.api.graph_source, "Graph", Timed)  # noqa: B010
    began = processor_seconds()
    with CoreThreads() as threads:
        capture = analyzer.read(captures, tables=[table])
    found.append(("reading", processor_seconds() - began, peak_mib()))
    for number, (name, took) in enumerate(threads.slowest_first(), 1):
        found.append((f"- thread {number}, {name}", took, peak_mib()))
    capture.table(table)
    return found


def medians(runs: list[list[tuple[str, float, float]]]) -> list[tuple[str, float, float]]:
    """Of each stage the median over the runs, in the order of the first."""
    of_all = [{name: (took, peak) for name, took, peak in run} for run in runs]

    def median(name: str, place: int) -> float:
        return statistics.median(run[name][place] for run in of_all if name in run)

    return [(name, median(name, 0), median(name, 1)) for name, _, _ in runs[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Where the time of a table goes.")
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    parser.add_argument("--table", default="calls")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        print(json.dumps(measured(args.table, args.captures)))
        return
    again = [sys.executable, __file__, "--once", "--table", args.table, *args.captures]
    runs = [json.loads(subprocess.run(again, check=True, capture_output=True).stdout) for _ in range(args.runs)]
    stages = medians(runs)
    total = sum(took for name, took, _ in stages if not name.startswith("- "))
    print("| stage | processor s | share | peak MiB |\n|---|---|---|---|")
    for name, took, peak in stages:
        if took >= total / 200:
            print(f"| {name} | {took:.2f} | {took / total:.0%} | {peak:.0f} |")
    print(f"| all | {total:.2f} | | {max(peak for *_, peak in stages):.0f} |")


if __name__ == "__main__":
    main()
