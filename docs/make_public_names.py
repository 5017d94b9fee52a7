"""Writes `public_names.json`: the names that users and scripts rely on (stability.md).

`--check` compares the file with the code instead, and says which names are gone, new, or of another type.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import click

import analyzer
from analyzer import schema
from analyzer.cli import group
from analyzer.kpi.catalogue import KPIS

RECORD = Path(__file__).with_name("public_names.json")


def public_names() -> dict[str, str]:
    """Every public name with what it is: `calls.setup_s` is a `duration`, `ladder` a `command`, `KPI ser` a `share`."""
    tables = {**schema.TABLES, **schema.ASKED, **schema.MEASURES}
    return {
        **{f"analyzer.{name}": "Python" for name in analyzer.__all__},
        **{f"sip-analyzer {name}": "command" for name in group.list_commands(click.Context(group))},
        **dict.fromkeys(tables, "table"),
        **{f"{name}.{column.name}": column.type for name, table in tables.items() for column in table.columns},
        **{f"KPI {name}": kpi.unit for name, kpi in KPIS.items()},
    }


def differences(recorded: dict[str, str], actual: dict[str, str]) -> list[str]:
    """One line for each name that is gone, new, or another thing than recorded, in the order of the names."""
    lines = []
    for name in sorted(recorded.keys() | actual.keys()):
        before, after = recorded.get(name), actual.get(name)
        if after is None:
            lines.append(f"gone: {name} ({before})")
        elif before is None:
            lines.append(f"new: {name} ({after})")
        elif before != after:
            lines.append(f"changed: {name} was {before}, is {after}")
    return lines


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    if not arguments.parse_args().check:
        RECORD.write_text(json.dumps(dict(sorted(public_names().items())), indent=1) + "\n", encoding="utf-8")
        return
    found = differences(json.loads(RECORD.read_text(encoding="utf-8")), public_names())
    if found:
        sys.exit("\n".join([*found, "If this is meant: `make docs`, and a line in CHANGELOG.md."]))


if __name__ == "__main__":
    main()
