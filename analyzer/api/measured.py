"""Measured tables of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analyzer import schema

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.source import Source
    from analyzer.kpi.thresholds import Group


def measured(source: Source, name: str, **how: Any) -> pl.DataFrame:
    """The measured table of that name, as :meth:`Capture.measure <analyzer.Capture.measure>` gives it."""
    return in_spite_of_damage(source, lambda: _measured(source, name, how))


def in_spite_of_damage(source: Source, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What ``make`` gives, which reads while it calculates; once more where a file of a store turns out to be damaged,
    without what is in it."""
    from polars import exceptions

    from analyzer.store.damage import unreadable

    try:
        return make()
    except (exceptions.SQLInterfaceError, exceptions.SQLSyntaxError, exceptions.ColumnNotFoundError):
        raise  # by what was asked
    except unreadable():
        whole: Any = source.whole
        if not hasattr(whole, "found_damage") or not (whole.found_damage() or whole.damaged):
            raise
        return make()


def _measured(source: Source, name: str, how: Mapping[str, Any]) -> pl.DataFrame:
    from analyzer.measure.measures import measure

    entry = schema.MEASURES[name]
    if entry.asks:
        return measure(name, _tables(source), **how, pieces=source.pieces())
    by = how.get("by") or ()
    return measure(name, _tables(source, entry.looks_at, by.split(",") if isinstance(by, str) else by), **how)


def looked_at(source: Source, columns: Mapping[str, Sequence[str]]) -> Callable[[str], pl.DataFrame]:
    """The tables of a source by name; of some these columns, so that no more of a store is read."""

    def table(name: str) -> pl.DataFrame:
        if name not in columns:
            return source.table(name)
        return in_spite_of_damage(source, lambda: source.scan(name).select(columns[name]).collect())

    return table


def crossings(source: Source, groups: tuple[Group, ...], tz: str) -> pl.DataFrame:
    """What crosses these thresholds, as :meth:`Capture.crossings <analyzer.Capture.crossings>` gives it."""
    from analyzer.kpi import thresholds

    return thresholds.crossings(groups, _tables(source), tz, source.pieces)


def _tables(
    source: Source, looks_at: Mapping[str, Sequence[str]] = MappingProxyType({}), by: Iterable[str] = ()
) -> Callable[[str], pl.DataFrame]:
    """The tables of a source; of some the columns that are looked at, and those of ``by``."""

    def table(name: str) -> pl.DataFrame:
        if name == "failing_nodes":
            return source.failing_nodes()
        asked = list(looks_at.get(name, ()))
        if asked:
            known = schema.TABLES[name].names
            asked += [column for word in by if (column := word.strip()) in known and column not in asked]
        # Nothing that is measured needs columns of messages that a lean reading leaves out.
        if name == "messages":
            return source.lean_messages(asked)
        return source.scan(name).select(asked).collect() if asked else source.table(name)

    return table
