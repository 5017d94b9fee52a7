"""Checks the licences of everything that is shipped or installed with the package.

Crates: each must be usable under the licences that `analyzer/_rust/deny.toml` allows. Python packages: none of those
that `sip-analyzer` depends on is under the GPL or AGPL, except scapy (docs/licences.md).
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

RUST = Path(__file__).resolve().parent.parent / "analyzer" / "_rust"
GPL_ACCEPTED = {"scapy"}
GPL = re.compile(r"\bA?GPL|GNU (Affero )?General Public", re.IGNORECASE)


def main() -> None:
    faults = [*crates_not_allowed(), *python_packages_not_accepted()]
    if faults:
        sys.exit("\n".join(faults))


def crates_not_allowed() -> list[str]:
    """One sentence for each crate, built for any platform, whose licence is not allowed."""
    allowed = set(tomllib.loads((RUST / "deny.toml").read_text())["licenses"]["allow"])
    command = ("cargo", "metadata", "--format-version", "1", "--locked")
    done = subprocess.run(command, cwd=RUST, check=True, stdout=subprocess.PIPE)
    packages = json.loads(done.stdout)["packages"]
    return [
        f"crate {package['name']} is under {package['license']!r}: see analyzer/_rust/deny.toml"
        for package in packages
        if not satisfied(package["license"] or "none", allowed)
    ]


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met; `/` is how crates used to write OR. AND binds more tightly than OR."""
    expression = re.sub(r"\s*/\s*", " OR ", expression)
    inner = re.search(r"\(([^()]*)\)", expression)
    if inner:
        # A bracket that can be met is as good as any licence that is allowed.
        met = min(allowed) if satisfied(inner[1], allowed) else "none"
        return satisfied(expression[: inner.start()] + met + expression[inner.end() :], allowed)
    return any(all(part.strip() in allowed for part in choice.split(" AND ")) for choice in expression.split(" OR "))


def python_packages_not_accepted() -> list[str]:
    found = {name for name in dependencies("sip-analyzer") if GPL.search(licence(name))}
    return [
        f"Python package {name} is under {licence(name)!r}: an MIT package must not need it"
        for name in sorted(found - GPL_ACCEPTED)
    ]


def dependencies(root: str) -> set[str]:
    """The names of a package and of everything installed that it needs, extras aside."""
    known: set[str] = set()
    open_ = {root}
    while open_:
        name = open_.pop()
        known.add(name)
        for requirement in importlib.metadata.requires(name) or []:
            needed = re.match(r"[\w.-]+", requirement)
            if needed and "extra ==" not in requirement and needed[0] not in known and is_installed(needed[0]):
                open_.add(needed[0])
    return known


def is_installed(name: str) -> bool:
    """False for what another platform or Python needs."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def licence(name: str) -> str:
    """What the package says about itself; the field `License` may hold a whole text, of which the first line counts."""
    metadata = importlib.metadata.metadata(name)
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License")]
    first_line = (metadata.get("License") or "").strip().partition("\n")[0]
    return "; ".join(filter(None, [metadata.get("License-Expression"), first_line, *classifiers]))


if __name__ == "__main__":
    main()
