#!/usr/bin/env python3
"""What a store costs and gives: memory at n and twice n messages, time beside `calls`, size, and queries.

    python benchmarks/scale.py [CAPTURE] [--times 4] [--window 100000] [--json FILE]

CAPTURE (default: the 100k capture of ``write_captures.py``) is put into the store ``--times`` times, each copy later
by the length of the capture and with Call-IDs of its own, as a tap does that writes a file after another. Peak memory
is that of whole processes; the load of the machine is told, for others may share it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import sys
import tempfile
import time
from pathlib import Path

import race
import write_captures

PCAP_HEADER, RECORD_HEADER = 24, 16


def copy_later(source: Path, target: Path, number: int) -> None:
    """The capture with other Call-IDs, ``number`` times its length later (pcap of this machine's byte order)."""
    data = source.read_bytes()
    magic = struct.unpack_from("<I", data)[0]
    if magic not in (0xA1B2C3D4, 0xA1B23C4D):
        sys.exit(f"{source}: is no pcap in little-endian byte order")
    places, at = [], PCAP_HEADER
    while at + RECORD_HEADER <= len(data):
        places.append(at)
        at += RECORD_HEADER + struct.unpack_from("<I", data, at + 8)[0]
    begin, end = (struct.unpack_from("<I", data, place)[0] for place in (places[0], places[-1]))
    shift = number * (end - begin + 1)
    # As long as it was, so that no length changes: of each Call-ID the first letters behind the colon.
    mark = f"{number:03}".encode()
    out = bytearray(data)
    for place in places:
        struct.pack_into("<I", out, place, struct.unpack_from("<I", data, place)[0] + shift)
    for name in (b"\r\nCall-ID: ", b"branch=z9hG4bK"):
        at = out.find(name)
        while at >= 0:
            out[at + len(name) : at + len(name) + 3] = mark
            at = out.find(name, at + 1)
    target.write_bytes(out)


def command(*words: object) -> race.Run:
    """One command as a whole process."""
    found = race.run([sys.executable, "-m", "analyzer", *map(str, words)], 3_600.0)
    if found.failure:
        sys.exit(f"{' '.join(map(str, words))}: {found.failure}")
    return found


def size(folder: Path) -> int:
    """Bytes of the files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def queries(folder: Path) -> dict[str, float]:
    """Seconds of queries over an open store, the middle hour and everything."""
    import polars as pl

    import analyzer

    begun = time.perf_counter()
    calls = analyzer.open_store(folder).table("calls")
    found = {"open and calls": time.perf_counter() - begun}
    middle = calls["started_at"].sort()[calls.height // 2]
    hour = (middle.replace(minute=0, second=0, microsecond=0), middle.replace(minute=59, second=59, microsecond=0))
    begun = time.perf_counter()
    store = analyzer.open_store(folder).filter(analyzer.Filter(since=hour[0], until=hour[1]))
    rows = store.source.table("calls").height
    found |= {"calls of an hour": time.perf_counter() - begun, "rows of the hour": float(rows)}
    begun = time.perf_counter()
    analyzer.open_store(folder).measure("kpis", only="asr,ner,pdd_s")
    found["KPIs"] = time.perf_counter() - begun
    begun = time.perf_counter()
    pl.scan_parquet(f"{folder}/calls/**/*.parquet").group_by("outcome").len().collect()
    found["outcomes with Polars alone"] = time.perf_counter() - begun
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="?", type=Path)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--window", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    capture = given.capture or write_captures.ensure("100k", "udp")
    found: dict[str, object] = {"load": os.getloadavg()[0], "capture": capture.name, "window": given.window}
    with tempfile.TemporaryDirectory(dir=capture.parent) as name:
        work = Path(name)
        for number in range(given.times):
            copy_later(capture, work / f"copy{number:03}.pcap", number)
        copies = sorted(work.glob("copy*.pcap"))
        race.warm(copies[0])
        calls = command("calls", copies[0], "--format", "csv", "-o", work / "calls.csv")
        once = command("batch", copies[0], "-o", work / "once", "--window", given.window, "--quiet")
        found |= {"calls (s)": calls.cpu_s, "calls (MB)": calls.peak / 1e6}
        found |= {"batch (s)": once.cpu_s, "batch of calls": once.cpu_s / calls.cpu_s, "batch (MB)": once.peak / 1e6}
        for part in (given.times // 2, given.times):
            store = work / f"store{part}"
            run = command("batch", *copies[:part], "-o", store, "--window", given.window, "--quiet")
            found |= {f"{part} copies (s)": run.cpu_s, f"{part} copies (MB)": run.peak / 1e6}
        import analyzer

        sip = analyzer.open_store(store).source.lean_messages(["length"])["length"].sum()
        found["share of the SIP bytes"] = size(store) / sip
        found |= queries(store)
        shutil.rmtree(store)
    for key, value in found.items():
        print(f"{key:28} {value:.3f}" if isinstance(value, float) else f"{key:28} {value}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
