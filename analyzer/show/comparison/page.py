"""The frame of a page that compares: no script, nothing loaded, one style that its policy names."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from analyzer import __version__
from analyzer.explain.phrases import phrases
from analyzer.show.text import markup


def page(title: str, below: Iterable[str], body: Iterable[str], language: str) -> str:
    """The page: ``title`` and the lines ``below`` it are text, ``body`` is markup."""
    say = phrases(language)
    style = _style()
    # CSP Level 3 §8.3: inline style by its hash. Figures have style attributes of their own.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    lines = "".join(f"<p>{markup(line)}</p>" for line in below)
    made = say("Made by sip-analyzer {version}. This page is one file; it loads and sends nothing.")
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{markup(title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{markup(title)}</h1>{lines}</header>
<main>
{chr(10).join(body)}
</main>
<footer><p>{markup(made.format(version=__version__))}</p></footer>
</body>
</html>
"""


def heading(text: str) -> str:
    """The heading of a section; text."""
    return f"<h2>{markup(text[:1].upper() + text[1:])}</h2>"


def listed(lines: Iterable[str]) -> str:
    """Sentences that are safe text, as a list."""
    return f'<ul class="told">{"".join(f"<li>{markup(line)}</li>" for line in lines)}</ul>'


def table(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], right: Sequence[int] = ()) -> str:
    """A table of text; each row has a class, ``right`` are the columns of numbers."""
    hold = dict.fromkeys(right, ' class="right"')
    top = "".join(f'<th scope="col"{hold.get(n, "")}>{markup(text)}</th>' for n, text in enumerate(headings))
    lines = "".join(
        f"<tr{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>"
        + "".join(f"<td{hold.get(n, '')}>{markup(text)}</td>" for n, text in enumerate(cells))
        + "</tr>\n"
        for kind, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>\n{lines}</tbody></table></div>'


@cache
def _style() -> str:
    return files("analyzer.show.comparison").joinpath("page.css").read_text(encoding="utf-8").rstrip("\n")
