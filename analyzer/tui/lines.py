"""A widget that shows lines of which only those on the screen are made, with a cursor and a heading that stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

_STYLES = {
    "": Style(),
    "bad": Style(color="red"),
    "good": Style(color="green"),
    "muted": Style(dim=True),
    "heading": Style(bold=True),
}
_CURSOR = Style(reverse=True)
_STEP = 8  # columns that one key moves to the side


class Content(Protocol):
    """Lines of safe text."""

    @property
    def size(self) -> int:
        """How many lines there are."""

    def fitted(self, columns: int, cursor: int) -> int:
        """Makes itself fit a screen of so many columns; returns where what stood at the cursor stands now."""

    def heading(self, columns: int) -> Sequence[str]:
        """The lines above."""

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """A line, and its tone: bad, good, muted or nothing."""


class Plain:
    """A content that is the same whatever the screen, without a heading."""

    def fitted(self, columns: int, cursor: int) -> int:
        """As before."""
        return cursor

    def heading(self, columns: int) -> Sequence[str]:
        """None."""
        return ()


class Empty(Plain):
    """Nothing yet."""

    size = 0

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """Never asked for."""
        raise IndexError(number)


class Lines(Widget, can_focus=True):
    """The lines of a :class:`Content`. ``ascii_only``: other characters are shown as their codes."""

    DEFAULT_CSS = "Lines { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup,ctrl+b", "page(-1)"),
        Binding("pagedown,ctrl+f,space", "page(1)"),
        Binding("home,g", "end(0)"),
        Binding("end,G", "end(1)"),
        Binding("left", "aside(-1)"),
        Binding("right", "aside(1)"),
    ]

    class Moved(Message):
        """The cursor stands on another line."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.ascii_only = ascii_only
        self.content: Content = Empty()
        self.cursor = self.top = self.left = 0

    def show(self, content: Content, *, cursor: int = 0, top: int = 0) -> None:
        """Another content, the cursor on that line."""
        self.content, self.left, self.top = content, 0, top
        self.cursor = cursor
        self._fit()

    def _fit(self) -> None:
        if self.size.width:
            self.cursor = self.content.fitted(self.size.width, self.cursor)
        self.cursor = max(min(self.cursor, self.content.size - 1), 0)
        self._seen()

    @property
    def room(self) -> int:
        """Lines below the heading."""
        return max(self.size.height - len(self._heading()), 1)

    def _heading(self) -> Sequence[str]:
        """A heading that leaves no room for lines is left out."""
        heading = self.content.heading(self.size.width)
        return heading if len(heading) + 2 < self.size.height else ()

    def _seen(self) -> None:
        """Scrolls so that the cursor can be seen."""
        room = self.room
        self.top = max(min(self.top, self.cursor, self.content.size - 1), self.cursor - room + 1, 0)
        self.refresh()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        """The cursor stays on the screen, and on its line."""
        self._fit()

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.cursor = max(min(self.cursor + by, self.content.size - 1), 0)
        self._seen()

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        self.action_move(by * max(self.room - 1, 1))

    def action_end(self, last: int) -> None:
        """The first line or the last."""
        self.action_move(self.content.size if last else -self.content.size)

    def action_aside(self, by: int) -> None:
        """To the side, where lines are wider than the screen."""
        self.left = max(self.left + by * _STEP, 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line of the screen."""
        heading, columns = self._heading(), self.size.width
        if y < len(heading):
            return self._strip(heading[y], _STYLES["heading"])
        number = y - len(heading) + self.top
        if number >= self.content.size:
            return Strip.blank(columns)
        text, tone = self.content.line(number, columns)
        style = _STYLES[tone]
        return self._strip(text, style + _CURSOR if number == self.cursor and self.has_focus else style)

    def _strip(self, text: str, style: Style) -> Strip:
        strip = Strip([Segment(plain(text) if self.ascii_only else text, style)])
        return strip.crop_extend(self.left, self.left + self.size.width, style)


def plain(text: str) -> str:
    """In ASCII, other characters as their codes."""
    for character, instead in (("→", "->"), ("…", "~"), ("×", "x")):
        text = text.replace(character, instead)
    return text.encode("ascii", "backslashreplace").decode()
