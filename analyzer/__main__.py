"""``python -m analyzer``: the command ``sip-analyzer``."""

from __future__ import annotations


def main() -> None:
    """Run ``sip-analyzer`` with the arguments of the process."""
    from analyzer.cli import group

    group(prog_name="sip-analyzer")


if __name__ == "__main__":
    main()
