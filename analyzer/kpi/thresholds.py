"""Thresholds for KPIs, from a TOML file or a mapping, and what crosses them.

::

    thresholds = ["asr < 0.6", "pdd_s.p95 > 5"]      # over all

    [nodes]                                           # any name; each has its own groups
    by = "node"
    every = "1h"
    thresholds = ["ser < 50 %", "sdd_s > 2"]

A threshold names the KPI, of a duration perhaps a percentile (p50, p95, p99; without one its mean), and what crosses
it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from analyzer.errors import AnalyzerError, FilterError
from analyzer.kpi.catalogue import KPIS
from analyzer.kpi.kpis import LOW_N, kpis
from analyzer.kpi.populations import COLUMNS, Piece, Tables
from analyzer.measure import grouping
from analyzer.measure.grouping import INTERVAL

#: What thresholds are given as: the path of a TOML file, what would stand in it, or what was read of either.
Given = str | os.PathLike[str] | Mapping[str, Any] | Sequence["Group"]

_FIGURES = ("value", "p50", "p95", "p99")
_FORM = re.compile(r"\s*(\w+)(?:\.(\w+))?\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")
_KEYS = ("by", "every", "thresholds")
_WANTED = "a KPI, < or >, and a number are wanted: asr < 0.6, pdd_s.p95 > 5"

#: The columns of :func:`crossings`; ``state`` is crossed or low_n.
SCHEMA = {
    "threshold": pl.String(),
    "kpi": pl.String(),
    "group": pl.String(),
    INTERVAL: pl.Datetime("ns", "UTC"),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "state": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """``kpi.figure sign limit``, as it was written in ``text``."""

    text: str
    kpi: str
    figure: str
    sign: str
    limit: float

    def figures(self) -> tuple[pl.Expr, pl.Expr]:
        """The value that is compared, and whether it rests on enough: a percentile on as many as bound it."""
        if KPIS[self.kpi].kind not in ("share", "duration"):
            return pl.col("value"), pl.lit(value=True)
        if self.figure == "value":
            return pl.col("value"), pl.col("n") >= LOW_N
        value = pl.col(f"{self.figure}_s")
        bounded = pl.col("p95_high_s").is_not_null() if self.figure == "p95" else pl.lit(value=True)
        return value, (pl.col("n") >= LOW_N) & bounded

    def crossed(self) -> pl.Expr:
        """Whether the value crosses it; null where there is no value."""
        value, _ = self.figures()
        compared = {
            "<": value < self.limit,
            "<=": value <= self.limit,
            ">": value > self.limit,
            ">=": value >= self.limit,
        }
        return compared[self.sign]


@dataclass(frozen=True, slots=True)
class Group:
    """Thresholds for the same groups and intervals; over all without either."""

    by: tuple[str, ...]
    every: str | None
    thresholds: tuple[Threshold, ...]


def read(given: Given) -> tuple[Group, ...]:
    """The thresholds of a file or mapping; raises AnalyzerError that says where, what, and what to write."""
    text = ""
    if isinstance(given, Sequence) and not isinstance(given, str):
        return tuple(given)
    if isinstance(given, Mapping):
        where, said = "thresholds", given
    else:
        where = os.fspath(given)
        try:
            text = Path(where).read_text(encoding="utf-8")
            said = tomllib.loads(text)
        except OSError as error:
            raise AnalyzerError(f"{where}: {error.strerror or error}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise AnalyzerError(
                f'{where}: cannot be read as TOML: {error}; write thresholds = ["ser < 0.9", "pdd_s.p95 > 5"]'
            ) from error
    own = {name: value for name, value in said.items() if not isinstance(value, Mapping)}
    named = {name: value for name, value in said.items() if isinstance(value, Mapping)}
    found = [_group(_Place(where, text, name), value) for name, value in [("", own), *named.items()] if value]
    if not any(group.thresholds for group in found):
        raise AnalyzerError(f'{where}: no threshold; write thresholds = ["asr < 0.6"]')
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something was said: in which file, its text, and under which heading."""

    where: str
    text: str
    heading: str

    def wrong(self, what: str, why: str) -> AnalyzerError:
        """The error about ``what`` was written, with its line where the file has it."""
        lines = self.text.splitlines()
        after = next((n for n, line in enumerate(lines) if line.strip() == f"[{self.heading}]"), 0)
        line = next((n for n, line in enumerate(lines[after:], start=after + 1) if what in line), None)
        at = f", line {line}" if line else ""
        return AnalyzerError(f"{self.where}{at}: {what!r}: {why}")


def _group(place: _Place, said: Mapping[str, Any]) -> Group:
    for name in said:
        if name not in _KEYS:
            raise place.wrong(name, f"unknown; wanted are {', '.join(_KEYS)}")
    by, every, texts = (said.get(name) for name in _KEYS)
    if by is not None and not (isinstance(by, str) or _are_texts(by)):
        raise place.wrong("by", 'columns are wanted: by = "node"')
    if every is not None and not isinstance(every, str):
        raise place.wrong("every", 'a length of time is wanted: every = "1h"')
    if not _are_texts(texts) or not texts:
        raise place.wrong("thresholds", 'a list of texts is wanted: thresholds = ["asr < 0.6"]')
    try:
        keys = grouping.columns(by, COLUMNS)
    except FilterError as error:
        raise place.wrong("by", str(error).removeprefix("by ")) from error
    if every is not None:
        try:
            grouping.length(every)
        except FilterError as error:
            raise place.wrong(every, str(error)) from error
    return Group(tuple(keys), every, tuple(_threshold(place, text) for text in texts))


def _are_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(text, str) for text in found)


def _threshold(place: _Place, text: str) -> Threshold:
    found = _FORM.fullmatch(text)
    if not found:
        raise place.wrong(text, _WANTED)
    name, figure, sign, number, percent = found.groups()
    kpi = KPIS.get(name) or KPIS.get(name.lower())
    if kpi is None:
        from difflib import get_close_matches

        near = get_close_matches(name.lower(), KPIS, n=3, cutoff=0.5)
        raise place.wrong(text, f"no KPI {name!r}; " + (f"did you mean {' or '.join(near)}?" if near else _all()))
    if figure is not None and figure not in _FIGURES:
        raise place.wrong(text, f"no {figure!r} of a KPI; there are {', '.join(_FIGURES)}")
    if figure not in (None, "value") and kpi.kind != "duration":
        raise place.wrong(text, f"{kpi.name} is no duration and has no {figure}")
    limit = float(number) / 100 if percent else float(number)
    if percent and kpi.kind != "share":
        raise place.wrong(text, f"{kpi.name} is no share; leave out the %")
    if kpi.kind == "share" and not 0 <= limit <= 1:
        raise place.wrong(text, f"{kpi.name} is a share, 0 to 1; write {number} % for percent")
    return Threshold(" ".join(text.split()), kpi.name, figure or "value", sign, limit)


def _all() -> str:
    return f"there are {', '.join(KPIS)}"


# ---- what crosses them -----------------------------------------------------------------------------------------------


def crossings(
    groups: Sequence[Group],
    tables: Tables,
    tz: str = "UTC",
    pieces: Callable[[], Iterable[Piece] | None] = lambda: None,
) -> pl.DataFrame:
    """What crosses a threshold, and what would but is too little to say so: :data:`SCHEMA`, in the order given.

    ``tables`` and ``pieces`` as for :func:`~analyzer.kpi.kpis.kpis`. A value that rests on fewer than ``LOW_N``, or a
    95th percentile on so few that it has no upper bound, never crosses: its ``state`` is ``low_n``.
    """
    found = [pl.DataFrame(schema=SCHEMA)]
    for group in groups:
        names = list(dict.fromkeys(threshold.kpi for threshold in group.thresholds))
        table = kpis(tables, by=group.by, every=group.every, tz=tz, only=names, pieces=pieces())
        whole = not (group.by or group.every)
        rows = table.filter(pl.col("total") == whole)
        rows = rows if group.every else rows.with_columns(pl.lit(None, SCHEMA[INTERVAL]).alias(INTERVAL))
        found += [_crossing(rows, group.by, threshold) for threshold in group.thresholds]
    return pl.concat(found)


def _crossing(rows: pl.DataFrame, by: Sequence[str], threshold: Threshold) -> pl.DataFrame:
    value, enough = threshold.figures()
    named = [pl.concat_str(pl.lit(f"{name} "), pl.col(name).cast(pl.String).fill_null("-")) for name in by]
    return rows.filter(pl.col("kpi") == threshold.kpi, threshold.crossed()).select(
        pl.lit(threshold.text).alias("threshold"),
        "kpi",
        (pl.concat_str(named, separator=", ") if named else pl.lit(None, pl.String)).alias("group"),
        INTERVAL,
        value.alias("value"),
        "n",
        pl.when(enough).then(pl.lit("crossed")).otherwise(pl.lit("low_n")).alias("state"),
    )


def marked(table: pl.DataFrame, groups: Sequence[Group], by: grouping.By, every: str | None) -> pl.DataFrame:
    """The table ``kpis``, made with ``by`` and ``every``, with ``crossed``: the thresholds that a row crosses, those of
    its own groups and intervals, and in the row over all those over all. ``low n`` stands behind one that it would."""
    keys = tuple(grouping.columns(by, COLUMNS))
    parts = [pl.when(crosses).then(text) for crosses, text in _marks(groups, keys, every)]
    told = pl.concat_str(parts, separator="; ", ignore_nulls=True) if parts else pl.lit(None, pl.String)
    return table.with_columns(crossed=pl.when(told != "").then(told))


def _marks(groups: Sequence[Group], keys: tuple[str, ...], every: str | None) -> Iterator[tuple[pl.Expr, pl.Expr]]:
    for group in groups:
        whole = not (group.by or group.every)
        if not whole and (set(group.by), group.every) != (set(keys), every):
            continue
        for threshold in group.thresholds:
            _, enough = threshold.figures()
            of = (pl.col("kpi") == threshold.kpi) & (pl.col("total") == whole)
            text = pl.when(enough).then(pl.lit(threshold.text)).otherwise(pl.lit(f"{threshold.text} (low n)"))
            yield of & threshold.crossed(), text
