"""Make the sample captures and their truth: `python sample_pcaps/make.py [--check] [SCRIPT ...]`.

Every script beside this one has a function `build()` that returns captures. `--check` writes nothing and fails when a
file differs from what its script makes.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_SAMPLES = {"lab", "sip_messages", "wire", "aaa", "sigcomp", "make", "check_with_tshark"}
sys.path.insert(0, str(HERE))


def scripts() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_SAMPLES)


def products(script: str) -> dict[Path, bytes]:
    """The files that a script makes: each capture and its truth. Also the rows of the README, under README.md."""
    files: dict[Path, bytes] = {}
    for capture in importlib.import_module(script).build():
        files[HERE / capture.file_name] = capture.encode()
        files[HERE / "truth" / f"{capture.name}.json"] = capture.truth_json().encode()
        row = f"| [{capture.file_name}]({capture.file_name}) | [{script}.py]({script}.py) | {capture.what} |\n"
        files[HERE / "README.md"] = files.get(HERE / "README.md", b"") + row.encode()
    return files


def readme(rows: bytes) -> bytes:
    """The README with its table replaced; the text above the table is written by hand."""
    text = (HERE / "README.md").read_bytes()
    head, mark, _ = text.partition(b"|---|---|---|\n")
    return head + mark + rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    parser.add_argument("script", nargs="*", help="names of scripts, all unless given")
    options = parser.parse_args()
    chosen = [Path(name).stem for name in options.script] or scripts()

    files: dict[Path, bytes] = {}
    rows = b""
    for script in chosen:
        made = products(script)
        rows += made.pop(HERE / "README.md", b"")
        files |= made
    if not options.script:
        files[HERE / "README.md"] = readme(rows)

    differing = [path for path, data in files.items() if not path.exists() or path.read_bytes() != data]
    strays: set[Path] = set()
    if not options.script:
        kept = {*HERE.glob("*.pcap"), *HERE.glob("*.pcapng"), *(HERE / "truth").glob("*.json")}
        strays = kept - set(files)
    if not options.check:
        for path in differing:
            path.write_bytes(files[path])
    for path in sorted(differing):
        print("differs:" if options.check else "wrote:", path.relative_to(HERE))
    for path in sorted(strays):
        print("no script makes:", path.relative_to(HERE))
    return 1 if strays or (options.check and differing) else 0


if __name__ == "__main__":
    sys.exit(main())
