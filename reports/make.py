"""Writes the sample reports by the commands that README.md gives for them: make reports."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def commands() -> list[list[str]]:
    """The words of each command in README.md, behind ``sip-analyzer``."""
    lines = re.findall(r"^sip-analyzer (.+)$", (HERE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def main() -> None:
    """Write them all; a damaged sample (exit status 1) is one of those to be shown."""
    for words in commands():
        done = subprocess.run([sys.executable, "-m", "analyzer", *words], cwd=HERE.parent, check=False)
        if done.returncode > 1:
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
