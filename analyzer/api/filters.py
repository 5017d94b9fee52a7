"""Filters: correlate first, then select.

A filter picks whole calls, and outside calls whole registrations and transactions; it changes no value, so a call keeps
its number, its delays and its outcome however it was found. Three things speak of single rows instead: ``status`` and
``method`` in the tables ``messages`` and ``transactions``, ``outcome`` in the tables that have one of their own, and
``where`` in any table. There the rows themselves are picked, and of the other tables what belongs to their calls.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api import criteria
from analyzer.errors import FilterError, alike

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """What to pick; everything given must hold. Raises FilterError where something cannot be understood.

    ``call``      numbers of calls, as in ``calls.no``: 3 or 3,7-9.
    ``call_id``   Call-ID; ``*`` stands for any text.
    ``from_``     text in the caller or From of what opened the call (any case; with ``*``: the whole of it).
    ``to``        the same for callee, To and Request-URI.
    ``number``    telephone number of either side; separators and leading zeros do not count, seven digits or more match
                  its end.
    ``ip``        address, address:port or network (10.0.0.0/8) that sent or received one of its messages.
    ``point``     capture point that saw one of its messages.
    ``method``    methods, separated by commas: one of its messages has it.
    ``status``    404, 4xx, 500-599, or several with commas: final status.
    ``outcome``   outcomes, separated by commas.
    ``since``     RFC 3339 time; it started then or later. Without an offset the time is in ``tz``. Or relative to the
                  last message of the capture: 08:00 (of its day), -1h, -30m, -2d, today, yesterday.
    ``until``     the same; it started earlier.
    ``where``     SQL condition over the columns of ``table``.
    ``table``     the table that is looked at.
    """

    call: str | int | None = None
    call_id: str | None = None
    from_: str | None = None
    to: str | None = None
    number: str | None = None
    ip: str | None = None
    point: str | None = None
    method: str | None = None
    status: str | int | None = None
    outcome: str | None = None
    since: str | datetime | None = None
    until: str | datetime | None = None
    where: str | None = None
    table: str = "calls"
    tz: str = "UTC"

    def __post_init__(self) -> None:
        if self.table not in schema.TABLES:
            raise FilterError(f"no table {self.table!r}; there are {', '.join(schema.TABLES)}")
        if self.call is not None:
            criteria.call_numbers(self.call)
        if self.number is not None:
            criteria.digits(self.number)
        if self.ip is not None:
            criteria.addresses(self.ip)
        if self.method is not None:
            criteria.methods(self.method)
        if self.status is not None:
            criteria.statuses(self.status)
        if self.outcome is not None:
            criteria.outcomes(self.outcome, self.table)
        for instant in (self.since, self.until):
            if instant is not None:
                criteria.instant(instant, self.tz)
        if self.where is not None:
            criteria.check_where(self.where, self.table)

    def __bool__(self) -> bool:
        """Whether it picks anything at all."""
        return any(getattr(self, name) is not None for name in CRITERIA)

    def resolved(self, end: int) -> Filter:
        """The same with times that do not count from the last message of the capture, which is at ``end`` (ns)."""
        times = {
            name: criteria.written(criteria.instant(time, self.tz, end))
            for name in ("since", "until")
            if isinstance(time := getattr(self, name), str) and criteria.relative(time, self.tz, end) is not None
        }
        return replace(self, **times) if times else self

    @property
    def window(self) -> tuple[int | None, int | None]:
        """``since`` and ``until`` in ns since 1970, None where they are not given; see :meth:`resolved`."""
        since, until = (None if time is None else criteria.instant(time, self.tz) for time in (self.since, self.until))
        return since, until

    @property
    def given(self) -> list[str]:
        """The names of the criteria that are set."""
        return [name for name in CRITERIA if getattr(self, name) is not None]


def of_criteria(criteria: Mapping[str, Any]) -> Filter:
    """The filter of these criteria; ``from`` may be written with or without the line behind it."""
    names = {field.name for field in fields(Filter)}
    given = {"from_" if name == "from" else name: value for name, value in criteria.items()}
    for name in given:
        if name not in names:
            raise FilterError(f"no criterion {name!r}.{alike(name, names)} There are {', '.join(sorted(names))}.")
    return Filter(**given)


CRITERIA: tuple[str, ...] = tuple(field.name for field in fields(Filter) if field.name not in ("table", "tz"))
