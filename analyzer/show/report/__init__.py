"""The report: a capture as one HTML page that needs no network, a function of its tables.

::

    tables --> numbers.py                   verdict and key numbers, each with a link to its rows
           --> indicators.py                KPIs with their lines over time
           --> figures.py                   the plots of show/plots.py as inline SVG that follows light and dark
           --> sections.py > columns.py     every table, packed; its first rows as text
           --> stories.py > ladders.py      the events of every call and registration, packed
           --> pages.py                     way, phases, bars and media of calls, as `call` prints them
           --> room.py                      what comes first where there is not room for all, and what is left out
           --> page.html.j2, style.css      the page
           --> written.py, openmetrics.py   the same for mails, programs and monitoring
    browser:   app.js                       unpacks, sorts, searches, filters, draws ladders

What comes from the wire is made safe here (``show/text.py``), escaped by Jinja2 in markup and put into the page by
``textContent`` alone. The page's policy lets nothing be loaded or sent, and runs one script, named by its hash. The
same tables always give the same page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import polars as pl

from analyzer import __version__
from analyzer.comparison.comparability import Doubt
from analyzer.explain.phrases import Say, phrases
from analyzer.show import tooltips
from analyzer.show.ladder.svg import STYLE as LADDER_STYLE
from analyzer.show.report import (
    columns,
    figures,
    indicators,
    ladders,
    numbers,
    pages,
    room,
    sections,
    stories,
    written,
)
from analyzer.show.text import safe

if TYPE_CHECKING:
    from jinja2 import Template

LADDER_BYTES = 12_000_000
"""What the ladders of a report take at most; those that do not fit are left out, and the page says which."""
MOST_TEXTS = 3000
"""Messages whose text is shown without being asked for."""


def texts_of(tables: Mapping[str, pl.DataFrame], *, wanted: bool | None = None, most: int = MOST_TEXTS) -> list[int]:
    """The messages whose text a report shows: those of calls and registrations, all where they are few or it is wanted,
    else as many as there is room for, of those that failed first."""
    if wanted is False:
        return []
    shown = _of_ladders(tables["messages"])
    return (shown["message"] if wanted else room.with_texts(tables, shown, most)).to_list()


def _of_ladders(messages: pl.DataFrame) -> pl.DataFrame:
    """The messages of calls and registrations."""
    known = messages.select("message", "duplicate", "call", "call_id", "method")
    return known.filter(~pl.col("duplicate"), pl.col("call").is_not_null() | (pl.col("method") == "REGISTER"))


def report(
    tables: Mapping[str, pl.DataFrame],
    *,
    tz: str = "UTC",
    title: str = "",
    texts: Mapping[int, bytes] | None = None,
    fragments: Mapping[int, str] | None = None,
    ladder_bytes: int = LADDER_BYTES,
    most_texts: int = MOST_TEXTS,
    language: str = "en",
    crossings: pl.DataFrame | None = None,
    before: pl.DataFrame | None = None,
    doubts: Sequence[Doubt] = (),
    more: Callable[[list[int], str], pl.DataFrame] | None = None,
) -> str:
    """The page for all tables of a capture; times are told in the zone ``tz``, sentences in the ``language``.

    ``texts`` are messages by their keys (:func:`texts_of` says which are wanted), with nothing secret in them, None
    where nobody wants any;
    ``fragments`` are the start lines in message/sipfrag bodies by the key of their NOTIFY (RFC 3515 §2.4.5).
    ``crossings`` are the values that cross thresholds (``kpi.thresholds.crossings``), ``before`` the table ``kpis`` of
    another capture, ``doubts`` why both may not be comparable. ``more`` gives the tables of :data:`pages.NEEDS` as
    far as they tell of some calls: with them the page of a call tells its story.
    """
    from concurrent.futures import ThreadPoolExecutor

    script, style = _resource("app.js"), f"{_resource('style.css')}{LADDER_STYLE}"
    tables = sections.numbered(tables)
    # Matplotlib is Python, packing is not: they go on side by side.
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(figures.drawn, tables, tz)
        ladders = stories.packed(tables, texts or {}, fragments or {}, most=ladder_bytes, most_rows=sections.MOST_ROWS)
        made = list(sections.sections(tables, tz, language))
        shown = [section for section in made if section.rows]
        told, untold = pages.packed(tables, more, language=language) if more is not None else ("", [])
        drawn = drawing.result()
    # What has no rows has no section: nothing leads there.
    places = {section.name for section in shown}
    kpis = indicators.measured(tables, tz)
    names = [PurePath(str(name)).name for name in tables["files"]["file"]]
    say = phrases(language)
    meanings = tooltips.of_values(tables.values(), language)
    data = {
        "tables": {section.name: section.packed for section in shown},
        "shown": {section.name: section.shown for section in shown},
        "zone": {"name": tz, "offsets": _offsets(tables, tz)},
        "ladders": ladders.chunks,
        "stories": told,
        "captions": stories.captions(tables["endpoints"]),
        "meanings": meanings,
        "phrases": said_in_script(language),
        "tones": {outcome: numbers.TONES[end] for end, outcomes in numbers.ENDS.items() for outcome in outcomes},
    }
    return _template().render(
        title=safe(
            title
            or (
                say("SIP report: {name}").format(name=names[0])
                if len(names) == 1
                else say("SIP report: {n:,} files").format(n=len(names))
            )
        ),
        tz=tz,
        version=__version__,
        begun=_begun(tables, tz),
        span=numbers.span_of(tables["files"]),
        points=tables["files"]["point"].drop_nulls().n_unique(),
        files=names,
        messages=tables["messages"].height - int(tables["messages"]["duplicate"].sum()),
        calls=tables["calls"].height,
        verdict=[
            *written.crossed(crossings, tz, say),
            *numbers.verdict(tables, say, language, tz),
            *written.doubted(doubts, say),
        ],
        indicators=indicators.lines(kpis, crossings, before, doubts, language),
        before=before is not None,
        without_data=indicators.without_data(kpis),
        tiles=numbers.tiles(tables, say, language),
        outcomes=numbers.outcomes(tables["calls"], say, language),
        meanings=meanings,
        say=say,
        language=language,
        figures=drawn,
        sections=shown,
        leads=lambda link: link.startswith("call/") or link.partition("?")[0] in places,
        absent=[section.missing for section in made if not section.rows],
        left_out=[
            *_left_out(tables, texts, ladders.without, ladder_bytes, most_texts, say),
            *room.told(untold, pages.MOST, say),
        ],
        first_rows=sections.FIRST_ROWS,
        most_rows=sections.MOST_ROWS,
        data=_embedded(data),
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
    )


def _left_out(
    tables: Mapping[str, pl.DataFrame],
    texts: Mapping[int, bytes] | None,
    without: Mapping[str, list[int]],
    ladder_bytes: int,
    most_texts: int,
    say: Say,
) -> list[room.LeftOut]:
    """What the page does not have, but for rows of tables: their sections say so."""
    shown = _of_ladders(tables["messages"])
    sizes = shown.group_by("call").len().filter(pl.col("len") > ladders.LONGEST)
    long = tables["calls"].join(sizes, on="call", how="semi").filter(~pl.col("no").is_in(without["calls"]))
    no_text = shown.height - len(texts) if texts is not None else 0
    found = (
        room.ladders(without["calls"], without["registrations"], ladder_bytes, say),
        room.long_ladders(long["no"].to_list(), ladders.LONGEST, say),
        room.texts(no_text, most_texts, say),
    )
    return [one for one in found if one is not None]


@cache
def _template() -> Template:
    """The page, compiled once: that takes longer than filling it."""
    # Loaded late: most commands write no page.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("analyzer.show.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html.j2")


@cache
def _resource(name: str) -> str:
    return files("analyzer.show.report").joinpath(name).read_text(encoding="utf-8")


def said_in_script(language: str) -> dict[str, str]:
    """What the script says, by what stands in it; nothing in English."""
    if language == "en":
        return {}
    say = phrases(language)
    return {text: said for text in re.findall(r'\bsay\("([^"]*)"', _resource("app.js")) if (said := say(text)) != text}


def _hash(text: str) -> str:
    """As a Content-Security-Policy names inline code (CSP Level 3 §8.3)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(data: dict[str, Any]) -> str:
    """JSON that may stand in a script element: nothing in it ends one or begins a comment (HTML §4.12.1.3)."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _offsets(tables: Mapping[str, pl.DataFrame], tz: str) -> list[tuple[int, int]]:
    first, last = tables["files"]["first_at"].cast(pl.Int64).min(), tables["files"]["last_at"].cast(pl.Int64).max()
    return columns.offsets(first, last, tz)  # type: ignore[arg-type]


def _begun(tables: Mapping[str, pl.DataFrame], tz: str) -> list[str]:
    """First and last packet, in words; nothing where no packet has a time."""
    first, last = tables["files"]["first_at"].min(), tables["files"]["last_at"].max()
    if first is None or last is None:
        return []
    ends = pl.Series([first, last], dtype=tables["files"]["first_at"].dtype)
    return ends.dt.convert_time_zone(tz).dt.to_string("%Y-%m-%d %H:%M:%S").to_list()
