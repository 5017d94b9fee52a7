#!/usr/bin/env python3
"""What commands cost over a store, beside DuckDB over the same Parquet files.

    python benchmarks/queries.py STORE [--copies 10] [--into FOLDER] [--only kpis,calls] [--no-rivals] [--json FILE]

``--copies N`` first makes a store of N copies of STORE, each later by the length of it and with keys and Call-IDs of
its own, as N captures of as many messages would; rates are then those of one, and memory shows whether it grows. Each
command and each query of DuckDB is a whole process: processor time, wall time and peak memory; the machine may be
shared, so that processor time is what compares.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import race

#: Columns that name a message, transaction, dialog, call, leg or description: those of a copy are its own.
KEYS = (
    *("message", "original", "transaction", "_transaction", "dialog", "call", "registration", "reference"),
    *("continued_by", "continues", "_call", "_dialog", "_leg", "_nonce", "_sdp", "_unit", "_message", "_leg_from"),
    *("_call_from", "value", "_body"),
)
TIMES = ("_at",)
_OURS = (sys.executable, "-m", "analyzer")

#: A command, and what DuckDB is asked for the same; {store} and {hour} stand in both.
QUERIES: dict[str, tuple[list[str], str]] = {
    "calls of an hour": (
        ["calls", "{store}", "--since", "{begin}", "--until", "{end}", "--format", "parquet", "-o", "{output}"],
        "copy (select * from {calls} where started_at >= '{begin}' and started_at < '{end}' order by started_at)"
        " to '{output}'",
    ),
    "calls": (
        ["calls", "{store}", "--format", "parquet", "-o", "{output}"],
        "copy (select * from {calls} order by started_at) to '{output}'",
    ),
    "kpis --only asr": (
        ["kpis", "{store}", "--only", "asr"],
        "select sum((outcome = 'answered')::int) / count(*) from {calls} where outcome not in ('joined', 'unfinished',"
        " 'answered_elsewhere', 'redirected', 'auth_failed')",
    ),
    "kpis --only setup_s": (
        ["kpis", "{store}", "--only", "setup_s"],
        "select count(setup_s), avg(setup_s), quantile_disc(setup_s, [0.5, 0.95, 0.99]) from {calls}"
        " where outcome = 'answered'",
    ),
    "kpis --only resent_share": (
        ["kpis", "{store}", "--only", "resent_share"],
        "select sum(greatest(request_copies - 1, 0) + greatest(response_copies - 1, 0))"
        " / sum(request_copies + response_copies) from {transactions}",
    ),
    "kpis --only message_rate": (
        ["kpis", "{store}", "--only", "message_rate"],
        "select count(*), min(time), max(time) from {messages} where not duplicate",
    ),
    "kpis --only sesr --every 1h": (
        ["kpis", "{store}", "--only", "sesr", "--every", "1h"],
        "select date_trunc('hour', started_at), sum((outcome = 'answered')::int) / count(*) from {calls}"
        " where outcome not in ('joined', 'unfinished', 'answered_elsewhere') group by all",
    ),
    "kpis": (["kpis", "{store}"], ""),
    "responses": (
        ["responses", "{store}"],
        "select method, status, count(*) from {transactions} group by all",
    ),
    "sql": (
        ["sql"],
        "select method, status, count(*) n from {messages} group by method, status order by n desc",
    ),
    "call 7": (["call", "7", "{store}"], ""),
    "ladder 7": (["ladder", "7", "{store}"], ""),
    "summary": (["summary", "{store}"], ""),
    "nodes": (["nodes", "{store}"], ""),
    "findings": (["findings", "{store}"], ""),
    "hops": (["hops", "{store}", "--limit", "5"], ""),
    "report md": (["report", "{store}", "--format", "md", "-o", "{output}"], ""),
    "report of an hour": (
        ["report", "{store}", "--since", "{begin}", "--until", "{end}", "--format", "md", "-o", "{output}"],
        "",
    ),
    "compare": (["compare", "{store}", "{store}"], ""),
}


def copies(source: Path, target: Path, count: int) -> None:
    """A store of so many copies of another, one after the other."""
    import polars as pl

    told = json.loads((source / "store.json").read_text())
    begin = min(part[3] for part in told["parts"])
    length = -(-(told["end"] - begin) // 10**9) * 10**9
    parts, commit = [], told["commit"]

    def moved(rows: pl.DataFrame, number: int) -> pl.DataFrame:
        mark, later = number << 48, number * length
        changed = [pl.col(name) ^ mark for name in KEYS if rows.schema.get(name) == pl.Int64]
        changed += [pl.col(name) + later for name in TIMES if name in rows.columns]
        for name, kind in rows.schema.items():
            if isinstance(kind, pl.Datetime):
                changed.append(pl.col(name) + pl.duration(nanoseconds=later))
        if "_order" in rows.columns:
            changed.append(pl.col("_order") + number * told["messages"])
        if "call_id" in rows.columns:
            changed.append(pl.concat_str(pl.lit(f"{number}-"), "call_id"))
        if "call_ids" in rows.columns:
            changed.append(pl.col("call_ids").list.eval(pl.concat_str(pl.lit(f"{number}-"), pl.element())))
        return rows.with_columns(changed)

    names = [path.parent.parent.parent for path in source.rglob("part-00000001.parquet")]
    for number in range(count):
        for part in told["parts"]:
            own, hour = len(parts) + 1, _hour(part[3] + number * length)
            for name in names:
                of_hour = f"day={part[1][:10]}/hour={part[1][11:13]}"
                path = name / of_hour / f"part-{part[0]:08d}.parquet"
                later = target / name.relative_to(source) / f"day={hour[:10]}/hour={hour[11:13]}"
                later.mkdir(parents=True, exist_ok=True)
                rows = moved(pl.read_parquet(path, hive_partitioning=False), number)
                rows.write_parquet(later / f"part-{own:08d}.parquet", compression="zstd", row_group_size=50_000)
            parts.append([own, hour, part[2], part[3] + number * length, part[4] + number * length, False])
    for name in ("files", "problems", "account", "inputs"):
        rows = pl.read_parquet(source / name / f"{name}-{commit:08d}.parquet")
        shifted = [
            moved(rows, number).with_columns(
                pl.concat_str(pl.lit(f"{number}-"), column) for column in ("file",) if column in rows.columns
            )
            for number in range(count)
        ]
        (target / name).mkdir(exist_ok=True)
        pl.concat(shifted).write_parquet(target / name / f"{name}-{commit:08d}.parquet")
    (target / "state").mkdir(exist_ok=True)
    shutil.copy(source / "state" / f"state-{commit:08d}.bin", target / "state")
    told |= {"parts": parts, "next_part": len(parts) + 1, "messages": told["messages"] * count}
    told["end"] += (count - 1) * length
    (target / "store.json").write_text(json.dumps(told, indent=1))


def _hour(at: int) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(at // 10**9, tz=datetime.UTC).strftime("%Y-%m-%dT%H")


def measured(store: Path, only: set[str], *, rivals: bool) -> list[dict[str, Any]]:
    """A row for each command."""
    told = json.loads((store / "store.json").read_text())
    middle = told["parts"][len(told["parts"]) // 2][1]
    begin = f"{middle}:00:00Z"
    end = f"{middle}:59:59Z"
    output = store / "output"
    tables = {name: f"read_parquet('{store}/{name}/*/*/*.parquet')" for name in ("calls", "transactions", "messages")}
    words = {"store": str(store), "begin": begin, "end": end, "output": f"{output}.parquet"}
    found = []
    for name, (line, query) in QUERIES.items():
        if only and not only & {name, line[0]}:
            continue
        out = str(output) + (".md" if line[0] == "report" else ".parquet")
        if name == "sql":
            program = "import analyzer, sys; print(analyzer.open_store(sys.argv[1]).sql(sys.argv[2]))"
            line = [sys.executable, "-c", program, str(store), query.format(messages="messages")]
        ours = [word.format(**(words | {"output": out})) if "{" in word else word for word in line]
        row: dict[str, Any] = {"query": name, **_run(ours if name == "sql" else [*_OURS, *ours])}
        if query and rivals:
            theirs = query.format(**words, **tables)
            program = "import duckdb, sys; duckdb.sql('set threads = 2'); print(duckdb.sql(sys.argv[1]) or '')"
            of_duckdb = _run([sys.executable, "-c", program, theirs])
            row |= {f"duckdb_{key}": value for key, value in of_duckdb.items()}
        found.append(row)
        print(" | ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    for left in store.glob("output.*"):
        left.unlink()
    return found


def _run(words: list[str]) -> dict[str, Any]:
    run = race.run(words, 3_600.0)
    if run.failure and not run.failure.endswith(" 1"):
        return {"failure": run.failure, "said": run.output[-300:]}
    return {"cpu_s": round(run.cpu_s, 2), "wall_s": round(run.wall_s, 2), "MB": run.peak >> 20}


def main() -> None:
    """The table, a line for each command."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("store", type=Path)
    asked.add_argument("--copies", type=int, default=1)
    asked.add_argument("--into", type=Path, help="folder of the store of copies; it stays")
    asked.add_argument("--only", default="", help="queries, or commands, with commas between")
    asked.add_argument("--no-rivals", action="store_true")
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    store = given.store
    if given.copies > 1:
        if given.into is None:
            asked.error("--copies: say --into FOLDER")
        if not (given.into / "store.json").exists():
            copies(store, given.into, given.copies)
        store = given.into
    only = {name.strip() for name in given.only.split(",") if name.strip()}
    rows = measured(store, only, rivals=not given.no_rivals)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
