"""The report: a capture as one HTML page that needs no network, a function of its tables.

::

    tables --> numbers.py   verdict and key numbers, each with a link to its rows
          \\-> figures.py   the plots of show/plots.py as inline SVG that follows light and dark
          \\-> columns.py   every table, packed; its first rows as text
          \\-> ladders.py   the events of every call, packed
                |
                v
          page.html.j2 + style.css + app.js   unpacks, sorts, searches, filters, draws ladders

What comes from the wire is made safe here (``show/text.py``), escaped by Jinja2 in markup and put into the page by
``textContent`` alone. The page's policy lets nothing be loaded or sent, and runs one script, named by its hash. The
same tables always give the same page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from analyzer import __version__, schema
from analyzer.measure.measures import measure
from analyzer.show.ladder.svg import STYLE as LADDER_STYLE
from analyzer.show.report import columns, figures, ladders, numbers
from analyzer.show.text import safe
from analyzer.show.verdict import verdicts
from analyzer.show.views import DEFAULT

LADDER_BYTES = 12_000_000
"""What the ladders of a report take at most; those that do not fit are left out, and the page says which."""
MOST_ROWS = 50_000
"""Rows of a table in a report."""
FIRST_ROWS = 25
"""Rows of a table that are there without JavaScript."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A table on the page: its heading, what it says where it has no rows, and the columns shown at first."""

    name: str
    heading: str
    missing: str
    shown: tuple[str, ...]


_SECTIONS = (
    _Section("calls", "Calls", "No calls in this capture.", DEFAULT["calls"]),
    _Section("failures", "Failures", "No request failed.", (
        *("method", "status", "reason_phrase", "requests", "share", "calls", "node", "nodes", "node_share"),
        *("reason_header", "first_at", "last_at", "no"),
    )),
    _Section("latency", "Delays of calls", "No calls to measure.", (
        *("delay", "n", "calls", "min_s", "median_s", "p90_s", "p95_s", "p99_s", "max_s"),
    )),
    _Section("outliers", "Slow calls", "No call lies far outside the others.", (
        *("no", "delay", "value_s", "median_s", "fence_s", "n", "started_at", "caller", "callee", "outcome"),
    )),
    _Section("registrations", "Registrations", "No registrations in this capture.", DEFAULT["registrations"]),
    _Section("responses", "Responses", "No transactions in this capture.", (
        *("method", "status", "transactions", "of", "share", "resent"),
    )),
    _Section("links", "Links", "No transactions in this capture.", (
        *("client_ip", "server_ip", "transactions", "timeouts", "transport_errors", "resent_share", "requests"),
        *("resent_requests", "responses", "resent_responses", "response_median_s", "response_p95_s"),
    )),
    _Section("problems", "Problems", "Nothing is wrong with the files or the messages.", DEFAULT["problems"]),
    _Section("files", "Files", "No files.", DEFAULT["files"]),
    _Section("account", "Where the packets went", "No packets.", DEFAULT["account"]),
)
# Keys hardly compress and mean nothing on a page.
_NOT_IN_CALLS = ("call", "reference")


def report(
    tables: Mapping[str, pl.DataFrame], *, tz: str = "UTC", title: str = "", ladder_bytes: int = LADDER_BYTES
) -> str:
    """The page for all tables of a capture; times are told in the zone ``tz``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    script, style = _resource("app.js"), f"{_resource('style.css')}{LADDER_STYLE}"
    packed, left_out = _ladders(tables, ladder_bytes)
    sections = list(_sections(tables, tz))
    names = [str(name) for name in tables["files"]["file"]]
    title = safe(title) or (f"SIP report: {names[0]}" if len(names) == 1 else f"SIP report: {len(names):,} files")
    data = {
        "tables": {section["name"]: section["packed"] for section in sections},
        "shown": {section["name"]: section["shown"] for section in sections},
        "zone": {"name": tz, "offsets": _offsets(tables, tz)},
        "ladders": packed,
        "tones": {outcome: numbers.TONES[end] for end, outcomes in numbers.ENDS.items() for outcome in outcomes},
    }
    environment = Environment(
        loader=PackageLoader("analyzer.show.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html.j2").render(
        title=title,
        tz=tz,
        version=__version__,
        begun=_begun(tables, tz),
        span=numbers.span_of(tables["files"]),
        points=tables["files"]["point"].drop_nulls().n_unique(),
        files=names,
        messages=tables["messages"].filter(~pl.col("duplicate")).height,
        calls=tables["calls"].height,
        verdict=numbers.verdict(tables),
        tiles=numbers.tiles(tables),
        outcomes=numbers.outcomes(tables["calls"]),
        figures=figures.drawn(tables, tz),
        sections=sections,
        left_out=left_out,
        first_rows=FIRST_ROWS,
        data=_embedded(data),
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
    )


@cache
def _resource(name: str) -> str:
    return files("analyzer.show.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names inline code (CSP Level 3 §8.3)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(data: dict[str, Any]) -> str:
    """JSON that may stand in a script element: nothing in it ends one or begins a comment (HTML §4.12.1.3)."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _ladders(tables: Mapping[str, pl.DataFrame], most: int) -> tuple[list[dict[str, Any]], int]:
    """Packed ladders, and of how many calls there was no room for one.

    Where there is not room for all, those of calls that failed come first, then those of calls far outside the others in
    some delay, then the rest in order.
    """
    calls = tables["calls"]
    slow = _measured(tables, "outliers")["call"].unique()
    rank = (
        pl.when(pl.col("outcome").is_in(numbers.ENDS["failed"])).then(0).when(pl.col("call").is_in(slow.implode())).then(1)
    )
    ordered = calls.select("call", "no", "call_ids", rank=rank.otherwise(2)).sort("rank", "no")
    packed: list[dict[str, Any]] = []
    room, held = most, 0
    for chunk in ladders.chunks(tables["messages"], tables["transactions"], ordered):
        data = columns.encoded(chunk.data)
        room -= len(data)
        if room < 0:
            break
        held += len(chunk.calls)
        packed.append({"calls": chunk.calls, "data": data})
    return packed, calls.height - held


def _measured(tables: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    return measure(name, lambda wanted: tables[wanted])


def _sections(tables: Mapping[str, pl.DataFrame], tz: str) -> Iterator[dict[str, Any]]:
    for section in _SECTIONS:
        whole = tables[section.name] if section.name in schema.TABLES else _measured(tables, section.name)
        frame = whole.head(MOST_ROWS)
        known = _columns(section.name, frame)
        if section.name == "calls":
            told = schema.Column("verdict", "text", "What ended it, and which node said so first.")
            known = [*(column for column in known if column.name not in _NOT_IN_CALLS), told]
            frame = frame.with_columns(verdict=pl.Series(verdicts(frame, tables["messages"]), dtype=pl.String))
        by_name = {column.name: column for column in known}
        shown = [by_name[name] for name in section.shown]
        yield {
            "name": section.name,
            "heading": section.heading,
            "missing": section.missing,
            "rows": whole.height,
            "left_out": whole.height - frame.height,
            "shown": [column.name for column in shown],
            "headings": [(columns.named(column), column.meaning, column.type) for column in shown],
            "first": columns.first_rows(frame, shown, tz, FIRST_ROWS),
            "packed": columns.packed(frame, known),
        }


def _columns(name: str, frame: pl.DataFrame) -> list[schema.Column]:
    """The columns of a table; of a measured one also those it is grouped by, as the table they come from has them."""
    own = {column.name: column for column in schema.find(name).columns}
    sources = (schema.TRANSACTIONS, schema.CALLS)
    grouped = {column.name: column for table in sources for column in table.columns}
    return [own.get(column) or grouped[column] for column in frame.columns if column != "call"]


def _offsets(tables: Mapping[str, pl.DataFrame], tz: str) -> list[tuple[int, int]]:
    first, last = tables["files"]["first_at"].cast(pl.Int64).min(), tables["files"]["last_at"].cast(pl.Int64).max()
    return columns.offsets(first, last, tz)  # type: ignore[arg-type]


def _begun(tables: Mapping[str, pl.DataFrame], tz: str) -> list[str]:
    """First and last packet, in words; nothing where no packet has a time."""
    first, last = tables["files"]["first_at"].min(), tables["files"]["last_at"].max()
    if first is None or last is None:
        return []
    ends = pl.Series([first, last], dtype=tables["files"]["first_at"].dtype)
    return ends.dt.convert_time_zone(tz).dt.to_string("%Y-%m-%d %H:%M:%S").to_list()
