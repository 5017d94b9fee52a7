"""The first sentence of ``explain`` on a status, a role, a reference point: for a reader who points at it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import polars as pl

from analyzer.explain.entries import Entry, of_kind, rules
from analyzer.ims.roles import split

#: Columns whose values are words of the field or of ours, with the kinds of these words.
KINDS = {
    "status": ("statuses",),
    "first_status": ("statuses",),
    "method": ("methods",),
    "outcome": ("outcomes", "details"),
    "outcome_detail": ("details", "outcomes", "phases"),
    "phase": ("phases",),
    "reference_point": ("reference_points",),
    "role": ("terms",),
    "code": ("problems", "violations", "rules"),
    "rule": ("rules",),
    "warning_code": ("warnings",),
}


def of_value(column: str, value: object, language: str = "en") -> str:
    """The meaning of a value of that column; empty where there is none to tell.

    >>> of_value("status", 486)
    'Busy Here: The called device is in a call, or its user rejected this one.'
    >>> of_value("role", "I/S-CSCF", "zh").split("。")[0]
    'I-CSCF 查询 CSCF：归属网络的入口：向 HSS 查询服务用户的 S-CSCF，并把请求送往该处'
    """
    if value is None or column not in KINDS:
        return ""
    words = split(str(value)) if column == "role" else [str(value)]
    known = [_entry(word, KINDS[column]) for word in words]
    return " ".join(_told(entry, language, named=column == "role") for entry in known if entry)


def of_values(tables: Iterable[pl.DataFrame], language: str = "en") -> dict[str, dict[str, str]]:
    """By column and value as text, for all values in these tables: each once, however many rows have it."""
    found: dict[str, dict[str, str]] = {}
    for frame in tables:
        for column in set(KINDS) & set(frame.columns):
            for value in frame[column].drop_nulls().unique(maintain_order=True):
                if told := of_value(column, value, language):
                    found.setdefault(column, {})[str(value)] = told
    return {column: dict(sorted(found[column].items())) for column in KINDS if column in found}


def _entry(word: str, kinds: Iterable[str]) -> Entry | None:
    entries = (_rules() if kind == "rules" else of_kind(kind) for kind in kinds)
    return next((known[word] for known in entries if word in known), None)


@cache
def _rules() -> dict[str, Entry]:
    """The rules by number and by name."""
    return {word: rule for rule in rules() for word in (rule.word, *rule.also)}


def called(value: object, shown: str, language: str) -> str:
    """A status or an outcome as it is ``shown``, with its name in another language before it.

    >>> called("busy", "busy", "zh"), called("486", "486 Busy Here", "zh"), called("no one", "no one", "zh")
    ('用户忙（busy）', '486 Busy Here 用户忙', 'no one')
    """
    if language == "en":
        return shown
    status = of_kind("statuses").get(str(value))
    if status:
        return f"{shown} {status.name(language)}"
    outcome = of_kind("outcomes").get(str(value).replace(" ", "_"))
    return f"{outcome.name(language)}（{shown}）" if outcome else shown


def _told(entry: Entry, language: str, *, named: bool) -> str:
    name = entry.name(language)
    colon = ": " if language == "en" else "："
    called = f"{entry.word} {name}".rstrip() if named else name
    return f"{called}{colon}{entry.first(language)}" if called else entry.first(language)
