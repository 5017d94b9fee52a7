#!/usr/bin/env python3
"""Media against rivals: `streams` beside `calls`, tshark and a bare walk, as whole processes in turn.

    python benchmarks/media.py [--runs 3] CAPTURE

CAPTURE has RTP: `write_captures.py --transports rtp` writes some. Printed are the medians of wall and processor time,
the highest peak of memory, packets a second, and how many times longer than `streams` each took.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path

import race

OURS = (sys.executable, "-m", "analyzer")
OUT = ("--format", "csv", "-o", "/dev/null")
COMMANDS = {
    "streams": (*OURS, "streams", "{file}", *OUT),
    "calls": (*OURS, "calls", "{file}", *OUT),
    "tshark -z rtp,streams": ("tshark", "-q", "-z", "rtp,streams", "-r", "{file}"),
    "sipnab": ("sipnab", "--json", "{file}"),
    "grep -c": ("grep", "-c", "-a", "Call-ID", "{file}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Media against rivals.")
    parser.add_argument("capture", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--packets", type=int, default=0, help="how many the capture has, for packets a second")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a run is stopped")
    args = parser.parse_args()
    race.warm(args.capture)
    there = {name: words for name, words in COMMANDS.items() if shutil.which(words[0])}
    runs: dict[str, list[race.Run]] = {name: [] for name in there}
    for turn in range(args.runs):
        for name, words in there.items():
            if turn and runs[name][0].wall_s > race.ONCE_ABOVE_S:
                continue
            runs[name].append(race.run([word.replace("{file}", str(args.capture)) for word in words], args.limit))
    first = statistics.median(run.wall_s for run in runs["streams"])
    print("| command | wall s | processor s | peak MiB | M packets/s | times `streams` |\n|---|--:|--:|--:|--:|--:|")
    for name, done in runs.items():
        wall, cpu = (statistics.median(getattr(run, what) for run in done) for what in ("wall_s", "cpu_s"))
        pace = f"{args.packets / wall / 1e6:.2f}" if args.packets else ""
        peak = max(run.peak for run in done) / 2**20
        failure = f" ({done[0].failure})" if done[0].failure else ""
        print(f"| {name}{failure} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {pace} | {wall / first:.1f} |")


if __name__ == "__main__":
    main()
