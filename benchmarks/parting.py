#!/usr/bin/env python3
"""How often `compare` finds the node that failed a call: a table of docs/compare.md.

    python benchmarks/parting.py [--calls 150] [--write]

In networks of the simulator each failed call is compared with the first answered one. Right is the node that the truth
says failed the call, where both calls part. ``--write`` puts the table into docs/compare.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import analyzer
from analyzer.simulator import make

DOCS = Path(__file__).resolve().parents[1] / "docs" / "compare.md"
BEGIN, END = "<!-- parting -->", "<!-- /parting -->"
SEED = 3261

#: Failures that a node gives by itself, and calls to compare them with.
MIX = dict.fromkeys(
    ("busy", "declined", "forbidden", "as_error", "as_overload", "unknown_user", "no_resources", "answered"), 1.0
)
VARIANTS: dict[str, dict[str, Any]] = {
    "the mix": {},
    "proxying ASs": {"proxying_as": 1.0},
    "over TCP": {"transport": "tcp"},
    "I- and S-CSCF in one node": {"combined": "I+S"},
    "5 % of the messages lost": {"loss": 0.05},
    "two points, clocks 2 s apart, 5 % of the packets not captured": {
        "points": ("access", "core"),
        "skew_s": 2.0,
        "capture_loss": 0.05,
    },
    "captured only in the core": {"points": ("core",)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=150)
    parser.add_argument("--write", action="store_true", help="put the table into docs/compare.md")
    options = parser.parse_args()
    table = "\n".join(lines(options.calls))
    print(table)
    if options.write:
        text = DOCS.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        DOCS.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def lines(calls: int) -> Iterator[str]:
    yield "| network | failed calls | parted at the node that failed them | at another node |"
    yield "|---|---|---|---|"
    for name, how in VARIANTS.items():
        found = list(parted(calls, how))
        right = sum(found)
        yield f"| {name} | {len(found)} | {right} | {len(found) - right} |"


def parted(calls: int, how: dict[str, Any]) -> Iterator[bool]:
    """Of each failed call whether it parts from the first answered one at the node that failed it."""
    with tempfile.TemporaryDirectory() as place:
        truth = make(place, calls=calls, seed=SEED, mix=MIX, keep_messages=False, anonymous=0, **how)
        address = {node["name"]: node["address"] for node in truth.nodes}
        known = {leg["call_id"]: call for call in truth.calls for leg in call["legs"]}
        capture = analyzer.read(sorted(Path(place).glob("*.pcap")))
        told = {row["no"]: known.get(row["call_ids"][0]) for row in capture.table("calls").to_dicts()}
        good = next(no for no, call in told.items() if call and call["scenario"] == "answered")
        for no, call in told.items():
            if not call or call["refused_by"] is None:
                continue
            data = analyzer.compare(capture.call(good), capture.call(no)).data
            row = None if data.parting is None else data.rows[data.parting.row]
            node = address[call["refused_by"]].rpartition(":")[0]
            # Over TCP a node may be known by the port that it calls from.
            yield row is not None and row.b is not None and row.b.sender.rpartition(":")[0] == node


if __name__ == "__main__":
    main()
