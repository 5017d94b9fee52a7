"""The command of a table; all of them are made here and differ in name, help and example only."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli import COMMANDS, _options, _output


def table_command(table: str, more: str, example: str) -> click.Command:
    """``sip-analyzer TABLE CAPTURE...``. ``more`` says what a reader should know, ``example`` is a line to try."""

    @click.command(table, help=f"{COMMANDS[table]}\n\n{more}", epilog=f"Example: {example}")
    @_options.captures
    @_options.filters(table)
    @_output.output
    @_options.tz_option
    def command(**values: Any) -> None:
        form = _output.chosen_format(values["form"], values["output"])
        columns = _output.chosen_columns(table, values["columns"])
        chosen = _options.make_filter(table, values["tz"], values)
        # A filter looks at messages.
        reading = _options.read(values, tables=None if chosen else (table,))
        capture = reading.shown(chosen)
        frame = capture.table(table)
        total = frame.height
        if values["limit"] is not None:
            frame = frame.head(values["limit"])
        _output.write(frame, table, form=form, output=values["output"], columns=columns, tz=values["tz"])
        if frame.height < total:
            _options.note(f"{frame.height} of {total} {table}")
        elif not total:
            _options.note(_why_nothing(reading, table, filtered=bool(chosen)))
        if table == "account" and set(chosen.given) - {"where"}:
            _options.note("account counts packets before there are calls: of the filters only --where narrows it")
        if table == "account":
            for sentence in reading.capture.blind_spots():
                _options.note(sentence)
        reading.close(about_problems=table != "problems")

    return command


def _why_nothing(reading: _options.Reading, table: str, *, filtered: bool) -> str:
    names = " ".join(reading.sources[:3])
    if table != "files" and reading.capture.table("messages").is_empty() and table not in ("problems", "account"):
        return f"no SIP in {names}: sip-analyzer account {names} says what there was instead"
    return f"no {table} that the filter picks" if filtered else f"no {table} in {names}"
