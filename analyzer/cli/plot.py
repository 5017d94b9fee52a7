"""``sip-analyzer plot``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

from analyzer import schema
from analyzer.cli import command as command_line
from analyzer.cli import options, output_names, terminal
from analyzer.cli.main import BY_HAND
from analyzer.cli.tables import columns_of, rests_on
from analyzer.language import chosen as chosen_language
from analyzer.language import spoken
from analyzer.reading.written import replaced

# The methods of analyzer.api.plot.Plot.
NAMES = (
    *("setup_latency", "latency_ecdf", "latency_over_time", "responses", "outcomes", "call_volume", "concurrency"),
    *("failures", "retransmissions", "waterfall", "setup_phases", "media_over_time", "kpi_over_time"),
    "kpi_heat_map",
)
#: The tables that figures are drawn of, but for the waterfall; and the measured tables.
_MADE_OF = {
    "responses": ("transactions",),
    "setup_phases": ("phases",),
    "media_over_time": ("stream_intervals",),
    "waterfall": None,
}
_MEASURED = {"failures": "failures", "retransmissions": "links", "kpi_over_time": "kpis", "kpi_heat_map": "kpis"}
_DELAYS = ("pdd", "alert", "srd", "setup", "ring", "talk")
_SUFFIXES = (".svg", ".png", ".pdf")


@command_line.command(
    "plot",
    help=f"{BY_HAND['plot']}\n\nNAME is one of {', '.join(NAMES)}. With a filter: of the calls it picks.",
    epilog="Example: sip-analyzer plot setup_latency trace.pcap -o setup.svg --outcome answered",
)
@click.argument("name", type=click.Choice(NAMES), metavar="NAME")
@options.captures
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write to FILE; its name ends in .svg, .png or .pdf. Default: CAPTURE.NAME.svg here.",
)
@click.option("--delay", type=click.Choice(_DELAYS), help="Delay, for setup_latency and latency_...")
@click.option("--figure", metavar="FIGURE", help="Figure, for media_over_time: loss, jitter or mos.")
@click.option("--kpi", metavar="KPI", help="KPI, for kpi_over_time and kpi_heat_map: ser, pdd_s ...")
@options.by_option
@options.every_option
@options.filters(None)
@options.tz_option
@options.language_option
def command(
    name: str,
    output: str | None,
    delay: str | None,
    figure: str | None,
    kpi: str | None,
    by: str | None,
    every: str | None,
    language: str | None,
    **values: Any,
) -> None:
    """Draw one figure."""
    from analyzer.api.plot import Plot

    named = output is not None
    output = output or output_names.default(values["captures"], f"{name}.svg")
    if Path(output).suffix.lower() not in _SUFFIXES:
        raise click.UsageError(f"-o {output}: the name must end in {', '.join(_SUFFIXES)}.")
    # The waterfall is that of one call; anything else is drawn of the calls that a filter picks.
    call = values.pop("call") if name == "waterfall" else None
    taken = inspect.signature(getattr(Plot, name)).parameters
    offered = {"delay": delay, "call": call, "figure": figure, "kpi": kpi, "by": by, "every": every}
    given: dict[str, Any] = {option: value for option, value in offered.items() if value is not None}
    unknown = [f"--{option}" for option in given if option not in taken]
    if unknown:
        raise click.UsageError(f"{name} takes no {' '.join(unknown)}.")
    if "tz" in taken:
        given["tz"] = values["tz"]
    chosen = options.make_filter("calls", values["tz"], values)
    reading = options.read(values, tables=None if chosen else _made_of(name, by))
    if call is not None and call.isascii() and call.isdigit():
        given["call"] = int(call)
    capture = reading.shown(chosen)
    with spoken(chosen_language(language)):
        drawn = getattr(Plot(capture.source), name)(**given)
    with replaced(output) as part:
        drawn.savefig(part, format=Path(output).suffix.lower()[1:])
    if not named:
        terminal.note(f"written to {output}")
    reading.close()


def _made_of(name: str, by: str | None) -> tuple[str, ...] | None:
    """The tables that a figure is drawn of; None where it may be any."""
    if name in _MEASURED:
        by = "node" if name == "kpi_heat_map" and by is None else by
        return rests_on(schema.MEASURES[_MEASURED[name]], columns_of(by))
    return _MADE_OF.get(name, ("calls",))
