"""Writes the properties of ``analyzer.Capture`` for the tables of ``analyzer.schema``, where editors find them.

Usage: python docs/make_properties.py [--check]
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from analyzer import schema

MODULE = Path(__file__).parent.parent / "analyzer" / "api" / "capture.py"
BEGIN = "    # Made by docs/make_properties.py from analyzer.schema.\n"
END = "    # End of what docs/make_properties.py made.\n"
#: Given by a method of this name, which the contract has.
METHODS = ("account",)


def properties() -> str:
    """The source text of the properties."""
    return "\n".join(_property(table) for table in schema.TABLES.values() if table.name not in METHODS)


def _property(table: schema.Table) -> str:
    words = textwrap.fill(f'"""{table.row}"""', 120, initial_indent=" " * 8, subsequent_indent=" " * 8)
    head = f"    @property\n    def {table.name}(self) -> pd.DataFrame:\n"
    return f'{head}{words}\n        return self._pandas("{table.name}")\n'


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
