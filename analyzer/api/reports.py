"""The report of a capture, in whichever form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.errors import AnalyzerError, CaptureChanged
from analyzer.language import spoken

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.source import Source
    from analyzer.kpi.thresholds import Given

FORMS = ("html", "md", "json", "openmetrics")

#: What the KPIs alone are made of.
_OF_KPIS = ("calls", "transactions", "registrations", "files", "streams", "call_media")


def tables_of(form: str) -> tuple[str, ...]:
    """The tables that a report in that form looks at."""
    if form == "openmetrics":
        return (*_OF_KPIS, "messages")
    from analyzer.show.report import pages, sections

    return (*sections.TABLES, *(pages.NEEDS if form == "html" else ()))


def text_of(
    source: Source,
    *,
    form: str = "html",
    tz: str = "UTC",
    title: str = "",
    texts: bool | None = None,
    language: str = "en",
    thresholds: Given | None = None,
    before: Source | None = None,
) -> str:
    """The report as text, as :meth:`Capture.report <analyzer.Capture.report>` writes it."""
    if form not in FORMS:
        raise AnalyzerError(f"form {form!r}: wanted is one of {', '.join(FORMS)}")
    from analyzer.api.measured import crossings, looked_at, measured
    from analyzer.comparison.comparability import LOOKED_AT, doubts
    from analyzer.kpi.thresholds import read
    from analyzer.timezones import zone

    zone(tz)
    groups = () if thresholds is None else read(thresholds)
    crossed = crossings(source, groups, tz) if groups else None
    then = None if before is None else measured(before, "kpis", tz=tz)
    doubted = () if before is None else tuple(doubts(*(looked_at(one, LOOKED_AT) for one in (before, source))))
    if form == "openmetrics":
        from analyzer.show.report.openmetrics import openmetrics

        return openmetrics(_Asked(source), measured(source, "kpis", tz=tz), crossed)
    from analyzer.show.report import sections
    from analyzer.show.report.written import Facts, as_json, markdown

    with spoken(language):
        if form != "html":
            told = (crossed, then, doubted, partial(measured, source))
            facts = Facts(_Asked(source), tz, title, language, *told)
            return markdown(facts) if form == "md" else as_json(facts)
        tables = {name: source.table(name) for name in sections.TABLES}
    how: dict[str, Any] = {"tz": tz, "title": title, "language": language, "crossings": crossed, "before": then}
    return _page(source, tables, texts, how | {"doubts": doubted, "more": source.table_around})


class _Asked(Mapping[str, "pl.DataFrame"]):
    """The tables of a source that a report may look at, each made when it does; of messages some columns."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, name: str) -> pl.DataFrame:
        from analyzer.api.measured import looked_at
        from analyzer.show.summary import OF_MESSAGES, OF_TRANSACTIONS

        if name == "messages":
            return self._source.lean_messages(OF_MESSAGES)
        return looked_at(self._source, {"transactions": OF_TRANSACTIONS})(name)

    def __iter__(self) -> Iterator[str]:
        return iter(schema.TABLES)

    def __len__(self) -> int:
        return len(schema.TABLES)


def _page(source: Source, tables: dict[str, pl.DataFrame], texts: bool | None, how: dict[str, Any]) -> str:
    """The page, with the texts of messages where they are wanted and at hand."""
    import polars as pl

    from analyzer.api.ladder import fragments
    from analyzer.show.report import report, texts_of

    keys = texts_of(tables, wanted=texts)
    found = _texts(source, keys, needed=texts is True)
    told = fragments(source, tables["messages"].filter(pl.col("message").is_in(list(found)))) if found else {}
    return report(tables, texts=None if texts is False or (keys and not found) else found, fragments=told, **how)


def _texts(source: Source, keys: list[int], *, needed: bool) -> dict[int, bytes]:
    """Messages by their keys, nothing secret in them; none where the captures are not at hand and not needed."""
    from analyzer.api.message import messages_of

    try:
        return (
            {message.row["message"]: message.without_secrets for message in messages_of(source, keys)} if keys else {}
        )
    except CaptureChanged:
        raise
    except AnalyzerError:
        if needed:
            raise
        return {}
