"""The tables of the page: which, under what heading, and what each says where it has no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.diagnose.explanation import explanations
from analyzer.measure.measures import measure
from analyzer.show.report import columns, room

MOST_ROWS = 50_000
"""Rows of a table in a report."""
FIRST_ROWS = 25
"""Rows of a table that are there without JavaScript."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A section: its table, its heading, and the sentence in place of rows; without one it is left out where empty."""

    name: str
    heading: str
    missing: str = ""


#: Tables that the page is made of.
TABLES = (
    *(
        "findings",
        "finding_cases",
        "files",
        "messages",
        "transactions",
        "dialogs",
        "offers",
        "holds",
        "offer_answer_violations",
        "calls",
        "registrations",
    ),
    *("problems", "account", "endpoints", "nodes", "call_failures", "failure_path", "phases", "waterfall"),
    *("related_transactions", "peer_delays"),
)

_PLANS = (
    _Plan("findings", "Findings", "No rule of diagnosis found anything."),
    _Plan("calls", "Calls", "No calls in this capture."),
    _Plan("failures", "Failures", "No request failed."),
    _Plan("call_failures", "Who said no", "Every call was answered."),
    _Plan("latency", "Delays", "No calls to measure."),
    _Plan("outliers", "Slow calls", "No call lies far outside the others."),
    _Plan("phase_times", "Set-up in phases", "No set-up was captured."),
    _Plan("setup_shares", "Where set-up time goes", "No set-up was captured."),
    _Plan("peer_delays", "Waits for HSS, PCRF and DNS"),
    _Plan("registrations", "Registrations", "No registrations in this capture."),
    _Plan("nodes", "Nodes", "No node spoke SIP."),
    _Plan("responses", "Responses", "No transactions in this capture."),
    _Plan("links", "Links", "No transactions in this capture."),
    _Plan("holds", "Holds", "Nobody was put on hold."),
    _Plan("offer_answer_violations", "Offer/answer breaches", "No breach of the rules of offer and answer was seen."),
    _Plan("problems", "Problems", "Nothing is wrong with the files or the messages."),
    _Plan("files", "Files", "No files."),
    _Plan("account", "Packets", "No packets."),
)


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


def sections(tables: Mapping[str, pl.DataFrame], tz: str) -> Iterator[Section]:
    """All sections, in the order of the page."""
    for plan in _PLANS:
        whole = tables[plan.name] if plan.name in schema.TABLES else measure(plan.name, _of(tables))
        if "call" in whole.columns and "no" not in whole.columns:
            whole = whole.join(tables["calls"].select("call", "no"), on="call", how="left", maintain_order="left")
        if not plan.missing and whole.is_empty():
            continue
        frame = room.first_rows(whole, plan.name, tables, MOST_ROWS)
        known = _columns(plan.name, frame)
        if plan.name == "calls":
            told = explanations(frame, tables["messages"], tables["failure_path"], tables["call_failures"])
            frame = frame.with_columns(verdict=pl.Series(told, dtype=pl.String))
            known.append(_VERDICT)
        shown = _shown(plan.name, known)
        yield Section(
            name=plan.name,
            heading=plan.heading,
            missing=plan.missing,
            rows=whole.height,
            left_out=whole.height - frame.height,
            first_come=room.FIRST.get(plan.name, ""),
            shown=[column.name for column in shown],
            headings=[(columns.named(column), column.described, column.type) for column in shown],
            first=columns.first_rows(frame, shown, tz, FIRST_ROWS),
            packed=columns.packed(frame, known),
        )


def _of(tables: Mapping[str, pl.DataFrame]) -> Callable[[str], pl.DataFrame | None]:
    """The tables by name; who failed each call is asked of ``call_failures``, which stands on the same page."""

    def of(name: str) -> pl.DataFrame | None:
        if name == "failing_nodes":
            failures = tables.get("call_failures")
            return None if failures is None else failures.select("call", "failing_node")
        return tables.get(name)

    return of


_VERDICT = schema.Column("verdict", "text", "What ended it, and which node said so first.")
_NUMBER = schema.Column("no", "int", "Number of the call or registration in this report; for people.")


def _shown(name: str, known: list[schema.Column]) -> list[schema.Column]:
    """The columns shown at first: the number, then of a measured table what it is grouped by, then as the catalogue
    says."""
    entry = schema.find(name)
    by_name = {column.name: column for column in known}
    groups = [other for other in by_name if other not in entry.names] if isinstance(entry, schema.Measure) else []
    names = dict.fromkeys(("no", *groups, *(entry.shown or entry.names)))
    return [by_name[name] for name in names if name in by_name]


def _columns(name: str, frame: pl.DataFrame) -> list[schema.Column]:
    """The columns of a table but its keys, which hardly compress and mean nothing on a page, and the path of its files,
    which is nobody's business; of a measured one also those it is grouped by, as the table they come from has them."""
    entry = schema.find(name)
    own = {column.name: column for column in (_NUMBER, *entry.columns)}
    made_of = reversed(entry.of) if isinstance(entry, schema.Measure) else ()
    grouped = {column.name: column for of in made_of for column in schema.TABLES[of].columns}
    known = (own.get(column) or grouped[column] for column in frame.columns)
    return [column for column in known if column.type != "key" and column.name != "path"]
