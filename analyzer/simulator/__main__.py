"""``python -m analyzer.simulator OUT``: captures with known truth. Every field of `Settings` is an option."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time

from analyzer.simulator.settings import Settings
from analyzer.simulator.simulator import make


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m analyzer.simulator",
        description="Write captures of a scripted IMS network, and the truth about them.",
    )
    parser.add_argument("directory", metavar="OUT", help="where the captures and truth.json go")
    defaults = Settings()
    for field in dataclasses.fields(Settings):
        option, default = f"--{field.name.replace('_', '-')}", getattr(defaults, field.name)
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        elif field.name == "mix":
            parser.add_argument(option, type=_mix, default=default, metavar="NAME=WEIGHT,...")
        elif field.name == "points":
            parser.add_argument(option, type=lambda text: tuple(text.split(",")), default=default, metavar="POINT,...")
        else:
            parser.add_argument(option, type=type(default), default=default)
    arguments = vars(parser.parse_args())
    began = time.perf_counter()
    try:
        truth = make(arguments.pop("directory"), **arguments)
    except ValueError as error:
        parser.error(str(error))
    took = time.perf_counter() - began
    print(f"{truth.counts['messages']} messages, {len(truth.calls)} calls, {took:.1f} s", file=sys.stderr)


def _mix(text: str) -> dict[str, float]:
    """``busy=1,answered=4``"""
    pairs = (item.partition("=") for item in text.split(","))
    return {name: float(weight or 1) for name, _, weight in pairs}


if __name__ == "__main__":
    main()
