#!/usr/bin/env python3
"""Kills runs of `batch` at random moments, so many times, and holds each finished store against one that nobody killed.

    python benchmarks/kills.py [CAPTURE ...] [--kills 100] [--seed 1] [--window 200] [--workers 0]

CAPTURES (default: samples with calls, media, registrations and TCP, cut into 60 files) go into a store. The run is sent
SIGKILL when it has used a random time of processor, and started again, until the store is done; then the next store
begins. The exit status is 1 if a table of one differs, or if files of a killed run were left.

With --workers, many of these write the stores, and now and then one of them dies instead of the run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What is compared: all that a store keeps, and what is made of it.
TABLES = ("messages", "calls", "transactions", "dialogs", "registrations", "streams", "stream_intervals",
          "rtcp_reports", "dtmf", "tls_connections", "problems", "account", "files")  # fmt: skip
SAMPLES = (
    "services",
    "media",
    "volte_failures",
    "tcp_ugly",
    "blind_transfer",
    "media",
    "registration",
    "hold_resume",
    "services",
    "volte_call",
    "media",
    "proxy_auth",
)
#: A run is killed when it has used so much (s): before it reads, and up to when some have ended.
FROM_S, TO_S = 0.3, 1.8
#: Somebody of a run of many workers dies within so long (s).
WAIT_S = 20.0


def samples(folder: Path) -> list[Path]:
    """These samples one after another in time, in sixty files."""
    sys.path.insert(0, str(ROOT / "tests"))
    import merged

    packets = merged.packets_of(ROOT / "sample_pcaps" / f"{name}.pcap" for name in SAMPLES)
    size = -(-len(packets) // 60)
    cuts = range(0, len(packets), size)
    return [merged.write(folder / f"part{number:03}.pcapng", packets[at : at + size]) for number, at in enumerate(cuts)]


def used_s(process: subprocess.Popen[bytes]) -> float:
    """The time of processor that a process has used; all of it where it has ended."""
    try:
        words = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def killed(command: Sequence[str], after_s: float) -> bool:
    """Runs it, and kills it when it has used that much; whether it was. Raises where it fails by itself."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    while process.poll() is None:
        if used_s(process) >= after_s:
            process.kill()
            break
        time.sleep(0.002)
    _, errors = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}\n{errors.decode()}")
    return process.returncode != 0


def killed_of_many(command: Sequence[str], chance: random.Random) -> tuple[int, bool]:
    """Runs it with workers, and kills these, and at last the run itself, at random moments: how many processes, and
    whether the run is to be started again."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    deaths = 0
    while process.poll() is None:
        try:
            process.wait(chance.uniform(0, WAIT_S))
        except subprocess.TimeoutExpired:
            victim = chance.choice([process.pid, *below(process.pid)])
            deaths += 1
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                deaths -= 1
    _, errors = process.communicate()
    # Status 2: too many died of one task.
    if process.returncode not in (0, -signal.SIGKILL) and b"what was done is kept" not in errors:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}\n{errors.decode()}")
    return deaths, process.returncode != 0


def below(process: int) -> list[int]:
    """The processes that it, or one of these, has started."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == process:
            children.append(int(path.parent.name))
    return [found for child in children for found in (child, *below(child))]


def run(files: Iterable[Path], store: Path, window: int, workers: int = 0) -> list[str]:
    """The command."""
    paths = [str(path) for path in files]
    command = [sys.executable, "-m", "analyzer", "batch", *paths, "-o", str(store), "--window", str(window), "--quiet"]
    return [*command, *(["--workers", str(workers)] if workers else [])]


def different(one: Path, other: Path) -> list[str]:
    """The tables of two stores that differ."""
    import analyzer

    both = [analyzer.open_store(path) for path in (one, other)]
    return [name for name in TABLES if not both[0].table(name).equals(both[1].table(name))]


def main() -> int:
    """Kills, goes on, compares."""
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("captures", nargs="*", type=Path)
    said.add_argument("--kills", type=int, default=100)
    said.add_argument("--seed", type=int, default=1)
    said.add_argument("--window", type=int, default=200)
    said.add_argument("--workers", type=int, default=0)
    given = said.parse_args()
    chance = random.Random(given.seed)
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        files = given.captures or samples(Path(folder))
        whole = Path(folder) / "whole"
        killed(run(files, whole, given.window), float("inf"))
        deaths, stores, wrong = 0, 0, 0
        while deaths < given.kills:
            store = Path(folder) / f"store{stores}"
            of_this = 0
            again = given.workers > 0
            while again:
                died, again = killed_of_many(run(files, store, given.window, given.workers), chance)
                of_this += died
            while not given.workers and killed(run(files, store, given.window), chance.uniform(FROM_S, TO_S)):
                of_this += 1
                if deaths + of_this >= given.kills:
                    killed(run(files, store, given.window), float("inf"))
                    break
            deaths, stores = deaths + of_this, stores + 1
            tables, left = different(whole, store), [path.name for path in store.rglob("*.new")]
            wrong += bool(tables or left)
            print(f"store {stores}: {of_this} kills, {'same' if not tables else f'differs in {tables}'}, "
                  f"{len(left)} files left over", flush=True)  # fmt: skip
        print(f"{deaths} kills, {stores} stores, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
