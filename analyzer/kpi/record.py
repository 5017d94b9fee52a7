"""A KPI as data: its formula over the rows of a population, where it is defined, and an example worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

Kind = Literal["share", "duration", "rate", "peak_rate", "load", "peak_load"]
"""How the value is made:

===========  =======================================================================================================
share        sum of ``top`` / sum of ``bottom`` over the rows that count; 0 to 1
duration     sum of ``top``, in ns, / number of rows that have it: the mean, and percentiles beside it; seconds
rate         number of rows / seconds of the capture
peak_rate    the most rows in one second
load         time that the rows last, ``_since`` to ``_until`` / seconds of the capture: erlangs
peak_load    the most rows at one time
===========  =======================================================================================================
"""

UNITS: Mapping[Kind, str] = {
    "share": "share", "duration": "s", "rate": "1/s", "peak_rate": "1/s", "load": "erlang", "peak_load": "calls",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rows that are of the KPI's kind and do not count, and why, in words that follow a number: 3 unfinished."""

    why: str
    rows: pl.Expr


@dataclass(frozen=True, slots=True)
class Example:
    """Rows of the population, each so many times, and what follows from them by hand.

    Times are seconds from the start of the capture, which lasts ``lasts`` seconds.
    """

    rows: tuple[tuple[int, Mapping[str, Any]], ...]
    numerator: float | None
    denominator: float | None
    value: float
    excluded: int = 0
    lasts: float = 60.0


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI.

    ``name``        as in the table: ``ser``, ``pdd_s``; that of a duration ends in ``_s``.
    ``titles``      what it is called, by language; the abbreviation in parentheses.
    ``texts``       what it means and what moves it, by language: one to three sentences.
    ``kind``        how the value is made.
    ``of``          the population: a name of ``populations.POPULATIONS``.
    ``standard``    document and clause.
    ``formula``     numerator and denominator in words.
    ``about``       the rows of the population that it is about; all without it.
    ``excluded``    of these the rows that do not count. The first that holds is the reason.
    ``missing``     of a duration, why a row that would count has none.
    ``top``         what is summed up above: true or false, a number, nanoseconds of a duration.
    ``bottom``      what is summed up below; each row that counts is one without it.
    ``point``       where it is measured, if not where its population is.
    ``chosen``      where the definition leaves room: what was chosen, and why.
    ``example``     worked by hand, a test and a part of ``docs/kpis.md``.
    ``also``        other names under which ``explain`` finds it.
    """

    name: str
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    kind: Kind
    of: str
    standard: str
    formula: tuple[str, str]
    example: Example
    top: pl.Expr | None = None
    bottom: pl.Expr | None = None
    about: pl.Expr | None = None
    excluded: tuple[Excluded, ...] = ()
    missing: str = ""
    point: str = ""
    chosen: str = ""
    also: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Unit of the value; a share is 0 to 1."""
        return UNITS[self.kind]
