"""Makes the reference pages: tables.md out of analyzer/schema.py, limits.md, problems.md and carriage.md out of the
core's sources.

`--check` says whether they are up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from carriage_page import carriage

from analyzer import schema

DOCS = Path(__file__).parent
CORE = DOCS.parent / "analyzer" / "_rust" / "sip-core" / "src"

TABLES_HEAD = """# Tables

Made from `analyzer/schema.py` by `make docs`; edit there. Library (`cap.calls`), command (`sip-analyzer calls`) and
heading share one word. Missing is null, never 0 or "".

| type | pandas | Polars | meaning |
|---|---|---|---|
| key | Int64 | Int64 | 63-bit hash; the same whatever the files, their order, the threads. A string in JSON |
| int | Int64 | Int64 | |
| time | datetime64[ns, UTC] | Datetime(ns, UTC) | capture time; RFC 3339 with nine digits in CSV and JSON |
| duration | float64 | Float64 | seconds |
| share | float64 | Float64 | 0 to 1; missing where there is nothing to be a share of |
| bool | bool | Boolean | never null |
| text | str | String | as sent; bad UTF-8 is U+FFFD |
| texts | object (list) | List(String) | joined by a space in CSV |
"""


LIMITS_HEAD = """# Limits of reading

Hostile or merely huge input runs into these; a limit reached is a row in `problems`. Each is an option by its name:
`analyzer.read(path, limits={"max_flows": 100_000})`. Made from `limits.rs` by `make docs`.

| limit | default | meaning |
|---|---|---|
"""

PROBLEMS_HEAD = """# Problems

The codes of the table `problems`; their names never change. Made from `problem.rs` by `make docs`.

| code | meaning |
|---|---|
"""

# A documented line of a macro: `/// text` (several), then `name: type = default,` or `Name = "code",`.
DOCUMENTED = r"((?:[ ]{4}/// .*\n)+)[ ]{4}"


MEASURES_HEAD = """
# Measured tables

What the tables above amount to; [numbers.md](numbers.md) says how each number is made. Methods with `by=` and `every=`
(`cap.links(every="1h")`, as Polars `cap.measure("links", every="1h")`), commands with `--by` and `--every`.
"""


def tables() -> str:
    return TABLES_HEAD + described(schema.TABLES) + MEASURES_HEAD + described(schema.MEASURES)


def described(tables: dict[str, schema.Table]) -> str:
    parts = []
    for table in tables.values():
        parts.append(f"\n## {table.name}\n\n{table.row}\n\n| column | type | meaning | standard |\n|---|---|---|---|\n")
        parts.extend(f"| {c.name} | {c.type} | {c.meaning} | {c.standard} |\n" for c in table.columns)
    return "".join(parts)


def prose(comment: str) -> str:
    return " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())


def limits() -> str:
    source = (CORE / "limits.rs").read_text(encoding="utf-8")
    found = re.findall(DOCUMENTED + r"(\w+): \w+ = ([^,]+),", source[source.rindex("limits! {") :])
    return LIMITS_HEAD + "".join(f"| {name} | {default} | {prose(text)} |\n" for text, name, default in found)


def problems() -> str:
    source = (CORE / "problem.rs").read_text(encoding="utf-8")
    found = re.findall(DOCUMENTED + r'\w+ = "(\w+)",', source)
    return PROBLEMS_HEAD + "".join(f"| {code} | {prose(text)} |\n" for text, code in found)


PAGES = {"tables.md": tables, "limits.md": limits, "problems.md": problems, "carriage.md": carriage}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    stale = []
    for name, make in PAGES.items():
        page = DOCS / name
        if not check:
            page.write_text(make(), encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != make():
            stale.append(f"docs/{name}")
    if stale:
        sys.exit(f"{', '.join(stale)} are not what their sources say: run `make docs`")


if __name__ == "__main__":
    main()
