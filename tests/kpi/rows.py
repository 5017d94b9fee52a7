"""Tables made of the rows of a KPI's example, or of rows written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from analyzer import schema
from analyzer.kpi import kpis
from analyzer.kpi.populations import POPULATIONS, Population
from analyzer.kpi.record import Kpi

START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000_000_000

#: What a population has beside the columns of a table: times in ns.
_MADE = {
    "calls": ("_bye_at", "_bye_accepted_at", "_bye_refused_at", "_since", "_until"),
    "requests": (),
    "transactions": (),
    "registrations": (),
    "messages": (),
    "streams": (),
    "call_media": (),
}
_TABLE = {"requests": "transactions"}


def frame(population: str, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> pl.DataFrame:
    """The rows of a population, each so many times; times are seconds since the start of the capture."""
    entry = schema.TABLES[_TABLE.get(population, population)]
    kinds: dict[str, Any] = dict(entry.polars())
    kinds |= dict.fromkeys(_MADE[population], pl.Int64()) | {"_bye_unanswered": pl.Boolean(), "_at": kinds_time()}
    times = {*entry.of_type("time"), *_MADE[population], "_at"}
    made = []
    for count, row in rows:
        whole = {"_bye_unanswered": False} | {
            name: START + round(value * SECOND) if name in times and value is not None else value
            for name, value in row.items()
        }
        made += [dict.fromkeys(kinds) | whole] * count
    numbers = {name: pl.Int64() if name in times else kind for name, kind in kinds.items()}
    return pl.DataFrame(made, schema=numbers).cast({name: kinds[name] for name in times})


def kinds_time() -> pl.DataType:
    return pl.Datetime("ns", "UTC")


def files(*spans: tuple[float, float], **columns: Any) -> pl.DataFrame:
    """``files`` that cover these seconds."""
    rows = [dict.fromkeys(schema.FILES.names) | columns for _ in spans]
    made = pl.DataFrame(rows, schema=schema.FILES.polars())
    times = [[START + round(span[end] * SECOND) for span in spans] for end in (0, 1)]
    first, last = (pl.Series(values, dtype=pl.Int64).cast(kinds_time()) for values in times)
    return made.with_columns(first.alias("first_at"), last.alias("last_at"))


def measured(population: str, rows: pl.DataFrame, covered: pl.DataFrame | None = None, **how: Any) -> pl.DataFrame:
    """KPIs over rows of one population; the others are empty."""
    covered = files((0, 60)) if covered is None else covered
    given = {name: frame(name, []) for name in POPULATIONS} | {population: rows}
    kept = dict(POPULATIONS)
    try:
        for name, found in kept.items():
            POPULATIONS[name] = _over(found, given[name])
        return kpis.kpis(lambda name: covered, **how)
    finally:
        POPULATIONS.update(kept)


def _over(found: Population, rows: pl.DataFrame) -> Population:
    keep: Callable[..., pl.DataFrame] = lambda frame, keys, tables: frame  # noqa: E731
    return Population(found.name, found.point, found.at, found.columns, (), lambda *_: rows.lazy(), keep)


def one(kpi: Kpi | str, rows: Iterable[tuple[int, Mapping[str, Any]]], of: str = "calls", **how: Any) -> dict[str, Any]:
    """The row over all of one KPI."""
    name, population = (kpi, of) if isinstance(kpi, str) else (kpi.name, kpi.of)
    return measured(population, frame(population, rows), only=name, **how).filter("total").row(0, named=True)
