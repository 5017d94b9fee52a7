"""One call or registration as a file: the same story, ladder and messages in whichever format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.errors import AnalyzerError
from analyzer.explain.phrases import Say, phrases
from analyzer.reading.written import replaced
from analyzer.show.text import safe, safe_lines
from analyzer.show.timeline import bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.api.ladder import Ladder
    from analyzer.show.call_page import Text
    from analyzer.show.story import Story

#: Messages of which a file has picture and text, as of a ladder.
_MOST = 1000


def form_of(path: str | Path) -> str:
    """The format that the suffix names; raises AnalyzerError for any other."""
    from analyzer.show.call_page import FORMATS

    form = FORMATS.get(Path(path).suffix.lower())
    if form is None:
        raise AnalyzerError(f"{path}: a call is saved as {', '.join(FORMATS)}")
    return form


def save(path: str | Path, story: Story, ladder: Ladder, *, language: str = "en") -> Path:
    """Writes story, ladder and messages in the format that the suffix names; returns the path."""
    path, form = Path(path), form_of(path)
    with replaced(path) as part:
        Path(part).write_bytes(_made(form, story, ladder, language))
    return path


def _made(form: str, story: Story, ladder: Ladder, language: str) -> bytes:
    from analyzer.show import call_page
    from analyzer.show.ladder.svg import sheets

    model = bounded(ladder.timeline, _MOST)
    if form == "html":
        return ladder.html(limit=_MOST, language=language, story=story).encode()
    if form == "svg":
        return ladder.svg(limit=_MOST).encode()
    if form == "md":
        drawn = ladder.text(call_page.COLUMNS, limit=_MOST)
        say = phrases(language)
        headings = call_page.Headings(ladder=say("ladder"), messages=say("Messages"))
        return call_page.markdown(story, drawn, list(_texts(ladder, say)), headings).encode()
    if form == "text":
        return f"{story.text()}\n{ladder.text(call_page.COLUMNS, limit=_MOST)}".encode()
    if form == "png":
        return call_page.png(story, sheets(model))
    return call_page.pdf(story, sheets(model), list(_texts(ladder, phrases(language))))


def _texts(ladder: Ladder, say: Say) -> Iterator[Text]:
    """Each message once, as captured."""
    from analyzer.show.call_page import Text

    model = bounded(ladder.timeline, _MOST)
    texts, missing = ladder.texts(model)
    for number, event in enumerate(model.events, 1):
        if event.protocol:
            continue
        ends = f"{model.lanes[event.source]} → {model.lanes[event.target]}"
        frame = say(", frame {frame}").format(frame=event.frame) if event.frame is not None else ""
        text = texts.get(event.message)
        absent = say("not shown: {why}").format(why=missing or say("not found"))
        lines = safe_lines(text).rstrip("\n").split("\n") if text is not None else [absent]
        yield Text(safe(f"{number}. {event.what}, {ends}{frame}"), lines)
