"""The application: keys, the way back, and what is looked up beside them."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content as Shown
from textual.widgets import Input, Static

from analyzer.api import found as founds
from analyzer.api import words
from analyzer.errors import AnalyzerError
from analyzer.show.text import fit, safe, width, wrapped
from analyzer.tui import saving, views
from analyzer.tui.lines import Lines, plain
from analyzer.tui.lookups import Lookups
from analyzer.tui.tables import Rows
from analyzer.tui.views import HelpView, LadderLines, LadderView, Looked, MessageView, TableView, View

_BESIDE = 100  # columns from which an explanation stands beside a message
_LOOKS_AFTER_S = 2.0  # how often it looks whether its terminal is still there
_MOST_BELOW = 3  # lines of a sentence above the keys


class Browser(App[None]):
    """Looks around in a capture. The first view is there when it starts; everything else is looked up when asked."""

    TITLE = "sip-analyzer"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; color: ansi_default; layout: vertical; }
    #title, #keys, #note { height: 1; width: 1fr; background: ansi_default; color: ansi_default; }
    #note { height: auto; min-height: 1; }
    #title { text-style: bold; }
    #body { layout: vertical; height: 1fr; background: ansi_default; }
    #body.beside { layout: horizontal; }
    Lines { background: ansi_default; color: ansi_default; }
    #explained { display: none; height: 8; width: 1fr; padding: 0 1; background: ansi_default; color: ansi_default; }
    #body.explains #explained { display: block; }
    #body.beside #explained { height: 1fr; width: 38%; padding: 0 0 0 2; }
    Input { display: none; height: 1; border: none; padding: 0; background: ansi_default; color: ansi_default; }
    Input:focus { border: none; }
    Input.asks { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open"),
        Binding("escape,backspace", "return"),
        Binding("q", "leave"),
        Binding("ctrl+c,ctrl+q", "quit", priority=True),
        Binding("slash", "filter"),
        Binding("f", "failures"),
        Binding("o", "order"),
        Binding("O", "turn"),
        Binding("c", "table('calls')"),
        Binding("r", "table('registrations')"),
        Binding("n", "table('nodes')"),
        Binding("s", "save"),
        Binding("S", "save(True)"),
        Binding("less_than_sign,p", "step(-1)"),
        Binding("greater_than_sign", "step(1)"),
        Binding("question_mark,f1", "help"),
    ]

    def __init__(self, looked: Looked) -> None:
        super().__init__(ansi_color=True)
        self.looked = looked
        self.view: View = views.calls(looked)
        self._before: list[View] = []
        self._tables: dict[str, View] = {"calls": self.view}
        self._asks = ""
        self._masked = False
        self._note = ""
        self.lines = Lines(ascii_only=looked.ascii_only)
        self.lookups = Lookups(self._from_lookups)

    def _from_lookups(self, told: Any) -> None:
        if self.is_running:
            self.call_from_thread(told)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="title", markup=False)
        with Container(id="body"):
            yield self.lines
            yield Static(id="explained", markup=False)
        yield Static(id="note", markup=False)
        yield Input(id="line", compact=True)
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """The first table; its verdicts follow."""
        self.lines.focus()
        self.show(self.view)
        if not self.is_headless:
            self.set_interval(_LOOKS_AFTER_S, self._leave_with_the_terminal)
        if self.looked.capture.source.messages_read <= views.MOST_EXPLAINED:
            first = self.view
            assert isinstance(first, TableView)
            self.lookups.ask(
                lambda: views.with_verdicts(self.looked, first),
                lambda rows: self._explained(first, rows),
                self.say,
                aside=True,
            )

    def _leave_with_the_terminal(self) -> None:
        """A terminal that was closed without a signal is read for ever otherwise."""
        if not sys.__stdin__ or not sys.__stdin__.isatty():
            self.exit()

    def _explained(self, view: TableView, rows: Rows) -> None:
        view.take(rows)
        if self.view is view:
            self.show(view, cursor=self.lines.cursor, top=self.lines.top)

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def show(self, view: View, *, cursor: int | None = None, top: int | None = None) -> None:
        """This view, with its cursor where it was."""
        self.view = view
        self.lines.show(
            view.content, cursor=view.cursor if cursor is None else cursor, top=view.top if top is None else top
        )
        self.say("")

    def on_lines_moved(self) -> None:
        """What depends on the line at the cursor."""
        self._refresh_around()

    def on_resize(self) -> None:
        """What is fitted to the screen."""
        self.call_after_refresh(self._refresh_around)

    def say(self, sentence: str) -> None:
        """A sentence above the keys, until the next key."""
        self._note = sentence
        self._refresh_around()

    def _refresh_around(self) -> None:
        if not self.query("#title"):  # not yet, or no longer
            return
        view, columns = self.view, self.size.width
        place = ""
        if isinstance(view, TableView) and view.content.size:
            place = f"{self.lines.cursor + 1:,}/{view.content.size:,}"
        self._put("#title", self._titled(view, place, columns))
        body = self.query_one("#body")
        beside = columns >= _BESIDE
        wide = columns * 38 // 100 - 2 if beside else columns - 2
        told = views.explained(view.content, self.lines.cursor, self.looked.language, wide)
        body.set_class(isinstance(view, MessageView) and (beside or self.size.height >= 18), "explains")
        body.set_class(beside, "beside")
        self._put("#explained", told)
        self._put("#note", self._below(columns))
        self._put("#keys", self._keys(columns))

    def _titled(self, view: View, place: str, columns: int) -> str:
        left = f"{view.title}  {view.said}".rstrip()
        room = columns - width(place) - 1
        left = fit(left, max(room, 0))
        return f"{left}{' ' * (columns - width(left) - width(place))}{place}"

    def _below(self, columns: int) -> str:
        """A sentence that was said, else what there is to say of the line at the cursor, on few lines."""
        view, rows = self.view, self.view.content
        told = self._note or self._nothing()
        if not told and isinstance(view, TableView) and isinstance(rows, Rows) and rows.size:
            told = safe(str(rows.row(self.lines.cursor).get("verdict") or ""))
        lines = wrapped(told, columns)
        most = _MOST_BELOW if self.size.height >= 12 else 1
        return "\n".join(
            lines[:most] if len(lines) <= most else [*lines[: most - 1], f"{fit(lines[most - 1], columns - 1)}…"]
        )

    def _nothing(self) -> str:
        """Why there are no rows."""
        view, say = self.view, self.looked.say
        if not isinstance(view, TableView) or view.content.size:
            return ""
        if view.whole.height:
            return say("nothing fits: / changes the filter, Esc takes it away")
        if not self.looked.capture.source.messages_read:
            spots = self.looked.capture.blind_spots()
            return say("no SIP here: {why}").format(why=spots[0]) if spots else say("no SIP here")
        return {
            "calls": say("no calls here: r has registrations, n nodes"),
            "registrations": say("no registrations here"),
            "nodes": say("no nodes here"),
        }[view.table]

    def _keys(self, columns: int) -> str:
        """As many keys as there is room for; the rest is behind ?."""
        say = self.looked.say
        keys = [*self.view.keys, ("q", say("quit") if not self._before else say("back"))]
        told = [f"? {say('keys')}"]
        for key, what in keys:
            if width("  ".join([*told, f"{key} {what}"])) <= columns:
                told.insert(-1, f"{key} {what}")
        return fit("  ".join(told), columns)

    def _put(self, which: str, text: str) -> None:
        self.query_one(which, Static).update(Shown(plain(text) if self.looked.ascii_only else text))

    # ---- keys --------------------------------------------------------------------------------------------------------

    def _go(self, view: View) -> None:
        """On to a view; Esc comes back here."""
        self._leave_place()
        self._before.append(self.view)
        self.show(view)

    def _leave_place(self) -> None:
        self.view.cursor, self.view.top = self.lines.cursor, self.lines.top

    def action_return(self) -> None:
        """To where one came from; in a table that is filtered to all of it."""
        self.lookups.forget()
        view = self.view
        if self._before:
            self.show(self._before.pop())
        elif isinstance(view, TableView) and (view.line or view.failures or view.order):
            view.line, view.failures, view.order = "", False, ""
            view.keep()
            self.show(view)

    def action_leave(self) -> None:
        """Back, and from the first table out."""
        if self._before:
            self.action_return()
        else:
            self.exit()

    def action_open(self) -> None:
        """What stands behind the line."""
        view, cursor = self.view, self.lines.cursor
        if isinstance(view, TableView) and isinstance(view.content, Rows) and view.content.size:
            row = view.content.row(cursor)
            if view.table == "nodes":
                self._calls_of(str(row["node"]))
                return
            self.say(self.looked.say("looking it up ..."))
            self.lookups.ask(lambda: views.ladder(self.looked, view.table, row), self._go, self.say)
        elif isinstance(view, LadderView) and isinstance(view.content, LadderLines):
            event = view.content.event(cursor)
            if event is not None:
                events = view.content.events
                self._to_message(events, events.index(event))

    def _to_message(self, events: list[Any], place: int, *, instead: bool = False) -> None:
        self.say(self.looked.say("reading the message ..."))
        then = self.show if instead else self._go
        self.lookups.ask(lambda: views.message(self.looked, events, place), then, self.say)

    def action_step(self, by: int) -> None:
        """The message before or after."""
        ladder = self._before[-1] if self._before else None
        if isinstance(self.view, MessageView) and ladder is not None and isinstance(ladder.content, LadderLines):
            events = ladder.content.events
            place = self.view.place + by
            if 0 <= place < len(events):
                self._to_message(events, place, instead=True)

    def _calls_of(self, node: str) -> None:
        table = self._tables["calls"]
        assert isinstance(table, TableView)
        self._leave_place()
        self._before = []
        self.show(table)
        self._filter(f"ip={node}")

    def action_table(self, name: str) -> None:
        """One of the tables; its place and filter are kept."""
        if name in self._tables:
            self._leave_place()
            self._before = []
            self.show(self._tables[name])
            return
        make = {"registrations": views.registrations, "nodes": views.nodes}[name]
        self.say(self.looked.say("looking it up ..."))

        def made(view: View) -> None:
            self._leave_place()
            self._before = []
            self._tables[name] = view
            self.show(view)

        self.lookups.ask(lambda: make(self.looked), made, self.say)

    def action_failures(self) -> None:
        """Only the calls that failed or broke; all again."""
        view = self.view
        if isinstance(view, TableView) and view.table == "calls":
            view.failures = not view.failures
            self._filter(view.line)

    def action_order(self) -> None:
        """By the next column."""
        if isinstance(self.view, TableView):
            self.view.next_order()
            self._filter(self.view.line)

    def action_turn(self) -> None:
        """The other way round."""
        if isinstance(self.view, TableView) and self.view.order:
            self.view.down = not self.view.down
            self._filter(self.view.line)

    def action_help(self) -> None:
        """The keys."""
        if not isinstance(self.view, HelpView):
            self._go(views.help_view(self.size.width, self.looked.say))

    # ---- the line that is typed --------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Asks for the words of a filter."""
        if isinstance(self.view, TableView):
            self._ask("filter", self.view.line, self.looked.say("from=alice status=4xx pdd_s>2, or any text"))

    def action_save(self, masked: bool = False) -> None:
        """Asks for the name of a file."""
        found = self._to_save()
        if found is not None:
            self._masked = masked
            hint = self.looked.say("the name of a file: {endings}").format(endings=" ".join(saving.ENDINGS))
            self._ask("save", saving.proposed(found), hint)

    def _to_save(self) -> Any:
        view = self.view
        if isinstance(view, LadderView):
            return view.found
        rows = view.content
        if isinstance(view, TableView) and view.table == "calls" and isinstance(rows, Rows) and rows.size:
            return founds.of_call(self.looked.capture.source, rows.row(self.lines.cursor))
        return None

    def _ask(self, what: str, text: str, hint: str) -> None:
        self._asks = what
        line = self.query_one(Input)
        line.value, line.placeholder = text, hint
        line.add_class("asks")
        line.focus()
        line.cursor_position = len(text)
        say = self.looked.say
        saved = say("save masked") if self._masked else say("save")
        named = saved if what == "save" else say("filter")
        self.say(say("{what}: {hint}; Enter, or Esc to leave it").format(what=named, hint=hint))

    def on_key(self, event: Any) -> None:
        """Esc leaves the line as it was."""
        if event.key == "escape" and self._asks:
            event.stop()
            event.prevent_default()
            self._answered()
            self.say("")

    def _answered(self) -> str:
        asked, self._asks = self._asks, ""
        self.query_one(Input).remove_class("asks")
        self.lines.focus()
        return asked

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The line is done."""
        asked = self._answered()
        if asked == "filter":
            self._filter(event.value.strip())
        elif asked == "save":
            self._save(event.value.strip())

    def _filter(self, line: str) -> None:
        """The rows that fit; a line that cannot be understood leaves those that are there."""
        view = self.view
        assert isinstance(view, TableView)
        try:
            asked = words.read(line, view.table, self.looked.tz)
        except AnalyzerError as error:
            self.say(str(error))
            return
        if not asked.chosen:
            view.line = line
            view.keep()
            self.show(view)
            return
        self.say(self.looked.say("looking for them ..."))

        def picked(rows: Any) -> None:
            view.line = line
            view.keep(rows)
            if self.view is view:
                self.show(view)

        self.lookups.ask(lambda: self.looked.picked(asked).table(view.table).select(view.key), picked, self.say)

    def _save(self, name: str) -> None:
        found, masked = self._to_save(), self._masked
        if found is None or not name:
            return

        def save() -> str:
            chosen = found
            if masked:
                source = self.looked.capture.mask().source
                chosen = (
                    founds.of_call(source, source.table("calls").filter(no=found.row["no"]).row(0, named=True))
                    if found.row is not None
                    else founds.of_call_id(source, found.asked)
                )
            return saving.save(chosen, name, self.looked.language)

        self.say(self.looked.say("writing {file} ...").format(file=safe(name)))
        self.lookups.ask(save, lambda told: self.say(safe(told)), lambda told: self.say(safe(told)))
