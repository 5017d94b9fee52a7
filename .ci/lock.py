"""Writes `constraints.txt`: the exact versions that `make` installs, for the package, its tests and its tools.

`pyproject.toml` keeps the ranges that users may have. This asks pip which versions it would take today for all of
them; nothing is installed or built.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = """\
# Made by `make lock`; edit the ranges in pyproject.toml. With CPython {python}: what only another Python needs is not
# here, and is then not pinned.
"""


def main() -> None:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], "pip"]
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-")
    done = subprocess.run((*command, *wanted), check=True, stdout=subprocess.PIPE, text=True)
    chosen = {item["metadata"]["name"]: item["metadata"]["version"] for item in json.loads(done.stdout)["install"]}
    lines = [f"{name}=={chosen[name]}\n" for name in sorted(chosen, key=str.lower)]
    head = HEAD.format(python=".".join(platform.python_version_tuple()[:2]))
    (HERE / "constraints.txt").write_text(head + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
