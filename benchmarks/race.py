#!/usr/bin/env python3
"""Race `sip-analyzer calls` against the tools people use today, over captures of known content.

    python benchmarks/race.py [--quick] [--sizes 10k,100k,1M] [--transports udp,tcp] [--rivals sngrep,tshark] [--runs 3]
                              [--limit SECONDS] [--command 'cmd {file} -o {output}'] [--json FILE]

Prints a Markdown table of wall time and peak memory, what each tool read, and which of the project's promises hold.
A benchmark informs: the exit status is 0 whatever was measured, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.metadata
import json
import os
import platform
import re
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

HERE = Path(__file__).resolve().parent
CAPTURES = HERE / "captures"
SIZES = {"six": 6, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}
RACED = ("10k", "100k", "1M")
TRANSPORTS = ("udp", "tcp")
OURS = "ours"  # sip-analyzer, or what --command gives
MEMORY_LIMIT = 8 << 30  # bytes of address space for a rival
ENDS = 16_384  # bytes kept of each end of an output
ONCE_ABOVE_S = 15.0  # a command this slow is not run again

Truth = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A competitor. `words` may hold {file} and {output}; `read` finds in its output what it says it has read."""

    name: str
    words: tuple[str, ...]
    largest: str = "1M"
    read: Callable[[str, Truth], str] = lambda _output, _truth: ""

    def line(self, capture: Path, output: str = os.devnull) -> list[str]:
        return [word.replace("{file}", str(capture)).replace("{output}", output) for word in self.words]


@dataclass(frozen=True)
class Run:
    """One process from start to end. `peak` is in bytes; `failure` is empty when it ended by itself with 0."""

    wall_s: float
    cpu_s: float
    peak: int
    failure: str
    output: str


@dataclass
class Result:
    """All runs of one command over one capture."""

    size: str
    transport: str
    messages: int
    command: str
    runs: list[Run] = field(default_factory=list)
    read: str = ""

    @property
    def failure(self) -> str:
        return next((run.failure for run in self.runs if run.failure), "")

    @property
    def wall_s(self) -> float:
        """The median; for a run that was stopped, the time it had had: the least that it takes."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def peak(self) -> int:
        return max(run.peak for run in self.runs)

    @property
    def stopped(self) -> bool:
        return self.failure.startswith("stopped")

    @property
    def measured(self) -> bool:
        """Whether the times mean something: it ended well, or it was stopped at the limit."""
        return bool(self.runs) and (not self.failure or self.stopped)


# Running one process


def run(line: list[str], limit_s: float, memory_limit: int | None = None) -> Run:
    """Run to the end or to the limit. Time is wall time; memory that of the process or of a child it waited for."""

    def confine() -> None:
        if memory_limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))

    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        try:
            process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True, preexec_fn=confine
            )
        except OSError as error:
            return Run(0.0, 0.0, 0, str(error), "")
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            _kill_group(process.pid)

        timer = threading.Timer(limit_s, stop)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # Ctrl-C: leave no rival behind
            _kill_group(process.pid)
            raise
        finally:
            timer.cancel()
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        failure = ""
        if stopped.is_set():
            failure = f"stopped after {limit_s:g} s"
        elif process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            failure = f"exit status {process.returncode}: {''.join(last)[:100]}"
        text = _ends(output)
        return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, failure, text)


def _ends(output: BinaryIO) -> str:
    """The head and the tail of an output: what is said about the whole stands there, and we stay small (own_peak)."""
    size = output.seek(0, os.SEEK_END)
    output.seek(0)
    head = output.read(ENDS)
    output.seek(max(ENDS, size - ENDS))
    return (head + output.read(ENDS)).decode(errors="replace")


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def warm(path: Path) -> None:
    """Bring the capture into the page cache, so that the first to run pays no more than the others."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def own_peak() -> int:
    """Our own memory: the kernel counts what a child had before exec, so that no child seems to need less."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# The competitors


def our_command(given: str | None) -> Command:
    if given is not None:
        return Command(OURS, tuple(shlex.split(given)))
    beside = Path(sys.executable).with_name("sip-analyzer")
    start = (str(beside),) if beside.exists() else (sys.executable, "-m", "analyzer")
    return Command(OURS, (*start, "calls", "{file}", "--format", "csv", "-o", "{output}"))


def _of(count: int | None, truth: Truth, key: str, what: str) -> str:
    """ "all N messages", or how many of them."""
    total = truth[key]
    if count is None:
        return "does not say"
    return f"all {count:,} {what}" if count == total else f"{count:,} of {total:,} {what}"


def _last_number(pattern: str, text: str) -> int | None:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else None


def _read_sngrep(text: str, truth: Truth) -> str:
    return _of(_last_number(r"Dialog count: (\d+)", text), truth, "call_ids", "Call-IDs")


def _read_tshark(text: str, truth: Truth) -> str:
    return _of(_last_number(r"Number of SIP messages: (\d+)", text), truth, "messages", "messages")


def _read_sip_doctor(text: str, truth: Truth) -> str:
    return _of(_last_number(r"(\d+) SIP messages", text), truth, "messages", "messages")


def _read_count(text: str, truth: Truth) -> str:
    return _of(_last_number(r"(\d+)\s*$", text), truth, "messages", "messages")


def _silent(_text: str, _truth: Truth) -> str:
    return "does not say"


def _script(library: str, largest: str) -> Command:
    return Command(
        library, (sys.executable, str(HERE / "rivals" / f"count_{library}.py"), "{file}"), largest, _read_count
    )


FIELDS = (
    *("-e", "frame.time_epoch", "-e", "ip.src", "-e", "ip.dst", "-e", "sip.Call-ID", "-e", "sip.CSeq"),
    *("-e", "sip.Status-Code", "-e", "sip.from.tag", "-e", "sip.to.tag"),
)
# sngrep without -q, for it then says how many dialogs it has read; -F for no user's configuration; -l so that its
# default of 20,000 dialogs does not spare it any work.
RIVALS = (
    Command("sngrep", ("sngrep", "-F", "-N", "-l", "1000000", "-I", "{file}"), "1M", _read_sngrep),
    Command("tshark", ("tshark", "-q", "-z", "sip,stat", "-r", "{file}"), "100k", _read_tshark),
    # The table of messages one would build calls from; unlike for sip,stat, tshark then makes the whole tree.
    Command("tshark-fields", ("tshark", "-r", "{file}", "-Y", "sip", "-T", "fields", *FIELDS), "100k", _silent),
    Command(
        "sip-doctor",
        ("sip-doctor", "read", "{file}", "--no-flow", "--brief", "--no-rtp", "--no-color"),
        "100k",
        _read_sip_doctor,
    ),
    _script("dpkt", "1M"),
    _script("scapy", "10k"),
    _script("pyshark", "10k"),
)
LIBRARIES = ("dpkt", "scapy", "pyshark")


def installed(rival: Command) -> tuple[Command, str] | None:
    """The rival with its program found, and its version; None where it is not installed."""
    if rival.name in LIBRARIES or rival.name == "sip-doctor":
        try:
            version = importlib.metadata.version(rival.name)
        except importlib.metadata.PackageNotFoundError:
            return None
        if rival.name in LIBRARIES:
            return rival, version
        program = Path(sys.executable).with_name(rival.name)
        return Command(rival.name, (str(program), *rival.words[1:]), rival.largest, rival.read), version
    found = shutil.which(rival.words[0])
    if found is None:
        return None
    text = run([found, "--version"], 10).output
    version_match = re.search(r"\d+(?:\.\d+)+", text)
    return rival, version_match[0] if version_match else "?"


def check_calls(ours: Command, capture: Path, truth: Truth, limit_s: float) -> str:
    """Run ours once, untimed, and compare its calls with the truth."""
    if not any("{output}" in word for word in ours.words):
        return "not checked"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "calls.csv"
        failure = run(ours.line(capture, str(output)), limit_s).failure
        if failure:
            return failure
        try:
            with output.open(newline="", encoding="utf-8") as file:
                outcomes = Counter(row.get("outcome") or "(none)" for row in csv.DictReader(file))
        except (OSError, ValueError) as error:
            return f"MISMATCH: no table to compare: {error}"
    if outcomes == Counter(truth["outcomes"]):
        return _of(outcomes.total(), truth, "calls", "calls, every outcome right")
    names = sorted(outcomes.keys() | truth["outcomes"].keys())
    wrong = [f"{name} {outcomes[name]} for {truth['outcomes'].get(name, 0)}" for name in names]
    wrong = [text for text, name in zip(wrong, names, strict=True) if outcomes[name] != truth["outcomes"].get(name, 0)]
    return f"MISMATCH: {outcomes.total():,} calls for {truth['calls']:,}; {', '.join(wrong)}"


# The race


def race(commands: list[Command], size: str, transport: str, runs: int, limit_s: float) -> list[Result]:
    """All commands over one capture, in turn, so that whatever slows the machine down slows them all."""
    capture = CAPTURES / f"{transport}-{size}.pcap"
    truth: Truth = json.loads(capture.with_suffix(".json").read_text())
    taking_part = [command for command in commands if SIZES[size] <= SIZES[command.largest]]
    results = [Result(size, transport, truth["messages"], command.name) for command in taking_part]
    warm(capture)
    for round_ in range(runs):
        for command, result in zip(taking_part, results, strict=True):
            if result.failure or (result.runs and result.runs[0].wall_s > ONCE_ABOVE_S):
                continue
            is_ours = command.name == OURS
            if is_ours and round_ == 0:
                result.read = check_calls(command, capture, truth, limit_s)
            progress(f"{transport} {size}, run {round_ + 1} of {runs}: {command.name}")
            result.runs.append(run(command.line(capture), limit_s, None if is_ours else MEMORY_LIMIT))
            if not is_ours:
                result.read = result.failure or command.read(result.runs[-1].output, truth)
            elif result.failure:
                result.read = result.failure
    return results


def limit_for(size: str, limit_s: float) -> float:
    """A quarter of the limit for a small capture, half for a middle one: the outcome is clear long before."""
    return limit_s * {"six": 0.25, "10k": 0.25, "100k": 0.5, "1M": 1.0}[size]


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


# What is printed


@dataclass(frozen=True)
class Promise:
    """One line of what the project has set itself; `measured` is None where a part of it was not raced."""

    text: str
    measured: float | None
    goal: float
    unit: str
    at_least: bool  # the goal is a lower bound, as for a ratio, or else an upper one
    bound: bool = False  # the measured value is only a lower bound: a rival was stopped

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        met = self.measured >= self.goal if self.at_least else self.measured <= self.goal
        if not met and self.bound:
            return "not known: the rival was stopped too early"
        return "met" if met else "NOT met"

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        goal = f"goal {sign} {self.goal:g} {self.unit}"
        if self.measured is None:
            return f"- {self.text}: not measured ({goal})"
        return (
            f"- {self.text}: {'≥ ' if self.bound else ''}{self.measured:.3g} {self.unit} ({goal}): **{self.verdict}**"
        )


def promises(results: list[Result], startup: Result | None, help_run: Result | None) -> list[Promise]:
    """What design and README promise, from what was measured."""
    by_key = {(result.transport, result.size, result.command): result for result in results if result.measured}
    ours_started = startup if startup is not None and startup.measured and not startup.failure else None
    lines = []
    for transport in dict.fromkeys(result.transport for result in results):

        def ours(size: str, transport: str = transport) -> Result | None:
            found = by_key.get((transport, size, OURS))
            return found if found is not None and not found.failure else None

        for rival, size, goal in (("sngrep", "100k", 5), ("tshark", "100k", 30), ("sngrep", "1M", 8)):
            mine, other = ours(size), by_key.get((transport, size, rival))
            ratio = other.wall_s / mine.wall_s if mine and other else None
            stopped = other is not None and other.stopped
            lines.append(Promise(f"{transport}, {size}: times faster than {rival}", ratio, goal, "x", True, stopped))
        small, large = ours("100k"), ours("1M")
        growth = None
        if small and large and ours_started and small.wall_s > ours_started.wall_s:
            growth = (large.wall_s - ours_started.wall_s) / (small.wall_s - ours_started.wall_s)
        text = f"{transport}: time for 1M over time for 100k, less start-up"
        lines.append(Promise(text, growth, 11, "x", False))
        largest = large or small or ours("10k")
        memory = (largest.peak - ours_started.peak) / largest.messages if largest and ours_started else None
        where = f" at {largest.size}" if largest else ""
        lines.append(Promise(f"{transport}: peak memory per message{where}, less start-up", memory, 1200, "B", False))
    help_s = help_run.wall_s if help_run is not None and not help_run.failure else None
    lines.append(Promise("sip-analyzer --help", help_s, 0.2, "s", False))
    lines.append(Promise("a file of six messages", ours_started.wall_s if ours_started else None, 0.5, "s", False))
    return lines


def table(results: list[Result]) -> str:
    rows = [
        "| size | transport | command | wall, median | CPU | peak memory | ratio to ours | read |",
        "|---|---|---|---:|---:|---:|---:|---|",
    ]
    ours = {(r.size, r.transport): r.wall_s for r in results if r.command == OURS and r.runs and not r.failure}
    floor = own_peak()
    for result in results:
        head = f"| {result.size} | {result.transport} | {result.command} |"
        if not result.measured:
            rows.append(f"{head} failed | | | | {result.read} |")
            continue
        bound = "≥ " if result.stopped else ""
        base = ours.get((result.size, result.transport))
        ratio = f"{bound}{result.wall_s / base:.1f}" if base else ""
        peak = f"{'≤ ' if result.peak <= floor else bound}{result.peak / 1e6:,.0f} MB"
        times = f"{bound}{result.wall_s:.2f} s | {bound}{result.cpu_s:.2f} s"
        rows.append(f"{head} {times} | {peak} | {ratio} | {result.read} |")
    return "\n".join(rows)


def as_json(results: list[Result], lines: list[Promise], machine: str) -> dict[str, object]:
    return {
        "machine": machine,
        "results": [
            {
                "size": result.size,
                "transport": result.transport,
                "messages": result.messages,
                "command": result.command,
                "wall_s": [run.wall_s for run in result.runs],
                "cpu_s": [run.cpu_s for run in result.runs],
                "peak_bytes": [run.peak for run in result.runs],
                "failure": result.failure,
                "read": result.read,
            }
            for result in results
        ],
        "promises": [
            {
                "text": line.text,
                "measured": line.measured,
                "goal": line.goal,
                "unit": line.unit,
                "verdict": line.verdict,
            }
            for line in lines
        ],
    }


def machine_text(versions: list[str]) -> str:
    cores = os.cpu_count()
    python = f"CPython {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {cores} cores, {python}; {', '.join(versions) or 'no rival'}"


def chosen(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """An argparse type: names out of `known`, separated by commas; "none" for none of them."""

    def parse(text: str) -> list[str]:
        names = [] if text == "none" else text.split(",")
        if any(name not in known for name in names):
            raise argparse.ArgumentTypeError(f"{text!r}: give some of {','.join(known)}")
        return [name for name in known if name in names]

    return parse


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Race sip-analyzer against the tools people use today, over captures of known content."
    )
    names = tuple(rival.name for rival in RIVALS)
    parser.add_argument("--sizes", type=chosen(RACED), help=f"default: {','.join(RACED)}")
    parser.add_argument("--transports", type=chosen(TRANSPORTS), default=list(TRANSPORTS), help="default: udp,tcp")
    parser.add_argument(
        "--rivals", type=chosen(names), default=list(names), help=f"default: {','.join(names)}; or none"
    )
    parser.add_argument("--runs", type=positive, default=3, help="runs of each command; the median counts (default: 3)")
    parser.add_argument("--limit", type=positive, default=120, metavar="SECONDS", help="at 1M; less for the smaller")
    parser.add_argument("--quick", action="store_true", help="10k only")
    parser.add_argument(
        "--command", metavar="'CMD {file}'", help="race this instead of sip-analyzer; may hold {output}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to this file too")
    args = parser.parse_args()
    if args.quick and args.sizes:
        parser.error("--quick and --sizes exclude each other")
    if args.command is not None and "{file}" not in args.command:
        parser.error("--command has no {file}")
    args.sizes = ["10k"] if args.quick else args.sizes or list(RACED)
    return args


def main() -> None:
    args = arguments()
    ours = our_command(args.command)
    commands, versions, missing = [ours], [], []
    for rival in (rival for rival in RIVALS if rival.name in args.rivals):
        found = installed(rival)
        if found is None:
            missing.append(rival.name)
        else:
            commands.append(found[0])
            versions.append(f"{rival.name} {found[1]}")
    # In a process of its own, so that this one stays small: see own_peak.
    generator = [sys.executable, str(HERE / "write_captures.py"), "--transports", ",".join(args.transports)]
    subprocess.run([*generator, "--sizes", ",".join(["six", *args.sizes])], check=True)

    startup = race([ours], "six", args.transports[0], max(args.runs, 3), limit_for("six", args.limit))[0]
    help_run = None
    if args.command is None:
        help_line = [*ours.words[: ours.words.index("calls")], "--help"]
        help_run = Result("", "", 0, OURS, [run(help_line, args.limit) for _ in range(max(args.runs, 3))])
    results = [startup]
    for size in args.sizes:
        for transport in args.transports:
            results += race(commands, size, transport, args.runs, limit_for(size, args.limit))
    progress("")

    lines = promises(results, startup, help_run)
    machine = machine_text(versions)
    print(f"{machine}\n\nours: `{shlex.join(ours.words)}`\n")
    if missing:
        print(f"Not installed, so not raced: {', '.join(missing)}\n")
    print(table(results))
    print("\nPromises\n")
    print("\n".join(map(str, lines)))
    for result in results:
        if result.command == OURS and result.read.startswith("MISMATCH"):
            print(f"\n{result.size} {result.transport}: {result.read}")
    if args.json is not None:
        args.json.write_text(json.dumps(as_json(results, lines, machine), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
