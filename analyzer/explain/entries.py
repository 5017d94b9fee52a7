"""Every word that can be explained, from the files beside this module, the catalogue and the rules."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from analyzer import schema
from analyzer.language import LANGUAGES

OF_FILES = (
    *("statuses", "methods", "causes", "warnings", "header_fields", "sdp_lines", "timers"),
    *("reference_points", "terms", "outcomes", "details", "phases", "services", "violations", "problems"),
)
"""The kinds of words that have a file of their own here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what it means.

    ``kind``      one of ``kinds.toml``: ``statuses``, ``columns`` ...
    ``word``      as it is written: 580, P-Charging-Vector, Q.850 16, pdd_s.
    ``names``     what it is called, by language: Precondition Failure; nothing where the word says it.
    ``standard``  with the clause, where one is known.
    ``texts``     by language, one to three sentences.
    ``more``      by language, what else to look at; pages leave it out.
    ``of``        for a column, the tables that have it.
    ``also``      further spellings under which it is found.
    """

    kind: str
    word: str
    standard: str
    texts: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    of: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def text(self, language: str) -> str:
        """The text in this language; in English if there is none."""
        return self.texts.get(language) or self.texts["en"]

    def first(self, language: str) -> str:
        """The first sentence.

        >>> of_kind("statuses")["486"].first("en")
        'The called device is in a call, or its user rejected this one.'
        """
        return re.split(r"(?<=[.?]) |(?<=。)", self.text(language), maxsplit=1)[0]

    def name(self, language: str) -> str:
        """The name in this language; in English if there is none, empty without any."""
        return self.names.get(language) or self.names.get("en", "")


@cache
def data(name: str) -> dict[str, Any]:
    """The file of that name."""
    return tomllib.loads(files("analyzer.explain").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


@cache
def of_kind(kind: str) -> dict[str, Entry]:
    """The entries of one kind of :data:`OF_FILES`, by their words."""
    return {
        word: Entry(
            kind=kind,
            word=word,
            standard=row.get("standard", ""),
            texts={"en": row["en"], "zh": row["zh"]},
            names={language: row[key] for language, key in (("en", "name"), ("zh", "name_zh")) if key in row},
            more={language: row[key] for language in LANGUAGES if (key := f"more_{language}") in row},
            also=tuple(row.get("also", ())),
        )
        for word, row in _rows(kind).items()
    }


def _rows(kind: str) -> dict[str, dict[str, Any]]:
    """As in the file; what the program has in another place comes from there."""
    rows: dict[str, dict[str, Any]] = data(kind)
    if kind == "causes":
        from analyzer.columns.causes import FAILURE_CAUSE, PREEMPTION, Q850, RELEASE_CAUSE

        named = {
            "Q.850": Q850,
            "PREEMPTION": PREEMPTION,
            "RELEASE_CAUSE": RELEASE_CAUSE,
            "FAILURE_CAUSE": FAILURE_CAUSE,
        }
        names = {f"{protocol} {cause}": name for protocol, causes in named.items() for cause, name in causes.items()}
        return {word: {**row, "name": names[word], "also": _of_cause(word)} for word, row in rows.items()}
    if kind == "problems":
        return {code: {"en": english, "zh": rows[code]["zh"]} for code, english in data("problems_en").items()}
    return rows


def _of_cause(word: str) -> tuple[str, ...]:
    """How people write a cause: 16, cause 16, Q850 16."""
    protocol, cause = word.split()
    return (cause, f"cause {cause}", f"{protocol.replace('.', '')} {cause}")


def columns() -> Iterator[Entry]:
    """Every column of the catalogue; tables in which one means the same share an entry."""
    found: dict[tuple[str, ...], list[str]] = {}
    for table in _tables():
        for column in table.columns:
            key = (column.name, column.described, in_chinese(table.name, column), column.standard)
            found.setdefault(key, []).append(table.name)
    for (name, english, chinese, standard), tables in found.items():
        yield Entry(
            kind="columns",
            word=name,
            standard=standard,
            texts={"en": english, "zh": chinese},
            of=tuple(tables),
            also=tuple(f"{table}.{name}" for table in tables),
        )


def tables() -> Iterator[Entry]:
    """Every table of the catalogue."""
    for table in _tables():
        english = f"{table.row} {table.note}".strip()
        yield Entry(kind="tables", word=table.name, standard="", texts={"en": english, "zh": in_chinese(table.name)})


def rules() -> Iterator[Entry]:
    """Every rule of diagnosis that the program has."""
    from analyzer.diagnose.rules import ALL

    for rule in ALL:
        yield Entry(
            kind="rules",
            word=rule.id,
            standard=rule.standard,
            texts={language: _of_rule(text, language) for language, text in rule.texts.items()},
            names={language: text.title for language, text in rule.texts.items()},
            also=(rule.code,),
        )


def kpis() -> Iterator[Entry]:
    """Every key performance indicator."""
    from analyzer.kpi.catalogue import KPIS

    for kpi in KPIS.values():
        yield Entry(
            kind="kpis",
            word=kpi.name,
            standard=kpi.standard,
            texts=kpi.texts,
            names=kpi.titles,
            more={language: data("kinds")["kpis"]["more"][language] for language in LANGUAGES},
            also=(*kpi.also, kpi.name.removesuffix("_s")),
        )


def _of_rule(text: Any, language: str) -> str:
    """Explanation, likely causes, how to confirm, remedy: each a line."""
    words = data("kinds")["rules"][language]
    causes = words["between"].join(text.causes)
    lines = (
        text.explanation,
        f"{words['causes']}{causes}{words['end']}",
        f"{words['confirm']}{text.how_to_confirm}",
        f"{words['remedy']}{text.remedy}",
    )
    return "\n".join(lines)


def meaning(table: str, column: schema.Column, language: str) -> str:
    """What a column of a table means; in English if nobody has written it in this language."""
    return (in_chinese(table, column) if language == "zh" else "") or column.described


def in_chinese(table: str, column: schema.Column | None = None) -> str:
    """A table or a column of it in Chinese, with its values; empty where nobody has written it yet."""
    texts = data("tables_zh")
    of_table = texts.get(table, {})
    if column is None:
        return str(of_table.get("row", ""))
    meaning = str(of_table.get(column.name) or texts["every"].get(column.name, ""))
    if not meaning or not column.values:
        return meaning
    told = texts["values"].get(column.name, {})
    explained = [value for value in column.values if not isinstance(value, str)]
    values = {name: told.get(name, english) for name, english in explained}
    listed = (f"{name}\uff08{values[name]}\uff09" if name in values else name for name in column.allowed)
    return f"{meaning}取值\uff1a{'、'.join(listed)}。"


def every() -> Iterator[Entry]:
    """All of them, in the order in which a word with several meanings is told."""
    for kind in OF_FILES:
        yield from of_kind(kind).values()
    yield from rules()
    yield from kpis()
    yield from tables()
    yield from columns()


def _tables() -> Iterator[schema.Table]:
    yield from schema.TABLES.values()
    yield from schema.ASKED.values()
    yield from schema.MEASURES.values()
