"""A timeline as SVG: crisp at any size, text as text, light on paper and dark on a dark screen.

Drawn in sheets of :data:`ROWS` rows under the names of the lanes, so that no reader of a long call has to scroll back
and a sheet fits a page. Every row is as high as any other. Lengths are whole pixels of a sheet about 1,000 wide;
nothing depends on the fonts of the machine, so the same timeline always gives the same bytes.

Colours are those of Okabe and Ito, which colour-blind eyes tell apart, and never stand alone: a failure also has a
cross and bold text, what was sent again is dashed and has its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from analyzer.show.text import clock, duration, fit, markup, safe, width, wrapped
from analyzer.show.timeline import Event, Mark, Timeline, Tone

ROWS = 40
"""Rows of a sheet."""

_ROW = 26
_HEADER = 62
_NAME_LINES, _NAME_LINE = 3, 15  # lines in the box of a lane, and how far apart
_START = 24
_TITLE = 26
_EDGE = 16
_PHASE = _EDGE + 12  # names of phases, beside their bands
_SECONDS, _DELTA, _FRAME = 172, 240, 296  # right edges of the columns
_LEG = 326
_STREAM = 6  # bars of streams of media, side by side at the right edge
_WIDE = 1040  # what a sheet should be wide, so that its text can be read on A4
_NARROWEST_GAP, _WIDEST_GAP = 96, 300
_LABEL = 260  # room of a label whose arrow is short
_LABEL_PROVISIONAL = 140  # what a 1xx says beside its number is often advertising
_CHARACTER, _BOLD = 7, 8  # of 12 pixels, wide fonts
_TITLE_LINES = 3
_TITLE_CHARACTER = 11  # of 16 pixels, bold
_SMALL = 6
_LEAST_INFO = 16  # columns in which the begin of a longer text still tells something

TONES: dict[Tone, tuple[str, str, str]] = {
    "request": ("#0072b2", "#56b4e9", "request"),
    "provisional": ("#6b7280", "#9ca3af", "1xx"),
    "success": ("#00815e", "#2fc39a", "2xx"),
    "redirect": ("#9b4f8c", "#d99bc8", "3xx"),
    "failure": ("#c24e00", "#ff8a47", "4xx 5xx 6xx"),
    "companion": ("#7a6a00", "#d6c256", "Diameter, DNS"),
}
PHASES = {
    "setup": ("#56b4e9", "#f1f7fc", "#16222c"),
    "ringing": ("#e69f00", "#fdf7e8", "#2a2414"),
    "talk": ("#009e73", "#eef8f4", "#13261f"),
    "release": ("#8a8f98", "#f4f4f5", "#1f2226"),
}
OTHER_PHASE = ("#cc79a7", "#faf3f7", "#281a22")


def _css() -> str:
    """Simple selectors and plain colours: what Inkscape, LibreOffice and Word read too."""
    light = [
        "text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,'Noto Sans','Noto Sans CJK SC',sans-serif;"
        "font-size:12px;fill:#1f2328}",
        ".paper{fill:#ffffff}",
        ".title{font-size:16px;font-weight:600}",
        ".small{font-size:10.5px}",
        ".muted{fill:#59636e}",
        ".strong{font-weight:600}",
        ".num{font-variant-numeric:tabular-nums}",
        ".lane{stroke:#c3c9d0;stroke-width:1}",
        ".gap{stroke:#c3c9d0;stroke-width:1;stroke-dasharray:2 4}",
        ".box{fill:#f6f8fa;stroke:#8c959f;stroke-width:1}",
        ".pill{fill:#ffffff;stroke:#8c959f;stroke-width:1}",
        ".halo{stroke:#ffffff;stroke-width:4;stroke-linejoin:round;paint-order:stroke}",
        ".line{fill:none;stroke-width:1.6}",
        ".again{stroke-dasharray:6 4}",
        ".dotted{stroke-dasharray:2 3}",
        ".cross{fill:none;stroke-width:2.2}",
        ".hold{fill:#e69f00}",
        ".stream{fill:#6b7280}.stream-caller{fill:#0072b2}.stream-callee{fill:#009e73}",
        ".hit{fill:#000000;fill-opacity:0}",
        "a:hover .hit,a:focus .hit,.chosen .hit{fill:#0072b2;fill-opacity:.12}",
        "a:focus{outline:none}",
    ]
    dark = [
        "text{fill:#e6edf3}",
        ".paper{fill:#0d1117}",
        ".muted{fill:#9198a1}",
        ".lane,.gap{stroke:#3d444d}",
        ".box{fill:#151b23;stroke:#656c76}",
        ".pill{fill:#0d1117;stroke:#656c76}",
        ".halo{stroke:#0d1117}",
        "a:hover .hit,a:focus .hit,.chosen .hit{fill:#56b4e9;fill-opacity:.22}",
    ]
    for tone, (on_light, on_dark, _) in TONES.items():
        light.append(f".{tone}{{stroke:{on_light}}}.{tone}-head{{fill:{on_light}}}")
        dark.append(f".{tone}{{stroke:{on_dark}}}.{tone}-head{{fill:{on_dark}}}")
    light.append(".bad{fill:#a34100;font-weight:600}.bad .muted{font-weight:400}")
    dark.append(".bad{fill:#ff9c66}")
    for name, (band, on_light, on_dark) in {**PHASES, "other": OTHER_PHASE}.items():
        light.append(f".band-{name}{{fill:{band}}}.tint-{name}{{fill:{on_light}}}")
        dark.append(f".tint-{name}{{fill:{on_dark}}}")
    scoped = "".join(_scoped(rule) for rule in light)
    return f"{scoped}@media screen and (prefers-color-scheme:dark){{{''.join(_scoped(rule) for rule in dark)}}}"


def _scoped(rules: str) -> str:
    """Each selector under the class of the drawing: inside a page its rules are its own."""
    scoped = []
    for rule in rules.removesuffix("}").split("}"):
        selectors, _, body = rule.partition("{")
        scoped.append(f"{','.join(f'.sip-ladder {selector}' for selector in selectors.split(','))}{{{body}}}")
    return "".join(scoped)


STYLE = _css()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part of the drawing that stands for itself; ``body`` is SVG without the ``<svg>`` around it."""

    width: int
    height: int
    body: str

    def element(self, inside: str = "") -> str:
        """The ``<svg>`` of this sheet alone; ``inside`` comes before what is drawn."""
        return _element(self.width, self.height, f"{inside}{self.body}")


def svg(model: Timeline, *, title: str = "") -> str:
    """The timeline as one SVG document."""
    parts = sheets(model, title=title)
    down = 0
    body = []
    for part in parts:
        body.append(f'<g transform="translate(0 {down})">{part.body}</g>')
        down += part.height
    inside = f"<title>{markup(title or 'SIP ladder')}</title><style>{STYLE}</style>"
    return _element(parts[0].width, down, inside + "".join(body)) + "\n"


def sheets(model: Timeline, *, title: str = "", linked: bool = False) -> list[Sheet]:
    """The drawing in parts, all of the same width. With ``linked`` each message is a link to ``#m`` and its number."""
    return _Drawing(model, title, linked=linked).sheets()


def _element(wide: int, high: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sip-ladder" width="{wide}" height="{high}"'
        f' viewBox="0 0 {wide} {high}" role="img">{inside}</svg>'
    )


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "", columns: int | None = None) -> str:
    """Text as an element; one too long for its columns is cut, and whole in its tooltip."""
    shown = safe(text)
    whole = f"<title>{markup(text)}</title>" if columns is not None and width(shown) > columns else ""
    cut = shown if columns is None else fit(shown, columns)
    attributes = "".join(f' {name}="{value}"' for name, value in (("class", kind), ("text-anchor", anchor)) if value)
    return f'<text x="{x}" y="{y}"{attributes}>{markup(cut)}{whole}</text>'


def _rect(x: int, y: int, wide: int, high: int, kind: str, round_: int = 0) -> str:
    corners = f' rx="{round_}"' if round_ else ""
    return f'<rect x="{x}" y="{y}" width="{wide}" height="{high}"{corners} class="{kind}"/>'


class _Drawing:
    """Where everything stands, for one timeline."""

    def __init__(self, model: Timeline, title: str, *, linked: bool) -> None:
        self.model = model
        self.linked = linked
        self.start = model.started_at
        self.legs = {call_id: number for number, call_id in enumerate(model.call_ids, 1)}
        self.begins: dict[int | None, int] = {}
        for place, row in enumerate(model.rows):
            self.begins.setdefault(row.phase, place)
        left = (_LEG if len(self.legs) > 1 else _FRAME) + 24
        spans = max(len(model.lanes) - 1, 1)
        # The names at both ends stand out by half.
        gap = min(max((_WIDE - left - _EDGE) // (spans + 1), _NARROWEST_GAP), _WIDEST_GAP)
        self.gap = gap
        self.name = gap - 10
        self.lanes = [left + gap // 2 + number * gap for number in range(len(model.lanes))]
        right = self.lanes[-1] + gap // 2 if self.lanes else _FRAME
        self.width = max(right + _EDGE, 640)
        columns = (self.width - 2 * _EDGE) // _TITLE_CHARACTER
        self.title = [fit(line, columns) for line in wrapped(safe(title), columns)[:_TITLE_LINES]] if title else []
        self.top = _START + _TITLE * len(self.title)

    def sheets(self) -> list[Sheet]:
        """Title and rows, and under the last of them what the colours mean."""
        rows = list(self._rows())
        drawn = [self._sheet(rows[at : at + ROWS], number) for number, at in enumerate(range(0, len(rows), ROWS))]
        if not drawn:
            body = f"{self._title()}{_text(_EDGE, self.top + 16, 'no messages', 'muted')}"
            return [Sheet(self.width, self.top + 32, f"{_rect(0, 0, self.width, self.top + 32, 'paper')}{body}")]
        return [*drawn, self._bottom()]

    def _title(self) -> str:
        lines = enumerate(self.title)
        title = "".join(_text(_EDGE, 24 + number * _TITLE, line, "title") for number, line in lines)
        if self.start is None:
            return title
        whole, rest = divmod(self.start, 1_000_000_000)
        begun = f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest:09d}Z"
        return f"{title}{_text(_EDGE, self.top - 8, begun, 'muted num')}"

    def _rows(self) -> Iterator[tuple[Event | Mark, int | None, int]]:
        """Each row with the time of the event before it, and the number of the event."""
        before = None
        number = -1
        for row in self.model.rows:
            if isinstance(row, Event):
                number += 1
                yield row, before, number
                before = row.at if row.at is not None else before
            else:
                yield row, None, number

    def _sheet(self, rows: list[tuple[Event | Mark, int | None, int]], number: int) -> Sheet:
        top = self.top if number == 0 else 8
        first = top + _HEADER
        high = first + len(rows) * _ROW + 6
        drawn = [_rect(0, 0, self.width, high, "paper")]
        if number == 0:
            drawn.append(self._title())
        drawn.append(self._header(top))
        drawn += self._bands([row for row, _, _ in rows], number * ROWS, first)
        path = "".join(f"M{x + 0.5:g} {first - 4}V{high}" for x in self.lanes)
        drawn.append(f'<path class="lane" d="{path}"/>')
        for place, (row, before, index) in enumerate(rows):
            y = first + place * _ROW
            drawn.append(self._event(row, before, index, y) if isinstance(row, Event) else self._mark(row, y))
        return Sheet(self.width, high, "".join(drawn))

    def _header(self, top: int) -> str:
        y = top + _HEADER - 12
        parts = [
            _text(_PHASE, y, "phase", "small muted") if self.model.phases else "",
            _text(_SECONDS, y, "seconds", "small muted", "end"),
            _text(_DELTA, y, "delta", "small muted", "end"),
            _text(_FRAME, y, "frame", "small muted", "end"),
            _text(_LEG, y, "leg", "small muted", "end") if len(self.legs) > 1 else "",
        ]
        none = ("",) * len(self.lanes)
        named = zip(self.lanes, self.model.lanes, self.model.captions or none, self.model.roles or none, strict=True)
        for x, name, caption, role in named:
            parts.append(_rect(x - self.name // 2, top, self.name, _HEADER - 8, "box", 4))
            parts.append(self._name(x, top, name, caption, role))
        return "".join(parts)

    def _name(self, x: int, top: int, name: str, caption: str, role: str) -> str:
        """Role, address, and host name or product; an address that is too long takes the line of the name. What has no
        room is whole in the tooltip."""
        wide, small = (self.name - 8) // _CHARACTER, (self.name - 8) // _SMALL
        below = caption.removeprefix(role).removeprefix(" · ")
        address = safe(name)
        lines = [(role, "strong", wide)] if role else []
        # Under a role the address is small.
        kind, columns = ("small", small) if role else ("strong", wide)
        if columns < len(address) <= 2 * columns:
            cut = max(address.rfind(":", 0, columns), address.rfind(".", 0, columns)) + 1 or columns
            lines += [(address[:cut], kind, columns), (address[cut:], kind, columns)]
        else:
            lines.append((name, kind, columns))
        if below and len(lines) < _NAME_LINES:
            lines.append((below, "small muted", small))
        first = top + (_HEADER - 8 - (len(lines) - 1) * _NAME_LINE) // 2 + 4
        drawn = "".join(
            _text(x, first + number * _NAME_LINE, text, kind, "middle", columns)
            for number, (text, kind, columns) in enumerate(lines)
        )
        return f"<g><title>{markup(' · '.join(filter(None, (name, caption))))}</title>{drawn}</g>"

    def _bands(self, rows: list[Event | Mark], base: int, first: int) -> Iterator[str]:
        """Phases at the side with their names, a bar for as long as media is held, and one for each stream of media."""
        begin = 0
        for place in range(1, len(rows) + 1):
            if place < len(rows) and rows[place].phase == rows[begin].phase:
                continue
            number = rows[begin].phase
            if number is not None:
                phase = self.model.phases[number]
                kind = phase.name if phase.name in PHASES else "other"
                y, high = first + begin * _ROW, (place - begin) * _ROW
                yield _rect(_EDGE, y, self.width - 2 * _EDGE, high, f"tint-{kind}")
                yield _rect(_EDGE, y, 6, high, f"band-{kind}")
                yield _text(_PHASE, y + 12, phase.name, "strong")
                below = phase.lasted if self.begins[number] == base + begin else "continued"
                yield _text(_PHASE, y + 23, below, "small muted") if below else ""
            begin = place
        for hold in self.model.holds:
            held = [
                place
                for place, row in enumerate(rows)
                if row.at is not None
                and hold.started_at <= row.at
                and (hold.ended_at is None or row.at < hold.ended_at)
            ]
            if held:
                bar = _rect(_EDGE + 6, first + held[0] * _ROW, 4, (held[-1] - held[0] + 1) * _ROW, "hold")
                yield f"<g><title>{markup(f'{hold.media} on hold by {hold.held_by}')}</title>{bar}</g>"
        for number, stream in enumerate(self.model.streams):
            there = [
                place
                for place, row in enumerate(rows)
                if row.at is not None and stream.started_at <= row.at <= stream.ended_at
            ]
            if there:
                x = self.width - _EDGE - _STREAM * (number + 1)
                kind = f"stream-{stream.sent_by}" if stream.sent_by else "stream"
                bar = _rect(x, first + there[0] * _ROW, 4, (there[-1] - there[0] + 1) * _ROW, kind)
                yield f"<g><title>{markup(stream.text)}</title>{bar}</g>"

    def _event(self, event: Event, before: int | None, number: int, y: int) -> str:
        muted = "num muted"
        parts = [_rect(_EDGE + 10, y, self.width - 2 * _EDGE - 10, _ROW, "hit")]
        if event.at is not None and self.start is not None:
            parts.append(_text(_SECONDS, y + 18, clock(event.at - self.start), "num", "end"))
            if before is not None:
                parts.append(_text(_DELTA, y + 18, f"+{clock(event.at - before)}", muted, "end"))
        if event.frame is not None:
            parts.append(_text(_FRAME, y + 18, str(event.frame), muted, "end"))
        if len(self.legs) > 1 and event.call_id in self.legs:
            parts.append(_text(_LEG, y + 18, f"{self.legs[event.call_id]}", muted, "end"))
        parts += [self._arrow(event, y + 19), self._label(event, y + 13)]
        hover = f"<title>{markup(self._told(event))}</title>"
        if self.linked:
            return f'<a href="#m{number}" class="row">{hover}{"".join(parts)}</a>'
        return f'<g class="row">{hover}{"".join(parts)}</g>'

    def _told(self, event: Event) -> str:
        """What a row says when it is pointed at."""
        ends = f"{self.model.lanes[event.source]} > {self.model.lanes[event.target]}"
        told = [f"{event.what}{' with SDP' if event.sdp else ''}, {ends}", event.info, self._copies(event)]
        told += event.detail.split("\n")
        if event.frame is not None:
            told.append(f"frame {event.frame}{f' of {event.file}' if event.file else ''}")
        return "; ".join(part for part in told if part)

    @staticmethod
    def _copies(event: Event) -> str:
        if event.copies == 1:
            return ""
        within = "" if event.at is None or event.last_at is None else f" in {duration(event.last_at - event.at)}"
        return f"sent {event.copies} times{within}"

    def _arrow(self, event: Event, y: int) -> str:
        again = " dotted" if event.protocol else " again" if event.copies > 1 else ""
        x1, x2 = self.lanes[event.source], self.lanes[event.target]
        if x1 == x2:
            line = f"M{x1} {y - 10}h22v10h-14"
            head = f"M{x1 + 1} {y}l9 -4v8z"
        else:
            back = 8 if x1 < x2 else -8
            line = f"M{x1} {y}H{x2 - back}"
            head = f"M{x2} {y}l{-back - back // 8} -4v8z"
        return f'<path class="line {event.tone}{again}" d="{line}"/><path class="{event.tone}-head" d="{head}"/>'

    def _label(self, event: Event, y: int) -> str:
        """Over its arrow; where that is too short the text runs over the lanes beside it."""
        x1, x2 = self.lanes[event.source], self.lanes[event.target]
        beside = _LABEL_PROVISIONAL if event.tone == "provisional" else _LABEL
        room = max(abs(x2 - x1) - 24, min(beside, self.lanes[-1] - self.lanes[0] + self.gap))
        copies = f"×{event.copies}" if event.copies > 1 else ""
        cross = 14 if event.failed else 0
        extra = (width(copies) + 1 if copies else 0) * _CHARACTER + (26 if event.sdp else 0) + cross
        character = _BOLD if event.failed else _CHARACTER
        what = fit(safe(event.what), max((room - extra) // character, 3))
        taken = width(what) * character + extra
        left = (room - taken) // _SMALL - 1
        told = safe(event.info)
        info = fit(told, left) if told and left >= min(width(told), _LEAST_INFO) else ""
        taken += (width(info) + 1) * _SMALL if info else 0
        if x1 == x2:
            x = min(x1 + 30, self.width - _EDGE - taken)
            y += 4
        else:
            middle = (x1 + x2) // 2
            x = min(max(middle - taken // 2, self.lanes[0] - self.gap // 2), self.width - _EDGE - taken)
        parts = [f"<tspan>{markup(what)}</tspan>"]
        if event.sdp:
            parts.append('<tspan dx="4" class="small strong">SDP</tspan>')
        if copies:
            parts.append(f'<tspan dx="4" class="strong">{copies}</tspan>')
        if info:
            parts.append(f'<tspan dx="5" class="small muted">{markup(info)}</tspan>')
        kind = "halo bad" if event.failed else "halo"
        text = f'<text x="{x + cross}" y="{y}" class="{kind}">{"".join(parts)}</text>'
        return f"{self._cross(x, y - 8)}{text}" if event.failed else text

    @staticmethod
    def _cross(x: int, y: int) -> str:
        return f'<path class="cross failure" d="M{x} {y}l8 8m0 -8l-8 8"/>'

    def _mark(self, mark: Mark, y: int) -> str:
        left, right = self.lanes[0] - self.gap // 2, self.lanes[-1] + self.gap // 2
        columns = (right - left - 40) // _SMALL
        text = fit(safe(mark.text), columns)
        middle = (left + right) // 2
        hover = f"<title>{markup(mark.text)}</title>"
        if mark.kind in ("silence", "folded"):
            kind = self.model.phases[mark.phase].name if mark.phase is not None else ""
            tint = f"tint-{kind if kind in PHASES else 'other'}" if kind else "paper"
            broken = "".join(f"M{x + 0.5:g} {y}v{_ROW}" for x in self.lanes)
            body = (
                f'{_rect(left, y, right - left, _ROW, tint)}<path class="gap" d="{broken}"/>'
                f"{_text(middle, y + 17, text, 'muted halo', 'middle')}"
            )
            return f"<g>{hover}{body}</g>"
        cross = 14 if mark.failed else 0
        wide = width(text) * _SMALL + 24 + cross
        box = _rect(middle - wide // 2, y + 4, wide, _ROW - 8, f"pill{' failure' if mark.failed else ''}", 9)
        at = middle - wide // 2 + 10
        sign = self._cross(at, y + 9) if mark.failed else ""
        # Around the middle of the pill: what the estimate of its width misses is then spread over both ends.
        words = _text(middle + cross // 2, y + 17, text, f"small{' bad' if mark.failed else ''}", "middle")
        return f"<g>{hover}{box}{sign}{words}</g>"

    def _bottom(self) -> Sheet:
        """What the colours mean, Call-IDs by their number, and what is not drawn."""
        tones = {event.tone for event in self.model.events}
        x = _EDGE
        parts = []
        for tone in (tone for tone in TONES if tone in tones):
            name = TONES[tone][2]
            if tone == "failure":
                parts.append(self._cross(x, 8))
                x += 14
            dotted = " dotted" if tone == "companion" else ""
            parts.append(
                f'<path class="line {tone}{dotted}" d="M{x} 12h20"/>'
                f'<path class="{tone}-head" d="M{x + 28} 12l-9 -4v8z"/>'
            )
            parts.append(_text(x + 34, 16, name, "small"))
            x += 34 + len(name) * _CHARACTER + 14
        if self.model.retransmissions:
            parts.append(f'<path class="line request again" d="M{x} 12h28"/>')
            parts.append(_text(x + 34, 16, "×n: sent n times", "small"))
        y = 36
        columns = (self.width - 2 * _EDGE) // _SMALL
        if len(self.legs) > 1:
            for call_id, number in self.legs.items():
                parts.append(_text(_EDGE, y, f"leg {number}: Call-ID {call_id}", "small muted", columns=columns))
                y += 16
        parts.append(_text(_EDGE, y, self.model.summary.replace("(xN)", "×N"), "small muted", columns=columns))
        high = y + 14
        return Sheet(self.width, high, f"{_rect(0, 0, self.width, high, 'paper')}{''.join(parts)}")
