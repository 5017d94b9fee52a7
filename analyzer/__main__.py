"""``python -m analyzer``: the command ``sip-analyzer``."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run ``sip-analyzer`` with the arguments of the process."""
    from analyzer.cli import group

    # Where the terminal's encoding lacks a character, its code is shown.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    group(prog_name="sip-analyzer")


if __name__ == "__main__":
    main()
