"""The pages: what each asks of the capture, filled into the templates."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import polars as pl
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from analyzer import __version__, schema
from analyzer.api import found as founds
from analyzer.api import words
from analyzer.api.call import Call
from analyzer.api.message import messages_of
from analyzer.errors import AnalyzerError, FilterError, NotFound
from analyzer.explain.phrases import phrases
from analyzer.language import spoken
from analyzer.serve import rows
from analyzer.show import tooltips
from analyzer.show.ladder.svg import STYLE as LADDER_STYLE
from analyzer.show.ladder.svg import sheets
from analyzer.show.message_lines import entry_of, lines_of
from analyzer.show.report import columns, figures, numbers, sections
from analyzer.show.story import WENT_WRONG, what_went_wrong
from analyzer.show.text import clock, safe
from analyzer.show.timeline import Event, bounded

if TYPE_CHECKING:
    from analyzer.api.capture import Capture
    from analyzer.api.filters import Filter
    from analyzer.api.found import Found
    from analyzer.api.words import Words

MOST_DRAWN = 1000
"""Messages of a ladder; of more its begin and end."""
_MOST_WARMED = 100_000  # messages up to which the overview is made before anyone asks
_MOST_FILTERED = 8  # filters whose rows are kept
# What chips are made of: the first of these that tells rows apart.
_FACETS = ("outcome", "severity", "code", "role", "kind", "method", "status", "layer")
_ENDED = {outcome: numbers.TONES[end] for end, outcomes in numbers.ENDS.items() for outcome in outcomes}
# Beside the colour, for who does not see it; as the report has them.
_MARKS = {"good": "✓", "bad": "✕", "people": "○", "unknown": "?"}
_ENDED |= {"registered": "good", "deregistered": "good", "failed": "bad", "timeout": "bad", "transport_error": "bad"}


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: ``shown`` is the capture with what a filter picks, as it may be shown."""

    shown: Callable[[Filter | None], Capture]
    title: str
    tz: str = "UTC"
    language: str = "en"


class _Tables(Mapping[str, pl.DataFrame]):
    """Tables by name, each made when it is asked for."""

    def __init__(self, made: Callable[[str], pl.DataFrame]) -> None:
        self._made = made

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self._made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(schema.TABLES)

    def __len__(self) -> int:
        return len(schema.TABLES)


class Pages:
    """All pages of one capture, as text. Tables are made one at a time, whoever asks; those that are there are given to
    all at once."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._capture = served.shown(None)
        self._made: dict[str, pl.DataFrame] = {}
        self._filtered: OrderedDict[tuple[str, Filter], pl.DataFrame] = OrderedDict()
        self._making = threading.RLock()
        self._overview: str | None = None
        self._drawn: OrderedDict[Filter, list[figures.Drawn]] = OrderedDict()
        self._say = phrases(served.language)
        self._environment = Environment(
            loader=ChoiceLoader(
                [PackageLoader("analyzer.serve", "."), PackageLoader("analyzer.show.report", ".")],
            ),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )

    # ---- pages -------------------------------------------------------------------------------------------------------

    def table(self, name: str, query: str, base: str) -> str:
        """A table: searched, filtered, sorted, a page of it. ``base`` stands before every address."""
        entry = _entry(name)
        asked = rows.read(query)
        whole = self._rows(name)
        fault = ""
        try:
            frame = rows.chosen(asked, name, whole, lambda words: self._picked(name, words), self._served.tz)
        except AnalyzerError as error:  # the page stays, with the sentence above no rows
            fault, frame = safe(str(error)), whole.clear()
        part, number, pages = rows.page_of(frame, asked)
        asked = replace(asked, page=number)
        known = sections.columns_of(name, whole)
        shown = known if asked.all_columns else self._shown(name, known, asked)
        facet, counts = rows.facet(whole, _FACETS)
        return self._filled(
            "table.html.j2",
            base,
            entry=entry,
            name=name,
            heading=_heading(entry),
            asked=asked,
            fault=fault,
            total=whole.height,
            found=frame.height,
            first=(number - 1) * asked.size,
            part=part.height,
            pages=pages,
            headings=[(c.name, columns.named(c), self._meaning(name, c), c.type, _sorts(asked, c.name)) for c in shown],
            lines=[*self._lines(name, part, shown, base)],
            facet=facet,
            chips=[(safe(value), count, _toggled(asked, facet, value)) for value, count in counts],
            others=_others(asked, facet),
            sizes=rows.SIZES,
            turned=lambda page: str(replace(asked, page=page)),
            sized=lambda size: str(replace(asked, size=size, page=1)),
            widened=str(replace(asked, all_columns=not asked.all_columns)),
            missing=self._say(entry.section.missing) if entry.section else "",
            with_overview=name == "calls" and not str(asked),
        )

    def overview(self, base: str) -> str:
        """Verdict, key numbers and how calls ended, as in the report: a part of a page."""
        if self._overview is None:
            with self._making, spoken(self._served.language):
                tables = {name: self._table(name) for name in sections.TABLES}
            say, language = self._say, self._served.language
            self._overview = self._filled(
                "overview.html.j2",
                base,
                verdict=numbers.verdict(tables, say, language, self._served.tz),
                tiles=numbers.tiles(tables, say, language),
                outcomes=numbers.outcomes(tables["calls"], say, language),
                meanings=tooltips.of_values([tables["calls"]], language),
            )
        return self._overview

    def plots(self, query: str, base: str) -> str:
        """The plots of the report over what a filter picks, drawn when the page is there."""
        asked = rows.read(query)
        fault = ""
        try:
            self._plotted(asked)
        except AnalyzerError as error:
            fault = safe(str(error))
        return self._filled("plots.html.j2", base, heading="Plots", asked=asked, fault=fault)

    def figures(self, query: str, base: str) -> str:
        """The plots themselves: a part of a page."""
        asked = self._plotted(rows.read(query))
        with self._making, spoken(self._served.language):
            if asked not in self._drawn:
                made = partial(_of, self._served.shown(asked)) if asked else self._table
                while len(self._drawn) >= _MOST_FILTERED:
                    self._drawn.popitem(last=False)
                self._drawn[asked] = figures.drawn(_Tables(made), self._served.tz)
            drawn = self._drawn[asked]
        return self._filled("figures.html.j2", base, heading="Plots", figures=drawn)

    def _plotted(self, asked: rows.Query) -> Filter:
        """What plots are of: what a filter picks, and no text that stands in a row."""
        found = words.read(asked.text, "calls", self._served.tz)
        if found.texts:
            raise FilterError(
                f"plots are of what a filter picks (status=4xx, from=alice), not of texts: {asked.text!r}"
            )
        return found.chosen

    def every_table(self, base: str) -> str:
        """All tables with what a row of each is."""
        entries = [entry for entry in schema.TABLES.values() if not entry.asked]
        return self._filled("tables.html.j2", base, entries=entries, heading="Tables")

    def call(self, number: int, base: str) -> str:
        """One call: what went wrong, its ladder, its messages."""
        calls = self._rows("calls")
        known = calls.filter(no=number)
        if known.is_empty():
            raise NotFound(f"no call {number} among {calls.height:,}")
        row = known.row(0, named=True)
        with self._making:
            source = self._capture.source
            call = Call(source, row)
            wrong = what_went_wrong(call.table, source.table("endpoints"))
            found = founds.of_call(source, row)
            return self._ladder(base, found, call.title, wrong, "call", calls, number)

    def registration(self, number: int, base: str) -> str:
        """The messages of a registration."""
        registrations = self._rows("registrations")
        known = registrations.filter(no=number)
        if known.is_empty():
            raise NotFound(f"no registration {number} among {registrations.height:,}")
        row = known.row(0, named=True)
        with self._making:
            found = founds.of_call_id(self._capture.source, str(row["call_id"]))
            if found is None:
                raise NotFound(f"registration {number} has no Call-ID")
            title = f"{self._say('Registration')} {number}: {row['aor'] or '?'}, {row['outcome']}"
            return self._ladder(base, found, title, (), "registration", registrations, number)

    def story(self, number: int, base: str) -> str:
        """What else is told of a call: a part of its page."""
        known = self._rows("calls").filter(no=number)
        if known.is_empty():
            raise NotFound(f"no call {number}")
        with self._making:
            told = Call(self._capture.source, known.row(0, named=True)).story(columns=100)
        rest = [section for section in told.sections if section.name != WENT_WRONG]  # it stands above
        return self._filled("story.html.j2", base, title_of_call=told.title, sections=rest)

    def message(self, key: int, base: str) -> str:
        """One message beside what explains it."""
        with self._making:
            message = messages_of(self._capture.source, [key])[0]
        lines = list(lines_of(message.without_secrets))
        row = message.row
        names = list(dict.fromkeys(name for _, name, _ in lines if name))
        first = tooltips.of_value("status", row["status"], self._served.language) or tooltips.of_value(
            "method", row["method"], self._served.language
        )
        return self._filled(
            "message.html.j2",
            base,
            heading=f"{row['status'] or ''} {row['reason_phrase'] or row['method'] or ''}".strip(),
            frame=row["frame"],
            call=dict(self._table("calls").select("call", "no").rows()).get(row["call"]),
            file=safe(row["file"] or ""),
            lines=lines,
            first=first,
            entries=[(name, entry_of(name)) for name in names],
        )

    def style(self) -> str:
        """The report's style sheet, that of ladders, and the little that these pages have of their own."""
        return (
            f"{_resource('analyzer.show.report', 'style.css')}{LADDER_STYLE}{_resource('analyzer.serve', 'page.css')}"
        )

    def script(self) -> str:
        """What pages do by themselves."""
        return _resource("analyzer.serve", "page.js")

    # ---- tables ------------------------------------------------------------------------------------------------------

    def warm(self) -> None:
        """Makes what the first ladder and the overview rest on; who asks for a page meanwhile waits for one table."""
        few = self._capture.source.messages_read <= _MOST_WARMED
        try:
            for name in ("endpoints", "call_failures", "failure_path", *(sections.TABLES if few else ())):
                self._table(name)
            # What is read a second time for the first ladder, and for what is told below it, serves all that follow.
            for number in self._table("calls")["no"].head(1):
                self.call(number, "")
                self.story(number, "")
        except AnalyzerError:  # the page that needs it says so
            return

    def _table(self, name: str) -> pl.DataFrame:
        if name not in self._made:
            with self._making, spoken(self._served.language):
                self._made[name] = _of(self._capture, name)
        return self._made[name]

    def _rows(self, name: str) -> pl.DataFrame:
        """A table with the number of the call that a row belongs to, or of the registration that it is."""
        return self._numbered(name, self._table(name))

    def _numbered(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name == "registrations":
            whole = self._table(name)
            return frame.join(
                whole.select("registration", no=pl.int_range(1, pl.len() + 1)),
                on="registration",
                how="left",
                maintain_order="left",
            )
        if "call" in frame.columns and "no" not in frame.columns:
            return frame.join(self._table("calls").select("call", "no"), on="call", how="left", maintain_order="left")
        return frame

    def _picked(self, name: str, asked: Words) -> pl.DataFrame:
        """The table with what filters pick; the last few are kept."""
        key = (name, asked.chosen)
        with self._making:
            found = self._filtered.pop(key, None)
            if found is None:
                found = self._numbered(name, _of(self._served.shown(asked.chosen), name))
                while len(self._filtered) >= _MOST_FILTERED:
                    self._filtered.popitem(last=False)
            self._filtered[key] = found
        return found

    def _shown(self, name: str, known: list[schema.Column], asked: rows.Query) -> list[schema.Column]:
        """The columns of the report, and those that are sorted or filtered by."""
        first = sections.shown_of(name, known)
        also = {asked.column, *asked.has, *asked.values} - {column.name for column in first}
        return [*first, *(column for column in known if column.name in also)]

    def _meaning(self, name: str, column: schema.Column) -> str:
        return sections.meaning_of(name, column, self._served.language)

    def _lines(
        self, name: str, part: pl.DataFrame, shown: list[schema.Column], base: str
    ) -> Iterator[list[tuple[str, bool, str, str, str]]]:
        """The cells of each row: text, whether it stands on the right, where it leads, its tone, what it means."""
        of = "registration" if name == "registrations" else "call"
        for cells in columns.first_rows(part, shown, self._served.tz, part.height):
            line = []
            for (text, right), column in zip(cells, shown, strict=True):
                leads = f"{base}{of}/{text}" if column.name == "no" and text.isdigit() else ""
                meaning = tooltips.of_value(column.name, text, self._served.language)
                tone = _ENDED.get(text, "") if column.name == "outcome" else ""
                if tone:
                    text = f"{_MARKS[tone]} {text.replace('_', ' ')}"
                if column.name == "status" and text.isdigit() and int(text) >= 400:
                    tone = "bad"
                line.append((text, right, leads, tone, meaning))
            yield line

    # ---- ladders -----------------------------------------------------------------------------------------------------

    def _ladder(
        self, base: str, found: Found, title: str, wrong: tuple[str, ...], kind: str, table: pl.DataFrame, number: int
    ) -> str:
        model = bounded(found.ladder("all").timeline, MOST_DRAWN)
        start, before = model.started_at, None
        messages = []
        for event in model.events:
            since = clock(event.at - start) if event.at is not None and start is not None else "-"
            delta = f"+{clock(event.at - before)}" if event.at is not None and before is not None else ""
            before = event.at if event.at is not None else before
            messages.append((event, since, delta, _info(event)))
        known = set(table["no"].to_list()) & {number - 1, number + 1}
        return self._filled(
            "call.html.j2",
            base,
            heading=safe(title),
            wrong=wrong,
            kind=kind,
            number=number,
            neighbours=(number - 1 if number - 1 in known else None, number + 1 if number + 1 in known else None),
            picture="".join(sheet.element() for sheet in sheets(model, linked=True)),
            lanes=[safe(lane) for lane in model.lanes],
            messages=messages,
            summary=safe(model.summary),
            safe_text=safe,
        )

    def _filled(self, template: str, base: str, **what: Any) -> str:
        nav = [(entry.name, self._say(entry.section.heading)) for entry in _IN_NAVIGATION if entry.section]
        return self._environment.get_template(template).render(
            base=base,
            title=safe(self._served.title),
            language=self._served.language,
            say=self._say,
            nav=nav,
            tz=self._served.tz,
            version=__version__,
            messages_read=self._capture.source.messages_read,
            **what,
        )


_IN_NAVIGATION = sorted(
    (entry for entry in (*schema.TABLES.values(), *schema.MEASURES.values()) if entry.section),
    key=lambda entry: entry.section.place if entry.section else 0,
)


def _of(capture: Capture, name: str) -> pl.DataFrame:
    """A table, or a measured one over the whole capture."""
    return capture.measure(name) if name in schema.MEASURES else capture.table(name)


def _entry(name: str) -> schema.Table:
    entry = schema.TABLES.get(name) or schema.MEASURES.get(name)
    if entry is None or entry.asked:
        raise NotFound(f"there is no page {name[:60]!r}")
    return entry


def _heading(entry: schema.Table) -> str:
    return entry.section.heading if entry.section else entry.name.replace("_", " ").capitalize()


def _sorts(asked: rows.Query, name: str) -> tuple[str, str]:
    """How a column sorts now (aria-sort), and the query that sorts by it next: up, down, not."""
    following = {name: f"-{name}", f"-{name}": ""}.get(asked.sort, name)
    now = {name: "ascending", f"-{name}": "descending"}.get(asked.sort, "none")
    return now, str(replace(asked, sort=following, page=1))


def _toggled(asked: rows.Query, name: str, value: str) -> tuple[bool, str]:
    """Whether the rows with this value are asked for, and the query that asks for them or no longer does."""
    now = asked.values.get(name, ())
    wanted = tuple(one for one in now if one != value) if value in now else (*now, value)
    values = {key: old for key, old in asked.values.items() if key != name} | ({name: wanted} if wanted else {})
    return value in now, str(replace(asked, values=values, page=1))


def _others(asked: rows.Query, facet: str) -> list[tuple[str, str]]:
    """Filters without a chip of their own, each with the query without it."""
    told = []
    for name, wanted in asked.values.items():
        if name != facet:
            values = {key: old for key, old in asked.values.items() if key != name}
            told.append((safe(f"{name}: {', '.join(wanted)}"), str(replace(asked, values=values, page=1))))
    for name in asked.has:
        left = tuple(other for other in asked.has if other != name)
        told.append((safe(f"has {name}"), str(replace(asked, has=left, page=1))))
    return told


def _info(event: Event) -> str:
    copies = f"sent {event.copies} times" if event.copies > 1 else ""
    return safe("; ".join(part for part in (event.info, copies) if part))


@cache
def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
