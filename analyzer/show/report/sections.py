"""The tables of the page: which, under what heading, and what each says where it has no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.diagnose.explanation import explanations
from analyzer.diagnose.verdict import verdicts
from analyzer.explain.entries import meaning
from analyzer.explain.phrases import phrases
from analyzer.measure.measures import measure
from analyzer.show import story
from analyzer.show.report import columns, room

MOST_ROWS = 50_000
"""Rows of a table in a report."""
FIRST_ROWS = 25
"""Rows of a table that are there without JavaScript."""


#: The entries with a section and what they say of it, in the order of the page.
_SHOWN = sorted(
    ((entry, entry.section) for entry in (*schema.TABLES.values(), *schema.MEASURES.values()) if entry.section),
    key=lambda shown: shown[1].place,
)


def _tables() -> Iterator[str]:
    """The tables shown, those of which measured ones are made, and what verdict, KPIs, plots and ladders look at."""
    for entry, _ in _SHOWN:
        yield from entry.of if isinstance(entry, schema.Measure) else (entry.name,)
    yield from (
        "finding_cases",
        "dialogs",
        "offers",
        "streams",
        "stream_intervals",
        "call_media",
        "endpoints",
        "failure_path",
        "related_transactions",
    )


#: Tables that the page is made of.
TABLES = tuple(dict.fromkeys(_tables()))


@dataclass(frozen=True, slots=True)
class Section:
    """A table on the page. ``left_out`` counts the rows that are not in the report; ``headings`` are name, meaning and
    type of the columns shown at first, ``first`` the first rows of these as text.
    """

    name: str
    heading: str
    missing: str
    rows: int
    left_out: int
    first_come: str
    shown: list[str]
    headings: list[tuple[str, str, str]]
    first: list[list[tuple[str, bool]]]
    packed: str


def numbered(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """With numbers for registrations: people need to speak of one as they do of a call."""
    registrations = tables["registrations"].with_columns(no=pl.int_range(1, pl.len() + 1))
    return {**tables, "registrations": registrations}


def sections(tables: Mapping[str, pl.DataFrame], tz: str, language: str = "en") -> Iterator[Section]:
    """All sections, in the order of the page."""
    say = phrases(language)
    for entry, planned in _SHOWN:
        name = entry.name
        whole = measure(name, _of(tables)) if isinstance(entry, schema.Measure) else tables[name]
        if name == "outliers":
            whole = room.of_the_network(whole)
        if name == "latency":
            whole = whole.filter(pl.col("n") > 0)  # delays that no call has
        if "call" in whole.columns and "no" not in whole.columns:
            whole = whole.join(tables["calls"].select("call", "no"), on="call", how="left", maintain_order="left")
        if not planned.missing and whole.is_empty():
            continue
        frame = room.first_rows(whole, name, tables, MOST_ROWS)
        known = columns_of(name, frame)
        if name == "calls":
            frame = frame.with_columns(_told(frame, tables, tz, language))
            known += _OF_CALLS
        shown = shown_of(name, known)
        meanings = {column.name: meaning_of(name, column, language) for column in known}
        yield Section(
            name=name,
            heading=say(planned.heading),
            missing=say(planned.missing),
            rows=whole.height,
            left_out=whole.height - frame.height,
            first_come=say(room.FIRST.get(name, "")),
            shown=[column.name for column in shown],
            headings=[(columns.named(column), meanings[column.name], column.type) for column in shown],
            first=columns.first_rows(frame, shown, tz, FIRST_ROWS),
            packed=columns.packed(frame, known, meanings),
        )


def _of(tables: Mapping[str, pl.DataFrame]) -> Callable[[str], pl.DataFrame | None]:
    """The tables by name; who failed each call is asked of ``call_failures``, which stands on the same page."""

    def of(name: str) -> pl.DataFrame | None:
        if name == "failing_nodes":
            failures = tables.get("call_failures")
            return None if failures is None else failures.select("call", "failing_node")
        return tables.get(name)

    return of


def _told(calls: pl.DataFrame, tables: Mapping[str, pl.DataFrame], tz: str, language: str) -> list[pl.Series]:
    """The verdict of each call, the same as on every other page, and the frames that show it."""
    named = story.namer(story.roles_of(tables["endpoints"]))
    say = phrases(language)
    found = verdicts(calls, tables.__getitem__, named, say=say, tz=tz)
    evidence = explanations(calls, tables["messages"], tables["failure_path"], tables["call_failures"], say=say)
    said = [found.get(call) for call in calls["call"]]
    return [
        pl.Series("verdict", [None if one is None else one.sentence for one in said], dtype=pl.String),
        pl.Series("cause", [one.cause or None if one else None for one in said], dtype=pl.String),
        pl.Series("check", [one.check or None if one else None for one in said], dtype=pl.String),
        pl.Series("evidence", evidence, dtype=pl.String),
    ]


_OF_CALLS = [
    schema.Column("verdict", "text", "What went wrong, and at which node."),
    schema.Column("cause", "text", "Why, and how many calls it hurt since when."),
    schema.Column("check", "text", "What to do about it."),
    schema.Column("evidence", "text", "The frames that show what ended the call."),
]
_NUMBER = schema.Column("no", "int", "Number of the call or registration in this report; for people.")


def meaning_of(name: str, column: schema.Column, language: str) -> str:
    """In the words of the catalogue; a few columns are of this page alone."""
    say = phrases(language)
    own = {
        "verdict": say("What went wrong, and at which node."),
        "cause": say("Why, and how many calls it hurt since when."),
        "check": say("What to do about it."),
        "evidence": say("The frames that show what ended the call."),
    }
    if column in _OF_CALLS:
        return own[column.name]
    if column is _NUMBER:
        return say("Number of the call or registration in this report; for people.")
    return meaning(name, column, language)


def shown_of(name: str, known: list[schema.Column]) -> list[schema.Column]:
    """The columns shown at first: the number, then of a measured table what it is grouped by, then as the catalogue
    says."""
    entry = schema.find(name)
    by_name = {column.name: column for column in known}
    groups = [other for other in by_name if other not in entry.names] if isinstance(entry, schema.Measure) else []
    names = dict.fromkeys(("no", *groups, *(entry.shown or entry.names)))
    return [by_name[name] for name in names if name in by_name]


def columns_of(name: str, frame: pl.DataFrame) -> list[schema.Column]:
    """The columns of a table but its keys, which hardly compress and mean nothing on a page, and the path of its files,
    which is nobody's business; of a measured one also those it is grouped by, as the table they come from has them."""
    entry = schema.find(name)
    own = {column.name: column for column in (_NUMBER, *entry.columns)}
    made_of = reversed(entry.of) if isinstance(entry, schema.Measure) else ()
    grouped = {column.name: column for of in made_of for column in schema.TABLES[of].columns}
    known = (own.get(column) or grouped[column] for column in frame.columns)
    return [column for column in known if column.type != "key" and column.name != "path"]
