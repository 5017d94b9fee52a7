"""The scripts of docs/examples run as they stand, and answer what they ask."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT, SAMPLES

#: Each starts a process, some many.
pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "docs" / "examples"


def run(folder: Path, name: str, *arguments: str | Path, status: int = 0) -> str:
    """What an example prints, started in an empty folder."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_failed_calls(tmp_path: Path) -> None:
    printed = run(tmp_path, "failed_calls.py", SAMPLES / "busy.pcap")
    assert "486,Busy Here,192.0.2.20:5060" in printed


def test_nightly(tmp_path: Path) -> None:
    """Of the calls of this sample two are refused by the network: with 503, for want of resources."""
    night = tmp_path / "night"
    night.mkdir()
    for sample in ("busy.pcap", "basic_call.pcap", "volte_failures.pcap"):
        shutil.copy(SAMPLES / sample, night)
    printed = run(tmp_path, "nightly.py", night, "0.05", status=1)
    assert printed.startswith("2 of 5 calls failed (40.0%)")
    assert (tmp_path / "night.html").stat().st_size > 0


def test_send_to_vendor(tmp_path: Path) -> None:
    (tmp_path / "mask.key").write_text("a key of 16 bytes or more")
    run(tmp_path, "send_to_vendor.py", SAMPLES / "busy.pcap", "1", "mask.key")
    page = (tmp_path / "call-1.html").read_text(encoding="utf-8")
    assert "486" in page
    assert not [word for word in ("alice", "192.0.2.20") if word in page]


def test_slowest_nodes(tmp_path: Path) -> None:
    """Each proxy of this sample takes 2.5 ms for each of six messages of the set-up."""
    printed = run(tmp_path, "slowest_nodes.py", SAMPLES / "volte_call.pcap")
    assert [line.split()[4] for line in printed.splitlines()] == ["0.015"] * 4


def test_registered_when(tmp_path: Path) -> None:
    printed = run(tmp_path, "registered_when.py", SAMPLES / "volte_failures.pcap", "+15552000574")
    assert "2026-01-01 00:00:07.820" in printed
    assert "sip:15552000574@10.100.0.84:5060" in printed


def test_every_example_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f"[{path.name}]({path.name})" not in listed] == []
