"""Makes docs/tables.md out of analyzer/schema.py. `--check` says whether it is up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analyzer import schema

PAGE = Path(__file__).with_name("tables.md")

HEAD = """# Tables

Made from `analyzer/schema.py` by `make docs`; edit there. Library (`cap.calls`), command (`sip-analyzer calls`) and heading
share one word. Missing is null, never 0 or "".

| type | pandas | Polars | meaning |
|---|---|---|---|
| key | Int64 | Int64 | 63-bit hash; the same whatever the files, their order, the threads. A string in JSON |
| int | Int64 | Int64 | |
| time | datetime64[ns, UTC] | Datetime(ns, UTC) | capture time; RFC 3339 with nine digits in CSV and JSON |
| duration | float64 | Float64 | seconds |
| bool | bool | Boolean | never null |
| text | str | String | as sent; bad UTF-8 is U+FFFD |
| texts | object (list) | List(String) | joined by a space in CSV |
"""


def page() -> str:
    parts = [HEAD]
    for table in schema.TABLES.values():
        parts.append(f"\n## {table.name}\n\n{table.row}\n\n| column | type | meaning | standard |\n|---|---|---|---|\n")
        parts.extend(f"| {c.name} | {c.type} | {c.meaning} | {c.standard} |\n" for c in table.columns)
    return "".join(parts)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    if not arguments.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/tables.md is not what analyzer/schema.py says: run `make docs`")


if __name__ == "__main__":
    main()
