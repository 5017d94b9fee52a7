"""Builds the wheel, looks into it, and runs it from an empty directory in a fresh environment.

A program, not a test module: it takes minutes where nothing is cached, and runs once in `make test`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "sample_pcaps" / "basic_call.pcap"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder, "wheels")
        # For this interpreter, as pip builds the editable install: so nothing is compiled a second time.
        how = ("--release", "--quiet", "--interpreter", sys.executable, "--out", str(wheels))
        run(sys.executable, "-m", "maturin", "build", *how, cwd=ROOT)
        (wheel,) = wheels.glob("*.whl")
        look_into(wheel)
        empty = Path(folder, "empty")
        empty.mkdir()
        venv.create(Path(folder, "venv"), with_pip=True)
        python = Path(folder, "venv", "bin", "python")
        run(str(python), "-m", "pip", "install", "--quiet", "--no-compile", str(wheel), cwd=empty)
        printed = run(str(python.with_name("sip-analyzer")), "calls", str(SAMPLE), "--format", "csv", cwd=empty)
        assert ",answered," in printed, printed
        run(str(python.with_name("sip-analyzer")), "report", str(SAMPLE), "-o", "call.html", cwd=empty)
        assert "1 answered" in (empty / "call.html").read_text(encoding="utf-8")
    print(f"{wheel.name}: installs and runs from an empty directory")


def look_into(wheel: Path) -> None:
    """One wheel for every Python from 3.11, with the package and nothing else in it."""
    assert "-cp311-abi3-" in wheel.name, wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("analyzer/_core.") for name in names), names
    stray = [name for name in names if not name.startswith(("analyzer/", "sip_analyzer-"))]
    stray += [name for name in names if "_rust" in name or name.endswith((".rs", ".pcap", ".pcapng", ".toml"))]
    assert not stray, stray


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
