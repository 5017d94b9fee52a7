"""The KPIs of a report: each with its value, on how many it rests, how it went over time, and what it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from analyzer.columns.times import SECOND
from analyzer.comparison.comparability import Doubt
from analyzer.comparison.kpi_changes import kpi_changes
from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.kpis import kpis
from analyzer.kpi.observed import observation
from analyzer.kpi.record import Kpi
from analyzer.measure.grouping import INTERVAL, fitting
from analyzer.show.comparison.verdicts import interval, signed
from analyzer.show.kpi_texts import left_out, noted, told
from analyzer.show.text import seconds

#: Intervals of a line over time.
MOST_INTERVALS = 24

#: Steps of a line: with more, a clock was years off.
_MOST_STEPS = 1000

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT = 120, 20


@dataclass(frozen=True, slots=True)
class Line:
    """One KPI, as people read it. ``over_time``: 0 to 1 of the highest, None where there is no data; ``before``: the
    value of the other capture, where one was given; ``changed``: the verdict on the change from it (better, worse or
    changed) and the change with its interval, where it shows; ``crossed``: the thresholds that it crosses."""

    kpi: Kpi
    value: str
    n: int
    excluded: str
    p95: str
    note: str
    over_time: tuple[float | None, ...]
    ends: str
    before: str
    changed: tuple[str, str]
    crossed: tuple[str, ...]

    @property
    def blocks(self) -> str:
        """Over time, as a text; a space where there is no data."""
        return "".join(" " if y is None else _BLOCKS[min(round(y * 7), 7)] for y in self.over_time)

    @property
    def paths(self) -> list[str]:
        """Over time, as points of polylines of SVG; a value alone is a short line."""
        step = _WIDTH / max(len(self.over_time), 1)
        found: list[list[str]] = [[]]
        for place, y in enumerate(self.over_time):
            if y is None:
                found.append([])
                continue
            high = f"{_HEIGHT - 1 - y * (_HEIGHT - 2):.1f}"
            found[-1].append(f"{(place + 0.5) * step:.1f},{high}")
        alone = [[*points, _beside(points[0])] if len(points) == 1 else points for points in found if points]
        return [" ".join(points) for points in alone]


def _beside(point: str) -> str:
    """A point a little to the right."""
    x, _, y = point.partition(",")
    return f"{float(x) + 2:.1f},{y}"


def measured(
    tables: Mapping[str, pl.DataFrame], tz: str, measure: Callable[..., pl.DataFrame] | None = None
) -> pl.DataFrame:
    """The table ``kpis`` of a report: over all, and in so many intervals as a line over time has."""
    begin, end = observation(tables["files"])
    every = None if begin is None or end is None else fitting((end - begin) / SECOND, MOST_INTERVALS)
    if measure is not None:
        return measure("kpis", every=every, tz=tz)
    return kpis(lambda name: tables[name], every=every, tz=tz)


def lines(
    found: pl.DataFrame,
    crossings: pl.DataFrame | None = None,
    before: pl.DataFrame | None = None,
    doubts: Sequence[Doubt] = (),
    language: str = "en",
) -> list[Line]:
    """The KPIs that have data, in the order of the catalogue. ``found`` as :func:`measured` gives it, ``before`` the
    same of another capture, ``doubts`` why both may not be comparable."""
    changes = {} if before is None else _changes(before, found, doubts)
    then = {} if before is None else dict(before.filter("total").select("kpi", "value").rows())
    crossed: dict[str, list[str]] = {}
    if crossings is not None:
        for kpi, threshold in (
            crossings.filter(state="crossed").select("kpi", "threshold").unique().sort("threshold").rows()
        ):
            crossed.setdefault(kpi, []).append(threshold)
    times = _over_time(found)
    return [
        Line(
            kpi=KPIS[row["kpi"]],
            value=told(KPIS[row["kpi"]], row["value"]),
            n=row["n"],
            excluded=left_out(row["excluded_why"] or "", language),
            p95="" if row["p95_s"] is None else seconds(row["p95_s"]),
            note=noted(row["note"] or "", language),
            over_time=times.get(row["kpi"], ((), ""))[0],
            ends=times.get(row["kpi"], ((), ""))[1],
            before=told(KPIS[row["kpi"]], then[row["kpi"]]) if row["kpi"] in then else "",
            changed=changes.get(row["kpi"], ("", "")),
            crossed=tuple(crossed.get(row["kpi"], ())),
        )
        for row in found.filter("total").iter_rows(named=True)
        if row["n"] and row["value"] is not None
    ]


def _changes(before: pl.DataFrame, found: pl.DataFrame, doubts: Sequence[Doubt]) -> dict[str, tuple[str, str]]:
    """Of each KPI that changed the verdict and the change; of a delay that of its median, else of its p95."""
    changes: dict[str, tuple[str, str]] = {}
    for row in kpi_changes(before, found, doubts).to_dicts():
        if row["verdict"] in ("better", "worse", "changed"):
            figure = "" if row["figure"] == "value" else f"{row['figure']} "
            told = f"{figure}{signed(row['change'], row['unit'])} ({interval(row, row['unit'])})"
            changes.setdefault(row["kpi"], (row["verdict"], told))
    return changes


def without_data(found: pl.DataFrame) -> list[str]:
    """The names of the other KPIs."""
    none = (pl.col("n") == 0) | pl.col("value").is_null()
    return found.filter(pl.col("total"), none)["kpi"].to_list()


def _steps(begins: pl.Series) -> pl.DataFrame:
    """The begin of every interval from the first to the last, those in which nothing began, too."""
    known = begins.unique().sort()
    apart: list[int] = known.diff().drop_nulls().dt.total_seconds().to_list()
    frame = known.to_frame(INTERVAL)
    if not apart or sum(apart) > _MOST_STEPS * min(apart):
        return frame
    at = pl.col(INTERVAL)
    every = frame.select(pl.datetime_range(at.min(), at.max(), f"{min(apart)}s"))
    # Where the clocks change, days are not of one length.
    return pl.concat([frame, every]).unique().sort(INTERVAL)


def _over_time(found: pl.DataFrame) -> dict[str, tuple[tuple[float | None, ...], str]]:
    """Of each KPI its values in the intervals, of the highest or of 100 %, and the lowest and highest in words."""
    if INTERVAL not in found.columns:
        return {}
    rows = found.filter(~pl.col("total"), pl.col(INTERVAL).is_not_null())
    steps = _steps(rows[INTERVAL])
    if steps.height < 2:
        return {}
    told_of: dict[str, tuple[tuple[float | None, ...], str]] = {}
    for (name,), own in rows.group_by("kpi", maintain_order=True):
        kpi = KPIS[str(name)]
        values = steps.join(own, on=INTERVAL, how="left", maintain_order="left")["value"].to_list()
        known: Sequence[float] = [value for value in values if value is not None]
        if len(known) < 2:
            continue
        top = 1.0 if kpi.kind == "share" else max(known) or 1.0
        relative = tuple(None if value is None else value / top for value in values)
        told_of[kpi.name] = relative, f"{told(kpi, min(known))} - {told(kpi, max(known))}"
    return told_of
