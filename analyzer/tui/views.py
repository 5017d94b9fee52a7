"""What can be looked at: tables, the ladder of a call, a message beside what explains it, the keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from analyzer import schema
from analyzer.api import found as founds
from analyzer.api import words
from analyzer.api.message import messages_of
from analyzer.diagnose.explanation import BROKE
from analyzer.diagnose.verdict import verdicts
from analyzer.errors import AnalyzerError
from analyzer.explain.phrases import Say, phrases
from analyzer.show.text import safe, width, wrapped
from analyzer.show.timeline import Event
from analyzer.tui.lines import Content, Empty, Plain
from analyzer.tui.tables import Rows

if TYPE_CHECKING:
    from analyzer.api.capture import Capture
    from analyzer.api.filters import Filter
    from analyzer.api.found import Found
    from analyzer.api.message import Message
    from analyzer.explain.entries import Entry

#: Messages up to which all calls are explained at once: it takes some seconds per hundred thousand.
MOST_EXPLAINED = 100_000

# Calls that ended otherwise than by a failure, as the summary counts them.
_NOT_FAILED = ("answered", "answered_elsewhere", "redirected", "cancelled", "unfinished", "joined")
_CALLS = ("no", "caller", "callee", "started_at", "outcome", "status", "pdd_s", "verdict")
_NODES = ("role", "node", "name", "domain", "product", "confidence", "sent", "received")


@dataclass
class Looked:
    """What was read, and how it may be shown: ``shown`` is the capture with what a filter picks, behind its mask."""

    shown: Callable[[Filter | None], Capture]
    name: str
    tz: str = "UTC"
    language: str = "en"
    ascii_only: bool = False
    #: The capture as it may be shown; made once.
    capture: Capture = field(init=False)
    #: The lookup of the language.
    say: Say = field(init=False)

    def __post_init__(self) -> None:
        self.capture = self.shown(None)
        self.say = phrases(self.language)

    def picked(self, asked: words.Words) -> Capture:
        """What the words of a search pick of the whole."""
        return self.shown(asked.chosen) if asked.chosen else self.capture


@dataclass
class View:
    """Something on the screen. ``keys`` are the keys that it answers, with what they do; ``said`` stands beside the
    title."""

    title: str
    keys: Sequence[tuple[str, str]] = ()
    content: Content = field(default_factory=Empty)
    said: str = ""
    cursor: int = 0
    top: int = 0


# ---- tables ----------------------------------------------------------------------------------------------------------


@dataclass
class TableView(View):
    """A table: what it is called, all its rows, those that the search line picks, and their order."""

    table: str = "calls"
    whole: pl.DataFrame = field(default_factory=pl.DataFrame)
    shown: tuple[str, ...] = ()
    line: str = ""
    failures: bool = False
    order: str = ""
    down: bool = False
    tz: str = "UTC"
    rows: Rows | None = None
    say: Say = str

    def keep(self, picked: pl.DataFrame | None = None) -> None:
        """Finds the rows to be seen; ``picked`` are those that the filter of the search line left."""
        needed = {self.key, *self.shown, "outcome", "outcome_detail"}
        frame = self.whole.select(name for name in self.whole.columns if name in needed).with_row_index("_place")
        if picked is not None:
            frame = frame.join(picked, on=self.key, how="semi", maintain_order="left")
        frame = words.read(self.line, self.table, self.tz).with_texts(frame, self.shown)
        if self.failures:
            frame = frame.filter(failed())
        if self.order:
            frame = frame.select("_place", self.order)
            frame = frame.sort(self.order, descending=self.down, nulls_last=True, maintain_order=True)
        if self.rows is None:
            self.rows = Rows(self.whole, self.shown, tz=self.tz, last=self.shown[-1])
        self.content = self.rows.only(frame["_place"])
        self.cursor = self.top = 0
        say, some = self.say, frame.height != self.whole.height
        told = [say("{n:,} of {whole:,}").format(n=frame.height, whole=self.whole.height) if some else ""]
        told += [say("failures") if self.failures else "", self.line and f"/{self.line}"]
        order = say("by {column} down") if self.down else say("by {column}")
        told += [order.format(column=self.order) if self.order else ""]
        self.said = safe("  ".join(part for part in told if part))

    @property
    def key(self) -> str:
        """The column that knows a row."""
        return {"calls": "call", "registrations": "registration", "nodes": "node"}[self.table]

    def take(self, rows: Rows) -> None:
        """The same rows with more in their cells."""
        if isinstance(self.content, Rows):
            self.content = rows.only(self.content.places)
        self.whole, self.rows = rows.frame, rows

    def next_order(self) -> None:
        """Orders by the next of its columns; after the last as the capture has them."""
        names = [name for name in self.shown if name in self.whole.columns]
        place = names.index(self.order) + 1 if self.order else 0
        self.order, self.down = (names[place] if place < len(names) else ""), False


def failed() -> pl.Expr:
    """A call that failed, or was answered and broke."""
    return ~pl.col("outcome").is_in(_NOT_FAILED) | pl.col("outcome_detail").is_in(BROKE).fill_null(value=False)


_TO_OTHERS = {"calls": "c", "registrations": "r", "nodes": "n"}


def calls(looked: Looked) -> TableView:
    """The calls; their verdicts come later (:func:`with_verdicts`)."""
    frame = looked.capture.table("calls")
    # Until then, and of a large capture for good, what is in the row.
    return _table(looked, "calls", frame.with_columns(_short(frame)["short"].alias("verdict")), _CALLS)


def _short(calls: pl.DataFrame) -> pl.DataFrame:
    return calls.select("call", short=pl.coalesce("outcome_detail", "reason_phrase"))


def with_verdicts(looked: Looked, view: TableView) -> Rows:
    """The rows of all calls with what went wrong with each, in the words of every other output."""
    from analyzer.show.story import namer, roles_of

    table = looked.capture.table
    frame = view.whole
    found = verdicts(frame, table, namer(roles_of(table("endpoints"))), say=phrases(looked.language), tz=looked.tz)
    short = {row["call"]: row["short"] for row in _short(frame).iter_rows(named=True)}
    told = [found[call].sentence if call in found else short[call] for call in frame["call"]]
    frame = frame.with_columns(verdict=pl.Series(told, dtype=pl.String))
    return Rows(frame, view.shown, tz=view.tz, last=view.shown[-1])


def registrations(looked: Looked) -> TableView:
    """The registration attempts."""
    frame = looked.capture.table("registrations")
    return _table(looked, "registrations", frame, schema.REGISTRATIONS.shown)


def nodes(looked: Looked) -> TableView:
    """The nodes and their roles."""
    return _table(looked, "nodes", looked.capture.table("nodes"), _NODES)


def _table(looked: Looked, name: str, frame: pl.DataFrame, shown: Sequence[str]) -> TableView:
    say = looked.say
    what = say("its calls") if name == "nodes" else say("ladder")
    named = {"calls": say("calls"), "registrations": say("registrations"), "nodes": say("nodes")}
    others = [(key, named[table]) for table, key in _TO_OTHERS.items() if table != name]
    own = [("f", say("failures")), ("s", say("save"))] if name == "calls" else []
    keys = [("Enter", what), ("/", say("filter")), ("o", say("order")), *own, *others]
    counts = {
        "calls": say("{n:,} calls") if frame.height != 1 else say("{n:,} call"),
        "registrations": say("{n:,} registrations") if frame.height != 1 else say("{n:,} registration"),
        "nodes": say("{n:,} nodes") if frame.height != 1 else say("{n:,} node"),
    }
    title = f"{safe(looked.name)}{say(': ')}{counts[name].format(n=frame.height)}"
    view = TableView(title, keys, table=name, whole=frame, shown=tuple(shown), tz=looked.tz, say=say)
    view.keep()
    return view


# ---- the ladder of a call --------------------------------------------------------------------------------------------


class LadderLines:
    """The ladder of a call as lines for the width of the screen; :meth:`event` is what a line draws."""

    def __init__(self, found: Found, wrong: Sequence[str], *, ascii_only: bool, say: Say = str) -> None:
        from analyzer.show.ladder.text import drawn
        from analyzer.show.timeline import bounded

        self._model = bounded(found.ladder("all").timeline, None)
        self._drawn = drawn
        self._wrong = wrong
        self._ascii_only = ascii_only
        self._say = say
        self._columns = 0
        self._top: list[str] = []
        self._rows: list[tuple[str, Event | None, str]] = []
        self._made(100)

    def _made(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        if not self._model.events:
            self._top, self._rows = [], [(self._say("no messages"), None, "muted")]
            return
        above, lanes, rows, bottom = self._drawn(self._model, width=columns, ascii_only=self._ascii_only)
        # What went wrong and who the lanes are scrolls away; their heading stays.
        self._top = lanes
        self._rows = [(line, None, "heading") for one in self._wrong for line in wrapped(one, columns)]
        self._rows += [(line, None, "muted") for line in above]
        self._rows += [
            (line, row if isinstance(row, Event) else None, "" if row is None else "bad" if row.failed else "")
            for line, row in rows
        ]
        self._rows += [(line, None, "muted") for line in bottom]

    @property
    def size(self) -> int:
        """How many lines there are."""
        return len(self._rows)

    def fitted(self, columns: int, cursor: int) -> int:
        """Drawn anew; the cursor stays on its message."""
        event = self.event(cursor)
        self._made(columns)
        if event is None:
            return cursor
        return next(number for number, (_, drawn, _) in enumerate(self._rows) if drawn is event)

    def heading(self, columns: int) -> Sequence[str]:
        """The lanes."""
        return self._top

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """A message, a phase or a mark."""
        text, _, tone = self._rows[number]
        return text, tone

    def event(self, number: int) -> Event | None:
        """The message that the line draws."""
        return self._rows[number][1] if number < len(self._rows) else None

    @property
    def events(self) -> list[Event]:
        """All messages, in their order."""
        return [event for _, event, _ in self._rows if event is not None]


@dataclass
class LadderView(View):
    """One call, or what else has a Call-ID."""

    found: Found | None = None


def ladder(looked: Looked, table: str, row: dict[str, Any]) -> LadderView:
    """The ladder of the call or registration in a row."""
    from analyzer.api.call import Call
    from analyzer.show.story import what_went_wrong

    source, say = looked.capture.source, looked.say
    found: Found | None
    title = f"Call-ID {row.get('call_id')}"
    wrong: Sequence[str] = ()
    if table == "calls":
        found = founds.of_call(source, row)
        call = Call(source, row)
        title = call.titled(looked.language)
        wrong = what_went_wrong(call.table, source.table("endpoints"), language=looked.language, tz=looked.tz)
    else:
        found = founds.of_call_id(source, str(row["call_id"]))
        title = say("Registration of {aor}: {outcome}").format(aor=row["aor"] or "?", outcome=row["outcome"])
        if found is None:
            raise AnalyzerError(say("the messages of this registration have no Call-ID"))
    keys = [("Enter", say("message")), ("s", say("save")), ("Esc", say("back"))]
    content = LadderLines(found, wrong, ascii_only=looked.ascii_only, say=say)
    first = next((number for number in range(content.size) if content.event(number)), 0)
    return LadderView(safe(title), keys, content, found=found, cursor=first)


# ---- a message -------------------------------------------------------------------------------------------------------


class MessageLines(Plain):
    """The lines of a message as captured, nothing secret in it; :meth:`entry` explains one."""

    def __init__(self, message: Message) -> None:
        from analyzer.show.message_lines import lines_of

        lines = list(lines_of(message.without_secrets))
        self._lines = [f"{start}{rest}" for start, _, rest in lines]
        self._names = [name for _, name, _ in lines]
        self._row = message.row
        # A line that goes on (RFC 3261 §7.3.1) is explained as the one above.
        for number in range(1, len(lines)):
            if not self._names[number] and self._lines[number][:1] in (" ", "\t"):
                self._names[number] = self._names[number - 1]

    @property
    def size(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """As captured."""
        return self._lines[number], "" if number or (self._row["status"] or 0) < 400 else "bad"

    def entry(self, number: int) -> Entry | None:
        """What explains the line; the first one is explained by its status or method."""
        from analyzer.explain.entries import of_kind
        from analyzer.show.message_lines import entry_of

        if number == 0:
            status = of_kind("statuses").get(str(self._row["status"]))
            return status or of_kind("methods").get(str(self._row["method"]))
        name = self._names[number] if number < len(self._names) else ""
        return entry_of(name) if name else None


class TextLines(Plain):
    """Lines of safe text."""

    def __init__(self, text: str) -> None:
        self._text = text.rstrip("\n").split("\n")

    @property
    def size(self) -> int:
        """How many lines there are."""
        return len(self._text)

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """One of them."""
        return self._text[number], ""


@dataclass
class MessageView(View):
    """One message."""

    place: int = 0


def message(looked: Looked, events: Sequence[Event], place: int) -> MessageView:
    """The message of one of these events; Diameter and DNS are told in lines."""
    event = events[place]
    say = looked.say
    keys = [("<", say("previous")), (">", say("next")), ("Esc", say("back"))]
    title = say("{n} of {whole}: {what}").format(n=place + 1, whole=len(events), what=safe(event.what))
    if event.frame is not None:
        title += say(", frame {frame} of {file}").format(frame=event.frame, file=safe(event.file))
    content: Content
    if event.protocol:
        content = TextLines("\n".join(safe(line) for line in event.detail.split("\n")))
    else:
        content = MessageLines(messages_of(looked.capture.source, [event.message])[0])
    return MessageView(title, keys, content, place=place)


def explained(content: Content, cursor: int, language: str, columns: int) -> str:
    """What explains the line at the cursor, in lines of so many columns; nothing where nothing does."""
    if not isinstance(content, MessageLines) or (entry := content.entry(cursor)) is None:
        return ""
    from analyzer.show.explained import told

    return told([entry], language, max(columns, 20))


# ---- the keys --------------------------------------------------------------------------------------------------------


def _keys(say: Say) -> tuple[tuple[str, str], ...]:
    names = " ".join(f"{name}=" for name in words.NAMES)
    return (
        ("Enter", say("open: the ladder of a call, the message of a line, the calls of a node")),
        ("Esc q", say("back; from the first table q leaves")),
        ("up down PgUp PgDn Home End", say("move; j k g G too")),
        ("left right", say("to the side, where lines are wider than the screen")),
        ("/", say("filter: {names}").format(names=names)),
        ("", say("pdd_s>2 compares a column; any other word is looked for in all that is shown")),
        ("f", say("failures: calls that failed or broke, and back")),
        ("o O", say("order by the next column; the other way round")),
        ("c r n", say("calls, registrations, nodes")),
        ("s S", say("save the call: .html .svg .txt .pcapng; S masked, for others to see")),
        ("< >", say("the message before, the message after")),
        ("?", say("this page")),
    )


@dataclass
class HelpView(View):
    """The keys."""


def help_view(columns: int, say: Say = str) -> HelpView:
    """The keys."""
    lines = []
    for key, what in _keys(say):
        first, *more = wrapped(what, max(columns - 14, 20))
        lines.append(f"{key:<12}  {first}" if width(key) <= 12 else f"{key}\n{'':<12}  {first}")
        lines += [f"{'':<12}  {line}" for line in more]
    return HelpView(say("keys"), [("Esc", say("back"))], TextLines("\n".join(lines)))
