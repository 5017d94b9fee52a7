"""The tables of the page: which, under what heading, and what each says where it has no rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.diagnose.explanation import explanations
from analyzer.measure.measures import measure
from analyzer.show.report import columns, stories
from analyzer.show.views import DEFAULT

MOST_ROWS = 50_000
"""Rows of a table in a report."""
FIRST_ROWS = 25
"""Rows of a table that are there without JavaScript."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a section is made of: its heading, what it says where it has no rows, and the columns shown at first."""

    name: str
    heading: str
    missing: str
    shown: tuple[str, ...]
    #: Tables that it is measured over, which need not be given.
    rests_on: tuple[str, ...] = ()
    #: Nobody misses it where it has no rows.
    left_out_empty: bool = False


#: Tables that take so long that the report of a large capture does without them and what rests on them.
DEAR = ("nodes", "refusals", "refusal_steps", "phases", "waterfall", "beside", "waits")
#: Tables that the page is made of.
TABLES = (
    *("files", "messages", "transactions", "dialogs", "offers", "holds", "violations", "calls", "registrations"),
    *("problems", "account", *DEAR),
)

_PLANS = (
    _Plan("calls", "Calls", "No calls in this capture.", DEFAULT["calls"]),
    _Plan(
        "failures",
        "Failures",
        "No request failed.",
        (
            *("method", "status", "reason_phrase", "requests", "share", "calls", "node", "nodes", "node_share"),
            *("reason_header", "first_at", "last_at", "no"),
        ),
    ),
    _Plan(
        "refusals",
        "Who said no",
        "Every call was answered.",
        (
            *("no", "address", "role", "name", "said_by", "because", "first_status", "reason_phrase", "status"),
            *("reason", "warning_text", "partial", "seen_at"),
        ),
    ),
    _Plan(
        "latency",
        "Delays",
        "No calls to measure.",
        (*("delay", "n", "calls", "min_s", "median_s", "p90_s", "p95_s", "p99_s", "max_s"),),
    ),
    _Plan(
        "outliers",
        "Slow calls",
        "No call lies far outside the others.",
        (*("no", "delay", "value_s", "median_s", "fence_s", "n", "started_at", "caller", "callee", "outcome"),),
    ),
    _Plan(
        "phase_times",
        "Set-up in phases",
        "No set-up was captured.",
        ("phase", "calls", "median_s", "p95_s", "p99_s", "max_s", "share"),
        rests_on=("phases",),
    ),
    _Plan(
        "setup_shares",
        "Where set-up time goes",
        "No set-up was captured.",
        ("kind", "role", "node", "calls", "median_s", "p95_s", "p99_s", "max_s", "share"),
        rests_on=("waterfall", "nodes"),
    ),
    _Plan(
        "waits",
        "Waits for HSS, PCRF and DNS",
        "",
        ("no", *(name for name in DEFAULT["waits"] if name not in ("call", "registration"))),
        left_out_empty=True,
    ),
    _Plan("registrations", "Registrations", "No registrations in this capture.", ("no", *DEFAULT["registrations"])),
    _Plan("nodes", "Nodes", "No node spoke SIP.", DEFAULT["nodes"]),
    _Plan(
        "responses",
        "Responses",
        "No transactions in this capture.",
        (*("method", "status", "transactions", "of", "share", "resent"),),
    ),
    _Plan(
        "links",
        "Links",
        "No transactions in this capture.",
        (
            *("client_ip", "server_ip", "transactions", "timeouts", "transport_errors", "resent_share", "requests"),
            *("resent_requests", "responses", "resent_responses", "response_median_s", "response_p95_s"),
        ),
    ),
    _Plan(
        "holds", "Holds", "Nobody was put on hold.", ("no", "started_at", "ended_at", "duration_s", "held_by", "media")
    ),
    _Plan(
        "violations",
        "Offer/answer breaches",
        "No breach of the rules of offer and answer was seen.",
        ("code", "detail", "standard", "index", "no"),
    ),
    _Plan("problems", "Problems", "Nothing is wrong with the files or the messages.", DEFAULT["problems"]),
    _Plan("files", "Files", "No files.", DEFAULT["files"]),
    _Plan("account", "Packets", "No packets.", DEFAULT["account"]),
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
    shown: list[str]
    headings: list[tuple[str, str, str]]
    first: list[list[tuple[str, bool]]]
    packed: str


def numbered(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """With numbers for registrations: people need to speak of one as they do of a call."""
    registrations = tables["registrations"].with_columns(no=pl.int_range(1, pl.len() + 1))
    return {**tables, "registrations": registrations}


def sections(tables: Mapping[str, pl.DataFrame], tz: str) -> Iterator[Section]:
    """All sections, in the order of the page; those of tables that are not given are left out."""
    for plan in _PLANS:
        needed = plan.rests_on or (plan.name,)
        if any(name in schema.TABLES and name not in tables for name in needed):
            continue
        whole = tables[plan.name] if plan.name in schema.TABLES else measure(plan.name, tables.get)
        if "call" in whole.columns and "no" not in whole.columns:
            whole = whole.join(tables["calls"].select("call", "no"), on="call", how="left", maintain_order="left")
        if plan.left_out_empty and whole.is_empty():
            continue
        frame = _bounded(whole, plan.name, tables)
        known = _columns(plan.name, frame)
        if plan.name == "calls":
            told = explanations(frame, tables["messages"], tables.get("refusal_steps"))
            frame = frame.with_columns(verdict=pl.Series(told, dtype=pl.String))
            known.append(_VERDICT)
        by_name = {column.name: column for column in known}
        shown = [by_name[name] for name in plan.shown]
        yield Section(
            name=plan.name,
            heading=plan.heading,
            missing=plan.missing,
            rows=whole.height,
            left_out=whole.height - frame.height,
            shown=list(plan.shown),
            headings=[(columns.named(column), column.meaning, column.type) for column in shown],
            first=columns.first_rows(frame, shown, tz, FIRST_ROWS),
            packed=columns.packed(frame, known),
        )


_VERDICT = schema.Column("verdict", "text", "What ended it, and which node said so first.")
_NUMBER = schema.Column("no", "int", "Number of the call or registration in this report; for people.")


def _bounded(frame: pl.DataFrame, name: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows that a report has room for; of calls those that failed or were slow first."""
    if frame.height <= MOST_ROWS or name != "calls":
        return frame.head(MOST_ROWS)
    return frame.sort(stories.rank(tables), "no").head(MOST_ROWS).sort("no")


def _columns(name: str, frame: pl.DataFrame) -> list[schema.Column]:
    """The columns of a table but its keys, which hardly compress and mean nothing on a page, and the path of its files,
    which is nobody's business; of a measured one also those it is grouped by, as the table they come from has them."""
    own = {column.name: column for column in (_NUMBER, *schema.find(name).columns)}
    measured = (schema.NODES, schema.WATERFALL, schema.PHASES, schema.TRANSACTIONS, schema.CALLS)
    grouped = {column.name: column for table in measured for column in table.columns}
    known = (own.get(column) or grouped[column] for column in frame.columns)
    return [column for column in known if column.type != "key" and column.name != "path"]
