#!/usr/bin/env python3
"""The figures of a store, in one run: memory, time and size as captures grow, calls that are alive, queries, workers.

    python benchmarks/scale.py [--messages 10000000] [--files 200] [--alive 100000] [--compressed] [--only batch,calls]
                               [--folder FOLDER] [--json FILE]

A capture of ``messages / files`` messages is copied into ``files`` files, each later by its length and with Call-IDs of
its own, as a tap does that writes a file after another. A hundredth, a tenth, half, and all of them are put into a
store each; ``--compressed`` keeps the files as gz, where the disk is short: ten million messages take 13 GB, or 3 GB.
Parts, for ``--only``:

    batch    processor time, wall time and peak memory of each store, its size beside the bytes of SIP, growth
    calls    memory of ``batch`` beside that of ``calls`` over the same tenth
    alive    the same for a capture in which so many calls are alive at once
    queries  calls of an hour and a KPI over the largest store, beside DuckDB over the same files
    workers  wall time of one worker of one thread and of two, over the tenth

Everything but ``--folder`` is removed. Peak memory is that of a whole process; the load of the machine is told, for
others may share it.
"""

from __future__ import annotations

import argparse
import gzip
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
PARTS = ("batch", "calls", "alive", "queries", "workers")
HOUR = "copy (select * from read_parquet('{store}/calls/*/*/*.parquet') where started_at >= '{begin}' and started_at <"
HOUR += " '{end}' order by started_at) to '{output}'"
RATE = "select sum((outcome = 'answered')::int) / count(*) from read_parquet('{store}/calls/*/*/*.parquet') where"
RATE += " outcome not in ('joined', 'unfinished', 'answered_elsewhere', 'redirected', 'auth_failed')"


class Copies:
    """Copies of a capture (pcap of this machine's byte order), each later than the one before."""

    def __init__(self, source: Path) -> None:
        self._data = source.read_bytes()
        magic = struct.unpack_from("<I", self._data)[0]
        if magic not in (0xA1B2C3D4, 0xA1B23C4D):
            sys.exit(f"{source}: is no pcap in little-endian byte order")
        self._places, at = [], PCAP_HEADER
        while at + RECORD_HEADER <= len(self._data):
            self._places.append(at)
            at += RECORD_HEADER + struct.unpack_from("<I", self._data, at + 8)[0]
        begin, end = (struct.unpack_from("<I", self._data, place)[0] for place in (self._places[0], self._places[-1]))
        self._length = end - begin + 1
        self._marks = []
        for name in (b"\r\nCall-ID: ", b"branch=z9hG4bK"):
            at = self._data.find(name)
            while at >= 0:
                self._marks.append(at + len(name))
                at = self._data.find(name, at + 1)

    def write(self, target: Path, number: int) -> None:
        """The capture with other Call-IDs and branches, ``number`` times its length later."""
        out = bytearray(self._data)
        for place in self._places:
            struct.pack_into("<I", out, place, struct.unpack_from("<I", out, place)[0] + number * self._length)
        # As long as it was, so that no length changes.
        mark = f"{number:03}".encode()
        for place in self._marks:
            out[place : place + len(mark)] = mark
        if target.suffix == ".gz":
            with gzip.open(target, "wb", compresslevel=1) as file:
                file.write(out)
        else:
            target.write_bytes(out)


def command(*words: object, module: tuple[str, ...] = ("-m", "analyzer")) -> race.Run:
    """One command as a whole process."""
    found = race.run([sys.executable, *module, *map(str, words)], 6 * 3_600.0)
    if found.failure:
        sys.exit(f"{' '.join(map(str, words))}: {found.failure}")
    return found


def size(folder: Path) -> int:
    """Bytes of the files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def stored(files: list[Path], store: Path, *options: object) -> dict[str, float]:
    """What it costs to put these captures into a store, and what this is."""
    run = command("batch", *files, "-o", store, "--quiet", *options)
    found = {"cpu_s": run.cpu_s, "wall_s": run.wall_s, "MB": run.peak / 1e6}
    program = "import polars, sys; print(*polars.scan_parquet(sys.argv[1] + '/messages/**/*.parquet')"
    program += ".select(polars.len(), polars.col('length').cast(polars.Int64).sum()).collect().row(0))"
    messages, sip = map(int, command(program, store, module=("-c",)).output.split())
    return found | {"messages": messages, "store_MB": size(store) / 1e6, "share_of_SIP": size(store) / sip}


def queries(store: Path) -> dict[str, dict[str, float]]:
    """Calls of the middle hour, and the answer-seizure ratio of all: seconds of this program, and of DuckDB."""
    middle = json.loads((store / "store.json").read_text())["parts"]
    hour = middle[len(middle) // 2][1]
    output = store / "output.parquet"
    words = {"store": store, "begin": f"{hour}:00:00Z", "end": f"{hour}:59:59Z", "output": output}
    asked = {
        "calls of an hour": (
            ["calls", store, "--since", words["begin"], "--until", words["end"], "--format", "parquet", "-o", output],
            HOUR,
        ),
        "kpis --only asr": (["kpis", store, "--only", "asr"], RATE),
    }
    found = {}
    for name, (line, query) in asked.items():
        ours = command(*line)
        program = "import duckdb, sys; duckdb.sql('set threads = 2'); print(duckdb.sql(sys.argv[1]) or '')"
        theirs = command(query.format(**words), module=("-c", program))
        found[name] = {
            "wall_s": ours.wall_s, "cpu_s": ours.cpu_s, "MB": ours.peak / 1e6, "duckdb_wall_s": theirs.wall_s,
            "ratio": ours.wall_s / theirs.wall_s,
        }  # fmt: skip
        output.unlink(missing_ok=True)
    return found


def measured(given: argparse.Namespace, work: Path) -> dict[str, dict[str, float]]:
    """All rows of the table, as they come."""
    rows: dict[str, dict[str, float]] = {}

    def told(name: str, row: dict[str, float]) -> None:
        rows[name] = row
        print(f"{name:24}", *(f"{key} {value:,.3f}".rstrip("0").rstrip(".") for key, value in row.items()), flush=True)

    seed = work / "seed.pcap"
    write_captures.write(seed, given.messages // given.files, "udp", write_captures.SEED)
    begun, copies, files = time.perf_counter(), Copies(seed), []
    for number in range(given.files):
        files.append(work / f"copy{number:03}.pcap{'.gz' if given.compressed else ''}")
        copies.write(files[-1], number)
    del copies
    told(
        "captures",
        {"files": len(files), "MB": sum(map(os.path.getsize, files)) / 1e6, "s": time.perf_counter() - begun},
    )
    race.warm(files[0])
    tenth = files[: max(1, given.files // 10)]
    if {"batch", "queries"} & given.only:
        counts = sorted({max(1, given.files // part) for part in (100, 10, 2, 1)})
        for count in counts if "batch" in given.only else counts[-1:]:
            shutil.rmtree(work / "store", ignore_errors=True)
            told(f"batch {count} files", stored(files[:count], work / "store"))
        if len(counts) > 1 and "batch" in given.only:
            all_rows = [rows[f"batch {count} files"] for count in counts]
            for few, many in ((0, 1), (1, -1)):
                more = all_rows[many]["messages"] / all_rows[few]["messages"]
                if more == 1:
                    continue
                told(f"{more:.1f} times the messages", {"times_cpu": all_rows[many]["cpu_s"] / all_rows[few]["cpu_s"]})
            told("all beside half", {"times_MB": all_rows[-1]["MB"] / all_rows[-2]["MB"]})
        if "queries" in given.only:
            for name, row in queries(work / "store").items():
                told(name, row)
        shutil.rmtree(work / "store")
    if "calls" in given.only:
        calls = command("calls", *tenth, "--format", "csv", "-o", work / "calls.csv")
        once = stored(tenth, work / "store")
        shutil.rmtree(work / "store")
        told("calls of a tenth", {"cpu_s": calls.cpu_s, "wall_s": calls.wall_s, "MB": calls.peak / 1e6})
        told(
            "batch beside calls",
            {"times_MB": once["MB"] / (calls.peak / 1e6), "times_cpu": once["cpu_s"] / calls.cpu_s},
        )
    if "workers" in given.only:
        walls = []
        for number in (1, 2):
            run = stored(tenth, work / "store", "--workers", number, "--threads", 1)
            shutil.rmtree(work / "store")
            told(f"workers {number}", run)
            walls.append(run["wall_s"])
        told("two workers beside one", {"times_speed": walls[0] / walls[1]})
    if "alive" in given.only:
        for file in files:
            file.unlink()
        capture = work / "alive.pcap"
        write_captures.write(capture, 7 * given.alive, "udp", write_captures.SEED, given.alive)
        told(f"{given.alive} calls alive", stored([capture], work / "store"))
        shutil.rmtree(work / "store")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--alive", type=int, default=100_000)
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--only", type=write_captures.chosen(PARTS), default=list(PARTS))
    parser.add_argument(
        "--folder", type=Path, help="where the captures and stores lie meanwhile; default: beside others"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.only = set(given.only)
    folder = given.folder or write_captures.CAPTURES
    folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f}")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        rows = measured(given, Path(name))
    if given.json:
        given.json.write_text(
            json.dumps({"load": load, "messages": given.messages, **rows}, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
