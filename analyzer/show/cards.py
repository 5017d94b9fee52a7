"""Captures, calls and messages as small cards of HTML for notebooks: escaped, without script, without network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.show.story import WENT_WRONG
from analyzer.show.text import markup, row_facts, safe_lines, tree
from analyzer.show.views import default

if TYPE_CHECKING:
    import polars as pl

_STYLE = (
    "<style>.sip-card table{border-collapse:collapse;margin:4px 0}.sip-card th,.sip-card td{text-align:left;"
    "padding:1px 12px 1px 0;font-weight:400;vertical-align:top}.sip-card th{opacity:.7}"
    ".sip-card pre{font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0}</style>"
)


def capture_card(title: str, summary: str) -> str:
    """A capture: its summary, which is safe text."""
    return f'{_STYLE}<div class="sip-card"><strong>{markup(title)}</strong><pre>{_lines(summary)}</pre></div>'


def call_card(title: str, row: pl.DataFrame, wrong: tuple[str, ...], picture: str) -> str:
    """A call: the default columns of its row in ``calls``, what went ``wrong``, its ladder, which is HTML already."""
    told = f"<strong>{WENT_WRONG}</strong><pre>{_lines(chr(10).join(wrong))}</pre>" if wrong else ""
    facts = _facts("calls", row)
    return f'{_STYLE}<div class="sip-card"><strong>{markup(title)}</strong>{facts}{told}{picture}</div>'


def message_card(title: str, row: pl.DataFrame, text: bytes, headers: object) -> str:
    """A message: where it was seen, its text, and its headers taken apart."""
    return (
        f'{_STYLE}<div class="sip-card"><strong>{markup(title)}</strong>{_facts("messages", row)}'
        f"<pre>{_lines(safe_lines(text))}</pre>"
        f"<details><summary>headers taken apart</summary><pre>{_lines(tree(headers))}</pre></details></div>"
    )


def _lines(text: str) -> str:
    return "\n".join(markup(line) for line in text.split("\n"))


def _facts(table: str, row: pl.DataFrame) -> str:
    """The default columns of a table, where there is a value, from text that is safe already."""
    cells = row_facts(default(table, row))
    lines = "".join(f"<tr><th>{markup(name)}</th><td>{markup(cell)}</td></tr>" for name, cell in cells.items())
    return f"<table>{lines}</table>"
