"""Runs the commands in the pages: below each line `$ sip-analyzer ...` of a console block stands what it prints.

`make docs` writes that in; `--check` says where a page has grown stale.
"""

from __future__ import annotations

import argparse
import contextvars
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner

from analyzer.cli import group

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
WIDTH = "110"


def printed(command: str, folder: str) -> str:
    """What the command prints, or the first lines of it; files that it writes go into ``folder``."""
    command, _, lines = command.partition(" | head -")
    words = re.sub(r"(?<=-o )(?=\S)", f"{folder}/", command.removeprefix("sip-analyzer "))
    # A context of its own: the language of one command is not that of the next.
    done = contextvars.copy_context().run(CliRunner().invoke, group, shlex.split(words), prog_name="sip-analyzer")
    shown = done.stdout.splitlines(keepends=True)
    return "".join(shown[: int(lines.removeprefix("n "))] if lines else shown)


def filled(page: str) -> str:
    """The page with what its commands print today."""
    with tempfile.TemporaryDirectory() as folder:

        def block(found: re.Match[str]) -> str:
            commands = [line for line in found.group().splitlines() if line.startswith("$ ")]
            return "\n".join(f"{line}\n{printed(line[2:], folder)}" for line in commands).replace("\n\n```", "\n```")

        return BLOCK.sub(block, page)


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is stale")
    check = parser.parse_args().check
    os.environ |= {"COLUMNS": WIDTH, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    os.chdir(ROOT)
    stale = False
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            stale = True
            print(f"{page.relative_to(ROOT)} is {'stale: make docs' if check else 'written'}")
            if not check:
                page.write_text(after, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
