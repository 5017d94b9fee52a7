"""What each tool asks of a capture. The docstrings are what an assistant reads of them."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from analyzer import schema
from analyzer.api import found as founds
from analyzer.api import words
from analyzer.errors import AnalyzerError, NotFound
from analyzer.mcp import answers
from analyzer.show.text import safe, safe_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from analyzer.api.capture import Capture
    from analyzer.api.found import Found
    from analyzer.mcp.folders import Folders
    from analyzer.mcp.readings import Readings

Name = Annotated[str, Field(description="A capture, or a folder of captures, as captures() names it.")]
Asked = Annotated[
    str,
    Field(
        description="Words that must all hold: from=TEXT to=TEXT number=DIGITS ip=ADDRESS method=INVITE status=4xx"
        " outcome=busy since=TIME until=TIME call-id=ID, a column compared (pdd_s>2), or text in any. Empty: all."
    ),
]
Which = Annotated[int | str, Field(description="The number of one call (column no of calls), or a Call-ID.")]
Offset = Annotated[int, Field(description="Where to begin; next_offset of the answer before.")]
Limit = Annotated[int, Field(description=f"How many rows, at most {answers.MOST_ROWS}.")]

# What an assistant wants to see first of calls; the rest is in call() and table().
_OF_CALLS = (
    *("no", "caller", "callee", "started_at", "outcome", "outcome_detail", "status", "reason_phrase"),
    *("pdd_s", "setup_s", "talk_s", "released_by", "legs"),
)
_OF_FINDINGS = (
    *("code", "severity", "title", "nodes", "calls", "cases", "call_numbers", "explanation", "causes", "remedy"),
    *("standard", "first_at", "last_at"),
)
# Polars' SQL opens files by functions of its own (read_csv, read_parquet ...): nothing but tables may be asked.
_OPENS = re.compile(r"\b(?:read|scan)_\w+", re.IGNORECASE)
_SELECTS = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_LONGEST_QUERY_S = 60
_NO_PATHS = ("path",)  # where captures lie is nobody's business


class Tools:
    """The tools over the captures below some folders; one answers at a time."""

    def __init__(self, folders: Folders, readings: Readings) -> None:
        self._folders = folders
        self._readings = readings
        self._one_at_a_time = threading.Lock()

    def every(self) -> list[Callable[..., dict[str, Any]]]:
        """All of them."""
        return [
            *(self.captures, self.summary, self.calls, self.call, self.ladder, self.message, self.findings),
            *(self.kpis, self.compare, self.table, self.tables, self.sql, self.explain),
        ]

    # ---- what there is -----------------------------------------------------------------------------------------------

    def captures(self, offset: Offset = 0, limit: Limit = 100) -> dict[str, Any]:
        """The captures that can be read, with their sizes in bytes."""
        import polars as pl

        found = list(self._folders.captures())
        names = {"capture": [safe(name) for name, _ in found], "bytes": [size for _, size in found]}
        return self._told(answers.rows(pl.DataFrame(names), offset, limit))

    def tables(self, table: str = "") -> dict[str, Any]:
        """The tables that table() and sql() know, with what a row of each is; of one named table its columns."""
        if not table:
            entries = (*schema.TABLES.values(), *schema.MEASURES.values())
            return {"tables": {entry.name: entry.row for entry in entries}}
        entry = _entry(table)
        return {
            "table": entry.name,
            "row": entry.row,
            "note": entry.note,
            "columns": {column.name: f"{column.type}: {column.described}" for column in entry.columns},
        }

    def explain(self, word: str) -> dict[str, Any]:
        """What a word of SIP, the IMS or this program means: a status (486), a cause (Q.850 16), a header field, a
        column (calls.pdd_s), a rule (R39), a KPI (asr); each meaning with its standard."""
        from analyzer.explain.lookup import close, find

        found = find(word[:200])
        if not found:
            return {"meanings": [], "close": close(word)}
        meanings = [
            {"word": entry.word, "kind": entry.kind, "standard": entry.standard, "text": entry.text("en")}
            for entry in found[:20]
        ]
        return {"meanings": meanings}

    # ---- a capture ---------------------------------------------------------------------------------------------------

    def summary(self, capture: Name) -> dict[str, Any]:
        """What happened in a capture on one screen: messages, calls by outcome, what failed most, nodes, and why there
        may be no SIP. Begin here."""
        return self._of(capture, lambda read: answers.text(read.summary(width=100), 0))

    def calls(self, capture: Name, filter: Asked = "", offset: Offset = 0, limit: Limit = 50) -> dict[str, Any]:
        """The calls, or those that a filter picks: number, parties, start, outcome, status, delays."""
        return self._of(capture, lambda read: self._rows(read, "calls", filter, offset, limit, _OF_CALLS))

    def findings(self, capture: Name, offset: Offset = 0, limit: Limit = 20) -> dict[str, Any]:
        """What the rules of diagnosis found, worst first: what is wrong, at which node, how many calls it hurt.
        explain(CODE) says what to do about one."""
        return self._of(capture, lambda read: self._rows(read, "findings", "", offset, limit, _OF_FINDINGS))

    def kpis(
        self,
        capture: Name,
        by: Annotated[
            str, Field(description="Columns to group by: node, peer, method, hour ... Empty: over all.")
        ] = "",
        every: Annotated[str, Field(description="Length of intervals: 1m, 1h, 1d. Empty: the whole time.")] = "",
        only: Annotated[str, Field(description="Only these KPIs: asr,ser,pdd_s. Empty: all.")] = "",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """The key performance indicators (ASR, NER, SER, post-dial delay ...) with how many cases each rests on. Shares
        are 0 to 1, durations seconds."""

        def told(read: Capture) -> dict[str, Any]:
            more = {"only": only} if only else {}
            frame = read.measure("kpis", by=by or None, every=every or None, **more)
            return answers.rows(frame, offset, limit)

        return self._of(capture, told)

    def table(
        self,
        capture: Name,
        table: Annotated[str, Field(description="The name of a table, as tables() lists them.")],
        filter: Asked = "",
        columns: Annotated[str, Field(description="Columns with commas between; all for every one.")] = "",
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Rows of any table: registrations, nodes, transactions, messages, streams ... or a measured one (failures,
        links, latency)."""
        entry = _entry(table)
        asked = tuple(name.strip() for name in columns.split(",") if name.strip())
        known = (
            (*entry.names, *(name for of in entry.of for name in schema.TABLES[of].names))
            if isinstance(entry, schema.Measure)
            else entry.names
        )
        if unknown := [name for name in asked if name not in known and asked != ("all",)]:
            raise AnalyzerError(f"{entry.name} has no {_shown(' '.join(unknown))}; it has {', '.join(entry.names)}")
        shown = () if isinstance(entry, schema.Measure) else entry.shown
        wanted = tuple(entry.names) if asked == ("all",) else asked or shown
        return self._of(capture, lambda read: self._rows(read, entry.name, filter, offset, limit, wanted))

    def sql(
        self,
        capture: Name,
        query: Annotated[str, Field(description="One SELECT over the tables by name (Polars SQL).")],
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """One SELECT over the tables of a capture: select outcome, count(*) as n from calls group by outcome."""
        if not _SELECTS.match(query):
            raise AnalyzerError("one SELECT over the tables is wanted, such as: select count(*) from calls")
        if opens := _OPENS.search(query):
            raise AnalyzerError(f"{opens.group()}: a query reads the tables of the capture, no files")
        return self._of(capture, lambda read: answers.rows(_queried(read, query), offset, limit))

    def compare(self, before: Name, after: Name, offset: Offset = 0) -> dict[str, Any]:
        """Two captures side by side, before and after: the verdict, KPIs with their change and a 95 % interval,
        failures, nodes and links."""
        from analyzer.api.compare import CaptureComparison

        with self._one_at_a_time:
            first, second = (self._readings.of(self._folders.find(name)) for name in (before, after))
            made = CaptureComparison(first, second, (safe(before), safe(after)))
            return self._told(answers.text(made.text(100), offset))

    # ---- a call ------------------------------------------------------------------------------------------------------

    def call(self, capture: Name, call: Which) -> dict[str, Any]:
        """One call: what went wrong and where, who called whom, the way, set-up phases, media; and its figures."""
        from analyzer.api.call import Call

        def told(read: Capture) -> dict[str, Any]:
            found = _found(read, call)
            if found.row is None:
                raise NotFound(f"{_shown(call)} is the Call-ID of no call; ladder() shows its messages")
            story = Call(found.source, found.row).story(columns=100)
            figures = answers.rows(found.table("calls"), 0, 1, keys=answers.keys_of("calls"))
            row = dict(zip(figures["columns"], figures["rows"][0], strict=True))
            return {
                "title": story.title,
                "story": {section.name: list(section.lines) for section in story.sections},
                "figures": {name: value for name, value in row.items() if value is not None},
            }

        return self._of(capture, told)

    def ladder(self, capture: Name, call: Which, offset: Offset = 0, limit: Limit = 100) -> dict[str, Any]:
        """The messages of one call, or of a Call-ID outside calls (a registration), in order: seconds since the first
        one, from and to (numbers of lanes), what, the key for message(). Marks tell what no message says."""

        def told(read: Capture) -> dict[str, Any]:
            answers.check(offset, limit)
            ladder = _found(read, call).ladder("all")
            model = ladder.timeline
            start = model.started_at
            events = [_event(row, start) for row in model.rows]
            part = events[offset : offset + limit]
            after = offset + len(part)
            lanes = [
                {"lane": number, "address": safe(name), "role": safe(role)}
                for number, (name, role) in enumerate(
                    zip(model.lanes, model.roles or ("",) * len(model.lanes), strict=True)
                )
            ]
            return {
                "title": safe(ladder.title),
                "lanes": lanes,
                "events": part,
                "total": len(events),
                "next_offset": after if after < len(events) else None,
            }

        return self._of(capture, told)

    def message(
        self,
        capture: Name,
        message: Annotated[str, Field(description="The key of a message, as ladder() and tables have it.")],
        offset: Offset = 0,
    ) -> dict[str, Any]:
        """One message as captured, digest responses and keys hidden."""

        def told(read: Capture) -> dict[str, Any]:
            if not re.fullmatch(r"-?[0-9]{1,19}", message.strip()):
                raise NotFound(f"{_shown(message)} is no key of a message; ladder() has them")
            found = read.message(int(message))
            facts = {name: found.row[name] for name in ("frame", "transport", "method", "status", "duplicate")}
            return {"message": message, **facts, **answers.text(safe_lines(found.without_secrets), offset)}

        return self._of(capture, told)

    # ---- shared ------------------------------------------------------------------------------------------------------

    def _of(self, name: str, told: Callable[[Capture], dict[str, Any]]) -> dict[str, Any]:
        with self._one_at_a_time:
            return self._told(told(self._readings.of(self._folders.find(name))))

    def _told(self, answer: dict[str, Any]) -> dict[str, Any]:
        answer = answers.without(answer, self._folders.hidden)
        return {**answer, "note": answers.NOTE + (answers.MASKED if self._readings.masked else "")}

    def _rows(
        self, read: Capture, table: str, line: str, offset: int, limit: int, columns: tuple[str, ...]
    ) -> dict[str, Any]:
        answers.check(offset, limit)
        entry = schema.find(table)
        measured = isinstance(entry, schema.Measure)
        asked = words.read(line, "calls" if measured else table)
        if measured and asked.texts:
            raise AnalyzerError(f"{asked.texts[0][1]!r}: {table} is measured over calls; filter them, as in from=alice")
        picked = self._readings.picked(read, asked.chosen)
        frame = picked.measure(table) if measured else picked.table(table)
        frame = asked.with_texts(frame, frame.columns).drop(_NO_PATHS, strict=False)
        shown = [name for name in columns if name in frame.columns] or frame.columns
        return answers.rows(frame.select(shown), offset, limit, keys=answers.keys_of(table))


def _entry(name: str) -> schema.Table:
    known = {**schema.TABLES, **schema.MEASURES}
    found = known.get(name.strip().replace("-", "_"))
    if found is None:
        raise NotFound(f"no table {_shown(name)}; there are {', '.join(known)}")
    return found


def _shown(asked: object) -> str:
    text = safe(str(asked))
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


def _found(read: Capture, asked: int | str) -> Found:
    """One call, or what else has that Call-ID."""
    text = str(asked).strip()
    if re.fullmatch(r"[0-9]{1,9}\s*[-,].*", text) and "@" not in text:
        raise AnalyzerError(f"{_shown(asked)}: one call at a time; calls() and table() tell of many")
    try:
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
        return founds.of_call(read.source, read.call(number).row)
    except NotFound:
        if found := founds.of_call_id(read.source, text):
            return found
        raise NotFound(f"no call {_shown(asked)}: calls() lists them by number") from None


def _event(row: Any, start: int | None) -> dict[str, Any]:
    from analyzer.show.timeline import Event

    seconds = None if row.at is None or start is None else round((row.at - start) / 1e9, 6)
    if not isinstance(row, Event):
        return {"seconds": seconds, "mark": safe(row.text)}
    told = {
        "seconds": seconds,
        "from": row.source,
        "to": row.target,
        "what": safe(row.what),
        "info": safe(row.info),
        "sdp": row.sdp,
        "copies": row.copies,
        "frame": row.frame,
        "message": None if row.protocol else str(row.message),
    }
    # What goes without saying takes room: most messages are sent once and have no more to tell.
    unsaid: dict[str, Any] = {"info": "", "sdp": False, "copies": 1, "frame": None, "message": None}
    return {name: value for name, value in told.items() if name not in unsaid or value != unsaid[name]}


def _collected(planned: pl.LazyFrame) -> pl.DataFrame:
    """What a query comes to, given up where it takes too long."""
    running = planned.collect(background=True, engine="streaming")
    until, wait = time.monotonic() + _LONGEST_QUERY_S, 0.002
    while (found := running.fetch()) is None:
        if time.monotonic() > until:
            running.cancel()
            raise AnalyzerError(f"the query takes longer than {_LONGEST_QUERY_S} s: ask for less")
        time.sleep(wait)
        wait = min(2 * wait, 0.1)
    return found


def _queried(read: Capture, query: str) -> pl.DataFrame:
    import polars as pl

    names = [name for name in schema.TABLES if re.search(rf"\b{name}\b", query)]
    context = pl.SQLContext({name: read.table(name).drop(_NO_PATHS, strict=False) for name in names})
    try:
        planned = context.execute(query, eager=False)
        if "CROSS JOIN" in planned.explain():
            raise AnalyzerError("every row beside every row is too much: join tables ON a column that both have")
        return _collected(planned)
    except pl.exceptions.PolarsError as error:
        raise AnalyzerError(f"the query cannot be run: {str(error).splitlines()[0]}") from None
