"""One call (or registration) as a file to share: verdict, way, phases, bars, media, ladder and messages.

``html`` is the page of the ladder with the story above the picture; ``markdown`` the same as text; ``pdf`` and ``png``
are painted with matplotlib, so that no browser is needed. All text is safe already.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.show.story import Story
from analyzer.show.text import wrapped

FORMATS = {
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".png": "png",
    ".svg": "svg",
    ".md": "md",
    ".txt": "text",
    ".json": "json",
}
"""Formats of one call by the suffix of their files."""

COLUMNS = 100
_PAPER = (8.27, 11.69)  # inches of A4
_MARGIN = 0.5
_LINE = 1.32  # lines of text, in sizes of the font
_WIDTH_OF_CHARACTER = 0.602  # of DejaVu Sans Mono, in sizes of the font


@dataclass(frozen=True, slots=True)
class Text:
    """One message as captured, in lines, under a heading."""

    heading: str
    lines: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Headings:
    """Of the parts below the story, in the language of the reader."""

    ladder: str = "ladder"
    messages: str = "Messages"


def markdown(story: Story, ladder: str, texts: Sequence[Text], headings: Headings = Headings()) -> str:
    """The page as Markdown (CommonMark): the verdict as a list, all else as it stands in a terminal."""
    parts = [f"# {_escaped(story.title)}", ""]
    first, *others = story.sections or (None,)
    if first is not None and first.name == story.wrong:
        parts += [f"**{first.name}**", "", *(f"- {_escaped(line)}" for line in _unfolded(first.lines)), ""]
        rest = others
    else:
        rest = list(story.sections)
    for section in rest:
        parts += [f"## {section.name}", "", *_fenced(section.lines), ""]
    parts += [f"## {headings.ladder}", "", *_fenced(ladder.rstrip("\n").split("\n")), ""]
    if texts:
        parts += [f"## {headings.messages}", ""]
    for text in texts:
        parts += [f"### {_escaped(text.heading)}", "", *_fenced(text.lines), ""]
    return "\n".join(parts)


def _unfolded(lines: Sequence[str]) -> Iterator[str]:
    """Sentences that were broken into lines, whole again."""
    whole = ""
    for line in lines:
        if line.startswith("  "):
            whole += f" {line.strip()}"
            continue
        if whole:
            yield whole
        whole = line
    if whole:
        yield whole


def _escaped(text: str) -> str:
    """Nothing in it is markup (CommonMark §2.4)."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!&" else letter for letter in text)


def _fenced(lines: Sequence[str]) -> list[str]:
    """A code block whose fence is longer than any inside it (CommonMark §4.5)."""
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return [fence, *lines, fence]


# ---- painted ---------------------------------------------------------------------------------------------------------


def pdf(story: Story, sheets: Sequence[object], texts: Sequence[Text]) -> bytes:
    """Pages of A4: the story, the sheets of the ladder (:func:`analyzer.show.ladder.svg.sheets`), the messages."""
    from matplotlib.backends.backend_pdf import PdfPages

    from analyzer.show.style import house_style

    stream = io.BytesIO()
    with house_style(), PdfPages(stream, metadata={"CreationDate": None, "Title": story.title}) as pages:
        for lines in _paged([*_lines_of(story)]):
            pages.savefig(_of_text(lines))
        for part in _on_paper(sheets):
            pages.savefig(part)
        said = [line for text in texts for line in (text.heading, *(f"  {line}" for line in text.lines), "")]
        for lines in _paged([line for long in said for line in _short(long)]):
            pages.savefig(_of_text(lines))
    return stream.getvalue()


def png(story: Story, sheets: Sequence[object]) -> bytes:
    """One picture: the story, and the ladder below it."""
    from analyzer.show.ladder.paint import PIXELS_PER_INCH, paint
    from analyzer.show.ladder.svg import Sheet
    from analyzer.show.style import Figure, house_style

    drawn = [sheet for sheet in sheets if isinstance(sheet, Sheet)]
    lines = [*_lines_of(story)]
    wide = max((sheet.width for sheet in drawn), default=1040)
    size = 12.0
    above = int((len(lines) + 2) * size * _LINE) + 8
    high = above + sum(sheet.height for sheet in drawn)
    with house_style():
        figure = Figure(figsize=(wide / PIXELS_PER_INCH, high / PIXELS_PER_INCH))
        _write(figure, lines, left=16 / wide, top=1 - 16 / high, size=size * 0.75)
        down = above
        for sheet in drawn:
            axes = figure.add_axes((0, 1 - (down + sheet.height) / high, sheet.width / wide, sheet.height / high))
            paint(axes, sheet)
            down += sheet.height
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=PIXELS_PER_INCH * (2 if high < _MOST_HIGH else 1))
    return stream.getvalue()


#: Pixels from which on a picture is drawn in its own size: Agg draws at most 2^16 in each direction.
_MOST_HIGH = 20_000


def _lines_of(story: Story) -> Iterator[str]:
    yield from _short(story.title)
    for section in story.sections:
        yield ""
        yield section.name
        for line in section.lines:
            yield from _short(f"  {line}")


def _short(line: str) -> list[str]:
    """In lines that fit the paper; blanks at the beginning stay."""
    from analyzer.show.text import width

    if width(line) <= COLUMNS:
        return [line]
    indent = line[: len(line) - len(line.lstrip(" "))]
    pieces = []
    for words in wrapped(line.strip(" "), COLUMNS - len(indent) - 2):
        # A word of its own may be longer than a line.
        pieces += [words[at : at + COLUMNS - 4] for at in range(0, max(len(words), 1), COLUMNS - 4)]
    return [f"{indent}{'' if number == 0 else '  '}{piece}" for number, piece in enumerate(pieces)]


def _size() -> float:
    return (_PAPER[0] - 2 * _MARGIN) * 72 / COLUMNS / _WIDTH_OF_CHARACTER


def _paged(lines: list[str]) -> Iterator[list[str]]:
    most = int((_PAPER[1] - 2 * _MARGIN) * 72 / (_size() * _LINE))
    for at in range(0, len(lines), most):
        yield lines[at : at + most]


def _of_text(lines: list[str]) -> object:
    from analyzer.show.style import Figure

    figure = Figure(figsize=_PAPER)
    _write(figure, lines, left=_MARGIN / _PAPER[0], top=1 - _MARGIN / _PAPER[1], size=_size())
    return figure


def _write(figure: object, lines: list[str], *, left: float, top: float, size: float) -> None:
    """Headings, which stand at the edge, in bold; two texts in all, which is much faster than one for each line."""
    from analyzer.show.style import fonts, label

    for bold in (True, False):
        own = [line if line.startswith(" ") != bold else "" for line in lines]
        figure.text(  # type: ignore[attr-defined]
            left,
            top,
            "\n".join(label(line, 400) for line in own),
            family=["DejaVu Sans Mono", *fonts()],
            fontsize=size,
            fontweight="bold" if bold else "normal",
            linespacing=_LINE,
            va="top",
        )


def _on_paper(sheets: Sequence[object]) -> Iterator[object]:
    """Each sheet on a page, as large as it fits; the last, what the colours mean, below the one before if it fits."""
    from analyzer.show.ladder.paint import PIXELS_PER_INCH, paint
    from analyzer.show.ladder.svg import Sheet
    from analyzer.show.style import Figure

    drawn = [sheet for sheet in sheets if isinstance(sheet, Sheet)]
    figure, used = None, 0.0
    for sheet in drawn:
        room = (_PAPER[0] - 2 * _MARGIN, _PAPER[1] - 2 * _MARGIN)
        scale = min(room[0] * PIXELS_PER_INCH / sheet.width, room[1] * PIXELS_PER_INCH / sheet.height, 1.0)
        wide, high = sheet.width * scale / PIXELS_PER_INCH, sheet.height * scale / PIXELS_PER_INCH
        if figure is None or used + high > room[1]:
            if figure is not None:
                yield figure
            figure, used = Figure(figsize=_PAPER), 0.0
        bottom = (_PAPER[1] - _MARGIN - used - high) / _PAPER[1]
        axes = figure.add_axes((_MARGIN / _PAPER[0], bottom, wide / _PAPER[0], high / _PAPER[1]))
        paint(axes, sheet, scale=scale)
        used += high
    if figure is not None:
        yield figure
