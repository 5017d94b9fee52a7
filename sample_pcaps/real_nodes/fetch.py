"""The boxes' software, unpacked into folders: the machine's own packages and package lists stay as they are.

`root(suite, packages, directory)` gives a folder to `chroot` into, with the packages of that Debian suite and all that
they depend on; `python(packages, directory)` gives the interpreter of a virtual environment with packages of PyPI.
Either is made once in a directory and found there afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def _site() -> str:
    """The Debian archive that this machine is set up for."""
    lines = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CREATED_BY) $(ORIGIN)"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.splitlines()  # fmt: skip
    return next(site for site, kind, *origin in map(str.split, lines) if kind == "Packages" and origin == ["Debian"])


def root(suite: str, packages: list[str], directory: Path) -> Path:
    target = directory / suite
    if (target / "complete").exists():
        return target
    apt = directory / f"apt-{suite}"
    for part in ("state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/preferences.d",
                 "etc/apt.conf.d", "etc/trusted.gpg.d"):  # fmt: skip
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "state/status").touch()
    (apt / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {_site()} {suite} main\n")
    config = apt / "apt.conf"
    # Its own state, and no package counts as installed: what is downloaded is everything down to the C library.
    config.write_text(
        f'Dir::State "{apt}/state"; Dir::State::status "{apt}/state/status"; Dir::Cache "{apt}/cache";\n'
        f'Dir::Etc "{apt}/etc"; Acquire::Languages "none"; Acquire::Check-Valid-Until "false";\n'
        'APT::Sandbox::User "root"; APT::Install-Recommends "false";\n'
    )
    words = os.environ | {"APT_CONFIG": str(config)}
    for command in (["update"], ["--yes", "--download-only", "install", *packages]):
        subprocess.run(["apt-get", "-q", *command], env=words, check=True, timeout=600, stdout=subprocess.DEVNULL)
    for part in ("bin", "sbin", "lib", "lib64"):
        (target / "usr" / part).mkdir(parents=True, exist_ok=True)
        if not (target / part).exists():
            (target / part).symlink_to(f"usr/{part}")
    for part in ("tmp", "proc", "dev", "etc", "root", "run", "var", "work"):
        (target / part).mkdir(exist_ok=True)
    (target / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (target / "etc/group").write_text("root:x:0:\n")
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            command = ["tar", "-x", "--keep-directory-symlink", "-C", str(target)]
            subprocess.run(command, stdin=archive.stdout, check=True, timeout=120)
    (target / "complete").touch()
    return target


def python(packages: list[str], directory: Path) -> Path:
    venv = directory / "venv"
    if not (venv / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
        subprocess.run([venv / "bin/pip", "install", "--quiet", *packages], check=True, timeout=600)
        (venv / "complete").touch()
    return venv / "bin/python"
