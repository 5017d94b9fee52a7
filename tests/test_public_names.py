"""The promise of docs/stability.md: names change on purpose, and the version is written in one place."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib

from places import ROOT

import analyzer


def test_public_names_are_those_on_record() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make_public_names.py"), "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_cargo_workspace() -> None:
    workspace = tomllib.loads((ROOT / "analyzer" / "_rust" / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    assert analyzer.__version__ == importlib.metadata.version("sip-analyzer") == workspace["package"]["version"]


def test_help_does_not_look_the_version_up() -> None:
    """Reading the metadata of a package takes as long as everything else that `--help` does."""
    program = (
        "import sys; from analyzer.cli import group\n"
        "try: group(['--help'], prog_name='sip-analyzer')\n"
        "finally: sys.stderr.write(str('importlib.metadata' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "False"
