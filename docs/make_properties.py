"""Writes what ``analyzer.Capture`` has for each table of ``analyzer.schema``, where editors find it: a property, for a
measured table a method.

Usage: python docs/make_properties.py [--check]
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

from analyzer import schema

MODULE = Path(__file__).parent.parent / "analyzer" / "api" / "tables.py"
BEGIN = "    # Made by docs/make_properties.py from analyzer.schema.\n"
END = "    # End of what docs/make_properties.py made.\n"
#: Given by a method of this name, which the contract has.
METHODS = ("account",)
#: Measured tables that take more than the others, and have a method written by hand.
BY_HAND = ("kpis",)


def properties() -> str:
    """The source text of the properties and methods."""
    tables = (_property(table) for table in schema.TABLES.values() if table.name not in METHODS)
    return "\n".join([*tables, *(_method(table) for table in schema.MEASURES.values() if table.name not in BY_HAND)])


def _property(table: schema.Table) -> str:
    words = _filled(f'"""{table.row}"""')
    head = f"    @property\n    def {table.name}(self) -> pd.DataFrame:\n"
    return f'{head}{words}\n        return self._pandas("{table.name}")\n'


def _method(table: schema.Measure) -> str:
    options = "by: By = None, every: str | None = None, *, tz: str | None = None"
    # Help of commands and documentation share the note.
    note = re.sub(r"--(\w+)", r"``\1``", table.note)
    words = [f'"""{table.row}', note, f'Example: ``cap.{table.name}(by="{table.example}")``.']
    text = "\n\n".join(_filled(part) for part in words) + '\n        """\n'
    body = f'        return self._measured("{table.name}", by=by, every=every, tz=tz)\n'
    return f"    def {table.name}(self, {options}) -> pd.DataFrame:\n{text}{body}"


def _filled(text: str) -> str:
    return textwrap.fill(text, 120, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False)


def main() -> int:
    text = MODULE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{properties()}\n{END}{after}"
    if "--check" in sys.argv:
        if made != text:
            print(f"{MODULE.name} is out of date: make docs", file=sys.stderr)
        return int(made != text)
    MODULE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
