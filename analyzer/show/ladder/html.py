"""A timeline as one HTML page that needs no network: the picture, and each message as captured with its headers
explained.

Works without JavaScript, where every arrow leads to its message in a list below. With it the message stands beside the
picture. The page's policy lets nothing be loaded or sent and runs only the script and style whose hashes it names:
what might slip through the escaping of a capture's text still could not run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from analyzer.explain.phrases import phrases
from analyzer.show import tooltips
from analyzer.show.ladder.svg import STYLE, sheets
from analyzer.show.message_lines import entry_of, lines_of, sdp_lines
from analyzer.show.text import clock, markup
from analyzer.show.timeline import Event, Timeline


def html(
    model: Timeline,
    texts: Mapping[int, bytes],
    *,
    title: str = "",
    missing: str = "",
    wrong: tuple[str, ...] = (),
    language: str = "en",
    sections: tuple[tuple[str, tuple[str, ...]], ...] = (),
) -> str:
    """The page; ``texts`` are messages by their keys, ``missing`` says why some are not there; ``wrong``: what went
    wrong in the call, in lines; ``sections`` stand above the picture, each a heading and its lines. Header fields,
    statuses and headings are explained in the ``language``."""
    say = phrases(language)
    script, style = _resource("page.js"), f"{_resource('page.css')}{STYLE}"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none';"
        " form-action 'none'"
    )
    drawn = "".join(sheet.element() for sheet in sheets(model, linked=True))
    events = model.events
    listed = "".join(
        _message(number, event, model, texts.get(event.message), missing, language)
        for number, event in enumerate(events)
    )
    used = sorted({name for text in texts.values() for name in _names(text)})
    name = markup(title or "SIP ladder")
    listed_wrong = "".join(f"<li>{markup(line)}</li>" for line in wrong)
    told = f'<ul id="wrong" aria-label="{say("what went wrong")}">{listed_wrong}</ul>'
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{name}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{name}</h1><p>{markup(model.summary)}</p>{told if wrong else ""}</header>
{"".join(_sections(sections))}<main>
<div class="picture">{drawn}</div>
<aside id="panel" aria-label="the message chosen"><nav><button type="button" id="before">Previous</button>\
<button type="button" id="next">Next</button></nav><div id="chosen" aria-live="polite"></div></aside>
</main>
<section id="listing"><main><h2>{say("Messages")}</h2>{listed}</main></section>
<section id="glossary"><main><h2>{say("In plain words")}</h2><dl>{"".join(_terms(used, language))}</dl></main></section>
<footer><p>{say("Digest responses and keys are hidden. Made by sip-analyzer.")}</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _sections(sections: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[str]:
    if sections:
        yield '<section id="story">'
        for heading, lines in sections:
            # Bars of time are a picture: their lines must not be broken.
            kind = ' class="bars"' if any("│" in line for line in lines) else ""
            yield f"<h2>{markup(heading)}</h2><pre{kind}>{chr(10).join(map(markup, lines))}</pre>"
        yield "</section>\n"


@cache
def _resource(name: str) -> str:
    return files("analyzer.show.ladder").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names inline code (CSP Level 3 §8.3)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _message(number: int, event: Event, model: Timeline, text: bytes | None, missing: str, language: str = "en") -> str:
    start = model.started_at
    since = f"{clock(event.at - start)} " if event.at is not None and start is not None else ""
    cross = "✕ " if event.failed else ""
    meaning = tooltips.of_value("status", event.status, language) or tooltips.of_value("method", event.method, language)
    shown_as = f"{' class=' + chr(34) + 'failed' + chr(34) if event.failed else ''}"
    hover = f' title="{markup(meaning)}"' if meaning and not event.protocol else ""
    what = f"<span{shown_as}{hover}>{cross}{markup(event.what)}</span>"
    ends = markup(f"{model.lanes[event.source]} > {model.lanes[event.target]}")
    copies = f", sent {event.copies} times" if event.copies > 1 else ""
    frame = f", frame {event.frame}" if event.frame is not None else ""
    file = markup(f" of {event.file}") if event.file else ""
    if event.protocol:
        shown = markup(event.detail)
    else:
        shown = "".join(_lines(text)) if text is not None else f"not shown: {markup(missing or 'not found')}"
    return (
        f'<details id="m{number}"><summary><span class="n">{since}</span>{what} {ends}{copies}'
        f'<span class="n">{frame}{file}</span></summary><pre>{shown}</pre></details>\n'
    )


def _terms(names: list[str], language: str) -> Iterator[str]:
    for name in names:
        entry = entry_of(name)
        meaning = f"{entry.text(language)} ({entry.standard})"
        yield f'<dt id="{_anchor(name)}">{name}</dt><dd>{markup(meaning)}</dd>\n'


def _anchor(name: str) -> str:
    """Only names of our own tables become anchors."""
    return f"{'s' if name in sdp_lines() else 'h'}-{name.replace('=', '-')}"


def _names(text: bytes) -> Iterator[str]:
    """What the glossary has to explain of a message."""
    return (name for _, name, _ in lines_of(text) if name)


def _lines(text: bytes) -> Iterator[str]:
    """Lines as markup; a name that the glossary knows is a link to it."""
    for start, name, rest in lines_of(text):
        linked = f'<a href="#{_anchor(name)}">{markup(start)}</a>' if name else markup(start)
        yield f"{linked}{markup(rest)}\n"
