"""``--thresholds``: what crosses them is told on stderr, and the exit status says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import terminal

if TYPE_CHECKING:
    from analyzer.api.capture import Capture
    from analyzer.kpi.thresholds import Group

option = click.option(
    "--thresholds",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Thresholds for KPIs, a TOML file, see docs/kpis.md; exit status 3 if a value crosses one.",
)

# Lines about what crosses: more are in the table.
_MOST_TOLD = 20


def groups_of(path: str | None) -> tuple[Group, ...]:
    """The thresholds of the file; none without one."""
    if path is None:
        return ()
    from analyzer.kpi.thresholds import read

    return read(path)


def tell(capture: Capture, groups: tuple[Group, ...], tz: str) -> bool:
    """Say what crosses a threshold, and what would if it rested on more; whether something crosses."""
    if not groups:
        return False
    from analyzer.api.measured import crossings
    from analyzer.show.kpi_texts import sentences

    found = crossings(capture.source, groups, tz)
    told = [sentence for _, sentence in sentences(found, tz)]
    for sentence in told[:_MOST_TOLD]:
        terminal.note(sentence)
    if len(told) > _MOST_TOLD:
        terminal.note(f"{len(told) - _MOST_TOLD} more values cross a threshold, or would")
    return bool((found["state"] == "crossed").any())
