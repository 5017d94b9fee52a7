"""Looks into a wheel or sdist, and runs what it installs from an empty directory in a fresh environment.

    python tests/wheel/try_wheel.py [FILE ...]    # without a file, the wheel is built first

A program, not a test module: it takes minutes where nothing is cached, and runs once in `make test`.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "sample_pcaps" / "basic_call.pcap"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packages = [Path(name).resolve() for name in sys.argv[1:]] or [build(Path(folder, "wheels"))]
        for number, package in enumerate(packages):
            if package.suffix == ".whl":
                look_into_wheel(package)
            else:
                look_into_sdist(package)
            if package.suffix == ".whl" and not package.stem.endswith(platform.machine()):
                print(f"{package.name}: holds what it should; for another machine, so not run", flush=True)
                continue
            install_and_run(package, Path(folder, str(number)))
            print(f"{package.name}: installs and runs from an empty directory", flush=True)


def build(wheels: Path) -> Path:
    # For this interpreter, as pip builds the editable install: so nothing is compiled a second time.
    how = ("--release", "--quiet", "--interpreter", sys.executable, "--out", str(wheels))
    run(sys.executable, "-m", "maturin", "build", *how, cwd=ROOT)
    (wheel,) = wheels.glob("*.whl")
    return wheel


def look_into_wheel(wheel: Path) -> None:
    """One wheel for every Python from 3.11, with the package and nothing else in it."""
    assert "-cp311-abi3-" in wheel.name, wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("analyzer/_core.") for name in names), names
    stray = [name for name in names if not name.startswith(("analyzer/", "sip_analyzer-"))]
    stray += [name for name in names if "_rust" in name or name.endswith((".rs", ".pcap", ".pcapng"))]
    stray += [name for name in names if name.endswith(".toml") and not name.startswith("analyzer/explain/")]
    assert not stray, stray


def look_into_sdist(sdist: Path) -> None:
    """The sources of the core with their lock file, and nothing that was compiled."""
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    needed = {"pyproject.toml", "LICENSE", "analyzer/_rust/Cargo.lock", "analyzer/_rust/python/src/lib.rs"}
    assert needed <= set(names), needed - set(names)
    compiled = [name for name in names if name.endswith((".so", ".pyd", ".pyc")) or "/target/" in name]
    assert not compiled, compiled


def install_and_run(package: Path, folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir(parents=True)
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python))
    run(*pip, "install", "--quiet", "--no-compile", str(package), cwd=empty)
    command = str(python.with_name("sip-analyzer"))
    printed = run(command, "calls", str(SAMPLE), "--format", "csv", cwd=empty)
    assert ",answered," in printed, printed
    assert "Precondition Failure" in run(command, "explain", "580", cwd=empty)
    run(command, "report", str(SAMPLE), "-o", "call.html", cwd=empty)
    assert "1 answered" in (empty / "call.html").read_text(encoding="utf-8")


def run(*command: str, cwd: Path) -> str:
    # What was not compiled at installing is compiled by the first command for the next ones.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
