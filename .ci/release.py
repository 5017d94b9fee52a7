"""Builds what a release consists of, in dist/: a wheel for Linux on x86-64, one on aarch64, and the sdist.

Zig links the wheels, so that they run wherever glibc is 2.17 or newer (manylinux2014), whatever this machine has. The
sdist and the wheel for this machine are then installed in empty environments and tried; the other wheel is looked into.

With `--native` (`make wheels`) the wheel is for this machine alone, linked by its own linker: it runs wherever glibc is
as new as here, and needs no Zig.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
MACHINES = ("x86_64", "aarch64")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--machines", nargs="+", choices=MACHINES, default=MACHINES)
    arguments.add_argument("--native", action="store_true", help="for this machine alone, without Zig")
    options = arguments.parse_args()
    machines = () if options.native else options.machines
    missing = [machine for machine in machines if not has_standard_library(machine)]
    if missing:
        targets = " ".join(f"{machine}-unknown-linux-gnu" for machine in missing)
        sys.exit(f"Rust has no standard library for {', '.join(missing)} here: rustup target add {targets}")
    if DIST.exists() and any(DIST.iterdir()):
        sys.exit("dist/ holds an earlier release: move it away first")
    maturin("sdist", "--out", str(DIST))
    for machine in machines:
        maturin(
            *("build", "--release", "--locked", "--zig", "--target", f"{machine}-unknown-linux-gnu"),
            *("--compatibility", "manylinux2014", "--out", str(DIST)),
        )
    if options.native:
        maturin("build", "--release", "--locked", "--interpreter", sys.executable, "--out", str(DIST))
    run(sys.executable, str(ROOT / "tests" / "wheel" / "try_wheel.py"), *map(str, sorted(DIST.iterdir())))


def has_standard_library(machine: str) -> bool:
    """Rust builds for its own machine, and for those that `rustup target add` was told of."""
    root = subprocess.run(("rustc", "--print", "sysroot"), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    folder = Path(root.stdout.strip(), "lib", "rustlib", f"{machine}-unknown-linux-gnu", "lib")
    return machine == platform.machine() or folder.is_dir()


def maturin(*arguments: str) -> None:
    run(sys.executable, "-m", "maturin", *arguments)


def run(*command: str) -> None:
    # maturin looks for Zig by asking the first Python of PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path})
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
