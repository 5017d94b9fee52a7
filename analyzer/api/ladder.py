"""The ladder of a call: one timeline, in every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api.message import messages_of
from analyzer.errors import AnalyzerError, NotFound
from analyzer.reading.written import replaced
from analyzer.show.timeline import Timeline, bounded, timeline

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.message import Message
    from analyzer.api.source import Source
    from analyzer.show.story import Story

FORMATS = {".txt": "text", ".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".mermaid": "mermaid"}
FORMATS |= {".puml": "plantuml", ".plantuml": "plantuml", ".uml": "plantuml"}
"""The formats, by the suffixes of file names."""

MOST_DRAWN = 1000
"""Messages in a picture, unless more are asked for."""
MOST_IN_DIAGRAMS = 300
"""Messages in a Mermaid or PlantUML diagram, unless more are asked for: Mermaid refuses more than 50,000 characters."""
_MOST_IN_NOTEBOOKS = 300


def timeline_of(
    source: Source,
    messages: pl.DataFrame,
    table: Callable[[str], pl.DataFrame],
    *,
    reference: int | None,
    sip_only: bool = False,
    endpoints: pl.DataFrame | None = None,
) -> Timeline:
    """The story of these observations, with what the other tables say of them: ``table`` gives their rows by name.

    With a ``reference`` hop, or ``sip_only``, without what was asked of an HSS, a PCRF or DNS.
    """
    related_transactions = None if sip_only or reference is not None else table("related_transactions")
    return timeline(
        messages,
        reference=reference,
        endpoints=source.table("endpoints") if endpoints is None else endpoints,
        related_transactions=related_transactions,
        fragments=fragments(source, messages),
        **{argument: table(name) for argument, name in _TOLD_BY.items() if name in schema.TABLES},
    )


def of_leg(messages: pl.DataFrame, leg: int | str) -> pl.DataFrame:
    """Those of these messages with the Call-ID ``leg``, or the n-th that is seen."""
    import polars as pl

    seen = messages.filter(~pl.col("duplicate")).sort("time", nulls_last=True, maintain_order=True)
    call_ids = seen["call_id"].drop_nulls().unique(maintain_order=True).to_list()
    if isinstance(leg, int):
        leg = call_ids[leg - 1] if 0 < leg <= len(call_ids) else str(leg)
    if leg not in call_ids:
        told = ", ".join(f"{number} is {call_id}" for number, call_id in enumerate(call_ids, 1))
        raise NotFound(f"no leg {leg!r} here; {told}")
    return messages.filter(pl.col("call_id") == leg)


_TOLD_BY = {name: name for name in ("transactions", "dialogs", "holds", "offers", "streams")} | {"call": "calls"}


def fragments(source: Source, messages: pl.DataFrame) -> dict[int, str]:
    """Start lines in message/sipfrag bodies of NOTIFYs: how far a transfer has come (RFC 3515 §2.4.5, RFC 3420)."""
    import polars as pl

    notifies = messages.filter(pl.col("content_type") == "message/sipfrag", ~pl.col("duplicate"))
    if notifies.is_empty():
        return {}
    try:
        found = messages_of(source, notifies["message"].to_list())
    except AnalyzerError:  # the captures are no longer at hand
        return {}
    lines = {message.row["message"]: message.parsed.body.partition(b"\n")[0].strip() for message in found}
    return {key: line.decode("utf-8", "replace") for key, line in lines.items() if line}


class Ladder:
    """A sequence chart: a lane per host, an arrow per message, retransmissions folded, the story beside it.

    ``str(ladder)`` is text for a terminal; a notebook shows the picture. Every format is a function of ``timeline``
    alone (``html`` also has the text of the messages): the same call gives the same bytes.
    """

    def __init__(
        self,
        story: Timeline,
        *,
        title: str = "",
        messages_of: Callable[[list[int]], list[Message]] | None = None,
        wrong: Callable[[str], tuple[str, ...]] | None = None,
    ) -> None:
        self.timeline = story
        self.title = title
        self._messages_of = messages_of
        self._wrong = wrong

    def text(
        self, width: int = 100, *, ascii_only: bool = False, colour: bool = False, limit: int | None = None
    ) -> str:
        """Lines of at most so many columns; ``colour`` with ANSI codes for failures."""
        from analyzer.show.ladder.text import text

        model = self.timeline if limit is None else bounded(self.timeline, limit)
        return text(model, width=width, ascii_only=ascii_only, colour=colour)

    def svg(self, *, limit: int | None = MOST_DRAWN) -> str:
        """An SVG 1.1 document with text as text, light on paper and dark where the reader's screen is.

        ``limit``: messages drawn, None for all; what is left out of the middle is said there.
        """
        from analyzer.show.ladder.svg import svg

        return svg(bounded(self.timeline, limit), title=self.title)

    def html(self, *, limit: int | None = MOST_DRAWN, language: str = "en", story: Story | None = None) -> str:
        """One HTML page that needs no network: what went wrong in the call, the picture, and each message with its
        headers explained.

        Digest responses and keys are hidden. Where the capture is no longer at hand, the page says so in their place.
        ``language``, en or zh: that of headings and explanations. ``story``: stands above the picture, whole.
        """
        from analyzer.show.ladder.html import html

        model = bounded(self.timeline, limit)
        texts, missing = self.texts(model)
        wrong = self._wrong(language) if self._wrong is not None else ()
        sections = () if story is None else tuple(part for part in story.sections if part.name != story.wrong)
        told = tuple((part.name, part.lines) for part in sections)
        title = self.title if story is None else story.title
        return html(model, texts, title=title, missing=missing, wrong=wrong, language=language, sections=told)

    def texts(self, model: Timeline) -> tuple[dict[int, bytes], str]:
        """The messages of the timeline by their keys, nothing secret in them; or why they are not there."""
        if self._messages_of is not None:
            try:
                found = self._messages_of([event.message for event in model.events if not event.protocol])
            except AnalyzerError as error:
                return {}, str(error)
            return {message.row["message"]: message.without_secrets for message in found}, ""
        return {}, "the capture is not at hand"

    def mermaid(self, *, limit: int | None = MOST_IN_DIAGRAMS) -> str:
        """A Mermaid ``sequenceDiagram`` (https://mermaid.js.org), as Markdown on GitHub and GitLab shows it."""
        from analyzer.show.ladder.mermaid import mermaid

        return mermaid(bounded(self.timeline, limit), title=self.title)

    def plantuml(self, *, limit: int | None = MOST_IN_DIAGRAMS) -> str:
        """A PlantUML sequence diagram (https://plantuml.com)."""
        from analyzer.show.ladder.plantuml import plantuml

        return plantuml(bounded(self.timeline, limit), title=self.title)

    def save(self, path: str | Path, *, limit: int | None = None, language: str = "en") -> Path:
        """Writes it in the format that the suffix names: .txt .svg .html .mmd .puml. Returns the path. ``language``, en
        or zh, is that of a page.

        Raises :class:`~analyzer.errors.AnalyzerError` for any other suffix.
        """
        path = Path(path)
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            raise AnalyzerError(f"{path}: a ladder is saved as {', '.join(FORMATS)}")
        options: dict[str, Any] = {} if limit is None else {"limit": limit}
        if form == "html":
            options["language"] = language
        with replaced(path) as part:
            Path(part).write_text(getattr(self, form)(**options), encoding="utf-8", newline="\n")
        return path

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from analyzer.show.ladder.svg import svg

        return f'<div style="overflow-x:auto">{svg(bounded(self.timeline, _MOST_IN_NOTEBOOKS), title=self.title)}</div>'
