"""The commands of tables: one for each entry of the catalogue (``analyzer.schema``), made here and nowhere else.

A table and a measured table differ in how rows are asked for; name, help, example and columns are those of the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analyzer import schema
from analyzer.cli import command as command_line
from analyzer.cli import crossings, options, output, terminal
from analyzer.language import chosen as chosen_language
from analyzer.language import spoken
from analyzer.show import views

if TYPE_CHECKING:
    from analyzer.api.capture import Capture
    from analyzer.kpi.thresholds import Group


def command_of(entry: schema.Table) -> click.Command:
    """``sip-analyzer TABLE CAPTURE...``."""
    measured = isinstance(entry, schema.Measure)
    example = f"--by {entry.example} --every 1h" if measured else f'--where "{entry.example}"'
    name = entry.name.replace("_", "-")

    @command_line.command(
        name, help=f"{entry.row}\n\n{entry.note}", epilog=f"Example: sip-analyzer {name} trace.pcap {example}"
    )
    @options.captures
    @options.filters(None if measured else entry.name)
    @output.output
    @options.tz_option
    def command(language: str | None = None, **values: Any) -> None:
        with spoken(chosen_language(language)):
            _print(entry, **values)

    more = [options.every_option, options.by_option] if measured else []
    if isinstance(entry, schema.Measure) and entry.asks:
        more += [crossings.option, options.only_option]
    if entry is schema.FINDINGS:
        more = [options.rule_option]
    for option in [*more, *([options.language_option] if entry.spoken else [])]:
        command = option(command)
    return command


def _print(
    entry: schema.Table,
    *,
    by: str | None = None,
    every: str | None = None,
    only: str | None = None,
    thresholds: str | None = None,
    rule: str | None = None,
    **values: Any,
) -> None:
    """Read, filter, measure, write."""
    groups = crossings.groups_of(thresholds)
    measured = isinstance(entry, schema.Measure)
    short = {"json_": values.pop("as_json"), "csv": values.pop("as_csv")}
    form = output.chosen_format(values["form"], values["output"], **short)
    # Columns of measured tables are known when they are made: by what they are grouped.
    columns = None if measured else output.chosen_columns(entry.name, values["columns"])
    order = None if measured else output.chosen_order(entry.name, values["sort"])
    picked = None if rule is None else options.chosen_rules(rule)
    chosen = options.make_filter("calls" if measured else entry.name, values["tz"], values)
    if every is not None:
        from analyzer.measure.grouping import length

        length(every)
    if entry.name == "kpis":
        from analyzer.kpi.kpis import chosen as chosen_kpis

        chosen_kpis(only)
    # Parquet is the table itself, for programs, unless they ask for more.
    numbered = views.in_front(entry.name) and (form != "parquet" or {*views.CALL} & {*(columns or ())})
    # A filter looks at messages.
    reading = options.read(values, tables=None if chosen else rests_on(entry, columns_of(by, groups)))
    capture = reading.shown(chosen)
    if measured:
        frame = capture.measure(entry.name, by=by, every=every, tz=values["tz"], **({"only": only} if only else {}))
        if groups:
            from analyzer.kpi.thresholds import marked

            frame = marked(frame, groups, by, every)
        columns = output.chosen_columns(entry.name, values["columns"], also=frame.columns)
    else:
        frame = capture.table(entry.name)
        if numbered:
            frame = views.numbered(entry.name, frame, reading.table)
    if picked is not None:
        frame = frame.filter(frame["code"].is_in(picked))
    if order is None:
        order = output.chosen_order(entry.name, values["sort"], also=frame.columns)
    frame = output.in_order(frame, order)
    in_words = entry is schema.FINDINGS and values["form"] is None and columns is None and not values["wide"]
    if in_words and form == "table":
        output.write_findings(frame, whole=picked is not None, values=values)
    else:
        output.write_limited(frame, entry.name, columns, form, values)
    if frame.is_empty():
        terminal.note(_why_nothing(entry, reading, filtered=bool(chosen)))
    if entry.name == "kpis" and by:
        _about_kpis(set(frame["kpi"]), by, only)
    if entry.name == "account":
        _about_account(reading.capture, set(chosen.given))
    crossed = crossings.tell(capture, groups, values["tz"])
    reading.close(about_problems=entry.name != "problems", crossed=crossed)


def columns_of(by: str | None, groups: tuple[Group, ...] = ()) -> set[str]:
    """The columns that rows and thresholds are grouped by."""
    asked = [column.strip() for column in (by or "").split(",")]
    return {*asked, *(column for group in groups for column in group.by)}


def rests_on(entry: schema.Table, by: set[str]) -> tuple[str, ...]:
    """The tables that will be looked at; of messages no measured table needs what a lean reading leaves out."""
    if entry.name == "account":
        return ("account", "files", "problems")  # blind spots
    if not isinstance(entry, schema.Measure):
        numbers = ("calls",) if views.belongs_to_calls(entry.name) else ()
        return (entry.name, *numbers, *(("registrations",) if views.of_registrations(entry.name) else ()))
    more: tuple[str, ...] = entry.optional
    if entry.asks and by:
        from analyzer.kpi.populations import NEEDS

        more = tuple(name for column, needed in NEEDS.items() if column in by for name in needed)
    return tuple(name for name in (*entry.of, *more) if name != "messages")


def _why_nothing(entry: schema.Table, reading: options.Reading, *, filtered: bool) -> str:
    names = " ".join(reading.sources[:3])
    if isinstance(entry, schema.Measure):
        return f"no {entry.name.replace('_', ' ')} in {names}"
    if entry.name not in ("files", "problems", "account") and not reading.capture.source.messages_read:
        return f"no SIP in {names}: sip-analyzer account {names} says what there was instead"
    return f"no {entry.name} that the filter picks" if filtered else f"no {entry.name} in {names}"


def _about_kpis(told: set[str], by: str, only: str | None) -> None:
    """Which KPIs have no row, for nothing that they are made of has these columns."""
    from analyzer.kpi.kpis import chosen

    without = [kpi.name for kpi in chosen(only) if kpi.name not in told]
    if without:
        terminal.note(f"no row of {', '.join(without)}: they cannot be grouped by {by}")


def _about_account(capture: Capture, given: set[str]) -> None:
    if given - {"where"}:
        terminal.note("account counts packets, not calls, so only --where applies to it")
    for sentence in capture.blind_spots():
        terminal.note(sentence)
