"""The commands of the measured tables; all are made here and differ in name, help and example only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from analyzer.cli import COMMANDS, _options, _output

Function = TypeVar("Function", bound=Callable[..., Any])

by_option = click.option("--by", metavar="COLUMNS", help="Group by these, with commas between: peer,status.")
every_option = click.option("--every", metavar="LENGTH", help="Rows for each interval of this length: 30s, 1m, 1h, 1d.")

# What is measured of tables that calls alone do not need.
_RESTS_ON = {"failures": "refusal_steps", "processing": "hops", "phase_times": "phases", "setup_shares": "waterfall"}


def measure_command(name: str, more: str, example: str) -> click.Command:
    """``sip-analyzer NAME CAPTURE...``. ``more`` says what a reader should know, ``example`` is a line to try."""

    @click.command(name, help=f"{COMMANDS[name]}\n\n{more}", epilog=f"Example: {example}")
    @_options.captures
    @by_option
    @every_option
    @_options.filters(None)
    @_output.output
    @_options.tz_option
    def command(**values: Any) -> None:
        print_measure(name, **values)

    return command


def print_measure(table: str, *, by: str | None, every: str | None, tz: str, **values: Any) -> None:
    """Read, filter, measure, write."""
    form = _output.chosen_format(values["form"], values["output"])
    chosen = _options.make_filter("calls", tz, values)
    if every is not None:
        from analyzer.measure.grouping import length

        length(every)
    rests_on = _RESTS_ON.get(table, "calls")
    reading = _options.read(values, tables=None if chosen else (rests_on,))
    capture = reading.capture.filter(chosen) if chosen else reading.capture
    frame = capture.measure(table, by=by, every=every, tz=tz)
    columns = _output.chosen_columns(table, values["columns"], also=frame.columns)
    total = frame.height
    if values["limit"] is not None:
        frame = frame.head(values["limit"])
    _output.write(frame, table, form=form, output=values["output"], columns=columns, tz=tz)
    if frame.height < total:
        _options.note(f"{frame.height} of {total} rows of {table}")
    elif not total:
        _options.note(f"no {table.replace('_', ' ')} in {' '.join(reading.sources[:3])}")
    reading.close()
