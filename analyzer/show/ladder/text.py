"""A timeline as a ladder in plain text: one lane a host, one line a message.

How it is drawn depends on the room: arrows with their text inside; where lanes are many, short arrows with the text
behind them; where even these do not fit, a list. The same messages and width always give the same text.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest

from analyzer.show.text import clock, fit, safe, width
from analyzer.show.timeline import NO_ADDRESS, Event, Mark, Phase, Timeline


@dataclass(frozen=True, slots=True)
class _Pen:
    lane: str
    line: str
    dotted: str
    right: str
    left: str
    ellipsis: str
    bar: str


_UNICODE = _Pen("│", "─", "┄", ">", "<", "…", "┃")
_ASCII = _Pen("|", "-", ".", ">", "<", "~", "#")

_WIDEST_GAP = 44  # further apart, the eye loses the line
_ROOM_FOR_TEXT = 20  # an arrow shorter than this has its text behind the lanes
_NARROWEST_GAP = 4
_NARROWEST = 60  # below this not even a list can be read
_TEXT_BEHIND = 28  # what is left for text behind the lanes at least
_NAME_ROWS = 3
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


def text(model: Timeline, *, width: int = 100, ascii_only: bool = False, colour: bool = False) -> str:
    """The timeline as lines of text.

    Seconds are counted from the first message; behind them stands what passed since the message above (``us``:
    microseconds), and the frame. ``(x3)``: sent three times. Where a phase begins, its name and length stand at the
    left; what no single message says stands in brackets. Bars at the very left are streams of media, as long as they
    last; what they are is said below.
    """
    if not model.events:
        return "no messages\n"
    above, lanes, rows, below = drawn(model, width=width, ascii_only=ascii_only)
    lines = [f"{_RED}{line}{_PLAIN}" if colour and row is not None and row.failed else line for line, row in rows]
    return "\n".join([*above, *lanes, *lines, *below, ""])


def drawn(
    model: Timeline, *, width: int = 100, ascii_only: bool = False
) -> tuple[list[str], list[str], list[tuple[str, Event | Mark | None]], list[str]]:
    """Of a timeline that has messages the lines at the top, the heading of the lanes, the lines of messages with what
    each draws (None where a phase begins), and those at the bottom."""
    pen = _ASCII if ascii_only else _UNICODE
    beside = len(model.streams) + 1 if model.streams else 0
    drawing = _Drawing(model, max(width, _NARROWEST) - beside, pen)
    lines: list[tuple[str, Event | Mark | None]] = []
    bars = " " * beside
    before = None
    phase = None
    for row in model.rows:
        if row.at is not None and beside:
            bars = _bars(model, row.at, pen)
        if row.phase is not None and row.phase != phase:
            phase = row.phase
            lines.append(((bars + drawing.phase(model.phases[phase])).rstrip(), None))
        if isinstance(row, Event):
            made = [drawing.line(row, before)]
            before = before if row.at is None else row.at
        else:
            made = drawing.mark(row)
        if ascii_only:
            ascii_lines = (line.replace(_UNICODE.ellipsis, _ASCII.ellipsis) for line in made)
            made = [line.encode("ascii", "backslashreplace").decode() for line in ascii_lines]
        lines += [((bars + line).rstrip(), row) for line in made]
    top = [(" " * beside + line).rstrip() for line in drawing.top()]
    return top[: drawing.above], top[drawing.above :], lines, [*_streams(model, pen), *drawing.bottom()]


def _bars(model: Timeline, at: int, pen: _Pen) -> str:
    """A cell for each stream of media, filled while it lasts."""
    alive = (stream.started_at <= at <= stream.ended_at for stream in model.streams)
    return "".join(pen.bar if there else " " for there in alive) + " "


def _streams(model: Timeline, pen: _Pen) -> list[str]:
    """What each bar is, in its column."""
    return [
        f"{' ' * place}{pen.bar}{' ' * (len(model.streams) - place)}{safe(stream.text)}"
        for place, stream in enumerate(model.streams)
    ]


class _Drawing:
    """Where everything stands, for one ladder."""

    def __init__(self, model: Timeline, columns: int, pen: _Pen) -> None:
        self.model = model
        self.columns = columns
        self.pen = pen
        self.start = model.started_at
        self.frames = max(len("frame"), *(len(str(event.frame or "")) for event in model.events))
        self.legs = model.call_ids if len(model.call_ids) > 1 else ()
        self._number_of_leg = {call_id: str(number) for number, call_id in enumerate(self.legs, 1)}
        self.names = [safe(name) for name in model.lanes]
        self.roles = [safe(role) for role in model.roles] if any(model.roles) else []
        self.margin = len(self._margin("", "", "", ""))
        self.inside, gap = self._layout()
        half = len(self.names[0]) // 2 if self.inside else 0
        first = self.margin + (half if self.inside else 0)
        self.lanes = [first + index * gap for index in range(len(self.names))] if gap else []
        #: How many lines of the top are no heading of lanes; known once they are made.
        self.above = 0
        #: The arrows that were drawn, and the words in them: of a long call few differ.
        self._arrows: dict[tuple[int, int, bool], tuple[str, int, int]] = {}
        self._words: dict[tuple[str, str, str, int], tuple[str, int]] = {}

    def _layout(self) -> tuple[bool, int]:
        """Whether text stands inside the arrows, and how far lanes are apart; 0: there is no room for lanes."""
        spans = max(len(self.names) - 1, 1)
        ends = (len(self.names[0]) + len(self.names[-1])) // 2 + 1
        gap = min((self.columns - self.margin - ends) // spans, _WIDEST_GAP)
        if gap >= _ROOM_FOR_TEXT and len(self.names) > 1:
            return True, gap
        gap = min((self.columns - self.margin - _TEXT_BEHIND) // spans, 2 * _NARROWEST_GAP)
        return False, gap if gap >= _NARROWEST_GAP else 0

    def _margin(self, since: str, delta: str, frame: str, leg: str) -> str:
        mark = f" {leg:<{len(str(len(self.legs)))}}" if self.legs else ""
        return f"{since:>9} {delta:>8} {frame:>{self.frames}}{mark}  "

    def top(self) -> list[str]:
        """When it starts, and the names of the lanes."""
        lines = []
        if self.start is not None:
            whole, rest = divmod(self.start, 1_000_000_000)
            lines.append(f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest:09d}Z")
        self.above = len(lines)
        margin = self._margin("seconds", "delta", "frame", "#" if self.legs else "")
        if not self.lanes:
            return [*lines, margin.rstrip()]
        rows = self._name_rows() if self.inside else None
        if rows is None:
            # Numbers over the lanes, and what they stand for above.
            told = self.roles or [""] * len(self.names)
            pairs = zip(self.names, told, strict=True)
            lines += [f"{index:>4}  {name}  {role}".rstrip() for index, (name, role) in enumerate(pairs, 1)]
            self.above = len(lines)
            rows = [[(lane - len(str(index)) + 1, str(index)) for index, lane in enumerate(self.lanes, 1)]]
        elif self.roles:
            # The row nearest to the lanes, where there is a role for any of them.
            rows.append(self._roles_row())
        for index, row in enumerate(rows):
            text = margin if index == len(rows) - 1 else " " * self.margin
            for at, name in row:
                text = text.ljust(at)[: max(at, 0)] + name
            lines.append(text.rstrip())
        return lines

    def _name_rows(self) -> list[list[tuple[int, str]]] | None:
        """Names centred over their lanes, on as many rows as keep them apart; None: on too many."""
        rows: list[list[tuple[int, str]]] = []
        for lane, name in zip(self.lanes, self.names, strict=True):
            at = max(lane - len(name) // 2, self.margin)
            row = next((row for row in rows if row[-1][0] + len(row[-1][1]) < at), None)
            if row is None:
                rows.append([(at, name)])
            else:
                row.append((at, name))
        # The margin's own headings stand on the last row, which is the first one filled.
        return rows[::-1] if len(rows) <= _NAME_ROWS else None

    def _roles_row(self) -> list[tuple[int, str]]:
        """Roles centred over their lanes, each with a lane's room."""
        room = (self.lanes[1] - self.lanes[0] if len(self.lanes) > 1 else _WIDEST_GAP) - 2
        shown = [fit(role, room, self.pen.ellipsis) for role in self.roles]
        return [(max(at - width(role) // 2, self.margin), role) for at, role in zip(self.lanes, shown, strict=True)]

    def line(self, event: Event, before: int | None) -> str:
        """One message."""
        since = "" if event.at is None or self.start is None else clock(event.at - self.start)
        delta = "" if event.at is None or before is None else f"+{clock(event.at - before)}"
        leg = self._number_of_leg.get(event.call_id, "")
        margin = self._margin(since, delta, str(event.frame or ""), leg)
        copies = f" (x{event.copies})" if event.copies > 1 else ""
        what, mark, info = safe(event.what), f"{' SDP' if event.sdp else ''}{copies}", safe(event.info)
        text = f"{what}{mark} {info}".rstrip()
        if not self.lanes:
            ends = f"{self.names[event.source]} {self.pen.right} {self.names[event.target]}"
            return fit(f"{margin}{ends}  {text}", self.columns, self.pen.ellipsis).rstrip()
        if self.inside and event.source != event.target:
            return self._inside(margin, event, what, mark, info)
        return self._behind(margin, event, text)

    def _canvas(self, margin: str) -> list[str]:
        cells = list(margin.ljust(self.lanes[-1] + 1))
        for lane in self.lanes:
            cells[lane] = self.pen.lane
        return cells

    def _with_arrow(self, event: Event) -> tuple[str, int, int]:
        """The lanes with the arrow of this message, and the first and last cell between its two lanes."""
        ends = (event.source, event.target, bool(event.protocol))
        if ends not in self._arrows:
            cells = self._canvas("")
            left, right = sorted((self.lanes[event.source], self.lanes[event.target]))
            line = self.pen.dotted if event.protocol else self.pen.line
            cells[left + 1 : right] = line * (right - left - 1)
            if event.source < event.target:
                cells[right - 1] = self.pen.right
            else:
                cells[left + 1] = self.pen.left
            self._arrows[ends] = "".join(cells), left + 1, right - 1
        return self._arrows[ends]

    def _inside(self, margin: str, event: Event, what: str, mark: str, info: str) -> str:
        lanes, left, right = self._with_arrow(event)
        # A cell of line on either side stays visible beside the head and two blanks; what is marked is never cut off.
        room = right - left + 1 - 5
        known = (what, mark, info, room)
        if known not in self._words:
            text = fit(what, room - len(mark), self.pen.ellipsis) + mark
            if info and room - width(text) > 4:
                text = f"{text} {fit(info, room - width(text) - 1, self.pen.ellipsis)}"
            self._words[known] = f" {text} ", width(text) + 2
        text, taken = self._words[known]
        head_on_the_left = event.target < event.source
        at = left + (right - left + 1 - taken + head_on_the_left) // 2
        line = self._behind_margin(margin, lanes)
        return f"{line[:at]}{text}{line[at + taken :]}".rstrip()

    def _behind(self, margin: str, event: Event, text: str) -> str:
        if event.source == event.target:
            lane = self.lanes[event.source]
            line = f"{self._behind_margin(margin, ''.join(self._canvas('')))[:lane]}*"
            text = f"{text} ({'no addresses' if self.names[event.source] == NO_ADDRESS else 'to itself'})"
        else:
            line = self._behind_margin(margin, self._with_arrow(event)[0])
        return fit(f"{line}  {text}", self.columns, self.pen.ellipsis).rstrip()

    def _behind_margin(self, margin: str, lanes: str) -> str:
        """Lanes as :meth:`_canvas` draws them, the margin before them; of one that is too long what is between them."""
        if len(margin) == self.margin:
            return margin + lanes[self.margin :]
        cells = zip_longest(margin, lanes, fillvalue=" ")
        return "".join(one if lane == " " else lane for one, lane in cells)

    def phase(self, phase: Phase) -> str:
        """Where it begins."""
        text = f"  {phase.name} {phase.lasted}".rstrip()
        return "".join(self._canvas(text)).rstrip() if self.lanes else text

    def mark(self, mark: Mark) -> list[str]:
        """What no single message says, between the outer lanes, else over all the room there is on as many lines."""
        text = f"[{safe(mark.text)}]"
        taken = width(text)
        if self.lanes and taken <= (room := self.lanes[-1] - self.lanes[0] - 3):
            at = self.lanes[0] + 2 + (room - taken + 1) // 2
            cells = self._canvas("")
            cells[at : at + taken] = [text]
            return ["".join(cells).rstrip()]
        margin = " " * (self.margin + 2)
        lines = textwrap.wrap(text, self.columns - len(margin), break_on_hyphens=False)
        return [fit(f"{margin}{line}", self.columns, self.pen.ellipsis) for line in lines]

    def bottom(self) -> list[str]:
        """Call-IDs of the legs, and what is not drawn."""
        lines = [f"{index:>4}  Call-ID {safe(call_id)}" for index, call_id in enumerate(self.legs, 1)]
        return [*lines, self.model.summary]
